//! The command line: what can be said to `agent`, and its help.

mod ci;
mod undo;
mod work;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::ci::{ApplyArgs, CiArgs, ForgeArgs};
pub(crate) use self::undo::{DiffArgs, RedoArgs, UndoArgs};
pub(crate) use self::work::{
    BoundArgs, ModeArg, ModelArgs, ModelsArgs, Output, ProgramArgs, ProviderArg, SandboxArg, WorkArgs,
};

const EXAMPLES: &str = "\
Examples:
  agent                                  chat about the repository you are in
  agent run \"Fix the failing test in tests/test_calc.py\"
  agent run --confirm \"Rename the function parse to read\"
  git diff main | agent run -            read the task from standard input
  agent run --add-dir ../shared --add-dir /data:ro --limit memory=8G \"Use the shared parser\"
  agent run --output json --max-cost 0.50 --max-time 10m \"Add a test for empty input\"
  agent demo                             see it work without a key or a network

Exit codes:
  0 finished   1 failed (model, network, bug)   2 usage or configuration error   3 limit reached
  4 approval needed or refused   5 the model got stuck   6 withheld (agent ci)   130 cancelled";

const CHAT_EXAMPLES: &str = "\
Examples:
  agent                                  the same as agent chat
  agent chat \"Why does tests/test_calc.py fail?\"
  agent chat --mode read-only            look at a repository without changing it
  agent chat --plain                     for a screen reader

/help inside lists the commands and keys.";

const RESUME_EXAMPLES: &str = "\
Examples:
  agent resume                           continue the latest session in this directory
  agent resume \"Now add a test\"         send a new message
  agent resume 3f2a --model devstral-small-latest --max-cost 2
  agent fork 3f2a --step 7 \"Try it without a new dependency\"

Limits count the whole session, including earlier runs; --max-time counts only this run.
Model, server and key variable come from the session unless a flag overrides them.";

const SESSIONS_EXAMPLES: &str = "\
Examples:
  agent sessions                         sessions in this directory
  agent sessions --all \"cargo test\"     all sessions that contain these words
  agent sessions --since 7d --json";

