//! Session files are ours, but a folder is only a folder: what is not a regular file of a possible size is not read.

use std::fs::File;
use std::io;
use std::path::Path;

/// Of one session. A day's work is a few megabytes.
const MOST_BYTES: u64 = 1 << 30;

/// Asked before it is opened: opening a fifo waits for a writer.
pub(crate) fn refuse_irregular(path: &Path) -> io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if MOST_BYTES < metadata.len() {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {} MiB", MOST_BYTES >> 20)));
    }
    Ok(())
}

pub(crate) fn open(path: &Path) -> io::Result<File> {
    refuse_irregular(path)?;
    File::open(path)
}

pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    refuse_irregular(path)?;
    std::fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_of_a_possible_size() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        assert_eq!(read(&at("file")).unwrap(), b"x");
        std::os::unix::fs::symlink("/dev/zero", at("device")).unwrap();
        drop(std::os::unix::net::UnixListener::bind(at("socket")).unwrap());
        File::create(at("sparse")).unwrap().set_len(3 << 30).unwrap();
        for odd in ["device", "socket", "sparse", "missing"] {
            assert!(read(&at(odd)).is_err() && open(&at(odd)).is_err(), "{odd}");
        }
    }
}
