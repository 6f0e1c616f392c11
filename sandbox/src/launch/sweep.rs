//! Kills all that a command left behind: background jobs, daemons, whatever
//! left its session or its process group.

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use crate::launch::raw::Namespaces;
use crate::launch::read_proc;

/// Returns when the caller has no child left, with how `command` ended if that was still open. The caller is the
/// reaper of all its descendants, so a process whose parent dies comes back to it and is found in the next round.
/// `group`: the command's process group, where that number is still its own.
pub(crate) fn kill_all(command: Pid, group: Option<Pid>, namespaces: Namespaces) -> Option<WaitStatus> {
    let mut ended = None;
    loop {
        if namespaces == Namespaces::PidAndMount {
            // kill(2) with -1: everything but us, and nothing is outside.
            let _ = rustix::process::kill_process_group(Pid::INIT, Signal::KILL);
        }
        // One signal for the whole group: the kernel lets none of them fork meanwhile, so a fork bomb ends here.
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        for pid in descendants() {
            // It may have ended since it was listed.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        // All children have a SIGKILL by now: waiting for one of them is short.
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == command => ended = Some(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return ended,
        }
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid == command {
                ended = Some(status);
            }
        }
    }
}

/// Whether programs run that `command` started and did not wait for.
pub(crate) fn left_running(command: Pid, namespaces: Namespaces) -> bool {
    everybody(namespaces).into_iter().any(|pid| pid != command && is_running(pid))
}

/// By /proc/PID/stat (proc_pid_stat(5)): a name in brackets, which may hold some, then a letter. git starts its own
/// maintenance in the background after each commit, which the command did not ask for.
fn is_running(pid: Pid) -> bool {
    let stat = read_proc(&format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(name, rest)| !name.ends_with("(git") && !rest.trim_start().starts_with(['Z', 'X']))
}

/// All processes of a command, where they have a namespace of their own, else all below us.
pub(crate) fn everybody(namespaces: Namespaces) -> Vec<Pid> {
    if namespaces != Namespaces::PidAndMount {
        return descendants();
    }
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(|name| Pid::from_raw(name.to_str()?.parse().ok()?));
    pids.filter(|pid| *pid != Pid::INIT).collect()
}

/// Everything below us, parents before children.
pub(crate) fn descendants() -> Vec<Pid> {
    let mut found = children(rustix::process::getpid());
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(children(pid));
        next += 1;
    }
    found
}

/// By /proc/PID/task/TID/children (proc_pid_children(5)): every thread has its own.
fn children(pid: Pid) -> Vec<Pid> {
    let tasks = format!("/proc/{}/task", pid.as_raw_nonzero());
    let Ok(tasks) = std::fs::read_dir(tasks) else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| {
        let list = task.path().join("children");
        read_proc(list.to_str()?).ok()
    });
    let lists: Vec<String> = lists.collect();
    let pids = lists.iter().flat_map(|list| list.split_whitespace());
    pids.filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}
