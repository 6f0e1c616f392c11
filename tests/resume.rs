//! Going on with a session: what the model is sent, and that nothing which was said is lost, doubled or rewritten.

use std::fs;
use std::io::Write as _;

use expect_test::expect;
use fake_mistral::{Reply, Script};
use session::Session;

use crate::support::{World, ran, wait_for};

/// Each request begins with the one before, also across processes; how many there were.
#[track_caller]
fn check_prefixes(world: &World) -> usize {
    let messages = world.messages();
    for pair in messages.windows(2) {
        assert!(pair[1].starts_with(&pair[0]), "{}\n{}", pair[0], pair[1]);
    }
    messages.len()
}

/// What the model was sent after the first `from` messages of the last request, one a line.
fn last_messages(world: &World, from: usize) -> String {
    let bodies = world.bodies();
    let messages = bodies.last().unwrap()["messages"].as_array().unwrap().clone();
    let mut shown = String::new();
    for message in &messages[from..] {
        let content = message["content"].as_str().unwrap_or_default();
        let calls: Vec<&str> =
            message["tool_calls"].as_array().into_iter().flatten().map(|call| call["id"].as_str().unwrap()).collect();
        let id = message["tool_call_id"].as_str().unwrap_or_default();
        shown += &format!("{}{id} {}{content}\n", message["role"].as_str().unwrap(), calls.join(" "));
    }
    shown
}

