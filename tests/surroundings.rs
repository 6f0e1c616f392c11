//! What the program finds around it: files that are not files, signals that a parent ignored, a repository above the
//! workspace.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::{World, binary, ran};

type Make = fn(&Path);

/// What stands where a file is expected.
const ODD: [(&str, Make); 3] = [
    ("a fifo", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
    ("a link to /dev/zero", |path| symlink("/dev/zero", path).unwrap()),
    ("a sparse file", |path| fs::File::create(path).unwrap().set_len(3 << 30).unwrap()),
];
/// Of a repository, all of which we open by ourselves.
const IN_REPOSITORY: [&str; 9] = [
    ".gitignore",
    ".ignore",
    ".rgignore",
    ".agent/config.toml",
    "AGENTS.md",
    "sub/.gitignore",
    ".git/HEAD",
    ".git/index",
    ".git/info/exclude",
];

fn put(make: Make, path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if path.symlink_metadata().is_ok() {
        fs::remove_file(path).unwrap();
    }
    make(path);
}

/// As a user would start it, with 3 GB of addresses: who reads `/dev/zero` does not end.
fn run_in_little_memory(world: &World) -> crate::support::Ran {
    let mut command = Command::new("bash");
    command.args(["-c", "ulimit -v 3000000; exec \"$@\"", "_"]).arg(binary());
    command.args(["run", "--mode", "auto", "--max-time", "60s", "Task"]);
    let like = world.command(&[]);
    command.current_dir(world.workspace()).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    ran(command.output().unwrap())
}

#[test]
fn what_is_not_a_file_holds_nobody_up() {
    let script = "Looking.\n> list_files {}\n---\nDone.";
    for (kind, make) in ODD {
        for trusted in [false, true] {
            let world = World::new(&[("a.txt", "one\n"), (".agent/config.toml", "max_steps = 9\n")], script);
            assert!(
                Command::new("git").args(["init", "-q"]).current_dir(world.workspace()).status().unwrap().success()
            );
            if trusted {
                assert_eq!(world.agent(&["config", "trust"]).code, 0);
            }
            for path in IN_REPOSITORY {
                put(make, &world.workspace().join(path));
            }
            let told = run_in_little_memory(&world);
            assert_eq!(told.code, 0, "{kind}, trusted {trusted}: {}", told.stderr);
            assert!(told.stderr.contains(".agent/config.toml") && told.stderr.contains("AGENTS.md"), "{}", told.stderr);
        }
    }
}

#[test]
fn our_own_files_are_only_read_if_they_are_files() {
    for (kind, make) in ODD {
        let world = World::new(&[("a.txt", "one\n")], "Done.\n---\nDone.");
        put(make, &world.home().join("state/agent/sessions/2026-01-01-odd.jsonl"));
        put(make, &world.home().join("state/agent/history"));
        put(make, &world.home().join(".gitconfig"));
        put(make, &world.home().join("config/git/ignore"));
        let told = run_in_little_memory(&world);
        assert_eq!(told.code, 0, "{kind}: {}", told.stderr);
        assert_eq!(world.agent(&["sessions"]).code, 0, "{kind}");
        // Settings that cannot be read are not guessed.
        put(make, &world.home().join("config/agent/config.toml"));
        let told = run_in_little_memory(&world);
        assert!(told.code == 2 && told.stderr.contains("config.toml"), "{kind}: {} {}", told.code, told.stderr);
    }
}

#[test]
fn signals_that_a_parent_ignored_do_no_harm() {
    let world =
        World::new(&[("a.txt", "one\n")], "Running.\n> run_command {\"command\": \"echo hi > out.txt\"}\n---\nDone.");
    let mut command = Command::new("bash");
    command
        .args(["-c", "trap '' CHLD INT TERM; exec \"$@\"", "_"])
        .arg(binary())
        .args(["run", "--mode", "auto", "Task"]);
    let like = world.command(&[]);
    command.current_dir(world.workspace()).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let told = ran(command.output().unwrap());
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!(fs::read_to_string(world.workspace().join("out.txt")).unwrap(), "hi\n");
}

#[test]
fn a_workspace_below_a_repositorys_root_knows_of_it() {
    let world =
        World::new(&[("AGENTS.md", "MARK-ROOT\n"), ("pkg/AGENTS.md", "MARK-PKG\n"), ("pkg/a.txt", "1\n")], "Done.");
    let git = |arguments: &[&str]| {
        assert!(Command::new("git").args(arguments).current_dir(world.workspace()).status().unwrap().success());
    };
    git(&["init", "-q", "-b", "trunk"]);
    let told = ran(world
        .command(&["run", "--mode", "auto", "Task"])
        .current_dir(world.workspace().join("pkg"))
        .output()
        .unwrap());
    assert_eq!(told.code, 0, "{}", told.stderr);
    let bodies = world.bodies();
    let first = bodies[0]["messages"][0]["content"].as_str().unwrap();
    let (root, own) = (first.find("MARK-ROOT").unwrap(), first.find("MARK-PKG").unwrap());
    assert!(root < own && first.contains("Git: branch `trunk`"), "{first}");
}

#[test]
fn a_long_agents_md_is_cut_and_the_human_is_told() {
    let rules: String = (0..3_000).map(|rule| format!("rule {rule}: do it so.\n")).collect();
    let world = World::new(&[("AGENTS.md", &rules)], "Done.");
    let told = world.run(&["Task"]);
    assert!(told.stderr.contains("the model sees only 8000 of the"), "{}", told.stderr);
}

#[test]
fn variables_that_are_set_to_nothing_are_not_set() {
    let world = World::new(&[], "Done.");
    let mut command = world.command(&["run", "--mode", "auto", "Task"]);
    for name in [
        "MODE",
        "MAX_STEPS",
        "MAX_TOKENS",
        "MAX_COST",
        "MAX_TIME",
        "TEMPERATURE",
        "PLAIN",
        "SANDBOX",
        "NETWORK",
        "LIMIT",
        "PRICE",
    ] {
        command.env(format!("AGENT_{name}"), "");
    }
    let told = ran(command.output().unwrap());
    assert_eq!(told.code, 0, "{}", told.stderr);
}
