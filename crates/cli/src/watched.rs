//! The machine, followed step by step: what each effect changes is kept beside the session, so that it can be taken
//! back. It decides nothing and never stands in the way of an effect.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use agent::{Cancel, Effect, Observation, Permit, Sandbox, SandboxError};
use async_trait::async_trait;
use sandbox::{Files, Host, Watch, Written};
use session::{Header, SessionFile};
use snapshots::{Bounds, Changed, Link, Note, Objects};

use crate::paths;

/// How much of the disk snapshots may take: of one session, of all of them, and for how long unused.
const SESSION_BYTES: u64 = 1 << 30;
const BOUNDS: Bounds = Bounds { age: Duration::from_hours(24 * 30), bytes: 4 << 30 };
/// A disk that hangs is not waited for; a look ends by itself before that.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where the snapshots of a session are.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// The program's own, for all workspaces.
    pub(crate) folder: PathBuf,
    pub(crate) root: PathBuf,
    pub(crate) session: String,
}

impl Kept {
    /// Of a session that was begun before. Its snapshots stay where they are, should its workspace be moved.
    pub(crate) fn of(header: &Header) -> anyhow::Result<Kept> {
        let root = PathBuf::from(&header.workspace);
        Ok(Kept { folder: paths::snapshots()?, root, session: header.id.clone() })
    }

    pub(crate) fn open(&self) -> std::io::Result<Objects> {
        Objects::open(&self.folder, &self.root, &self.session, SESSION_BYTES)
    }
}

pub(crate) struct Watched {
    host: Rc<Host>,
    kept: Kept,
    /// `None` until the first effect.
    watch: Arc<Mutex<Option<Watch>>>,
    session: RefCell<SessionFile>,
    /// What was changed, in order.
    changed: RefCell<Vec<Link>>,
    notices: RefCell<Vec<String>>,
    given_up: RefCell<bool>,
    /// Commands that the sandbox did not start.
    unstarted: Cell<usize>,
}

impl Watched {
    /// `session`: a second handle to the file of the session.
    pub(crate) fn new(host: Rc<Host>, kept: Kept, session: SessionFile) -> Watched {
        Watched {
            host,
            kept,
            watch: Arc::default(),
            session: RefCell::new(session),
            changed: RefCell::default(),
            notices: RefCell::default(),
            given_up: RefCell::new(false),
            unstarted: Cell::new(0),
        }
    }

    /// What the human should know since the last time this was called.
    pub(crate) fn take_notices(&self) -> Vec<String> {
        let mut notices = std::mem::take(&mut *self.notices.borrow_mut());
        if let Ok(Some(watch)) = self.watch.try_lock().as_deref_mut() {
            notices.extend(watch.take_notices());
        }
        notices
    }

    /// What became of each path, from before the first effect that touched it to after the last.
    pub(crate) fn changed(&self) -> Vec<Changed> {
        snapshots::net(&self.changed.borrow())
    }

    /// How many commands the sandbox did not start.
    pub(crate) fn unstarted(&self) -> usize {
        self.unstarted.get()
    }

    /// Whether some effect is known to have touched this path.
    pub(crate) fn knows(&self, path: &Path) -> bool {
        self.changed.borrow().iter().any(|link| link.change.path == path)
    }

    /// Reads what was kept, by an earlier run of the session too, or keeps more. `None` where nothing can be kept.
    pub(crate) fn with_objects<T>(&self, work: impl FnOnce(&Files, &mut Objects) -> T) -> Option<T> {
        let mut slot = self.watch.try_lock().ok()?;
        if slot.is_none() {
            *slot = Some(start(self.host.files(), &self.kept).ok()?);
        }
        let watch = slot.as_mut()?;
        let files = watch.files().clone();
        Some(work(&files, watch.objects()))
    }

    /// Away from the runtime's thread: a disk may be slow, and Ctrl-C is not.
    async fn aside<T: Default + Send + 'static>(&self, work: impl FnOnce(&mut Watch) -> T + Send + 'static) -> T {
        if *self.given_up.borrow() {
            return T::default();
        }
        let (watch, files, kept) = (Arc::clone(&self.watch), self.host.files(), self.kept.clone());
        let job = tokio::task::spawn_blocking(move || {
            let mut slot = match watch.try_lock() {
                Ok(slot) => slot,
                Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => {
                    return Err("a scan was aborted".to_owned());
                }
            };
            let watch = match slot.take() {
                Some(watch) => watch,
                None => start(files, &kept).map_err(|error| format!("{}: {error}", kept.folder.display()))?,
            };
            Ok(work(slot.insert(watch)))
        });
        let why = match tokio::time::timeout(PATIENCE, job).await {
            Ok(Ok(Ok(done))) => return done,
            Ok(Ok(Err(why))) => why,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the disk did not respond in time".to_owned(),
        };
        self.given_up.replace(true);
        self.notices.borrow_mut().push(format!("`agent undo` cannot revert anything from here on: {why}"));
        T::default()
    }

    fn tell(&self, (notes, changed): (Vec<Note>, Vec<Changed>)) {
        for note in notes {
            // A session file that cannot be written ends the run by itself, at the next entry.
            let _ = self.session.borrow_mut().snapshot(&note);
        }
        self.changed_too(&changed);
    }

    /// What an undo put back counts like any other change.
    pub(crate) fn changed_too(&self, changed: &[Changed]) {
        self.changed.borrow_mut().extend(changed.iter().cloned().map(|change| Link { record: 0, step: 0, change }));
    }
}

/// Opens the store for the first effect of a run, and makes room in it.
fn start(files: Files, kept: &Kept) -> std::io::Result<Watch> {
    // What cannot be pruned is tried again by the next run.
    let _ = snapshots::prune(&kept.folder, &kept.session, BOUNDS);
    Ok(Watch::new(files, kept.open()?))
}

#[async_trait(?Send)]
impl Sandbox for Watched {
    async fn perform(&self, permit: Permit, cancel: &Cancel) -> Result<Observation, SandboxError> {
        match permit.effect() {
            Effect::Read { .. } | Effect::List { .. } | Effect::Search { .. } | Effect::Map { .. } => {
                self.host.perform(permit, cancel).await
            }
            Effect::Write { changes } => {
                let changes = changes.clone();
                let (notes, foreseen) = self.aside(move |watch| watch.before_write(&changes)).await;
                self.tell((notes, Vec::new()));
                let written = self.host.perform(permit, cancel).await;
                let how = if written.is_ok() { Written::All } else { Written::Not };
                self.tell(self.aside(move |watch| watch.after_write(foreseen, how)).await);
                written
            }
            // What a command that was left running changes between two effects counts as somebody else's.
            Effect::Run { .. } | Effect::Start { .. } | Effect::ReadOutput { .. } | Effect::Stop { .. } => {
                self.tell((self.aside(Watch::before_run).await, Vec::new()));
                let ran = self.host.perform(permit, cancel).await;
                if matches!(ran, Err(SandboxError::NotStarted(_))) {
                    self.unstarted.set(self.unstarted.get() + 1);
                }
                self.tell(self.aside(Watch::after_run).await);
                ran
            }
        }
    }
}
