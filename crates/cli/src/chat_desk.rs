//! Where the human sits: the keys, the line they write, and the signals that reach the program meanwhile.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;

use agent::{HIDDEN_MARK, Mode};
use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::ci::secrets::{self, Scanner};
use crate::complete;
use crate::config::Config;
use crate::editor::{Editor, Wish};
use crate::hint::Hint as _;
use crate::history::History;
use crate::keyboard::Keyboard;
use crate::keys::Key;
use crate::live::Prompt;
use crate::paths;
use crate::place::Place;
use crate::screen::{Paint, Screen};
use crate::slash;

/// What the human wants of the conversation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Line(String),
    /// Esc: no more of this reply.
    Stop,
    /// Ctrl-C.
    Interrupt,
    /// And once more, with no other key between them.
    InterruptAgain,
    /// Ctrl-D, or SIGTERM.
    Leave,
    /// The terminal went away: nothing more will be said.
    Gone,
}

/// What there was to wipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wiped {
    Nothing,
    Line,
}

type Listing = Pin<Box<dyn Future<Output = Vec<String>>>>;

pub(crate) struct Desk {
    pub(crate) screen: Screen,
    keyboard: Keyboard,
    editor: Editor,
    history: History,
    resized: Signal,
    interrupts: Signal,
    /// Ctrl-C was the last key.
    interrupted: bool,
    terminated: Signal,
    hung_up: Signal,
    /// Known once the fence is.
    place: Option<Place>,
    /// The files for `@`, while they are being listed.
    listing: Option<Listing>,
    files: Vec<String>,
    /// Where no line can be put back to be changed: what the human may send again as it is.
    unsent: VecDeque<String>,
}

/// More paths than this are not offered.
const MOST_FILES: usize = 20_000;

impl Desk {
    pub(crate) fn open(screen: &Screen, config: &Config) -> anyhow::Result<Desk> {
        let secrets = secrets::of_environment(&config.key_variables(), &[]);
        let history = History::new(paths::state()?.join("history"), Scanner::new(secrets, &[]));
        let mut editor = Editor::new(history.read());
        if screen.is_moving() {
            editor.sources.commands = slash::COMMANDS.iter().map(|command| (command.name, command.help)).collect();
        }
        Ok(Desk {
            screen: screen.clone(),
            keyboard: Keyboard::open(screen)
                .context("cannot open /dev/tty")
                .hint("start it in a terminal, or run one task: agent run \"...\"")?,
            editor,
            history,
            resized: signal(SignalKind::window_change())?,
            interrupts: signal(SignalKind::interrupt())?,
            interrupted: false,
            terminated: signal(SignalKind::terminate())?,
            hung_up: signal(SignalKind::hangup())?,
            place: None,
            listing: None,
            files: Vec::new(),
            unsent: VecDeque::new(),
        })
    }

