//! The controlling terminal, read without waiting for it: whoever stops asking takes no more keys from others.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;

use tokio::net::unix::pipe::Receiver;

/// stdin is only ever read for the task, so this is an opening of its own.
pub(crate) struct Tty(Receiver);

impl Tty {
    pub(crate) fn open() -> io::Result<Tty> {
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        let tty = File::options().read(true).custom_flags(nonblocking).open("/dev/tty")?;
        // The name is a pipe's, the reading is the same.
        Ok(Tty(Receiver::from_file_unchecked(tty)?))
    }

    /// Returns once there may be something to read.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// What is there by now: `None` if there is nothing, no bytes at the end.
    pub(crate) fn try_read(&self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; 4096];
        match self.0.try_read(&mut bytes) {
            Ok(length) => {
                bytes.truncate(length);
                Ok(Some(bytes))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
