//! Where commands may connect to, as the user says it: `on`, `off`,
//! `hosts=a.example,.b.example`. Text and names only; `proxy.rs` acts on it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Network {
    /// Only loopback, and that is the command's own.
    #[default]
    Off,
    /// As with `Off`, and these hosts through a proxy of ours.
    Hosts(Vec<HostRule>),
    On,
}

/// One name of `hosts=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// In small letters, without a dot at either end.
    name: String,
    /// Written with a dot in front: what is below the name, but not the name itself.
    below: bool,
    /// Written with `private:` in front: the name may lead to this machine or its own network.
    private: bool,
}

/// What is wrong with a `--network`. [`NetworkError::hint`] says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    #[error("`{0}` is not on, off or hosts=NAME,NAME")]
    Unknown(String),
    #[error("`hosts=` lists no host")]
    NoHosts,
    #[error("`{0}` is an address; hosts are allowed by name only")]
    Address(String),
    #[error("`{0}` is not a host name")]
    NotAName(String),
    #[error("`{0}` contains `*`")]
    Star(String),
}

impl NetworkError {
    pub fn hint(&self) -> &'static str {
        match self {
            NetworkError::Unknown(_) | NetworkError::NoHosts => {
                "for example hosts=pypi.org,.pythonhosted.org; a leading dot allows all subdomains"
            }
            NetworkError::Address(_) => {
                "give it a name in /etc/hosts and allow that; in your own network: hosts=private:NAME"
            }
            NetworkError::NotAName(_) => "write only the host, without scheme, port or path: hosts=pypi.org",
            NetworkError::Star(_) => "use a leading dot for all subdomains: hosts=.crates.io",
        }
    }
}

const PRIVATE: &str = "private:";

impl Network {
    pub(crate) fn is_on(&self) -> bool {
        match self {
            Network::On => true,
            Network::Off | Network::Hosts(_) => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        match text {
            "on" => Ok(Network::On),
            "off" => Ok(Network::Off),
            _ => {
                let names = text.strip_prefix("hosts=").ok_or_else(|| NetworkError::Unknown(text.to_string()))?;
                let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
                let rules: Vec<HostRule> = names.map(HostRule::parse).collect::<Result<_, _>>()?;
                if rules.is_empty() { Err(NetworkError::NoHosts) } else { Ok(Network::Hosts(rules)) }
            }
        }
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Network, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> String {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Network::Off => f.write_str("off"),
            Network::On => f.write_str("on"),
            Network::Hosts(rules) => write!(f, "hosts={}", list(rules, ",")),
        }
    }
}

pub(crate) fn list(rules: &[HostRule], between: &str) -> String {
    rules.iter().map(HostRule::to_string).collect::<Vec<_>>().join(between)
}

impl HostRule {
    fn parse(text: &str) -> Result<HostRule, NetworkError> {
        let (private, name) = match text.strip_prefix(PRIVATE) {
            Some(name) => (true, name),
            None => (false, text),
        };
        let (below, name) = match name.strip_prefix('.') {
            Some(name) => (true, name),
            None => (false, name),
        };
        if name.contains('*') {
            return Err(NetworkError::Star(text.to_string()));
        }
        if is_address(name) && !name.contains('/') {
            return Err(NetworkError::Address(text.to_string()));
        }
        let plain = |letter: char| letter.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&letter);
        if name.is_empty() || !name.chars().all(plain) || name.split('.').any(str::is_empty) {
            return Err(NetworkError::NotAName(text.to_string()));
        }
        Ok(HostRule { name: name.to_ascii_lowercase(), below, private })
    }

    fn fits(&self, name: &str) -> bool {
        if self.below {
            name.strip_suffix(&self.name).is_some_and(|front| 1 < front.len() && front.ends_with('.'))
        } else {
            name == self.name
        }
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (private, dot) = (if self.private { PRIVATE } else { "" }, if self.below { "." } else { "" });
        write!(f, "{private}{dot}{}", self.name)
    }
}

