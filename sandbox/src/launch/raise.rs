//! Puts up the fence as far as this machine allows, and says how far.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use rustix::process::WaitOptions;
use rustix::thread::CapabilitySet;

use crate::fence::policy::{self, AnyPath, Policy};
use crate::fence::{Layer, LayerKind, LayerState};
use crate::launch::group::Group;
use crate::launch::lockdown::{Fenced, Filter, Lockdown};
use crate::launch::raw::{self, Forked, Namespaces};
use crate::launch::seccomp::{Asks, Opens, Sockets};
use crate::launch::{landlock, mounts, namespaces, proc, seccomp};
use crate::network::Network;
use crate::options::CommandLimits;

/// What a keeper has for its wardens.
pub(crate) struct Raised {
    pub(crate) lockdown: Lockdown,
    /// What each warden is born into.
    pub(crate) namespaces: Namespaces,
    pub(crate) layers: Vec<Layer>,
    /// Of the proxy, made where commands are. The agent serves it.
    pub(crate) way_out: Option<TcpListener>,
    /// `None`: no fence.
    policy: Option<Policy>,
}

impl Raised {
    /// For a command from which this is hidden, where no mounts cover it. The warden looks at each open where the kernel
    /// asks it; where it does not, Landlock has to leave it out, and then nothing new can be made beside it.
    pub(crate) fn hide_by_rules(&mut self, hidden: &[AnyPath]) -> io::Result<()> {
        let (Some(policy), false) = (&self.policy, hidden.is_empty()) else { return Ok(()) };
        if self.lockdown.asking_opens.is_none() && self.lockdown.rules.is_some() {
            let policy = Policy { hidden: [&policy.hidden, hidden].concat(), ..policy.clone() };
            let rules = landlock::ruleset(&policy, self.lockdown.fenced, self.lockdown.tmp.as_deref());
            self.lockdown.rules = Some(rules.map_err(io::Error::other)?);
        }
        Ok(())
    }
}

/// `Err`: the namespaces failed half-way, and this process is no longer of use.
pub(crate) fn raise(policy: Option<Policy>) -> io::Result<Raised> {
    let Some(policy) = policy else { return Ok(none()) };
    // Most machines do not let us, and then each process is bounded by itself.
    let group = Group::enter(&policy.limits).ok();
    raise_in(policy, group)
}

fn raise_in(policy: Policy, group: Option<Group>) -> io::Result<Raised> {
    let mut layers = Vec::new();
    let mut say = |kind, state| layers.push(Layer { kind, state });
    let (fenced, namespaces) = match policy.namespaces {
        policy::Namespaces::Try => {
            let sockets = mounts::foreign_sockets();
            namespaces::enter(&policy.network)?;
            mounts::build(&policy, &sockets)?;
            say(LayerKind::Users, LayerState::Works);
            say(LayerKind::Mounts, LayerState::Works);
            let processes = in_child(Namespaces::PidAndMount, || proc::mount(policy.limits.processes));
            let namespaces = if processes.is_ok() { Namespaces::PidAndMount } else { Namespaces::Mount };
            say(LayerKind::Processes, state(processes));
            say(LayerKind::Network, if policy.network.is_on() { LayerState::Open } else { LayerState::Works });
            say(LayerKind::GitFiles, LayerState::Works);
            (Fenced::ByNamespaces, namespaces)
        }
        policy::Namespaces::Leave => (Fenced::ByRules, Namespaces::None),
    };
    let tmp = if fenced == Fenced::ByRules { Some(temporary()?) } else { None };
    let sockets = match (&policy.network, fenced) {
        (Network::On, _) => Sockets::Open,
        (Network::Off | Network::Hosts(_), Fenced::ByNamespaces) => Sockets::OwnNetwork,
        (Network::Hosts(_), Fenced::ByRules | Fenced::Not) => Sockets::Proxy,
        (Network::Off, Fenced::ByRules | Fenced::Not) => Sockets::None,
    };
    let way_out = match policy.network {
        Network::Hosts(_) => Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?),
        Network::Off | Network::On => None,
    };
    let mut lockdown = Lockdown {
        fenced,
        network: policy.network.clone(),
        proxy: way_out.as_ref().map(TcpListener::local_addr).transpose()?,
        limits: policy.limits.clone(),
        rules: None,
        filter: None,
        asking_opens: None,
        capabilities: kept_capabilities(policy.workspace()),
        roots: Vec::new(),
        tmp,
        group,
    };
    if fenced == Fenced::ByNamespaces {
        // Mounts see to what is written where; the warden sets the few modes that it is asked about.
        lockdown.roots.push(PathBuf::from("/"));
    }
    if fenced == Fenced::ByRules {
        lockdown.roots.extend(policy.writable.iter().map(|path| path.to_path_buf()));
        lockdown.roots.extend(lockdown.tmp.clone());
    }
    let asked = try_filter(&mut lockdown, sockets, Asks::Warden);
    if asked.is_ok() && fenced == Fenced::ByRules {
        lockdown.asking_opens = seccomp::filter(sockets, fenced, Asks::Warden, Opens::Asked);
    }
    let filtered = if asked.is_ok() { Ok(()) } else { try_filter(&mut lockdown, sockets, Asks::Nobody) };
    let rules = landlock::ruleset(&policy, fenced, lockdown.tmp.as_deref()).map_err(io::Error::other);
    let ruled = rules.and_then(|rules| {
        lockdown.rules = Some(rules.try_clone()?);
        let tried = try_on(&mut lockdown);
        lockdown.rules = tried.is_ok().then_some(rules);
        tried
    });
    if fenced == Fenced::ByRules {
        let both = lockdown.rules.is_some() && lockdown.filter.is_some();
        let network = match policy.network {
            Network::On => LayerState::Open,
            Network::Off | Network::Hosts(_) if both => LayerState::Works,
            Network::Off | Network::Hosts(_) => {
                LayerState::Missing("neither namespaces nor Landlock with seccomp".to_string())
            }
        };
        say(LayerKind::Network, network);
    }
    say(LayerKind::Landlock, state(ruled));
    say(LayerKind::Seccomp, state(filtered));
    say(LayerKind::Notify, state(asked));
    Ok(Raised { lockdown, namespaces, layers, way_out, policy: Some(policy) })
}

