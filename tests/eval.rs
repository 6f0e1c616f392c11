//! `tests/eval/run`, the measuring stick: real repositories and real agents, with a model that is scripted.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Ran, World, binary, house, ran};

/// A bug, its test, and what runs the test.
fn greet(world: &World) {
    let task = json!({"instruction": "Mend greet.sh.", "test_command": "sh test.sh", "file": "greet.sh"});
    world.write("tasks/greet/task.json", &task.to_string());
    world.write("tasks/greet/files/greet.sh", "echo hell\n");
    world.write("tasks/greet/files/test.sh", "[ \"$(sh greet.sh)\" = hello ]\n");
}

fn eval(world: &World, arguments: &[&str]) -> Ran {
    let mut command = Command::new("python3");
    command.arg(house().join("tests/eval/run")).args(arguments).current_dir(world.workspace());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", world.home()).stdin(Stdio::null());
    command.env("MISTRAL_API_KEY", "none").env("AGENT_DIALECT", "mistral").env("AGENT_BIN", binary());
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    ran(command.output().unwrap())
}

fn lines(world: &World) -> Vec<Value> {
    let text = fs::read_to_string(world.workspace().join("out/runs.jsonl")).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn only_what_passes_the_given_tests_is_solved_and_a_stopped_evaluation_goes_on() {
    let world = World::new(
        &[],
        "> read_file {\"filename\": \"test.sh\"}\n---\n\
         > create_file {\"filename\": \"test.sh\", \"content\": \"exit 0\\n\"}\n---\nDone.\n---\n\
         > read_file {\"filename\": \"greet.sh\"}\n> fly {}\n---\n\
         > create_file {\"filename\": \"greet.sh\", \"content\": \"echo hello\\n\"}\n---\nDone.",
    );
    greet(&world);
    let url = world.server.as_ref().unwrap().base_url();
    let arguments =
        ["run", "--tasks", "tasks", "--out", "out", "--base-url", &url, "--model", "devstral-2512", "--attempts", "2"];
    let told = eval(&world, &arguments);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.contains("| ours | 1 of 2 | 5% to 95% |"), "{told:?}");
    assert!(told.stderr.contains("[1/2, 0 solved, "), "{told:?}");

    let runs = lines(&world);
    let picked = |name: &str| runs.iter().map(|run| run[name].clone()).collect::<Vec<Value>>();
    assert_eq!(picked("solved"), [false, true]);
    assert_eq!(picked("changed"), [json!(["test.sh"]), json!(["greet.sh"])]);
    assert_eq!(picked("finish"), ["answered", "answered"]);
    assert_eq!(picked("requests"), [3, 3]);
    assert_eq!(picked("calls"), [2, 3]);
    assert_eq!(picked("malformed_calls"), [0, 1], "there is no tool `fly`");
    assert_eq!(picked("failed_calls"), [0, 1]);
    assert!(runs.iter().all(|run| 0 < run["tokens_in"].as_u64().unwrap()), "{runs:?}");
    let session = world.workspace().join("out").join(runs[1]["session"].as_str().unwrap());
    assert_eq!(fs::read_to_string(session.join("replies.jsonl")).unwrap().lines().count(), 3);

    let results = world.workspace().join("out/runs.jsonl");
    let whole = fs::read_to_string(&results).unwrap();
    fs::write(&results, format!("{whole}{{\"task\": \"gre")).unwrap();
    let told = eval(&world, &arguments);
    assert!(told.stderr.contains("ours: 0 runs to do, 2 done before"), "{told:?}");
    assert_eq!(world.bodies().len(), 6);
}

