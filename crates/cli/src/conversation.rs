//! One session from its opening to its end. `run` gives it one task; whoever goes on with it gives it more.
//!
//! It owns what an [`Agent`] borrows, so that an agent can be made for each turn.

mod by_hand;
mod face;
mod unattended;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use agent::{
    Agent, AgentError, AgentEvent, ApprovalPolicy, Cancel, Condensed, Finish, GitLook, Limit, SeenFiles, Spent, Survey,
    Transcript,
};
use anyhow::Context as _;
use sandbox::Host;
use session::{Header, Reopened, Resumed, Served, Session, SessionFile, Store};

use crate::args::Output;
use crate::config::Config;
use crate::connect::{self, Connected};
use crate::events::{self, Ended, Totals, What};
use crate::harmless::one_line;
use crate::hint::{Exit, Hint as _};
use crate::human::Human;
use crate::input::Inbox;
use crate::machine::Machine;
use crate::place::Place;
use crate::screen::{Paint, Screen};
use crate::setup::{facts, fence_words, mode_name};
use crate::watched::{Kept, Watched};
use crate::{changes, paths, sessions, summary};

pub(crate) use face::Face;

/// What a conversation is opened with.
pub(crate) struct Plan {
    pub(crate) root: PathBuf,
    pub(crate) config: Config,
    pub(crate) output: Output,
    pub(crate) beginning: Beginning,
}

/// What stands in the session file before the first word.
pub(crate) enum Beginning {
    New,
    /// All that was said so far, and the file, which grows.
    Resumed(Box<Reopened>),
    /// What was said in another session, which is left alone.
    Forked(Box<Session>),
}

impl Plan {
    /// The id of a session that goes on, or a new one.
    pub(crate) fn session_id(&self) -> String {
        match &self.beginning {
            Beginning::New | Beginning::Forked(_) => Store::new_id(),
            Beginning::Resumed(reopened) => reopened.session.header.id.clone(),
        }
    }
}

pub(crate) struct Conversation {
    began: Instant,
    root: PathBuf,
    config: Config,
    output: Output,
    pub(crate) host: Rc<Host>,
    watched: Watched,
    fenced: bool,
    connected: Connected,
    session: SessionFile,
    pub(crate) screen: Screen,
    face: Face,
    policy: ApprovalPolicy,
    spent: Spent,
    seen: SeenFiles,
    /// Of the turn that runs.
    pub(crate) cancel: Cancel,
    /// The steps before the first that the limit of steps counts.
    uncounted_steps: u32,
    /// `None` until the first task: the opening message looks at the workspace as it is then.
    transcript: Option<Transcript>,
}

impl Conversation {
    /// Puts up the fence, finds the model and starts the session file.
    pub(crate) async fn open(plan: Plan) -> anyhow::Result<Conversation> {
        let screen = Screen::new(plan.config.manner());
        let id = plan.session_id();
        let (place, connected) = tokio::join!(Place::prepare(&plan, &id), connect::connect(&plan.config, &id));
        // What is wrong with the model is said before what is wrong with the place.
        let connected = connected?;
        let face = match plan.output {
            Output::Text => Face::Human(Box::new(Human::new(screen.clone()))),
            Output::Json => Face::Machine(Box::new(Machine::new(id.clone(), true))),
            Output::Jsonl => Face::Machine(Box::new(Machine::new(id.clone(), false))),
        };
        tokio::spawn(screen.clone().animate());
        Conversation::start(plan, place?, connected, screen, face)
    }

    /// Starts the session file. From here on there is somebody to talk to.
    pub(crate) fn start(
        plan: Plan,
        place: Place,
        connected: Connected,
        screen: Screen,
        mut face: Face,
    ) -> anyhow::Result<Conversation> {
        let Plan { root, config, output, beginning } = plan;
        let Place { id, host, fenced, may_be_auto: _, policy } = place;
        let cancel = Cancel::default();
        match &mut face {
            Face::Human(human) => human.around.fence = fence_words(fenced, &config.network()?).to_owned(),
            Face::Machine(machine) if config.asks_program => {
                let (switch, timeout) = (policy.mode_switch(), config.approval_timeout()?);
                machine.inbox = Some(Inbox::open(machine.printer(), cancel.clone(), switch, timeout));
            }
            Face::Machine(_) => (),
        }
        let store = sessions::store()?;
        let served = served(&config, &connected);
        let header = Header::new(&id, &root, served.clone());
        let begun = match beginning {
            Beginning::New => store.create(&header).map(|file| (file, None)),
            Beginning::Resumed(reopened) => goes_on(*reopened, served),
            Beginning::Forked(source) => store.fork(&source, &id).and_then(|reopened| goes_on(reopened, served)),
        };
        let (session, before) = begun
            .with_context(|| format!("cannot save the session to {}", store.file(&id).display()))
            .hint("free some space, or point XDG_STATE_HOME to a writable directory")?;
        let transcript = before.as_ref().map(|session| Transcript::restore(session.entries().cloned().collect()));
        let kept = Kept { folder: paths::snapshots()?, root: root.clone(), session: id };
        let watched = Watched::new(Rc::clone(&host), kept, session.second()?);
        Ok(Conversation {
            began: Instant::now(),
            root,
            config,
            output,
            host,
            watched,
            fenced,
            connected,
            session,
            screen,
            face,
            policy,
            spent: before.as_ref().map(Session::spent).unwrap_or_default(),
            seen: transcript.as_ref().map(|transcript| SeenFiles::restore(transcript.entries())).unwrap_or_default(),
            cancel,
            uncounted_steps: 0,
            transcript,
        })
    }

