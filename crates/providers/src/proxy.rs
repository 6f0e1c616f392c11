//! Which proxy the environment names for a server. `reqwest` reads the same variables with the same code; it tells
//! nobody which one it took, nor that it could not read one.

use agent::{ChatError, ChatErrorKind};
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::address::{Address, is_loopback};

/// The proxy that requests go through.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// Without its password.
    pub(crate) shown: String,
    pub(crate) is_loopback: bool,
}

impl Proxy {
    /// `Err`: a variable that counts for this server is no address of a proxy.
    pub(crate) fn of(address: &Address) -> Result<Option<Proxy>, ChatError> {
        if address.is_loopback() {
            return Ok(None);
        }
        check(address, |name| std::env::var(name).ok())?;
        let Ok(uri) = address.of("models").parse() else { return Ok(None) };
        let Some(intercept) = Matcher::from_system().intercept(&uri) else { return Ok(None) };
        let Ok(mut url) = Url::parse(&intercept.uri().to_string()) else { return Ok(None) };
        // Both fail only for addresses without a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let shown = url.as_str().trim_end_matches('/').to_owned();
        Ok(Some(Proxy { is_loopback: is_loopback(&url), shown }))
    }
}

/// The first variable that is set counts; where it cannot be read, the request would go out directly, without a word.
fn check(address: &Address, variable: impl Fn(&str) -> Option<String>) -> Result<(), ChatError> {
    let names = match address.uses_tls() {
        true => ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        false => ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let set = names.iter().find_map(|name| Some((name, variable(name).filter(|value| !value.trim().is_empty())?)));
    let Some((name, value)) = set else { return Ok(()) };
    let Ok(anywhere) = "http://a.example/".parse() else { return Ok(()) };
    if Matcher::builder().all(value).build().intercept(&anywhere).is_some() {
        return Ok(());
    }
    // Its value may hold a password.
    Err(ChatError {
        message: format!("cannot use the proxy in ${name}: it is not an address"),
        hint: Some(format!("write it like {name}=http://proxy.example:3128, or unset it")),
        kind: ChatErrorKind::Refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_value_is_named_where_it_counts() {
        let tell = |url: &str, set: &[(&str, &str)]| {
            let value = |name: &str| set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
            check(&Address::parse(url).unwrap(), value).err().map(|error| error.message)
        };
        let broken = Some("cannot use the proxy in $http_proxy: it is not an address".to_owned());
        assert_eq!(tell("http://h/v1", &[("http_proxy", "not a url at all")]), broken);
        assert_eq!(tell("https://h/v1", &[("http_proxy", "not a url at all")]), None);
        for good in ["http://127.0.0.1:8899", "127.0.0.1:8899", "http://me:p%23w@proxy:1", "socks5h://h:1", "", " "] {
            assert_eq!(tell("http://h/v1", &[("http_proxy", good)]), None, "{good}");
        }
    }
}
