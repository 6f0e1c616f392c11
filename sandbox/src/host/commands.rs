//! How a `Host` runs one command: what is looked at before it, its end, and what is looked at after it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use agent::{Background, Cancel, Ended, Programs, Ran, SandboxError};

use super::{Host, private, with_notes};
use crate::hidden::Surveyed;
use crate::keeper::Keeper;
use crate::options::SandboxMode;
use crate::output::Output;
use crate::private_git;
use crate::protocol::Report;
use crate::proxy::Proxy;
use crate::run::{self, End, Errand, Started};

/// Of a command that was not started.
const MOST_TRIES: u32 = 4;
const PATH_NOTE: &str = "This ran without approval, so PATH did not include directories that edits can write.";

struct Launched {
    started: Started,
    surveyed: Surveyed,
    /// On what happened since the last command.
    notes: Vec<String>,
}

impl Host {
    pub(super) async fn run(
        &self,
        command: &str,
        programs: Programs,
        timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Ran, SandboxError> {
        let mut slot = self.keeper.lock().await;
        let mut output = Output::new(self.options.outputs.clone());
        let mut tries = 1;
        let mut earlier = Vec::new();
        let (attended, surveyed) = loop {
            let Launched { started, surveyed, notes } = match self.launch(&mut slot, command, programs).await {
                Ok(launched) => launched,
                Err(error) => {
                    self.after_command_with(&mut slot, private_git::LONGEST).await;
                    return Err(error);
                }
            };
            earlier.extend(notes);
            let over = async {
                tokio::select! {
                    biased;
                    () = cancel.wait() => Err(SandboxError::Cancelled),
                    () = tokio::time::sleep(timeout) => Ok(Ended::TimedOut(timeout)),
                }
            };
            let attended = run::attend(started, |bytes| output.push(bytes), over).await;
            match &attended.end {
                // Nothing of it ran. What the sandbox covers may have gone in that moment: another run's worktree.
                End::Reported(Report::Failed(_)) if attended.cut.is_none() && tries < MOST_TRIES => tries += 1,
                End::Reported(_) | End::Unwatched | End::Stuck => break (attended, surveyed),
            }
        };
        // It may have been the keeper too: the next command gets a new one.
        match (&attended.cut, &attended.end, slot.as_mut()) {
            (None, End::Unwatched, Some(keeper)) => keeper.end(run::GRACE).await,
            (_, End::Stuck, Some(keeper)) => keeper.kill(),
            (_, End::Reported(_) | End::Unwatched | End::Stuck, _) => (),
        }
        let lost =
            if matches!(attended.end, End::Unwatched | End::Stuck) { self.restore_git().await } else { Vec::new() };
        self.lock_repositories().restored(attended.end.git());
        let longest = if attended.cut.is_some() { private::HURRIED } else { private_git::LONGEST };
        let after = self.after_command_with(&mut slot, longest).await;
        let cut = attended.cut.transpose()?;
        let (ended, mut notes) = run::verdict(attended.end)?;
        notes.extend([earlier, lost, after].concat());
        notes.extend(slot.as_ref().and_then(|keeper| keeper.proxy.as_ref()).and_then(Proxy::take_notes));
        notes.extend(self.backgrounds.obituaries());
        notes.extend(self.hidden_note(command, cut.unwrap_or(ended), &surveyed, slot.as_ref()));
        if programs == Programs::OutsideWorkspace && self.path_outside_workspace().is_some() {
            notes.push(PATH_NOTE.to_string());
        }
        let shown = output.finish();
        let (output, total_bytes, full_output) = (shown.text, shown.total_bytes, shown.full);
        let mut ran = Ran { ended: cut.unwrap_or(ended), output, total_bytes, full_output, notes };
        surveyed.withhold(&mut ran, self.roots.workspace.real());
        Ok(ran)
    }

    pub(super) async fn start(
        &self,
        command: &str,
        programs: Programs,
        cancel: &Cancel,
    ) -> Result<Background, SandboxError> {
        self.backgrounds.check_room()?;
        let Launched { started, surveyed, notes } =
            self.launch(&mut *self.keeper.lock().await, command, programs).await?;
        let id = self.backgrounds.add(command, started, self.options.outputs.clone());
        self.remember_hidden(id, surveyed);
        let first = self.backgrounds.first_look(id, cancel).await?;
        Ok(self.without_replaced(with_notes(first, notes)))
    }

    /// PATH for a command that runs unasked because its programs are known; `None`: the user's own will do.
    fn path_outside_workspace(&self) -> Option<OsString> {
        let (_, path) = self.environment.iter().find(|(name, _)| name == "PATH")?;
        let (edited, kept): (Vec<PathBuf>, Vec<PathBuf>) =
            std::env::split_paths(path).partition(|dir| self.roots.may_be_edited(dir));
        // They come from a PATH, so no name has a colon in it.
        if edited.is_empty() { None } else { std::env::join_paths(kept).ok() }
    }

    /// Returns what there is to say of git from before it, too.
    async fn launch(
        &self,
        slot: &mut Option<Keeper>,
        command: &str,
        programs: Programs,
    ) -> Result<Launched, SandboxError> {
        let ((git, notes), surveyed) = match self.options.fence.sandbox {
            SandboxMode::On => {
                let surveyed = self.surveyed().await;
                self.last_hidden.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&surveyed.hidden);
                (self.before_command(slot).await?, surveyed)
            }
            SandboxMode::Off => (Default::default(), Surveyed::default()),
        };
        let path = match programs {
            Programs::AnyInPath => None,
            Programs::OutsideWorkspace => self.path_outside_workspace(),
        };
        let (directory, hidden, roots) = (self.roots.workspace.real(), surveyed.hidden.as_slice(), self.roots.all());
        let errand = Errand { shell: &self.shell, command, directory, git: &git, hidden, roots: &roots, path };
        if let (true, Some(keeper)) = (self.backgrounds.take_unwatched(), slot.as_mut()) {
            keeper.end(run::GRACE).await;
            self.restore_git().await;
        }
        let keeper = self.keeper(slot).await?;
        let started = run::start(keeper, &errand).await;
        if let Ok(started) = started {
            return Ok(Launched { started, surveyed, notes });
        }
        // It died since the last command. Nothing was run yet, so trying again is safe.
        keeper.kill();
        let keeper = self.keeper(slot).await?;
        let started = run::start(keeper, &errand).await.map_err(run::not_started)?;
        Ok(Launched { started, surveyed, notes })
    }
}
