//! How the model is spoken to, where somebody chose it.

use providers::{Effort, Profile};

use crate::config::Config;
use crate::hint::Hint as _;

impl Config {
    pub(crate) fn effort(&self) -> Option<Effort> {
        self.pick(|layer| layer.effort)
    }

    /// The same with another effort.
    pub(crate) fn with_effort(&self, effort: Effort) -> Config {
        let mut config = self.clone();
        if let Some((_, strongest)) = config.layers.first_mut() {
            strongest.effort = Some(effort);
        }
        config
    }

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
