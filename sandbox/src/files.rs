//! The workspace's files for the program itself: looked at for snapshots, put back for the human's undo. No effect of
//! the model comes this way, so there is no permit.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use agent::{Change, SandboxError};
use snapshots::{Changed, FileState, Manifest, Objects};

use crate::host::{OpenError, open_error};
use crate::options::HostOptions;
use crate::restore;
pub use crate::restore::Content;
use crate::roots::Roots;
use crate::scan;
pub use crate::scan::{Late, Look};
use crate::state;

/// A handle; clones reach the same workspace.
#[derive(Clone, Debug)]
pub struct Files(pub(crate) Arc<Roots>);

impl Files {
    /// The files of a workspace that no command runs in. `own`: see [`HostOptions::own`].
    pub fn open(root: &Path, own: Vec<PathBuf>) -> Result<Files, OpenError> {
        let roots = Roots::open(root, &HostOptions { own, ..HostOptions::default() }).map_err(open_error)?;
        Ok(Files(Arc::new(roots)))
    }

    /// Looks at all files that .gitignore does not leave out and the model may see, keeps the contents that are new, and says what is
    /// otherwise than in `manifest`, which then says how it is now.
    pub fn scan(
        &self,
        manifest: &mut Manifest,
        objects: &mut Objects,
        look: Look,
        until: Instant,
    ) -> Result<Vec<Changed>, Late> {
        scan::scan(&self.0, manifest, objects, look, until)
    }

    /// Whether the model may not see such a file.
    pub(crate) fn is_hidden(&self, path: &Path) -> bool {
        self.0.is_hidden_name(path, rustix::fs::FileType::RegularFile)
    }

    /// Drops what the model may not see from what is known of an earlier run.
    pub fn forget_hidden(&self, manifest: &mut Manifest) {
        scan::forget_hidden(&self.0, manifest);
    }

    /// What is at a path, through no link; its content is kept.
    pub fn state(&self, path: &Path, objects: &mut Objects) -> Option<FileState> {
        if self.is_hidden(path) {
            let found = self.0.workspace.find_walked(path).ok()?;
            return Some(state::unkept(&found.1));
        }
        state::of_path(&self.0.workspace, path, objects)
    }

    /// What a write of `changes` will leave, with the directories that it makes. Files of added directories are not
    /// the workspace's, and those that cannot be written are not in it.
    pub fn foresee(&self, changes: &[Change], objects: &mut Objects) -> Vec<Changed> {
        state::foresee(&self.0, changes, objects)
    }

    /// The same paths as they are now that the write is done.
    pub fn settle(&self, foreseen: &[Changed], objects: &mut Objects) -> Vec<Changed> {
        state::settle(&self.0.workspace, foreseen, objects)
    }

    /// Makes every path what it shall be, or leaves all as they are. Returns the directories that stay because there
    /// is something in them. `progress` is told how many paths are done, and of how many.
    pub fn restore(
        &self,
        set: &[(Changed, Option<Content>)],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<PathBuf>, SandboxError> {
        restore::restore(&self.0.workspace, set, progress)
    }
}
