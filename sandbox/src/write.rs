//! Writes all files of one edit, or none. Never a file that changed since the
//! edit was made against it, never through a link that leads out, never git's
//! own files.
//!
//! Every new content is on disk (fsync) before the first name changes; a
//! failure after that puts back what `before` says. A name that is a link
//! inside the workspace keeps being one: its target is written. Other hard
//! links to a replaced file keep the old text. Permission bits stay, owner and
//! group where the kernel lets us; extended attributes do not.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use agent::{Cancel, Change, FileMode, SandboxError};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::beneath::{LastLink, Place, Root, explain, regular};
use crate::git_names::leads_into_git;
use crate::roots::Roots;
use crate::stage::{Staged, stage};
use crate::undo::{Done, Undo};

/// One change, checked against the disk and ready to be made.
struct Checked<'a> {
    change: &'a Change,
    place: Place,
    /// What is there now.
    old: Option<Stat>,
    /// Permission bits that `FileMode` asks for; `None`: the user's default.
    bits: Option<Mode>,
}

pub(crate) fn write(roots: &Roots, changes: &[Change], cancel: &Cancel) -> Result<(), SandboxError> {
    let mut checked: Vec<Checked<'_>> = Vec::new();
    for change in changes {
        let next = check(roots, change)?;
        let same = |other: &&Checked<'_>| other.place.is_same(&next.place);
        if let Some(other) = checked.iter().find(same) {
            let (one, two) = (other.change.path.display(), change.path.display());
            return Err(SandboxError::Blocked(format!(
                "`{one}` and `{two}` are the same file; nothing was written. Change each file once per edit."
            )));
        }
        checked.push(next);
    }
    refuse_repositories(roots, &checked)?;
    if cancel.is_set() {
        return Err(SandboxError::Cancelled);
    }
    let mut undo = Undo::default();
    let result = apply(&checked, &mut undo);
    if result.is_err() {
        undo.roll_back()?;
    }
    result
}

fn check<'a>(roots: &Roots, change: &'a Change) -> Result<Checked<'a>, SandboxError> {
    let root = roots.for_writing(&change.path)?;
    // Deleting a link deletes the link; writing to it writes its target.
    let last = if change.after.is_some() { LastLink::Follow } else { LastLink::Keep };
    let place = root.locate(&change.path, last)?;
    guard(root, change, &place)?;
    let changed = || SandboxError::Changed(change.path.clone());
    let now = stat_name(&place);
    roots.refuse_hidden(root, &place.path(), &change.path, now.as_ref().ok())?;
    let old = match (&change.before, now) {
        (None, Err(Errno::NOENT)) => None,
        (Some(_), Err(Errno::NOENT)) => return Err(changed()),
        (_, Err(errno)) => return Err(explain(&change.path, errno)),
        (before, Ok(stat)) => {
            let file = root.open_file(&change.path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
            let target = regular(&change.path, &file)?;
            if before.as_ref().is_none_or(|before| !holds_exactly(file, before)) {
                return Err(changed());
            }
            writable(&change.path, &place, &target, last)?;
            Some(stat)
        }
    };
    let bits = match &change.mode {
        FileMode::Keep => old.as_ref().map(|stat| Mode::from_raw_mode(stat.st_mode)),
        FileMode::Executable => Some(executable(old.as_ref())),
        FileMode::NotExecutable => Some(base(old.as_ref()) - EXECUTE),
        FileMode::Of(other) => {
            let file = roots.of(other).open_file(other, OFlags::PATH)?;
            Some(Mode::from_raw_mode(regular(other, &file)?.st_mode))
        }
    };
    Ok(Checked { change, place, old, bits })
}

const EXECUTE: Mode = Mode::XUSR.union(Mode::XGRP).union(Mode::XOTH);
/// What open(2) makes of 0666 under the usual umask 022. Only where bits are asked for on a new file.
const PLAIN: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::ROTH);

fn base(old: Option<&Stat>) -> Mode {
    old.map_or(PLAIN, |stat| Mode::from_raw_mode(stat.st_mode))
}

