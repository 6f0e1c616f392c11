//! Looks for what is hidden, so that commands do not see it either. Bounded, and a second look asks only whether
//! directories are as they were.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::{self, File, Metadata};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::FileType;

use crate::beneath::open_place;
use crate::hidden::ignored::Ignored;
use crate::hidden::{Hidden, Place, Search, Why};

/// A tree with more is searched as far as this; the user is told.
const MOST_DIRS: usize = 5_000;
const MOST_ENTRIES: usize = 200_000;
const LONGEST: Duration = Duration::from_secs(2);
/// Ignored files that are read in all, and of each.
const MOST_READ: usize = 400;
const MOST_READ_BYTES: u64 = 8 << 20;
const LARGEST_READ: u64 = 128 << 10;
/// Each costs a command a mount.
pub(crate) const MOST_HIDDEN: usize = 256;
/// Files that are held open, so that they are found wherever they are moved.
const MOST_HELD: usize = 64;
/// As the clock of file times ticks.
const TICK_NS: i64 = 20_000_000;

/// What tools fill with other people's files. Their top is searched for names, and nothing in them is read.
const FILLED: &[&str] = &[
    "node_modules",
    "target",
    ".venv",
    "venv",
    "__pycache__",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".next",
    ".nuxt",
    ".svelte-kit",
    ".turbo",
    ".parcel-cache",
    ".gradle",
    "bower_components",
    "Pods",
    "DerivedData",
    ".dart_tool",
    "elm-stuff",
    ".yarn",
    ".pnpm-store",
    ".cargo",
    ".cache",
    ".terraform",
    "site-packages",
];
/// The same, where git ignores them.
const FILLED_IF_IGNORED: &[&str] =
    &["build", "dist", "out", "vendor", "env", "coverage", "deps", "_build", "bin", "obj", "tmp"];
/// Endings of files that are no text.
const BINARY: &[&str] = &[
    "o", "a", "so", "dylib", "dll", "exe", "class", "jar", "pyc", "rlib", "rmeta", "wasm", "png", "jpg", "jpeg", "gif",
    "webp", "ico", "pdf", "zip", "gz", "xz", "zst", "tar", "mp4", "woff2", "sqlite", "db", "bin", "map", "lock",
];

/// Whether tools fill a directory of this name with what they built or fetched.
pub fn is_filled_by_tools(name: &str) -> bool {
    FILLED.contains(&name)
}

/// What is known from the look before.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    dirs: BTreeMap<PathBuf, Dir>,
    /// Of files whose content decides: as they looked, and the verdict.
    read: HashMap<PathBuf, (Face, bool)>,
    held: Vec<OwnedFd>,
}

/// What a look found.
#[derive(Debug, Default)]
pub(crate) struct Surveyed {
    /// Absolute, without links; none is in another.
    pub(crate) hidden: Vec<PathBuf>,
    /// The same, open as places: what they were is still there when something else has their names.
    held: Vec<Option<OwnedFd>>,
    pub(crate) search: Search,
}

impl Surveyed {
    fn new(hidden: Vec<PathBuf>, search: Search) -> Surveyed {
        let held = hidden.iter().map(|path| open_place(path).ok()).collect();
        Surveyed { hidden, held, search }
    }

    /// Nothing is known.
    pub(crate) fn none() -> Surveyed {
        Surveyed { search: Search::Partial, ..Surveyed::default() }
    }

    fn objects(&self) -> impl Iterator<Item = (u64, u64)> {
        self.held.iter().flatten().filter_map(object)
    }

    /// Paths at which something else is by now, each with what was there.
    pub(crate) fn replaced(&self) -> Vec<(&Path, PathBuf)> {
        let all = self.hidden.iter().zip(&self.held).filter_map(|(path, held)| Some((path, held.as_ref()?)));
        let is_other = |path: &Path, held: &OwnedFd| {
            fs::symlink_metadata(path).is_ok_and(|now| object(held) != Some((now.dev(), now.ino())))
        };
        let replaced = all.filter(|(path, held)| is_other(path, held));
        replaced.map(|(path, held)| (path.as_path(), PathBuf::from(link(held)))).collect()
    }

    pub(crate) fn look_again(&mut self) {
        *self = Surveyed::new(std::mem::take(&mut self.hidden), self.search);
    }
}

