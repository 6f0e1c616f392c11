//! What the commands that work on something have in common: how freely, with which model, for whom.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use providers::Effort;

/// How to work, whatever on.
#[derive(Debug, Args)]
pub(crate) struct WorkArgs {
    /// Ask before each write and each command (same as --mode confirm)
    #[arg(long, conflicts_with = "mode")]
    pub(crate) confirm: bool,

    /// What may be done without asking [default: auto if the sandbox works]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<ModeArg>,

    /// Sandbox for commands; `off` lets them do anything you can
    #[arg(long, value_enum)]
    pub(crate) sandbox: Option<SandboxArg>,

    /// Allow this where the mode would ask: "cargo test" (commands that start with it), "exactly:make lint",
    /// "edit:docs/**"; repeatable
    #[arg(long, value_name = "RULE")]
    pub(crate) allow: Vec<String>,

    /// Always ask about this, in every mode
    #[arg(long, value_name = "RULE")]
    pub(crate) ask: Vec<String>,

    #[command(flatten)]
    pub(crate) bounds: BoundArgs,

    /// For screen readers and logs: whole lines, no redrawing, no color
    #[arg(long)]
    pub(crate) plain: bool,

    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

/// How far the work may go, whoever watches it.
#[derive(Clone, Debug, Args)]
pub(crate) struct BoundArgs {
    /// Network for commands: on, off, or certain hosts such as hosts=pypi.org,.pythonhosted.org [default: off]
    #[arg(long, value_name = "on|off|hosts=NAME,NAME")]
    pub(crate) network: Option<String>,

    /// Never allow this, in any mode
    #[arg(long, value_name = "RULE")]
    pub(crate) deny: Vec<String>,

    /// Also allow this directory, by absolute path; append `:ro` for read-only
    #[arg(long, value_name = "DIR[:ro]")]
    pub(crate) add_dir: Vec<String>,

    /// Show the model a file that is hidden because it may hold secrets, such as .env; patterns as in .gitignore;
    /// repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) show: Vec<String>,

    /// Limit each command [default: time=30m, processes=4096, open_files=65536, file_size=16G, tmp=4G, and memory as
    /// much as the machine has]
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    pub(crate) limit: Vec<String>,

    /// Stop after this many requests to the model [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) max_steps: Option<u32>,

    /// Stop before using this many tokens, input and output combined
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u64>,

    /// Stop before spending this much
    #[arg(long, value_name = "USD")]
    pub(crate) max_cost: Option<f64>,

    /// Stop after this time: 90s, 10m, 1h30m
    #[arg(long, value_name = "TIME")]
    pub(crate) max_time: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ModelArgs {
    /// The model to use [default: the first of Devstral, Mistral Medium, Large, Small and Codestral that the server lists]
    #[arg(long, value_name = "ID")]
    pub(crate) model: Option<String>,

    /// How much the model thinks: none, minimal, low, medium, high, xhigh; uses the nearest level that the model accepts
    /// [default: high, if the model thinks]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) effort: Option<Effort>,

    /// Any OpenAI-compatible server [default: Mistral's API]
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// Name of the environment variable that holds the key [default: MISTRAL_API_KEY, for Mistral and this machine only]
    #[arg(long, value_name = "NAME")]
    pub(crate) api_key_env: Option<String>,

    /// Whose requests the server understands [default: inferred from the URL]
    #[arg(long, value_enum)]
    pub(crate) provider: Option<ProviderArg>,

    /// Wait this long for the first byte of a reply [default: 5m, on this machine 30m]
    #[arg(long, value_name = "TIME")]
    pub(crate) first_byte_timeout: Option<String>,

    /// The directory to work in [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Show the built-in profiles, without asking a server: the settings for each model family
    #[arg(long)]
    pub(crate) profiles: bool,

    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

/// How a program is told and asked.
#[derive(Debug, Default, Args)]
pub(crate) struct ProgramArgs {
    /// What to print on stdout: the final answer, one JSON object at the end, or one JSON event per line
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Output,

    /// Read answers as JSON lines from stdin; needs --output jsonl (see `agent config schema input`)
    #[arg(long, value_enum)]
    pub(crate) input: Option<InputArg>,

    /// How long to wait for an answer on --input before giving up with exit code 4 [default: 5m]
    #[arg(long, value_name = "TIME")]
    pub(crate) approval_timeout: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProviderArg {
    /// Mistral's, also behind a gateway
    Mistral,
    /// OpenAI's, as llama.cpp, Ollama, vLLM and most others understand it
    Openai,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// No writes, no commands
    ReadOnly,
    /// Ask before each write and command
    Confirm,
    /// Write freely in the workspace, ask before commands
    AcceptEdits,
    /// Never ask; rely on the sandbox
    Auto,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Text,
    Json,
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputArg {
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SandboxArg {
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
