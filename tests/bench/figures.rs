//! The figures of the program as a whole, against the fake server: start, first request, cost of a step, memory, size.
//!
//! `cargo bench -p house-tests` prints each figure beside its bound and fails if one is passed. Times are those of this
//! machine in this run, load and all: medians, and comparisons within the run.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure stops")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use fake_mistral::{FakeMistral, Reply, Script};
use house_tests::release_path;

const STEPS: usize = 200;

fn main() -> ExitCode {
    let mut bounds = Bounds { kept: true };
    // First, while this process is small: a child's peak counts its parent's until it starts the program.
    let version = version_times();
    let peak_kib = peak_of_children_kib();
    let binary = house_tests::release_binary();
    bounds.check("agent --version, median wall time", millis(median(&version)), 10.0, "ms");
    bounds.check("agent --version, peak memory", peak_kib as f64 / 1024.0, 10.0, "MB");
    bounds.check("release binary", fs::metadata(&binary).unwrap().len() as f64 / 1e6, 15.0, "MB");
    first_request(&binary, &mut bounds);
    many_steps(&binary, &mut bounds);
    if bounds.kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Bounds {
    kept: bool,
}

impl Bounds {
    fn check(&mut self, what: &str, measured: f64, bound: f64, unit: &str) {
        let verdict = if measured < bound { "ok" } else { "OVER ITS BOUND" };
        self.kept &= measured < bound;
        println!("{what:<52} {measured:>9.2} {unit:<6} (bound {bound}) {verdict}");
    }
}

fn version_times() -> Vec<Duration> {
    if !release_path().is_file() {
        panic!("build it first: cargo build --release");
    }
    (0..50)
        .map(|_| {
            let began = Instant::now();
            assert!(Command::new(release_path()).arg("--version").stdout(Stdio::null()).status().unwrap().success());
            began.elapsed()
        })
        .collect()
}

/// A run in a workspace of its own; how long it took and the most memory it had, in KiB.
fn run(binary: &Path, server: &FakeMistral, more: &[&str]) -> (Duration, u64, Instant) {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    let began = Instant::now();
    let mut child = Command::new(binary)
        .args(["run", "--mode", "auto", "--max-steps", "1000", "Do it."])
        .args(more)
        .current_dir(&work)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder.path())
        .env("MISTRAL_API_KEY", "key")
        .env("AGENT_DIALECT", "mistral")
        .env("AGENT_BASE_URL", server.base_url())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(high_water_kib(&status).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (began.elapsed(), peak, began)
}

fn first_request(binary: &Path, bounds: &mut Bounds) {
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..21 {
        let server = FakeMistral::spawn(Script::new([Reply::text("Done.").into()])).unwrap();
        let up = Instant::now();
        let (_, _, began) = run(binary, &server, &[]);
        let requests = server.requests();
        let chat = requests.iter().find(|request| request.path.ends_with("/chat/completions")).unwrap();
        // `at` counts from the server's start, `up` is a moment after it: the difference errs on the long side.
        times.push((up + chat.at).saturating_duration_since(began));
        bytes = chat.body.len();
    }
    bounds.check("first request of a run, body", bytes as f64, 6_000.0, "bytes");
    bounds.check("first request of a run, after start, median", millis(median(&times)), 30.0, "ms");
}

fn many_steps(binary: &Path, bounds: &mut Bounds) {
    let script = Script::computed(|_, request| {
        if request < STEPS {
            Reply::call("run_command", format!("{{\"command\": \"true # {request}\"}}")).into()
        } else {
            Reply::text("Done.").into()
        }
    });
    let server = FakeMistral::spawn(script).unwrap();
    let (wall, peak_kib, _) = run(binary, &server, &[]);
    let requests = server.requests();
    let at: Vec<Duration> = requests
        .iter()
        .filter(|request| request.path.ends_with("/chat/completions"))
        .map(|request| request.at)
        .collect();
    assert_eq!(at.len(), STEPS + 1);
    let steps: Vec<Duration> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let commands = bare_commands();
    println!(
        "{STEPS} steps of `true` took {:.2} s in all; the server's share of a step counts as ours",
        wall.as_secs_f64()
    );
    println!("a bare `bash -c true` of this run: {:.2} ms", millis(median(&commands)));
    bounds.check("a step, median, command and server and all", millis(median(&steps)), 12.0, "ms");
    let own = millis(median(&steps)) - millis(median(&commands));
    bounds.check("a step, median, without the bare command", own, 5.0, "ms");
    let (first, last) = (median(&steps[..10]), median(&steps[STEPS - 10..]));
    bounds.check("last 10 steps over first 10, medians", last.as_secs_f64() / first.as_secs_f64(), 1.5, "times");
    bounds.check("peak memory of the run", peak_kib as f64 / 1024.0, 30.0, "MB");
}

fn bare_commands() -> Vec<Duration> {
    (0..50)
        .map(|_| {
            let began = Instant::now();
            assert!(Command::new("bash").args(["-c", "true"]).stdin(Stdio::null()).status().unwrap().success());
            began.elapsed()
        })
        .collect()
}

fn high_water_kib(status: &Path) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[expect(unsafe_code, reason = "no safe wrapper of getrusage is among our dependencies")]
fn peak_of_children_kib() -> u64 {
    // SAFETY: `usage` is plain numbers, valid as zeroes, and lives through the call that fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    u64::try_from(usage.ru_maxrss).unwrap_or(u64::MAX)
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
