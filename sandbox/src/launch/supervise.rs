//! Answers the system calls that a command's filter leaves to the warden:
//! refuses what has no place behind a fence and remembers it for the model,
//! and changes attributes in the command's place where Landlock is all there
//! is.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::hidden::{self, Search};
use crate::launch::attributes::{self, Refused};
use crate::launch::listener::{Answer, Asked, Listener};
use crate::launch::lockdown::{Lockdown, most_data_bytes};
use crate::launch::opens::{BY_NAME, Hidden};
use crate::launch::seccomp::calls::{self, ATTRIBUTES, BY_PROCESS, IDENTITY, NEW_ATTRIBUTES};
use crate::launch::{connect, read_proc};

/// Paths and names that one note has; a command may try thousands.
const MOST_NAMED: usize = 8;

#[derive(Debug)]
pub(crate) struct Supervisor {
    listener: Listener,
    /// What commands may write to, where Landlock is all there is.
    roots: Vec<PathBuf>,
    /// Where commands may connect to, where no network of their own sees to that.
    proxy: Option<SocketAddr>,
    /// Of a command: what it may not do, we do not do for it.
    capabilities: CapabilitySet,
    hidden: Hidden,
    most_data_bytes: u64,
    /// One request for memory was for more than a process may have.
    pub(crate) refused_memory: bool,
    calls: BTreeSet<String>,
    paths: BTreeSet<String>,
    /// What was asked for of it.
    hits: BTreeSet<PathBuf>,
    /// Files that were to run with the user's rights for others.
    lending: BTreeSet<String>,
}

impl Supervisor {
    pub(crate) fn new(listener: Listener, lockdown: &Lockdown, hidden: Hidden) -> Supervisor {
        let Lockdown { roots, proxy, capabilities, .. } = lockdown;
        Supervisor {
            listener,
            roots: roots.clone(),
            proxy: *proxy,
            capabilities: *capabilities,
            hidden,
            most_data_bytes: most_data_bytes(&lockdown.limits),
            refused_memory: false,
            calls: BTreeSet::new(),
            paths: BTreeSet::new(),
            hits: BTreeSet::new(),
            lending: BTreeSet::new(),
        }
    }

    /// To be called when there is something to read.
    pub(crate) fn answer_one(&mut self) {
        if let Ok(Some(asked)) = self.listener.next() {
            let answer = self.decide(&asked);
            self.listener.answer(&asked, answer);
        }
    }

    fn decide(&mut self, asked: &Asked) -> Answer {
        if let Some(bytes) = requested_bytes(asked) {
            // The kernel decides by the same sum.
            self.refused_memory |= self.most_data_bytes < data_bytes(asked.thread).saturating_add(bytes);
            return Answer::Go;
        }
        if NEW_ATTRIBUTES.contains(&asked.call) {
            return Answer::Refuse(libc::ENOSYS);
        }
        if BY_NAME.contains(&asked.call) {
            return match self.hidden.find(asked, || self.listener.waits(asked)) {
                Some(path) => {
                    self.hits.insert(path);
                    Answer::Refuse(libc::EACCES)
                }
                // Landlock guards what is outside.
                None => Answer::Go,
            };
        }
        if ATTRIBUTES.contains(&asked.call) {
            return self.change(asked);
        }
        if IDENTITY.iter().any(|(call, _)| *call == asked.call) && stays_who_it_is(asked) {
            return Answer::Go;
        }
        if BY_PROCESS.iter().any(|(call, _)| *call == asked.call) && is_ours(asked) {
            return Answer::Go;
        }
        if asked.call == libc::SYS_connect
            && let Some(proxy) = self.proxy
        {
            match connect::to_proxy(asked, proxy, || self.listener.waits(asked)) {
                Ok(true) => return Answer::Done,
                Ok(false) => {}
                Err(errno) => return Answer::Refuse(errno.raw_os_error()),
            }
        }
        if asked.call == libc::SYS_connect && connect::to_nobody(asked) {
            return Answer::Refuse(libc::ENOENT);
        }
        if let Some(told) = calls::told(asked.call, &asked.arguments) {
            remember(&mut self.calls, told);
        }
        Answer::Refuse(libc::EPERM)
    }

