//! Lets a model that failed begin anew: what it tried leaves its view, what came of it stays.
//!
//! A small model with its failed attempt before it writes that attempt again, or the code as it was before. Shown the
//! task, the code as it was, and what the tests said of it, and asked for something else, it more often writes something
//! right, and in a block of code more often than within a call, whose text is escaped: docs/scaffold.md has the counts.
//! So that one reply is asked for without tools, and recorded as the calls that it stands for. As with any compaction,
//! the transcript keeps everything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::agent_loop::Agent;
use crate::beginning::{Beginning, IN_A_BLOCK, Shown};
use crate::block::{Block, Read};
use crate::draft::Draft;
use crate::effect::Ended;
use crate::frontend::AgentEvent;
use crate::nudge::{Supervision, failed};
use crate::policy::is_look;
use crate::test_files::is_test_file;
use crate::tool::{ToolOutcome, ToolSpec};
use crate::transcript::{Entry, Transcript};
use crate::workspace::Workspace;

/// A model that has not done it by then is left to itself.
const MOST: u32 = 8;
/// A longer file is not written anew.
const MAX_LINES: usize = 60;

/// What happened since the beginning.
#[derive(Debug, Default)]
pub(crate) struct FreshStarts {
    /// Only a run that has the task and no other word of the human's: else what was said would go out of sight too.
    allowed: bool,
    made: u32,
    /// Each file that it set out to change, as it was then.
    originals: BTreeMap<PathBuf, String>,
    /// Commands that failed at any time: what the task is about, should they pass later.
    failed_before: BTreeSet<String>,
    attempt: Attempt,
    /// Where the next reply is asked for as a block of code, without tools.
    block: Option<Block>,
}

/// What happened since it last began anew.
#[derive(Debug, Default)]
struct Attempt {
    /// Files of [`FreshStarts::originals`] that are another than they were at first.
    changed: BTreeSet<PathBuf>,
    /// Those that it set out to change, and left as they were at first.
    idle: BTreeSet<PathBuf>,
    /// It wrote something else than what is there, and was refused: it had not read that, or wrote a part of it.
    refused: bool,
    /// A file that was not there before.
    created: bool,
    /// The command that failed after the last change, and what that said.
    failed: Option<Failed>,
    /// The command that shows that the last change is right: it is not given up for another that fails.
    passed: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) command: String,
    pub(crate) said: String,
}

impl FreshStarts {
    pub(crate) fn new(supervision: Supervision, transcript: &mut Transcript) -> FreshStarts {
        let only_the_task = matches!(transcript.entries(), [Entry::System { .. }, Entry::User { .. }]);
        if promises_to_write(transcript.entries()) {
            transcript.push_user(NOT_WRITTEN.to_owned());
        }
        FreshStarts { allowed: supervision == Supervision::Anew && only_the_task, ..FreshStarts::default() }
    }

    /// The human said something more.
    pub(crate) fn forbid(&mut self, transcript: &mut Transcript) {
        self.allowed = false;
        if self.block.take().is_some() {
            transcript.push_user(NOT_WRITTEN.to_owned());
        }
    }

    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// A call ended.
    pub(crate) fn called(&mut self, workspace: &Workspace<'_>, outcome: &ToolOutcome) {
        // Why the human refused something, or what they changed in it, is their word too.
        self.allowed &= workspace.edited.is_empty() && !matches!(outcome, ToolOutcome::Refused(_));
        if !self.allowed {
            return;
        }
        self.aimed(workspace, outcome);
        if workspace.wrote {
            (self.attempt.failed, self.attempt.passed) = (None, None);
        }
        if let Some((command, ended)) = &workspace.ran
            && !is_look(command)
        {
            self.ran(command, *ended, outcome.text());
        }
    }

