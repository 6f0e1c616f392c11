//! `agent sessions`: the list, and what is found in it.

use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use session::{Search, SessionError, Store, Summary};

use crate::args::SessionsArgs;
use crate::harmless::one_line;
use crate::hint::Hint as _;
use crate::{out, paths, run};

pub(crate) fn store() -> anyhow::Result<Store> {
    Ok(Store::new(paths::sessions()?))
}

/// The one session whose id begins or ends with `part`.
pub(crate) fn one(store: &Store, part: &str) -> anyhow::Result<String> {
    let mut found = store.find(part)?;
    match (found.pop(), found.len()) {
        (Some(id), 0) => Ok(id),
        (None, _) => Err(anyhow!("no such session")).hint("`agent sessions --all` lists them"),
        (Some(id), others) => Err(anyhow!("{} sessions match: {id}, {}", others + 1, found.join(", ")))
            .hint("give more of the id, from either end"),
    }
}

pub(crate) fn list(args: &SessionsArgs) -> anyhow::Result<()> {
    let directory = match &args.dir {
        None if args.all => None,
        directory => Some(run::workspace(directory.as_deref())?),
    };
    let search = Search {
        text: args.text.clone(),
        directory,
        since: args.since.as_deref().map(moment).transpose()?,
        until: args.until.as_deref().map(moment).transpose()?,
    };
    let found = store()?.search(&search, args.number).context("cannot list the sessions")?;
    let mut stdout = out::stdout();
    for (id, summary) in &found {
        if args.json {
            writeln!(stdout, "{}", object(id, summary))?;
        } else {
            write!(stdout, "{}", row(id, summary, args.all))?;
        }
    }
    if found.is_empty() {
        let what = if search.text.is_some() { "No such sessions" } else { "No sessions" };
        let place = if args.all { "" } else { " in this directory; --all searches the others" };
        writeln!(out::stderr(), "{what}{place}.")?;
    }
    Ok(())
}

fn row(id: &str, summary: &Result<Summary, SessionError>, with_workspace: bool) -> String {
    let summary = match summary {
        Ok(summary) => summary,
        Err(error) => return format!("{id}  (damaged: {error})\n"),
    };
    let created = summary.header.created.get(..16).unwrap_or_default().replace('T', " ");
    let ended = summary.ended.as_deref().unwrap_or("not ended");
    let task = one_line(&summary.task, 60);
    let damaged = match summary.damaged {
        0 => String::new(),
        lines => format!("  (damaged: {lines} lines)"),
    };
    let mut row =
        format!("{id}  {created}  {ended:<13}  {:>9}  {task}{damaged}\n", agent::counted(summary.replies, "step"));
    if with_workspace {
        row.push_str(&format!("    {}\n", one_line(&summary.header.workspace, 200)));
    }
    if let Some(found) = &summary.found {
        row.push_str(&format!("    … {}\n", one_line(found.trim(), 100)));
    }
    row
}

fn object(id: &str, summary: &Result<Summary, SessionError>) -> serde_json::Value {
    match summary {
        Ok(Summary { header, task, replies, ended, damaged, found }) => json!({
            "id": id, "created": header.created, "workspace": header.workspace, "model": header.served.model,
            "forked_from": header.forked_from, "task": task, "steps": replies, "ended": ended,
            "damaged_lines": damaged, "found": found,
        }),
        Err(error) => json!({"id": id, "error": error.to_string()}),
    }
}

/// A date at its midnight here, or a time before now, as session files write moments.
fn moment(text: &str) -> anyhow::Result<String> {
    let date = text.parse::<Date>().ok().and_then(|date| date.to_zoned(TimeZone::system()).ok());
    let days = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok()).map(|days| days.saturating_mul(24));
    let ago = match days {
        Some(hours) => Some(SignedDuration::from_hours(hours.min(1_000_000))),
        None => text.parse::<SignedDuration>().ok(),
    };
    let then = match (date, ago) {
        (Some(date), _) => Some(date.timestamp()),
        (None, Some(ago)) => Timestamp::now().checked_sub(ago).ok(),
        (None, None) => None,
    };
    let then = then.with_context(|| format!("`{text}` is not a date")).hint("write it like 2026-11-25, 7d or 12h")?;
    Ok(format!("{then:.3}"))
}
