//! What the user may choose about the machine.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::network::Network;

/// How a [`crate::Host`] is opened.
#[derive(Clone, Debug, Default)]
pub struct HostOptions {
    /// Where the full text of long outputs is kept, as `output-0001.txt` and so on: the session's folder. Made when it
    /// is first needed. `None`: only head and tail are kept. Commands and file tools can read it.
    pub outputs: Option<PathBuf>,
    /// Where the symbols of workspaces are kept for the next run, in a folder of the program's own. `None`: they are
    /// found anew each time.
    pub symbols: Option<PathBuf>,
    /// Where the private git directories of commands are kept for the time of the run, in a folder of the program's own.
    /// After a kill the next run finds there what has not been brought to the repository. `None`: below the temporary
    /// directory.
    pub git: Option<PathBuf>,
    pub fence: FenceOptions,
}

/// What commands may reach.
#[derive(Clone, Debug, Default)]
pub struct FenceOptions {
    pub sandbox: SandboxMode,
    pub network: Network,
    /// Directories beside the workspace, for commands and file tools.
    pub add_dirs: Vec<AddedDir>,
    /// Names of variables that commands see beyond the allow-list, secrets included if named.
    pub pass: Vec<String>,
    /// Paths that neither commands nor file tools can read, beyond the built-in table. Absolute, or from HOME.
    pub hide: Vec<PathBuf>,
    /// Directories of HOME and caches in which what commands write stays. Those that are not there are passed over.
    pub keep: Vec<PathBuf>,
    pub limits: CommandLimits,
    pub outside_git: OutsideGit,
}

/// The git directory of a workspace that is a linked worktree, or a part of a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutsideGit {
    /// Commands commit, as far as hooks and configuration stay as they are.
    #[default]
    Writable,
    /// Commands only look: branches, index and objects of the main repository are not theirs.
    ReadOnly,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxMode {
    /// As much of the fence as the kernel gives; [`crate::Fence::holds`] says whether that is enough.
    #[default]
    On,
    /// None. Commands can do what the user can.
    Off,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedDir {
    pub path: PathBuf,
    pub access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// Bounds on one command and all it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLimits {
    /// The longest that a command may ask for. One in the background has no bound but the run's end.
    pub time: Duration,
    /// Of all processes together, in bytes. `None`: as much as the machine has.
    pub memory_bytes: Option<u64>,
    /// Processes and threads at one time.
    pub processes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// The largest file that can be written, in bytes.
    pub file_bytes: u64,
    /// What fits into the private /tmp, in bytes. It is memory.
    pub tmp_bytes: u64,
}

impl Default for CommandLimits {
    /// Wide enough for a build of a large project, narrow enough that the machine stays usable.
    fn default() -> CommandLimits {
        CommandLimits {
            time: Duration::from_secs(1_800),
            memory_bytes: None,
            processes: 4_096,
            open_files: 65_536,
            file_bytes: 16 << 30,
            tmp_bytes: 4 << 30,
        }
    }
}
