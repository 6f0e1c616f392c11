//! What a terminal in raw mode sends, read as keys. Pure: bytes in, keys out; nothing here reads a terminal.

use std::time::Duration;

/// A key by what it does. Keys that do nothing here are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    /// Text that was pasted in one piece (bracketed paste).
    Paste(String),
    Enter,
    /// Alt-Enter, Ctrl-J, and Shift-Enter where the terminal tells it.
    NewLine,
    Tab,
    /// Shift-Tab or F2.
    NextMode,
    Escape,
    Interrupt,
    EndOfInput,
    Suspend,
    Redraw,
    Backspace,
    Delete,
    DeleteWordLeft,
    DeleteWordRight,
    KillLeft,
    KillRight,
    Yank,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
}

const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";
/// A terminal sends the bytes of one key together; over a slow line they may come this far apart.
const ESCAPE_WAIT: Duration = Duration::from_millis(50);
/// Long, for what follows too late counts as typed, newlines and all.
const PASTE_WAIT: Duration = Duration::from_secs(3);
/// Longer sequences than this are no keys.
const LONGEST_SEQUENCE: usize = 32;

/// Keeps what has come of a key that is not whole yet.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pending: Vec<u8>,
}

/// What the first bytes are.
enum Read {
    Key(Option<Key>, usize),
    /// More bytes must come to tell.
    More,
}

impl Decoder {
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.pending.extend_from_slice(bytes);
        let mut keys = Vec::new();
        while let Read::Key(key, length) = read(&self.pending) {
            self.pending.drain(..length.min(self.pending.len()));
            keys.extend(key);
            if self.pending.is_empty() {
                break;
            }
        }
        keys
    }

    /// How long to wait for what must follow, `None` where nothing is in doubt: a lone escape byte may be the key, or the
    /// beginning of another one; the end of a paste may have been lost.
    pub(crate) fn doubt(&self) -> Option<Duration> {
        match self.pending.as_slice() {
            [0x1b] => Some(ESCAPE_WAIT),
            pending => pending.starts_with(PASTE_BEGINS).then_some(PASTE_WAIT),
        }
    }

    /// Nothing has followed for that long.
    pub(crate) fn settle(&mut self) -> Option<Key> {
        self.doubt()?;
        let pending = std::mem::take(&mut self.pending);
        Some(match pending.strip_prefix(PASTE_BEGINS) {
            Some(text) => Key::Paste(String::from_utf8_lossy(text).into_owned()),
            None => Key::Escape,
        })
    }
}

fn read(bytes: &[u8]) -> Read {
    match bytes {
        [] | [0x1b] => Read::More,
        [0x1b, b'[', ..] => sequence(bytes),
        [0x1b, b'O'] => Read::More,
        [0x1b, b'O', last, ..] => Read::Key(named(b"", *last), 3),
        // Escape twice is escape, and perhaps the beginning of something.
        [0x1b, 0x1b, ..] => Read::Key(Some(Key::Escape), 1),
        [0x1b, byte, ..] => Read::Key(with_alt(*byte), 2),
        [byte, ..] if *byte < 0x20 || *byte == 0x7f => Read::Key(control(*byte), 1),
        [..] => character(bytes),
    }
}

fn character(bytes: &[u8]) -> Read {
    let first = bytes.first().copied().unwrap_or_default();
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let Some(bytes) = bytes.get(..length) else { return Read::More };
    let key = std::str::from_utf8(bytes).ok().and_then(|text| text.chars().next()).map(Key::Char);
    // Bytes that are no UTF-8 are dropped one by one.
    let length = if key.is_some() { length } else { 1 };
    Read::Key(key, length)
}

/// `ESC [`, parameters, one last byte.
fn sequence(bytes: &[u8]) -> Read {
    if bytes.starts_with(PASTE_BEGINS) {
        let text = bytes.get(PASTE_BEGINS.len()..).unwrap_or_default();
        let Some(length) = text.windows(PASTE_ENDS.len()).position(|window| window == PASTE_ENDS) else {
            return Read::More;
        };
        let pasted = String::from_utf8_lossy(text.get(..length).unwrap_or_default()).into_owned();
        return Read::Key(Some(Key::Paste(pasted)), PASTE_BEGINS.len() + length + PASTE_ENDS.len());
    }
    let parameters = bytes.get(2..).unwrap_or_default();
    match parameters.iter().position(|byte| (0x40..=0x7e).contains(byte)) {
        Some(length) => {
            let last = parameters.get(length).copied().unwrap_or_default();
            Read::Key(named(parameters.get(..length).unwrap_or_default(), last), length + 3)
        }
        None if LONGEST_SEQUENCE < bytes.len() => Read::Key(None, bytes.len()),
        None => Read::More,
    }
}

