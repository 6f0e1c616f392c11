//! Makes paths what they were: all of a set, or none.
//!
//! Nothing is touched before each path was found to be what the plan says; a failure half-way puts back what was done.
//! Each file changes by one rename, so that a SIGKILL leaves it whole, old or new, and the set can be finished by the
//! same plan. Contents reach the disk many at a time, before the first of them gets its name. No link is followed, and
//! git's own files are refused. Of a file with several names (hard links) each name becomes a file by itself.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use agent::SandboxError;
use rustix::fs::{AtFlags, FileType, Mode, Stat};
use rustix::io::Errno;
use snapshots::{Changed, Digest, FileState};

use crate::beneath::{Place, Root, explain};
use crate::git_names::leads_into_git;
use crate::stage::{Staged, free_name, stage_unsynced};
use crate::state::PERMISSIONS;
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

/// Files whose content is written in one go. Each holds two descriptors open, of which a process may have 1,024.
const BATCH: usize = 200;

/// Of a batch, by one thread.
const SYNCED_EACH: usize = 2;

/// A step, what is at its path, and what that holds.
struct Ready<'a> {
    step: Step<'a>,
    old: Option<Stat>,
    content: Vec<u8>,
}

/// What a step did, and what it needs for the way back.
struct Done<'a> {
    step: Step<'a>,
    content: Vec<u8>,
}

/// `progress` is told how many paths are done, and of how many.
pub(crate) fn restore(
    root: &Root,
    set: &[(Changed, Option<Content>)],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<PathBuf>, SandboxError> {
    let mut ready = Vec::new();
    for step in in_order(set) {
        if leads_into_git(step.path) {
            let shown = step.path.display();
            return Err(SandboxError::Blocked(format!("`{shown}` belongs to git; nothing was changed.")));
        }
        let (old, content) = check(root, &step)?;
        ready.push(Ready { step, old, content });
    }
    has_room(root, &ready)?;
    let total = ready.len();
    let mut work = Work { root, done: Vec::new(), stayed: Vec::new(), renamed: HashSet::new() };
    let mut ready = ready.into_iter().peekable();
    while let Some(first) = ready.next() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && batch.last().is_some_and(Ready::is_written)
            && ready.peek().is_some_and(Ready::is_written)
        {
            batch.extend(ready.next());
        }
        if let Err((path, errno)) = work.carry_out(batch) {
            let error = match errno {
                Errno::EXIST | Errno::STALE => SandboxError::Changed(path.to_path_buf()),
                errno => explain(path, errno),
            };
            roll_back(root, work.done)?;
            return Err(error);
        }
        progress(work.done.len() + work.stayed.len(), total);
    }
    Ok(work.stayed)
}

struct Work<'r, 'a> {
    root: &'r Root,
    done: Vec<Done<'a>>,
    /// Directories that are not empty.
    stayed: Vec<PathBuf>,
    /// Files of which we changed a name, by device and inode: their other names (hard links) have another ctime since.
    renamed: HashSet<(u64, u64)>,
}

impl<'a> Work<'_, 'a> {
    fn carry_out(&mut self, batch: Vec<Ready<'a>>) -> Result<(), (&'a Path, Errno)> {
        let mut staged = Vec::new();
        for ready in &batch {
            let path = ready.step.path;
            staged.push(ready.stage(self.root).map_err(|errno| (path, errno))?);
        }
        sync_all(&staged)
            .map_err(|(at, errno)| (batch.get(at).map_or(Path::new(""), |ready| ready.step.path), errno))?;
        for (Ready { step, old, content }, staged) in batch.into_iter().zip(staged) {
            let path = step.path;
            match put(self.root, &step, old.as_ref(), staged, &self.renamed) {
                Ok(()) => self.done.push(Done { step, content }),
                Err(Errno::NOTEMPTY | Errno::EXIST) if is_dir(step.before) => self.stayed.push(path.to_path_buf()),
                Err(errno) => return Err((path, errno)),
            }
            self.renamed.extend(old.filter(|old| 1 < old.st_nlink).map(|old| (old.st_dev, old.st_ino)));
        }
        Ok(())
    }
}

/// On many threads: each fsync(2) ends with a flush of the disk's cache, and the kernel makes one of those that wait for
/// it at the same time. (syncfs(2) would wait for what everybody else has written, too.) The first that fails.
fn sync_all(staged: &[Option<Staged>]) -> Result<(), (usize, Errno)> {
    let numbered: Vec<(usize, &Staged)> =
        staged.iter().enumerate().filter_map(|(at, staged)| Some((at, staged.as_ref()?))).collect();
    let sync = |share: &[(usize, &Staged)]| {
        share.iter().try_for_each(|(at, staged)| staged.sync().map_err(|errno| (*at, errno)))
    };
    if numbered.len() < SYNCED_EACH {
        return sync(&numbered);
    }
    std::thread::scope(|scope| {
        let shares: Vec<_> = numbered.chunks(SYNCED_EACH).map(|share| scope.spawn(move || sync(share))).collect();
        // A thread that panicked synced nothing.
        shares.into_iter().try_for_each(|share| share.join().unwrap_or(Err((0, Errno::IO))))
    })
}

