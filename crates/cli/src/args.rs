//! The command line: what can be said to `agent`, and its help.

mod ci;
mod undo;
mod work;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::ci::{ApplyArgs, CiArgs, ForgeArgs};
pub(crate) use self::undo::{DiffArgs, RedoArgs, UndoArgs};
pub(crate) use self::work::{BoundArgs, ModeArg, ModelArgs, ModelsArgs, Output, ProgramArgs, SandboxArg, WorkArgs};

const EXAMPLES: &str = "\
Examples:
  agent                                  talk about the repository you are in
  agent run \"Fix the failing test in tests/test_calc.py\"
  agent run --confirm \"Rename the function parse to read\"
  git diff main | agent run -            read the task from standard input
  agent run --add-dir ../shared --add-dir /data:ro --limit memory=8G \"Use the shared parser\"
  agent run --output json --max-cost 0.50 --max-time 10m \"Add a test for empty input\"
  agent demo                             see it work without a key or a network

Exit codes:
  0 finished   1 failed (model, network, bug)   2 wrong use or configuration   3 a limit was reached
  4 an approval was needed or refused   5 the model got stuck   130 cancelled";

const CHAT_EXAMPLES: &str = "\
Examples:
  agent                                  the same as agent chat
  agent chat \"Why does tests/test_calc.py fail?\"
  agent chat --mode read-only            look at a repository without changing it
  agent chat --plain                     for a screen reader

/help inside lists the commands and keys.";

const RESUME_EXAMPLES: &str = "\
Examples:
  agent resume                           go on with the last session of this directory
  agent resume \"Now add a test\"         say something to it
  agent resume 3f2a --model devstral-small-latest --max-cost 2
  agent fork 3f2a --step 7 \"Try it without a new dependency\"

Limits count the whole session, what was used before included; --max-time counts this run alone.
The model, its server and the name of its key are those of the session unless a flag says otherwise.";

const SESSIONS_EXAMPLES: &str = "\
Examples:
  agent sessions                         those of this directory
  agent sessions --all \"cargo test\"     those in which these words were said or run
  agent sessions --since 7d --json";

/// A coding agent: hand it a task in a repository, it works until the task is done.
#[derive(Debug, Parser)]
#[command(name = "agent", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// None: a conversation on a terminal, this help elsewhere
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Say more on stderr about what happens inside (same as AGENT_LOG=debug)
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Work on a task in the current directory until it is done
    Run(Box<RunArgs>),
    /// Talk with the model about the current directory: many tasks, one session
    Chat(Box<ChatArgs>),
    /// See the whole thing work, offline: a recorded model mends a failing test in a new small repository
    Demo(DemoArgs),
    /// Work for a CI job: a patch, a commit or a pull request at the end, or a truthful reason
    Ci(Box<CiArgs>),
    /// Land a patch, or what a session changed, in the current directory
    Apply(ApplyArgs),
    /// Go on with a session exactly where it stopped, however it stopped
    Resume(Box<ResumeArgs>),
    /// Begin a new session as a copy of another, up to some step
    Fork(Box<ForkArgs>),
    /// List past sessions, newest first, or search them
    Sessions(SessionsArgs),
    /// Show a session: what was said, called and changed
    Show(ShowArgs),
    /// Show what a session changed, its commands' changes included, as a diff that `git apply` takes
    Diff(DiffArgs),
    /// Take back what a session changed; what anybody changed since is left alone and named
    Undo(UndoArgs),
    /// Take the last undo back
    Redo(RedoArgs),
    /// List the models that the server offers, with context window, profile and price
    #[command(after_help = "Examples:\n  agent models\n  agent models --base-url http://127.0.0.1:8080/v1\n  \
                            agent models --profiles      # how each family is spoken to")]
    Models(ModelsArgs),
    /// Try what `run` needs on this machine: key, server, model, sandbox, git
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
    /// What to begin with, in plain words
    pub(crate) task: Option<String>,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Make the repository here and keep it [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,

    /// Fence for commands; `off` lets them do whatever you can
    #[arg(long, value_enum)]
    pub(crate) sandbox: Option<SandboxArg>,
}

#[derive(Debug, Args)]
#[command(after_help = RESUME_EXAMPLES)]
pub(crate) struct ResumeArgs {
    /// The session's id, or either end of it; the last one of this directory unless given
    pub(crate) id: Option<String>,

    /// What to say first; `-` reads it from standard input. Without it an unfinished session just goes on, and a
    /// finished one is talked to, on a terminal
    pub(crate) message: Option<String>,

    #[command(flatten)]
    pub(crate) program: ProgramArgs,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

#[derive(Debug, Args)]
#[command(after_help = RESUME_EXAMPLES)]
pub(crate) struct ForkArgs {
    /// The session's id, or either end of it
    pub(crate) id: String,

    /// What to say first; `-` reads it from standard input
    pub(crate) message: Option<String>,

    /// The last step to keep, with what its calls gave; 0 keeps the task alone [default: all]
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
    /// Only those in whose task, words, commands or file names this stands
    pub(crate) text: Option<String>,

    /// All sessions, not only those of the current directory
    #[arg(long, conflicts_with = "dir")]
    pub(crate) all: bool,

    /// Those of this directory [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Only those begun at this date or later: 2026-11-25, or 7d for seven days ago
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<String>,

    /// Only those begun before this date
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<String>,

    /// How many to list
    #[arg(long, short = 'n', default_value_t = 20)]
    pub(crate) number: usize,

    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  agent show                             the last session of this directory, as text
  agent show 0199 --html page.html       as a page with search, diffs and the cost of each step
  agent show --html - > page.html        the same, to stdout
  agent show --atif trajectory.json      for Harbor and what else reads agents' trajectories
  agent show --json | tail -n 1          how it ended";

#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(crate) struct ShowArgs {
    /// The session's id, or either end of it; the last one of this directory unless given
    pub(crate) id: Option<String>,

    /// The conversation as text, with the time, tokens and cost of each step (the default)
    #[arg(long, conflicts_with_all = ["json", "html", "atif"])]
    pub(crate) text: bool,

    /// The lines of the session file as they are
    #[arg(long, conflicts_with_all = ["html", "atif"])]
    pub(crate) json: bool,

    /// A page that stands alone, into this file; `-` is stdout. Only an older page is written over
    #[arg(long, value_name = "FILE", conflicts_with = "atif")]
    pub(crate) html: Option<PathBuf>,

    /// A trajectory (ATIF 1.8, JSON), into this file; `-` is stdout. Only an older one is written over
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
    /// Let this repository's .agent/config.toml count (it can never widen what the agent may do)
    Trust,
    /// Take the trust back
    Untrust,
    /// Print the JSON schema of something the program prints
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
