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
mod above;
mod beneath;
mod bounded;
mod clock;
mod git_names;
mod glob;
mod hidden;
mod ignored;
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
mod guarded;
mod keeper;
mod launch;
mod network;
mod output;
mod protocol;
mod proxy;
mod repositories;
mod run;
mod terminal_text;

pub use crate::bounded::read_bounded;
pub use crate::fence::{Fence, Layer, LayerKind, LayerState};
pub use crate::files::{Content, Files, Late, Look};
pub use crate::hidden::{is_filled_by_tools, is_named_like_a_secret};
pub use crate::host::{Host, OpenError};
pub use crate::launch::launcher;
pub use crate::memory::{Memory, ran};
pub use crate::network::{HostRule, Network, NetworkError};
pub use crate::options::{
    Access, AddedDir, CommandLimits, FenceOptions, HostOptions, LooksSecret, OutsideGit, SandboxMode, Selection,
};
pub use crate::repositories::{Planted, Recovered, recover};
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
