//! The arguments of a call that its title does not say. Pure.

use agent::{Arguments, ToolCall};
use serde_json::Value;

use crate::human;

/// Names and values, strings as they are. A title of more than `width` bytes or several lines counts as not said.
pub(super) fn unsaid(call: &ToolCall, width: usize) -> Vec<(&str, String)> {
    let object = match &call.arguments {
        Arguments::Object(object) => object,
        Arguments::Broken { raw, .. } => return vec![("not JSON", raw.as_str().to_owned())],
    };
    let title = human::title(call);
    let said = |value: &str| !value.contains('\n') && title.len() < width && title.ends_with(value);
    let mut left = Vec::new();
    for (name, value) in object {
        match value {
            Value::String(text) if said(text) => (),
            Value::String(text) => left.push((name.as_str(), text.clone())),
            other => left.push((name.as_str(), other.to_string())),
        }
    }
    left
}
