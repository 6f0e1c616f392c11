//! Makes paths what they were: all of a set, or none.
//!
//! Nothing is touched before each path was found to be what the plan says; a failure half-way puts back what was done.
//! Each file changes by one rename, so that a SIGKILL leaves it whole, old or new, and the set can be finished by the
//! same plan. No link is followed, and git's own files are refused.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use agent::SandboxError;
use rustix::fs::{AtFlags, FileType, Mode, Stat};
use rustix::io::Errno;
use snapshots::{Changed, Digest, FileState};

use crate::beneath::{Place, Root, explain};
use crate::git_names::leads_into_git;
use crate::stage::{free_name, stage};
use crate::undo::Undo;
use crate::write::{same, stat_name};

/// What a regular file shall hold.
pub type Content = Vec<u8>;

/// One path from what it is to what it shall be; never from a directory to something else in one go.
struct Step<'a> {
    path: &'a Path,
    before: Option<&'a FileState>,
    after: Option<&'a FileState>,
    content: &'a [u8],
}

/// What a step did, and what it needs for the way back.
struct Done<'a> {
    step: Step<'a>,
    content: Vec<u8>,
}

pub(crate) fn restore(root: &Root, set: &[(Changed, Option<Content>)]) -> Result<Vec<PathBuf>, SandboxError> {
    let mut found = Vec::new();
    let steps = in_order(set);
    for step in &steps {
        if leads_into_git(step.path) {
            let shown = step.path.display();
            return Err(SandboxError::Blocked(format!("`{shown}` belongs to git; nothing was changed.")));
        }
        found.push(check(root, step)?);
    }
    has_room(root, &steps)?;
    let mut done = Vec::new();
    let mut stayed = Vec::new();
    for (step, (old, content)) in steps.into_iter().zip(found) {
        match put(root, &step, old.as_ref()) {
            Ok(()) => done.push(Done { step, content }),
            Err(Errno::NOTEMPTY | Errno::EXIST) if step.before == Some(&FileState::Dir) => {
                stayed.push(step.path.to_path_buf());
            }
            Err(errno) => {
                let error = match errno {
                    Errno::EXIST | Errno::STALE => SandboxError::Changed(step.path.to_path_buf()),
                    errno => explain(step.path, errno),
                };
                roll_back(root, done)?;
                return Err(error);
            }
        }
    }
    Ok(stayed)
}

/// What is written comes before what is removed, so that no content is nowhere; unless a directory and a file take each
/// other's place.
fn in_order(set: &[(Changed, Option<Content>)]) -> Vec<Step<'_>> {
    let is_dir = |state: &Option<FileState>| matches!(state, Some(FileState::Dir));
    let (mut made, mut written, mut removed, mut emptied) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut swapped = false;
    for (Changed { path, before, after }, content) in set {
        let content = content.as_deref().unwrap_or_default();
        let step = |before, after| Step { path, before, after, content };
        let (was_dir, will_be_dir) = (is_dir(before), is_dir(after));
        swapped |= was_dir != will_be_dir && before.is_some() && after.is_some();
        if was_dir && !will_be_dir {
            emptied.push(step(before.as_ref(), None));
        }
        if will_be_dir && !was_dir {
            made.push(step(None, after.as_ref()));
        }
        match (before, after) {
            (Some(_), None | Some(FileState::Dir)) if !was_dir => removed.push(step(before.as_ref(), None)),
            (_, Some(_)) if !will_be_dir => {
                written.push(step(before.as_ref().filter(|_| !was_dir), after.as_ref()));
            }
            (_, _) => (),
        }
    }
    made.sort_by_key(|step| step.path);
    written.sort_by_key(|step| step.path);
    for steps in [&mut removed, &mut emptied] {
        steps.sort_by(|a, b| b.path.cmp(a.path));
    }
    match swapped {
        false => made.into_iter().chain(written).chain(removed).chain(emptied).collect(),
        true => removed.into_iter().chain(emptied).chain(made).chain(written).collect(),
    }
}

