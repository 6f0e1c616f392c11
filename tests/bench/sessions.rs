//! Long sessions and many of them: how soon one is open, how soon the list is there.
//!
//! `cargo bench -p house-tests --bench sessions` prints each figure beside its bound and fails if one is passed.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure stops")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use agent::{Arguments, Clipped, Entry, Journal as _, Reply as Said, ToolCall, ToolOutcome};
use fake_mistral::{FakeMistral, Reply, Script};
use session::{Header, Served, Store};

fn main() -> ExitCode {
    let binary = house_tests::release_binary();
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().canonicalize().unwrap().join("work");
    fs::create_dir(&work).unwrap();
    let store = Store::new(folder.path().join(".local/state/agent/sessions"));
    for _ in 0..999 {
        write(&store, &work, 20);
    }
    let long = write(&store, &work, 440);
    let bytes = fs::metadata(store.file(&long)).unwrap().len();
    println!("999 sessions of 20 steps, one of 440 steps and {:.1} MB", bytes as f64 / 1e6);
    let server = FakeMistral::spawn(Script::computed(|_, _| Reply::text("Done.").into())).unwrap();
    let place = Place { binary, folder: folder.path().to_owned(), work, server, up: Instant::now() };
    let mut kept = true;
    let mut check = |what: &str, arguments: &[&str], bound: f64| {
        let mut times: Vec<Duration> = (0..11).map(|_| place.time(arguments)).collect();
        times.sort_unstable();
        let measured = times[5].as_secs_f64() * 1e3;
        let verdict = if measured < bound { "ok" } else { "OVER ITS BOUND" };
        kept &= measured < bound;
        println!("{what:<52} {measured:>9.2} ms     (bound {bound}) {verdict}");
    };
    check("agent show of the long one", &["show", &long], 200.0);
    check("agent resume of it, until its request is out", &["resume", &long, "--max-steps", "9999", "More"], 200.0);
    check("agent sessions", &["sessions"], 100.0);
    check("agent sessions -n 1000", &["sessions", "-n", "1000"], 1_000.0);
    check("agent sessions TEXT, found nowhere", &["sessions", "no such words"], 1_000.0);
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Place {
    binary: PathBuf,
    folder: PathBuf,
    work: PathBuf,
    server: FakeMistral,
    up: Instant,
}

impl Place {
    /// Until it ends, or for a resume until its request has come.
    fn time(&self, arguments: &[&str]) -> Duration {
        let requests = self.chats().len();
        let began = Instant::now();
        let told = Command::new(&self.binary)
            .args(arguments)
            .current_dir(&self.work)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", &self.folder)
            .env("MISTRAL_API_KEY", "key")
            .env("AGENT_DIALECT", "mistral")
            .env("AGENT_BASE_URL", self.server.base_url())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert!(told.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
        match self.chats().get(requests) {
            // `at` counts from the server's start, `up` is a moment after it: the difference errs on the long side.
            Some(at) => (self.up + *at).saturating_duration_since(began),
            None => began.elapsed(),
        }
    }

    fn chats(&self) -> Vec<Duration> {
        let requests = self.server.requests();
        requests
            .iter()
            .filter(|request| request.path.ends_with("/chat/completions"))
            .map(|request| request.at)
            .collect()
    }
}

/// A session of so many steps, each with an outcome of some kilobytes; its id.
fn write(store: &Store, work: &Path, steps: usize) -> String {
    let id = Store::new_id();
    let mut file = store
        .create(&Header::new(&id, work, Served { model: "devstral-medium-latest".to_owned(), ..Served::default() }))
        .unwrap();
    let mut append = |entry: Entry| file.append(&entry).unwrap();
    append(Entry::System { text: "You are a coding agent.".repeat(100) });
    append(Entry::User { text: "Do it.".to_owned() });
    for step in 1..=steps {
        let arguments = Arguments::read(&format!("{{\"command\": \"cargo test case_{step}\"}}"));
        let call = ToolCall { id: format!("c{step:08}"), name: "run_command".to_owned(), arguments };
        let reply = Said { text: "Let me run the test.".to_owned(), calls: vec![call.clone()], ..Said::default() };
        append(Entry::Reply(reply));
        let outcome = ToolOutcome::Done(Clipped::new("test some::module::case ... \"ok\"\n".repeat(120)));
        append(Entry::Outcome { call_id: call.id, tool: call.name, outcome, seen: std::collections::BTreeMap::new() });
    }
    append(Entry::Reply(Said { text: "Done.".to_owned(), ..Said::default() }));
    id
}
