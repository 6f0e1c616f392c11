//! Which effects run, which are asked about, which never happen. Pure.

use std::path::{Component, Path};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::effect::Effect;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Look, never touch.
    ReadOnly,
    /// Ask before each write and command.
    Confirm,
    /// Write inside the workspace freely, ask before commands.
    AcceptEdits,
    /// Ask nothing. The sandbox is the guard.
    Auto,
}

impl Mode {
    /// The one after it, from the strictest to the freest and round again.
    pub fn next(self) -> Mode {
        match self {
            Mode::ReadOnly => Mode::Confirm,
            Mode::Confirm => Mode::AcceptEdits,
            Mode::AcceptEdits => Mode::Auto,
            Mode::Auto => Mode::ReadOnly,
        }
    }
}

/// The mode while a run goes on. Clones share it, so that a front end changes it between and during steps:
/// the next effect is judged by it.
#[derive(Clone, Debug)]
pub struct ModeSwitch(Arc<Mutex<Mode>>);

impl ModeSwitch {
    fn new(mode: Mode) -> ModeSwitch {
        ModeSwitch(Arc::new(Mutex::new(mode)))
    }

    pub fn get(&self) -> Mode {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, mode: Mode) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    Ask,
    Deny(&'static str),
}

/// Deny beats ask beats allow.
#[derive(Clone, Debug)]
pub struct ApprovalPolicy {
    mode: ModeSwitch,
    /// The mode that everybody was told of.
    told: Mode,
    /// Command lines the human allowed for the whole session, word for word.
    allowed_commands: Vec<String>,
}

const GIT_IS_CLOSED: &str = "`.git` is never written directly. Use git commands.";
const READ_ONLY: &str =
    "This session is read-only: nothing is written and no command runs. Describe the change instead.";
const NOW_READ_ONLY: &str =
    "From now on this session is read-only: look and describe; writes and commands are refused.";
const NO_LONGER_READ_ONLY: &str = "This session is no longer read-only: you may write and run commands again.";

impl ApprovalPolicy {
    pub fn new(mode: Mode) -> ApprovalPolicy {
        ApprovalPolicy { mode: ModeSwitch::new(mode), told: mode, allowed_commands: Vec::new() }
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
        let note = match (before, now) {
            (_, Mode::ReadOnly) => Some(NOW_READ_ONLY),
            (Mode::ReadOnly, Mode::Confirm | Mode::AcceptEdits | Mode::Auto) => Some(NO_LONGER_READ_ONLY),
            (Mode::Confirm | Mode::AcceptEdits | Mode::Auto, Mode::Confirm | Mode::AcceptEdits | Mode::Auto) => None,
        };
        (before != now).then_some((now, note))
    }

    pub fn judge(&self, effect: &Effect) -> Verdict {
        match (effect, self.mode()) {
            // Reads cannot leave the workspace: the sandbox opens nothing outside it.
            (Effect::Read { .. } | Effect::List { .. } | Effect::Search { .. }, _) => Verdict::Allow,
            (Effect::Write { changes }, _) if changes.iter().any(|change| is_git_internal(&change.path)) => {
                Verdict::Deny(GIT_IS_CLOSED)
            }
            (Effect::Write { .. } | Effect::Run { .. }, Mode::ReadOnly) => Verdict::Deny(READ_ONLY),
            (Effect::Write { .. } | Effect::Run { .. }, Mode::Auto) => Verdict::Allow,
            (Effect::Write { .. }, Mode::AcceptEdits) => Verdict::Allow,
            (Effect::Write { .. }, Mode::Confirm) => Verdict::Ask,
            (Effect::Run { command, .. }, Mode::Confirm | Mode::AcceptEdits) => {
                if self.allowed_commands.contains(command) { Verdict::Allow } else { Verdict::Ask }
            }
        }
    }

