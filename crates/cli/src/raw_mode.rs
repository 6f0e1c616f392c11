//! The terminal's modes: keys one by one and unseen, or as it was found.
//!
//! Whatever ends the program puts the terminal back: the end of a question, a panic, the second Ctrl-C.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// The modes that were found, while they are others.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);

/// What becomes of Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupts {
    /// It stays a signal.
    Signal,
    /// It is a key like others, and a paste is marked as one.
    Key,
}

pub(crate) struct RawMode {
    tty: File,
    found: Termios,
    raw: Termios,
    interrupts: Interrupts,
}

impl RawMode {
    /// Changes nothing yet. Output is processed as ever: a newline begins at the left.
    pub(crate) fn of(tty: File, interrupts: Interrupts) -> io::Result<RawMode> {
        let found = tcgetattr(&tty)?;
        let mut raw = found.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        if interrupts == Interrupts::Key {
            raw.local_modes -= LocalModes::ISIG | LocalModes::IEXTEN;
            raw.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IXON;
        }
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(RawMode { tty, found, raw, interrupts })
    }

    /// The codes to write with it.
    pub(crate) fn enter(&self) -> &'static str {
        FOUND.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| self.found.clone());
        // A terminal that went away is met by the next read.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.raw);
        match self.interrupts {
            Interrupts::Signal => "",
            Interrupts::Key => "\x1b[?2004h",
        }
    }

    /// What was typed and not read yet is no answer to what is asked next.
    pub(crate) fn leave(&self) -> &'static str {
        *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // A terminal that went away needs no modes.
        let _ = tcsetattr(&self.tty, OptionalActions::Flush, &self.found);
        match self.interrupts {
            Interrupts::Signal => "",
            Interrupts::Key => "\x1b[?2004l",
        }
    }
}

/// Puts the terminal back as it was found. Safe to call at any time, from a panic too.
pub(crate) fn restore() {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(found) = found
        && let Ok(mut tty) = File::options().read(true).write(true).open("/dev/tty")
    {
        // A terminal that went away needs no modes. Pastes are plain again, and the cursor is seen.
        let _ = tcsetattr(&tty, OptionalActions::Now, &found);
        let _ = tty.write_all(b"\x1b[?2004l\x1b[?25h");
    }
}
