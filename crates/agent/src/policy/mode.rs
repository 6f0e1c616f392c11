//! How freely the agent works, and the switch that changes it while it does.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

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
    pub(crate) fn new(mode: Mode) -> ModeSwitch {
        ModeSwitch(Arc::new(Mutex::new(mode)))
    }

    pub fn get(&self) -> Mode {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, mode: Mode) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }
}

const NOW_READ_ONLY: &str = "This session is now read-only: read and describe; writes and commands are refused.";
const NO_LONGER_READ_ONLY: &str = "This session is no longer read-only: you may write and run commands again.";

/// What the model has to know of a change: only where read-only begins or ends.
pub(crate) fn note(before: Mode, now: Mode) -> Option<&'static str> {
    match (before, now) {
        (_, Mode::ReadOnly) => Some(NOW_READ_ONLY),
        (Mode::ReadOnly, Mode::Confirm | Mode::AcceptEdits | Mode::Auto) => Some(NO_LONGER_READ_ONLY),
        (Mode::Confirm | Mode::AcceptEdits | Mode::Auto, Mode::Confirm | Mode::AcceptEdits | Mode::Auto) => None,
    }
}
