//! Reads whole files, of a bounded size. Never a device, a fifo or a socket.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use agent::SandboxError;
use rustix::fs::OFlags;

use crate::beneath::regular;
use crate::roots::Roots;

/// `max_bytes` bounds what is really read, whatever size the file says it has:
/// files of /proc say 0, and a log grows while we read it.
pub(crate) fn read(roots: &Roots, path: &Path, max_bytes: u64) -> Result<Vec<u8>, SandboxError> {
    // O_NONBLOCK: opening a fifo returns at once. O_NOCTTY: a terminal does not become ours.
    let root = roots.of(path);
    let file = root.open_file(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    let inside = root.path_of(&file)?;
    let stat = regular(path, &file)?;
    roots.refuse_hidden(root, &inside, path, Some(&stat))?;
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let too_large = |bytes| SandboxError::TooLarge { path: path.to_path_buf(), bytes, max_bytes };
    if max_bytes < size {
        return Err(too_large(size));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
    File::from(file)
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| SandboxError::Io { path: path.to_path_buf(), source })?;
    let length = bytes.len() as u64;
    if max_bytes < length {
        return Err(too_large(length));
    }
    roots.refuse_secret(root, &inside, &bytes)?;
    Ok(bytes)
}
