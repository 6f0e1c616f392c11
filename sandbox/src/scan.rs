//! Looks at a whole workspace, again and again, and says what changed since the last look.
//!
//! A directory that looks as before has the names it had, so only those are asked for (fstatat, about 1.5 µs each); a
//! file that looks as before has the content it had. Names come from the walk that honours .gitignore, for what is new
//! only. Times decide nothing that could lose a change: what is racy is read again, and the times of files are compared
//! with each other, never with our own clock.

mod rules;

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;
use snapshots::{Changed, FileState, Manifest, Objects, Seen, SeenDir, Stamp};

use crate::beneath::Root;
use crate::clock::Clock;
use crate::ignored::{Before, Rules, walker, walker_since};
use crate::roots::Roots;
use crate::state;

/// There was not enough time to look at everything. What changed is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the workspace is too large to scan in time")]
pub struct Late;

/// Which look of a session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// What is otherwise is nobody's change, and what is ignored by now is forgotten.
    First,
    /// What was not ignored at the last look is looked at again, whatever the rules say by now.
    Next,
}

/// More directories than this are listed in one walk.
const MANY: usize = 64;
struct Scan<'a> {
    roots: &'a Roots,
    root: &'a Root,
    objects: &'a mut Objects,
    until: Instant,
    clock: Clock,
    /// When the last look began; `None`: there was none, and everything is as it was.
    since_ns: Option<i64>,
    rules_changed: bool,
    before: Before,
    /// Directories that were not there: all in them is new, whatever its times, since a rename touches only its top.
    new_dirs: HashSet<PathBuf>,
    changes: BTreeMap<PathBuf, (Option<FileState>, Option<FileState>)>,
}

/// A name that a walk found.
struct Listed {
    path: PathBuf,
    is_dir: bool,
    /// At the last look: then nobody knows whether it was there.
    was_ignored: bool,
}

pub(crate) fn scan(
    roots: &Roots,
    manifest: &mut Manifest,
    objects: &mut Objects,
    look: Look,
    until: Instant,
) -> Result<Vec<Changed>, Late> {
    let root = &roots.workspace;
    if look == Look::First {
        // Older versions followed our own files where the home directory was the workspace.
        manifest.dirs.retain(|path, _| !roots.is_own(&root.real().join(path)));
    }
    // Where it is not said, it is at least as late as the last change that was seen.
    let clock = Clock::of(root, || manifest.latest_change_ns());
    let look = if manifest.dirs.is_empty() { Look::First } else { look };
    let since_ns = (!manifest.dirs.is_empty()).then_some(manifest.looked_ns);
    let before = if look == Look::Next { rules::before(root, manifest, objects) } else { Before::default() };
    let (rules_changed, new_dirs, changes) = (false, HashSet::new(), BTreeMap::new());
    let mut scan = Scan { roots, root, objects, until, clock, since_ns, rules_changed, before, new_dirs, changes };
    if look == Look::First {
        scan.rules_changed = !rules::excludes_are(root, &manifest.excludes);
    }
    let stale = scan.known(&mut manifest.dirs)?;
    let before = (look == Look::Next).then(|| Arc::new(std::mem::take(&mut scan.before)));
    if since_ns.is_none() || scan.rules_changed || MANY < stale.len() {
        let listed = scan.list(Path::new(""), None, before.as_ref())?;
        if look == Look::First {
            let names: HashSet<&Path> = listed.iter().map(|listed| listed.path.as_path()).collect();
            // What .gitignore leaves out by now is looked at no more; it did not change.
            manifest.dirs.retain(|path, dir| {
                dir.entries.retain(|name, _| names.contains(path.join(name).as_path()));
                path.as_os_str().is_empty() || names.contains(path.as_path())
            });
        }
        scan.add(&mut manifest.dirs, listed)?;
    } else {
        for dir in stale {
            let mut listed = scan.list(&dir, Some(1), before.as_ref())?;
            let new = |listed: &&Listed| listed.is_dir && !manifest.dirs.contains_key(&listed.path);
            let below: Vec<PathBuf> = listed.iter().filter(new).map(|listed| listed.path.clone()).collect();
            for path in below {
                listed.extend(scan.list(&path, None, before.as_ref())?);
            }
            scan.add(&mut manifest.dirs, listed)?;
        }
    }
    if look == Look::First {
        manifest.excludes = rules::excludes(root, scan.objects, manifest.dirs.keys());
    }
    manifest.looked_ns = clock.now_ns;
    let changes = scan.changes.into_iter().filter(|(_, (before, after))| before != after);
    Ok(changes.map(|(path, (before, after))| Changed { path, before, after }).collect())
}

