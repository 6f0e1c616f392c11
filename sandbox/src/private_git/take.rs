//! Carries a plan out on the user's side, with git's own programs and their
//! compare-and-swap. Objects first, referred to by nothing yet; then, while
//! the index is locked for less than a millisecond, refs, HEAD and index
//! together. All of it can be repeated: a run that is killed half-way is
//! finished by the next.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::private_git::dir::Dir;
use crate::private_git::journal::{Journal, Lock};
use crate::private_git::layout::View;
use crate::private_git::outside::{Git, Input, Transaction};
use crate::private_git::plan::{HeadMove, Move, Plan, StashMove};
use crate::private_git::refs::Target;
use crate::private_git::snapshot::{STASH, Snapshot, Stashed};

/// A pack of fewer objects becomes files, as `git fetch` does it (`fetch.unpackLimit`).
const UNPACK_LIMIT: u32 = 100;
/// How long another git may keep the index to itself before we leave it at "later".
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(4);

/// The user's side of one repository.
#[derive(Clone, Debug)]
pub(crate) struct Real {
    pub(crate) git: Git,
    pub(crate) dir: PathBuf,
    pub(crate) views: Vec<View>,
}

/// An index that is ready to take the place of the user's.
#[derive(Debug)]
pub(crate) struct NewIndex {
    pub(crate) view: PathBuf,
    /// Beside the real one. `None`: the index stays as it is, and is only locked.
    pub(crate) file: Option<PathBuf>,
    /// What was there when it was made.
    pub(crate) seen: Option<Seen>,
}

/// Which file it is, and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Seen {
    pub(crate) fn of(path: &Path) -> Option<Seen> {
        let meta = path.symlink_metadata().ok()?;
        Some(Seen { inode: meta.ino(), bytes: meta.len(), changed: (meta.ctime(), meta.ctime_nsec()) })
    }
}

struct Order<'a> {
    dir: PathBuf,
    first: Vec<u8>,
    /// When HEAD has left them.
    second: Vec<u8>,
    message: &'a str,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// The user moved on: look again.
    #[error("the repository changed")]
    Stale,
    #[error("another git has locked the index")]
    Busy,
    #[error("{0}")]
    Refused(#[from] io::Error),
}

impl Real {
    pub(crate) fn run(&self, args: &[&str], input: Input<'_>) -> io::Result<Vec<u8>> {
        self.git.run(&self.dir, args, input)
    }

    /// Computes every name again, and refuses what git would not take from a stranger's server.
    pub(crate) fn store(&self, pack: &Path) -> io::Result<()> {
        let mut file = File::open(pack)?;
        let mut head = [0; 12];
        file.read_exact(&mut head).map_err(|_| io::Error::other("objects are missing"))?;
        let [.., a, b, c, d] = head;
        let count = u32::from_be_bytes([a, b, c, d]);
        if count == 0 {
            return Ok(());
        }
        let file = File::open(pack)?;
        let args: &[&str] = if count < UNPACK_LIMIT {
            &["unpack-objects", "-q", "--strict"]
        } else {
            &["index-pack", "--stdin", "--strict", "--fix-thin"]
        };
        self.run(args, Input::File(&file)).map(drop)
    }

