use std::time::Duration;

use agent::{Background, Ended, Ran, Tool, ToolError, Workspace};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct RunCommand;

/// Runs a bash command in the workspace and returns its output. No stdin; everything it started is killed when it ends.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// The command line.
    command: String,
    /// Timeout in seconds: default 120, at most 1800.
    timeout_seconds: Option<u64>,
    /// Run in the background (server, watcher). Returns an id.
    background: Option<bool>,
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
        if args.background == Some(true) {
            let background = workspace.start(&args.command).await?;
            return Ok(show_background(&background));
        }
        let seconds = args.timeout_seconds.unwrap_or(DEFAULT_SECONDS).clamp(1, MAX_SECONDS);
        let ran = workspace.run(&args.command, Duration::from_secs(seconds)).await?;
        Ok(show_ran(&ran))
    }
}

/// How a command went, as the model reads it. No times in it: equal runs must read equal, or a model in a circle is not noticed.
pub fn show_ran(ran: &Ran) -> String {
    let end = match ran.ended {
        Ended::TimedOut(timeout) => format!(
            "timed out after {} s and was killed. If it needs longer, set timeout_seconds; if it waits for input, none \
             will come.",
            timeout.as_secs()
        ),
        Ended::Exited(_) | Ended::Signalled(_) | Ended::Stopped => words(ran.ended),
    };
    assemble(&ran.output, "(no output)", &end, &ran.notes)
}

/// A background command as it is now: what is new, and whether it runs.
pub(crate) fn show_background(background: &Background) -> String {
    let id = background.id;
    let state = match background.ended {
        None => format!("background command {id} is running"),
        Some(Ended::Stopped) => format!("background command {id} was stopped"),
        Some(ended) => format!("background command {id} has ended: {}", words(ended)),
    };
    assemble(&background.output, "(no new output)", &state, &background.notes)
}

fn words(ended: Ended) -> String {
    match ended {
        Ended::Exited(code) => format!("exit code {code}"),
        Ended::Signalled(signal) => format!("killed by signal {signal}"),
        Ended::TimedOut(timeout) => format!("killed after {} s", timeout.as_secs()),
        Ended::Stopped => "stopped".to_owned(),
    }
}

fn assemble(output: &str, none: &str, end: &str, notes: &[String]) -> String {
    let output = output.trim_end();
    let mut shown = if output.is_empty() { none.to_owned() } else { output.to_owned() };
    shown.push_str(&format!("\n[{end}]"));
    for note in notes {
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
            [timed out after 5 s and was killed. If it needs longer, set timeout_seconds; if it waits for input, none will come.]"#]],
        );
    }
}
