//! The model's part: it works, its change is looked at, and what is wrong with it goes back to it, within the budget.

use std::path::PathBuf;

use agent::{AgentError, Cancel, Finish};

use super::Job;
use super::change::{self, Changed, Taken};
use super::checks::{self, Check};
use super::ci_files::is_ci_file;
use super::result::{CiResult, Outcome};
use super::secrets::Found;
use super::summary;
use super::words::{self, Words};
use super::worktree::Worktree;
use crate::conversation::{Beginning, Conversation, Plan};
use crate::events;
use crate::hint::Exit;
use crate::planted;

/// A change, described, not yet committed.
pub(crate) struct Done {
    pub(crate) tree: String,
    pub(crate) words: Words,
    pub(crate) message: String,
    pub(crate) session: String,
    /// Who stops us now stops what comes after the work.
    pub(crate) cancel: Cancel,
}

/// How often the model may try to mend what is wrong with its change.
const MOST_ROUNDS: u32 = 4;

/// What of a file is scanned for the formats of keys: more takes minutes. The values of our own environment are looked
/// for in all of it.
const LARGE: usize = 10 << 20;

/// A change as it stands after a turn.
struct Looked {
    tree: String,
    changed: Vec<Changed>,
    /// Of what the model made: nobody could read these.
    left_out: Vec<PathBuf>,
    in_submodules: Vec<PathBuf>,
    /// In words, for whoever would not expect files of that size.
    large: Vec<String>,
    secrets: Vec<Found>,
    ci_files: Vec<String>,
    /// Directories that git would take for repositories.
    repositories: Vec<String>,
    checks: Vec<Check>,
}

