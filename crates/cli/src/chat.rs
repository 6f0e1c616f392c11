//! `agent chat`: a conversation on a terminal, many turns in one session.
//!
//! The prompt is drawn first; the fence and the model are found while the human writes. What goes wrong with a turn is
//! said, and the conversation goes on.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;

use agent::{AgentError, Cancel, Finish};

use crate::args::{ChatArgs, Output, ProgramArgs};
use crate::chat_desk::{Desk, Said, Wiped, maybe};
use crate::config::Config;
use crate::connect::{self, Connected};
use crate::conversation::{Beginning, Conversation, Face, Plan};
use crate::hint::{Exit, Hint as _};
use crate::home;
use crate::human::{Human, echo};
use crate::place::Place;
use crate::screen::{Paint, Screen};
use crate::setup::mode_name;
use crate::slash::{self, Does, Line};
use crate::{hint, out, run};

type Waiting<T> = Option<Pin<Box<dyn Future<Output = anyhow::Result<T>>>>>;

pub(crate) struct Chat {
    pub(crate) root: PathBuf,
    pub(crate) config: Config,
    /// Of the session.
    id: String,
    /// Until the session is begun.
    beginning: Option<Beginning>,
    pub(crate) desk: Desk,
    placing: Waiting<Place>,
    connecting: Waiting<(Config, Connected)>,
    /// A model that was found before the place was.
    found: Option<Connected>,
    pub(crate) talk: Option<Conversation>,
    /// Lines that were sent and are not dealt with yet.
    pub(crate) todo: VecDeque<String>,
    /// What the model has to know with the next message: what the human ran, what they took back.
    pub(crate) aside: String,
    /// How the last turn ended.
    pub(crate) finish: Result<Finish, AgentError>,
}

/// Whether the conversation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    GoOn,
    Leave,
}

pub(crate) async fn chat(args: ChatArgs) -> anyhow::Result<Exit> {
    let root = run::workspace(args.work.model.workspace.as_deref())?;
    let mut config = Config::for_work(&args.work, &ProgramArgs::default(), &root)?;
    if !is_attended() {
        return Err(anyhow::anyhow!("chat needs a terminal"))
            .hint("run one task instead: agent run \"...\", or `... | agent run -`");
    }
    config.notices.extend(home::check(&root, home::Named::by(args.work.model.workspace.as_deref()))?);
    converse(Plan { root, config, output: Output::Text, beginning: Beginning::New }, args.task).await
}

/// Whether somebody is there to talk to.
pub(crate) fn is_attended() -> bool {
    out::stderr_is_terminal() && io::stdin().is_terminal()
}

/// Talks until the human leaves; `first` is what they said already. However the turns ended, leaving is no failure.
pub(crate) async fn converse(plan: Plan, first: Option<String>) -> anyhow::Result<Exit> {
    plan.config.max_time()?;
    let id = plan.session_id();
    let Plan { root, config, output: _, beginning } = plan;
    let screen = Screen::new(config.manner());
    let desk = Desk::open(&screen, &config)?;
    say_hello(&screen, &config, &root);
    if screen.is_moving() {
        desk.draw();
    }
    tokio::spawn(screen.clone().animate());
    let mut chat = Chat {
        root,
        config,
        id,
        beginning: Some(beginning),
        desk,
        placing: None,
        connecting: None,
        found: None,
        talk: None,
        todo: first.into_iter().collect(),
        aside: String::new(),
        finish: Ok(Finish::Answered),
    };
    chat.find_place();
    chat.find_model();
    chat.talk().await;
    screen.leave();
    if let Some(talk) = chat.talk {
        talk.leave(chat.finish).await;
    }
    Ok(Exit::Finished)
}

fn say_hello(screen: &Screen, config: &Config, root: &Path) {
    let version = env!("CARGO_PKG_VERSION");
    screen.prose(Paint::Plain, &format!("agent {version} · {} · /help", hoped_for(config)));
    screen.prose(Paint::Dim, &root.display().to_string());
}

/// The model that is named before the server has said which ones it has.
fn hoped_for(config: &Config) -> String {
    config.model().unwrap_or_else(|| providers::FIRST_CHOICE.to_owned())
}

impl Chat {
    /// Until the human leaves.
    async fn talk(&mut self) {
        loop {
            if let Some(next) = self.deal_with_first().await {
                if next == Next::Leave {
                    return;
                }
                self.desk.draw();
                continue;
            }
            tokio::select! {
                biased;
                place = maybe(&mut self.placing) => self.placed(place),
                connected = maybe(&mut self.connecting) => self.connected(connected),
                said = self.desk.next() => match self.heard(said) {
                    Next::GoOn => (),
                    Next::Leave => return,
                },
            }
        }
    }

    fn heard(&mut self, said: Said) -> Next {
        match said {
            Said::Line(line) => match slash::read(&line) {
                // What waits for the model does not hold these up.
                Line::Command(..) | Line::Unknown(..) if !self.must_wait(&line) => self.todo.push_front(line),
                Line::Command(..) | Line::Unknown(..) | Line::Words | Line::Shell(_) => self.todo.push_back(line),
            },
            // Nothing goes on that could be stopped, but what waits for the model.
            Said::Stop => self.stop_waiting(|_| true),
            Said::Interrupt => {
                if self.todo.is_empty() && self.desk.wipe_line() == Wiped::Line {
                    return Next::GoOn;
                }
                self.stop_waiting(|_| true);
                self.desk.screen.prose(Paint::Dim, "press Ctrl-C again to quit");
                self.desk.draw();
            }
            Said::InterruptAgain | Said::Leave | Said::Gone => return Next::Leave,
        }
        Next::GoOn
    }

