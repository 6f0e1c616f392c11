//! Where a repository is: its refs, the HEAD of each worktree, its stash. Read
//! in the same way on the user's side and on the commands' side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::private_git::dir::Dir;
use crate::private_git::layout::View;
use crate::private_git::refs::{self, Refs, Target};

const HEAD_BYTES: u64 = 4 << 10;
const LOG_BYTES: u64 = 16 << 20;
const MESSAGE_CHARS: usize = 200;
pub(crate) const STASH: &str = "refs/stash";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) refs: Refs,
    /// By the place in the git directory, see [`View::inside`].
    pub(crate) heads: BTreeMap<PathBuf, Target>,
    /// The newest first.
    pub(crate) stash: Vec<Stashed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stashed {
    pub(crate) id: String,
    pub(crate) message: String,
}

impl Snapshot {
    pub(crate) fn read(dir: &Dir, views: &[View]) -> Snapshot {
        Snapshot::with(dir, views, refs::read(dir).refs)
    }

    pub(crate) fn with(dir: &Dir, views: &[View], mut refs: Refs) -> Snapshot {
        let head = |view: &View| Some((view.inside.clone(), head(dir, &view.inside)?));
        let heads = views.iter().filter_map(head).collect();
        let stash = if refs.contains_key(STASH) { stash(dir) } else { Vec::new() };
        // The list stands for it.
        refs.remove(STASH);
        Snapshot { refs, heads, stash }
    }

    /// The commit that a worktree is at. `None`: none yet.
    pub(crate) fn commit(&self, view: &Path) -> Option<&str> {
        self.resolve(self.heads.get(view)?)
    }

    pub(crate) fn resolve<'s>(&'s self, target: &'s Target) -> Option<&'s str> {
        match target {
            Target::Id(id) => Some(id),
            Target::Name(name) => self.id(name),
        }
    }

    /// `None` for a symbolic ref, too: those are not moved here.
    pub(crate) fn id(&self, name: &str) -> Option<&str> {
        match self.refs.get(name)? {
            Target::Id(id) => Some(id),
            Target::Name(_) => None,
        }
    }

    /// Nothing can be believed of a side whose HEAD is gone, or whose branch is gone from under it.
    pub(crate) fn is_broken(&self, base: &Snapshot) -> bool {
        base.heads.iter().any(|(view, _)| match self.heads.get(view) {
            None => true,
            Some(Target::Id(_)) => false,
            Some(Target::Name(branch)) => base.refs.contains_key(branch) && !self.refs.contains_key(branch),
        })
    }
}

fn head(dir: &Dir, view: &Path) -> Option<Target> {
    refs::target(&dir.read(&view.join("HEAD"), HEAD_BYTES).ok()?)
}

/// Branches that worktrees out of our reach have checked out: to move one shows changes there that nobody made.
pub(crate) fn elsewhere(dir: &Dir, views: &[View]) -> BTreeSet<String> {
    let linked = dir.list(Path::new("worktrees")).unwrap_or_default().into_iter();
    let all = linked.map(|entry| Path::new("worktrees").join(entry.name)).chain([PathBuf::new()]);
    let others = all.filter(|inside| !views.iter().any(|view| view.inside == *inside));
    let names = others.filter_map(|inside| match head(dir, &inside)? {
        Target::Name(name) => Some(name),
        Target::Id(_) => None,
    });
    names.collect()
}

fn stash(dir: &Dir) -> Vec<Stashed> {
    let log = dir.read(Path::new("logs/refs/stash"), LOG_BYTES).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines = log.lines().rev().filter_map(entry);
    lines.map(|(id, message)| Stashed { id: id.to_owned(), message }).collect()
}

/// What the last line of a worktree's log says, as a line for the user's own log.
pub(crate) fn last_message(dir: &Dir, view: &Path) -> Option<String> {
    let log = dir.read(&view.join("logs/HEAD"), LOG_BYTES).ok()?;
    let log = String::from_utf8_lossy(&log);
    log.lines().rev().find_map(entry).map(|(_, message)| message).filter(|message| !message.is_empty())
}

/// New value and message of a line in a log: `OLD NEW NAME <MAIL> TIME ZONE\tMESSAGE`.
fn entry(line: &str) -> Option<(&str, String)> {
    let id = line.split(' ').nth(1).filter(|id| refs::is_id(id))?;
    let message = line.split_once('\t').map_or("", |(_, message)| message);
    Some((id, message.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS).collect()))
}
