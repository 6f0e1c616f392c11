//! Files in a map and commands answered by a table: for tests of the loop and
//! the tools. The same errors as [`crate::Host`], and no machine.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use agent::{
    Background, Cancel, Change, Effect, Ended, FileMode, Found, Listed, Listing, Observation, Permit, Ran, Sandbox,
    SandboxError,
};
use async_trait::async_trait;
use symbols::{Index, Indexed, Language};

use crate::git_names::leads_into_git;
use crate::glob::Glob;
use crate::map::{draw, parse};
use crate::search::Hunt;

type Commands = Box<dyn Fn(&str, Duration) -> Ran>;

/// A workspace that is not there.
#[derive(Default)]
pub struct Memory {
    files: RefCell<BTreeMap<PathBuf, Vec<u8>>>,
    executable: RefCell<BTreeSet<PathBuf>>,
    commands: Option<Commands>,
    ran: RefCell<Vec<String>>,
    /// Those that were left running, the first with id 1.
    backgrounds: RefCell<Vec<Option<Ended>>>,
}

impl Memory {
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Memory {
        let memory = Memory::default();
        for (path, text) in files {
            memory.put(path, text);
        }
        memory
    }

    /// What commands do. Without it each one exits with 127, as bash does for a program that is not there.
    pub fn on_command(mut self, answer: impl Fn(&str, Duration) -> Ran + 'static) -> Memory {
        self.commands = Some(Box::new(answer));
        self
    }

