//! A session that is over, with what its steps changed: opened for `agent diff`, `undo` and `redo`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use agent::Entry;
use anyhow::{Context as _, anyhow};
use sandbox::{Files, Look};
use session::{Content, Header, Here, Session, SessionError, SessionFile, Store};
use snapshots::{History, Note, Objects};

use crate::hint::{Exit, Hint as _, Hinted};
use crate::watched::Kept;
use crate::{out, paths, run, sessions};

/// A look at the files that nobody waits for but the human.
const LONGEST_LOOK: Duration = Duration::from_secs(120);

pub(crate) struct Past {
    pub(crate) id: String,
    /// Where the files are now; `None`: the directory is gone, or was moved to where nobody knows.
    pub(crate) workspace: Option<PathBuf>,
    pub(crate) history: History,
    pub(crate) objects: Objects,
    header: Header,
}

impl Past {
    /// The session with that id, or either end of it; unless given the last one of this directory that changed
    /// something. `moved_to`: where its workspace is now, as the human says.
    pub(crate) fn find(id: Option<&str>, moved_to: Option<&Path>) -> anyhow::Result<Past> {
        let store = sessions::store()?;
        if let Some(part) = id {
            let id = sessions::one(&store, part)?;
            let past = Past::open(&store, Session::read(&store.file(&id))?, moved_to)?;
            return match past.history.is_empty() {
                false => Ok(past),
                true => Err(anyhow!("session {id} changed no files")).hint("`agent sessions` lists the others"),
            };
        }
        let here = match moved_to {
            Some(moved_to) => run::workspace(Some(moved_to))?,
            None => std::env::current_dir()?.canonicalize()?,
        };
        let here = Here::new(&here);
        for id in store.ids().context("cannot list the sessions")? {
            let Ok(session) = Session::read(&store.file(&id)) else { continue };
            if here.workspace_of(&session.header).is_some() && !history(&session).is_empty() {
                let past = Past::open(&store, session, moved_to)?;
                if !past.history.is_empty() {
                    return Ok(past);
                }
            }
        }
        Err(anyhow!("no session changed files in this directory"))
            .hint("`agent sessions --all` lists all sessions; name one by its id")
    }

    fn open(store: &Store, session: Session, moved_to: Option<&Path>) -> anyhow::Result<Past> {
        let workspace = workspace_now(&session.header, moved_to)?;
        let (header, mut history) = (session.header.clone(), history(&session));
        if let (Some(workspace), true) = (&workspace, history.is_open()) {
            match store.reopen(&header.id) {
                Ok(mut reopened) => {
                    if let Some(settled) = settle(&reopened.session, &mut reopened.file, workspace)? {
                        history.add(settled.note);
                        writeln!(out::stderr(), "note: {}", settled.notice)?;
                    }
                }
                // It runs: the command is not over.
                Err(SessionError::Busy(_)) => (),
                Err(error) => return Err(error.into()),
            }
        }
        let kept = Kept::of(&header)?;
        let objects = kept.open().with_context(|| format!("cannot read {}", kept.folder.display()))?;
        Ok(Past { id: header.id.clone(), workspace, history, objects, header })
    }

    /// Where the files are, and the files.
    pub(crate) fn files(&self) -> anyhow::Result<(PathBuf, Files)> {
        let Some(workspace) = &self.workspace else { return Err(is_gone(&self.header)) };
        Ok((workspace.clone(), Files::open(workspace, paths::own()?)?))
    }
}

pub(crate) fn is_gone(header: &Header) -> anyhow::Error {
    let error = format!("this session's workspace {} was moved or deleted", header.workspace);
    Hinted::new(Exit::Usage, error, Some("if it was moved, pass its new place: --workspace DIR".to_owned())).into()
}

/// Where the workspace of a session is: where the human says, where it was moved to, or where it was.
pub(crate) fn workspace_now(header: &Header, moved_to: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    let then = PathBuf::from(&header.workspace);
    let is_there = then.canonicalize().is_ok_and(|now| now == then && now.is_dir());
    if let Some(given) = moved_to {
        let given = run::workspace(Some(given))?;
        let is_same = given == then || Here::new(&given).workspace_of(header).is_some_and(|moved| moved == given);
        return match is_same || !is_there {
            true => Ok(Some(given)),
            false => Err(anyhow!("this session belongs to {}, not {}", then.display(), given.display()))
                .hint("drop --workspace, or start a new session there: agent run \"...\""),
        };
    }
    let here = std::env::current_dir().ok().and_then(|here| here.canonicalize().ok());
    let moved = here.and_then(|here| Here::new(&here).workspace_of(header)).filter(|moved| *moved != then);
    Ok(moved.or_else(|| is_there.then_some(then)))
}

/// What is known by now of a command that was cut short.
pub(crate) struct Settled {
    pub(crate) note: Note,
    pub(crate) notice: String,
}

/// A run that was killed in a command, or could not write down what it changed, left the files as they were before it:
/// what differs counts as its changes, and is written down now. `None`: there is no such command.
pub(crate) fn settle(session: &Session, file: &mut SessionFile, workspace: &Path) -> anyhow::Result<Option<Settled>> {
    let history = history(session);
    if !history.is_open() {
        return Ok(None);
    }
    let mut objects = Kept::of(&session.header)?.open()?;
    let Some(mut manifest) = history.before_open(&objects)? else { return Ok(None) };
    let files = Files::open(workspace, paths::own()?)?;
    let changes = files.scan(&mut manifest, &mut objects, Look::Next, Instant::now() + LONGEST_LOOK)?;
    let note = match changes.len() {
        0 => Note::RanIdle,
        files => Note::Ran { changes: objects.keep_changes(&changes)?, files },
    };
    file.note(&note).context("cannot write the session file")?;
    let count = changes.len();
    let differ = if count == 1 { "the path that differs counts" } else { "the paths that differ count" };
    let notice = format!("the session ended in the middle of a command; {differ} as its changes ({count})");
    Ok(Some(Settled { note, notice }))
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