    fn change(&mut self, asked: &Asked) -> Answer {
        let done =
            as_command(self.capabilities, || attributes::perform(asked, &self.roots, || self.listener.waits(asked)));
        match done {
            Ok(()) => Answer::Done,
            Err(Refused::Errno(errno)) => Answer::Refuse(errno.raw_os_error()),
            Err(Refused::Outside(path)) => {
                remember(&mut self.paths, path.display().to_string());
                Answer::Refuse(libc::EPERM)
            }
            Err(Refused::LendsRights(path)) => {
                remember(&mut self.lending, path.display().to_string());
                Answer::Refuse(libc::EPERM)
            }
        }
    }

    /// What the model is told.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let list =
            |names: &BTreeSet<String>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let root = self.roots.first().map_or(Path::new("/"), PathBuf::as_path);
        let hits: Vec<&Path> = self.hits.iter().map(|path| path.strip_prefix(root).unwrap_or(path)).collect();
        notes.extend(hidden::note(&hits, Search::Whole));
        if !self.calls.is_empty() {
            notes.push(format!("The sandbox blocked: {}. No command can do that here.", list(&self.calls)));
        }
        if !self.paths.is_empty() {
            let paths = list(&self.paths);
            notes.push(format!(
                "The sandbox blocked changing permissions, owner, times or attributes outside the workspace: {paths}."
            ));
        }
        if !self.lending.is_empty() {
            let files = list(&self.lending);
            notes.push(format!("The sandbox refused to set the set-user-ID or set-group-ID bit of: {files}."));
        }
        notes
    }
}

impl AsFd for Supervisor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

fn remember(names: &mut BTreeSet<String>, name: String) {
    if names.len() < MOST_NAMED {
        names.insert(name);
    }
}

/// With the rights of a command for so long. The warden itself may be root.
fn as_command<T>(kept: CapabilitySet, work: impl FnOnce() -> Result<T, Refused>) -> Result<T, Refused> {
    let own = rustix::thread::capabilities(None)?;
    let theirs = CapabilitySets { effective: own.permitted & kept, ..own };
    rustix::thread::set_capabilities(None, theirs)?;
    let done = work();
    rustix::thread::set_capabilities(None, own)?;
    done
}

/// Of memory, by a call that asks for much; of a mapping that grows, by how much it does.
fn requested_bytes(asked: &Asked) -> Option<u64> {
    let [_, second, third, ..] = asked.arguments;
    match asked.call {
        libc::SYS_mmap => Some(second),
        libc::SYS_mremap => Some(third.saturating_sub(second)),
        _ => None,
    }
}

/// What counts against RLIMIT_DATA, by /proc/PID/status (proc_pid_status(5)).
fn data_bytes(thread: u32) -> u64 {
    let status = read_proc(&format!("/proc/{thread}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

fn stays_who_it_is(asked: &Asked) -> bool {
    let own = match asked.call {
        libc::SYS_setuid | libc::SYS_setreuid | libc::SYS_setresuid => rustix::process::getuid().as_raw(),
        libc::SYS_setgroups => return false,
        _ => rustix::process::getgid().as_raw(),
    };
    let wanted = match asked.call {
        libc::SYS_setuid | libc::SYS_setgid => 1,
        libc::SYS_setreuid | libc::SYS_setregid => 2,
        _ => 3,
    };
    // All bits set: as it is.
    let wanted = asked.arguments.iter().take(wanted).map(|id| (id & 0xffff_ffff) as u32);
    wanted.into_iter().all(|id| id == own || id == u32::MAX)
}

/// Whether a call is about a process of this command's. A number that is given away anew in between would have to be
/// the next one of all.
fn is_ours(asked: &Asked) -> bool {
    let [first, second, ..] = asked.arguments.map(|argument| (argument & 0xffff_ffff) as u32);
    let who = match asked.call {
        // 1 is a process for both of these but for setpriority(2), where it is 0; others are groups and users.
        libc::SYS_setpriority if first == libc::PRIO_PROCESS => second,
        libc::SYS_ioprio_set if first == 1 => second,
        libc::SYS_setpriority | libc::SYS_ioprio_set => return false,
        libc::SYS_ptrace => second,
        // A question.
        libc::SYS_prlimit64 if asked.arguments.get(2) == Some(&0) => 0,
        _ => first,
    };
    who == 0 || descends(who)
}

/// Of this process. It is not its own.
fn descends(mut process: u32) -> bool {
    let own = std::process::id();
    while 1 < process {
        let status = read_proc(&format!("/proc/{process}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        let Some(parent) = parent.and_then(|parent| parent.trim().parse().ok()) else { return false };
        if parent == own {
            return true;
        }
        process = parent;
    }
    false
}
