//! `agent show`: one session, for reading. It never changes a session file.

mod arguments;
mod edit;
mod html;
mod story;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use session::Session;

use crate::args::ShowArgs;
use crate::hint::Hint as _;
use crate::sessions::{one, store};
use crate::show::story::Story;

pub(crate) fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let store = store()?;
    let id = match &args.id {
        Some(part) => one(&store, part)?,
        None => store.ids()?.into_iter().next().context("there is no session yet")?,
    };
    let mut stdout = io::stdout().lock();
    if args.json {
        let bytes = std::fs::read(store.file(&id)).context("the session cannot be read")?;
        stdout.write_all(&bytes)?;
        return Ok(());
    }
    let session = Session::read(&store.file(&id))?;
    let story = Story::of(&session);
    match args.html.as_deref() {
        None => stdout.write_all(text::render(&story).as_bytes())?,
        Some(path) if path == Path::new("-") => stdout.write_all(html::render(&story).as_bytes())?,
        Some(path) => save(path, &html::render(&story))?,
    }
    for notice in &session.notices {
        writeln!(io::stderr(), "note: {notice}")?;
    }
    Ok(())
}

/// Writes a page, whole or not at all, over nothing but an older page. Like the session, it is for its owner's eyes.
fn save(path: &Path, page: &str) -> anyhow::Result<()> {
    let shown = path.display();
    let cannot = || format!("{shown} cannot be written");
    // A link is followed, or it would be replaced.
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => {
            return Err(error).with_context(cannot).hint("name a file that can be written, or `-` for stdout");
        }
    };
    let is_there = match std::fs::symlink_metadata(&target) {
        Ok(metadata) if metadata.is_file() && is_page(&target).with_context(cannot)? => true,
        Ok(_) => {
            return Err(anyhow::anyhow!("{shown} exists and is not a page of `agent show`; it is unchanged"))
                .hint("name another file, or `-` for stdout");
        }
        Err(_) => false,
    };
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    let hint = "name a file in a directory that exists and can be written, or `-` for stdout";
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot).hint(hint)?;
    file.write_all(page.as_bytes()).and_then(|()| file.as_file().sync_all()).with_context(cannot)?;
    let kept = if is_there { file.persist(&target) } else { file.persist_noclobber(&target) };
    kept.map_err(|error| error.error).with_context(cannot)?;
    writeln!(io::stderr(), "{}: {} kB", target.display(), page.len().div_ceil(1_000))?;
    Ok(())
}

fn is_page(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    std::fs::File::open(path)?.take(html::MARK.len() as u64).read_to_end(&mut begin)?;
    Ok(begin == html::MARK.as_bytes())
}
