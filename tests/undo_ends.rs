//! What can be undone after a run, or an undo, that ended badly: by a signal, in the middle of a command or of a set of
//! files.

use std::fs;
use std::process::{Child, Command, Stdio};

use expect_test::expect;

use crate::support::{Ran, World, ran, skip, wait_for};
use crate::undo::check;

/// A step that is whole, and a command that is still running once it has changed files.
const ENDLESS: &str = r#"> create_file {"filename": "made.txt", "content": "made\n"}
---
> run_command {"command": "echo lost > a.txt; rm b.txt; mkdir d; echo new > d/n.txt; echo $$ > pid; sleep 1000"}
---
Done."#;
const FILES: &[(&str, &str)] = &[("a.txt", "one\n"), ("b.txt", "two\n")];

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

fn read(world: &World, path: &str) -> Option<String> {
    fs::read_to_string(world.workspace().join(path)).ok()
}

/// A run that got this signal in the middle of its command.
fn ended_by(name: &str) -> (World, Ran) {
    let world = World::new(FILES, ENDLESS);
    let child = world.start(&["run", "--mode", "auto", "Task"]);
    wait_for(|| read(&world, "pid").is_some_and(|pid| pid.ends_with('\n')));
    signal(name, child.id());
    let ran = ran_or_killed(child);
    (world, ran)
}

fn ran_or_killed(child: Child) -> Ran {
    ran(child.wait_with_output().unwrap())
}

fn is_as_before(world: &World) {
    assert_eq!(read(world, "a.txt").as_deref(), Some("one\n"));
    assert_eq!(read(world, "b.txt").as_deref(), Some("two\n"));
    assert!(!world.workspace().join("d").exists());
}

#[test]
fn a_closed_terminal_and_sigquit_stop_a_run_as_sigterm_does() {
    for name in ["-HUP", "-QUIT", "-TERM"] {
        let (world, ran) = ended_by(name);
        assert_eq!(ran.code, 130, "{name}: {ran:?}");
        assert!(ran.stderr.contains("changed:"), "{name}: it ends with its summary: {ran:?}");
        let undone = world.agent(&["undo"]);
        assert_eq!(undone.code, 0, "{name}: {undone:?}");
        is_as_before(&world);
        assert_eq!(read(&world, "made.txt").as_deref(), Some("made\n"), "{name}: the step before it is another one");
    }
}

#[test]
fn a_signal_that_comes_again_ends_nothing_at_once() {
    let world = World::new(FILES, ENDLESS);
    let child = world.start(&["run", "--mode", "auto", "Task"]);
    wait_for(|| read(&world, "pid").is_some_and(|pid| pid.ends_with('\n')));
    for name in ["-TERM", "-TERM", "-HUP", "-TERM", "-QUIT"] {
        // It may have ended by then.
        let _ = Command::new("kill").args([name, &child.id().to_string()]).stderr(Stdio::null()).status();
    }
    let ran = ran_or_killed(child);
    assert!(ran.code == 130 && ran.stderr.contains("changed:"), "{ran:?}");
    assert_eq!(world.agent(&["undo"]).code, 0);
    is_as_before(&world);
}

#[test]
fn a_run_that_nohup_started_outlives_its_terminal() {
    let script = "> run_command {\"command\": \"touch ready; until test -e go; do sleep 0.05; done\"}\n---\nDone.";
    let world = World::new(&[], script);
    let run = world.command(&["run", "--mode", "auto", "Task"]);
    let mut command = Command::new("nohup");
    command.arg(run.get_program()).args(run.get_args()).current_dir(world.workspace()).env_clear();
    command.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(|| world.workspace().join("ready").exists());
    signal("-HUP", child.id());
    world.write("go", "");
    assert_eq!(ran_or_killed(child).code, 0);
}