    /// From here on the prompt shows the mode, and `@` knows the files.
    pub(crate) fn settle(&mut self, place: Place) {
        self.place = Some(place);
        self.list_files();
        self.draw();
    }

    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The next thing that matters to the conversation. May be dropped at any time: nothing typed is lost.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            let key = tokio::select! {
                biased;
                _ = self.terminated.recv() => return Said::Leave,
                _ = self.hung_up.recv() => return Said::Gone,
                _ = self.interrupts.recv() => {
                    // The program that has the terminal got it too: it was meant for that.
                    if self.screen.is_lent() {
                        continue;
                    }
                    return self.interrupt();
                }
                _ = self.resized.recv() => {
                    self.redraw();
                    continue;
                }
                files = maybe(&mut self.listing) => {
                    self.listing = None;
                    self.files.clone_from(&files);
                    if self.screen.is_moving() {
                        self.editor.set_files(files);
                        self.draw();
                    }
                    continue;
                }
                key = self.keyboard.next() => key,
            };
            let Some(key) = key else { return Said::Gone };
            self.interrupted &= key == Key::Interrupt;
            let ended = key == Key::Enter;
            let wish = self.editor.press(key);
            if complete::file_wanted(self.editor.before_cursor()) == Some("") {
                self.list_files();
            }
            match wish {
                Wish::None if ended && !self.screen.is_moving() && self.editor.text().is_empty() => {
                    match self.unsent.pop_front() {
                        Some(line) => return Said::Line(line),
                        None => self.draw(),
                    }
                }
                Wish::None => self.redraw(),
                Wish::Redraw => self.screen.clear(),
                Wish::NextMode => self.next_mode(),
                Wish::Suspend => self.stop_ourselves(),
                Wish::Stop => return Said::Stop,
                Wish::Interrupt => return self.interrupt(),
                Wish::Leave => return Said::Leave,
                Wish::Submit(line) => {
                    if let Err(error) = self.history.add(&line) {
                        self.screen.line(Paint::Yellow, &format!("cannot save the history: {error}"));
                    }
                    self.redraw();
                    return Said::Line(line);
                }
            }
        }
    }

    fn interrupt(&mut self) -> Said {
        if std::mem::replace(&mut self.interrupted, true) { Said::InterruptAgain } else { Said::Interrupt }
    }

    pub(crate) fn forget_interrupt(&mut self) {
        self.interrupted = false;
    }

    /// Wipes the line, if there is something on it: then that was what Ctrl-C meant.
    pub(crate) fn wipe_line(&mut self) -> Wiped {
        if self.editor.text().is_empty() {
            return Wiped::Nothing;
        }
        self.interrupted = false;
        self.editor.clear();
        self.draw();
        Wiped::Line
    }

    /// After a key: a terminal that does not move has shown it itself.
    fn redraw(&self) {
        if self.screen.is_moving() {
            self.draw();
        }
    }

    /// Shows the line as it is by now, or asks for one.
    pub(crate) fn draw(&self) {
        let (choices, chosen) = self.editor.choices();
        self.screen.prompt(Some(Prompt {
            mode: self.place.as_ref().map(|place| place.policy.mode_switch()),
            text: self.editor.text().to_owned(),
            cursor: self.editor.cursor(),
            menu: choices.iter().map(|choice| choice.shown.clone()).collect(),
            chosen,
        }));
    }

    /// Puts words back, to be sent again or changed.
    pub(crate) fn give_back(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.screen.is_moving() {
            self.editor.put_before(text);
            return self.draw();
        }
        self.unsent.push_front(text.to_owned());
        self.screen.line(Paint::Yellow, &format!("not sent (press Enter to send): {text}"));
    }

    /// What the model gets for what was written.
    pub(crate) fn for_the_model(&self, text: &str) -> String {
        complete::plain_names(text.trim(), &self.files)
    }

    /// Looks again at what files there are.
    fn list_files(&mut self) {
        let Some(place) = &self.place else { return };
        let host = Rc::clone(&place.host);
        self.listing.get_or_insert_with(|| {
            Box::pin(async move {
                // Without a list there is nothing to choose from; the name can be typed.
                let listing = agent::list_by_hand(host.as_ref(), MOST_FILES).await.unwrap_or_default();
                let paths = listing.entries.into_iter().map(|listed| listed.path);
                paths.filter(|path| !path.ends_with('/') && !path.ends_with(HIDDEN_MARK)).collect()
            })
        });
    }

    fn next_mode(&mut self) {
        if let Some(place) = &self.place {
            let next = place.policy.mode().next();
            let next = if next == Mode::Auto && !place.may_be_auto { next.next() } else { next };
            place.policy.mode_switch().set(next);
        }
        self.draw();
    }

    /// Ctrl-Z: the shell gets the terminal as it was.
    fn stop_ourselves(&self) {
        let suspended = self.screen.suspend_input();
        // A shell that does not do jobs ignores it, and then nothing happened.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP);
        drop(suspended);
    }
}

/// Waits for ever where there is nothing to wait for.
pub(crate) async fn maybe<T>(future: &mut Option<Pin<Box<dyn Future<Output = T>>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
