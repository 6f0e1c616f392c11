//! Whether the messages are a conversation: roles in order, something said, each call answered once (400).

use std::collections::HashSet;

use serde_json::Value;

use super::tools::{check_name, function_names, list};
use crate::error::ApiError;
use crate::models::ModelCard;

pub(super) fn check(body: &Value, card: &ModelCard) -> Result<(), ApiError> {
    let messages = list(&body["messages"]);
    let Some(last) = messages.last() else {
        return Err(ApiError::order("Conversation must have at least one message"));
    };
    let functions = function_names(body);
    let mut before: Option<&str> = None;
    let mut owed = Owed::default();
    let mut used_ids = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let role = role(message);
        check_transition(before, role)?;
        check_content(message, card)?;
        match role {
            "assistant" => {
                owed.settle()?;
                if message["prefix"] == true && index + 1 < messages.len() {
                    return Err(ApiError::order("Assistant message with prefix True must be last message"));
                }
                let calls = list(&message["tool_calls"]);
                for call in calls {
                    check_call(call, &functions)?;
                }
                owed = Owed::by(calls, &mut used_ids)?;
            }
            "tool" => owed.answer(message)?,
            _ => {}
        }
        before = Some(role);
    }
    check_last(last)?;
    owed.settle()
}

fn role(message: &Value) -> &str {
    message["role"].as_str().unwrap_or_default()
}

fn check_transition(before: Option<&str>, role: &str) -> Result<(), ApiError> {
    let allowed: &[&str] = match before {
        None => &["system", "user"],
        Some("system" | "user") => &["system", "user", "assistant"],
        Some("assistant") => &["assistant", "user", "tool"],
        // Newer servers let a user speak here; until at least December 2025 the API did not.
        Some(_) => &["tool", "assistant"],
    };
    match before {
        _ if allowed.contains(&role) => Ok(()),
        None => Err(ApiError::order(format!("Expected first role User or System but got {role}"))),
        Some(before) => Err(ApiError::order(format!("Unexpected role '{role}' after role '{before}'"))),
    }
}

fn check_last(last: &Value) -> Result<(), ApiError> {
    let role = role(last);
    // Mistral's validator lets a final system message pass, against its own words; no agent has a reason to send one.
    if matches!(role, "user" | "tool") || (role == "assistant" && last["prefix"] == true) {
        return Ok(());
    }
    Err(ApiError::order(format!(
        "Expected last role User or Tool (or Assistant with prefix) for serving but got {role}"
    )))
}

fn check_content(message: &Value, card: &ModelCard) -> Result<(), ApiError> {
    let role = role(message);
    let content = &message["content"];
    let says_nothing = match content {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        chunks => list(chunks).is_empty(),
    };
    if role == "assistant" && says_nothing && list(&message["tool_calls"]).is_empty() {
        let text = "Assistant message must have either content or tool_calls, but not none.";
        return Err(ApiError::request(text));
    }
    if role != "assistant" && content.is_null() {
        return Err(ApiError::request(format!("Content must not be null in a message of role {role}")));
    }
    for chunk in list(content) {
        let kind = chunk["type"].as_str().unwrap_or_default();
        let allowed = match (role, kind) {
            (_, "text") => true,
            ("user", "image_url" | "input_audio") => true,
            ("assistant" | "system", "thinking") => card.reasons(),
            _ => false,
        };
        if !allowed {
            return Err(ApiError::request(format!(
                "Content chunk of type {kind} is not allowed in a message of role {role}"
            )));
        }
    }
    Ok(())
}

fn check_call(call: &Value, functions: &[&str]) -> Result<(), ApiError> {
    check_id(call["id"].as_str())?;
    let function = &call["function"];
    let name = function["name"].as_str().unwrap_or_default();
    check_name(name)?;
    if !functions.is_empty() && !functions.contains(&name) {
        return Err(ApiError::call(format!("Function '{name}' was called but is not in tools")));
    }
    let arguments = match &function["arguments"] {
        Value::String(text) if text.trim().is_empty() => return Ok(()),
        Value::String(text) => serde_json::from_str(text)
            .map_err(|error| ApiError::call(format!("Arguments of function '{name}' are not JSON: {error}")))?,
        other => other.clone(),
    };
    if !arguments.is_object() {
        return Err(ApiError::call(format!("Arguments of function '{name}' are not a JSON object")));
    }
    Ok(())
}

fn check_id(id: Option<&str>) -> Result<(), ApiError> {
    let Some(id) = id.filter(|&id| id != "null") else {
        return Err(ApiError::call("Tool call id has to be defined in serving mode."));
    };
    if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(ApiError::call(format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.")))
}

/// The calls of the last assistant message, and which of them have their result.
#[derive(Default)]
struct Owed<'a> {
    called: Vec<&'a str>,
    answered: HashSet<&'a str>,
}

impl<'a> Owed<'a> {
    fn by(calls: &'a [Value], used_ids: &mut HashSet<&'a str>) -> Result<Owed<'a>, ApiError> {
        let called: Vec<&str> = calls.iter().filter_map(|call| call["id"].as_str()).collect();
        if let Some(id) = called.iter().find(|&&id| !used_ids.insert(id)) {
            return Err(ApiError::call(format!("Duplicate tool call id {id} in assistant message")));
        }
        Ok(Owed { called, answered: HashSet::new() })
    }

    fn answer(&mut self, message: &'a Value) -> Result<(), ApiError> {
        if let Some(name) = message["name"].as_str() {
            check_name(name)?;
        }
        check_id(message["tool_call_id"].as_str())?;
        let id = message["tool_call_id"].as_str().unwrap_or_default();
        if !self.called.contains(&id) {
            return Err(ApiError::order(format!("Unexpected tool call id {id} in tool results")));
        }
        if !self.answered.insert(id) {
            return Err(ApiError::order(format!("Duplicate tool call id {id} in tool results")));
        }
        Ok(())
    }

    fn settle(&self) -> Result<(), ApiError> {
        if self.answered.len() == self.called.len() {
            return Ok(());
        }
        Err(ApiError::order("Not the same number of function calls and responses"))
    }
}
