//! One call on the page: what was asked for, as a diff or a command line, and what came of it. Pure.

use agent::ToolOutcome;

use super::clip;
use super::writer::Html;
use crate::harmless::one_line;
use crate::human;
use crate::show::arguments::unsaid;
use crate::show::edit::{FileChange, Mark, changes};
use crate::show::story::{Called, Step, time};

/// A call with more lines than this begins closed.
const OPEN_LINES: usize = 30;
/// Columns of the line of a call.
const TITLE_WIDTH: usize = 90;

/// What a step is about, for the index: its first call (a command by its prompt), or its first words.
pub(super) fn heading(step: &Step<'_>) -> String {
    let text = match step.calls.as_slice() {
        [] => step.reply.text.trim().lines().next().unwrap_or("(nothing)").trim_start_matches(['#', ' ']).to_owned(),
        [only] => title(only),
        [first, more @ ..] => format!("{}, and {} more", one_line(&title(first), 40), more.len()),
    };
    one_line(&text.replacen("run_command ", "$ ", 1), 60)
}

/// The call in one line; an edit by the files that it names.
fn title(called: &Called<'_>) -> String {
    match changes(called.call) {
        Some(changes) => {
            let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
            format!("{} {}", called.call.name, names.join(", "))
        }
        None => human::title(called.call),
    }
}

pub(super) fn call(html: &mut Html, called: &Called<'_>, limit: usize) {
    let changes = changes(called.call);
    let unsaid = if changes.is_some() { Vec::new() } else { unsaid(called.call, TITLE_WIDTH) };
    let told = called.outcome.map(|outcome| outcome.text().trim_end()).unwrap_or_default();
    let (class, mark, state) = state(called);

    let lines = match &changes {
        Some(changes) => changes.iter().map(|change| change.lines.len()).sum(),
        None => told.lines().count() + unsaid.iter().map(|(_, value)| value.lines().count()).sum::<usize>(),
    };
    let looks = matches!(called.call.name.as_str(), "read_file" | "list_files" | "search_files" | "repo_map");
    let open = lines <= OPEN_LINES && (!looks || class == "bad");
    html.markup("<details class=\"call ").markup(class).markup(if open { "\" open>" } else { "\">" });
    html.markup("<summary><span class=\"mark\" aria-hidden=\"true\">").markup(mark).markup("</span> ");
    let title = one_line(&title(called), TITLE_WIDTH);
    let (name, about) = title.split_once(' ').unwrap_or((&title, ""));
    html.markup("<b>").text(name).markup("</b> <code>").text(about).markup("</code>");
    html.markup(" <span class=\"state\">").text(&state).markup("</span></summary>\n");

    for (name, value) in &unsaid {
        html.markup("<p class=\"name\">").text(&one_line(name, TITLE_WIDTH)).markup("</p><pre class=\"argument\">");
        html.text(&clip(value, limit)).markup("</pre>\n");
    }
    for change in changes.iter().flatten() {
        diff(html, change, limit);
    }
    match changes {
        Some(_) if class == "good" => {
            html.markup("<details><summary>Result shown to the model</summary><pre>");
            html.text(&clip(told, limit)).markup("</pre></details>");
        }
        Some(_) | None if told.is_empty() => (),
        Some(_) | None => {
            html.markup("<pre>").text(&clip(told, limit)).markup("</pre>");
        }
    }
    html.markup("</details>\n");
}

/// The class of the call, its mark, and its end in words with the time it took.
fn state(called: &Called<'_>) -> (&'static str, &'static str, String) {
    let took = time(called.took);
    let Some(outcome) = called.outcome else { return ("bad", "?", "no result: the program died".to_owned()) };
    let gist = one_line(&human::gist(called.call, outcome), 60);
    let is_command = called.call.name == "run_command";
    match outcome {
        ToolOutcome::Done(_) if is_command && gist != "exit code 0" => ("bad", "!", format!("{gist} · {took}")),
        ToolOutcome::Done(_) if is_command => ("good", "✓", format!("{gist} · {took}")),
        ToolOutcome::Done(_) => ("good", "✓", format!("done · {took}")),
        ToolOutcome::Failed(_) => ("bad", "✗", format!("failed · {took}")),
        ToolOutcome::Refused(_) => ("bad", "⊘", format!("refused · {took}")),
        ToolOutcome::Cancelled => ("bad", "–", "cancelled".to_owned()),
        ToolOutcome::Interrupted => ("bad", "?", "interrupted: unknown whether it ran".to_owned()),
    }
}

fn diff(html: &mut Html, change: &FileChange, limit: usize) {
    html.markup("<p class=\"name\"><code>").text(&change.name).markup("</code> <span class=\"plus\">+");
    html.number(change.count(Mark::Add)).markup("</span> <span class=\"minus\">−").number(change.count(Mark::Remove));
    html.markup("</span></p><pre class=\"diff\">");
    let mut room = limit;
    for (index, (mark, line)) in change.lines.iter().enumerate() {
        if room < line.len() {
            html.markup("<i>… ").number(change.lines.len() - index).markup(" more lines</i>");
            break;
        }
        room -= line.len();
        html.markup(match mark {
            Mark::Gap => "<i>",
            Mark::Keep => "<span> ",
            Mark::Remove => "<del>-",
            Mark::Add => "<ins>+",
        });
        html.text(line);
        html.markup(match mark {
            Mark::Gap => "</i>",
            Mark::Keep => "</span>",
            Mark::Remove => "</del>",
            Mark::Add => "</ins>",
        });
    }
    html.markup("</pre>\n");
}
