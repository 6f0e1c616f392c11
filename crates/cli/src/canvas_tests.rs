//! What is on a terminal that changes its size at any moment, by a small terminal of our own.

use super::*;

const BEFORE: &str = "said before, and to be kept\n";
const TEXT: &str = "Some text that is long enough to be folded on this terminal several times over, since it goes on, it \
    says.\n\n| Name | Value |\n|---|---|\n| a | 1 |\n\nAnd `code` at the end of it all, which is long as well.\n";

/// What terminals do with older rows when they change their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Older {
    /// Folds them anew, as tmux and most others do.
    Folded,
    /// Cuts them off, as xterm does.
    Cut,
}

struct Terminal {
    columns: usize,
    older: Older,
    /// Each up to its newline, however many rows that takes.
    lines: Vec<Vec<char>>,
    line: usize,
    /// Of the cursor, from the first row of its line on.
    at: usize,
}

impl Terminal {
    fn resize(&mut self, columns: usize) {
        self.columns = columns;
        if self.older == Older::Cut {
            self.lines.iter_mut().for_each(|line| line.truncate(columns));
            self.at = self.at.min(columns - 1);
        }
    }

    fn feed(&mut self, text: &str) {
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            match letter {
                '\n' => self.down(),
                '\r' => self.at -= self.at % self.columns,
                '\x1b' => {
                    let end = rest.find(|letter: char| letter.is_ascii_alphabetic()).unwrap();
                    let count = rest[1..end].parse().unwrap_or(1);
                    match &rest[end..=end] {
                        "A" => (0..count).for_each(|_| self.up()),
                        "C" => self.at += count,
                        "K" => self.erase_row(),
                        "J" => {
                            self.lines[self.line].truncate(self.at);
                            self.lines.truncate(self.line + 1);
                        }
                        _ => {}
                    }
                    rest = &rest[end + 1..];
                }
                letter => {
                    let line = &mut self.lines[self.line];
                    line.resize(line.len().max(self.at + 1), ' ');
                    line[self.at] = letter;
                    self.at += 1;
                }
            }
        }
    }

    fn down(&mut self) {
        let next_row = (self.at / self.columns + 1) * self.columns;
        if next_row < self.lines[self.line].len() {
            self.at = next_row;
            return;
        }
        self.line += 1;
        self.at = 0;
        if self.line == self.lines.len() {
            self.lines.push(Vec::new());
        }
    }

    fn up(&mut self) {
        if self.columns <= self.at {
            self.at -= self.columns;
        } else if 0 < self.line {
            self.line -= 1;
            self.at += self.lines[self.line].len().saturating_sub(1) / self.columns * self.columns;
        }
    }

    /// To the end of the row, which is the end of its line from then on.
    fn erase_row(&mut self) {
        let next_row = (self.at / self.columns + 1) * self.columns;
        if next_row < self.lines[self.line].len() {
            let below = self.lines[self.line].split_off(next_row);
            self.lines.insert(self.line + 1, below);
        }
        self.lines[self.line].truncate(self.at);
    }

    /// Without blanks, since rows end anywhere.
    fn text(&self) -> String {
        self.lines.iter().flatten().filter(|letter| !letter.is_whitespace()).collect()
    }
}

fn canvas() -> Canvas {
    Canvas {
        terminal: true,
        moving: true,
        colour: false,
        status: None,
        frame: 0,
        words: Markdown::new(Colour::Off),
        prompt: None,
        waiting: Vec::new(),
        drawn: Drawn::default(),
        mid_line: false,
        raw_mode: None,
        suspended: 0,
        lent: 0,
    }
}

/// Streams [`TEXT`] while the terminal goes through `sizes`, one more at each of `changes`, of which the canvas learns
/// `late` pieces afterwards.
fn stream(older: Older, sizes: &[usize], changes: &[usize], late: usize, prompt: bool) -> String {
    let mut terminal = Terminal { columns: sizes[0], older, lines: vec![Vec::new()], line: 0, at: 0 };
    let mut canvas = canvas();
    canvas.prompt = prompt.then(Prompt::default);
    terminal.feed(&canvas.drawing(BEFORE, sizes[0], 30).unwrap_or_default());
    let letters: Vec<char> = TEXT.chars().collect();
    let size_at = |now: usize| sizes[changes.iter().filter(|change| **change <= now).count()];
    for (now, piece) in letters.chunks(3).enumerate() {
        if terminal.columns != size_at(now) {
            terminal.resize(size_at(now));
        }
        let columns = size_at(now.saturating_sub(late));
        let rows = canvas.words.push(&piece.iter().collect::<String>(), columns - 1);
        let stays: String = rows.iter().map(|row| format!("{row}\n")).collect();
        terminal.feed(&canvas.drawing(&stays, columns, 30).unwrap_or_default());
    }
    let rest: String = canvas.words.finish().iter().map(|row| format!("{row}\n")).collect();
    terminal.feed(&canvas.drawing(&rest, terminal.columns, 30).unwrap_or_default());
    terminal.text()
}

#[test]
fn no_words_are_lost_whenever_the_terminal_changes_its_size() {
    let squeezed = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
    let whole = squeezed(BEFORE) + &squeezed(TEXT);
    assert_eq!(stream(Older::Folded, &[80], &[], 0, false), whole);
    let wanted: Vec<String> =
        BEFORE.lines().chain(["several times over", "it says.", "|a|1|", "is long as well."]).map(squeezed).collect();
    let last = TEXT.len() / 3;
    for older in [Older::Folded, Older::Cut] {
        for prompt in [false, true] {
            for late in [0, 1, 4] {
                for first in 0..last {
                    for gap in [1, 3, 7] {
                        let changes = [first, first + gap, first + 2 * gap];
                        let shown = stream(older, &[80, 50, 30, 100], &changes, late, prompt);
                        for words in &wanted {
                            // A terminal that cuts rows off loses what was beyond its edge, whatever is drawn.
                            let is_kept = older == Older::Folded || words == &wanted[0];
                            assert!(
                                !is_kept || shown.contains(words),
                                "{older:?} at {changes:?}, {late} late: {words} in {shown}"
                            );
                        }
                    }
                }
            }
        }
    }
}
