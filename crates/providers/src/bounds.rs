//! What ends a reply before the model does. Pure.

/// Of a reply: what comes after these was written by a model that got carried away, and mostly fills its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyBounds {
    /// What comes after so many calls was written without having seen what any of them gave.
    pub calls: usize,
    /// It ends where the same is said over and over, for so many bytes of text.
    pub repeated_bytes: usize,
    /// The same for the arguments of calls: a file of zeros or an empty grid is repetitive by its nature.
    pub repeated_argument_bytes: usize,
}

impl ReplyBounds {
    /// Far from what is meant: of the 894 edits in `shared/material`, the only one with as much is of a model that did
    /// not stop. Larger models do it too: a block of 92 lines, 32 times (ggml-org/llama.cpp#26039).
    pub const WIDE: ReplyBounds = ReplyBounds { calls: 32, repeated_bytes: 8_000, repeated_argument_bytes: 40_000 };

    /// Qwen2.5-Coder 1.5B, asked to check its work, wrote lists of calls until its window was full in 6 of 6 replies,
    /// `rm` of its own file among them; llama-server does not heed `parallel_tool_calls`. In place of a file of 37 lines
    /// it wrote the task, 33 times over, until it was stopped.
    pub const NARROW: ReplyBounds = ReplyBounds { calls: 1, repeated_bytes: 1_000, repeated_argument_bytes: 1_000 };
}

/// How often it is said, at least.
const REPEATS: usize = 5;
/// Bytes of the reply's end that are looked at: more than a fifth of it, said again, is not seen.
const WINDOW: usize = 64 << 10;
/// Bytes between two looks, at least, and the part of the bound that is more.
const STRIDE: usize = 512;
const STRIDE_SHARE: usize = 16;

/// Sees a reply that says the same over and over.
#[derive(Debug)]
pub(crate) struct RepetitionWatch {
    most_bytes: usize,
    /// The end of what was said.
    tail: Vec<u8>,
    /// Bytes since the last look.
    unseen: usize,
}

impl RepetitionWatch {
    /// `most_bytes`: how many may say the same.
    pub(crate) fn new(most_bytes: usize) -> RepetitionWatch {
        RepetitionWatch { most_bytes, tail: Vec::new(), unseen: 0 }
    }

    /// How many of the last bytes say again what stands before them, once that is too much.
    pub(crate) fn push(&mut self, text: &str) -> Option<usize> {
        self.tail.extend_from_slice(text.as_bytes());
        self.unseen += text.len();
        if self.unseen < STRIDE.max(self.most_bytes / STRIDE_SHARE) {
            return None;
        }
        self.unseen = 0;
        self.tail.drain(..self.tail.len().saturating_sub(WINDOW));
        let reversed: Vec<u8> = self.tail.iter().rev().copied().collect();
        let same = common_prefixes(&reversed);
        let periods = 1..=reversed.len() / REPEATS;
        periods.zip(same.iter().skip(1)).find_map(|(period, same)| {
            let is_much = self.most_bytes.max(REPEATS * period) <= same + period;
            is_much.then_some(*same)
        })
    }
}

/// For each place, how many bytes from there on are those at the beginning (the Z function, in linear time: Gusfield,
/// *Algorithms on Strings, Trees, and Sequences*, 1.3).
fn common_prefixes(bytes: &[u8]) -> Vec<usize> {
    let mut same = vec![0; bytes.len()];
    let (mut left, mut right) = (0, 0);
    for at in 1..bytes.len() {
        let known = if at < right { (right - at).min(same.get(at - left).copied().unwrap_or_default()) } else { 0 };
        let here = bytes.iter().skip(at + known).zip(bytes.iter().skip(known)).take_while(|(one, other)| one == other);
        let length = known + here.count();
        if let Some(slot) = same.get_mut(at) {
            *slot = length;
        }
        if right < at + length {
            (left, right) = (at, at + length);
        }
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where it ends, in bytes, and how many of them say again what stands before.
    fn watch(bounds: ReplyBounds, text: &str) -> Option<(usize, usize)> {
        let mut watch = RepetitionWatch::new(bounds.repeated_bytes);
        let mut said = 0;
        text.as_bytes().chunks(5).find_map(|piece| {
            said += piece.len();
            watch.push(std::str::from_utf8(piece).unwrap()).map(|again| (said, again))
        })
    }

    #[test]
    fn a_text_that_does_not_end_ends() {
        let line = "The function has a bug. Fix it so that the tests pass.\n";
        let endless = format!("def f(): {}", line.repeat(300));
        let (said, again) = watch(ReplyBounds::NARROW, &endless).unwrap();
        assert!(1_000 < said && said < 1_600, "{said}");
        assert_eq!(said - again, "def f(): ".len() + line.len());
        let (said, _) = watch(ReplyBounds::WIDE, &endless).unwrap();
        assert!(8_000 < said && said < 8_600, "{said}");
        // One letter is a period too, and so is a whole page.
        assert!(watch(ReplyBounds::NARROW, &"!".repeat(2_000)).is_some());
        let page: String = (0..150).map(|n| format!("{n:>9}\n")).collect();
        assert!(watch(ReplyBounds::WIDE, &page.repeat(9)).is_some());
    }

    #[test]
    fn what_only_looks_alike_goes_on() {
        let rows: String = (0..500).map(|n| format!("    <li class=\"item\">Item {n}</li>\n")).collect();
        assert_eq!(watch(ReplyBounds::NARROW, &rows), None);
        // A row of a table, seven times; a line of dashes.
        assert_eq!(watch(ReplyBounds::NARROW, &format!("{}end", "0, 0, 0, 0, 0, 0, 0, 0,\n".repeat(30))), None);
        assert_eq!(watch(ReplyBounds::NARROW, &format!("{}end", "-".repeat(700))), None);
        let card = format!("<div>{}</div>\n", "x".repeat(300));
        assert_eq!(watch(ReplyBounds::WIDE, &format!("{}end", card.repeat(20))), None);
    }

    #[test]
    fn prefixes_are_found_in_any_text() {
        for text in ["aaaa", "abcabcab", "aabaab", "abac", "a", ""] {
            let bytes = text.as_bytes();
            let slow = |at: usize| bytes[at..].iter().zip(bytes).take_while(|(one, other)| one == other).count();
            let expected: Vec<usize> = (0..bytes.len()).map(|at| if at == 0 { 0 } else { slow(at) }).collect();
            assert_eq!(common_prefixes(bytes), expected, "{text}");
        }
    }
}
