//! Paths, resolved by the kernel beneath one root. Nothing here compares
//! strings to decide what is inside: openat2 with `RESOLVE_BENEATH` says it,
//! while it opens, so that a path swapped meanwhile leads nowhere else.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use agent::SandboxError;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// As many links as the kernel follows in one path (path_resolution(7)).
const MAX_LINKS: usize = 40;
/// openat2(2) gives EAGAIN when a rename crossed a `..` of ours; it asks to be tried again.
const MAX_RETRIES: usize = 256;

/// A directory that nothing leaves.
#[derive(Debug)]
pub(crate) struct Root {
    dir: OwnedFd,
    /// As the user named it, made absolute.
    given: PathBuf,
    /// Without links.
    real: PathBuf,
}

/// Where a name is or will be: every directory on the way is held open.
#[derive(Debug)]
pub(crate) struct Place {
    /// The deepest directory that exists.
    pub(crate) dir: OwnedFd,
    /// The root's own path.
    root: PathBuf,
    /// `dir`, from the root, without links.
    pub(crate) dir_path: PathBuf,
    /// Directories below `dir` that are to be made for `name`.
    pub(crate) missing: Vec<OsString>,
    pub(crate) name: OsString,
}

/// What to do with a link at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastLink {
    Follow,
    Keep,
}

impl Place {
    /// From the root.
    pub(crate) fn path(&self) -> PathBuf {
        let mut path = self.dir_path.clone();
        path.extend(&self.missing);
        path.push(&self.name);
        path
    }

    /// Absolute, without links.
    pub(crate) fn real(&self) -> PathBuf {
        self.root.join(self.path())
    }

    pub(crate) fn is_same(&self, other: &Place) -> bool {
        self.real() == other.real()
    }
}

