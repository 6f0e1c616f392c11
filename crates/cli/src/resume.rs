//! `agent resume` and `agent fork`: going on with what was said before, in the same session or in a copy.

use std::path::Path;

use agent::{Transcript, Turn};
use anyhow::{Context as _, anyhow};
use session::{Here, Session, SessionError, State, Store};

use crate::args::{ForkArgs, Output, ProgramArgs, ResumeArgs, WorkArgs};
use crate::chat;
use crate::config::Config;
use crate::conversation::{Beginning, Plan};
use crate::hint::{Exit, Hint as _};
use crate::past;
use crate::run::{self, carry_out, read_task};
use crate::sessions::{one, store};

/// What the model is told that was stopped amid its words.
const GO_ON: &str = "Your reply was interrupted. Continue.";

pub(crate) async fn resume(args: ResumeArgs) -> anyhow::Result<Exit> {
    let output = args.program.output;
    run::told(output, resume_one(args).await)
}

async fn resume_one(args: ResumeArgs) -> anyhow::Result<Exit> {
    let store = store()?;
    let (id, message) = match (args.id, args.message) {
        (Some(text), None) if !could_be_id(&text) => (None, Some(text)),
        (id, message) => (id, message),
    };
    let id = match id {
        Some(part) => one(&store, &part)?,
        None => last_here(&store, &run::workspace(args.work.model.workspace.as_deref())?)?,
    };
    let reopened = match store.reopen(&id) {
        Ok(reopened) => reopened,
        Err(error @ SessionError::Busy(_)) => {
            return Err(error).hint(format!("wait until it ends, or continue from a copy: agent fork {id}"));
        }
        Err(error) => return Err(error).hint("`agent sessions` lists the others"),
    };
    let mut notices = reopened.session.notices.clone();
    let beginning = match reopened.session.state {
        State::Whole | State::Torn => Beginning::Resumed(Box::new(reopened)),
        State::Damaged => {
            notices.push("the intact part continues in a new session; the damaged file is left unchanged".to_owned());
            Beginning::Forked(Box::new(reopened.session))
        }
    };
    go_on(beginning, notices, message, args.program, args.work).await
}

pub(crate) async fn fork(args: ForkArgs) -> anyhow::Result<Exit> {
    let output = args.program.output;
    run::told(output, fork_one(args).await)
}

async fn fork_one(args: ForkArgs) -> anyhow::Result<Exit> {
    let store = store()?;
    let id = one(&store, &args.id)?;
    let session = Session::read(&store.file(&id))?;
    let step = args.step.unwrap_or(usize::MAX);
    let steps = session.steps();
    let Some(kept) = session.up_to(step.min(steps)).filter(|_| args.step.is_none_or(|step| step <= steps)) else {
        return Err(anyhow!("session {id} has only {}", agent::counted(steps, "step")))
            .hint("`agent show` numbers them");
    };
    let notices = kept.notices.clone();
    go_on(Beginning::Forked(Box::new(kept)), notices, args.message, args.program, args.work).await
}

async fn go_on(
    mut beginning: Beginning,
    mut notices: Vec<String>,
    message: Option<String>,
    program: ProgramArgs,
    work: WorkArgs,
) -> anyhow::Result<Exit> {
    run::check_input(&program, message.as_deref())?;
    let header = match &beginning {
        Beginning::New => return Err(anyhow!("nothing to resume")),
        Beginning::Resumed(reopened) => &reopened.session.header,
        Beginning::Forked(session) => &session.header,
    };
    let given = work.model.workspace.as_deref();
    let root = past::workspace_now(header, given)?.ok_or_else(|| past::is_gone(header))?;
    if Path::new(&header.workspace) != root {
        notices.push(format!("the workspace was moved: it was {}", header.workspace));
    }
    if let Beginning::Resumed(reopened) = &mut beginning {
        // What is not known of the files is no reason not to go on.
        match past::settle(&reopened.session, &mut reopened.file, &root) {
            Ok(settled) => notices.extend(settled.map(|settled| settled.notice)),
            Err(error) => notices.push(format!("cannot find out what an interrupted command changed: {error:#}")),
        }
    }
    let session = match &beginning {
        Beginning::New => return Err(anyhow!("nothing to resume")),
        Beginning::Resumed(reopened) => &reopened.session,
        Beginning::Forked(session) => session.as_ref(),
    };
    let first = first(session, message)?;
    let id = session.header.id.clone();
    let mut config = Config::for_work(&work, &program, &root)?.with_session(session.served());
    config.notices.extend(notices);
    let plan = Plan { root, config, output: program.output, beginning };
    match first {
        First::Words(words) => carry_out(Some(words), plan).await,
        First::Work => carry_out(None, plan).await,
        First::Human if program.output == Output::Text && chat::is_attended() => chat::converse(plan, None).await,
        First::Human => {
            Err(anyhow!("session {id} is finished")).hint(format!("say what to do next: agent resume {id} \"...\""))
        }
    }
}

/// Who has the word.
enum First {
    /// Something is said to the model.
    Words(String),
    /// The model, where it was.
    Work,
    /// The human: the model has answered.
    Human,
}

/// A message of one hexadecimal word would be taken for an id, which is then said.
fn could_be_id(text: &str) -> bool {
    text.len() > 1 && text.chars().all(|character| character.is_ascii_hexdigit() || character == '-')
}

/// The session of this directory that was used last.
pub(crate) fn last_here(store: &Store, here: &Path) -> anyhow::Result<String> {
    let mut ids: Vec<_> = store.ids()?.into_iter().map(|id| (store.last_used(&id).ok(), id)).collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let directory = Here::new(here);
    let of_here = |id: &String| store.header(id).is_ok_and(|header| directory.workspace_of(&header).is_some());
    ids.into_iter()
        .map(|(_, id)| id)
        .find(of_here)
        .with_context(|| format!("no session in {}", here.display()))
        .hint("`agent sessions --all` lists all sessions")
}

fn first(session: &Session, message: Option<String>) -> anyhow::Result<First> {
    let transcript = Transcript::restore(session.entries().cloned().collect());
    let id = &session.header.id;
    if transcript.turn() == Turn::Nobody {
        return Err(anyhow!("session {id} has no task")).hint("start a new session: agent run \"...\"");
    }
    if let Some(message) = message {
        return read_task(&message).map(First::Words);
    }
    Ok(match (transcript.turn(), session.ended()) {
        (Turn::Model, _) => First::Work,
        (Turn::Human | Turn::Nobody, None | Some("answered")) => First::Human,
        (Turn::CutShort | Turn::Human | Turn::Nobody, _) => First::Words(GO_ON.to_owned()),
    })
}
