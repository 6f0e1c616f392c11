//! Looks for secrets in what is about to be published, and says where one is, never what. Pure but for [`of_environment`].
//!
//! Three ways: the values of our own environment (also written backwards, in hex or base64), the formats that keys are
//! known by, and what looks random enough to be one.

mod formats;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) use self::formats::kind_of;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub(crate) struct Found {
    /// A file's path, or which text: `commit message`, `pull request`.
    pub(crate) place: String,
    /// From 1.
    pub(crate) line: usize,
    /// What kind of secret, or the name of the variable that holds it.
    pub(crate) what: String,
    /// For `--allow-secret`, should it be none. A secret of our own environment has none.
    pub(crate) fingerprint: Option<String>,
}

/// Variables whose value is a secret, by the words of their name between the `_`: `DB_PASSWORD`, `KEY_ID`, `GH_TOKEN`.
const TELLING: &[&str] = &[
    "KEY",
    "APIKEY",
    "TOKEN",
    "TOKENS",
    "SECRET",
    "SECRETS",
    "PASS",
    "PASSWD",
    "PASSWORD",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "AUTH",
    "AUTHORIZATION",
    "COOKIE",
    "PRIVATE",
    "PWD",
    "DSN",
    "WEBHOOK",
];
/// Words of a name that are written together with what they belong to: `PGPASSWORD`, `ACCESSTOKEN`.
const TELLING_ENDS: &[&str] = &["APIKEY", "ACCESSKEY", "SECRETKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD"];
/// Shorter values stand in any text by chance.
const SHORTEST: usize = 8;
/// A value of this environment, in all the ways that it is looked for.
struct Needle {
    name: String,
    forms: Vec<Vec<u8>>,
}

/// What is looked for.
pub(crate) struct Scanner {
    needles: Vec<Needle>,
    /// Fingerprints that somebody vouched for.
    allowed: BTreeSet<String>,
}

/// The values of our environment that look like secrets, by name and value. `always`: names that are, however they look.
/// `vouched`: names that are none, of the others.
pub(crate) fn of_environment(always: &[String], vouched: &[String]) -> Vec<(String, String)> {
    let ours =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    ours.filter(|(name, value)| is_secret(name, value.trim(), always, vouched)).collect()
}

fn is_secret(name: &str, value: &str, always: &[String], vouched: &[String]) -> bool {
    // What a local server is given for a key is no secret, and stands in many a text.
    if value.len() < SHORTEST {
        return false;
    }
    if always.iter().any(|other| other == name) {
        return true;
    }
    if vouched.iter().any(|other| other == name) {
        return false;
    }
    // A path to a secret is none, nor is a switch.
    let harmless = value.starts_with('/') || value.parse::<f64>().is_ok();
    let upper = name.to_uppercase();
    // A name of a variable with a key in it.
    let is_name = upper.starts_with("AGENT_") && upper.ends_with("_ENV");
    let tells = |word: &str| TELLING.contains(&word) || TELLING_ENDS.iter().any(|end| word.ends_with(end));
    let telling = !is_name && upper.split(|c: char| !c.is_ascii_alphanumeric()).any(tells);
    !harmless && (telling || kind_of(value).is_some())
}

/// Whether a text holds a key of a known kind: then it is hidden from the model where git ignores it. Stricter than a
/// scan: hiding what only looks like a key would break builds, whose caches are full of digests.
pub(crate) fn holds_key(text: &str) -> bool {
    formats::may_be_certain(text) && text.lines().any(formats::is_certain)
}

impl Scanner {
    pub(crate) fn new(secrets: Vec<(String, String)>, allowed: &[String]) -> Scanner {
        let needles = secrets.into_iter().map(|(name, value)| Needle { forms: forms(value.trim()), name }).collect();
        Scanner { needles, allowed: allowed.iter().cloned().collect() }
    }

