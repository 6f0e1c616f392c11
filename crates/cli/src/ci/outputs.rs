//! What is written for others: files, the job's page, the terminal. Nothing of it holds a secret of our environment.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::is_stdout;
use super::result::{CiResult, Outcome};
use super::secrets::Scanner;
use super::summary::markdown;
use crate::args::{CiArgs, Output};
use crate::harmless::harmless;
use crate::hint::{Exit, Hint as _, Hinted};
use crate::screen::{Paint, Screen};
use crate::{out, sessions, show};

/// How many things go to stdout.
fn claims(args: &CiArgs) -> usize {
    let files = [&args.patch, &args.result, &args.summary, &args.html];
    let claims = files.into_iter().flatten().filter(|path| is_stdout(path)).count();
    claims + usize::from(args.output() == Output::Jsonl)
}

/// One thing at most goes to stdout.
pub(crate) fn check_stdout(args: &CiArgs) -> anyhow::Result<()> {
    if 1 < claims(args) {
        return Err(anyhow!("only one output can go to stdout")).hint("write the others to files");
    }
    Ok(())
}

/// Each file can be written: said before anything is spent.
pub(crate) fn check_files(args: &CiArgs) -> anyhow::Result<()> {
    let files = [&args.patch, &args.result, &args.summary, &args.html];
    let files = files.into_iter().flatten().filter(|path| !is_stdout(path)).cloned();
    files.chain(step_summary()).try_for_each(|path| {
        let there = std::fs::metadata(&path);
        // Opening a pipe would wait for its reader.
        if there.as_ref().is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            return Ok(());
        }
        let opened = File::options().create(true).append(true).open(&path);
        opened.with_context(|| format!("cannot write {}", path.display())).hint(UNWRITABLE)?;
        if there.is_err() {
            // It was only tried.
            let _ = std::fs::remove_file(&path);
        }
        Ok(())
    })
}

const UNWRITABLE: &str = "name a file in an existing, writable directory, or `-` for stdout";

/// Where a runner of GitHub's or Forgejo's wants the summary.
fn step_summary() -> Option<PathBuf> {
    std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The result, as asked for. The last thing to be written, since it says whether all else was.
pub(crate) fn write_result(args: &CiArgs, result: &CiResult, scanner: &Scanner) -> anyhow::Result<()> {
    let Some(path) = &args.result else { return Ok(()) };
    let mut text = serde_json::to_vec_pretty(sealed(result, scanner).as_ref().unwrap_or(result))?;
    text.push(b'\n');
    write_file(path, &text, scanner)
}

/// The session's page and the summary, as asked for.
pub(crate) fn write_pages(args: &CiArgs, result: &CiResult, scanner: &Scanner) -> anyhow::Result<()> {
    if let (Some(path), Some(session)) = (&args.html, &result.session) {
        let page = show::page(&sessions::store()?.file(session))?;
        write_file(path, page.as_bytes(), scanner)?;
    }
    let page = markdown(sealed(result, scanner).as_ref().unwrap_or(result));
    if let Some(path) = &args.summary {
        write_file(path, page.as_bytes(), scanner)?;
    }
    if let Some(path) = step_summary() {
        refuse_leak("the summary", page.as_bytes(), scanner)?;
        let file = File::options().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(page.as_bytes())).context("cannot write the job's summary")?;
    }
    Ok(())
}

/// A result that holds a secret in the model's words or in a name says only that, and how it ended.
fn sealed(result: &CiResult, scanner: &Scanner) -> Option<CiResult> {
    let text = serde_json::to_vec(result).ok()?;
    let name = scanner.leak(&text)?.to_owned();
    Some(CiResult {
        outcome: result.outcome,
        exit_code: result.exit_code,
        reason: Some(format!("output omitted: it contains the value of {name}")),
        secrets: result.secrets.clone(),
        session: result.session.clone(),
        totals: result.totals,
        seconds: result.seconds,
        ..CiResult::default()
    })
}

