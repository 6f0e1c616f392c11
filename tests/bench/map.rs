//! What a map of a repository of 10,000 files costs, cold, warm and after a change, in release:
//! `cargo bench -p house-tests --bench map`. Exits 1 when the figure that the project promises is missed.
#![expect(clippy::print_stdout, reason = "the figures are its output")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure stops")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agent::{Agent, ApprovalPolicy, Cancel, Limits, Mode, RepoMap, SeenFiles, Spent, Supervision};
use house_tests::Silent;
use providers::Scripted;
use sandbox::{Host, HostOptions};

const DIRS: usize = 500;
const FILES_EACH: usize = 20;
const WARM: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let (root, kept) = (folder.path().join("work"), folder.path().join("kept"));
    let mut bytes = 0;
    for number in 0..DIRS * FILES_EACH {
        let text = text(number);
        bytes += text.len();
        let dir = root.join(format!("part{}/module{}", number / 500, number / FILES_EACH));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(format!("file{number}.rs")), text).unwrap();
    }
    println!("{} files, {:.1} MB of Rust", DIRS * FILES_EACH, bytes as f64 / 1e6);
    // What was written just now is read again in any case.
    std::thread::sleep(Duration::from_millis(100));

    let mut asked = 0;
    let mut cold = Duration::ZERO;
    loop {
        let (map, took) = draw(&root, &kept, None);
        (asked, cold) = (asked + 1, cold + took);
        if map.unread == 0 {
            println!("cold: {cold:?} in {asked} calls; {} files, {} shown", map.files, map.shown);
            break;
        }
    }
    let mut warm: Vec<Duration> = (0..7).map(|_| draw(&root, &kept, None).1).collect();
    warm.sort();
    println!("warm, a new process's first: fastest {:?}, median {:?}", warm[0], warm[3]);
    println!("with a focus: {:?}", draw(&root, &kept, Some("make_thing_77")).1);
    fs::write(root.join("part0/module0/file0.rs"), "pub fn other_one() {}\n").unwrap();
    println!("after a change of one file: {:?}", draw(&root, &kept, None).1);
    let size: u64 = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    let peak = fs::read_to_string("/proc/self/status").unwrap();
    let peak = peak.lines().find(|line| line.starts_with("VmHWM")).unwrap().replace(['\t', ' '], "");
    println!("kept on disk: {:.1} MB; peak memory {peak}", size as f64 / 1e6);
    if warm[0] < WARM { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// About 150 lines that define 20 things and use those of other files.
fn text(number: usize) -> String {
    let mut text = format!("use crate::thing_{};\n\n", number / 7);
    for item in 0..20 {
        let other = (number * 31 + item * 977) % (DIRS * FILES_EACH);
        text += &format!(
            "/// Makes thing {item} of {number}.\npub fn make_thing_{number}_{item}(count: usize, name: &str) -> Thing{number} {{\n    \
             let made = make_thing_{other}_{item}(count + {item}, name);\n    let local_{item} = made.clone();\n    \
             Thing{number} {{ made, count, local_{item} }}\n}}\n\n"
        );
    }
    text + &format!("pub struct Thing{number} {{\n    count: usize,\n}}\n")
}

/// As the first map of a process: nothing is known but what is kept.
fn draw(root: &Path, kept: &Path, focus: Option<&str>) -> (RepoMap, Duration) {
    let options = HostOptions { symbols: Some(kept.to_owned()), ..HostOptions::default() };
    let host = Host::open(root, options).unwrap();
    let client = Scripted::new([]);
    let (mut frontend, mut journal) = (Silent, Silent);
    let mut agent = Agent {
        client: &client,
        tools: &[],
        sandbox: &host,
        frontend: &mut frontend,
        journal: &mut journal,
        policy: ApprovalPolicy::new(Mode::ReadOnly),
        root: root.to_owned(),
        limits: Limits::default(),
        supervision: Supervision::Light,
        thoughts: agent::Thoughts::Dropped,
        price: None,
        spent: Spent::default(),
        seen: SeenFiles::default(),
        cancel: Cancel::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let began = Instant::now();
    let map = runtime.block_on(agent.workspace().map(focus, 3_000)).unwrap();
    (map, began.elapsed())
}
