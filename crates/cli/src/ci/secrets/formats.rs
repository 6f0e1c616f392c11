//! What secrets look like: the formats that their issuers publish, and what is too random to be a word. Pure.

/// A known beginning, what the rest consists of, and how long the rest is at least.
struct Format {
    what: &'static str,
    begin: &'static str,
    rest: Rest,
    least: usize,
}

#[derive(Clone, Copy)]
enum Rest {
    /// Letters and digits.
    Word,
    /// Letters, digits, `_`, `-` and `.`.
    Url,
    /// Capitals and digits.
    Upper,
    Hex,
}

const fn format(what: &'static str, begin: &'static str, rest: Rest, least: usize) -> Format {
    Format { what, begin, rest, least }
}

/// From the issuers' own documentation of their token formats. Longer beginnings first.
const FORMATS: &[Format] = &[
    format("a GitHub token", "github_pat_", Rest::Url, 22),
    format("a GitHub token", "ghp_", Rest::Word, 30),
    format("a GitHub token", "gho_", Rest::Word, 30),
    format("a GitHub token", "ghu_", Rest::Word, 30),
    format("a GitHub token", "ghs_", Rest::Word, 30),
    format("a GitHub token", "ghr_", Rest::Word, 30),
    format("a GitLab token", "glpat-", Rest::Url, 18),
    format("a GitLab token", "gldt-", Rest::Url, 18),
    format("a GitLab token", "glrt-", Rest::Url, 18),
    format("a GitLab token", "glcbt-", Rest::Url, 18),
    format("a GitLab token", "glptt-", Rest::Url, 18),
    format("an AWS access key", "AKIA", Rest::Upper, 16),
    format("an AWS access key", "ASIA", Rest::Upper, 16),
    format("a Google API key", "AIza", Rest::Url, 35),
    format("a Google OAuth token", "ya29.", Rest::Url, 20),
    format("an Anthropic key", "sk-ant-", Rest::Url, 20),
    format("an OpenAI key", "sk-proj-", Rest::Url, 20),
    format("an API key", "sk-", Rest::Word, 32),
    format("a Stripe key", "sk_live_", Rest::Word, 16),
    format("a Stripe key", "rk_live_", Rest::Word, 16),
    format("a Stripe key", "whsec_", Rest::Word, 24),
    format("a Slack token", "xoxb-", Rest::Url, 20),
    format("a Slack token", "xoxp-", Rest::Url, 20),
    format("a Slack token", "xoxa-", Rest::Url, 20),
    format("a Slack token", "xapp-", Rest::Url, 20),
    format("an npm token", "npm_", Rest::Word, 36),
    format("a PyPI token", "pypi-AgEI", Rest::Url, 40),
    format("a Hugging Face token", "hf_", Rest::Word, 30),
    format("a Docker token", "dckr_pat_", Rest::Url, 20),
    format("a DigitalOcean token", "dop_v1_", Rest::Hex, 40),
    format("a SendGrid key", "SG.", Rest::Url, 40),
    format("a Shopify token", "shpat_", Rest::Hex, 32),
    format("a Linear key", "lin_api_", Rest::Word, 30),
    format("an age key", "AGE-SECRET-KEY-1", Rest::Upper, 40),
    format("a Vault token", "hvs.", Rest::Url, 20),
    format("a JSON web token", "eyJhbGciOi", Rest::Url, 40),
];

/// A random text of this length is no word; a shorter one could be.
const RANDOM_LENGTH: usize = 28;
/// Bits a character, of 64 possible ones. English prose in camel case has less than 3.9.
const RANDOM_BITS: f64 = 4.2;
/// Of hexadecimal digits, which have at most 4. Only beside a telling name: digests look the same.
const HEX_LENGTH: usize = 32;

/// Names that something secret is given to.
const GIVEN_TO: &[&str] = &["secret", "token", "passw", "api_key", "apikey", "api-key", "private_key", "credential"];

/// Every secret on a line, with what it is.
pub(super) fn find(line: &str) -> Vec<(&'static str, &str)> {
    let mut found = Vec::new();
    if is_private_key(line) {
        found.push(("a private key", line));
    }
    found.extend(logins(line).map(|login| ("a password in a URL", login)));
    let lower = line.to_lowercase();
    let telling = GIVEN_TO.iter().any(|name| lower.contains(name));
    for word in line.split(|c: char| !is_part(c)).filter(|word| 12 < word.len()) {
        if let Some(what) = kind_of(word) {
            found.push((what, word));
        } else if is_random(word) || telling && is_random_hex(word) {
            found.push(("something that looks like a key", word));
        }
    }
    found
}

/// Whether there is a secret on a line without a doubt: what only looks random may be a digest.
pub(super) fn is_certain(line: &str) -> bool {
    is_private_key(line)
        || logins(line).next().is_some()
        || line.split(|c: char| !is_part(c)).any(|word| 12 < word.len() && kind_of(word).is_some())
}

/// Whether [`is_certain`] can be true of some line of it: asked first, since it is quick.
pub(super) fn may_be_certain(text: &str) -> bool {
    text.contains("PRIVATE KEY") || text.contains("://") || FORMATS.iter().any(|format| text.contains(format.begin))
}

fn is_private_key(line: &str) -> bool {
    line.contains("-----BEGIN ") && line.contains("PRIVATE KEY")
}

