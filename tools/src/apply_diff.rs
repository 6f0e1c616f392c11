use std::path::PathBuf;

use agent::{Change, FileMode, Tool, ToolError, Workspace};
use patch::{Action, FileEdit, Refusal};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::encoding::{self, Encoding};
use crate::{MAX_FILE_BYTES, syntax};

pub(crate) struct ApplyDiff;

/// Applies a unified diff to one or more files, all or nothing. Line numbers are optional; each hunk needs enough
/// context to match exactly one place:
///
/// ```text
/// --- a/FILE
/// +++ b/FILE
/// @@
///  line above, as it stands
/// -line to remove
/// +line to put there
///  line below
/// ```
// Measured with Qwen2.5-Coder 1.5B, four small edits each: this text 3 of 4 right, an indented example with real code 1
// of 4 (it copies the indentation and the code), SEARCH/REPLACE 0 of 4, `*** Begin Patch` 0 of 4.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// The diff.
    diff: String,
}

/// Lines shown around each changed place.
const CONTEXT: usize = 3;

/// A file while the edit is worked out in memory.
struct Draft {
    path: String,
    /// On disk.
    before: Option<Vec<u8>>,
    encoding: Encoding,
    /// As the edits so far leave it; `None`: no such file.
    text: Option<String>,
    mode: FileMode,
    report: Vec<String>,
}

impl Draft {
    /// What the model reads of this file, once all edits are worked in.
    fn reported(&self) -> Vec<String> {
        let before = self.before.as_deref().and_then(encoding::decode).map(|(text, _)| text);
        let after = self.text.as_deref().filter(|after| before.as_deref() != Some(*after));
        let parse = after.map(|after| syntax::broken_by_edit(&self.path, before.as_deref(), after));
        self.report.iter().cloned().chain(parse.filter(|parse| !parse.is_empty())).collect()
    }
}

impl Tool for ApplyDiff {
    type Args = Args;
    const NAME: &'static str = "apply_diff";

    async fn run(&self, args: Args, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        let edits =
            patch::parse(&args.diff).map_err(|error| ToolError::Failed(format!("Nothing was changed: {error}")))?;
        let mut drafts: Vec<Draft> = Vec::new();
        let mut failures = Vec::new();
        for edit in &edits {
            match apply(edit, &mut drafts, workspace).await {
                Ok(()) => (),
                Err(ToolError::Failed(why)) => failures.push(why),
                Err(error) => return Err(error),
            }
        }
        if !failures.is_empty() {
            return Err(ToolError::Failed(format!("Nothing was changed.\n{}", failures.join("\n"))));
        }
        let report: Vec<String> = drafts.iter().flat_map(Draft::reported).collect();
        let changes = changes(drafts)?;
        if changes.is_empty() {
            return Ok(report.join("\n"));
        }
        workspace.write(changes).await?;
        Ok(report.join("\n"))
    }
}

/// Works one file's edit into the drafts.
async fn apply(edit: &FileEdit, drafts: &mut Vec<Draft>, workspace: &mut Workspace<'_>) -> Result<(), ToolError> {
    let named = match &edit.path {
        Some(named) => named.clone(),
        None => unnamed(edit, drafts, workspace).await?,
    };
    let mut index = draft_of(&named, drafts, workspace).await?;
    if let Some(other) = &edit.other_path {
        let is_there = |drafts: &[Draft], index: usize| drafts.get(index).is_some_and(|draft| draft.text.is_some());
        let second = draft_of(other, drafts, workspace).await?;
        if is_there(drafts, index) && is_there(drafts, second) {
            return Err(ToolError::Failed(format!(
                "The diff names two files that both exist: `{named}` after `---` and `{other}` after `+++`. Name the one \
                 to change in both lines."
            )));
        }
        if !is_there(drafts, index) {
            index = second;
        }
    }
    let Some(draft) = drafts.get_mut(index) else { return Ok(()) };
    let path = draft.path.clone();
    let applied = match patch::apply(edit, draft.text.as_deref()) {
        Ok(applied) => applied,
        Err(there @ Refusal::AlreadyThere { .. }) => {
            draft.report.push(there.to_string());
            return Ok(());
        }
        Err(refusal) => return Err(ToolError::Failed(refusal.to_string())),
    };
    let mut report = format!(
        "`{path}`: +{} -{} {}",
        applied.added,
        applied.removed,
        agent::plural(&applied.added.max(applied.removed), "line")
    );
    for note in &applied.notes {
        report.push_str(&format!("\n{note}"));
    }
    if let Some(after) = &applied.after {
        let context = patch::context_around(after, &applied.places, CONTEXT);
        if !context.is_empty() {
            report.push_str(&format!("\n{}", context.trim_end()));
        }
    }
    match (&edit.action, edit.executable) {
        (_, Some(true)) => draft.mode = FileMode::Executable,
        (_, Some(false)) => draft.mode = FileMode::NotExecutable,
        (_, None) => (),
    }
    match &edit.action {
        Action::Create | Action::Update | Action::Delete => {
            draft.text = applied.after;
            draft.report.push(report);
        }
        Action::Rename { to } => {
            let (encoding, mode) = (draft.encoding, draft.mode.clone());
            draft.text = None;
            draft.report.push(format!("Renamed `{path}` to `{to}`."));
            let target = draft_of(to, drafts, workspace).await?;
            let Some(target) = drafts.get_mut(target) else { return Ok(()) };
            if target.text.is_some() {
                return Err(ToolError::Failed(format!("Cannot rename `{path}`: `{to}` already exists.")));
            }
            target.text = applied.after;
            target.encoding = encoding;
            target.mode = if mode == FileMode::Keep { FileMode::Of(PathBuf::from(&path)) } else { mode };
            if 0 < applied.added + applied.removed {
                target.report.push(report.replacen(&path, to, 1));
            }
        }
    }
    Ok(())
}

