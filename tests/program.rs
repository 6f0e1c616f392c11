//! A program beside `agent run --output jsonl --input jsonl`: it is asked by events and answers by lines.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::World;

/// What to do at an event: lines for stdin, or the end of it.
enum Then {
    Say(Vec<String>),
    Leave,
}

fn validator(world: &World, of: &str) -> Validator {
    let schema: Value = serde_json::from_str(&world.agent(&["config", "schema", of]).stdout).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// Plays the program: each event that is an approval goes to `decide`. Every line of both sides fits its schema, but
/// for those of ours that are marked as broken by a leading `!`. Returns the exit code and all events.
fn play(world: &World, more: &[&str], mut decide: impl FnMut(&Value) -> Then) -> (i32, Vec<Value>) {
    let (events, inputs) = (validator(world, "events"), validator(world, "input"));
    let arguments = [&["run", "--output", "jsonl", "--input", "jsonl", "--confirm"], more, &["Task"]].concat();
    let mut command = world.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take();
    let mut seen = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        assert!(events.is_valid(&event), "{line}");
        let asked = event["type"] == "approval_requested";
        seen.push(event);
        match asked.then(|| decide(seen.last().unwrap())) {
            Some(Then::Leave) => drop(stdin.take()),
            Some(Then::Say(lines)) => {
                for line in lines {
                    let line = match line.strip_prefix('!') {
                        Some(broken) => broken.to_owned(),
                        None => {
                            assert!(inputs.is_valid(&serde_json::from_str(&line).unwrap()), "{line}");
                            line
                        }
                    };
                    writeln!(stdin.as_mut().unwrap(), "{line}").unwrap();
                }
            }
            None => (),
        }
    }
    (child.wait().unwrap().code().unwrap(), seen)
}

fn approval(request: &Value, answer: &str, more: Value) -> String {
    let mut line = json!({"type": "approval", "id": request["id"], "answer": answer});
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    line.to_string()
}

fn only(events: &[Value], kind: &str) -> Vec<Value> {
    events.iter().filter(|event| event["type"] == kind).cloned().collect()
}

const TOUCH: &str = "I make it.\n> run_command {\"command\": \"touch made\"}\n---\nDone.";

#[test]
fn an_approval_is_asked_as_an_event_and_answered_by_a_line() {
    let world = World::new(&[], TOUCH);
    let (code, events) = play(&world, &[], |request| Then::Say(vec![approval(request, "once", json!({}))]));
    assert_eq!(code, 0, "{events:#?}");
    let request = &only(&events, "approval_requested")[0];
    assert_eq!(request["effect"]["kind"], "run");
    assert_eq!(request["effect"]["command"], "touch made");
    assert_eq!(request["effect"]["cwd"], world.workspace().to_str().unwrap());
    assert_eq!(request["offer"], "exactly the command `touch made`");
    assert_eq!(request["reason"], "I make it.");
    assert!(request["deadline"].is_string());
    assert_eq!(only(&events, "approval_ended")[0]["answer"], "once");
    assert!(world.workspace().join("made").exists());
}

#[test]
fn each_answer_does_what_it_says() {
    for (answer, more, code, made, told) in [
        ("no", json!({"reason": "not here"}), 0, None, "The user said no: not here"),
        ("session", json!({}), 0, Some("made"), "[exit code 0]"),
        ("edit", json!({"command": "touch edited"}), 0, Some("edited"), "-touch made\n+touch edited"),
        ("quit", json!({}), 4, None, ""),
    ] {
        let world = World::new(&[], TOUCH);
        let (ended, events) = play(&world, &[], |request| Then::Say(vec![approval(request, answer, more.clone())]));
        assert_eq!(ended, code, "{answer}: {events:#?}");
        for name in ["made", "edited"] {
            assert_eq!(world.workspace().join(name).exists(), made == Some(name), "{answer} {name}");
        }
        let result = &only(&events, "tool_result")[0];
        assert!(result["text"].as_str().unwrap().contains(told), "{answer}: {result}");
    }
}

