//! Every command of the README's `sh` blocks is run, as it stands there.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use fake_mistral::{Config, FakeMistral, ModelCard, Reply, Script, current_models, default_models};

use crate::support::{World, binary, house, ran};

/// The commands, without their comments.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(house().join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).map(|line| line.split("  #").next().unwrap().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// A world whose model writes test.py once and then only answers, and a folder with `agent` for PATH.
fn world(mut models: Vec<ModelCard>) -> (World, PathBuf) {
    let script = Script::computed(|body, _| {
        let has_called = body["messages"].as_array().unwrap().iter().any(|message| message["role"] == "tool");
        let task = body["messages"][1]["content"].as_str().unwrap_or_default();
        if has_called || !task.contains("test.py") {
            return Reply::text("Done.").into();
        }
        let content = "def fibonacci(n):\\n    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)\\n";
        Reply::call("create_file", format!("{{\"filename\": \"test.py\", \"content\": \"{content}\"}}")).into()
    });
    // Of the command that names a server and its model.
    models.push(ModelCard::new("devstral", &[]));
    let mut world = World::without_server(&[("README.md", "A tpyo.\n"), ("tests/test_calc.py", "")]);
    world.server = Some(FakeMistral::spawn_with(script, Config { models, ..Config::default() }).unwrap());
    // One session for `agent show`, `diff` and `undo`.
    assert_eq!(world.run(&["Create test.py"]).code, 0);
    crate::ci::commit(&world);
    (world, binary().parent().unwrap().to_owned())
}

#[test]
fn each_command_does_what_it_says() {
    check(default_models());
}

/// As Mistral's list is since Devstral was retired.
#[test]
fn each_command_does_it_without_devstral() {
    check(current_models());
}

fn check(models: Vec<ModelCard>) {
    let (world, folder) = world(models);
    let server = world.server.as_ref().unwrap().base_url();
    let commands = commands();
    assert!(10 < commands.len(), "{commands:?}");
    for command in commands {
        // The test command is the one that runs this test.
        if command == "cargo test --workspace" {
            continue;
        }
        let line = command.replace("http://127.0.0.1:11434/v1", &server);
        let path = format!("{}:{}:{}", folder.display(), house().display(), std::env::var("PATH").unwrap());
        // Everything but where the program is.
        let mut shell = world.command(&[]);
        let mut bash = Command::new("bash");
        bash.args(["-c", &line.replace("./quickstart", "quickstart")]).stdin(Stdio::null());
        bash.current_dir(shell.get_current_dir().unwrap()).env_clear();
        for (name, value) in shell.env("PATH", path).get_envs() {
            bash.env(name, value.unwrap());
        }
        bash.env("AGENT_BINARY", binary()).env("AGENT_WORKSPACE", world.workspace().join("quick"));
        let told = ran(bash.output().unwrap());
        assert_eq!(told.code, 0, "`{command}`: {}\n{}", told.stderr, told.stdout);
    }
    let made = fs::read_to_string(world.workspace().join("quick/test.py")).unwrap();
    assert!(made.starts_with("def fibonacci"), "{made}");
}
