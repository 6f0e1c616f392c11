//! Finds what git would take for a repository, in every directory of a tree, as setup.c of git does: an entry named
//! `.git` of any type, and a directory with HEAD and either `commondir` or `objects` and `refs`.
//!
//! A directory whose ctime is as before has the entries that it had, so only the others are listed again. Nobody can
//! set a ctime; one too close to the look for the clock's tick, or of a file system with a clock of its own, counts as
//! changed. Follows no link, and looks into no `.git`.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::Read as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, StatxFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use snapshots::Stamp;

use crate::beneath::Root;
use crate::state;

pub(crate) const DOT_GIT: &str = ".git";
/// Below this no path is reached by its name from the root anyway (PATH_MAX).
const DEEPEST: usize = 2_000;
/// Of a `.git` file, which has one line.
const MOST_BYTES: u64 = 64 << 10;
/// statfs(2): ext4, XFS, Btrfs, tmpfs, overlayfs, F2FS, ZFS, bcachefs. Others may stamp by another machine's clock.
const OUR_CLOCK: [i64; 8] =
    [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0xf2f5_2010, 0x2fc1_2fc1, 0xca45_1a4e];

/// Which object it is, whatever its name: a number that is used again comes with another time of birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    /// 0 where the file system does not keep it.
    born_ns: i64,
}

#[cfg(test)]
impl Identity {
    pub(crate) fn numbered(ino: u64) -> Identity {
        Identity { dev: 1, ino, born_ns: 0 }
    }
}

/// Which of the names that make a directory a repository are in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pieces {
    pub(crate) head: bool,
    pub(crate) commondir: bool,
    pub(crate) objects: bool,
    pub(crate) refs: bool,
}

impl Pieces {
    pub(crate) fn is_repository(self) -> bool {
        self.head && (self.commondir || self.objects && self.refs)
    }

    /// A name in it that was not there `before`, and without which it is no repository.
    pub(crate) fn newest_since(self, before: Pieces) -> &'static str {
        match self {
            Pieces { commondir: true, .. } if before.head && !before.commondir => "commondir",
            Pieces { objects: true, .. } if before.head && !before.objects => "objects",
            Pieces { refs: true, .. } if before.head && !before.refs => "refs",
            _ => "HEAD",
        }
    }
}

/// What is at a path that matters to git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    /// A directory named `.git`.
    Dir(Identity),
    /// A file named `.git`.
    File { bytes: Vec<u8>, mode: u32 },
    /// A link named `.git`.
    Link(OsString),
    /// Something else named `.git`, or what cannot be read.
    Other(Identity),
    /// A directory with HEAD.
    Bare(Identity, Pieces),
}

/// The path of a `.git`, or of a directory with HEAD, from the root.
pub(crate) type Found = BTreeMap<PathBuf, What>;

#[derive(Debug, Default)]
struct Node {
    stamp: Option<Stamp>,
    /// `.git`, and for a file the stamp that goes with its content.
    dot_git: Option<(What, Stamp)>,
    bare: Option<What>,
    below: BTreeMap<OsString, Node>,
}

/// What is known of one tree.
#[derive(Debug, Default)]
pub(crate) struct Look {
    top: Node,
    clocks: HashMap<u64, bool>,
}

/// What a look found.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) found: Found,
    /// Directories that could not be looked into.
    pub(crate) closed: Vec<PathBuf>,
}

impl Look {
    /// `own`: directories of the program itself, absolute. They hold git directories of ours.
    pub(crate) fn look(&mut self, root: &Root, own: &[PathBuf]) -> Seen {
        let own: Vec<&Path> = own.iter().filter_map(|own| own.strip_prefix(root.real()).ok()).collect();
        let looked_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
        let mut walk = Walk { root, own: &own, looked_ns, clocks: &mut self.clocks, seen: Seen::default() };
        walk.visit(&mut self.top, &mut PathBuf::new(), 0);
        walk.seen
    }
}

struct Walk<'a> {
    root: &'a Root,
    /// From the root.
    own: &'a [&'a Path],
    looked_ns: i64,
    clocks: &'a mut HashMap<u64, bool>,
    seen: Seen,
}

/// Whether a directory is still there.
#[derive(PartialEq, Eq)]
enum There {
    Yes,
    No,
}

