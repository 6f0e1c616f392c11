//! An import when all of its objects are in the user's store: what is left to
//! do on the user's side, and the index that takes the place of theirs.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::private_git::dir::Marks;
use crate::private_git::index::{self, Merge};
use crate::private_git::outside::Input;
use crate::private_git::plan::Plan;
use crate::private_git::refs;
use crate::private_git::snapshot::{STASH, Snapshot};
use crate::private_git::states;
use crate::private_git::take::{NewIndex, NotTaken, Real, Seen};

/// The part that happens on the user's side alone.
pub(crate) struct Work {
    pub(crate) real: Real,
    pub(crate) plan: Plan,
    pub(crate) now: Snapshot,
    pub(crate) tips: Vec<String>,
    pub(crate) message: String,
    pub(crate) journal: PathBuf,
}

impl Work {
    /// Whether a change of the user's side is our own.
    pub(crate) fn made(&self, path: &Path, marks: &Marks, inodes: &[u64]) -> bool {
        let refs = || self.plan.refs.iter().map(|change| Path::new(&change.name));
        match path.file_name().and_then(|name| name.to_str()) {
            Some("index") => marks.get(path).is_some_and(|mark| inodes.contains(&mark.inode())),
            Some("HEAD") if !path.starts_with("logs") => {
                self.plan.heads.iter().any(|head| head.view.join("HEAD") == path)
            }
            _ => {
                path.starts_with("logs")
                    || path.starts_with("refs")
                        && (refs().any(|name| name.starts_with(path)) || path.starts_with(STASH))
                    || path == Path::new("packed-refs") && self.plan.refs.iter().any(|change| change.new.is_none())
                    || marks.get(path).is_some_and(|mark| !mark.is_file())
                        && self.real.views.iter().any(|view| view.inside == path)
                    || states::names().any(|state| path.ends_with(state))
            }
        }
    }

    /// Whether the user's refs are those of before and ours.
    pub(crate) fn is_all(&self, after: &Snapshot) -> bool {
        let mut expected = self.now.refs.clone();
        for change in &self.plan.refs {
            match &change.new {
                Some(new) => expected.insert(change.name.clone(), refs::Target::Id(new.clone())),
                None => expected.remove(&change.name),
            };
        }
        expected == after.refs
    }

    pub(crate) fn carry_out(&self, merges: &[(PathBuf, Ready)]) -> Result<Vec<u64>, NotTaken> {
        self.real.check_connected(&self.tips)?;
        let moved = |view: &PathBuf| {
            let branch = self.now.heads.get(view);
            self.plan.heads.iter().any(|head| head.view == *view)
                || self
                    .plan
                    .refs
                    .iter()
                    .any(|change| matches!(branch, Some(refs::Target::Name(name)) if *name == change.name))
        };
        let mut indexes = Vec::new();
        for view in self.real.views.iter().map(|view| &view.inside) {
            let ready = merges.iter().find(|(other, _)| other == view).map(|(_, ready)| ready);
            let changes = ready.is_some_and(|ready| !ready.merge.lines.is_empty());
            if changes || moved(view) {
                let file = if changes { ready.map(|ready| ready.write(&self.real)).transpose()? } else { None };
                let seen = match ready {
                    Some(ready) => ready.seen,
                    None => Seen::of(&self.real.dir.join(view).join("index")),
                };
                indexes.push(NewIndex { view: view.clone(), file, seen });
            }
        }
        let mut inodes = Vec::new();
        if !self.plan.refs.is_empty() || !self.plan.heads.is_empty() || !indexes.is_empty() {
            inodes = self.real.move_all(&self.plan, &self.now, &indexes, &self.message, &self.journal)?;
        }
        self.real.replay(&self.plan.stash, &self.now.stash)?;
        Ok(inodes)
    }
}

/// A merged index before it is written.
pub(crate) struct Ready {
    pub(crate) view: PathBuf,
    pub(crate) merge: Merge,
    /// What both sides have staged after it.
    pub(crate) after: Vec<u8>,
    pub(crate) seen: Option<Seen>,
    /// Where a copy of the new index goes.
    pub(crate) kept: PathBuf,
}

impl Ready {
    pub(crate) fn new(
        real: &Real,
        view: &Path,
        private: &[u8],
        kept_index: &Path,
        kept_listing: &Path,
    ) -> io::Result<Ready> {
        let index = real.dir.join(view).join("index");
        let seen = Seen::of(&index);
        let same = matches!((fs::read(kept_index), fs::read(&index)), (Ok(one), Ok(other)) if one == other);
        // Only the list of what is staged is read, and by git's own program: formats are its business.
        let base = match fs::read(kept_listing) {
            Ok(listing) => listing,
            Err(_) => listing(real, kept_index)?,
        };
        let now = if same { base.clone() } else { listing(real, &index)? };
        let merge = index::merge(&base, private, &now);
        let after = merge.settle(&base, private);
        Ok(Ready { view: view.to_owned(), merge, after, seen, kept: kept_index.with_extension("new") })
    }

    /// Beside the user's index, so that it can take its place in one step.
    fn write(&self, real: &Real) -> io::Result<PathBuf> {
        let folder = real.dir.join(&self.view);
        let file = folder.join(format!("agent-index-{}", std::process::id()));
        match fs::copy(folder.join("index"), &file) {
            Ok(_) => {}
            // Nothing was ever staged here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let args = ["update-index", "-z", "--index-info"];
        real.git.run(&folder, &args, Input::IndexBytes(&file, &self.merge.lines))?;
        self.skip_absent(real, &folder, &file)?;
        fs::copy(&file, &self.kept)?;
        Ok(file)
    }
}

impl Ready {
    /// In a sparse checkout what is staged beyond it is not on disk, and would show as deleted.
    fn skip_absent(&self, real: &Real, folder: &Path, file: &Path) -> io::Result<()> {
        let worktree = real.views.iter().find(|view| view.inside == self.view).and_then(|view| view.worktree.as_ref());
        let (Some(worktree), true) = (worktree, folder.join("info/sparse-checkout").exists()) else { return Ok(()) };
        let is_absent = |path: &&[u8]| worktree.join(OsStr::from_bytes(path)).symlink_metadata().is_err();
        let added = self.merge.lines.split(|byte| *byte == 0).filter(|line| !line.starts_with(b"0 "));
        let paths = added.filter_map(|line| line.split(|byte| *byte == b'\t').nth(1)).filter(is_absent);
        let paths: Vec<u8> = paths.flat_map(|path| [path, b"\0"].concat()).collect();
        if paths.is_empty() {
            return Ok(());
        }
        let args = ["update-index", "--skip-worktree", "-z", "--stdin"];
        real.git.run(folder, &args, Input::IndexBytes(file, &paths)).map(drop)
    }
}

fn listing(real: &Real, index: &Path) -> io::Result<Vec<u8>> {
    if !index.exists() {
        return Ok(Vec::new());
    }
    real.run(&["ls-files", "--stage", "-z"], Input::Index(index))
}
