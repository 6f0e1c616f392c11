//! Finds where a JSON value ends that a model wrote by hand. Pure.
//!
//! Strings may hold raw line breaks and wrong escapes: `agent::Arguments` mends those. Nothing is decoded here.

/// The length of the value at the start of `text`, `None` if it does not end.
pub(crate) fn value_len(text: &str) -> Option<usize> {
    match text.as_bytes().first()? {
        b'"' => string_len(text),
        b'{' | b'[' => nested_len(text),
        _ => text.find(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ']' | '}')),
    }
}

/// The fields of the object at the start of `text`, undecoded, and its length.
pub(crate) fn object(text: &str) -> Option<(Vec<(&str, &str)>, usize)> {
    let len = value_len(text)?;
    let mut rest = text.get(..len)?.strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_at_checked(string_len(rest)?)?;
        let after = after.trim_start().strip_prefix(':')?.trim_start();
        let value = value_len(after).unwrap_or(after.len());
        let (value, after) = after.split_at_checked(value)?;
        fields.push((key.trim_matches('"'), value));
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some((fields, len))
}

/// The items of the array at the start of `text`, and its length.
pub(crate) fn array(text: &str) -> Option<(Vec<&str>, usize)> {
    let len = value_len(text)?;
    let mut rest = text.get(..len)?.strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (item, after) = rest.split_at_checked(value_len(rest).unwrap_or(rest.len()))?;
        // A bracket that closes nothing is no item, and would be met for ever.
        if item.is_empty() {
            return None;
        }
        items.push(item);
        let after = after.trim_start();
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
    }
    Some((items, len))
}

fn string_len(text: &str) -> Option<usize> {
    let mut escaped = false;
    let body = text.strip_prefix('"')?;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 2),
            _ => {}
        }
    }
    None
}

fn nested_len(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => {
                at += string_len(text.get(at..)?)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_end() {
        for (text, value) in [
            (r#"{"a": "}\"{", "b": [1, {}]} rest"#, r#"{"a": "}\"{", "b": [1, {}]}"#),
            ("{\"a\": \"one\ntwo\"}\n", "{\"a\": \"one\ntwo\"}"),
            (r#""a\"b" x"#, r#""a\"b""#),
            ("12, 3", "12"),
        ] {
            assert_eq!(value_len(text).and_then(|len| text.get(..len)), Some(value));
        }
        for text in ["{\"a\": 1", "\"a", "", "[1, {]"] {
            assert_eq!(value_len(text), None, "{text}");
        }
    }

    #[test]
    fn fields_and_items() {
        let (fields, _) = object(r#"{"name" : "x", "arguments":{"a":[1,2]}, "n": 3}"#).unwrap();
        assert_eq!(fields, [("name", "\"x\""), ("arguments", "{\"a\":[1,2]}"), ("n", "3")]);
        assert_eq!(object("{}").unwrap().0, []);
        assert_eq!(object("{a: 1}"), None);
        assert_eq!(array("[*[\n2(]2(]"), None);
        assert_eq!(array("[1,,2]"), None);
        assert_eq!(array("[{\"a\":1}, {}]").unwrap().0, ["{\"a\":1}", "{}"]);
    }
}
