//! Speaks to a model that stops too early: what it would say next, were it asked, is to do the work.
//!
//! Each reason is given once between two words of the human, so that a model that means it can end.

use crate::effect::Ended;
use crate::workspace::Workspace;

/// How soon a model is taken at its word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supervision {
    /// It is told only that the last command failed.
    #[default]
    Light,
    /// For models that answer a task with code in words, and end without having run what they changed.
    Close,
}

/// What happened since the human last said something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    called: bool,
    wrote: bool,
    /// The last command since the last write, and how it ended.
    ran: Option<(String, Ended)>,
    told: Vec<Reason>,
}

/// Why the end seems early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    OnlyWords,
    Failing,
    Unchecked,
}

/// Small models were seen to answer a task with the mended file in a code block, and to call nothing.
const ONLY_WORDS: &str = "You called no tool, so no file was changed: code in an answer changes nothing. If the task asks \
                          for a change, make it now by calling tools. If it asks for an answer only, give it again.";
const UNCHECKED: &str = "You changed files and ran nothing since. Run the tests or the program with `run_command` to see \
                         whether it works now. If nothing can be run, finish and say so.";

impl Progress {
    /// A call ended.
    pub(crate) fn called(&mut self, workspace: &Workspace<'_>) {
        self.add(workspace.wrote, workspace.ran.clone());
    }

    fn add(&mut self, wrote: bool, ran: Option<(String, Ended)>) {
        self.called = true;
        if wrote {
            self.wrote = true;
            self.ran = None;
        }
        if ran.is_some() {
            self.ran = ran;
        }
    }

    /// What to tell a model that ends with these words, `None` where it may.
    pub(crate) fn at_end(&mut self, words: &str, supervision: Supervision) -> Option<String> {
        let (reason, text) = self.early(words, supervision)?;
        if self.told.contains(&reason) {
            return None;
        }
        self.told.push(reason);
        Some(text)
    }

    fn early(&self, words: &str, supervision: Supervision) -> Option<(Reason, String)> {
        if !self.called {
            let only_words = supervision == Supervision::Close && words.contains("```");
            return only_words.then(|| (Reason::OnlyWords, ONLY_WORDS.to_owned()));
        }
        match &self.ran {
            Some((command, ended)) if self.wrote && failed(*ended) => Some((Reason::Failing, left_failing(command))),
            None if self.wrote && supervision == Supervision::Close => Some((Reason::Unchecked, UNCHECKED.to_owned())),
            Some(_) | None => None,
        }
    }
}

fn failed(ended: Ended) -> bool {
    match ended {
        Ended::Exited(code) => code != 0,
        Ended::Signalled(_) | Ended::TimedOut(_) => true,
        Ended::Stopped => false,
    }
}

fn left_failing(command: &str) -> String {
    let command = command.lines().next().unwrap_or_default();
    format!(
        "You stopped, but the last command failed: `{command}`. If that is for your change to mend, read why it failed and \
         go on. If it is not, say what fails and why."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "Here it is:\n```python\nx\n```";

    fn ran(command: &str, code: i32) -> Option<(String, Ended)> {
        Some((command.to_owned(), Ended::Exited(code)))
    }

    #[test]
    fn code_in_words_alone_is_answered_once() {
        let mut progress = Progress::default();
        assert_eq!(progress.at_end("It is a loop.", Supervision::Close), None);
        assert_eq!(progress.at_end(CODE, Supervision::Light), None);
        assert_eq!(progress.at_end(CODE, Supervision::Close).as_deref(), Some(ONLY_WORDS));
        assert_eq!(progress.at_end(CODE, Supervision::Close), None);
        let mut progress = Progress::default();
        progress.add(false, None);
        assert_eq!(progress.at_end(CODE, Supervision::Close), None);
    }

    #[test]
    fn a_failure_after_a_change_is_named_once() {
        let mut progress = Progress::default();
        progress.add(false, ran("grep x", 1));
        assert_eq!(progress.at_end("Nothing there.", Supervision::Close), None);
        progress.add(true, None);
        progress.add(false, ran("make test", 2));
        assert!(progress.at_end("Done.", Supervision::Light).unwrap().contains("`make test`"));
        assert_eq!(progress.at_end("Done.", Supervision::Light), None);
        progress.add(false, ran("make test", 0));
        assert_eq!(progress.at_end("Done.", Supervision::Close), None);
    }

    #[test]
    fn a_change_that_nothing_ran_after_is_asked_about_where_that_is_wanted() {
        let mut progress = Progress::default();
        progress.add(false, ran("make test", 2));
        progress.add(true, None);
        assert_eq!(progress.at_end("Done.", Supervision::Light), None);
        assert_eq!(progress.at_end("Done.", Supervision::Close).as_deref(), Some(UNCHECKED));
        assert_eq!(progress.at_end("Done.", Supervision::Close), None);
    }
}