/// The keys with names, as xterm and those after it write them.
fn named(parameters: &[u8], last: u8) -> Option<Key> {
    let is_by_word = matches!(parameters, b"1;5" | b"1;3" | b"5" | b"3");
    Some(match (parameters, last) {
        (_, b'A') => Key::Up,
        (_, b'B') => Key::Down,
        (_, b'C') if is_by_word => Key::WordRight,
        (_, b'D') if is_by_word => Key::WordLeft,
        (_, b'C') => Key::Right,
        (_, b'D') => Key::Left,
        (_, b'H') | (b"1" | b"7", b'~') => Key::Home,
        (_, b'F') | (b"4" | b"8", b'~') => Key::End,
        (b"3", b'~') => Key::Delete,
        (_, b'Z') | (b"", b'Q') | (b"12", b'~') => Key::NextMode,
        (b"13;2" | b"13;3", b'u') | (b"27;2;13" | b"27;3;13", b'~') => Key::NewLine,
        (_, _) => return None,
    })
}

fn with_alt(byte: u8) -> Option<Key> {
    Some(match byte {
        b'\r' | b'\n' => Key::NewLine,
        b'b' => Key::WordLeft,
        b'f' => Key::WordRight,
        b'd' => Key::DeleteWordRight,
        0x7f | 0x08 => Key::DeleteWordLeft,
        _ => return None,
    })
}

/// As in Emacs and Readline.
fn control(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::EndOfInput,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Tab,
        b'\n' => Key::NewLine,
        0x0b => Key::KillRight,
        0x0c => Key::Redraw,
        b'\r' => Key::Enter,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::KillLeft,
        0x17 => Key::DeleteWordLeft,
        0x19 => Key::Yank,
        0x1a => Key::Suspend,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// All at once and byte by byte must give the same keys.
    #[track_caller]
    fn check(bytes: &[u8], expected: Expect) {
        let mut decoder = Decoder::default();
        let mut keys = decoder.push(bytes);
        keys.extend(decoder.settle());
        let mut decoder = Decoder::default();
        let mut single: Vec<Key> = bytes.iter().flat_map(|byte| decoder.push(&[*byte])).collect();
        single.extend(decoder.settle());
        assert_eq!(keys, single);
        expected.assert_eq(&format!("{keys:?}"));
    }

    #[test]
    fn characters_of_all_lengths() {
        check("aé日😀".as_bytes(), expect!["[Char('a'), Char('é'), Char('日'), Char('😀')]"]);
        check(b"a\xff\xc3(b", expect!["[Char('a'), Char('('), Char('b')]"]);
    }

    #[test]
    fn keys_with_names() {
        check(b"\x1b[A\x1bOB\x1b[1;5D\x1b[H\x1b[4~", expect!["[Up, Down, WordLeft, Home, End]"]);
        check(b"\x1b[Z\x1bOQ\x1b\r\n\r", expect!["[NextMode, NextMode, NewLine, NewLine, Enter]"]);
        check(b"\x1b[99;99z\x1b[Ix", expect!["[Char('x')]"]);
        check(b"\x03\x04\x1a\x7f\x17", expect!["[Interrupt, EndOfInput, Suspend, Backspace, DeleteWordLeft]"]);
    }

    #[test]
    fn escape_alone_is_known_only_after_a_while() {
        check(b"\x1b", expect!["[Escape]"]);
        check(b"\x1b\x1b", expect!["[Escape, Escape]"]);
        assert!(Decoder::default().settle().is_none());
    }

    #[test]
    fn a_paste_without_its_end_is_what_came_of_it() {
        check(b"\x1b[200~one\ntwo", expect![[r#"[Paste("one\ntwo")]"#]]);
        let mut decoder = Decoder::default();
        assert!(decoder.push(b"\x1b[200~one").is_empty() && decoder.doubt() == Some(PASTE_WAIT));
        assert_eq!(decoder.settle(), Some(Key::Paste("one".to_owned())));
        assert_eq!(decoder.push(b"\x1b[201~x"), [Key::Char('x')], "the end came after all");
        assert_eq!(decoder.doubt(), None);
    }

    #[test]
    fn a_paste_is_one_key_whatever_is_in_it() {
        check(b"\x1b[200~one\r\x1b[A\x03two\x1b[201~!", expect![[r#"[Paste("one\r\u{1b}[A\u{3}two"), Char('!')]"#]]);
    }
}
