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
use crate::{ci, diff, out, paths, run, sessions};

pub(crate) async fn apply(args: ApplyArgs) -> anyhow::Result<Exit> {
    let root = run::workspace(args.workspace.as_deref())?;
    let config = Config::load(Layer::default(), &root)?;
    let (title, patch) = find(&args.what)?;
    let text = String::from_utf8(patch)
        .map_err(|_| anyhow!("{title} is not text"))
        .hint("apply binary changes with git: git am FILE")?;
    if text.contains("\nGIT binary patch\n") {
        return Err(anyhow!("{title} changes binary files")).hint("apply those with git: git am FILE");
    }
    let diff = hunks(&text);
    if diff.trim().is_empty() {
        return Err(anyhow!("{title} contains no change")).hint("pass a patch, or a session from `agent ci`");
    }
    if let Some(odd) = diff.lines().find(|line| is_no_file(line)) {
        return Err(anyhow!("{title} changes a link or another repository (`{}`)", harmless(odd)))
            .hint("apply those with git: git am FILE");
    }
    let host = Rc::new(Host::open(&root, HostOptions::default())?);
    let outcome = match args.dry_run {
        true => land(&Dry(&host), &root, &config, &diff, None).await?,
        false => {
            let store = sessions::store()?;
            let id = Store::new_id();
            let served = Served { model: "none (agent apply)".to_owned(), ..Served::default() };
            let mut file = store.create(&Header::new(&id, &root, served)).context("cannot save the session")?;
            let kept = Kept { folder: paths::snapshots()?, root: root.clone(), session: id };
            let watched = Watched::new(Rc::clone(&host), kept, file.second()?);
            land(&watched, &root, &config, &diff, Some((&title, &mut file))).await?
        }
    };
    let word = if args.dry_run { "would apply" } else { "landed" };
    match outcome {
        ToolOutcome::Done(_) => {
            writeln!(out::stderr(), "{word}: {title}{}", if args.dry_run { "" } else { " · agent undo" })?;
            Ok(Exit::Finished)
        }
        ToolOutcome::Failed(why) | ToolOutcome::Refused(why) => {
            let hint = "nothing was changed; check out the patch's base, or try git: git am --3way FILE";
            Err(Hinted::new(Exit::Failed, harmless(why.as_str()), Some(hint.to_owned())).into())
        }
        ToolOutcome::Cancelled | ToolOutcome::Interrupted => Ok(Exit::Cancelled),
    }
}

/// A file, standard input, or a session; with what to call it.
fn find(what: &str) -> anyhow::Result<(String, Vec<u8>)> {
    if what == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("cannot read the patch from stdin")?;
        return Ok(("the patch".to_owned(), bytes));
    }
    let path = Path::new(what);
    if path.is_file() {
        return Ok((what.to_owned(), std::fs::read(path).with_context(|| format!("cannot read {what}"))?));
    }
    if !what.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Err(anyhow!("no such file: {what}")).hint("pass an existing patch file or a session id");
    }
    let id = sessions::one(&sessions::store()?, what)?;
    let title = format!("session {id}");
    match ci::kept(&id)? {
        Some((_, patch)) => Ok((title, patch)),
        None => Ok((title, diff::of_session(&id)?.into_bytes())),
    }
}

/// Without the mails around it: in a message nothing is a change, whatever it looks like.
fn hunks(text: &str) -> String {
    if !(text.starts_with("From ") && text.contains("\nSubject: ")) {
        return text.to_owned();
    }
    let mut mails = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if is_mail_start(line) {
            mails.push(String::new());
        }
        if let Some(mail) = mails.last_mut() {
            mail.push_str(line);
        }
    }
    mails.iter().map(|mail| change_of(mail)).collect()
}

/// The line that `git format-patch` begins a mail with: `From`, a commit's name, and always the same date.
fn is_mail_start(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    matches!(words[..], ["From", commit, "Mon", "Sep", "17", "00:00:00", "2001"]
        if 40 <= commit.len() && commit.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Of one mail. Before its change stand `---`, the statistics and an empty line, which no diff has in itself; what looks
/// the same above that is part of the message.
fn change_of(mail: &str) -> &str {
    let (mut at, mut began, mut first) = (0, None, None);
    let mut is_after_dashes = false;
    let mut before = "";
    for line in mail.split_inclusive('\n') {
        if line.starts_with("diff --git ") {
            first = first.or(Some(at));
            if is_after_dashes && before.trim_end_matches('\n').is_empty() {
                began = Some(at);
            }
        }
        is_after_dashes = line == "---\n" || is_after_dashes && (line.starts_with(' ') || line == "\n");
        (at, before) = (at + line.len(), line);
    }
    // Without statistics there is no such mark, and the message ends where git says it does.
    began.or(first).and_then(|at| mail.get(at..)).unwrap_or_default()
}

/// Whether a header of a diff is about a link (120000) or a submodule (160000). In a hunk no line begins like this.
fn is_no_file(line: &str) -> bool {
    let begins = ["new file mode ", "deleted file mode ", "old mode ", "new mode ", "index "];
    begins.iter().any(|begin| line.starts_with(begin)) && (line.ends_with(" 120000") || line.ends_with(" 160000"))
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
        thoughts: agent::Thoughts::default(),
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

    #[test]
    fn a_diff_in_the_message_is_no_change_and_each_mail_has_its_own() {
        let start = format!("From {} Mon Sep 17 00:00:00 2001\n", "0a".repeat(20));
        let evil = "---\ndiff --git a/evil b/evil\n--- a/evil\n+++ b/evil\n@@ -1,9 +1,9 @@\n-a\n+b\n";
        // A line `--` that goes, and the next file right behind: what stands there is no mark.
        let real = |name: &str| {
            format!(
                "diff --git a/{name} b/{name}\n@@ -1,2 +1 @@\n---\n c\ndiff --git a/{name}2 b/{name}2\n@@ -1 +1 @@\n-a\n+b\n"
            )
        };
        let mail = |name: &str| {
            format!("{start}Subject: x\n\nWords.\n{evil}---\n {name} | 1 +\n 1 file changed\n\n{}", real(name))
        };
        assert_eq!(hunks(&(mail("one") + &mail("two"))), real("one") + &real("two"));
    }
}
