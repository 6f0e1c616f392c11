//! What a user types and what they get: outputs, exit codes, hints, and nothing lost on bad input.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use expect_test::{Expect, expect};
use fake_mistral::{FakeMistral, Script};

use crate::support::{KEY, Ran, World, ran};

/// The exit code and what stderr says of the error.
#[track_caller]
fn check(ran: &Ran, world: &World, expected: Expect) {
    let root = world.workspace().display().to_string();
    let home = world.home().display().to_string();
    let told: Vec<&str> =
        ran.stderr.lines().skip_while(|line| !line.starts_with("error") && !line.starts_with("stopped")).collect();
    let mut told = told.join("\n").replace(&root, "WORKSPACE").replace(&home, "HOME");
    if let Some(server) = &world.server {
        told = told.replace(&server.base_url(), "SERVER");
    }
    expected.assert_eq(&format!("exit {}\n{told}\n", ran.code));
}

#[test]
fn the_answer_is_data_and_the_rest_is_for_the_human() {
    let world = World::new(&[], "> list_files {}\n---\nNothing here.");
    let ran = world.run(&["What is in here?"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "Nothing here.\n"));
    assert!(ran.stderr.contains("✓ list_files"), "{}", ran.stderr);
    assert!(ran.stderr.contains("2 steps"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'), "escapes off a terminal: {:?}", ran.stderr);
}

#[test]
fn json_is_one_object() {
    let world = World::new(
        &[("a.txt", "x\n")],
        "> create_file {\"filename\": \"b.txt\", \"content\": \"1\\n2\\n\"}\n---\nDone.",
    );
    let ran = world.run(&["--output", "json", "Make b."]);
    let ended: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &ended["finish"], &ended["answer"]), (0, &"answered".into(), &"Done.".into()));
    assert_eq!(ended["files"][0], serde_json::json!({"path": "b.txt", "change": "created", "added": 2, "removed": 0}));
    assert_eq!(ended["steps"], 2);
}

