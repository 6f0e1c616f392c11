//! The terminal's modes: keys one by one and unseen, or as it was found.

use std::fs::File;
use std::io;

use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

pub(crate) struct RawMode {
    tty: File,
    found: Termios,
    raw: Termios,
}

impl RawMode {
    /// Changes nothing yet. Output is processed as ever: a newline begins at the left.
    pub(crate) fn of(tty: File) -> io::Result<RawMode> {
        let found = tcgetattr(&tty)?;
        let mut raw = found.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IXON;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(RawMode { tty, found, raw })
    }

    /// The codes to write with it: a paste is marked as one.
    pub(crate) fn enter(&self) -> &'static str {
        // A terminal that went away is met by the next read.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.raw);
        "\x1b[?2004h"
    }

    /// What was typed and not read yet is no answer to what is asked next.
    pub(crate) fn leave(&self) -> &'static str {
        // A terminal that went away needs no modes.
        let _ = tcsetattr(&self.tty, OptionalActions::Flush, &self.found);
        "\x1b[?2004l"
    }
}