impl Job<'_> {
    /// `None`: nothing changed. Why, and everything else there is to say, is in the result.
    pub(crate) async fn work(&self, worktree: &Worktree, result: &mut CiResult) -> anyhow::Result<Option<Done>> {
        let plan = Plan {
            root: worktree.root.clone(),
            config: self.config.clone(),
            output: self.args.output(),
            beginning: Beginning::New,
        };
        let mut conversation = Conversation::open(plan).await?;
        if !conversation.is_safe() {
            anyhow::bail!("agent ci needs auto mode and a working sandbox");
        }
        let session = conversation.id();
        worktree.belongs_to(&session)?;
        result.session = Some(session.clone());
        result.model = Some(conversation.model().to_owned());
        conversation.announce(Some(&self.task.text));

        let (finish, looked) = self.rounds(&mut conversation, worktree, result).await?;
        let is_changed = looked.as_ref().is_some_and(|looked| !looked.changed.is_empty());
        let words = match (&finish, &looked) {
            (Ok(Finish::Answered), Some(looked)) if is_changed => {
                self.describe(&mut conversation, worktree, &looked.tree).await?
            }
            (_, _) => None,
        };
        // Whoever stopped it after the last turn does not want it published either.
        let finish = match finish {
            Ok(Finish::Answered) if conversation.cancel.is_set() => Ok(events::stopped(&conversation.cancel)),
            finish => finish,
        };
        let ended = conversation.end_quietly(finish).await;
        result.take(&ended);
        let left_out = looked.iter().flat_map(|looked| &looked.left_out);
        result.notes.extend(left_out.map(|path| format!("skipped, because it is not readable: {}", path.display())));
        let in_submodules = looked.iter().flat_map(|looked| &looked.in_submodules);
        result.notes.extend(in_submodules.map(|path| {
            format!("skipped, because it is in a submodule, which is another repository: {}", path.display())
        }));
        result.notes.extend(looked.iter().flat_map(|looked| looked.large.iter().cloned()));
        let made = looked.iter().flat_map(|looked| &looked.repositories);
        result.notes.extend(made.map(|path| format!("not published, because it makes a git repository: {path}")));
        let Some(looked) = looked.filter(|_| is_changed) else {
            match conversation.unstarted_commands() {
                _ if result.outcome != Outcome::Changed => (),
                0 => {
                    result.outcome = Outcome::NoChange;
                    result.reason = Some(why_nothing(&ended.answer));
                }
                count => {
                    let what = if count == 1 { "1 command was" } else { &format!("{count} commands were") };
                    let reason = format!("nothing changed, and {what} not started: the sandbox failed");
                    result.ends(
                        Outcome::Refused,
                        Exit::Approval,
                        reason,
                        "run it again; `agent doctor` checks the sandbox",
                    );
                }
            }
            return Ok(None);
        };
        result.files = change::account(&worktree.git, &worktree.base, &looked.tree, &looked.changed)?;
        let paths: Vec<String> = looked.changed.iter().map(|changed| changed.path.clone()).collect();
        let words = words.unwrap_or_else(|| Words::fallback(&self.task.title, &paths));
        if words.fallback {
            result.notes.push("the model wrote no usable commit message, so the subject is the task".to_owned());
        }
        let mut trailers = vec![("Agent-Session", session.clone())];
        if self.args.signoff {
            trailers.push(("Signed-off-by", self.author.to_string()));
        }
        let message = words.message(&trailers);
        let cancel = conversation.cancel.clone();
        let done = Done { tree: looked.tree.clone(), words, message, session, cancel };
        self.judge(looked, &done, result);
        Ok(Some(done))
    }

    /// Turns of the model until nothing is wrong with its change, or it does not get better.
    async fn rounds(
        &self,
        conversation: &mut Conversation,
        worktree: &Worktree,
        result: &mut CiResult,
    ) -> anyhow::Result<(Result<Finish, AgentError>, Option<Looked>)> {
        let commands = self.config.checks();
        let Some(before) = checks::run_all(conversation, &commands, self.check_time).await else {
            return Ok((Ok(events::stopped(&conversation.cancel)), None));
        };
        if !commands.is_empty() {
            change::reset(&worktree.git, &worktree.root)?;
        }
        let mut checks: Vec<Check> = Vec::new();
        for (command, before) in commands.iter().zip(before) {
            if let Some(why) = before.could_not_run() {
                result.notes.push(format!(
                    "the check `{command}` could not run before the change ({why}), so it has no effect"
                ));
            }
            checks.push(Check { command: command.clone(), before, after: None });
        }
        result.checks.clone_from(&checks);
        let mut text = self.task.text.clone();
        let mut last_tree = String::new();
        loop {
            let finish = conversation.turn(text).await;
            conversation.quiet().await;
            let mut looked = self.look(conversation, worktree, checks.clone())?;
            if looked.changed.is_empty() || !matches!(finish, Ok(Finish::Answered)) {
                return Ok((finish, Some(looked)));
            }
            let Some(after) = checks::run_all(conversation, &commands, self.check_time).await else {
                return Ok((Ok(events::stopped(&conversation.cancel)), Some(looked)));
            };
            if !commands.is_empty() {
                change::reset(&worktree.git, &worktree.root)?;
            }
            for (check, after) in looked.checks.iter_mut().zip(after) {
                check.after = Some(after);
            }
            let stays = looked.tree == last_tree;
            match looked.complaint() {
                Some(complaint) if !stays && result.sent_back < MOST_ROUNDS => {
                    result.sent_back += 1;
                    conversation.notice("sent back: the change needs fixing");
                    last_tree = looked.tree;
                    text = complaint;
                }
                Some(_) | None => return Ok((finish, Some(looked))),
            }
        }
    }

    fn look(&self, conversation: &Conversation, worktree: &Worktree, checks: Vec<Check>) -> anyhow::Result<Looked> {
        let Taken { tree, left_out, in_submodules } = change::take(&worktree.git, &worktree.root)?;
        let changed = change::changes(&worktree.git, &worktree.base, &tree)?;
        let (secrets, large) = self.secrets(worktree, &changed)?;
        let ci_files = match self.args.allow_ci_files {
            true => Vec::new(),
            false => changed.iter().map(|changed| &changed.path).filter(|path| is_ci_file(path)).cloned().collect(),
        };
        let planted = conversation.host.planted();
        let mut repositories: Vec<String> =
            planted.iter().map(|planted| planted::name(&worktree.root, planted)).collect();
        repositories.extend(change::repositories(&worktree.git, &worktree.base, &tree, &changed)?);
        Ok(Looked { tree, changed, left_out, in_submodules, large, secrets, ci_files, repositories, checks })
    }

    /// Of the lines that are new, and of new names; and the files that are too large to be scanned whole.
    fn secrets(&self, worktree: &Worktree, changed: &[Changed]) -> anyhow::Result<(Vec<Found>, Vec<String>)> {
        let (mut found, mut large) = (Vec::new(), Vec::new());
        for file in changed.iter().filter(|file| file.new.has_content()) {
            let new = worktree.git.run(&["cat-file", "blob", &file.new.blob])?;
            let old = match file.old.has_content() {
                true => worktree.git.run(&["cat-file", "blob", &file.old.blob])?,
                false => Vec::new(),
            };
            let known: std::collections::HashSet<&[u8]> = old.split(|byte| *byte == b'\n').collect();
            let (head, tail) = new.split_at(new.len().min(LARGE));
            found.extend(self.scanner.scan(&file.path, head, |line| !known.contains(line)));
            if let Some(name) = self.scanner.leak(&new).filter(|_| !tail.is_empty() && found.is_empty()) {
                found.push(Found::value_of(name, &file.path));
            }
            if !tail.is_empty() {
                large.push(format!(
                    "{} has {} MB, of which the first {} were scanned for keys of all kinds",
                    file.path,
                    new.len() >> 20,
                    LARGE >> 20
                ));
            }
            found.extend(self.scanner.scan("the name of a file", file.path.as_bytes(), |_| true));
        }
        Ok((found, large))
    }

    /// The commit message, by the model, in one request without tools. `None` where it is no use.
    async fn describe(
        &self,
        conversation: &mut Conversation,
        worktree: &Worktree,
        tree: &str,
    ) -> anyhow::Result<Option<Words>> {
        let diff = change::diff(&worktree.git, &worktree.base, tree)?;
        let question = words::question(&self.task.text, &String::from_utf8_lossy(&diff), &conversation.last_words());
        match conversation.ask_aside(words::OPENING, question, words::MOST_OUTPUT).await {
            Ok(text) => Ok(text.as_deref().and_then(Words::read)),
            Err(error) => {
                conversation.notice(&format!("no commit message from the model: {error}"));
                Ok(None)
            }
        }
    }

    /// Of the commit message, and of the text that it was made from: wrapped or tamed, a secret looks otherwise.
    fn in_words(&self, done: &Done) -> Vec<Found> {
        let texts = [&done.message, &done.words.raw];
        let found = texts.map(|text| self.scanner.scan("commit message", text.as_bytes(), |_| true));
        found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// Whether the change may be published as it is.
    fn judge(&self, looked: Looked, done: &Done, result: &mut CiResult) {
        let mut secrets = looked.secrets;
        let in_message = self.in_words(done);
        if in_message.is_empty() {
            result.subject = Some(done.words.subject.clone());
        }
        secrets.extend(in_message);
        let broken: Vec<String> =
            looked.checks.iter().filter(|check| check.regressed()).map(|check| check.command.clone()).collect();
        result.checks = looked.checks;
        result.ci_files = looked.ci_files;
        if secrets.is_empty() {
            // As it is, and without what makes Markdown of it harmless.
            let text = summary::pull_request(&done.words, result);
            let bare = text.replace(['\\', '\u{200b}'], "");
            secrets.extend(
                [text, bare].iter().flat_map(|text| self.scanner.scan("pull request", text.as_bytes(), |_| true)),
            );
        }
        if !secrets.is_empty() {
            let places: Vec<String> = secrets.iter().map(ToString::to_string).collect();
            let hint = "review the patch; if it is not a secret, allow it: --allow-secret with the fingerprint or the \
                        variable's name";
            let reason = format!("it contains a secret: {}", places.join(", "));
            result.ends(Outcome::Withheld, Exit::Withheld, reason, hint);
        } else if !result.ci_files.is_empty() {
            let reason = format!("it changes files that CI runs: {}", result.ci_files.join(", "));
            let hint = "review the patch; to allow such changes pass --allow-ci-files";
            result.ends(Outcome::Withheld, Exit::Withheld, reason, hint);
        } else if !looked.repositories.is_empty() {
            let reason = format!("it makes git repositories: {}", looked.repositories.join(", "));
            let hint = "review the patch; git runs the programs that such a repository names";
            result.ends(Outcome::Withheld, Exit::Withheld, reason, hint);
        } else if result.outcome == Outcome::Changed && !broken.is_empty() {
            let reason = format!("passed before the change and fails with it: {}", broken.join(", "));
            result.ends(Outcome::ChecksFailed, Exit::Failed, reason, "review the patch, which is kept");
        }
        result.secrets = secrets;
    }
}

impl Looked {
    /// What the model is told to mend.
    fn complaint(&self) -> Option<String> {
        let mut complaints = Vec::new();
        if !self.ci_files.is_empty() {
            complaints.push(format!(
                "You may not change these files; restore them, and delete the new ones: {}",
                self.ci_files.join(", ")
            ));
        }
        if !self.repositories.is_empty() {
            complaints.push(format!(
                "The change must not contain git repositories; remove these: {}",
                self.repositories.join(", ")
            ));
        }
        if !self.secrets.is_empty() {
            let places: Vec<String> =
                self.secrets.iter().map(|found| format!("{}:{}: {}", found.place, found.line, found.what)).collect();
            complaints.push(format!("This must not be committed; remove it:\n{}", places.join("\n")));
        }
        complaints.extend(checks::complaint(&self.checks));
        (!complaints.is_empty()).then(|| complaints.join("\n\n"))
    }
}

/// The model's own reason, in a few words.
fn why_nothing(answer: &str) -> String {
    match answer.trim() {
        "" => "the model changed nothing and gave no reason".to_owned(),
        answer => format!("the model changed nothing: {}", crate::harmless::one_line(answer, 300)),
    }
}
