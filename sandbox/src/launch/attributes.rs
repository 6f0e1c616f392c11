//! Permission bits, owners, times and extended attributes, changed in a
//! command's place where Landlock alone fences the files and does not know
//! them.
//!
//! The object is opened first, and then it is asked where it lies: a name
//! that changes meanwhile leads to another object, never to another answer.
//! What lies outside cannot be moved inside, by Landlock's own rules.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use libc::c_long;
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use crate::launch::listener::Asked;
use crate::launch::memory::Memory;
use crate::launch::seccomp::calls::SYS_FCHMODAT2;

/// What the kernel takes (linux/limits.h): PATH_MAX, and XATTR_NAME_MAX with its NUL.
pub(crate) const PATH_BYTES: usize = 4_096;
const NAME_BYTES: usize = 256;

/// What a call is about, as it says.
enum Place {
    Open(i32),
    Named { dir: i32, path: CString, follow: bool },
}

enum Change {
    Mode(Mode),
    Owner(Option<Uid>, Option<Gid>),
    Times(Timestamps),
    Set { name: CString, value: Vec<u8>, flags: XattrFlags },
    Remove(CString),
}

pub(crate) enum Refused {
    /// As the kernel would have.
    Errno(Errno),
    /// It is not the command's: where it is.
    Outside(PathBuf),
    /// Others who run it would act with the user's rights.
    LendsRights(PathBuf),
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Refused {
        Refused::Errno(errno)
    }
}

/// `waits`: whether the call still waits, asked when all that belongs to its thread is open.
pub(crate) fn perform(asked: &Asked, roots: &[PathBuf], waits: impl Fn() -> bool) -> Result<(), Refused> {
    let memory = Memory::of(asked.thread)?;
    let (place, change) = read(asked, &memory)?;
    let start = match &place {
        Place::Open(fd) => Some(open_fd(asked.thread, *fd)?),
        Place::Named { path, .. } if path.as_bytes().starts_with(b"/") => None,
        Place::Named { dir, .. } => Some(open_fd(asked.thread, *dir)?),
    };
    if !waits() {
        return Err(Errno::SRCH.into());
    }
    let object = match (place, start) {
        (Place::Open(_), Some(object)) => object,
        (Place::Open(_), None) => return Err(Errno::BADF.into()),
        (Place::Named { path, follow, .. }, start) => open_name(asked.thread, start, &path, follow)?,
    };
    let lies = lies(&object)?;
    // A pipe, a socket: nothing that has a place among the files.
    if lies.is_absolute() && !roots.iter().any(|root| lies.starts_with(root)) {
        return Err(Refused::Outside(lies));
    }
    if let Change::Mode(mode) = &change
        && lends_rights(*mode, &rustix::fs::fstat(&object)?)
    {
        return Err(Refused::LendsRights(lies));
    }
    Ok(apply(&object, change)?)
}

/// A program that runs with its owner's or group's rights (chmod(2)). On a directory the bits only say whose its files
/// are, and without the right to run, the group's bit has no such meaning.
fn lends_rights(mode: Mode, stat: &Stat) -> bool {
    let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    !is_dir && (mode.contains(Mode::SUID) || mode.contains(Mode::SGID | Mode::XGRP))
}

fn lies(object: &OwnedFd) -> Result<PathBuf, Errno> {
    let path = rustix::fs::readlink(by_link(object), Vec::new())?;
    Ok(PathBuf::from(OsStr::from_bytes(path.as_bytes())))
}

/// A name that leads to exactly this object, a symbolic link's too.
fn by_link(object: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", object.as_raw_fd())
}

pub(crate) fn open_fd(thread: u32, fd: i32) -> Result<OwnedFd, Errno> {
    let path = match fd {
        libc::AT_FDCWD => format!("/proc/{thread}/cwd"),
        fd => format!("/proc/{thread}/fd/{fd}"),
    };
    let opened = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    opened.map_err(|errno| if errno == Errno::NOENT { Errno::BADF } else { errno })
}