    /// The name of a variable whose value is somewhere in these bytes.
    pub(crate) fn leak(&self, bytes: &[u8]) -> Option<&str> {
        let leaks = |needle: &&Needle| needle.forms.iter().any(|form| contains(bytes, form));
        self.needles.iter().find(leaks).map(|needle| needle.name.as_str())
    }

    /// Every secret of a text, of which only the lines count that `is_new`.
    pub(crate) fn scan(&self, place: &str, text: &[u8], is_new: impl Fn(&[u8]) -> bool) -> Vec<Found> {
        let mut found = Vec::new();
        let at = |line: usize, what: &str, fingerprint| Found {
            place: place.to_owned(),
            line,
            what: what.to_owned(),
            fingerprint,
        };
        for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
            if !is_new(line) {
                continue;
            }
            if let Some(name) = self.leak(line) {
                found.push(at(number, &format!("the value of {name}"), None));
                continue;
            }
            let line = String::from_utf8_lossy(line);
            for (what, secret) in formats::find(&line) {
                let fingerprint = fingerprint(secret);
                if !self.allowed.contains(&fingerprint) {
                    found.push(at(number, what, Some(fingerprint)));
                }
            }
        }
        // One that is broken over lines, or in a binary file.
        if found.is_empty()
            && let Some(name) = self.leak(&joined(text, &is_new))
        {
            found.push(at(1, &format!("the value of {name}, in pieces"), None));
        }
        found
    }
}

/// The new lines without white space and the marks that join text in programs.
fn joined(text: &[u8], is_new: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| is_new(line));
    let glue = |byte: &u8| byte.is_ascii_whitespace() || br#""'`+,\"#.contains(byte);
    lines.flatten().filter(|byte| !glue(byte)).copied().collect()
}

