//! What is on the terminal, and how it is drawn: the hand behind [`crate::screen::Screen`].

use std::io::Write as _;
use std::time::Instant;

use crate::live::{self, Look, Prompt, Row, Rows};
use crate::markdown::{Colour, Markdown};
use crate::out;
use crate::raw_mode::RawMode;
use crate::screen::{Manner, Paint};

pub(crate) struct Canvas {
    pub(crate) terminal: bool,
    /// Rows may be drawn again in place.
    pub(crate) moving: bool,
    pub(crate) colour: bool,
    pub(crate) status: Option<Status>,
    pub(crate) frame: usize,
    /// The model's words.
    pub(crate) words: Markdown,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) drawn: Drawn,
    /// Off a moving terminal: something stands on the current line.
    pub(crate) mid_line: bool,
    pub(crate) raw_mode: Option<RawMode>,
    /// How many have the terminal for themselves, see [`Screen::suspend_input`].
    pub(crate) suspended: u32,
    /// How many of them are programs, see [`Screen::lend`].
    pub(crate) lent: u32,
}

/// Something that the human said while something else goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// For the model, before its next step.
    Words(String),
    /// For afterwards; and what was said after it comes after it.
    Line(String),
}

/// What is on the screen of the rows that move.
#[derive(Default)]
pub(crate) struct Drawn {
    /// Above the cursor. Each ended with a newline of ours and fitted its terminal, so it takes one row at least, also
    /// once the terminal has another size, whether that folds rows anew or cuts them off.
    pub(crate) above: usize,
    pub(crate) any: bool,
    /// What was written, to see that nothing has changed.
    pub(crate) frame: String,
}

pub(crate) struct Status {
    pub(crate) text: String,
    pub(crate) since: Instant,
}

impl Waiting {
    fn text(&self) -> &str {
        match self {
            Waiting::Words(text) | Waiting::Line(text) => text,
        }
    }
}

const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

impl Canvas {
    /// Looks at stderr, `NO_COLOR` (no-color.org: any value but an empty one) and `TERM=dumb`.
    pub(crate) fn new(manner: Manner) -> Canvas {
        let terminal = out::stderr_is_terminal();
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
        let moving = terminal && !dumb && manner == Manner::Moving;
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = moving && !no_colour;
        Canvas {
            terminal,
            moving,
            colour,
            status: None,
            frame: 0,
            words: Markdown::new(if colour { Colour::On } else { Colour::Off }),
            prompt: None,
            waiting: Vec::new(),
            drawn: Drawn::default(),
            mid_line: false,
            raw_mode: None,
            suspended: 0,
            lent: 0,
        }
    }

