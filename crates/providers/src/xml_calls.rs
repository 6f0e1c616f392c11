//! Reads calls as Qwen3-Coder and its relatives write them:
//! `<function=name><parameter=key>value</parameter></function>`. Pure.

use agent::RawCall;
use serde_json::{Map, Value};

pub(crate) const OPEN: &str = "<function=";

/// The call at the start of `text`, and what follows it.
pub(crate) fn call(text: &str) -> Option<(RawCall, &str)> {
    let (name, mut left) = text.strip_prefix(OPEN)?.split_once('>')?;
    if !name.trim().chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter)) {
        return None;
    }
    let mut arguments = Map::new();
    loop {
        left = left.trim_start();
        if let Some(left) = left.strip_prefix("</function>") {
            let name = name.trim().to_owned();
            return (!name.is_empty())
                .then(|| (RawCall { name, arguments: Value::Object(arguments).to_string() }, left));
        }
        let (key, after) = left.strip_prefix("<parameter=")?.split_once('>')?;
        let (value, after) = after.split_once("</parameter>")?;
        // The line breaks around a value are the format's. Its type is the tool's to know.
        let value = value.strip_prefix('\n').unwrap_or(value);
        let value = value.strip_suffix('\n').unwrap_or(value);
        arguments.insert(key.trim().to_owned(), Value::from(value));
        left = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_calls_only() {
        let text = "<function=create_file>\n<parameter=filename>\na.py\n</parameter>\n<parameter=content>\n\nif a < b:\n  \"x\"\n</parameter>\n</function>\n</tool_call>";
        let (call, left) = call(text).unwrap();
        assert_eq!(call.name, "create_file");
        assert_eq!(call.arguments, r#"{"filename":"a.py","content":"\nif a < b:\n  \"x\""}"#);
        assert_eq!(left, "\n</tool_call>");
        assert_eq!(super::call("<function=<parameter=a></function>"), None);
        for cut in [0, 5, 20, 60, 100] {
            assert_eq!(super::call(text.get(..cut).unwrap()), None);
        }
    }
}