fn open_name(thread: u32, start: Option<OwnedFd>, path: &CString, follow: bool) -> Result<OwnedFd, Errno> {
    let mut flags = OFlags::PATH | OFlags::CLOEXEC;
    if !follow {
        flags |= OFlags::NOFOLLOW;
    }
    match start {
        Some(start) => rustix::fs::openat(start, path.as_c_str(), flags, Mode::empty()),
        None => rustix::fs::open(theirs(thread, path.as_bytes()), flags, Mode::empty()),
    }
}

/// `/proc/self` is whoever looks. Where such a name is hidden in a link it leads to something of ours, which lies
/// outside or is the command's to change.
pub(crate) fn theirs(thread: u32, path: &[u8]) -> Vec<u8> {
    let begins = [
        ("/proc/self/", format!("/proc/{thread}/")),
        ("/proc/thread-self/", format!("/proc/{thread}/")),
        ("/dev/fd/", format!("/proc/{thread}/fd/")),
    ];
    for (begin, theirs) in begins {
        if let Some(rest) = path.strip_prefix(begin.as_bytes()) {
            return [theirs.as_bytes(), rest].concat();
        }
    }
    let standard = ["/dev/stdin", "/dev/stdout", "/dev/stderr"].iter().position(|name| name.as_bytes() == path);
    standard.map_or_else(|| path.to_vec(), |fd| format!("/proc/{thread}/fd/{fd}").into_bytes())
}

fn apply(object: &OwnedFd, change: Change) -> Result<(), Errno> {
    let path = by_link(object);
    match change {
        Change::Mode(mode) => rustix::fs::chmod(path, mode),
        Change::Owner(user, group) => rustix::fs::chownat(object, "", user, group, AtFlags::EMPTY_PATH),
        Change::Times(times) => rustix::fs::utimensat(CWD, path, &times, AtFlags::empty()),
        Change::Set { name, value, flags } => rustix::fs::setxattr(path, name, &value, flags),
        Change::Remove(name) => rustix::fs::removexattr(path, name),
    }
}

