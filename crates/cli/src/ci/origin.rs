//! The forge that a run is for: found from the remote, spoken to with a token that goes nowhere else.

use std::path::PathBuf;

use anyhow::Context as _;
use forge::{Failure, FailureKind, Forge, Kind, Overrides, Project, Remote};
use secrecy::SecretString;

use super::worktree::Repository;
use crate::args::ForgeArgs;
use crate::hint::{Exit, Hint as _, Hinted};

#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) forge: Forge,
    token_env: String,
    /// Our own, looked up once: a newer one may be put in its place while we work.
    program: PathBuf,
}

impl Origin {
    pub(crate) fn find(repository: &Repository, args: &ForgeArgs) -> anyhow::Result<Origin> {
        let remote = repository
            .git
            .line(&["config", "--get", &format!("remote.{}.url", args.remote)])
            .map_err(|_| anyhow::anyhow!("no such remote: `{}`", args.remote))
            .hint("name it with --remote, or add it: git remote add origin https://...")?;
        let kind = args.forge.as_deref().map(str::parse).transpose().map_err(error)?;
        let overrides = Overrides { kind, url: args.forge_url.clone() };
        let project = Project::find(&remote, &overrides).map_err(error)?;
        let token_env = args.token_env.clone().unwrap_or_else(|| default_token_env(project.kind).to_owned());
        let token = mask::read_key(&token_env);
        let name = project.kind.name();
        let token = token
            .ok_or_else(|| anyhow::anyhow!("no token for {name}: {token_env} is not set"))
            .hint(format!("export {token_env}=..., or name another variable with --token-env"))?;
        let forge = Forge::new(project, SecretString::from(token)).map_err(error)?;
        let program = std::env::current_exe().context("cannot find the agent program itself")?;
        Ok(Origin { forge, token_env, program })
    }

    /// Where branches are pushed to.
    pub(crate) fn remote(&self) -> Remote<'_> {
        self.forge.remote(&self.program)
    }

    pub(crate) fn token_env(&self) -> &str {
        &self.token_env
    }
}

fn default_token_env(kind: Kind) -> &'static str {
    match kind {
        Kind::GitHub => "GITHUB_TOKEN",
        Kind::GitLab => "GITLAB_TOKEN",
        Kind::Forgejo => "FORGEJO_TOKEN",
    }
}

/// A failure before anything was done.
pub(crate) fn error(failure: Failure) -> anyhow::Error {
    let exit = match failure.kind {
        FailureKind::Usage | FailureKind::Token | FailureKind::Permission | FailureKind::NotFound => Exit::Usage,
        FailureKind::Moved | FailureKind::Limited | FailureKind::Unreachable | FailureKind::Refused => Exit::Failed,
    };
    Hinted::new(exit, failure.message, failure.hint).into()
}