/// Drops what the model may not see by now: an older version of ours, or a run with `--show`, has kept it.
pub(crate) fn forget_hidden(roots: &Roots, manifest: &mut Manifest) {
    for (path, dir) in &mut manifest.dirs {
        dir.entries.retain(|name, _| !roots.is_hidden_name(&path.join(name), FileType::RegularFile));
    }
}

/// What became of a directory that does not look as before, or has something that does not.
enum Asked {
    Gone,
    There { stamp: Stamp, doubtful: Vec<OsString> },
}

/// Asks for every name of these directories. Returns those that are to be looked at again.
fn ask(root: &Root, looked_ns: i64, until: Instant, dirs: &[(&Path, &SeenDir)]) -> Result<Vec<(PathBuf, Asked)>, Late> {
    let mut asked = Vec::new();
    for (path, dir) in dirs {
        if until <= Instant::now() {
            return Err(Late);
        }
        let opened = root.open_walked_dir(path).and_then(|open| Ok((rustix::fs::fstat(&open)?, open)));
        let (stat, open) = match opened {
            Ok(opened) => opened,
            Err(error) if Errno::from_io_error(&error).is_some_and(is_gone) => {
                asked.push((path.to_path_buf(), Asked::Gone));
                continue;
            }
            // No right to look, or no descriptor left: nothing is known, so nothing is said.
            Err(_) => continue,
        };
        let stamp = state::stamp(&stat, looked_ns);
        let is_still = |name: &OsStr, seen: &Seen| {
            let stat = rustix::fs::statat(&open, name, AtFlags::SYMLINK_NOFOLLOW);
            stat.is_ok_and(|stat| seen.stamp.is_still(&state::stamp(&stat, looked_ns)))
        };
        let doubtful: Vec<OsString> =
            dir.entries.iter().filter(|(name, seen)| !is_still(name, seen)).map(|(name, _)| name.clone()).collect();
        if !doubtful.is_empty() || !dir.stamp.is_still(&stamp) {
            asked.push((path.to_path_buf(), Asked::There { stamp, doubtful }));
        }
    }
    Ok(asked)
}

/// A small workspace is asked about faster than a thread starts.
fn threads(dirs: usize) -> usize {
    let most = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    most.min(1 + dirs / 100)
}