    /// What is going on moves on.
    pub(crate) fn tick(&mut self) {
        self.frame = (self.frame + 1) % FRAMES.len();
        if self.status.is_some() {
            self.draw("");
        }
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> (usize, usize) {
        if !self.terminal {
            return (100, 30);
        }
        rustix::termios::tcgetwinsize(out::stderr_handle())
            .ok()
            // Some terminals do not know their size.
            .filter(|size| 0 < size.ws_col && 0 < size.ws_row)
            .map_or((80, 24), |size| (usize::from(size.ws_col).max(20), usize::from(size.ws_row).max(4)))
    }

    pub(crate) fn print_rows(&mut self, rows: &[String]) {
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        self.draw(&text);
    }

    /// Text that stays, in whole lines, below the model's words so far.
    pub(crate) fn print(&mut self, text: &str) {
        let words: String = self.words.finish().iter().map(|row| format!("{row}\n")).collect();
        self.draw(&(words + text));
    }

    /// Writes what stays, and what moves anew below it.
    pub(crate) fn draw(&mut self, stays: &str) {
        if !self.moving || 0 < self.suspended {
            let begins = if !stays.is_empty() && std::mem::take(&mut self.mid_line) { "\n" } else { "" };
            return self.write(&format!("{begins}{stays}"));
        }
        let (columns, height) = self.size();
        if let Some(text) = self.drawing(stays, columns, height) {
            self.write(&text);
        }
    }

    /// `None`: all is there already.
    fn drawing(&mut self, stays: &str, columns: usize, height: usize) -> Option<String> {
        let rows = self.moving_rows(columns, height);
        if !self.drawn.any && rows.rows.is_empty() {
            return Some(stays.to_owned());
        }
        let painted: Vec<String> = rows.rows.iter().map(|row| self.paint_row(row) + "\x1b[K").collect();
        let frame = format!("{columns} {:?} {}", rows.cursor, painted.join("\n"));
        if stays.is_empty() && self.drawn.any && frame == self.drawn.frame {
            return None;
        }
        let mut out = if stays.is_empty() { self.home() } else { self.wipe() + stays };
        out += &painted.join("\n");
        out += "\x1b[J";
        let below = rows.rows.len().saturating_sub(rows.cursor.0 + 1);
        if 0 < below {
            out += &format!("\x1b[{below}A");
        }
        out += "\r";
        if 0 < rows.cursor.1 {
            out += &format!("\x1b[{}C", rows.cursor.1);
        }
        self.drawn = Drawn { above: rows.cursor.0.min(rows.rows.len()), any: !rows.rows.is_empty(), frame };
        Some(format!("\x1b[?25l{out}\x1b[?25h"))
    }

    fn moving_rows(&self, columns: usize, height: usize) -> Rows {
        // The last column stays free: some terminals fold a full row, some do not.
        let width = columns - 1;
        let mut below = Rows::default();
        if let Some(prompt) = &self.prompt {
            let waiting: Vec<&str> = self.waiting.iter().map(Waiting::text).collect();
            below = live::prompt(prompt, &waiting, width, (height * 2 / 3).max(3));
        }
        let mut rows = Vec::new();
        rows.extend(self.words.rest(width).into_iter().map(|(text, width)| Row { text, width, look: Look::Plain }));
        if let Some(status) = &self.status {
            let seconds = status.since.elapsed().as_secs_f32();
            let spinner = FRAMES.get(self.frame).copied().unwrap_or('-');
            let text = crate::harmless::one_line(&format!("{spinner} {} {seconds:.1} s", status.text), width);
            rows.push(Row::new(Look::Dim, text));
        }
        // Of many rows the last ones: what has scrolled away cannot be wiped.
        let room = height.saturating_sub(below.rows.len() + 1);
        let skipped = rows.len().saturating_sub(room);
        rows.drain(..skipped);
        let cursor = match &self.prompt {
            Some(_) => (rows.len() + below.cursor.0, below.cursor.1),
            None => (rows.len().saturating_sub(1), rows.last().map_or(0, |row| row.width)),
        };
        rows.append(&mut below.rows);
        Rows { rows, cursor }
    }

    /// To the beginning of what moves, or below it where a narrower terminal has folded it: what is left of it then
    /// stays, but nothing that was said before is ever wiped. How a terminal that changed its size shows older rows, and
    /// when it did so, nobody can know.
    fn home(&self) -> String {
        let up = self.drawn.above;
        if up == 0 { "\r".to_owned() } else { format!("\r\x1b[{up}A") }
    }

    pub(crate) fn wipe(&mut self) -> String {
        if !self.drawn.any {
            return String::new();
        }
        let home = self.home();
        self.drawn = Drawn::default();
        home + "\x1b[J"
    }

    fn paint_row(&self, row: &Row) -> String {
        match row.look {
            Look::Plain => row.text.clone(),
            Look::Dim => self.painted(Paint::Dim, &row.text),
            Look::Chosen => self.painted(Paint::Cyan, &row.text),
            Look::Prompt(label) => {
                let (label, text) = row.text.split_at(label.min(row.text.len()));
                self.painted(Paint::Cyan, label) + text
            }
        }
    }

    pub(crate) fn painted(&self, paint: Paint, text: &str) -> String {
        if self.colour && paint != Paint::Plain { paint.over(text) } else { text.to_owned() }
    }

    pub(crate) fn write(&mut self, text: &str) {
        let mut stderr = out::stderr();
        // Nobody is left to tell if stderr is closed.
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}

#[cfg(test)]
#[path = "canvas_tests.rs"]
mod tests;
