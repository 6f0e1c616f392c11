//! The user's checks, before and after: what passed before must pass after. They run in the fence, like all commands.

use std::time::Duration;

use agent::{Clipped, Ended, Ran, ToolError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::conversation::Conversation;

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Check {
    pub(crate) command: String,
    /// On the base.
    pub(crate) before: Verdict,
    /// With the change; null where there was none to be checked.
    pub(crate) after: Option<Verdict>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Verdict {
    pub(crate) passed: bool,
    /// `exit code 1`, `killed after 600 s`, or why it could not be run.
    pub(crate) how: String,
    pub(crate) seconds: f64,
    /// The end of what it printed, for the model.
    #[serde(skip)]
    output: String,
}

impl Verdict {
    /// Why it says nothing about the files: 126 and 127 are the shell's own (POSIX, "Exit Status for Commands").
    pub(crate) fn could_not_run(&self) -> Option<&str> {
        let last = || self.output.lines().last().unwrap_or(&self.how);
        match self.how.as_str() {
            "exit code 126" | "exit code 127" => Some(last()),
            how if how.starts_with(NOT_RUN) => Some(how),
            _ => None,
        }
    }
}

const NOT_RUN: &str = "not run: ";

/// What the model is shown of a check that fails.
const MOST_OUTPUT: usize = 6_000;

/// Every check once. `None`: the run was cancelled, or its time is over.
pub(crate) async fn run_all(
    conversation: &mut Conversation,
    commands: &[String],
    timeout: Duration,
) -> Option<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for command in commands {
        let began = std::time::Instant::now();
        let ran = conversation.check(command, timeout).await;
        let (passed, how, output) = match ran {
            Ok(ran) => (ran.ended == Ended::Exited(0), how(&ran), ran.output),
            Err(ToolError::Cancelled) => return None,
            Err(error) => (false, format!("{NOT_RUN}{error}"), String::new()),
        };
        conversation.notice(&format!("check `{command}`: {how}"));
        let output = Clipped::to(output.trim_end(), MOST_OUTPUT).as_str().to_owned();
        verdicts.push(Verdict { passed, how, seconds: began.elapsed().as_secs_f64(), output });
    }
    Some(verdicts)
}

fn how(ran: &Ran) -> String {
    match ran.ended {
        Ended::Exited(0) => "passed".to_owned(),
        Ended::Exited(code) => format!("exit code {code}"),
        Ended::Signalled(signal) => format!("ended by signal {signal}"),
        Ended::TimedOut(after) => format!("killed after {} s", after.as_secs()),
        Ended::Stopped => "stopped".to_owned(),
    }
}

impl Check {
    pub(crate) fn regressed(&self) -> bool {
        self.before.passed && self.after.as_ref().is_some_and(|after| !after.passed)
    }

    /// `passed before and after`, in the fewest words.
    pub(crate) fn story(&self) -> String {
        match &self.after {
            None => format!("before: {}", self.before.how),
            Some(after) => format!("before: {}, after: {}", self.before.how, after.how),
        }
    }
}

/// What the model is told of the checks that its change broke. `None` where it broke none.
pub(crate) fn complaint(checks: &[Check]) -> Option<String> {
    let broken: Vec<String> = checks
        .iter()
        .filter(|check| check.regressed())
        .filter_map(|check| {
            let after = check.after.as_ref()?;
            Some(format!(
                "`{}` passed before your change and now fails ({}):\n{}",
                check.command, after.how, after.output
            ))
        })
        .collect();
    let ask = "Fix your change so that it passes again. Do not weaken the check.";
    (!broken.is_empty()).then(|| format!("{}\n\n{ask}", broken.join("\n\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(passed: bool) -> Verdict {
        let how = if passed { "passed" } else { "exit code 1" };
        Verdict { passed, how: how.to_owned(), seconds: 1.0, output: "2 failed".to_owned() }
    }

    #[test]
    fn a_check_that_cannot_run_is_told_from_one_that_fails() {
        let ended = |how: &str| Verdict {
            how: how.to_owned(),
            output: "x\nbash: nope: not found".to_owned(),
            ..verdict(false)
        };
        assert_eq!(ended("exit code 127").could_not_run(), Some("bash: nope: not found"));
        assert_eq!(ended("not run: no bash").could_not_run(), Some("not run: no bash"));
        assert_eq!(ended("exit code 1").could_not_run(), None);
    }

    #[test]
    fn only_what_passed_before_can_be_broken() {
        let check = |before, after: Option<bool>| Check {
            command: "make test".to_owned(),
            before: verdict(before),
            after: after.map(verdict),
        };
        assert_eq!(complaint(&[check(true, Some(true)), check(false, Some(false)), check(true, None)]), None);
        assert_eq!(
            complaint(&[check(true, Some(false))]).unwrap(),
            "`make test` passed before your change and now fails (exit code 1):\n2 failed\n\nFix your change so that \
             it passes again. Do not weaken the check."
        );
    }
}
