//! What the slash commands do, and the figures under each turn.

use std::path::Path;
use std::time::Duration;

use agent::{Cancel, Mode};
use clap::ValueEnum as _;
use snapshots::Merge;

use crate::args::{ModeArg, SessionsArgs};
use crate::chat::{Chat, Next};
use crate::chat_desk::Desk;
use crate::chat_turn::listen_during;
use crate::conversation::Conversation;
use crate::harmless::harmless;
use crate::screen::Paint;
use crate::setup::mode_name;
use crate::slash::{self, Does};
use crate::undo::{self, How, Wanted};
use crate::{ask, diff, hint, sessions};

/// As many as a glance takes in.
const SESSIONS: usize = 10;

impl Chat {
    pub(crate) async fn command(&mut self, does: Does, argument: &str) -> Next {
        match does {
            Does::Help => self.desk.screen.prose(Paint::Plain, &slash::help()),
            Does::Mode => change_mode(&self.desk, argument),
            Does::Model => self.model(argument),
            Does::Effort => self.effort(argument),
            Does::Cost => {
                let text = self.talk.as_ref().map_or_else(|| "nothing spent yet".to_owned(), cost);
                self.desk.screen.prose(Paint::Plain, &text);
            }
            Does::Diff => return self.diff().await,
            Does::Undo => self.undo(Some(argument)),
            Does::Redo => self.undo(None),
            Does::Compact => return self.compact(argument).await,
            Does::Sessions => self.sessions(),
            Does::Quit => return Next::Leave,
        }
        Next::GoOn
    }

    /// In the pager where it is longer than the screen.
    async fn diff(&mut self) -> Next {
        let screen = self.desk.screen.clone();
        let diff = match self.talk.as_ref().map_or_else(|| Ok(String::new()), Conversation::diff) {
            Ok(diff) => harmless(&diff),
            Err(error) => {
                hint::say(&screen, &error);
                return Next::GoOn;
            }
        };
        if diff.is_empty() {
            screen.prose(Paint::Plain, "no changes");
            return Next::GoOn;
        }
        let diff = if screen.is_coloured() { diff::painted(&diff) } else { diff };
        if !screen.is_moving() || diff.lines().count() <= screen.height() {
            screen.painted_lines(diff.trim_end());
            return Next::GoOn;
        }
        let cancel = Cancel::default();
        let (paged, meanwhile) = listen_during(ask::page(&screen, diff.clone()), &mut self.desk, &cancel).await;
        if paged.is_some_and(|paged| paged.is_err()) {
            screen.painted_lines(diff.trim_end());
        }
        self.after(meanwhile, &cancel)
    }

    /// Takes back the last step, or what it did to one file; without `file` the last undo.
    fn undo(&mut self, file: Option<&str>) {
        let screen = &self.desk.screen;
        let Some(talk) = &mut self.talk else {
            return screen.prose(Paint::Plain, "no changes");
        };
        let wanted = file.map(|file| {
            let file = file.trim_start_matches('@');
            let only = (!file.is_empty()).then(|| undo::inside(&self.root, &self.root, Path::new(file)));
            let only = only.into_iter().collect::<anyhow::Result<_>>()?;
            Ok(Wanted { step: None, only, merge: Merge::No, how: How::Really })
        });
        match wanted.transpose().and_then(|wanted| talk.undo(wanted.as_ref())) {
            Ok((report, told)) => {
                screen.line(Paint::Plain, report.render().trim_end());
                if !told.is_empty() {
                    self.aside += &format!("{told}\n\n");
                    screen.prose(Paint::Dim, "the model will see this with your next message");
                }
            }
            Err(error) => hint::say(screen, &error),
        }
    }

    fn sessions(&self) {
        // It prints to stdout, as `agent sessions` does.
        let suspended = self.desk.screen.suspend_input();
        let listed = sessions::list(&SessionsArgs { number: SESSIONS, ..SessionsArgs::default() });
        drop(suspended);
        if let Err(error) = listed {
            hint::say(&self.desk.screen, &error);
        }
    }

    fn effort(&mut self, wanted: &str) {
        let screen = &self.desk.screen;
        match (wanted, wanted.parse(), &self.talk) {
            ("", _, Some(talk)) => screen.prose(Paint::Plain, &talk.effort()),
            ("", _, None) => {
                screen.prose(Paint::Plain, "no model is connected yet; to change the effort: /effort LEVEL")
            }
            (_, Ok(effort), _) => self.find(self.config.with_effort(effort)),
            (_, Err(error), _) => screen.prose(Paint::Red, &format!("error: {error}")),
        }
    }

    fn model(&mut self, wanted: &str) {
        if wanted.is_empty() {
            let model = self.talk.as_ref().map(|talk| talk.named()).or_else(|| self.config.model());
            let model = model.map(|model| format!("using {model}; ")).unwrap_or_default();
            let text = format!("{model}switch with /model ID (`agent models` lists them)");
            self.desk.screen.prose(Paint::Plain, &text);
        } else {
            self.find(self.config.with_model(wanted));
        }
    }
}

pub(crate) fn change_mode(desk: &Desk, wanted: &str) {
    let names = "read-only, confirm, accept-edits, auto";
    let Some(place) = desk.place() else { return };
    let now = place.policy.mode();
    if wanted.is_empty() {
        return desk.screen.prose(Paint::Plain, &format!("{}; the modes are {names}", mode_name(now)));
    }
    match ModeArg::from_str(wanted, true).map(Mode::from) {
        Ok(Mode::Auto) if !place.may_be_auto => {
            desk.screen.prose(Paint::Red, "error: auto mode needs the sandbox, which does not work on this machine");
            desk.screen.prose(Paint::Plain, "hint: `agent doctor` shows why");
        }
        Ok(mode) => {
            place.policy.mode_switch().set(mode);
            // The prompt says it.
            desk.draw();
        }
        Err(_) => desk.screen.prose(Paint::Red, &format!("error: unknown mode `{wanted}`; the modes are {names}")),
    }
}

/// The line under a turn: what it took, and what the whole session has come to.
pub(crate) fn meters(talk: &Conversation, steps: u32, took: Duration) -> String {
    let spent = talk.spent();
    let about = if spent.estimated { "about " } else { "" };
    let steps = agent::counted(steps, "step");
    let cost = spent.cost_usd.filter(|cost| 0.0 < *cost).map(|cost| format!(" · USD {cost:.4}")).unwrap_or_default();
    let (_, window, used) = talk.window();
    let context = window.map(|window| format!(" · ctx {}%", percent(used, window))).unwrap_or_default();
    let seconds = took.as_secs_f32();
    format!("{steps} · {seconds:.1} s · session: {about}{} tokens{cost}{context}", spent.tokens())
}

fn cost(talk: &Conversation) -> String {
    let spent = talk.spent();
    let about = if spent.estimated { "about " } else { "" };
    let cost = match spent.cost_usd {
        Some(cost) => format!("USD {cost:.4}"),
        None => "unknown: no price for this model".to_owned(),
    };
    let (model, window, used) = talk.window();
    let context = match window {
        Some(window) => format!("about {used} of {window} tokens ({}%)", percent(used, window)),
        None => format!("about {used} tokens; the model's window is unknown"),
    };
    format!(
        "model    {model}\nsteps    {}\ntokens   {about}{} in ({} cached), {} out\ncost     {cost}\ncontext  {context}",
        spent.steps, spent.input_tokens, spent.cached_tokens, spent.output_tokens
    )
}

fn percent(used: u64, window: u64) -> u64 {
    (used * 100).div_ceil(window.max(1))
}
