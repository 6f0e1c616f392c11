//! The model's side: how a request is written, how its answer is read, and the connection between.
//!
//! **Invariant:** encoding and decoding are pure; only `http.rs` opens a connection.
//! Nothing of a key ever stands in a message, a log or a hint.
//!
//! Read `chat_completions.rs` first: one request, tried until it holds. What goes out is `request.rs`.
//! What comes in passes `sse.rs`, `decoder.rs`, `chunk.rs` and `fragments.rs`, then `reply_reader.rs`: thoughts are taken
//! out of the words (`thoughts.rs`), a call that was written as text is held back (`screen.rs`) and read
//! (`text_calls.rs`), one that lost its form is sent back (`leak.rs`). What goes wrong is judged in `failure.rs`.

mod address;
mod bounds;
mod chat_completions;
mod chunk;
mod config;
mod context_full;
mod decoder;
mod effort;
mod failure;
mod fragments;
mod http;
mod leak;
mod local;
mod loose_json;
mod models;
mod place;
mod preferred;
mod profiles;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod proxy;
mod rate_limit;
mod reason;
mod reply_reader;
mod request;
mod retry;
mod screen;
mod scripted;
mod sse;
mod text_calls;
mod thoughts;
#[cfg(test)]
mod wire_tests;
mod xml_calls;

pub use crate::address::Address;
pub use crate::bounds::ReplyBounds;
pub use crate::chat_completions::ChatCompletions;
pub use crate::config::{ChatConfig, Dialect, MISTRAL_URL, ServerConfig};
pub use crate::effort::{Effort, UnknownEffort};
pub use crate::http::Server;
pub use crate::local::{LOCAL_SERVERS, LocalServer, local_servers};
pub use crate::models::{ModelCard, distance, resolve};
pub use crate::preferred::{Choice, FIRST_CHOICE, ListOf, choose};
pub use crate::profiles::{
    Edits, ModelPrice, PRICES_AS_OF, Profile, RepoMap, StrictTools, SystemRole, TextCalls, price, profiles,
};
pub use crate::retry::RetryBudget;
pub use crate::scripted::Scripted;
