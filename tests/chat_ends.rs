//! How a conversation ends and goes on later: left in the middle, its terminal closed, resumed.

use std::fs;

use serde_json::Value;

use crate::support::{World, wait_for};
use crate::tmux::Terminal;

const SIZE: (u16, u16) = (80, 24);

/// A step that goes on until the file `go` is there.
const WAITS: &str = "> run_command {\"command\": \"touch started; until [ -e go ]; do sleep 0.05; done; echo gone\"}";

/// In the middle of that step.
fn at_work(script: &str) -> Option<(World, Terminal)> {
    let world = World::new(&[], script);
    let terminal = Terminal::open(&world, &["chat"], SIZE, &[])?;
    terminal.wait_for("auto >");
    terminal.say("One.");
    terminal.wait_until("started", |_| world.workspace().join("started").exists());
    Some((world, terminal))
}

/// How the last turn ended, by the session file.
fn finish(world: &World) -> Option<String> {
    let text = fs::read_to_string(world.session_file()).unwrap();
    let last: Value = serde_json::from_str(text.lines().last()?).ok()?;
    Some(last.get("finish")?.as_str()?.to_owned())
}

#[test]
fn a_terminal_that_is_closed_ends_it_and_the_session_goes_on_later() {
    let Some((world, terminal)) = at_work(&format!("{WAITS}\n---\nI am back.")) else { return };
    drop(terminal);
    wait_for(|| finish(&world).is_some());
    assert_eq!(finish(&world).as_deref(), Some("cancelled"));
    // The program is gone, or the session would be its own.
    wait_for(|| !world.agent(&["resume", "--mode", "auto", "Go on."]).stderr.contains("another process"));
    let body = world.bodies().last().unwrap()["messages"].to_string();
    assert!(body.contains("touch started") && body.contains("Go on."), "{body}");
}

#[test]
fn ctrl_c_twice_leaves_in_the_middle() {
    let Some((world, terminal)) = at_work(WAITS) else { return };
    terminal.type_text("\u{3}\u{3}");
    assert_eq!(terminal.wait_for_end(), 0);
    let screen = terminal.screen();
    assert!(screen.contains("stopping") && !screen.contains("ctx"), "the turn did not come to its end: {screen}");
    assert!(screen.contains("1 step "), "what was spent is known: {screen}");
    assert_eq!(finish(&world).as_deref(), Some("cancelled"));
}

#[test]
fn leaving_is_no_failure_however_the_last_turn_ended() {
    let Some((world, terminal)) = at_work(WAITS) else { return };
    terminal.press("Escape");
    terminal.wait_for("ctx");
    terminal.press("C-d");
    assert_eq!(terminal.wait_for_end(), 0);
    assert_eq!(finish(&world).as_deref(), Some("cancelled"));
    assert_eq!(terminal.screen().matches("changes so far are kept").count(), 1, "it was said");
}

#[test]
fn a_session_that_is_finished_is_talked_to() {
    let script = "> create_file {\"filename\": \"a.txt\", \"content\": \"a\\n\"}\n---\nFirst.\n---\nSecond.";
    let world = World::new(&[], script);
    assert_eq!(world.run(&["The task"]).code, 0);
    let Some(terminal) = Terminal::open(&world, &["resume"], SIZE, &[]) else { return };
    terminal.wait_for("continuing: The task");
    terminal.say("/diff");
    terminal.wait_for("diff --git a/a.txt b/a.txt");
    terminal.say("/undo");
    terminal.wait_for("reverted step 1");
    assert!(!world.workspace().join("a.txt").exists());
    terminal.say("And now?");
    terminal.wait_for("Second.");
    let bodies = world.bodies();
    let (first, last) = (bodies[0]["messages"].to_string(), bodies[2]["messages"].to_string());
    assert!(last.starts_with(first.trim_end_matches(']')) && last.contains("And now?"), "{last}");
    assert_eq!(world.session_files().len(), 1);
}