#[test]
fn files_are_asked_about_with_their_diffs_and_can_be_written_otherwise() {
    let edit = "> create_file {\"filename\": \"a.txt\", \"content\": \"one\\n\"}\n---\nDone.";
    let world = World::new(&[], edit);
    let (code, events) = play(&world, &[], |request| {
        assert!(request["effect"]["files"][0]["diff"].as_str().unwrap().contains("+one"), "{request}");
        assert_eq!(request["offer"], "all edits in the workspace (mode accept-edits)");
        Then::Say(vec![
            approval(request, "edit", json!({"files": [{"path": "b.txt", "text": ""}]})),
            approval(request, "edit", json!({"files": [{"path": "a.txt", "text": "two\n"}]})),
        ])
    });
    assert_eq!(code, 0, "{events:#?}");
    assert_eq!(only(&events, "input_error").len(), 1);
    assert_eq!(std::fs::read_to_string(world.workspace().join("a.txt")).unwrap(), "two\n");
}

#[test]
fn what_is_not_understood_is_answered_and_changes_nothing() {
    let world = World::new(&[], TOUCH);
    let (code, events) = play(&world, &[], |request| {
        Then::Say(vec![
            "!not json".to_owned(),
            "!{\"type\": \"approval\", \"id\": 1}".to_owned(),
            "!{\"type\": \"fly\"}".to_owned(),
            "!{\"type\": \"cancel\", \"why\": \"so\"}".to_owned(),
            json!({"type": "approval", "id": "approval-99", "answer": "once"}).to_string(),
            approval(request, "no", json!({"command": "touch made"})),
            approval(request, "no", json!({})),
        ])
    });
    assert_eq!(code, 0, "{events:#?}");
    assert_eq!(only(&events, "input_error").len(), 6, "{events:#?}");
    assert!(!world.workspace().join("made").exists());
}

#[test]
fn a_message_reaches_the_next_request_and_a_mode_the_next_effect() {
    let world = World::new(
        &[],
        "> run_command {\"command\": \"touch a\"}\n---\n> run_command {\"command\": \"touch b\"}\n---\nDone.",
    );
    let (code, events) = play(&world, &[], |request| {
        Then::Say(vec![
            json!({"type": "message", "text": "And be quick."}).to_string(),
            json!({"type": "mode", "mode": "auto"}).to_string(),
            approval(request, "once", json!({})),
        ])
    });
    assert_eq!(code, 0, "{events:#?}");
    assert_eq!(only(&events, "approval_requested").len(), 1);
    assert_eq!(only(&events, "mode_changed")[0]["mode"], "auto");
    assert!(world.workspace().join("b").exists());
    assert!(world.bodies()[1]["messages"].to_string().contains("And be quick."));
}

#[test]
fn nobody_in_time_is_a_refusal_and_so_is_a_closed_stdin() {
    for (leave, more) in [(true, &[][..]), (false, &["--approval-timeout", "1s"][..])] {
        let world = World::new(&[], TOUCH);
        let decide = |_: &Value| if leave { Then::Leave } else { Then::Say(Vec::new()) };
        let (code, events) = play(&world, more, decide);
        assert_eq!(code, 4, "{events:#?}");
        assert_eq!(only(&events, "approval_ended")[0]["answer"], "nobody");
        assert_eq!(events.last().unwrap()["finish"], "approval_needed");
        assert!(!world.workspace().join("made").exists());
    }
}

#[test]
fn a_cancel_stops_the_step() {
    let world = World::new(&[], TOUCH);
    let (code, _) = play(&world, &[], |_| Then::Say(vec![json!({"type": "cancel"}).to_string()]));
    assert_eq!(code, 130);
    assert!(!world.workspace().join("made").exists());
}

