//! `agent sessions` and `agent show`.

use std::io::{self, Write as _};
use std::path::Path;

use agent::{Entry, ToolOutcome};
use anyhow::Context as _;
use session::{Content, Session, Store};

use crate::args::{SessionsArgs, ShowArgs};
use crate::harmless::{harmless, one_line};
use crate::hint::Hint as _;
use crate::{human, paths};

pub(crate) fn store() -> anyhow::Result<Store> {
    Ok(Store::new(paths::sessions()?))
}

pub(crate) fn list(args: &SessionsArgs) -> anyhow::Result<()> {
    let store = store()?;
    let here = std::env::current_dir()?;
    let mut stdout = io::stdout().lock();
    let mut shown = 0;
    for id in store.ids().context("the sessions cannot be listed")? {
        if shown == args.number {
            break;
        }
        let summary = match store.summary(&id) {
            Ok(summary) => summary,
            Err(error) => {
                writeln!(stdout, "{id}  (damaged: {error})")?;
                shown += 1;
                continue;
            }
        };
        if !args.all && !here.starts_with(Path::new(&summary.header.workspace)) {
            continue;
        }
        shown += 1;
        let created = summary.header.created.get(..16).unwrap_or_default().replace('T', " ");
        let ended = summary.ended.as_deref().unwrap_or("not ended");
        let task = one_line(&summary.task, 60);
        writeln!(stdout, "{id}  {created}  {ended:<13}  {:>3} steps  {task}", summary.replies)?;
        if args.all {
            writeln!(stdout, "    {}", summary.header.workspace)?;
        }
    }
    if shown == 0 {
        let where_ = if args.all { "yet" } else { "of this directory; --all shows those of others" };
        writeln!(io::stderr(), "No sessions {where_}.")?;
    }
    Ok(())
}

pub(crate) fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let store = store()?;
    let found = match &args.id {
        Some(part) => store.find(part)?,
        None => store.ids()?.into_iter().take(1).collect(),
    };
    let id = match found.as_slice() {
        [id] => id,
        [] => return Err(anyhow::anyhow!("there is no such session")).hint("`agent sessions --all` lists them"),
        [..] => {
            return Err(anyhow::anyhow!("{} sessions fit: {}", found.len(), found.join(", ")))
                .hint("write more of the id");
        }
    };
    if args.json {
        let bytes = std::fs::read(store.file(id)).context("the session cannot be read")?;
        io::stdout().lock().write_all(&bytes)?;
        return Ok(());
    }
    let session = Session::read(&store.file(id))?;
    io::stdout().lock().write_all(render(&session).as_bytes())?;
    for notice in &session.notices {
        writeln!(io::stderr(), "note: {notice}")?;
    }
    Ok(())
}

/// The conversation as plain text.
fn render(session: &Session) -> String {
    let header = &session.header;
    let mut shown = format!("session {}\n{} in {}, {}\n", header.id, header.created, header.workspace, header.model);
    let mut calls = std::collections::HashMap::new();
    for line in &session.lines {
        match &line.entry {
            Content::Entry(entry) => match entry.as_ref() {
                Entry::System { text } => shown.push_str(&format!("\n--- system ({} bytes)\n", text.len())),
                Entry::User { text } => shown.push_str(&format!("\n--- user\n{}\n", harmless(text))),
                Entry::Reply(reply) => {
                    shown.push_str("\n--- model\n");
                    if !reply.text.trim().is_empty() {
                        shown.push_str(&format!("{}\n", harmless(reply.text.trim())));
                    }
                    for call in &reply.calls {
                        shown.push_str(&format!("> {} {}\n", call.name, harmless(&call.arguments.as_json())));
                        calls.insert(call.id.clone(), human::title(call));
                    }
                }
                Entry::Outcome { call_id, tool, outcome } => {
                    let title = calls.get(call_id).unwrap_or(tool);
                    let how = match outcome {
                        ToolOutcome::Done(_) => "",
                        ToolOutcome::Failed(_) => " (failed)",
                        ToolOutcome::Refused(_) => " (refused)",
                        ToolOutcome::Cancelled => " (cancelled)",
                    };
                    let title = one_line(title, 80);
                    shown.push_str(&format!("\n--- {title}{how}\n{}\n", harmless(outcome.text().trim_end())));
                }
            },
            Content::End(end) => {
                let word = |name| end.get(name).and_then(serde_json::Value::as_str);
                let reason = word("reason").map(|reason| format!(": {reason}")).unwrap_or_default();
                let number = |name| end.get(name).and_then(serde_json::Value::as_u64).unwrap_or_default();
                let tokens = number("input_tokens") + number("output_tokens");
                shown.push_str(&format!(
                    "\n--- end\n{}{reason} after {} steps, {tokens} tokens\n",
                    word("finish").unwrap_or("ended"),
                    number("steps")
                ));
            }
        }
    }
    shown
}
