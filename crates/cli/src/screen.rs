//! The human's stderr, and the one owner of the terminal: lines that stay, and below them a few rows that move.
//!
//! What stays is written once. What moves (unfinished words, what is going on, the line being written) is wiped before
//! and drawn again after it, in one write, and never reaches above the rows it drew itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use tokio::sync::Notify;

use crate::canvas::{Canvas, Drawn, Status, Waiting};
use crate::harmless::harmless;
use crate::inline::{DIM, cells, colour, fold};
use crate::live::Prompt;
use crate::raw_mode::RawMode;

/// A handle; clones write to the same screen.
#[derive(Clone)]
pub(crate) struct Screen(Arc<Shared>);

struct Shared {
    state: Mutex<Canvas>,
    /// The keys are ours again.
    resumed: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

/// How much the screen may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Moving,
    /// For screen readers and logs: whole lines, no colour, nothing drawn twice.
    Plain,
}

const TICK: Duration = Duration::from_millis(100);
/// Wider lines of prose are hard to read.
const WIDEST_PROSE: usize = 100;

impl Screen {
    /// Looks at stderr, `NO_COLOR` (no-color.org: any value but an empty one) and `TERM=dumb`.
    pub(crate) fn new(manner: Manner) -> Screen {
        Screen(Arc::new(Shared { state: Mutex::new(Canvas::new(manner)), resumed: Notify::new() }))
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.state().terminal
    }

    /// Whether rows are drawn again in place; else everything is said in whole lines and in words.
    pub(crate) fn is_moving(&self) -> bool {
        self.state().moving
    }

    pub(crate) fn is_coloured(&self) -> bool {
        self.state().colour
    }

    /// Rows of the terminal.
    pub(crate) fn height(&self) -> usize {
        self.state().size().1
    }

    /// Columns of the terminal, 100 where there is none.
    pub(crate) fn width(&self) -> usize {
        self.state().size().0
    }

    /// A line, or several. Whoever wrote the text, no terminal obeys it.
    pub(crate) fn line(&self, paint: Paint, text: &str) {
        let mut state = self.state();
        let line = state.painted(paint, &harmless(text)) + "\n";
        state.print(&line);
    }

    /// Lines that carry their codes already. What else is in them was made harmless before.
    pub(crate) fn painted_lines(&self, text: &str) {
        self.state().print(&format!("{text}\n"));
    }

    /// A line of words, folded between them. What is made to be copied goes out with [`Screen::line`] instead.
    pub(crate) fn prose(&self, paint: Paint, text: &str) {
        let width = self.width().min(WIDEST_PROSE + 1) - 1;
        if !self.is_moving() {
            return self.line(paint, text);
        }
        for line in harmless(text).lines() {
            for row in fold(cells(line, Style::new()), width, 2) {
                self.line(paint, row.iter().map(|cell| cell.character).collect::<String>().trim_end());
            }
        }
    }

    /// The model's words as they stream; what is said next begins below them.
    pub(crate) fn stream(&self, text: &str) {
        let mut state = self.state();
        state.status = None;
        let width = state.size().0;
        // A tab is as wide as the terminal likes, and rows are counted.
        let text = harmless(text).replace('\t', "    ");
        let rows = state.words.push(&text, width.min(WIDEST_PROSE + 1) - 1);
        state.print_rows(&rows);
    }

    /// The words are over.
    pub(crate) fn end_stream(&self) {
        let mut state = self.state();
        let rows = state.words.finish();
        state.print_rows(&rows);
    }

    /// What is going on, shown with the time since it was last `None`; only on a terminal.
    pub(crate) fn status(&self, text: Option<String>) {
        let mut state = self.state();
        // The same thing going on with other words keeps its clock.
        let since = state.status.take().map(|status| status.since);
        state.status = text.map(|text| Status { text, since: since.unwrap_or_else(Instant::now) });
        if state.status.is_none() {
            state.draw("");
        }
    }

