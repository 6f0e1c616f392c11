//! Finds the words for a human in an error body. Pure.
//!
//! The shapes are those of MISTRAL.md 2.4 and of the OpenAI-compatible servers:
//! `message` may be a string or an object, `detail` a string or a list.

use serde_json::Value;

/// The most of a server's words that are repeated.
const CHARS: usize = 500;

/// What the server says went wrong, on one line. Empty if it says nothing.
pub(crate) fn of_body(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(value) => of_value(&value),
        Err(_) => excerpt(body),
    }
}

pub(crate) fn of_value(value: &Value) -> String {
    let words = words(value);
    if words.is_empty() { one_line(&value.to_string()) } else { one_line(&words) }
}

/// The beginning of a text that should have been JSON; of a page only its title.
pub(crate) fn excerpt(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let is_page = ["<!doctype html", "<html", "<head"].iter().any(|tag| lower.trim_start().starts_with(tag));
    if !is_page {
        return one_line(text);
    }
    let title = lower.find("<title>").zip(lower.find("</title>"));
    match title.and_then(|(start, end)| text.get(start + "<title>".len()..end)) {
        Some(title) => format!("an HTML page titled `{}`", one_line(title)),
        None => "an HTML page".to_owned(),
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(item).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; "),
        Value::Object(object) => ["error", "message", "detail", "errors", "msg"]
            .iter()
            .filter_map(|key| object.get(*key))
            .map(words)
            .find(|text| !text.is_empty())
            .unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// `{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}` is `body.seed: Extra inputs ...`.
fn item(value: &Value) -> String {
    let said = words(value);
    let place: Vec<String> = match value.get("loc") {
        Some(Value::Array(steps)) => {
            steps.iter().map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect()
        }
        Some(_) | None => Vec::new(),
    };
    if place.is_empty() { said } else { format!("{}: {said}", place.join(".")) }
}

/// White space folded, control characters gone, bounded.
fn one_line(text: &str) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean: String = folded.chars().filter(|letter| !letter.is_control()).take(CHARS + 1).collect();
    match clean.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}...", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Expect) {
        expected.assert_eq(&of_body(body));
    }

    #[test]
    fn shapes_of_mistral() {
        check(
            r#"{"object":"error","message":"Expected last role User or Tool","type":"invalid_request_message_order","param":null,"code":"3230","raw_status_code":400}"#,
            expect!["Expected last role User or Tool"],
        );
        check(r#"{"detail":"Unauthorized"}"#, expect!["Unauthorized"]);
        check(
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":8192}]},"type":"invalid_request_error","code":null}"#,
            expect!["body.max_completion_tokens: Extra inputs are not permitted"],
        );
        check(
            r#"{"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required"},{"loc":["body","x"],"msg":"No"}]}"#,
            expect!["body.messages.0.role: Field required; body.x: No"],
        );
        check(r#"{"object":"Error","detail":[],"message":["a","b"],"code":3001}"#, expect!["a; b"]);
    }

    #[test]
    fn shapes_of_others() {
        check(
            r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#,
            expect!["tools param requires --jinja flag"],
        );
        check(r#"{"error":"model 'x' not found"}"#, expect!["model 'x' not found"]);
        check(r#"[{"error":{"message":"API key not valid"}}]"#, expect!["API key not valid"]);
        check(r#"{"code":42}"#, expect![[r#"{"code":42}"#]]);
    }

    #[test]
    fn not_json() {
        check("upstream\n connect\u{1b}[31m error", expect!["upstream connect[31m error"]);
        check(
            "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>...</body></html>",
            expect!["an HTML page titled `502 Bad Gateway`"],
        );
        check("<html><body>", expect!["an HTML page"]);
        check("", expect![""]);
        assert_eq!(of_body(&"x".repeat(9_999)).len(), CHARS + 3);
    }
}