impl Walk<'_> {
    fn visit(&mut self, node: &mut Node, at: &mut PathBuf, depth: usize) -> There {
        let stat = match self.root.peek(at) {
            Ok(_) if self.own.contains(&at.as_path()) => return There::No,
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => stat,
            Err(Errno::NAMETOOLONG) => {
                self.seen.closed.push(at.clone());
                return There::Yes;
            }
            Ok(_) | Err(_) => return There::No,
        };
        let _opened = Opened::of(self.root, at, &stat);
        let now = state::stamp(&stat, self.looked_ns);
        let trusted = self.clocks.get(&now.dev).copied().unwrap_or(false);
        let is_still = trusted && node.stamp.is_some_and(|stamp| stamp.is_still(&now));
        if !is_still && self.list(node, at) == There::No {
            return There::No;
        }
        if is_still && matches!(node.dot_git, Some((What::File { .. }, _))) {
            self.read_again(node, at);
        }
        if let Some((what, _)) = &node.dot_git {
            self.seen.found.insert(at.join(DOT_GIT), what.clone());
        }
        if let Some(bare) = &node.bare {
            self.seen.found.insert(at.clone(), bare.clone());
        }
        if DEEPEST < depth {
            self.seen.closed.push(at.clone());
            return There::Yes;
        }
        node.below.retain(|name, below| {
            at.push(name);
            let there = self.visit(below, at, depth + 1);
            at.pop();
            there == There::Yes
        });
        There::Yes
    }

    /// What is in a directory, asked for by name besides listing: a name may be found that is spelled otherwise, and
    /// names are found where nothing may be listed.
    fn list(&mut self, node: &mut Node, at: &Path) -> There {
        let Ok(dir) = self.root.open_walked_dir(at) else { return There::No };
        let Ok(stat) = rustix::fs::fstat(&dir) else { return There::No };
        node.stamp = Some(state::stamp(&stat, self.looked_ns));
        self.clocks.entry(stat.st_dev).or_insert_with(|| is_our_clock(&dir));
        if let Some(dirs) = list(&dir) {
            let mut old = std::mem::take(&mut node.below);
            node.below = dirs.into_iter().map(|name| (name.clone(), old.remove(&name).unwrap_or_default())).collect();
        } else {
            self.seen.closed.push(at.to_path_buf());
            node.stamp = None;
        }
        node.dot_git = dot_git(&dir, self.looked_ns);
        node.bare = bare(&dir, &stat);
        There::Yes
    }

    fn read_again(&mut self, node: &mut Node, at: &Path) {
        let now = self.root.peek(&at.join(DOT_GIT)).map(|stat| state::stamp(&stat, self.looked_ns));
        let is_still = matches!((&node.dot_git, &now), (Some((_, stamp)), Ok(now)) if stamp.is_still(now));
        if !is_still && let Ok(dir) = self.root.open_walked_dir(at) {
            node.dot_git = dot_git(&dir, self.looked_ns);
        }
    }
}

/// A directory that a command has closed to us, open for the time of a look: git finds by name what is below it.
struct Opened {
    dir: OwnedFd,
    mode: u32,
}

impl Opened {
    fn of(root: &Root, at: &Path, stat: &Stat) -> Option<Opened> {
        let user = rustix::process::geteuid();
        if stat.st_mode & 0o500 == 0o500 || user.is_root() || stat.st_uid != user.as_raw() {
            return None;
        }
        let opened = Opened { dir: root.open_walked_dir(at).ok()?, mode: stat.st_mode & 0o7777 };
        opened.set(opened.mode | 0o500);
        Some(opened)
    }

    fn set(&self, mode: u32) {
        let place = format!("/proc/self/fd/{}", self.dir.as_raw_fd());
        // Whether it helped is seen when it is listed.
        let _ = std::fs::set_permissions(place, Permissions::from_mode(mode));
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.set(self.mode);
    }
}

/// The directories in `dir` but `.git`.
fn list(dir: &OwnedFd) -> Option<Vec<OsString>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut names = Vec::new();
    for entry in Dir::new(rustix::fs::openat(dir, ".", flags, Mode::empty()).ok()?).ok()? {
        let entry = entry.ok()?;
        let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
        // What is no directory is dropped at its first visit; some file systems do not say.
        let may_be_dir = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        if may_be_dir && name != "." && name != ".." && name != DOT_GIT {
            names.push(name);
        }
    }
    Some(names)
}

fn dot_git(dir: &OwnedFd, looked_ns: i64) -> Option<(What, Stamp)> {
    let stat = rustix::fs::statat(dir, DOT_GIT, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let stamp = state::stamp(&stat, looked_ns);
    let identity = identity(dir, DOT_GIT, &stat);
    let what = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => What::Dir(identity),
        FileType::Symlink => match rustix::fs::readlinkat(dir, DOT_GIT, Vec::new()) {
            Ok(target) => What::Link(OsString::from_vec(target.into_bytes())),
            Err(_) => What::Other(identity),
        },
        FileType::RegularFile => {
            read(dir).map_or(What::Other(identity), |bytes| What::File { bytes, mode: stat.st_mode & 0o777 })
        }
        _ => What::Other(identity),
    };
    Some((what, stamp))
}

fn read(dir: &OwnedFd) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(dir, DOT_GIT, flags, Mode::empty()).ok()?);
    let mut bytes = Vec::new();
    let length = file.metadata().ok().filter(|meta| meta.is_file() && meta.len() <= MOST_BYTES)?.len();
    file.take(length + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn bare(dir: &OwnedFd, stat: &Stat) -> Option<What> {
    let has = |name: &str| rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    if !has("HEAD") {
        return None;
    }
    let pieces = Pieces { head: true, commondir: has("commondir"), objects: has("objects"), refs: has("refs") };
    Some(What::Bare(identity(dir, "", stat), pieces))
}

/// `name`: in `dir`, or `dir` itself if it is empty.
fn identity(dir: &OwnedFd, name: impl AsRef<OsStr>, stat: &Stat) -> Identity {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
    let born = rustix::fs::statx(dir, name.as_ref(), flags, StatxFlags::BTIME).ok();
    let born = born.filter(|statx| StatxFlags::from_bits_retain(statx.stx_mask).contains(StatxFlags::BTIME));
    let born_ns = born.map_or(0, |statx| statx.stx_btime.tv_sec * 1_000_000_000 + i64::from(statx.stx_btime.tv_nsec));
    Identity { dev: stat.st_dev, ino: stat.st_ino, born_ns }
}

fn is_our_clock(dir: &OwnedFd) -> bool {
    rustix::fs::fstatfs(dir)
        .is_ok_and(|statfs| OUR_CLOCK.iter().any(|kind| i128::from(*kind) == i128::from(statfs.f_type)))
}

#[cfg(test)]
mod tests;
