//! The directories that file tools reach: the workspace, and what the user
//! added to it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use agent::SandboxError;
use rustix::fs::{FileType, Stat};

use crate::beneath::Root;
use crate::hidden::{Hidden, Place, Why};
use crate::options::{Access, HostOptions, SandboxMode};

#[derive(Debug)]
pub(crate) struct Roots {
    pub(crate) workspace: Root,
    added: Vec<(Root, Access)>,
    /// Full outputs of commands: the folder is made when it is first needed.
    outputs: Option<PathBuf>,
    opened_outputs: OnceLock<(Root, Access)>,
    /// Of the table of secrets outside of workspaces, without links. Nothing at or below one is read, written or listed.
    places: Vec<PathBuf>,
    /// `None`: without a sandbox nothing is hidden.
    hidden: Option<Hidden>,
    /// See [`HostOptions::own`].
    own: Vec<PathBuf>,
}

impl Roots {
    /// `Err`: with the directory that cannot be opened.
    pub(crate) fn open(workspace: &Path, options: &HostOptions) -> Result<Roots, (PathBuf, io::Error)> {
        let open = |path: &Path| Root::open(path).map_err(|error| (path.to_path_buf(), error));
        let mut added = Vec::new();
        for dir in &options.fence.add_dirs {
            added.push((open(&dir.path)?, dir.access));
        }
        let workspace = open(workspace)?;
        let hidden = match options.fence.sandbox {
            SandboxMode::On => {
                let all = std::iter::once(&workspace).chain(added.iter().map(|(root, _)| root));
                let hidden = Hidden::new(options, all.map(|root| root.real().to_path_buf()));
                let broken =
                    |error| (workspace.real().to_path_buf(), io::Error::new(io::ErrorKind::InvalidInput, error));
                Some(hidden.map_err(broken)?)
            }
            SandboxMode::Off => None,
        };
        let (outputs, opened_outputs) = (options.outputs.clone(), OnceLock::new());
        // A worktree of ours is a workspace like any other.
        let own = options.own.iter().filter(|own| !workspace.real().starts_with(own)).cloned().collect();
        Ok(Roots { workspace, added, outputs, opened_outputs, places: Vec::new(), hidden, own })
    }

    /// Whether a place of the table can be in what file tools reach: looking for them takes a while.
    pub(crate) fn may_hold_places(&self, home: Option<&Path>) -> bool {
        !self.added.is_empty() || home.is_some_and(|home| home.starts_with(self.workspace.real()))
    }

    pub(crate) fn hide_places(&mut self, places: Vec<PathBuf>) {
        self.places = places;
    }

    pub(crate) fn own(&self) -> &[PathBuf] {
        &self.own
    }

    /// Whether it is of the program itself. `real`: absolute, without links.
    pub(crate) fn is_own(&self, real: &Path) -> bool {
        self.own.iter().any(|own| real.starts_with(own))
    }

    pub(crate) fn hidden(&self) -> Option<&Hidden> {
        self.hidden.as_ref()
    }

    /// All directories that file tools reach, but for outputs.
    pub(crate) fn all(&self) -> Vec<&Path> {
        std::iter::once(&self.workspace).chain(self.added.iter().map(|(root, _)| root)).map(Root::real).collect()
    }

    /// Why something is hidden, if it is. `inside`: from `root`, without links. `stat`: of what is there.
    pub(crate) fn why_hidden(&self, root: &Root, inside: &Path, kind: FileType, stat: Option<&Stat>) -> Option<Why> {
        let hidden = self.hidden.as_ref().filter(|_| !self.is_outputs(root))?;
        let real = root.real().join(inside);
        // What holds the whole of a root does not hide it: it was named.
        let is_above = |place: &PathBuf| root.real() != place && root.real().starts_with(place);
        let place = Place { root: root.real(), inside, kind };
        if self.places.iter().any(|place| real.starts_with(place) && !is_above(place)) && !hidden.is_shown(place) {
            return Some(Why::Place);
        }
        let known = stat.filter(|_| kind == FileType::RegularFile).is_some_and(|stat| hidden.knows(place, stat));
        hidden.why(place, || root.open_walked(inside).ok()).or(known.then_some(Why::Content))
    }

    /// What a walk does not show before it was asked for.
    pub(crate) fn is_hidden_name(&self, path: &Path, kind: FileType) -> bool {
        self.why_hidden(&self.workspace, path, kind, None).is_some()
    }

