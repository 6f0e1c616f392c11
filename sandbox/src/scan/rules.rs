//! The ignore rules of the last look, by which what a command makes is found.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use snapshots::{Digest, Manifest, Objects};

use crate::beneath::Root;
use crate::ignored::{Before, exclude_of};

/// Files that say what is ignored. When one changes, so may every list of names.
const RULES: [&str; 2] = [".gitignore", ".ignore"];

pub(super) fn is_rules(name: &OsStr) -> bool {
    RULES.iter().any(|rules| name == *rules)
}

/// The rules as `manifest` knows them. Ignore files that changed since are filled in when they are met.
pub(super) fn before(root: &Root, manifest: &Manifest, objects: &mut Objects) -> Before {
    // What was kept may still be on its way; what cannot be read says nothing.
    let _ = objects.flush();
    let mut before = Before { root: root.real().to_path_buf(), ..Before::default() };
    for (path, dir) in &manifest.dirs {
        let known = RULES.iter().filter(|name| dir.entries.contains_key(OsStr::new(name)));
        before.rules.extend(known.map(|name| (root.real().join(path).join(name), None)));
    }
    for (path, digest) in &manifest.excludes {
        if let Ok(content) = objects.get(digest) {
            before.excludes.insert(root.real().join(path), content);
        }
    }
    before
}

/// Whether git's own exclude files say what they said.
pub(super) fn excludes_are(root: &Root, known: &BTreeMap<PathBuf, Digest>) -> bool {
    let top = PathBuf::new();
    let now = |dir: &Path| exclude_of(&root.real().join(dir)).map(|content| Digest::of(&content));
    known.keys().chain([&top]).all(|dir| now(dir).as_ref() == known.get(dir))
}

/// What they say now, of the repositories in these directories.
pub(super) fn excludes<'d>(
    root: &Root,
    objects: &mut Objects,
    dirs: impl Iterator<Item = &'d PathBuf>,
) -> BTreeMap<PathBuf, Digest> {
    let mut excludes = BTreeMap::new();
    for dir in dirs {
        let Some(content) = exclude_of(&root.real().join(dir)) else { continue };
        // Without room for it, the rules of that repository hide nothing from the next looks.
        if let Ok(digest) = objects.keep(&content) {
            excludes.insert(dir.clone(), digest);
        }
    }
    excludes
}
