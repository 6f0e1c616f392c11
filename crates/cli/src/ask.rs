//! Asking the human about one effect, on the controlling terminal.
//!
//! It reads `/dev/tty` and not stdin: stdin is only ever read for the task.

use std::fs::File;
use std::io::{self, Write as _};

use agent::{Answer, Effect};

use crate::account::diff;
use crate::harmless::harmless;
use crate::tty::Tty;

/// What will really happen, as plain text.
pub(crate) fn describe(effect: &Effect) -> String {
    match effect {
        Effect::Read { path, .. } => format!("read {}", path.display()),
        Effect::List { path, .. } => format!("list {}", path.display()),
        Effect::Search { pattern, path, .. } => format!("search {} for {pattern}", path.display()),
        Effect::Run { command, timeout } => format!("run, for at most {} s:\n$ {command}", timeout.as_secs()),
        Effect::Write { changes } => changes
            .iter()
            .map(|change| diff(&change.path.to_string_lossy(), change.before.as_deref(), change.after.as_deref()))
            .collect::<Vec<String>>()
            .join("\n"),
    }
}

/// What `a` stands for: exactly what was shown, or edits in general.
fn for_the_session(effect: &Effect) -> &'static str {
    match effect {
        Effect::Run { .. } => "this exact command, for the rest of this run",
        Effect::Write { .. } => "all edits, for the rest of this run",
        Effect::Read { .. } | Effect::List { .. } | Effect::Search { .. } => "this, for the rest of this run",
    }
}

/// Shows the effect's question and waits for an answer. Enter alone never approves.
pub(crate) async fn ask(effect: &Effect) -> Answer {
    let question = format!(
        "{}\n  y  once\n  a  always: {}\n  n  no, or `n` and why\n  q  stop the run\n",
        harmless(&describe(effect)),
        for_the_session(effect)
    );
    question_on_tty(&question).await.unwrap_or(Answer::Nobody)
}

async fn question_on_tty(question: &str) -> io::Result<Answer> {
    let tty = Tty::open()?;
    let mut screen = File::options().write(true).open("/dev/tty")?;
    screen.write_all(question.as_bytes())?;
    loop {
        screen.write_all(b"[y/a/n/q] ")?;
        let Some(line) = tty.line().await? else { return Ok(Answer::Nobody) };
        if let Some(answer) = parse(&line) {
            return Ok(answer);
        }
    }
}

fn parse(line: &str) -> Option<Answer> {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match word.to_lowercase().as_str() {
        "y" | "yes" if rest.is_empty() => Some(Answer::Once),
        "a" | "always" if rest.is_empty() => Some(Answer::Session),
        "n" | "no" => Some(Answer::No(rest.trim().to_owned())),
        "q" | "quit" => Some(Answer::Quit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clear_words_approve() {
        assert_eq!(parse("y"), Some(Answer::Once));
        assert_eq!(parse(" Yes "), Some(Answer::Once));
        assert_eq!(parse("a"), Some(Answer::Session));
        assert_eq!(parse("n use the other file"), Some(Answer::No("use the other file".to_owned())));
        assert_eq!(parse("q"), Some(Answer::Quit));
        for unclear in ["", "yep", "y but not now", "ok"] {
            assert_eq!(parse(unclear), None, "{unclear}");
        }
    }
}