/// How far a name may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Not to this machine, nor to what is only in its own network.
    Public,
    Anywhere,
}

/// `None`: this host is not allowed. An address never is, in whatever spelling.
pub(crate) fn reach(rules: &[HostRule], host: &str) -> Option<Reach> {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if is_address(&name) {
        return None;
    }
    let fitting: Vec<&HostRule> = rules.iter().filter(|rule| rule.fits(&name)).collect();
    match fitting.iter().any(|rule| rule.private) {
        true => Some(Reach::Anywhere),
        false if fitting.is_empty() => None,
        false => Some(Reach::Public),
    }
}

/// As any resolver would take it: `127.1`, `0x7f000001` and `2130706433` are addresses too. No name ends in a number
/// (WHATWG URL, "ends in a number").
fn is_address(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").is_some_and(|rest| rest.chars().all(|digit| digit.is_ascii_hexdigit()));
    let decimal = !last.is_empty() && last.chars().all(|digit| digit.is_ascii_digit());
    name.contains(':') || name.starts_with('[') || hexadecimal || decimal
}

/// Whether an address is one of the whole internet's. By the registries of special addresses (RFC 6890), and for those
/// that carry an IPv4 address inside by that.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmarks = a == 198 && (b == 18 || b == 19);
    let protocols = a == 192 && b == 0 && c == 0;
    !(a == 0
        || a == 127
        || a >= 224
        || address.is_private()
        || address.is_link_local()
        || shared
        || benchmarks
        || protocols)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, _, _, _, _, high, low] = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    let segments = address.segments();
    // ::/96 and ::ffff:0:0/96; 64:ff9b::/96; 6to4. Teredo and what is reserved fall under 2000::/3 below.
    if segments.starts_with(&[0; 5]) {
        return segments.get(5) == Some(&0xffff) && inner(high, low);
    }
    if first == 0x64 && second == 0xff9b {
        return segments.get(2..6) == Some(&[0; 4]) && inner(high, low);
    }
    match first {
        0x2002 => segments.get(2).is_some_and(|third| inner(second, *third)),
        0x2001 if second < 0x200 || second == 0xdb8 => false,
        first => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, host: &str, expected: Option<Reach>) {
        let Network::Hosts(rules) = text.parse().unwrap() else { panic!("{text}") };
        assert_eq!(reach(&rules, host), expected, "{text} {host}");
    }

    #[test]
    fn names_fit_whole_or_below() {
        check("hosts=a.example,.b.example", "a.example", Some(Reach::Public));
        check("hosts=a.example", "A.Example.", Some(Reach::Public));
        for host in ["b.example", "xb.example", ".b.example", "x.a.example", "a.example.evil", "evil"] {
            check("hosts=a.example,.b.example", host, None);
        }
        check("hosts=.b.example", "x.y.b.example", Some(Reach::Public));
        check("hosts=private:db.example", "db.example", Some(Reach::Anywhere));
    }

    #[test]
    fn addresses_are_no_names() {
        for host in ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::1]", "::1", "1.2.3.4.", "a.example.0x1"] {
            check("hosts=a.example,.example", host, None);
        }
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = text.parse::<Network>().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        check_error("yes", "`yes` is not on, off or hosts=");
        check_error("hosts=", "`hosts=` lists no host");
        check_error("hosts=1.2.3.4", "`1.2.3.4` is an address");
        check_error("hosts=https://a.example", "`https://a.example` is not a host name");
        check_error("hosts=a.example/x", "`a.example/x` is not a host name");
        check_error("hosts=*.a.example", "`*.a.example` contains `*`");
        check_error("hosts=a..b", "`a..b` is not a host name");
    }

    #[test]
    fn it_is_shown_as_it_was_written() {
        for text in ["on", "off", "hosts=a.example,.b.example,private:c.example"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn public_addresses() {
        for address in
            ["1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:0:1::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }
}