/// Whoever may read it may run it, as `chmod +x` does.
fn executable(old: Option<&Stat>) -> Mode {
    let base = base(old);
    base | Mode::from_raw_mode((base & (Mode::RUSR | Mode::RGRP | Mode::ROTH)).as_raw_mode() >> 2)
}

/// git's files, by the name that was given and by the name it leads to.
fn guard(root: &Root, change: &Change, place: &Place) -> Result<(), SandboxError> {
    let shown = change.path.display();
    let inside = change.path.strip_prefix(root.real()).unwrap_or(&change.path);
    if leads_into_git(inside) || leads_into_git(&place.path()) {
        return Err(SandboxError::Blocked(format!(
            "`{shown}` belongs to git; nothing was written. Use git commands (`git config`, `git add`, ...) with `run_command`."
        )));
    }
    // A bare repository, or the directory that a `.git` file points at, has no telling name.
    let has = |dir: &Path, name: &str| root.stat_walked(&dir.join(name)).is_ok();
    let is_git_dir =
        |dir: &Path| has(dir, "HEAD") && (has(dir, "commondir") || has(dir, "objects") && has(dir, "refs"));
    if let Some(dir) = place.dir_path.ancestors().find(|dir| is_git_dir(dir)) {
        return Err(SandboxError::Blocked(format!(
            "`{shown}` is inside the git directory `{}`; nothing was written. Use git commands with `run_command`.",
            dir.display()
        )));
    }
    Ok(())
}

