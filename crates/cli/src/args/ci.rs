//! What can be said to `agent ci` and `agent apply`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{BoundArgs, ModelArgs, Output};

const CI_HELP: &str = "\
Examples:
  agent ci --check \"cargo test\" --patch fix.patch \"Fix the failing test\"
  agent ci --issue 7 --open-pr --check \"npm test\" --result result.json
  agent ci --file task.md --commit --signoff
  git log -1 --format=%B | agent ci --patch - -

It works on the last commit, in its own worktree, sandboxed, without network, and never asks.
Default limits: 100 steps, USD 2, 30 minutes.

Exit codes:
  0 done, or nothing to change   1 failed: model, network, a check, a refused push   2 usage error
  3 limit reached   4 the sandbox does not work here   5 the model got stuck
  6 withheld: the change contains a secret or files that CI runs   130 cancelled";

#[derive(Debug, Args)]
#[command(after_help = CI_HELP)]
pub(crate) struct CiArgs {
    /// What to do, in plain words; `-` reads it from standard input
    #[arg(required_unless_present_any = ["file", "issue", "clean"], conflicts_with_all = ["file", "issue"])]
    pub(crate) task: Option<String>,

    /// Read the task from this file
    #[arg(long, value_name = "FILE", conflicts_with = "issue")]
    pub(crate) file: Option<PathBuf>,

    /// Take the task from this issue of the forge: title, body and comments
    #[arg(long, value_name = "N")]
    pub(crate) issue: Option<u64>,

    /// Only clean up after killed runs, saving their work as patches first
    #[arg(long, conflicts_with_all = ["task", "file", "issue"])]
    pub(crate) clean: bool,

    /// Check to run before and after, in the sandbox; repeatable
    #[arg(long, value_name = "COMMAND")]
    pub(crate) check: Vec<String>,

    /// How long each check may take
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) check_time: String,

    /// Write the change to this file, for `git am --keep-cr`; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) patch: Option<PathBuf>,

    /// Commit it to a new branch of this repository; the checkout stays unchanged
    #[arg(long)]
    pub(crate) commit: bool,

    /// Push that branch
    #[arg(long)]
    pub(crate) push: bool,

    /// Push it, and open or update its pull request
    #[arg(long)]
    pub(crate) open_pr: bool,

    /// If checks still fail, open the pull request as a draft; the exit code stays 1
    #[arg(long, requires = "open_pr")]
    pub(crate) draft_on_failure: bool,

    /// Allow changes to files that CI runs: workflows, Dockerfiles, hooks, lock files and the like
    #[arg(long)]
    pub(crate) allow_ci_files: bool,

    /// Do not treat this as a secret: the fingerprint from a false alarm, or an environment variable (not the token or
    /// the model's key)
    #[arg(long, value_name = "FINGERPRINT|VARIABLE")]
    pub(crate) allow_secret: Vec<String>,

    /// Write the result object to this file; `-` is stdout. Schema: agent config schema ci
    #[arg(long, value_name = "FILE")]
    pub(crate) result: Option<PathBuf>,

    /// Write the Markdown summary to this file; $GITHUB_STEP_SUMMARY gets it too
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,

    /// Write the session as a page to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// The commit to start from [default: HEAD]
    #[arg(long, value_name = "REV")]
    pub(crate) base: Option<String>,

    /// Branch name [default: agent/issue-N, or agent/ and words from the task]
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<String>,

    /// Author of the commit
    #[arg(long, value_name = "NAME <EMAIL>", default_value = "agent <agent@localhost>")]
    pub(crate) author: String,

    /// Add `Signed-off-by` with that name
    #[arg(long)]
    pub(crate) signoff: bool,

    #[command(flatten)]
    pub(crate) forge: ForgeArgs,

    /// What to print on stderr and stdout: text, or one JSON event per line
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: CiOutput,

    #[command(flatten)]
    pub(crate) bounds: BoundArgs,

    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

/// Where issues and pull requests are.
#[derive(Debug, Args)]
pub(crate) struct ForgeArgs {
    /// The remote to push to
    #[arg(long, value_name = "NAME", default_value = "origin")]
    pub(crate) remote: String,

    /// Kind of forge: github, gitlab, forgejo or gitea [default: inferred from the remote's URL]
    #[arg(long, value_name = "KIND")]
    pub(crate) forge: Option<String>,

    /// The forge's web URL, if the remote does not show it: https://git.example.org
    #[arg(long, value_name = "URL")]
    pub(crate) forge_url: Option<String>,

    /// Name of the environment variable that holds the forge's token
    /// [default: GITHUB_TOKEN, GITLAB_TOKEN or FORGEJO_TOKEN, by the forge]
    #[arg(long, value_name = "NAME")]
    pub(crate) token_env: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CiOutput {
    Text,
    Jsonl,
}

impl CiArgs {
    pub(crate) fn output(&self) -> Output {
        match self.output {
            CiOutput::Text => Output::Text,
            CiOutput::Jsonl => Output::Jsonl,
        }
    }

    /// Whether something leaves this machine.
    pub(crate) fn publishes(&self) -> bool {
        self.push || self.open_pr
    }
}

const APPLY_HELP: &str = "\
Examples:
  agent apply fix.patch                  a patch from `agent ci` or `git format-patch`, or any diff
  agent apply 0199                       that session's changes, even if its worktree is gone
  git diff main | agent apply --dry-run -

All files are changed or none. Hunks are placed as in a model's edit: where they match exactly one place, even if lines
above them moved. Nothing is committed.";

#[derive(Debug, Args)]
#[command(after_help = APPLY_HELP)]
pub(crate) struct ApplyArgs {
    /// A patch file, `-` for standard input, or a session id (or its start or end)
    #[arg(value_name = "PATCH|SESSION")]
    pub(crate) what: String,

    /// Only show what would be written
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// The directory to change [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
}
