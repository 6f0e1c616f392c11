//! What a question shows: the command or the change as it will really happen, and what about it. Pure.

use std::path::Path;

use agent::{Change, Effect, Question, commands_of};

use crate::account::{describe, diff};
use crate::exact::{LookAlikes, exact, exact_name};
use crate::harmless::one_line;
use crate::screen::Paint;
use crate::{highlight, inline};

/// How text is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sheet {
    pub(crate) coloured: bool,
    pub(crate) width: usize,
    /// Rows of a change that are shown at once; the rest is for the pager.
    pub(crate) rows: usize,
}

/// What the human should know beside the effect itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Around {
    /// The model's words of the same reply.
    pub(crate) reason: String,
    /// The calls of the same reply, and which of them this is, from 0.
    pub(crate) calls: Vec<String>,
    pub(crate) at: usize,
    /// What holds commands back.
    pub(crate) fence: String,
}

/// Longer lines are no code: they are cut here, and whole in the pager.
const LINE_BYTES: usize = 400;

impl Sheet {
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        if self.coloured { paint.over(text) } else { text.to_owned() }
    }
}

/// The question's head and its effect; the second is true where rows were left out.
pub(crate) fn effect(question: &Question<'_>, around: &Around, sheet: Sheet) -> (String, bool) {
    let place = match around.calls.len() {
        0 | 1 => String::new(),
        of => format!(" · {} of {of}", around.at + 1),
    };
    let mut shown = String::new();
    if 1 < around.calls.len() && around.at == 0 {
        for (index, call) in around.calls.iter().enumerate() {
            shown += &sheet.paint(
                Paint::Dim,
                &one_line(&format!("{} of {}: {}", index + 1, around.calls.len(), exact_name(call)), sheet.width),
            );
            shown.push('\n');
        }
    }
    let mut cut = false;
    shown += &sheet.paint(Paint::Cyan, &format!("{}{place}\n", what(question.effect)));
    match question.effect {
        Effect::Run { command, timeout } => {
            let about = format!("timeout {} s", timeout.as_secs());
            shown += &command_lines(command, question.root, &about, sheet);
        }
        Effect::Start { command } => shown += &command_lines(command, question.root, "until the run ends", sheet),
        Effect::Write { changes } => {
            let lines: Vec<String> = changes.iter().flat_map(|change| change_lines(change, sheet)).collect();
            cut = sheet.rows < lines.len() || lines.iter().any(|line| line.ends_with('…'));
            for line in lines.iter().take(sheet.rows) {
                shown += &format!("{line}\n");
            }
            if sheet.rows < lines.len() {
                let more = format!("  ... {} more lines: v shows all\n", lines.len() - sheet.rows);
                shown += &sheet.paint(Paint::Yellow, &more);
            }
        }
        Effect::Read { .. }
        | Effect::List { .. }
        | Effect::Search { .. }
        | Effect::Map { .. }
        | Effect::ReadOutput { .. }
        | Effect::Stop { .. } => (),
    }
    let reason: Vec<&str> = around.reason.trim().lines().filter(|line| !line.trim().is_empty()).collect();
    if let Some(first) = reason.first() {
        let more = if 1 < reason.len() { " …" } else { "" };
        shown +=
            &sheet.paint(Paint::Dim, &one_line(&format!("  the model says: {}{more}", exact_name(first)), sheet.width));
        shown.push('\n');
    }
    (shown, cut)
}

fn command_lines(command: &str, root: &Path, how_long: &str, sheet: Sheet) -> String {
    let mut shown = String::new();
    for (index, line) in exact(command, LookAlikes::All).lines().enumerate() {
        shown += &format!("{} {line}\n", if index == 0 { "  $" } else { "   " });
    }
    let about = format!("  in {}, {how_long}", exact_name(&root.to_string_lossy()));
    shown + &sheet.paint(Paint::Dim, &format!("{about}\n"))
}

/// The whole change, for the pager.
pub(crate) fn whole(effect: &Effect, sheet: Sheet) -> String {
    let Effect::Write { changes } = effect else { return String::new() };
    let lines = changes.iter().flat_map(|change| change_lines(change, Sheet { width: usize::MAX, ..sheet }));
    lines.map(|line| line + "\n").collect()
}

