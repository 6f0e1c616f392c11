//! From a commit to a branch, a push and a pull request. Each step can be repeated; nothing of anybody else's is
//! overwritten, and there is one branch and one pull request for one issue.

use agent::{Cancel, Stop};
use forge::{Change, Failure, NewChange, Oid, Thread, branches, fetch, push};

use super::Job;
use super::origin;
use super::result::{CiResult, Outcome, PullRequest};
use super::summary;
use super::task::slug;
use super::words::Words;
use super::work::Done;
use crate::hint::{Exit, Hint as _};

/// Where the work begins, and where it will go.
pub(crate) struct Start {
    pub(crate) base: String,
    pub(crate) branch: String,
    /// The branch that a pull request goes into, where it is not the default one.
    target: Option<String>,
    /// What is at the branch on the forge, which a push may replace or add to.
    expected: Option<Oid>,
    pub(crate) notes: Vec<String>,
}

/// The first names of a branch that are tried.
const MOST_NAMES: usize = 1_000;

impl Job<'_> {
    /// The base, unless a person has worked on our branch: then it is built on.
    pub(crate) async fn start(&self) -> anyhow::Result<Start> {
        let base = self.repository.commit(self.args.base.as_deref().unwrap_or("HEAD"))?;
        let Some(origin) = self.origin.as_ref().filter(|_| self.args.publishes()) else {
            let branch = self.branch(&[])?;
            return Ok(Start { base, branch, target: None, expected: None, notes: Vec::new() });
        };
        self.repository.has_history()?;
        let remote = origin.remote();
        let targets = self.targets();
        let mut patterns = targets.clone();
        patterns.push(format!("agent/{}-*", slug(&self.task.title)));
        let there = branches(&self.repository.root, &remote, &patterns).await.map_err(origin::error)?;
        let branch = self.branch(&there)?;
        let target = targets.into_iter().find(|target| there.contains(target) && *target != branch);
        let mut notes = Vec::new();
        if let (Some(base), None, true) = (&self.args.base, &target, self.args.open_pr) {
            notes.push(format!("`{base}` is not a branch on the forge; the pull request targets the default branch"));
        }
        let start = Start { base, branch, target, expected: None, notes };
        let there = fetch(&self.repository.root, &remote, &start.branch).await.map_err(origin::error)?;
        let Some(there) = there else { return Ok(start) };
        let at = there.to_string();
        if self.is_ours(&start.base, &at)? {
            return Ok(Start { expected: Some(there), ..start });
        }
        let note = format!("`{}` has commits by someone else; the work continues from there", start.branch);
        let notes = [start.notes, vec![note]].concat();
        Ok(Start { base: at, expected: Some(there), notes, ..start })
    }

    /// What the base may be called on the forge: `--base` as it is or without the remote's name, else the branch that is
    /// checked out.
    fn targets(&self) -> Vec<String> {
        let checked_out = || self.repository.git.line(&["symbolic-ref", "--quiet", "--short", "HEAD"]).ok();
        let name = self.args.base.clone().or_else(checked_out);
        let name = name.map(|name| name.trim_start_matches("refs/").to_owned()).unwrap_or_default();
        let remote = format!("{}/", self.args.forge.remote);
        let name = name.strip_prefix("heads/").or(name.strip_prefix("remotes/")).unwrap_or(&name);
        let mut names = vec![name.to_owned()];
        names.extend(name.strip_prefix(&remote).map(str::to_owned));
        names
    }

    /// One branch for an issue; for other tasks the first name that no branch has, here or on the forge, where `there`
    /// are those that begin like it.
    fn branch(&self, there: &[String]) -> anyhow::Result<String> {
        if let Some(branch) = &self.args.branch {
            let valid = self.repository.git.run(&["check-ref-format", "--branch", branch]);
            return valid.map(|_| branch.clone()).hint(format!("`{branch}` is not a branch name; try agent/name"));
        }
        if let Some(issue) = self.args.issue {
            return Ok(format!("agent/issue-{issue}"));
        }
        let slug = slug(&self.task.title);
        let refs = self.repository.git.line(&["for-each-ref", "--format=%(refname)"])?;
        let is_taken = |name: &String| {
            there.contains(name)
                || refs.lines().filter_map(|line| line.strip_prefix("refs/")).any(|line| {
                    line.strip_prefix("heads/") == Some(name)
                        || line.starts_with("remotes/") && line.ends_with(name.as_str())
                })
        };
        let mut names = (1..MOST_NAMES).map(|number| format!("agent/{slug}-{number}"));
        names
            .find(|name| !is_taken(name))
            .ok_or_else(|| anyhow::anyhow!("all names like agent/{slug}-1 are taken"))
            .hint("choose one with --branch")
    }

    /// Whether everything from the base to there was committed by runs like this one.
    fn is_ours(&self, base: &str, there: &str) -> anyhow::Result<bool> {
        let format = "--format=%ce%x00%(trailers:key=Agent-Session,valueonly,separator=%x2C)";
        let log = self.repository.git.run(&["log", "--no-show-signature", format, there, "--not", base])?;
        let log = String::from_utf8_lossy(&log);
        Ok(log.lines().all(|line| {
            line.split_once('\0').is_some_and(|(email, session)| email == self.author.email && !session.is_empty())
        }))
    }

    pub(crate) async fn publish(
        &self,
        start: &Start,
        commit: &str,
        done: &Done,
        result: &mut CiResult,
    ) -> anyhow::Result<()> {
        let published = unless_stopped(&done.cancel, self.publish_all(start, commit, &done.words, result)).await;
        match published {
            Some(published) => published,
            None => {
                let reason =
                    if result.pushed { "stopped after the push" } else { "stopped before anything was pushed" };
                let hint = "run it again: it continues from there";
                result.ends(Outcome::Cancelled, Exit::Cancelled, reason, hint);
                Ok(())
            }
        }
    }

    async fn publish_all(
        &self,
        start: &Start,
        commit: &str,
        words: &Words,
        result: &mut CiResult,
    ) -> anyhow::Result<()> {
        match self.ready_change(start, result).await {
            Ok(None) => (),
            Ok(Some(ready)) => {
                let note = format!("{} is ready for review, so the failing change was not pushed to it", ready.url);
                result.notes.push(note);
                return Ok(());
            }
            Err(failure) => {
                result.not_published(failure);
                return Ok(());
            }
        }
        if let Err(why) = self.move_branch(start, commit)? {
            let hint = "move or rename that branch, or choose another name with --branch; the patch is kept";
            result.ends(Outcome::NotPublished, Exit::Failed, why, hint);
            return Ok(());
        }
        result.branch = Some(start.branch.clone());
        result.commit = Some(commit.to_owned());
        if self.args.publishes()
            && let Err(failure) = self.send(start, words, result).await
        {
            result.not_published(failure);
        }
        Ok(())
    }

    /// The open change of our branch that people may merge as it is, where ours has a check that fails.
    async fn ready_change(&self, start: &Start, result: &CiResult) -> Result<Option<Change>, Failure> {
        match &self.origin {
            Some(origin) if result.outcome == Outcome::ChecksFailed => {
                Ok(origin.forge.change_of(&start.branch).await?.filter(|change| !change.is_draft))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Puts our commit at the local branch, over nothing but what runs like this one left there. The inner error says
    /// what stands in the way.
    fn move_branch(&self, start: &Start, commit: &str) -> anyhow::Result<Result<(), String>> {
        let name = format!("refs/heads/{}", start.branch);
        let git = &self.repository.git;
        let there = git.line(&["rev-parse", "--verify", "--quiet", &name]).ok();
        if let Some(there) = &there {
            let is_below = git.run(&["merge-base", "--is-ancestor", there, commit]).is_ok();
            if !is_below && !self.is_ours(&start.base, there)? {
                return Ok(Err(format!("the local branch `{}` has commits by someone else", start.branch)));
            }
        }
        let checked_out = git.line(&["for-each-ref", "--format=%(worktreepath)", &name])?;
        if !checked_out.is_empty() {
            return Ok(Err(format!("`{}` is checked out in {checked_out}", start.branch)));
        }
        // Only from what was looked at: nobody's commit is lost to a race.
        let old = there.unwrap_or_default();
        let moved = git.run(&["update-ref", "--create-reflog", "-m", "agent ci", &name, commit, &old]);
        Ok(moved.map(|_| ()).map_err(|error| format!("the branch `{}` changed in the meantime: {error}", start.branch)))
    }

    async fn send(&self, start: &Start, words: &Words, result: &mut CiResult) -> Result<(), Failure> {
        let Some(origin) = &self.origin else { return Ok(()) };
        let remote = origin.remote();
        push(&self.repository.root, &remote, &start.branch, start.expected.as_ref()).await?;
        result.pushed = true;
        if !self.args.open_pr {
            return Ok(());
        }
        let body = summary::pull_request(words, result);
        let base = match &start.target {
            Some(target) => target.clone(),
            None => origin.forge.default_branch().await?,
        };
        let new = NewChange {
            title: words.subject.clone(),
            body,
            head: start.branch.clone(),
            base,
            is_draft: result.outcome == Outcome::ChecksFailed,
        };
        let change = match origin.forge.change_of(&new.head).await? {
            Some(change) => origin.forge.update_change(&change, &new.title, &new.body).await?,
            None => origin.forge.open_change(&new).await?,
        };
        let Change { number, url, is_draft, .. } = change;
        result.pull_request = Some(PullRequest { number, url: url.clone(), draft: is_draft });
        if let Some(issue) = self.args.issue {
            let text = format!("Pull request: {url}");
            origin.forge.comment_once(Thread::Issue(issue), "pull-request", &text).await?;
        }
        Ok(())
    }
}

impl CiResult {
    fn not_published(&mut self, failure: Failure) {
        let hint = failure.hint.unwrap_or_else(|| "run it again: it continues from there".to_owned());
        self.ends(Outcome::NotPublished, Exit::Failed, failure.message, &hint);
    }
}

/// `None`: the human stopped it. Time that runs out meanwhile does not, since what is half published is worse.
async fn unless_stopped<T>(cancel: &Cancel, work: impl Future<Output = T>) -> Option<T> {
    let stopped = async {
        cancel.wait().await;
        if cancel.why() != Some(Stop::Human) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = stopped => None,
        done = work => Some(done),
    }
}
