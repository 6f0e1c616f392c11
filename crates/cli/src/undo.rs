//! `agent undo` and `agent redo`: what a session did to the files, taken back; never what anybody else did.

use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use sandbox::{Files, TakeBack};
use session::{Session, SessionError, SessionFile};
use snapshots::{Changed, FileState, History, Link, Merge, Note, Objects, Planned};

use crate::args::{RedoArgs, UndoArgs};
use crate::harmless::harmless;
use crate::hint::{Exit, Hint as _, Hinted};
use crate::out;
use crate::past::{self, Past};
use crate::watched::Watched;
use crate::{planted, sessions};

/// What is to be taken back.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// From this step on; `None`: the last one that changed something.
    pub(crate) step: Option<usize>,
    /// From the workspace root; empty: all.
    pub(crate) only: Vec<PathBuf>,
    pub(crate) merge: Merge,
    pub(crate) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Really,
    /// Only say what would be done.
    Dry,
}

/// What was done, or would be.
#[derive(Debug)]
pub(crate) struct Report {
    /// For example `reverted step 3`.
    title: String,
    /// A word for what became of it, and the path.
    done: Vec<(&'static str, PathBuf)>,
    left: Vec<(PathBuf, &'static str)>,
    changes: Vec<Changed>,
}

/// The files, what is kept of them, and the session file that is told. Borrowed, so that a session that runs can use it.
pub(crate) struct Desk<'a> {
    pub(crate) files: &'a Files,
    pub(crate) objects: &'a mut Objects,
    pub(crate) session: &'a mut SessionFile,
    /// Told how many paths are done, and of how many.
    progress: &'a mut dyn FnMut(usize, usize),
}

pub(crate) fn undo(args: &UndoArgs) -> anyhow::Result<Exit> {
    say_what_was_repaired()?;
    let mut past = Past::find(args.id.as_deref(), args.workspace.as_deref())?;
    let (workspace, files) = past.files()?;
    let here = std::env::current_dir()?.canonicalize()?;
    let only = args.files.iter().map(|file| inside(&workspace, &here, file));
    let only = only.collect::<anyhow::Result<Vec<PathBuf>>>()?;
    let merge = if args.merge { Merge::Text } else { Merge::No };
    let how = if args.dry_run { How::Dry } else { How::Really };
    let mut session = reopen(&past.id)?;
    let mut progress = Progress::new();
    let mut show = |done, total| progress.show(done, total);
    let desk = Desk { files: &files, objects: &mut past.objects, session: &mut session, progress: &mut show };
    let report = take_back(desk, &past.history, &Wanted { step: args.step, only, merge, how });
    progress.clear();
    let report = report?;
    print(&report, "`--merge` removes only the session's lines from text files changed since")
}

pub(crate) fn redo(args: &RedoArgs) -> anyhow::Result<Exit> {
    let mut past = Past::find(args.id.as_deref(), args.workspace.as_deref())?;
    let (_, files) = past.files()?;
    let mut session = reopen(&past.id)?;
    let how = if args.dry_run { How::Dry } else { How::Really };
    let mut progress = Progress::new();
    let mut show = |done, total| progress.show(done, total);
    let desk = Desk { files: &files, objects: &mut past.objects, session: &mut session, progress: &mut show };
    let report = bring_back(desk, &past.history, how);
    progress.clear();
    let report = report?;
    print(&report, "the skipped files were changed after the undo")
}

/// A killed run may have left what makes git run programs; that is repaired first.
pub(crate) fn say_what_was_repaired() -> anyhow::Result<()> {
    for sentence in planted::recover(&std::env::current_dir()?.canonicalize()?)? {
        writeln!(out::stderr(), "{}", harmless(&sentence))?;
    }
    Ok(())
}

/// Alone with the session: one that runs is not undone under its feet.
fn reopen(id: &str) -> anyhow::Result<SessionFile> {
    match sessions::store()?.reopen(id) {
        Ok(reopened) => Ok(reopened.file),
        Err(SessionError::Busy(_)) => Err(Hinted::new(
            Exit::Usage,
            format!("session {id} is running"),
            Some("stop it first (Ctrl-C keeps its changes), or use /undo in its chat".to_owned()),
        )
        .into()),
        Err(error) => Err(error.into()),
    }
}

/// Takes back what `wanted` says: all of its files or none; what somebody changed since is left and named.
pub(crate) fn take_back(desk: Desk<'_>, history: &History, wanted: &Wanted) -> anyhow::Result<Report> {
    let steps = history.steps();
    let all = history.links(desk.objects, |_| true).map_err(gone)?;
    let (steps, title) = match (wanted.step, history.last_step(&all, wanted.merge)) {
        (Some(step), _) if step == 0 || steps < step => {
            return Err(anyhow!("no such step: {step}")).hint(format!("the session has steps 1 to {steps}"));
        }
        (Some(step), _) => (step..=steps, format!("step {step} and all later steps")),
        (None, Some(0)) => (0..=0, "changes made before the first step".to_owned()),
        (None, Some(last)) => (last..=last, format!("step {last}")),
        (None, None) => {
            return Err(anyhow!("all changes of this session are already undone"))
                .hint("`agent redo` reverses the last undo");
        }
    };
    let mut links: Vec<Link> = all.into_iter().filter(|link| steps.contains(&link.step)).collect();
    if let Some(unknown) = wanted.only.iter().find(|file| !links.iter().any(|link| link.change.path.starts_with(file)))
    {
        return Err(anyhow!("`{}` was not changed in {title}", unknown.display()))
            .hint("`agent diff --stat` lists the changed files");
    }
    links.retain(|link| wanted.only.is_empty() || wanted.only.iter().any(|file| link.change.path.starts_with(file)));
    let whole = wanted.only.is_empty();
    let records = numbers(&links);
    let merged = wanted.merge == Merge::Text;
    let begun = history.begun_undos(desk.objects).map_err(gone)?;
    let note = |changes, files| Note::Undoing { records, whole, merged, changes, files };
    carry_out(desk, &links, &begun, wanted, &title, note)
}

/// Takes the last undo back.
pub(crate) fn bring_back(desk: Desk<'_>, history: &History, how: How) -> anyhow::Result<Report> {
    let Some((undo, links)) = history.last_undo(desk.objects).map_err(gone)? else {
        return Err(anyhow!("nothing to redo")).hint("`agent undo` reverts a session's changes");
    };
    let wanted = Wanted { step: None, only: Vec::new(), merge: Merge::No, how };
    carry_out(desk, &links, &[], &wanted, "the undo", |changes, files| Note::Redoing { undo, changes, files })
}

fn carry_out(
    desk: Desk<'_>,
    links: &[Link],
    begun: &[Changed],
    wanted: &Wanted,
    title: &str,
    note: impl FnOnce(snapshots::Digest, usize) -> Note,
) -> anyhow::Result<Report> {
    let back = desk.files.plan_back(links, wanted.merge, begun, desk.objects).context("cannot prepare the undo")?;
    if wanted.how == How::Dry {
        return Ok(report(&back, &[], format!("would revert {title}")));
    }
    let changes = desk.objects.keep_changes(&back.changes).context("cannot prepare the undo")?;
    // First: whoever is cut short half-way finishes by the same command, which then knows what was done already.
    desk.session.note(&Note::UndoStarts { changes }).context("nothing was changed: cannot write the session file")?;
    let taken = desk.files.take_back(&back, desk.progress);
    let stayed = taken.map_err(|error| anyhow!("nothing was changed: {error}"))?;
    desk.session
        .note(&note(changes, back.changes.len()))
        .context("done, but it could not be recorded in the session")?;
    Ok(report(&back, &stayed, format!("reverted {title}")))
}

/// A line on the terminal that goes away again, for whoever waits for thousands of files.
struct Progress {
    shown: Instant,
    is_terminal: bool,
}

impl Progress {
    /// Between two lines; an undo that takes no longer shows none.
    const PAUSE: Duration = Duration::from_millis(500);

