//! How soon `agent chat` is there: its first line, and the prompt at which one types.
//!
//! `cargo bench -p house-tests --bench paint` prints each figure beside its bound and fails if one is passed. Times are
//! those of this machine in this run, load and all: medians of 21 starts on a pseudo-terminal.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure stops")]

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use fake_mistral::{FakeMistral, Reply, Script};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

fn main() -> ExitCode {
    let binary = house_tests::release_binary();
    let mut kept = true;
    let (mut paints, mut prompts): (Vec<Duration>, Vec<Duration>) = (0..21).map(|_| start(&binary)).unzip();
    for (what, times, bound) in [("first line", &mut paints, 50.0), ("prompt, with the fence up", &mut prompts, 100.0)]
    {
        times.sort_unstable();
        let median = times[times.len() / 2].as_secs_f64() * 1e3;
        kept &= median < bound;
        let verdict = if median < bound { "ok" } else { "OVER ITS BOUND" };
        println!("agent chat, {what:<40} {median:>9.2} ms     (bound {bound}) {verdict}");
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// From the start of the program until its first line is on the terminal, and until it can be typed at.
fn start(binary: &Path) -> (Duration, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let server = FakeMistral::spawn(Script::new([Reply::text("Done.").into()])).unwrap();
    let mut terminal: File = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap().into();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let began = Instant::now();
    // `setsid` (util-linux) makes it the program's own terminal, and becomes the program.
    let mut child = Command::new("setsid")
        .arg("--ctty")
        .arg(binary)
        .arg("chat")
        .current_dir(&work)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("TERM", "xterm-256color")
        .env("HOME", folder.path())
        .env("MISTRAL_API_KEY", "key")
        .env("AGENT_DIALECT", "mistral")
        .env("AGENT_BASE_URL", server.base_url())
        .stdin(end())
        .stdout(end())
        .stderr(end())
        .spawn()
        .unwrap();
    let (mut seen, mut chunk) = (Vec::new(), [0; 4096]);
    let mut until = |text: &str| {
        while !String::from_utf8_lossy(&seen).contains(text) {
            let read = terminal.read(&mut chunk).unwrap();
            seen.extend_from_slice(chunk.get(..read).unwrap());
        }
        began.elapsed()
    };
    let times = (until("/help"), until("> "));
    child.kill().unwrap();
    child.wait().unwrap();
    times
}
