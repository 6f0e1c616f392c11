//! What an undo will do, thought through before anything is touched. Pure.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use similar::TextMerge;

use crate::{Changed, Digest, FileState, Link};

/// What becomes of a file that somebody changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// It is left as it is.
    No,
    /// Our change is taken out of it, if that is possible line by line.
    Text,
}

/// What happens to one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Planned {
    /// It becomes what it was.
    Restore(Changed),
    /// It becomes a text that no snapshot has.
    Merge { path: PathBuf, now: FileState, text: Vec<u8>, mode: u32 },
    /// It is already what it was.
    Already(PathBuf),
    /// It stays, and why, for the human.
    Left { path: PathBuf, now: Option<FileState>, why: &'static str },
}

pub type Plan = Vec<Planned>;

const CHANGED: &str = "changed since by someone else";
const CONFLICT: &str = "changed since in the same lines";
const NOT_TEXT: &str = "changed since, and cannot be merged as text";
const NOT_KEPT: &str = "no snapshot: too large, or no space or time";
const SPECIAL: &str = "it was a socket or a device, which cannot be recreated";
const IN_THE_WAY: &str = "its directory is no longer a directory";

/// Takes back `links`, which are in the order they were made. `now` says what is at a path, `content` what is kept.
pub fn plan(
    links: &[Link],
    merge: Merge,
    mut now: impl FnMut(&Path) -> Option<FileState>,
    content: impl Fn(&Digest) -> Option<Vec<u8>>,
) -> Plan {
    let mut chains: BTreeMap<&Path, Vec<&Changed>> = BTreeMap::new();
    for link in links {
        chains.entry(&link.change.path).or_default().push(&link.change);
    }
    let mut plan = Plan::new();
    // Parents come before what is in them.
    let mut made: HashSet<&Path> = HashSet::new();
    for (path, chain) in &chains {
        let state = now(path);
        let planned = one(path, chain, state.clone(), merge, &content);
        let mut above = path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty());
        let planned = match planned {
            Planned::Restore(Changed { after: Some(_), .. })
                if above.any(|dir| !made.contains(dir) && !matches!(now(dir), None | Some(FileState::Dir))) =>
            {
                Planned::Left { path: path.to_path_buf(), now: state, why: IN_THE_WAY }
            }
            planned => planned,
        };
        if matches!(&planned, Planned::Restore(Changed { after: Some(FileState::Dir), .. })) {
            made.insert(path);
        }
        plan.push(planned);
    }
    plan
}

/// What a path is while its changes are taken back one by one, the last first.
enum Going {
    To(Option<FileState>),
    Text { text: Vec<u8>, mode: u32 },
}

fn one(
    path: &Path,
    chain: &[&Changed],
    now: Option<FileState>,
    merge: Merge,
    content: &impl Fn(&Digest) -> Option<Vec<u8>>,
) -> Planned {
    let left = |why| Planned::Left { path: path.to_path_buf(), now: now.clone(), why };
    let mut going = Going::To(now.clone());
    for change in chain.iter().rev() {
        going = match going {
            Going::To(state) if state == change.after => Going::To(change.before.clone()),
            // Taken back already, or never made: a write that was cut short.
            Going::To(state) if state == change.before => Going::To(state),
            Going::To(_) | Going::Text { .. } if merge == Merge::No => return left(CHANGED),
            going => match merge_out(&going, change, content) {
                Ok((text, mode)) => Going::Text { text, mode },
                Err(why) => return left(why),
            },
        };
    }
    match (going, now.clone()) {
        (Going::To(to), now) if to == now => Planned::Already(path.to_path_buf()),
        (Going::Text { text, mode }, Some(now)) => Planned::Merge { path: path.to_path_buf(), now, text, mode },
        (Going::To(to), now) => {
            if matches!(&to, Some(FileState::Special { mode }) if !is_fifo(*mode)) {
                return left(SPECIAL);
            }
            let kept = |state: &Option<FileState>| match state {
                Some(FileState::File { digest, .. }) => content(digest).is_some(),
                Some(FileState::Unkept { .. }) => false,
                Some(FileState::Link { .. } | FileState::Special { .. } | FileState::Dir) | None => true,
            };
            // What is taken away must be there for a redo.
            let kept = kept(&to) && kept(&now);
            if kept {
                Planned::Restore(Changed { path: path.to_path_buf(), before: now, after: to })
            } else {
                left(NOT_KEPT)
            }
        }
        (Going::Text { .. }, None) => left(CHANGED),
    }
}

/// By the bits of its kind (inode(7)).
fn is_fifo(mode: u32) -> bool {
    mode & 0o170_000 == 0o010_000
}

/// Takes one change out of a text that went on from it.
fn merge_out(
    going: &Going,
    change: &Changed,
    content: &impl Fn(&Digest) -> Option<Vec<u8>>,
) -> Result<(Vec<u8>, u32), &'static str> {
    let (
        Some(FileState::File { digest: after, mode: mode_after, .. }),
        Some(FileState::File { digest: before, mode: mode_before, .. }),
    ) = (&change.after, &change.before)
    else {
        return Err(CHANGED);
    };
    let (theirs, mode) = match going {
        Going::Text { text, mode } => (text.clone(), *mode),
        Going::To(Some(FileState::File { digest, mode, .. })) => (content(digest).ok_or(NOT_KEPT)?, *mode),
        Going::To(_) => return Err(CHANGED),
    };
    let (base, ours) = (content(after).ok_or(NOT_KEPT)?, content(before).ok_or(NOT_KEPT)?);
    let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(NOT_TEXT),
    };
    let (base, theirs, ours) = (text(&base)?, text(&theirs)?, text(&ours)?);
    let merged = TextMerge::from_lines(base.as_str(), theirs.as_str(), ours.as_str());
    if merged.is_conflicted() {
        return Err(CONFLICT);
    }
    let mode = if mode == *mode_after { *mode_before } else { mode };
    Ok((merged.to_string().into_bytes(), mode))
}

impl Planned {
    pub fn path(&self) -> &Path {
        match self {
            Planned::Restore(change) => &change.path,
            Planned::Merge { path, .. } | Planned::Already(path) | Planned::Left { path, .. } => path,
        }
    }
}

#[cfg(test)]
mod tests;