#[test]
fn another_agent_is_measured_on_an_exercise() {
    let world = World::without_server(&[]);
    let config =
        json!({"files": {"solution": ["two_fer.sh"], "test": ["two_fer_test.sh"], "example": [".meta/example.sh"]}});
    world.write("tasks/two-fer/.meta/config.json", &config.to_string());
    world.write("tasks/two-fer/.meta/example.sh", "echo one for you\n");
    world.write("tasks/two-fer/.docs/instructions.md", "# Instructions\nSay `one for you`.\n");
    world.write("tasks/two-fer/two_fer.sh", "# a stub\n");
    world.write("tasks/two-fer/two_fer_test.sh", "[ \"$(sh two_fer.sh)\" = 'one for you' ]\n");
    world.write("tasks/two-fer/Makefile", "test:\n\tsh two_fer_test.sh\n");
    world.write(
        "other.sh",
        "cd \"$1\" && git log --oneline && [ ! -e .meta ] && [ ! -e .docs ] || exit 9\n\
         case $2 in *'Say `one for you`.'*) echo 'echo one for you' > two_fer.sh; exit 3 ;; esac\n",
    );
    let other = format!("sh {} {{workspace}} {{task}}", world.workspace().join("other.sh").display());
    let nowhere = "http://127.0.0.1:9/v1";
    let told = eval(
        &world,
        &[
            "run",
            "--tasks",
            "tasks",
            "--out",
            "out",
            "--base-url",
            nowhere,
            "--model",
            "m",
            "--label",
            "other",
            "--command",
            &other,
        ],
    );
    assert_eq!(told.code, 0, "{told:?}");
    let run = &lines(&world)[0];
    assert_eq!((&run["label"], &run["exit_code"], &run["requests"]), (&json!("other"), &json!(3), &json!(0)), "{run}");
    assert_eq!(run["solved"], true, "{run}");
    let told = eval(&world, &["table", "out"]);
    assert!(told.stdout.contains("| other | exit | exit code 3 | 1 |"), "{told:?}");
}

#[test]
fn wrong_use_is_said_with_a_hint() {
    let world = World::without_server(&[]);
    greet(&world);
    for (arguments, hint) in [
        (&["run", "--tasks", "nowhere"][..], "hint: name a file or a folder of tasks"),
        (&["run", "--tasks", "tasks", "--only", "fly"], "hint: `tests/eval/run list` shows them"),
        (&["run", "--tasks", "tasks", "--base-url", "http://127.0.0.1:9/v1"], "hint: tests/local_model/serve start"),
    ] {
        let told = eval(&world, arguments);
        assert_eq!(told.code, 2, "{told:?}");
        assert!(told.stderr.contains(hint), "{told:?}");
    }
}

#[test]
fn figures_are_figured_right() {
    let told =
        Command::new("python3").arg(house().join("tests/eval/check")).env("PYTHONDONTWRITEBYTECODE", "1").output();
    let told = ran(told.unwrap());
    assert_eq!(told.code, 0, "{told:?}");
}

#[test]
fn the_results_are_what_the_raw_lines_give_and_what_the_readme_says() {
    let kept = fs::read_to_string(house().join("docs/results.md")).unwrap();
    let command = kept.split('`').find(|part| part.starts_with("tests/eval/run results ")).unwrap();
    let names = command.split_whitespace().skip(2).take_while(|word| *word != ">");
    let made = Command::new("python3")
        .args(["tests/eval/run", "results"])
        .args(names)
        .current_dir(house())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output();
    let made = ran(made.unwrap());
    assert_eq!((made.code, made.stdout.as_str()), (0, kept.as_str()), "docs/results.md is old: {}", made.stderr);

    let readme = fs::read_to_string(house().join("README.md")).unwrap();
    for (in_readme, in_results) in [
        ("| ours | 12 of 20, then 14 of 20 | 43 to 82 % | 4,460 |", "- ours, round by round: 12 of 20, then 14 of 20"),
        ("| pi 0.74.2 | 0 of 12 | 0 to 24 % | none |", "| pi | 0 of 12 | 0% to 24% |"),
        ("| mini-swe-agent 2.4.6 | 0 of 12 | 0 to 24 % | none |", "| mini-swe-agent | 0 of 12 | 0% to 24% |"),
        ("| Vibe 2.18.4 | 0 of 12 | 0 to 24 % | none |", "| vibe | 0 of 12 | 0% to 24% |"),
        ("", "| ours | 26 of 40 | 43% to 82% | 4,640 / 4,460 |"),
    ] {
        assert!(readme.contains(in_readme), "{in_readme}");
        assert!(kept.contains(in_results), "{in_results}");
    }
}