/// Of a text that begins with a known format.
pub(crate) fn kind_of(text: &str) -> Option<&'static str> {
    let fits = |format: &&Format| {
        // Also after a name, as in `token=ghp_...`, which is one word here.
        text.match_indices(format.begin).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let rest = text.get(at + format.begin.len()..).unwrap_or_default();
            let rest = rest.chars().take_while(|c| format.rest.has(*c)).count();
            before.is_none_or(|before| !before.is_ascii_alphanumeric()) && format.least <= rest
        })
    };
    FORMATS.iter().find(fits).map(|format| format.what)
}

impl Rest {
    fn has(self, c: char) -> bool {
        match self {
            Rest::Word => c.is_ascii_alphanumeric(),
            Rest::Url => c.is_ascii_alphanumeric() || "_-.".contains(c),
            Rest::Upper => c.is_ascii_uppercase() || c.is_ascii_digit(),
            Rest::Hex => c.is_ascii_hexdigit(),
        }
    }
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.+/=~".contains(c)
}

/// Each `scheme://user:password@host`; a variable or a placeholder is no password.
fn logins(line: &str) -> impl Iterator<Item = &str> {
    line.split("://").skip(1).filter_map(|rest| {
        let address = rest.split(|c: char| c.is_whitespace() || "\"'`<>)/".contains(c)).next()?;
        let (login, _) = address.rsplit_once('@')?;
        let (_, password) = login.split_once(':')?;
        let made_up = ["password", "pass", "secret", "token", "pw", "xxx", "changeme", "example"];
        let is_open = password.contains(['$', '{', '*', '%']) || made_up.contains(&password.to_lowercase().as_str());
        (3 < password.len() && !is_open).then_some(login)
    })
}

fn is_random(word: &str) -> bool {
    // The name before `=` is no part of it.
    word.split('=').filter(|part| RANDOM_LENGTH <= part.len()).any(|part| {
        let kinds: [fn(&char) -> bool; 3] = [char::is_ascii_lowercase, char::is_ascii_uppercase, char::is_ascii_digit];
        let mixed = kinds.iter().all(|kind| 2 < part.chars().filter(kind).count());
        // A name may end in a year; in a key digits stand among the letters.
        let groups = part.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).count();
        // Paths, versions and snake case have many short pieces.
        let longest = part.split(['/', '-', '.', '_']).map(str::len).max().unwrap_or_default();
        mixed && 3 <= groups && 20 <= longest && RANDOM_BITS <= entropy(part)
    })
}

fn is_random_hex(word: &str) -> bool {
    let parts = word.split(['=', '-', '_', '.', '/']);
    parts
        .filter(|part| HEX_LENGTH <= part.len())
        .any(|part| part.chars().all(|c| c.is_ascii_hexdigit()) && 3.0 < entropy(part))
}

/// Shannon's, in bits a character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 128];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = text.len() as f64;
    let bits = counts.iter().filter(|count| 0 < **count).map(|count| {
        let share = f64::from(*count) / length;
        -share * share.log2()
    });
    bits.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let found: Vec<&str> = find(line).into_iter().map(|(what, _)| what).collect();
        assert_eq!(found, expected, "{line}");
    }

    /// Put together here: this file is published too.
    fn join(begin: &str, rest: &str) -> String {
        format!("key = \"{begin}{rest}\"")
    }

    #[test]
    fn known_formats() {
        check(&join("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"), &["a GitHub token"]);
        check(&join("glpat-", "xY3z9Kq_7LmN2pRsT4vW"), &["a GitLab token"]);
        check(&join("AKIA", "IOSFODNN7ABCDEFG"), &["an AWS access key"]);
        check(&join("sk-ant-", "api03-abcdefghijklmnopqrst"), &["an Anthropic key"]);
        check(&join("xoxb-", "123456789012-abcdefghijkl"), &["a Slack token"]);
        check(&format!("-----BEGIN RSA {}-----", "PRIVATE KEY"), &["a private key"]);
        check(&format!("url = https://me:{}@host/x", "hunter22"), &["a password in a URL"]);
        let two = format!("see https://x.example and a://b:{}@c, d://e:{}@f", "hunter22", "hunter23");
        check(&two, &["a password in a URL", "a password in a URL"]);
        check(&format!("TOKEN={}", join("ghs_", &"aB3".repeat(12))), &["a GitHub token"]);
    }

    #[test]
    fn random_text_and_what_only_looks_like_it() {
        let key = "kX9vQ2mZ7rT4wB8nL3pD6sF1gH5j";
        check(&format!("value {key}"), &["something that looks like a key"]);
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        check(&format!("checksum = \"{digest}\""), &[]);
        check(&format!("api_key = \"{digest}\""), &["something that looks like a key"]);
        check("fn a_long_function_name_that_says_what_it_does_2_times(self: &Self)", &[]);
        check("AbstractSingletonProxyFactoryBeanConfigurationReader2024", &[]);
        check("/usr/lib/x86_64-linux-gnu/libsomething.so.6/Another/Path2", &[]);
        check("0199abcd-1234-7def-8123-456789abcdef", &[]);
        check("https://user:password@example.com and postgres://app:$PASS@db/x", &[]);
        check("the sk-learn package, tasks-and-risks, akia", &[]);
    }
}
