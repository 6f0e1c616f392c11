//! The model's side: how a request is written, how its answer is read, and the connection between.
//!
//! **Invariant:** encoding and decoding are pure; only `http.rs` opens a connection.
//! Nothing of a key ever stands in a message, a log or a hint.
//!
//! Read `chat_completions.rs` first: one request, tried until it holds. What goes out is `request.rs`.
//! What comes in passes `sse.rs`, `decoder.rs`, `chunk.rs` and `fragments.rs`, then `screen.rs`, where
//! a call that a model wrote as text (`text_calls.rs`) is seen. What goes wrong is judged in `failure.rs`.

mod bounds;
mod chat_completions;
mod chunk;
mod config;
mod context_full;
mod decoder;
mod failure;
mod fragments;
mod http;
mod local;
mod loose_json;
mod models;
mod profiles;
mod rate_limit;
mod reason;
mod reply_reader;
mod request;
mod retry;
mod screen;
mod scripted;
mod sse;
mod text_calls;
#[cfg(test)]
mod wire_tests;
mod xml_calls;

pub use crate::bounds::ReplyBounds;
pub use crate::chat_completions::ChatCompletions;
pub use crate::config::{ChatConfig, Dialect, MISTRAL_URL, ServerConfig};
pub use crate::http::Server;
pub use crate::local::{LOCAL_SERVERS, LocalServer, local_servers};
pub use crate::models::{ModelCard, distance, resolve};
pub use crate::profiles::{Edits, ModelPrice, PRICES_AS_OF, Profile, RepoMap, SystemRole, price, profiles};
pub use crate::retry::RetryBudget;
pub use crate::scripted::Scripted;
