//! What `--output json` and `--output jsonl` print: one documented type, and its schema.

use agent::{Answer, Arguments, Finish, Limit, Spent, ToolOutcome};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::account::ChangedFile;
use crate::hint::Exit;

/// One line of `--output jsonl`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Event<'a> {
    /// UUID of the session.
    pub(crate) session: &'a str,
    /// The request to the model it belongs to, from 1; 0 before the first.
    pub(crate) step: u32,
    /// RFC 3339, UTC.
    pub(crate) at: String,
    #[serde(flatten)]
    pub(crate) what: What<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum What<'a> {
    /// The first event.
    RunStarted { task: &'a str, model: &'a str, workspace: &'a str, mode: &'a str, sandbox: &'a str },
    /// A request goes out.
    StepStarted,
    /// A piece of the model's words.
    Text { text: &'a str },
    /// A piece of the model's thinking.
    Thinking { text: &'a str },
    /// The words since `step_started` were the model's thinking, and no part of its answer.
    TextWasThinking,
    /// The attempt failed and is made again: words since `step_started` are void. Not an error.
    Retrying { attempt: u32, delay_ms: u64, why: &'a str },
    /// The reply is whole; totals of the run so far.
    Usage(Totals),
    /// A call begins.
    ToolCall { id: &'a str, name: &'a str, arguments: Value },
    /// Files were written.
    FilesChanged { files: Vec<FileDiff> },
    /// A call ended; each `tool_call` gets one.
    ToolResult { id: &'a str, name: &'a str, outcome: &'a str, text: &'a str },
    /// Something needs an approval. With `--input jsonl` it waits for one until the deadline; else nobody is there.
    ApprovalRequested {
        id: &'a str,
        effect: Requested,
        /// Why it is not simply done.
        why: &'a str,
        /// What the answer `session` would allow; null where it may only be allowed once.
        offer: Option<String>,
        /// The model's words of the same reply.
        reason: &'a str,
        /// RFC 3339, UTC; null where nobody is asked.
        deadline: Option<String>,
    },
    /// `once`, `session`, `edited`, `no`, `quit`, or `nobody`: none came in time. Each `approval_requested` gets one,
    /// unless the run is cancelled meanwhile.
    ApprovalEnded { id: &'a str, answer: &'a str },
    /// A line of `--input jsonl` was not understood, or answers nothing. It changed nothing.
    InputError { error: &'a str },
    /// The mode is another one from this step on.
    ModeChanged { mode: &'a str },
    /// Worth knowing, and no trouble.
    Notice { text: &'a str },
    /// The last event.
    RunEnded(Ended),
}

/// What is to be approved.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Requested {
    Run {
        command: String,
        /// The directory it runs in.
        cwd: String,
        timeout_seconds: u64,
    },
    /// A command that is left running until it ends, is stopped, or the run ends.
    Start {
        command: String,
        cwd: String,
    },
    Write {
        files: Vec<FileDiff>,
    },
    /// Reading is asked about by no rule so far.
    Look {
        text: String,
    },
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FileDiff {
    #[serde(flatten)]
    pub(crate) file: ChangedFile,
    /// Unified.
    pub(crate) diff: String,
}

/// How the run ended: the last line of `jsonl`, and all that `json` prints.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Ended {
    /// `answered`, `cancelled`, `limit_reached`, `stuck`, `refused`, `approval_needed` or `failed`.
    pub(crate) finish: &'static str,
    pub(crate) exit_code: i32,
    /// Which limit, why stuck, which error.
    pub(crate) reason: Option<String>,
    pub(crate) hint: Option<String>,
    /// The model's last words.
    pub(crate) answer: String,
    /// What the tools and the commands changed, at most 300 of them.
    pub(crate) files: Vec<ChangedFile>,
    /// How many more there are.
    pub(crate) files_left_out: usize,
    pub(crate) commands: u32,
    pub(crate) failed_calls: u32,
    #[serde(flatten)]
    pub(crate) totals: Totals,
    pub(crate) seconds: f64,
    pub(crate) session_file: String,
    /// `fenced`, or `off` where commands could do whatever the user can.
    pub(crate) sandbox: String,
}

#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Totals {
    pub(crate) steps: u32,
    pub(crate) input_tokens: u64,
    /// Part of `input_tokens`.
    pub(crate) cached_tokens: u64,
    pub(crate) output_tokens: u64,
    /// Null where no price is known.
    pub(crate) cost_usd: Option<f64>,
    /// Some counts are bytes / 4, because the server reports none.
    pub(crate) estimated: bool,
}

impl From<&Spent> for Totals {
    fn from(spent: &Spent) -> Totals {
        Totals {
            steps: spent.steps,
            input_tokens: spent.input_tokens,
            cached_tokens: spent.cached_tokens,
            output_tokens: spent.output_tokens,
            cost_usd: spent.cost_usd,
            estimated: spent.estimated,
        }
    }
}

/// The name of a finish, the exit code, and the reason where there is one.
pub(crate) fn finish(finish: &Finish) -> (&'static str, Exit, Option<String>, Option<&'static str>) {
    match finish {
        Finish::Answered => ("answered", Exit::Finished, None, None),
        Finish::Cancelled => ("cancelled", Exit::Cancelled, None, None),
        Finish::LimitReached(limit) => {
            ("limit_reached", Exit::Limit, Some(limit.to_string()), Some(limit_hint(*limit)))
        }
        Finish::Stuck(why) => {
            ("stuck", Exit::Stuck, Some(why.clone()), Some("say more in the task, or try another model"))
        }
        Finish::Declined(why) => {
            ("failed", Exit::Failed, Some(why.clone()), Some("say it in other words, or try another model"))
        }
        Finish::WindowFull(why) => (
            "stuck",
            Exit::Stuck,
            Some(why.clone()),
            Some("split the task, or go on with a model that has a larger window: agent resume --model ID"),
        ),
        Finish::Refused => ("refused", Exit::Approval, None, None),
        Finish::ApprovalNeeded => (
            "approval_needed",
            Exit::Approval,
            Some("an approval was needed and nobody was there to give it".to_owned()),
            Some("run it at a terminal, with --mode auto behind the sandbox, or answer with --input jsonl"),
        ),
    }
}

fn limit_hint(limit: Limit) -> &'static str {
    match limit {
        Limit::Steps(_) => "what was done is kept; raise --max-steps",
        Limit::Tokens(_) => "what was done is kept; raise --max-tokens",
        Limit::CostUsd(_) => "what was done is kept; raise --max-cost",
        Limit::WallTime => "what was done is kept; raise --max-time",
    }
}

pub(crate) fn answer(answer: &Answer) -> &'static str {
    match answer {
        Answer::Once => "once",
        Answer::Session => "session",
        Answer::Edited(_) => "edited",
        Answer::No(_) => "no",
        Answer::Quit => "quit",
        Answer::Nobody => "nobody",
    }
}

pub(crate) fn outcome(outcome: &ToolOutcome) -> &'static str {
    match outcome {
        ToolOutcome::Done(_) => "done",
        ToolOutcome::Failed(_) => "failed",
        ToolOutcome::Refused(_) => "refused",
        ToolOutcome::Cancelled => "cancelled",
        ToolOutcome::Interrupted => "interrupted",
    }
}

pub(crate) fn arguments(arguments: &Arguments) -> Value {
    match arguments {
        Arguments::Object(object) => Value::Object(object.clone()),
        Arguments::Broken { raw, .. } => Value::String(raw.as_str().to_owned()),
    }
}

/// The JSON schema of [`Event`].
pub(crate) fn schema() -> Value {
    schemars::schema_for!(Event<'_>).to_value()
}
