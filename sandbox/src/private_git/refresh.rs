//! Brings what the user did to the commands' side: commits of another window,
//! a switched branch, a new setting. Where commands changed the same thing,
//! theirs stays until the import has judged it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::private_git::ask::{Asker, quoted};
use crate::private_git::dir::{Mark, Marks};
use crate::private_git::make;
use crate::private_git::plan::{self, Plan};
use crate::private_git::refs::{self, Target};
use crate::private_git::repository::{Repository, changed, inside, is_watched};
use crate::private_git::snapshot::{STASH, Snapshot};
use crate::private_git::states;

const FILE_BYTES: u64 = 512 << 20;

/// What the user's side wins, whatever commands have there: it is kept elsewhere.
#[derive(Default)]
struct Forced {
    refs: BTreeSet<String>,
    views: BTreeSet<PathBuf>,
}

impl Repository {
    /// Before a command, when the last one's work has been imported.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        if self.private_seen.is_none() {
            // What is there has not been judged yet.
            return Ok(());
        }
        let marks = self.real.marks(is_watched);
        let paths = match &self.real_seen {
            Some(seen) => changed(seen, &marks),
            None => marks.keys().cloned().collect(),
        };
        if paths.is_empty() {
            return Ok(());
        }
        self.bring(&paths, &marks, &Forced::default())?;
        self.real_seen = Some(marks);
        Ok(())
    }

    /// After an import that had to leave something as the user has it.
    pub(crate) fn follow(&mut self, plan: &Plan) -> io::Result<()> {
        let refs = plan.refs.iter().filter_map(|change| change.kept_from.clone()).collect();
        let views = self.place.views.iter().map(|view| view.inside.clone()).collect();
        let marks = self.real.marks(is_watched);
        self.bring(&marks.keys().cloned().collect(), &marks, &Forced { refs, views })?;
        self.real_seen = Some(marks);
        Ok(())
    }

    fn bring(&mut self, paths: &BTreeSet<PathBuf>, marks: &Marks, forced: &Forced) -> io::Result<()> {
        let before = self.private.marks(is_watched);
        let real = Snapshot::read(&self.real, &self.place.views);
        let private = Snapshot::read(&self.private, &self.place.views);
        let mut written = self.bring_refs(&real, &private, forced)?;
        for (view, head) in &real.heads {
            let (was, now) = (self.base.snapshot.heads.get(view), private.heads.get(view));
            if now != Some(head) && (now == was || forced.views.contains(view)) {
                let text = match head {
                    Target::Id(id) => format!("{id}\n"),
                    Target::Name(name) => format!("ref: {name}\n"),
                };
                self.private.write(&view.join("HEAD"), text.as_bytes(), 0o644)?;
                written.insert(view.join("HEAD"));
            }
        }
        if real.stash != private.stash && private.stash == self.base.snapshot.stash {
            self.bring_stash(&real)?;
            written.extend([PathBuf::from(STASH), Path::new("logs").join(STASH)]);
        }
        let unchanged = |path: &Path| self.private_seen.as_ref().is_none_or(|seen| seen.get(path) == before.get(path));
        for path in paths.iter().filter(|path| is_plain(path)) {
            let index = path.file_name().is_some_and(|name| name == "index") && self.is_view(path.parent());
            if !index && !unchanged(path) {
                continue;
            }
            match marks.get(path) {
                Some(mark) if mark.is_file() => self.copy(path, marks, mark.permissions())?,
                Some(_) => {}
                // A folder that commands put something into stays.
                None => drop(self.private.remove(path)),
            }
            written.insert(path.clone());
            if index {
                self.keep_index(path.parent().unwrap_or(Path::new("")))?;
            }
        }
        for view in self.place.views.clone() {
            self.base.states.insert(view.inside.clone(), states::read(&self.private, &view.inside).files);
        }
        let after = Snapshot::read(&self.private, &self.place.views);
        self.base.snapshot = plan::settle(&self.base.snapshot, &after, &real);
        self.save()?;
        self.keep_config()?;
        // Whatever else changed there is a command's that runs in the background, and is judged the next time.
        let now = self.private.marks(is_watched);
        let is_file = |path: &PathBuf| now.get(path).or(before.get(path)).is_some_and(Mark::is_file);
        let foreign = changed(&before, &now).iter().any(|path| is_file(path) && !written.contains(path));
        self.private_seen = Some(if foreign { before } else { now });
        Ok(())
    }

    fn is_view(&self, folder: Option<&Path>) -> bool {
        folder.is_some_and(|folder| self.place.views.iter().any(|view| view.inside == folder))
    }

    fn copy(&self, path: &Path, marks: &Marks, mode: u32) -> io::Result<()> {
        let bytes = match self.real.read(path, FILE_BYTES) {
            Ok(bytes) => bytes,
            // The user's git is at work: it will be seen as a change once more.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        self.private.write(path, &bytes, mode)?;
        if let Some((seconds, nanoseconds)) = marks.get(path).map(|mark| mark.modified()) {
            self.private.set_modified(path, seconds, nanoseconds)?;
        }
        Ok(())
    }

    /// Returns what it wrote.
    fn bring_refs(&self, real: &Snapshot, private: &Snapshot, forced: &Forced) -> io::Result<BTreeSet<PathBuf>> {
        let names: BTreeSet<&String> = real.refs.keys().chain(private.refs.keys()).collect();
        let differ = names.into_iter().filter(|name| real.refs.get(*name) != private.refs.get(*name));
        let wanted: Vec<&String> = differ
            .filter(|name| private.refs.get(*name) == self.base.snapshot.refs.get(*name) || forced.refs.contains(*name))
            .collect();
        let mut written: BTreeSet<PathBuf> = wanted.iter().map(PathBuf::from).collect();
        if wanted.is_empty() {
            return Ok(written);
        }
        written.insert(PathBuf::from("packed-refs"));
        let mut all = refs::read(&self.private);
        for name in &wanted {
            all.peeled.remove(*name);
            match real.refs.get(*name) {
                Some(target) => all.refs.insert(String::clone(name), target.clone()),
                None => all.refs.remove(*name),
            };
        }
        // All in one file, and no file of its own that would hide it.
        self.private.write(Path::new("packed-refs"), refs::packed(&all).as_bytes(), 0o644)?;
        for name in wanted {
            match real.refs.get(name) {
                Some(Target::Name(other)) => {
                    self.private.write(Path::new(name), format!("ref: {other}\n").as_bytes(), 0o644)?;
                }
                Some(Target::Id(_)) | None => self.private.remove(Path::new(name))?,
            }
        }
        Ok(written)
    }

    fn bring_stash(&self, real: &Snapshot) -> io::Result<()> {
        let log = Path::new("logs").join(STASH);
        match real.stash.first() {
            Some(newest) => {
                let bytes = self.real.read(&log, FILE_BYTES)?;
                self.private.write(&log, &bytes, 0o644)?;
                self.private.write(Path::new(STASH), format!("{}\n", newest.id).as_bytes(), 0o644)
            }
            None => {
                self.private.remove(Path::new(STASH))?;
                self.private.remove(&log)
            }
        }
    }

    /// A private directory that a command broke, made once more from the user's side. It is emptied and filled behind
    /// the fence, where its files are.
    pub(crate) async fn remake(&mut self, asker: &Asker<'_>) -> io::Result<()> {
        let new = self.folder.join("ask/new");
        if new.exists() {
            fs::remove_dir_all(&new)?;
        }
        let real_seen = self.real.marks(is_watched);
        let refs = make::make(&self.place, &new, &inside(self.number).join("real"), std::iter::empty())?;
        let (from, to) = (quoted(&self.inside().join("ask/new")), quoted(&self.place.dir));
        let script = format!(
            "find {to} -mindepth 1 -maxdepth 1 ! -name modules -exec rm -rf {{}} + ; cp -a {from}/. {to}/ && echo made"
        );
        let said = asker.ask(&script, 1 << 20).await?;
        fs::remove_dir_all(&new)?;
        if !String::from_utf8_lossy(&said).contains("made") {
            return Err(io::Error::other("the private git directory cannot be made again"));
        }
        self.base.snapshot = Snapshot::with(&self.real, &self.place.views, refs);
        for view in self.place.views.clone() {
            self.keep_index(&view.inside)?;
            self.base.states.insert(view.inside.clone(), states::read(&self.real, &view.inside).files);
        }
        self.real_seen = Some(real_seen);
        self.save()?;
        self.keep_config()?;
        self.private_seen = Some(self.private.marks(is_watched));
        Ok(())
    }

    /// Whether the user's directory is still the one that was mounted over: if it is moved, so is our mount.
    pub(crate) fn is_in_place(&self) -> bool {
        self.real.is_at(&self.place.dir)
    }
}

/// A file that is the same on both sides: not refs, which are compared one by one, nor logs, which each side writes,
/// nor what leads to other places.
fn is_plain(path: &Path) -> bool {
    let first = path.iter().next().and_then(|first| first.to_str()).unwrap_or_default();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !["refs", "packed-refs", "logs", "objects", "modules", "gc.pid"].contains(&first)
        && name != "HEAD"
        && !name.ends_with(".sample")
        && !name.starts_with("agent-")
}
