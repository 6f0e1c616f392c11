//! One session from its opening to its end. `run` gives it one task; whoever goes on with it gives it more.
//!
//! It owns what an [`Agent`] borrows, so that an agent can be made for each turn.

mod by_hand;
mod face;
mod opening;
mod unattended;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use agent::{
    Agent, AgentError, AgentEvent, ApprovalPolicy, Cancel, Condensed, Finish, GitLook, Limit, SeenFiles, Spent, Survey,
    Transcript,
};
use sandbox::Host;
use session::{Reopened, Session, SessionFile, Store};

use crate::args::Output;
use crate::config::Config;
use crate::connect::{self, Connected};
use crate::events::{self, Ended, Totals, What};
use crate::git_words::git_words;
use crate::harmless::one_line;
use crate::hint::Exit;
use crate::screen::{Paint, Screen};
use crate::setup::{facts, mode_name};
use crate::watched::Watched;
use crate::{changes, planted, reach, summary};

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
    /// Commands that the sandbox did not start.
    pub(crate) fn unstarted_commands(&self) -> usize {
        self.watched.unstarted()
    }

    pub(crate) fn spent(&self) -> &Spent {
        &self.spent
    }

    /// Says what is about to work on what, and how freely.
    pub(crate) fn announce(&mut self, task: Option<&str>) {
        let mode = mode_name(self.policy.mode());
        let root = self.root.display().to_string();
        let model = self.connected.named();
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
                let model = &self.connected.model;
                machine.print(What::RunStarted { task, model, workspace: &root, mode, sandbox });
                if let Some(reason) = &self.connected.reason {
                    machine.print(What::Notice { text: &format!("using {model}: {reason}") });
                }
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
        let above = host.above();
        let survey = agent::survey(&mut Agent { sandbox: host.as_ref(), ..self.agent() }, look, above).await;
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
        self.show_planted();
        let exit = Exit::of_code(ended.exit_code);
        match &self.face {
            Face::Machine(machine) => machine.print(What::RunEnded(ended)),
            Face::Human(_) => summary::print(&self.screen, self.output, &ended)?,
        }
        Ok(exit)
    }

    /// What commands did to git's files, and left that git would take for a repository, with how to keep it.
    fn show_planted(&mut self) {
        for text in self.host.restored() {
            self.face.frontend().show(AgentEvent::Notice(&text));
        }
        for planted in self.host.planted() {
            let text = planted::sentence(&self.root, &planted);
            self.face.frontend().show(AgentEvent::Notice(&text));
        }
    }

    /// Ends what still runs, and tells the session file.
    async fn end(&mut self, finish: Result<Finish, AgentError>) -> Ended {
        // First, since a command that is left running may still change things.
        self.host.close().await;
        if let Some(notice) = reach::hidden_notice(&self.host.take_hidden_hits()) {
            self.face.frontend().show(AgentEvent::Notice(&notice));
        }
        for text in git_words(&self.host.git_account().await) {
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
