//! One row of `edits.jsonl`, and what this crate makes of it.

use std::collections::BTreeMap;

use patch::{Action, FileEdit};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Expect {
    Apply,
    ApplyOrReject,
    Reject,
    Noop,
    RejectPreferred,
}

impl Expect {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Expect::Apply => "apply",
            Expect::ApplyOrReject => "apply_or_reject",
            Expect::Reject => "reject",
            Expect::Noop => "noop",
            Expect::RejectPreferred => "reject_preferred",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The expected result: the right text, or nothing changed where nothing may.
    Right,
    /// A result where a refusal is preferred.
    Guessed,
    /// A refusal, where the row would have liked a result or was content with either.
    Refused,
    Corrupted,
}

pub(crate) type Tree = BTreeMap<String, String>;

pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) family: String,
    pub(crate) format: String,
    pub(crate) expect: Expect,
    pub(crate) path: String,
    pub(crate) edit: String,
    pub(crate) before: Tree,
    pub(crate) after: Option<Tree>,
    lines: (Option<usize>, Option<usize>),
    ignores_final_newline: bool,
}

fn tree(value: &Value) -> Option<Tree> {
    let text = |(path, text): (&String, &Value)| Some((path.clone(), text.as_str()?.to_owned()));
    value.as_object()?.iter().map(text).collect()
}

impl Row {
    pub(crate) fn parse(line: &str) -> Option<Row> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let path = text("path")?;
        let single = |key: &str| text(key).map(|text| Tree::from([(path.clone(), text)]));
        let source = text("source")?;
        let families =
            ["mutated", "trickl", "aider-swe-bench", "oh-my-pi", "Roo-Code", "cline", "codex", "gpt-engineer"];
        let family = families.into_iter().find(|family| source.contains(family)).unwrap_or("other");
        let argument =
            |at: usize| value.get("extra_args")?.get(at)?.as_u64().and_then(|line| usize::try_from(line).ok());
        Some(Row {
            id: text("id")?,
            family: family.to_owned(),
            format: text("format")?,
            expect: match text("expect")?.as_str() {
                "apply" => Expect::Apply,
                "apply_or_reject" => Expect::ApplyOrReject,
                "reject" => Expect::Reject,
                "noop" => Expect::Noop,
                "reject_preferred" => Expect::RejectPreferred,
                _ => return None,
            },
            edit: text("patch_or_edit")?,
            before: value.get("files_before").and_then(tree).or_else(|| single("before")).unwrap_or_default(),
            after: value.get("files_after").and_then(tree).or_else(|| single("after")),
            lines: (argument(0), argument(1)),
            ignores_final_newline: text("compare")? == "ignore_final_newline",
            path,
        })
    }

    pub(crate) fn is_of_interest(&self, outcome: Outcome) -> bool {
        match (self.expect, outcome) {
            (_, Outcome::Corrupted | Outcome::Guessed) => true,
            (Expect::Apply | Expect::ApplyOrReject, Outcome::Refused) => true,
            (_, Outcome::Right | Outcome::Refused) => false,
        }
    }

    /// The text of the one file there is.
    pub(crate) fn single(&self) -> Option<&str> {
        if self.before.len() == 1 { self.before.get(&self.path).map(String::as_str) } else { None }
    }

    /// Judges a tree that some applier left, or its refusal.
    pub(crate) fn judge(&self, result: Option<&Tree>) -> Outcome {
        let Some(result) = result.filter(|result| **result != self.before) else {
            return match self.expect {
                Expect::Apply | Expect::ApplyOrReject | Expect::RejectPreferred => Outcome::Refused,
                Expect::Reject | Expect::Noop => Outcome::Right,
            };
        };
        let is_right = self.after.as_ref().is_some_and(|after| {
            after.keys().eq(result.keys())
                && after.iter().all(|(path, text)| result.get(path).is_some_and(|now| self.same(text, now)))
        });
        match self.expect {
            Expect::Apply | Expect::ApplyOrReject if is_right => Outcome::Right,
            Expect::RejectPreferred => Outcome::Guessed,
            Expect::Apply | Expect::ApplyOrReject | Expect::Reject | Expect::Noop => Outcome::Corrupted,
        }
    }

    fn same(&self, one: &str, other: &str) -> bool {
        let cut = |text: &str| text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text).to_owned());
        one == other
            || (self.ignores_final_newline
                && cut(one).unwrap_or(one.to_owned()) == cut(other).unwrap_or(other.to_owned()))
    }
}

pub(crate) fn run(row: &Row) -> (Outcome, String) {
    match result(row) {
        Ok((tree, notes)) => (row.judge(Some(&tree)), notes),
        Err(refusal) => (row.judge(None), refusal),
    }
}

fn result(row: &Row) -> Result<(Tree, String), String> {
    let mut edits = patch::parse(&row.edit).map_err(|error| error.to_string())?;
    hint(row, &mut edits);
    let mut tree = row.before.clone();
    let mut notes = String::new();
    for edit in &edits {
        let path = place_of(row, edit, &tree);
        let applied = patch::apply(edit, tree.get(&path).map(String::as_str)).map_err(|refusal| refusal.to_string())?;
        tree.remove(&path);
        let to = match &edit.action {
            Action::Rename { to } => to.clone(),
            Action::Create | Action::Update | Action::Delete => path,
        };
        tree.extend(applied.after.map(|after| (to, after)));
        notes.extend(applied.notes.iter().map(|note| format!("{note}\n")));
    }
    Ok((tree, notes))
}

/// Some tests give the line numbers of the only block beside it.
fn hint(row: &Row, edits: &mut [FileEdit]) {
    if let (Some(line), [edit]) = (row.lines.0, edits)
        && let [hunk] = edit.hunks.as_mut_slice()
    {
        hunk.old_start = hunk.old_start.or(Some(line));
    }
}

/// Rows of one file mean that file, whatever name the model wrote.
fn place_of(row: &Row, edit: &FileEdit, tree: &Tree) -> String {
    let names = [edit.path.as_ref(), edit.other_path.as_ref()];
    let existing = names.into_iter().flatten().find(|name| tree.contains_key(*name));
    let is_one_file = row.format != "codex_apply_patch";
    match existing {
        Some(name) => name.clone(),
        None if is_one_file => row.path.clone(),
        None => edit.path.clone().unwrap_or_else(|| row.path.clone()),
    }
}