    /// `inside`: where the name leads, from `root`, without links; `path`: as the model named it. `stat`: of what is
    /// there, if anything is.
    pub(crate) fn refuse_hidden(
        &self,
        root: &Root,
        inside: &Path,
        path: &Path,
        stat: Option<&Stat>,
    ) -> Result<(), SandboxError> {
        let kind = FileType::RegularFile;
        let by_name = || {
            // A link of such a name leads to such a file.
            let name = inside.with_file_name(path.file_name()?);
            if name == inside { None } else { self.why_hidden(root, &name, kind, None) }
        };
        let why = self.why_hidden(root, inside, kind, stat).or_else(by_name);
        // What is not there yet holds nothing but what the model writes.
        let why = why.filter(|why| stat.is_some() || *why != Why::Name);
        why.map_or(Ok(()), |why| Err(self.refusal(root, inside, why)))
    }

    /// The content of a file that is about to be shown.
    pub(crate) fn refuse_secret(&self, root: &Root, inside: &Path, bytes: &[u8]) -> Result<(), SandboxError> {
        let place = Place { root: root.real(), inside, kind: FileType::RegularFile };
        let hidden = self.hidden.as_ref().filter(|hidden| !self.is_outputs(root) && hidden.holds_secret(place, bytes));
        hidden.map_or(Ok(()), |_| Err(self.refusal(root, inside, Why::Content)))
    }

    fn refusal(&self, root: &Root, inside: &Path, why: Why) -> SandboxError {
        // A place is shown by its own path, wherever the workspace is.
        let shown = if why == Why::Place { root.real().join(inside) } else { self.shown(root, inside) };
        if let Some(hidden) = &self.hidden {
            hidden.was_hit(&shown);
        }
        SandboxError::Blocked(why.words(&shown.display().to_string()))
    }

    fn is_outputs(&self, root: &Root) -> bool {
        self.opened_outputs.get().is_some_and(|(outputs, _)| std::ptr::eq(outputs, root))
    }

    /// What was added is reached by absolute paths; everything else is the workspace's to judge.
    pub(crate) fn of(&self, path: &Path) -> &Root {
        self.find(path).map_or(&self.workspace, |(root, _)| root)
    }

    pub(crate) fn for_writing(&self, path: &Path) -> Result<&Root, SandboxError> {
        match self.find(path) {
            None => Ok(&self.workspace),
            Some((root, Access::Write)) => Ok(root),
            Some((root, Access::Read)) => Err(SandboxError::Blocked(format!(
                "`{}` is in `{}`, which was added read-only; nothing was written.",
                path.display(),
                root.real().display()
            ))),
        }
    }

    /// What commands write to.
    pub(crate) fn writable(&self) -> impl Iterator<Item = &Root> {
        let added = self.added.iter().filter(|(_, access)| *access == Access::Write).map(|(root, _)| root);
        std::iter::once(&self.workspace).chain(added)
    }

    /// Whether edits of the model can put a program there: `dir` is an entry of PATH, and a relative one means the
    /// workspace.
    pub(crate) fn may_be_edited(&self, dir: &Path) -> bool {
        let Ok(real) = std::fs::canonicalize(dir) else { return dir.is_relative() };
        dir.is_relative() || self.writable().any(|root| real.starts_with(root.real()))
    }

    fn find(&self, path: &Path) -> Option<&(Root, Access)> {
        if path.is_relative() || self.workspace.claims(path) {
            return None;
        }
        self.added.iter().find(|(root, _)| root.claims(path)).or_else(|| self.outputs(path))
    }

    fn outputs(&self, path: &Path) -> Option<&(Root, Access)> {
        let folder = self.outputs.as_ref().filter(|folder| path.starts_with(folder))?;
        if self.opened_outputs.get().is_none() {
            // Whoever was faster has opened the same folder.
            let _ = self.opened_outputs.set((Root::open(folder).ok()?, Access::Read));
        }
        self.opened_outputs.get()
    }

    /// The same for an absolute path that is in one of them.
    pub(crate) fn shown_in_its_root(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.workspace.real()).unwrap_or(path).to_path_buf()
    }

    /// How a path that was found in `root` is shown: from the workspace, or whole.
    pub(crate) fn shown(&self, root: &Root, path: &Path) -> PathBuf {
        if std::ptr::eq(root, &self.workspace) { path.to_path_buf() } else { root.real().join(path) }
    }
}
