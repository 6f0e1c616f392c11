//! `agent apply`: a patch, or what a session changed, lands in the workspace with the care of an edit: hunks are placed
//! where they fit in one place, all files change or none, through the one door. It can be taken back by `agent undo`.

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::rc::Rc;

use agent::{
    Agent, ApprovalPolicy, Arguments, Cancel, Mode, Observation, Permit, Sandbox, SandboxError, SeenFiles, Spent,
    ToolOutcome,
};
use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use providers::Scripted;
use sandbox::{Host, HostOptions};
use session::{Header, Served, Store};

use crate::args::ApplyArgs;
use crate::config::{Config, Layer};
use crate::harmless::harmless;
use crate::hint::{Exit, Hint as _, Hinted};
use crate::human::Human;
use crate::screen::Screen;
use crate::watched::{Kept, Watched};
use crate::{ci, diff, paths, run, sessions};

pub(crate) async fn apply(args: ApplyArgs) -> anyhow::Result<Exit> {
    let root = run::workspace(args.workspace.as_deref())?;
    let config = Config::load(Layer::default(), &root)?;
    let (title, patch) = find(&args.what)?;
    let text = String::from_utf8(patch)
        .map_err(|_| anyhow!("{title} is no text"))
        .hint("binary changes land by git itself: git am FILE")?;
    if text.contains("\nGIT binary patch\n") {
        return Err(anyhow!("{title} changes binary files")).hint("git itself lands those: git am FILE");
    }
    let diff = hunks(&text);
    if diff.trim().is_empty() {
        return Err(anyhow!("there is no change in {title}")).hint("name a patch, or a session of `agent ci`");
    }
    let host = Rc::new(Host::open(&root, HostOptions::default())?);
    let outcome = match args.dry_run {
        true => land(&Dry(&host), &root, &config, &diff, None).await?,
        false => {
            let store = sessions::store()?;
            let id = Store::new_id();
            let served = Served { model: "none (agent apply)".to_owned(), ..Served::default() };
            let mut file = store.create(&Header::new(&id, &root, served)).context("the session cannot be saved")?;
            let kept = Kept { folder: paths::snapshots()?, root: root.clone(), session: id };
            let watched = Watched::new(Rc::clone(&host), kept, file.second()?);
            land(&watched, &root, &config, &diff, Some((&title, &mut file))).await?
        }
    };
    let word = if args.dry_run { "would land" } else { "landed" };
    match outcome {
        ToolOutcome::Done(_) => {
            writeln!(io::stderr(), "{word}: {title}{}", if args.dry_run { "" } else { " · agent undo" })?;
            Ok(Exit::Finished)
        }
        ToolOutcome::Failed(why) | ToolOutcome::Refused(why) => {
            let hint =
                "nothing was changed; bring the workspace to the patch's base, or let git try: git am --3way FILE";
            Err(Hinted::new(Exit::Failed, harmless(why.as_str()), Some(hint.to_owned())).into())
        }
        ToolOutcome::Cancelled | ToolOutcome::Interrupted => Ok(Exit::Cancelled),
    }
}

/// A file, standard input, or a session; with what to call it.
fn find(what: &str) -> anyhow::Result<(String, Vec<u8>)> {
    if what == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("the patch cannot be read from stdin")?;
        return Ok(("the patch".to_owned(), bytes));
    }
    let path = Path::new(what);
    if path.is_file() {
        return Ok((what.to_owned(), std::fs::read(path).with_context(|| format!("{what} cannot be read"))?));
    }
    if !what.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Err(anyhow!("there is no file {what}")).hint("name a patch that exists, or a session by its id");
    }
    let id = sessions::one(&sessions::store()?, what)?;
    let title = format!("session {id}");
    match ci::kept(&id)? {
        Some((_, patch)) => Ok((title, patch)),
        None => Ok((title, diff::of_session(&id)?.into_bytes())),
    }
}

/// Without the mail around it: in a message nothing is a change, whatever it looks like.
fn hunks(text: &str) -> String {
    let is_mail = text.starts_with("From ") && text.contains("\nSubject: ");
    let begin = if is_mail { text.find("\ndiff --git ").map_or(text.len(), |at| at + 1) } else { 0 };
    text.get(begin..).unwrap_or_default().to_owned()
}

/// One call of the same tool that a model has for this.
async fn land(
    sandbox: &dyn Sandbox,
    root: &Path,
    config: &Config,
    diff: &str,
    told: Option<(&str, &mut session::SessionFile)>,
) -> anyhow::Result<ToolOutcome> {
    let tool = tools::TOOLS.iter().find(|tool| tool.name() == "apply_diff").context("apply_diff is not here")?;
    let raw = serde_json::json!({ "diff": diff }).to_string();
    let nobody = Scripted::default();
    let mut frontend = Human::new(Screen::new(config.manner()));
    let mut silent = Silent;
    let mut agent = Agent {
        client: &nobody,
        tools: &[],
        sandbox,
        frontend: &mut frontend,
        journal: &mut silent,
        policy: ApprovalPolicy::with_rules(Mode::AcceptEdits, config.rules()?),
        root: root.to_owned(),
        limits: agent::Limits::default(),
        supervision: agent::Supervision::default(),
        price: None,
        spent: Spent::default(),
        seen: SeenFiles::default(),
        cancel: Cancel::default(),
    };
    let entries = vec![
        agent::Entry::System { text: String::new() },
        agent::Entry::User { text: format!("apply {}", told.as_ref().map_or("a patch", |(title, _)| title)) },
    ];
    if let Some((_, file)) = told {
        for entry in &entries {
            agent::Journal::append(file, entry)?;
        }
        // The change is the first step's: `agent undo` counts replies.
        agent::Journal::append(file, &agent::Entry::Reply(agent::Reply::default()))?;
        agent::Journal::sync(file)?;
    }
    let mut workspace = agent.workspace();
    Ok(tool.call(&Arguments::read(&raw), &mut workspace).await)
}

/// Nothing is said here that a session file keeps.
struct Silent;

impl agent::Journal for Silent {
    fn append(&mut self, _: &agent::Entry) -> Result<(), agent::JournalError> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), agent::JournalError> {
        Ok(())
    }
}

/// The machine, for reading; what would be written is only shown.
struct Dry<'a>(&'a Host);

#[async_trait(?Send)]
impl Sandbox for Dry<'_> {
    async fn perform(&self, permit: Permit, cancel: &Cancel) -> Result<Observation, SandboxError> {
        match permit.effect() {
            agent::Effect::Write { .. } => Ok(Observation::Written),
            agent::Effect::Read { .. }
            | agent::Effect::List { .. }
            | agent::Effect::Search { .. }
            | agent::Effect::Map { .. }
            | agent::Effect::Run { .. }
            | agent::Effect::Start { .. }
            | agent::Effect::ReadOutput { .. }
            | agent::Effect::Stop { .. } => self.0.perform(permit, cancel).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_no_change() {
        let mail = "From 1 Mon\nSubject: x\n\n--- a/evil\n+++ b/evil\n\ndiff --git a/a b/a\n--- a/a\n+++ b/a\n";
        assert_eq!(hunks(mail), "diff --git a/a b/a\n--- a/a\n+++ b/a\n");
        assert_eq!(hunks("--- a/a\n+++ b/a\n"), "--- a/a\n+++ b/a\n");
    }
}
