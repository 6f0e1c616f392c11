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

use serde::{Deserialize, Serialize};

/// The first line of a session file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The format, [`VERSION`] in files that this program writes.
    pub session: u32,
    /// UUID version 7: sorts by time.
    pub id: String,
    /// RFC 3339, UTC.
    pub created: String,
    pub workspace: String,
    pub model: String,
    /// Version of the program.
    pub agent: String,
}

pub const VERSION: u32 = 1;
