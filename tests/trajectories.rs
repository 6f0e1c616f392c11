//! `agent show --atif`: real sessions as trajectories. `AGENT_TEST_TRAJECTORIES=DIR` keeps them for
//! `tests/harbor/check`, which holds them against Harbor's own models.

use std::fs;
use std::path::Path;

use fake_mistral::{Reply, Script, Usage};
use serde_json::{Value, json};

use crate::support::{KEY, World};

/// The fields of a step in `harbor/models/trajectories/step.py` of Harbor 0.26.0; others are forbidden there.
const STEP_FIELDS: [&str; 13] = [
    "step_id",
    "timestamp",
    "source",
    "model_name",
    "reasoning_effort",
    "message",
    "reasoning_content",
    "tool_calls",
    "observation",
    "metrics",
    "is_copied_context",
    "llm_call_count",
    "extra",
];
const AGENT_ONLY: [&str; 5] = ["model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics"];

/// The last session's, looked at as Harbor does.
#[track_caller]
fn trajectory(world: &World, name: &str) -> Value {
    let told = world.agent(&["show", "--atif", "-"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(!told.stdout.contains(KEY), "the key is in the trajectory");
    if let Some(folder) = std::env::var_os("AGENT_TEST_TRAJECTORIES").filter(|folder| !folder.is_empty()) {
        fs::write(Path::new(&folder).join(format!("{name}.json")), &told.stdout).unwrap();
    }
    let trajectory: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(trajectory["schema_version"], "ATIF-v1.8");
    for (step, number) in trajectory["steps"].as_array().unwrap().iter().zip(1..) {
        assert_eq!(step["step_id"], number);
        assert!(step["message"].is_string() && step["timestamp"].as_str().unwrap().ends_with('Z'), "{step}");
        let fields = step.as_object().unwrap();
        assert!(fields.keys().all(|field| STEP_FIELDS.contains(&field.as_str())), "{step}");
        assert!(step["source"] == "agent" || AGENT_ONLY.iter().all(|field| !fields.contains_key(*field)), "{step}");
        let calls = ids(&step["tool_calls"], "tool_call_id");
        let results = ids(&step["observation"]["results"], "source_call_id");
        assert!(results.iter().all(|id| calls.contains(id)), "{step}");
    }
    trajectory
}

fn ids<'a>(list: &'a Value, field: &str) -> Vec<&'a Value> {
    list.as_array().into_iter().flatten().map(|item| &item[field]).collect()
}

#[test]
fn a_run_is_a_trajectory() {
    let usage =
        |reply: Reply| Reply { usage: Usage::Given { prompt: 1_000, completion: 50, cached: Some(600) }, ..reply };
    let thinking = Reply { thinking: "Look first.".to_owned(), ..Reply::default() };
    let script = Script::new([
        usage(thinking.and_call("run_command", json!({"command": "echo $((6 * 7))"}).to_string())).into(),
        usage(Reply::call("read_file", json!({"filename": "none.txt"}).to_string())).into(),
        usage(Reply::call("x", "{\"broken")).into(),
        usage(Reply::text("It is 42.")).into(),
    ]);
    let world = World::with(&[("README.md", "numbers\n")], script);
    let config = world.home().join("config/agent");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), "price = { input = 0.4, cached = 0.04, output = 2.0 }\n").unwrap();
    let told = world.run(&["What is 6 times 7?"]);
    assert_eq!(told.code, 0, "{}", told.stderr);

    let trajectory = trajectory(&world, "run");
    let steps = trajectory["steps"].as_array().unwrap();
    let sources: Vec<&str> = steps.iter().map(|step| step["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["system", "user", "agent", "agent", "agent", "agent"]);
    assert_eq!(steps[1]["message"], "What is 6 times 7?");
    assert_eq!(steps[2]["reasoning_content"], "Look first.");
    assert_eq!(steps[2]["tool_calls"][0]["arguments"], json!({"command": "echo $((6 * 7))"}));
    assert!(steps[2]["observation"]["results"][0]["content"].as_str().unwrap().starts_with("42\n"));
    assert_eq!(steps[3]["observation"]["results"][0]["extra"]["outcome"], "failed");
    assert_eq!(steps[5]["message"], "It is 42.");
    assert_eq!(steps[5]["metrics"]["cached_tokens"], 600);
    let totals = &trajectory["final_metrics"];
    assert_eq!((&totals["total_prompt_tokens"], &totals["total_steps"]), (&json!(4_000), &json!(6)));
    let cost = totals["total_cost_usd"].as_f64().unwrap();
    assert!((cost - 4.0 * (400.0 * 0.4 + 600.0 * 0.04 + 50.0 * 2.0) / 1e6).abs() < 1e-9, "{cost}");
}

#[test]
fn a_fork_and_a_damaged_session_are_trajectories() {
    let world = World::new(&[], "> run_command {\"command\": \"echo hi\"}\n---\nDone.\n---\nDone again.");
    world.run(&["Say hi"]);
    let file = world.session_file();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 20]).unwrap();
    let damaged = trajectory(&world, "damaged");
    assert!(damaged["notes"].as_str().unwrap().contains("incomplete"), "{damaged}");
    fs::write(&file, bytes).unwrap();

    let id = file.file_stem().unwrap().to_str().unwrap();
    let told = world.agent(&["fork", id, "--step", "1"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let forked = trajectory(&world, "fork");
    assert_eq!(forked["steps"][2]["is_copied_context"], true);
}

#[test]
fn nothing_but_an_older_trajectory_is_written_over() {
    let world = World::new(&[("mine.json", "{}\n")], "Done.");
    world.run(&["Task"]);
    for _ in 0..2 {
        let told = world.agent(&["show", "--atif", "trajectory.json"]);
        assert_eq!((told.code, told.stdout.as_str()), (0, ""), "{}", told.stderr);
    }
    let told = world.agent(&["show", "--atif", "mine.json"]);
    assert_eq!(told.code, 2, "{}", told.stderr);
    assert!(told.stderr.contains("not a trajectory from `agent show`") && told.stderr.contains("\nhint: "));
    assert_eq!(fs::read_to_string(world.workspace().join("mine.json")).unwrap(), "{}\n");
    assert_eq!(world.agent(&["show", "--html", "x", "--atif", "y"]).code, 2);
    assert_eq!(world.agent(&["show", "--json", "--atif", "y"]).code, 2);
}

#[test]
fn a_key_that_was_said_is_masked() {
    let world = World::new(&[], "Done.");
    world.run(&[&format!("My key is {KEY}, keep it.")]);
    let trajectory = trajectory(&world, "key");
    assert_eq!(trajectory["steps"][1]["message"], "My key is ***, keep it.");
}
