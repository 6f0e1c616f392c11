use std::time::{Duration, Instant};

use agent::{Cancel, Effect, Ended, Observation, Programs, SandboxError, Stop};

use crate::Host;
use crate::fence::policy::Namespaces;
use crate::options::HostOptions;
use crate::testing::{Bench, Kind, eventually, is_running};

/// A number that no other test's command line has.
fn unique(base: u32) -> String {
    format!("{base}.{}", std::process::id())
}

#[test]
fn exit_codes_and_output() {
    let bench = Bench::new(&[("a.txt", "one\n")]);
    let ran = bench.run("cat a.txt; exit 3");
    assert_eq!((ran.ended, ran.output.as_str(), ran.total_bytes), (Ended::Exited(3), "one\n", 4));
    assert_eq!(bench.run("true").ended, Ended::Exited(0));
    assert_eq!(bench.run("kill -9 $$").ended, Ended::Signalled(9));
    assert_eq!(bench.run("no-such-program").ended, Ended::Exited(127));
}

#[test]
fn stdout_and_stderr_keep_their_order() {
    let bench = Bench::new(&[]);
    let ran = bench.run("for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done");
    let expected: String = (1..=5).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert_eq!(ran.output, expected);
}

#[test]
fn stdin_is_empty_and_nothing_else_is_open() {
    let bench = Bench::new(&[]);
    assert_eq!(bench.run("cat; echo end").output, "end\n");
    // `ls` itself opens the directory that it lists.
    assert_eq!(bench.run("ls /proc/self/fd | wc -l").output.trim(), "4");
}

#[test]
fn a_planted_key_is_not_visible() {
    let bench = Bench::new(&[]);
    let ran = bench.run("env; cat /proc/$PPID/environ | tr '\\0' '\\n'");
    // Of the test program itself: cargo sets it, and it is not in the allow-list.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!ran.output.contains("CARGO_MANIFEST_DIR"), "{}", ran.output);
    assert!(ran.output.contains("GIT_TERMINAL_PROMPT=0"));
}

#[test]
fn the_agents_own_environment_cannot_be_read() {
    let bench = Bench::new(&[]);
    let read = |what: &str| bench.run(&format!("head -c 1 /proc/{}/{what} | wc -c", std::process::id())).output;
    if rustix::process::getuid().is_root() {
        println!("skipped: without a fence root reads everything");
    } else {
        assert!(read("environ").contains("Permission denied"), "{}", read("environ"));
        assert!(read("mem").contains("Permission denied"));
    }
}

#[test]
fn a_background_job_does_not_hold_the_command_up() {
    let bench = Bench::new(&[]);
    let (sleep, start) = (unique(1000), Instant::now());
    let ran = bench.run(&format!("sleep {sleep} & echo started"));
    assert_eq!((ran.ended, ran.output.as_str()), (Ended::Exited(0), "started\n"));
    assert!(start.elapsed() < Duration::from_secs(300));
    assert!(!is_running(&format!("sleep\0{sleep}")));
}

#[test]
fn daemons_die_with_the_command() {
    let bench = Bench::new(&[]);
    let sleep = unique(1001);
    let ran = bench.run(&format!(
        "setsid sleep {sleep} & (setsid sh -c 'sleep {sleep} & sleep {sleep}' &) ; \
         nohup sleep {sleep} >/dev/null 2>&1 & (trap '' TERM HUP; sleep {sleep}) & sleep 0.2; echo done"
    ));
    assert_eq!(ran.output, "done\n");
    assert!(!is_running(&sleep));
}

#[test]
fn a_time_limit_ends_the_whole_tree() {
    let bench = Bench::new(&[]);
    let sleep = unique(1002);
    // Long enough for a shell to start on a busy machine.
    let limit = Duration::from_secs(3);
    let ran = bench.run_for(&format!("echo before; (setsid sleep {sleep} &); sleep {sleep}"), limit);
    assert_eq!((ran.ended, ran.output.as_str()), (Ended::TimedOut(limit), "before\n"));
    assert!(!is_running(&sleep));
}

#[test]
fn a_cancelled_command_is_dead_when_the_call_returns() {
    let bench = Bench::new(&[]);
    let sleep = unique(1003);
    let cancel = Cancel::default();
    let effect =
        Effect::Run { command: format!("setsid sleep {sleep} & sleep {sleep}"), timeout: Duration::from_secs(600) };
    let result = bench.block_on(async {
        let stop = async {
            while !is_running(&sleep) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            cancel.stop(Stop::Human);
        };
        tokio::join!(bench.host.act(&effect, &cancel), stop).0
    });
    assert!(matches!(result, Err(SandboxError::Cancelled)), "{result:?}");
    assert!(!is_running(&sleep));
}

#[test]
fn a_dropped_call_leaves_nothing() {
    let bench = Bench::new(&[]);
    let sleep = unique(1004);
    let effect =
        Effect::Run { command: format!("setsid sleep {sleep} & sleep {sleep}"), timeout: Duration::from_secs(600) };
    bench.block_on(async {
        let cancel = Cancel::default();
        tokio::select! {
            result = bench.host.act(&effect, &cancel) => panic!("{result:?}"),
            () = async { while !is_running(&sleep) { tokio::time::sleep(Duration::from_millis(5)).await } } => {}
        }
    });
    assert!(eventually(|| !is_running(&sleep)));
    assert_eq!(bench.run("echo next").output, "next\n");
}

