//! The folder that holds the sessions.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::{NoContext, Timestamp, Uuid};

use crate::Header;
use crate::read::{Session, SessionError, read_header};
use crate::write::SessionFile;

/// A path has at most 4 KiB, and is most of it.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// `$XDG_STATE_HOME/agent/sessions`.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// A session that goes on.
#[derive(Debug)]
pub struct Reopened {
    pub session: Session,
    pub file: SessionFile,
}

impl Store {
    pub fn new(folder: PathBuf) -> Store {
        Store { folder }
    }

    pub fn new_id() -> String {
        // A clock before 1970 is a wrong one, and no reason to give up.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = Timestamp::from_unix(NoContext, since_1970.as_secs(), since_1970.subsec_nanos());
        Uuid::new_v7(timestamp).to_string()
    }

    /// Starts the file of a new session.
    pub fn create(&self, header: &Header) -> io::Result<SessionFile> {
        std::fs::create_dir_all(&self.folder)?;
        SessionFile::create(&self.file(&header.id), header)
    }

    /// Opens a session to go on with it; [`SessionError::Busy`] while another process does. Nothing is written yet.
    pub fn reopen(&self, id: &str) -> Result<Reopened, SessionError> {
        let path = self.file(id);
        let (file, bytes) = SessionFile::reopen(&path).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => SessionError::Busy(id.to_owned()),
            _ => SessionError::Io { path: path.clone(), source },
        })?;
        Ok(Reopened { session: Session::of_bytes(&path, &bytes)?, file })
    }

    pub fn file(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.jsonl"))
    }

    /// Where a session's long outputs are kept. Made by the sandbox when it is needed.
    pub fn outputs(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// Ids, newest first.
    pub fn ids(&self) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if let Some(id) = name.strip_suffix(".jsonl") {
                ids.push(id.to_owned());
            }
        }
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ids)
    }

    /// The ids that begin or end with `part`: people copy either end.
    pub fn find(&self, part: &str) -> io::Result<Vec<String>> {
        let fits = |id: &String| id.starts_with(part) || id.ends_with(part);
        Ok(self.ids()?.into_iter().filter(fits).collect())
    }

    /// Only the first line is read.
    pub fn header(&self, id: &str) -> Result<Header, SessionError> {
        let path = self.file(id);
        let mut first = String::new();
        crate::open::open(&path)
            .and_then(|file| BufReader::new(file).take(MAX_HEADER_BYTES).read_line(&mut first))
            .map_err(|source| SessionError::Io { path: path.clone(), source })?;
        read_header(&path, &first)
    }

    /// When something was last written to it.
    pub fn last_used(&self, id: &str) -> io::Result<SystemTime> {
        std::fs::metadata(self.file(id))?.modified()
    }
}
