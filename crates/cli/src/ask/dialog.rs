//! The controlling terminal while a question is asked. stdin is only ever read for the task.
//!
//! Keys come one by one and unseen; Ctrl-C stays a signal. Whatever ends the question puts the terminal back: an
//! answer, a dropped future, a panic, the second Ctrl-C.

use std::cell::Cell;
use std::fs::File;
use std::io::Write as _;

use rustix::termios::{QueueSelector, tcflush};

use crate::raw_mode::{Interrupts, RawMode};
use crate::tty::Tty;

pub(crate) struct Dialog {
    reads: Tty,
    writes: File,
    /// `None` where the terminal gives lines.
    keys: Option<RawMode>,
    /// Another program has the terminal: its modes are that program's.
    lent: Cell<bool>,
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

impl Drop for Dialog {
    fn drop(&mut self) {
        self.lend();
    }
}

impl Dialog {
    /// `None` where there is no terminal. What was typed before the question is no answer to it.
    pub(crate) fn open(by_key: bool) -> Option<Dialog> {
        let reads = Tty::open().ok()?;
        let writes = File::options().read(true).write(true).open("/dev/tty").ok()?;
        // Where it fails, lines come instead of keys: they are understood as well.
        let tty = writes.try_clone().ok().filter(|_| by_key);
        let keys = tty.and_then(|tty| RawMode::of(tty, Interrupts::Signal).ok());
        let dialog = Dialog { reads, writes, keys, lent: Cell::new(true) };
        dialog.take();
        // A terminal that cannot forget is only less safe from hasty fingers.
        let _ = tcflush(&dialog.writes, QueueSelector::IFlush);
        Some(dialog)
    }

    /// Keys one by one from here on.
    pub(crate) fn take(&self) {
        self.lent.set(false);
        self.keys.as_ref().map(RawMode::enter);
    }

    /// The terminal is another program's until it is taken back.
    pub(crate) fn lend(&self) {
        if !self.lent.replace(true) {
            self.keys.as_ref().map(RawMode::leave);
        }
    }

    pub(crate) fn write(&mut self, text: &str) {
        // A terminal that went away is met by the next read.
        let _ = self.writes.write_all(text.as_bytes());
    }

    /// `None` when there will be nothing more.
    pub(crate) async fn typed(&mut self) -> Option<Typed> {
        let mut typed = self.bytes().await?;
        while self.keys.is_none() && !typed.ends_with('\n') {
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
        self.keys.is_some()
    }

    /// What is there to be read, at least something, ending where a character does.
    async fn bytes(&mut self) -> Option<String> {
        let mut read = Vec::new();
        loop {
            self.reads.readable().await.ok()?;
            match self.reads.try_read().ok()? {
                Some(bytes) if bytes.is_empty() => return None,
                Some(bytes) => read.extend(bytes),
                None => continue,
            }
            let whole = std::str::from_utf8(&read).is_ok_and(|text| !text.is_empty());
            if whole || 4 < read.len() {
                return Some(String::from_utf8_lossy(&read).into_owned());
            }
        }
    }
}
