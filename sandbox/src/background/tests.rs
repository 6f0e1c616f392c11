use std::time::Duration;

use agent::{Cancel, Effect, Ended, SandboxError, Stop};

use crate::testing::{Bench, Kind, eventually, is_running};

/// A number that no other test's command line has.
fn unique(base: u32) -> String {
    format!("{base}.{}", std::process::id())
}

/// Whatever a program can do to be forgotten: daemons, double forks, sessions and signals of its own.
fn daemons(sleep: &str) -> String {
    format!(
        "setsid sleep {sleep} & (setsid sh -c 'sleep {sleep} & sleep {sleep}' &); \
         nohup sleep {sleep} >/dev/null 2>&1 & (trap '' TERM HUP; sleep {sleep}) & echo up; sleep {sleep}"
    )
}

fn with_each_fence(check: impl Fn(&Bench, Kind)) {
    for kind in Kind::ALL {
        let bench = kind.bench();
        if kind != Kind::Open && !bench.block_on(bench.host.fence()).holds() {
            println!("skipped: no fence of the kind {kind:?}");
            continue;
        }
        check(&bench, kind);
    }
}

#[test]
fn a_command_is_read_piece_by_piece_while_others_run() {
    with_each_fence(|bench, kind| {
        let started = bench.start("echo first; until [ -e go ]; do sleep 0.01; done; echo second; exit 3");
        assert_eq!((started.id, started.ended, started.output.as_str()), (1, None, "first\n"), "{kind:?}");
        assert_eq!(bench.run("touch go").ended, Ended::Exited(0));
        let read = bench.read_output(1);
        assert_eq!((read.ended, read.output.as_str()), (Some(Ended::Exited(3)), "second\n"));
        let again = bench.read_output(1);
        assert_eq!((again.ended, again.output.as_str()), (Some(Ended::Exited(3)), ""));
    });
}

#[test]
fn a_command_that_ends_at_once_is_said_so() {
    with_each_fence(|bench, _| {
        let started = bench.start("no-such-program");
        assert_eq!(started.ended, Some(Ended::Exited(127)));
        assert!(started.output.contains("no-such-program: command not found"), "{}", started.output);
    });
}

#[test]
fn an_end_that_nobody_has_read_is_told_once_with_the_next_command() {
    with_each_fence(|bench, _| {
        bench.start("until [ -e go ]; do sleep 0.01; done; echo last words; exit 1");
        let noted = eventually(|| !bench.run("touch go").notes.is_empty());
        assert!(noted && bench.run("true").notes.is_empty());
        assert_eq!(bench.read_output(1).output, "last words\n");
    });
}

#[test]
fn a_stopped_command_is_dead_with_all_it_started() {
    with_each_fence(|bench, kind| {
        let sleep = unique(1020 + kind as u32);
        assert_eq!(bench.start(&daemons(&sleep)).output, "up\n");
        assert!(is_running(&sleep));
        let stopped = bench.stop(1);
        assert_eq!(stopped.ended, Some(Ended::Stopped));
        assert!(!is_running(&sleep), "{kind:?}");
        assert_eq!(bench.stop(1).ended, Some(Ended::Stopped));
        assert!(matches!(bench.act(&Effect::Stop { id: 2 }), Err(SandboxError::NoSuchCommand(2))));
        assert!(matches!(bench.act(&Effect::Stop { id: 0 }), Err(SandboxError::NoSuchCommand(0))));
    });
}

#[test]
fn nothing_is_left_when_the_host_closes() {
    with_each_fence(|bench, kind| {
        let sleep = unique(1030 + kind as u32);
        bench.start(&daemons(&sleep));
        bench.start(&daemons(&sleep));
        bench.block_on(bench.host.close());
        assert!(!is_running(&sleep), "{kind:?}");
    });
}

#[test]
fn a_cancelled_wait_leaves_the_command_running() {
    let bench = Kind::Open.bench();
    let sleep = unique(1040);
    bench.start(&format!("sleep {sleep}"));
    let cancel = Cancel::default();
    let wait = Effect::ReadOutput { id: 1, wait: Duration::from_secs(600) };
    let result =
        bench.block_on(async { tokio::join!(bench.host.act(&wait, &cancel), async { cancel.stop(Stop::Human) }).0 });
    assert!(matches!(result, Err(SandboxError::Cancelled)), "{result:?}");
    assert!(is_running(&sleep));
}

#[test]
fn a_killed_agent_takes_its_background_along() {
    for kind in Kind::ALL {
        let bench = Bench::new(&[]);
        let sleep = unique(1050 + kind as u32);
        let mut victim = kind.victim(&bench.root(), &daemons(&sleep), "touch started; sleep 600");
        assert!(eventually(|| bench.root().join("started").exists()));
        assert!(is_running(&sleep));
        victim.kill().unwrap();
        victim.wait().unwrap();
        assert!(eventually(|| !is_running(&sleep)), "{kind:?}");
    }
}

#[test]
fn a_dead_launcher_is_said_and_the_next_command_runs() {
    let bench = Kind::Open.bench();
    // The shell's parent is the warden, whose parent is the keeper.
    let started = bench.start("kill -9 $(ps -o ppid= -p $PPID) $PPID; sleep 5");
    assert_eq!(started.ended, Some(Ended::Signalled(9)), "{started:?}");
    assert_eq!(started.notes.len(), 1);
    assert_eq!(bench.run("echo again").output, "again\n");
}

#[test]
fn there_are_not_too_many_and_a_flood_is_bounded() {
    let bench = Kind::Open.bench();
    assert_eq!(bench.start("yes").id, 1);
    for id in 2..=8 {
        assert_eq!(bench.start("echo up; sleep 600").id, id);
    }
    let error = bench.act(&Effect::Start { command: "yes".to_string() }).unwrap_err().to_string();
    assert_eq!(error, "8 background commands are already running. Stop one first.");
    assert_eq!(bench.run("echo still here").output, "still here\n");
    let flood = bench.stop(1).output;
    assert!(flood.len() < 20_000 && flood.contains("output-0001.txt"), "{}", flood.len());
    assert_eq!(bench.start("true").ended, Some(Ended::Exited(0)));
}