#[test]
fn input_needs_output_and_rules_are_checked_before_anything_runs() {
    let world = World::new(&[], TOUCH);
    for (arguments, hint) in [
        (&["run", "--input", "jsonl", "Task"][..], "hint: use both"),
        (&["run", "--input", "jsonl", "--output", "jsonl", "-"], "hint: give the task as an argument"),
        (&["run", "--allow", "npm *", "Task"], "hint: a rule is like `cargo test`"),
        (&["run", "--approval-timeout", "soon", "Task"], "hint: write it like 90s"),
    ] {
        let told = world.agent(arguments);
        assert_eq!(told.code, 2, "{told:?}");
        assert!(told.stderr.contains(hint), "{told:?}");
    }
    assert!(world.bodies().is_empty());
}

#[test]
fn rules_come_from_flags_and_files_and_a_repository_only_narrows() {
    let world = World::new(&[(".agent/config.toml", "allow = [\"touch\"]\ndeny = [\"touch never\"]\n")], "Done.");
    assert_eq!(world.agent(&["config", "trust"]).code, 0);
    let shown = world.agent(&["config"]);
    assert!(shown.stderr.contains("a repository cannot set `allow`"), "{shown:?}");

    let script = "> run_command {\"command\": \"touch one\"}\n> run_command {\"command\": \"touch never\"}\n---\nDone.";
    let world = World::new(&[(".agent/config.toml", "deny = [\"touch never\"]\n")], script);
    assert_eq!(world.agent(&["config", "trust"]).code, 0);
    let told = world.agent(&["run", "--mode", "confirm", "--allow", "touch", "Task"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(world.workspace().join("one").exists() && !world.workspace().join("never").exists());
    assert_eq!(world.outcome(1), "The user's rules forbid commands that start with `touch never`.");
}

#[test]
fn a_small_model_is_offered_whole_files_only_and_is_asked_before_it_ends() {
    let world = World::new(&[], "Done.\n---\nIt needs no change.");
    let mut command = world.command(&["run", "--mode", "auto", "Task"]);
    let told = crate::support::ran(command.env("AGENT_PROFILE", "small-coder").output().unwrap());
    assert_eq!(told.code, 0, "{}", told.stderr);
    let bodies = world.bodies();
    let names = bodies[0]["tools"].as_array().unwrap().iter().map(|tool| tool["function"]["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<&str>>(), ["read_file", "create_file", "run_command"]);
    assert!(bodies[1]["messages"].to_string().contains("No file was changed"), "{}", bodies[1]);
}

#[test]
fn a_model_without_a_system_role_has_its_instructions_from_the_user() {
    let world = World::new(&[], "Done.");
    let mut command = world.command(&["run", "--mode", "auto", "Task"]);
    let told = crate::support::ran(command.env("AGENT_PROFILE", "gemma").output().unwrap());
    assert_eq!(told.code, 0, "{}", told.stderr);
    let bodies = world.bodies();
    let messages = bodies[0]["messages"].as_array().unwrap();
    let roles = messages.iter().map(|message| message["role"].as_str().unwrap());
    assert_eq!(roles.collect::<Vec<&str>>(), ["user", "assistant", "user"]);
    assert_eq!(messages[2]["content"], "Task");
}

#[test]
fn a_look_does_not_run_what_an_edit_put_into_path() {
    let edit = "--- /dev/null\\n+++ b/.venv/bin/ls\\n@@ -0,0 +1,2 @@\\n+#!/bin/sh\\n+touch PLANTED\\n";
    let script = format!(
        "> apply_diff {{\"diff\": \"diff --git a/.venv/bin/ls b/.venv/bin/ls\\nnew file mode 100755\\n{edit}\"}}\n---\n\
         > run_command {{\"command\": \"ls\"}}\n---\nDone."
    );
    let world = World::new(&[(".venv/bin/keep", "")], &script);
    let path = format!("{}:{}", world.workspace().join(".venv/bin").display(), std::env::var("PATH").unwrap());
    let ran = crate::support::ran(
        world.command(&["run", "--mode", "accept-edits", "Look."]).env("PATH", path).output().unwrap(),
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(world.workspace().join(".venv/bin/ls").exists(), "{}", ran.stderr);
    assert!(!world.workspace().join("PLANTED").exists(), "{}", ran.stderr);
}