/// Whether the path is what the plan says. Returns what it holds.
fn check(root: &Root, step: &Step<'_>) -> Result<(Option<Stat>, Vec<u8>), SandboxError> {
    let changed = || SandboxError::Changed(step.path.to_path_buf());
    let found = match root.find_walked(step.path) {
        Ok(found) => Some(found),
        // Nothing is there, or will be once a file or a link has made room for a directory.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => None,
        Err(errno) => return Err(explain(step.path, errno)),
    };
    let kind = found.as_ref().map(|(_, stat)| FileType::from_raw_mode(stat.st_mode));
    let mut content = Vec::new();
    let holds = match (step.before, &found, kind) {
        (None, None, _) => true,
        // It will have been removed by then.
        (None, Some(_), Some(FileType::Directory)) if step.after.is_some_and(|after| *after != FileState::Dir) => true,
        (None, Some(_), Some(FileType::RegularFile | FileType::Symlink)) if step.after == Some(&FileState::Dir) => true,
        (Some(FileState::Dir), Some(_), Some(FileType::Directory)) => true,
        (Some(FileState::Link { target }), Some((link, _)), Some(FileType::Symlink)) => {
            rustix::fs::readlinkat(link, "", Vec::new()).is_ok_and(|now| now.as_bytes() == target.as_bytes())
        }
        (Some(FileState::File { digest, bytes, mode }), Some((_, stat)), Some(FileType::RegularFile)) => {
            content = whole(root, step.path, *bytes)?;
            Digest::of(&content) == *digest && stat.st_mode & 0o777 == *mode
        }
        (_, _, _) => false,
    };
    let old = found.map(|(_, stat)| stat).filter(|_| step.before.is_some());
    if holds { Ok((old, content)) } else { Err(changed()) }
}

/// At most one byte more than it should have: then it is another file anyway.
fn whole(root: &Root, path: &Path, bytes: u64) -> Result<Vec<u8>, SandboxError> {
    let io = |source| SandboxError::Io { path: path.to_path_buf(), source };
    let mut content = Vec::new();
    File::from(root.open_walked(path).map_err(io)?).take(bytes + 1).read_to_end(&mut content).map_err(io)?;
    Ok(content)
}

fn has_room(root: &Root, steps: &[Step<'_>]) -> Result<(), SandboxError> {
    let needed: u64 = steps.iter().map(|step| step.content.len() as u64).sum();
    let io = |errno: Errno| SandboxError::Io { path: root.real().to_path_buf(), source: errno.into() };
    let dir =
        root.open_walked_dir(Path::new("")).map_err(|source| SandboxError::Io { path: root.real().into(), source })?;
    let disk = rustix::fs::fstatvfs(dir).map_err(io)?;
    match disk.f_bavail.saturating_mul(disk.f_frsize) < needed {
        true => Err(io(Errno::NOSPC)),
        false => Ok(()),
    }
}

fn put(root: &Root, step: &Step<'_>, old: Option<&Stat>) -> Result<(), Errno> {
    let place = root.place_walked(step.path)?;
    // The last look before the name changes; what is left is the time of one system call.
    if !is_dir(step.before) && !same(old, stat_name(&place).ok().as_ref()) {
        return Err(Errno::STALE);
    }
    let name = &place.name;
    match (step.before, step.after) {
        (Some(FileState::Dir), _) => rustix::fs::unlinkat(&place.dir, name, AtFlags::REMOVEDIR),
        (_, None) => rustix::fs::unlinkat(&place.dir, name, AtFlags::empty()),
        (_, Some(FileState::Dir)) => {
            let dir = Undo::default().make_dirs(&place)?;
            rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(0o777))
        }
        (_, Some(FileState::Link { target })) => link(&place, target, old.is_some()),
        (_, Some(FileState::File { mode, .. })) => {
            let staged = stage(Undo::default().make_dirs(&place)?, step.content)?;
            staged.dress(old, Some(Mode::from_raw_mode(*mode)))?;
            let named = if old.is_some() { staged.replace(name) } else { staged.appear(name) };
            named.map(drop)
        }
        (_, Some(FileState::Unkept { .. })) => Err(Errno::INVAL),
    }
}

fn is_dir(state: Option<&FileState>) -> bool {
    state == Some(&FileState::Dir)
}

fn link(place: &Place, target: &OsStr, replaces: bool) -> Result<(), Errno> {
    let dir = Undo::default().make_dirs(place)?;
    if !replaces {
        return rustix::fs::symlinkat(target, dir, &place.name);
    }
    let ((), own) = free_name(|own| rustix::fs::symlinkat(target, &dir, own))?;
    rustix::fs::renameat(&dir, &own, &dir, &place.name)
}

/// The latest first. Goes on after a failure, and says which paths it could not put back.
fn roll_back(root: &Root, done: Vec<Done<'_>>) -> Result<(), SandboxError> {
    let mut lost = Vec::new();
    for Done { step, content } in done.into_iter().rev() {
        let back = Step { path: step.path, before: step.after, after: step.before, content: &content };
        let now = root.find_walked(step.path).ok().map(|(_, stat)| stat);
        if let Err(errno) = put(root, &back, now.as_ref()) {
            lost.push(format!("`{}` ({errno})", step.path.display()));
        }
    }
    if lost.is_empty() {
        return Ok(());
    }
    Err(SandboxError::Blocked(format!(
        "It failed halfway, and these could not be restored: {}. Run the same command again to finish.",
        lost.join(", ")
    )))
}

#[cfg(test)]
mod tests;