pub(crate) fn write_file(path: &Path, bytes: &[u8], scanner: &Scanner) -> anyhow::Result<()> {
    let shown = path.display().to_string();
    refuse_leak(&shown, bytes, scanner)?;
    if is_stdout(path) {
        return Ok(out::stdout().write_all(bytes)?);
    }
    std::fs::write(path, bytes).with_context(|| format!("cannot write {shown}")).hint(UNWRITABLE)
}

fn refuse_leak(what: &str, bytes: &[u8], scanner: &Scanner) -> anyhow::Result<()> {
    let Some(name) = scanner.leak(bytes) else { return Ok(()) };
    let hint = "find out how it got there, and replace the secret";
    Err(Hinted::new(
        Exit::Withheld,
        format!("{what} was not written: it contains the value of {name}"),
        Some(hint.to_owned()),
    )
    .into())
}

/// What is there after a run that did not end well.
pub(crate) fn print_kept(screen: &Screen, result: &CiResult) {
    for note in &result.notes {
        screen.line(Paint::Yellow, &harmless(&format!("note: {note}")));
    }
    if let Some(patch) = &result.patch {
        screen.line(Paint::Dim, &format!("patch: {}", harmless(patch)));
    }
}

/// The last lines for a human, and on stdout where the pull request is.
pub(crate) fn print(args: &CiArgs, screen: &Screen, result: &CiResult) -> anyhow::Result<()> {
    let paint = if result.exit_code == 0 { Paint::Green } else { Paint::Red };
    screen.status(None);
    screen.line(paint, &format!("{}{}", result.outcome.words(), subject(result)));
    for file in result.files.iter().take(20) {
        screen.line(Paint::Dim, &harmless(&format!("  {} +{} -{}", file.path, file.added, file.removed)));
    }
    for check in &result.checks {
        screen.line(Paint::Dim, &harmless(&format!("  check `{}`: {}", check.command, check.story())));
    }
    for note in &result.notes {
        screen.line(Paint::Dim, &harmless(&format!("note: {note}")));
    }
    let totals = &result.totals;
    let cost = totals.cost_usd.filter(|cost| 0.0 < *cost).map(|cost| format!(", USD {cost:.4}")).unwrap_or_default();
    let session = result.session.as_deref().unwrap_or_default();
    screen.line(
        Paint::Dim,
        &format!(
            "{}{cost}, {:.1} s · agent show {session} · agent apply {session}",
            agent::counted(totals.steps, "step"),
            result.seconds
        ),
    );
    let places = [("patch", &result.patch), ("branch", &result.branch), ("commit", &result.commit)];
    for (what, place) in places {
        if let Some(place) = place {
            screen.line(Paint::Dim, &format!("{what}: {}", harmless(place)));
        }
    }
    if let Some(reason) = &result.reason {
        let word = if result.exit_code == 0 { "" } else { "error: " };
        screen.line(paint, &format!("{word}{}", harmless(reason)));
    }
    if let Some(hint) = result.hint.as_ref().filter(|_| result.outcome != Outcome::Changed) {
        screen.line(Paint::Plain, &format!("hint: {}", harmless(hint)));
    }
    if let Some(pull_request) = result.pull_request.as_ref().filter(|_| claims(args) == 0) {
        writeln!(out::stdout(), "{}", pull_request.url)?;
    }
    Ok(())
}

fn subject(result: &CiResult) -> String {
    result.subject.as_ref().map(|subject| format!(": {}", harmless(subject))).unwrap_or_default()
}

/// A runner of GitHub takes lines that begin with `::` for commands, whoever wrote them. While this lives it does not.
pub(crate) struct StopCommands(Option<String>);

impl StopCommands {
    pub(crate) fn here() -> StopCommands {
        let on_runner = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        // Not to be guessed by what is shown in between.
        let word = (on_runner && !out::stderr_is_terminal()).then(session::Store::new_id);
        if let Some(word) = &word {
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(out::stderr(), "::stop-commands::{word}");
        }
        StopCommands(word)
    }
}

impl Drop for StopCommands {
    fn drop(&mut self) {
        if let Some(word) = &self.0 {
            // As above.
            let _ = writeln!(out::stderr(), "::{word}::");
        }
    }
}
