//! Values that are never shown, whoever says them: on stderr, and in the events on stdout.
//!
//! A model does not know them. Should one come to it by some way that nobody thought of, it stops here.

use std::borrow::Cow;
use std::sync::OnceLock;

static HIDDEN: OnceLock<Vec<String>> = OnceLock::new();

/// For the rest of the process; the first call counts.
pub(crate) fn hide(values: impl IntoIterator<Item = String>) {
    // Shorter ones stand in any text by chance.
    HIDDEN.get_or_init(|| in_order(values.into_iter().filter(|value| 6 <= value.len())));
}

/// Each as it is and as JSON writes it; the longest first, since one may be the beginning of another.
fn in_order(values: impl Iterator<Item = String>) -> Vec<String> {
    let both = values.flat_map(|value| {
        let json = serde_json::Value::from(value.as_str()).to_string();
        let escaped = json.get(1..json.len() - 1).unwrap_or_default().to_owned();
        [value, escaped]
    });
    let mut forms: Vec<String> = both.collect();
    forms.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    forms.dedup();
    forms
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
        let hidden =
            in_order(["secret".to_owned(), "secret-and-more".to_owned(), "with \"quotes\"".to_owned()].into_iter());
        assert_eq!(mask("secret-and-more, secret", &hidden), "***, ***");
        let json = serde_json::json!({"said": "it is with \"quotes\""}).to_string();
        assert_eq!(mask(&json, &hidden), r#"{"said":"it is ***"}"#);
        assert!(matches!(mask("nothing", &hidden), Cow::Borrowed("nothing")));
    }
}
