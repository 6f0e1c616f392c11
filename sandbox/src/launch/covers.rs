//! Covers for what is hidden in the directories that a command writes to, made for each command in its warden's view.
//!
//! A cover cannot be opened, whoever tries: a device without the right to be one, or a directory without any right. An
//! empty file would be a lie, and a program that finds none goes on without.
//!
//! Linux takes a mount away when a program outside replaces what it is on. So the directories on the way are watched, and
//! what comes in its place is covered at once. For that moment it could be read, so the agent's side compares after the
//! command: see `host/unseen.rs`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::inotify;
use rustix::io::Errno;

use crate::launch::raw::MountDepth;
use crate::launch::tree::{HARMLESS, READ_ONLY, Tree};

/// A device that everybody has. Where devices do not count, opening it is refused (open(2), EACCES).
const DEVICE: &str = "/dev/null";
/// The second bound of tmpfs(5): the directory itself.
const NO_ENTRIES: &str = "1";
const EVENT_BYTES: usize = 4 << 10;

/// What is covered while a command runs.
#[derive(Debug)]
pub(crate) struct Covers {
    covers: Vec<Cover>,
    /// `None`: the user's limit of watches is reached. Then only the comparison after the command is left.
    watch: Option<OwnedFd>,
    /// Names that matter in the directories on the way.
    names: BTreeSet<Vec<u8>>,
    roots: Vec<PathBuf>,
}

#[derive(Debug)]
struct Cover {
    path: PathBuf,
    /// Of the directory that lies over it.
    dir: Option<(u64, u64)>,
}

/// `roots`: the directories that commands write to.
pub(crate) fn cover<'p>(
    hidden: impl Iterator<Item = &'p Path>,
    roots: impl Iterator<Item = &'p Path>,
) -> io::Result<Covers> {
    let covers = hidden.map(|path| Cover { path: path.to_path_buf(), dir: None }).collect();
    let roots = roots.map(Path::to_path_buf).collect();
    let mut covers = Covers { covers, watch: None, names: BTreeSet::new(), roots };
    if !covers.covers.is_empty() {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        // Before the covers: what is replaced in between is seen.
        covers.watch = inotify::init(flags).ok();
        covers.watch_ways();
        covers.cover_all()?;
    }
    Ok(covers)
}

impl Covers {
    /// Readable when something on the way changed.
    pub(crate) fn watch(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(OwnedFd::as_fd)
    }

    /// To be called when the watch is readable. `Err`: something cannot be covered, and the command must end.
    pub(crate) fn look_again(&mut self) -> io::Result<()> {
        if !self.matters() {
            return Ok(());
        }
        self.cover_all()?;
        // What came in place of a directory on the way is not watched yet.
        self.watch_ways();
        // It may have changed before it was.
        self.cover_all()
    }

    /// Reads all events. Whether one is about a name on the way.
    fn matters(&mut self) -> bool {
        let Some(watch) = &self.watch else { return false };
        let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
        let mut events = inotify::Reader::new(watch, &mut buffer);
        let mut matters = false;
        loop {
            match events.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_bytes().to_vec());
                    // Without a name it says that events were lost.
                    matters |= name.is_none_or(|name| self.names.contains(&name));
                }
                Err(Errno::INTR) => {}
                Err(_) => return matters,
            }
        }
    }

    fn cover_all(&mut self) -> io::Result<()> {
        self.covers.iter_mut().filter(|cover| !cover.is_in_place()).try_for_each(Cover::put)
    }

    fn watch_ways(&mut self) {
        let Some(watch) = &self.watch else { return };
        let what = inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::ONLYDIR;
        let mut watched = BTreeSet::new();
        for cover in &self.covers {
            let root = self.roots.iter().find(|root| cover.path.starts_with(root));
            let is_below = |dir: &&Path| root.is_none_or(|root| dir.starts_with(root));
            let mut name = cover.path.file_name().unwrap_or(OsStr::new(""));
            for dir in cover.path.ancestors().skip(1).take_while(is_below) {
                self.names.insert(name.as_bytes().to_vec());
                if watched.insert(dir) {
                    // What is gone by now or not to be watched is compared after the command.
                    let _ = inotify::add_watch(watch, dir, what);
                }
                name = dir.file_name().unwrap_or(OsStr::new(""));
            }
        }
    }
}

impl Cover {
    /// So it is where nothing is left to cover.
    fn is_in_place(&self) -> bool {
        // A link holds nothing: what it leads to counts.
        let Ok(meta) = self.path.metadata() else { return true };
        match self.dir {
            Some(dir) => (meta.dev(), meta.ino()) == dir,
            None => meta.file_type().is_char_device(),
        }
    }

    fn put(&mut self) -> io::Result<()> {
        let Ok(path) = std::fs::canonicalize(&self.path) else { return Ok(()) };
        let put = if path.is_dir() {
            let tree = Tree::new("tmpfs", &[("mode", "000"), ("nr_inodes", NO_ENTRIES)])?;
            let put = tree.with(READ_ONLY | HARMLESS, MountDepth::This)?.mount(&path);
            self.dir = path.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
            put
        } else {
            self.dir = None;
            Tree::of(Path::new(DEVICE), MountDepth::This)?.with(READ_ONLY | HARMLESS, MountDepth::This)?.mount(&path)
        };
        // Gone since we looked, and what comes next is seen by the watch.
        if path.symlink_metadata().is_err() { Ok(()) } else { put }
    }
}
