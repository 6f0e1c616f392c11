//! Reading keys from the controlling terminal, while they are ours. stdin is only ever read for the task.

use std::collections::VecDeque;
use std::fs::File;
use std::io;

use crate::keys::{Decoder, Key};
use crate::raw_mode::{Interrupts, RawMode};
use crate::screen::Screen;
use crate::tty::Tty;

pub(crate) struct Keyboard {
    tty: Tty,
    screen: Screen,
    decoder: Decoder,
    keys: VecDeque<Key>,
}

impl Keyboard {
    /// On a terminal that can move, keys come one by one from here on; else in the lines that the terminal itself edits.
    pub(crate) fn open(screen: &Screen) -> io::Result<Keyboard> {
        // First: where it fails the terminal is as it was.
        let tty = Tty::open()?;
        if screen.is_moving() {
            screen.enter_raw_mode(RawMode::of(File::open("/dev/tty")?, Interrupts::Key)?);
        }
        Ok(Keyboard { tty, screen: screen.clone(), decoder: Decoder::default(), keys: VecDeque::new() })
    }

    /// The next key, `None` when there will be no more. May be dropped at any time: no key is lost.
    pub(crate) async fn next(&mut self) -> Option<Key> {
        loop {
            if let Some(key) = self.keys.pop_front() {
                return Some(key);
            }
            self.screen.keys_are_ours().await;
            match self.decoder.doubt() {
                Some(wait) => match tokio::time::timeout(wait, self.tty.readable()).await {
                    Ok(ready) => ready.ok()?,
                    Err(_) => {
                        self.keys.extend(self.decoder.settle());
                        continue;
                    }
                },
                None => self.tty.readable().await.ok()?,
            }
            // Whoever has the terminal now reads it.
            if self.screen.is_suspended() {
                continue;
            }
            match self.tty.try_read().ok()? {
                Some(bytes) if bytes.is_empty() => return None,
                Some(bytes) => self.take(&bytes),
                None => (),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.screen.is_moving() {
            self.keys.extend(self.decoder.push(bytes));
            return;
        }
        for line in String::from_utf8_lossy(bytes).split_inclusive('\n') {
            self.keys.push_back(Key::Paste(line.trim_end_matches('\n').to_owned()));
            if line.ends_with('\n') {
                self.screen.line_was_ended();
                self.keys.push_back(Key::Enter);
            }
        }
    }
}
