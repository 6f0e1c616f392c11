//! Commands that are left running: useful while the run lasts, and gone with it, however it ends.

use std::fs;

use crate::support::{World, interrupt, ran, wait_for};

/// A number that is in the command lines of one test only.
fn unique(base: u32) -> String {
    format!("{base}.{}", std::process::id())
}

/// A reply that leaves daemons, double forks and sessions of their own running.
fn start(sleep: &str) -> String {
    let command = format!("setsid sleep {sleep} & (setsid sh -c 'sleep {sleep} & sleep {sleep}' &); sleep {sleep}");
    format!("> run_command {{\"command\": \"{command}\", \"background\": true}}\n---\n")
}

fn is_running(sleep: &str) -> bool {
    let sleep = format!("sleep\0{sleep}\0");
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line == sleep.as_bytes()
    })
}

#[test]
fn it_is_read_and_stopped_by_its_id() {
    let script = "> run_command {\"command\": \"echo up; until [ -e go ]; do sleep 0.01; done; echo gone; exit 3\", \"background\": true}\n---\n\
         > run_command {\"command\": \"touch go\"}\n---\n> read_output {\"id\": 1, \"wait_seconds\": 20}\n---\n\
         > run_command {\"command\": \"sleep 600\", \"background\": true}\n---\n> stop_command {\"id\": 2}\n---\nDone.";
    let world = World::new(&[], script);
    let told = world.run(&["Task"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!(world.outcome(0), "up\n[background command 1 is running]");
    assert_eq!(world.outcome(2), "gone\n[background command 1 has ended: exit code 3]");
    assert_eq!(world.outcome(4), "(no new output)\n[background command 2 was stopped]");
    assert!(told.stderr.contains(": background command 2 is running"), "{}", told.stderr);
}

#[test]
fn it_ends_with_the_run() {
    let sleep = unique(3001);
    let world = World::new(&[], &format!("{}Done.", start(&sleep)));
    let told = world.run(&["Task"]);
    assert!(told.code == 0 && !is_running(&sleep), "{}", told.stderr);
    assert_eq!(fs::read_dir(world.workspace()).unwrap().count(), 0);
}

#[test]
fn it_ends_with_ctrl_c() {
    let sleep = unique(3002);
    let world = World::new(&[], &format!("{}% stall=0\nDone.", start(&sleep)));
    let child = world.start(&["run", "--mode", "auto", "Task"]);
    wait_for(|| world.bodies().len() == 2);
    assert!(is_running(&sleep));
    interrupt(child.id());
    let told = ran(child.wait_with_output().unwrap());
    assert!(told.code == 130 && !is_running(&sleep), "{}", told.stderr);
}

#[test]
fn it_ends_with_a_killed_program() {
    let sleep = unique(3003);
    let world = World::new(&[], &format!("{}% stall=0\nDone.", start(&sleep)));
    let mut child = world.start(&["run", "--mode", "auto", "Task"]);
    wait_for(|| world.bodies().len() == 2);
    assert!(is_running(&sleep));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for(|| !is_running(&sleep));
    assert_eq!(fs::read_dir(world.workspace()).unwrap().count(), 0);
}

#[test]
fn nobody_is_asked_twice_and_nothing_starts_where_nothing_may() {
    let script = format!("{}Done.\n---\n{}Done.", start("3004"), start("3004"));
    let world = World::new(&[], &script);
    let told = world.agent(&["run", "--mode", "read-only", "Task"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(world.outcome(0).starts_with("This session is read-only"), "{}", world.outcome(0));
    let told = world.agent(&["run", "--confirm", "Task"]);
    assert_eq!(told.code, 4, "{}", told.stderr);
}
