//! Asking the human about one effect, on the controlling terminal: one key where it allows that, else lines.

mod dialog;
mod edit;
mod show;

use agent::{Answer, Effect, Question};
use anstyle::Style;

use crate::account::diff;
use crate::exact::exact_name;
use crate::inline::{cells, fold};
use crate::screen::{Paint, Screen};
use dialog::{Dialog, Typed};
use show::Sheet;

pub(crate) use show::Around;

/// What will really happen, as plain text.
pub(crate) fn describe(effect: &Effect) -> String {
    match effect {
        Effect::Read { path, .. } => format!("read {}", path.display()),
        Effect::List { path, .. } => format!("list {}", path.display()),
        Effect::Search { pattern, path, .. } => format!("search {} for {pattern}", path.display()),
        Effect::Map { .. } => "map the repository".to_owned(),
        Effect::Run { command, timeout } => format!("run, timeout {} s:\n$ {command}", timeout.as_secs()),
        Effect::Start { command } => format!("run in the background, until this run ends:\n$ {command}"),
        Effect::ReadOutput { id, .. } => format!("read the output of background command {id}"),
        Effect::Stop { id } => format!("stop background command {id}"),
        Effect::Write { changes } => changes
            .iter()
            .map(|change| diff(&change.path.to_string_lossy(), change.before.as_deref(), change.after.as_deref()))
            .collect::<Vec<String>>()
            .join("\n"),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Choice {
    Once,
    Session,
    Edit,
    /// Without a reason where it is still to be typed.
    No(Option<String>),
    Details,
    Whole,
    Quit,
}

/// Shows the question and waits for an answer. Enter alone never approves.
pub(crate) async fn ask(question: Question<'_>, around: &Around, screen: &Screen) -> Answer {
    let Some(mut dialog) = Dialog::open(screen.is_moving()) else { return Answer::Nobody };
    let mut effect = question.effect.clone();
    loop {
        let edited = effect != *question.effect;
        // What the human wrote is for this once.
        let offer = if edited { None } else { question.offer };
        let now = Question { effect: &effect, offer, ..question };
        let sheet = Sheet { coloured: screen.is_coloured(), width: screen.width(), rows: screen.height().max(16) - 8 };
        let (shown, cut) = show::effect(&now, around, sheet);
        dialog.write(&format!("\n{shown}"));
        let choice = match choose(&mut dialog, &now, around, sheet, cut).await {
            Some(choice) => choice,
            None => return Answer::Nobody,
        };
        match choice {
            Choice::Once if edited => return Answer::Edited(effect),
            Choice::Once => return Answer::Once,
            Choice::Session => return Answer::Session,
            Choice::No(Some(reason)) => return Answer::No(reason),
            Choice::No(None) => match dialog.line("no, because: ").await {
                Some(reason) => return Answer::No(reason.trim().to_owned()),
                None => dialog.write("\n"),
            },
            Choice::Quit => return Answer::Quit,
            Choice::Edit => match outside(&dialog, screen, {
                let effect = effect.clone();
                move || edit::edit(&effect)
            })
            .await
            {
                Ok(changed) => effect = changed,
                Err(error) => dialog.write(&format!("unchanged: {error:#}\n")),
            },
            Choice::Whole => {
                let text = show::whole(&effect, sheet);
                let paged = text.clone();
                if outside(&dialog, screen, move || edit::page(&paged)).await.is_err() {
                    dialog.write(&text);
                }
            }
            Choice::Details => (),
        }
    }
}

/// Shows a text in the human's pager.
pub(crate) async fn page(screen: &Screen, text: String) -> anyhow::Result<()> {
    lent(screen, move || edit::page(&text)).await
}

/// In the middle of a question.
async fn outside<T: Send + 'static>(
    dialog: &Dialog,
    screen: &Screen,
    act: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    dialog.lend();
    let done = lent(screen, act).await;
    dialog.take();
    done
}

/// Runs a program of the human's on the terminal, which is theirs until it ends, also if nobody waits for it any more.
async fn lent<T: Send + 'static>(
    screen: &Screen,
    act: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let lent = screen.lend();
    let acting = tokio::task::spawn_blocking(move || {
        let done = act();
        drop(lent);
        done
    });
    acting.await?
}