/// An edit that names no file: the only file that the model has seen in which it fits, if there is just one.
async fn unnamed(edit: &FileEdit, drafts: &mut Vec<Draft>, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
    let seen = workspace.seen_files();
    if let [only] = seen.as_slice() {
        return Ok(only.clone());
    }
    let mut fitting = Vec::new();
    for path in seen {
        // A file that is gone or no text is none of those that fit.
        let Ok(index) = draft_of(&path, drafts, workspace).await else { continue };
        let text = drafts.get(index).and_then(|draft| draft.text.as_deref());
        if text.is_some() && patch::apply(edit, text).is_ok() {
            fitting.push(path);
        }
    }
    match fitting.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(ToolError::Failed(
            "The edit names no file and matches none that you have read. Put `--- a/path` and `+++ b/path` above it."
                .to_owned(),
        )),
        [..] => Err(ToolError::Failed(format!(
            "The edit names no file and matches {}. Put `--- a/path` and `+++ b/path` above it.",
            fitting.join(" and ")
        ))),
    }
}

/// The draft of a file, read from disk where it is not among the drafts yet.
async fn draft_of(path: &str, drafts: &mut Vec<Draft>, workspace: &mut Workspace<'_>) -> Result<usize, ToolError> {
    if let Some(index) = drafts.iter().position(|draft| draft.path == path) {
        return Ok(index);
    }
    let before = workspace.peek(path, MAX_FILE_BYTES).await?;
    let mut report = Vec::new();
    let (text, encoding) = match &before {
        None => (None, Encoding::Utf8),
        Some(bytes) => match encoding::decode(bytes) {
            Some((text, encoding)) => (Some(text), encoding),
            None => {
                return Err(ToolError::Failed(format!("`{path}` is a binary file and cannot be edited with a diff.")));
            }
        },
    };
    if let Some(bytes) = &before
        && workspace.was_seen(path)
        && !workspace.is_as_last_seen(path, bytes)
    {
        report
            .push(format!("`{path}` changed on disk since you read it; the diff was applied to its current content."));
    }
    drafts.push(Draft { path: path.to_owned(), before, encoding, text, mode: FileMode::Keep, report });
    Ok(drafts.len() - 1)
}

/// What is to be written: the files that end otherwise than they are.
fn changes(drafts: Vec<Draft>) -> Result<Vec<Change>, ToolError> {
    let mut changes = Vec::new();
    for draft in drafts {
        let after = match &draft.text {
            None => None,
            Some(text) => match encoding::encode(text, draft.encoding) {
                Some(bytes) => Some(bytes),
                None => {
                    return Err(ToolError::Failed(format!(
                        "Nothing was changed: the encoding of `{}` lacks characters in the diff{}.",
                        draft.path,
                        draft.encoding.note()
                    )));
                }
            },
        };
        if after != draft.before || draft.mode != FileMode::Keep {
            changes.push(Change { path: PathBuf::from(draft.path), before: draft.before, after, mode: draft.mode });
        }
    }
    Ok(changes)
}
