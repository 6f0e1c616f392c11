//! What holds commands back on this machine, layer by layer, as tried.

mod places;
pub(crate) mod policy;
mod private;
// Written for macOS, which this room does not run on yet: see there.
#[cfg(any(target_os = "macos", test))]
mod seatbelt;
pub(crate) mod secrets;

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of the fence, for `agent doctor` and for whoever decides whether `auto` is honest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    pub layers: Vec<Layer>,
}

/// One part of the fence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    pub kind: LayerKind,
    pub state: LayerState,
}

impl Layer {
    pub(crate) fn works(&self, kind: LayerKind) -> bool {
        self.kind == kind && self.state == LayerState::Works
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerKind {
    /// A user namespace: what makes the next four possible without root.
    Users,
    /// All but the workspace read-only, secrets out of sight, /tmp and HOME of its own.
    Mounts,
    /// Other processes out of sight, and all of a command's dead at its end.
    Processes,
    /// Only loopback.
    Network,
    /// git's hooks and configuration cannot be written.
    GitFiles,
    /// Files and signals once more, by the kernel's other way.
    Landlock,
    /// System calls that no build needs are refused.
    Seccomp,
    /// The kernel says which were, and without namespaces leaves permission bits and the like to us to change. Where
    /// it does not, nothing is told, and without namespaces such changes are refused everywhere.
    Notify,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerState {
    Works,
    /// The user asked for it to be open.
    Open,
    /// Why it does not work, in the kernel's words.
    Missing(String),
}

impl Fence {
    pub(crate) fn none(why: &str) -> Fence {
        let missing = |kind| Layer { kind, state: LayerState::Missing(why.to_string()) };
        Fence { layers: LayerKind::ALL.into_iter().map(missing).collect() }
    }

    /// Whether files and network are both fenced: a command can then do no more than the workspace can bear.
    pub fn holds(&self) -> bool {
        let works = |kind| self.state(kind).is_some_and(LayerState::is_fine);
        let files = works(LayerKind::Mounts) || works(LayerKind::Landlock);
        files && works(LayerKind::Network) && works(LayerKind::Seccomp)
    }

    pub fn state(&self, kind: LayerKind) -> Option<&LayerState> {
        self.layers.iter().find(|layer| layer.kind == kind).map(|layer| &layer.state)
    }
}

impl LayerKind {
    pub(crate) const ALL: [LayerKind; 8] = [
        LayerKind::Users,
        LayerKind::Mounts,
        LayerKind::Processes,
        LayerKind::Network,
        LayerKind::GitFiles,
        LayerKind::Landlock,
        LayerKind::Seccomp,
        LayerKind::Notify,
    ];
}

impl LayerState {
    pub fn is_fine(&self) -> bool {
        match self {
            LayerState::Works | LayerState::Open => true,
            LayerState::Missing(_) => false,
        }
    }
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LayerKind::Users => "user namespace",
            LayerKind::Mounts => "files (mount namespace)",
            LayerKind::Processes => "processes (pid namespace)",
            LayerKind::Network => "network",
            LayerKind::GitFiles => "git's hooks and configuration",
            LayerKind::Landlock => "files (Landlock)",
            LayerKind::Seccomp => "system calls (seccomp)",
            LayerKind::Notify => "reasons for refusals (seccomp's listener)",
        })
    }
}

impl fmt::Display for LayerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayerState::Works => f.write_str("works"),
            LayerState::Open => f.write_str("open, as you asked"),
            LayerState::Missing(why) => write!(f, "missing: {why}"),
        }
    }
}

#[cfg(test)]
mod tests;