/// Takes the call's arguments apart: chmod(2), chown(2), utimensat(2), setxattr(2), removexattr(2).
fn read(asked: &Asked, memory: &Memory) -> Result<(Place, Change), Errno> {
    let [a, b, c, d, e, _] = asked.arguments;
    let path = |dir: u64, address: u64, flags: u64| place(memory, fd(dir), address, flags);
    let here = fd_argument(libc::AT_FDCWD);
    let (none, link) = (0, libc::AT_SYMLINK_NOFOLLOW as u64);
    let open = |argument: u64| Place::Open(fd(argument));
    let set = |name: u64, value: u64, bytes: u64, flags: u64| -> Result<Change, Errno> {
        let flags = XattrFlags::from_bits_retain(low(flags));
        Ok(Change::Set { name: memory.text(name, NAME_BYTES)?, value: memory.bytes(value, bytes)?, flags })
    };
    Ok(match asked.call {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod => (path(here, a, none)?, mode(b)),
        libc::SYS_fchmod => (open(a), mode(b)),
        libc::SYS_fchmodat => (path(a, b, none)?, mode(c)),
        SYS_FCHMODAT2 => (path(a, b, d)?, mode(c)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chown => (path(here, a, none)?, owner(b, c)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_lchown => (path(here, a, link)?, owner(b, c)),
        libc::SYS_fchown => (open(a), owner(b, c)),
        libc::SYS_fchownat => (path(a, b, e)?, owner(c, d)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_utime => (path(here, a, none)?, Change::Times(times(memory, b, Clock::Seconds)?)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_utimes => (path(here, a, none)?, Change::Times(times(memory, b, Clock::Micros)?)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_futimesat => {
            (named_or_open(a, b, || path(a, b, none))?, Change::Times(times(memory, c, Clock::Micros)?))
        }
        libc::SYS_utimensat => (named_or_open(a, b, || path(a, b, d))?, Change::Times(times(memory, c, Clock::Nanos)?)),
        libc::SYS_setxattr => (path(here, a, none)?, set(b, c, d, e)?),
        libc::SYS_lsetxattr => (path(here, a, link)?, set(b, c, d, e)?),
        libc::SYS_fsetxattr => (open(a), set(b, c, d, e)?),
        libc::SYS_removexattr => (path(here, a, none)?, Change::Remove(memory.text(b, NAME_BYTES)?)),
        libc::SYS_lremovexattr => (path(here, a, link)?, Change::Remove(memory.text(b, NAME_BYTES)?)),
        libc::SYS_fremovexattr => (open(a), Change::Remove(memory.text(b, NAME_BYTES)?)),
        _ => return Err(Errno::NOSYS),
    })
}

/// Without a name it is about the descriptor: futimens(3).
fn named_or_open(dir: u64, path: u64, named: impl FnOnce() -> Result<Place, Errno>) -> Result<Place, Errno> {
    if path == 0 { Ok(Place::Open(fd(dir))) } else { named() }
}

fn place(memory: &Memory, dir: i32, address: u64, flags: u64) -> Result<Place, Errno> {
    let flags = AtFlags::from_bits_retain(low(flags));
    if !(AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH).contains(flags) {
        return Err(Errno::INVAL);
    }
    let path = memory.text(address, PATH_BYTES)?;
    match (path.is_empty(), flags.contains(AtFlags::EMPTY_PATH)) {
        (true, true) => Ok(Place::Open(dir)),
        (true, false) => Err(Errno::NOENT),
        (false, _) => Ok(Place::Named { dir, path, follow: !flags.contains(AtFlags::SYMLINK_NOFOLLOW) }),
    }
}

fn mode(argument: u64) -> Change {
    Change::Mode(Mode::from_bits_retain(low(argument) & 0o7777))
}

fn owner(user: u64, group: u64) -> Change {
    let kept = u32::MAX;
    let [user, group] = [user, group].map(|argument| Some(low(argument)).filter(|id| *id != kept));
    Change::Owner(user.map(Uid::from_raw), group.map(Gid::from_raw))
}

/// The kernel looks at no more than these bits of an `int`.
fn low(argument: u64) -> u32 {
    (argument & 0xffff_ffff) as u32
}

pub(crate) fn fd(argument: u64) -> i32 {
    low(argument).cast_signed()
}

fn fd_argument(fd: i32) -> u64 {
    u64::from(fd.cast_unsigned())
}

#[derive(Clone, Copy)]
enum Clock {
    Seconds,
    Micros,
    Nanos,
}

/// Access and modification. Null is now: utimensat(2), utimes(2), utime(2).
fn times(memory: &Memory, address: u64, clock: Clock) -> Result<Timestamps, Errno> {
    let now = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
    if address == 0 {
        return Ok(Timestamps { last_access: now, last_modification: now });
    }
    let numbers: Vec<i64> = match clock {
        Clock::Seconds => memory.bytes(address, 16)?,
        Clock::Micros | Clock::Nanos => memory.bytes(address, 32)?,
    }
    .chunks_exact(8)
    .filter_map(|chunk| Some(i64::from_ne_bytes(chunk.try_into().ok()?)))
    .collect();
    let (access, modification) = match (clock, numbers.as_slice()) {
        (Clock::Seconds, [access, modification]) => ((*access, 0), (*modification, 0)),
        (Clock::Micros, [a, b, c, d]) => ((*a, micros(*b)?), (*c, micros(*d)?)),
        (Clock::Nanos, [a, b, c, d]) => ((*a, *b), (*c, *d)),
        _ => return Err(Errno::FAULT),
    };
    let time = |(tv_sec, tv_nsec): (i64, c_long)| Timespec { tv_sec, tv_nsec };
    Ok(Timestamps { last_access: time(access), last_modification: time(modification) })
}

fn micros(micros: i64) -> Result<c_long, Errno> {
    if (0..1_000_000).contains(&micros) { Ok(micros * 1_000) } else { Err(Errno::INVAL) }
}
