//! What a tool is. Each tool is one file in `tools/src/`, listed in its `TOOLS`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arguments::{self, Arguments};
use crate::clip::Clipped;
use crate::effect::SandboxError;
use crate::schema;
use crate::workspace::Workspace;

/// A call the model made, under an id of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: String,
    /// As the model wrote it; there may be no such tool.
    pub name: String,
    pub arguments: Arguments,
}

/// What the model is told a call did. Always some text, always bounded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "text", rename_all = "snake_case")]
pub enum ToolOutcome {
    Done(Clipped),
    Failed(Clipped),
    Refused(Clipped),
    Cancelled,
    /// The program died while the call ran, and goes on now.
    Interrupted,
}

/// Why a tool stopped. The text is read by the model: say what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Refused(String),
    #[error("cancelled")]
    Cancelled,
    #[error(transparent)]
    Sandbox(SandboxError),
}

impl From<SandboxError> for ToolError {
    fn from(error: SandboxError) -> ToolError {
        match error {
            SandboxError::Cancelled => ToolError::Cancelled,
            SandboxError::Blocked(why) | SandboxError::NotStarted(why) => ToolError::Refused(why),
            other @ (SandboxError::NotFound(_)
            | SandboxError::IsDirectory(_)
            | SandboxError::NotRegular(_)
            | SandboxError::TooLarge { .. }
            | SandboxError::Outside(_)
            | SandboxError::Changed(_)
            | SandboxError::NoSuchCommand(_)
            | SandboxError::BadPattern(_)
            | SandboxError::Io { .. }) => ToolError::Sandbox(other),
        }
    }
}

/// A tool as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    pub name: &'static str,
    pub description: String,
    /// JSON Schema, Draft 7, flat. See `schema.rs`.
    pub parameters: Value,
}

/// A tool: typed arguments in, text out, effects only through the workspace.
pub trait Tool {
    /// Its doc comments are the description the model reads.
    type Args: DeserializeOwned + JsonSchema;
    const NAME: &'static str;

    fn run(&self, args: Self::Args, workspace: &mut Workspace<'_>) -> impl Future<Output = Result<String, ToolError>>;
}

/// [`Tool`] with its argument type erased, so tools fit in one list.
#[async_trait(?Send)]
pub trait AnyTool {
    fn name(&self) -> &'static str;
    fn spec(&self) -> ToolSpec;
    async fn call(&self, arguments: &Arguments, workspace: &mut Workspace<'_>) -> ToolOutcome;
}

#[async_trait(?Send)]
impl<T: Tool> AnyTool for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn spec(&self) -> ToolSpec {
        let (description, parameters) = schema::of::<T::Args>();
        ToolSpec { name: T::NAME, description, parameters }
    }

    async fn call(&self, arguments: &Arguments, workspace: &mut Workspace<'_>) -> ToolOutcome {
        let (args, note) = match arguments::typed::<T::Args>(T::NAME, arguments) {
            Ok(read) => read,
            Err(why) => return ToolOutcome::failed(why),
        };
        match self.run(args, workspace).await {
            Ok(text) => ToolOutcome::Done(Clipped::new(format!("{note}{text}"))),
            Err(ToolError::Refused(reason)) => ToolOutcome::Refused(Clipped::new(reason)),
            Err(ToolError::Cancelled) => ToolOutcome::Cancelled,
            Err(error @ (ToolError::Failed(_) | ToolError::Sandbox(_))) => {
                ToolOutcome::failed(format!("{note}{error}"))
            }
        }
    }
}

impl ToolOutcome {
    pub fn failed(text: impl Into<String>) -> ToolOutcome {
        ToolOutcome::Failed(Clipped::new(text))
    }

    /// The text the model reads.
    pub fn text(&self) -> &str {
        match self {
            ToolOutcome::Done(text) | ToolOutcome::Failed(text) | ToolOutcome::Refused(text) => text.as_str(),
            ToolOutcome::Cancelled => "The run was stopped before this call finished.",
            ToolOutcome::Interrupted => {
                "The run was interrupted here. This call may have run fully, partly or not at all: check the current \
                 state before you continue."
            }
        }
    }

    /// The same outcome with a note at its end.
    #[must_use]
    pub fn with_note(self, note: &str) -> ToolOutcome {
        if note.is_empty() {
            return self;
        }
        let add = |text: Clipped| Clipped::new(format!("{}\n{note}", text.as_str().trim_end()));
        match self {
            ToolOutcome::Done(text) => ToolOutcome::Done(add(text)),
            ToolOutcome::Failed(text) => ToolOutcome::Failed(add(text)),
            ToolOutcome::Refused(text) => ToolOutcome::Refused(add(text)),
            ToolOutcome::Cancelled => ToolOutcome::Cancelled,
            ToolOutcome::Interrupted => ToolOutcome::Interrupted,
        }
    }
}

/// The tool of this name, also where a model decorates it: `functions.read_file`, `Read-File`.
pub(crate) fn find_tool<'a>(tools: &[&'a dyn AnyTool], name: &str) -> Option<&'a dyn AnyTool> {
    let plain = name.rsplit(['.', '/', ':']).next().unwrap_or(name).trim().to_lowercase().replace('-', "_");
    tools.iter().find(|tool| tool.name() == name).or_else(|| tools.iter().find(|tool| tool.name() == plain)).copied()
}
