//! The one door. A tool sees the machine only through this, for one call.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::agent_loop::Agent;
use crate::cancel::Cancel;
use crate::edited;
use crate::effect::{
    Background, Change, Effect, Ended, Found, Listing, Observation, Permit, Ran, RepoMap, Sandbox, SandboxError,
};
use crate::frontend::{AgentEvent, Answer, Frontend, Question};
use crate::policy::{ApprovalPolicy, Verdict};
use crate::seen_files::{LineRange, SeenFiles};
use crate::test_files::is_test_file;
use crate::tool::ToolError;

pub struct Workspace<'a> {
    pub(crate) root: &'a Path,
    pub(crate) policy: &'a mut ApprovalPolicy,
    pub(crate) frontend: &'a mut dyn Frontend,
    pub(crate) sandbox: &'a dyn Sandbox,
    pub(crate) cancel: &'a Cancel,
    pub(crate) seen: &'a mut SeenFiles,
    /// Files this call read or wrote, for the AGENTS.md that holds for them.
    pub(crate) touched: Vec<PathBuf>,
    pub(crate) wrote: bool,
    /// The first file that this call set out to change, as it was.
    pub(crate) aimed: Option<(PathBuf, Vec<u8>)>,
    /// The first file that it wrote, as it is now.
    pub(crate) written: Option<(PathBuf, Vec<u8>)>,
    /// The last command that this call ran to its end.
    pub(crate) ran: Option<(String, Ended)>,
    /// What the human changed before it was done, for the model.
    pub(crate) edited: String,
    /// Set when the run cannot go on after this call.
    pub(crate) halt: Option<Halt>,
}

/// Why a run ends at an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    Nobody,
    Quit,
}

impl Agent<'_> {
    /// The one door, opened for one call. Whoever is not the model comes through it too: policy, then the human.
    pub fn workspace(&mut self) -> Workspace<'_> {
        Workspace {
            root: &self.root,
            policy: &mut self.policy,
            frontend: &mut *self.frontend,
            sandbox: self.sandbox,
            cancel: &self.cancel,
            seen: &mut self.seen,
            touched: Vec::new(),
            wrote: false,
            aimed: None,
            written: None,
            ran: None,
            edited: String::new(),
            halt: None,
        }
    }
}

