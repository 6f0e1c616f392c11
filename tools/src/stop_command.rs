use agent::{Tool, ToolError, Workspace};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::run_command::show_background;

pub(crate) struct StopCommand;

/// Stops a background command.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// From `run_command`.
    id: u32,
}

impl Tool for StopCommand {
    type Args = Args;
    const NAME: &'static str = "stop_command";

    async fn run(&self, args: Args, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        let background = workspace.stop(args.id).await?;
        Ok(show_background(&background))
    }
}
