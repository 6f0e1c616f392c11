//! The machine, fenced: the only code that opens workspace files or starts
//! commands. It never decides what is allowed; whoever holds a permit has been
//! through the policy and the human.
//!
//! [`Host`] acts on this machine. [`Memory`] is for tests. Start reading at
//! `host.rs`; for commands go on with `run.rs`, then `launch.rs`; README.md
//! has what is promised, and the test that keeps each promise.

mod host;
mod memory;
mod options;

// Files.
mod beneath;
mod git_names;
mod glob;
mod list;
mod map;
mod read;
mod roots;
mod search;
mod stage;
mod undo;
mod walk;
mod write;

// Snapshots.
mod files;
mod restore;
mod scan;
mod state;
mod take_back;
mod watch;

// Commands.
mod background;
mod environment;
mod fence;
mod git_dirs;
mod keeper;
mod launch;
mod network;
mod output;
mod private_git;
mod protocol;
mod proxy;
mod run;

pub use crate::fence::{Fence, Layer, LayerKind, LayerState};
pub use crate::files::{Content, Files, Late};
pub use crate::host::{Host, OpenError};
pub use crate::launch::launcher;
pub use crate::memory::{Memory, ran};
pub use crate::network::{HostRule, Network, NetworkError};
pub use crate::options::{Access, AddedDir, CommandLimits, FenceOptions, HostOptions, OutsideGit, SandboxMode};
pub use crate::private_git::GitAccount;
pub use crate::take_back::TakeBack;
pub use crate::watch::{Watch, Written};

#[cfg(test)]
mod attack;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod escapes;
#[cfg(test)]
mod inside;
#[cfg(test)]
mod testing;