impl Root {
    pub(crate) fn open(root: &Path) -> io::Result<Root> {
        let given = std::path::absolute(root)?;
        let real = std::fs::canonicalize(root)?;
        let dir = rustix::fs::open(&real, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let root = Root { dir, given, real };
        // The first use shows whether this kernel has openat2 (Linux 5.6) and lets us call it.
        root.openat2(Path::new("."), OFlags::PATH, ResolveFlags::empty())?;
        Ok(root)
    }

    /// Without links, absolute.
    pub(crate) fn real(&self) -> &Path {
        &self.real
    }

    /// Whether an absolute path is below the root by its spelling: a hint, never a permission.
    pub(crate) fn claims(&self, path: &Path) -> bool {
        path.starts_with(&self.given) || path.starts_with(&self.real)
    }

    /// Opens what `path` leads to, if it is beneath the root.
    pub(crate) fn open_file(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, SandboxError> {
        self.open_and_name(path, flags).map(|(file, _)| file)
    }

    /// Opens a path that a walk of ours found; fails if any part of it is a link.
    pub(crate) fn open_walked(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        Ok(self.openat2(path, flags, ResolveFlags::NO_SYMLINKS)?)
    }

    /// What a path that a walk of ours found is, without opening it.
    pub(crate) fn stat_walked(&self, path: &Path) -> io::Result<Stat> {
        Ok(self.find_walked(path)?.1)
    }

    /// What a path seems to be, in one call and through links on its way: a reason to look again, never a permission.
    pub(crate) fn peek(&self, path: &Path) -> Result<Stat, Errno> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        rustix::fs::statat(&self.dir, path, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// What a path is, and the thing itself, open as a place only. A link as the last part is fine, links before it
    /// are not.
    pub(crate) fn find_walked(&self, path: &Path) -> Result<(OwnedFd, Stat), Errno> {
        let file = self.openat2(path, OFlags::PATH | OFlags::NOFOLLOW, ResolveFlags::NO_SYMLINKS)?;
        let stat = rustix::fs::fstat(&file)?;
        Ok((file, stat))
    }

    /// Opens a directory, as a place only, through no link.
    pub(crate) fn open_walked_dir(&self, path: &Path) -> io::Result<OwnedFd> {
        Ok(self.openat2(path, OFlags::PATH | OFlags::DIRECTORY, ResolveFlags::NO_SYMLINKS)?)
    }

    /// The place of a path, through no link; its directories may be missing.
    pub(crate) fn place_walked(&self, path: &Path) -> Result<Place, Errno> {
        let (parent, name) = split(path).ok_or(Errno::INVAL)?;
        let mut existing = parent;
        let mut missing = Vec::new();
        loop {
            match self.openat2(&existing, OFlags::PATH | OFlags::DIRECTORY, ResolveFlags::NO_SYMLINKS) {
                Ok(dir) => {
                    missing.reverse();
                    return Ok(Place { dir, root: self.real.clone(), dir_path: existing, missing, name });
                }
                Err(Errno::NOENT) => {
                    let (above, name) = split(&existing).ok_or(Errno::NOENT)?;
                    missing.push(name);
                    existing = above;
                }
                Err(errno) => return Err(errno),
            }
        }
    }

    /// The path of an open file from the root, without links.
    pub(crate) fn path_of(&self, file: &OwnedFd) -> Result<PathBuf, SandboxError> {
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        let real =
            std::fs::read_link(&link).map_err(|source| SandboxError::Io { path: PathBuf::from(&link), source })?;
        match real.strip_prefix(&self.real) {
            Ok(path) => Ok(path.to_path_buf()),
            Err(_) => Err(SandboxError::Outside(real)),
        }
    }

    /// Finds the directory that holds, or will hold, the file that `path` names.
    pub(crate) fn locate(&self, path: &Path, last: LastLink) -> Result<Place, SandboxError> {
        let mut next = self.relative(path).ok_or_else(|| SandboxError::Outside(path.to_path_buf()))?;
        for _ in 0..MAX_LINKS {
            let (parent, name) = split(&next).ok_or_else(|| SandboxError::IsDirectory(path.to_path_buf()))?;
            let (dir, missing) = self.open_deepest(&parent, path)?;
            let link = if missing.is_empty() && last == LastLink::Follow { read_link(&dir, &name) } else { None };
            let Some(target) = link else {
                let dir_path = self.path_of(&dir)?;
                return Ok(Place { dir, root: self.real.clone(), dir_path, missing, name });
            };
            // Relative to the directory that holds the link, which the kernel finds again by its real name.
            let target = self.path_of(&dir)?.join(target);
            next = self.relative(&target).ok_or_else(|| SandboxError::Outside(path.to_path_buf()))?;
        }
        Err(SandboxError::Io { path: path.to_path_buf(), source: Errno::LOOP.into() })
    }

    /// The deepest directory of `path` that exists, and the names below it that do not.
    fn open_deepest(&self, path: &Path, asked: &Path) -> Result<(OwnedFd, Vec<OsString>), SandboxError> {
        let mut missing = Vec::new();
        let mut existing = path.to_path_buf();
        loop {
            match self.open_and_name(&existing, OFlags::PATH | OFlags::DIRECTORY) {
                Ok((dir, _)) => {
                    missing.reverse();
                    return Ok((dir, missing));
                }
                Err(SandboxError::NotFound(_)) => {
                    let not_found = || SandboxError::NotFound(asked.to_path_buf());
                    // A dangling link is no directory to be made: what it points at may be anywhere.
                    let (parent, name) = split(&existing).ok_or_else(not_found)?;
                    if self.is_link(&existing) {
                        return Err(SandboxError::Outside(asked.to_path_buf()));
                    }
                    missing.push(name);
                    existing = parent;
                }
                Err(SandboxError::Outside(_)) => return Err(SandboxError::Outside(asked.to_path_buf())),
                Err(SandboxError::Io { source, .. }) => {
                    return Err(SandboxError::Io { path: asked.to_path_buf(), source });
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn is_link(&self, path: &Path) -> bool {
        let flags = OFlags::PATH | OFlags::NOFOLLOW;
        let found = self.openat2(path, flags, ResolveFlags::empty()).and_then(rustix::fs::fstat);
        found.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
    }

    fn open_and_name(&self, path: &Path, flags: OFlags) -> Result<(OwnedFd, PathBuf), SandboxError> {
        let relative = self.relative(path).ok_or_else(|| SandboxError::Outside(path.to_path_buf()))?;
        match self.openat2(&relative, flags, ResolveFlags::empty()) {
            Ok(file) => Ok((file, relative)),
            Err(Errno::XDEV) => self.open_again(path, &relative, flags),
            Err(errno) => Err(explain(path, errno)),
        }
    }

    /// An absolute link may point back inside, and `../name-of-the-root/x` comes back. The name without links is a
    /// proposal; the kernel resolves it beneath the root once more and follows no link in it.
    fn open_again(&self, path: &Path, relative: &Path, flags: OFlags) -> Result<(OwnedFd, PathBuf), SandboxError> {
        let outside = || SandboxError::Outside(path.to_path_buf());
        let full = self.real.join(relative);
        let real = std::fs::canonicalize(&full).or_else(|_| {
            let (parent, name) = split(&full).ok_or(Errno::NOENT)?;
            Ok::<PathBuf, io::Error>(std::fs::canonicalize(parent)?.join(name))
        });
        let real = real.map_err(|_| outside())?;
        let inside = real.strip_prefix(&self.real).map_err(|_| outside())?;
        match self.openat2(inside, flags, ResolveFlags::NO_SYMLINKS) {
            Ok(file) => Ok((file, inside.to_path_buf())),
            Err(Errno::XDEV | Errno::LOOP) => Err(outside()),
            Err(errno) => Err(explain(path, errno)),
        }
    }

    fn openat2(&self, path: &Path, flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let resolve = resolve | ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mut retries = 0;
        loop {
            match rustix::fs::openat2(&self.dir, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if retries < MAX_RETRIES => retries += 1,
                result => return result,
            }
        }
    }

    /// `path` as openat2 wants it. `None`: absolute, and not below the root.
    fn relative(&self, path: &Path) -> Option<PathBuf> {
        if path.is_relative() {
            return Some(path.to_path_buf());
        }
        let inside = path.strip_prefix(&self.given).or_else(|_| path.strip_prefix(&self.real)).ok()?;
        // `strip_prefix` forgets a last slash, which says that a directory is meant.
        let slash = if path.as_os_str().as_bytes().ends_with(b"/") { "/" } else { "" };
        let mut relative = inside.as_os_str().to_os_string();
        relative.push(if relative.is_empty() { "" } else { slash });
        Some(PathBuf::from(relative))
    }
}

/// The words for what the kernel answered about `path`.
pub(crate) fn explain(path: &Path, errno: Errno) -> SandboxError {
    let path = path.to_path_buf();
    match errno {
        Errno::NOENT => SandboxError::NotFound(path),
        Errno::ISDIR => SandboxError::IsDirectory(path),
        Errno::XDEV => SandboxError::Outside(path),
        // A socket, or a device with nothing behind it.
        Errno::NXIO | Errno::NODEV => SandboxError::NotRegular(path),
        errno => SandboxError::Io { path, source: errno.into() },
    }
}

/// Refuses what is not a regular file.
pub(crate) fn regular(path: &Path, file: impl AsFd) -> Result<Stat, SandboxError> {
    let stat = rustix::fs::fstat(file).map_err(|errno| explain(path, errno))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat),
        FileType::Directory => Err(SandboxError::IsDirectory(path.to_path_buf())),
        _ => Err(SandboxError::NotRegular(path.to_path_buf())),
    }
}

/// Directory and last name. `None` where the last part can only be a directory.
/// By bytes: `Path` drops a last slash and `/.`, which the kernel does not.
fn split(path: &Path) -> Option<(PathBuf, OsString)> {
    let bytes = path.as_os_str().as_bytes();
    let (parent, name) = match bytes.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (bytes.get(..=slash)?, bytes.get(slash + 1..)?),
        None => (&b""[..], bytes),
    };
    let part = Path::new(OsStr::from_bytes(name)).components().next()?;
    let Component::Normal(name) = part else { return None };
    let end = parent.iter().rposition(|byte| *byte != b'/').map_or(parent.len().min(1), |last| last + 1);
    Some((PathBuf::from(OsString::from_vec(parent.get(..end)?.to_vec())), name.to_os_string()))
}

fn read_link(dir: &OwnedFd, name: &OsStr) -> Option<PathBuf> {
    let target = rustix::fs::readlinkat(dir, name, Vec::new()).ok()?;
    Some(PathBuf::from(OsString::from_vec(target.into_bytes())))
}

/// The directory itself, outside of any root.
pub(crate) fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Whatever is at a path, as a place only. Follows no link at its end.
pub(crate) fn open_place(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

#[cfg(test)]
mod tests;