    /// Writes as somebody else would, past every check.
    pub fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        self.files.borrow_mut().insert(PathBuf::from(path), text.as_ref().to_vec());
    }

    pub fn text(&self, path: &str) -> Option<String> {
        self.files.borrow().get(Path::new(path)).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    pub fn is_executable(&self, path: &str) -> bool {
        self.executable.borrow().contains(Path::new(path))
    }

    /// The paths of all files, sorted.
    pub fn paths(&self) -> Vec<String> {
        self.files.borrow().keys().map(|path| path.display().to_string()).collect()
    }

    /// Each command that was run, in order.
    pub fn commands(&self) -> Vec<String> {
        self.ran.borrow().clone()
    }

    fn act(&self, effect: &Effect, cancel: &Cancel) -> Result<Observation, SandboxError> {
        if cancel.is_set() {
            return Err(SandboxError::Cancelled);
        }
        match effect {
            Effect::Read { path, max_bytes } => self.read(path, *max_bytes).map(Observation::Read),
            Effect::List { path, glob, depth, limit } => {
                self.list(path, glob.as_deref(), *depth, *limit).map(Observation::Listed)
            }
            Effect::Search { pattern, path, glob, context, limit } => {
                let hunt = Hunt::new(pattern, *context, *limit)?;
                self.search(hunt, path, glob.as_deref(), cancel).map(Observation::Found)
            }
            Effect::Map { focus, max_bytes } => {
                Ok(Observation::Mapped(draw(&self.symbols(cancel), focus.as_deref(), *max_bytes, 0)))
            }
            Effect::Write { changes } => self.write(changes).map(|()| Observation::Written),
            Effect::Run { command, timeout } => {
                self.ran.borrow_mut().push(command.clone());
                let answer = self.commands.as_ref().map(|answer| answer(command, *timeout));
                Ok(Observation::Ran(answer.unwrap_or_else(|| ran(127, "bash: command not found\n"))))
            }
            Effect::Start { command } => {
                self.ran.borrow_mut().push(command.clone());
                let answer = self.commands.as_ref().map(|answer| answer(command, Duration::MAX));
                // Without an answer there is no such program.
                let ended = if answer.is_some() { None } else { Some(Ended::Exited(127)) };
                let mut backgrounds = self.backgrounds.borrow_mut();
                backgrounds.push(ended);
                let id = u32::try_from(backgrounds.len()).unwrap_or(u32::MAX);
                Ok(Observation::Started(background(id, ended, answer.map(|ran| ran.output))))
            }
            Effect::ReadOutput { id, .. } => self.background(*id, |ended| ended).map(Observation::Output),
            Effect::Stop { id } => {
                self.background(*id, |ended| ended.or(Some(Ended::Stopped))).map(Observation::Stopped)
            }
        }
    }

    fn background(&self, id: u32, next: impl Fn(Option<Ended>) -> Option<Ended>) -> Result<Background, SandboxError> {
        let mut backgrounds = self.backgrounds.borrow_mut();
        let index = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        let ended = index.and_then(|index| backgrounds.get_mut(index)).ok_or(SandboxError::NoSuchCommand(id))?;
        *ended = next(*ended);
        Ok(background(id, *ended, None))
    }

    fn read(&self, path: &Path, max_bytes: u64) -> Result<Vec<u8>, SandboxError> {
        let inside = inside(path)?;
        let files = self.files.borrow();
        let Some(bytes) = files.get(&inside) else {
            let is_dir = inside.as_os_str().is_empty() || files.keys().any(|file| file.starts_with(&inside));
            let path = path.to_path_buf();
            return Err(if is_dir { SandboxError::IsDirectory(path) } else { SandboxError::NotFound(path) });
        };
        let length = bytes.len() as u64;
        if max_bytes < length {
            return Err(SandboxError::TooLarge { path: path.to_path_buf(), bytes: length, max_bytes });
        }
        Ok(bytes.clone())
    }

    fn list(
        &self,
        path: &Path,
        glob: Option<&str>,
        depth: Option<usize>,
        limit: usize,
    ) -> Result<Listing, SandboxError> {
        let start = inside(path)?;
        let glob = Glob::new(glob)?;
        let files = self.files.borrow();
        let mut all: BTreeMap<PathBuf, (&str, u64)> = BTreeMap::new();
        for (file, bytes) in files.iter().filter(|(file, _)| file.starts_with(&start)) {
            let below = file.strip_prefix(&start).unwrap_or(file);
            let deepest = depth.unwrap_or(usize::MAX);
            if below.components().count() <= deepest {
                all.insert(file.clone(), ("", bytes.len() as u64));
            }
            if depth.is_some() {
                for dir in below.ancestors().skip(1).filter(|dir| (1..=deepest).contains(&dir.components().count())) {
                    all.insert(start.join(dir), ("/", 0));
                }
            }
        }
        if all.is_empty() && !start.as_os_str().is_empty() && !files.keys().any(|file| file.starts_with(&start)) {
            return Err(SandboxError::NotFound(path.to_path_buf()));
        }
        let mut listing = Listing::default();
        for (path, (mark, bytes)) in all {
            if !glob.takes(&path, path.strip_prefix(&start).unwrap_or(&path)) {
                continue;
            }
            if listing.entries.len() < limit {
                listing.entries.push(Listed { path: format!("{}{mark}", path.display()), bytes });
            } else {
                listing.left_out += 1;
            }
        }
        Ok(listing)
    }

    fn search(&self, mut hunt: Hunt, path: &Path, glob: Option<&str>, cancel: &Cancel) -> Result<Found, SandboxError> {
        let start = inside(path)?;
        let glob = Glob::new(glob)?;
        for (path, bytes) in self.files.borrow().iter().filter(|(path, _)| path.starts_with(&start)) {
            if glob.takes(path, path.strip_prefix(&start).unwrap_or(path)) {
                hunt.look_into(path, bytes.as_slice(), cancel);
            }
        }
        Ok(hunt.found)
    }

    fn symbols(&self, cancel: &Cancel) -> Index {
        let files = self.files.borrow();
        let known = files.iter().filter_map(|(path, bytes)| {
            let path = path.to_str()?;
            let source = parse(Language::of(path)?, bytes, cancel)?;
            Some((path.to_owned(), Indexed { mark: None, source }))
        });
        Index(known.collect())
    }

    fn write(&self, changes: &[Change]) -> Result<(), SandboxError> {
        for change in changes {
            let path = inside(&change.path)?;
            if leads_into_git(&path) {
                let shown = change.path.display();
                return Err(SandboxError::Blocked(format!("`{shown}` belongs to git; nothing was written.")));
            }
            if self.files.borrow().get(&path) != change.before.as_ref() {
                return Err(SandboxError::Changed(change.path.clone()));
            }
        }
        for change in changes {
            let path = inside(&change.path)?;
            let executable = match &change.mode {
                FileMode::Keep => self.executable.borrow().contains(&path),
                FileMode::Executable => true,
                FileMode::NotExecutable => false,
                FileMode::Of(other) => self.executable.borrow().contains(&inside(other)?),
            };
            match &change.after {
                Some(after) => self.files.borrow_mut().insert(path.clone(), after.clone()),
                None => self.files.borrow_mut().remove(&path),
            };
            if executable && change.after.is_some() {
                self.executable.borrow_mut().insert(path);
            } else {
                self.executable.borrow_mut().remove(&path);
            }
        }
        Ok(())
    }
}

/// A command that ended by itself, for [`Memory::on_command`].
pub fn ran(code: i32, output: &str) -> Ran {
    Ran {
        ended: Ended::Exited(code),
        output: output.to_string(),
        total_bytes: output.len() as u64,
        full_output: None,
        notes: Vec::new(),
    }
}

fn background(id: u32, ended: Option<Ended>, output: Option<String>) -> Background {
    Background { id, ended, ran_for: Duration::ZERO, output: output.unwrap_or_default(), notes: Vec::new() }
}

/// `path` from the root. There are no links here, so names are enough.
fn inside(path: &Path) -> Result<PathBuf, SandboxError> {
    let mut parts: Vec<OsString> = Vec::new();
    for part in path.components() {
        let stays = match part {
            Component::Normal(name) => {
                parts.push(name.to_os_string());
                true
            }
            Component::CurDir => true,
            Component::ParentDir => parts.pop().is_some(),
            Component::RootDir | Component::Prefix(_) => false,
        };
        if !stays {
            return Err(SandboxError::Outside(path.to_path_buf()));
        }
    }
    Ok(parts.iter().collect())
}

#[async_trait(?Send)]
impl Sandbox for Memory {
    async fn perform(&self, permit: Permit, cancel: &Cancel) -> Result<Observation, SandboxError> {
        self.act(permit.effect(), cancel)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("paths", &self.paths()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
