//! A directory that commands may change at any moment, or have changed: every
//! name is resolved beneath it and through no link, only regular files are
//! read, and each with a bound.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// In one folder; more is not listed.
const MOST_ENTRIES: usize = 50_000;

/// Held open from the time when its content was ours.
#[derive(Debug)]
pub(crate) struct Dir(OwnedFd);

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: OsString,
    pub(crate) kind: FileType,
}

/// Changes when a file is written, replaced or moved. A command cannot set ctime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    inode: u64,
    bytes: i64,
    modified: (i64, i64),
    changed: (i64, i64),
    mode: u32,
}

pub(crate) type Marks = BTreeMap<PathBuf, Mark>;

impl Mark {
    fn of(stat: &Stat) -> Mark {
        let number = |value| i64::try_from(value).unwrap_or(i64::MAX);
        Mark {
            inode: stat.st_ino,
            bytes: stat.st_size,
            modified: (stat.st_mtime, number(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, number(stat.st_ctime_nsec)),
            mode: stat.st_mode,
        }
    }
}

impl Dir {
    pub(crate) fn open(path: &Path) -> io::Result<Dir> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Dir(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
    }

    fn at(&self, path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        rustix::fs::openat2(&self.0, path, flags | OFlags::CLOEXEC, mode, resolve)
    }

    /// Fails for what is not a regular file, and for one of more than `most` bytes.
    pub(crate) fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let file = self.at(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        File::from(file).take(most + 1).read_to_end(&mut bytes)?;
        if most < u64::try_from(bytes.len()).unwrap_or(u64::MAX) {
            return Err(io::Error::other("it is too large"));
        }
        Ok(bytes)
    }

    pub(crate) fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let folder = self.at(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::read_from(&folder)?.take(MOST_ENTRIES) {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_os_string();
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            found.push(Entry { name, kind });
        }
        Ok(found)
    }

    /// Of everything that `wanted` lets through, folders included. It is asked for each path before that is entered.
    pub(crate) fn marks(&self, wanted: impl Fn(&Path) -> bool) -> Marks {
        let mut marks = Marks::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let Ok(open) = self.at(&folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) else { continue };
            let Ok(entries) = rustix::fs::Dir::read_from(&open) else { continue };
            for entry in entries.take(MOST_ENTRIES).flatten() {
                let name = entry.file_name();
                let path = folder.join(OsStr::from_bytes(name.to_bytes()));
                if name == c"." || name == c".." || MOST_ENTRIES <= marks.len() || !wanted(&path) {
                    continue;
                }
                let Ok(stat) = rustix::fs::statat(&open, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
                if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                    folders.push(path.clone());
                }
                marks.insert(path, Mark::of(&stat));
            }
        }
        marks
    }

    /// Puts a whole new file in place of what is there, and makes the folders on the way to it.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
        let folder = self.make_folder(parent)?;
        let mut new = name.to_os_string();
        new.push(format!(".agent-{}", std::process::id()));
        // One that a killed run left.
        let _ = rustix::fs::unlinkat(&folder, &new, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, &new, flags, Mode::from_raw_mode(mode & 0o777))?;
        File::from(file).write_all(bytes)?;
        Ok(rustix::fs::renameat(&folder, &new, &folder, name)?)
    }

    fn make_folder(&self, path: &Path) -> io::Result<OwnedFd> {
        let mut made = PathBuf::new();
        let mut folder = self.at(&made, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        for part in path.components() {
            match rustix::fs::mkdirat(&folder, part.as_os_str(), Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            made.push(part);
            folder = self.at(&made, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        }
        Ok(folder)
    }

    /// A file or an empty folder; what is not there is gone already.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
        let removed = self.at(parent, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).and_then(|folder| {
            match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
                Err(Errno::ISDIR) => rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR),
                result => result,
            }
        });
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether `path` still leads to this directory.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let here = rustix::fs::fstat(&self.0);
        let there = rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
        matches!((here, there), (Ok(one), Ok(other)) if (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
    }

    /// git tells by the index's own time which files may have changed since (racy-git).
    pub(crate) fn set_modified(&self, path: &Path, seconds: i64, nanoseconds: i64) -> io::Result<()> {
        let file = self.at(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
        let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        Ok(rustix::fs::futimens(&file, &Timestamps { last_access: time, last_modification: time })?)
    }
}

impl Mark {
    pub(crate) fn modified(&self) -> (i64, i64) {
        self.modified
    }

    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }

    pub(crate) fn is_file(&self) -> bool {
        FileType::from_raw_mode(self.mode) == FileType::RegularFile
    }

    pub(crate) fn permissions(&self) -> u32 {
        self.mode & 0o777
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_fifos_and_large_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("d")).unwrap();
        std::fs::write(at("d/file"), "text").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at("link")).unwrap();
        std::os::unix::fs::symlink("d", at("folder")).unwrap();
        rustix::fs::mknodat(CWD, at("fifo"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        assert_eq!(dir.read(Path::new("d/file"), 4).unwrap(), b"text");
        for (path, most) in [("d/file", 3), ("link", 9_999), ("folder/file", 9), ("fifo", 9), ("../x", 9), ("d", 9)] {
            assert!(dir.read(Path::new(path), most).is_err(), "{path}");
        }
        assert_eq!(dir.marks(|_| true).len(), 5);
    }

    #[test]
    fn files_are_replaced_and_removed_beneath_it() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        dir.write(Path::new("a/b/c"), b"new", 0o755).unwrap();
        assert!(dir.write(Path::new("out/c"), b"new", 0o644).is_err());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        dir.remove(Path::new("a/b/c")).unwrap();
        dir.remove(Path::new("a/b")).unwrap();
        dir.remove(Path::new("a/b")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path().join("a")).unwrap().count(), 0);
    }
}
