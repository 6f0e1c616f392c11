//! The files that a run changed, for its account: as the snapshots have it, and as the tools say where there is none.

use std::collections::BTreeMap;
use std::path::Path;

use snapshots::{Changed, FileState};

use crate::account::{Account, ChangedFile, Kind, describe};
use crate::diff::content;
use crate::watched::Watched;

/// A run that checks out another branch changes thousands; `agent diff` has them all.
const MOST: usize = 300;

/// In the order of their paths, and how many more there are.
pub(crate) fn files(watched: &Watched, account: &Account) -> (Vec<ChangedFile>, usize) {
    let is_file = |state: &Option<FileState>| state.as_ref().is_some_and(|state| *state != FileState::Dir);
    let mut changed = watched.changed();
    changed.retain(|change| is_file(&change.before) || is_file(&change.after));
    let left_out = changed.len().saturating_sub(MOST);
    let described = changed.iter().take(MOST).map(|change| one(watched, change));
    let mut files: BTreeMap<String, ChangedFile> = described.map(|file| (file.path.clone(), file)).collect();
    for file in account.changed_files() {
        if !watched.knows(Path::new(&file.path)) {
            files.insert(file.path.clone(), file);
        }
    }
    (files.into_values().collect(), left_out)
}

fn one(watched: &Watched, change: &Changed) -> ChangedFile {
    let path = change.path.to_string_lossy();
    let held = |state: &Option<FileState>| watched.with_objects(|_, objects| content(state.as_ref(), objects)?.ok());
    let (before, after) = (held(&change.before).flatten(), held(&change.after).flatten());
    // Only the mode changed, or the content is not kept.
    let uncounted = || ChangedFile {
        path: path.clone().into_owned(),
        change: match (&change.before, &change.after) {
            (None, _) => Kind::Created,
            (_, None) => Kind::Deleted,
            (Some(_), Some(_)) => Kind::Modified,
        },
        added: 0,
        removed: 0,
    };
    describe(&path, before.as_deref(), after.as_deref()).unwrap_or_else(uncounted)
}
