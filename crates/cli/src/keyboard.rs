//! Reading keys from the controlling terminal, while they are ours. stdin is only ever read for the task.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::time::Duration;

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

/// A terminal sends the bytes of one key together; over a slow line they may come this far apart.
const ESCAPE_WAIT: Duration = Duration::from_millis(50);

impl Keyboard {
    /// On a terminal that can move, keys come one by one from here on; else in the lines that the terminal itself edits.
    pub(crate) fn open(screen: &Screen) -> io::Result<Keyboard> {
        if screen.is_moving() {
            screen.enter_raw_mode(RawMode::of(File::open("/dev/tty")?, Interrupts::Key)?);
        }
        let tty = Tty::open()?;
        Ok(Keyboard { tty, screen: screen.clone(), decoder: Decoder::default(), keys: VecDeque::new() })
    }

    /// The next key, `None` when there will be no more. May be dropped at any time: no key is lost.
    pub(crate) async fn next(&mut self) -> Option<Key> {
        loop {
            if let Some(key) = self.keys.pop_front() {
                return Some(key);
            }
            self.screen.keys_are_ours().await;
            if self.decoder.is_in_doubt() {
                match tokio::time::timeout(ESCAPE_WAIT, self.tty.readable()).await {
                    Ok(ready) => ready.ok()?,
                    Err(_) => {
                        self.keys.extend(self.decoder.settle());
                        continue;
                    }
                }
            } else {
                self.tty.readable().await.ok()?;
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
