//! Keys that this process knows, kept out of everything that it writes: terminal, events, session files, outputs, pages.
//!
//! Reading a key from the environment is what hides it ([`read_key`]), and the writers of the program mask by
//! themselves, so no caller can forget either. What a tool does is never changed: files and commands get what the model
//! wrote. Only accounts of it are masked.

mod stream;

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};

pub use self::stream::{MaskStream, MaskWriter};

/// What is shown in place of a key.
pub const MASK: &str = "***";

/// Shorter values are in any text by chance.
const SHORTEST: usize = 8;

/// Local servers ask for any key, and their manuals suggest these. Hiding such a word would only garble text.
const PLACEHOLDERS: &[&str] = &[
    "lm-studio",          // LM Studio, "OpenAI compatibility"
    "sk-no-key-required", // llama.cpp, tools/server/README.md
    "not-needed",         // LM Studio and LangChain examples
    "no-key-required",
    "placeholder",
];

static KEYS: RwLock<Option<Arc<Keys>>> = RwLock::new(None);

/// All keys so far.
#[derive(Debug)]
pub(crate) struct Keys {
    keys: Vec<String>,
    /// Each key as it is, as JSON and as HTML write it.
    forms: Vec<String>,
    search: AhoCorasick,
}

/// The key in this environment variable, trimmed; `None` if it is unset or blank. From now on it is masked.
pub fn read_key(variable: &str) -> Option<String> {
    let key = std::env::var(variable).ok()?.trim().to_owned();
    hide(&key);
    Some(key).filter(|key| !key.is_empty())
}

/// Masks this key for the rest of the process.
pub fn hide(key: &str) {
    let key = key.trim();
    if key.len() < SHORTEST || PLACEHOLDERS.contains(&key) {
        return;
    }
    let mut known = KEYS.write().unwrap_or_else(PoisonError::into_inner);
    let mut keys = known.as_ref().map(|known| known.keys.clone()).unwrap_or_default();
    if !keys.iter().any(|other| other == key) {
        keys.push(key.to_owned());
        *known = Keys::new(keys).map(Arc::new);
    }
}

/// The text with [`MASK`] in place of each known key.
pub fn masked(text: &str) -> Cow<'_, str> {
    known().map_or(Cow::Borrowed(text), |keys| keys.masked(text))
}

/// As [`masked`], for bytes that need not be text.
pub fn masked_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    match known().filter(|keys| keys.search.is_match(bytes)) {
        Some(keys) => Cow::Owned(keys.replace(bytes)),
        None => Cow::Borrowed(bytes),
    }
}

pub(crate) fn known() -> Option<Arc<Keys>> {
    KEYS.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Keys {
    /// `None` if the keys are too many to be searched for, which takes gigabytes of them.
    fn new(keys: Vec<String>) -> Option<Keys> {
        let mut forms: Vec<String> = keys.iter().flat_map(|key| [key.clone(), as_json(key), as_html(key)]).collect();
        forms.sort_unstable();
        forms.dedup();
        // One key may be the start of another: the longest counts.
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms).ok()?;
        Some(Keys { keys, forms, search })
    }

    fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.search.is_match(text) {
            return Cow::Borrowed(text);
        }
        let masks = vec![MASK; self.forms.len()];
        Cow::Owned(self.search.replace_all(text, &masks))
    }

    pub(crate) fn replace(&self, bytes: &[u8]) -> Vec<u8> {
        let masks = vec![MASK; self.forms.len()];
        self.search.replace_all_bytes(bytes, &masks)
    }

    /// How many bytes are settled whatever comes next: a key may go on at the end, and a longer one may follow a whole one.
    pub(crate) fn settled(&self, bytes: &[u8]) -> usize {
        let starts = |form: &String| {
            let most = bytes.len().min(form.len().saturating_sub(1));
            (1..=most).rev().find(|count| bytes.ends_with(form.as_bytes().get(..*count).unwrap_or_default()))
        };
        let unfinished = self.forms.iter().filter_map(starts).max().unwrap_or_default();
        let settled = bytes.len() - unfinished;
        let across = self.search.find_iter(bytes).find(|found| found.start() < settled && settled < found.end());
        across.map_or(settled, |found| found.start())
    }
}

fn as_json(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    for character in key.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

fn as_html(key: &str) -> String {
    key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Keys {
        Keys::new(keys.iter().map(|key| (*key).to_owned()).collect()).unwrap()
    }

    #[test]
    fn every_key_is_masked_and_the_longest_counts() {
        let keys = keys(&["token-123", "token-123-and-more", r#"with "quotes" & more"#]);
        assert_eq!(keys.masked("a token-123 b token-123token-123-and-more"), "a *** b ******");
        assert_eq!(keys.masked(r#"{"said":"with \"quotes\" & more"}"#), r#"{"said":"***"}"#);
        assert_eq!(keys.masked("<p>with &quot;quotes&quot; &amp; more</p>"), "<p>***</p>");
        assert!(matches!(keys.masked("nothing"), Cow::Borrowed("nothing")));
    }

    #[test]
    fn short_values_and_placeholders_are_no_keys() {
        for word in ["ollama", "lm-studio", " EMPTY ", "", "sk-no-key-required"] {
            hide(word);
            assert_eq!(masked(word), word);
        }
        hide(" key-of-the-first-server\n");
        hide("key-of-the-second-server");
        assert_eq!(masked("key-of-the-first-server, key-of-the-second-server"), "***, ***");
        assert_eq!(masked_bytes(b"\xff key-of-the-first-server").as_ref(), b"\xff ***");
    }
}
