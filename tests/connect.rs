//! From settings to a model that replies: which model, without a list too, and every way to end before the first request.

use std::io::Write as _;
use std::process::{Child, Stdio};

use fake_mistral::{Checking, Config, FakeMistral, Key, Listing, ModelCard, Script, current_models};
use serde_json::Value;

use crate::support::{Ran, World, interrupt, ran, wait_for};

/// A server that is not Mistral's, with these models in its list.
fn other_server(listing: Listing, ids: &[&str]) -> Config {
    let models = ids.iter().map(|id| ModelCard::new(id, &[])).collect();
    Config { key: Key::NotAsked, models, listing, checking: Checking::Off, ..Config::default() }
}

fn world(config: Config) -> World {
    let mut world = World::without_server(&[]);
    world.server = Some(FakeMistral::spawn_with(Script::parse("Done.\n% repeat").unwrap(), config).unwrap());
    world
}

/// With variables of the environment.
fn with(world: &World, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    ran(world.command(arguments).envs(variables.iter().copied()).output().unwrap())
}

#[test]
fn without_devstral_the_next_of_the_table_replies() {
    let world = world(Config { models: current_models(), ..Config::default() });
    let told = world.run(&["Task"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let head = told.stderr.lines().next().unwrap();
    assert!(head.starts_with("mistral-medium-3-5 (the server offers no Devstral) · auto"), "{head}");
    assert_eq!(world.bodies()[0]["model"], "mistral-medium-3-5");

    let events = world.run(&["--output", "jsonl", "Task"]).stdout;
    assert!(events.contains("using mistral-medium-3-5: the server offers no Devstral"), "{events}");
    let doctor = world.agent(&["doctor"]).stdout;
    assert!(doctor.contains("mistral-medium-3-5 (the server offers no Devstral)"), "{doctor}");
    let models = world.agent(&["models"]).stderr;
    assert!(models.contains("Without --model: mistral-medium-3-5 (the server offers no Devstral)."), "{models}");
    // A name stays as strict as the list is complete.
    let strict = world.run(&["--model", "devstral-medium-latest", "Task"]);
    assert!(
        strict.stderr.starts_with(
            "error: the model `devstral-medium-latest` has been retired\nhint: use its replacement: --model"
        )
    );
    assert_eq!(strict.code, 2);
}

#[test]
fn a_run_begins_without_a_list_of_models() {
    for status in [401, 403, 404, 500, 503] {
        let world = world(other_server(Listing::Refused(status), &[]));
        let told = with(&world, &["run", "--model", "any", "Task"], &[("AGENT_PROVIDER", "openai")]);
        assert_eq!((told.code, told.stdout.as_str()), (0, "Done.\n"), "{status}: {}", told.stderr);
        let notice = format!("cannot list the server's models: the server returned {status}: no list for you");
        assert!(told.stderr.contains(&notice), "{}", told.stderr);
        let doctor = with(&world, &["doctor"], &[("AGENT_PROVIDER", "openai")]).stdout;
        assert!(doctor.contains(&notice) && doctor.contains("ok  model"), "{doctor}");
    }
    // Mistral's list is read with every key that may chat.
    let world = world(Config { listing: Listing::Refused(401), ..Config::default() });
    let doctor = world.agent(&["doctor"]).stdout;
    assert!(doctor.contains("NO  model          the server returned 401"), "{doctor}");
}

#[test]
fn a_model_that_another_server_does_not_list_is_tried() {
    let world = world(other_server(Listing::Served, &["mistralai/devstral-medium", "x/y"]));
    let told =
        with(&world, &["run", "--model", "mistralai/devstral-medium:nitro", "Task"], &[("AGENT_PROVIDER", "openai")]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(
        told.stderr.contains(
            "the server does not list the model `mistralai/devstral-medium:nitro`; closest matches: `mistralai/devstral-medium`"
        ),
        "{}",
        told.stderr
    );
    assert_eq!(world.bodies()[0]["model"], "mistralai/devstral-medium:nitro");
}

/// `--provider` and the variable of its former name decide how requests are written.
#[test]
fn a_gateway_is_spoken_to_as_its_provider() {
    let world = world(Config::default());
    for (arguments, variables, is_mistral) in [
        (vec!["--provider", "openai"], vec![], false),
        (vec!["--provider", "mistral"], vec![("AGENT_PROVIDER", "openai")], true),
        (vec![], vec![("AGENT_PROVIDER", "openai")], false),
        (vec![], vec![("AGENT_PROVIDER", ""), ("AGENT_DIALECT", "mistral")], true),
    ] {
        let all = [vec!["run", "--model", "devstral-2512"], arguments, vec!["Task"]].concat();
        with(&world, &all, &variables);
        let server = world.server.as_ref().unwrap();
        let request = server.requests().pop().unwrap();
        assert_eq!(request.header("x-affinity").is_some(), is_mistral, "{all:?} {variables:?}");
    }
}

#[test]
fn the_query_of_the_base_url_goes_with_every_request() {
    let world = world(Config::default());
    let url = format!("{}?api-version=2024-10-21&x=1", world.server.as_ref().unwrap().base_url());
    assert_eq!(world.run(&["--base-url", &url, "Task"]).code, 0);
    assert_eq!(world.agent(&["resume", "More"]).code, 0);
    let paths: Vec<String> =
        world.server.as_ref().unwrap().requests().into_iter().map(|request| request.path).collect();
    let once = ["/v1/models?api-version=2024-10-21&x=1", "/v1/chat/completions?api-version=2024-10-21&x=1"];
    assert_eq!(paths, [once, once].concat());
}

#[test]
fn a_window_of_zero_tokens_is_an_unknown_one() {
    let models = vec![ModelCard { max_context_length: 0, ..ModelCard::new("m", &[]) }];
    let told = world(Config { models, checking: Checking::Off, ..Config::default() }).run(&["--model", "m", "Task"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "Done.\n"), "{}", told.stderr);
}

#[test]
fn json_has_one_object_also_if_the_run_fails_before_it_begins() {
    let world = world(Config::default());
    for (arguments, exit, reason) in [
        (vec!["--model", "devstral-large", "Task"], 2, "the server has no model `devstral-large`"),
        (vec!["--base-url", "http://127.0.0.1:9/v1", "Task"], 1, "cannot connect to http://127.0.0.1:9/v1"),
        (vec!["--workspace", "nowhere", "Task"], 2, "cannot use the workspace nowhere"),
        (vec![" "], 2, "the task is empty"),
        (vec!["--max-time", "soon", "Task"], 2, "`soon` is not a duration"),
    ] {
        for output in ["json", "jsonl"] {
            let told = world.run(&[vec!["--output", output], arguments.clone()].concat());
            let line: Value = serde_json::from_str(&told.stdout).unwrap();
            assert_eq!((told.code, &line["exit_code"], &line["finish"]), (exit, &exit.into(), &"failed".into()));
            assert!(line["reason"].as_str().unwrap().starts_with(reason), "{line}");
            assert_eq!(line.get("type").is_some(), output == "jsonl");
        }
    }
    let told = world.agent(&["resume", "--output", "json", "0199", "More"]);
    let line: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(line["exit_code"], told.code);
}

#[test]
fn the_time_limit_and_ctrl_c_end_the_wait_for_the_list() {
    let world = world(Config { listing: Listing::Silent, ..Config::default() });
    let told = world.run(&["--max-time", "1s", "--output", "json", "Task"]);
    let line: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, &line["finish"]), (3, &"limit_reached".into()), "{}", told.stderr);
    assert_eq!(told.stderr, "error: stopped before the model was asked: the time limit was reached\n");

    let asked = world.server.as_ref().unwrap().requests().len();
    let process: Child = world.start(&["run", "Task"]);
    wait_for(|| asked < world.server.as_ref().unwrap().requests().len());
    interrupt(process.id());
    let told = ran(process.wait_with_output().unwrap());
    assert_eq!(told.code, 130, "{}", told.stderr);
}

#[test]
fn the_wait_for_the_first_byte_is_a_setting() {
    let script = Script::parse("Late.\n% delay=60000\n---\nDone.").unwrap();
    let mut world = World::without_server(&[]);
    world.server = Some(FakeMistral::spawn(script).unwrap());
    let told = world.run(&["--first-byte-timeout", "1s", "Task"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "Done.\n"), "{}", told.stderr);
    assert!(told.stderr.contains("no data from the server for 1 s"), "{}", told.stderr);
    let wrong = world.run(&["--first-byte-timeout", "soon", "Task"]);
    assert_eq!((wrong.code, wrong.stderr.lines().next()), (2, Some("error: `soon` is not a duration")));
}

#[test]
fn empty_variables_count_as_unset() {
    let world = world(Config::default());
    let table = world.agent(&["config"]).stdout;
    let names: Vec<&str> = table.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(20 < names.len(), "{table}");
    let variables: Vec<(String, &str)> =
        names.iter().map(|name| (format!("AGENT_{}", name.to_uppercase()), " ")).collect();
    let mut command = world.command(&["run", "--base-url", &world.server.as_ref().unwrap().base_url(), "Task"]);
    command.envs(variables).env("AGENT_LOG", "");
    let told = ran(command.output().unwrap());
    assert_eq!((told.code, told.stdout.as_str()), (0, "Done.\n"), "{}", told.stderr);
}

#[test]
fn a_task_on_stdin_is_read_in_any_encoding() {
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain("café\r\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for bytes in [b"caf\xE9\n".as_slice(), &utf16, b"caf\xC3\xA9"] {
        let world = world(Config::default());
        let mut process = world.command(&["run", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        process.stdin.take().unwrap().write_all(bytes).unwrap();
        assert_eq!(process.wait_with_output().unwrap().status.code(), Some(0));
        assert_eq!(world.bodies()[0]["messages"][1]["content"], "café");
    }
}

/// `agent run ... | head -1`: the reader has enough, and the human still learns what was done.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let world = world(Config::default());
    let mut process = world.start(&["run", "Task"]);
    drop(process.stdout.take());
    let told = ran(process.wait_with_output().unwrap());
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains("no files changed") && told.stderr.contains("agent show"), "{}", told.stderr);
}

/// As with a full disk, and not killed by a signal without a word.
#[test]
fn where_files_must_not_grow_the_session_cannot_be_saved() {
    let world = world(Config::default());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -f 0; exec \"$0\" \"$@\""]).arg(crate::support::binary()).args(["run", "Task"]);
    let like = world.command(&[]);
    shell.current_dir(world.workspace()).env_clear().stdin(Stdio::null());
    shell.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let told = ran(shell.output().unwrap());
    assert_eq!(told.code, 1, "{}", told.stderr);
    assert!(told.stderr.contains("cannot save the session"), "{}", told.stderr);
}
