//! Which files of the workspace the model does not get to see: names of secrets, what the user hides, and what git
//! ignores and a scan finds a key in. Decides, and opens nothing but what it has to ask for its content.
//!
//! What git tracks is shown whatever its name: everybody who has the repository has it, and so does `git show`.

mod ignored;
mod names;
mod survey;
mod tracked;

use std::collections::{BTreeSet, HashSet};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{FileType, Stat};

use crate::options::{HostOptions, LooksSecret, Selection};
use ignored::Ignored;
use names::Verdict;
pub use survey::is_filled_by_tools;
pub(crate) use survey::{Survey, Surveyed};
use tracked::Tracked;
pub(crate) use tracked::read;

/// Of a file whose name does not decide; keys and logins stand at its beginning.
const HEAD_BYTES: u64 = 64 << 10;

/// Why a file is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Name,
    /// git ignores it, and there is a key in it.
    Content,
    Settings,
    /// Of the table of places outside of workspaces.
    Place,
}

/// Something in one of the directories that file tools reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    /// Of the directory, without links.
    pub(crate) root: &'p Path,
    /// From there, without links.
    pub(crate) inside: &'p Path,
    pub(crate) kind: FileType,
}

#[derive(Debug)]
pub(crate) struct Hidden {
    hide: Chosen,
    show: Chosen,
    secret: Option<LooksSecret>,
    /// Of each directory that file tools reach, read once.
    tracked: Vec<(PathBuf, OnceLock<Tracked>)>,
    /// Files that were found hidden, by device and number: another name or another place does not show them.
    known: Mutex<HashSet<(u64, u64)>>,
    /// What somebody asked for, for the user.
    hits: Mutex<BTreeSet<PathBuf>>,
}

/// A [`Selection`], ready to be asked.
#[derive(Debug)]
struct Chosen {
    paths: Vec<PathBuf>,
    patterns: Gitignore,
}

impl Chosen {
    fn new(selection: &Selection) -> Result<Chosen, ignore::Error> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in &selection.patterns {
            builder.add_line(None, pattern)?;
        }
        // One that is not there yet has no other name.
        let real = |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        Ok(Chosen { paths: selection.paths.iter().map(real).collect(), patterns: builder.build()? })
    }

    fn has(&self, place: Place<'_>) -> bool {
        // What holds the whole of a root does not choose it: the root was named.
        let above = |path: &PathBuf| place.root != path && place.root.starts_with(path);
        let full = place.root.join(place.inside);
        self.paths.iter().any(|path| full.starts_with(path) && !above(path))
            || !place.inside.as_os_str().is_empty()
                && self
                    .patterns
                    .matched_path_or_any_parents(place.inside, place.kind == FileType::Directory)
                    .is_ignore()
    }
}

impl Hidden {
    /// `roots`: the workspace first, then what was added. `Err`: a pattern is none.
    pub(crate) fn new(options: &HostOptions, roots: impl Iterator<Item = PathBuf>) -> Result<Hidden, ignore::Error> {
        Ok(Hidden {
            hide: Chosen::new(&options.fence.hide)?,
            show: Chosen::new(&options.fence.show)?,
            secret: options.secret,
            tracked: roots.map(|root| (root, OnceLock::new())).collect(),
            known: Mutex::default(),
            hits: Mutex::default(),
        })
    }

    pub(crate) fn is_shown(&self, place: Place<'_>) -> bool {
        self.show.has(place)
    }

    /// By its place and its name. `head`: opens it, asked only where the name does not decide.
    pub(crate) fn why(&self, place: Place<'_>, head: impl FnOnce() -> Option<OwnedFd>) -> Option<Why> {
        if self.show.has(place) {
            return None;
        }
        if self.hide.has(place) {
            return Some(Why::Settings);
        }
        if place.kind == FileType::Directory {
            return None;
        }
        let is_named = match names::verdict(&place.inside.file_name()?.to_string_lossy()) {
            Verdict::Plain => false,
            Verdict::Secret => true,
            Verdict::Depends(marks) => head().is_some_and(|file| names::holds(marks, &beginning(file))),
        };
        (is_named && !self.is_tracked(place)).then_some(Why::Name)
    }

