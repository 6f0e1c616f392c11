//! This machine: files beneath the workspace root, commands through the
//! launcher, behind as much of a fence as the kernel gives.

mod git;
mod unseen;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use agent::{Background, Cancel, Effect, Ended, Observation, Permit, Programs, Ran, Sandbox, SandboxError};
use async_trait::async_trait;
use rustix::process::DumpableBehavior;
use tokio::sync::Mutex;

use crate::background::{Backgrounds, Stop};
use crate::environment;
use crate::fence::policy::{Namespaces, Policy};
use crate::fence::secrets;
use crate::fence::{Fence, Layer, LayerKind, LayerState};
use crate::files::Files;
use crate::hidden::{Survey, Surveyed};
use crate::keeper::{Keeper, Unstarted};
use crate::options::{AddedDir, HostOptions, SandboxMode};
use crate::output::Output;
use crate::protocol::{Report, Setup};
use crate::proxy::Proxy;
use crate::repositories::Repositories;
use crate::roots::Roots;
use crate::run::{End, Errand, Started};
use crate::search::Hunt;
use crate::{above, list, map, read, run, search, write};

/// Where shells are, before PATH is asked.
const SHELLS: &[&str] = &["/bin/bash", "/usr/bin/bash"];
const LAST_SHELL: &str = "/bin/sh";
/// Of a command that was not started.
const MOST_TRIES: u32 = 4;
const PATH_NOTE: &str = "This ran without approval, so PATH did not include directories that edits can write.";

/// Why a workspace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the workspace `{}`: {source}", .path.display())]
    Workspace { path: PathBuf, source: io::Error },
    #[error("this kernel lacks openat2 (Linux 5.6), needed to confine file access to `{}`", .path.display())]
    OldKernel { path: PathBuf },
}

/// The machine, with one workspace.
#[derive(Debug)]
pub struct Host {
    roots: Arc<Roots>,
    shell: PathBuf,
    environment: Vec<(OsString, OsString)>,
    options: HostOptions,
    namespaces: Namespaces,
    /// One command at a time: calls of a message run in order.
    keeper: Mutex<Option<Keeper>>,
    repositories: Arc<std::sync::Mutex<Repositories>>,
    backgrounds: Backgrounds,
    survey: Arc<Mutex<Survey>>,
    /// The model was told what is hidden from commands.
    hidden_told: AtomicBool,
    /// From commands that were left running, by their ids.
    hidden_from: std::sync::Mutex<BTreeMap<u32, Surveyed>>,
}

impl Host {
    /// Opens the workspace. Starts nothing yet.
    ///
    /// Makes this process one that others of the same user cannot look into (`PR_SET_DUMPABLE`, prctl(2)): it holds the
    /// provider's key, and without a fence a command could read it from `/proc`. No core files, no `gdb -p` as a user.
    pub fn open(root: &Path, options: HostOptions) -> Result<Host, OpenError> {
        Host::open_in(root, options, std::env::vars_os(), Namespaces::Try)
    }

    /// With the variables of some other environment, and perhaps without namespaces: what tests need.
    pub(crate) fn open_in(
        root: &Path,
        mut options: HostOptions,
        variables: impl Iterator<Item = (OsString, OsString)>,
        namespaces: Namespaces,
    ) -> Result<Host, OpenError> {
        let variables: Vec<(OsString, OsString)> = variables.collect();
        let home = variables.iter().find(|(name, _)| name == "HOME").map(|(_, home)| PathBuf::from(home));
        options.fence.hide.paths.extend(secrets::named(&variables, home.as_deref()));
        let mut roots = Roots::open(root, &options).map_err(open_error)?;
        // Where that is refused there is no /proc to look into either.
        let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
        if options.fence.sandbox == SandboxMode::On && roots.may_hold_places(home.as_deref()) {
            let shown = &options.fence.show.paths;
            roots.hide_places(secrets::hidden(roots.workspace.real(), home.as_deref(), [&[], shown], &variables));
        }
        let environment = environment::allowed(variables.into_iter(), &options.fence.pass);
        let shell = find_shell();
        let repositories = Repositories::new(options.repositories.clone());
        Ok(Host {
            roots: Arc::new(roots),
            shell,
            environment,
            options,
            namespaces,
            keeper: Mutex::new(None),
            repositories: Arc::new(std::sync::Mutex::new(repositories)),
            backgrounds: Backgrounds::default(),
            survey: Arc::default(),
            hidden_told: AtomicBool::new(false),
            hidden_from: std::sync::Mutex::default(),
        })
    }

    #[cfg(test)]
    pub(crate) async fn act(&self, effect: &Effect, cancel: &Cancel) -> Result<Observation, SandboxError> {
        self.act_with(effect, Programs::AnyInPath, cancel).await
    }

