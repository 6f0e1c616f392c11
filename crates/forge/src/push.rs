//! A branch to the forge, by git itself. Never over a commit that was not ours to replace.
//!
//! Git runs in a folder of its own and sees only the repository's objects: no hook, no configuration, no credential
//! helper and no address of the repository, the human or the machine takes part, whatever the model wrote there.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use secrecy::SecretString;
use url::Url;

use crate::failure::{Failure, Trouble};
use crate::project::Kind;
use crate::rejected;
use crate::retry::{Patience, Spent};
use crate::scratch::Scratch;

/// A commit's name: 40 or 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Oid(String);

impl fmt::Display for Oid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Oid {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Oid, Failure> {
        if matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Oid(text.to_ascii_lowercase()));
        }
        Err(Failure::usage("this is not a full commit id", "it has 40 hexadecimal digits: git rev-parse BRANCH"))
    }
}

/// Where git pushes to and fetches from. [`crate::Forge::remote`] makes one.
#[derive(Clone, Debug)]
pub struct Remote<'a> {
    /// `https`, `file`, or `http` to this machine. It holds no password.
    pub url: &'a Url,
    /// What git answers when it is asked for a password.
    pub token: Option<(Kind, &'a SecretString)>,
    /// The program whose `main` calls [`crate::launcher`]: our own.
    pub program: &'a Path,
    pub patience: Patience,
}

/// What a push did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// What the branch is at now, there as here. The next push expects it.
    pub commit: Oid,
    pub how: How,
}

/// How a branch came to where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Created,
    /// What was there is below what is there now.
    Advanced,
    /// What was there, as expected, is gone.
    Replaced,
    /// It was there already, as after a push whose answer was lost.
    UpToDate,
}

/// Pushes `branch` of the repository at `dir`, a linked worktree too. `expected` is the commit that we left there the
/// last time, `None` that there must be no such branch: with anything else there, nothing is overwritten and the
/// failure is [`crate::FailureKind::Moved`].
pub async fn push(dir: &Path, remote: &Remote<'_>, branch: &str, expected: Option<&Oid>) -> Result<Pushed, Failure> {
    check_branch(branch)?;
    let scratch = Scratch::new(dir, remote).await?;
    let commit = scratch
        .commit(&format!("refs/heads/{branch}"))
        .await?
        .ok_or_else(|| Failure::usage(format!("no branch `{branch}` to push"), "commit to it first"))?;
    let expected = expected.map(Oid::to_string).unwrap_or_default();
    let lease = format!("--force-with-lease=refs/heads/{branch}:{expected}");
    let refs = format!("{commit}:refs/heads/{branch}");
    let arguments = ["push", "--porcelain", "--no-progress", &lease, remote.url.as_str(), &refs];
    let how = persist(remote.patience, async || {
        let ran = scratch.git(&arguments).await?;
        if ran.is_success { Ok(rejected::how(&ran.stdout)) } else { Err(rejected::trouble(&ran, remote, branch)) }
    })
    .await?;
    Ok(Pushed { commit, how })
}

/// Brings what `branch` is at on the forge into the repository at `dir`, whose own branches stay as they are. `None` if
/// there is no such branch. What was pushed there by others can so be looked at before it is built on.
pub async fn fetch(dir: &Path, remote: &Remote<'_>, branch: &str) -> Result<Option<Oid>, Failure> {
    check_branch(branch)?;
    let scratch = Scratch::new(dir, remote).await?;
    scratch.take_refs().await?;
    let refs = format!("+refs/heads/{branch}:refs/agent/fetched");
    let arguments = ["fetch", "--no-tags", "--no-progress", "--no-write-fetch-head", remote.url.as_str(), &refs];
    let is_there = persist(remote.patience, async || {
        let ran = scratch.git(&arguments).await?;
        match ran.is_success {
            true => Ok(true),
            false if ran.stderr.contains("couldn't find remote ref") => Ok(false),
            false => Err(rejected::trouble(&ran, remote, branch)),
        }
    })
    .await?;
    if is_there { scratch.fetched().await } else { Ok(None) }
}

/// The branches on the forge that fit one of `patterns`, in which `*` stands for anything: `agent/task-*`. What can be no
/// name fits none.
pub async fn branches(dir: &Path, remote: &Remote<'_>, patterns: &[String]) -> Result<Vec<String>, Failure> {
    let valid = patterns.iter().filter(|pattern| check_branch(&pattern.replace('*', "x")).is_ok());
    let refs: Vec<String> = valid.map(|pattern| format!("refs/heads/{pattern}")).collect();
    if refs.is_empty() {
        return Ok(Vec::new());
    }
    let scratch = Scratch::new(dir, remote).await?;
    let mut arguments = vec!["ls-remote", "--refs", remote.url.as_str()];
    arguments.extend(refs.iter().map(String::as_str));
    persist(remote.patience, async || {
        let ran = scratch.git(&arguments).await?;
        if !ran.is_success {
            return Err(rejected::trouble(&ran, remote, "its branches"));
        }
        let names = ran.stdout.lines().filter_map(|line| line.split_once("\trefs/heads/"));
        Ok(names.map(|(_, name)| name.to_owned()).collect())
    })
    .await
}

/// A push with a lease and a fetch may both be repeated: what happened already is found up to date.
async fn persist<T>(patience: Patience, attempt: impl AsyncFn() -> Result<T, Trouble>) -> Result<T, Failure> {
    let mut spent = Spent::new(patience);
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(trouble) => spent.pause(trouble).await?,
        }
    }
}

/// The rules of `git check-ref-format` that matter to an argument.
fn check_branch(branch: &str) -> Result<(), Failure> {
    let bad_char = |char: char| char.is_control() || char.is_whitespace() || "~^:?*[\\".contains(char);
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let is_bad = branch.contains(bad_char)
        || branch.split('/').any(bad_part)
        || branch.contains("..")
        || branch.contains("@{")
        || branch.starts_with('-')
        || branch.ends_with('.');
    if is_bad {
        return Err(Failure::usage(
            format!("`{}` is not a branch name", branch.escape_debug()),
            "such as agent/issue-7",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_branches() {
        for good in ["main", "agent/issue-7", "a.b/c_d", "é", "x@y"] {
            assert_eq!(check_branch(good), Ok(()), "{good}");
        }
        for bad in ["", "-f", "a b", "a:b", "a..b", "a/", "/a", "a//b", "x.lock", ".x", "a\nb", "a@{1}", "+a*", "a."] {
            assert!(check_branch(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_commits() {
        let name = "0123456789abcdef0123456789ABCDEF01234567";
        assert_eq!(name.parse::<Oid>().unwrap().to_string(), name.to_lowercase());
        assert!("HEAD".parse::<Oid>().is_err());
        assert!(format!("{name}0").parse::<Oid>().is_err());
    }
}
