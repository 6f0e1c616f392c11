//! The folder that holds the sessions.

use std::io;
use std::path::PathBuf;

use agent::Entry;

use crate::Header;
use crate::read::{Session, SessionError};
use crate::write::SessionFile;

/// `$XDG_STATE_HOME/agent/sessions`.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// One row of `agent sessions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub header: Header,
    /// The first line of what the human asked.
    pub task: String,
    pub replies: usize,
    /// For example `answered`; `None` where the program died or still runs.
    pub ended: Option<String>,
}

impl Store {
    pub fn new(folder: PathBuf) -> Store {
        Store { folder }
    }

    pub fn new_id() -> String {
        uuid::Uuid::now_v7().to_string()
    }

    /// Starts the file of a new session.
    pub fn create(&self, header: &Header) -> io::Result<SessionFile> {
        std::fs::create_dir_all(&self.folder)?;
        SessionFile::create(&self.file(&header.id), header)
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

    pub fn summary(&self, id: &str) -> Result<Summary, SessionError> {
        let session = Session::read(&self.file(id))?;
        let mut summary = Summary { task: String::new(), replies: 0, ended: None, header: session.header.clone() };
        for entry in session.entries() {
            match entry {
                Entry::User { text } if summary.task.is_empty() => {
                    summary.task = text.lines().next().unwrap_or_default().to_owned();
                }
                Entry::Reply(_) => summary.replies += 1,
                Entry::User { .. } | Entry::System { .. } | Entry::Outcome { .. } => (),
            }
        }
        summary.ended = session.ended().map(str::to_owned);
        Ok(summary)
    }
}
