//! The last lines of a run on stderr, and the answer on stdout.

use std::io::{self, Write as _};

use crate::account::{ChangedFile, Kind};
use crate::args::Output;
use crate::events::Ended;
use crate::harmless::harmless;
use crate::out;
use crate::screen::{Paint, Screen};

pub(crate) fn print(screen: &Screen, output: Output, ended: &Ended) -> io::Result<()> {
    let mut printed = Ok(());
    // On a terminal the words have streamed past already; a pipe or a file gets them once, here.
    let on_one_screen = screen.is_terminal() && out::stdout_is_terminal();
    if output == Output::Text && ended.exit_code == 0 && !on_one_screen && !ended.answer.is_empty() {
        let mut stdout = out::stdout();
        let text = if out::stdout_is_terminal() { harmless(&ended.answer) } else { ended.answer.clone() };
        printed = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    }
    say_figures(screen, ended);
    say_how(screen, ended);
    match printed {
        // A reader that has enough, as `head` has, is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// What was changed, and what it took.
pub(crate) fn say_figures(screen: &Screen, ended: &Ended) {
    screen.prose(Paint::Dim, &files(&ended.files, ended.files_left_out));
    screen.prose(Paint::Dim, &numbers(ended));
}

/// How it ended, and what to do about it. Nothing for a run that finished.
pub(crate) fn say_how(screen: &Screen, ended: &Ended) {
    if let Some(line) = how(ended) {
        screen.prose(if ended.exit_code == 130 { Paint::Yellow } else { Paint::Red }, &line);
    }
    if let Some(hint) = &ended.hint {
        screen.prose(Paint::Plain, &format!("hint: {hint}"));
    }
}

fn how(ended: &Ended) -> Option<String> {
    let reason = ended.reason.as_deref().unwrap_or_default();
    match ended.finish {
        "answered" => None,
        "cancelled" => Some("stopped; changes so far are kept".to_owned()),
        "refused" => Some("stopped at an approval; changes so far are kept".to_owned()),
        "limit_reached" => Some(format!("stopped: reached {reason}")),
        "stuck" => Some(format!("error: the model is stuck: {reason}")),
        _ => Some(format!("error: {reason}")),
    }
}

fn files(files: &[ChangedFile], left_out: usize) -> String {
    if files.is_empty() {
        return "no files changed".to_owned();
    }
    let shown: Vec<String> = files
        .iter()
        .take(10)
        .map(|file| {
            let word = match file.change {
                Kind::Created => "new ",
                Kind::Modified => "",
                Kind::Deleted => "deleted ",
            };
            format!("{word}{} +{} -{}", file.path, file.added, file.removed)
        })
        .collect();
    let more = files.len().saturating_sub(10) + left_out;
    let more = if 0 < more { format!(" and {more} more") } else { String::new() };
    format!("changed: {}{more} · agent undo", shown.join(", "))
}

fn numbers(ended: &Ended) -> String {
    let totals = &ended.totals;
    let about = if totals.estimated { "about " } else { "" };
    let cached = if 0 < totals.cached_tokens { format!(" ({} cached)", totals.cached_tokens) } else { String::new() };
    let cost = match totals.cost_usd {
        Some(cost) if 0.0 < cost => format!(" · USD {cost:.4}"),
        Some(_) | None => String::new(),
    };
    let session = ended.session_file.rsplit('/').next().unwrap_or_default().trim_end_matches(".jsonl");
    let sandbox = if ended.sandbox == "off" { " · no sandbox" } else { "" };
    format!(
        "{} · {about}{} tokens in{cached}, {} out{cost} · {:.1} s{sandbox} · agent show {session}",
        agent::counted(totals.steps, "step"),
        totals.input_tokens,
        totals.output_tokens,
        ended.seconds
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_account_is_short() {
        let file = |path: &str, change, added, removed| ChangedFile { path: path.to_owned(), change, added, removed };
        let all = [file("a.py", Kind::Modified, 2, 1), file("b.py", Kind::Created, 9, 0)];
        expect!["changed: a.py +2 -1, new b.py +9 -0 · agent undo"].assert_eq(&files(&all, 0));
        expect!["changed: a.py +2 -1, new b.py +9 -0 and 7 more · agent undo"].assert_eq(&files(&all, 7));
        expect!["no files changed"].assert_eq(&files(&[], 0));
    }

    #[test]
    fn each_end_says_what_it_was() {
        let how = |finish, reason: &str| {
            how(&Ended { finish, reason: Some(reason.to_owned()), ..Ended::default() }).unwrap_or_default()
        };
        assert_eq!(how("answered", ""), "");
        assert_eq!(how("limit_reached", "the 3-step limit"), "stopped: reached the 3-step limit");
        assert_eq!(how("stuck", "3 empty answers in a row"), "error: the model is stuck: 3 empty answers in a row");
        assert_eq!(how("failed", "connection refused"), "error: connection refused");
    }
}
