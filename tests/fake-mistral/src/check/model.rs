//! Whether the model asked for exists, lives, and has room (400, 404, 422).

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::models::{Life, ModelCard};

pub(super) fn check<'a>(body: &Value, models: &'a [ModelCard]) -> Result<&'a ModelCard, ApiError> {
    let name = body["model"].as_str().unwrap_or_default();
    let card = models.iter().find(|card| card.answers_to(name)).ok_or_else(|| ApiError::model(name))?;
    match card.life {
        Life::Retired => return Err(ApiError::not_found()),
        Life::Served => {}
    }
    let context = card.max_context_length;
    let room = body["max_tokens"].as_f64().unwrap_or_default();
    if room >= context as f64 {
        let message = format!("Input should be less than {context}");
        let detail = json!({"type": "less_than", "loc": ["body", "max_tokens"], "msg": message,
            "input": body["max_tokens"]});
        return Err(ApiError::fields(vec![detail]));
    }
    // Four bytes a token: code has fewer, so what is refused here is too long for the real tokenizer too.
    let tokens = (text_bytes(&body["messages"]) + text_bytes(&body["tools"])) as u64 / 4;
    if tokens > context {
        let message =
            format!("Prompt contains {tokens} tokens, too large for model with {context} maximum context length");
        return Err(ApiError::arguments(message));
    }
    match body["reasoning_effort"].as_str() {
        Some(_) if !card.reasons() => {
            return Err(ApiError::arguments("reasoning_effort is not supported for this model"));
        }
        Some(effort) if !card.efforts.contains(&effort) => {
            return Err(ApiError::arguments(format!("reasoning_effort {effort} is not supported for this model")));
        }
        Some(_) | None => {}
    }
    Ok(card)
}

/// The text in a value, names of fields included.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(text_bytes).sum(),
        Value::Object(fields) => fields.iter().map(|(name, inner)| name.len() + text_bytes(inner)).sum(),
    }
}
