//! What a human at a terminal sees and decides, on a real pseudo-terminal made by `script` (util-linux).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use expect_test::expect;

use crate::support::{Ran, World, binary, ran};
use crate::tmux::Terminal;

/// What every question ends with, in any manner.
const PROMPT: &str = "allow? [";

/// Runs `agent` on a terminal and types each of `keys` once the prompt was shown once more.
/// `None` where there is no `script`.
fn type_at(world: &World, arguments: &str, keys: &[&str]) -> Option<Ran> {
    type_in(world, &[("TERM", "xterm")], arguments, keys)
}

fn type_in(world: &World, environment: &[(&str, &str)], arguments: &str, keys: &[&str]) -> Option<Ran> {
    if Command::new("script").arg("--version").output().is_err() {
        crate::support::skip("no `script` (util-linux) to make a terminal with");
        return None;
    }
    let screen = world.home().join("screen");
    let mut command = world.command(&[]);
    let mut script = Command::new("script");
    // The modes of the terminal, once the program has ended.
    let line = format!("trap : INT; {} run --confirm {arguments}; code=$?; stty -a; exit $code", binary().display());
    script.args(["--quiet", "--flush", "--return", "--command", &line]).arg(&screen);
    script.current_dir(world.workspace()).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
    command.env("SHELL", "/bin/sh").envs(environment.iter().copied());
    for (name, value) in command.get_envs() {
        script.env(name, value.unwrap());
    }
    let mut child = script.spawn().unwrap();
    let mut terminal = child.stdin.take().unwrap();
    let shown = || String::from_utf8_lossy(&fs::read(&screen).unwrap_or_default()).into_owned();
    for (index, key) in keys.iter().enumerate() {
        let began = Instant::now();
        while shown().matches(PROMPT).count() <= index {
            assert!(began.elapsed() < Duration::from_secs(300), "it never asked: {}", shown());
            thread::sleep(Duration::from_millis(20));
        }
        terminal.write_all(key.as_bytes()).unwrap();
        terminal.flush().unwrap();
    }
    let told = ran(child.wait_with_output().unwrap());
    drop(terminal);
    assert!(told.stdout.contains(" icanon") && told.stdout.contains(" echo "), "{}", told.stdout);
    Some(told)
}

