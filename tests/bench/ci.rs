//! What `agent ci` costs over `agent run`, on a repository of 10,000 files, without checks: medians of runs in turn, each
//! time in the other order. Beside it what git alone takes to lay out such a worktree on this disk, and to remove it.
//!
//! `cargo bench -p house-tests --bench ci` prints the figures and fails if the bound is passed.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure stops")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use fake_mistral::{FakeMistral, Reply, Script};

const FILES: usize = 10_000;
const ROUNDS: usize = 7;
const BOUND: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let binary = house_tests::release_binary();
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().canonicalize().unwrap().join("work");
    make(&work);
    let server = FakeMistral::spawn(Script::computed(|body, request| {
        let messages = body["messages"].as_array().unwrap();
        if body.get("tools").is_none() {
            return Reply::text("Write the new file\n\nIt was not there.").into();
        }
        if messages.last().unwrap()["role"] == "tool" {
            return Reply::text("Done.").into();
        }
        let arguments = format!("{{\"filename\": \"new-{request}.txt\", \"content\": \"new\\n\"}}");
        Reply::call("create_file", arguments).into()
    }))
    .unwrap();
    let (mut run, mut ci, mut over, mut git) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let one = || time(&binary, &work, &server, &["run", "--mode", "auto", "Write a file"]);
    let other = || time(&binary, &work, &server, &["ci", "--commit", "--patch", "/dev/null", "Write a file"]);
    for round in 0..ROUNDS {
        let (one, other) = if round % 2 == 0 {
            let one = one();
            (one, other())
        } else {
            let other = other();
            (one(), other)
        };
        git.push(worktree(&work));
        println!("pair {round}: run {one:.2?}, ci {other:.2?}, git alone {:.2?}", git[round]);
        run.push(one);
        ci.push(other);
        over.push(other.saturating_sub(one));
    }
    let (run, ci, over, git) = (median(run), median(ci), median(over), median(git));
    let verdict = if over < BOUND { "ok" } else { "OVER ITS BOUND" };
    println!("{FILES} files, medians of {ROUNDS} pairs in turn; `over` is the median of the differences");
    println!("agent run  {:>6.3} s", run.as_secs_f64());
    println!("agent ci   {:>6.3} s", ci.as_secs_f64());
    println!("git alone  {:>6.3} s for the worktree, laid out and removed", git.as_secs_f64());
    println!("over       {:>6.3} s (bound {}) {verdict}", over.as_secs_f64(), BOUND.as_secs_f64());
    if over < BOUND { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// 100 directories of 100 files with some lines each, committed.
fn make(work: &Path) {
    for number in 0..FILES {
        let path: PathBuf = work.join(format!("d{:02}/f{number}.txt", number % 100));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("file {number}\n{}", "a line of some length\n".repeat(40))).unwrap();
    }
    for line in ["init -q", "add -A", "-c user.name=a -c user.email=a@b commit -qm first"] {
        assert!(Command::new("git").args(line.split(' ')).current_dir(work).status().unwrap().success());
    }
}

fn time(binary: &Path, work: &Path, server: &FakeMistral, arguments: &[&str]) -> Duration {
    let began = Instant::now();
    let output = Command::new(binary)
        .args(arguments)
        .current_dir(work)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", work.parent().unwrap())
        .env("MISTRAL_API_KEY", "key-for-the-bench")
        .env("AGENT_DIALECT", "mistral")
        .env("AGENT_BASE_URL", server.base_url())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    began.elapsed()
}

/// git's part of it, without us.
fn worktree(work: &Path) -> Duration {
    let place = work.parent().unwrap().join("alone");
    let place = place.to_str().unwrap();
    let began = Instant::now();
    for arguments in [&["worktree", "add", "-q", "--detach", place][..], &["worktree", "remove", "--force", place]] {
        assert!(Command::new("git").args(arguments).current_dir(work).status().unwrap().success());
    }
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
