//! `agent diff`: what a session changed, commands' changes included, as a diff that `git apply` takes.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use anyhow::anyhow;
use session::{Session, SessionFile};
use snapshots::{Changed, FileState, Link, Objects};

use crate::args::DiffArgs;
use crate::harmless::harmless;
use crate::highlight;
use crate::hint::{Exit, Hint as _};
use crate::out;
use crate::past::{self, Past};
use crate::sessions;
use crate::undo::say_what_was_repaired;
use crate::watched::{Kept, Watched};

pub(crate) fn diff(args: &DiffArgs) -> anyhow::Result<Exit> {
    say_what_was_repaired()?;
    let past = Past::find(args.id.as_deref(), None)?;
    if let Some(step) = args.step
        && (step == 0 || past.history.steps() < step)
    {
        return Err(anyhow!("no such step: {step}"))
            .hint(format!("the session has steps 1 to {}", past.history.steps()));
    }
    let links = past.history.links(&past.objects, |step| args.step.is_none_or(|wanted| wanted == step))?;
    let net = snapshots::net(&links);
    let mut stdout = out::stdout();
    let terminal = out::stdout_is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if args.stat {
        stdout.write_all(stat(&net, &past.objects).as_bytes())?;
    } else {
        for change in &net {
            let text = one(change, &past.objects);
            let text = if terminal { harmless(&text) } else { text };
            let text = if colour { painted(&text) } else { text };
            stdout.write_all(text.as_bytes())?;
        }
    }
    for path in mixed(&links) {
        let path = harmless(&path.to_string_lossy());
        writeln!(
            out::stderr(),
            "note: {path} was also changed by someone else between the steps; the diff includes that"
        )?;
    }
    Ok(Exit::Finished)
}

/// All that a session changed, for whoever wants to land it elsewhere: its workspace may be gone.
pub(crate) fn of_session(id: &str) -> anyhow::Result<String> {
    let session = Session::read(&sessions::store()?.file(id))?;
    let history = past::history(&session);
    let objects = Kept::of(&session.header)?.open()?;
    let links = history.links(&objects, |_| true)?;
    Ok(snapshots::net(&links).iter().map(|change| one(change, &objects)).collect())
}

/// What a conversation that goes on did to the files so far.
pub(crate) fn in_conversation(watched: &Watched, session: &SessionFile) -> anyhow::Result<String> {
    let history = past::history(&Session::read(session.path())?);
    if history.is_empty() {
        return Ok(String::new());
    }
    let diff = watched.with_objects(|_, objects| -> anyhow::Result<String> {
        let net = snapshots::net(&history.links(objects, |_| true)?);
        Ok(net.iter().map(|change| one(change, objects)).collect())
    });
    diff.unwrap_or_else(|| Ok(String::new()))
}

/// Paths where one step did not begin from what the one before had left.
fn mixed(links: &[Link]) -> BTreeSet<&Path> {
    let mut last: std::collections::HashMap<&Path, &Option<FileState>> = std::collections::HashMap::new();
    let mut mixed = BTreeSet::new();
    for Link { change, .. } in links {
        if last.insert(&change.path, &change.after).is_some_and(|after| *after != change.before) {
            mixed.insert(change.path.as_path());
        }
    }
    mixed
}

/// What a state holds, as git sees it: `None` for what git does not know, a directory or a fifo, and for what is not there.
pub(crate) fn content(state: Option<&FileState>, objects: &Objects) -> Option<Result<Vec<u8>, &'static str>> {
    match state? {
        FileState::File { digest, .. } => Some(objects.get(digest).map_err(|_| "snapshot deleted")),
        FileState::Unkept { .. } => Some(Err("no snapshot")),
        FileState::Link { target } => Some(Ok(target.as_bytes().to_vec())),
        FileState::Special { .. } | FileState::Dir => None,
    }
}

/// git knows whether a file is executable, and no more.
fn mode(state: Option<&FileState>) -> Option<&'static str> {
    match state? {
        FileState::File { mode, .. } | FileState::Unkept { mode, .. } if mode & 0o100 != 0 => Some("100755"),
        FileState::File { .. } | FileState::Unkept { .. } => Some("100644"),
        FileState::Link { .. } => Some("120000"),
        FileState::Special { .. } | FileState::Dir => None,
    }
}

