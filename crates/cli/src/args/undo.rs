//! What can be said to `agent diff`, `undo` and `redo`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  agent diff --stat\n  agent diff --step 3\n  agent diff 0199 | git apply --reverse"
)]
pub(crate) struct DiffArgs {
    /// Session id, or its start or end [default: the latest here that changed files]
    pub(crate) id: Option<String>,

    /// Only this step's changes
    #[arg(long, value_name = "N")]
    pub(crate) step: Option<usize>,

    /// Only file names, with lines added and removed
    #[arg(long)]
    pub(crate) stat: bool,
}

const UNDO_HELP: &str = "\
Examples:
  agent undo                    the last step that changed something; again: the one before
  agent undo --step 3           everything from step 3 on
  agent undo --file src/a.rs    only this file of the last step
  agent undo --dry-run          show what would be done

All files are restored or none. Ignored files and files over 5 MB are not covered.
Your repository's HEAD, index, refs and stash are never touched.";

#[derive(Debug, Args)]
#[command(after_help = UNDO_HELP)]
pub(crate) struct UndoArgs {
    /// Session id, or its start or end [default: the latest here that changed files]
    pub(crate) id: Option<String>,

    /// Everything from this step on
    #[arg(long, value_name = "N")]
    pub(crate) step: Option<usize>,

    /// Only this file or directory; repeatable
    #[arg(long = "file", value_name = "F")]
    pub(crate) files: Vec<PathBuf>,

    /// Where the session's directory is now, if it was moved
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,

    /// Remove only the session's lines from text files changed since
    #[arg(long)]
    pub(crate) merge: bool,

    /// Only show what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  agent undo && agent redo")]
pub(crate) struct RedoArgs {
    /// Session id, or its start or end [default: the latest here that changed files]
    pub(crate) id: Option<String>,

    /// Where the session's directory is now, if it was moved
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,

    /// Only show what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}
