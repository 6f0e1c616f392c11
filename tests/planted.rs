//! Repositories that commands leave, as a user meets them: at the end of a run, and after one that was killed.

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Signal};
use serde_json::json;

use crate::support::{World, wait_for};

fn run(command: &str) -> String {
    format!("> run_command {}", json!({"command": command}))
}

#[test]
fn the_end_names_each_and_the_command_that_keeps_it() {
    let commit = "git init -q demo && cd demo && echo 1 > f && git add -A && git -c user.name=a -c user.email=a@b commit -qm one";
    let script = format!("{}\n---\n{}\n---\nDone.", run(commit), run("git -C demo log --oneline | grep one"));
    let world = World::new(&[("a.txt", "a\n")], &script);
    let ran = world.run(&["Make a repository"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(world.outcome(0).contains("`demo/.git` makes a git repository"), "{}", world.outcome(0));
    assert!(world.outcome(1).contains("one\n"), "{}", world.outcome(1));
    assert!(!world.workspace().join("demo/.git").exists());
    let line = ran.stderr.lines().find(|line| line.contains("a git repository appeared: demo/.git"));
    let (_, keep) = line.and_then(|line| line.split_once("To keep it, run: ")).unwrap_or_else(|| panic!("{ran:?}"));
    assert!(Command::new("sh").args(["-c", keep]).status().unwrap().success(), "{keep}");
    let log =
        Command::new("git").args(["log", "--oneline"]).current_dir(world.workspace().join("demo")).output().unwrap();
    assert!(log.status.success() && String::from_utf8_lossy(&log.stdout).contains("one"), "{log:?}");
}

#[test]
fn what_a_killed_run_left_is_repaired_by_undo_doctor_and_the_next_run() {
    for next in [&["undo"][..], &["doctor"], &["diff"], &["run", "Go on"]] {
        let plant = "echo ../lib > .git/commondir; git init -q planted; touch done; sleep 600";
        let world = World::new(&[("a.txt", "a\n")], &format!("{}\n---\nDone.", run(plant)));
        let git = |arguments: &[&str]| {
            Command::new("git").args(arguments).current_dir(world.workspace()).status().unwrap().success()
        };
        assert!(git(&["init", "-q", "."]));
        let mut agent = world.start(&["run", "Plant"]);
        wait_for(|| world.workspace().join("done").exists());
        kill_all(agent.id());
        agent.wait().unwrap();
        // With namespaces git's own directory is private to the command, and nothing was ever planted in it.
        let is_planted = world.workspace().join(".git/commondir").exists();
        let ran = world.agent(next);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("was killed while commands could run"), "{next:?}: {ran:?}");
        let restored = said.contains("Commands may not change") && said.contains(".git/commondir`: it was restored");
        assert_eq!(restored, is_planted, "{next:?}: {ran:?}");
        assert!(said.contains("a git repository appeared: planted/.git"), "{next:?}: {ran:?}");
        assert!(!world.workspace().join(".git/commondir").exists() && !world.workspace().join("planted/.git").exists());
        assert!(git(&["status"]));
        // Once.
        let again = world.agent(&["doctor"]);
        assert!(!again.stdout.contains("was killed"), "{again:?}");
    }
}

/// All at once: none of them sees another die.
fn kill_all(first: u32) {
    let signal = |process: u32, signal| {
        let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
        // One that is dead already is as good.
        let _ = rustix::process::kill_process(process, signal);
    };
    let mut all = vec![first];
    let mut at = 0;
    while let Some(parent) = all.get(at).copied() {
        signal(parent, Signal::STOP);
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        all.extend(children.split_whitespace().map(|child| child.parse::<u32>().unwrap()));
        at += 1;
    }
    all.iter().for_each(|process| signal(*process, Signal::KILL));
}