    pub(crate) fn spent(&self) -> &Spent {
        &self.spent
    }

    /// Says what is about to work on what, and how freely.
    pub(crate) fn announce(&mut self, task: Option<&str>) {
        let mode = mode_name(self.policy.mode());
        let root = self.root.display().to_string();
        let model = &self.connected.model;
        match &self.face {
            Face::Human(_) => {
                let fence =
                    if self.fenced { "commands are sandboxed" } else { "NO SANDBOX: commands can do anything you can" };
                self.screen.prose(Paint::Dim, &format!("{model} · {mode}, {fence} · {root}"));
                self.say_what_goes_on();
            }
            Face::Machine(machine) => {
                let sandbox = self.sandbox_word();
                let task = task.or(self.transcript.as_ref().map(Transcript::task)).unwrap_or_default();
                machine.print(What::RunStarted { task, model, workspace: &root, mode, sandbox });
            }
        }
        self.show_notices();
    }

    /// The first task, where it is not the first time.
    pub(crate) fn say_what_goes_on(&self) {
        if let Some(transcript) = &self.transcript {
            self.screen.line(Paint::Dim, &format!("continuing: {}", one_line(transcript.task(), 80)));
        }
    }

    /// What the configuration and the server have to say.
    pub(crate) fn show_notices(&mut self) {
        for notice in self.config.notices.iter().chain(&self.connected.notices) {
            self.face.frontend().show(AgentEvent::Notice(notice));
        }
    }

    /// Says something to the model and lets it work until it has answered.
    pub(crate) async fn turn(&mut self, text: String) -> Result<Finish, AgentError> {
        let transcript = match self.transcript.take() {
            Some(mut transcript) => {
                transcript.push_user(text);
                transcript
            }
            None => {
                let survey = self.survey().await;
                Transcript::new(
                    agent::opening(&facts(
                        &self.root,
                        self.host.added_dirs(),
                        survey,
                        self.connected.profile.supervision,
                    )),
                    text,
                )
            }
        };
        self.transcript = Some(transcript);
        self.go_on().await
    }

    /// Lets the model work on what was said last. Nothing where nothing was.
    pub(crate) async fn go_on(&mut self) -> Result<Finish, AgentError> {
        let Some(mut transcript) = self.transcript.take() else { return Ok(Finish::Answered) };
        let mut agent = self.agent();
        let mut finish = agent::run_task(&mut agent, &mut transcript).await;
        let Agent { policy, spent, seen, .. } = agent;
        (self.policy, self.spent, self.seen) = (policy, spent, seen);
        self.transcript = Some(transcript);
        if let Ok(Finish::LimitReached(Limit::Steps(steps))) = &mut finish {
            *steps -= self.uncounted_steps;
        }
        self.show_watched();
        finish
    }

    /// What the human should know of how the files are followed.
    fn show_watched(&mut self) {
        for notice in self.watched.take_notices() {
            self.face.frontend().show(AgentEvent::Notice(&notice));
        }
    }

    /// Condenses what was said, because the human wants it; `focus` is what must be kept in particular.
    pub(crate) async fn compact(&mut self, focus: Option<&str>) -> Result<Condensed, AgentError> {
        let Some(mut transcript) = self.transcript.take() else {
            return Ok(Condensed::Not("nothing to compact yet"));
        };
        let mut agent = self.agent();
        let condensed = agent::compact(&mut agent, &mut transcript, focus).await;
        let Agent { policy, spent, seen, .. } = agent;
        (self.policy, self.spent, self.seen) = (policy, spent, seen);
        self.transcript = Some(transcript);
        condensed
    }

    /// What was said to the model meanwhile and not delivered.
    pub(crate) fn take_message(&mut self) -> Option<String> {
        self.face.frontend().take_message()
    }

