//! Answers that are no reply: statuses with the bodies really seen, and raw bytes of a recorded exchange.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::json;

use crate::delivery::Delivery;
use crate::error::ApiError;

/// A status other than 200.
#[derive(Clone, Debug)]
pub struct Fault {
    pub status: u16,
    pub body: FaultBody,
    pub retry_after: RetryAfter,
    pub before_headers: Duration,
}

impl Fault {
    /// `status` with its usual body; 504 has none.
    pub fn status(status: u16) -> Fault {
        let body = if status == 504 { FaultBody::Empty } else { FaultBody::Usual };
        Fault { status, body, retry_after: RetryAfter::Absent, before_headers: Duration::ZERO }
    }

    /// 429 of the key's quota.
    pub fn rate_limited(retry_after: RetryAfter) -> Fault {
        Fault { retry_after, ..Fault::status(429) }
    }

    /// The content type and the text of the body.
    pub(crate) fn content(&self) -> (&'static str, String) {
        const JSON: &str = "application/json";
        let body = match &self.body {
            FaultBody::Usual => self.usual().body.to_string(),
            FaultBody::Other => self.other().to_string(),
            FaultBody::Capacity => {
                ApiError::rate_limited("Service tier capacity exceeded for this model.").body.to_string()
            }
            FaultBody::Empty => return ("text/plain", String::new()),
            FaultBody::Html => {
                let title = format!("{} {}", self.status, reason(self.status));
                let html = format!(
                    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
                );
                return ("text/html", html);
            }
            FaultBody::Verbatim(text) => text.clone(),
        };
        (JSON, body)
    }

    fn usual(&self) -> ApiError {
        match self.status {
            400 => ApiError::request("Bad request"),
            401 => ApiError::unauthorized(),
            404 => ApiError::not_found(),
            422 => ApiError::fields(vec![extra_field()]),
            429 => ApiError::rate_limited("Rate limit exceeded"),
            500 => ApiError::internal("Internal server error"),
            status => ApiError::server(status, reason(status)),
        }
    }

    fn other(&self) -> serde_json::Value {
        match self.status {
            422 => json!({"detail": [extra_field()]}),
            429 => json!({"message": "Requests rate limit exceeded"}),
            status => json!({"message": reason(status), "request_id": "5a1c0ffee0ddba115a1c0ffee0ddba11"}),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultBody {
    /// The shape seen most: `{"object": "error", ..}`, or `{"detail": ..}` for 401 and 404.
    Usual,
    /// The other shape seen: the gateway's `{"message", "request_id"}`, FastAPI's bare `{"detail": [..]}` for 422.
    Other,
    /// 429 because the model is busy, not because the quota is used up.
    Capacity,
    Empty,
    /// A proxy's page.
    Html,
    /// This text, as `application/json`.
    Verbatim(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    Absent,
    Seconds(u64),
    /// An HTTP date so long after the answer (whole seconds, as HTTP dates are).
    Date(Duration),
    /// The header `retry-after-ms`.
    Millis(u64),
    Verbatim(String),
}

impl RetryAfter {
    pub(crate) fn header(&self) -> Option<(&'static str, String)> {
        match self {
            RetryAfter::Absent => None,
            RetryAfter::Seconds(seconds) => Some(("retry-after", seconds.to_string())),
            RetryAfter::Date(later) => Some(("retry-after", httpdate::fmt_http_date(SystemTime::now() + *later))),
            RetryAfter::Millis(millis) => Some(("retry-after-ms", millis.to_string())),
            RetryAfter::Verbatim(text) => Some(("retry-after", text.clone())),
        }
    }
}

/// An answer given byte by byte, for instance a recorded one.
#[derive(Clone, Debug)]
pub struct Raw {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// Here [`After::Events`](crate::After::Events) counts the body as one event.
    pub delivery: Delivery,
}

impl Raw {
    /// A recorded SSE body.
    pub fn stream(body: impl Into<Bytes>) -> Raw {
        let headers = vec![("content-type".to_owned(), "text/event-stream; charset=utf-8".to_owned())];
        Raw { status: 200, headers, body: body.into(), delivery: Delivery::default() }
    }

    /// A recorded JSON body.
    pub fn json(body: impl Into<Bytes>) -> Raw {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Raw { status: 200, headers, body: body.into(), delivery: Delivery::default() }
    }
}

fn extra_field() -> serde_json::Value {
    json!({"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"],
           "msg": "Extra inputs are not permitted", "input": 8192})
}

fn reason(status: u16) -> &'static str {
    hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error")
}
