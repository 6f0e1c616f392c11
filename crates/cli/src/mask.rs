//! Values that are never shown, whoever says them: on stderr, and in the events on stdout.
//!
//! A model does not know them. Should one come to it by some way that nobody thought of, it stops here.

use std::borrow::Cow;
use std::sync::OnceLock;

static HIDDEN: OnceLock<Vec<String>> = OnceLock::new();

/// For the rest of the process; the first call counts.
pub(crate) fn hide(values: impl IntoIterator<Item = String>) {
    // Shorter ones stand in any text by chance.
    HIDDEN.get_or_init(|| values.into_iter().filter(|value| 6 <= value.len()).collect());
}

pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    mask(text, HIDDEN.get().map(Vec::as_slice).unwrap_or_default())
}

fn mask<'t>(text: &'t str, hidden: &[String]) -> Cow<'t, str> {
    let mut text = Cow::Borrowed(text);
    for value in hidden.iter().filter(|value| !value.is_empty()) {
        if text.contains(value.as_str()) {
            text = Cow::Owned(text.replace(value.as_str(), "***"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_taken_out() {
        let hidden = ["token-1".to_owned(), "key-2".to_owned()];
        assert_eq!(mask("a token-1 b key-2token-1", &hidden), "a *** b ******");
        assert!(matches!(mask("nothing", &hidden), Cow::Borrowed("nothing")));
    }
}
