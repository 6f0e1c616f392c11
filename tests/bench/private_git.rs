//! What the private git directory costs in a repository of 10,000 files and 50,000 objects:
//! `cargo bench -p house-tests --bench private_git [ROUNDS]`. With ROUNDS it also lets a user commit beside so many fenced
//! commits. Exits 1 when a figure that the project promises is missed.
#![expect(clippy::print_stdout, reason = "the figures are its output")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure stops")]

use std::cell::RefCell;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use agent::{
    Agent, AnyTool, ApprovalPolicy, Cancel, ChatEvent, Limits, Mode, RawCall, SeenFiles, Spent, Supervision, Tool,
    ToolError, Transcript, Workspace, run_task,
};
use house_tests::Silent;
use providers::Scripted;
use sandbox::{Host, HostOptions, SandboxMode};
use schemars::JsonSchema;
use serde::Deserialize;

const FILES: usize = 10_000;
const COMMITS: usize = 400;
const TIMES: usize = 41;

fn main() -> ExitCode {
    // The program that a `Host` starts for its commands is this one.
    if let Some(code) = sandbox::launcher() {
        return code;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("work");
    repository(&root);
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(0_usize);

    let mut kept = true;
    let mut check = |what: &str, measured: f64, bound: f64| {
        let verdict = if measured < bound { "ok" } else { "OVER ITS BOUND" };
        kept &= measured < bound;
        println!("{what:<58} {measured:>8.2} ms (bound {bound}) {verdict}");
    };
    let state = folder.path().join("state");
    let first = |root: &Path| {
        let fenced = Commands::open(root, SandboxMode::On, &state);
        let began = fenced.run("true");
        began.saturating_sub(fenced.run("true"))
    };
    // The same files without a repository, so that what else the first command waits for is no part of the figure.
    let plain = folder.path().join("plain");
    let hidden = folder.path().join("hidden");
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        with.push(first(&root));
        fs::rename(root.join(".git"), &hidden).unwrap();
        fs::rename(&root, &plain).unwrap();
        without.push(first(&plain));
        fs::rename(&plain, &root).unwrap();
        fs::rename(&hidden, root.join(".git")).unwrap();
    }
    let (with, without) = (median(with), median(without));
    check("made once a run, over a first command without, median", with - without, 30.0);
    println!("  ({without:.2} ms without)");

    let open = Commands::open(&root, SandboxMode::Off, &state);
    let fenced = Commands::open(&root, SandboxMode::On, &state);
    open.run("true");
    fenced.run("true");
    let (mut bare, mut behind) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        bare.push(open.run("true"));
        behind.push(fenced.run("true"));
    }
    let (bare, behind) = (median(bare), median(behind));
    check("`true` behind the fence, over one without, median", behind - bare, 5.0);
    println!("  ({bare:.2} ms without)");

    let commit = |name: &str, number: usize| {
        format!("echo {name} {number} > part1/file{number}; git add part1/file{number}; git commit -q -m {name}")
    };
    let (mut bare, mut behind) = (Vec::new(), Vec::new());
    for number in 0..TIMES {
        bare.push(open.run(&commit("bare", number)));
        // What the user's commit changed is brought inside here, and no part of the figure.
        fenced.run("true");
        behind.push(fenced.run(&commit("fenced", number)));
    }
    let (bare, behind) = (median(bare), median(behind));
    check("`git add` and `commit` with import, over one outside, median", behind - bare, 100.0);
    println!("  ({bare:.2} ms outside)");
    assert_eq!(git(&root, "log -1 --format=%s").trim(), "fenced");

    if 0 < rounds {
        kept &= beside(&root, &fenced, rounds);
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A user's commits beside fenced ones: none is lost, whoever wins, and no lock is left.
fn beside(root: &Path, fenced: &Commands, rounds: usize) -> bool {
    let (mut done, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let user = scope.spawn(|| {
            let commit = |round: &usize| {
                let message = format!("outside-{round}.");
                let mut git = command(root);
                git.args(["commit", "-q", "--allow-empty", "-m", &message])
                    .stderr(Stdio::null())
                    .status()
                    .unwrap()
                    .success()
            };
            (0..rounds).filter(commit).count()
        });
        for round in 0..rounds {
            fenced.run(&format!("git commit -q --allow-empty -m inside-{round}."));
        }
        done = user.join().unwrap();
        refused = rounds - done;
    });
    fenced.run("true");
    let log = git(root, "log --all --format=%s");
    let inside = (0..rounds).filter(|round| log.contains(&format!("inside-{round}.\n"))).count();
    let outside = log.matches("outside-").count();
    let locks = git(root, "rev-parse --git-dir");
    let locks = fs::read_dir(root.join(locks.trim())).unwrap().flatten();
    let locks = locks.filter(|entry| entry.file_name().to_string_lossy().contains("lock")).count();
    println!(
        "{rounds} rounds beside a user: {inside} fenced and {outside} of the user's commits are there; git refused the user {refused} times; {locks} locks left"
    );
    inside == rounds && outside == done && locks == 0
}

