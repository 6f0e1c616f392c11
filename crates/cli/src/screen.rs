//! The human's stderr: plain lines, or a terminal with colour and one status line that moves.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};

/// A handle; clones write to the same screen.
#[derive(Clone)]
pub(crate) struct Screen(Arc<Mutex<State>>);

struct State {
    terminal: bool,
    colour: bool,
    status: Option<Status>,
    /// The status line is on the screen and has to be wiped before anything else is written.
    drawn: bool,
    /// Something stands on the current line.
    mid_line: bool,
}

struct Status {
    text: String,
    since: Instant,
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

const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const TICK: Duration = Duration::from_millis(100);

impl Screen {
    /// Looks at stderr, `NO_COLOR` (no-color.org: any value but an empty one) and `TERM=dumb`.
    pub(crate) fn new() -> Screen {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = io::stderr().is_terminal() && !dumb;
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let state = State { terminal, colour: terminal && !no_colour, status: None, drawn: false, mid_line: false };
        Screen(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.state().terminal
    }

    pub(crate) fn is_coloured(&self) -> bool {
        self.state().colour
    }

    /// Rows of the terminal.
    pub(crate) fn height(&self) -> usize {
        rustix::termios::tcgetwinsize(io::stderr())
            .map_or(24, |size| if size.ws_row == 0 { 24 } else { usize::from(size.ws_row) })
    }

    /// Columns of the terminal, 100 where there is none.
    pub(crate) fn width(&self) -> usize {
        if !self.is_terminal() {
            return 100;
        }
        rustix::termios::tcgetwinsize(io::stderr())
            .map_or(80, |size| if size.ws_col == 0 { 80 } else { usize::from(size.ws_col).max(20) })
    }

    /// A line, or several.
    pub(crate) fn line(&self, paint: Paint, text: &str) {
        let mut state = self.state();
        state.wipe();
        state.finish_line();
        let painted = state.painted(paint, text);
        state.write(&painted);
        state.write("\n");
    }

    /// Text as it streams; the next line begins below it.
    pub(crate) fn stream(&self, text: &str) {
        let mut state = self.state();
        state.status = None;
        state.wipe();
        state.write(text);
        state.mid_line = !text.ends_with('\n');
    }

    /// What is going on, shown with the time since it was last `None`; only on a terminal.
    pub(crate) fn status(&self, text: Option<String>) {
        let mut state = self.state();
        state.wipe();
        if text.is_some() {
            state.finish_line();
        }
        // The same thing going on with other words keeps its clock.
        let since = state.status.take().map(|status| status.since);
        state.status = text.map(|text| Status { text, since: since.unwrap_or_else(Instant::now) });
    }

    /// Moves the status line until it is dropped.
    pub(crate) async fn animate(self) {
        if !self.is_terminal() {
            return;
        }
        let mut ticks = tokio::time::interval(TICK);
        let mut frame = 0_usize;
        loop {
            ticks.tick().await;
            frame = (frame + 1) % FRAMES.len();
            let width = self.width();
            self.state().draw(frame, width);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Paint {
    /// The text with the codes around it.
    pub(crate) fn over(self, text: &str) -> String {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        let style = match self {
            Paint::Plain => return text.to_owned(),
            Paint::Dim => Style::new().dimmed(),
            Paint::Red => colour(AnsiColor::Red),
            Paint::Green => colour(AnsiColor::Green),
            Paint::Yellow => colour(AnsiColor::Yellow),
            Paint::Cyan => colour(AnsiColor::Cyan),
        };
        format!("{style}{text}{style:#}")
    }
}

impl State {
    fn draw(&mut self, frame: usize, width: usize) {
        let Some(status) = &self.status else { return };
        let seconds = status.since.elapsed().as_secs_f32();
        let spinner = FRAMES.get(frame).copied().unwrap_or('-');
        let text = crate::harmless::one_line(&format!("{spinner} {} {seconds:.1} s", status.text), width - 1);
        let painted = self.painted(Paint::Dim, &text);
        self.write(&format!("\r\x1b[2K{painted}"));
        self.drawn = true;
    }

    fn wipe(&mut self) {
        if std::mem::take(&mut self.drawn) {
            self.write("\r\x1b[2K");
        }
    }

    fn finish_line(&mut self) {
        if std::mem::take(&mut self.mid_line) {
            self.write("\n");
        }
    }

    fn painted(&self, paint: Paint, text: &str) -> String {
        if self.colour { paint.over(text) } else { text.to_owned() }
    }

    fn write(&mut self, text: &str) {
        let mut stderr = io::stderr().lock();
        // Nobody is left to tell if stderr is closed.
        let _ = stderr.write_all(crate::mask::masked(text).as_bytes()).and_then(|()| stderr.flush());
    }
}