impl Scan<'_> {
    fn in_time(&self) -> Result<(), Late> {
        if Instant::now() < self.until { Ok(()) } else { Err(Late) }
    }

    fn record(&mut self, path: PathBuf, before: Option<FileState>, after: Option<FileState>) {
        // A file that became a directory is seen twice.
        self.changes.entry(path).and_modify(|change| change.1.clone_from(&after)).or_insert((before, after));
    }

    /// Asks again for every name that is known. Returns the directories whose names may be others by now.
    fn known(&mut self, dirs: &mut BTreeMap<PathBuf, SeenDir>) -> Result<Vec<PathBuf>, Late> {
        let all: Vec<(&Path, &SeenDir)> = dirs.iter().map(|(path, dir)| (path.as_path(), dir)).collect();
        let (root, looked_ns, until) = (self.root, self.clock.now_ns, self.until);
        let share = all.len().div_ceil(threads(all.len())).max(1);
        let asked = std::thread::scope(|scope| {
            let shares: Vec<_> =
                all.chunks(share).map(|dirs| scope.spawn(move || ask(root, looked_ns, until, dirs))).collect();
            shares.into_iter().map(|share| share.join().unwrap_or(Err(Late))).collect::<Result<Vec<_>, Late>>()
        })?;
        let mut stale = Vec::new();
        for (path, asked) in asked.into_iter().flatten() {
            let Asked::There { stamp, doubtful } = asked else {
                self.gone(dirs, path);
                continue;
            };
            let (Some(dir), Ok(open)) = (dirs.get_mut(&path), self.root.open_walked_dir(&path)) else { continue };
            for name in doubtful {
                let Some(seen) = dir.entries.get_mut(&name) else { continue };
                if !self.again(&open, &path, &name, seen) {
                    dir.entries.remove(&name);
                }
            }
            if !dir.stamp.is_still(&stamp) {
                dir.stamp = stamp;
                stale.push(path);
            }
        }
        Ok(stale)
    }

    fn gone(&mut self, dirs: &mut BTreeMap<PathBuf, SeenDir>, path: PathBuf) {
        let Some(dir) = dirs.remove(&path) else { return };
        for (name, seen) in dir.entries {
            let full = path.join(name);
            self.rules_are_others(&full, &seen.state);
            self.record(full, Some(seen.state), None);
        }
        self.record(path, Some(FileState::Dir), None);
    }

    /// Keeps what an ignore file said before, should it be one.
    fn rules_are_others(&mut self, path: &Path, before: &FileState) {
        if !path.file_name().is_some_and(rules::is_rules) {
            return;
        }
        self.rules_changed = true;
        let content = before.digest().and_then(|digest| self.objects.get(&digest).ok());
        // What is not kept is not known, and then no rule of it hides anything.
        self.before.rules.insert(self.root.real().join(path), Some(content.unwrap_or_default()));
    }

    /// Whether it is still there.
    fn again(&mut self, dir: &OwnedFd, path: &Path, name: &OsStr, seen: &mut Seen) -> bool {
        let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(stat),
            Err(errno) if is_gone(errno) => None,
            Err(_) => return true,
        };
        let full = path.join(name);
        let now = stat.and_then(|stat| self.look(dir, &full, name, &stat));
        if now.as_ref().is_none_or(|now| now.state != seen.state) {
            self.rules_are_others(&full, &seen.state);
        }
        match now {
            None => {
                self.record(full, Some(seen.state.clone()), None);
                false
            }
            Some(now) => {
                let untouched = Stamp { racy: false, ..seen.stamp } == Stamp { racy: false, ..now.stamp };
                // A content that there was no time for before is kept by now; that is no change.
                if !(untouched && matches!(seen.state, FileState::Unkept { .. })) {
                    self.record(full, Some(seen.state.clone()), Some(now.state.clone()));
                }
                *seen = now;
                true
            }
        }
    }

    /// What is no directory, as it is now.
    fn look(&mut self, dir: &OwnedFd, path: &Path, name: &OsStr, stat: &Stat) -> Option<Seen> {
        match FileType::from_raw_mode(stat.st_mode) {
            // A command may make or delete one: that is said, and its content is not kept.
            FileType::RegularFile if self.roots.is_hidden_name(path, FileType::RegularFile) => {
                Some(Seen { stamp: state::stamp(stat, self.clock.now_ns), state: state::unkept(stat) })
            }
            FileType::RegularFile if self.in_time().is_err() => {
                let stamp = Stamp { racy: true, ..state::stamp(stat, self.clock.now_ns) };
                Some(Seen { stamp, state: state::unkept(stat) })
            }
            FileType::RegularFile => match state::of_file(self.root, path, self.objects) {
                Some((state, stat)) => Some(Seen { stamp: state::stamp(&stat, self.clock.now_ns), state }),
                // It cannot be read, or vanished meanwhile: then the next look misses it.
                None => Some(Seen { stamp: state::stamp(stat, self.clock.now_ns), state: state::unkept(stat) }),
            },
            FileType::Symlink => {
                let state = state::of_link(dir, Path::new(name))?;
                Some(Seen { stamp: state::stamp(stat, self.clock.now_ns), state })
            }
            _ => {
                let state = state::special(stat)?;
                Some(Seen { stamp: state::stamp(stat, self.clock.now_ns), state })
            }
        }
    }

    /// Names below a directory, but for directories that are hidden, as the ignore files let them through: those of now or those of
    /// before.
    fn list(&self, dir: &Path, depth: Option<usize>, before: Option<&Arc<Before>>) -> Result<Vec<Listed>, Late> {
        let start = self.root.real().join(dir);
        if before.is_some_and(|before| before.leaves_out(&start)) {
            return Ok(Vec::new());
        }
        let mut rules = before.map(|before| Rules::before(&start, before));
        let walker = match before {
            Some(before) => walker_since(&start, depth, before),
            None => walker(&start, depth),
        };
        let mut listed = Vec::new();
        for entry in walker.build() {
            self.in_time()?;
            let Ok(entry) = entry else { continue };
            let Ok(path) = entry.path().strip_prefix(self.root.real()) else { continue };
            let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
            let is_hidden_dir = is_dir && self.roots.is_hidden_name(path, FileType::Directory);
            if 0 < entry.depth() && !self.roots.is_own(entry.path()) && !is_hidden_dir {
                let was_ignored = rules.as_mut().is_some_and(|rules| rules.leave_out(entry.path(), is_dir));
                listed.push(Listed { path: path.to_path_buf(), is_dir, was_ignored });
            }
        }
        Ok(listed)
    }

    /// Takes in what is listed and not known.
    fn add(&mut self, dirs: &mut BTreeMap<PathBuf, SeenDir>, listed: Vec<Listed>) -> Result<(), Late> {
        if !dirs.contains_key(Path::new("")) {
            self.add_dir(dirs, Listed { path: PathBuf::new(), is_dir: true, was_ignored: false });
        }
        let mut open: Option<(PathBuf, OwnedFd)> = None;
        for found in listed {
            if found.is_dir {
                if !dirs.contains_key(&found.path) {
                    self.add_dir(dirs, found);
                }
                continue;
            }
            let Listed { path, was_ignored, .. } = found;
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { continue };
            if dirs.get(parent).is_none_or(|dir| dir.entries.contains_key(name)) {
                continue;
            }
            if open.as_ref().is_none_or(|(path, _)| path != parent) {
                open = self.root.open_walked_dir(parent).ok().map(|open| (parent.to_path_buf(), open));
            }
            let Some((_, dir)) = &open else { continue };
            let Ok(stat) = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let Some(seen) = self.look(dir, &path, name, &stat) else { continue };
            if self.is_new(&path, &seen.stamp) {
                // It may have been there, ignored: then nobody knows what it was.
                let before = was_ignored.then(|| state::unkept(&stat));
                self.record(path.clone(), before, Some(seen.state.clone()));
            }
            if let Some(dir) = dirs.get_mut(parent) {
                dir.entries.insert(name.to_owned(), seen);
            }
        }
        Ok(())
    }

    fn add_dir(&mut self, dirs: &mut BTreeMap<PathBuf, SeenDir>, found: Listed) {
        let Listed { path, was_ignored, .. } = found;
        let stat = self.root.open_walked_dir(&path).and_then(|open| Ok(rustix::fs::fstat(&open)?));
        let Ok(stat) = stat else { return };
        let stamp = state::stamp(&stat, self.clock.now_ns);
        if self.is_new(&path, &stamp) {
            self.new_dirs.insert(path.clone());
            if !was_ignored {
                self.record(path.clone(), None, Some(FileState::Dir));
            }
        }
        dirs.insert(path, SeenDir { stamp, entries: BTreeMap::new() });
    }

    /// Whatever makes a name, rename and link included, sets the ctime of what it names: what is older was there, and
    /// ignored.
    fn is_new(&self, path: &Path, stamp: &Stamp) -> bool {
        let in_new = path.parent().is_some_and(|parent| self.new_dirs.contains(parent));
        self.since_ns.is_some_and(|since_ns| in_new || self.clock.may_be_since(since_ns, stamp))
    }
}

fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}

#[cfg(test)]
mod tests;