/// A value as it is, and as somebody writes it who wants it not to be seen.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let percent = bytes.iter().map(|byte| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    let json = serde_json::Value::from(value).to_string();
    let mut forms = vec![
        bytes.to_vec(),
        bytes.iter().rev().copied().collect(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        percent.collect::<String>().into_bytes(),
        json.trim_matches('"').as_bytes().to_vec(),
    ];
    // Inside of something longer its base64 begins at one of three places; the ends depend on the neighbours.
    for (before, begin) in [(0, 0), (1, 2), (2, 3)] {
        let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            let end = encoded.len().saturating_sub(2);
            forms.extend(encoded.as_bytes().get(begin..end).filter(|form| SHORTEST <= form.len()).map(<[u8]>::to_vec));
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && memchr::memmem::find(bytes, part).is_some()
}

/// Tells one secret from another and nothing about it.
fn fingerprint(secret: &str) -> String {
    let digest = digest(&SHA256, secret.as_bytes());
    digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

impl Found {
    /// Somewhere in a file.
    pub(crate) fn value_of(name: &str, place: &str) -> Found {
        Found { place: place.to_owned(), line: 1, what: format!("the value of {name}"), fingerprint: None }
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}: {}", self.place, self.line, self.what)?;
        match &self.fingerprint {
            Some(fingerprint) => write!(formatter, " (fingerprint {fingerprint})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "tok-3b9f!xQ72";

    fn scanner() -> Scanner {
        Scanner::new(vec![("FORGE_TOKEN".to_owned(), TOKEN.to_owned())], &[])
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = scanner().scan("a.txt", text.as_bytes(), |_| true);
        assert!(found.iter().all(|found| !found.to_string().contains(TOKEN)));
        let found: Vec<String> = found.iter().map(|found| format!("{}:{}", found.line, found.what)).collect();
        assert_eq!(found.join("; "), expected, "{text}");
    }

    #[test]
    fn a_value_of_our_environment_is_seen_however_it_is_written() {
        let reversed: String = TOKEN.chars().rev().collect();
        let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
        for form in [TOKEN.to_owned(), reversed, hex.clone(), hex.to_uppercase(), "tok-3b9f%21xQ72".to_owned()] {
            check(&format!("one\nsay {form} twice"), "2:the value of FORGE_TOKEN");
        }
        for around in ["", "x", "ab", "abc"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{around}{TOKEN}{around}"));
            check(&encoded, "1:the value of FORGE_TOKEN");
        }
        check("\"tok-3b\" +\n  \"9f!xQ72\"", "1:the value of FORGE_TOKEN, in pieces");
        check("tok-3b9f", "");
    }

    #[test]
    fn only_new_lines_count() {
        let found = scanner().scan("a", format!("old {TOKEN}\nnew").as_bytes(), |line| !line.starts_with(b"old"));
        assert_eq!(found, []);
    }

    #[test]
    fn a_false_alarm_can_be_vouched_for_by_its_fingerprint_and_our_own_secrets_cannot() {
        let key = format!("AKIA{}", "ABCDEFGH23456723");
        let found = scanner().scan("a", key.as_bytes(), |_| true);
        let fingerprint = found[0].fingerprint.clone().unwrap();
        let allowing =
            Scanner::new(vec![("T".to_owned(), TOKEN.to_owned())], &[fingerprint, super::fingerprint(TOKEN)]);
        assert_eq!(allowing.scan("a", key.as_bytes(), |_| true), []);
        assert_eq!(allowing.scan("a", TOKEN.as_bytes(), |_| true).len(), 1);
    }

    #[test]
    fn what_is_hidden_is_a_key_without_a_doubt() {
        for secret in [
            format!("{{\"token\": \"ghp_{}\"}}", "a1B2".repeat(9)),
            format!("-----BEGIN {}-----\nMIIE", "PRIVATE KEY"),
            format!("url=postgres://app:{}@db/x", "hunter22"),
        ] {
            assert!(holds_key(&format!("one\n{secret}\ntwo")), "{secret}");
        }
        for plain in [
            "kX9vQ2mZ7rT4wB8nL3pD6sF1gH5j",
            "api_key = 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "https://registry.npmjs.org/ AKIA sk- the -----BEGIN CERTIFICATE-----",
        ] {
            assert!(!holds_key(plain), "{plain}");
        }
    }

    #[test]
    fn which_variables_hold_secrets() {
        let vouched = ["TEST_PASSWORD", "MISTRAL_API_KEY"].map(str::to_owned);
        let check = |name: &str, value: &str, expected: bool| {
            assert_eq!(is_secret(name, value, &["MISTRAL_API_KEY".to_owned()], &vouched), expected, "{name}={value}");
        };
        check("MISTRAL_API_KEY", "/looks/like/a/path", true);
        check("MISTRAL_API_KEY", "none", false);
        check("DB_PASSWORD", "hunter2hunter2", true);
        check("PGPASSWORD", "hunter2hunter2", true);
        check("npm_config__auth", "hunter2hunter2", true);
        check("TEST_PASSWORD", "postgres", false);
        check("SSH_AUTH_SOCK", "/run/user/1000/ssh", false);
        check("GITHUB_RUN_ATTEMPT_TOKEN_COUNT", "123456789", false);
        check("GIT_AUTHOR_EMAIL", "ann@example.org", false);
        check("CI_AUTHOR_TOKEN", "hunter2hunter2", true);
        check("AGENT_API_KEY_ENV", "MISTRAL_API_KEY", false);
        // Words that only hold one of ours.
        for name in
            ["KEYBOARD_LAYOUT", "TESTS_PASSED", "BYPASS_PROXY", "COMPASS_URL", "AUTHORITY", "MONKEY", "KEYCLOAK_URL"]
        {
            check(name, "something", false);
        }
        check("PATH", "/usr/bin:/bin", false);
        check("HOSTNAME", "runner-x1234567", false);
        check("INNOCENT", &format!("ghp_{}", "a1B2".repeat(9)), true);
    }
}