/// The last piece of a repository is not written, in whatever order they come, in one edit or in several.
fn refuse_repositories(roots: &Roots, checked: &[Checked<'_>]) -> Result<(), SandboxError> {
    let lower = |path: &Path| path.to_string_lossy().to_lowercase();
    let written = || checked.iter().filter(|checked| checked.change.after.is_some());
    let made: HashSet<String> =
        written().flat_map(|checked| checked.place.real().ancestors().map(lower).collect::<Vec<_>>()).collect();
    for checked in written() {
        let root = roots.of(&checked.change.path);
        let is_there = |dir: &Path, name: &str| {
            made.contains(&lower(&root.real().join(dir).join(name))) || root.stat_walked(&dir.join(name)).is_ok()
        };
        let completes = |part: &Path| {
            let name = part.file_name().map(|name| name.to_string_lossy().to_lowercase());
            let (Some(name), Some(dir)) = (name, part.parent()) else { return false };
            let has = |name: &str| is_there(dir, name);
            PIECES.contains(&&*name) && has("HEAD") && (has("commondir") || has("objects") && has("refs"))
        };
        if checked.place.path().ancestors().any(completes) {
            return Err(SandboxError::Blocked(format!(
                "`{}` would make a git repository of its directory; nothing was written. Use another name, or `git init` \
                 with `run_command`.",
                checked.change.path.display()
            )));
        }
    }
    Ok(())
}

/// Names by which git knows a repository (setup.c, `is_git_directory`), in small letters: elsewhere case may not count.
const PIECES: [&str; 4] = ["head", "commondir", "objects", "refs"];

/// rename(2) replaces a read-only file without a word; an editor would not.
fn writable(path: &Path, place: &Place, stat: &Stat, last: LastLink) -> Result<(), SandboxError> {
    let mode = Mode::from_raw_mode(stat.st_mode);
    let is_ours = last == LastLink::Follow;
    if is_ours && !mode.intersects(Mode::WUSR | Mode::WGRP | Mode::WOTH) {
        let bits = mode.as_raw_mode() & 0o777;
        return Err(SandboxError::Blocked(format!(
            "`{}` is read-only (mode {bits:o}); nothing was written. If it should change, `chmod u+w` it first.",
            path.display()
        )));
    }
    if !is_ours {
        return Ok(());
    }
    match rustix::fs::accessat(&place.dir, &place.name, rustix::fs::Access::WRITE_OK, AtFlags::EACCESS) {
        Ok(()) => Ok(()),
        Err(errno) => Err(explain(path, errno)),
    }
}

fn holds_exactly(file: OwnedFd, bytes: &[u8]) -> bool {
    let mut found = Vec::with_capacity(bytes.len().saturating_add(1));
    let read = File::from(file).take(bytes.len() as u64 + 1).read_to_end(&mut found);
    read.is_ok() && found == bytes
}

fn apply(checked: &[Checked<'_>], undo: &mut Undo) -> Result<(), SandboxError> {
    let mut staged = Vec::new();
    for checked in checked {
        staged.push(match &checked.change.after {
            Some(after) => Some(prepare(checked, after, undo)?),
            None => None,
        });
    }
    for (checked, staged) in checked.iter().zip(staged) {
        commit(checked, staged, undo)?;
    }
    Ok(())
}

/// Makes the directories that are missing and puts the content on disk, still without its name.
fn prepare(checked: &Checked<'_>, after: &[u8], undo: &mut Undo) -> Result<Staged, SandboxError> {
    let path = &checked.change.path;
    let dir = undo.make_dirs(&checked.place).map_err(|errno| explain_dir(path, errno))?;
    let staged = stage(dir, after).map_err(|errno| explain_dir(path, errno))?;
    staged.dress(checked.old.as_ref(), checked.bits).map_err(|errno| explain(path, errno))?;
    Ok(staged)
}

fn explain_dir(path: &Path, errno: Errno) -> SandboxError {
    let shown = path.display();
    match errno {
        Errno::ACCESS | Errno::PERM => {
            SandboxError::Blocked(format!("`{shown}`: its directory is not writable; nothing was written."))
        }
        Errno::ROFS => SandboxError::Blocked(format!("`{shown}` is on a read-only file system; nothing was written.")),
        errno => explain(path, errno),
    }
}

fn commit(checked: &Checked<'_>, staged: Option<Staged>, undo: &mut Undo) -> Result<(), SandboxError> {
    let path = &checked.change.path;
    let place = &checked.place;
    let now = if place.missing.is_empty() { stat_name(place).ok() } else { None };
    // The last look before the name changes; what is left is the time of one system call.
    if !same(checked.old.as_ref(), now.as_ref()) {
        return Err(SandboxError::Changed(path.clone()));
    }
    let done = match (staged, &checked.old) {
        (Some(staged), None) => match staged.appear(&place.name) {
            Ok(dir) => Done::Created { dir, name: place.name.clone() },
            Err(Errno::EXIST) => return Err(SandboxError::Changed(path.clone())),
            Err(errno) => return Err(explain_dir(path, errno)),
        },
        (Some(staged), Some(old)) => {
            let dir = staged.replace(&place.name).map_err(|errno| explain_dir(path, errno))?;
            Done::Replaced { dir, name: place.name.clone(), before: before(checked), old: *old }
        }
        (None, Some(old)) => {
            let link = rustix::fs::readlinkat(&place.dir, &place.name, Vec::new()).ok();
            rustix::fs::unlinkat(&place.dir, &place.name, AtFlags::empty())
                .map_err(|errno| explain_dir(path, errno))?;
            let dir = rustix::io::fcntl_dupfd_cloexec(&place.dir, 3).map_err(|errno| explain(path, errno))?;
            Done::Deleted { dir, name: place.name.clone(), before: before(checked), old: *old, link }
        }
        (None, None) => return Ok(()),
    };
    undo.remember(path, done);
    Ok(())
}

fn before(checked: &Checked<'_>) -> Vec<u8> {
    checked.change.before.clone().unwrap_or_default()
}

pub(crate) fn stat_name(place: &Place) -> Result<Stat, Errno> {
    if !place.missing.is_empty() {
        return Err(Errno::NOENT);
    }
    rustix::fs::statat(&place.dir, &place.name, AtFlags::SYMLINK_NOFOLLOW)
}

pub(crate) fn same(old: Option<&Stat>, now: Option<&Stat>) -> bool {
    let face = |stat: &Stat| {
        let kind = FileType::from_raw_mode(stat.st_mode);
        (kind, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime_nsec)
    };
    old.map(face) == now.map(face)
}

#[cfg(test)]
mod tests;
