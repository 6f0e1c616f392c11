//! A session that is over, with what its steps changed: opened for `agent diff`, `undo` and `redo`.

use std::path::{Path, PathBuf};

use agent::Entry;
use anyhow::{Context as _, anyhow};
use sandbox::Files;
use session::{Content, Session, Store};
use snapshots::{History, Objects};

use crate::hint::Hint as _;
use crate::watched::Kept;
use crate::{paths, sessions};

pub(crate) struct Past {
    pub(crate) id: String,
    pub(crate) workspace: PathBuf,
    pub(crate) history: History,
    pub(crate) objects: Objects,
    pub(crate) files: Files,
}

impl Past {
    /// The session with that id, or either end of it; unless given the last one of this directory that changed
    /// something.
    pub(crate) fn find(id: Option<&str>) -> anyhow::Result<Past> {
        let store = sessions::store()?;
        let session = match id {
            Some(part) => Session::read(&store.file(&sessions::one(&store, part)?))?,
            None => last_here(&store)?,
        };
        let history = history(&session);
        let id = session.header.id.clone();
        if history.is_empty() {
            return Err(anyhow!("session {id} changed no files")).hint("`agent sessions` lists the others");
        }
        let workspace = PathBuf::from(&session.header.workspace);
        let kept = Kept { folder: paths::snapshots()?, root: workspace.clone(), session: id.clone() };
        let objects = kept.open().with_context(|| format!("cannot read {}", kept.folder.display()))?;
        let files = Files::open(&workspace)?;
        Ok(Past { id, workspace, history, objects, files })
    }
}

fn last_here(store: &Store) -> anyhow::Result<Session> {
    let here = std::env::current_dir()?.canonicalize()?;
    for id in store.ids().context("cannot list the sessions")? {
        let Ok(session) = Session::read(&store.file(&id)) else { continue };
        if here.starts_with(Path::new(&session.header.workspace)) && !history(&session).is_empty() {
            return Ok(session);
        }
    }
    Err(anyhow!("no session changed files in this directory"))
        .hint("`agent sessions --all` lists all sessions; name one by its id")
}

/// What the lines of a session file say of the workspace's files.
pub(crate) fn history(session: &Session) -> History {
    let mut history = History::default();
    for line in &session.lines {
        match &line.entry {
            Content::Entry(entry) if matches!(entry.as_ref(), Entry::Reply(_)) => history.replied(),
            // What a newer version wrote and this one does not know cannot be taken back with it.
            Content::Snapshot(note) => _ = serde_json::from_value(note.clone()).map(|note| history.add(note)),
            Content::Entry(_) | Content::Resumed(_) | Content::End(_) => (),
        }
    }
    history
}
