//! The directories that file tools reach: the workspace, and what the user
//! added to it.

use std::io;
use std::path::{Path, PathBuf};

use agent::SandboxError;

use crate::beneath::Root;
use crate::options::{Access, HostOptions};

#[derive(Debug)]
pub(crate) struct Roots {
    pub(crate) workspace: Root,
    added: Vec<(Root, Access)>,
}

impl Roots {
    /// `Err`: with the directory that cannot be opened.
    pub(crate) fn open(workspace: &Path, options: &HostOptions) -> Result<Roots, (PathBuf, io::Error)> {
        let open = |path: &Path| Root::open(path).map_err(|error| (path.to_path_buf(), error));
        let mut added = Vec::new();
        for dir in &options.fence.add_dirs {
            added.push((open(&dir.path)?, dir.access));
        }
        Ok(Roots { workspace: open(workspace)?, added })
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
                "`{}` is in `{}`, which was added for reading only; nothing was written.",
                path.display(),
                root.real().display()
            ))),
        }
    }

    fn find(&self, path: &Path) -> Option<&(Root, Access)> {
        if path.is_relative() || self.workspace.claims(path) {
            return None;
        }
        self.added.iter().find(|(root, _)| root.claims(path))
    }

    /// How a path that was found in `root` is shown: from the workspace, or whole.
    pub(crate) fn shown(&self, root: &Root, path: &Path) -> PathBuf {
        if std::ptr::eq(root, &self.workspace) { path.to_path_buf() } else { root.real().join(path) }
    }
}