#[test]
fn a_run_that_met_a_limit_goes_on_with_the_same_bytes() {
    let script = "> list_files {}\n---\n> run_command {\"command\": \"echo é; exit 3\"}\n> fly {\"to\": [1.50, 1e3]}\n---\n\
                  > read_file {\"filename\n---\nDone.";
    let world = World::new(&[("a.txt", "one\n")], script);
    assert_eq!(world.run(&["--max-steps", "1", "Task"]).code, 3);
    assert_eq!(world.agent(&["resume", "--max-steps", "2"]).code, 3);
    let told = world.agent(&["resume"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "Done.\n"), "{}", told.stderr);
    assert_eq!(check_prefixes(&world), 4);
    assert_eq!(world.session_files().len(), 1);
    let keys: Vec<_> = world.bodies().iter().map(|body| body["prompt_cache_key"].clone()).collect();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
    expect![[r#"
        assistant c00000001
        toolc00000001 a.txt

        assistant c00000002 c00000003
        toolc00000002 é
        [exit code 3]
        toolc00000003 Unknown tool `fly`. Available tools: read_file, search_files, list_files, create_file, apply_diff, run_command, read_output, stop_command, repo_map.
        assistant c00000004
        toolc00000004 `read_file` did not run: bad arguments, they are cut off; send less at once. Send the call again.
    "#]]
    .assert_eq(&last_messages(&world, 2));
}

#[test]
fn a_finished_session_wants_a_message_and_ids_go_on() {
    let world = World::new(&[], "> list_files {}\n---\nDone.\n---\n> list_files {}\n---\nDone again.");
    assert_eq!(world.run(&["Task"]).code, 0);
    let told = world.agent(&["resume"]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains(" is finished\nhint: say what to do next: agent resume "), "{}", told.stderr);
    let told = world.agent(&["resume", "Add a test, too"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "Done again.\n"), "{}", told.stderr);
    assert!(told.stderr.contains("continuing: Task"), "{}", told.stderr);
    check_prefixes(&world);
    expect![[r#"
        assistant Done.
        user Add a test, too
        assistant c00000002
        toolc00000002 `.` has no files.
    "#]]
    .assert_eq(&last_messages(&world, 4));
}

#[test]
fn a_call_that_was_cut_short_is_answered_as_such() {
    let script = "> run_command {\"command\": \"touch begun; sleep 300\"}\n> list_files {}\n> read_file {\"filename\": \"a\"}\n---\nDone.";
    let world = World::new(&[], script);
    let mut child = world.start(&["run", "--mode", "auto", "Task"]);
    wait_for(|| world.workspace().join("begun").exists());
    // While it runs nobody else writes to its session.
    let busy = world.agent(&["resume"]);
    assert_eq!(busy.code, 2);
    assert!(busy.stderr.contains(
        "is being written by another process\nhint: wait until it ends, or continue from a copy: agent fork "
    ));
    child.kill().unwrap();
    child.wait().unwrap();
    let told = world.agent(&["resume"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    check_prefixes(&world);
    expect![[r#"
        assistant c00000001 c00000002 c00000003
        toolc00000001 The run was interrupted here. This call may have run fully, partly or not at all: check the current state before you continue.
        toolc00000002 The run was stopped before this call finished.
        toolc00000003 The run was stopped before this call finished.
    "#]]
    .assert_eq(&last_messages(&world, 2));
    let shown = world.agent(&["show"]).stdout;
    assert!(shown.contains("(interrupted)") && shown.contains("--- resumed with "), "{shown}");
}

#[test]
fn words_that_were_cut_short_go_on() {
    let world = World::new(&[], "Half of it and more of that\n% stall=2\n---\nThe rest.");
    assert_eq!(world.run(&["--max-time", "1s", "Task"]).code, 3);
    let told = world.agent(&["resume"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(last_messages(&world, 3).contains("user Your reply was interrupted. Continue."));
}

#[test]
fn another_model_and_other_limits() {
    let world = World::new(&[], "> list_files {}\n---\n> list_files {}\n---\nDone.");
    world.run(&["--max-steps", "1", "Task"]);
    let told = world.agent(&["resume", "--model", "codestral-latest", "--output", "json"]);
    let ended: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, &ended["steps"]), (0, &3.into()), "all of the session: {}", told.stderr);
    check_prefixes(&world);
    let models: Vec<_> = world.bodies().iter().map(|body| body["model"].clone()).collect();
    assert_eq!(models, ["devstral-medium-latest", "codestral-latest", "codestral-latest"]);
    // Totals are those of all requests together.
    let usage: u64 =
        world.server.as_ref().unwrap().requests().iter().map(|request| request.body.len() as u64 / 4).sum();
    let counted = ended["input_tokens"].as_u64().unwrap();
    assert!(counted.abs_diff(usage) < 10, "{counted} of {usage}");
}

#[test]
fn the_model_and_its_server_are_those_of_the_session() {
    let script = "> list_files {}\n---\nDone.";
    let world = World::new(&[], script);
    let server = world.server.as_ref().unwrap().base_url();
    let mut first = world.command(&["run", "--mode", "auto", "--max-steps", "1", "--model", "codestral-latest"]);
    first.args(["--base-url", &server, "--api-key-env", "OTHER_KEY", "Task"]).env("OTHER_KEY", "other");
    assert_eq!(ran(first.env_remove("AGENT_BASE_URL").output().unwrap()).code, 3);
    // Neither the code nor a key goes to another place because a variable changed meanwhile.
    let mut then = world.command(&["resume"]);
    then.env("AGENT_BASE_URL", "http://127.0.0.1:9/v1").env("AGENT_MODEL", "devstral-2512").env("OTHER_KEY", "other");
    let told = ran(then.output().unwrap());
    assert_eq!(told.code, 0, "{}", told.stderr);
    let requests = world.server.as_ref().unwrap().requests();
    let keys = requests.iter().flat_map(|request| &request.headers).filter(|(name, _)| name == "authorization");
    assert!(keys.clone().count() > 2 && keys.clone().all(|(_, key)| key == "Bearer other"), "{keys:?}");
    assert!(!fs::read_to_string(world.session_file()).unwrap().contains("other\""));
}

#[test]
fn a_torn_last_line_is_left_out_and_does_not_spoil_the_next_one() {
    let world = World::new(&[], "> list_files {}\n---\n> list_files {}\n---\nDone.");
    world.run(&["--max-steps", "1", "Task"]);
    let file = world.session_file();
    let lines = fs::read_to_string(&file).unwrap();
    // Without the end, and half of the outcome before it.
    let whole: Vec<&str> = lines.lines().collect();
    let torn = format!("{}\n{}", whole[..whole.len() - 2].join("\n"), &whole[whole.len() - 2][..50]);
    fs::write(&file, &torn).unwrap();
    assert!(world.agent(&["sessions"]).stdout.contains("not ended"));
    let told = world.agent(&["resume"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains("the last line is incomplete and was skipped"), "{}", told.stderr);
    assert!(last_messages(&world, 2).contains("toolc00000001 The run was interrupted here"));
    assert!(fs::read_to_string(&file).unwrap().starts_with(&torn), "a session file only grows");
    let shown = world.agent(&["show"]);
    assert!(
        shown.stderr.contains("is incomplete and was skipped") && shown.stdout.contains("Done."),
        "{}",
        shown.stdout
    );
    // And once more, for the torn line is now in the middle.
    assert_eq!(world.agent(&["resume", "--max-steps", "1", "More"]).code, 3);
    check_prefixes(&world);
}

#[test]
fn a_damaged_file_is_left_alone_and_its_whole_part_goes_on_in_another() {
    let world = World::new(&[], "> list_files {}\n---\n> list_files {}\n---\nDone.\n---\nDone.");
    world.run(&["Task"]);
    let file = world.session_file();
    let damaged = fs::read_to_string(&file).unwrap().replacen("\"c00000001\",\"tool\"", "\"c000000", 1);
    fs::write(&file, &damaged).unwrap();
    let told = world.agent(&["resume"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains("the intact part continues in a new session"), "{}", told.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
    assert_eq!(world.session_files().len(), 2);
    assert!(last_messages(&world, 2).contains("toolc00000001 The run was interrupted here"));
}

#[test]
fn what_the_model_has_read_still_counts() {
    let script = "> read_file {\"filename\": \"a.txt\"}\n> read_file {\"filename\": \"b.txt\"}\n---\n\
                  > create_file {\"filename\": \"a.txt\", \"content\": \"new\\n\"}\n> create_file {\"filename\": \"b.txt\", \"content\": \"new\\n\"}\n\
                  > create_file {\"filename\": \"c.txt\", \"content\": \"new\\n\"}\n---\nDone.";
    let world = World::new(&[("a.txt", "a\n"), ("b.txt", "b\n"), ("c.txt", "c\n")], script);
    world.run(&["--max-steps", "1", "Task"]);
    world.write("b.txt", "by a human\n");
    assert_eq!(world.agent(&["resume"]).code, 0);
    expect![[r#"
        toolc00000003 Replaced `a.txt` (1 line).
        toolc00000004 `b.txt` exists and was not overwritten: it changed on disk since you read it. Its content follows. If your version is still right, send it again.
        `b.txt`, 1 line:
        by a human

        toolc00000005 `c.txt` exists and was not overwritten: you have not read it. Its content follows. If your version is still right, send it again.
        `c.txt`, 1 line:
        c

    "#]]
    .assert_eq(&last_messages(&world, 6));
}

#[test]
fn a_fork_begins_like_the_other_and_leaves_it_alone() {
    let script = Script::computed(|body, _| {
        let messages = body["messages"].as_array().unwrap();
        let last = messages.last().unwrap()["content"].as_str().unwrap().to_owned();
        let calls = messages.iter().filter(|message| message["tool_calls"].is_array()).count();
        if calls < 3 && !last.contains("instead") {
            return Reply::call("run_command", format!("{{\"command\": \"echo {calls}\"}}")).into();
        }
        Reply::text(format!("{calls} calls")).into()
    });
    let world = World::with(&[], script);
    assert_eq!(world.run(&["Task"]).stdout, "3 calls\n");
    let original = world.session_file();
    let (id, kept) = (original.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&original).unwrap());
    assert_eq!(world.agent(&["fork", &id, "--step", "2", "Do this instead"]).stdout, "2 calls\n");
    assert_eq!(world.agent(&["fork", &id[24..], "--step", "1"]).stdout, "3 calls\n");
    assert_eq!(world.agent(&["fork", &id, "--step", "0"]).stdout, "3 calls\n");
    let none = world.agent(&["fork", &id, "--step", "9"]);
    assert_eq!((none.code, none.stderr.contains("has only 4 steps")), (2, true), "{}", none.stderr);
    let finished = world.agent(&["fork", &id]);
    assert_eq!((finished.code, finished.stderr.contains("is finished")), (2, true), "{}", finished.stderr);
    assert_eq!(fs::read(&original).unwrap(), kept);
    let files = world.session_files();
    assert_eq!(files.len(), 4, "a fork that does not begin leaves no file");
    let listed = world.agent(&["sessions", "--json"]).stdout;
    assert_eq!(listed.matches(&format!("\"forked_from\":\"{id}\"")).count(), 3, "{listed}");
    let requests = world.messages();
    assert!(requests[4].starts_with(&requests[2]), "the same bytes");
}

#[test]
fn a_line_of_another_writer_is_never_mixed_in() {
    let world = World::new(&[], "> list_files {}\n---\nDone.");
    world.run(&["--max-steps", "1", "Task"]);
    let held = fs::File::options().append(true).open(world.session_file()).unwrap();
    held.lock().unwrap();
    assert_eq!(world.agent(&["resume"]).code, 2);
    drop(held);
    // A last line that lacks only its end counts, now and later.
    let mut file = fs::File::options().append(true).open(world.session_file()).unwrap();
    file.write_all(b"{\"at\":\"2026-11-25T00:00:00.000Z\",\"entry\":\"user\",\"text\":\"x\"}").unwrap();
    assert_eq!(world.agent(&["resume"]).code, 0);
    check_prefixes(&world);
    assert!(last_messages(&world, 2).ends_with("user x\n"));
    assert_eq!(Session::read(&world.session_file()).unwrap().notices, Vec::<String>::new());
}
