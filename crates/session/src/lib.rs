//! Session files: one JSON line an entry, written as the run goes, read as far as they are whole.
//!
//! **Invariants:** a file is only ever appended to. A line is written with one
//! call, so that our own death tears at most the last one. Nothing here opens a
//! file of the workspace.

mod read;
mod store;
mod write;

pub use crate::read::{Content, Line, Session, SessionError};
pub use crate::store::{Store, Summary};
pub use crate::write::SessionFile;

use std::path::Path;

use agent::Price;
use serde::{Deserialize, Serialize};

/// The first line of a session file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The format, [`VERSION`] in files that this program writes.
    pub session: u32,
    /// UUID version 7: sorts by time.
    pub id: String,
    /// RFC 3339, UTC.
    pub created: String,
    pub workspace: String,
    pub model: String,
    /// Of the model, as it was then. `None` where none was known, and in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Of the model's window; `None` as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// Version of the program.
    pub agent: String,
}

pub const VERSION: u32 = 1;

impl Header {
    /// Of a session that begins now.
    pub fn new(id: &str, workspace: &Path, model: &str) -> Header {
        Header {
            session: VERSION,
            id: id.to_owned(),
            created: write::now(),
            workspace: workspace.to_string_lossy().into_owned(),
            model: model.to_owned(),
            price: None,
            context_tokens: None,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