    /// Gives those lines that wait back to the human.
    fn stop_waiting(&mut self, stops: impl Fn(&str) -> bool) {
        self.desk.screen.status(None);
        let (stopped, goes_on): (VecDeque<String>, VecDeque<String>) =
            std::mem::take(&mut self.todo).into_iter().partition(|line| stops(line));
        self.todo = goes_on;
        for line in stopped.iter().rev() {
            self.desk.give_back(line);
        }
    }

    /// Whether what the line asks for has to wait, for the place or for a model.
    fn must_wait(&self, line: &str) -> bool {
        let no_place = self.desk.place().is_none();
        match slash::read(line) {
            // A model that is being looked for is the one that is meant to answer.
            _ if needs_model(line) => no_place || self.talk.is_none() || self.connecting.is_some(),
            // What it changes is followed where there is a session, which begins when the model is found.
            Line::Shell(_) => no_place || (self.talk.is_none() && self.connecting.is_some()),
            Line::Command(does, _) => does == Does::Mode && no_place,
            Line::Words | Line::Unknown(..) => false,
        }
    }

    /// Does what the oldest line asks for; `None` if there is none, or it has to wait.
    async fn deal_with_first(&mut self) -> Option<Next> {
        let line = self.todo.front()?.clone();
        if self.must_wait(&line) {
            if self.desk.place().is_none() {
                self.find_place();
            }
            if needs_model(&line) && self.talk.is_none() {
                self.find_model();
            }
            self.desk.screen.status(Some("connecting ·".to_owned()));
            return None;
        }
        self.desk.screen.status(None);
        self.todo.pop_front();
        // Where nothing moves, the terminal has shown what was typed.
        if self.desk.screen.is_moving() {
            echo(&self.desk.screen, &line);
        }
        Some(match slash::read(&line) {
            Line::Words => self.turn(&line).await,
            Line::Shell(command) => self.run_by_hand(command).await,
            Line::Command(does, argument) => self.command(does, argument).await,
            Line::Unknown(name, nearest) => {
                let text = format!("unknown command {name}; did you mean {nearest}? /help lists all");
                self.desk.screen.prose(Paint::Yellow, &text);
                Next::GoOn
            }
        })
    }

    fn plan(&self) -> Plan {
        Plan { root: self.root.clone(), config: self.config.clone(), output: Output::Text, beginning: Beginning::New }
    }

    fn find_place(&mut self) {
        let (plan, id) = (self.plan(), self.id.clone());
        self.placing.get_or_insert_with(|| Box::pin(async move { Place::prepare(&plan, &id).await }));
    }

    fn find_model(&mut self) {
        if self.found.is_none() && self.connecting.is_none() {
            self.find(self.config.clone());
        }
    }

    /// Looks for the model of these settings; where it is found they become those of the conversation.
    pub(crate) fn find(&mut self, config: Config) {
        let id = self.id.clone();
        self.connecting = Some(Box::pin(async move {
            let connected = connect::connect(&config, &id).await?;
            Ok((config, connected))
        }));
    }

    fn placed(&mut self, place: anyhow::Result<Place>) {
        self.placing = None;
        match place {
            Ok(place) => {
                let fence = if place.fenced {
                    "commands are sandboxed"
                } else {
                    "NO SANDBOX: commands can do anything you can"
                };
                let mode = mode_name(place.policy.mode());
                self.desk.screen.prose(Paint::Dim, &format!("{mode}, {fence}"));
                self.desk.settle(place);
                self.start();
            }
            Err(error) => self.failed(&error, |_| true),
        }
    }

    fn connected(&mut self, connected: anyhow::Result<(Config, Connected)>) {
        self.connecting = None;
        match (connected, &mut self.talk) {
            (Ok((config, connected)), Some(talk)) => {
                let effort = connected.effort.map(|effort| format!(", effort {effort}")).unwrap_or_default();
                self.desk.screen.prose(Paint::Dim, &format!("now using {}{effort}", connected.model));
                self.config = config.clone();
                if let Err(error) = talk.connect_to(config, connected) {
                    self.failed(&error, |_| true);
                }
            }
            (Ok((config, connected)), None) => {
                self.config = config;
                self.found = Some(connected);
                self.start();
            }
            (Err(error), _) => self.failed(&error, needs_model),
        }
    }

    /// Once there is a place and a model.
    fn start(&mut self) {
        let Some(place) = self.desk.place().cloned() else { return };
        let Some(connected) = self.found.take() else { return };
        let screen = self.desk.screen.clone();
        let face = Face::Human(Box::new(Human::new(screen.clone())));
        let plan = Plan { beginning: self.beginning.take().unwrap_or(Beginning::New), ..self.plan() };
        match Conversation::start(plan, place, connected, screen, face, Cancel::default()) {
            Ok(mut talk) => {
                if talk.named() != hoped_for(&self.config) {
                    self.desk.screen.prose(Paint::Dim, &format!("using {}", talk.named()));
                }
                talk.say_what_goes_on();
                talk.show_notices();
                self.talk = Some(talk);
            }
            Err(error) => self.failed(&error, |_| true),
        }
    }

    /// What waits for it goes back to where it can be sent again.
    fn failed(&mut self, error: &anyhow::Error, waits_for_it: impl Fn(&str) -> bool) {
        hint::say(&self.desk.screen, error);
        self.stop_waiting(waits_for_it);
        self.desk.draw();
    }
}

fn needs_model(line: &str) -> bool {
    matches!(slash::read(line), Line::Words | Line::Command(Does::Compact, _))
}
