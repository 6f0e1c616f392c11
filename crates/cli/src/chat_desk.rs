//! Where the human sits: the keys, the line they write, and the signals that reach the program meanwhile.

use std::pin::Pin;
use std::rc::Rc;

use agent::Mode;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::complete;
use crate::editor::{Editor, Wish};
use crate::history::History;
use crate::keyboard::Keyboard;
use crate::keys::Key;
use crate::live::Prompt;
use crate::paths;
use crate::place::Place;
use crate::screen::{Paint, Screen};
use crate::setup::mode_name;
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
    /// Ctrl-D, SIGTERM, or the terminal went away.
    Leave,
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
}

/// More paths than this are not offered.
const MOST_FILES: usize = 20_000;

impl Desk {
    pub(crate) fn open(screen: &Screen) -> anyhow::Result<Desk> {
        let history = History::new(paths::state()?.join("history"));
        let mut editor = Editor::new(history.read());
        if screen.is_moving() {
            editor.sources.commands = slash::COMMANDS.iter().map(|command| (command.name, command.help)).collect();
        }
        Ok(Desk {
            screen: screen.clone(),
            keyboard: Keyboard::open(screen)?,
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
                _ = self.hung_up.recv() => return Said::Leave,
                _ = self.interrupts.recv() => return self.interrupt(),
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
            let Some(key) = key else { return Said::Leave };
            self.interrupted &= key == Key::Interrupt;
            let wish = self.editor.press(key);
            if complete::file_wanted(self.editor.before_cursor()) == Some("") {
                self.list_files();
            }
            match wish {
                Wish::None => self.redraw(),
                Wish::Redraw => self.screen.clear(),
                Wish::NextMode => self.next_mode(),
                Wish::Suspend => self.stop_ourselves(),
                Wish::Stop => return Said::Stop,
                Wish::Interrupt => return self.interrupt(),
                Wish::Leave => return Said::Leave,
                Wish::Submit(line) => {
                    if let Err(error) = self.history.add(&line) {
                        self.screen.line(Paint::Yellow, &format!("the history could not be kept: {error}"));
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
            label: self.label(),
            text: self.editor.text().to_owned(),
            cursor: self.editor.cursor(),
            menu: choices.iter().map(|choice| choice.shown.clone()).collect(),
            chosen,
        }));
    }

    /// Puts words back, to be sent again or changed.
    pub(crate) fn give_back(&mut self, text: &str) {
        if self.screen.is_moving() {
            self.editor.put_before(text);
            self.draw();
        }
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
                paths.filter(|path| !path.ends_with('/')).collect()
            })
        });
    }

    fn label(&self) -> String {
        self.place.as_ref().map_or_else(|| "> ".to_owned(), |place| format!("{} > ", mode_name(place.policy.mode())))
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