    /// Moves what is going on until it is dropped.
    pub(crate) async fn animate(self) {
        if !self.is_moving() {
            return;
        }
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            self.state().tick();
        }
    }

    /// Shows the line that the human writes, or that none is written.
    pub(crate) fn prompt(&self, prompt: Option<Prompt>) {
        let mut state = self.state();
        if !state.moving {
            // The terminal itself shows what is typed; only the question is ours.
            if let Some(prompt) = prompt.filter(|_| !state.mid_line) {
                state.write(&prompt.label());
                state.mid_line = true;
            }
            return;
        }
        state.prompt = prompt;
        state.draw("");
    }

    /// An empty screen, but for what moves.
    pub(crate) fn clear(&self) {
        let mut state = self.state();
        state.drawn = Drawn::default();
        state.write("\x1b[H\x1b[2J");
        state.draw("");
    }

    /// Off a moving terminal: the human ended the line themselves.
    pub(crate) fn line_was_ended(&self) {
        self.state().mid_line = false;
    }

    /// Something that waits, in the order in which it was said.
    pub(crate) fn wait_with(&self, waiting: Waiting) {
        let mut state = self.state();
        state.waiting.push(waiting);
        state.draw("");
    }

    /// The words that may be said to the model now: those after a command wait for it.
    pub(crate) fn take_words(&self) -> Vec<String> {
        let mut state = self.state();
        let count = state.waiting.iter().take_while(|waiting| matches!(waiting, Waiting::Words(_))).count();
        let words = state.waiting.drain(..count).filter_map(|waiting| match waiting {
            Waiting::Words(text) => Some(text),
            Waiting::Line(_) => None,
        });
        words.collect()
    }

    /// Everything that waits.
    pub(crate) fn take_waiting(&self) -> Vec<Waiting> {
        std::mem::take(&mut self.state().waiting)
    }

    /// From here on keys come one by one and unseen, until the screen is left.
    pub(crate) fn enter_raw_mode(&self, raw_mode: RawMode) {
        let mut state = self.state();
        let codes = raw_mode.enter();
        state.raw_mode = Some(raw_mode);
        state.write(codes);
    }

    /// Leaves the terminal as it was found. Nothing moves on it any more.
    pub(crate) fn leave(&self) {
        let mut state = self.state();
        state.status = None;
        state.prompt = None;
        state.draw("");
        let codes = state.raw_mode.take().map_or("", |raw_mode| raw_mode.leave());
        state.write(codes);
    }

    /// Hands the terminal over to whoever asks the human something or shows another program, until the guard is
    /// dropped: nothing is drawn, no key is read, and the terminal is as it was found.
    pub(crate) fn suspend_input(&self) -> Suspended {
        let mut state = self.state();
        state.status = None;
        let rows = state.words.finish();
        state.print_rows(&rows);
        if state.suspended == 0 {
            let wiped = state.wipe();
            let codes = state.raw_mode.as_ref().map_or("", |raw_mode| raw_mode.leave());
            state.write(&(wiped + codes));
        }
        state.suspended += 1;
        Suspended(self.clone())
    }

    /// As [`Screen::suspend_input`], to a program of the human's: Ctrl-C is for that program meanwhile.
    pub(crate) fn lend(&self) -> Lent {
        let suspended = self.suspend_input();
        self.state().lent += 1;
        Lent(suspended)
    }

    /// Whether Ctrl-C is meant for a program that was started for the human.
    pub(crate) fn is_lent(&self) -> bool {
        0 < self.state().lent
    }

    /// Whether somebody else reads the keys.
    pub(crate) fn is_suspended(&self) -> bool {
        0 < self.state().suspended
    }

    /// Returns once the keys are ours.
    pub(crate) async fn keys_are_ours(&self) {
        loop {
            // Before the look, so that nothing is missed between the two.
            let resumed = self.0.resumed.notified();
            if !self.is_suspended() {
                return;
            }
            resumed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, Canvas> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Paint {
    pub(crate) fn style(self) -> Style {
        match self {
            Paint::Plain => Style::new(),
            Paint::Dim => DIM,
            Paint::Red => colour(AnsiColor::Red),
            Paint::Green => colour(AnsiColor::Green),
            Paint::Yellow => colour(AnsiColor::Yellow),
            Paint::Cyan => colour(AnsiColor::Cyan),
        }
    }

    /// The text with the codes around it.
    pub(crate) fn over(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// While it lives, the terminal is somebody else's.
#[must_use = "the terminal is taken back when it is dropped"]
pub(crate) struct Suspended(Screen);

impl Drop for Suspended {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.suspended -= 1;
        if state.suspended == 0 {
            let codes = state.raw_mode.as_ref().map_or("", |raw_mode| raw_mode.enter());
            state.write(codes);
            state.draw("");
            self.0.0.resumed.notify_waiters();
        }
    }
}

/// While it lives, the terminal is a program's. It may outlive whoever waited for that program.
#[must_use = "the terminal is taken back when it is dropped"]
pub(crate) struct Lent(Suspended);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.0.state().lent -= 1;
    }
}