    /// Those of `ids` that are not here.
    pub(crate) fn missing(&self, ids: &[String]) -> io::Result<Vec<String>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let answer =
            self.run(&["cat-file", "--batch-check=%(objecttype)"], Input::Bytes((ids.join("\n") + "\n").as_bytes()))?;
        let answer = String::from_utf8_lossy(&answer);
        let lines: Vec<&str> = answer.lines().collect();
        if lines.len() != ids.len() {
            return Err(io::Error::other("git gave no answer"));
        }
        let missing = ids.iter().zip(lines).filter(|(_, line)| *line != "blob");
        Ok(missing.map(|(id, _)| id.clone()).collect())
    }

    /// As `git fetch` asks it: everything behind these is here.
    pub(crate) fn check_connected(&self, tips: &[String]) -> io::Result<()> {
        if tips.is_empty() {
            return Ok(());
        }
        let args = ["rev-list", "--objects", "--stdin", "--not", "--all", "--quiet"];
        self.run(&args, Input::Bytes((tips.join("\n") + "\n").as_bytes())).map(drop)
    }

    /// Moves refs, HEADs and indexes together. Returns the inodes of the new indexes.
    pub(crate) fn move_all(
        &self,
        plan: &Plan,
        real: &Snapshot,
        indexes: &[NewIndex],
        message: &str,
        journal: &Path,
    ) -> Result<Vec<u64>, NotTaken> {
        // In its log the move is written down: the one whose HEAD or branch moves.
        let moves = |view: &&View| {
            let branch = match real.heads.get(&view.inside) {
                Some(Target::Name(name)) => plan.refs.iter().any(|change| change.name == *name),
                Some(Target::Id(_)) | None => false,
            };
            branch || plan.heads.iter().any(|head| head.view == view.inside)
        };
        let own =
            self.views.iter().find(moves).or(self.views.first()).map(|view| view.inside.clone()).unwrap_or_default();
        // git writes a branch's move into the log of the HEAD that is on it, and refuses to move that HEAD at the same time.
        let is_left = |change: &&Move| {
            plan.heads.iter().any(|head| matches!(&head.old, Target::Name(name) if *name == change.name))
        };
        let (second, first): (Vec<&Move>, Vec<&Move>) = plan.refs.iter().partition(is_left);
        let order = Order {
            first: lines(&first, &plan.heads, &own),
            second: lines(&second, &[], &own),
            dir: self.dir.join(own),
            message,
        };
        let began = Instant::now();
        let files: Vec<Lock> = indexes.iter().map(|index| self.lock_file(index)).collect::<io::Result<_>>()?;
        let refs = plan.refs.iter().map(|change| self.dir.join(format!("{}.lock", change.name)));
        let heads = plan.heads.iter().map(|head| self.dir.join(&head.view).join("HEAD.lock"));
        Journal { locks: files.clone(), refs: refs.chain(heads).collect() }.write(journal)?;
        let moved = loop {
            match self.try_move(&order, real, indexes, &files) {
                Err(NotTaken::Busy) if began.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                moved => break moved,
            }
        };
        for lock in &files {
            // Under its other name it is the index now, or in nobody's way.
            let _ = fs::remove_file(&lock.file);
        }
        Journal::remove(journal)?;
        moved.map(|()| files.iter().map(|lock| lock.inode).collect())
    }

    /// The file that becomes the lock by getting its name, so that a journal can name it first.
    fn lock_file(&self, index: &NewIndex) -> io::Result<Lock> {
        let folder = self.dir.join(&index.view);
        let file = match &index.file {
            Some(file) => file.clone(),
            None => {
                let file = folder.join(format!("agent-lock-{}", std::process::id()));
                File::create(&file)?;
                file
            }
        };
        let meta = file.metadata()?;
        Ok(Lock { path: folder.join("index.lock"), file, device: meta.dev(), inode: meta.ino() })
    }

    fn try_move(
        &self,
        order: &Order<'_>,
        real: &Snapshot,
        indexes: &[NewIndex],
        files: &[Lock],
    ) -> Result<(), NotTaken> {
        let transaction = self.prepare(order, &order.first, real)?;
        let mut held = Vec::new();
        let result = self.locked(transaction, order, real, indexes, files, &mut held);
        for lock in held {
            if lock.is_ours() {
                let _ = fs::remove_file(&lock.path);
            }
        }
        result
    }

    fn prepare(&self, order: &Order<'_>, lines: &[u8], real: &Snapshot) -> Result<Option<Transaction>, NotTaken> {
        if lines.is_empty() {
            return Ok(None);
        }
        let prepared = Transaction::prepare(&self.git, &order.dir, order.message, lines);
        prepared.map(Some).map_err(|error| self.why(real, error))
    }

    fn locked(
        &self,
        transaction: Option<Transaction>,
        order: &Order<'_>,
        real: &Snapshot,
        indexes: &[NewIndex],
        files: &[Lock],
        held: &mut Vec<Lock>,
    ) -> Result<(), NotTaken> {
        let ready = files.iter().try_for_each(|lock| match fs::hard_link(&lock.file, &lock.path) {
            Ok(()) => {
                held.push(lock.clone());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(NotTaken::Busy),
            Err(error) => Err(error.into()),
        });
        let ready = ready.and_then(|()| if self.is_as_seen(real, indexes) { Ok(()) } else { Err(NotTaken::Stale) });
        match (ready, transaction) {
            (Err(error), transaction) => {
                if let Some(transaction) = transaction {
                    transaction.abort();
                }
                return Err(error);
            }
            (Ok(()), Some(transaction)) => transaction.commit()?,
            (Ok(()), None) => {}
        }
        if let Some(second) = self.prepare(order, &order.second, real)? {
            second.commit()?;
        }
        for (index, lock) in indexes.iter().zip(files) {
            if index.file.is_some() {
                fs::rename(&lock.path, self.dir.join(&index.view).join("index"))?;
            }
        }
        Ok(())
    }

    /// With the locks in hand: the refs that move are compared by git itself.
    fn is_as_seen(&self, real: &Snapshot, indexes: &[NewIndex]) -> bool {
        let Ok(dir) = Dir::open(&self.dir) else { return false };
        let views: Vec<View> =
            self.views.iter().filter(|view| indexes.iter().any(|index| index.view == view.inside)).cloned().collect();
        let heads = Snapshot::with(&dir, &views, Default::default()).heads;
        let same_heads = heads.iter().all(|(view, head)| real.heads.get(view) == Some(head));
        let same = |index: &NewIndex| Seen::of(&self.dir.join(&index.view).join("index")) == index.seen;
        same_heads && indexes.iter().all(same)
    }

    /// Whether a refused transaction is worth another look.
    fn why(&self, real: &Snapshot, error: io::Error) -> NotTaken {
        let now = Dir::open(&self.dir).map(|dir| Snapshot::read(&dir, &self.views));
        match now {
            Ok(now) if now != *real => NotTaken::Stale,
            // Somebody may hold a ref for a moment.
            _ if error.to_string().contains("File exists") => NotTaken::Busy,
            _ => NotTaken::Refused(error),
        }
    }

    /// Takes entries off the user's stash and puts others on, as the command did.
    pub(crate) fn replay(&self, stash: &StashMove, was: &[Stashed]) -> io::Result<()> {
        let StashMove::Replay { dropped, stored } = stash else { return Ok(()) };
        for number in 0..*dropped {
            if number + 1 == was.len() {
                self.run(&["update-ref", "-d", STASH], Input::None)?;
            } else {
                self.run(&["reflog", "delete", "--updateref", "--rewrite", "refs/stash@{0}"], Input::None)?;
            }
        }
        for (id, message) in stored {
            let message = if message.is_empty() { "stash" } else { message };
            self.run(&["update-ref", "--create-reflog", "-m", message, STASH, id], Input::None)?;
        }
        Ok(())
    }
}

