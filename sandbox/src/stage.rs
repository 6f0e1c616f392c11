//! Content on its way into the workspace: on disk, without a name yet
//! (`O_TMPFILE`), so that a SIGKILL leaves nothing behind. Where the file
//! system has no such files, under a dot-name that is taken away again.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;

/// What open(2) is given for a new file; the user's umask takes from it.
const NEW_FILE: Mode = Mode::from_raw_mode(0o666);

pub(crate) struct Staged {
    dir: OwnedFd,
    file: OwnedFd,
    /// `None`: it has none yet.
    name: Option<OsString>,
}

pub(crate) fn stage(dir: OwnedFd, content: &[u8]) -> Result<Staged, Errno> {
    let staged = stage_unsynced(dir, content)?;
    staged.sync()?;
    Ok(staged)
}

/// To be synced before it gets its name. Of many files, all are written before the first is synced: one commit of the
/// file system's journal is for all of them.
pub(crate) fn stage_unsynced(dir: OwnedFd, content: &[u8]) -> Result<Staged, Errno> {
    let staged = open(dir)?;
    write_all(&staged.file, content)?;
    Ok(staged)
}

fn open(dir: OwnedFd) -> Result<Staged, Errno> {
    // An O_PATH descriptor serves as the place, not as the directory to open.
    let nameless = rustix::fs::openat(&dir, ".", OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, NEW_FILE);
    match nameless {
        Ok(file) => return Ok(Staged { dir, file, name: None }),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let (file, name) = free_name(|name| {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        rustix::fs::openat(&dir, name, flags, NEW_FILE)
    })?;
    Ok(Staged { dir, file, name: Some(name) })
}

/// Tries names until one is free.
pub(crate) fn free_name<T>(mut take: impl FnMut(&OsStr) -> Result<T, Errno>) -> Result<(T, OsString), Errno> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = OsString::from(format!(".agent-write-{}-{number}", std::process::id()));
        match take(&name) {
            Ok(taken) => return Ok((taken, name)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn write_all(file: &OwnedFd, content: &[u8]) -> Result<(), Errno> {
    let copy = rustix::io::fcntl_dupfd_cloexec(file, 3)?;
    File::from(copy)
        .write_all(content)
        .map_err(|error| error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))
}

impl Staged {
    pub(crate) fn sync(&self) -> Result<(), Errno> {
        rustix::fs::fsync(&self.file)
    }

    /// All permission bits, set-user-ID and its like included: for what the user had themselves.
    pub(crate) fn set_all_bits(&self, mode: u32) -> Result<(), Errno> {
        rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode))
    }

    /// Owner, group and permission bits, before anyone can see it.
    pub(crate) fn dress(&self, old: Option<&Stat>, bits: Option<Mode>) -> Result<(), Errno> {
        if let Some(old) = old {
            let now = rustix::fs::fstat(&self.file)?;
            let owner = (now.st_uid != old.st_uid).then(|| Uid::from_raw(old.st_uid));
            let group = (now.st_gid != old.st_gid).then(|| Gid::from_raw(old.st_gid));
            if owner.is_some() || group.is_some() {
                // Only root may give files away; a file that becomes ours is what an editor leaves too.
                let _ = rustix::fs::fchown(&self.file, owner, group);
            }
        }
        match bits {
            Some(bits) => rustix::fs::fchmod(&self.file, bits & Mode::from_raw_mode(0o1777)),
            None => Ok(()),
        }
    }

    /// Gets its name if nothing has it. Returns the directory.
    pub(crate) fn appear(mut self, name: &OsStr) -> Result<OwnedFd, Errno> {
        match &self.name {
            None => self.link_as(name)?,
            Some(own) => {
                let renamed = rustix::fs::renameat_with(&self.dir, own, &self.dir, name, RenameFlags::NOREPLACE);
                match renamed {
                    Ok(()) => self.name = None,
                    // This file system cannot: link(2) never replaces either, and `Drop` takes the other name away.
                    Err(Errno::INVAL | Errno::NOSYS) => {
                        rustix::fs::linkat(&self.dir, own, &self.dir, name, AtFlags::empty())?;
                    }
                    Err(errno) => return Err(errno),
                }
            }
        }
        rustix::io::fcntl_dupfd_cloexec(&self.dir, 3)
    }

    /// Takes the place of the file that has the name. Returns the directory.
    pub(crate) fn replace(mut self, name: &OsStr) -> Result<OwnedFd, Errno> {
        if self.name.is_none() {
            // rename(2) needs a name to move: it exists from this call to the next.
            let ((), own) = free_name(|own| self.link_as(own))?;
            self.name = Some(own);
        }
        if let Some(own) = &self.name {
            rustix::fs::renameat(&self.dir, own, &self.dir, name)?;
            self.name = None;
        }
        rustix::io::fcntl_dupfd_cloexec(&self.dir, 3)
    }

    fn link_as(&self, name: &OsStr) -> Result<(), Errno> {
        // open(2), O_TMPFILE: the way that needs no capability.
        let nameless = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        rustix::fs::linkat(CWD, nameless, &self.dir, name, AtFlags::SYMLINK_FOLLOW)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // Nobody is left to tell; a leftover dot-file harms nothing.
            let _ = rustix::fs::unlinkat(&self.dir, name, AtFlags::empty());
        }
    }
}
