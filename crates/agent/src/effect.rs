//! What a tool may do to the machine: a closed list, so policy can judge it all.
//!
//! Paths are relative to the workspace root, as the model named them. Whether
//! one leaves the workspace is for the kernel to say, in `sandbox/`, and not
//! for a comparison of strings.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::cancel::Cancel;

#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A whole file of at most `max_bytes`.
    Read { path: PathBuf, max_bytes: u64 },
    /// Files below `path`, .gitignore honoured, at most `limit` of them. `depth` 1: only the directory itself.
    List { path: PathBuf, glob: Option<String>, depth: Option<usize>, limit: usize },
    /// Lines that match a regular expression, at most `limit` of them, each with `context` lines before and after it.
    Search { pattern: String, path: PathBuf, glob: Option<String>, context: usize, limit: usize },
    /// The symbols of the workspace that matter most, or most to `focus`, a path or a name; a text of at most `max_bytes`.
    Map { focus: Option<String>, max_bytes: usize },
    /// All files of one edit, all or nothing.
    Write { changes: Vec<Change> },
    /// A command line for bash, in the workspace root.
    Run { command: String, timeout: Duration },
    /// The same, left running: until it ends, a [`Effect::Stop`], or the end of the run.
    Start { command: String },
    /// What a started command printed since the last look. Waits at most `wait` for something to look at.
    ReadOutput { id: u32, wait: Duration },
    /// Ends a started command, with everything that it started.
    Stop { id: u32 },
}

/// One file of a [`Effect::Write`]. `before` is what the edit was made against:
/// a file that differs on disk is not written.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub path: PathBuf,
    /// `None`: the file does not exist yet.
    pub before: Option<Vec<u8>>,
    /// `None`: the file is deleted.
    pub after: Option<Vec<u8>>,
    pub mode: FileMode,
}

/// Permission bits of the file that a [`Change`] leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileMode {
    /// As they are; a new file gets the user's default.
    Keep,
    Executable,
    NotExecutable,
    /// As those of this file, which the same write deletes: a rename.
    Of(PathBuf),
}

/// Proof that the policy or the human let an effect through.
///
/// **Invariant:** only `Workspace` makes one, and a [`Sandbox`] acts on
/// nothing else. That is the one door.
#[derive(Debug)]
pub struct Permit {
    effect: Effect,
    programs: Programs,
}

/// Where a command's programs are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programs {
    /// By the user's PATH.
    AnyInPath,
    /// By the user's PATH without directories that edits can write. The command runs unasked because its programs are
    /// known to be harmless, and an edit could put another `ls` into `.venv/bin`.
    OutsideWorkspace,
}

impl Permit {
    pub(crate) fn new(effect: Effect) -> Permit {
        Permit { effect, programs: Programs::AnyInPath }
    }

    pub(crate) fn for_harmless(effect: Effect) -> Permit {
        Permit { effect, programs: Programs::OutsideWorkspace }
    }

    pub fn effect(&self) -> &Effect {
        &self.effect
    }

    pub fn programs(&self) -> Programs {
        self.programs
    }
}

/// What the machine answered; each variant belongs to the effect of its name.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    Read(Vec<u8>),
    Listed(Listing),
    Found(Found),
    Mapped(RepoMap),
    Written,
    Ran(Ran),
    Started(Background),
    Output(Background),
    Stopped(Background),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of their paths.
    pub entries: Vec<Listed>,
    /// How many more there are beyond the limit; at least that many.
    pub left_out: usize,
}

/// After the name of what is hidden from the model.
pub const HIDDEN_MARK: &str = " (hidden)";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// From the workspace root; a directory ends in `/`, a link in `@`, and then in [`HIDDEN_MARK`] what cannot be read.
    pub path: String,
    pub bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order of their paths.
    pub lines: Vec<FoundLine>,
    /// Matching lines beyond the limit; at least that many.
    pub left_out: usize,
    /// Files in which something matched, those left out included, in the order of their paths.
    pub files: Vec<FoundFile>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    pub path: String,
    /// All its matching lines.
    pub matches: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLine {
    pub path: String,
    /// From 1.
    pub number: u64,
    /// Without its line end, clipped to 300 bytes.
    pub text: String,
    pub kind: LineKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    Match,
    /// Beside a match.
    Context,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepoMap {
    /// Files, most used first, each with its most used symbols and their lines.
    pub text: String,
    /// Files in the text.
    pub shown: usize,
    /// Files whose symbols are known.
    pub files: usize,
    /// Files that there was no time to look at.
    pub unread: usize,
    /// No path and no name is what it was to be about.
    pub focus_missed: bool,
}

/// How a command went.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    pub ended: Ended,
    /// stdout and stderr in the order they were printed, head and tail where it was long.
    pub output: String,
    /// All bytes printed; more than `output` holds where it was clipped.
    pub total_bytes: u64,
    /// Where the full text is kept when `output` was clipped.
    pub full_output: Option<PathBuf>,
    /// What the fence or a limit did, in words for the model.
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Exited(i32),
    /// Killed by this signal, not by us.
    Signalled(i32),
    /// Killed by us when its time was over.
    TimedOut(Duration),
    /// Killed by us because somebody asked for it.
    Stopped,
}

/// A command that was left running, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Background {
    /// From 1, in the order in which they were started.
    pub id: u32,
    /// `None`: it runs.
    pub ended: Option<Ended>,
    /// Since its start, or until its end.
    pub ran_for: Duration,
    /// stdout and stderr since the last look, head and tail where it was long.
    pub output: String,
    /// What the fence or a limit did, in words for the model.
    pub notes: Vec<String>,
}

/// Why the machine did not do it. The text is read by the model.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("`{}` does not exist.", .0.display())]
    NotFound(PathBuf),
    #[error("`{}` is a directory.", .0.display())]
    IsDirectory(PathBuf),
    /// A device, a fifo or a socket.
    #[error("`{}` is not a regular file.", .0.display())]
    NotRegular(PathBuf),
    #[error("`{}` is too large ({bytes} bytes, limit {max_bytes}). Use `search_files`, or a command that prints part \
             of it.", .path.display())]
    TooLarge { path: PathBuf, bytes: u64, max_bytes: u64 },
    #[error("`{}` is outside the workspace.", .0.display())]
    Outside(PathBuf),
    /// Somebody else wrote the file since the edit was made against it.
    #[error("`{}` changed on disk in the meantime; nothing was written. Read it again.", .0.display())]
    Changed(PathBuf),
    #[error("No background command has the id {0}.")]
    NoSuchCommand(u32),
    #[error("Invalid pattern: {0}")]
    BadPattern(String),
    #[error("{0}")]
    Blocked(String),
    /// The machine could not start a command: nothing of it ran. Why, in words for the model.
    #[error("{0}")]
    NotStarted(String),
    /// The call was cancelled while it ran; what it left is undone or complete.
    #[error("cancelled")]
    Cancelled,
    #[error("`{}`: {source}", .path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

/// The machine, fenced. Implementations live in `sandbox/`.
#[async_trait(?Send)]
pub trait Sandbox {
    /// Does what the permit allows. Returns soon after `cancel` is set, with
    /// everything it started dead.
    async fn perform(&self, permit: Permit, cancel: &Cancel) -> Result<Observation, SandboxError>;
}
