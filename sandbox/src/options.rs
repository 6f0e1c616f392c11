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
    /// Whether a text holds a key: what git ignores is hidden if it does. `None`: names alone decide.
    pub secret: Option<LooksSecret>,
    /// Directories of the program itself. They are no part of a workspace that they are in: not listed, not searched, not
    /// followed, not undone. Absolute, without links.
    pub own: Vec<PathBuf>,
    /// Where repositories go that commands make, in a folder of this session alone, which commands cannot write. Made when
    /// it is first needed. `None`: they get another name where they are, and a killed run is not repaired.
    pub repositories: Option<PathBuf>,
    pub fence: FenceOptions,
}

/// Judges a text of at most 128 KiB, or a file that is about to be shown.
pub type LooksSecret = fn(&str) -> bool;

/// Files that the user named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Absolute, or from HOME; with all that is below.
    pub paths: Vec<PathBuf>,
    /// As in .gitignore, from the workspace and from each added directory.
    pub patterns: Vec<String>,
}

impl Selection {
    /// `Err`: a pattern is none, and which.
    pub fn check(&self) -> Result<(), String> {
        self.patterns.iter().try_for_each(|pattern| {
            let added = ignore::gitignore::GitignoreBuilder::new("").add_line(None, pattern).map(drop);
            added.map_err(|error| format!("`{pattern}`: {error}"))
        })
    }
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
    /// What neither commands nor file tools can read, beyond the built-in tables.
    pub hide: Selection,
    /// What they can read in spite of the tables and of `hide`.
    pub show: Selection,
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
