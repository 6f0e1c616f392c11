//! Which effects run, which are asked about, which never happen. Pure.

mod indirect;
mod looks;
mod mode;
mod rules;
mod shell;

use std::fmt;
use std::path::{Component, Path};

use crate::effect::{Change, Effect};
use looks::only_looks;
use rules::Covers;
use shell::{Line, take_apart};

pub use mode::{Mode, ModeSwitch};
pub use rules::{Rule, Rules};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// Ask the human, who is told why.
    Ask(String),
    /// Refuse; the model is told why.
    Deny(String),
}

/// What "for the rest of the session" would stand for. Its `Display` says all of it.
#[derive(Clone, Debug)]
pub enum Offer {
    Commands(Rule),
    /// The mode becomes `accept-edits`.
    AllEdits,
}

/// Deny beats ask beats allow.
#[derive(Clone, Debug)]
pub struct ApprovalPolicy {
    mode: ModeSwitch,
    /// The mode that everybody was told of.
    told: Mode,
    rules: Rules,
}

const GIT_IS_CLOSED: &str = "`.git` is never written directly. Use git commands.";
const READ_ONLY: &str = "This session is read-only: writes and commands are refused. Describe the change instead.";

impl ApprovalPolicy {
    pub fn new(mode: Mode) -> ApprovalPolicy {
        ApprovalPolicy::with_rules(mode, Rules::default())
    }

    pub fn with_rules(mode: Mode, rules: Rules) -> ApprovalPolicy {
        ApprovalPolicy { mode: ModeSwitch::new(mode), told: mode, rules }
    }

    pub fn mode(&self) -> Mode {
        self.mode.get()
    }

    /// A handle to change the mode with, from anywhere, at any time.
    pub fn mode_switch(&self) -> ModeSwitch {
        self.mode.clone()
    }

    /// The new mode if it changed since this was last asked, and what the model has to know of it.
    pub(crate) fn take_mode_change(&mut self) -> Option<(Mode, Option<&'static str>)> {
        let now = self.mode();
        let before = std::mem::replace(&mut self.told, now);
        (before != now).then_some((now, mode::note(before, now)))
    }

    pub fn judge(&self, effect: &Effect) -> Verdict {
        match (effect, self.mode()) {
            // Reads cannot leave the workspace: the sandbox opens nothing outside it.
            (Effect::Read { .. } | Effect::List { .. } | Effect::Search { .. } | Effect::Map { .. }, _) => {
                Verdict::Allow
            }
            (Effect::Write { changes }, _) if changes.iter().any(|change| is_git_internal(&change.path)) => {
                Verdict::Deny(GIT_IS_CLOSED.to_owned())
            }
            // Whoever allowed the start allowed these.
            (Effect::ReadOutput { .. } | Effect::Stop { .. }, _) => Verdict::Allow,
            (Effect::Write { .. } | Effect::Run { .. } | Effect::Start { .. }, Mode::ReadOnly) => {
                Verdict::Deny(READ_ONLY.to_owned())
            }
            (Effect::Write { changes }, mode) => self.judge_write(changes, mode),
            (Effect::Run { command, .. } | Effect::Start { command }, mode) => self.judge_run(command, mode),
        }
    }