/// Leaves the filter in place if it works.
fn try_filter(lockdown: &mut Lockdown, sockets: Sockets, asks: Asks) -> io::Result<()> {
    let program = seccomp::filter(sockets, lockdown.fenced, asks, Opens::Free);
    let program = program.ok_or_else(|| io::Error::other("no filter for this processor"))?;
    lockdown.filter = Some(match asks {
        Asks::Warden => Filter::Asking(program),
        Asks::Nobody => Filter::Refusing(program),
    });
    let tried = try_on(lockdown);
    if tried.is_err() {
        lockdown.filter = None;
    }
    tried
}

fn none() -> Raised {
    let lockdown = Lockdown {
        fenced: Fenced::Not,
        network: Network::On,
        proxy: None,
        limits: CommandLimits::default(),
        rules: None,
        filter: None,
        asking_opens: None,
        capabilities: CapabilitySet::all(),
        roots: Vec::new(),
        tmp: None,
        group: None,
    };
    Raised { lockdown, namespaces: Namespaces::None, layers: Vec::new(), way_out: None, policy: None }
}

fn state(tried: io::Result<()>) -> LayerState {
    match tried {
        Ok(()) => LayerState::Works,
        Err(error) => LayerState::Missing(error.to_string()),
    }
}

/// In a process of its own, since there is no way back.
fn try_on(lockdown: &mut Lockdown) -> io::Result<()> {
    in_child(Namespaces::None, || lockdown.apply(Opens::Free).map(drop))
}

fn in_child(namespaces: Namespaces, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    match raw::fork(namespaces)? {
        Forked::Child => {
            let code = match work() {
                Ok(()) => 0,
                // An errno fits; what is none is told as "not permitted".
                Err(error) => error.raw_os_error().unwrap_or(libc::EPERM),
            };
            std::process::exit(code);
        }
        Forked::Parent(child) => {
            let status = rustix::process::waitpid(Some(child), WaitOptions::empty())?;
            match status.and_then(|(_, status)| status.exit_status()) {
                Some(0) => Ok(()),
                Some(errno) => Err(io::Error::from_raw_os_error(errno)),
                None => Err(io::Error::other("the trial was killed")),
            }
        }
    }
}

/// Root in a container often works on files of another user. Behind a fence the right to do that reaches no further
/// than the fence does.
fn kept_capabilities(workspace: &Path) -> CapabilitySet {
    use std::os::unix::fs::MetadataExt as _;
    let foreign = std::fs::metadata(workspace).is_ok_and(|meta| meta.uid() != rustix::process::getuid().as_raw());
    if rustix::process::getuid().is_root() && foreign {
        CapabilitySet::DAC_OVERRIDE | CapabilitySet::FOWNER | CapabilitySet::CHOWN
    } else {
        CapabilitySet::empty()
    }
}

/// The keeper takes it away at its end.
fn temporary() -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let path = std::env::temp_dir().join(format!("agent-commands-{}", std::process::id()));
    std::fs::DirBuilder::new().mode(0o700).create(&path)?;
    Ok(path)
}
