//! Speaks to a model that stops too early: what it would say next, were it asked, is to do the work.
//!
//! Each reason is given once in a run, and once more after each fresh start, so that a model that means it can end.

use crate::effect::Ended;
use crate::policy::Mode;
use crate::workspace::Workspace;

/// How soon a model is taken at its word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supervision {
    /// Always.
    #[default]
    Light,
    /// For models that end without having changed anything, or without having run what they changed, or with it failing: each is asked about once.
    Close,
    /// Also for models that do not recover from a failed attempt which they see: they begin anew, see `fresh_start.rs`.
    Anew,
}

/// What happened in this run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    wrote: bool,
    /// The last command since the last write, and how it ended.
    ran: Option<(String, Ended)>,
    told: Vec<Reason>,
}

/// Why the end seems early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Unchanged,
    Failing,
    Unchecked,
}

/// Small models were seen to answer a task with the mended code in words, or to say that it is done, and to write nothing.
const UNCHANGED: &str = "No file was changed: text outside a tool call changes nothing. If the task asks for a change, \
                         make it now: read the file, then write it. If it only asks for an answer, repeat your answer.";
const UNCHECKED: &str = "You changed files but have run nothing since. Run the tests or the program with `run_command` \
                         to check. If nothing can be run, say so and finish.";

impl Progress {
    /// A call ended.
    pub(crate) fn called(&mut self, workspace: &Workspace<'_>) {
        self.add(workspace.wrote, workspace.ran.clone());
    }

    /// What it was told went out of sight; what it wrote is still there.
    pub(crate) fn begin_anew(&mut self) {
        (self.ran, self.told) = (None, Vec::new());
    }

    fn add(&mut self, wrote: bool, ran: Option<(String, Ended)>) {
        if wrote {
            self.wrote = true;
            self.ran = None;
        }
        if ran.is_some() {
            self.ran = ran;
        }
    }

    /// What to tell a model that ends here, `None` where it may: it is asked for nothing that the mode refuses.
    pub(crate) fn at_end(&mut self, supervision: Supervision, mode: Mode) -> Option<String> {
        let (reason, text) = self.early(supervision).filter(|_| mode != Mode::ReadOnly)?;
        if self.told.contains(&reason) {
            return None;
        }
        self.told.push(reason);
        Some(text)
    }

    fn early(&self, supervision: Supervision) -> Option<(Reason, String)> {
        match (supervision, &self.ran) {
            (Supervision::Light, _) => None,
            (Supervision::Close | Supervision::Anew, _) if !self.wrote => {
                Some((Reason::Unchanged, UNCHANGED.to_owned()))
            }
            (Supervision::Close | Supervision::Anew, Some((command, ended))) if failed(*ended) => {
                Some((Reason::Failing, left_failing(command)))
            }
            (Supervision::Close | Supervision::Anew, Some(_)) => None,
            (Supervision::Close | Supervision::Anew, None) => Some((Reason::Unchecked, UNCHECKED.to_owned())),
        }
    }
}

pub(crate) fn failed(ended: Ended) -> bool {
    match ended {
        Ended::Exited(code) => code != 0,
        Ended::Signalled(_) | Ended::TimedOut(_) => true,
        Ended::Stopped => false,
    }
}

fn left_failing(command: &str) -> String {
    let command = command.lines().next().unwrap_or_default();
    format!(
        "You stopped, but the last command failed: `{command}`. If your change should fix that, read why it failed and \
         continue. Otherwise say what fails and why."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(command: &str, code: i32) -> Option<(String, Ended)> {
        Some((command.to_owned(), Ended::Exited(code)))
    }

    #[test]
    fn an_end_without_a_change_is_asked_about_once_where_that_is_wanted() {
        let mut progress = Progress::default();
        progress.add(false, ran("make test", 2));
        assert_eq!(progress.at_end(Supervision::Light, Mode::Auto), None);
        assert_eq!(progress.at_end(Supervision::Close, Mode::ReadOnly), None, "it may change nothing");
        assert_eq!(progress.at_end(Supervision::Close, Mode::Auto).as_deref(), Some(UNCHANGED));
        assert_eq!(progress.at_end(Supervision::Close, Mode::Auto), None);
    }

    #[test]
    fn a_failure_after_a_change_is_named_once() {
        let mut progress = Progress::default();
        progress.add(true, None);
        progress.add(false, ran("make test", 2));
        assert!(progress.at_end(Supervision::Close, Mode::Auto).unwrap().contains("`make test`"));
        assert_eq!(progress.at_end(Supervision::Close, Mode::Auto), None);
        progress.add(false, ran("make test", 0));
        assert_eq!(progress.at_end(Supervision::Close, Mode::Auto), None);
    }

    #[test]
    fn a_change_that_nothing_ran_after_is_asked_about_where_that_is_wanted() {
        let mut progress = Progress::default();
        progress.add(false, ran("make test", 2));
        progress.add(true, None);
        assert_eq!(progress.at_end(Supervision::Light, Mode::Auto), None);
        assert_eq!(progress.at_end(Supervision::Close, Mode::Auto).as_deref(), Some(UNCHECKED));
        assert_eq!(progress.at_end(Supervision::Close, Mode::Auto), None);
    }
}