#[test]
fn jsonl_events_fit_their_schema() {
    let script = "! 503\n---\nLet me.\n> run_command {\"command\": \"echo hi\"}\n> fly {}\n---\n> create_file {\"filename\": \"b\", \"content\": \"1\"}\n---\nDone.";
    let world = World::new(&[], script);
    let ran = world.run(&["--output", "jsonl", "Go."]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let schema: serde_json::Value = serde_json::from_str(&world.agent(&["config", "schema", "events"]).stdout).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut types = Vec::new();
    for line in ran.stdout.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            schema.is_valid(&event),
            "{line}: {:?}",
            schema.iter_errors(&event).map(|error| error.to_string()).collect::<Vec<_>>()
        );
        for field in ["type", "session", "step", "at"] {
            assert!(!event[field].is_null(), "{line}");
        }
        let kind = event["type"].as_str().unwrap().to_owned();
        if types.last() != Some(&kind) {
            types.push(kind);
        }
    }
    expect![[r#"run_started step_started retrying text usage tool_call tool_result tool_call tool_result step_started usage tool_call files_changed tool_result step_started text usage run_ended"#]]
        .assert_eq(&types.join(" "));
}

#[test]
fn the_task_may_come_from_stdin_and_stdin_is_not_read_otherwise() {
    let world = World::new(&[], "Done.\n---\nDone.");
    let mut child = world
        .command(&["run", "--mode", "read-only", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"From stdin.\n").unwrap();
    assert_eq!(ran(child.wait_with_output().unwrap()).code, 0);
    assert_eq!(world.bodies()[0]["messages"][1]["content"], "From stdin.");
    // An open stdin that nobody writes to must not hold it up.
    let child = world
        .command(&["run", "--mode", "read-only", "Task"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let kept_open = child.stdin.as_ref().is_some();
    assert!(kept_open && ran(child.wait_with_output().unwrap()).code == 0);
}

#[test]
fn bad_tasks_and_workspaces() {
    let world = World::new(&[("file", "")], "Done.");
    check(
        &world.run(&["  "]),
        &world,
        expect![[r#"
        exit 2
        error: the task is empty
        hint: say what to do: agent run "Fix the failing test"
    "#]],
    );
    check(
        &world.run(&["--workspace", "no/such", "Task"]),
        &world,
        expect![[r#"
        exit 2
        error: cannot use the workspace no/such: No such file or directory (os error 2)
        hint: pass an existing directory to --workspace
    "#]],
    );
    check(
        &world.run(&["--workspace", "file", "Task"]),
        &world,
        expect![[r#"
        exit 2
        error: the workspace file is not a directory
        hint: pass a directory to --workspace
    "#]],
    );
    check(
        &world.run(&["--max-time", "soon", "Task"]),
        &world,
        expect![[r#"
        exit 2
        error: `soon` is not a duration
        hint: write it like 90s, 10m or 1h30m
    "#]],
    );
    assert_eq!(world.agent(&["run"]).code, 2);
    assert_eq!(world.agent(&["fly"]).code, 2);
}

#[test]
fn keys_that_are_missing_or_wrong() {
    let world = World::without_server(&[]);
    let ran_without = ran(world.command(&["run", "Task"]).env_remove("MISTRAL_API_KEY").output().unwrap());
    assert_eq!(ran_without.code, 2);
    assert!(
        ran_without
            .stderr
            .starts_with("error: no API key: MISTRAL_API_KEY is not set\nhint: export MISTRAL_API_KEY=..."),
        "{}",
        ran_without.stderr
    );

    let only =
        fake_mistral::Config { key: fake_mistral::Key::Only("another".to_owned()), ..fake_mistral::Config::default() };
    let mut world = World::without_server(&[]);
    world.server = Some(FakeMistral::spawn_with(Script::parse("Done.").unwrap(), only).unwrap());
    check(
        &world.run(&["Task"]),
        &world,
        expect![[r#"
        exit 2
        error: the server returned 401: Unauthorized
        hint: check $MISTRAL_API_KEY: it must hold a key for SERVER
    "#]],
    );
}

#[test]
fn models_that_are_unknown_or_retired() {
    let world = World::new(&[], "Done.");
    check(
        &world.run(&["--model", "devstral-large", "Task"]),
        &world,
        expect![[r#"
        exit 2
        error: the server has no model `devstral-large`
        hint: closest matches: `devstral-latest`, `devstral-2512`, `codestral-latest`
    "#]],
    );
    check(
        &world.run(&["--model", "devstral-small-2505", "Task"]),
        &world,
        expect![[r#"
        exit 2
        error: the server returned 404: Not Found
        hint: use its replacement: --model mistral-medium-3-5
    "#]],
    );
}

#[test]
fn a_server_that_is_not_there() {
    let world = World::without_server(&[]);
    let told = world.run(&["--base-url", "http://127.0.0.1:9/v1", "Task"]);
    check(
        &told,
        &world,
        expect![[r#"
        exit 1
        error: cannot connect to http://127.0.0.1:9/v1: Connection refused (os error 111)
        hint: start the local server (`ollama serve`, `llama-server -m MODEL.gguf --jinja`), or use another --base-url
    "#]],
    );
}

#[test]
fn broken_configuration_names_file_and_line() {
    let world = World::new(&[], "Done.");
    let config = world.home().join("config/agent");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), "model = \"devstral-2512\"\nmodle = 3\n").unwrap();
    check(
        &world.run(&["Task"]),
        &world,
        expect![[r#"
            exit 2
            error: HOME/config/agent/config.toml:2: unknown field `modle`, expected one of `model`, `base_url`, `api_key_env`, `temperature`, `effort`, `profile`, `dialect`, `provider`, `first_byte_timeout`, `mode`, `sandbox`, `network`, `pass`, `allow`, `ask`, `deny`, `approval_timeout`, `checks`, `add_dirs`, `hide`, `show`, `keep`, `limit`, `max_steps`, `max_tokens`, `max_cost`, `max_time`, `price`, `plain`
            hint: `agent config` shows each setting and its source
        "#]],
    );
    let told = ran(world.command(&["run", "Task"]).env("AGENT_MAX_STEPS", "many").output().unwrap());
    check(
        &told,
        &world,
        expect![[r#"
            exit 2
            error: AGENT_MAX_STEPS=many is not a whole number: invalid digit found in string
            hint: `agent config` shows each setting and its source
        "#]],
    );
}

#[test]
fn a_repository_cannot_widen_what_the_agent_may_do() {
    let config = "max_steps = 1\nbase_url = \"http://evil.example\"\nsandbox = \"off\"\nmode = \"auto\"\n";
    let world =
        World::new(&[(".agent/config.toml", config)], "> list_files {}\n---\nDone.\n---\n> list_files {}\n---\nDone.");
    let untrusted = world.run(&["Task"]);
    assert_eq!(untrusted.code, 0);
    assert!(untrusted.stderr.contains("config.toml: not trusted"), "{}", untrusted.stderr);
    assert_eq!(world.agent(&["config", "trust"]).code, 0);
    let trusted = world.run(&["Task"]);
    assert_eq!(trusted.code, 3, "{}", trusted.stderr);
    for name in ["base_url", "sandbox", "mode"] {
        assert!(trusted.stderr.contains(&format!("a repository cannot set `{name}`")), "{}", trusted.stderr);
    }
    // Trust is for the content that was seen.
    world.write(".agent/config.toml", "max_steps = 2\n");
    assert!(world.agent(&["config"]).stderr.contains("config.toml: not trusted"));
}

#[test]
fn config_names_the_place_of_each_value() {
    let world = World::new(&[], "Done.");
    let shown = ran(world.command(&["config"]).env("AGENT_MAX_STEPS", "7").output().unwrap());
    assert!(
        shown.stdout.lines().any(|line| line.split_whitespace().eq(["max_steps", "7", "environment"])),
        "{}",
        shown.stdout
    );
    let decided = "model (the first of a table that the server lists) default";
    let has_row = |row: &str| row.split_whitespace().eq(decided.split_whitespace());
    assert!(shown.stdout.lines().any(has_row), "{}", shown.stdout);
}

#[test]
fn an_unreadable_agents_md_and_a_place_without_git_are_no_hindrance() {
    let world = World::new(&[("AGENTS.md/x", "a directory")], "Done.");
    let told = world.run(&["Task"]);
    assert_eq!(told.code, 0);
    assert!(told.stderr.contains("AGENTS.md was not read"), "{}", told.stderr);
    assert!(world.bodies()[0]["messages"][0]["content"].as_str().unwrap().contains("Not a git repository."));
}

#[test]
fn a_workspace_that_cannot_be_written_is_said_at_once() {
    let world = World::new(&[], "Done.\n---\nDone.");
    fs::set_permissions(world.workspace(), fs::Permissions::from_mode(0o555)).unwrap();
    let told = world.run(&["Task"]);
    let root_may_write = rustix::process::geteuid().is_root();
    if root_may_write {
        crate::support::skip("root can write everywhere");
        assert_eq!(told.code, 0);
    } else {
        check(&told, &world, expect![""]);
    }
    assert_eq!(world.agent(&["run", "--mode", "read-only", "Task"]).code, 0);
}

#[test]
fn a_session_that_cannot_be_saved_ends_the_run_with_a_hint() {
    let world = World::new(&[], "Done.");
    fs::write(world.home().join("state"), "a file where the folder should be").unwrap();
    let told = world.run(&["Task"]);
    assert_eq!(told.code, 2, "{}", told.stderr);
    assert!(
        told.stderr.contains("cannot save the session") && told.stderr.contains("hint: free some space"),
        "{}",
        told.stderr
    );
}

#[test]
fn nothing_runs_unasked_without_a_sandbox() {
    let world = World::new(&[], "> run_command {\"command\": \"touch ran\"}\n---\nDone.");
    let told = world.agent(&["run", "--sandbox", "off", "Task"]);
    check(
        &told,
        &world,
        expect![[r#"
        exit 4
        error: without a sandbox each command needs approval, and there is no terminal to ask on
        hint: `agent doctor` checks the sandbox; --mode auto --sandbox off runs everything unasked and unsandboxed
    "#]],
    );
    assert!(!world.workspace().join("ran").exists());
    let told = world.agent(&["run", "--sandbox", "off", "--confirm", "Task"]);
    assert_eq!(told.code, 4, "{}", told.stderr);
    assert!(!world.workspace().join("ran").exists());
}

#[test]
fn sessions_are_listed_and_shown() {
    let world = World::new(&[], "Hello \u{1b}[31mthere.");
    world.run(&["Say hello"]);
    let listed = world.agent(&["sessions"]).stdout;
    assert!(listed.contains("answered") && listed.contains("1 step  Say hello"), "{listed}");
    let id = listed.split_whitespace().next().unwrap();
    let shown = world.agent(&["show", &id[..13]]).stdout;
    assert!(shown.contains("--- user\nSay hello\n") && shown.contains("Hello ␛[31mthere."), "{shown}");
    assert!(world.agent(&["show", id, "--json"]).stdout.starts_with("{\"session\":1,"));
    let told = world.agent(&["show", "nonsense"]);
    check(
        &told,
        &world,
        expect![[r#"
        exit 2
        error: no such session
        hint: `agent sessions --all` lists them
    "#]],
    );
}

#[test]
fn models_and_doctor_and_completions() {
    let world = World::new(&[], "Done.");
    let models = world.agent(&["models"]);
    assert!(models.stdout.contains("devstral-2512") && models.stdout.contains("256k"), "{}", models.stdout);
    let known = World::without_server(&[]).agent(&["models", "--profiles"]).stdout;
    let small = known.lines().find(|line| line.starts_with("small-coder")).unwrap();
    for cell in ["0.2, then 0.6", "whole files", "starts over", " 1 ", "60 s"] {
        assert!(small.contains(cell), "{small}");
    }
    assert!(known.contains("all others") && known.contains("0.1 to 0.4, 0.3 to 2 "), "{known}");
    let doctor = world.agent(&["doctor"]);
    assert!(doctor.stdout.contains("ok  model"), "{}", doctor.stdout);
    assert!(world.agent(&["completions", "bash"]).stdout.contains("_agent"));
}

/// README: agent demo
#[test]
fn the_demo_works_without_a_key_or_a_network() {
    let world = World::without_server(&[]);
    let told = ran(world.command(&["demo"]).env_remove("MISTRAL_API_KEY").output().unwrap());
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(
        told.stderr.contains("replies are recorded") && told.stderr.contains("run_command sh test.sh: exit code 0"),
        "{}",
        told.stderr
    );
    let kept = ran(world.command(&["demo", "--directory", "kept"]).env_remove("MISTRAL_API_KEY").output().unwrap());
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    let test =
        std::process::Command::new("sh").arg("test.sh").current_dir(world.workspace().join("kept")).status().unwrap();
    assert!(test.success());
    assert_eq!(world.agent(&["demo", "--directory", "kept"]).code, 2);
}

#[test]
fn no_key_is_ever_written_down() {
    let script =
        "> run_command {\"command\": \"env; cat /proc/self/environ /proc/$PPID/environ 2>&1\"}\n---\n! 500\n---\nDone.";
    let world = World::new(&[], script);
    let told = world.run(&["--output", "jsonl", "--verbose", "Task"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let wrong = ran(world.command(&["run", "--mode", "auto", "--model", KEY, "Task"]).output().unwrap());
    assert_eq!(wrong.code, 2);
    for (what, text) in [("stdout", &told.stdout), ("stderr", &told.stderr), ("files", &world.everything_kept())] {
        assert!(!text.contains(KEY), "the key is in {what}");
    }
    for request in world.server.as_ref().unwrap().requests() {
        assert!(!String::from_utf8_lossy(&request.body).contains(KEY), "the key is in a body");
    }
}
