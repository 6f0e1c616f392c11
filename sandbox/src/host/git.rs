//! What a `Host` does around each command for git: it knows the user's repositories before, and looks what became of
//! them after.

use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};

use agent::SandboxError;

use super::Host;
use crate::options::SandboxMode;
use crate::repositories::{Others, Planted, Repositories};
use crate::roots::Roots;
use crate::{git_dirs, run};

impl Host {
    /// What commands made that the user's git would take for a repository. It is no longer in the workspace.
    pub fn planted(&self) -> Vec<Planted> {
        self.lock_repositories().planted().to_vec()
    }

    /// What was restored of git's files and the workspace's repositories, a sentence each.
    pub fn restored(&self) -> Vec<String> {
        self.lock_repositories().all_restored()
    }

    /// Deletes what was moved out of the workspace.
    pub fn discard_planted(&self) {
        self.lock_repositories().discard();
    }

    /// Away from the runtime's thread, one after the other.
    async fn with_repositories<T: Default + Send + 'static>(
        &self,
        work: impl FnOnce(&mut Repositories, &Roots) -> T + Send + 'static,
    ) -> T {
        let (roots, repositories) = (Arc::clone(&self.roots), Arc::clone(&self.repositories));
        let done = tokio::task::spawn_blocking(move || {
            work(&mut repositories.lock().unwrap_or_else(PoisonError::into_inner), &roots)
        });
        // Only a panic ends it early, and then nothing is known.
        done.await.unwrap_or_default()
    }

    pub(super) fn lock_repositories(&self) -> MutexGuard<'_, Repositories> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before a command. Returns where git's own files are, for its warden.
    pub(super) async fn before_command(&self) -> Result<Vec<PathBuf>, SandboxError> {
        if self.options.fence.sandbox == SandboxMode::Off {
            return Ok(Vec::new());
        }
        let ready = self.with_repositories(|repositories, roots| {
            let mut git = repositories.before(roots);
            git.extend(git_dirs::outside(roots.workspace.real()));
            git.extend(git.clone().iter().flat_map(|git| git_dirs::modules(git)));
            git.sort();
            git.dedup();
            Some(repositories.begin(roots, &git).map(|()| git))
        });
        match ready.await {
            Some(Ok(git)) => Ok(git),
            Some(Err(error)) => Err(run::not_started(format!("cannot save the list of git repositories: {error}"))),
            None => Err(run::not_started("cannot search the workspace for git repositories")),
        }
    }

    /// The warden did not live to do it. Returns what the model is told.
    pub(super) async fn restore_git(&self) -> Vec<String> {
        self.with_repositories(|repositories, _| repositories.restore_guarded()).await
    }

    /// After a command. Returns what the model is told.
    pub(super) async fn after_command(&self) -> Vec<String> {
        self.lock_repositories().restored(&self.backgrounds.take_git());
        let others = if self.backgrounds.are_running() { Others::Running } else { Others::None };
        self.with_repositories(move |repositories, roots| repositories.check(roots, others)).await
    }
}
