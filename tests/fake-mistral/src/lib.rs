//! A Mistral server that is not there: real HTTP/1.1 and SSE on loopback, answers from a script.
//! It refuses what the real API refuses, with the real error bodies, and keeps every request for the test to read.
//! It never leaves 127.0.0.1 and never thinks: each accepted `POST /v1/chat/completions` takes the script's next turn.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use fake_mistral::{FakeMistral, Script};
//!
//! let script = Script::parse("> read_file {\"filename\": \"calc.py\"}\n---\n! 429 retry-after=1\n---\nFixed.")?;
//! let server = FakeMistral::start(script).await?;
//! let url = server.base_url(); // http://127.0.0.1:PORT/v1
//! // ... run the client against `url` ...
//! assert_eq!(server.requests().len(), 3);
//! # let _ = url; Ok(()) }
//! ```
//!
//! Start reading at [`Script`] and [`Turn`] (what is answered), then [`FakeMistral`] (where), then [`check`] (what is
//! refused). The text form of a script is described at [`Script::parse`].

mod check;
mod connection;
mod delivery;
mod error;
mod fault;
mod journal;
mod models;
mod parse;
mod reply;
mod routes;
mod script;
mod server;
mod wire;

pub use check::check;
pub use delivery::{After, Delivery, Ending};
pub use error::ApiError;
pub use fault::{Fault, FaultBody, Raw, RetryAfter};
pub use journal::RecordedRequest;
pub use models::{Life, ModelCard, current_models, default_models, model_list};
pub use parse::ScriptError;
pub use reply::{Call, CallId, Calls, Content, Continuation, FinishChunk, Form, Reply, Separator, Style, Usage};
pub use script::{Script, Turn};
pub use server::{Checking, Config, FakeMistral, Key, Listing};
