//! Appending to a session file.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use agent::{Entry, Journal, JournalError};
use serde::Serialize;

use crate::Header;
use crate::read::{Content, Line};

/// A session file that is being written, by this process alone as long as this lives.
#[derive(Debug)]
pub struct SessionFile {
    path: PathBuf,
    file: File,
    /// The file may end within a line, which then needs an end of its own.
    torn: Rc<Cell<bool>>,
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
    pub(crate) fn create(path: &Path, header: &Header) -> io::Result<SessionFile> {
        let file = File::options().append(true).create_new(true).mode(0o600).open(path)?;
        file.try_lock()?;
        let mut session = SessionFile { path: path.to_owned(), file, torn: Rc::default() };
        session.write_line(header)?;
        Ok(session)
    }

    /// Opens a file to go on with it, and reads it, for nobody else writes to it from here on.
    pub(crate) fn reopen(path: &Path) -> io::Result<(SessionFile, Vec<u8>)> {
        crate::open::refuse_irregular(path)?;
        let mut file = File::options().append(true).read(true).open(path)?;
        file.try_lock()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let torn = bytes.last().is_some_and(|last| *last != b'\n');
        Ok((SessionFile { path: path.to_owned(), file, torn: Rc::new(Cell::new(torn)) }, bytes))
    }

    /// Another handle to the same file, for lines that are no entries. Lines of both keep the order of their writing.
    pub fn second(&self) -> io::Result<SessionFile> {
        Ok(SessionFile { path: self.path.clone(), file: self.file.try_clone()?, torn: Rc::clone(&self.torn) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line that is not an entry: how the run ended, or that it goes on.
    pub fn note(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.write_line(&Timed { at: now(), line })?;
        self.file.sync_data()
    }

    /// Adds a line about the workspace's files; on disk with the next [`Journal::sync`]. It is not masked: it has names and
    /// digests of files, and an undo needs them exactly.
    pub fn snapshot(&mut self, line: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(&Timed { at: now(), line })?;
        self.write_text(&text)
    }

    /// Adds lines of another file, with their times.
    pub(crate) fn copy(&mut self, lines: &[Line]) -> io::Result<()> {
        for line in lines {
            let at = line.at.clone();
            match &line.entry {
                Content::Entry(entry) => self.write_line(&Timed { at, line: entry })?,
                Content::Resumed(resumed) => self.write_line(&Timed { at, line: resumed })?,
                // It has its time in it.
                Content::End(end) => self.write_line(end)?,
                // What files were is kept for that session alone.
                Content::Snapshot(_) => (),
            }
        }
        self.file.sync_data()
    }

    pub(crate) fn rename(&mut self, path: PathBuf) -> io::Result<()> {
        std::fs::rename(&self.path, &path)?;
        self.path = path;
        Ok(())
    }

    /// Masked: a session file is kept, shown and handed on.
    fn write_line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(line)?;
        self.write_text(&mask::masked(&text))
    }

    fn write_text(&mut self, text: &str) -> io::Result<()> {
        let mut bytes = if self.torn.get() { b"\n".to_vec() } else { Vec::new() };
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(b'\n');
        self.torn.set(true);
        self.file.write_all(&bytes)?;
        self.torn.set(false);
        Ok(())
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
