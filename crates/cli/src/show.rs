//! `agent show`: one session, for reading. It never changes a session file.

use std::io::{self, Write as _};

use agent::{Entry, ToolOutcome};
use anyhow::Context as _;
use session::{Content, Session};

use crate::args::ShowArgs;
use crate::harmless::{harmless, one_line};
use crate::human;
use crate::sessions::{one, store};

pub(crate) fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let store = store()?;
    let id = match &args.id {
        Some(part) => one(&store, part)?,
        None => store.ids()?.into_iter().next().context("there is no session yet")?,
    };
    if args.json {
        let bytes = std::fs::read(store.file(&id)).context("the session cannot be read")?;
        io::stdout().lock().write_all(&bytes)?;
        return Ok(());
    }
    let session = Session::read(&store.file(&id))?;
    io::stdout().lock().write_all(render(&session).as_bytes())?;
    for notice in &session.notices {
        writeln!(io::stderr(), "note: {notice}")?;
    }
    Ok(())
}

/// The conversation as plain text.
fn render(session: &Session) -> String {
    let header = &session.header;
    let mut shown =
        format!("session {}\n{} in {}, {}\n", header.id, header.created, header.workspace, header.served.model);
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
                Entry::Compaction { text, .. } => {
                    shown.push_str(&format!("\n--- condensed: from here on the model sees\n{}\n", harmless(text)));
                }
                Entry::Outcome { call_id, tool, outcome, .. } => {
                    let title = calls.get(call_id).unwrap_or(tool);
                    let how = match outcome {
                        ToolOutcome::Done(_) => "",
                        ToolOutcome::Failed(_) => " (failed)",
                        ToolOutcome::Refused(_) => " (refused)",
                        ToolOutcome::Cancelled => " (cancelled)",
                        ToolOutcome::Interrupted => " (interrupted)",
                    };
                    let title = one_line(title, 80);
                    shown.push_str(&format!("\n--- {title}{how}\n{}\n", harmless(outcome.text().trim_end())));
                }
            },
            Content::Resumed(resumed) => {
                shown.push_str(&format!("\n--- resumed at {} with {}\n", line.at, resumed.served.model));
            }
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
