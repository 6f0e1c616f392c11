//! File names as a model reads them: one a line, whatever is in them.

/// A name with a newline, an escape or a letter that turns the text around is written as a JSON string, which a model
/// can send back as it is.
pub(crate) fn shown(name: &str) -> String {
    if !name.contains(is_deceptive) {
        return name.to_owned();
    }
    let mut shown = String::from("\"");
    for letter in name.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            '"' | '\\' => shown.extend(['\\', letter]),
            // None of them is beyond four digits.
            letter if is_deceptive(letter) => shown.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => shown.push(letter),
        }
    }
    shown.push('"');
    shown
}

/// Control characters, line separators, and the directions of Unicode's bidirectional algorithm (UAX 9).
fn is_deceptive(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_one_line_and_can_be_sent_back() {
        assert_eq!(shown("日本 語/é.txt"), "日本 語/é.txt");
        assert_eq!(shown("back\\slash \"q\""), "back\\slash \"q\"");
        for name in ["a\nb", "\u{1b}[31m\"red\"\\", "tab\t\u{9b}", "evil\u{202e}txt"] {
            let shown = shown(name);
            assert!(!shown.contains(is_deceptive), "{shown}");
            assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), name);
        }
    }
}
