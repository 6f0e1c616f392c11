//! A worktree of its own for each run: the checkout is never touched. What killed runs leave is found and removed by
//! the next one, after its work was kept as a patch.
//!
//! They are beside the program's state directory, not in it: that is hidden from commands.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};

use super::git::Git;
use crate::hint::Hint as _;
use crate::paths;

/// The repository that a run is for.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    /// Of the checkout.
    pub(crate) root: PathBuf,
    pub(crate) git: Git,
}

const OWNER: &str = "owner.json";

/// What stands beside a worktree, for whoever finds it.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    repository: PathBuf,
    base: String,
    /// Once there is one.
    session: Option<String>,
}

/// Removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Worktree {
    /// Where the files are, without links in it.
    pub(crate) root: PathBuf,
    /// git with its git directory said, so that nothing in the files can say another.
    pub(crate) git: Git,
    /// The commit that it began with.
    pub(crate) base: String,
    folder: PathBuf,
    repository: Repository,
    /// Stays behind, since what is in it is nowhere else.
    is_kept: Cell<bool>,
    /// Held as long as the run lives: the kernel lets go of it when we die, however.
    _lock: File,
}

/// A killed run that was found.
#[derive(Debug)]
pub(crate) struct Swept {
    pub(crate) id: String,
    pub(crate) work: Work,
}

/// What became of what a run had done before it ended in an unforeseen way.
#[derive(Debug)]
pub(crate) enum Work {
    Nothing,
    /// The worktree is gone, and this has all of it.
    Patch(PathBuf),
    /// The files stay where they are, since no patch could be made of them.
    Left(PathBuf, String),
}

impl std::fmt::Display for Work {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Work::Nothing => write!(formatter, "it had changed nothing"),
            Work::Patch(patch) => write!(formatter, "its changes are in {}", patch.display()),
            Work::Left(folder, why) => write!(
                formatter,
                "its changes are still in {}, because they could not be saved as a patch ({why}); delete that folder \
                 when you have what you need",
                folder.display()
            ),
        }
    }
}

impl Repository {
    pub(crate) fn find(workspace: &Path) -> anyhow::Result<Repository> {
        let git = Git::new(workspace)?;
        let root = git
            .line(&["rev-parse", "--show-toplevel"])
            .hint("agent ci needs a git repository; elsewhere use `agent run`")?;
        Ok(Repository { git: git.at(Path::new(&root)), root: PathBuf::from(root) })
    }

    /// Whether something of the checkout is not in its last commit.
    pub(crate) fn has_changes(&self) -> bool {
        let status = self.git.with("GIT_OPTIONAL_LOCKS", "0");
        status.run(&["status", "--porcelain", "--untracked-files=no"]).is_ok_and(|changes| !changes.is_empty())
    }

    /// Whether a push can be told from somebody else's: a clone that was cut short does not know whose commits are whose.
    pub(crate) fn has_history(&self) -> anyhow::Result<()> {
        if self.git.line(&["rev-parse", "--is-shallow-repository"])? == "true" {
            return Err(anyhow!("this is a shallow clone, and agent ci does not push from one")).hint(
                "fetch the full history: `fetch-depth: 0` for actions/checkout, GIT_DEPTH: \"0\" on GitLab, or git \
                 fetch --unshallow",
            );
        }
        Ok(())
    }

    /// The commit that a name leads to.
    pub(crate) fn commit(&self, name: &str) -> anyhow::Result<String> {
        self.git
            .line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")])
            .map_err(|_| anyhow!("no such commit: `{name}`"))
            .hint("commit something first, or pass a branch, tag or commit with --base; CI clones may need full depth")
    }
}

impl Worktree {
    pub(crate) fn add(repository: &Repository, base: &str, id: &str) -> anyhow::Result<Worktree> {
        let place = paths::worktrees()?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&place)?;
        let lock = hold(&place.join(format!("{id}.lock")))?;
        let folder = place.join(id);
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let owner = Owner { repository: repository.root.clone(), base: base.to_owned(), session: None };
        fs::write(folder.join(OWNER), serde_json::to_vec(&owner)?)?;
        let root = folder.canonicalize()?.join("tree");
        let shown = root.to_string_lossy().into_owned();
        let add = ["worktree", "add", "--quiet", "--no-checkout", "--detach", &shown, base];
        let added = alone(|| repository.git.run(&add));
        // What `add` does by itself otherwise; it takes long, and others need not wait for it.
        let checked_out = added.and_then(|_| repository.git.at(&root).run(&["reset", "--hard", "--quiet"]));
        let made = checked_out.and_then(|_| own_git(&root, &repository.git));
        let git = match made {
            Ok(git) => git,
            Err(error) => {
                forget(&repository.git, &folder);
                let _ = fs::remove_file(place.join(format!("{id}.lock")));
                return Err(error.context("cannot create a worktree"));
            }
        };
        let (base, repository, is_kept) = (base.to_owned(), repository.clone(), Cell::new(false));
        Ok(Worktree { root, git, base, folder, repository, is_kept, _lock: lock })
    }

    /// Under which name the work is kept, should we be killed.
    pub(crate) fn belongs_to(&self, session: &str) -> anyhow::Result<()> {
        self.own(Some(session.to_owned()))
    }

    fn own(&self, session: Option<String>) -> anyhow::Result<()> {
        let owner = Owner { repository: self.repository.root.clone(), base: self.base.clone(), session };
        // Whole or not at all.
        let file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&file, &owner)?;
        file.persist(self.folder.join(OWNER))?;
        Ok(())
    }

    /// Keeps what was done, after something unforeseen: as a patch, or else where it is.
    pub(crate) fn rescue(&self, session: &str) -> Work {
        let work = rescue(&self.repository.git, &self.folder, &self.base, session);
        self.is_kept.set(matches!(work, Work::Left(..)));
        work
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        if self.is_kept.get() {
            return;
        }
        // Should we be killed half-way, the next run must not take what is gone for work.
        let _ = self.own(None);
        forget(&self.repository.git, &self.folder);
        // The next run would do it.
        let _ = fs::remove_file(self.folder.with_extension("lock"));
    }
}

