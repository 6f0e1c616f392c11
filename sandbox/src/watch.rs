//! Follows what a session does to the workspace, so that each step can be taken back: looks before and after each
//! command, and knows before a write what it will leave. What changes in between is somebody else's.
//!
//! Never in the way: what cannot be kept is said once, and the run goes on.

use std::path::Path;
use std::time::{Duration, Instant};

use agent::Change;
use snapshots::{Changed, FileState, Manifest, Note, Objects, Unkept};

use crate::files::Files;
use crate::scan::{Late, Look};

/// One look, the first one with its reading included.
const LOOK: Duration = Duration::from_secs(5);
/// A disk with less room, in bytes.
const FULL: u64 = 1 << 20;
/// Set-user-ID and set-group-ID (inode(7)).
const SET_IDS: u32 = 0o6000;

#[derive(Debug)]
pub struct Watch {
    files: Files,
    objects: Objects,
    /// `None` before the first command.
    manifest: Option<Manifest>,
    /// Whether the last look before a command was had: without it, what is new after the command is nobody's.
    looked: bool,
    given_up: bool,
    /// For the human; each is said once.
    notices: Vec<String>,
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    All,
    Not,
}

fn is_full(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < FULL)
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Late(#[from] Late),
    #[error(transparent)]
    Unkept(#[from] Unkept),
}

impl Watch {
    pub fn new(files: Files, objects: Objects) -> Watch {
        Watch { files, objects, manifest: None, looked: false, given_up: false, notices: Vec::new() }
    }

    pub fn objects(&mut self) -> &mut Objects {
        &mut self.objects
    }

    pub fn files(&self) -> &Files {
        &self.files
    }

    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// What the session file is told before a command runs.
    pub fn before_run(&mut self) -> Vec<Note> {
        self.unless_given_up(|watch| {
            let look = if watch.manifest.is_none() { Look::First } else { Look::Next };
            let latest = || {
                let mut manifest = watch.objects.latest_manifest().unwrap_or_default();
                watch.files.forget_hidden(&mut manifest);
                manifest
            };
            let mut manifest = watch.manifest.take().unwrap_or_else(latest);
            let scanned = watch.files.scan(&mut manifest, &mut watch.objects, look, Instant::now() + LOOK);
            let changes = scanned?;
            let note = match (look == Look::First, changes.as_slice()) {
                (true, _) => {
                    watch.say_what_is_left_out(&manifest);
                    Some(Note::Base { manifest: watch.objects.keep_manifest(&manifest)? })
                }
                (false, []) => None,
                (false, changes) => {
                    Some(Note::Outside { changes: watch.objects.keep_changes(changes)?, files: changes.len() })
                }
            };
            watch.manifest = Some(manifest);
            watch.looked = true;
            watch.objects.hold_reserve();
            Ok(note.into_iter().chain([Note::Running]).collect())
        })
    }

    /// What it changed. Whatever became of the command.
    pub fn after_run(&mut self) -> (Vec<Note>, Vec<Changed>) {
        let mut changed = Vec::new();
        let notes = self.unless_given_up(|watch| {
            let Some(manifest) = watch.manifest.as_mut().filter(|_| watch.looked) else { return Ok(Vec::new()) };
            // The session file needs room too, and it writes its lines by itself.
            if is_full(watch.objects.folder()) {
                watch.objects.release_reserve();
            }
            changed = watch.files.scan(manifest, &mut watch.objects, Look::Next, Instant::now() + LOOK)?;
            watch.name_set_user_ids(&changed);
            watch.looked = false;
            if changed.is_empty() {
                return Ok(vec![Note::RanIdle]);
            }
            watch.note(&changed, |changes, files| Note::Ran { changes, files })
        });
        (notes, changed)
    }

    /// What a write is about to leave. The record is kept before the write begins, so that a set that a crash cut short
    /// can be taken back whole.
    pub fn before_write(&mut self, changes: &[Change]) -> (Vec<Note>, Vec<Changed>) {
        let mut foreseen = Vec::new();
        let notes = self.unless_given_up(|watch| {
            foreseen = watch.files.foresee(changes, &mut watch.objects);
            watch.note(&foreseen, |changes, files| Note::Writing { changes, files })
        });
        (notes, foreseen)
    }

    /// What it left: as foreseen, with another mode, or nothing where it failed.
    pub fn after_write(&mut self, foreseen: Vec<Changed>, written: Written) -> (Vec<Note>, Vec<Changed>) {
        let mut changed = Vec::new();
        let notes = self.unless_given_up(|watch| match (written, foreseen.is_empty()) {
            (_, true) => Ok(Vec::new()),
            (Written::Not, false) => Ok(vec![Note::NotWritten]),
            (Written::All, false) => {
                changed = watch.files.settle(&foreseen, &mut watch.objects);
                if let Some(manifest) = &mut watch.manifest {
                    manifest.apply(&changed);
                }
                match changed == foreseen {
                    true => Ok(Vec::new()),
                    false => watch.note(&changed, |changes, files| Note::Wrote { changes, files }),
                }
            }
        });
        (notes, changed)
    }

    fn note(
        &mut self,
        changes: &[Changed],
        note: impl FnOnce(snapshots::Digest, usize) -> Note,
    ) -> Result<Vec<Note>, Trouble> {
        match changes.len() {
            0 => Ok(Vec::new()),
            files => Ok(vec![note(self.objects.keep_changes(changes)?, files)]),
        }
    }

    /// Such a file gives everyone who starts it the rights of its owner, outside of the sandbox too.
    fn name_set_user_ids(&mut self, changed: &[Changed]) {
        let is_set = |state: &Option<FileState>| match state {
            Some(FileState::File { mode, .. } | FileState::Unkept { mode, .. }) => mode & SET_IDS != 0,
            Some(FileState::Link { .. } | FileState::Special { .. } | FileState::Dir) | None => false,
        };
        for change in changed.iter().filter(|change| is_set(&change.after) && !is_set(&change.before)) {
            let path = change.path.display();
            self.notices.push(format!(
                "a command made {path} a set-user-ID or set-group-ID file: whoever starts it gets its owner's rights"
            ));
        }
    }

    fn unless_given_up(&mut self, work: impl FnOnce(&mut Watch) -> Result<Vec<Note>, Trouble>) -> Vec<Note> {
        if self.given_up {
            return Vec::new();
        }
        match work(self) {
            Ok(notes) => notes,
            Err(trouble) => {
                self.given_up = true;
                self.notices.push(match self.looked {
                    // The command has no end in the session file: what differs is looked at by the next undo.
                    true => format!("`agent undo` counts all changes from this command on as one step: {trouble}"),
                    false => format!("`agent undo` cannot revert anything from here on: {trouble}"),
                });
                Vec::new()
            }
        }
    }

    fn say_what_is_left_out(&mut self, manifest: &Manifest) {
        let unkept = manifest.states().filter(|(_, state)| matches!(state, FileState::Unkept { .. }));
        // What is hidden is hidden on purpose.
        let unkept = unkept.filter(|(path, _)| !self.files.is_hidden(path));
        let mut paths = unkept.map(|(path, _)| path);
        let Some(first) = paths.next() else { return };
        let more = match paths.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        self.notices.push(format!(
            "`agent undo` will not cover {}{more}: over {} MB, unreadable, or no space or time; nor ignored files",
            first.display(),
            crate::state::LARGEST_KEPT >> 20
        ));
    }
}