fn object(held: &OwnedFd) -> Option<(u64, u64)> {
    rustix::fs::fstat(held).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

/// A name that leads to what is held.
fn link(held: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", held.as_raw_fd())
}

#[derive(Clone, Debug, Default)]
struct Dir {
    face: Option<Face>,
    hidden: Vec<(PathBuf, Why)>,
    /// What git ignores, to be read.
    ignored: Vec<PathBuf>,
    below: Vec<(PathBuf, Depth)>,
    entries: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    All,
    /// Only the names at the top.
    Names,
}

/// Whatever changes when something does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Face {
    dev: u64,
    ino: u64,
    bytes: u64,
    mtime_ns: i64,
    ctime_ns: i64,
}

impl Face {
    fn of(meta: &Metadata) -> Face {
        let ns = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Face {
            dev: meta.dev(),
            ino: meta.ino(),
            bytes: meta.len(),
            mtime_ns: ns(meta.mtime(), meta.mtime_nsec()),
            ctime_ns: ns(meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// `None` where a change right after the look would not show.
    fn settled(self, now_ns: i64) -> Option<Face> {
        (self.mtime_ns.max(self.ctime_ns).saturating_add(TICK_NS) < now_ns).then_some(self)
    }
}

impl Survey {
    pub(crate) fn look(&mut self, hidden: &Hidden, roots: &[&Path]) -> Surveyed {
        self.look_until(hidden, roots, Instant::now() + LONGEST)
    }

    fn look_until(&mut self, hidden: &Hidden, roots: &[&Path], until: Instant) -> Surveyed {
        let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
        hidden.read_tracked();
        let before = std::mem::take(&mut self.dirs);
        let mut search = Search::Whole;
        let mut entries = 0;
        let mut found: Vec<(PathBuf, Why)> = Vec::new();
        for root in roots {
            let mut lister = Lister { hidden, root, now_ns, ignored: None };
            // Level by level: what does not fit is deep down, and one large directory does not hide the others.
            let mut next = VecDeque::from([(root.to_path_buf(), Depth::All)]);
            while let Some((path, depth)) = next.pop_front() {
                if MOST_DIRS <= self.dirs.len() || MOST_ENTRIES < entries || until < Instant::now() {
                    search = Search::Partial;
                    break;
                }
                let Ok(meta) = fs::symlink_metadata(&path) else { continue };
                let dir = match before.get(&path) {
                    Some(dir) if dir.face == Some(Face::of(&meta)) => dir.clone(),
                    Some(_) | None => lister.list(&path, &meta, depth),
                };
                entries += dir.entries;
                next.extend(dir.below.iter().cloned());
                found.extend(dir.hidden.iter().cloned());
                self.dirs.insert(path, dir);
            }
        }
        found.extend(self.read_ignored(hidden, until, &mut search).into_iter().map(|path| (path, Why::Content)));
        self.hold(hidden, roots, &mut found);
        let mut paths: Vec<PathBuf> = found.into_iter().map(|(path, _)| path).collect();
        paths.sort();
        paths.dedup_by(|path, above| path.starts_with(above.as_path()));
        if MOST_HIDDEN < paths.len() {
            search = Search::Partial;
        }
        paths.truncate(MOST_HIDDEN);
        let surveyed = Surveyed::new(paths, search);
        hidden.remember(surveyed.objects());
        surveyed
    }

    /// Reads what git ignores, as far as it looks otherwise than the last time.
    fn read_ignored(&mut self, hidden: &Hidden, until: Instant, search: &mut Search) -> Vec<PathBuf> {
        let before = std::mem::take(&mut self.read);
        let (mut files, mut bytes) = (0, 0);
        let mut found = Vec::new();
        for path in self.dirs.values().flat_map(|dir| &dir.ignored) {
            let Ok(meta) = fs::symlink_metadata(path) else { continue };
            if !meta.is_file() || LARGEST_READ < meta.len() || meta.len() == 0 {
                continue;
            }
            let face = Face::of(&meta);
            let known = before.get(path).filter(|(other, _)| *other == face).map(|(_, is_secret)| *is_secret);
            let is_secret = match known {
                Some(is_secret) => is_secret,
                None if MOST_READ <= files || MOST_READ_BYTES < bytes || until < Instant::now() => {
                    *search = Search::Partial;
                    continue;
                }
                None => {
                    files += 1;
                    bytes += meta.len();
                    super::tracked::read(path, LARGEST_READ).is_some_and(|content| hidden.looks_secret(&content))
                }
            };
            if is_secret {
                found.push(path.clone());
            }
            self.read.insert(path.clone(), (face, is_secret));
        }
        found
    }

    /// What only its place or its content hides is found again by itself: a command may have moved it.
    fn hold(&mut self, hidden: &Hidden, roots: &[&Path], found: &mut Vec<(PathBuf, Why)>) {
        let mut still = Vec::new();
        for held in std::mem::take(&mut self.held) {
            let Ok(now) = fs::read_link(link(&held)) else { continue };
            let Some(root) = roots.iter().find(|root| now.starts_with(root)) else { continue };
            let is_there = now.symlink_metadata().is_ok();
            let inside = now.strip_prefix(root).unwrap_or(&now);
            let place = Place { root, inside, kind: FileType::RegularFile };
            if is_there && !hidden.show.has(place) {
                if !found.iter().any(|(path, _)| *path == now) {
                    found.push((now, Why::Settings));
                }
                still.push(held);
            }
        }
        for (path, why) in found.iter() {
            let is_held = |held: &OwnedFd| fs::read_link(link(held)).is_ok_and(|held| held == *path);
            if *why != Why::Name && still.len() < MOST_HELD && !still.iter().any(is_held) {
                still.extend(open_place(path).ok());
            }
        }
        self.held = still;
    }
}

struct Lister<'l> {
    hidden: &'l Hidden,
    root: &'l Path,
    now_ns: i64,
    ignored: Option<Ignored>,
}

impl Lister<'_> {
    fn list(&mut self, path: &Path, meta: &Metadata, depth: Depth) -> Dir {
        let mut dir = Dir { face: Face::of(meta).settled(self.now_ns), ..Dir::default() };
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            dir.entries += 1;
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() {
                self.list_dir(&mut dir, path, depth);
            } else if kind.is_symlink() {
                // What it leads to is hidden: a link itself holds nothing.
                let why = self.why(&path, FileType::RegularFile);
                let target = why.and_then(|why| Some((fs::canonicalize(&path).ok()?, why)));
                dir.hidden.extend(target.filter(|(target, _)| !self.root.starts_with(target)));
            } else if kind.is_file() {
                match self.why(&path, FileType::RegularFile) {
                    Some(why) => dir.hidden.push((path, why)),
                    None if depth == Depth::All && self.is_to_be_read(&path) => dir.ignored.push(path),
                    None => {}
                }
            }
        }
        dir
    }

