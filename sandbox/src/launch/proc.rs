//! /proc as a command sees it: its own processes, and no switch of the kernel
//! that it could write to.

use std::io;
use std::path::Path;

use crate::launch::raw::MountDepth;
use crate::launch::tree::{READ_ONLY, Tree};

/// Writable by root's number, whatever its capabilities.
const READ_ONLY_PATHS: &[&str] = &[
    "/proc/sys",
    "/proc/sysrq-trigger",
    "/proc/irq",
    "/proc/bus",
    "/proc/fs",
    "/proc/acpi",
    "/proc/scsi",
    "/proc/dynamic_debug",
    "/proc/asound",
    "/proc/tty",
    "/proc/mtrr",
    "/proc/driver",
];
/// Kernels since 6.14 count it for each pid namespace. It bounds even root, whom RLIMIT_NPROC does not.
const PID_MAX: &str = "/proc/sys/kernel/pid_max";
const PID_MAX_SINCE: (u32, u32) = (6, 14);
/// The kernel refuses less (RESERVED_PIDS + 1).
const LEAST_PID_MAX: u64 = 301;

/// For the first process of a pid namespace, in a mount namespace of its own.
pub(crate) fn mount(processes: u64) -> io::Result<()> {
    Tree::new("proc", &[])?.mount(Path::new("/proc"))?;
    // Before, there was one for the whole machine, and root could write it from here.
    if PID_MAX_SINCE <= kernel() {
        // A kernel that says no leaves RLIMIT_NPROC.
        let _ = std::fs::write(PID_MAX, processes.max(LEAST_PID_MAX).to_string());
    }
    for path in READ_ONLY_PATHS.iter().map(Path::new) {
        // Which of them there are depends on the kernel.
        if let Ok(tree) = Tree::of(path, MountDepth::This) {
            tree.with(READ_ONLY, MountDepth::This)?.mount(path)?;
        }
    }
    Ok(())
}

/// As uname(2) says it: `6.18.44-1-amd64` is (6, 18). (0, 0) where that cannot be read.
fn kernel() -> (u32, u32) {
    let name = rustix::system::uname();
    let mut numbers = name.release().to_str().unwrap_or_default().split(['.', '-']).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => (0, 0),
    }
}
