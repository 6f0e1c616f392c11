//! Looks at a whole workspace, again and again, and says what changed since the last look.
//!
//! A directory that looks as before has the names it had, so only those are asked for (fstatat, about 1.5 µs each); a
//! file that looks as before has the content it had. Names come from the walk that honours .gitignore, for what is new
//! only. Times decide nothing that could lose a change: what is racy is read again.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ignore::WalkBuilder;
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;
use snapshots::{Changed, FileState, Manifest, Objects, Seen, SeenDir, Stamp};

use crate::beneath::Root;
use crate::state::{self, TICK_NS};

/// There was not enough time to look at everything. What changed is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the workspace is too large to scan in time")]
pub struct Late;

/// More directories than this are listed in one walk.
const MANY: usize = 64;
/// Files that say what is ignored. When one changes, so may every list of names.
const RULES: [&str; 2] = [".gitignore", ".ignore"];

struct Scan<'a> {
    root: &'a Root,
    objects: &'a mut Objects,
    until: Instant,
    looked_ns: i64,
    /// When the last look began; `None`: there was none, and everything is as it was.
    since_ns: Option<i64>,
    rules_changed: bool,
    /// Directories that were not there: all in them is new, whatever its times, since a rename touches only its top.
    new_dirs: HashSet<PathBuf>,
    changes: BTreeMap<PathBuf, (Option<FileState>, Option<FileState>)>,
}

pub(crate) fn scan(
    root: &Root,
    manifest: &mut Manifest,
    objects: &mut Objects,
    until: Instant,
) -> Result<Vec<Changed>, Late> {
    let looked_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
    let since_ns = (!manifest.dirs.is_empty()).then_some(manifest.looked_ns);
    let changes = BTreeMap::new();
    let mut scan =
        Scan { root, objects, until, looked_ns, since_ns, rules_changed: false, new_dirs: HashSet::new(), changes };
    let stale = scan.known(&mut manifest.dirs)?;
    if since_ns.is_none() || scan.rules_changed || MANY < stale.len() {
        let listed = scan.list(Path::new(""), None)?;
        let names: HashSet<&Path> = listed.iter().map(|(path, _)| path.as_path()).collect();
        // What .gitignore leaves out by now is looked at no more; it did not change.
        manifest.dirs.retain(|path, dir| {
            dir.entries.retain(|name, _| names.contains(path.join(name).as_path()));
            path.as_os_str().is_empty() || names.contains(path.as_path())
        });
        scan.add(&mut manifest.dirs, listed)?;
    } else {
        for dir in stale {
            let mut listed = scan.list(&dir, Some(1))?;
            let new = |(path, is_dir): &(PathBuf, bool)| *is_dir && !manifest.dirs.contains_key(path);
            let below: Vec<PathBuf> = listed.iter().filter(|found| new(found)).map(|(path, _)| path.clone()).collect();
            for path in below {
                listed.extend(scan.list(&path, None)?);
            }
            scan.add(&mut manifest.dirs, listed)?;
        }
    }
    manifest.looked_ns = looked_ns;
    let changes = scan.changes.into_iter().filter(|(_, (before, after))| before != after);
    Ok(changes.map(|(path, (before, after))| Changed { path, before, after }).collect())
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
        let (root, looked_ns, until) = (self.root, self.looked_ns, self.until);
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
            self.rules_changed |= is_rules(&name);
            self.record(path.join(name), Some(seen.state), None);
        }
        self.record(path, Some(FileState::Dir), None);
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
        self.rules_changed |= is_rules(name) && now.as_ref().is_none_or(|now| now.state != seen.state);
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

    /// A file or a link as it is now; nothing else is kept a record of.
    fn look(&mut self, dir: &OwnedFd, path: &Path, name: &OsStr, stat: &Stat) -> Option<Seen> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if self.in_time().is_err() => {
                let stamp = Stamp { racy: true, ..state::stamp(stat, self.looked_ns) };
                Some(Seen { stamp, state: state::unkept(stat) })
            }
            FileType::RegularFile => match state::of_file(self.root, path, self.objects) {
                Some((state, stat)) => Some(Seen { stamp: state::stamp(&stat, self.looked_ns), state }),
                // It cannot be read, or vanished meanwhile: then the next look misses it.
                None => Some(Seen { stamp: state::stamp(stat, self.looked_ns), state: state::unkept(stat) }),
            },
            FileType::Symlink => {
                let state = state::of_link(dir, Path::new(name))?;
                Some(Seen { stamp: state::stamp(stat, self.looked_ns), state })
            }
            _ => None,
        }
    }

    /// Names below a directory, and whether each is a directory, as .gitignore lets them through.
    fn list(&self, dir: &Path, depth: Option<usize>) -> Result<Vec<(PathBuf, bool)>, Late> {
        let walker = WalkBuilder::new(self.root.real().join(dir))
            .hidden(false)
            .require_git(false)
            .follow_links(false)
            .max_depth(depth)
            .filter_entry(|entry| entry.file_name() != ".git")
            .build();
        let mut listed = Vec::new();
        for entry in walker {
            self.in_time()?;
            let Ok(entry) = entry else { continue };
            let Ok(path) = entry.path().strip_prefix(self.root.real()) else { continue };
            if 0 < entry.depth() {
                listed.push((path.to_path_buf(), entry.file_type().is_some_and(|kind| kind.is_dir())));
            }
        }
        Ok(listed)
    }

    /// Takes in what is listed and not known.
    fn add(&mut self, dirs: &mut BTreeMap<PathBuf, SeenDir>, listed: Vec<(PathBuf, bool)>) -> Result<(), Late> {
        if !dirs.contains_key(Path::new("")) {
            self.add_dir(dirs, PathBuf::new());
        }
        let mut open: Option<(PathBuf, OwnedFd)> = None;
        for (path, is_dir) in listed {
            if is_dir {
                if !dirs.contains_key(&path) {
                    self.add_dir(dirs, path);
                }
                continue;
            }
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
                let before = self.rules_changed.then(|| state::unkept(&stat));
                self.record(path.clone(), before, Some(seen.state.clone()));
            }
            if let Some(dir) = dirs.get_mut(parent) {
                dir.entries.insert(name.to_owned(), seen);
            }
        }
        Ok(())
    }

    fn add_dir(&mut self, dirs: &mut BTreeMap<PathBuf, SeenDir>, path: PathBuf) {
        let stat = self.root.open_walked_dir(&path).and_then(|open| Ok(rustix::fs::fstat(&open)?));
        let Ok(stat) = stat else { return };
        let stamp = state::stamp(&stat, self.looked_ns);
        if self.is_new(&path, &stamp) {
            self.new_dirs.insert(path.clone());
            if !self.rules_changed {
                self.record(path.clone(), None, Some(FileState::Dir));
            }
        }
        dirs.insert(path, SeenDir { stamp, entries: BTreeMap::new() });
    }

    /// Whatever makes a name, rename and link included, sets the ctime of what it names: what is older was there, and
    /// ignored.
    fn is_new(&self, path: &Path, stamp: &Stamp) -> bool {
        let in_new = path.parent().is_some_and(|parent| self.new_dirs.contains(parent));
        self.since_ns.is_some_and(|since| in_new || since.saturating_sub(TICK_NS) <= stamp.ctime_ns)
    }
}

fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}

fn is_rules(name: &OsStr) -> bool {
    RULES.iter().any(|rules| name == *rules)
}

#[cfg(test)]
mod tests;
