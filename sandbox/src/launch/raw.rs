//! The system calls that rustix leaves unsafe or out. With `listener.rs` the
//! only unsafe code of this crate, each call with the reason why it is sound.
#![expect(unsafe_code, reason = "fork, close_range and signalfd have no safe form")]

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd};

use rustix::mount::MountAttrFlags;
use rustix::process::Pid;
use rustix::thread::UnshareFlags;

/// Which side of a fork this is.
pub(crate) enum Forked {
    Parent(Pid),
    Child,
}

/// New namespaces for a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespaces {
    None,
    /// Its own view of the mounts.
    Mount,
    /// And its own processes, of which it is the first.
    PidAndMount,
}

/// How far a flag of a mount goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MountDepth {
    This,
    All,
}

/// fork(2), for the launcher only.
pub(crate) fn fork(namespaces: Namespaces) -> io::Result<Forked> {
    let extra = match namespaces {
        Namespaces::None => 0,
        Namespaces::Mount => libc::CLONE_NEWNS,
        Namespaces::PidAndMount => libc::CLONE_NEWPID | libc::CLONE_NEWNS,
    };
    let flags = libc::c_long::from(libc::SIGCHLD | extra);
    // SAFETY: without CLONE_VM the child has a copy of everything, as with fork(2). The launcher has one thread (it
    // calls this before `main` makes any), so no lock is held by a thread that the child lacks. No stack is given:
    // the child goes on with the copy of this one.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) };
    if pid == 0 {
        return Ok(Forked::Child);
    }
    match i32::try_from(pid).ok().filter(|pid| 0 < *pid).and_then(Pid::from_raw) {
        Some(pid) => Ok(Forked::Parent(pid)),
        None => Err(io::Error::last_os_error()),
    }
}

/// Closes every descriptor from `first` on.
pub(crate) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: called first thing in the launcher, which owns no descriptor beyond the standard three yet.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Blocks SIGCHLD and gives a descriptor that is readable when a child has ended.
pub(crate) fn child_ends() -> io::Result<OwnedFd> {
    let set = signal_set(Some(libc::SIGCHLD));
    // SAFETY: `set` is initialised, and a null pointer says that the old mask is not wanted.
    let masked = unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    if masked != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `set` is initialised; -1 asks for a new descriptor.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Undoes the mask of [`child_ends`]: a program that is started inherits it.
pub(crate) fn unblock_signals() {
    let set = signal_set(None);
    // SAFETY: `set` is initialised, and a null pointer says that the old mask is not wanted.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) };
}

/// Undoes what a parent may have left to us and every program inherits: signals that are ignored, and signals that are
/// blocked. SIGPIPE stays as Rust's runtime has set it; a program that is started gets the default.
pub(crate) fn take_no_signals_over() {
    for signal in (1..=libc::SIGRTMAX()).filter(|signal| *signal != libc::SIGPIPE) {
        default_signal(signal);
    }
    unblock_signals();
}

/// With an ignored SIGCHLD the kernel buries children itself, and nobody learns how they ended (wait(2)).
pub(crate) fn default_signal(signal: libc::c_int) {
    // SAFETY: SIG_DFL runs no code of ours. For numbers that the C library or the kernel keeps it only fails.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// Where files may not grow (`ulimit -f 0`), a write of the launcher fails and does not kill it.
pub(crate) fn ignore_file_size_signal() {
    // SAFETY: SIG_IGN runs no code of ours.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

fn signal_set(signal: Option<libc::c_int>) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set that it is given, and does not fail.
    let mut set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    };
    if let Some(signal) = signal {
        // SAFETY: `set` is initialised and `signal` one of libc's constants.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    set
}

/// Adds `flags` (`MOUNT_ATTR_*`) to a mount, or to a whole tree of mounts. rustix 1.1 has no mount_setattr(2).
pub(crate) fn add_mount_flags(tree: impl AsFd, flags: MountAttrFlags, depth: MountDepth) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: u64::from(flags.bits()), attr_clr: 0, propagation: 0, userns_fd: 0 };
    let recursive = match depth {
        MountDepth::This => 0,
        MountDepth::All => libc::AT_RECURSIVE,
    };
    // SAFETY: the descriptor is open for the call, the path is empty and ends in NUL, and the kernel reads
    // `attributes`, whose size is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// unshare(2), for the launcher only.
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: unsafe in rustix because of CLONE_FILES, which would give two threads different descriptors; the flags
    // are constants of ours without it, and the launcher has one thread.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}
