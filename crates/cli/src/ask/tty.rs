//! The controlling terminal while a question is asked. stdin is only ever read for the task.
//!
//! Keys come one by one and unseen; Ctrl-C stays a signal. Whatever ends the question puts the terminal back: an
//! answer, a dropped future, a panic, the second Ctrl-C.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};

pub(crate) struct Tty {
    reads: File,
    writes: File,
    by_key: bool,
}

/// What was typed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Key(char),
    /// A line that was ended, by a terminal that gives lines or by a paste.
    Line(String),
    /// Arrows, several keys at once: no answer.
    Other,
}

/// The modes that were found, while they are others.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);

/// How often the terminal is looked at. A dropped question leaves no thread behind that waits for a key.
const TICK: Duration = Duration::from_millis(20);

/// Puts the terminal back as it was found. Safe to call at any time, from a panic too.
pub(crate) fn restore() {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(found) = found
        && let Ok(tty) = File::options().read(true).write(true).open("/dev/tty")
    {
        // A terminal that went away needs no modes.
        let _ = tcsetattr(&tty, OptionalActions::Now, &found);
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        restore();
    }
}

impl Tty {
    /// `None` where there is no terminal. What was typed before the question is no answer to it.
    pub(crate) fn open(by_key: bool) -> Option<Tty> {
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).ok()?;
        let reads = File::options().read(true).custom_flags(nonblocking).open("/dev/tty").ok()?;
        let writes = File::options().write(true).open("/dev/tty").ok()?;
        let tty = Tty { reads, writes, by_key };
        tty.take();
        // A terminal that cannot forget is only less safe from hasty fingers.
        let _ = tcflush(&tty.reads, QueueSelector::IFlush);
        Some(tty)
    }

    /// Keys one by one from here on.
    pub(crate) fn take(&self) {
        if !self.by_key {
            return;
        }
        let Ok(found) = tcgetattr(&self.reads) else { return };
        let mut modes = found.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        FOUND.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(found);
        // If it fails, lines come instead of keys: they are understood as well.
        let _ = tcsetattr(&self.reads, OptionalActions::Now, &modes);
    }

    pub(crate) fn write(&mut self, text: &str) {
        // A terminal that went away is met by the next read.
        let _ = self.writes.write_all(text.as_bytes());
    }

    /// `None` when there will be nothing more.
    pub(crate) async fn typed(&mut self) -> Option<Typed> {
        let mut typed = self.bytes().await?;
        while !self.by_key && !typed.ends_with('\n') {
            typed += &self.bytes().await?;
        }
        let mut characters = typed.chars();
        Some(match (characters.next(), characters.next()) {
            _ if typed.ends_with(['\n', '\r']) => Typed::Line(typed.trim().to_owned()),
            (Some(key), None) => Typed::Key(key),
            (_, _) => Typed::Other,
        })
    }

    /// A line with what is typed shown, `None` for Escape or an end. `prompt` stands before it.
    pub(crate) async fn line(&mut self, prompt: &str) -> Option<String> {
        let mut line = String::new();
        loop {
            self.write(&format!("\r\x1b[K{prompt}{}", crate::harmless::harmless(&line)));
            for character in self.bytes().await?.chars() {
                match character {
                    '\n' | '\r' => {
                        self.write("\n");
                        return Some(line);
                    }
                    '\u{7f}' | '\u{8}' => {
                        line.pop();
                    }
                    '\u{15}' => line.clear(),
                    '\u{1b}' => return None,
                    other if !other.is_control() => line.push(other),
                    _ => (),
                }
            }
        }
    }

    pub(crate) fn by_key(&self) -> bool {
        self.by_key
    }

    /// What is there to be read, at least something, ending where a character does.
    async fn bytes(&mut self) -> Option<String> {
        let mut read = Vec::new();
        loop {
            let mut buffer = [0; 1024];
            match self.reads.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => read.extend_from_slice(buffer.get(..length)?),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(TICK).await,
                Err(_) => return None,
            }
            let whole = std::str::from_utf8(&read).is_ok_and(|text| !text.is_empty());
            if whole || 4 < read.len() {
                return Some(String::from_utf8_lossy(&read).into_owned());
            }
        }
    }
}
