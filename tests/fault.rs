//! SIGKILL at random moments of a run with edits and commands, and a resume after each, until the run is through.
//!
//! Used by the test below with a few kills, and by `bench/kill.rs` with many. It panics at the first thing that is
//! lost, doubled, half-written or not valid.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agent::{Entry, ToolOutcome};
use fake_mistral::{FakeMistral, Reply, Script};
use serde_json::{Value, json};
use session::Session;

const STEPS: usize = 30;

#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) kills: usize,
    pub(crate) runs: usize,
    /// Calls that a kill cut short.
    pub(crate) interrupted: usize,
    /// Lines that a kill tore.
    pub(crate) torn: usize,
    /// Kills before the first request.
    pub(crate) early: usize,
}

/// Runs are killed until there were `kills` of them. The same seed gives the same delays.
pub(crate) fn kill_and_resume(binary: &Path, kills: usize, mut seed: u64) -> Figures {
    let calm = Stage::new();
    let began = Instant::now();
    assert!(calm.start(binary, &["run", "--mode", "auto", "Do it."]).wait().unwrap().success());
    let whole = began.elapsed();
    let calm_entries = calm.entries();
    let mut figures = Figures::default();
    while figures.kills < kills {
        let stage = Stage::new();
        stage.play(binary, whole, &mut seed, &mut figures);
        assert_eq!(stage.tree(), calm.tree());
        compare(&stage.entries(), &calm_entries, &mut figures);
        stage.check_requests();
        figures.runs += 1;
    }
    figures
}

struct Stage {
    folder: tempfile::TempDir,
    server: FakeMistral,
}

impl Stage {
    fn new() -> Stage {
        let folder = tempfile::Builder::new().prefix("fault-").tempdir().unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        fs::write(folder.path().join("work/big.txt"), big(0)).unwrap();
        Stage { folder, server: FakeMistral::spawn(Script::computed(|body, _| model(body).into())).unwrap() }
    }

    fn start(&self, binary: &Path, arguments: &[&str]) -> Child {
        let mut command = Command::new(binary);
        command.args(arguments).current_dir(self.folder.path().join("work")).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.folder.path());
        command.env("MISTRAL_API_KEY", "key").env("AGENT_DIALECT", "mistral");
        command.env("AGENT_BASE_URL", self.server.base_url());
        let told = fs::File::create(self.folder.path().join("told")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(told).spawn().unwrap()
    }

    fn play(&self, binary: &Path, whole: Duration, seed: &mut u64, figures: &mut Figures) {
        let mut before = Vec::new();
        loop {
            // What was saved before the first request went out is enough to go on from.
            let begun = self.requests() > 0;
            let arguments: &[&str] = if begun { &["resume"] } else { &["run", "--mode", "auto", "Do it."] };
            let mut child = self.start(binary, arguments);
            let delay = whole.mul_f64(random(seed) / 2.0);
            let began = Instant::now();
            let ended = loop {
                match child.try_wait().unwrap() {
                    None if began.elapsed() < delay => std::thread::sleep(Duration::from_micros(100)),
                    ended => break ended,
                }
            };
            if let Some(status) = ended {
                // The last kill may have come after the answer was saved: then there is nothing to go on with.
                let told = fs::read_to_string(self.folder.path().join("told")).unwrap();
                assert!(status.success() || told.contains(" is finished\nhint: "), "{status}: {told}");
                return;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            figures.kills += 1;
            figures.early += usize::from(!begun && self.requests() == 0);
            self.check_files();
            if self.requests() > 0 {
                let now = fs::read(self.session_file()).unwrap();
                assert!(now.starts_with(&before), "the session file was rewritten");
                figures.torn += usize::from(!now.ends_with(b"\n"));
                before = now;
            }
        }
    }

    /// Every file is as some step left it.
    fn check_files(&self) {
        for (name, text) in self.tree() {
            let whole = match name.as_str() {
                "big.txt" => (0..=STEPS).any(|step| text == big(step)),
                "log.txt" => text.lines().zip((2..).step_by(3)).all(|(line, step)| line == step.to_string()),
                created => created.strip_prefix("new-").is_some_and(|step| text == small(step)),
            };
            assert!(whole, "{name} is half-written: {} bytes", text.len());
        }
    }

    fn tree(&self) -> BTreeMap<String, String> {
        let files = fs::read_dir(self.folder.path().join("work")).unwrap().map(|entry| entry.unwrap());
        files
            .map(|file| (file.file_name().to_string_lossy().into_owned(), fs::read_to_string(file.path()).unwrap()))
            .collect()
    }

    /// The one that was begun last: one before it may have been killed before its first request.
    fn session_file(&self) -> PathBuf {
        let folder = self.folder.path().join(".local/state/agent/sessions");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).max().unwrap()
    }