/// Commands of one run.
struct Commands {
    host: Host,
    runtime: tokio::runtime::Runtime,
}

impl Commands {
    fn open(root: &Path, sandbox: SandboxMode, state: &Path) -> Commands {
        let mut options = HostOptions { git: Some(state.to_owned()), ..HostOptions::default() };
        options.fence.sandbox = sandbox;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Commands { host: Host::open(root, options).unwrap(), runtime }
    }

    fn run(&self, command: &str) -> Duration {
        self.runtime.block_on(run(&self.host, command))
    }
}

/// The only way to a command is a tool: this one runs it.
struct Measure {
    command: String,
    took: RefCell<Vec<Duration>>,
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

impl Tool for Measure {
    type Args = Nothing;
    const NAME: &'static str = "measure";

    async fn run(&self, _: Nothing, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        let began = Instant::now();
        workspace.run(&self.command, Duration::from_secs(60)).await?;
        self.took.borrow_mut().push(began.elapsed());
        Ok("measured".to_owned())
    }
}

async fn run(host: &Host, command: &str) -> Duration {
    let measure = Measure { command: command.to_owned(), took: RefCell::default() };
    let call = ChatEvent::Call(RawCall { name: "measure".to_owned(), arguments: "{}".to_owned() });
    let client = Scripted::new([vec![call], vec![ChatEvent::Text("Done.".to_owned())]]);
    let tools: [&dyn AnyTool; 1] = [&measure];
    let (mut frontend, mut journal) = (Silent, Silent);
    let mut agent = Agent {
        client: &client,
        tools: &tools,
        sandbox: host,
        frontend: &mut frontend,
        journal: &mut journal,
        policy: ApprovalPolicy::new(Mode::Auto),
        thoughts: agent::Thoughts::Dropped,
        root: "/".into(),
        limits: Limits::default(),
        supervision: Supervision::Light,
        price: None,
        spent: Spent::default(),
        seen: SeenFiles::default(),
        cancel: Cancel::default(),
    };
    let mut transcript = Transcript::new("system".to_owned(), "task".to_owned());
    run_task(&mut agent, &mut transcript).await.unwrap();
    let took = measure.took.into_inner();
    match took.first() {
        Some(took) => *took,
        None => panic!("{command}: {:?}", transcript.entries().last()),
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn command(root: &Path) -> Command {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).current_dir(root);
    git
}

fn git(root: &Path, line: &str) -> String {
    let output = command(root).args(line.split(' ')).output().unwrap();
    assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// By `git fast-import`: each commit changes a hundred files.
fn repository(root: &Path) {
    fs::create_dir(root).unwrap();
    git(root, "init -q -b main .");
    let mut import = command(root).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stream = import.stdin.take().unwrap();
    for commit in 0..COMMITS {
        write!(stream, "commit refs/heads/main\ncommitter a <a@b> {commit} +0000\ndata 1\nx\n").unwrap();
        let (first, step) = if commit == 0 { (0, FILES) } else { (commit * 100 % FILES, 100) };
        for file in first..first + step {
            let text = format!("{commit} {file}\n");
            write!(stream, "M 644 inline part{}/file{file}\ndata {}\n{text}\n", file / 100, text.len()).unwrap();
        }
    }
    drop(stream);
    assert!(import.wait().unwrap().success());
    git(root, "reset -q --hard");
    git(root, "config user.name u");
    git(root, "config user.email u@v");
    let count = git(root, "count-objects -v");
    println!("{FILES} files, {}", count.lines().find(|line| line.starts_with("in-pack")).unwrap_or_default());
}
