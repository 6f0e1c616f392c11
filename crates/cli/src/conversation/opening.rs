//! How a conversation begins: the fence, the model, the session file.

use std::io;
use std::rc::Rc;
use std::time::Instant;

use agent::{Cancel, SeenFiles, Transcript};
use session::{Header, Reopened, Resumed, Served, Session, SessionFile};

use super::{Beginning, Conversation, Face, Plan};
use crate::args::Output;
use crate::connect::{self, Connected};
use crate::hint::{Exit, Hinted};
use crate::human::Human;
use crate::input::Inbox;
use crate::machine::Machine;
use crate::place::Place;
use crate::screen::Screen;
use crate::setup::{fence_words, listen};
use crate::watched::{Kept, Watched};
use crate::{events, paths, sessions};

impl Conversation {
    /// Puts up the fence, finds the model and starts the session file.
    pub(crate) async fn open(plan: Plan) -> anyhow::Result<Conversation> {
        let screen = Screen::new(plan.config.manner());
        let cancel = Cancel::default();
        // From here on: the model's server may take its time to say which models it has.
        listen(cancel.clone(), plan.config.max_time()?, screen.clone());
        let id = plan.session_id();
        let found = async { tokio::join!(Place::prepare(&plan, &id), connect::connect(&plan.config, &id)) };
        let (place, connected) = tokio::select! {
            found = found => found,
            () = cancel.wait() => return Err(stopped_early(&cancel)),
        };
        // What is wrong with the model is said before what is wrong with the place.
        let connected = connected?;
        let face = match plan.output {
            Output::Text => Face::Human(Box::new(Human::new(screen.clone()))),
            Output::Json => Face::Machine(Box::new(Machine::new(id.clone(), true))),
            Output::Jsonl => Face::Machine(Box::new(Machine::new(id.clone(), false))),
        };
        tokio::spawn(screen.clone().animate());
        Conversation::start(plan, place?, connected, screen, face, cancel)
    }

    /// Starts the session file. From here on there is somebody to talk to.
    pub(crate) fn start(
        plan: Plan,
        place: Place,
        connected: Connected,
        screen: Screen,
        mut face: Face,
        cancel: Cancel,
    ) -> anyhow::Result<Conversation> {
        let Plan { root, mut config, output, beginning } = plan;
        let Place { id, host, fenced, may_be_auto: _, policy, notices } = place;
        config.notices.extend(notices);
        match &mut face {
            Face::Human(human) => human.around.fence = fence_words(fenced, &config.network()?).to_owned(),
            Face::Machine(machine) if config.asks_program => {
                let (switch, timeout) = (policy.mode_switch(), config.approval_timeout()?);
                machine.inbox = Some(Inbox::open(machine.printer(), cancel.clone(), switch, timeout));
            }
            Face::Machine(_) => (),
        }
        let store = sessions::store()?;
        let served = served(&connected);
        let header = Header::new(&id, &root, served.clone());
        let begun = match beginning {
            Beginning::New => store.create(&header).map(|file| (file, None)),
            Beginning::Resumed(reopened) => goes_on(*reopened, served),
            Beginning::Forked(source) => store.fork(&source, &id).and_then(|reopened| goes_on(reopened, served)),
        };
        let (session, before) = begun.map_err(|error| {
            let message = format!("cannot save the session to {}: {error}", store.file(&id).display());
            let hint = "free some space, or point XDG_STATE_HOME to a writable directory";
            let exit = match error.kind() {
                io::ErrorKind::FileTooLarge => Exit::Failed,
                _ => Exit::Usage,
            };
            Hinted::new(exit, message, Some(hint.to_owned()))
        })?;
        let transcript = before.as_ref().map(|session| Transcript::restore(session.entries().cloned().collect()));
        let kept = match &before {
            Some(session) => Kept::of(&session.header)?,
            None => Kept { folder: paths::snapshots()?, root: root.clone(), session: id },
        };
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
}

/// There is no session to go on with.
fn stopped_early(cancel: &Cancel) -> anyhow::Error {
    let (_, exit, reason, _) = events::finish(&events::stopped(cancel));
    let reason = reason.map(|reason| format!(": {reason} was reached")).unwrap_or_default();
    Hinted::new(exit, format!("stopped before the model was asked{reason}"), None).into()
}

pub(super) fn served(connected: &Connected) -> Served {
    Served {
        model: connected.model.clone(),
        price: connected.price,
        context_tokens: connected.context_tokens,
        base_url: Some(connected.base_url.clone()),
        api_key_env: connected.api_key_env.clone(),
    }
}

/// Says in the file that it goes on, and with whom.
fn goes_on(reopened: Reopened, served: Served) -> io::Result<(SessionFile, Option<Session>)> {
    let Reopened { session, mut file } = reopened;
    file.note(&Resumed::new(served))?;
    Ok((file, Some(session)))
}