    fn list_dir(&mut self, dir: &mut Dir, path: PathBuf, depth: Depth) {
        let name = path.file_name().unwrap_or_default();
        if depth == Depth::Names || name == ".git" {
            return;
        }
        if let Some(why) = self.why(&path, FileType::Directory) {
            dir.hidden.push((path, why));
            return;
        }
        let is = |names: &[&str]| names.iter().any(|other| name == *other);
        let is_filled = is(FILLED) || is(FILLED_IF_IGNORED) && self.is_ignored(&path, FileType::Directory);
        dir.below.push((path, if is_filled { Depth::Names } else { Depth::All }));
    }

    fn why(&self, path: &Path, kind: FileType) -> Option<Why> {
        let inside = path.strip_prefix(self.root).ok()?;
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOFOLLOW;
        let open = || File::options().read(true).custom_flags(flags).open(path).ok().map(OwnedFd::from);
        self.hidden.why(Place { root: self.root, inside, kind }, open)
    }

    fn is_to_be_read(&mut self, path: &Path) -> bool {
        let is_binary = path.extension().is_some_and(|end| BINARY.iter().any(|binary| end == *binary));
        let inside = path.strip_prefix(self.root).unwrap_or(path);
        let is_shown = self.hidden.show.has(Place { root: self.root, inside, kind: FileType::RegularFile });
        self.hidden.secret.is_some() && !is_binary && !is_shown && self.is_ignored(path, FileType::RegularFile)
    }

    fn is_ignored(&mut self, path: &Path, kind: FileType) -> bool {
        let Some(tracked) = self.hidden.tracked_of(self.root) else { return false };
        let Some(top) = &tracked.top else { return false };
        if tracked.has(path) {
            return false;
        }
        let ignored = self.ignored.get_or_insert_with(|| Ignored::new(top));
        if kind == FileType::Directory { ignored.has_dir(path) } else { ignored.has(path) }
    }
}

#[cfg(test)]
mod tests;
