//! What a command's own process takes upon itself right before it becomes the
//! command. None of it can be taken back.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use landlock::{RulesetCreated, RulesetStatus};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::BpfProgram;

use crate::launch::group::Group;
use crate::launch::listener::{self, Listener};
use crate::launch::seccomp::Opens;
use crate::network::Network;
use crate::options::CommandLimits;

/// By what the files are fenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fenced {
    Not,
    /// Landlock and seccomp alone.
    ByRules,
    /// And a view of the files of our making.
    ByNamespaces,
}

/// Of system calls, by who answers for what it does not let through.
#[derive(Debug)]
pub(crate) enum Filter {
    Asking(BpfProgram),
    Refusing(BpfProgram),
}

#[derive(Debug)]
pub(crate) struct Lockdown {
    pub(crate) fenced: Fenced,
    pub(crate) network: Network,
    /// Where the proxy listens, if there is one.
    pub(crate) proxy: Option<SocketAddr>,
    pub(crate) limits: CommandLimits,
    pub(crate) rules: Option<RulesetCreated>,
    pub(crate) filter: Option<Filter>,
    /// One that asks about each open too, for commands from which something is hidden that nothing covers.
    pub(crate) asking_opens: Option<BpfProgram>,
    /// Root keeps what it takes to work on files of other users; the rest is dropped.
    pub(crate) capabilities: CapabilitySet,
    /// What the warden may change in a command's place, where no mounts see to it.
    pub(crate) roots: Vec<PathBuf>,
    /// Where temporary files go when /tmp is everybody's.
    pub(crate) tmp: Option<PathBuf>,
    pub(crate) group: Option<Group>,
}

impl Lockdown {
    /// Takes the rules with it: for the process that is about to start a program. Where the filter asks, the answers
    /// are to come through what this returns.
    pub(crate) fn apply(&mut self, opens: Opens) -> io::Result<Option<Listener>> {
        if self.fenced == Fenced::Not {
            return Ok(None);
        }
        limit(&self.limits, self.fenced)?;
        // Without it a program of root gets everything back when it is started.
        rustix::thread::set_no_new_privs(true)?;
        drop_capabilities(self.capabilities)?;
        if let Some(rules) = self.rules.take() {
            let status = rules.restrict_self().map_err(io::Error::other)?;
            if status.ruleset == RulesetStatus::NotEnforced {
                return Err(io::Error::other("Landlock is not in this kernel or not enabled"));
            }
        }
        match &self.filter {
            Some(Filter::Asking(program)) => match (&self.asking_opens, opens) {
                (Some(asking), Opens::Asked) => listener::install(asking).map(Some),
                (_, Opens::Free | Opens::Asked) => listener::install(program).map(Some),
            },
            Some(Filter::Refusing(program)) => {
                seccompiler::apply_filter(program).map_err(io::Error::other)?;
                Ok(None)
            }
            None => Ok(None),
        }
    }
}

fn drop_capabilities(kept: CapabilitySet) -> io::Result<()> {
    for number in 0..64 {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if !kept.contains(one) {
            // Fails for numbers that the kernel does not have, and for users who have none anyway.
            let _ = rustix::thread::remove_capability_from_bounding_set(one);
        }
    }
    let now = rustix::thread::capabilities(None)?;
    let kept = kept & now.permitted;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

fn limit(limits: &CommandLimits, fenced: Fenced) -> io::Result<()> {
    lower(Resource::Data, most_data_bytes(limits))?;
    lower(Resource::Nofile, limits.open_files)?;
    lower(Resource::Fsize, limits.file_bytes)?;
    // A core file in the workspace is litter.
    lower(Resource::Core, 0)?;
    if fenced == Fenced::ByNamespaces {
        // Counted in our user namespace alone; without one it would count all that the user runs.
        lower(Resource::Nproc, limits.processes)?;
    }
    Ok(())
}

/// Of one process (RLIMIT_DATA): beyond it the kernel refuses a request.
pub(crate) fn most_data_bytes(limits: &CommandLimits) -> u64 {
    limits.memory_bytes.map_or_else(machine_bytes, data_bytes)
}

/// Of one process, when all together may have so much memory: what is asked for need not be used, and a control group
/// or the warden should be first, because they say which limit it was.
fn data_bytes(memory_bytes: u64) -> u64 {
    memory_bytes.saturating_add(memory_bytes.max(1 << 30))
}

pub(crate) fn lower(resource: Resource, bound: u64) -> io::Result<()> {
    let now = getrlimit(resource);
    let lowered = |old: Option<u64>| Some(old.map_or(bound, |old| old.min(bound)));
    Ok(setrlimit(resource, Rlimit { current: lowered(now.current), maximum: lowered(now.maximum) })?)
}

fn machine_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram.saturating_mul(u64::from(info.mem_unit))
}