/// An editor that does this to the file it is given.
fn editor(world: &World, line: &str) -> String {
    let path = world.home().join("editor");
    fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

const TOUCH: &str = "> run_command {\"command\": \"touch made\"}\n---\nAs you wish.";

#[test]
fn enter_alone_does_not_approve_and_y_does() {
    let world = World::new(&[], TOUCH);
    let Some(told) = type_at(&world, "Task", &["\n", "x", "\u{1b}[A", "y"]) else { return };
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
    let environment = [("TERM", "xterm"), ("NO_COLOR", "1")];
    let Some(told) = type_in(&world, &environment, "Task", &["y\n"]) else { return };
    let (before, _) = told.stdout.split_once(PROMPT).unwrap();
    assert!(before.contains("change new a.txt +1 -0") && before.contains("1 + one␛[2J"), "{before}");
    assert!(world.workspace().join("a.txt").exists());
}

#[test]
fn words_are_drawn_as_markdown_and_all_of_it_reads_well() {
    let script = "I **look**.\n> create_file {\"filename\": \"a.txt\", \"content\": \"one\\n\"}\n---\n# Done\n- `a.txt` is *there*";
    for (arguments, expected) in [
        (
            &["run", "Task"][..],
            expect![[r#"
        devstral-medium-latest · auto, commands are sandboxed · WORKSPACE
        I look.
          --- /dev/null
          +++ b/a.txt
          @@ -0,0 +1 @@
          +one
        ✓ create_file a.txt: Created `a.txt` (1 line).
        Done
        • a.txt is there
        changed: new a.txt +1 -0 · agent undo
        2 steps · # tokens in, # out · # s · agent show #
    "#]],
        ),
        (
            &["run", "--plain", "Task"][..],
            expect![[r#"
        devstral-medium-latest · auto, commands are sandboxed · WORKSPACE
        I **look**.
          --- /dev/null
          +++ b/a.txt
          @@ -0,0 +1 @@
          +one
        done: create_file a.txt: Created `a.txt` (1 line).
        # Done
        - `a.txt` is *there*
        changed: new a.txt +1 -0 · agent undo
        2 steps · # tokens in, # out · # s · agent show #
    "#]],
        ),
    ] {
        let world = World::new(&[], script);
        let Some(terminal) = Terminal::open(&world, arguments, (100, 24), &[]) else { return };
        assert_eq!(terminal.wait_for_end(), 0);
        expected.assert_eq(&(terminal.screen() + "\n"));
    }
}

#[test]
fn a_makes_exactly_the_rule_that_it_shows() {
    let script = "> run_command {\"command\": \"touch made\"}\n> run_command {\"command\": \"touch made\"}\n\
                  > run_command {\"command\": \"touch other\"}\n> run_command {\"command\": \"touch a | touch b\"}\n---\nDone.";
    let world = World::new(&[], script);
    let Some(told) = type_at(&world, "Task", &["a", "n not that\n", "a", "n a pipe\n"]) else { return };
    assert_eq!(told.code, 0, "{}", told.stdout);
    assert!(told.stdout.contains("a always: exactly the command `touch made`"), "{}", told.stdout);
    assert!(told.stdout.contains("2 of 4"), "{}", told.stdout);
    assert!(world.outcome(0).contains("exit code 0") && world.outcome(1).contains("exit code 0"));
    assert_eq!(world.outcome(2), "The user said no: not that");
    assert_eq!(world.outcome(3), "The user said no: a pipe");
    // A pipe is never allowed for the session: the key means nothing there.
    let (_, last) = told.stdout.rsplit_once("4 of 4").unwrap();
    assert!(!last.contains("a always"), "{last}");
}

#[test]
fn an_edited_command_is_what_runs_and_the_model_hears_of_it() {
    let world = World::new(&[], TOUCH);
    let editor = editor(&world, "sed -i s/made/edited/ \"$1\"");
    let Some(told) = type_in(&world, &[("TERM", "xterm"), ("VISUAL", &editor)], "Task", &["e", "y"]) else { return };
    assert_eq!(told.code, 0, "{}", told.stdout);
    assert!(told.stdout.contains("$ touch edited"), "{}", told.stdout);
    assert!(world.workspace().join("edited").exists() && !world.workspace().join("made").exists());
    let outcome = world.outcome(0);
    assert!(outcome.contains("-touch made\n+touch edited"), "{outcome}");
}

#[test]
fn an_edited_text_is_what_is_written() {
    let edit = "> create_file {\"filename\": \"src/a.txt\", \"content\": \"one\\ntwo\\n\"}\n---\nDone.";
    let world = World::new(&[], edit);
    let editor = editor(&world, "case \"$1\" in */src/a.txt) echo three >> \"$1\";; esac");
    let Some(told) = type_in(&world, &[("TERM", "xterm"), ("EDITOR", &editor)], "Task", &["e", "y"]) else { return };
    assert_eq!(told.code, 0, "{}", told.stdout);
    assert_eq!(fs::read_to_string(world.workspace().join("src/a.txt")).unwrap(), "one\ntwo\nthree\n");
    assert!(world.outcome(0).contains("+three"), "{}", world.outcome(0));
}

#[test]
fn a_question_mark_tells_more_and_a_long_change_is_paged() {
    let lines: String = (1..=60).map(|line| format!("line {line}\\n")).collect();
    let edit = format!("> create_file {{\"filename\": \"a.txt\", \"content\": \"{lines}\"}}\n---\nDone.");
    let world = World::new(&[], &edit);
    let environment = [("TERM", "xterm"), ("NO_COLOR", "1"), ("PAGER", "echo PAGED; tail -n 1")];
    let Some(told) = type_in(&world, &environment, "Task", &["?", "v", "y"]) else { return };
    assert_eq!(told.code, 0, "{}", told.stdout);
    assert!(told.stdout.contains("more lines: v shows all"), "{}", told.stdout);
    assert!(told.stdout.contains("asked because this mode asks before edits"), "{}", told.stdout);
    assert!(told.stdout.contains("new a.txt +60 -0:"), "{}", told.stdout);
    let (_, paged) = told.stdout.split_once("PAGED").unwrap();
    assert!(paged.contains("line 60"), "{paged}");
}

#[test]
fn a_terminal_that_cannot_move_is_asked_in_lines() {
    let world = World::new(&[], TOUCH);
    let Some(told) = type_in(&world, &[("TERM", "dumb")], "Task", &["maybe\n", "y\n"]) else { return };
    assert_eq!(told.code, 0, "{}", told.stdout);
    assert!(world.workspace().join("made").exists());
    assert!(!told.stdout.contains('\u{1b}'), "{}", told.stdout);
}