/// Asks until one of the keys was pressed. `None` when the terminal has gone.
async fn choose(
    dialog: &mut Dialog,
    question: &Question<'_>,
    around: &Around,
    sheet: Sheet,
    cut: bool,
) -> Option<Choice> {
    let mut keys = vec!["y once".to_owned()];
    keys.extend(question.offer.map(|offer| exact_name(&format!("a always: {offer}"))));
    keys.extend(["e edit".to_owned(), "n no, and why".to_owned()]);
    keys.extend(cut.then(|| "v view all".to_owned()));
    keys.extend(["? more".to_owned(), "q stop".to_owned()]);
    let letters: Vec<&str> = keys.iter().filter_map(|key| key.get(..1)).collect();
    let prompt = sheet.paint(Paint::Cyan, &format!("allow? [{}] ", letters.join("/")));
    dialog.write(&wrapped(&keys, sheet.width));
    dialog.write(&prompt);
    loop {
        let (choice, again) = match dialog.typed().await? {
            Typed::Key(key) => (parse(&key.to_string()), format!("\r\x1b[K{prompt}")),
            Typed::Line(line) if !dialog.by_key() => (parse(&line), prompt.clone()),
            Typed::Line(line) => (parse(&line), format!("\r\x1b[K{prompt}")),
            Typed::Other => (None, format!("\r\x1b[K{prompt}")),
        };
        let choice = choice.filter(|choice| match choice {
            Choice::Session => question.offer.is_some(),
            Choice::Whole => cut,
            _ => true,
        });
        match choice {
            Some(Choice::Details) => dialog.write(&format!("\n{}{prompt}", show::details(question, around))),
            Some(Choice::No(None)) if !dialog.by_key() => return Some(Choice::No(Some(String::new()))),
            Some(Choice::No(None)) => return Some(Choice::No(None)),
            Some(choice) => {
                if dialog.by_key() {
                    dialog.write(&format!("{}\n", letter(&choice)));
                }
                return Some(choice);
            }
            None => dialog.write(&again),
        }
    }
}

/// The keys in as few lines as they fit into.
fn wrapped(keys: &[String], width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for key in keys {
        match lines.last_mut() {
            Some(line) if unicode_width::UnicodeWidthStr::width(format!("{line} · {key}").as_str()) < width => {
                *line += &format!(" · {key}");
            }
            Some(_) | None => lines.push(key.clone()),
        }
    }
    let rows = lines.into_iter().flat_map(|line| fold(cells(&line, Style::new()), width.saturating_sub(1), 2));
    rows.map(|row| row.iter().map(|cell| cell.character).collect::<String>().trim_end().to_owned() + "\n").collect()
}

fn letter(choice: &Choice) -> char {
    match choice {
        Choice::Once => 'y',
        Choice::Session => 'a',
        Choice::Edit => 'e',
        Choice::No(_) => 'n',
        Choice::Details => '?',
        Choice::Whole => 'v',
        Choice::Quit => 'q',
    }
}

fn parse(line: &str) -> Option<Choice> {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let choice = match word {
        "y" | "yes" => Choice::Once,
        "a" | "always" => Choice::Session,
        "e" | "edit" => Choice::Edit,
        "n" | "no" if rest.is_empty() => Choice::No(None),
        "n" | "no" => return Some(Choice::No(Some(rest.trim().to_owned()))),
        "?" => Choice::Details,
        "v" => Choice::Whole,
        "q" | "quit" => Choice::Quit,
        _ => return None,
    };
    rest.is_empty().then_some(choice)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn only_clear_words_approve() {
        assert_eq!(parse("y"), Some(Choice::Once));
        assert_eq!(parse(" yes "), Some(Choice::Once));
        assert_eq!(parse("a"), Some(Choice::Session));
        assert_eq!(parse("n use the other file"), Some(Choice::No(Some("use the other file".to_owned()))));
        assert_eq!(parse("n"), Some(Choice::No(None)));
        assert_eq!(parse("q"), Some(Choice::Quit));
        for unclear in ["", "yep", "y but not now", "ok", "Y", "A", "\u{1b}", "[A"] {
            assert_eq!(parse(unclear), None, "{unclear}");
        }
    }

    #[test]
    fn keys_are_wrapped_between_and_not_within() {
        let keys = ["y once", "a always: commands that start with `cargo test`", "e edit", "q stop"].map(str::to_owned);
        expect![[r#"
            y once
            a always: commands that start with
              `cargo test`
            e edit · q stop
        "#]]
        .assert_eq(&wrapped(&keys, 40));
    }
}
