//! A tool with only what must be said of it. What may be said besides is understood, where a model says it all the same.

use agent::{AnyTool, Arguments, ToolOutcome, ToolSpec, Workspace};
use async_trait::async_trait;
use serde_json::Value;

pub(crate) struct Plain<T> {
    pub(crate) tool: T,
    /// Said of it instead of its own description.
    pub(crate) description: Option<&'static str>,
}

#[async_trait(?Send)]
impl<T: AnyTool> AnyTool for Plain<T> {
    fn name(&self) -> &'static str {
        self.tool.name()
    }

    fn spec(&self) -> ToolSpec {
        let mut spec = self.tool.spec();
        if let Some(description) = self.description {
            spec.description = description.to_owned();
        }
        let required = spec.parameters.get("required").cloned().unwrap_or_default();
        if let Some(Value::Object(properties)) = spec.parameters.get_mut("properties") {
            properties.retain(|name, _| required.as_array().is_some_and(|names| names.iter().any(|it| it == name)));
        }
        spec
    }

    async fn call(&self, arguments: &Arguments, workspace: &mut Workspace<'_>) -> ToolOutcome {
        self.tool.call(arguments, workspace).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_file::{Lines, ReadFile};

    #[test]
    fn optional_arguments_are_not_offered() {
        let tool = ReadFile { lines: Lines::Bare, next: "" };
        let plain = Plain { tool, description: Some("Reads it.") }.spec();
        assert_eq!((plain.name, plain.description.as_str()), ("read_file", "Reads it."));
        let names: Vec<&String> = plain.parameters["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["filename"]);
    }
}