/// git for the worktree, by the names that it has before anything untrusted was run in it.
fn own_git(root: &Path, git: &Git) -> anyhow::Result<Git> {
    let there = git.at(root);
    let dir = there.line(&["rev-parse", "--absolute-git-dir"])?;
    let common = there.line(&["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
    Ok(there.with("GIT_DIR", dir).with("GIT_COMMON_DIR", common).with("GIT_WORK_TREE", root))
}

/// A lock file that is there and ours. A sweep may have removed it between our making it and our locking it.
fn hold(path: &Path) -> io::Result<File> {
    loop {
        let file = File::options().create(true).append(true).open(path)?;
        file.lock()?;
        if fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|ours| ours.ino() == there.ino())) {
            return Ok(file);
        }
    }
}

/// Removes the worktrees of runs that are dead. Nothing here ends the run that comes after.
pub(crate) fn sweep() -> anyhow::Result<Vec<Swept>> {
    let place = paths::worktrees()?;
    let Ok(entries) = fs::read_dir(&place) else { return Ok(Vec::new()) };
    let mut swept = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        let is_lock = path.extension().is_some_and(|extension| extension == "lock");
        let Some(id) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).filter(|_| is_lock) else {
            continue;
        };
        let Ok(lock) = File::options().append(true).open(&path) else { continue };
        // Locked: that run lives.
        if lock.try_lock().is_err() {
            continue;
        }
        let folder = place.join(&id);
        let work = sweep_one(&folder);
        if !matches!(work, Work::Left(..)) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        swept.push(Swept { id, work });
    }
    Ok(swept)
}

/// Of a run that is dead. Its worktree is removed if that loses nothing.
fn sweep_one(folder: &Path) -> Work {
    let tree = folder.join("tree");
    let owner = fs::read(folder.join(OWNER)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(Owner { repository, base, session }) = owner else {
        // Killed before there was a worktree.
        if !tree.exists() {
            remove(folder);
            return Work::Nothing;
        }
        return Work::Left(tree, "its repository is unknown".to_owned());
    };
    let git = match Git::new(&repository) {
        Ok(git) if repository.is_dir() => git,
        Ok(_) | Err(_) if session.is_none() => {
            remove(folder);
            return Work::Nothing;
        }
        Ok(_) | Err(_) => return Work::Left(tree, format!("its repository {} is gone", repository.display())),
    };
    // Without a session it was killed while the files were laid out: the model had not begun.
    let work = session.map_or(Work::Nothing, |session| rescue(&git, folder, &base, &session));
    if !matches!(work, Work::Left(..)) {
        forget(&git, folder);
    }
    work
}

/// What a run had changed, as a patch in the state directory.
fn rescue(git: &Git, folder: &Path, base: &str, id: &str) -> Work {
    let tree = folder.join("tree");
    match patch(git, &tree, base) {
        Ok(patch) if patch.is_empty() => Work::Nothing,
        Ok(patch) => super::keep(id, &patch).map_or_else(|error| Work::Left(tree, format!("{error:#}")), Work::Patch),
        Err(error) => Work::Left(tree, format!("{error:#}")),
    }
}

fn patch(git: &Git, tree: &Path, base: &str) -> anyhow::Result<Vec<u8>> {
    let git = own_git(tree, git)?;
    // Whoever held it is dead. What does not go stands in the way of what comes, which says so.
    let _ = fs::remove_file(git.line(&["rev-parse", "--absolute-git-dir"])? + "/index.lock");
    let taken = super::change::take(&git, tree)?;
    super::change::diff(&git, base, &taken.tree)
}

/// Removes the files and what the repository knows of them.
fn forget(git: &Git, folder: &Path) {
    remove(folder);
    let tree = folder.join("tree");
    // Not `prune`, which would forget others' worktrees that are only not there right now.
    let remove = || git.run(&["worktree", "remove", "--force", &tree.to_string_lossy()]);
    let _ = alone(remove);
}

/// git reads the files of every worktree whenever it makes or removes one, and fails on one that is half made.
fn alone<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let state = paths::state()?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&state)?;
    let _lock = hold(&state.join("worktrees.lock"))?;
    work()
}

fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_ok() {
        return;
    }
    // Commands can leave directories that even we may not look into.
    let mut dirs = vec![folder.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        let _ = fs::set_permissions(&dir, fs::Permissions::from_mode(0o700));
        let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
        dirs.extend(
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
    }
    let _ = fs::remove_dir_all(folder);
}
