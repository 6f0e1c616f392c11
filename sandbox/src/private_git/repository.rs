//! One repository with its two sides: the user's git directory, and the
//! private one that commands have in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::private_git::dir::{Dir, Marks};
use crate::private_git::journal::{self, Base, Journal};
use crate::private_git::layout::Place;
use crate::private_git::make;
use crate::private_git::plan::Left;
use crate::private_git::snapshot::Snapshot;
use crate::private_git::states;
use crate::private_git::words::{Moved, Private};

/// Where commands see the real directory, and what we ask.
pub(crate) const INSIDE: &str = "/run/agent-git";

const CONFIG_BYTES: u64 = 4 << 20;

#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) place: Place,
    /// In the state folder: `git` (mounted over the real one), `ask` (mounted read-only), and what we remember.
    pub(crate) folder: PathBuf,
    pub(crate) number: usize,
    pub(crate) private: Dir,
    pub(crate) real: Dir,
    pub(crate) base: Base,
    /// As both were when they were last looked at. `None`: not yet.
    pub(crate) private_seen: Option<Marks>,
    pub(crate) real_seen: Option<Marks>,
    /// What has been said already of refs that stay.
    pub(crate) said: BTreeSet<Left>,
    pub(crate) moved: Moved,
    pub(crate) stayed: Private,
}

impl Repository {
    /// `inner`: git directories that are mounted in this one.
    pub(crate) fn make(place: Place, folder: PathBuf, number: usize, inner: &[PathBuf]) -> io::Result<Repository> {
        fs::create_dir(&folder)?;
        fs::create_dir(folder.join("ask"))?;
        let git = folder.join("git");
        let real = Dir::open(&place.dir)?;
        // Before anything is read: what changes from here on is seen as a change.
        let real_seen = Some(real.marks(is_watched));
        let refs = make::make(&place, &git, &inside(number).join("real"), inner.iter().map(PathBuf::as_path))?;
        let private = Dir::open(&git)?;
        let views = place.views.clone();
        let mut base = Base { dir: place.dir.clone(), views, ..Base::default() };
        base.snapshot = Snapshot::with(&private, &place.views, refs);
        for view in &place.views {
            base.states.insert(view.inside.clone(), states::read(&private, &view.inside).files);
        }
        let private_seen = Some(private.marks(is_watched));
        let made =
            Repository { private_seen, real_seen, ..Repository::new(place, folder, number, private, real, base) };
        for view in made.place.views.clone() {
            made.keep_index(&view.inside)?;
        }
        made.keep_config()?;
        made.save()?;
        Ok(made)
    }

    /// Of a run that was killed.
    pub(crate) fn adopt(folder: PathBuf, number: usize) -> io::Result<Repository> {
        let base: Base = journal::read(&folder.join("base.json"))?;
        Journal::release(&folder.join("journal.json"));
        let (private, real) = (Dir::open(&folder.join("git"))?, Dir::open(&base.dir)?);
        let place = Place { dir: base.dir.clone(), views: base.views.clone() };
        Ok(Repository::new(place, folder, number, private, real, base))
    }

    fn new(place: Place, folder: PathBuf, number: usize, private: Dir, real: Dir, base: Base) -> Repository {
        let (said, moved, stayed) = (BTreeSet::new(), Moved::default(), Private::new());
        Repository {
            place,
            folder,
            number,
            private,
            real,
            base,
            private_seen: None,
            real_seen: None,
            said,
            moved,
            stayed,
        }
    }

    pub(crate) fn save(&self) -> io::Result<()> {
        journal::write(&self.folder.join("base.json"), &self.base)
    }

    /// The user's index as both sides have it now: what is staged later is compared with it. Its listing is made when
    /// it is first needed.
    pub(crate) fn keep_index(&self, view: &Path) -> io::Result<()> {
        match fs::copy(self.place.dir.join(view).join("index"), self.kept_index(view)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => Journal::remove(&self.kept_index(view))?,
            Err(error) => return Err(error),
        }
        Journal::remove(&self.kept_listing(view))
    }

    /// The settings as the user has them: what a command sets is compared with these.
    pub(crate) fn keep_config(&self) -> io::Result<()> {
        let config = self.real.read(Path::new("config"), CONFIG_BYTES).unwrap_or_default();
        fs::write(self.folder.join("ask/config"), config)
    }

    pub(crate) fn kept_index(&self, view: &Path) -> PathBuf {
        self.folder.join(format!("index-{}", self.view_number(view)))
    }

    pub(crate) fn kept_listing(&self, view: &Path) -> PathBuf {
        self.folder.join(format!("staged-{}", self.view_number(view)))
    }

    fn view_number(&self, view: &Path) -> usize {
        self.place.views.iter().position(|other| other.inside == view).unwrap_or(usize::MAX)
    }

    pub(crate) fn inside(&self) -> PathBuf {
        inside(self.number)
    }

    /// How a person names it.
    pub(crate) fn shown(&self, workspace: &Path) -> String {
        self.place.dir.strip_prefix(workspace).unwrap_or(&self.place.dir).display().to_string()
    }
}

pub(crate) fn inside(number: usize) -> PathBuf {
    Path::new(INSIDE).join(number.to_string())
}

/// Objects are data whatever they are, `modules` are repositories of their own, and of the logs only a few are copied.
pub(crate) fn is_watched(path: &Path) -> bool {
    let Some(first) = path.iter().next().and_then(|first| first.to_str()) else { return true };
    match first {
        "objects" => path.iter().count() == 1 || path.starts_with("objects/info"),
        "modules" => path.iter().count() <= 2,
        "lfs" => false,
        "logs" => {
            let shown = ["logs", "logs/HEAD", "logs/refs", "logs/refs/stash"];
            shown.iter().any(|shown| path == Path::new(shown))
        }
        _ => path.extension().is_none_or(|extension| extension != "lock"),
    }
}

/// Paths that differ, whichever side they are on.
pub(crate) fn changed(one: &Marks, other: &Marks) -> BTreeSet<PathBuf> {
    let in_both: BTreeMap<&PathBuf, ()> = one.keys().chain(other.keys()).map(|path| (path, ())).collect();
    in_both.into_keys().filter(|path| one.get(*path) != other.get(*path)).cloned().collect()
}
