//! `agent show`: one session, for reading. It never changes a session file.

mod arguments;
mod atif;
#[cfg(test)]
mod atif_tests;
mod edit;
mod html;
mod story;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use session::{Session, Store};

use crate::args::ShowArgs;
use crate::hint::Hint as _;
use crate::out;
use crate::resume::last_here;
use crate::sessions::{one, store};
use crate::show::story::Story;

/// Of a session that is copied out.
const MOST_BYTES: u64 = 1 << 30;

pub(crate) fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let store = store()?;
    let id = match &args.id {
        Some(part) => one(&store, part)?,
        None => last(&store)?,
    };
    let mut stdout = out::stdout();
    let session = Session::read(&store.file(&id))?;
    if args.json {
        let bytes = sandbox::read_bounded(&store.file(&id), MOST_BYTES).context("cannot read the session")?;
        stdout.write_all(&bytes)?;
        return Ok(());
    }
    let story = Story::of(&session);
    let (path, text, kind) = match (args.html.as_deref(), args.atif.as_deref()) {
        (Some(path), _) => (path, html::render(&story), PAGE),
        (None, Some(path)) => (path, trajectory(&session)?, TRAJECTORY),
        (None, None) => (Path::new("-"), text::render(&story), PAGE),
    };
    if path == Path::new("-") {
        stdout.write_all(text.as_bytes())?;
    } else {
        save(path, &text, &kind)?;
    }
    for notice in &session.notices {
        writeln!(out::stderr(), "note: {notice}")?;
    }
    Ok(())
}

/// That of this directory, or of any where this one has none.
fn last(store: &Store) -> anyhow::Result<String> {
    let here = std::env::current_dir()?.canonicalize()?;
    if let Ok(id) = last_here(store, &here) {
        return Ok(id);
    }
    let id = store.ids()?.into_iter().next().context("there is no session yet")?;
    let workspace = store.header(&id)?.workspace;
    writeln!(out::stderr(), "note: no session in this directory; showing the latest, from {workspace}")?;
    Ok(id)
}

/// What may be written over.
struct Kind {
    /// What such a file begins with.
    mark: &'static str,
    name: &'static str,
}

const PAGE: Kind = Kind { mark: html::MARK, name: "page" };
const TRAJECTORY: Kind = Kind { mark: atif::MARK, name: "trajectory" };

fn trajectory(session: &Session) -> anyhow::Result<String> {
    atif::render(&Story::of(session))
        .context("nothing was said in this session, so it has no trajectory")
        .hint("`agent sessions` lists the others")
}

/// A session as a page that stands alone.
pub(crate) fn page(session: &Path) -> anyhow::Result<String> {
    Ok(html::render(&Story::of(&Session::read(session)?)))
}

/// Writes a file, whole or not at all, over nothing but an older one of its kind. Like the session, it is for its
/// owner's eyes.
fn save(path: &Path, text: &str, kind: &Kind) -> anyhow::Result<()> {
    let shown = path.display();
    let cannot = || format!("cannot write {shown}");
    // A link is followed, or it would be replaced.
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => {
            return Err(error).with_context(cannot).hint("name a writable file, or `-` for stdout");
        }
    };
    let is_there = match std::fs::symlink_metadata(&target) {
        Ok(metadata) if metadata.is_file() && begins_with(&target, kind.mark).with_context(cannot)? => true,
        Ok(_) => {
            return Err(anyhow::anyhow!(
                "{shown} exists and is not a {} from `agent show`; not overwritten",
                kind.name
            ))
            .hint("name another file, or `-` for stdout");
        }
        Err(_) => false,
    };
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    let hint = "name a file in an existing, writable directory, or `-` for stdout";
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot).hint(hint)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).with_context(cannot)?;
    let kept = if is_there { file.persist(&target) } else { file.persist_noclobber(&target) };
    kept.map_err(|error| error.error).with_context(cannot)?;
    writeln!(out::stderr(), "{}: {} kB", target.display(), text.len().div_ceil(1_000))?;
    Ok(())
}

fn begins_with(path: &Path, mark: &str) -> io::Result<bool> {
    let mut begin = Vec::new();
    std::fs::File::open(path)?.take(mark.len() as u64).read_to_end(&mut begin)?;
    Ok(begin == mark.as_bytes())
}