/// What it does and touches, and why it is asked about.
pub(crate) fn details(question: &Question<'_>, around: &Around) -> String {
    let mut lines = vec![format!("asked because {}", exact_name(question.why))];
    match question.effect {
        Effect::Run { command, .. } | Effect::Start { command } => {
            match commands_of(command) {
                Ok(commands) => {
                    lines.push("it runs:".to_owned());
                    lines.extend(commands.iter().map(|command| format!("  {}", exact_name(command))));
                }
                Err(why) => lines.push(format!("cannot tell what it runs: {why}")),
            }
            lines.push(around.fence.clone());
        }
        Effect::Write { changes } => {
            for change in changes {
                let bytes = change
                    .after
                    .as_ref()
                    .map_or_else(|| "nothing".to_owned(), |after| format!("{} bytes", after.len()));
                lines.push(format!("  {}: {bytes} after the edit", summary(change)));
            }
            lines.push("all files are written or none; none if one has changed on disk".to_owned());
        }
        Effect::Read { .. }
        | Effect::List { .. }
        | Effect::Search { .. }
        | Effect::Map { .. }
        | Effect::ReadOutput { .. }
        | Effect::Stop { .. } => (),
    }
    lines.push(match question.offer {
        Some(offer) => format!("a allows for the rest of the session: {}", exact_name(&offer.to_string())),
        None => "it can only be allowed once".to_owned(),
    });
    lines.join("\n") + "\n"
}

fn what(effect: &Effect) -> String {
    match effect {
        Effect::Run { .. } => "run a command".to_owned(),
        Effect::Start { .. } => "run a command in the background".to_owned(),
        Effect::ReadOutput { .. } | Effect::Stop { .. } | Effect::Map { .. } => {
            exact_name(&crate::ask::describe(effect))
        }
        Effect::Write { changes } => {
            let files: Vec<String> = changes.iter().map(summary).collect();
            format!("change {}", files.join(", "))
        }
        Effect::Read { path, .. } => format!("read {}", shown(path)),
        Effect::List { path, .. } => format!("list {}", shown(path)),
        Effect::Search { pattern, path, .. } => format!("search {} for {}", shown(path), exact_name(pattern)),
    }
}

fn shown(path: &Path) -> String {
    exact_name(&path.to_string_lossy())
}

fn summary(change: &Change) -> String {
    let path = shown(&change.path);
    match describe(&path, change.before.as_deref(), change.after.as_deref()) {
        Some(file) => {
            let word = match (&change.before, &change.after) {
                (None, _) => "new ",
                (_, None) => "deleted ",
                (Some(_), Some(_)) => "",
            };
            format!("{word}{path} +{} -{}", file.added, file.removed)
        }
        None => format!("{path} (its mode only)"),
    }
}

/// The unified diff with the number of each line, in the new text or, for a removed one, in the old.
fn change_lines(change: &Change, sheet: Sheet) -> Vec<String> {
    let path: &Path = &change.path;
    let text = diff(&shown(path), change.before.as_deref(), change.after.as_deref());
    let language = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let (mut old, mut new) = (0_usize, 0_usize);
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if index < 2 {
            // The heading names the file; with several each needs its own.
            lines.push(sheet.paint(Paint::Dim, line));
            continue;
        }
        if let Some((from, to)) = hunk_starts(line) {
            (old, new) = (from, to);
            lines.push(sheet.paint(Paint::Dim, "     ⋮"));
            continue;
        }
        let (mark, code) = line.split_at_checked(1).unwrap_or((line, ""));
        let (number, paint) = match mark {
            "+" => (new, Paint::Green),
            "-" => (old, Paint::Red),
            _ => (new, Paint::Dim),
        };
        old += usize::from(mark != "+");
        new += usize::from(mark != "-");
        let number = if mark == "\\" { String::new() } else { number.to_string() };
        let cut = LINE_BYTES < code.len() && sheet.width != usize::MAX;
        let near = if cut { code.get(..code.floor_char_boundary(LINE_BYTES)).unwrap_or_default() } else { code };
        let near = exact(near, LookAlikes::Letters);
        let code = if sheet.coloured { inline::paint(&highlight::code(&near, language)) } else { near };
        let head = sheet.paint(paint, &format!("{number:>5} {mark}"));
        lines.push(format!("{head} {code}{}", if cut { "…" } else { "" }));
    }
    lines
}

/// `@@ -3,4 +5,6 @@`: 3 and 5.
fn hunk_starts(line: &str) -> Option<(usize, usize)> {
    let mut parts = line.strip_prefix("@@ -")?.split(' ');
    let start = |part: &str| part.split(',').next()?.parse::<usize>().ok();
    Some((start(parts.next()?)?, start(parts.next()?.strip_prefix('+')?)?))
}

#[cfg(test)]
mod tests;
