//! The whole program over real HTTP: what is sent, what a broken server does to it, and how it stops.

use std::fs;
use std::time::{Duration, Instant};

use expect_test::expect;
use fake_mistral::{Reply, Script};
use serde_json::Value;

use crate::support::{World, interrupt, ran, wait_for};

/// `n` steps of commands that differ, then an answer.
fn steps(n: usize) -> Script {
    Script::computed(move |_, request| {
        if request < n {
            Reply::call("run_command", format!("{{\"command\": \"true # {request}\"}}")).into()
        } else {
            Reply::text("Done.").into()
        }
    })
}

#[test]
fn each_request_begins_with_the_one_before_byte_for_byte() {
    let world = World::with(&[], steps(40));
    let told = world.run(&["Task"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let messages = world.messages();
    assert_eq!(messages.len(), 41);
    for pair in messages.windows(2) {
        assert!(pair[1].starts_with(&pair[0]));
    }
    assert_eq!(world.server.as_ref().unwrap().connections(), 1, "one connection a run");
}

#[test]
fn the_session_names_itself_to_the_cache() {
    let world = World::new(&[], "Done.");
    world.run(&["Task"]);
    let requests = world.server.as_ref().unwrap().requests();
    let chat = requests.iter().find(|request| request.path.ends_with("/chat/completions")).unwrap();
    let id = world.session_file().file_stem().unwrap().to_string_lossy().into_owned();
    let affinity = chat.headers.iter().find(|(name, _)| name == "x-affinity").map(|(_, value)| value.clone());
    assert_eq!(affinity.as_deref(), Some(id.as_str()));
    assert_eq!(world.bodies()[0]["prompt_cache_key"], id);
    assert_eq!(world.bodies()[0]["temperature"], 0.15, "the model card's own");
    assert_eq!(world.bodies()[0]["tools"][0]["function"]["strict"], true);
    assert!(chat.body.len() < 6_000, "{} bytes", chat.body.len());
}

#[test]
fn trouble_on_the_way_is_told_and_outlived() {
    let script =
        "! 429 retry-after=0\n---\n! reset\n---\nHalf an ans\n% cut=1\n---\n! 503\n---\n! 504 body=empty\n---\nWhole.";
    let world = World::new(&[], script);
    let told = world.run(&["Task"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "Whole.\n"), "{}", told.stderr);
    assert_eq!(told.stderr.matches("retrying").count(), 5, "{}", told.stderr);
    assert!(!told.stderr.contains("error:"), "{}", told.stderr);
    let kept = fs::read_to_string(world.session_file()).unwrap();
    assert!(!kept.contains("Half an ans"), "a broken stream leaves no trace");
}

#[test]
fn what_cannot_be_helped_is_not_tried_again() {
    for (fault, code) in [("! 422", 1), ("! 401", 2), ("! 404", 2)] {
        let world = World::new(&[], &format!("{fault}\n---\nDone."));
        let told = world.run(&["Task"]);
        assert_eq!(told.code, code, "{fault}: {}", told.stderr);
        assert!(told.stderr.contains("error: ") && !told.stderr.contains("retrying"), "{}", told.stderr);
        assert_eq!(world.bodies().len(), 1);
    }
}

#[test]
fn calls_written_as_text_are_understood() {
    let world =
        World::new(&[("a.txt", "content\n")], "[TOOL_CALLS]read_file[ARGS]{\"filename\": \"a.txt\"}\n---\nDone.");
    let told = world.run(&["Task"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "Done.\n"), "{}", told.stderr);
    assert!(world.outcome(0).contains("content"), "{}", world.outcome(0));
    assert!(!told.stderr.contains("TOOL_CALLS"), "{}", told.stderr);
}

#[test]
fn a_model_that_answers_nothing_nonsense_or_forever() {
    let world = World::new(&[], "% empty\n% repeat");
    assert_eq!(world.run(&["Task"]).code, 5);
    let world = World::new(&[], "> read_file {\"filename\": \"gone\"}\n% repeat");
    let told = world.run(&["Task"]);
    assert_eq!(told.code, 5, "{}", told.stderr);
    assert_eq!(world.bodies().len(), 5);
    let world = World::new(&[], "Some words\n% stall=2");
    let began = Instant::now();
    let told = world.run(&["--max-time", "1s", "Task"]);
    assert_eq!(told.code, 3, "{}", told.stderr);
    assert!(began.elapsed() < Duration::from_secs(120));
    // What was shown is kept.
    assert!(fs::read_to_string(world.session_file()).unwrap().contains("Some words"));
}

#[test]
fn limits_end_with_what_was_reached() {
    let world = World::with(&[], steps(50));
    let told = world.run(&["--max-steps", "3", "Task"]);
    assert_eq!(told.code, 3);
    expect![[r#"
        stopped: reached the 3-step limit
        hint: changes so far are kept; raise --max-steps"#]]
    .assert_eq(&told.stderr.lines().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"));
    let world = World::with(&[], steps(50));
    let told = world.run(&["--max-tokens", "8000", "--output", "json", "Task"]);
    assert_eq!(told.code, 3);
    let ended: Value = serde_json::from_str(&told.stdout).unwrap();
    assert!(ended["input_tokens"].as_u64().unwrap() + ended["output_tokens"].as_u64().unwrap() <= 8_000, "{ended}");
    let world = World::with(&[], steps(50));
    let free_server = world.run(&["--max-cost", "0.001", "Task"]);
    assert_eq!(free_server.code, 0, "a server on this machine costs nothing: {}", free_server.stderr);
}

#[test]
fn ctrl_c_once_stops_and_keeps_everything() {
    let world = World::new(&[], "> run_command {\"command\": \"touch begun; sleep 300\"}\n---\nDone.");
    let child = world.start(&["run", "--mode", "auto", "--output", "jsonl", "Task"]);
    wait_for(|| world.workspace().join("begun").exists());
    interrupt(child.id());
    let told = ran(child.wait_with_output().unwrap());
    assert_eq!(told.code, 130, "{}", told.stderr);
    assert!(told.stdout.contains("\"finish\":\"cancelled\""), "{}", told.stdout);
    let shown = world.agent(&["show"]).stdout;
    assert!(shown.contains("(cancelled)") && shown.contains("--- end\ncancelled"), "{shown}");
}

#[test]
fn ctrl_c_twice_leaves_at_once() {
    let world = World::new(&[], "% stall=0\nDone.");
    let child = world.start(&["run", "--mode", "auto", "Task"]);
    wait_for(|| !world.bodies().is_empty());
    interrupt(child.id());
    interrupt(child.id());
    assert_eq!(ran(child.wait_with_output().unwrap()).code, 130);
}

#[test]
fn a_program_that_was_killed_leaves_a_session_that_can_be_read() {
    let world = World::new(
        &[],
        "> create_file {\"filename\": \"a\", \"content\": \"x\"}\n---\n> run_command {\"command\": \"touch begun; sleep 300\"}",
    );
    let mut child = world.start(&["run", "--mode", "auto", "Task"]);
    wait_for(|| world.workspace().join("begun").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let shown = world.agent(&["show"]).stdout;
    assert!(shown.contains("Created `a`") && shown.contains("> run_command"), "{shown}");
    assert!(world.agent(&["sessions"]).stdout.contains("not ended"));
}