    pub(crate) async fn act_with(
        &self,
        effect: &Effect,
        programs: Programs,
        cancel: &Cancel,
    ) -> Result<Observation, SandboxError> {
        if cancel.is_set() {
            return Err(SandboxError::Cancelled);
        }
        match effect.clone() {
            Effect::Read { path, max_bytes } => {
                let read = self.look(cancel, move |roots, _| read::read(roots, &path, max_bytes));
                read.await.map(Observation::Read)
            }
            Effect::List { path, glob, depth, limit } => {
                let listed = self
                    .look(cancel, move |root, cancel| list::list(root, &path, glob.as_deref(), depth, limit, cancel));
                listed.await.map(Observation::Listed)
            }
            Effect::Search { pattern, path, glob, context, limit } => {
                let found = self.look(cancel, move |roots, cancel| {
                    let hunt = Hunt::new(&pattern, context, limit)?;
                    search::search(roots, hunt, &path, glob.as_deref(), cancel)
                });
                found.await.map(Observation::Found)
            }
            Effect::Map { focus, max_bytes } => {
                let folder = self.options.symbols.clone();
                let drawn = self.look(cancel, move |roots, cancel| {
                    map::map(roots, folder.as_deref(), focus.as_deref(), max_bytes, cancel)
                });
                drawn.await.map(Observation::Mapped)
            }
            Effect::Write { changes } => {
                let written = self.aside(cancel, move |roots, cancel| write::write(roots, &changes, cancel));
                written.await.map(|()| Observation::Written)
            }
            Effect::Run { command, timeout } => {
                let longest = self.options.fence.limits.time;
                let mut ran = self.run(&command, programs, timeout.min(longest), cancel).await?;
                if ran.ended == Ended::TimedOut(longest) && longest < timeout {
                    ran.notes.push(format!("The user's limit of {} s per command was reached.", longest.as_secs()));
                }
                Ok(Observation::Ran(ran))
            }
            Effect::Start { command } => self.start(&command, programs, cancel).await.map(Observation::Started),
            Effect::ReadOutput { id, wait } => {
                let read = self.backgrounds.read(id, wait, cancel).await;
                let notes = self.after_command().await;
                let read = with_notes(read?, notes);
                Ok(Observation::Output(self.without_replaced(read)))
            }
            Effect::Stop { id } => {
                let (background, stop) = self.backgrounds.stop(id).await?;
                self.kill_if(stop).await;
                let notes = self.after_command().await;
                Ok(Observation::Stopped(self.without_replaced(with_notes(background, notes))))
            }
        }
    }

    /// Ends what was left running. Returns when it is dead.
    pub async fn close(&self) {
        let stop = self.backgrounds.stop_all().await;
        self.kill_if(stop).await;
        self.after_command().await;
        self.lock_repositories().end();
    }

    async fn kill_if(&self, stop: Stop) {
        if let (Stop::Stuck, Some(keeper)) = (stop, self.keeper.lock().await.as_mut()) {
            keeper.kill();
        }
    }

    /// What the repository says above the workspace, for the start.
    pub fn above(&self) -> agent::Above {
        above::look(self.roots.workspace.real())
    }

    /// What is reached beside the workspace, by absolute paths.
    pub fn added_dirs(&self) -> &[AddedDir] {
        &self.options.fence.add_dirs
    }

    async fn run(
        &self,
        command: &str,
        programs: Programs,
        timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Ran, SandboxError> {
        let mut slot = self.keeper.lock().await;
        let mut output = Output::new(self.options.outputs.clone());
        let mut tries = 1;
        let (attended, surveyed) = loop {
            let (started, surveyed) = match self.launch(&mut slot, command, programs).await {
                Ok(launched) => launched,
                Err(error) => {
                    self.after_command().await;
                    return Err(error);
                }
            };
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
        let repositories = [lost, self.after_command().await].concat();
        let cut = attended.cut.transpose()?;
        let (ended, mut notes) = run::verdict(attended.end)?;
        notes.extend(repositories);
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

    async fn start(&self, command: &str, programs: Programs, cancel: &Cancel) -> Result<Background, SandboxError> {
        self.backgrounds.check_room()?;
        let (started, surveyed) = self.launch(&mut *self.keeper.lock().await, command, programs).await?;
        let id = self.backgrounds.add(command, started, self.options.outputs.clone());
        self.remember_hidden(id, surveyed);
        self.backgrounds.first_look(id, cancel).await.map(|background| self.without_replaced(background))
    }

    /// PATH for a command that runs unasked because its programs are known; `None`: the user's own will do.
    fn path_outside_workspace(&self) -> Option<OsString> {
        let (_, path) = self.environment.iter().find(|(name, _)| name == "PATH")?;
        let (edited, kept): (Vec<PathBuf>, Vec<PathBuf>) =
            std::env::split_paths(path).partition(|dir| self.roots.may_be_edited(dir));
        // They come from a PATH, so no name has a colon in it.
        if edited.is_empty() { None } else { std::env::join_paths(kept).ok() }
    }

    async fn launch(
        &self,
        slot: &mut Option<Keeper>,
        command: &str,
        programs: Programs,
    ) -> Result<(Started, Surveyed), SandboxError> {
        let (git, surveyed) = match self.options.fence.sandbox {
            SandboxMode::On => tokio::join!(self.before_command(), self.surveyed()),
            SandboxMode::Off => (Ok(Vec::new()), Surveyed::default()),
        };
        let git = git?;
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
            return Ok((started, surveyed));
        }
        // It died since the last command. Nothing was run yet, so trying again is safe.
        keeper.kill();
        let keeper = self.keeper(slot).await?;
        let started = run::start(keeper, &errand).await.map_err(run::not_started)?;
        Ok((started, surveyed))
    }

    /// As [`Host::aside`], for what changes nothing: nobody has to wait for it when the run is cancelled, however long it
    /// goes on by itself.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        cancel: &Cancel,
        work: impl FnOnce(&Roots, &Cancel) -> Result<T, SandboxError> + Send + 'static,
    ) -> Result<T, SandboxError> {
        tokio::select! {
            biased;
            done = self.aside(cancel, work) => done,
            () = cancel.wait() => Err(SandboxError::Cancelled),
        }
    }

    /// Away from the runtime's thread: a disk may be slow, and Ctrl-C is not.
    async fn aside<T: Send + 'static>(
        &self,
        cancel: &Cancel,
        work: impl FnOnce(&Roots, &Cancel) -> Result<T, SandboxError> + Send + 'static,
    ) -> Result<T, SandboxError> {
        let (roots, cancel) = (Arc::clone(&self.roots), cancel.clone());
        let done = tokio::task::spawn_blocking(move || work(&roots, &cancel)).await;
        done.unwrap_or_else(|error| Err(SandboxError::Blocked(format!("The file operation was aborted: {error}."))))
    }

