//! What goes wrong between us and a forge, for a human: what happened, then what to do about it.
//!
//! No token is ever in it: whatever a forge says goes through [`crate::http`], which takes it out.

use std::time::Duration;

/// What ended an operation. Shown as `error: {self}`, then `hint: {hint}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
    pub hint: Option<String>,
}

/// What kind of trouble it is, for exit codes and result objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The remote, a flag or a name cannot be used as it is.
    Usage,
    /// The forge does not know the token.
    Token,
    /// The token is known and may not do this, or the branch is protected. The hint names the permission.
    Permission,
    NotFound,
    /// The branch holds commits that we did not push. Nothing was overwritten.
    Moved,
    /// The forge asks for a longer pause than we may make.
    Limited,
    /// No answer, or only errors of the forge's own, until the patience was used up.
    Unreachable,
    /// Refused for another reason; trying again would not help.
    Refused,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>, hint: impl Into<String>) -> Failure {
        let hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        Failure { kind, message: message.into(), hint }
    }

    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure::new(FailureKind::Usage, message, hint)
    }
}

/// A failure, and what may be done about it without a human.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) failure: Failure,
    pub(crate) again: Again,
    pub(crate) effect: Effect,
}

/// Whether another attempt may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    Never,
    /// After what the forge asked for, or our own wait where it asked for none.
    Later(Option<Duration>),
}

/// Whether the forge may have done what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    /// The answer was lost or is worthless. Only a look can tell.
    Unknown,
}

impl Trouble {
    pub(crate) fn never(failure: Failure) -> Trouble {
        Trouble { failure, again: Again::Never, effect: Effect::None }
    }

    /// The forge's own error, or a lost answer: what was asked may have happened.
    pub(crate) fn unknown(message: impl Into<String>, asked: Option<Duration>) -> Trouble {
        let failure = Failure::new(FailureKind::Unreachable, message, "");
        Trouble { failure, again: Again::Later(asked), effect: Effect::Unknown }
    }
}
