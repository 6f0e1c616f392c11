//! Errors for a human: what happened, then what to do about it, then the exit code it deserves.

use std::fmt;

use crate::screen::{Paint, Screen};

/// How the program ends, as the README documents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Finished = 0,
    Failed = 1,
    Usage = 2,
    Limit = 3,
    Approval = 4,
    Stuck = 5,
    /// Of `agent ci`: what would be published holds a secret, files that CI runs or a git repository.
    Withheld = 6,
    Cancelled = 130,
}

impl Exit {
    pub(crate) fn of_code(code: i32) -> Exit {
        let ends =
            [Exit::Finished, Exit::Usage, Exit::Limit, Exit::Approval, Exit::Stuck, Exit::Withheld, Exit::Cancelled];
        ends.into_iter().find(|exit| *exit as i32 == code).unwrap_or(Exit::Failed)
    }
}

/// An error with its hint, and with an exit code where [`Exit::Failed`] is not it.
#[derive(Debug)]
pub(crate) struct Hinted {
    error: anyhow::Error,
    pub(crate) hint: Option<String>,
    pub(crate) exit: Exit,
}

impl fmt::Display for Hinted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#}", self.error)
    }
}

impl std::error::Error for Hinted {}

impl Hinted {
    pub(crate) fn new(exit: Exit, message: impl Into<String>, hint: Option<String>) -> Hinted {
        Hinted { error: anyhow::Error::msg(message.into()), hint, exit }
    }
}

pub(crate) trait Hint<T> {
    /// Wrong use or configuration: exit code 2 and what to write instead.
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Hint<T> for Result<T, E> {
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| Hinted { error: error.into(), hint: Some(hint.into()), exit: Exit::Usage }.into())
    }
}

/// `error: ...`, then `hint: ...`, where the program goes on.
pub(crate) fn say(screen: &Screen, error: &anyhow::Error) {
    screen.prose(Paint::Red, &format!("error: {error:#}"));
    if let Some(hint) = error.downcast_ref::<Hinted>().and_then(|hinted| hinted.hint.as_ref()) {
        screen.prose(Paint::Plain, &format!("hint: {hint}"));
    }
}
