//! Lets a model that failed begin anew: what it tried leaves its view, what came of it stays.
//!
//! A small model with its failed attempt before it writes that attempt again, or the code as it was before. Shown the
//! task, the code as it was, and what the tests said of it, and asked for something else, it more often writes something
//! right, and in a block of code more often than within a call, whose text is escaped: docs/scaffold.md has the counts.
//! So that one reply is asked for without tools, and recorded as the calls that it stands for. As with any compaction,
//! the transcript keeps everything.

use std::path::{Path, PathBuf};

use crate::agent_loop::Agent;
use crate::chat::{FinishReason, RawCall};
use crate::clip::Clipped;
use crate::draft::Draft;
use crate::effect::Ended;
use crate::frontend::AgentEvent;
use crate::nudge::{Supervision, failed};
use crate::outline::outline;
use crate::tool::{ToolOutcome, ToolSpec};
use crate::transcript::{Entry, Transcript};
use crate::workspace::Workspace;

/// A model that has not done it by then is left to itself.
const MOST: u32 = 8;
/// Of what the failed command said.
const MAX_SAID: usize = 1_000;
/// A longer file is not written anew.
const MAX_LINES: usize = 60;

/// What happened since the beginning, or since it last began anew.
#[derive(Debug, Default)]
pub(crate) struct FreshStarts {
    /// Only a run that has the task and no other word of the human's: else what was said would go out of sight too.
    allowed: bool,
    made: u32,
    /// The first file that it set out to change, and its text as it was then.
    aim: Option<(PathBuf, String)>,
    wrote: bool,
    /// It set out to change a file, and left it as it was at first but for white space.
    idle: bool,
    /// The command that failed after its last change, and what that said.
    failed: Option<(String, String)>,
    /// Where the next reply is asked for as a block of code, without tools.
    block: Option<Block>,
}

impl FreshStarts {
    pub(crate) fn new(supervision: Supervision, transcript: &Transcript) -> FreshStarts {
        let only_the_task = matches!(transcript.entries(), [Entry::System { .. }, Entry::User { .. }]);
        FreshStarts { allowed: supervision == Supervision::Anew && only_the_task, ..FreshStarts::default() }
    }

    /// The human said something more.
    pub(crate) fn forbid(&mut self) {
        self.allowed = false;
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
        if let (None, Some((path, bytes))) = (&self.aim, &workspace.aimed) {
            self.aim = Some((path.clone(), String::from_utf8_lossy(bytes).into_owned()));
        }
        // Written as it was, or refused because it was not read: what is written blindly is often right, and rarely sent again.
        let in_vain = workspace.aimed.is_some()
            && !workspace.wrote
            && matches!(outcome, ToolOutcome::Done(_) | ToolOutcome::Failed(_));
        let undone =
            self.aim.as_ref().zip(workspace.written.as_ref()).is_some_and(|((path, text), (written, bytes))| {
                path == written && squeezed(text) == squeezed(&String::from_utf8_lossy(bytes))
            });
        self.idle = undone || in_vain && !self.wrote;
        if workspace.wrote && !undone {
            self.wrote = true;
            self.failed = None;
        }
        if let (true, Some((command, ended))) = (self.wrote, &workspace.ran) {
            self.failed = is_verdict(*ended).then(|| (command.clone(), outcome.text().to_owned()));
        }
    }

    /// Begins anew where an attempt has failed, and says whether it did.
    pub(crate) fn begin(&mut self, agent: &mut Agent<'_>, transcript: &mut Transcript) -> bool {
        let Some(beginning) = self.beginning(transcript.task()) else { return false };
        agent.frontend.show(AgentEvent::Notice("that did not work; the model begins anew, without what it tried"));
        transcript.push_compaction(beginning, transcript.entries().len(), None);
        if let Some((path, text)) = &self.aim
            && self.block.is_some()
        {
            agent.seen.shown(path, text.as_bytes());
        }
        // What an AGENTS.md said is out of sight too.
        agent.seen.guided.clear();
        true
    }

    /// What the model is shown in place of all that was said.
    fn beginning(&mut self, task: &str) -> Option<String> {
        let (path, text) = self.aim.as_ref().filter(|_| self.allowed && (self.idle || self.failed.is_some()))?;
        if self.made == MOST {
            return None;
        }
        self.made += 1;
        let shown = match text.lines().count() {
            0..=MAX_LINES if self.made.is_multiple_of(2) => Shown::Shape,
            0..=MAX_LINES => Shown::Whole,
            _ => Shown::Nothing,
        };
        let failed = self.failed.take();
        let said = failed.as_ref().map(|(command, said)| (command.as_str(), said.as_str()));
        let beginning = beginning(task, path, text, shown, said);
        let command = failed.map(|(command, _)| command);
        self.block = (shown != Shown::Nothing).then(|| Block { path: path.display().to_string(), command });
        (self.wrote, self.idle) = (false, false);
        Some(beginning)
    }

