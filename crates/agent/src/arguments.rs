//! A call's arguments: from what the model wrote to a tool's typed `Args`.
//!
//! Repairs only where one reading is possible, and says so; otherwise the model
//! is told where it broke. What goes back into history is always a JSON object
//! (llama.cpp answers 500 to anything else, MISTRAL.md 7.11).

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clip::Clipped;
use crate::repair::repair;
use crate::schema;

/// What is wrong with arguments that were cut for it.
pub(crate) const REPEATED: &str = "they repeated themselves and were cut off";

/// Arguments as recorded in the transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arguments {
    Object(Map<String, Value>),
    /// Not a JSON object, and not repaired. `why` says where it broke.
    Broken {
        raw: Clipped,
        why: String,
    },
}

impl Arguments {
    /// Reads what the model wrote.
    pub fn read(raw: &str) -> Arguments {
        if raw.trim().is_empty() {
            return Arguments::Object(Map::new());
        }
        let why = match serde_json::from_str(raw) {
            Ok(Value::Object(object)) => return Arguments::Object(object),
            // Some models encode the object twice.
            Ok(Value::String(inner)) if inner.trim_start().starts_with('{') => return Arguments::read(&inner),
            Ok(other) => format!("they are {}, not a JSON object", kind(&other)),
            Err(error) => match repair(raw) {
                Some(object) => return Arguments::Object(object),
                None if error.is_eof() => "they are cut off; send less at once".to_owned(),
                None => format!("they are not valid JSON: {error}{}", excerpt(raw, &error)),
            },
        };
        Arguments::Broken { raw: Clipped::to(raw, 2_000), why }
    }

    /// The JSON object that goes back into history.
    pub fn as_json(&self) -> Cow<'_, str> {
        match self {
            Arguments::Object(object) => Cow::Owned(Value::Object(object.clone()).to_string()),
            Arguments::Broken { raw, .. } => Cow::Owned(json!({"invalid_json": raw.as_str()}).to_string()),
        }
    }

    /// A string argument, for a line on the terminal.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self {
            Arguments::Object(object) => object.get(name).and_then(Value::as_str),
            Arguments::Broken { .. } => None,
        }
    }
}

/// The tool's own arguments, with a line for the model where its were read
/// otherwise than it wrote them; or what is wrong with them.
pub(crate) fn typed<Args: DeserializeOwned + JsonSchema>(
    tool: &str,
    arguments: &Arguments,
) -> Result<(Args, String), String> {
    let mut object = match arguments {
        Arguments::Object(object) => object.clone(),
        Arguments::Broken { why, .. } => {
            let next = if why == REPEATED {
                "Do not send it again: create repetitive text with `run_command` and a loop, such as \
                 `for i in $(seq 500); do echo 0; done > FILE`."
            } else {
                "Send the call again."
            };
            return Err(format!("`{tool}` did not run: bad arguments, {why}. {next}"));
        }
    };
    let (_, parameters) = schema::of::<Args>();
    let known: Vec<&str> = match parameters.get("properties") {
        Some(Value::Object(properties)) => properties.keys().map(String::as_str).collect(),
        Some(_) | None => Vec::new(),
    };
    let required: Vec<&str> = match parameters.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    };
    let note = rename_the_only_stranger(&mut object, &known, &required);
    loosen(&mut object, &parameters);

    let unknown: Vec<&String> = object.keys().filter(|key| !known.contains(&key.as_str())).collect();
    let missing: Vec<&&str> = required.iter().filter(|name| !object.contains_key(**name)).collect();
    if unknown.is_empty() && missing.is_empty() {
        return match serde_json::from_value(Value::Object(object)) {
            Ok(args) => Ok((args, note)),
            Err(error) => Err(format!("`{tool}` did not run: {error}. {}", usage(tool, &known, &required))),
        };
    }
    let mut wrong = Vec::new();
    for name in unknown {
        wrong.push(format!("unknown argument `{name}`"));
    }
    for name in missing {
        wrong.push(format!("missing `{name}`"));
    }
    Err(format!("`{tool}` did not run: {}. {}", wrong.join(", "), usage(tool, &known, &required)))
}

/// One unknown name and one missing: they can only be the same. Small models write `path` for `filename`.
fn rename_the_only_stranger(object: &mut Map<String, Value>, known: &[&str], required: &[&str]) -> String {
    let unknown: Vec<String> = object.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
    let missing: Vec<&str> = required.iter().filter(|name| !object.contains_key(**name)).copied().collect();
    let ([stranger], [wanted]) = (unknown.as_slice(), missing.as_slice()) else { return String::new() };
    let Some(value) = object.shift_remove(stranger) else { return String::new() };
    object.insert((*wanted).to_owned(), value);
    format!("(`{stranger}` was read as `{wanted}`.)\n")
}

