//! What is at a path, for snapshots: its content is kept as it is read.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use agent::{Change, FileMode};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use snapshots::{Changed, FileState, Objects, Stamp};

use crate::beneath::{LastLink, Root};
use crate::roots::Roots;

/// Larger files are known by size and time only: keeping each version of a data file would fill the disk.
pub(crate) const LARGEST_KEPT: u64 = 5 << 20;
/// The kernel stamps files by a clock that ticks every 1 to 10 ms.
pub(crate) const TICK_NS: i64 = 20_000_000;
/// FAT has steps of 2 s, some network file systems of 1 s; their times have no fraction.
const COARSE_TICK_NS: i64 = 2_100_000_000;

/// Of a mode: set-user-ID and its like are among them, so that an undo takes them away.
pub(crate) const PERMISSIONS: u32 = 0o7777;

pub(crate) fn changed_ns(stat: &Stat) -> i64 {
    ns(stat.st_ctime, stat.st_ctime_nsec)
}

/// How long after a change another one may leave the same times.
pub(crate) fn tick_ns(mtime_ns: i64, ctime_ns: i64) -> i64 {
    let is_whole = |ns: i64| ns % 1_000_000_000 == 0;
    if is_whole(mtime_ns) && is_whole(ctime_ns) { COARSE_TICK_NS } else { TICK_NS }
}

/// `looked_ns`: when the look began, by the clock of the file system. What was changed about then, or after, may change
/// again unseen.
pub(crate) fn stamp(stat: &Stat, looked_ns: i64) -> Stamp {
    let (mtime_ns, ctime_ns) = (ns(stat.st_mtime, stat.st_mtime_nsec), ns(stat.st_ctime, stat.st_ctime_nsec));
    Stamp {
        dev: stat.st_dev,
        ino: stat.st_ino,
        mode: stat.st_mode,
        bytes: bytes(stat),
        mtime_ns,
        ctime_ns,
        racy: looked_ns <= mtime_ns.max(ctime_ns).saturating_add(tick_ns(mtime_ns, ctime_ns)),
    }
}

fn ns(seconds: i64, nanoseconds: impl TryInto<i64>) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds.try_into().unwrap_or(0))
}

fn bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

pub(crate) fn unkept(stat: &Stat) -> FileState {
    let changed_ns = ns(stat.st_mtime, stat.st_mtime_nsec);
    FileState::Unkept { bytes: bytes(stat), mode: stat.st_mode & PERMISSIONS, changed_ns }
}

/// `None`: a regular file, a directory or a link.
pub(crate) fn special(stat: &Stat) -> Option<FileState> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::Directory | FileType::Symlink => None,
        _ => Some(FileState::Special { mode: stat.st_mode }),
    }
}

/// A regular file's state, and the stat that goes with what was read.
pub(crate) fn of_file(root: &Root, path: &Path, objects: &mut Objects) -> Option<(FileState, Stat)> {
    let file = root.open_walked(path).ok()?;
    let stat = rustix::fs::fstat(&file).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || LARGEST_KEPT < bytes(&stat) {
        return Some((unkept(&stat), stat));
    }
    let mut content = Vec::with_capacity(usize::try_from(bytes(&stat)).unwrap_or(0).saturating_add(1));
    let file = File::from(file);
    let read = (&file).take(LARGEST_KEPT + 1).read_to_end(&mut content);
    if read.is_err() || LARGEST_KEPT < content.len() as u64 {
        return Some((unkept(&stat), stat));
    }
    let state = match objects.keep(&content) {
        Ok(digest) => FileState::File { digest, bytes: content.len() as u64, mode: stat.st_mode & PERMISSIONS },
        Err(_) => unkept(&stat),
    };
    Some((state, stat))
}

pub(crate) fn of_link(dir: impl AsFd, name: &Path) -> Option<FileState> {
    let target = rustix::fs::readlinkat(dir, name, Vec::new()).ok()?;
    Some(FileState::Link { target: OsString::from_vec(target.into_bytes()) })
}

/// `None`: nothing is there, or what leads there is no directory.
pub(crate) fn of_path(root: &Root, path: &Path, objects: &mut Objects) -> Option<FileState> {
    let (found, stat) = match root.find_walked(path) {
        Ok(found) => found,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return None,
        // Something is there that we may not see.
        Err(_) => return Some(FileState::Unkept { bytes: 0, mode: 0, changed_ns: 0 }),
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Some(FileState::Dir),
        FileType::Symlink => of_open_link(&found),
        FileType::RegularFile => of_file(root, path, objects).map(|(state, _)| state).or(Some(unkept(&stat))),
        _ => special(&stat),
    }
}

/// readlinkat(2) with an empty name reads the link that was opened.
fn of_open_link(link: &OwnedFd) -> Option<FileState> {
    of_link(link, Path::new(""))
}

/// What a write will leave, and the directories that it makes.
pub(crate) fn foresee(roots: &Roots, changes: &[Change], objects: &mut Objects) -> Vec<Changed> {
    let mut seen = Vec::new();
    let mut dirs = BTreeSet::new();
    for change in changes {
        let last = if change.after.is_some() { LastLink::Follow } else { LastLink::Keep };
        let root = roots.of(&change.path);
        if !std::ptr::eq(root, &roots.workspace) {
            continue;
        }
        let Ok(place) = root.locate(&change.path, last) else { continue };
        let path = place.path();
        let mut above = place.dir_path.clone();
        for name in &place.missing {
            above.push(name);
            dirs.insert(above.clone());
        }
        let before = of_path(root, &path, objects);
        let after = change.after.as_ref().map(|content| foreseen(content, before.as_ref(), &change.mode, objects));
        seen.push(Changed { path, before, after });
    }
    let made = dirs.into_iter().map(|path| Changed { path, before: None, after: Some(FileState::Dir) });
    made.chain(seen).collect()
}

/// The mode of a new file is the umask's to say: what was really written is looked at afterwards.
fn foreseen(content: &[u8], before: Option<&FileState>, mode: &FileMode, objects: &mut Objects) -> FileState {
    let old = match before {
        Some(FileState::File { mode, .. } | FileState::Unkept { mode, .. }) => *mode,
        Some(FileState::Link { .. } | FileState::Special { .. } | FileState::Dir) | None => 0o644,
    };
    let mode = match mode {
        FileMode::Keep | FileMode::Of(_) => old,
        FileMode::Executable => old | (old & 0o444) >> 2,
        FileMode::NotExecutable => old & !0o111,
    };
    let bytes = content.len() as u64;
    let kept = if bytes <= LARGEST_KEPT { objects.keep(content).ok() } else { None };
    match kept {
        Some(digest) => FileState::File { digest, bytes, mode },
        None => FileState::Unkept { bytes, mode, changed_ns: 0 },
    }
}

/// The paths of `changes` as they are now.
pub(crate) fn settle(root: &Root, changes: &[Changed], objects: &mut Objects) -> Vec<Changed> {
    let now = |change: &Changed, objects: &mut Objects| of_path(root, &change.path, objects);
    changes.iter().map(|change| Changed { after: now(change, objects), ..change.clone() }).collect()
}
