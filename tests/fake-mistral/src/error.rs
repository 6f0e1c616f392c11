//! Error answers in the body shapes that api.mistral.ai was seen to give (MISTRAL.md, section 2.4).

use serde_json::{Value, json};

/// A refusal: the HTTP status and the JSON body.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub status: u16,
    pub body: Value,
}

impl ApiError {
    fn object(status: u16, message: impl Into<Value>, kind: &str, code: Option<&str>) -> ApiError {
        let body = json!({
            "object": "error", "message": message.into(), "type": kind, "param": null, "code": code,
            "raw_status_code": status,
        });
        ApiError { status, body }
    }

    pub(crate) fn unauthorized() -> ApiError {
        ApiError { status: 401, body: json!({"detail": "Unauthorized"}) }
    }

    pub(crate) fn not_found() -> ApiError {
        ApiError { status: 404, body: json!({"detail": "Not Found"}) }
    }

    pub(crate) fn method_not_allowed() -> ApiError {
        ApiError { status: 405, body: json!({"detail": "Method Not Allowed"}) }
    }

    /// 422 with one detail (`type`, `loc`, `msg`, `input`) for each wrong field.
    pub(crate) fn fields(details: Vec<Value>) -> ApiError {
        ApiError::object(422, json!({ "detail": details }), "invalid_request_error", None)
    }

    /// Messages in an order, or of a content, that the chat template has no place for.
    pub(crate) fn order(message: impl Into<String>) -> ApiError {
        ApiError::object(400, message.into(), "invalid_request_message_order", Some("3230"))
    }

    /// Ids and names of functions.
    pub(crate) fn call(message: impl Into<String>) -> ApiError {
        ApiError::object(400, message.into(), "invalid_function_call", Some("3280"))
    }

    pub(crate) fn model(id: &str) -> ApiError {
        ApiError::object(400, format!("Invalid model: {id}"), "invalid_model", Some("1500"))
    }

    /// Arguments of the request that fit the schema and still make no sense to the model asked.
    pub(crate) fn arguments(message: impl Into<String>) -> ApiError {
        ApiError::object(400, message.into(), "invalid_request_invalid_args", Some("3051"))
    }

    /// 400 with code null, as for an assistant message that says nothing.
    pub(crate) fn request(message: impl Into<String>) -> ApiError {
        ApiError::object(400, message.into(), "invalid_request_error", None)
    }

    pub(crate) fn rate_limited(message: &str) -> ApiError {
        ApiError::object(429, message, "rate_limited", Some("1300"))
    }

    pub(crate) fn internal(message: &str) -> ApiError {
        ApiError::object(500, message, "internal_server_error", None)
    }

    pub(crate) fn server(status: u16, message: &str) -> ApiError {
        ApiError::object(status, message, "server_error", None)
    }

    /// The script has no turn for this request. Not Mistral's: a mistake of the test, said so that no client retries.
    pub(crate) fn script_over(n: usize) -> ApiError {
        let message = format!("fake-mistral: the script is over, it has no turn for chat request {}", n + 1);
        ApiError::object(400, message, "fake_script_over", None)
    }

    /// What the error says, in one line, for a test's own messages.
    pub fn message(&self) -> String {
        match &self.body["message"] {
            Value::String(text) => text.clone(),
            Value::Null => self.body["detail"].as_str().unwrap_or_default().to_owned(),
            details => details.to_string(),
        }
    }
}