    fn aimed(&mut self, workspace: &Workspace<'_>, outcome: &ToolOutcome) {
        let Some((path, before)) = &workspace.aimed else {
            self.attempt.created |= workspace.wrote;
            return;
        };
        // What is no text cannot be shown, and tests are what tells whether the rest is right.
        let Ok(before) = std::str::from_utf8(before) else { return };
        if is_test_file(path) {
            return;
        }
        let original = self.originals.entry(path.clone()).or_insert_with(|| before.to_owned());
        match &workspace.written {
            Some((_, after)) if !is_alike(original, &String::from_utf8_lossy(after)) => {
                self.attempt.idle.remove(path);
                self.attempt.changed.insert(path.clone());
            }
            Some(_) => {
                self.attempt.changed.remove(path);
                self.attempt.idle.insert(path.clone());
            }
            // Written as it was, or refused because it was not read: what is written blindly is often right, and rarely
            // sent again.
            None if matches!(outcome, ToolOutcome::Done(_) | ToolOutcome::Failed(_))
                && !self.attempt.changed.contains(path) =>
            {
                self.attempt.idle.insert(path.clone());
                self.attempt.refused |= matches!(outcome, ToolOutcome::Failed(_));
            }
            None => (),
        }
    }

    fn ran(&mut self, command: &str, ended: Ended, said: &str) {
        let attempt = &mut self.attempt;
        let attempted = attempt.created || !attempt.changed.is_empty() || !attempt.idle.is_empty();
        if is_verdict(ended) {
            if attempted && attempt.passed.as_ref().is_none_or(|passed| passed == command) {
                attempt.failed = Some(Failed { command: command.to_owned(), said: said.to_owned() });
                attempt.passed = None;
            }
            self.failed_before.insert(command.to_owned());
        } else if ended == Ended::Exited(0) {
            attempt.failed = None;
            // Where all is as it was, it failed only for what was written meanwhile: that shows nothing but of a test.
            let changed = attempt.created || !attempt.changed.is_empty();
            if attempted && (names_test(command) || changed && self.failed_before.contains(command)) {
                attempt.passed = Some(command.to_owned());
            }
        }
    }

    /// Begins anew where an attempt has failed, and says whether it did.
    pub(crate) fn begin(&mut self, agent: &mut Agent<'_>, transcript: &mut Transcript) -> bool {
        let Some(beginning) = self.beginning(transcript.task()) else { return false };
        agent.frontend.show(AgentEvent::Notice("that did not work; the model starts over without seeing its attempt"));
        transcript.push_compaction(beginning, transcript.entries().len(), None);
        if let Some(block) = &self.block {
            agent.seen.shown(&block.path, block.original.as_bytes());
        }
        // What an AGENTS.md said, and of tests, is out of sight too.
        agent.seen.guided.clear();
        agent.seen.told_tests.clear();
        true
    }

    /// What the model is shown in place of all that was said.
    fn beginning(&mut self, task: &str) -> Option<String> {
        let Attempt { changed, idle, failed, passed, refused, .. } = &self.attempt;
        let files = if changed.is_empty() { idle } else { changed };
        let first =
            files.first().filter(|_| self.allowed && (failed.is_some() || changed.is_empty() && passed.is_none()))?;
        if self.made == MOST {
            return None;
        }
        self.made += 1;
        let (path, original) = self.originals.get_key_value(first)?;
        let shown = match original.lines().count() {
            0..=MAX_LINES if files.len() == 1 && self.made.is_multiple_of(2) => Shown::Shape,
            0..=MAX_LINES if files.len() == 1 => Shown::Whole,
            _ => Shown::Nothing,
        };
        let beginning =
            Beginning { task, files, original, shown, kept: changed.is_empty() && !refused, failed: failed.as_ref() };
        let beginning = beginning.to_string();
        self.block = (shown != Shown::Nothing).then(|| Block {
            path: path.clone(),
            original: original.clone(),
            failed: failed.clone(),
        });
        self.attempt = Attempt::default();
        Some(beginning)
    }

