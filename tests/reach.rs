//! What the user lets the agent reach and use: added directories, hidden and kept paths, limits of commands.

use std::fs;
use std::path::PathBuf;

use expect_test::{Expect, expect};

use crate::support::{World, ran};

/// The exit code and the error, for flags that cannot be used.
#[track_caller]
fn refused(flags: &[&str], expected: Expect) {
    let world = World::new(&[("file", "")], "Done.");
    let told = world.run(&[flags, &["Task"]].concat());
    expected.assert_eq(&format!("exit {}\n{}", told.code, told.stderr));
}

/// A folder beside the workspace.
fn beside(world: &World, name: &str) -> PathBuf {
    let folder = world.workspace().parent().unwrap().join(name);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.txt"), "beside\n").unwrap();
    folder
}

fn configure(world: &World, text: &str) {
    let folder = world.home().join("config/agent");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), text).unwrap();
}

#[test]
fn added_directories_are_reached_by_tools_and_commands() {
    let world = World::with(&[], fake_mistral::Script::parse("Done.").unwrap());
    let [lib, data] = ["lib", "data"].map(|name| beside(&world, name));
    let [l, d] = [lib.display(), data.display()];
    let script = format!(
        "> read_file {{\"filename\": \"{d}/a.txt\"}}\n---\n> create_file {{\"filename\": \"{l}/b.txt\", \"content\": \"new\\n\"}}\n---\n\
         > create_file {{\"filename\": \"{d}/b.txt\", \"content\": \"new\\n\"}}\n---\n\
         > run_command {{\"command\": \"cat {d}/a.txt; echo x > {l}/c.txt; echo x > {d}/c.txt\"}}\n---\nDone."
    );
    let mut world = world;
    world.server = Some(fake_mistral::FakeMistral::spawn(fake_mistral::Script::parse(&script).unwrap()).unwrap());
    let told = world.run(&["--add-dir", "../lib", "--add-dir", &format!("{d}:ro"), "Task"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(world.outcome(0).ends_with("1\tbeside\n"), "{}", world.outcome(0));
    assert!(world.outcome(2).contains("was added read-only; nothing was written"), "{}", world.outcome(2));
    assert!(world.outcome(3).starts_with("beside\n") && world.outcome(3).contains("[exit code 1]"));
    let there = |path: &str| world.workspace().parent().unwrap().join(path).exists();
    assert!(there("lib/b.txt") && there("lib/c.txt") && !there("data/b.txt") && !there("data/c.txt"));
    let system = world.bodies()[0]["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(system.contains(&format!("by absolute path: {l}, {d} (read only).")), "{system}");
}

#[test]
fn directories_and_limits_that_cannot_be_used() {
    refused(
        &["--add-dir", "../none"],
        expect![[r#"
        exit 2
        error: cannot use the added directory ../none: No such file or directory (os error 2)
        hint: pass a directory: --add-dir ../shared, or --add-dir /data:ro for read-only
    "#]],
    );
    refused(
        &["--add-dir", "file:ro"],
        expect![[r#"
        exit 2
        error: the added directory file is not a directory
        hint: pass a directory: --add-dir ../shared, or --add-dir /data:ro for read-only
    "#]],
    );
    refused(
        &["--add-dir", "/:ro"],
        expect![[r#"
        exit 2
        error: / cannot be added: it would defeat the sandbox
        hint: name the directories you need; to run without a sandbox use --sandbox off
    "#]],
    );
    refused(
        &["--limit", "memory"],
        expect![[r#"
        exit 2
        error: limit `memory` has no value
        hint: write it like memory=8G
    "#]],
    );
    refused(
        &["--limit", "memory=lots"],
        expect![[r#"
        exit 2
        error: limit memory: invalid value `lots`
        hint: write it in bytes, or like 512M, 8G
    "#]],
    );
    refused(
        &["--limit", "speed=1"],
        expect![[r#"
        exit 2
        error: unknown limit `speed`
        hint: the limits are time, memory, processes, open_files, file_size and tmp
    "#]],
    );
}

#[test]
fn the_users_file_adds_hides_keeps_and_bounds() {
    let script = "> run_command {\"command\": \"cat $(cat data)/a.txt; echo x > $(cat cache)/x; ulimit -n; head -c 3000000 /dev/zero > big\"}\n---\nDone.";
    let world = World::new(&[], script);
    let [data, cache] = ["data", "cache"].map(|name| beside(&world, name));
    world.write("data", &data.display().to_string());
    world.write("cache", &cache.display().to_string());
    configure(
        &world,
        &format!(
            "add_dirs = [\"{}:ro\"]\nhide = [\"{}/a.txt\"]\nkeep = [\"{}\"]\n[limit]\nopen_files = 77\nfile_size = \"1M\"\n",
            data.display(),
            data.display(),
            cache.display()
        ),
    );
    let told = world.run(&["--limit", "file_size=2M", "Task"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let outcome = world.outcome(0);
    assert!(!outcome.contains("beside") && outcome.contains("77\n"), "{outcome}");
    assert!(cache.join("x").exists());
    assert_eq!(fs::metadata(world.workspace().join("big")).unwrap().len(), 2 << 20, "{outcome}");
    assert!(outcome.contains("File size limit of 2 MiB reached"), "{outcome}");
    let shown = ran(world.command(&["config"]).env("AGENT_ADD_DIRS", "/usr:ro,/etc:ro").output().unwrap()).stdout;
    let line = shown.lines().find(|line| line.starts_with("add_dirs")).unwrap();
    assert!(line.contains("\"/etc:ro\"") && line.contains("data:ro") && line.contains("environment + "), "{line}");
}

#[test]
fn a_repositorys_file_cannot_open_anything() {
    let config = "add_dirs = [\"/etc\"]\nkeep = [\"~/.cargo\"]\nshow = []\n[limit]\nmemory = \"1T\"\n";
    let world = World::new(&[(".agent/config.toml", config)], "Done.");
    world.agent(&["config", "trust"]);
    let told = world.run(&["Task"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    for name in ["add_dirs", "keep", "show", "limit"] {
        assert!(told.stderr.contains(&format!("a repository cannot set `{name}`")), "{}", told.stderr);
    }
}

#[test]
fn the_time_of_a_command_is_bounded_by_the_user() {
    let script = "> run_command {\"command\": \"sleep 600\", \"timeout_seconds\": 900}\n---\nDone.";
    let world = World::new(&[], script);
    let told = world.run(&["--limit", "time=1s", "Task"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(world.outcome(0).contains("[The user's limit of 1 s per command was reached.]"), "{}", world.outcome(0));
}
