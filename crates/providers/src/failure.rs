//! Judges what went wrong with a request: the words, the hint, and whether trying again can help. Pure.

use std::time::Duration;

use agent::{ChatError, ChatErrorKind};
use serde_json::Value;

use crate::context_full::is_context_full;
use crate::decoder::StreamError;
use crate::reason;

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: ChatError,
    pub(crate) again: Again,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Again {
    Never,
    /// `asked` is the server's Retry-After, `most` a bound on the attempts of this kind of failure.
    Later {
        asked: Option<Duration>,
        most: u32,
    },
}

/// What the hints speak of.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// Where requests go, without anything secret.
    pub(crate) base_url: String,
    pub(crate) api_key_env: String,
    pub(crate) is_local: bool,
    pub(crate) is_mistral: bool,
    /// Requests go through it. Without its password.
    pub(crate) proxy: Option<String>,
}

/// No bound but the budget's own.
pub(crate) const ANY: u32 = u32::MAX;

/// A server on this machine that refuses connections is rarely about to start.
const LOCAL_CONNECT_ATTEMPTS: u32 = 4;

const UNKNOWN_ATTEMPTS: u32 = 4;

/// Answers with status 500 that will not change: llama.cpp judges the chat template as it renders it.
const PERMANENT: &[&str] = &["jinja", "chat template", "roles must alternate", "is not supported", "does not support"];

impl Failure {
    fn never(kind: ChatErrorKind, message: String, hint: Option<String>) -> Failure {
        Failure { error: ChatError { message, hint, kind }, again: Again::Never }
    }

    fn later(message: String, asked: Option<Duration>, most: u32) -> Failure {
        let error = ChatError { message, hint: None, kind: ChatErrorKind::Unreachable };
        Failure { error, again: Again::Later { asked, most } }
    }
}

/// Quotas that waiting does not bring back: OpenAI, and gateways that sell credits.
const SPENT: &[&str] = &["insufficient_quota", "current quota", "billing", "credit balance", "monthly"];

/// What a server returned instead of a reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a str,
    /// The wait that it asks for.
    pub(crate) asked: Option<Duration>,
    /// The size of the request's body.
    pub(crate) sent_bytes: usize,
}

/// A refusal with a status that is not a success.
pub(crate) fn of_status(refusal: Refusal<'_>, about: &About) -> Failure {
    let Refusal { status, body, asked, sent_bytes } = refusal;
    let said = match reason::of_body(body) {
        said if said.is_empty() => "no reason given".to_owned(),
        said => said,
    };
    let message = format!("the server returned {status}: {said}");
    let lower = body.to_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    if is_context_full(status, body, sent_bytes) {
        return Failure::never(ChatErrorKind::ContextFull, message, None);
    }
    match status {
        300..=399 => Failure::never(
            ChatErrorKind::Refused,
            format!("the server returned {status}, a redirect"),
            Some("redirects are not followed, to protect the key: correct the base URL".to_owned()),
        ),
        401 | 403 => Failure::never(ChatErrorKind::Key, message, Some(key_hint(about))),
        // OpenRouter: the model is there, and no provider of it may be used for this request.
        404 if says(&["no endpoints found"]) => {
            let hint = if says(&["data policy"]) {
                "allow such providers in the server's privacy settings, or pick another model: `agent models` lists them"
            } else {
                "pick a model whose providers can do that: `agent models` lists them"
            };
            Failure::never(ChatErrorKind::Refused, message, Some(hint.to_owned()))
        }
        404 if says(&["model"]) => Failure::never(ChatErrorKind::Model, message, Some(MODEL_HINT.to_owned())),
        // Mistral's answer to a retired model is the same as to a wrong address (MISTRAL.md 0.1).
        404 | 405 => {
            let hint = format!(
                "either {} is not the base URL (it usually ends in /v1), or the model no longer exists: {MODEL_HINT}",
                about.base_url
            );
            Failure::never(ChatErrorKind::Model, message, Some(hint))
        }
        400 if says(&["invalid_model", "invalid model"]) => {
            Failure::never(ChatErrorKind::Model, message, Some(MODEL_HINT.to_owned()))
        }
        // The model drew a call that the server's own check refused; the next draw may be right.
        400 if says(&["tool_use_failed"]) => Failure::later(message, asked, 3),
        400 if says(&["temperature"]) && says(&["unsupported", "not support", "only the default"]) => {
            let hint = "set `temperature = 1` in the configuration, or AGENT_TEMPERATURE=1".to_owned();
            Failure::never(ChatErrorKind::Refused, message, Some(hint))
        }
        429 if says(SPENT) => {
            let hint =
                format!("waiting will not help: check the plan and the billing of the account at {}", about.base_url);
            Failure::never(ChatErrorKind::Refused, message, Some(hint))
        }
        500 if says(PERMANENT) => Failure::never(ChatErrorKind::Refused, message, None),
        408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 529 => Failure::later(message, asked, ANY),
        _ => Failure::never(ChatErrorKind::Refused, message, None),
    }
}