#[test]
fn what_a_killed_command_changed_is_shown_and_reverted_from_its_base() {
    let (world, _) = ended_by("-KILL");
    check(
        &world.agent(&["diff", "--stat"]),
        expect![[r#"
        exit 0
        a.txt +1 -1
        deleted b.txt +0 -1
        new d/n.txt +1 -0
        new made.txt +1 -0
        new pid +1 -0
        5 files, +4 -2
        note: the session ended in the middle of a command; the paths that differ count as its changes (5)
    "#]],
    );
    // Looked at once: what the human does from here on is theirs.
    world.write("mine.txt", "mine\n");
    check(
        &world.agent(&["undo"]),
        expect![[r#"
        exit 0
        reverted step 2:
          restored a.txt
          restored b.txt
          removed  d/
          removed  d/n.txt
          removed  pid
    "#]],
    );
    is_as_before(&world);
    assert_eq!(read(&world, "mine.txt").as_deref(), Some("mine\n"));
    assert_eq!(world.agent(&["redo"]).code, 0);
    assert_eq!(read(&world, "a.txt").as_deref(), Some("lost\n"));
}

#[test]
fn a_killed_command_belongs_to_its_step_after_a_resume_too() {
    let (world, _) = ended_by("-KILL");
    let resumed = world.agent(&["resume", "--mode", "auto", "Go on"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(resumed.stderr.contains("in the middle of a command"), "{resumed:?}");
    assert_eq!(world.agent(&["undo", "--step", "2"]).code, 0);
    is_as_before(&world);
    assert_eq!(read(&world, "made.txt").as_deref(), Some("made\n"));
}

#[test]
fn merge_takes_up_what_an_undo_left() {
    let text: String = (0..20).map(|line| format!("line {line}\n")).collect();
    let world = World::new(
        &[("c.txt", &text)],
        "> run_command {\"command\": \"sed -i 's/^line 3$/OURS/' c.txt; echo n > n.txt\"}\n---\nDone.",
    );
    assert_eq!(world.run(&["Task"]).code, 0);
    world.write("c.txt", &read(&world, "c.txt").unwrap().replace("line 15\n", "HUMAN\n"));
    check(
        &world.agent(&["undo"]),
        expect![[r#"
        exit 1
        reverted step 1:
          removed  n.txt
          skipped  c.txt: changed since by someone else
        hint: `--merge` removes only the session's lines from text files changed since
    "#]],
    );
    check(
        &world.agent(&["undo", "--merge"]),
        expect![[r#"
        exit 0
        reverted step 1:
          merged   c.txt
    "#]],
    );
    assert_eq!(read(&world, "c.txt").unwrap(), text.replace("line 15\n", "HUMAN\n"));
    check(
        &world.agent(&["undo", "--merge"]),
        expect![[r#"
        exit 2
        error: all changes of this session are already undone
        hint: `agent redo` reverses the last undo
    "#]],
    );
}

/// The names of the files of a set that goes in two batches, and what each holds.
fn set_of_two_batches(content: &str) -> Vec<(String, String)> {
    (0..250).map(|number| (format!("f{number:03}.txt"), format!("{content} {number}\n"))).collect()
}

/// Runs `agent` until the kernel ends it, as it replaces the file with this number.
fn killed_at(world: &World, number: usize, arguments: &[&str]) {
    let agent = world.command(arguments);
    let inject = format!("inject=renameat,renameat2:signal=KILL:when={number}");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null", "-e", "trace=renameat,renameat2", "-e", &inject]);
    strace.arg(agent.get_program()).args(agent.get_args()).current_dir(world.workspace()).env_clear();
    strace.envs(agent.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.stdin(Stdio::null()).output().unwrap();
}

#[test]
fn an_undo_that_was_killed_half_way_is_finished_and_redone_whole() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("no strace, which kills at a chosen system call");
    }
    let before = set_of_two_batches("old");
    let files: Vec<(&str, &str)> = before.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let world = World::new(&files, "> run_command {\"command\": \"sed -i s/old/new/ f*.txt\"}\n---\nDone.");
    assert_eq!(world.run(&["Task"]).code, 0);
    let count = |word: &str| before.iter().filter(|(path, _)| read(&world, path).unwrap().starts_with(word)).count();
    assert_eq!(count("new"), 250);
    killed_at(&world, 221, &["undo"]);
    assert_eq!((count("old"), count("new")), (220, 30), "each file is one or the other");
    // Killed once more, and then not.
    killed_at(&world, 21, &["undo"]);
    assert_eq!(count("old"), 240);
    assert_eq!(world.agent(&["undo"]).code, 0);
    assert_eq!(count("old"), 250);
    let redone = world.agent(&["redo"]);
    assert_eq!((redone.code, count("new")), (0, 250), "{redone:?}");
    assert_eq!((world.agent(&["undo"]).code, count("old")), (0, 250));
}

#[test]
fn a_directory_that_was_moved_keeps_its_sessions() {
    let world =
        World::new(FILES, "> create_file {\"filename\": \"made.txt\", \"content\": \"x\\n\"}\n---\nDone.\n---\nYes.");
    assert_eq!(world.run(&["Task"]).code, 0);
    let moved = world.workspace().with_file_name("moved");
    fs::rename(world.workspace(), &moved).unwrap();
    let agent = |arguments: &[&str]| {
        ran(world.command(arguments).current_dir(&moved).output().unwrap_or_else(|error| panic!("{error}")))
    };
    assert!(agent(&["sessions"]).stdout.contains("Task"));
    let resumed = agent(&["resume", "--mode", "auto", "Once more"]);
    assert!(resumed.code == 0 && resumed.stderr.contains("the workspace was moved"), "{resumed:?}");
    assert!(agent(&["diff"]).stdout.contains("made.txt"));
    assert_eq!(agent(&["undo"]).code, 0);
    assert!(!moved.join("made.txt").exists());
    assert_eq!(agent(&["redo"]).code, 0);
    // A copy is another directory: it is named.
    let copy = moved.with_file_name("copy");
    assert!(Command::new("cp").arg("-a").args([&moved, &copy]).status().unwrap().success());
    fs::remove_dir_all(&moved).unwrap();
    let at = |arguments: &[&str]| ran(world.command(arguments).current_dir(&copy).output().unwrap());
    let id = world.session_file().file_stem().unwrap().to_str().unwrap().to_owned();
    let unknown = at(&["undo", &id]);
    assert!(unknown.code == 2 && unknown.stderr.contains("--workspace DIR"), "{unknown:?}");
    assert_eq!(at(&["undo", &id, "--workspace", "."]).code, 0);
    assert!(!copy.join("made.txt").exists());
}

#[test]
fn home_as_the_workspace_is_said_and_our_own_files_are_no_part_of_it() {
    let script = "> run_command {\"command\": \"echo x > new.txt\"}\n---\n> search_files {\"pattern\": \"Task of this test\"}\n---\nDone.";
    let world = World::new(FILES, script);
    let home = world.workspace();
    let agent = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("HOME", &home).env_remove("XDG_STATE_HOME").env_remove("XDG_CONFIG_HOME");
        ran(command.output().unwrap())
    };
    let run = agent(&["run", "--mode", "auto", "Task of this test"]);
    assert!(run.code == 0 && run.stderr.contains("is your home directory"), "{run:?}");
    assert!(home.join(".local/state/agent/sessions").exists() && !run.stderr.contains(".local"), "{run:?}");
    assert!(!world.outcome(1).contains(".local"), "{}", world.outcome(1));
    assert!(!agent(&["diff"]).stdout.contains(".local"));
    let undone = agent(&["undo"]);
    assert!(undone.code == 0 && !undone.stdout.contains(".local"), "{undone:?}");
    assert!(!home.join("new.txt").exists());
}
