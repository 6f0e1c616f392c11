//! The true account of a run: gathered from what happened, not from what the model says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use agent::{Change, Spent, ToolCall, ToolOutcome};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Debug, Default)]
pub(crate) struct Account {
    files: BTreeMap<PathBuf, File>,
    pub(crate) spent: Spent,
    pub(crate) commands: u32,
    pub(crate) failed_calls: u32,
    pub(crate) retries: u32,
}

/// What a file held before the run first wrote it, and holds now. `None`: it is not there.
#[derive(Debug)]
struct File {
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ChangedFile {
    pub(crate) path: String,
    pub(crate) change: Kind,
    pub(crate) added: usize,
    pub(crate) removed: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Created,
    Modified,
    Deleted,
}

impl Account {
    pub(crate) fn wrote(&mut self, changes: &[Change]) {
        for change in changes {
            let first = || File { before: change.before.clone(), after: None };
            self.files.entry(change.path.clone()).or_insert_with(first).after.clone_from(&change.after);
        }
    }

    pub(crate) fn called(&mut self, call: &ToolCall, outcome: &ToolOutcome) {
        match outcome {
            ToolOutcome::Done(_) if call.name == "run_command" => self.commands += 1,
            ToolOutcome::Done(_) | ToolOutcome::Cancelled | ToolOutcome::Interrupted => (),
            ToolOutcome::Failed(_) | ToolOutcome::Refused(_) => self.failed_calls += 1,
        }
    }

    /// Files that the tools left otherwise than they were, should nothing else be known: what commands changed is not.
    pub(crate) fn changed_files(&self) -> Vec<ChangedFile> {
        self.files
            .iter()
            .filter_map(|(path, file)| describe(&path.to_string_lossy(), file.before.as_deref(), file.after.as_deref()))
            .collect()
    }
}

/// `None` where nothing changed.
pub(crate) fn describe(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Option<ChangedFile> {
    let change = match (before, after) {
        (None, None) => return None,
        (Some(before), Some(after)) if before == after => return None,
        (None, Some(_)) => Kind::Created,
        (Some(_), None) => Kind::Deleted,
        (Some(_), Some(_)) => Kind::Modified,
    };
    let diff = diff(path, before, after);
    // The first two lines name the file.
    let count = |mark| diff.lines().skip(2).filter(|line| line.starts_with(mark)).count();
    Some(ChangedFile { path: path.to_owned(), change, added: count('+'), removed: count('-') })
}

/// A unified diff, or a line that says why there is none.
pub(crate) fn diff(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let mark = |bytes: Option<&[u8]>| bytes.is_some_and(|bytes| bytes.contains(&0));
    if mark(before) || mark(after) {
        return format!("Binary files differ: {path}\n");
    }
    patch::unified(path, text(before).as_deref(), text(after).as_deref())
}
