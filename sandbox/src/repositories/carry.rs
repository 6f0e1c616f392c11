//! Moves a name from one directory to another, through no link. Between file systems it is a copy, and meanwhile the
//! thing has a name that means nothing to git.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

/// Where a thing ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    There,
    /// It could not be copied whole: it is where it was, under this name.
    Left(OsString),
}

/// `Err`: nothing was moved.
pub(crate) fn carry(from: &OwnedFd, name: &OsStr, to: &OwnedFd, new_name: &OsStr) -> Result<Carried, Errno> {
    match rename(from, name, to, new_name) {
        Ok(()) => return Ok(Carried::There),
        Err(Errno::XDEV) => {}
        Err(errno) => return Err(errno),
    }
    let harmless = rename_beside(from, name)?;
    let arriving = free_name(to, new_name);
    let copied = copy(from, &harmless, to, &arriving).and_then(|()| Ok(rename(to, &arriving, to, new_name)?));
    if copied.is_err() {
        // What is left of a copy is only litter.
        let _ = remove(to, &arriving);
        return Ok(Carried::Left(harmless));
    }
    // The copy is whole, so what cannot be removed is litter too.
    let _ = remove(from, &harmless);
    Ok(Carried::There)
}

/// Gives it a name in the same directory that means nothing to git.
pub(crate) fn rename_beside(dir: &OwnedFd, name: &OsStr) -> Result<OsString, Errno> {
    let beside = free_name(dir, name);
    rename(dir, name, dir, &beside)?;
    Ok(beside)
}

/// Never over something that is there.
fn rename(from: &OwnedFd, name: &OsStr, to: &OwnedFd, new_name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::renameat_with(from, name, to, new_name, RenameFlags::NOREPLACE) {
        // Not every file system knows the flag.
        Err(Errno::INVAL | Errno::NOSYS) if rustix::fs::statat(to, new_name, AtFlags::SYMLINK_NOFOLLOW).is_err() => {
            rustix::fs::renameat(from, name, to, new_name)
        }
        result => result,
    }
}

fn free_name(dir: &OwnedFd, name: &OsStr) -> OsString {
    let numbered = (1..).map(|number: u64| {
        let mut free = name.to_os_string();
        free.push(format!(".agent-blocked-{number}"));
        free
    });
    let mut free = numbered.skip_while(|name| rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok());
    free.next().unwrap_or_default()
}

fn copy(from: &OwnedFd, name: &OsStr, to: &OwnedFd, new_name: &OsStr) -> io::Result<()> {
    let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(from, name, Vec::new())?;
            Ok(rustix::fs::symlinkat(target, to, new_name)?)
        }
        FileType::Directory => {
            rustix::fs::mkdirat(to, new_name, Mode::RWXU)?;
            let open = |dir: &OwnedFd, name: &OsStr| {
                rustix::fs::openat(dir, name, flags | OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
            };
            let (inner, new_inner) = (open(from, name)?, open(to, new_name)?);
            for entry in Dir::read_from(&inner)? {
                let entry = entry?;
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                if name != "." && name != ".." {
                    copy(&inner, name, &new_inner, name)?;
                }
            }
            File::from(new_inner).set_permissions(Permissions::from_mode(stat.st_mode & 0o777))
        }
        FileType::RegularFile => {
            let file = rustix::fs::openat(from, name, flags | OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
            let mut file = File::from(file);
            if !file.metadata()?.is_file() {
                return Err(io::Error::other("it became another thing"));
            }
            let made = rustix::fs::openat(
                to,
                new_name,
                flags | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL,
                Mode::RUSR | Mode::WUSR,
            )?;
            let mut made = File::from(made);
            io::copy(&mut file, &mut made)?;
            made.set_permissions(Permissions::from_mode(stat.st_mode & 0o777))
        }
        // Sockets and fifos are of no use to a repository.
        _ => Ok(()),
    }
}

fn remove(dir: &OwnedFd, name: &OsStr) -> io::Result<()> {
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return std::fs::remove_dir_all(std::path::Path::new(&format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name));
    }
    Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::beneath::open_dir;

    fn files(at: &Path) {
        fs::create_dir_all(at.join(".git/refs/heads")).unwrap();
        fs::write(at.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        symlink("HEAD", at.join(".git/link")).unwrap();
    }

    #[test]
    fn never_over_something_else() {
        let folder = tempfile::tempdir().unwrap();
        files(folder.path());
        fs::write(folder.path().join("there"), "x").unwrap();
        let dir = open_dir(folder.path()).unwrap();
        assert_eq!(carry(&dir, ".git".as_ref(), &dir, "there".as_ref()), Err(Errno::EXIST));
        assert_eq!(carry(&dir, ".git".as_ref(), &dir, "new".as_ref()), Ok(Carried::There));
        assert!(folder.path().join("new/HEAD").exists() && !folder.path().join(".git").exists());
    }

    /// /dev/shm is a tmpfs of its own on every Linux; where it is the same file system, the rename is tested.
    #[test]
    fn to_another_file_system_by_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir_in("/dev/shm").unwrap();
        files(folder.path());
        let (from, to) = (open_dir(folder.path()).unwrap(), open_dir(other.path()).unwrap());
        assert_eq!(carry(&from, ".git".as_ref(), &to, "1".as_ref()), Ok(Carried::There));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(other.path().join("1/link")).unwrap(), "ref: refs/heads/main\n");
        assert!(other.path().join("1/refs/heads").is_dir());
        assert_eq!(carry(&to, "1".as_ref(), &from, ".git".as_ref()), Ok(Carried::There));
        assert!(folder.path().join(".git/link").is_symlink());
    }
}
