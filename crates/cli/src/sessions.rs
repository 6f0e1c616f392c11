//! `agent sessions`: the list.

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use session::Store;

use crate::args::SessionsArgs;
use crate::harmless::one_line;
use crate::hint::Hint as _;
use crate::paths;

pub(crate) fn store() -> anyhow::Result<Store> {
    Ok(Store::new(paths::sessions()?))
}

/// The one session whose id begins or ends with `part`.
pub(crate) fn one(store: &Store, part: &str) -> anyhow::Result<String> {
    let mut found = store.find(part)?;
    match (found.pop(), found.len()) {
        (Some(id), 0) => Ok(id),
        (None, _) => Err(anyhow!("there is no such session")).hint("`agent sessions --all` lists them"),
        (Some(id), others) => Err(anyhow!("{} sessions fit: {id}, {}", others + 1, found.join(", ")))
            .hint("write more of the id, from either end"),
    }
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
