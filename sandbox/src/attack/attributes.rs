//! Permission bits, owners, times and attributes: every system call that
//! changes them, by name and by a descriptor that is open for reading.

use std::ffi::CString;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use libc::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, c_long, syscall};

use super::answer;
use crate::launch::seccomp::calls::SYS_FCHMODAT2;

/// A file and what an attacker has of it.
struct Target {
    path: CString,
    directory: std::fs::File,
    name: CString,
    file: std::fs::File,
}

type Attack = fn(&Target) -> c_long;

/// SAFETY, for all of these: each pointer is to something that outlives the call, or null where null is taken.
const ATTACKS: &[(&str, Attack)] = &[
    #[cfg(target_arch = "x86_64")]
    ("chmod", |t| unsafe { syscall(libc::SYS_chmod, t.path.as_ptr(), 0o741) }),
    ("fchmod", |t| unsafe { syscall(libc::SYS_fchmod, t.file.as_raw_fd(), 0o741) }),
    ("fchmodat", |t| unsafe { syscall(libc::SYS_fchmodat, AT_FDCWD, t.path.as_ptr(), 0o741) }),
    ("fchmodat-dir", |t| unsafe { syscall(libc::SYS_fchmodat, t.directory.as_raw_fd(), t.name.as_ptr(), 0o741) }),
    ("fchmodat2", |t| unsafe { syscall(SYS_FCHMODAT2, AT_FDCWD, t.path.as_ptr(), 0o741, AT_SYMLINK_NOFOLLOW) }),
    ("fchmodat2-empty", |t| unsafe { syscall(SYS_FCHMODAT2, t.file.as_raw_fd(), c"".as_ptr(), 0o741, AT_EMPTY_PATH) }),
    ("chmod-self-fd", |t| {
        let path = CString::new(format!("/proc/self/fd/{}", t.file.as_raw_fd())).unwrap();
        unsafe { syscall(libc::SYS_fchmodat, AT_FDCWD, path.as_ptr(), 0o741) }
    }),
    ("chmod-dev-fd", |t| {
        let path = CString::new(format!("/dev/fd/{}", t.file.as_raw_fd())).unwrap();
        unsafe { syscall(libc::SYS_fchmodat, AT_FDCWD, path.as_ptr(), 0o741) }
    }),
    ("chmod-relative-proc", |t| {
        let proc = std::fs::File::open("/proc").unwrap();
        let path = CString::new(format!("self/fd/{}", t.file.as_raw_fd())).unwrap();
        unsafe { syscall(libc::SYS_fchmodat, proc.as_raw_fd(), path.as_ptr(), 0o741) }
    }),
    #[cfg(target_arch = "x86_64")]
    ("chown", |t| unsafe { syscall(libc::SYS_chown, t.path.as_ptr(), -1, own_group()) }),
    #[cfg(target_arch = "x86_64")]
    ("lchown", |t| unsafe { syscall(libc::SYS_lchown, t.path.as_ptr(), -1, own_group()) }),
    ("fchown", |t| unsafe { syscall(libc::SYS_fchown, t.file.as_raw_fd(), -1, own_group()) }),
    ("fchownat", |t| unsafe { syscall(libc::SYS_fchownat, AT_FDCWD, t.path.as_ptr(), -1, own_group(), 0) }),
    ("fchownat-link", |t| unsafe {
        syscall(libc::SYS_fchownat, t.directory.as_raw_fd(), t.name.as_ptr(), -1, own_group(), AT_SYMLINK_NOFOLLOW)
    }),
    ("fchownat-empty", |t| unsafe {
        syscall(libc::SYS_fchownat, t.file.as_raw_fd(), c"".as_ptr(), -1, own_group(), AT_EMPTY_PATH)
    }),
    #[cfg(target_arch = "x86_64")]
    ("utime", |t| unsafe { syscall(libc::SYS_utime, t.path.as_ptr(), &[1_000_i64, 1_000] as *const i64) }),
    #[cfg(target_arch = "x86_64")]
    ("utimes", |t| unsafe { syscall(libc::SYS_utimes, t.path.as_ptr(), &[1_000_i64, 0, 1_000, 0] as *const i64) }),
    #[cfg(target_arch = "x86_64")]
    ("futimesat", |t| unsafe {
        syscall(libc::SYS_futimesat, t.directory.as_raw_fd(), t.name.as_ptr(), &[1_000_i64, 0, 1_000, 0] as *const i64)
    }),
    ("utimensat", |t| unsafe {
        syscall(libc::SYS_utimensat, AT_FDCWD, t.path.as_ptr(), &[1_000_i64, 0, 1_000, 0] as *const i64, 0)
    }),
    ("utimensat-now", |t| unsafe {
        syscall(libc::SYS_utimensat, t.directory.as_raw_fd(), t.name.as_ptr(), std::ptr::null::<u8>(), 0)
    }),
    ("futimens", |t| unsafe {
        let no_name = std::ptr::null::<u8>();
        syscall(libc::SYS_utimensat, t.file.as_raw_fd(), no_name, &[1_000_i64, 0, 1_000, 0] as *const i64, 0)
    }),
    ("setxattr", |t| unsafe {
        syscall(libc::SYS_setxattr, t.path.as_ptr(), c"user.escape".as_ptr(), c"x".as_ptr(), 1, 0)
    }),
    ("lsetxattr", |t| unsafe {
        syscall(libc::SYS_lsetxattr, t.path.as_ptr(), c"user.escape".as_ptr(), c"x".as_ptr(), 1, 0)
    }),
    ("fsetxattr", |t| unsafe {
        syscall(libc::SYS_fsetxattr, t.file.as_raw_fd(), c"user.escape".as_ptr(), c"x".as_ptr(), 1, 0)
    }),
    ("removexattr", |t| unsafe { syscall(libc::SYS_removexattr, t.path.as_ptr(), c"user.kept".as_ptr()) }),
    ("lremovexattr", |t| unsafe { syscall(libc::SYS_lremovexattr, t.path.as_ptr(), c"user.kept".as_ptr()) }),
    ("fremovexattr", |t| unsafe { syscall(libc::SYS_fremovexattr, t.file.as_raw_fd(), c"user.kept".as_ptr()) }),
];