    /// Remembers an approval for the session: this command line, or edits in general.
    pub(crate) fn remember(&mut self, effect: &Effect) {
        match effect {
            Effect::Run { command, .. } => self.allowed_commands.push(command.clone()),
            Effect::Write { .. } => self.mode.set(Mode::AcceptEdits),
            Effect::Read { .. } | Effect::List { .. } | Effect::Search { .. } => (),
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::effect::{Change, FileMode};

    #[track_caller]
    fn check(mode: Mode, effect: Effect, expected: Verdict) {
        assert_eq!(ApprovalPolicy::new(mode).judge(&effect), expected, "{mode:?} {effect:?}");
    }

    fn write(path: &str) -> Effect {
        let change = Change { path: path.into(), before: None, after: Some(Vec::new()), mode: FileMode::Keep };
        Effect::Write { changes: vec![change] }
    }

    fn run(command: &str) -> Effect {
        Effect::Run { command: command.to_owned(), timeout: Duration::from_secs(1) }
    }

    fn read() -> Effect {
        Effect::Read { path: "a".into(), max_bytes: 1 }
    }

    #[test]
    fn the_table_of_modes() {
        check(Mode::ReadOnly, read(), Verdict::Allow);
        check(Mode::ReadOnly, write("a"), Verdict::Deny(READ_ONLY));
        check(Mode::ReadOnly, run("ls"), Verdict::Deny(READ_ONLY));
        check(Mode::Confirm, read(), Verdict::Allow);
        check(Mode::Confirm, write("a"), Verdict::Ask);
        check(Mode::Confirm, run("ls"), Verdict::Ask);
        check(Mode::AcceptEdits, write("a"), Verdict::Allow);
        check(Mode::AcceptEdits, run("ls"), Verdict::Ask);
        check(Mode::Auto, write("a"), Verdict::Allow);
        check(Mode::Auto, run("ls"), Verdict::Allow);
    }

    #[test]
    fn git_internals_are_closed_in_every_mode() {
        for mode in [Mode::ReadOnly, Mode::Confirm, Mode::AcceptEdits, Mode::Auto] {
            for path in [".git/hooks/pre-commit", "sub/.GIT/config", ".git"] {
                check(mode, write(path), Verdict::Deny(GIT_IS_CLOSED));
            }
            assert_ne!(ApprovalPolicy::new(mode).judge(&write(".gitignore")), Verdict::Deny(GIT_IS_CLOSED));
        }
    }

    #[test]
    fn a_change_of_mode_counts_at_once_and_is_told_once() {
        let mut policy = ApprovalPolicy::new(Mode::Auto);
        let switch = policy.clone().mode_switch();
        assert_eq!(policy.take_mode_change(), None);
        switch.set(Mode::ReadOnly);
        assert_eq!(policy.judge(&run("ls")), Verdict::Deny(READ_ONLY));
        assert_eq!(policy.take_mode_change(), Some((Mode::ReadOnly, Some(NOW_READ_ONLY))));
        assert_eq!(policy.take_mode_change(), None);
        switch.set(Mode::Confirm);
        assert_eq!(policy.take_mode_change(), Some((Mode::Confirm, Some(NO_LONGER_READ_ONLY))));
        switch.set(Mode::Auto);
        assert_eq!(policy.take_mode_change(), Some((Mode::Auto, None)));
    }

    #[test]
    fn an_approval_for_the_session_is_no_wider_than_what_was_shown() {
        let mut policy = ApprovalPolicy::new(Mode::Confirm);
        policy.remember(&run("cargo test"));
        assert_eq!(policy.judge(&run("cargo test")), Verdict::Allow);
        assert_eq!(policy.judge(&run("cargo test; rm -rf .")), Verdict::Ask);
        assert_eq!(policy.judge(&write("a")), Verdict::Ask);
        policy.remember(&write("a"));
        assert_eq!(policy.judge(&write("b")), Verdict::Allow);
        assert_eq!(policy.judge(&run("ls")), Verdict::Ask);
    }
}
