//! Replies that are no plain answer, end to end: thoughts, calls that lost their form, filtered and refused answers.

use fake_mistral::{FakeMistral, Raw, Reply, Script, Turn};
use serde_json::{Value, json};

use crate::support::World;
use crate::tmux::Terminal;

const CALL: &str = r#"<tool_call>{"name": "run_command", "arguments": {"command": "touch ran"}}</tool_call>"#;

fn ran(world: &World) -> bool {
    world.workspace().join("ran").exists()
}

/// What the model said instead of an answer, then `Done.`: the exit code, stdout, what it was told.
fn said(reply: &str) -> (World, i32, String, String) {
    let world = World::with(&[], Script::new([Turn::from(Reply::text(reply)), Turn::from(Reply::text("Done."))]));
    let run = world.run(&["--output", "json", "Task"]);
    let ended: Value = serde_json::from_str(&run.stdout).unwrap();
    let told = match world.bodies().get(1) {
        Some(body) => body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned(),
        None => String::new(),
    };
    (world, run.code, ended["answer"].as_str().unwrap().to_owned(), told)
}

#[test]
fn a_call_that_lost_its_form_is_sent_back_and_never_run() {
    for reply in [
        r#"run_commandritannien{"command": "touch ran"}"#,
        r#"run_command وسرعت:{"command": "touch ran"}"#,
        r#"bash وسرعت:{"command": "touch ran"}"#,
        r#"bashikian{"command": "touch ran"}"#,
        "I run it.\nrun_commandritannien{\"command\": \"touch ran\"}",
    ] {
        let (world, code, answer, told) = said(reply);
        assert_eq!((code, answer.as_str()), (0, "Done."), "{reply}");
        assert!(told.contains("Call the tool `run_command` itself"), "{told}");
        assert!(!ran(&world), "{reply}");
    }
    let (_, _, _, told) = said(r#"create_fileritannien{"filename": "ran", "content": ""}"#);
    assert!(told.contains("Call the tool `create_file` itself"), "{told}");
}

#[test]
fn three_in_a_row_are_no_success() {
    let leaked = "bashikian{\"command\": \"touch ran\"}\n% repeat";
    let world = World::new(&[], leaked);
    let run = world.run(&["--output", "json", "Task"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    let ended: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&ended["finish"], &ended["answer"]), (&json!("stuck"), &json!("")));
    assert_eq!(ended["reason"], "3 replies in a row ended in a tool call written as text");
    assert_eq!((world.bodies().len(), ran(&world)), (3, false));

    let world = World::new(&[], "~ I should call a tool.\n% repeat");
    let run = world.run(&["--model", "mistral-medium-3-5", "Task"]);
    assert_eq!((run.code, world.bodies().len()), (5, 3), "{}", run.stderr);
    assert!(run.stderr.contains("3 replies in a row were thoughts without a reply"), "{}", run.stderr);
    let last = world.messages().pop().unwrap();
    assert!(last.contains("stopped after thinking, without a reply"), "{last}");
}

#[test]
fn a_call_in_a_thought_is_never_run() {
    for reply in [
        format!("<think>I could call\n{CALL}\nbut no.</think>\n\nThe answer."),
        format!("<think>I could call\n{CALL}\nbut no."),
        format!("<think>I could call\n{CALL}"),
        format!("I could call\n{CALL}\n</think>\n\nThe answer."),
        format!("[THINK]{CALL}[/THINK]The answer."),
        format!("The answer. <think>{CALL}"),
        r#"<think>[TOOL_CALLS]run_command[ARGS]{"command": "touch ran"}"#.to_owned(),
    ] {
        let (world, code, answer, _) = said(&reply);
        assert!(!ran(&world), "{reply}");
        assert_eq!(code, 0, "{reply}");
        assert!(["The answer.", "Done."].contains(&answer.as_str()), "{reply}: {answer}");
        assert!(!world.messages().concat().contains("I could"), "a thought is sent back: {reply}");
    }
}

#[test]
fn a_call_that_the_answer_quotes_is_never_run() {
    for reply in [
        format!("To make it you would send {CALL} and wait."),
        format!("> {CALL}\n\nis its form."),
        format!("The form:\n\n    {CALL}"),
        format!("The form:\n\n~~~\n{CALL}\n~~~"),
        format!("| form |\n| --- |\n| {CALL} |"),
        format!("<pre>\n{CALL}\n</pre>"),
        format!("The form:\n```json\n{CALL}\n```"),
    ] {
        let (world, code, _, _) = said(&reply);
        assert_eq!((code, ran(&world)), (0, false), "{reply}");
    }
    // At the end, and not quoted, it is the call of a model whose server has no parser.
    let (world, code, _, _) = said(&format!("I make it.\n{CALL}"));
    assert_eq!((code, ran(&world)), (0, true));
}

#[test]
fn once_the_server_has_sent_calls_none_is_read_from_text() {
    let call = Reply::call("run_command", r#"{"command": "true"}"#);
    let turns = [call, Reply::text(format!("I make it.\n{CALL}")), Reply::text("Done.")];
    let world = World::with(&[], Script::new(turns.map(Turn::from)));
    let run = world.run(&["Task"]);
    assert_eq!((run.code, run.stdout.as_str(), ran(&world)), (0, "Done.\n", false), "{}", run.stderr);
    assert!(world.messages()[2].contains("written as text, so nothing ran"));

    // Qwen2.5-Coder on llama-server: some calls are read there, and some are not.
    let call = Reply::call("run_command", r#"{"command": "true"}"#);
    let block = "```json\n{\"name\": \"run_command\", \"arguments\": {\"command\": \"touch ran\"}}\n```";
    let world = World::with(&[], Script::new([call, Reply::text(block), Reply::text("Done.")].map(Turn::from)));
    let mut command = world.command(&["run", "--mode", "auto", "Task"]);
    command.env("AGENT_PROFILE", "small-coder");
    command.output().unwrap();
    assert!(ran(&world));
}

#[test]
fn an_answer_that_was_filtered_cut_or_refused_is_no_success() {
    let world = World::new(&[], "First I change the file a.t\n% finish=content_filter");
    let run = world.run(&["Task"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{}", run.stderr);
    assert!(run.stderr.contains("error: the server's content filter cut off the reply"), "{}", run.stderr);

    let world = World::new(&[], "First I change the file a.t\n% finish=abort\n---\nDone.");
    let run = world.run(&["Task"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "Done.\n"), "{}", run.stderr);
    assert!(run.stderr.contains("abort"), "{}", run.stderr);
    assert!(world.messages()[1].contains("cut off (`abort`)"));

    // A whole sentence is an answer, whatever the server calls its end.
    let world = World::new(&[], "All is done.\n% finish=abort");
    assert_eq!(world.run(&["Task"]).code, 0);

    let refusal =
        json!({"choices": [{"index": 0, "delta": {"refusal": "I cannot help with that."}, "finish_reason": "stop"}]});
    let world =
        World::with(&[], Script::new([Turn::from(Raw::stream(format!("data: {refusal}\n\ndata: [DONE]\n\n")))]));
    let run = world.run(&["Task"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("error: the model declined to answer: I cannot help with that."), "{}", run.stderr);
}

#[test]
fn thinking_goes_back_to_the_models_that_want_it() {
    let script = "~ The file first.\n> read_file {\"filename\": \"a.txt\"}\n---\n~ Easy.\nDone.";
    let world = World::new(&[("a.txt", "one\n")], script);
    let run = world.run(&["--model", "mistral-medium-3-5", "Task"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "Done.\n"), "{}", run.stderr);
    let bodies = world.bodies();
    assert_eq!(bodies[0]["reasoning_effort"], "high");
    assert_eq!(bodies[0]["temperature"], 1.0);
    let thought = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "The file first."}]}]);
    assert_eq!(bodies[1]["messages"][2]["content"], thought);
    assert!(world.messages()[1].starts_with(&world.messages()[0]));
    assert!(bodies[1]["messages"][2]["tool_calls"].is_array());

    // Not to Devstral, whose API refuses it.
    let world = World::new(&[("a.txt", "one\n")], script);
    assert_eq!(world.run(&["Task"]).code, 0);
    assert!(world.bodies().iter().all(|body| body.get("reasoning_effort").is_none()));
    assert!(!world.messages().concat().contains("The file first."));
}

#[test]
fn an_effort_is_brought_to_a_level_that_the_model_takes() {
    let effort = |model: &str, wanted: &str| {
        let world = World::new(&[], "Done.");
        let run = world.run(&["--model", model, "--effort", wanted, "Task"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let notes: String = run.stderr.lines().filter(|line| line.contains("effort")).collect();
        (world.bodies()[0].get("reasoning_effort").cloned(), notes)
    };
    let (sent, note) = effort("mistral-medium-3-5", "low");
    assert_eq!(sent, Some(json!("high")));
    assert!(note.contains("mistral-medium-3-5 accepts effort none or high, not low: using high"), "{note}");
    assert_eq!(effort("mistral-small-2603", "none").0, Some(json!("none")));
    assert_eq!(effort("mistral-large-4-0", "low"), (Some(json!("low")), String::new()));
    let (sent, note) = effort("devstral-2512", "high");
    assert_eq!(sent, None);
    assert!(note.contains("devstral-2512 has no effort levels"), "{note}");

    let world = World::new(&[], "Done.");
    let run = ran_with(&world, "AGENT_EFFORT", "none");
    assert_eq!(world.bodies()[0]["reasoning_effort"], "none", "{run}");
    let run = world.run(&["--effort", "much", "Task"]);
    assert!(run.code == 2 && run.stderr.contains("use none, minimal, low, medium, high or xhigh"), "{}", run.stderr);
}

fn ran_with(world: &World, name: &str, value: &str) -> String {
    let mut command = world.command(&["run", "--mode", "auto", "--model", "mistral-medium-3-5", "Task"]);
    String::from_utf8(command.env(name, value).output().unwrap().stderr).unwrap()
}

#[test]
fn strict_tools_are_a_matter_of_the_model() {
    for (model, strict) in [("mistral-large-4-0", None), ("devstral-2512", Some(&json!(true)))] {
        let world = World::new(&[], "Done.");
        world.run(&["--model", model, "Task"]);
        assert_eq!(world.bodies()[0]["tools"][0]["function"].get("strict"), strict, "{model}");
    }
}

/// What an attempt used before it broke off is paid for too.
#[test]
fn usage_in_a_chunk_that_carries_an_error_is_counted() {
    let broken = json!({"choices": [], "usage": {"prompt_tokens": 1_000, "completion_tokens": 50},
        "error": {"message": "overloaded", "code": 503}});
    let whole = Reply::text("Done.");
    let turns = [Turn::from(Raw::stream(format!("data: {broken}\n\n"))), Turn::from(whole)];
    let world = World::with(&[], Script::new(turns));
    let run = world.run(&["--output", "json", "Task"]);
    let ended: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(ended["finish"], "answered", "{}", run.stderr);
    let fake: &FakeMistral = world.server.as_ref().unwrap();
    let body = fake.requests().iter().rev().find(|request| request.path.ends_with("completions")).unwrap().body.len();
    assert_eq!(ended["input_tokens"], 1_000 + body as u64 / 4);
    assert_eq!(ended["output_tokens"], 50 + 2);
}

#[test]
fn the_effort_changes_in_a_conversation() {
    let world = World::new(&[], "One.\n---\nTwo.");
    let arguments = ["chat", "--model", "mistral-medium-3-5"];
    let Some(terminal) = Terminal::open(&world, &arguments, (100, 30), &[]) else { return };
    terminal.wait_for("auto >");
    terminal.say("First.");
    terminal.wait_for("One.");
    terminal.say("/effort");
    terminal.wait_for("mistral-medium-3-5: effort high; it accepts none or high");
    terminal.say("/effort much");
    terminal.wait_for("error: unknown effort `much`");
    terminal.say("/effort none");
    terminal.wait_for("now using mistral-medium-3-5, effort none");
    terminal.say("Second.");
    terminal.wait_for("Two.");
    let efforts: Vec<Value> = world.bodies().iter().map(|body| body["reasoning_effort"].clone()).collect();
    assert_eq!(efforts, ["high", "none"]);
}
