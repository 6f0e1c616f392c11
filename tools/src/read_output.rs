use std::time::Duration;

use agent::{Tool, ToolError, Workspace};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::run_command::show_background;

pub(crate) struct ReadOutput;

/// Shows a background command's new output and whether it is still running.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// From `run_command`.
    id: u32,
    /// Wait up to this long for new output, at most 600.
    wait_seconds: Option<u64>,
}

const MAX_SECONDS: u64 = 600;

impl Tool for ReadOutput {
    type Args = Args;
    const NAME: &'static str = "read_output";

    async fn run(&self, args: Args, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        let seconds = args.wait_seconds.unwrap_or(0).min(MAX_SECONDS);
        let background = workspace.read_output(args.id, Duration::from_secs(seconds)).await?;
        let mut shown = show_background(&background);
        if 0 < seconds && background.ended.is_none() && background.output.is_empty() {
            // Whoever waits is not in a circle: the time makes each look another one.
            shown
                .push_str(&format!("\n[no new output in {seconds} s; running for {} s]", background.ran_for.as_secs()));
        }
        Ok(shown)
    }
}