    /// What the next request shows: without the tools it is asked without what the first message says of them.
    pub(crate) fn entries<'t>(&self, transcript: &'t Transcript) -> &'t [Entry] {
        transcript.view().get(usize::from(self.block.is_some())..).unwrap_or_default()
    }

    pub(crate) fn specs<'s>(&self, specs: &'s [ToolSpec]) -> &'s [ToolSpec] {
        if self.block.is_some() { &[] } else { specs }
    }

    /// The reply that it was asked for as a block, as the calls that it stands for. A part of the file in its place is
    /// another attempt that failed: nothing is written.
    pub(crate) fn read(&mut self, draft: &mut Draft) {
        let Some(block) = self.block.take() else { return };
        if block.read(draft) == Read::Part {
            self.attempt.idle.insert(block.path);
            self.attempt.refused = true;
            self.attempt.failed = block.failed;
        }
    }
}

/// Where the run that would have written it is over.
const NOT_WRITTEN: &str = "[Code blocks are no longer saved for you: use the tools.]";
/// Older session files have these in place of [`NOT_WRITTEN`] and [`IN_A_BLOCK`].
const OLDER_NOT_WRITTEN: &str = "[A block of code is no longer written for you: use the tools.]";
const OLDER_IN_A_BLOCK: &str =
    "Answer with the whole file in one block of code and nothing else: it is written for you.";

/// Whether the model was asked for a block and nothing came of it, which nobody will write now.
fn promises_to_write(entries: &[Entry]) -> bool {
    let Some(last) = entries.iter().rposition(Entry::is_compaction) else { return false };
    let (before, since) = entries.split_at(last + 1);
    let asks = |text: &str| text.contains(IN_A_BLOCK) || text.contains(OLDER_IN_A_BLOCK);
    let promised = matches!(before.last(), Some(Entry::Compaction { text, .. }) if asks(text));
    let settled = |entry: &Entry| match entry {
        Entry::Outcome { .. } => true,
        Entry::User { text } => text == NOT_WRITTEN || text == OLDER_NOT_WRITTEN,
        Entry::System { .. } | Entry::Reply(_) | Entry::Compaction { .. } => false,
    };
    promised && !since.iter().any(settled)
}

/// But for white space at the ends of lines, and empty lines. An indent is a change.
fn is_alike(one: &str, other: &str) -> bool {
    let lines = |text: &'_ str| -> Vec<String> {
        text.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
    };
    lines(one) == lines(other)
}

/// A command that was not found, or may not be run, says nothing about the change.
fn is_verdict(ended: Ended) -> bool {
    failed(ended) && !matches!(ended, Ended::Exited(126 | 127))
}

fn names_test(command: &str) -> bool {
    command.to_lowercase().contains("test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_nobody_will_write_is_taken_back_once() {
        for asked in [IN_A_BLOCK, OLDER_IN_A_BLOCK] {
            let mut transcript = Transcript::new("system".to_owned(), "task".to_owned());
            transcript.push_compaction(format!("task [{asked}]"), 2, None);
            for _ in 0..2 {
                FreshStarts::new(Supervision::Anew, &mut transcript);
                assert_eq!(transcript.entries().len(), 4);
            }
            assert!(matches!(transcript.view().last(), Some(Entry::User { text }) if text == NOT_WRITTEN));
        }
    }

    #[test]
    fn an_older_session_that_was_answered_is_not_answered_again() {
        let mut transcript = Transcript::new("system".to_owned(), "task".to_owned());
        transcript.push_compaction(format!("task [{OLDER_IN_A_BLOCK}]"), 2, None);
        transcript.push_user(OLDER_NOT_WRITTEN.to_owned());
        FreshStarts::new(Supervision::Anew, &mut transcript);
        assert_eq!(transcript.entries().len(), 4);
    }

    #[test]
    fn an_indent_is_a_change_and_an_empty_line_is_none() {
        assert!(is_alike("def f():\n    return 1\n", "def f():\r\n\n    return 1 "));
        assert!(!is_alike("  return 1\n", "    return 1\n"));
        assert!(!is_alike("a b\n", "ab\n"));
    }

    #[test]
    fn a_command_that_could_not_run_is_no_verdict() {
        assert!(is_verdict(Ended::Exited(1)));
        assert!(!is_verdict(Ended::Exited(0)));
        assert!(!is_verdict(Ended::Exited(127)));
    }
}
