//! The figures of the fence: what a command costs behind it, and what a flood of output costs us.
//!
//! `cargo bench -p house-tests --bench fence` prints each figure beside its bound and fails if one is passed. Both sides
//! of a comparison are measured in this run, in turns.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure stops")]

use std::cell::RefCell;
use std::fs;
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

/// In turns of so many, so that both sides meet the same machine.
const TURNS: usize = 50;
const COMMANDS_A_TURN: usize = 10;
/// A program that makes its output, and the one that only copies it: nothing prints faster.
const FLOODS: [&str; 2] = ["head -c 100000000 /dev/zero | tr '\\0' x | fold -w 99", "cat big"];
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    // The program that a `Host` starts for its commands is this one.
    if let Some(code) = sandbox::launcher() {
        return code;
    }
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let [open, fenced] = [SandboxMode::Off, SandboxMode::On].map(|mode| host(folder.path(), mode));
    assert!(runtime.block_on(fenced.fence()).holds(), "there is no fence on this machine to be measured");
    let measure = |host: &Host, command: &str, times: usize| runtime.block_on(run(host, command, times));
    let mut kept = true;
    let mut check = |what: &str, measured: f64, bound: f64, unit: &str| {
        let verdict = if measured < bound { "ok" } else { "OVER ITS BOUND" };
        kept &= measured < bound;
        println!("{what:<52} {measured:>9.2} {unit:<6} (bound {bound}) {verdict}");
    };

    measure(&open, "true", COMMANDS_A_TURN);
    measure(&fenced, "true", COMMANDS_A_TURN);
    let (mut bare, mut behind) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        bare.extend(measure(&open, "true", COMMANDS_A_TURN));
        behind.extend(measure(&fenced, "true", COMMANDS_A_TURN));
    }
    let (times, bare, behind) = (bare.len(), millis(&mut bare), millis(&mut behind));
    println!("`true` without a fence, median of {times}: {bare:.2} ms");
    check("`true` behind the fence, median", behind, 12.0, "ms");
    check("`true` behind the fence, over one without", behind - bare, 5.0, "ms");

    let outputs = folder.path().join("outputs");
    // Not from here: this process is to stay small.
    assert!(bash(&format!("{} > big", FLOODS[0]), &folder.path().join("On")));
    let before = high_water_kib();
    for (flood, name) in FLOODS.into_iter().zip(["made", "copied"]) {
        let (mut piped, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.extend(measure(&fenced, flood, 1));
            fs::remove_dir_all(&outputs).unwrap();
            piped.push(cat_to_a_pipe(flood, &folder.path().join("On")));
        }
        let (ours, piped) = (millis(&mut ours), millis(&mut piped));
        println!("100 MB of output, {name}: {ours:.0} ms kept and shown, {piped:.0} ms through `cat` to a pipe");
        check(&format!("100 MB of output, {name}, over `cat` to a pipe"), ours / piped, 2.0, "times");
    }
    let more = high_water_kib().saturating_sub(before);
    check("100 MB of output, memory of ours", more as f64 / 1024.0, 10.0, "MB");
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn host(folder: &Path, mode: SandboxMode) -> Host {
    let root = folder.join(format!("{mode:?}"));
    fs::create_dir(&root).unwrap();
    let mut options = HostOptions { outputs: Some(folder.join("outputs")), ..HostOptions::default() };
    options.fence.sandbox = mode;
    Host::open(&root, options).unwrap()
}

fn cat_to_a_pipe(flood: &str, folder: &Path) -> Duration {
    let began = Instant::now();
    assert!(bash(&format!("{flood} | cat > /dev/null"), folder));
    began.elapsed()
}

fn bash(line: &str, folder: &Path) -> bool {
    Command::new("bash").args(["-c", line]).current_dir(folder).stdin(Stdio::null()).status().unwrap().success()
}

/// The only way to a command is a tool: this one runs it so many times.
struct Measure {
    command: String,
    times: usize,
    took: RefCell<Vec<Duration>>,
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

impl Tool for Measure {
    type Args = Nothing;
    const NAME: &'static str = "measure";

    async fn run(&self, _: Nothing, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        for _ in 0..self.times {
            let began = Instant::now();
            workspace.run(&self.command, Duration::from_secs(60)).await?;
            self.took.borrow_mut().push(began.elapsed());
        }
        Ok("measured".to_owned())
    }
}

async fn run(host: &Host, command: &str, times: usize) -> Vec<Duration> {
    let measure = Measure { command: command.to_owned(), times, took: RefCell::default() };
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
        root: "/".into(),
        limits: Limits::default(),
        supervision: Supervision::Light,
        thoughts: agent::Thoughts::Dropped,
        price: None,
        spent: Spent::default(),
        seen: SeenFiles::default(),
        cancel: Cancel::default(),
    };
    let mut transcript = Transcript::new("system".to_owned(), "task".to_owned());
    run_task(&mut agent, &mut transcript).await.unwrap();
    let took = measure.took.into_inner();
    if took.len() != times {
        panic!("{command}: {:?}", transcript.entries().last());
    }
    took
}

/// The median.
fn millis(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn high_water_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
