//! Which answer a request gets: path, key, check, then the script. It decides, `connection.rs` sends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::check::check;
use crate::delivery::{After, Delivery, Ending, Step, steps};
use crate::error::ApiError;
use crate::journal::Journal;
use crate::models::{model_card, model_list};
use crate::reply::{Form, Reply};
use crate::script::{Script, Turn};
use crate::server::{Checking, Config, Key, Listing};
use crate::wire::{Stamp, events, object};

/// Everything one server knows.
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) script: Script,
    pub(crate) journal: Journal,
    pub(crate) accepted: AtomicUsize,
    pub(crate) calls: AtomicUsize,
}

pub(crate) enum Answer {
    Respond(Response),
    Reset,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) before_headers: Duration,
    pub(crate) steps: Vec<Step>,
}

impl Answer {
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Answer::Respond(response) => Some(response.status),
            Answer::Reset => None,
        }
    }

    fn json(status: u16, body: &Value) -> Answer {
        Answer::whole(status, "application/json", body.to_string())
    }

    fn whole(status: u16, content_type: &str, body: String) -> Answer {
        Answer::Respond(Response {
            status,
            headers: vec![content_type_header(content_type)],
            before_headers: Duration::ZERO,
            steps: vec![Step::Send(Bytes::from(body))],
        })
    }
}

impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Answer {
        Answer::json(error.status, &error.body)
    }
}

pub(crate) fn answer(state: &State, head: &hyper::http::request::Parts, body: &Bytes) -> Answer {
    let path = head.uri.path();
    if path == "/health" {
        return Answer::json(200, &json!({"status": "ok"}));
    }
    if !authorized(&state.config.key, head) {
        return ApiError::unauthorized().into();
    }
    match (path, &head.method) {
        ("/v1/chat/completions", &Method::POST) => chat(state, body).unwrap_or_else(Answer::from),
        ("/v1/models", &Method::GET) => list(&state.config),
        ("/v1/chat/completions" | "/v1/models", _) => ApiError::method_not_allowed().into(),
        (other, &Method::GET) => {
            let card = other.strip_prefix("/v1/models/").and_then(|name| model_card(&state.config.models, name));
            card.map_or_else(|| ApiError::not_found().into(), |card| Answer::json(200, &card))
        }
        _ => ApiError::not_found().into(),
    }
}

fn list(config: &Config) -> Answer {
    match config.listing {
        Listing::Served => Answer::json(200, &model_list(&config.models)),
        Listing::Refused(status) => Answer::json(status, &json!({"message": "no list for you"})),
        Listing::Silent => respond(
            200,
            Vec::new(),
            Vec::new(),
            &Delivery { ending: Ending::Stall(After::Bytes(0)), ..Delivery::default() },
        ),
    }
}

fn authorized(key: &Key, head: &hyper::http::request::Parts) -> bool {
    let given = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    match key {
        Key::Any => !given.trim().is_empty(),
        Key::Only(key) => given == key,
        Key::NotAsked => true,
    }
}

fn chat(state: &State, raw: &Bytes) -> Result<Answer, ApiError> {
    let body: Value = serde_json::from_slice(raw).map_err(|error| {
        ApiError::fields(vec![json!({"type": "json_invalid", "loc": ["body", error.column()],
            "msg": "JSON decode error", "input": {}, "ctx": {"error": error.to_string()}})])
    })?;
    match state.config.checking {
        Checking::Strict => {
            check(&body, &state.config.models)?;
            let unsaved = |error| ApiError::internal(&format!("fake-mistral: AGENT_TEST_BODIES: {error}"));
            state.journal.save(raw, &body).map_err(unsaved)?;
        }
        Checking::Off => {}
    }
    let number = state.accepted.fetch_add(1, Ordering::Relaxed);
    let turn = state.script.turn(&body, number).ok_or_else(|| ApiError::script_over(number))?;
    Ok(match turn {
        Turn::Reply(reply) => speak(state, &reply, &body, raw.len(), number),
        Turn::Fault(fault) => {
            let (content_type, text) = fault.content();
            let mut headers = vec![content_type_header(content_type)];
            headers.extend(fault.retry_after.header().map(|(name, value)| (name.to_owned(), value)));
            let steps = vec![Step::Send(Bytes::from(text))];
            Answer::Respond(Response { status: fault.status, headers, before_headers: fault.before_headers, steps })
        }
        Turn::Raw(raw) => respond(raw.status, raw.headers, vec![raw.body], &raw.delivery),
        Turn::Reset => Answer::Reset,
    })
}

fn speak(state: &State, reply: &Reply, body: &Value, request_bytes: usize, number: usize) -> Answer {
    let first_call = state.calls.fetch_add(reply.calls.len(), Ordering::Relaxed);
    let model = body["model"].as_str().unwrap_or_default();
    let stamp = Stamp { model, number, first_call, request_bytes };
    let streams = body["stream"] == true && reply.style.form == Form::AsAsked;
    let (content_type, events) = if streams {
        ("text/event-stream; charset=utf-8", events(reply, &stamp))
    } else {
        ("application/json", vec![object(reply, &stamp)])
    };
    let correlation = format!("0198c0de-0000-7000-8000-{:012x}", number + 1);
    let headers = vec![
        content_type_header(content_type),
        ("mistral-correlation-id".to_owned(), correlation.clone()),
        ("x-kong-request-id".to_owned(), correlation),
    ];
    respond(200, headers, events, &reply.delivery)
}

fn respond(status: u16, headers: Vec<(String, String)>, events: Vec<Bytes>, delivery: &Delivery) -> Answer {
    let steps = steps(events, delivery);
    Answer::Respond(Response { status, headers, before_headers: delivery.before_headers, steps })
}

fn content_type_header(content_type: &str) -> (String, String) {
    ("content-type".to_owned(), content_type.to_owned())
}
