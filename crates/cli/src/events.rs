//! What `--output json` and `--output jsonl` print: one documented type, and its schema.

use agent::{Answer, Arguments, Cancel, Finish, Limit, Spent, Stop, ToolOutcome};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::account::ChangedFile;
use crate::hint::{Exit, Hinted};

/// One line of `--output jsonl`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Event<'a> {
    /// UUID of the session; empty if the run failed before it began.
    pub(crate) session: &'a str,
    /// Number of the model request it belongs to, from 1; 0 before the first.
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
    /// A request is sent to the model.
    StepStarted,
    /// A piece of the model's text.
    Text { text: &'a str },
    /// A piece of the model's thinking.
    Thinking { text: &'a str },
    /// The text since `step_started` was thinking, not part of the reply.
    TextWasThinking,
    /// The attempt failed and is retried: discard text since `step_started`. Not an error.
    Retrying { attempt: u32, delay_ms: u64, why: &'a str },
    /// The reply is complete; totals of the run so far.
    Usage(Totals),
    /// A tool call starts.
    ToolCall { id: &'a str, name: &'a str, arguments: Value },
    /// Files were written.
    FilesChanged { files: Vec<FileDiff> },
    /// A tool call ended; each `tool_call` gets one.
    ToolResult { id: &'a str, name: &'a str, outcome: &'a str, text: &'a str },
    /// An effect needs approval. With `--input jsonl` it waits until the deadline; otherwise there is no one to ask.
    ApprovalRequested {
        id: &'a str,
        effect: Requested,
        /// Why approval is needed.
        why: &'a str,
        /// What the answer `session` would allow; null if it can only be allowed once.
        offer: Option<String>,
        /// The model's text in the same reply.
        reason: &'a str,
        /// RFC 3339, UTC; null if there is no one to ask.
        deadline: Option<String>,
    },
    /// `once`, `session`, `edited`, `no`, `quit`, or `nobody` (no answer in time). Each `approval_requested` gets one,
    /// unless the run is cancelled first.
    ApprovalEnded { id: &'a str, answer: &'a str },
    /// A line of `--input jsonl` was invalid, or answered no open request. It was ignored.
    InputError { error: &'a str },
    /// The mode changed, from this step on.
    ModeChanged { mode: &'a str },
    /// Information for the user; not an error.
    Notice { text: &'a str },
    /// The last event.
    RunEnded(Ended),
}

/// What needs approval.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Requested {
    Run {
        command: String,
        /// The directory it runs in.
        cwd: String,
        timeout_seconds: u64,
    },
    /// A command that runs in the background until it ends, is stopped, or the run ends.
    Start {
        command: String,
        cwd: String,
    },
    Write {
        files: Vec<FileDiff>,
    },
    /// Reserved: no rule asks about reading so far.
    Look {
        text: String,
    },
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FileDiff {
    #[serde(flatten)]
    pub(crate) file: ChangedFile,
    /// A unified diff.
    pub(crate) diff: String,
}

/// How the run ended: the last line of `jsonl`, and the only object of `json`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Ended {
    /// `answered`, `cancelled`, `limit_reached`, `stuck`, `refused`, `approval_needed` or `failed`.
    pub(crate) finish: &'static str,
    pub(crate) exit_code: i32,
    /// The limit, why the model got stuck, or the error.
    pub(crate) reason: Option<String>,
    pub(crate) hint: Option<String>,
    /// The model's final text.
    pub(crate) answer: String,
    /// Files changed by tools and commands, at most 300.
    pub(crate) files: Vec<ChangedFile>,
    /// How many more there are.
    pub(crate) files_left_out: usize,
    pub(crate) commands: u32,
    pub(crate) failed_calls: u32,
    #[serde(flatten)]
    pub(crate) totals: Totals,
    pub(crate) seconds: f64,
    /// Empty if the run failed before it began, as is `sandbox`.
    pub(crate) session_file: String,
    /// `fenced` (sandboxed), or `off` if commands could do anything the user can.
    pub(crate) sandbox: String,
}

#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Totals {
    pub(crate) steps: u32,
    pub(crate) input_tokens: u64,
    /// Part of `input_tokens`.
    pub(crate) cached_tokens: u64,
    pub(crate) output_tokens: u64,
    /// Null if no price is known.
    pub(crate) cost_usd: Option<f64>,
    /// Some counts are bytes / 4, because the server reports none.
    pub(crate) estimated: bool,
}

impl Ended {
    /// Of a run that has no session.
    pub(crate) fn before_it_began(error: &anyhow::Error) -> Ended {
        let hinted = error.downcast_ref::<Hinted>();
        let exit = hinted.map_or(Exit::Failed, |hinted| hinted.exit);
        let finish = match exit {
            Exit::Limit => "limit_reached",
            Exit::Cancelled => "cancelled",
            Exit::Finished | Exit::Failed | Exit::Usage | Exit::Approval | Exit::Stuck | Exit::Withheld => "failed",
        };
        Ended {
            finish,
            exit_code: exit as i32,
            reason: Some(format!("{error:#}")),
            hint: hinted.and_then(|hinted| hinted.hint.clone()),
            ..Ended::default()
        }
    }
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

/// Why it cannot go on.
pub(crate) fn stopped(cancel: &Cancel) -> Finish {
    match cancel.why() {
        Some(Stop::WallTime) => Finish::LimitReached(Limit::WallTime),
        Some(Stop::Human) | None => Finish::Cancelled,
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
            ("stuck", Exit::Stuck, Some(why.clone()), Some("give more detail in the task, or try another model"))
        }
        Finish::Declined(why) => {
            ("failed", Exit::Failed, Some(why.clone()), Some("say it in other words, or try another model"))
        }
        Finish::WindowFull(why) => (
            "stuck",
            Exit::Stuck,
            Some(why.clone()),
            Some("split the task, or continue with a larger-window model: agent resume --model ID"),
        ),
        Finish::Refused => ("refused", Exit::Approval, None, None),
        Finish::ApprovalNeeded => (
            "approval_needed",
            Exit::Approval,
            Some("approval was needed, and there was no one to give it".to_owned()),
            Some("run it on a terminal, use --mode auto in the sandbox, or answer with --input jsonl"),
        ),
    }
}

fn limit_hint(limit: Limit) -> &'static str {
    match limit {
        Limit::Steps(_) => "changes so far are kept; raise --max-steps",
        Limit::Tokens(_) => "changes so far are kept; raise --max-tokens",
        Limit::CostUsd(_) => "changes so far are kept; raise --max-cost",
        Limit::WallTime => "changes so far are kept; raise --max-time",
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
