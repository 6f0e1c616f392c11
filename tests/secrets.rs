//! Secrets of the workspace: hidden from the model by default, shown by the user alone.

use std::fs;

use serde_json::json;

use crate::ci::{git, nothing_is_left, repository};
use crate::support::World;

const FILES: &[(&str, &str)] = &[
    (".gitignore", ".env\n"),
    (".env", "PASSWORD=hunter2hunter2\n"),
    (".env.example", "PASSWORD=\n"),
    ("a.txt", "a\n"),
];

fn script() -> String {
    let run = json!({"command": "cat .env; cat .env.example"});
    format!("> read_file {{\"filename\": \".env\"}}\n---\n> run_command {run}\n---\nDone.")
}

fn trust(world: &World, config: &str) {
    world.write(".agent/config.toml", config);
    assert_eq!(world.agent(&["config", "trust"]).code, 0);
}

fn is_sent(world: &World, secret: &str) -> bool {
    world.bodies().iter().any(|body| body.to_string().contains(secret))
}

#[test]
fn what_is_in_dot_env_is_not_sent_and_the_user_reads_how_to_show_it() {
    let world = World::new(FILES, &script());
    let told = world.run(&["Why does the app not start?"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(!is_sent(&world, "hunter2hunter2"));
    assert!(world.outcome(0).contains("`.env` exists but is hidden from you"), "{}", world.outcome(0));
    assert!(
        world.outcome(1).contains("PASSWORD=\n") && world.outcome(1).contains("`--show .env`"),
        "{}",
        world.outcome(1)
    );
    assert!(told.stderr.contains("hidden from the model") && told.stderr.contains("--show .env"), "{}", told.stderr);
    // No copy is kept for an undo either.
    let kept = std::process::Command::new("grep").args(["-r", "hunter2hunter2"]).arg(world.home()).output().unwrap();
    assert!(kept.stdout.is_empty(), "{}", String::from_utf8_lossy(&kept.stdout));
}

#[test]
fn the_user_shows_it_and_a_repository_cannot() {
    let world = World::new(FILES, &script());
    trust(&world, "show = [\".env\"]\nhide = [\"a.txt\"]\n");
    let told = world.run(&["Task"]);
    assert!(told.stderr.contains("a repository cannot set `show`"), "{}", told.stderr);
    assert!(!is_sent(&world, "hunter2hunter2"));

    let world = World::new(FILES, &script());
    assert_eq!(world.run(&["--show", ".env", "Task"]).code, 0);
    assert!(is_sent(&world, "hunter2hunter2") && world.outcome(1).starts_with("PASSWORD=hunter2hunter2\n"));

    let world = World::new(FILES, &script());
    fs::create_dir_all(world.home().join("config/agent")).unwrap();
    fs::write(world.home().join("config/agent/config.toml"), "show = [\"./.env\"]\n").unwrap();
    assert_eq!(world.run(&["Task"]).code, 0);
    assert!(is_sent(&world, "hunter2hunter2"));
}

#[test]
fn a_repository_may_hide_more() {
    let look =
        "> read_file {\"filename\": \"a.txt\"}\n---\n> run_command {\"command\": \"cat a.txt data/b\"}\n---\nDone.";
    let world = World::new(&[("a.txt", "VALUE-1\n"), ("data/b", "VALUE-2\n")], look);
    trust(&world, "hide = [\"/nowhere\", \"*.txt\", \"data/\"]\n");
    assert_eq!(world.run(&["Task"]).code, 0);
    assert!(!is_sent(&world, "VALUE-"), "{} {}", world.outcome(0), world.outcome(1));
    let broken = World::new(&[], "Done.");
    trust(&broken, "hide = [\"[z-a]\"]\n");
    let told = broken.run(&["Task"]);
    assert!(told.code == 2 && told.stderr.contains("hide: invalid pattern `[z-a]`"), "{} {}", told.code, told.stderr);
}

#[test]
fn keys_that_git_ignores_are_found_by_their_content() {
    let key = format!("ghp_{}", "a1B2".repeat(9));
    let look = "> read_file {\"filename\": \"notes.local\"}\n---\n> run_command {\"command\": \"cat notes.local\"}\n---\nDone.";
    let world = World::new(&[(".gitignore", "*.local\n"), ("notes.local", &format!("token {key}\n"))], look);
    git(&world.workspace(), &["init", "-q"]);
    assert_eq!(world.run(&["Task"]).code, 0);
    assert!(!is_sent(&world, &key), "{} {}", world.outcome(0), world.outcome(1));
    assert!(world.outcome(0).contains("git ignores it and it contains a key"), "{}", world.outcome(0));
}

#[test]
fn ci_does_not_see_what_the_checkout_ignores() {
    let world = repository(&[(".gitignore", ".env\ngha-creds-*.json\nprivate/\n"), ("a.txt", "a\n")], "Done.");
    for (name, text) in [(".env", "VALUE-1"), ("gha-creds-1.json", "VALUE-2"), ("private/x", "VALUE-3")] {
        world.write(name, text);
    }
    let at = world.workspace().display().to_string();
    let look = json!({"command": format!("cat {at}/.env {at}/gha-creds-1.json {at}/private/x {at}/a.txt; echo end")});
    let mut world = world;
    let script = format!("> run_command {look}\n---\nDone.");
    let home = world.workspace().parent().unwrap().to_path_buf();
    // Read-only in HOME, and once more as a directory that was added.
    for more in [None, Some(format!("--add-dir={at}:ro"))] {
        let script = fake_mistral::Script::parse(&script).unwrap();
        world.server = Some(fake_mistral::FakeMistral::spawn(script).unwrap());
        let mut command = world.command(&["ci", "Look"]);
        let output = command.args(more).env("HOME", &home).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(world.outcome(0).contains("a\n") && !is_sent(&world, "VALUE-"), "{}", world.outcome(0));
        nothing_is_left(&world);
    }
}
