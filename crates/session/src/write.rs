//! Appending to a session file.

use std::fs::{File, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
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
        lock(&file)?;
        let mut session = SessionFile { path: path.to_owned(), file };
        session.write_line(header)?;
        Ok(session)
    }

    /// Opens the file of a session that ended, to add to it. A last line that was torn is closed first.
    pub fn reopen(path: &Path) -> io::Result<SessionFile> {
        let mut file = File::options().read(true).append(true).open(path)?;
        lock(&file)?;
        let length = file.seek(SeekFrom::End(0))?;
        let mut last = [b'\n'];
        if 0 < length {
            file.read_exact_at(&mut last, length - 1)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
        Ok(SessionFile { path: path.to_owned(), file })
    }

    /// Another handle to the same file, for lines that are no entries. Lines of both keep the order of their writing.
    pub fn second(&self) -> io::Result<SessionFile> {
        Ok(SessionFile { path: self.path.clone(), file: self.file.try_clone()? })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line that is not an entry: how the run ended.
    pub fn note(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.write_line(&Timed { at: now(), line })?;
        self.file.sync_data()
    }

    /// Adds a line about the workspace's files; on disk with the next [`Journal::sync`].
    pub fn snapshot(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.write_line(&Timed { at: now(), line })
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

/// Held for as long as the file is open, by whoever works on the session.
fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        TryLockError::Error(error) => error,
    })
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
