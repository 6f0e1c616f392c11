//! Session files: one JSON line an entry, written as the run goes, read as far as they are whole.
//!
//! **Invariants:** a file is only ever appended to, by one process at a time. A
//! line is written with one call, so that our own death tears at most the last
//! one. Nothing here opens a file of the workspace.

mod fork;
mod open;
mod place;
mod read;
mod search;
mod store;
mod write;

pub use crate::place::Here;
pub use crate::read::{Content, Line, Session, SessionError, State};
pub use crate::search::{Search, Summary};
pub use crate::store::{Reopened, Store};
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
    /// Which directory that was, so that it is found where it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    #[serde(flatten)]
    pub served: Served,
    /// Version of the program.
    pub agent: String,
    /// The session that it began as a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<String>,
}

/// Who answers from here on. `None` where it was not known, and in files of older versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Served {
    pub model: String,
    /// Of the model, as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The model's window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Name of the environment variable that holds the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
}

impl Served {
    /// The key of its server is masked from here on: an older version may have written it down.
    pub(crate) fn hide_key(&self) {
        if let Some(variable) = &self.api_key_env {
            mask::read_key(variable);
        }
    }
}

/// The line with which a later process goes on with a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resumed {
    /// Version of the program.
    pub resumed: String,
    #[serde(flatten)]
    pub served: Served,
}

pub const VERSION: u32 = 1;

impl Header {
    /// Of a session that begins now.
    pub fn new(id: &str, workspace: &Path, served: Served) -> Header {
        Header {
            session: VERSION,
            id: id.to_owned(),
            created: write::now(),
            workspace: workspace.to_string_lossy().into_owned(),
            directory: place::identity(workspace),
            served,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            forked_from: None,
        }
    }
}

impl Resumed {
    /// By this program.
    pub fn new(served: Served) -> Resumed {
        Resumed { resumed: env!("CARGO_PKG_VERSION").to_owned(), served }
    }
}
