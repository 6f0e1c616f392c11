//! What the fence did, by the kernel's own counters and signals: never by
//! looking for words in the output.

use std::path::Path;

use crate::launch::group::{Counts, Group};
use crate::launch::lockdown::{Fenced, Lockdown};
use crate::launch::read_proc;
use crate::launch::usage::Reached;
use crate::network::{self, Network};
use crate::options::CommandLimits;

/// bash's exit code when the last command died of a signal (bash(1), EXIT STATUS).
const SIGNALLED: i32 = 128;

/// Without names: how far each had come is chance, and equal runs must read equal.
pub(crate) const LEFT_RUNNING: &str = "Processes that the command left running were stopped. Start a server or a \
    watcher in its own call with `background: true`.";

/// Taken before a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    no_route: u64,
    counts: Counts,
    machine_kills: u64,
}

/// How the shell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Code(i32),
    Signal(i32),
}

pub(crate) fn before(lockdown: &Lockdown) -> Before {
    Before { no_route: no_route(lockdown), counts: counts(lockdown), machine_kills: machine_kills() }
}

pub(crate) fn notes(before: Before, lockdown: &Lockdown, end: End, reached: Reached) -> Vec<String> {
    let mut notes = Vec::new();
    if lockdown.fenced == Fenced::Not {
        return notes;
    }
    if before.no_route < no_route(lockdown) {
        notes.push(match &lockdown.network {
            Network::Hosts(rules) => format!(
                "The command tried to bypass the proxy in `http_proxy`, which allows {}.",
                network::list(rules, ", ")
            ),
            Network::Off | Network::On => "The command tried to reach the network. Commands have only a private \
                                           loopback; only the user can allow more (`--network on`). Use what is \
                                           installed or cached."
                .to_string(),
        });
    }
    let CommandLimits { memory_bytes, processes, open_files, file_bytes, tmp_bytes, .. } = lockdown.limits;
    let ended_by = |signal| end == End::Signal(signal) || end == End::Code(SIGNALLED + signal);
    let now = counts(lockdown);
    let memory = words(memory_bytes.unwrap_or(0));
    if before.counts.killed < now.killed {
        notes.push(format!("Memory limit of {memory} reached; the kernel killed a process (`memory`)."));
    } else if reached.memory {
        notes.push(format!("Memory limit of {memory} reached; the command was killed (`memory`)."));
    } else if reached.one_request && end != End::Code(0) {
        notes.push(match memory_bytes {
            Some(_) => format!("Memory limit of {memory} reached; a single large allocation was refused (`memory`)."),
            None => "A single allocation was refused: it was larger than this machine's memory.".to_string(),
        });
    } else if ended_by(libc::SIGKILL) && before.machine_kills < machine_kills() {
        notes.push("The machine ran out of memory, and the kernel killed a process.".to_string());
    }
    if reached.processes || before.counts.no_process < now.no_process {
        notes.push(format!("Limit of {processes} processes and threads reached (`processes`)."));
    }
    if reached.open_files {
        notes.push(format!("Limit of {open_files} open files per process reached (`open_files`)."));
    }
    if ended_by(libc::SIGXFSZ) {
        notes.push(format!("File size limit of {} reached (`file_size`).", words(file_bytes)));
    }
    if lockdown.fenced == Fenced::ByNamespaces && is_full(Path::new("/tmp")) {
        let tmp = words(tmp_bytes);
        notes.push(format!("The private /tmp is full: it and writes to HOME share {tmp} (`tmp`)."));
    }
    notes
}

fn words(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| 0 < bytes && bytes.is_multiple_of(1 << shift));
    unit.map_or_else(|| format!("{bytes} bytes"), |(shift, name)| format!("{} {name}", bytes >> shift))
}

fn counts(lockdown: &Lockdown) -> Counts {
    lockdown.group.as_ref().map(Group::counts).unwrap_or_default()
}

/// How often the kernel killed something anywhere because memory ran out (`oom_kill` of proc_vmstat(5)).
fn machine_kills() -> u64 {
    let vmstat = read_proc("/proc/vmstat").unwrap_or_default();
    let line = vmstat.lines().find_map(|line| line.strip_prefix("oom_kill "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn is_full(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|space| space.f_bavail == 0)
}

/// How often this network namespace had no way to an address, by the counters of proc_net_snmp: `Ip:` has a line of
/// names and a line of numbers, the file for IPv6 a name and a number a line. Behind a namespace only commands count.
fn no_route(lockdown: &Lockdown) -> u64 {
    if lockdown.fenced != Fenced::ByNamespaces || lockdown.network.is_on() {
        return 0;
    }
    old(&read_proc("/proc/net/snmp").unwrap_or_default()) + new(&read_proc("/proc/net/snmp6").unwrap_or_default())
}

fn old(snmp: &str) -> u64 {
    let mut lines = snmp.lines().filter(|line| line.starts_with("Ip:"));
    let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else { return 0 };
    let found = names.split(' ').zip(numbers.split(' ')).find(|(name, _)| *name == "OutNoRoutes");
    found.and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

fn new(snmp6: &str) -> u64 {
    let line = snmp6.lines().find_map(|line| line.strip_prefix("Ip6OutNoRoutes"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_the_largest_unit_that_fits() {
        assert_eq!([8 << 30, 3 << 20, 1025, 0].map(words), ["8 GiB", "3 MiB", "1025 bytes", "0 bytes"]);
    }

    #[test]
    fn counters_are_found_by_name() {
        assert_eq!(old("Ip: Forwarding OutNoRoutes X\nIp: 1 7 3\nIcmp: A\nIcmp: 1\n"), 7);
        assert_eq!(new("Ip6InReceives   \t4\nIp6OutNoRoutes                  \t9\n"), 9);
        assert_eq!(old("") + new(""), 0);
    }
}
