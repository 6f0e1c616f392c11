//! What takes its time in a conversation: a turn of the model, and a command of the human's. Meanwhile the keys are heard.

use std::time::{Duration, Instant};

use agent::{AgentError, Cancel, Condensed, Finish, Stop};

use crate::canvas::Waiting;
use crate::chat::{Chat, Next};
use crate::chat_commands::{change_mode, meters};
use crate::chat_desk::{Desk, Said};
use crate::conversation::Conversation;
use crate::human::echo;
use crate::screen::Paint;
use crate::slash::{self, Does, Line};
use crate::summary;

/// The human sits here and can stop it: it may take longer than a command of the model's.
const LONGEST_COMMAND: Duration = Duration::from_secs(3600);

/// How long what was stopped may take to end once nobody is there any more: longer than a command that is killed needs.
const PARTING: Duration = Duration::from_secs(8);

/// What the human does while something goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meanwhile {
    Stays,
    /// As soon as it has ended.
    Leaves,
}

impl Chat {
    /// Says it to the model and lets it work, until it has answered or is stopped.
    pub(crate) async fn turn(&mut self, line: &str) -> Next {
        let Chat { talk: Some(talk), desk, aside, config, .. } = self else { return Next::GoOn };
        let message = std::mem::take(aside) + &desk.for_the_model(line);
        let began = Instant::now();
        let steps = talk.spent().steps;
        let cancel = Cancel::default();
        talk.begin_turn(cancel.clone());
        let max_time = config.max_time().ok().flatten();
        let timer = max_time.map(|max_time| {
            let cancel = cancel.clone();
            tokio::spawn(async move {
                tokio::time::sleep(max_time).await;
                cancel.stop(Stop::WallTime);
            })
        });
        let (finish, meanwhile) = listen_during(talk.turn(message), desk, &cancel).await;
        if let Some(timer) = timer {
            timer.abort();
        }
        let Some(finish) = finish else {
            self.finish = Ok(Finish::Cancelled);
            return Next::Leave;
        };
        desk.screen.status(None);
        desk.screen.end_stream();
        say_end(talk, desk, &finish);
        let steps = talk.spent().steps - steps;
        desk.screen.prose(Paint::Dim, &meters(talk, steps, began.elapsed()));
        self.finish = finish;
        self.after(meanwhile, &cancel)
    }

    /// Condenses what was said, because the human wants it.
    pub(crate) async fn compact(&mut self, focus: &str) -> Next {
        let Chat { talk: Some(talk), desk, .. } = self else { return Next::GoOn };
        let cancel = Cancel::default();
        talk.begin_turn(cancel.clone());
        desk.screen.status(Some("compacting the conversation ·".to_owned()));
        let focus = Some(focus).filter(|focus| !focus.is_empty());
        let (condensed, meanwhile) = listen_during(talk.compact(focus), desk, &cancel).await;
        let Some(condensed) = condensed else { return Next::Leave };
        desk.screen.status(None);
        desk.screen.end_stream();
        match condensed {
            // It was shown as it happened.
            Ok(Condensed::Done) => (),
            Ok(Condensed::Not(why)) => desk.screen.prose(Paint::Yellow, &format!("not compacted: {why}")),
            Ok(Condensed::Ended(finish)) => say_end(talk, desk, &Ok(finish)),
            Err(error) => say_end(talk, desk, &Err(error)),
        }
        self.after(meanwhile, &cancel)
    }

    /// Runs a command of the human's in the same fence, and keeps what it printed for the next message.
    pub(crate) async fn run_by_hand(&mut self, command: &str) -> Next {
        let Some(place) = self.desk.place().cloned() else { return Next::GoOn };
        if command.is_empty() {
            self.desk.screen.prose(Paint::Yellow, "write a command after the `!`, such as !git status");
            return Next::GoOn;
        }
        self.desk.screen.status(Some(format!("{command} ·")));
        let cancel = Cancel::default();
        let talk = &mut self.talk;
        let running = async {
            match talk {
                Some(talk) => talk.run_by_hand(command, LONGEST_COMMAND, &cancel).await,
                // Without a model there is no session that could follow it.
                None => agent::run_by_hand(place.host.as_ref(), command, LONGEST_COMMAND, &cancel).await,
            }
        };
        let (ran, meanwhile) = listen_during(running, &mut self.desk, &cancel).await;
        let Some(ran) = ran else { return Next::Leave };
        self.desk.screen.status(None);
        match ran {
            Ok(ran) => {
                let shown = tools::show_ran(&ran);
                self.desk.screen.line(Paint::Plain, &shown);
                let shown = agent::Clipped::new(shown);
                self.aside += &format!("I ran `{command}`:\n```\n{}\n```\n\n", shown.as_str());
                self.desk.screen.prose(Paint::Dim, "the model will see this with your next message");
            }
            Err(agent::SandboxError::Cancelled) => self.desk.screen.prose(Paint::Yellow, "stopped"),
            Err(error) => self.desk.screen.prose(Paint::Red, &format!("error: {error}")),
        }
        self.after(meanwhile, &cancel)
    }

