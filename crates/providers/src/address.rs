//! Where a server is, as people write it, and what may be sent there. Pure.

use agent::{ChatError, ChatErrorKind};
use url::{Host, Url};

/// A base URL, understood.
#[derive(Clone, Debug)]
pub struct Address {
    /// Without a query, and without a slash at its end.
    base: Url,
    /// Goes with every request: Azure's `api-version`, for one.
    query: Option<String>,
}

impl Address {
    /// Takes what people paste: a bare host gets `/v1`, and the path of a request is cut off.
    pub fn parse(base_url: &str) -> Result<Address, ChatError> {
        let bad = |why: &str| ChatError {
            message: format!("invalid base URL: {why}"),
            hint: Some("it looks like http://127.0.0.1:8080/v1".to_owned()),
            kind: ChatErrorKind::Refused,
        };
        let mut base = Url::parse(base_url.trim()).map_err(|error| bad(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(bad("it must start with http:// or https://"));
        }
        let query = base.query().filter(|query| !query.is_empty()).map(str::to_owned);
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/chat/completions").or_else(|| path.strip_suffix("/models")).unwrap_or(path);
        let path = match path.trim_end_matches('/') {
            "" => "/v1".to_owned(),
            path => path.to_owned(),
        };
        base.set_path(&path);
        Ok(Address { base, query })
    }

    /// Of one kind of request, with the base URL's query.
    pub(crate) fn of(&self, request: &str) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}/{request}{query}", self.base)
    }

    /// For a human and for messages: without user name, password and query, which may be secret.
    pub fn shown(&self) -> String {
        self.without_user().as_str().to_owned()
    }

    /// For a session file, from which it is used again: without user name and password.
    pub fn kept(&self) -> String {
        let mut url = self.without_user();
        url.set_query(self.query.as_deref());
        url.as_str().to_owned()
    }

    fn without_user(&self) -> Url {
        let mut url = self.base.clone();
        // Both fail only for addresses without a host, and those were refused.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url
    }

    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    pub(crate) fn uses_tls(&self) -> bool {
        self.base.scheme() == "https"
    }

    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// Mistral's own servers: mistral.ai and what is below it.
    pub fn is_mistral(&self) -> bool {
        self.host() == "mistral.ai" || self.host().ends_with(".mistral.ai")
    }

    /// Secrets in the address itself: a password, and values of the query that are named like keys.
    pub fn secrets(&self) -> Vec<String> {
        let telling = |name: &str| {
            let name = name.to_lowercase();
            ["key", "token", "secret", "sig", "password", "code"].iter().any(|word| name.contains(word))
        };
        let query = self.query.as_deref().unwrap_or_default();
        // As written, not decoded: it is as written that it would be shown.
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let values = pairs.filter(|(name, _)| telling(name)).map(|(_, value)| value.to_owned());
        self.base.password().map(str::to_owned).into_iter().chain(values).collect()
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_as_people_paste_them() {
        for (given, models) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/models"),
            (" HTTP://127.0.0.1:8080// ", "http://127.0.0.1:8080/v1/models"),
            ("http://h/v1/chat/completions/", "http://h/v1/models"),
            ("http://h/v1/models", "http://h/v1/models"),
            ("http://me:pw@h/openai/v1/#x", "http://me:pw@h/openai/v1/models"),
            ("https://h/deployments/d?api-version=2024-10-21", "https://h/deployments/d/models?api-version=2024-10-21"),
            ("https://h/v1/chat/completions?a=1&b=2", "https://h/v1/models?a=1&b=2"),
            ("https://h?", "https://h/v1/models"),
        ] {
            assert_eq!(Address::parse(given).unwrap().of("models"), models, "{given}");
        }
        for bad in ["", "127.0.0.1:8080", "ftp://x/v1", "localhost:8080", "http://"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_and_what_is_kept() {
        let address = Address::parse("https://me:pass-word@h/v1?api-version=1&api-key=abc").unwrap();
        assert_eq!(
            (address.shown().as_str(), address.kept().as_str()),
            ("https://h/v1", "https://h/v1?api-version=1&api-key=abc")
        );
        assert_eq!(address.secrets(), ["pass-word", "abc"]);
    }

    #[test]
    fn who_is_mistral_and_who_is_this_machine() {
        let is = |url: &str| {
            let address = Address::parse(url).unwrap();
            (address.is_mistral(), address.is_loopback())
        };
        for url in ["https://api.mistral.ai/v1", "https://mistral.ai", "https://EU.API.Mistral.ai/v1"] {
            assert_eq!(is(url), (true, false), "{url}");
        }
        for url in [
            "https://notmistral.ai/v1",
            "https://mistral.ai.example/v1",
            "https://example/mistral.ai",
            "http://10.0.0.1/v1",
        ] {
            assert_eq!(is(url), (false, false), "{url}");
        }
        for url in [
            "http://localhost:1/v1",
            "http://127.1.2.3/v1",
            "http://[::1]/v1",
            "http://0.0.0.0:1",
            "http://a.localhost",
        ] {
            assert_eq!(is(url), (false, true), "{url}");
        }
    }
}