    fn entries(&self) -> Vec<Entry> {
        let session = Session::read(&self.session_file()).unwrap();
        assert_eq!(session.state, session::State::Whole, "{:?}", session.notices);
        assert!(matches!(session.ended(), Some("answered") | None));
        session.entries().cloned().collect()
    }

    fn requests(&self) -> usize {
        self.bodies().len()
    }

    fn bodies(&self) -> Vec<(Option<u16>, String)> {
        let requests = self.server.requests();
        let chats = requests.iter().filter(|request| request.path.ends_with("/chat/completions"));
        chats.map(|request| (request.status, String::from_utf8(request.body.to_vec()).unwrap())).collect()
    }

    /// All were valid, and each begins with all messages of the one before: nothing was lost, doubled or changed.
    fn check_requests(&self) {
        let messages = self.bodies().into_iter().map(|(status, body)| {
            assert_eq!(status, Some(200));
            let (_, rest) = body.split_once("\"messages\":[").unwrap();
            rest.rsplit_once("],\"tools\":").unwrap().0.to_owned()
        });
        let messages: Vec<String> = messages.collect();
        for pair in messages.windows(2) {
            assert!(pair[1].starts_with(&pair[0]));
        }
    }
}

/// The same entries, but for calls that were cut short and made again.
fn compare(entries: &[Entry], calm: &[Entry], figures: &mut Figures) {
    let done = |entries: &[Entry]| {
        let (mut calls, mut done, mut words) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Entry::Reply(reply) => {
                    assert!(calls.is_empty(), "calls without an outcome: {calls:?}");
                    calls.extend(reply.calls.iter().rev().cloned());
                    words.extend(reply.calls.is_empty().then(|| reply.text.clone()));
                }
                Entry::Outcome { call_id, outcome, .. } => {
                    let call = calls.pop().unwrap();
                    assert_eq!(call.id, *call_id);
                    if !matches!(outcome, ToolOutcome::Interrupted | ToolOutcome::Cancelled) {
                        done.push((call.name, call.arguments));
                    }
                }
                Entry::User { text } => words.push(text.clone()),
                Entry::System { .. } => (),
                Entry::Compaction { .. } => panic!("nothing was condensed"),
            }
        }
        (done, words)
    };
    assert_eq!(done(entries), done(calm));
    let ids = entries.iter().filter_map(|entry| match entry {
        Entry::Outcome { call_id, .. } => Some(call_id),
        Entry::System { .. } | Entry::User { .. } | Entry::Reply(_) | Entry::Compaction { .. } => None,
    });
    for (id, number) in ids.zip(1..) {
        assert_eq!(*id, format!("c{number:08}"));
    }
    let interrupted = |entry: &&Entry| matches!(entry, Entry::Outcome { outcome: ToolOutcome::Interrupted, .. });
    figures.interrupted += entries.iter().filter(interrupted).count();
}

/// A model that makes call after call, and one again that was cut short: each can be made twice without harm.
fn model(body: &Value) -> Reply {
    let messages = body["messages"].as_array().unwrap();
    let outcomes = messages.iter().filter(|message| message["role"] == "tool");
    let cut = |text: &str| text.starts_with("The run was interrupted") || text.starts_with("The run was stopped");
    let step = outcomes.filter(|outcome| !cut(outcome["content"].as_str().unwrap())).count();
    match step {
        STEPS.. => Reply::text("Done."),
        // Two in one reply, at times.
        _ if step % 5 == 0 => {
            let ((first, arguments), (second, more)) = (call(step), call(step + 1));
            Reply::call(first, arguments.to_string()).and_call(second, more.to_string())
        }
        _ => {
            let (name, arguments) = call(step);
            Reply::call(name, arguments.to_string())
        }
    }
}

fn call(step: usize) -> (&'static str, Value) {
    match step % 3 {
        0 => ("create_file", json!({"filename": format!("new-{step}"), "content": small(&step.to_string())})),
        1 => {
            let old = step.saturating_sub(3);
            let diff = format!("--- a/big.txt\n+++ b/big.txt\n@@\n-state {old}\n+state {step}\n");
            ("apply_diff", json!({"diff": diff}))
        }
        _ => {
            let command = format!("sleep 0.005; grep -qx {step} log.txt 2>/dev/null || echo {step} >> log.txt");
            ("run_command", json!({"command": command}))
        }
    }
}

fn small(step: &str) -> String {
    format!("written in step {step}\n").repeat(100)
}

/// 300 kB, as it is after an edit in `step`.
fn big(step: usize) -> String {
    format!("{}state {step}\n{}", "before\n".repeat(20_000), "after it\n".repeat(18_000))
}

/// From 0 to 1. splitmix64, by Sebastiano Vigna.
fn random(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64
}