    /// What the next request shows: without the tools it is asked without what the first message says of them.
    pub(crate) fn entries<'t>(&self, transcript: &'t Transcript) -> &'t [Entry] {
        transcript.view().get(usize::from(self.block.is_some())..).unwrap_or_default()
    }

    pub(crate) fn specs<'s>(&self, specs: &'s [ToolSpec]) -> &'s [ToolSpec] {
        if self.block.is_some() { &[] } else { specs }
    }

    /// The reply that it was asked for as a block, as the calls that it stands for.
    pub(crate) fn read(&mut self, draft: &mut Draft) {
        if let Some(block) = self.block.take() {
            block.read(draft);
        }
    }
}

/// A reply that is a file in a block of code.
#[derive(Debug)]
struct Block {
    path: String,
    /// What is run then.
    command: Option<String>,
}

impl Block {
    /// The reply as the calls that it stands for. One without a whole block is left as it is.
    fn read(self, draft: &mut Draft) {
        let cut = draft.finish != FinishReason::Stop;
        let Some((content, rest)) = longest_block(&draft.text).filter(|_| draft.calls.is_empty() && !cut) else {
            return;
        };
        let call = |name: &str, arguments: serde_json::Value| RawCall {
            name: name.to_owned(),
            arguments: arguments.to_string(),
        };
        draft.calls.push(call("create_file", serde_json::json!({ "filename": self.path, "content": content })));
        draft.calls.extend(self.command.map(|command| call("run_command", serde_json::json!({ "command": command }))));
        draft.text = rest;
    }
}

/// What stands in the longest fenced block, and what stands around it. A block that is not closed ends with the text.
fn longest_block(text: &str) -> Option<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut longest: Option<(usize, usize)> = None;
    let mut open: Option<(usize, &str)> = None;
    let mut consider = |start: usize, end: usize| {
        if longest.is_none_or(|(from, to)| to - from < end - start) {
            longest = Some((start, end));
        }
    };
    for (number, line) in lines.iter().enumerate() {
        let ticks = line.trim_start().split(|character| character != '`').next().unwrap_or_default();
        match open {
            Some((start, fence)) if line.trim() == ticks && fence.len() <= ticks.len() => {
                consider(start, number);
                open = None;
            }
            None if FENCE.len() <= ticks.len() => open = Some((number + 1, ticks)),
            Some(_) | None => (),
        }
    }
    if let Some((start, _)) = open {
        consider(start, lines.len());
    }
    let (start, end) = longest?;
    let content: String = lines.get(start..end)?.iter().flat_map(|line| [line, "\n"]).collect();
    let around = lines.iter().take(start - 1).chain(lines.iter().skip(end + 1));
    let rest = around.copied().collect::<Vec<&str>>().join("\n").trim().to_owned();
    (!content.trim().is_empty()).then_some((content, rest))
}

const FENCE: &str = "```";

/// How much of a file is before a model that writes it anew. Each finds what the other does not, so they take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Whole,
    /// Without bodies, so that none is copied.
    Shape,
    /// It is too long to be written anew.
    Nothing,
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// A command that was not found, or may not be run, says nothing about the change.
fn is_verdict(ended: Ended) -> bool {
    failed(ended) && !matches!(ended, Ended::Exited(126 | 127))
}

fn beginning(task: &str, path: &Path, text: &str, file: Shown, said: Option<(&str, &str)>) -> String {
    let path = path.display();
    let mut shown = format!(
        "{task}\n\n[You worked on this before, and it is not done yet. What you tried was taken out of sight, so that you \
         begin anew."
    );
    if let Some((command, said)) = said {
        shown.push_str(&format!(
            " After your last change `{command}` said:\n{}\n",
            Clipped::to(said, MAX_SAID).as_str().trim_end()
        ));
    }
    let fence = if text.contains(FENCE) { "````" } else { FENCE };
    let shape = outline(text).filter(|_| file == Shown::Shape);
    match (file, shape) {
        (Shown::Nothing, _) => {
            shown.push_str(&format!("\nRead `{path}` again, look for another cause than before, and change that."));
        }
        (_, Some(shape)) => shown.push_str(&format!(
            "\n`{path}` has this, bodies left out:\n{fence}\n{shape}\n{fence}\n\nWrite all of `{path}` anew, from what the \
             task asks for, every body included."
        )),
        (_, None) => shown.push_str(&format!(
            "\n`{path}`, which is wrong:\n{fence}\n{}\n{fence}\n\nDo not repeat its bodies: write all of `{path}` anew, \
             from what the task asks for, in another way.",
            text.trim_end()
        )),
    }
    shown.push_str(&match (file, said) {
        (Shown::Nothing, Some((command, _))) => format!(" Then run `{command}`.]"),
        (Shown::Nothing, None) => " Then run the tests.]".to_owned(),
        (Shown::Whole | Shown::Shape, Some((command, _))) => format!(" {IN_A_BLOCK} Then `{command}` is run.]"),
        (Shown::Whole | Shown::Shape, None) => format!(" {IN_A_BLOCK} Then run the tests.]"),
    });
    shown
}

