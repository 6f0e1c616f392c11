//! The host's private git directories: made with the first keeper, brought up
//! to date before a command and imported after it.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use agent::SandboxError;

use crate::fence::policy::Namespaces;
use crate::fence::{LayerKind, LayerState};
use crate::host::Host;
use crate::keeper::Keeper;
use crate::options::OutsideGit;
use crate::private_git::{self, Asker, GitAccount, GitMounts, Ground, Importing, PrivateGit};
use crate::protocol::Setup;

/// For an import after a Ctrl-C. What is not done by then is done by the next command or the next run.
pub(super) const HURRIED: Duration = Duration::from_secs(5);

/// What commands have in the place of git directories.
#[derive(Debug)]
pub(super) enum Side {
    Unknown,
    /// The real ones: without namespaces, and where there is no repository.
    Real,
    /// Gone with the host.
    Private(Box<PrivateGit>),
}

impl Host {
    /// What moved in the user's repositories by commands of this run, and what these changed for themselves alone.
    pub async fn git_account(&self) -> GitAccount {
        match &*self.private_git.lock().await {
            Side::Private(private) => private.account(),
            Side::Unknown | Side::Real => GitAccount::default(),
        }
    }

    fn ground<'g>(&'g self, found: &'g [PathBuf]) -> Ground<'g> {
        let workspace = self.roots.workspace.real();
        Ground {
            workspace,
            found,
            writable: self.roots.writable().map(|root| root.real().to_path_buf()).collect(),
            state: self.options.git.clone().unwrap_or_else(|| {
                std::env::temp_dir().join(format!("agent-git-{}", rustix::process::getuid().as_raw()))
            }),
            importing: match self.options.fence.outside_git {
                OutsideGit::Writable => Importing::Data,
                OutsideGit::ReadOnly => Importing::Nothing,
            },
        }
    }

    /// For the keeper that is about to start. Before the first command there is none.
    pub(super) async fn git_mounts(&self) -> GitMounts {
        match &*self.private_git.lock().await {
            Side::Private(private) => private.mounts().clone(),
            Side::Unknown | Side::Real => GitMounts::default(),
        }
    }

    /// Right before the first command, and not earlier: the user may make a repository until then.
    async fn make_private_git(&self, found: &[PathBuf]) -> Side {
        if self.namespaces == Namespaces::Leave {
            return Side::Real;
        }
        let ground = self.ground(found);
        let mut finished = Vec::new();
        for left in PrivateGit::adopt(&ground) {
            finished.extend(self.finish(left).await);
        }
        // Where it cannot be made (a full disk, a strange repository) the real one is guarded instead.
        match PrivateGit::make(&ground) {
            Ok(Some(mut private)) => {
                private.add_notes(finished);
                Side::Private(Box::new(private))
            }
            Ok(None) | Err(_) => Side::Real,
        }
    }

    /// Imports what a killed run left, behind a fence of its own. Returns what to say of it.
    async fn finish(&self, mut left: PrivateGit) -> Vec<String> {
        let setup = self.policy(left.mounts().clone()).map(|policy| Setup { policy: Some(policy) });
        // Until it has been looked at, it stays when it is dropped.
        let Ok(setup) = setup else { return Vec::new() };
        let Ok(keeper) = Keeper::start(&setup, &self.environment).await else { return Vec::new() };
        let mut notes = left.after(&self.asker(&keeper, private_git::LONGEST)).await;
        let moved = left.account().moved;
        if !moved.is_empty() {
            let moved = moved.join(", ");
            notes.push(format!("git: finished the work of a run that was killed in this directory: {moved}."));
        }
        notes
    }

    fn asker<'a>(&'a self, keeper: &'a Keeper, longest: Duration) -> Asker<'a> {
        Asker {
            keeper,
            shell: &self.shell,
            directory: self.roots.workspace.real(),
            longest,
            hidden: self.last_hidden.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            roots: self.roots.all().into_iter().map(Path::to_path_buf).collect(),
        }
    }

    /// The namespaces failed: commands will have the real directories, guarded.
    pub(super) async fn leave_private_git(&self) {
        *self.private_git.lock().await = Side::Real;
    }

    /// What the warden is to guard, and notes on what happened since the last command.
    pub(super) async fn ready_git(
        &self,
        slot: &mut Option<Keeper>,
        found: &[PathBuf],
    ) -> Result<(Vec<PathBuf>, Vec<String>), SandboxError> {
        let mut side = self.private_git.lock().await;
        if matches!(*side, Side::Unknown) {
            *side = self.make_private_git(found).await;
            if matches!(*side, Side::Private(_)) {
                // No command has run behind the first fence yet. The next one has the mounts.
                *slot = None;
            }
        }
        drop(side);
        let keeper = self.keeper(slot).await?;
        let is_private =
            keeper.layers.iter().any(|layer| layer.kind == LayerKind::Mounts && layer.state == LayerState::Works);
        match &mut *self.private_git.lock().await {
            Side::Private(private) if is_private => {
                let notes = private.before(&self.asker(keeper, private_git::LONGEST)).await;
                Ok((private.guarded(found), notes))
            }
            Side::Private(_) | Side::Unknown | Side::Real => Ok((found.to_vec(), Vec::new())),
        }
    }

    /// Brings what commands did with git to the user's side.
    pub(super) async fn import(&self, slot: &mut Option<Keeper>, longest: Duration) -> Vec<String> {
        if !matches!(*self.private_git.lock().await, Side::Private(_)) {
            return Vec::new();
        }
        // The command may have killed it: the private directories are still there.
        let Ok(keeper) = self.keeper(slot).await else { return Vec::new() };
        match &mut *self.private_git.lock().await {
            Side::Private(private) => private.after(&self.asker(keeper, longest)).await,
            Side::Unknown | Side::Real => Vec::new(),
        }
    }

    /// As if it had been killed after the last import, before it wrote down that it was done: what both sides had last
    /// is what `base` says.
    #[cfg(test)]
    pub(crate) async fn repeat_import(&self, base: Vec<private_git::Base>) -> Vec<String> {
        let mut slot = self.keeper.lock().await;
        if let Side::Private(private) = &mut *self.private_git.lock().await {
            private.forget(base);
        }
        self.import(&mut slot, private_git::LONGEST).await
    }

    #[cfg(test)]
    pub(crate) async fn base(&self) -> Vec<private_git::Base> {
        match &*self.private_git.lock().await {
            Side::Private(private) => private.base(),
            Side::Unknown | Side::Real => Vec::new(),
        }
    }
}