/// Empty for directories, fifos and the like: git knows none.
fn one(change: &Changed, objects: &Objects) -> String {
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    let (old, new) = (content(before, objects), content(after, objects));
    let (old_mode, new_mode) = (mode(before), mode(after));
    // A file that became a link, or the other way round, is two changes to git.
    let kind = |mode: Option<&'static str>| mode.map(|mode| mode == "120000");
    if let (Some(was_link), Some(is_link)) = (kind(old_mode), kind(new_mode))
        && was_link != is_link
    {
        let gone = Changed { after: None, ..change.clone() };
        let come = Changed { before: None, ..change.clone() };
        return one(&gone, objects) + &one(&come, objects);
    }
    let (a, b) = (quoted("a/", &change.path), quoted("b/", &change.path));
    let mut out = match (old_mode, new_mode) {
        (None, None) => return String::new(),
        (None, Some(mode)) => format!("diff --git {a} {b}\nnew file mode {mode}\n"),
        (Some(mode), None) => format!("diff --git {a} {b}\ndeleted file mode {mode}\n"),
        (Some(old), Some(new)) if old != new => format!("diff --git {a} {b}\nold mode {old}\nnew mode {new}\n"),
        (Some(_), Some(_)) => format!("diff --git {a} {b}\n"),
    };
    let text = |content: &Option<Result<Vec<u8>, &'static str>>| match content {
        None => Ok(None),
        Some(Ok(bytes)) if bytes.contains(&0) => Err("binary"),
        Some(Ok(bytes)) => String::from_utf8(bytes.clone()).map(Some).map_err(|_| "not UTF-8"),
        Some(Err(why)) => Err(*why),
    };
    match (text(&old), text(&new)) {
        (Ok(old), Ok(new)) => {
            let hunks = patch::unified("", old.as_deref(), new.as_deref());
            // Its first two lines name the file; ours are quoted as git wants them.
            let hunks = hunks.splitn(3, '\n').nth(2).unwrap_or_default();
            if !hunks.is_empty() {
                let from = if old.is_some() { &a } else { "/dev/null" };
                let to = if new.is_some() { &b } else { "/dev/null" };
                out.push_str(&format!("--- {from}\n+++ {to}\n{hunks}"));
            }
        }
        (Err(why), _) | (_, Err(why)) => out.push_str(&format!("Binary files {a} and {b} differ ({why})\n")),
    }
    out
}

/// As git writes names in its headers (quote.c): in quotes where there is anything odd in them.
fn quoted(prefix: &str, path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let is_plain = |byte: &u8| (0x20..0x7f).contains(byte) && *byte != b'"' && *byte != b'\\';
    if bytes.iter().all(is_plain) {
        return format!("{prefix}{}", String::from_utf8_lossy(bytes));
    }
    let mut out = format!("\"{prefix}");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.push_str(&format!("\\{}", char::from(*byte))),
            byte if is_plain(byte) => out.push(char::from(*byte)),
            byte => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out.push('"');
    out
}

fn stat(net: &[Changed], objects: &Objects) -> String {
    let mut out = String::new();
    let (mut files, mut added, mut removed) = (0, 0, 0);
    for change in net {
        let text = one(change, objects);
        if text.is_empty() {
            continue;
        }
        let count = |mark: &str| {
            let hunks = text.lines().skip_while(|line| !line.starts_with("@@"));
            hunks.filter(|line| line.starts_with(mark)).count()
        };
        let (plus, minus) = (count("+"), count("-"));
        let word = match (&change.before, &change.after) {
            (None, _) => "new ",
            (_, None) => "deleted ",
            (Some(_), Some(_)) => "",
        };
        out.push_str(&format!("{word}{} +{plus} -{minus}\n", harmless(&change.path.to_string_lossy())));
        (files, added, removed) = (files + 1, added + plus, removed + minus);
    }
    out.push_str(&format!("{}, +{added} -{removed}\n", agent::counted(files, "file")));
    out
}

pub(crate) fn painted(diff: &str) -> String {
    let mut out = String::new();
    for line in diff.lines() {
        let style = highlight::diff(line).style();
        out.push_str(&format!("{style}{line}{style:#}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_quoted_as_git_does() {
        let check = |path: &[u8], expected: &str| {
            assert_eq!(quoted("a/", Path::new(std::ffi::OsStr::from_bytes(path))), expected);
        };
        check(b"src/a b.rs", "a/src/a b.rs");
        check("ä".as_bytes(), r#""a/\303\244""#);
        check(b"a\"\\\n\xff", r#""a/a\"\\\012\377""#);
    }
}