    /// Whether an allowed command is allowed because its programs only look.
    pub(crate) fn relies_on_programs(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Run { command, .. } | Effect::Start { command } => self.mode() != Mode::Auto && is_look(command),
            Effect::Read { .. }
            | Effect::List { .. }
            | Effect::Search { .. }
            | Effect::Map { .. }
            | Effect::Write { .. }
            | Effect::ReadOutput { .. }
            | Effect::Stop { .. } => false,
        }
    }

    /// What an approval for the session would cover; `None` where nothing narrow enough can be said.
    pub fn offer(&self, effect: &Effect) -> Option<Offer> {
        match effect {
            Effect::Run { command, .. } | Effect::Start { command } => {
                let line = take_apart(command).ok()?;
                let asks = self.rules.ask.iter().any(|rule| of_line(rule, &line) != Covers::No);
                rules::offered(&line).filter(|_| !asks).map(Offer::Commands)
            }
            Effect::Write { changes } => {
                let asks = self.rules.ask.iter().any(|rule| of_changes(rule, changes) != Covers::No);
                (!asks).then_some(Offer::AllEdits)
            }
            Effect::Read { .. }
            | Effect::List { .. }
            | Effect::Search { .. }
            | Effect::Map { .. }
            | Effect::ReadOutput { .. }
            | Effect::Stop { .. } => None,
        }
    }

    pub(crate) fn accept(&mut self, offer: Offer) {
        match offer {
            Offer::Commands(rule) => self.rules.allow.push(rule),
            Offer::AllEdits => self.mode.set(Mode::AcceptEdits),
        }
    }

    fn judge_write(&self, changes: &[Change], mode: Mode) -> Verdict {
        let covers = |rule: &Rule| of_changes(rule, changes);
        if let Some((rule, _)) = strongest(&self.rules.deny, covers) {
            return Verdict::Deny(format!("The user's rules forbid {rule}."));
        }
        if let Some((rule, _)) = strongest(&self.rules.ask, covers) {
            return Verdict::Ask(format!("your rules ask about {rule}"));
        }
        let allowed =
            |change: &Change| self.rules.allow.iter().any(|rule| rule.covers_edit(&change.path) == Covers::Yes);
        match mode {
            Mode::Auto | Mode::AcceptEdits => Verdict::Allow,
            Mode::Confirm | Mode::ReadOnly if changes.iter().all(allowed) => Verdict::Allow,
            Mode::Confirm | Mode::ReadOnly => Verdict::Ask("this mode asks before edits".to_owned()),
        }
    }

    fn judge_run(&self, command: &str, mode: Mode) -> Verdict {
        let line = take_apart(command);
        let covers = |rule: &Rule| match &line {
            Ok(line) => of_line(rule, line),
            // Whatever it runs may be covered.
            Err(_) if rule.is_of_commands() => Covers::Maybe,
            Err(_) => Covers::No,
        };
        match (strongest(&self.rules.deny, covers), mode) {
            (Some((rule, Covers::Yes)), _) => return Verdict::Deny(format!("The user's rules forbid {rule}.")),
            (Some((rule, _)), Mode::Auto) => {
                return Verdict::Deny(format!(
                    "The user's rules forbid {rule}, and this line may run one. Use plain commands, without variables, \
                     here-documents, nested shells and the like."
                ));
            }
            (Some((rule, _)), _) => return Verdict::Ask(format!("it may run what your rules forbid: {rule}")),
            (None, _) => (),
        }
        match strongest(&self.rules.ask, covers) {
            Some((rule, Covers::Yes)) => return Verdict::Ask(format!("your rules ask about {rule}")),
            Some((rule, _)) => return Verdict::Ask(format!("it may run what your rules ask about: {rule}")),
            None => (),
        }
        if mode == Mode::Auto {
            return Verdict::Allow;
        }
        let line = match line {
            Ok(line) => line,
            Err(why) => return Verdict::Ask(why.to_owned()),
        };
        let unknown = line
            .commands
            .iter()
            .find(|command| !self.rules.allow.iter().any(|rule| rule.allows(command)) && !only_looks(&line, command));
        match unknown {
            None => Verdict::Allow,
            Some(command) => Verdict::Ask(format!("no rule allows this use of `{}`", command.program())),
        }
    }
}

/// The commands that a line runs, as far as a shell grammar can tell; else what stands in the way. For the human.
///
/// # Errors
/// Says what in the line cannot be taken apart.
pub fn commands_of(line: &str) -> Result<Vec<String>, &'static str> {
    take_apart(line).map(|line| line.commands.iter().map(ToString::to_string).collect())
}

/// Whether a command only looks around: how it ends says nothing about what was changed.
pub(crate) fn is_look(command: &str) -> bool {
    take_apart(command).is_ok_and(|line| line.commands.iter().all(|command| only_looks(&line, command)))
}

/// The rule that covers it most surely, if any may.
fn strongest(rules: &[Rule], covers: impl Fn(&Rule) -> Covers) -> Option<(&Rule, Covers)> {
    let covered = rules.iter().map(|rule| (rule, covers(rule)));
    covered.filter(|(_, covers)| *covers != Covers::No).max_by_key(|(_, covers)| *covers)
}

fn of_line(rule: &Rule, line: &Line) -> Covers {
    let shown = line.commands.iter().map(|command| rule.concerns(command)).max().unwrap_or(Covers::No);
    if shown == Covers::No && rule.may_hide_in(line) { Covers::Maybe } else { shown }
}

fn of_changes(rule: &Rule, changes: &[Change]) -> Covers {
    changes.iter().map(|change| rule.covers_edit(&change.path)).max().unwrap_or(Covers::No)
}

impl fmt::Display for Offer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Offer::Commands(rule) => rule.fmt(formatter),
            Offer::AllEdits => formatter.write_str("all edits in the workspace (mode accept-edits)"),
        }
    }
}

/// `.git` at any depth, in any case: some file systems fold it.
fn is_git_internal(path: &Path) -> bool {
    path.components().any(|component| match component {
        Component::Normal(name) => name.eq_ignore_ascii_case(".git"),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => false,
    })
}

#[cfg(test)]
mod tests;
