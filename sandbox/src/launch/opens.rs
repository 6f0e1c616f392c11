//! Whether what a command opens is hidden, where no mounts of ours cover it: the kernel asks, and we look what the name
//! leads to, by object and by place.
//!
//! The kernel then goes on with the command's own arguments. A program with two threads, or one that shares memory, can
//! change the name in between: this keeps honest programs out, and is not a wall. README.md says so.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use libc::c_long;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::launch::attributes::{PATH_BYTES, fd, open_fd, theirs};
use crate::launch::listener::Asked;
use crate::launch::memory::Memory;

/// What opens, empties, moves or removes a file by its name.
pub(crate) const BY_NAME: &[c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_truncate,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_renameat,
    libc::SYS_renameat2,
];
/// In a row. The kernel follows forty in one name; these lead into /proc.
const MOST_LINKS: usize = 8;
/// openat2(2): flags, mode, and how to resolve.
const OPEN_HOW_BYTES: u64 = 24;

/// Files and directories.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    objects: HashSet<(u64, u64)>,
    paths: Vec<PathBuf>,
}

/// A name in a call.
struct Named {
    dir: i32,
    path: u64,
    /// Whether a link at its end is followed.
    follow: bool,
    resolve: ResolveFlags,
}

impl Hidden {
    pub(crate) fn new<'p>(paths: impl Iterator<Item = &'p Path>) -> Hidden {
        let mut hidden = Hidden::default();
        for path in paths {
            hidden.objects.extend(path.symlink_metadata().map(|meta| (meta.dev(), meta.ino())));
            hidden.paths.push(path.to_path_buf());
        }
        hidden
    }

    /// What the call is about, if that is hidden. `waits`: whether the call still waits.
    pub(crate) fn find(&self, asked: &Asked, waits: impl Fn() -> bool) -> Option<PathBuf> {
        let memory = Memory::of(asked.thread).ok()?;
        let named = read(asked, &memory).ok()?;
        named.into_iter().find_map(|named| {
            let object = match named.open(asked.thread, &memory, &waits) {
                Ok(object) => object,
                // It leads through a link that only the kernel can follow.
                Err(Errno::LOOP) => return Some(PathBuf::from("a link into /proc")),
                // What cannot be opened as a place only, the kernel will not open either.
                Err(_) => return None,
            };
            let place = place(&object).ok()?;
            let stat = rustix::fs::fstat(&object).ok()?;
            let is_hidden = self.objects.contains(&(stat.st_dev, stat.st_ino))
                || self.paths.iter().any(|path| place.starts_with(path));
            is_hidden.then_some(place)
        })
    }
}

impl Named {
    fn open(&self, thread: u32, memory: &Memory, waits: impl Fn() -> bool) -> Result<OwnedFd, Errno> {
        let path = memory.text(self.path, PATH_BYTES)?;
        let is_rooted = path.as_bytes().starts_with(b"/") && !self.resolve.contains(ResolveFlags::IN_ROOT);
        let dir = if is_rooted { None } else { Some(open_fd(thread, self.dir)?) };
        if !waits() {
            return Err(Errno::SRCH);
        }
        let follow = if self.follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        let flags = OFlags::PATH | OFlags::CLOEXEC | follow;
        match dir {
            Some(dir) => match resolve(&dir, path.as_bytes(), flags, self.resolve | ResolveFlags::NO_MAGICLINKS) {
                Err(Errno::LOOP) => {
                    let full = [place(&dir)?.as_os_str().as_bytes(), b"/", path.as_bytes()].concat();
                    rooted(thread, &full, flags, self.resolve)
                }
                opened => opened,
            },
            None => rooted(thread, path.as_bytes(), flags, self.resolve),
        }
    }
}

fn place(object: &OwnedFd) -> Result<PathBuf, Errno> {
    let place = rustix::fs::readlink(format!("/proc/self/fd/{}", object.as_raw_fd()), Vec::new())?;
    Ok(PathBuf::from(OsString::from_vec(place.into_bytes())))
}

fn resolve(dir: impl AsFd, path: &[u8], flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat2(dir, path, flags, Mode::empty(), resolve)
}

/// Such a link in /proc leads elsewhere for us than for the command. So those that stand in the name are followed as the
/// command's own, and one that a link in the file system leads to is not: it is named, or it is refused.
fn rooted(thread: u32, path: &[u8], flags: OFlags, how: ResolveFlags) -> Result<OwnedFd, Errno> {
    let mut path = path.to_vec();
    for _ in 0..MOST_LINKS {
        path = theirs(thread, &path);
        let (start, rest) = past_proc(&path)?;
        if rest.is_empty() {
            return Ok(start);
        }
        match resolve(start, &rest, flags, how | ResolveFlags::NO_MAGICLINKS) {
            // `/var/log/x.log` may lead to /dev/stdout.
            Err(Errno::LOOP) => {
                let target = rustix::fs::readlink(path, Vec::new())?.into_bytes();
                if !target.starts_with(b"/") {
                    return Err(Errno::LOOP);
                }
                path = target;
            }
            opened => return opened,
        }
    }
    Err(Errno::LOOP)
}

/// Follows a name as long as it is in /proc. With what is left of it.
fn past_proc(path: &[u8]) -> Result<(OwnedFd, Vec<u8>), Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let mut at = rustix::fs::open("/", flags, Mode::empty())?;
    let mut parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).peekable();
    if parts.peek() != Some(&&b"proc"[..]) {
        return Ok((at, path.strip_prefix(b"/").filter(|rest| !rest.is_empty()).unwrap_or(b".").to_vec()));
    }
    let mut is_in_proc = true;
    while is_in_proc && let Some(part) = parts.next() {
        at = rustix::fs::openat(&at, part, flags, Mode::empty())?;
        is_in_proc = rustix::fs::fstatfs(&at)?.f_type == rustix::fs::PROC_SUPER_MAGIC;
    }
    let rest: Vec<&[u8]> = parts.collect();
    Ok((at, rest.join(&b'/')))
}

/// open(2), truncate(2), unlink(2), rename(2). Of a new name only what it replaces matters.
fn read(asked: &Asked, memory: &Memory) -> Result<Vec<Named>, Errno> {
    let [a, b, c, d, ..] = asked.arguments;
    let none = ResolveFlags::empty();
    let at = |dir: i32, path: u64, follow: bool| Named { dir, path, follow, resolve: none };
    let here = libc::AT_FDCWD;
    Ok(match asked.call {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open | libc::SYS_creat => vec![at(here, a, true)],
        libc::SYS_openat => vec![at(fd(a), b, true)],
        libc::SYS_openat2 => {
            let how = memory.bytes(c, OPEN_HOW_BYTES.min(d))?;
            let resolve = how.get(16..24).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes);
            vec![Named { resolve: ResolveFlags::from_bits_retain(resolve), ..at(fd(a), b, true) }]
        }
        libc::SYS_truncate => vec![at(here, a, true)],
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink => vec![at(here, a, false)],
        libc::SYS_unlinkat => vec![at(fd(a), b, false)],
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => vec![at(here, a, false), at(here, b, false)],
        #[cfg(target_arch = "x86_64")]
        libc::SYS_renameat => vec![at(fd(a), b, false), at(fd(c), d, false)],
        libc::SYS_renameat2 => vec![at(fd(a), b, false), at(fd(c), d, false)],
        _ => return Err(Errno::NOSYS),
    })
}