/// For `update-ref --stdin -z`. An id of zeroes says that there must be nothing. `own`: whose HEAD is just `HEAD`.
fn lines(refs: &[&Move], heads: &[HeadMove], own: &Path) -> Vec<u8> {
    let zero = |like: &Option<String>| "0".repeat(like.as_ref().map_or(40, String::len));
    let mut lines = Vec::new();
    for change in refs {
        let line = match &change.new {
            Some(new) => {
                let old = change.old.clone().unwrap_or_else(|| zero(&change.new));
                format!("update {}\0{new}\0{old}\0", change.name)
            }
            None => format!("delete {}\0{}\0", change.name, change.old.clone().unwrap_or_default()),
        };
        lines.extend(line.into_bytes());
    }
    for head in heads {
        let name = match head.view.to_str() {
            _ if head.view == own => "HEAD".to_owned(),
            Some("") => "main-worktree/HEAD".to_owned(),
            Some(view) => format!("{view}/HEAD"),
            None => continue,
        };
        let old = match &head.old {
            Target::Id(id) => ("oid", id),
            Target::Name(name) => ("ref", name),
        };
        let line = match &head.new {
            Target::Name(new) => format!("option no-deref\0symref-update {name}\0{new}\0{}\0{}\0", old.0, old.1),
            // The old value of a symbolic HEAD is compared with our own lock in hand.
            Target::Id(id) => format!("option no-deref\0update {name}\0{id}\0\0"),
        };
        lines.extend(line.into_bytes());
    }
    lines
}