const IN_A_BLOCK: &str = "Answer with the whole file in one block of code and nothing else: it is written for you.";

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::chat::ChatEvent;

    const FILE: &str = "def total(prices):\n    return 0\n";

    #[test]
    fn it_shows_the_failure_and_the_file() {
        let said = Some(("pytest", "1 failed\n[exit code 1]"));
        expect![[r#"
            Mend total.

            [You worked on this before, and it is not done yet. What you tried was taken out of sight, so that you begin anew. After your last change `pytest` said:
            1 failed
            [exit code 1]

            `a.py`, which is wrong:
            ```
            def total(prices):
                return 0
            ```

            Do not repeat its bodies: write all of `a.py` anew, from what the task asks for, in another way. Answer with the whole file in one block of code and nothing else: it is written for you. Then `pytest` is run.]"#]].assert_eq(&beginning("Mend total.", Path::new("a.py"), FILE, Shown::Whole, said));
    }

    #[test]
    fn it_shows_the_shape_of_the_file() {
        expect![[r#"
            Mend total.

            [You worked on this before, and it is not done yet. What you tried was taken out of sight, so that you begin anew.
            `a.py` has this, bodies left out:
            ```
            def total(prices):
                ...
            ```

            Write all of `a.py` anew, from what the task asks for, every body included. Answer with the whole file in one block of code and nothing else: it is written for you. Then run the tests.]"#]].assert_eq(&beginning("Mend total.", Path::new("a.py"), FILE, Shown::Shape, None));
    }

    #[test]
    fn a_long_file_is_to_be_read_again() {
        let text = "def f():\n    pass\n".repeat(40);
        expect![[r#"
            Mend f.

            [You worked on this before, and it is not done yet. What you tried was taken out of sight, so that you begin anew.
            Read `a.py` again, look for another cause than before, and change that. Then run the tests.]"#]].assert_eq(&beginning("Mend f.", Path::new("a.py"), &text, Shown::Nothing, None));
    }

    #[track_caller]
    fn read(text: &str, finish: FinishReason) -> String {
        let mut draft = Draft::default();
        draft.add(ChatEvent::Text(text.to_owned()));
        draft.add(ChatEvent::Finish(finish));
        Block { path: "a.py".to_owned(), command: Some("pytest".to_owned()) }.read(&mut draft);
        format!("{:?} {:?}", draft.text, draft.calls.iter().map(|call| call.arguments.as_str()).collect::<Vec<_>>())
    }

    #[test]
    fn the_longest_block_of_a_reply_is_the_file() {
        let reply = "Here:\n```sh\npytest\n```\n```python\ndef f():\n    return '```'\n```\nDone.";
        expect![[r#""Here:\n```sh\npytest\n```\nDone." ["{\"filename\":\"a.py\",\"content\":\"def f():\\n    return '```'\\n\"}", "{\"command\":\"pytest\"}"]"#]].assert_eq(&read(reply, FinishReason::Stop));
        expect![[r#""" ["{\"filename\":\"a.py\",\"content\":\"a = 1\\n\"}", "{\"command\":\"pytest\"}"]"#]]
            .assert_eq(&read("```\na = 1", FinishReason::Stop));
    }

    #[test]
    fn a_reply_that_was_cut_or_has_no_block_is_left_as_it_is() {
        expect![[r#""```\na = 1" []"#]].assert_eq(&read("```\na = 1", FinishReason::Length));
        expect![[r#""I cannot." []"#]].assert_eq(&read("I cannot.", FinishReason::Stop));
        expect![[r#""```\n```" []"#]].assert_eq(&read("```\n```", FinishReason::Stop));
    }

    #[test]
    fn a_command_that_could_not_run_is_no_verdict() {
        assert!(is_verdict(Ended::Exited(1)));
        assert!(!is_verdict(Ended::Exited(0)));
        assert!(!is_verdict(Ended::Exited(127)));
    }
}
