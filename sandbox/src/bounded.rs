//! Files that the program opens on its own account, not because the model asked: ignore files, configuration, the file
//! that says where a repository is. Whoever wrote the repository chose what is at these paths, so it may be a fifo
//! that nobody writes to, a device, a link to `/dev/zero` or a huge sparse file. None of them holds us up or fills the
//! memory.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Reads a regular file of at most `most_bytes`; links are followed. What is anything else is an error.
pub fn read_bounded(path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
    // Asked before it is opened: opening some devices starts something.
    refuse_irregular(&fs::metadata(path)?)?;
    // It may be another thing by now. O_NONBLOCK: opening a fifo returns at once. O_NOCTTY: a terminal does not
    // become ours.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let metadata = file.metadata()?;
    refuse_irregular(&metadata)?;
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {} KiB", most_bytes >> 10));
    if most_bytes < metadata.len() {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // A file may grow while it is read, and those of /proc say that they have no bytes.
    file.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if most_bytes < bytes.len() as u64 { Err(too_large()) } else { Ok(bytes) }
}

fn refuse_irregular(metadata: &fs::Metadata) -> io::Result<()> {
    match metadata {
        regular if regular.is_file() => Ok(()),
        directory if directory.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ODD_FILES;

    #[test]
    fn a_regular_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "1234").unwrap();
        assert_eq!(read_bounded(&path, 4).unwrap(), b"1234");
        assert_eq!(read_bounded(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        std::os::unix::fs::symlink("file", folder.path().join("link")).unwrap();
        assert_eq!(read_bounded(&folder.path().join("link"), 4).unwrap(), b"1234");
        let missing = read_bounded(&folder.path().join("missing"), 4).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn anything_else_is_an_error_at_once() {
        for (name, make) in ODD_FILES {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            make(&path);
            assert!(read_bounded(&path, 1 << 20).is_err(), "{name}");
        }
        // It says that it has no bytes, and has some.
        assert_eq!(read_bounded(Path::new("/proc/self/status"), 10).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