#[test]
fn a_killed_agent_takes_its_commands_along() {
    let bench = Bench::new(&[]);
    let sleep = unique(1006);
    let command = format!("(setsid sh -c 'sleep {sleep} & sleep {sleep}' &); sleep {sleep} & sleep {sleep}");
    let mut victim = Kind::Open.victim(&bench.root(), "true", &command);
    assert!(eventually(|| is_running(&format!("sleep\0{sleep}"))));
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(eventually(|| !is_running(&format!("sleep\0{sleep}"))));
}

#[test]
fn a_fork_bomb_ends() {
    let bench = Bench::new(&[]);
    let mark = unique(1005);
    // Bounded, so that the machine of whoever runs this stays usable.
    let bomb = format!(
        "ulimit -u 2000; : {mark}; for i in $(seq 300); do (sleep {mark} & sleep {mark} &) & done; sleep {mark}"
    );
    let ran = bench.run_for(&bomb, Duration::from_millis(700));
    assert_eq!(ran.ended, Ended::TimedOut(Duration::from_millis(700)));
    assert!(!is_running(&mark));
}

#[test]
fn a_long_output_is_kept_and_costs_little_memory() {
    let bench = Bench::new(&[]);
    let (before, start) = (resident_kib(), Instant::now());
    let ran = bench.run("head -c 100000000 /dev/zero | tr '\\0' 'x' | fold -w 99");
    assert!(ran.output.len() < 20_000);
    assert!(100_000_000 < ran.total_bytes);
    let kept = ran.full_output.unwrap();
    assert_eq!(std::fs::metadata(&kept).unwrap().len(), ran.total_bytes);
    assert!(kept.ends_with("outputs/output-0001.txt"));
    let search = Effect::Search {
        pattern: "^x{99}$".to_string(),
        path: kept.parent().unwrap().into(),
        glob: None,
        context: 0,
        limit: 1,
    };
    let found = bench.act(&search);
    assert!(matches!(&found, Ok(agent::Observation::Found(found)) if found.files.len() == 1), "{found:?}");
    assert!(matches!(bench.read(&kept), Err(SandboxError::TooLarge { .. })));
    assert!(matches!(bench.read(kept.parent().unwrap().join("../../../etc/passwd")), Err(SandboxError::Outside(_))));
    println!("100 MB: {:?}, {} KiB of memory more than before", start.elapsed(), resident_kib().saturating_sub(before));
    // Other tests of this program run meanwhile; this bounds them all.
    assert!(resident_kib() < before + 95_000, "{} KiB before, {} after", before, resident_kib());
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn nothing_is_left_open() {
    let bench = Bench::new(&[]);
    bench.run("true");
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    for _ in 0..50 {
        bench.run("echo x");
    }
    // Other tests open files too, and close them again: 50 leaks would stay.
    let patience = std::time::Instant::now();
    while before + 45 <= open() {
        assert!(patience.elapsed() < Duration::from_secs(300), "{before} before, {} after", open());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_launcher_that_was_killed_is_started_again() {
    let bench = Bench::new(&[]);
    // The shell's parent is the warden, whose parent is the keeper.
    let ran = bench.run("kill -9 $(ps -o ppid= -p $PPID) $PPID; sleep 5");
    assert_eq!(ran.ended, Ended::Signalled(9));
    assert_eq!(bench.run("echo again").output, "again\n");
}

/// Prints what a `true` costs with and without the fence, in turns. The bound is for a machine that does ten other
/// things; the figures that count are in README.md.
#[test]
fn a_command_is_cheap() {
    let benches = [Bench::new(&[]), Bench::with(&[], HostOptions::default())];
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..201 {
        for (bench, costs) in benches.iter().zip(&mut costs) {
            let start = Instant::now();
            bench.run("true");
            if round > 0 {
                costs.push(start.elapsed());
            }
        }
    }
    let [open, fenced] = costs.map(|mut costs| {
        costs.sort();
        costs[costs.len() / 2]
    });
    println!("`true`, median of 200: {open:?} without a fence, {fenced:?} behind it");
    assert!(fenced < Duration::from_millis(250));
}

#[test]
fn a_command_that_runs_unasked_finds_no_program_that_an_edit_can_make() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("workspace");
    let bin = root.join(".venv/bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in ["ls", "mine"] {
        std::fs::write(bin.join(name), "#!/bin/sh\necho planted\n").unwrap();
        std::fs::set_permissions(bin.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink(&bin, folder.path().join("link")).unwrap();
    let own = std::env::var("PATH").unwrap();
    let path = format!("{}:{}:.venv/bin::{own}", bin.display(), folder.path().join("link").display());
    let variables = std::env::vars_os().filter(|(name, _)| name != "PATH").chain([("PATH".into(), path.into())]);
    let host = Host::open_in(&root, HostOptions::default(), variables, Namespaces::Try).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = |command: &str, programs: Programs| {
        let effect = Effect::Run { command: command.to_string(), timeout: Duration::from_secs(60) };
        match runtime.block_on(host.act_with(&effect, programs, &Cancel::default())) {
            Ok(Observation::Ran(ran)) => ran,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(run("ls", Programs::AnyInPath).output, "planted\n");
    let ran = run("ls -A; mine", Programs::OutsideWorkspace);
    assert!(ran.output.contains(".venv\n") && !ran.output.contains("planted"), "{ran:?}");
    assert!(ran.notes.iter().any(|note| note.contains("PATH")), "{ran:?}");
}