    fn new() -> Progress {
        Progress { shown: Instant::now(), is_terminal: out::stderr_is_terminal() }
    }

    fn show(&mut self, done: usize, total: usize) {
        if self.is_terminal && Progress::PAUSE < self.shown.elapsed() {
            self.shown = Instant::now();
            // What cannot be shown is no reason to stop half-way.
            let _ = write!(out::stderr(), "\r{done} of {total} paths\x1b[K");
        }
    }

    fn clear(&self) {
        if self.is_terminal {
            let _ = write!(out::stderr(), "\r\x1b[K");
        }
    }
}

fn gone(lost: snapshots::Lost) -> anyhow::Error {
    let hint = "snapshots are kept for 30 days after last use, up to 4 GB in total";
    Hinted::new(Exit::Failed, format!("cannot determine what the session changed: {lost}"), Some(hint.to_owned()))
        .into()
}

fn numbers(links: &[Link]) -> Vec<usize> {
    let mut numbers: Vec<usize> = links.iter().map(|link| link.record).collect();
    numbers.dedup();
    numbers
}

/// A file that the human names from `here`, as it is named from the workspace root. Both are without links.
pub(crate) fn inside(workspace: &Path, here: &Path, file: &Path) -> anyhow::Result<PathBuf> {
    let mut full = PathBuf::new();
    for component in here.join(file).components() {
        match component {
            Component::CurDir => (),
            Component::ParentDir => _ = full.pop(),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => full.push(component),
        }
    }
    let inside = full.strip_prefix(workspace).map(Path::to_path_buf);
    inside
        .map_err(|_| anyhow!("`{}` is not in the session's workspace", file.display()))
        .hint(format!("pass a file below {}", workspace.display()))
}

fn report(back: &TakeBack, stayed: &[PathBuf], title: String) -> Report {
    let mut report = Report { title, done: Vec::new(), left: Vec::new(), changes: back.changes.clone() };
    for planned in &back.plan {
        match planned {
            Planned::Restore(change) if stayed.contains(&change.path) => {
                report.left.push((change.path.clone(), "the directory holds other files"));
            }
            Planned::Restore(change) => {
                let mut path = change.path.clone();
                if matches!(change.after.as_ref().or(change.before.as_ref()), Some(FileState::Dir)) {
                    path.push("");
                }
                report.done.push((if change.after.is_some() { "restored" } else { "removed" }, path));
            }
            Planned::Merge { path, .. } => report.done.push(("merged", path.clone())),
            Planned::Already(_) => (),
            Planned::Left { path, why, .. } => report.left.push((path.clone(), why)),
        }
    }
    report
}

impl Report {
    /// A line for each path.
    pub(crate) fn render(&self) -> String {
        let mut shown = format!("{}:\n", self.title);
        for (word, path) in &self.done {
            shown.push_str(&format!("  {word:<8} {}\n", harmless(&path.to_string_lossy())));
        }
        for (path, why) in &self.left {
            shown.push_str(&format!("  skipped  {}: {why}\n", harmless(&path.to_string_lossy())));
        }
        if self.done.is_empty() && self.left.is_empty() {
            shown.push_str("  nothing to do: the files are already in that state\n");
        }
        shown
    }
}

/// `/undo` (or, without `wanted`, `/redo`) in a conversation that goes on: what to show, and what to tell the model with
/// the next message.
pub(crate) fn in_conversation(
    watched: &Watched,
    session: &mut SessionFile,
    wanted: Option<&Wanted>,
) -> anyhow::Result<(Report, String)> {
    let history = past::history(&Session::read(session.path())?);
    if history.is_empty() {
        return Err(anyhow!("this session has changed no files yet"));
    }
    let report = watched.with_objects(|files, objects| {
        let desk = Desk { files, objects, session, progress: &mut |_, _| () };
        match wanted {
            Some(wanted) => take_back(desk, &history, wanted),
            None => bring_back(desk, &history, How::Really),
        }
    });
    let report = report.context("there are no snapshots to restore from")??;
    watched.changed_too(&report.changes);
    let told = for_the_model(&report);
    Ok((report, told))
}

/// What the model is told with the next message of a conversation that goes on. Empty where nothing was changed.
fn for_the_model(report: &Report) -> String {
    if report.done.is_empty() {
        return String::new();
    }
    let most = 50;
    let mut text = format!("The user {} of this session. The files are now:\n", report.title);
    for (word, path) in report.done.iter().take(most) {
        text.push_str(&format!("- {word} `{}`\n", path.display()));
    }
    if most < report.done.len() {
        text.push_str(&format!("- and {} more\n", report.done.len() - most));
    }
    text.push_str("Read a file again before you edit it, and do not make these changes again unless asked.");
    text
}

fn print(report: &Report, hint: &str) -> anyhow::Result<Exit> {
    out::stdout().write_all(report.render().as_bytes())?;
    if report.left.is_empty() {
        return Ok(Exit::Finished);
    }
    writeln!(out::stderr(), "hint: {hint}")?;
    Ok(Exit::Failed)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_file_is_named_in_any_way() {
        let check = |file: &str, expected: Option<&str>| {
            let named = inside(Path::new("/w"), Path::new("/w/src"), Path::new(file)).ok();
            assert_eq!(named.as_deref(), expected.map(Path::new), "{file}");
        };
        check("a.py", Some("src/a.py"));
        check("./a.py", Some("src/a.py"));
        check("../b/./c.py", Some("b/c.py"));
        check("/w/src/a.py", Some("src/a.py"));
        check("/elsewhere/a.py", None);
        check("../../a.py", None);
    }

    #[test]
    fn the_model_is_told_what_is_there_now() {
        let done = vec![("restored", PathBuf::from("a.rs")), ("removed", PathBuf::from("b/"))];
        let mut report = Report { title: "reverted step 3".to_owned(), done, left: Vec::new(), changes: Vec::new() };
        expect![[r#"
            The user reverted step 3 of this session. The files are now:
            - restored `a.rs`
            - removed `b/`
            Read a file again before you edit it, and do not make these changes again unless asked."#]]
        .assert_eq(&for_the_model(&report));
        report.done.clear();
        assert_eq!(for_the_model(&report), "");
    }
}