impl Ready<'_> {
    /// Whether a content is to be written for it.
    fn is_written(&self) -> bool {
        matches!(self.step.after, Some(FileState::File { .. })) && !self.step.is_only_mode()
    }

    fn stage(&self, root: &Root) -> Result<Option<Staged>, Errno> {
        let Some(FileState::File { mode, .. }) = self.step.after.filter(|_| self.is_written()) else { return Ok(None) };
        let place = root.place_walked(self.step.path)?;
        let staged = stage_unsynced(Undo::default().make_dirs(&place)?, self.step.content)?;
        staged.dress(self.old.as_ref(), None)?;
        staged.set_all_bits(*mode)?;
        Ok(Some(staged))
    }
}

impl Step<'_> {
    /// Whether the content is right already. Then the file stays the one that it is, with all its names.
    fn is_only_mode(&self) -> bool {
        let digest = |state: Option<&FileState>| state.and_then(FileState::digest);
        digest(self.before).is_some_and(|before| digest(self.after) == Some(before))
    }
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
            Digest::of(&content) == *digest && stat.st_mode & PERMISSIONS == *mode
        }
        (Some(FileState::Special { mode }), Some((_, stat)), Some(_)) => stat.st_mode == *mode,
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

fn has_room(root: &Root, ready: &[Ready<'_>]) -> Result<(), SandboxError> {
    let needed: u64 = ready.iter().map(|ready| ready.step.content.len() as u64).sum();
    let io = |errno: Errno| SandboxError::Io { path: root.real().to_path_buf(), source: errno.into() };
    let dir =
        root.open_walked_dir(Path::new("")).map_err(|source| SandboxError::Io { path: root.real().into(), source })?;
    let disk = rustix::fs::fstatvfs(dir).map_err(io)?;
    match disk.f_bavail.saturating_mul(disk.f_frsize) < needed {
        true => Err(io(Errno::NOSPC)),
        false => Ok(()),
    }
}

fn put(
    root: &Root,
    step: &Step<'_>,
    old: Option<&Stat>,
    staged: Option<Staged>,
    renamed: &HashSet<(u64, u64)>,
) -> Result<(), Errno> {
    let place = root.place_walked(step.path)?;
    // The last look before the name changes; what is left is the time of one system call.
    if !is_dir(step.before) && !is_still(old, stat_name(&place).ok(), renamed) {
        return Err(Errno::STALE);
    }
    let name = &place.name;
    match (step.before, step.after, staged) {
        (Some(FileState::Dir), _, _) => rustix::fs::unlinkat(&place.dir, name, AtFlags::REMOVEDIR),
        (_, None, _) => rustix::fs::unlinkat(&place.dir, name, AtFlags::empty()),
        (_, Some(FileState::Dir), _) => {
            let dir = Undo::default().make_dirs(&place)?;
            rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(0o777))
        }
        (_, Some(FileState::Link { target }), _) => {
            make(&place, old.is_some(), |dir, name| rustix::fs::symlinkat(target, dir, name))
        }
        (_, Some(FileState::Special { mode }), _) => make(&place, old.is_some(), |dir, name| {
            // Only a fifo is planned to be made: the others need more than a mode.
            rustix::fs::mknodat(dir, name, FileType::Fifo, Mode::from_raw_mode(*mode), 0)
        }),
        (_, Some(FileState::File { .. }), Some(staged)) if old.is_some() => staged.replace(name).map(drop),
        (_, Some(FileState::File { .. }), Some(staged)) => staged.appear(name).map(drop),
        (_, Some(FileState::File { mode, .. }), None) => {
            rustix::fs::chmodat(&place.dir, name, Mode::from_raw_mode(*mode), AtFlags::empty())
        }
        (_, Some(FileState::Unkept { .. }), _) => Err(Errno::INVAL),
    }
}

/// Whether what has the name is what was found before.
fn is_still(old: Option<&Stat>, now: Option<Stat>, renamed: &HashSet<(u64, u64)>) -> bool {
    let (Some(old), Some(mut now)) = (old, now) else { return old.is_none() && now.is_none() };
    if renamed.contains(&(now.st_dev, now.st_ino)) {
        now.st_ctime_nsec = old.st_ctime_nsec;
    }
    same(Some(old), Some(&now))
}

fn is_dir(state: Option<&FileState>) -> bool {
    state == Some(&FileState::Dir)
}

/// Something that is made under its name, or under another one that then takes its place.
fn make(place: &Place, replaces: bool, make: impl Fn(&OwnedFd, &OsStr) -> Result<(), Errno>) -> Result<(), Errno> {
    let dir = Undo::default().make_dirs(place)?;
    if !replaces {
        return make(&dir, &place.name);
    }
    let ((), own) = free_name(|own| make(&dir, own))?;
    rustix::fs::renameat(&dir, &own, &dir, &place.name)
}

/// The latest first. Goes on after a failure, and says which paths it could not put back.
fn roll_back(root: &Root, done: Vec<Done<'_>>) -> Result<(), SandboxError> {
    let mut lost = Vec::new();
    for Done { step, content } in done.into_iter().rev() {
        let back = Step { path: step.path, before: step.after, after: step.before, content: &content };
        let old = root.find_walked(step.path).ok().map(|(_, stat)| stat);
        let ready = Ready { step: back, old, content: Vec::new() };
        let put_back = ready.stage(root).and_then(|staged| {
            staged.as_ref().map_or(Ok(()), Staged::sync)?;
            put(root, &ready.step, ready.old.as_ref(), staged, &HashSet::new())
        });
        if let Err(errno) = put_back {
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
