//! Appending to a session file.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use agent::{Entry, Journal, JournalError};
use serde::Serialize;

use crate::Header;

/// A session file that is being written.
#[derive(Debug)]
pub struct SessionFile {
    path: PathBuf,
    file: File,
}

/// One line after the header.
#[derive(Serialize)]
struct Timed<'a, T: Serialize> {
    at: String,
    #[serde(flatten)]
    line: &'a T,
}

impl SessionFile {
    /// Starts a file that must not exist yet, readable by its owner only.
    pub fn create(path: &Path, header: &Header) -> io::Result<SessionFile> {
        let file = File::options().append(true).create_new(true).mode(0o600).open(path)?;
        let mut session = SessionFile { path: path.to_owned(), file };
        session.write_line(header)?;
        Ok(session)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line that is not an entry: how the run ended.
    pub fn note(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.write_line(&Timed { at: now(), line })?;
        self.file.sync_data()
    }

    fn write_line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)
    }

    fn error(&self, source: io::Error) -> JournalError {
        JournalError { path: self.path.clone(), source }
    }
}

impl Journal for SessionFile {
    fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        self.write_line(&Timed { at: now(), line: entry }).map_err(|source| self.error(source))
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|source| self.error(source))
    }
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