    /// Whether a file has been found hidden under whatever name.
    pub(crate) fn knows(&self, place: Place<'_>, stat: &Stat) -> bool {
        !self.show.has(place)
            && self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&(stat.st_dev, stat.st_ino))
    }

    /// Whether git ignores it and there is a key in it.
    pub(crate) fn holds_secret(&self, place: Place<'_>, bytes: &[u8]) -> bool {
        self.secret.is_some() && !self.show.has(place) && self.is_ignored(place) && self.looks_secret(bytes)
    }

    fn looks_secret(&self, bytes: &[u8]) -> bool {
        let Some(secret) = self.secret else { return false };
        !bytes.contains(&0) && secret(&String::from_utf8_lossy(bytes))
    }

    fn is_ignored(&self, place: Place<'_>) -> bool {
        let Some(top) = self.tracked_of(place.root).and_then(|tracked| tracked.top.clone()) else { return false };
        !self.is_tracked(place) && Ignored::new(&top).has(&place.root.join(place.inside))
    }

    fn is_tracked(&self, place: Place<'_>) -> bool {
        self.tracked_of(place.root).is_some_and(|tracked| tracked.has(&place.root.join(place.inside)))
    }

    fn tracked_of(&self, root: &Path) -> Option<&Tracked> {
        let (root, tracked) = self.tracked.iter().find(|(other, _)| other == root)?;
        Some(tracked.get_or_init(|| Tracked::of(root)))
    }

    /// The index as it is before the first command: what a command adds to it does not count.
    fn read_tracked(&self) {
        for (root, _) in &self.tracked {
            self.tracked_of(root);
        }
    }

    fn remember(&self, objects: impl Iterator<Item = (u64, u64)>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(objects);
    }

    /// Somebody asked for it: `path` from the workspace, or absolute.
    pub(crate) fn was_hit(&self, path: &Path) {
        self.hits.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_path_buf());
    }

    pub(crate) fn take_hits(&self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut *self.hits.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether files of this name are hidden whatever is in them.
pub fn is_named_like_a_secret(name: &str) -> bool {
    names::verdict(name) == Verdict::Secret
}

fn beginning(file: OwnedFd) -> Vec<u8> {
    let file = std::fs::File::from(file);
    let mut head = Vec::new();
    if file.metadata().is_ok_and(|meta| meta.is_file()) {
        // What could be read is what there is to ask.
        let _ = file.take(HEAD_BYTES).read_to_end(&mut head);
    }
    head
}

/// How far a look for what is hidden came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Search {
    #[default]
    Whole,
    /// There was not enough time or room for all.
    Partial,
}

/// Paths that one note has.
const MOST_NAMED: usize = 8;

/// Those of these paths that a command line names by their last part.
pub(crate) fn named_in<'p>(command: &str, paths: &[&'p Path]) -> Vec<&'p Path> {
    let is_part = |character: char| character.is_alphanumeric() || "_-.".contains(character);
    let names = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        command.match_indices(&*name).any(|(at, _)| {
            let before = command.get(..at).and_then(|before| before.chars().next_back());
            let after = command.get(at + name.len()..).and_then(|after| after.chars().next());
            ![before, after].into_iter().flatten().any(is_part)
        })
    };
    paths.iter().copied().filter(|path| names(path)).collect()
}

/// What the model is told of what commands cannot open. `None`: nothing.
pub(crate) fn note(paths: &[&Path], search: Search) -> Option<String> {
    let first = paths.first()?.display();
    let mut shown: Vec<String> = paths.iter().take(MOST_NAMED).map(|path| format!("`{}`", path.display())).collect();
    if MOST_NAMED < paths.len() {
        shown.push(format!("{} more", paths.len() - MOST_NAMED));
    }
    let rest = match search {
        Search::Whole => "",
        Search::Partial => " The workspace is too large to search completely.",
    };
    Some(format!(
        "Hidden from you because they may hold secrets: {}. Commands cannot open these files (\"Permission denied\"). If the \
         task needs one, stop and ask the user to run again with `--show {first}`.{rest}",
        shown.join(", ")
    ))
}

impl Why {
    /// For the model, which shall neither look for another way nor take the file for missing.
    pub(crate) fn words(self, path: &str) -> String {
        let why = match self {
            Why::Name => "files with this name usually hold secrets",
            Why::Content => "git ignores it and it contains a key",
            Why::Settings => "the user's settings hide it",
            Why::Place => "programs keep secrets there",
        };
        format!(
            "`{path}` exists but is hidden from you: {why}. No tool or command can read it. If the task needs it, stop and \
             ask the user to run again with `--show {path}`."
        )
    }
}
