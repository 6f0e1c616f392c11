//! Mends JSON that models write, where only one reading is possible.
//!
//! Raw control characters inside strings, backslashes that escape nothing,
//! fences around, text after, a comma before a closing bracket. It never guesses
//! quotes and never closes what was cut: half a file must not be written
//! (CRATES.md 2: what the repair crates do to `"content"`).

use serde_json::{Map, Value};

/// The object, if mending leads to exactly one.
pub(crate) fn repair(raw: &str) -> Option<Map<String, Value>> {
    let start = raw.find('{')?;
    let (before, rest) = raw.split_at(start);
    if !is_wrapping(before) {
        return None;
    }
    let mended = mend(rest)?;
    match serde_json::from_str(&mended) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) | Err(_) => None,
    }
}

/// What may stand before the object: nothing, or the start of a fence.
fn is_wrapping(before: &str) -> bool {
    matches!(before.trim(), "" | "```" | "```json" | "[ARGS]")
}

/// The first whole object with its strings mended; `None` if it does not end,
/// or if another object follows, for then it is not clear which was meant.
fn mend(rest: &str) -> Option<String> {
    let mut mended = String::with_capacity(rest.len() + 16);
    let mut characters = rest.char_indices().peekable();
    let mut depth = 0_usize;
    let mut in_string = false;
    while let Some((at, character)) = characters.next() {
        match (in_string, character) {
            (true, '\\') => {
                let next = characters.peek().map(|(_, next)| *next)?;
                let escapes = match next {
                    '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => true,
                    'u' => {
                        rest.get(at + 2..at + 6).is_some_and(|hex| hex.chars().all(|digit| digit.is_ascii_hexdigit()))
                    }
                    _ => false,
                };
                // JSON has no `\'`, and it can only mean the quote itself.
                if next == '\'' {
                    continue;
                }
                mended.push('\\');
                if escapes {
                    mended.push(next);
                    characters.next();
                } else {
                    mended.push('\\');
                }
            }
            (true, '\n') => mended.push_str("\\n"),
            (true, '\r') => mended.push_str("\\r"),
            (true, '\t') => mended.push_str("\\t"),
            (true, control) if control.is_control() && control.is_ascii() => {
                mended.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            (_, '"') => {
                in_string = !in_string;
                mended.push('"');
            }
            (false, '{' | '[') => {
                depth += 1;
                mended.push(character);
            }
            (false, '}' | ']') => {
                let kept = mended.trim_end().trim_end_matches(',').len();
                mended.truncate(kept);
                mended.push(character);
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    let after = rest.get(at + character.len_utf8()..).unwrap_or_default();
                    return if after.contains('{') { None } else { Some(mended) };
                }
            }
            (true | false, other) => mended.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: Option<&str>) {
        let repaired = repair(raw).map(|object| Value::Object(object).to_string());
        assert_eq!(repaired.as_deref(), expected, "{raw}");
    }

    #[test]
    fn raw_line_ends_and_tabs_in_strings() {
        check("{\"content\": \"a\n\tb\"}", Some(r#"{"content":"a\n\tb"}"#));
    }

    #[test]
    fn backslashes_that_escape_nothing() {
        check(r#"{"pattern": "\d+\.\w"}"#, Some(r#"{"pattern":"\\d+\\.\\w"}"#));
        check(r#"{"path": "C:\Users\x"}"#, Some(r#"{"path":"C:\\Users\\x"}"#));
        check(r#"{"pattern": "\d\n"}"#, Some(r#"{"pattern":"\\d\n"}"#));
    }

    #[test]
    fn an_escaped_single_quote_is_the_quote() {
        check(r#"{"command": "echo \'a b\' > n.txt"}"#, Some(r#"{"command":"echo 'a b' > n.txt"}"#));
        check(r#"{"command": "grep \'\d\' \\'x"}"#, Some(r#"{"command":"grep '\\d' \\'x"}"#));
    }

    #[test]
    fn fences_and_trailing_prose() {
        check("```json\n{\"a\": \"x\n\"}\n```\nThat should do.", Some(r#"{"a":"x\n"}"#));
        check("{\"a\": 1} I hope this helps.", Some(r#"{"a":1}"#));
        check("{\"a\": 1}<|im_end|>", Some(r#"{"a":1}"#));
    }

    #[test]
    fn trailing_commas() {
        check(r#"{"a": [1, 2, ], }"#, Some(r#"{"a":[1,2]}"#));
    }

    #[test]
    fn what_has_two_readings_is_left_alone() {
        check(r#"{"content": "print("hi")"}"#, None);
        check(r#"{"content": "cut off he"#, None);
        check(r#"{"a": {"b": 1}"#, None);
        check(r#"{"a": 1} {"a": 2}"#, None);
        check("Sure! {\"a\": 1", None);
    }
}