const MODEL_HINT: &str = "`agent models` lists this server's models";

fn key_hint(about: &About) -> String {
    let variable = &about.api_key_env;
    if about.is_mistral {
        format!(
            "check ${variable}: keys for api.mistral.ai and codestral.mistral.ai differ, and a new key takes a few \
             minutes to work"
        )
    } else {
        format!("check ${variable}: it must hold a key for {}", about.base_url)
    }
}

/// An answer that began well and broke off.
pub(crate) fn of_stream(error: StreamError, about: &About) -> Failure {
    match error {
        StreamError::Server(value) => {
            let status = status_within(&value);
            let body = value.to_string();
            let refusal = Refusal { status: status.unwrap_or(503), body: &body, asked: None, sent_bytes: 0 };
            let failure = of_status(refusal, about);
            let message = format!("the server aborted the reply: {}", reason::of_value(&value));
            let again = match failure.again {
                // Without a status nobody knows whether it will pass.
                Again::Later { asked, most: ANY } if status.is_none() => Again::Later { asked, most: UNKNOWN_ATTEMPTS },
                again @ (Again::Later { .. } | Again::Never) => again,
            };
            Failure { error: ChatError { message, ..failure.error }, again }
        }
        error @ StreamError::Garbled(_) => Failure {
            again: Again::Later { asked: None, most: 3 },
            error: ChatError {
                message: error.to_string(),
                hint: Some(format!("is `{}` the base URL of a chat completions API?", about.base_url)),
                kind: ChatErrorKind::Unreachable,
            },
        },
        error @ StreamError::TooLarge { .. } => Failure::never(ChatErrorKind::Refused, error.to_string(), None),
        error @ StreamError::Cut => Failure::later(error.to_string(), None, ANY),
    }
}

/// The connection could not be made.
pub(crate) fn of_connect(why: &str, about: &About) -> Failure {
    let through = about.proxy.as_ref().map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
    let message = format!("cannot connect to {}{through}: {why}", about.base_url);
    let (hint, most) = if about.proxy.is_some() {
        ("check that the proxy runs and lets this server through, or name the server in no_proxy", ANY)
    } else if about.is_local {
        let hint =
            "start the local server (`ollama serve`, `llama-server -m MODEL.gguf --jinja`), or use another --base-url";
        (hint, LOCAL_CONNECT_ATTEMPTS)
    } else {
        ("check the network and the base URL", ANY)
    };
    let error = ChatError { message, hint: Some(hint.to_owned()), kind: ChatErrorKind::NoConnection };
    Failure { error, again: Again::Later { asked: None, most } }
}

pub(crate) fn of_tls(why: &str, about: &About) -> Failure {
    let message = format!("TLS connection to {} failed: {why}", about.base_url);
    if why.contains("CaUsedAsEndEntity") {
        let hint = "the server's certificate is its own authority, which is not accepted: create it with \
                    `openssl req -x509 ... -addext basicConstraints=critical,CA:FALSE`";
        return Failure::never(ChatErrorKind::Refused, message, Some(hint.to_owned()));
    }
    let hint = "for a private certificate authority set SSL_CERT_FILE; for a server without TLS use http://";
    Failure::never(ChatErrorKind::NoConnection, message, Some(hint.to_owned()))
}

pub(crate) fn of_no_list(found: &str, about: &About) -> Failure {
    let message = format!("{} returned {found} instead of a list of models", about.base_url);
    let hint = "is it the base URL of a chat completions API? It usually ends in /v1";
    Failure::never(ChatErrorKind::Refused, message, Some(hint.to_owned()))
}

pub(crate) fn of_bad_key(about: &About) -> Failure {
    let message = format!("the key in ${} contains invalid characters", about.api_key_env);
    Failure::never(ChatErrorKind::Key, message, Some("check it for line breaks and quotes".to_owned()))
}

/// The connection was lost under the request or its answer.
pub(crate) fn of_transport(why: &str) -> Failure {
    Failure::later(format!("the connection was lost: {why}"), None, ANY)
}

/// Nothing came at all.
pub(crate) fn of_no_answer(waited: Duration) -> Failure {
    let mut failure = of_silence(waited);
    failure.error.hint = Some("--first-byte-timeout waits longer".to_owned());
    failure
}

pub(crate) fn of_silence(waited: Duration) -> Failure {
    Failure::later(format!("no data from the server for {} s", waited.as_secs_f32()), None, ANY)
}

/// An error inside a stream may carry the status that it would have had.
fn status_within(value: &Value) -> Option<u16> {
    let error = value.get("error").filter(|error| error.is_object()).unwrap_or(value);
    ["status_code", "raw_status_code", "status", "code"].iter().find_map(|key| {
        let code = error.get(*key)?;
        let code = code.as_u64().or_else(|| code.as_str()?.parse().ok())?;
        u16::try_from(code).ok().filter(|code| (400..600).contains(code))
    })
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