/// `"5"` for 5, 5 for `"5"` and `null` for nothing have one reading each.
fn loosen(object: &mut Map<String, Value>, parameters: &Value) {
    object.retain(|_, value| !value.is_null());
    for (name, value) in object.iter_mut() {
        let wanted = parameters.pointer(&format!("/properties/{name}/type")).and_then(Value::as_str);
        let number = value.as_str().and_then(|text| text.trim().parse::<u64>().ok());
        if let (Some("integer"), Some(number)) = (wanted, number) {
            *value = Value::from(number);
        }
        if let (Some("string"), Some(number)) = (wanted, value.as_u64()) {
            *value = Value::from(number.to_string());
        }
        if let (Some("integer"), Some(number)) = (wanted, value.as_f64())
            && number.fract() == 0.0
            && (0.0..9e15).contains(&number)
        {
            *value = Value::from(number as u64);
        }
    }
}

fn usage(tool: &str, known: &[&str], required: &[&str]) -> String {
    let names: Vec<String> = known
        .iter()
        .map(|name| if required.contains(name) { (*name).to_owned() } else { format!("{name}?") })
        .collect();
    format!("Usage: {tool}({}).", names.join(", "))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The text just before the place where it broke.
fn excerpt(raw: &str, error: &serde_json::Error) -> String {
    let Some(line) = raw.lines().nth(error.line().saturating_sub(1)) else { return String::new() };
    let end = line.floor_char_boundary(error.column().min(line.len()));
    let start = line.ceil_char_boundary(end.saturating_sub(40));
    match line.get(start..end) {
        Some(near) if !near.trim().is_empty() => format!(", after `{near}`"),
        Some(_) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its Debug form is looked at")]
    struct Args {
        command: String,
        timeout_seconds: Option<u64>,
    }

    #[track_caller]
    fn check(raw: &str, expected: Expect) {
        let read = typed::<Args>("run_command", &Arguments::read(raw));
        expected.assert_eq(&match read {
            Ok((args, note)) => format!("{note}{args:?}"),
            Err(why) => why,
        });
    }

    #[test]
    fn right_arguments() {
        check(r#"{"command":"ls"}"#, expect![[r#"Args { command: "ls", timeout_seconds: None }"#]]);
        check(
            r#"{"command":"ls","timeout_seconds":null}"#,
            expect![[r#"Args { command: "ls", timeout_seconds: None }"#]],
        );
    }

    #[test]
    fn numbers_in_other_clothes() {
        check(
            r#"{"command":"ls","timeout_seconds":"5"}"#,
            expect![[r#"Args { command: "ls", timeout_seconds: Some(5) }"#]],
        );
        check(
            r#"{"command":"ls","timeout_seconds":5.0}"#,
            expect![[r#"Args { command: "ls", timeout_seconds: Some(5) }"#]],
        );
    }

    #[test]
    fn a_number_for_words() {
        check(r#"{"command":5}"#, expect![[r#"Args { command: "5", timeout_seconds: None }"#]]);
    }

    #[test]
    fn one_unknown_for_one_missing_is_the_same() {
        check(
            r#"{"cmd":"ls"}"#,
            expect![[r#"
                (`cmd` was read as `command`.)
                Args { command: "ls", timeout_seconds: None }"#]],
        );
    }

    #[test]
    fn unknown_and_missing_are_named_with_the_right_ones() {
        check(
            r#"{"command":"ls","timeout":5}"#,
            expect![
                "`run_command` did not run: unknown argument `timeout`. Usage: run_command(command, timeout_seconds?)."
            ],
        );
        check(
            "",
            expect!["`run_command` did not run: missing `command`. Usage: run_command(command, timeout_seconds?)."],
        );
        check(
            r#"{"command":["ls"]}"#,
            expect![
                "`run_command` did not run: invalid type: sequence, expected a string. Usage: run_command(command, \
                 timeout_seconds?)."
            ],
        );
    }

    #[test]
    fn what_is_no_object_is_told_where_it_broke() {
        check(
            r#"["ls"]"#,
            expect![
                "`run_command` did not run: bad arguments, they are an array, not a JSON object. Send the call again."
            ],
        );
        check(
            r#"{"command":"echo "hi""}"#,
            expect![[
                r#"`run_command` did not run: bad arguments, they are not valid JSON: expected `,` or `}` at line 1 column 19, after `{"command":"echo "h`. Send the call again."#
            ]],
        );
    }

    #[test]
    fn history_is_always_an_object() {
        assert_eq!(Arguments::read("[1").as_json(), r#"{"invalid_json":"[1"}"#);
        assert_eq!(Arguments::read(r#""{\"command\":\"ls\"}""#).as_json(), r#"{"command":"ls"}"#);
    }
}