/// Refused inside of the workspace too.
const NEVER: &[(&str, Attack)] = &[
    ("setxattrat", |t| {
        let (value, arguments) = (c"x", [0_u64; 2]);
        let arguments = [value.as_ptr() as u64, 1 | arguments[1]];
        let name = c"user.escape".as_ptr();
        unsafe { syscall(463, AT_FDCWD, t.path.as_ptr(), 0, name, arguments.as_ptr(), 16) }
    }),
    ("removexattrat", |t| unsafe { syscall(466, AT_FDCWD, t.path.as_ptr(), 0, c"user.kept".as_ptr()) }),
    ("file_setattr", |t| {
        let nodump = [0x80_u64, 0, 0];
        unsafe { syscall(469, AT_FDCWD, t.path.as_ptr(), nodump.as_ptr(), 24, 0) }
    }),
    ("chattr", |t| {
        let nodump = 0x40_u64;
        unsafe { syscall(libc::SYS_ioctl, t.file.as_raw_fd(), 0x4008_6602_u64, &raw const nodump) }
    }),
];

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ATTACKS.iter().map(|(name, _)| *name)
}

pub(crate) fn never() -> impl Iterator<Item = &'static str> {
    NEVER.iter().map(|(name, _)| *name)
}

/// `None`: not one of these.
pub(super) fn make(name: &str, argument: &str) -> Option<io::Result<()>> {
    if name == "race-attributes" {
        return Some(race(Path::new(argument)));
    }
    let (_, attack) = ATTACKS.iter().chain(NEVER).find(|(other, _)| *other == name)?;
    Some(target(Path::new(argument)).and_then(|target| answer(attack(&target))))
}

fn target(path: &Path) -> io::Result<Target> {
    let text = |path: &Path| CString::new(path.to_str().unwrap()).unwrap();
    let name = text(Path::new(path.file_name().unwrap()));
    let directory = std::fs::File::open(path.parent().unwrap())?;
    Ok(Target { path: text(path), directory, name, file: std::fs::File::open(path)? })
}

fn own_group() -> libc::gid_t {
    rustix::process::getgid().as_raw()
}

/// At least 10,000 times, by a name that another thread makes lead inside and outside in turns, and on until both ways
/// were taken: on a busy machine the other thread may not run for a while.
fn race(outside: &Path) -> io::Result<()> {
    std::fs::create_dir("dir")?;
    std::fs::write("dir/victim.txt", "mine")?;
    std::os::unix::fs::symlink(outside, "link")?;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::Relaxed;
    let (mut mine, mut rounds) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(order) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                let _ = rustix::fs::renameat_with(rustix::fs::CWD, "dir", rustix::fs::CWD, "link", flags);
            }
        });
        while rounds < 10_000 || ((mine == 0 || mine == rounds) && rounds < 100_000_000) {
            rounds += 1;
            // SAFETY: the name outlives the call.
            mine += i32::from(unsafe { libc::chmod(c"dir/victim.txt".as_ptr(), 0o741) } == 0);
        }
        stop.store(true, order);
    });
    // What came of it outside, the test looks at.
    if 0 < mine && mine < rounds { Ok(()) } else { Err(io::Error::from_raw_os_error(mine)) }
}
