//! The directories that file tools reach: the workspace, and what the user
//! added to it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use agent::SandboxError;

use crate::beneath::Root;
use crate::options::{Access, HostOptions};

#[derive(Debug)]
pub(crate) struct Roots {
    pub(crate) workspace: Root,
    added: Vec<(Root, Access)>,
    /// Full outputs of commands: the folder is made when it is first needed.
    outputs: Option<PathBuf>,
    opened_outputs: OnceLock<(Root, Access)>,
    /// Without links. Nothing at or below one of these is read, written or listed.
    hidden: Vec<PathBuf>,
}

impl Roots {
    /// `Err`: with the directory that cannot be opened.
    pub(crate) fn open(workspace: &Path, options: &HostOptions) -> Result<Roots, (PathBuf, io::Error)> {
        let open = |path: &Path| Root::open(path).map_err(|error| (path.to_path_buf(), error));
        let mut added = Vec::new();
        for dir in &options.fence.add_dirs {
            added.push((open(&dir.path)?, dir.access));
        }
        let (outputs, opened_outputs) = (options.outputs.clone(), OnceLock::new());
        Ok(Roots { workspace: open(workspace)?, added, outputs, opened_outputs, hidden: Vec::new() })
    }

    /// Whether there can be something hidden in what file tools reach: looking for it takes a while.
    pub(crate) fn may_hold_hidden(&self, options: &HostOptions) -> bool {
        !self.added.is_empty() || !options.fence.hide.is_empty()
    }

    pub(crate) fn hide(&mut self, hidden: Vec<PathBuf>) {
        self.hidden = hidden;
    }

    /// `real`: absolute, without links, in `root`. What holds the whole of a root does not hide it: it was named.
    pub(crate) fn is_hidden(&self, root: &Root, real: &Path) -> bool {
        let is_above = |hidden: &PathBuf| root.real() != hidden && root.real().starts_with(hidden);
        self.hidden.iter().any(|hidden| real.starts_with(hidden) && !is_above(hidden))
    }

    /// `inside`: from `root`, without links; `path`: as the model named it.
    pub(crate) fn refuse_hidden(&self, root: &Root, inside: &Path, path: &Path) -> Result<(), SandboxError> {
        if !self.is_hidden(root, &root.real().join(inside)) {
            return Ok(());
        }
        let path = path.display();
        Err(SandboxError::Blocked(format!("`{path}` is hidden from you: a secret, or hidden by the user.")))
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

    pub(crate) fn added_for_writing(&self) -> impl Iterator<Item = &Path> {
        self.added.iter().filter(|(_, access)| *access == Access::Write).map(|(root, _)| root.real())
    }

    /// Whether edits of the model can put a program there: `dir` is an entry of PATH, and a relative one means the
    /// workspace.
    pub(crate) fn may_be_edited(&self, dir: &Path) -> bool {
        let Ok(real) = std::fs::canonicalize(dir) else { return dir.is_relative() };
        dir.is_relative()
            || real.starts_with(self.workspace.real())
            || self.added_for_writing().any(|added| real.starts_with(added))
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

    /// How a path that was found in `root` is shown: from the workspace, or whole.
    pub(crate) fn shown(&self, root: &Root, path: &Path) -> PathBuf {
        if std::ptr::eq(root, &self.workspace) { path.to_path_buf() } else { root.real().join(path) }
    }
}
