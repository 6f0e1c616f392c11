//! Which of the repositories that are there now were there before a command. Pure: by identity and content, since
//! parents move and paths are used again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::look::{Found, Identity, Pieces, What};

/// What is to be done, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// What must go: a `.git`, a piece that makes a directory a repository, or a whole directory. Deepest first.
    pub(crate) planted: Vec<PathBuf>,
    /// Repositories to be moved back to where they were: from where they are.
    pub(crate) back: Vec<(PathBuf, PathBuf)>,
    /// Files and links that were replaced or changed.
    pub(crate) restore: Vec<(PathBuf, What)>,
    /// What is there as it may be, when all that is done.
    pub(crate) known: Found,
}

pub(crate) fn judge(known: &Found, now: &Found) -> Verdict {
    let places: HashMap<Identity, &PathBuf> =
        known.iter().filter_map(|(path, what)| Some((what.repository()?, path))).collect();
    let mut verdict = Verdict::default();
    let mut moved = Vec::new();
    for (path, what) in now {
        let before = known.get(path);
        if before.is_some_and(|before| before.is_as(what))
            || matches!(what, What::Bare(_, pieces) if !pieces.is_repository())
        {
            verdict.known.insert(path.clone(), what.clone());
            continue;
        }
        match what.repository().and_then(|identity| places.get(&identity)) {
            Some(old) => moved.push(((*old).clone(), path.clone(), what)),
            None => {
                verdict.planted.push(piece(path, before, what));
                if let Some(before @ (What::File { .. } | What::Link(_))) = before {
                    verdict.restore.push((path.clone(), before.clone()));
                    verdict.known.insert(path.clone(), before.clone());
                }
            }
        }
    }
    for (old, new, what) in moved {
        let in_its_place =
            verdict.planted.iter_mut().find(|planted| **planted == old || planted.parent() == Some(&old));
        match (in_its_place, known.get(&old)) {
            (Some(planted), Some(was)) => {
                // Of a bare one the whole directory is somebody else's.
                planted.clone_from(&old);
                verdict.known.insert(old.clone(), was.clone());
                verdict.back.push((new, old));
            }
            // It moved with its files: it is the user's still.
            (_, _) => _ = verdict.known.insert(new, what.clone()),
        }
    }
    verdict.planted.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    verdict.planted.dedup();
    verdict
}

/// What has to go so that `path` is no repository.
fn piece(path: &Path, before: Option<&What>, what: &What) -> PathBuf {
    let What::Bare(identity, pieces) = what else { return path.to_path_buf() };
    let before = match before {
        Some(What::Bare(same, before)) if same == identity => *before,
        Some(What::Bare(..) | What::Dir(_) | What::File { .. } | What::Link(_) | What::Other(_)) | None => {
            Pieces::default()
        }
    };
    path.join(pieces.newest_since(before))
}

impl What {
    /// Of a directory that is a repository: which one it is.
    fn repository(&self) -> Option<Identity> {
        match self {
            What::Dir(identity) => Some(*identity),
            What::Bare(identity, pieces) => pieces.is_repository().then_some(*identity),
            What::File { .. } | What::Link(_) | What::Other(_) => None,
        }
    }

    fn is_as(&self, now: &What) -> bool {
        match (self, now) {
            // Whoever may change a file's mode changes nothing by it for git.
            (What::File { bytes, .. }, What::File { bytes: now, .. }) => bytes == now,
            (What::Bare(before, was), What::Bare(now, is)) => {
                before == now && was.is_repository() == is.is_repository()
            }
            (before, now) => before == now,
        }
    }
}

#[cfg(test)]
mod tests;
