//! The layer of a session that goes on: the same model at the same address, whatever the settings have become.

use providers::Address;
use session::Served;

use super::{Config, Layer, MISTRAL_KEY};

impl Config {
    /// Weaker than flags, stronger than all else. An address goes with the name of its key: neither the code nor a key
    /// is sent anywhere new unless a flag says so.
    pub(crate) fn with_session(mut self, served: &Served) -> Config {
        let elsewhere = self.layers.first().is_some_and(|(_, flags)| flags.base_url.is_some());
        let mut layer = Layer { model: Some(served.model.clone()), ..Layer::default() };
        if !elsewhere {
            layer.base_url.clone_from(&served.base_url);
            layer.api_key_env.clone_from(&served.api_key_env);
            let address = served.base_url.as_deref().and_then(|url| Address::parse(url).ok());
            // Older versions sent this one anywhere, and wrote it down as if somebody had named it.
            if layer.api_key_env.as_deref() == Some(MISTRAL_KEY)
                && !address.is_some_and(|address| address.is_mistral() || address.is_loopback())
            {
                layer.api_key_env = None;
            }
        }
        self.layers.insert(1, ("session".to_owned(), layer));
        self
    }
}
