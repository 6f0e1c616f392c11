//! Where a session's workspace is by now: a directory that was moved is still the same one.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::Header;

/// What stays the same of a directory when it is moved within a file system: device, inode, and when it was made, since
/// inodes are used again. `None` where the file system does not say all of it.
pub(crate) fn identity(dir: &Path) -> Option<String> {
    let metadata = std::fs::metadata(dir).ok()?;
    let made = metadata.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{:x}-{:x}-{:x}", metadata.dev(), metadata.ino(), made.as_nanos()))
}

/// A directory for which sessions are looked for.
#[derive(Debug)]
pub struct Here {
    path: PathBuf,
    /// It and those above it.
    identities: Vec<(PathBuf, String)>,
}

impl Here {
    /// `path`: absolute, without links.
    pub fn new(path: &Path) -> Here {
        let identities = path.ancestors().filter_map(|dir| Some((dir.to_path_buf(), identity(dir)?)));
        Here { path: path.to_path_buf(), identities: identities.collect() }
    }

    /// The workspace of a session, should `self` be in it: where it was then, or where it was moved to.
    pub fn workspace_of(&self, header: &Header) -> Option<PathBuf> {
        let then = Path::new(&header.workspace);
        if self.path.starts_with(then) {
            return Some(then.to_path_buf());
        }
        let known = header.directory.as_ref()?;
        self.identities.iter().find(|(_, identity)| identity == known).map(|(dir, _)| dir.clone())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Served;

    #[test]
    fn a_directory_that_was_moved_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(at.join("old/src")).unwrap();
        let header = Header::new("id", &at.join("old"), Served::default());
        let here = |dir: &str| Here::new(&at.join(dir)).workspace_of(&header);
        assert_eq!(here("old/src"), Some(at.join("old")));
        std::fs::rename(at.join("old"), at.join("new")).unwrap();
        assert_eq!(here("new/src"), Some(at.join("new")));
        assert_eq!(here(""), None);
        // Another one in its place: by its path it is the session's too, as it always was.
        std::fs::create_dir(at.join("old")).unwrap();
        assert_eq!(here("old"), Some(at.join("old")));
        let older = Header { directory: None, ..header.clone() };
        assert_eq!(Here::new(&at.join("new")).workspace_of(&older), None);
    }
}
