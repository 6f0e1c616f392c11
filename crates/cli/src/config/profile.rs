//! How the model is spoken to, where somebody chose it.

use providers::Profile;

use crate::config::Config;
use crate::hint::Hint as _;

impl Config {
    /// `None` where nobody chose one.
    pub(crate) fn profile(&self) -> anyhow::Result<Option<&'static Profile>> {
        let Some(name) = self.pick(|layer| layer.profile.clone()) else { return Ok(None) };
        let names = || providers::profiles().map(|profile| profile.name).collect::<Vec<_>>().join(", ");
        match Profile::named(&name) {
            Some(profile) => Ok(Some(profile)),
            None => Err(anyhow::anyhow!("unknown profile `{name}`")).hint(format!("there are {}", names())),
        }
    }
}