    /// The workspace's files, for snapshots.
    pub fn files(&self) -> Files {
        Files(Arc::clone(&self.roots))
    }

    /// What holds commands back. Puts the fence up if it is not yet: each layer is tried, not guessed.
    pub async fn fence(&self) -> Fence {
        let mut slot = self.keeper.lock().await;
        match self.keeper(&mut slot).await {
            Ok(keeper) if self.options.fence.sandbox == SandboxMode::On => Fence { layers: keeper.layers.clone() },
            Ok(_) => Fence::none("the sandbox is off"),
            Err(error) => Fence::none(&error.to_string()),
        }
    }

    /// The next command meets a new fence: what it hides is looked up again, and /tmp is empty.
    #[cfg(test)]
    pub(crate) async fn restart(&self) {
        *self.keeper.lock().await = None;
    }

    async fn keeper<'k>(&self, slot: &'k mut Option<Keeper>) -> Result<&'k mut Keeper, SandboxError> {
        if slot.as_mut().is_some_and(|keeper| !keeper.is_alive()) {
            *slot = None;
        }
        match slot {
            Some(keeper) => Ok(keeper),
            None => {
                let keeper = self.start_keeper().await.map_err(|error| {
                    SandboxError::NotStarted(format!("The command launcher did not start: {error}."))
                })?;
                Ok(slot.insert(keeper))
            }
        }
    }

    async fn start_keeper(&self) -> Result<Keeper, Unstarted> {
        let mut setup = Setup { policy: None };
        if self.options.fence.sandbox == SandboxMode::On {
            setup.policy =
                Some(Policy::new(self.roots.workspace.real(), &self.options, &self.environment, self.namespaces)?);
        }
        let started = Keeper::start(&setup, &self.environment).await;
        let (Err(Unstarted::Namespaces(why)), Some(policy)) = (&started, &mut setup.policy) else { return started };
        // The kernel has taken the first step and refused a later one: a new launcher does without.
        let why = why.clone();
        policy.namespaces = Namespaces::Leave;
        let mut keeper = Keeper::start(&setup, &self.environment).await?;
        for kind in [LayerKind::GitFiles, LayerKind::Processes, LayerKind::Mounts, LayerKind::Users] {
            keeper.layers.insert(0, Layer { kind, state: LayerState::Missing(why.clone()) });
        }
        Ok(keeper)
    }
}

#[async_trait(?Send)]
impl Sandbox for Host {
    async fn perform(&self, permit: Permit, cancel: &Cancel) -> Result<Observation, SandboxError> {
        self.act_with(permit.effect(), permit.programs(), cancel).await
    }
}

fn with_notes(mut background: Background, notes: Vec<String>) -> Background {
    background.notes.extend(notes);
    background
}

pub(crate) fn open_error((path, source): (PathBuf, io::Error)) -> OpenError {
    match source.raw_os_error() {
        Some(libc::ENOSYS) => OpenError::OldKernel { path },
        _ => OpenError::Workspace { path, source },
    }
}

fn find_shell() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let fixed = SHELLS.iter().map(PathBuf::from);
    let mut all = fixed.chain(std::env::split_paths(&path).map(|dir| dir.join("bash")));
    all.find(|shell| shell.is_file()).unwrap_or_else(|| PathBuf::from(LAST_SHELL))
}
