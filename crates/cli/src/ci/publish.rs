//! From a commit to a branch, a push and a pull request. Each step can be repeated; nothing of anybody else's is
//! overwritten, and there is one branch and one pull request for one issue.

use std::path::Path;

use forge::{Change, Failure, NewChange, Oid, Thread, fetch, push};

use super::Job;
use super::origin;
use super::result::{CiResult, Outcome, PullRequest};
use super::summary;
use super::task::slug;
use super::words::Words;
use crate::hint::{Exit, Hint as _};

/// Where the work begins, and where it will go.
pub(crate) struct Start {
    pub(crate) base: String,
    pub(crate) branch: String,
    /// What is at the branch on the forge, which a push may replace or add to.
    expected: Option<Oid>,
    pub(crate) note: Option<String>,
}

/// The first names of a branch that are tried.
const MOST_NAMES: usize = 1_000;

impl Job<'_> {
    /// The base, unless a person has worked on our branch: then it is built on.
    pub(crate) async fn start(&self) -> anyhow::Result<Start> {
        let base = self.repository.commit(self.args.base.as_deref().unwrap_or("HEAD"))?;
        let branch = self.branch()?;
        let start = Start { base, branch, expected: None, note: None };
        let (Some(origin), true) = (&self.origin, self.args.publishes()) else { return Ok(start) };
        let program = std::env::current_exe()?;
        let remote = origin.forge.remote(&program);
        let there = fetch(&self.repository.root, &remote, &start.branch).await.map_err(origin::error)?;
        let Some(there) = there else { return Ok(start) };
        let at = there.to_string();
        if self.is_ours(&start.base, &at)? {
            return Ok(Start { expected: Some(there), ..start });
        }
        let note = format!("`{}` holds commits of somebody else; the work goes on from there", start.branch);
        Ok(Start { base: at, expected: Some(there), note: Some(note), ..start })
    }

    /// One branch for an issue; for other tasks the first name that no branch has.
    fn branch(&self) -> anyhow::Result<String> {
        if let Some(branch) = &self.args.branch {
            let valid = self.repository.git.run(&["check-ref-format", "--branch", branch]);
            return valid.map(|_| branch.clone()).hint(format!("`{branch}` is no name of a branch; try agent/name"));
        }
        if let Some(issue) = self.args.issue {
            return Ok(format!("agent/issue-{issue}"));
        }
        let slug = slug(&self.task.title);
        let refs = self.repository.git.line(&["for-each-ref", "--format=%(refname)"])?;
        let is_taken = |name: &str| {
            refs.lines().any(|line| {
                line.strip_prefix("refs/").is_some_and(|rest| {
                    rest.strip_prefix("heads/") == Some(name) || rest.starts_with("remotes/") && rest.ends_with(name)
                })
            })
        };
        let mut names = (1..MOST_NAMES).map(|number| format!("agent/{slug}-{number}"));
        names
            .find(|name| !is_taken(name))
            .ok_or_else(|| anyhow::anyhow!("all names like agent/{slug}-1 are taken"))
            .hint("give one with --branch")
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
        words: &Words,
        result: &mut CiResult,
    ) -> anyhow::Result<()> {
        if let Err(why) = self.move_branch(start, commit)? {
            let hint = "move or rename that branch, or give another name with --branch; the patch is kept";
            result.ends(Outcome::NotPublished, Exit::Failed, why, hint);
            return Ok(());
        }
        result.branch = Some(start.branch.clone());
        result.commit = Some(commit.to_owned());
        let text = summary::pull_request(words, result);
        let secrets = self.scanner.scan("pull request", text.as_bytes(), |_| true);
        if !secrets.is_empty() {
            let reason = "a secret is in the text of the pull request; nothing was pushed";
            result.ends(Outcome::Withheld, Exit::Withheld, reason, "look at the patch, which is kept");
            result.secrets = secrets;
            return Ok(());
        }
        if self.args.publishes()
            && let Err(failure) = self.send(start, words, result).await
        {
            let hint = failure.hint.unwrap_or_else(|| "run it again: it goes on from what is there".to_owned());
            result.ends(Outcome::NotPublished, Exit::Failed, failure.message, &hint);
        }
        Ok(())
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
                return Ok(Err(format!("the local branch `{}` holds commits of somebody else", start.branch)));
            }
        }
        let checked_out = git.line(&["for-each-ref", "--format=%(worktreepath)", &name])?;
        if !checked_out.is_empty() {
            return Ok(Err(format!("`{}` is checked out in {checked_out}", start.branch)));
        }
        // Only from what was looked at: nobody's commit is lost to a race.
        let old = there.unwrap_or_default();
        let moved = git.run(&["update-ref", "--create-reflog", "-m", "agent ci", &name, commit, &old]);
        Ok(moved.map(|_| ()).map_err(|error| format!("the branch `{}` changed meanwhile: {error}", start.branch)))
    }

    async fn send(&self, start: &Start, words: &Words, result: &mut CiResult) -> Result<(), Failure> {
        let Some(origin) = &self.origin else { return Ok(()) };
        let program = std::env::current_exe().unwrap_or_else(|_| Path::new("agent").to_owned());
        let remote = origin.forge.remote(&program);
        push(&self.repository.root, &remote, &start.branch, start.expected.as_ref()).await?;
        result.pushed = true;
        if !self.args.open_pr {
            return Ok(());
        }
        let body = summary::pull_request(words, result);
        let new = NewChange {
            title: words.subject.clone(),
            body,
            head: start.branch.clone(),
            base: origin.forge.default_branch().await?,
            is_draft: result.outcome == Outcome::ChecksFailed,
        };
        let change = match origin.forge.change_of(&new.head).await? {
            Some(change) => origin.forge.update_change(&change, &new.title, &new.body).await?,
            None => origin.forge.open_change(&new).await?,
        };
        let Change { number, url, is_draft, .. } = change;
        result.pull_request = Some(PullRequest { number, url: url.clone(), draft: is_draft });
        if let Some(issue) = self.args.issue {
            let text = format!("There is a pull request for this: {url}");
            origin.forge.comment_once(Thread::Issue(issue), "pull-request", &text).await?;
        }
        Ok(())
    }
}
