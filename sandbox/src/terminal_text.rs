//! What a terminal would show of an output in the end, as plain text: of a progress bar its last frame, no colors.
//! Pure, and in pieces: an output comes in chunks that end anywhere.

use memchr::{memchr, memchr3, memrchr};

/// A line is held back so long, since a carriage return may start it again.
const MOST_HELD_BYTES: usize = 16 << 10;
/// What looks like the start of an escape sequence and goes on longer is not one.
const LONGEST_SEQUENCE_BYTES: usize = 4_096;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;

#[derive(Debug, Default)]
pub(crate) struct TerminalText {
    state: State,
    /// Since the last newline.
    line: Vec<u8>,
    /// Carriage returns since the last character.
    returns: usize,
    /// The next character starts the line again.
    starts_again: bool,
    /// The sequence so far, without its first byte.
    sequence: Vec<u8>,
}

/// Where in an escape sequence we are (ECMA-48, section 5.4 for `[`, 5.6 for strings).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    /// After `[`: colors, the cursor, what is erased.
    Control,
    /// After a blank to `/`: one more byte, such as a character set.
    Intermediate,
    /// After `]` and its like: a title or a link, up to a bell or `ESC \`.
    String,
}

impl TerminalText {
    /// Adds what is settled to `shown`.
    pub(crate) fn push(&mut self, bytes: &[u8], shown: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if self.state != State::Text {
                // The byte that shows that it is no sequence is text.
                rest = if self.in_sequence(byte) { after } else { rest };
                continue;
            }
            let settled = self.settled(rest);
            if 0 < settled {
                let (lines, others) = rest.split_at(settled);
                shown.extend_from_slice(lines);
                rest = others;
                continue;
            }
            let plain = rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
            let (text, others) = rest.split_at(plain);
            if !text.is_empty() {
                self.text(text, shown);
                rest = others;
                continue;
            }
            match byte {
                b'\n' => self.newline(shown),
                b'\r' => {
                    self.returns += 1;
                    self.starts_again = true;
                }
                BACKSPACE => self.back(),
                ESCAPE => self.state = State::Escape,
                _ => {}
            }
            rest = after;
        }
    }

    /// How many of the bytes are whole lines of plain text, which are shown as they are: most output is nothing else.
    fn settled(&self, bytes: &[u8]) -> usize {
        if !self.line.is_empty() || self.starts_again || 0 < self.returns {
            return 0;
        }
        let special = memchr3(b'\r', ESCAPE, BACKSPACE, bytes).into_iter().chain(memchr(BELL, bytes)).min();
        let plain = bytes.get(..special.unwrap_or(bytes.len())).unwrap_or_default();
        memrchr(b'\n', plain).map_or(0, |newline| newline + 1)
    }

    /// The line that has no end yet.
    pub(crate) fn flush(&mut self, shown: &mut Vec<u8>) {
        shown.append(&mut self.line);
    }

    fn text(&mut self, text: &[u8], shown: &mut Vec<u8>) {
        if std::mem::take(&mut self.starts_again) {
            self.line.clear();
        }
        self.returns = 0;
        self.line.extend_from_slice(text);
        if MOST_HELD_BYTES < self.line.len() {
            self.flush(shown);
        }
    }

    /// Carriage returns right before it are how the line ends.
    fn newline(&mut self, shown: &mut Vec<u8>) {
        self.line.extend(std::iter::repeat_n(b'\r', std::mem::take(&mut self.returns)));
        self.line.push(b'\n');
        self.starts_again = false;
        self.flush(shown);
    }

    /// Takes the last character off: what follows is printed over it.
    fn back(&mut self) {
        let is_inside_of_character = |byte: &u8| (0x80..0xc0).contains(byte);
        while self.line.pop().is_some_and(|byte| is_inside_of_character(&byte)) {}
    }

    /// Whether `byte` is part of the sequence.
    fn in_sequence(&mut self, byte: u8) -> bool {
        self.sequence.push(byte);
        let goes_on = match (self.state, byte) {
            (State::Escape, b'[') => Some(State::Control),
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => Some(State::String),
            (State::Escape | State::Intermediate, 0x20..=0x2f) => Some(State::Intermediate),
            (State::Control, 0x20..=0x3f) => Some(State::Control),
            (State::Control, 0x40..=0x7e) => {
                self.control(byte);
                None
            }
            // `ESC \` ends a string; the backslash is then a sequence of its own.
            (State::String, ESCAPE) => Some(State::Escape),
            (State::String, BELL) | (State::Escape | State::Intermediate, 0x30..=0x7e) => None,
            (State::String, byte) if byte != b'\n' && self.sequence.len() < LONGEST_SEQUENCE_BYTES => {
                Some(State::String)
            }
            (State::Text | State::Escape | State::Control | State::Intermediate | State::String, _) => {
                self.sequence.clear();
                self.state = State::Text;
                return false;
            }
        };
        if goes_on != Some(self.state) || goes_on == Some(State::Escape) {
            // Only what is between the brackets and the end counts.
            self.sequence.clear();
        }
        self.state = goes_on.unwrap_or_default();
        true
    }

    /// What changes the line that is shown: it is erased, or the cursor goes to its start.
    fn control(&mut self, last: u8) {
        let erases_all = self.sequence.first() == Some(&b'2');
        match last {
            b'K' if erases_all || self.starts_again => {
                self.line.clear();
                self.returns = 0;
            }
            b'G' if matches!(self.sequence.as_slice(), [b'G'] | [b'0' | b'1', b'G']) => self.starts_again = true,
            _ => {}
        }
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | BACKSPACE | ESCAPE | BELL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, expected: &str) {
        for size in [1, 3, output.len().max(1)] {
            let (mut text, mut shown) = (TerminalText::default(), Vec::new());
            output.as_bytes().chunks(size).for_each(|chunk| text.push(chunk, &mut shown));
            text.flush(&mut shown);
            assert_eq!(String::from_utf8(shown).unwrap(), expected, "in chunks of {size}");
        }
    }

    #[test]
    fn of_a_progress_bar_the_last_frame_is_shown() {
        check("\r10%\r50%\r100%\ndone\n", "100%\ndone\n");
        check("long frame\rshort\n", "short\n");
        check("half\rway", "way");
        check("half\r", "half");
        check("one\x1b[1Gtwo\x1b[0Gthree\n", "three\n");
        check("one\r\x1b[Ktwo\n", "two\n");
        check("one\x1b[2Ktwo\n", "two\n");
        check("spinner |\x08/\x08-\n", "spinner -\n");
        check("é\x08e\n", "e\n");
    }

    #[test]
    fn colors_titles_and_links_go() {
        check("\x1b[32mPASS\x1b[0m \x1b[1;4mtest_1\x1b[22m\x1b[K\n", "PASS test_1\n");
        check("\x1b]0;title\x07a\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\b\n", "alinkb\n");
        check("\x1b(Ba\x1b=b\x1b7c\n", "abc\n");
        check("a\x07b\n", "ab\n");
    }

    #[test]
    fn line_ends_and_text_stay() {
        check("a\r\nb\r\r\nc", "a\r\nb\r\r\nc");
        check("tab\there\0 and \u{85} and \u{9b}1m\n", "tab\there\0 and \u{85} and \u{9b}1m\n");
    }

    #[test]
    fn what_is_no_sequence_hides_nothing() {
        check("\x1b[31\nnext\n", "\nnext\n");
        check("\x1b]0;never ended\nnext\n", "\nnext\n");
        check("\x1b\n", "\n");
        let long = format!("\x1b]{}", "x".repeat(2 * LONGEST_SEQUENCE_BYTES));
        let (mut text, mut shown) = (TerminalText::default(), Vec::new());
        text.push(long.as_bytes(), &mut shown);
        text.flush(&mut shown);
        assert!(LONGEST_SEQUENCE_BYTES < shown.len(), "{}", shown.len());
    }

    #[test]
    fn a_long_line_is_not_held_back() {
        let (mut text, mut shown) = (TerminalText::default(), Vec::new());
        text.push(&vec![b'x'; 3 << 20], &mut shown);
        assert_eq!((shown.len(), text.line.len()), (3 << 20, 0));
    }
}
