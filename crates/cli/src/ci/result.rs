//! What a run came to, for programs: one documented object, and its schema.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::checks::Check;
use super::secrets::Found;
use crate::account::ChangedFile;
use crate::events::{Ended, Totals};
use crate::hint::Exit;

/// The object of `agent ci --result`, written however the run ended.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct CiResult {
    pub(crate) outcome: Outcome,
    pub(crate) exit_code: i32,
    /// Why the outcome is not `changed`.
    pub(crate) reason: Option<String>,
    pub(crate) hint: Option<String>,
    /// The model's own summary of its work.
    pub(crate) summary: String,
    pub(crate) issue: Option<u64>,
    /// The commit that the run started from.
    pub(crate) base: Option<String>,
    /// The commit of the change; null if nothing was committed.
    pub(crate) branch: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) pushed: bool,
    pub(crate) pull_request: Option<PullRequest>,
    /// Path of the patch; in the state directory if it must not be published.
    pub(crate) patch: Option<String>,
    /// First line of the commit message.
    pub(crate) subject: Option<String>,
    pub(crate) files: Vec<ChangedFile>,
    pub(crate) checks: Vec<Check>,
    /// Changed files that CI runs, if these were not allowed.
    pub(crate) ci_files: Vec<String>,
    pub(crate) secrets: Vec<Found>,
    /// How often the model was sent back to fix its change.
    pub(crate) sent_back: u32,
    pub(crate) model: Option<String>,
    #[serde(flatten)]
    pub(crate) totals: Totals,
    pub(crate) seconds: f64,
    /// The session id, for `agent show` and `agent apply`.
    pub(crate) session: Option<String>,
    pub(crate) notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// There is a change, and every requested step was done. Exit code 0.
    Changed,
    /// The model finished without changing a file. Exit code 0.
    NoChange,
    /// A check that passed before fails with the change. Exit code 1.
    ChecksFailed,
    /// The change contains a secret, a file that CI runs or a git repository. Exit code 6.
    Withheld,
    /// The change exists, but pushing it or opening the pull request failed. Exit code 1.
    NotPublished,
    /// Exit code 3.
    LimitReached,
    /// Exit code 5.
    Stuck,
    /// Exit code 130.
    Cancelled,
    /// An approval was needed, or the sandbox does not work. Exit code 4.
    Refused,
    /// The model, the network, the configuration, or a bug. Exit code 1, or 2 for a usage error.
    #[default]
    Failed,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct PullRequest {
    pub(crate) number: u64,
    pub(crate) url: String,
    pub(crate) draft: bool,
}

impl CiResult {
    pub(crate) fn ends(&mut self, outcome: Outcome, exit: Exit, reason: impl Into<String>, hint: &str) {
        self.outcome = outcome;
        self.exit_code = exit as i32;
        self.reason = Some(reason.into());
        self.hint = Some(hint.to_owned());
    }

    /// What the conversation came to.
    pub(crate) fn take(&mut self, ended: &Ended) {
        self.summary.clone_from(&ended.answer);
        self.totals = ended.totals;
        self.exit_code = ended.exit_code;
        self.reason.clone_from(&ended.reason);
        self.hint.clone_from(&ended.hint);
        self.outcome = match ended.finish {
            "answered" => Outcome::Changed,
            "cancelled" => Outcome::Cancelled,
            "limit_reached" => Outcome::LimitReached,
            "stuck" => Outcome::Stuck,
            "refused" | "approval_needed" => Outcome::Refused,
            _ => Outcome::Failed,
        };
    }
}

impl Outcome {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Outcome::Changed => "changed",
            Outcome::NoChange => "no change",
            Outcome::ChecksFailed => "a check fails with the change",
            Outcome::Withheld => "withheld: the change must not be published",
            Outcome::NotPublished => "the change could not be published",
            Outcome::LimitReached => "a limit was reached",
            Outcome::Stuck => "the model got stuck",
            Outcome::Cancelled => "cancelled",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// The JSON schema of [`CiResult`].
pub(crate) fn schema() -> Value {
    schemars::schema_for!(CiResult).to_value()
}