impl Workspace<'_> {
    /// Reads a whole file for the model. Nothing of it counts as seen before [`Self::shown`] says so.
    pub async fn read(&mut self, path: &str, max_bytes: u64) -> Result<Vec<u8>, ToolError> {
        let path = self.resolve(path).await;
        let bytes = self.read_bytes(path.clone(), max_bytes).await?;
        self.touched.push(path);
        Ok(bytes)
    }

    /// The result shows these lines of `bytes`, which [`Self::read`] gave and which are `total` lines.
    pub fn shown(&mut self, path: &str, bytes: &[u8], lines: &[LineRange], total: usize) {
        let path = self.relative(path);
        self.seen.read(&path, bytes, lines, total);
    }

    /// What a file holds now, `None` if there is none. For edits: it does not count as seen.
    pub async fn peek(&mut self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, ToolError> {
        let path = self.resolve(path).await;
        match self.read_bytes(path.clone(), max_bytes).await {
            Ok(bytes) => {
                self.aimed.get_or_insert_with(|| (path, bytes.clone()));
                Ok(Some(bytes))
            }
            Err(ToolError::Sandbox(SandboxError::NotFound(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether these bytes are what the model last read or wrote there.
    pub fn is_as_last_seen(&self, path: &str, bytes: &[u8]) -> bool {
        self.seen.is_as_seen(&self.relative(path), bytes)
    }

    /// The lines of the file, as it was last seen, that the model was never shown.
    pub fn unseen_lines(&self, path: &str) -> &[LineRange] {
        self.seen.unseen_lines(&self.relative(path))
    }

    /// Whether the file was read, but in the very reply that is being carried out: its author has not seen it yet.
    pub fn is_unshown(&self, path: &str) -> bool {
        self.seen.is_unshown(&self.relative(path))
    }

    /// Whether the model read or wrote the file in this run at all.
    pub fn was_seen(&self, path: &str) -> bool {
        self.seen.knows(&self.relative(path))
    }

    /// Whether it is a test, by its name, of which the model was not told yet what it is for. Then it is now.
    pub fn is_untold_test(&mut self, path: &str) -> bool {
        let path = self.relative(path);
        is_test_file(&path) && self.seen.told_tests.insert(path)
    }

    /// The files that the model read or wrote in this run, by path.
    pub fn seen_files(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.seen.paths().map(|path| path.to_string_lossy().into_owned()).collect();
        paths.sort_unstable();
        paths
    }

    pub async fn list(
        &mut self,
        path: &str,
        glob: Option<String>,
        depth: Option<usize>,
        limit: usize,
    ) -> Result<Listing, ToolError> {
        let path = self.resolve(path).await;
        match self.perform(Effect::List { path, glob, depth, limit }).await? {
            Observation::Listed(listing) => Ok(listing),
            other => Err(mismatch(&other)),
        }
    }

    pub async fn search(
        &mut self,
        pattern: String,
        path: &str,
        glob: Option<String>,
        context: usize,
        limit: usize,
    ) -> Result<Found, ToolError> {
        let path = self.resolve(path).await;
        match self.perform(Effect::Search { pattern, path, glob, context, limit }).await? {
            Observation::Found(found) => Ok(found),
            other => Err(mismatch(&other)),
        }
    }

    /// The symbols that matter most, in the whole workspace or to a path or a name.
    pub async fn map(&mut self, focus: Option<&str>, max_bytes: usize) -> Result<RepoMap, ToolError> {
        let focus = focus.map(str::to_owned);
        match self.perform(Effect::Map { focus, max_bytes }).await? {
            Observation::Mapped(map) => Ok(map),
            other => Err(mismatch(&other)),
        }
    }

    /// Writes all files of one edit or none. The human is shown the real change.
    pub async fn write(&mut self, mut changes: Vec<Change>) -> Result<(), ToolError> {
        for change in &mut changes {
            change.path = self.relative(&change.path.to_string_lossy());
        }
        let permit = self.permit(Effect::Write { changes }).await?;
        // The human may have edited them.
        let changes = match permit.effect() {
            Effect::Write { changes } => changes.clone(),
            Effect::Read { .. }
            | Effect::List { .. }
            | Effect::Search { .. }
            | Effect::Map { .. }
            | Effect::Run { .. }
            | Effect::Start { .. }
            | Effect::ReadOutput { .. }
            | Effect::Stop { .. } => Vec::new(),
        };
        match self.sandbox.perform(permit, self.cancel).await? {
            Observation::Written => (),
            other => return Err(mismatch(&other)),
        }
        for change in &changes {
            match &change.after {
                Some(after) => self.seen.wrote(&change.path, change.before.as_deref(), after),
                None => self.seen.forget(&change.path),
            }
            self.touched.push(change.path.clone());
        }
        self.wrote = true;
        self.written = changes.iter().find_map(|change| Some((change.path.clone(), change.after.clone()?)));
        self.frontend.show(AgentEvent::Wrote(&changes));
        Ok(())
    }

    pub async fn run(&mut self, command: &str, timeout: Duration) -> Result<Ran, ToolError> {
        match self.perform(Effect::Run { command: command.to_owned(), timeout }).await? {
            Observation::Ran(ran) => {
                self.ran = Some((command.to_owned(), ran.ended));
                Ok(ran)
            }
            other => Err(mismatch(&other)),
        }
    }

    /// Leaves a command running, and looks at its first moments.
    pub async fn start(&mut self, command: &str) -> Result<Background, ToolError> {
        match self.perform(Effect::Start { command: command.to_owned() }).await? {
            Observation::Started(background) => Ok(background),
            other => Err(mismatch(&other)),
        }
    }

    pub async fn read_output(&mut self, id: u32, wait: Duration) -> Result<Background, ToolError> {
        match self.perform(Effect::ReadOutput { id, wait }).await? {
            Observation::Output(background) => Ok(background),
            other => Err(mismatch(&other)),
        }
    }

    pub async fn stop(&mut self, id: u32) -> Result<Background, ToolError> {
        match self.perform(Effect::Stop { id }).await? {
            Observation::Stopped(background) => Ok(background),
            other => Err(mismatch(&other)),
        }
    }

    /// A command of our own that only looks. No human is asked; see [`crate::GitLook`] for when it may run.
    pub(crate) async fn look(&mut self, command: &str, timeout: Duration) -> Result<Ran, ToolError> {
        let effect = Effect::Run { command: command.to_owned(), timeout };
        match self.sandbox.perform(Permit::for_harmless(effect), self.cancel).await? {
            Observation::Ran(ran) => Ok(ran),
            other => Err(mismatch(&other)),
        }
    }

    async fn read_bytes(&mut self, path: PathBuf, max_bytes: u64) -> Result<Vec<u8>, ToolError> {
        match self.perform(Effect::Read { path, max_bytes }).await? {
            Observation::Read(bytes) => Ok(bytes),
            other => Err(mismatch(&other)),
        }
    }

    /// Policy, then the human, then the sandbox. No other code acts.
    pub(crate) async fn perform(&mut self, effect: Effect) -> Result<Observation, ToolError> {
        let permit = self.permit(effect).await?;
        Ok(self.sandbox.perform(permit, self.cancel).await?)
    }

    async fn permit(&mut self, effect: Effect) -> Result<Permit, ToolError> {
        if self.cancel.is_set() {
            return Err(ToolError::Cancelled);
        }
        match self.policy.judge(&effect) {
            Verdict::Allow if self.policy.relies_on_programs(&effect) => Ok(Permit::for_harmless(effect)),
            Verdict::Allow => Ok(Permit::new(effect)),
            Verdict::Deny(reason) => Err(ToolError::Refused(reason)),
            Verdict::Ask(why) => self.ask(effect, &why).await.map(Permit::new),
        }
    }

    /// What the human lets through: the effect, or what they made of it.
    async fn ask(&mut self, effect: Effect, why: &str) -> Result<Effect, ToolError> {
        let offer = self.policy.offer(&effect);
        let question = Question { effect: &effect, root: self.root, why, offer: offer.as_ref() };
        let answer = tokio::select! {
            biased;
            () = self.cancel.wait() => return Err(ToolError::Cancelled),
            answer = self.frontend.ask(question) => answer,
        };
        match answer {
            Answer::Once => Ok(effect),
            Answer::Session => {
                offer.into_iter().for_each(|offer| self.policy.accept(offer));
                Ok(effect)
            }
            Answer::Edited(edited) => match self.policy.judge(&edited) {
                Verdict::Deny(reason) => {
                    Err(ToolError::Refused(format!("The user's edit of this was refused. {reason}")))
                }
                Verdict::Allow | Verdict::Ask(_) => {
                    self.edited = edited::note(&effect, &edited);
                    Ok(edited)
                }
            },
            Answer::No(reason) if reason.is_empty() => Err(ToolError::Refused("The user said no.".to_owned())),
            Answer::No(reason) => Err(ToolError::Refused(format!("The user said no: {reason}"))),
            Answer::Quit => {
                self.halt = Some(Halt::Quit);
                Err(ToolError::Refused("The user said no and stopped the run.".to_owned()))
            }
            Answer::Nobody => {
                self.halt = Some(Halt::Nobody);
                Err(ToolError::Refused("This needs approval, and there is no one to give it.".to_owned()))
            }
        }
    }

    /// Relative to the root where it is said to be below it. Whether it really is, the kernel decides.
    fn relative(&self, path: &str) -> PathBuf {
        self.seen.spellings.get(path).cloned().unwrap_or_else(|| self.plain(path.trim()))
    }

    pub(crate) fn plain(&self, path: &str) -> PathBuf {
        let path = Path::new(path);
        let below = path.strip_prefix(self.root).unwrap_or(path);
        let plain: PathBuf = below.components().filter(|component| *component != Component::CurDir).collect();
        if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain }
    }
}

/// A command that the human typed themselves. Nobody is asked whether they may; the fence holds for it as for any.
pub async fn run_by_hand(
    sandbox: &dyn Sandbox,
    command: &str,
    timeout: Duration,
    cancel: &Cancel,
) -> Result<Ran, SandboxError> {
    let effect = Effect::Run { command: command.to_owned(), timeout };
    match sandbox.perform(Permit::new(effect), cancel).await? {
        Observation::Ran(ran) => Ok(ran),
        other => Err(SandboxError::Blocked(mismatch(&other).to_string())),
    }
}

/// The files of the workspace, for the human to choose from: at most `limit`, .gitignore honoured.
pub async fn list_by_hand(sandbox: &dyn Sandbox, limit: usize) -> Result<Listing, SandboxError> {
    let effect = Effect::List { path: PathBuf::from("."), glob: None, depth: None, limit };
    match sandbox.perform(Permit::new(effect), &Cancel::default()).await? {
        Observation::Listed(listing) => Ok(listing),
        other => Err(SandboxError::Blocked(mismatch(&other).to_string())),
    }
}

/// A sandbox that answers another question than it was asked is broken.
fn mismatch(observation: &Observation) -> ToolError {
    let kind = match observation {
        Observation::Read(_) => "a file",
        Observation::Listed(_) => "a listing",
        Observation::Found(_) => "matches",
        Observation::Mapped(_) => "a map",
        Observation::Written => "a write",
        Observation::Ran(_) => "a command",
        Observation::Started(_) | Observation::Output(_) | Observation::Stopped(_) => "a background command",
    };
    ToolError::Failed(format!("The sandbox returned {kind}, which was not requested. This is a bug in the agent."))
}