/// A coding agent: give it a task in a repository and it works until it is done.
#[derive(Debug, Parser)]
#[command(name = "agent", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Without one: chat on a terminal, this help elsewhere
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Log details to stderr (same as AGENT_LOG=debug)
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Work on a task in the current directory until it is done
    Run(Box<RunArgs>),
    /// Chat in the current directory: many tasks, one session
    Chat(Box<ChatArgs>),
    /// Try it offline: a recorded model fixes a failing test in a small new repository
    Demo(DemoArgs),
    /// Run as a CI job: ends with a patch, a commit, a pull request, or the reason why not
    Ci(Box<CiArgs>),
    /// Apply a patch or a session's changes to the current directory
    Apply(ApplyArgs),
    /// Resume a session exactly where it stopped, however it stopped
    Resume(Box<ResumeArgs>),
    /// Start a new session as a copy of another, up to some step
    Fork(Box<ForkArgs>),
    /// List past sessions, newest first, or search them
    Sessions(SessionsArgs),
    /// Show a session: messages, tool calls and changes
    Show(ShowArgs),
    /// Show a session's changes, including its commands', as a diff for `git apply`
    Diff(DiffArgs),
    /// Undo a session's changes; files changed since are skipped and listed
    Undo(UndoArgs),
    /// Reverse the last undo
    Redo(RedoArgs),
    /// List the server's models with context window, profile and price
    #[command(after_help = "Examples:\n  agent models\n  agent models --base-url http://127.0.0.1:8080/v1\n  agent \
                            models --profiles      # the settings for each model family")]
    Models(ModelsArgs),
    /// Check what `run` needs on this machine: key, server, model, sandbox, git
    Doctor(ModelArgs),
    /// Show each setting with its value and where it comes from
    Config(ConfigArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  agent completions bash > ~/.local/share/bash-completion/completions/agent")]
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// What to do, in plain words; `-` reads it from standard input
    pub(crate) task: String,

    #[command(flatten)]
    pub(crate) program: ProgramArgs,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

#[derive(Debug, Args)]
#[command(after_help = CHAT_EXAMPLES)]
pub(crate) struct ChatArgs {
    /// The first message, in plain words
    pub(crate) task: Option<String>,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Create the repository here and keep it [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,

    /// Sandbox for commands; `off` lets them do anything you can
    #[arg(long, value_enum)]
    pub(crate) sandbox: Option<SandboxArg>,
}

#[derive(Debug, Args)]
#[command(after_help = RESUME_EXAMPLES)]
pub(crate) struct ResumeArgs {
    /// Session id, or its start or end [default: the latest in this directory]
    pub(crate) id: Option<String>,

    /// First message; `-` reads it from standard input. Without it an unfinished session continues, and a finished one
    /// opens as a chat on a terminal
    pub(crate) message: Option<String>,

    #[command(flatten)]
    pub(crate) program: ProgramArgs,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

#[derive(Debug, Args)]
#[command(after_help = RESUME_EXAMPLES)]
pub(crate) struct ForkArgs {
    /// Session id, or its start or end
    pub(crate) id: String,

    /// First message; `-` reads it from standard input
    pub(crate) message: Option<String>,

    /// The last step to keep, with its results; 0 keeps only the task [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) step: Option<usize>,

    #[command(flatten)]
    pub(crate) program: ProgramArgs,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

#[derive(Debug, Default, Args)]
#[command(after_help = SESSIONS_EXAMPLES)]
pub(crate) struct SessionsArgs {
    /// Only sessions with this in their task, messages, commands or file names
    pub(crate) text: Option<String>,

    /// All sessions, not only those in the current directory
    #[arg(long, conflicts_with = "dir")]
    pub(crate) all: bool,

    /// Only sessions in this directory [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Only those started on or after this date: 2026-11-25, or 7d for seven days ago
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<String>,

    /// Only those started before this date
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<String>,

    /// How many to list
    #[arg(long, short = 'n', default_value_t = 20)]
    pub(crate) number: usize,

    /// One JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  agent show                             the latest session in this directory, as text
  agent show 0199 --html page.html       as a page with search, diffs and the cost of each step
  agent show --html - > page.html        the same, to stdout
  agent show --atif trajectory.json      for Harbor and other readers of agent trajectories
  agent show --json | tail -n 1          how it ended";

#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(crate) struct ShowArgs {
    /// Session id, or its start or end [default: the latest in this directory]
    pub(crate) id: Option<String>,

    /// The conversation as text, with the time, tokens and cost of each step (the default)
    #[arg(long, conflicts_with_all = ["json", "html", "atif"])]
    pub(crate) text: bool,

    /// The session file as it is
    #[arg(long, conflicts_with_all = ["html", "atif"])]
    pub(crate) json: bool,

    /// Write a self-contained page to this file; `-` is stdout. Overwrites only an earlier page
    #[arg(long, value_name = "FILE", conflicts_with = "atif")]
    pub(crate) html: Option<PathBuf>,

    /// Write a trajectory (ATIF 1.8, JSON) to this file; `-` is stdout. Overwrites only an earlier trajectory
    #[arg(long, value_name = "FILE")]
    pub(crate) atif: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) action: Option<ConfigAction>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Trust this repository's .agent/config.toml (it can never widen access)
    Trust,
    /// Stop trusting it
    Untrust,
    /// Print the JSON schema of an output or input format
    Schema {
        #[arg(value_enum)]
        what: SchemaOf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The lines of `--output jsonl`, and the object of `--output json` as its last
    Events,
    /// The lines that `--input jsonl` reads
    Input,
    /// The object of `agent ci --result`
    Ci,
}
