//! What a command uses, asked of the kernel while it runs, where no control
//! group keeps count.

use std::os::unix::fs::MetadataExt as _;

use rustix::param::page_size;
use rustix::process::{Pid, Resource, WaitOptions};

use crate::launch::lockdown::{Lockdown, lower};
use crate::launch::raw::{self, Forked, Namespaces};
use crate::launch::{read_proc, sweep};

/// Looks that are left out after one that was dear and found nothing.
const REST: u32 = 10;

/// Limits that were reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) memory: bool,
    pub(crate) processes: bool,
    pub(crate) open_files: bool,
    /// The kernel refused a single request, for more than all of a process may have.
    pub(crate) one_request: bool,
}

/// One command's watch. Each look costs some microseconds a process.
#[derive(Debug)]
pub(crate) struct Watch {
    namespaces: Namespaces,
    memory_bytes: Option<u64>,
    processes: u64,
    open_files: u64,
    rest: u32,
    pub(crate) reached: Reached,
}

impl Watch {
    pub(crate) fn new(lockdown: &Lockdown, namespaces: Namespaces) -> Watch {
        let limits = &lockdown.limits;
        Watch {
            namespaces,
            // The kernel counts it itself, and better.
            memory_bytes: limits.memory_bytes.filter(|_| lockdown.group.is_none()),
            processes: limits.processes,
            open_files: limits.open_files,
            rest: 0,
            reached: Reached::default(),
        }
    }

    /// `true`: the command is to be ended.
    pub(crate) fn look(&mut self) -> bool {
        let all = sweep::everybody(self.namespaces);
        if self.namespaces == Namespaces::PidAndMount && self.processes <= 2 * all.len() as u64 {
            self.reached.processes |= no_more_processes(self.processes);
        }
        // With one left, pipe(2) fails already.
        let is_full = |pid: &Pid| open_files(*pid).is_some_and(|open| self.open_files <= open + 1);
        self.reached.open_files |= all.iter().any(is_full);
        let Some(limit) = self.memory_bytes else { return false };
        if 0 < self.rest {
            self.rest -= 1;
            return false;
        }
        // What is shared is counted more than once, so below the limit is surely below it.
        if all.iter().map(|pid| resident_bytes(*pid)).sum::<u64>() <= limit {
            return false;
        }
        let own = all.iter().map(|pid| own_bytes(*pid)).sum::<u64>();
        self.reached.memory = limit < own;
        // What is half way there may be past the kernel's own bound, which names no limit, before the rest is over.
        self.rest = if own < limit / 2 { REST } else { 0 };
        self.reached.memory
    }
}

/// By /proc/PID/statm (proc_pid_statm(5)): the second number, in pages.
fn resident_bytes(pid: Pid) -> u64 {
    let statm = read_proc(&format!("/proc/{}/statm", pid.as_raw_nonzero())).unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * page_size() as u64
}

/// By /proc/PID/smaps_rollup: a page of several processes counts in parts, and files not at all.
fn own_bytes(pid: Pid) -> u64 {
    let rollup = read_proc(&format!("/proc/{}/smaps_rollup", pid.as_raw_nonzero())).unwrap_or_default();
    let lines = rollup.lines().filter(|line| line.starts_with("Pss_Anon:") || line.starts_with("Pss_Shmem:"));
    let kib = lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.sum::<u64>() * 1024
}

/// The size of /proc/PID/fd is their number, since Linux 6.2 (proc_pid_fd(5)); before, it is 0.
fn open_files(pid: Pid) -> Option<u64> {
    Some(std::fs::metadata(format!("/proc/{}/fd", pid.as_raw_nonzero())).ok()?.size())
}

/// Asks for two more, as a command might: one under the bound for all, one under the user's.
fn no_more_processes(limit: u64) -> bool {
    match raw::fork(Namespaces::None) {
        Err(error) => error.raw_os_error() == Some(libc::EAGAIN),
        Ok(Forked::Child) => {
            let refused = lower(Resource::Nproc, limit).is_ok()
                && match raw::fork(Namespaces::None) {
                    Err(error) => error.raw_os_error() == Some(libc::EAGAIN),
                    Ok(Forked::Child) => std::process::exit(0),
                    Ok(Forked::Parent(child)) => {
                        // Else it would come back to the warden.
                        let _ = rustix::process::waitpid(Some(child), WaitOptions::empty());
                        false
                    }
                };
            std::process::exit(i32::from(refused));
        }
        Ok(Forked::Parent(child)) => {
            let status = rustix::process::waitpid(Some(child), WaitOptions::empty());
            status.is_ok_and(|status| status.and_then(|(_, status)| status.exit_status()) == Some(1))
        }
    }
}
