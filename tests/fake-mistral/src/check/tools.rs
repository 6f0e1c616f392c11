//! Whether the tools offered, and the choice among them, make sense (400).

use serde_json::Value;

use super::json_schema::problem;
use crate::error::ApiError;

/// DOCS, known limitations.
const MOST_TOOLS: usize = 128;

pub(super) fn check(body: &Value) -> Result<(), ApiError> {
    let tools = list(&body["tools"]);
    if tools.len() > MOST_TOOLS {
        return Err(ApiError::call(format!("Too many tools: {} > {MOST_TOOLS}", tools.len())));
    }
    let names = function_names(body);
    for (index, name) in names.iter().enumerate() {
        check_name(name)?;
        if names.iter().take(index).any(|earlier| earlier == name) {
            return Err(ApiError::call(format!("Duplicate function name {name} in tools")));
        }
    }
    for parameters in tools.iter().filter_map(|tool| tool.pointer("/function/parameters")) {
        if let Some(problem) = problem(parameters) {
            return Err(ApiError::call(format!("Invalid tool schema: {problem}")));
        }
        if parameters["type"] != "object" {
            return Err(ApiError::call("Invalid tool schema: the top-level type is not 'object'"));
        }
    }
    check_choice(body, tools, &names)?;
    check_format(body, tools)
}

/// Names of functions offered, called or answered.
pub(super) fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ApiError::call(format!(
        "Function name was {name} but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64."
    )))
}

pub(super) fn function_names(body: &Value) -> Vec<&str> {
    list(&body["tools"]).iter().filter_map(|tool| tool.pointer("/function/name")?.as_str()).collect()
}

/// An array's items; none for null or a missing field.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn check_choice(body: &Value, tools: &[Value], names: &[&str]) -> Result<(), ApiError> {
    match &body["tool_choice"] {
        Value::String(choice) if matches!(choice.as_str(), "any" | "required") && tools.is_empty() => {
            Err(ApiError::call(format!("Tool choice '{choice}' needs tools")))
        }
        Value::Object(choice) => {
            let name = choice.get("function").and_then(|function| function["name"].as_str()).unwrap_or_default();
            if names.contains(&name) {
                return Ok(());
            }
            Err(ApiError::call(format!("Tool choice names '{name}', which is not in tools")))
        }
        _ => Ok(()),
    }
}

fn check_format(body: &Value, tools: &[Value]) -> Result<(), ApiError> {
    let format = &body["response_format"];
    let kind = format["type"].as_str().unwrap_or("text");
    if kind == "json_schema" && format["json_schema"].is_null() {
        return Err(ApiError::arguments("response_format json_schema needs a json_schema"));
    }
    let choice = &body["tool_choice"];
    let free = choice.is_null() || choice == "auto" || choice == "none";
    if kind != "text" && !tools.is_empty() && !free {
        return Err(ApiError::arguments(format!("response_format {kind} with tools needs tool_choice auto or none")));
    }
    Ok(())
}