    /// What was written meanwhile and nobody has read is dealt with now, in its order. Words to a reply that the human
    /// stopped are given back: they may be meant otherwise now.
    pub(crate) fn after(&mut self, meanwhile: Meanwhile, cancel: &Cancel) -> Next {
        let stopped = cancel.why() == Some(Stop::Human);
        let mut back = Vec::new();
        for waiting in self.desk.screen.take_waiting() {
            match waiting {
                Waiting::Words(text) if stopped => back.push(text),
                Waiting::Words(text) | Waiting::Line(text) => self.todo.push_back(text),
            }
        }
        self.desk.give_back(&back.join("\n"));
        match meanwhile {
            Meanwhile::Stays => Next::GoOn,
            Meanwhile::Leaves => Next::Leave,
        }
    }
}

/// Does the work and hears the keys until it is done; `None` where the human left in the middle of it.
pub(crate) async fn listen_during<T>(
    work: impl Future<Output = T>,
    desk: &mut Desk,
    cancel: &Cancel,
) -> (Option<T>, Meanwhile) {
    let screen = desk.screen.clone();
    let work = async {
        let done = work.await;
        // A program that was started for the human may still have the terminal.
        screen.keys_are_ours().await;
        done
    };
    let mut work = std::pin::pin!(work);
    let mut meanwhile = Meanwhile::Stays;
    loop {
        let said = tokio::select! {
            biased;
            done = &mut work => {
                // What was stopped is over: the next Ctrl-C is a first one.
                desk.forget_interrupt();
                return (Some(done), meanwhile);
            }
            said = desk.next() => said,
        };
        match said {
            Said::Line(line) => meanwhile = heard(&line, desk, cancel).unwrap_or(meanwhile),
            Said::Stop => stop(desk, cancel, "stopping"),
            Said::Interrupt => stop(desk, cancel, "stopping; press Ctrl-C again to quit now"),
            Said::InterruptAgain => return (None, meanwhile),
            Said::Leave => {
                meanwhile = Meanwhile::Leaves;
                cancel.stop(Stop::Human);
            }
            // Whoever went on listening would hear the same at once, for ever.
            Said::Gone => {
                cancel.stop(Stop::Human);
                return (tokio::time::timeout(PARTING, work).await.ok(), Meanwhile::Leaves);
            }
        }
    }
}

/// Nothing where it ended as it should.
fn say_end(talk: &Conversation, desk: &Desk, finish: &Result<Finish, AgentError>) {
    let ended = talk.account_for(finish);
    summary::say_how(&desk.screen, &ended);
}

fn stop(desk: &Desk, cancel: &Cancel, why: &str) {
    if !cancel.is_set() {
        cancel.stop(Stop::Human);
        desk.screen.prose(Paint::Yellow, why);
    }
}

/// Words wait for the model's next step, what can be done at once is, the rest waits for the end. Something where the
/// human is about to leave.
fn heard(line: &str, desk: &Desk, cancel: &Cancel) -> Option<Meanwhile> {
    let say = |text: &str| {
        if !desk.screen.is_moving() {
            desk.screen.line(Paint::Dim, text);
        }
    };
    match slash::read(line) {
        Line::Words => {
            say("the model will read this before its next step");
            desk.screen.wait_with(Waiting::Words(desk.for_the_model(line)));
        }
        Line::Command(Does::Help, _) => desk.screen.prose(Paint::Plain, &slash::help()),
        Line::Command(Does::Mode, argument) => {
            echo(&desk.screen, line);
            change_mode(desk, argument);
        }
        Line::Command(Does::Quit, _) => {
            cancel.stop(Stop::Human);
            return Some(Meanwhile::Leaves);
        }
        Line::Command(
            Does::Cost
            | Does::Model
            | Does::Effort
            | Does::Diff
            | Does::Undo
            | Does::Redo
            | Does::Compact
            | Does::Sessions,
            _,
        )
        | Line::Shell(_)
        | Line::Unknown(..) => {
            say("queued until this turn ends");
            desk.screen.wait_with(Waiting::Line(line.to_owned()));
        }
    }
    None
}
