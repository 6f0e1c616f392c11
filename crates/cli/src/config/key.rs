//! Which key may go to which server. The variable of Mistral's key is for Mistral and for this machine; any other server
//! gets the key that somebody named for it, and no other.

use providers::Address;

use super::Config;

pub(crate) const MISTRAL_KEY: &str = "MISTRAL_API_KEY";

/// Variables that hold a key of ours, whatever this command needs.
const USUAL: [&str; 5] = [MISTRAL_KEY, "GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "FORGEJO_TOKEN"];

/// Masks the keys that are known before any file is read. Others are masked as they are read: those of a configuration
/// when it is loaded, those of a session when it is opened.
pub(crate) fn hide_usual_keys() {
    let named = std::env::var("AGENT_API_KEY_ENV").ok();
    for variable in USUAL.into_iter().chain(named.as_deref()) {
        mask::read_key(variable);
    }
}

impl Config {
    /// The variable whose key goes to this address. `None`: no key goes there.
    pub(crate) fn api_key_env(&self, address: &Address) -> Option<String> {
        let default = (address.is_mistral() || address.is_loopback()).then(|| MISTRAL_KEY.to_owned());
        self.named_key().or(default)
    }

    /// All variables that hold a key, whichever server they are for.
    pub(crate) fn key_variables(&self) -> Vec<String> {
        let named = self.layers.iter().filter_map(|(_, layer)| layer.api_key_env.clone());
        named.chain([MISTRAL_KEY.to_owned()]).collect()
    }

    /// A name in a weaker place than the address was meant for another address.
    fn named_key(&self) -> Option<String> {
        for (_, layer) in &self.layers {
            if layer.api_key_env.is_some() || layer.base_url.is_some() {
                return layer.api_key_env.clone();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;

    fn layer(base_url: Option<&str>, key: Option<&str>) -> (String, Layer) {
        let text = |text: Option<&str>| text.map(str::to_owned);
        (String::new(), Layer { base_url: text(base_url), api_key_env: text(key), ..Layer::default() })
    }

    #[track_caller]
    fn check(layers: &[(Option<&str>, Option<&str>)], expected: Option<&str>) {
        let mut config = Config::for_demo(Layer::default());
        config.layers = layers.iter().map(|(url, key)| layer(*url, *key)).collect();
        let address = Address::parse(&config.base_url().unwrap_or_else(|| providers::MISTRAL_URL.to_owned())).unwrap();
        assert_eq!(config.api_key_env(&address).as_deref(), expected, "{layers:?}");
    }

    #[test]
    fn a_key_goes_only_where_it_was_named_for() {
        let (other, corp) = (Some("https://other.example/v1"), Some("https://corp.example/v1"));
        check(&[(None, None)], Some(MISTRAL_KEY));
        check(&[(Some("https://eu.api.mistral.ai/v1"), None)], Some(MISTRAL_KEY));
        check(&[(Some("http://127.0.0.1:8080/v1"), None)], Some(MISTRAL_KEY));
        check(&[(None, Some("MINE"))], Some("MINE"));
        check(&[(other, None)], None);
        check(&[(Some("https://notmistral.ai/v1"), None)], None);
        check(&[(other, Some("OTHER"))], Some("OTHER"));
        check(&[(other, Some(MISTRAL_KEY))], Some(MISTRAL_KEY));
        // The flag names an address, the file a key for its own.
        check(&[(other, None), (corp, Some("CORP"))], None);
        check(&[(Some("https://api.mistral.ai/v1"), None), (corp, Some("CORP"))], Some(MISTRAL_KEY));
        check(&[(Some("http://localhost/v1"), None), (corp, Some("CORP"))], Some(MISTRAL_KEY));
        // The flag names a key for the address of the file.
        check(&[(None, Some("OTHER")), (corp, Some("CORP"))], Some("OTHER"));
        check(&[(None, None), (corp, Some("CORP"))], Some("CORP"));
    }
}
