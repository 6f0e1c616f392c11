//! The command line: what can be said to `agent`, and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  agent                                  talk about the repository you are in
  agent run \"Fix the failing test in tests/test_calc.py\"
  agent run --confirm \"Rename the function parse to read\"
  git diff main | agent run -            read the task from standard input
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
    /// List past sessions, newest first
    Sessions(SessionsArgs),
    /// Show a session: what was said, called and changed
    Show(ShowArgs),
    /// List the models that the server offers, with context window and price
    Models(ModelArgs),
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

    /// What to print on stdout: the final answer, one JSON object at the end, or one JSON event a line
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Output,

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

/// What everything that works on a task has in common.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorkArgs {
    /// Ask before each write and each command (same as --mode confirm)
    #[arg(long, conflicts_with = "mode")]
    pub(crate) confirm: bool,

    /// What may be done without asking [default: auto where the sandbox holds]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<ModeArg>,

    /// Fence for commands; `off` lets them do whatever you can
    #[arg(long, value_enum)]
    pub(crate) sandbox: Option<SandboxArg>,

    /// Network for commands [default: off]
    #[arg(long, value_enum)]
    pub(crate) network: Option<NetworkArg>,

    /// Stop after this many requests to the model [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) max_steps: Option<u32>,

    /// Stop before this many tokens are used, input and output together
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u64>,

    /// Stop before this much is spent
    #[arg(long, value_name = "USD")]
    pub(crate) max_cost: Option<f64>,

    /// Stop after this time: 90s, 10m, 1h30m
    #[arg(long, value_name = "TIME")]
    pub(crate) max_time: Option<String>,

    /// For screen readers and logs: whole lines and words, nothing drawn twice, no colour
    #[arg(long)]
    pub(crate) plain: bool,

    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ModelArgs {
    /// The model to ask [default: devstral-medium-latest]
    #[arg(long, value_name = "ID")]
    pub(crate) model: Option<String>,

    /// Any OpenAI-compatible server [default: Mistral's API]
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// Name of the environment variable that holds the key [default: MISTRAL_API_KEY]
    #[arg(long, value_name = "NAME")]
    pub(crate) api_key_env: Option<String>,

    /// The directory to work in [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
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
pub(crate) struct SessionsArgs {
    /// All sessions, not only those of the current directory
    #[arg(long)]
    pub(crate) all: bool,

    /// How many to list
    #[arg(long, short = 'n', default_value_t = 20)]
    pub(crate) number: usize,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  agent show                             the last session, as text
  agent show 0199 --html page.html       as a page with search, diffs and the cost of each step
  agent show --html - > page.html        the same, to stdout
  agent show --json | tail -n 1          how it ended";

#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(crate) struct ShowArgs {
    /// The session's id, or either end of it; the last one unless given
    pub(crate) id: Option<String>,

    /// The conversation as text, with the time, tokens and cost of each step (the default)
    #[arg(long, conflicts_with_all = ["json", "html"])]
    pub(crate) text: bool,

    /// The lines of the session file as they are
    #[arg(long, conflicts_with = "html")]
    pub(crate) json: bool,

    /// A page that stands alone, into this file; `-` is stdout. Only an older page is written over
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// Look, never touch
    ReadOnly,
    /// Ask before each write and command
    Confirm,
    /// Write freely in the workspace, ask before commands
    AcceptEdits,
    /// Ask nothing: the sandbox is the guard
    Auto,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SandboxArg {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetworkArg {
    On,
    Off,
}

impl From<ModeArg> for agent::Mode {
    fn from(mode: ModeArg) -> agent::Mode {
        match mode {
            ModeArg::ReadOnly => agent::Mode::ReadOnly,
            ModeArg::Confirm => agent::Mode::Confirm,
            ModeArg::AcceptEdits => agent::Mode::AcceptEdits,
            ModeArg::Auto => agent::Mode::Auto,
        }
    }
}
