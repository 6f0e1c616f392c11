//! A first look at the workspace, through the one door, for the opening message.

use std::time::Duration;

use crate::agent_loop::Agent;
use crate::counted::counted;
use crate::effect::Ended;
use crate::guidance;
use crate::prompt;
use crate::tool::ToolError;
use crate::workspace::Workspace;

/// What there is to know before the first request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Names at the top, directories with a slash.
    pub listing: Vec<String>,
    pub listing_left_out: usize,
    /// AGENTS.md of the repository's root, of each directory down to the workspace, and of the workspace.
    pub guidance: Vec<Guidance>,
    /// For example ``branch `main`, 2 files changed``; `None` outside git.
    pub git: Option<String>,
    /// What could not be read, for the human.
    pub trouble: Vec<String>,
}

/// An AGENTS.md.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guidance {
    /// `AGENTS.md`, or an absolute path where it is above the workspace.
    pub place: String,
    pub text: String,
}

/// What is known of the repository that a workspace is a directory of: no tool reaches above the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Above {
    /// From the repository's root down.
    pub guidance: Vec<Guidance>,
    /// What `.git/HEAD` has.
    pub head: Option<String>,
    /// What could not be read, for the human.
    pub trouble: Vec<String>,
}

/// Whether git may be run to look at the repository. Its own configuration can
/// make `git status` start programs, so only behind a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitLook {
    RunStatus,
    ReadHead,
}

const MAX_NAMES: usize = 60;
/// Hooks, file system monitor and locks off: looking changes nothing and starts nothing.
const GIT_STATUS: &str =
    "git --no-optional-locks -c core.fsmonitor=false -c core.hooksPath=/dev/null status --porcelain --branch";
/// A huge repository is described without its state rather than late.
const GIT_TIMEOUT: Duration = Duration::from_secs(2);

pub async fn survey(agent: &mut Agent<'_>, git: GitLook, above: Above) -> Survey {
    let mut workspace = agent.workspace();
    let mut survey = Survey { guidance: above.guidance, trouble: above.trouble, ..Survey::default() };
    match workspace.list(".", None, Some(1), MAX_NAMES).await {
        Ok(listing) => {
            survey.listing = listing.entries.into_iter().map(|listed| listed.path).collect();
            survey.listing_left_out = listing.left_out;
        }
        Err(error) => survey.trouble.push(format!("cannot list the workspace: {error}")),
    }
    match workspace.peek(guidance::FILE_NAME, 1 << 20).await {
        Ok(bytes) => survey.guidance.extend(bytes.map(|bytes| Guidance {
            place: guidance::FILE_NAME.to_owned(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })),
        Err(error) => survey.trouble.push(format!("AGENTS.md was not read: {error}")),
    }
    survey.trouble.extend(prompt::cut(&survey.guidance));
    let above = above.head.as_deref().map(branch);
    survey.git = match head(&mut workspace).await.map(|head| head.or(above)) {
        Ok(Some(branch)) => match git {
            GitLook::ReadHead => Some(branch),
            GitLook::RunStatus => Some(status(&mut workspace).await.unwrap_or(branch)),
        },
        Ok(None) | Err(_) => None,
    };
    survey
}

/// The branch by `.git/HEAD`; `None` where there is no `.git`.
async fn head(workspace: &mut Workspace<'_>) -> Result<Option<String>, ToolError> {
    let head = match workspace.peek(".git/HEAD", 4 << 10).await {
        Ok(Some(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        // A worktree or a submodule: `.git` is a file that says where the rest is, and there is nothing below it.
        Ok(None) | Err(_) => match workspace.peek(".git", 4 << 10).await? {
            Some(_) => return Ok(Some("a worktree".to_owned())),
            None => return Ok(None),
        },
    };
    Ok(Some(branch(&head)))
}

fn branch(head: &str) -> String {
    match head.trim().strip_prefix("ref: refs/heads/") {
        Some(branch) => format!("branch `{branch}`"),
        None => "no branch (detached)".to_owned(),
    }
}

async fn status(workspace: &mut Workspace<'_>) -> Option<String> {
    let ran = workspace.look(GIT_STATUS, GIT_TIMEOUT).await.ok()?;
    match ran.ended {
        Ended::Exited(0) => describe_status(&ran.output),
        Ended::Exited(_) | Ended::Signalled(_) | Ended::TimedOut(_) | Ended::Stopped => None,
    }
}

fn describe_status(porcelain: &str) -> Option<String> {
    let mut lines = porcelain.lines();
    let branch = lines.next()?.strip_prefix("## ")?;
    let branch = branch.strip_prefix("No commits yet on ").unwrap_or(branch);
    let name = branch.split("...").next().unwrap_or(branch);
    let (untracked, changed): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("??"));
    let state = match (changed.len(), untracked.len()) {
        (0, 0) => "clean".to_owned(),
        (changed, 0) => format!("{} changed", counted(changed, "file")),
        (0, untracked) => format!("{untracked} untracked"),
        (changed, untracked) => format!("{} changed, {untracked} untracked", counted(changed, "file")),
    };
    match name {
        "HEAD (no branch)" => Some(format!("no branch (detached), {state}")),
        name => Some(format!("branch `{name}`, {state}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(porcelain: &str, expected: Option<&str>) {
        assert_eq!(describe_status(porcelain).as_deref(), expected);
    }

    #[test]
    fn the_state_of_a_repository_in_a_few_words() {
        check("## main...origin/main [ahead 1]\n", Some("branch `main`, clean"));
        check("## No commits yet on main\n?? a\n", Some("branch `main`, 1 untracked"));
        check("## fix/x\n M a\nA  b\n?? c\n", Some("branch `fix/x`, 2 files changed, 1 untracked"));
        check("## HEAD (no branch)\n", Some("no branch (detached), clean"));
        check("fatal: not a git repository\n", None);
    }
}
