//! What a run knows of the user's repositories, on disk while its commands run: if everything is killed at once, the
//! next start of the program finds it, repairs what the commands left, and says so.
//!
//! A folder a session: `lock`, which lives as long as its owner; `running` while commands may run; `journal.json`; and what
//! was moved aside, by number. An ordinary end leaves only the last.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::look::{Found, Look};
use super::{Others, Planted, Repositories, Tree, make_folder};
use crate::fence::policy::AnyPath;
use crate::guarded::{self, Face};
use crate::options::{Access, AddedDir, HostOptions};
use crate::roots::Roots;

const LOCK: &str = "lock";
const RUNNING: &str = "running";
const FACTS: &str = "journal.json";
/// Of a journal that is read back.
const MOST_BYTES: u64 = 64 << 20;

/// As it was when the last command began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    workspace: AnyPath,
    /// By the root that they are in.
    known: Vec<(AnyPath, Vec<(AnyPath, super::What)>)>,
    guarded: Vec<(AnyPath, Face)>,
    aside: Vec<Planted>,
}

#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    lock: Option<File>,
    written: Facts,
    running: bool,
}

/// What a killed run left, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The name of its folder, which is the session's id.
    pub session: String,
    /// What was repaired, in sentences.
    pub repaired: Vec<String>,
    pub planted: Vec<Planted>,
}

impl Journal {
    pub(crate) fn new(folder: PathBuf) -> Journal {
        Journal { folder, lock: None, written: Facts::default(), running: false }
    }

    fn open(&mut self) -> io::Result<()> {
        if self.lock.is_none() {
            make_folder(&self.folder)?;
            let lock = own(&self.folder.join(LOCK))?;
            lock.try_lock()?;
            self.lock = Some(lock);
        }
        Ok(())
    }

    pub(crate) fn begin<'r>(
        &mut self,
        workspace: &Path,
        known: impl Iterator<Item = (&'r Path, &'r Found)>,
        guarded: &[PathBuf],
        aside: &[Planted],
    ) -> io::Result<()> {
        self.open()?;
        let listed = |found: &Found| found.iter().map(|(path, what)| (path.clone().into(), what.clone())).collect();
        self.keep(Facts {
            workspace: workspace.to_path_buf().into(),
            known: known.map(|(root, found)| (root.to_path_buf().into(), listed(found))).collect(),
            guarded: guarded::faces(guarded).into_iter().map(|(path, face)| (path.into(), face)).collect(),
            aside: aside.to_vec(),
        })?;
        if !self.running {
            own(&self.folder.join(RUNNING))?;
            self.running = true;
        }
        Ok(())
    }

    pub(crate) fn checked(&mut self, aside: &[Planted], others: Others) -> io::Result<()> {
        self.keep(Facts { aside: aside.to_vec(), ..self.written.clone() })?;
        if others == Others::None && std::mem::take(&mut self.running) {
            std::fs::remove_file(self.folder.join(RUNNING))?;
        }
        Ok(())
    }

    fn keep(&mut self, facts: Facts) -> io::Result<()> {
        if facts != self.written {
            let new = self.folder.join("journal.new");
            // Without a sync: it is for a killed program, and what the kernel has of it stays.
            serde_json::to_writer(io::BufWriter::new(own(&new)?), &facts)?;
            std::fs::rename(new, self.folder.join(FACTS))?;
            self.written = facts;
        }
        Ok(())
    }

    /// As the last command found them.
    pub(crate) fn restore_guarded(&self) -> Vec<String> {
        guarded::restore(faces(self.written.guarded.clone()))
    }

    /// The folder, and a name in it that is free.
    pub(crate) fn free_place(&mut self) -> io::Result<(&Path, String)> {
        self.open()?;
        let mut free = (1..).map(|number: u64| number.to_string());
        let free = free.find(|name| self.folder.join(name).symlink_metadata().is_err());
        Ok((&self.folder, free.unwrap_or_default()))
    }

    pub(crate) fn end(&mut self) {
        if self.lock.take().is_some() || self.folder.exists() {
            tidy(&self.folder);
            (self.written, self.running) = (Facts::default(), false);
        }
    }
}

fn own(path: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Leaves what was moved aside. The folder goes if that is nothing.
fn tidy(folder: &Path) {
    for name in [RUNNING, FACTS, LOCK] {
        // What cannot be removed is found by the next start, which then finds nothing to repair.
        let _ = std::fs::remove_file(folder.join(name));
    }
    // Fails where something is in it, as it should.
    let _ = std::fs::remove_dir(folder);
}

fn faces(guarded: Vec<(AnyPath, Face)>) -> Vec<(PathBuf, Face)> {
    guarded.into_iter().map(|(path, face)| (path.into(), face)).collect()
}

/// Repairs what killed runs left in `workspace`, or in the git directory that is its own. `folder` holds a folder for each
/// session. A run that lives is passed over.
pub fn recover(folder: &Path, workspace: &Path) -> Vec<Recovered> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (folder, session) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let Ok(lock) = File::options().read(true).open(folder.join(LOCK)) else { continue };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => continue,
        }
        let Some(facts) = read(&folder.join(FACTS)) else { continue };
        if !facts.concerns(workspace) {
            continue;
        }
        let was_running = folder.join(RUNNING).exists();
        let journal = Journal { folder: folder.clone(), lock: Some(lock), written: Facts::default(), running: false };
        let mut repositories = Repositories { journal: Some(journal), ..Repositories::default() };
        repositories
            .aside
            .extend(facts.aside.iter().filter(|planted| planted.kept.symlink_metadata().is_ok()).cloned());
        let repaired = if was_running { facts.repair(&mut repositories) } else { Vec::new() };
        let planted = repositories.aside;
        tidy(&folder);
        if !repaired.is_empty() || !planted.is_empty() {
            all.push(Recovered { session, repaired, planted });
        }
    }
    all
}

fn read(path: &Path) -> Option<Facts> {
    let file = File::open(path).ok()?;
    let meta = file.metadata().ok()?;
    if !meta.is_file() || MOST_BYTES < meta.len() {
        return None;
    }
    serde_json::from_reader(io::BufReader::new(file)).ok()
}

impl Facts {
    fn concerns(&self, workspace: &Path) -> bool {
        let near = |path: &Path| path.starts_with(workspace) || workspace.starts_with(path);
        near(&self.workspace) || self.guarded.iter().any(|(path, _)| path.starts_with(workspace))
    }

    fn repair(self, repositories: &mut Repositories) -> Vec<String> {
        let mut repaired = Vec::new();
        if let Some(roots) = self.roots() {
            repositories.trees = self
                .known
                .iter()
                .map(|(_, known)| Tree {
                    look: Look::default(),
                    known: known.iter().map(|(path, what)| (path.to_path_buf(), what.clone())).collect(),
                })
                .collect();
            repaired = repositories.repair(&roots).sentences;
        }
        repaired.extend(guarded::restore(faces(self.guarded)));
        repaired
    }

    /// The workspace and what was added to it, as far as they are there still.
    fn roots(&self) -> Option<Roots> {
        let (workspace, added) = self.known.split_first()?;
        let mut options = HostOptions::default();
        let added = added.iter().map(|(path, _)| AddedDir { path: path.to_path_buf(), access: Access::Write });
        options.fence.add_dirs.extend(added);
        let all = Roots::open(&workspace.0, &options).ok();
        all.or_else(|| Roots::open(&workspace.0, &HostOptions::default()).ok())
    }
}
