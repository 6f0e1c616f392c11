use std::time::Duration;

use agent::{Ended, Ran, Tool, ToolError, Workspace};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct RunCommand;

/// Runs a bash command in the workspace and returns what it printed. It has no
/// input and ends with everything it started.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// The command line.
    command: String,
    /// Seconds before it is killed: 120 unless given, at most 1800.
    timeout_seconds: Option<u64>,
}

const DEFAULT_SECONDS: u64 = 120;
const MAX_SECONDS: u64 = 1_800;

impl Tool for RunCommand {
    type Args = Args;
    const NAME: &'static str = "run_command";

    async fn run(&self, args: Args, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        if args.command.trim().is_empty() {
            return Err(ToolError::Failed("The command is empty.".to_owned()));
        }
        let seconds = args.timeout_seconds.unwrap_or(DEFAULT_SECONDS).clamp(1, MAX_SECONDS);
        let ran = workspace.run(&args.command, Duration::from_secs(seconds)).await?;
        Ok(show_ran(&ran))
    }
}

/// How a command went, as the model reads it. No times in it: equal runs must read equal, or a model in a circle is not noticed.
pub fn show_ran(ran: &Ran) -> String {
    let output = ran.output.trim_end();
    let mut shown = if output.is_empty() { "(no output)".to_owned() } else { output.to_owned() };
    shown.push_str(&match ran.ended {
        Ended::Exited(code) => format!("\n[exit code {code}]"),
        Ended::Signalled(signal) => format!("\n[killed by signal {signal}]"),
        Ended::TimedOut(timeout) => format!(
            "\n[not finished after {} s, and killed. If it needs longer, give timeout_seconds; if it waits for input, \
             it gets none.]",
            timeout.as_secs()
        ),
    });
    for note in &ran.notes {
        shown.push_str(&format!("\n[{note}]"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(output: &str, ended: Ended, expected: Expect) {
        let ran = Ran { ended, output: output.to_owned(), total_bytes: 0, full_output: None, notes: Vec::new() };
        expected.assert_eq(&show_ran(&ran));
    }

    #[test]
    fn each_way_to_end_is_said() {
        check(
            "hi\n",
            Ended::Exited(0),
            expect![[r#"
            hi
            [exit code 0]"#]],
        );
        check(
            "",
            Ended::Signalled(11),
            expect![[r#"
            (no output)
            [killed by signal 11]"#]],
        );
        check(
            "...",
            Ended::TimedOut(Duration::from_secs(5)),
            expect![[r#"
            ...
            [not finished after 5 s, and killed. If it needs longer, give timeout_seconds; if it waits for input, it gets none.]"#]],
        );
    }
}