    /// A first look at the workspace, for the opening message.
    async fn survey(&mut self) -> Survey {
        let look = if self.fenced { GitLook::RunStatus } else { GitLook::ReadHead };
        // Our own look changes nothing, so it is not followed.
        let host = Rc::clone(&self.host);
        let survey = agent::survey(&mut Agent { sandbox: host.as_ref(), ..self.agent() }, look).await;
        for trouble in &survey.trouble {
            self.face.frontend().show(AgentEvent::Notice(trouble));
        }
        survey
    }

    /// An agent for one turn. What it changes of policy, spending and files seen is taken back by [`Self::turn`].
    fn agent(&mut self) -> Agent<'_> {
        let limits = self.limits();
        Agent {
            client: &self.connected.client,
            tools: self.connected.tools(),
            sandbox: &self.watched,
            frontend: self.face.frontend(),
            journal: &mut self.session,
            policy: self.policy.clone(),
            root: self.root.clone(),
            limits,
            supervision: self.connected.profile.supervision,
            thoughts: self.connected.profile.thoughts,
            price: self.connected.price,
            spent: self.spent,
            seen: std::mem::take(&mut self.seen),
            cancel: self.cancel.clone(),
        }
    }

    fn limits(&self) -> agent::Limits {
        let limits = self.config.limits();
        let steps = limits.steps.map(|steps| steps + self.uncounted_steps);
        agent::Limits { steps, context_tokens: self.connected.context_tokens, ..limits }
    }

    fn sandbox_word(&self) -> &'static str {
        if self.fenced { "fenced" } else { "off" }
    }

    /// Tells everybody how it ended: the session file, stdout, and the human.
    pub(crate) async fn close(mut self, finish: Result<Finish, AgentError>) -> anyhow::Result<Exit> {
        let ended = self.end(finish).await;
        let exit = Exit::of_code(ended.exit_code);
        match &self.face {
            Face::Machine(machine) => machine.print(What::RunEnded(ended)),
            Face::Human(_) => summary::print(&self.screen, self.output, &ended)?,
        }
        io::stdout().flush()?;
        Ok(exit)
    }

    /// Ends what still runs, and tells the session file.
    async fn end(&mut self, finish: Result<Finish, AgentError>) -> Ended {
        // First, since a command that is left running may still change things.
        self.host.close().await;
        for repository in self.host.new_repositories().await {
            let path = repository.display();
            let text = format!("a new git repository appeared: {path}; git will run its hooks and configuration");
            self.face.frontend().show(AgentEvent::Notice(&text));
        }
        let ended = self.account_for(&finish);
        self.screen.status(None);
        if let Err(error) = self.session.note(&ended)
            && ended.exit_code != Exit::Failed as i32
        {
            self.screen.line(Paint::Yellow, &format!("cannot save the end of the session: {error}"));
        }
        ended
    }

    /// What happened, in words and numbers; the model's own account is only the answer.
    pub(crate) fn account_for(&self, finish: &Result<Finish, AgentError>) -> Ended {
        let account = self.face.account();
        let (name, exit, reason, hint) = match finish {
            Ok(finish) => {
                let (name, exit, reason, hint) = events::finish(finish);
                (name, exit, reason, hint.map(str::to_owned))
            }
            Err(AgentError::Chat(error)) => {
                let hinted = connect::chat_error_parts(error);
                ("failed", hinted.0, Some(error.message.clone()), hinted.1)
            }
            Err(AgentError::Journal(error)) => {
                let hint = "your changes are in the workspace; free some space, or point XDG_STATE_HOME elsewhere";
                ("failed", Exit::Failed, Some(error.to_string()), Some(hint.to_owned()))
            }
        };
        let (files, files_left_out) = changes::files(&self.watched, account);
        let answer = self.transcript.as_ref().map(|transcript| transcript.last_text().trim().to_owned());
        Ended {
            finish: name,
            exit_code: exit as i32,
            reason,
            hint,
            answer: answer.unwrap_or_default(),
            files,
            files_left_out,
            commands: account.commands,
            failed_calls: account.failed_calls,
            totals: Totals::from(&self.spent),
            seconds: self.began.elapsed().as_secs_f64(),
            session_file: self.session.path().display().to_string(),
            sandbox: self.sandbox_word().to_owned(),
        }
    }
}

fn served(config: &Config, connected: &Connected) -> Served {
    Served {
        model: connected.model.clone(),
        price: connected.price,
        context_tokens: connected.context_tokens,
        base_url: Some(connected.base_url.clone()),
        api_key_env: Some(config.api_key_env()),
    }
}

/// Says in the file that it goes on, and with whom.
fn goes_on(reopened: Reopened, served: Served) -> io::Result<(SessionFile, Option<Session>)> {
    let Reopened { session, mut file } = reopened;
    file.note(&Resumed::new(served))?;
    Ok((file, Some(session)))
}
