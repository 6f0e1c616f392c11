//! What a human at a terminal sees and decides, on a real pseudo-terminal made by `script` (util-linux).

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use expect_test::expect;

use crate::support::{Ran, World, binary, ran};
use crate::tmux::Terminal;

/// Runs `agent` on a terminal and types each of `keys` once `[y/a/n/q]` was shown once more.
/// `None` where there is no `script`.
fn type_at(world: &World, arguments: &str, keys: &[&str]) -> Option<Ran> {
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: no `script` (util-linux) to make a terminal with");
        return None;
    }
    let screen = world.home().join("screen");
    let mut command = world.command(&[]);
    let mut script = Command::new("script");
    let line = format!("{} run --confirm {arguments}", binary().display());
    script.args(["--quiet", "--flush", "--return", "--command", &line]).arg(&screen);
    script.current_dir(world.workspace()).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
    for (name, value) in command.env("TERM", "xterm").env("SHELL", "/bin/sh").get_envs() {
        script.env(name, value.unwrap());
    }
    let mut child = script.spawn().unwrap();
    let mut terminal = child.stdin.take().unwrap();
    for (index, key) in keys.iter().enumerate() {
        let began = Instant::now();
        while fs::read_to_string(&screen).unwrap_or_default().matches("[y/a/n/q]").count() <= index {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "it never asked: {}",
                fs::read_to_string(&screen).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(20));
        }
        terminal.write_all(key.as_bytes()).unwrap();
        terminal.flush().unwrap();
    }
    let told = ran(child.wait_with_output().unwrap());
    drop(terminal);
    Some(told)
}

const TOUCH: &str = "> run_command {\"command\": \"touch made\"}\n---\nAs you wish.";

#[test]
fn enter_alone_does_not_approve_and_y_does() {
    let world = World::new(&[], TOUCH);
    let Some(told) = type_at(&world, "Task", &["\n", "y\n"]) else { return };
    assert_eq!(told.code, 0, "{}", told.stdout);
    assert!(world.workspace().join("made").exists());
    assert!(told.stdout.contains("$ touch made"), "{}", told.stdout);
    // On one screen the words have streamed past; they do not come twice.
    assert_eq!(told.stdout.matches("As you wish.\r\n").count(), 1, "{}", told.stdout);
}

#[test]
fn a_no_with_its_reason_reaches_the_model() {
    let world = World::new(&[], TOUCH);
    let Some(told) = type_at(&world, "Task", &["n not in this folder\n"]) else { return };
    assert_eq!(told.code, 0, "{}", told.stdout);
    assert!(!world.workspace().join("made").exists());
    assert_eq!(world.outcome(0), "The user said no: not in this folder");
}

#[test]
fn q_stops_the_run_and_so_does_ctrl_c() {
    for (key, code) in [("q\n", 4), ("\u{3}", 130)] {
        let world = World::new(&[], TOUCH);
        let Some(told) = type_at(&world, "Task", &[key]) else { return };
        assert_eq!(told.code, code, "{}", told.stdout);
        assert!(!world.workspace().join("made").exists());
        assert_eq!(world.bodies().len(), 1);
    }
}

#[test]
fn an_edit_is_shown_as_a_diff_before_it_is_made() {
    let edit = "> create_file {\"filename\": \"a.txt\", \"content\": \"one\\u001b[2J\\n\"}\n---\nDone.";
    let world = World::new(&[], edit);
    let Some(told) = type_at(&world, "Task", &["y\n"]) else { return };
    let (before, _) = told.stdout.split_once("[y/a/n/q]").unwrap();
    assert!(before.contains("+++ b/a.txt") && before.contains("+one␛[2J"), "{before}");
    assert!(world.workspace().join("a.txt").exists());
}

#[test]
fn words_are_drawn_as_markdown_and_all_of_it_reads_well() {
    let script = "I **look**.\n> create_file {\"filename\": \"a.txt\", \"content\": \"one\\n\"}\n---\n# Done\n- `a.txt` is *there*";
    for (arguments, expected) in [
        (
            &["run", "Task"][..],
            expect![[r#"
        devstral-medium-latest · auto, commands are fenced · WORKSPACE
        I look.
          --- /dev/null
          +++ b/a.txt
          @@ -0,0 +1 @@
          +one
        ✓ create_file a.txt: Created `a.txt` (1 line).
        Done
        • a.txt is there
        changed: new a.txt +1 -0
        2 steps · # tokens in, # out · # s · agent show #
    "#]],
        ),
        (
            &["run", "--plain", "Task"][..],
            expect![[r#"
        devstral-medium-latest · auto, commands are fenced · WORKSPACE
        I **look**.
          --- /dev/null
          +++ b/a.txt
          @@ -0,0 +1 @@
          +one
        done: create_file a.txt: Created `a.txt` (1 line).
        # Done
        - `a.txt` is *there*
        changed: new a.txt +1 -0
        2 steps · # tokens in, # out · # s · agent show #
    "#]],
        ),
    ] {
        let world = World::new(&[], script);
        let Some(terminal) = Terminal::open(&world, arguments, (100, 24), &[]) else { return };
        assert_eq!(terminal.wait_for_end(), 0);
        let screen = terminal.screen();
        expected.assert_eq(&(screen.split("Pane is dead").next().unwrap().trim_end().to_owned() + "\n"));
    }
}
