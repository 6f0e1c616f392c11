//! The shape of the house, kept by tests rather than by memory.

use std::fs;
use std::path::PathBuf;

use expect_test::expect;
use serde_json::Value;

use crate::support::house;

/// Every file of the repository with one of these endings, `target` left out.
fn files(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let house = house().canonicalize().unwrap();
    let visible = |entry: &walkdir::DirEntry| {
        !["target", ".git", "corpus", "artifacts"].iter().any(|name| entry.file_name() == *name)
    };
    walkdir::WalkDir::new(&house)
        .into_iter()
        .filter_entry(visible)
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| endings.iter().any(|ending| extension == *ending)))
        .map(|path| {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            (path.strip_prefix(&house).unwrap().to_owned(), text)
        })
        .collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(house().join(path)).unwrap()
}

#[test]
fn files_are_short() {
    let long: Vec<PathBuf> =
        files(&["rs"]).into_iter().filter(|(_, text)| 400 < text.lines().count()).map(|(path, _)| path).collect();
    assert!(long.is_empty(), "over 400 lines, split them: {long:?}");
}

#[test]
fn the_loop_is_one_short_file() {
    assert!(read("crates/agent/src/agent_loop.rs").lines().count() < 250);
}

#[test]
fn every_room_says_what_it_is() {
    for room in [
        "crates/agent",
        "crates/forge",
        "crates/mask",
        "crates/patch",
        "crates/providers",
        "crates/session",
        "crates/snapshots",
        "crates/symbols",
        "tools",
        "sandbox",
        "tests/fake-forge",
        "tests/fake-mistral",
    ] {
        assert!(read(&format!("{room}/src/lib.rs")).starts_with("//! "), "{room}");
    }
}

#[test]
fn arrows_between_rooms_are_few() {
    let rooms = [
        "agent",
        "forge",
        "mask",
        "patch",
        "providers",
        "session",
        "snapshots",
        "symbols",
        "tools",
        "sandbox",
        "fake-mistral",
    ];
    let mut arrows = String::new();
    for member in [
        "crates/agent",
        "crates/forge",
        "crates/patch",
        "crates/providers",
        "crates/session",
        "crates/snapshots",
        "crates/symbols",
        "tools",
        "sandbox",
    ] {
        let manifest = read(&format!("{member}/Cargo.toml"));
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        for room in rooms {
            if dependencies.contains(&format!("\n{room}.workspace = true")) {
                arrows += &format!("{member} -> {room}\n");
            }
        }
    }
    expect![[r#"
        crates/providers -> agent
        crates/providers -> mask
        crates/session -> agent
        crates/session -> mask
        tools -> agent
        tools -> patch
        tools -> symbols
        sandbox -> agent
        sandbox -> mask
        sandbox -> snapshots
        sandbox -> symbols
    "#]]
    .assert_eq(&arrows);
}

#[test]
fn the_core_depends_on_nothing_that_acts() {
    let manifest = read("crates/agent/Cargo.toml");
    let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
    let (dependencies, _) = dependencies.split_once("[dev-dependencies]").unwrap();
    expect![[r#"
        async-trait futures-util schemars serde serde_json similar thiserror tokio tokio-util globset unicode-normalization tree-sitter tree-sitter-bash"#]]
    .assert_eq(
        &dependencies
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(['.', ' ']).next())
            .filter(|name| !name.is_empty())
            .collect::<Vec<&str>>()
            .join(" "),
    );
}

#[test]
fn nothing_of_one_machine_is_in_the_tree() {
    // Put together here, so that this file does not find itself.
    let marks = [format!("/{}/main", "work"), format!("{}/shared/", "/work"), format!("127.0.0.1:{}", 3128)];
    for (path, text) in files(&["rs", "toml", "md", "sh", "py", "txt", "jinja", "yml", "json", "lock"]) {
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{} has {mark}", path.display());
        }
    }
}

#[test]
fn lints_are_silenced_with_a_reason_only() {
    let allow = format!("#[{}(", "allow");
    for (path, text) in files(&["rs"]) {
        assert!(!text.contains(&allow), "{}", path.display());
        assert!(!text.contains(&format!("#[{}]", "ignore")), "{}", path.display());
    }
}

#[test]
fn the_tools_as_the_model_sees_them() {
    let mut shown = String::new();
    for spec in tools::TOOLS.iter().map(|tool| tool.spec()) {
        shown += &format!("{}: {}\n", spec.name, spec.description);
        for (name, property) in spec.parameters["properties"].as_object().unwrap() {
            let required =
                spec.parameters["required"].as_array().is_some_and(|names| names.contains(&Value::from(name.as_str())));
            let optional = if required { "" } else { "?" };
            let (kind, text) = (property["type"].as_str().unwrap(), property["description"].as_str().unwrap());
            shown += &format!("  {name}{optional}: {kind}. {text}\n");
        }
    }
    expect![[r#"
        read_file: Reads a text file with line numbers, or lists a directory.
          filename: string. Path in the workspace.
          first_line?: integer. First line to read, from 1.
          lines?: integer. Number of lines to read, at most 500.
          symbol?: string. Read only this function or type, given its name or a line number in it.
        search_files: Finds lines matching a regular expression in all files that .gitignore does not exclude.
          pattern: string. Regular expression.
          path?: string. Directory or file to search; default: the whole workspace.
          glob?: string. Only files that match, such as `*.py`.
          context?: integer. Lines to show around each match.
        list_files: Lists files under a directory, except those that .gitignore excludes.
          path?: string. Directory to list; default: the whole workspace.
          glob?: string. Only files that match, such as `*.rs` or `**/test_*.py`.
        create_file: Writes a whole file, creating parent directories. Replaces an existing file only if you have read it.
          filename: string. Path in the workspace.
          content: string. The full content.
        apply_diff: Applies a unified diff to one or more files, all or nothing. Line numbers are optional; each hunk needs enough context to match exactly one place:

        ```
        --- a/FILE
        +++ b/FILE
        @@
         line above, as it stands
        -line to remove
        +line to put there
         line below
        ```
          diff: string. The diff.
        run_command: Runs a bash command in the workspace and returns its output. No stdin; everything it started is killed when it ends.
          command: string. The command line.
          timeout_seconds?: integer. Timeout in seconds: default 120, at most 1800.
          background?: boolean. Run in the background (server, watcher). Returns an id.
        read_output: Shows a background command's new output and whether it is still running.
          id: integer. From `run_command`.
          wait_seconds?: integer. Wait up to this long for new output, at most 600.
        stop_command: Stops a background command.
          id: integer. From `run_command`.
        repo_map: Shows the repository's most used functions and types by file, with line numbers: an overview of unfamiliar code.
          focus?: string. Path or name to focus on.
    "#]].assert_eq(&shown);
}

#[test]
fn tool_schemas_are_flat_draft_7() {
    for spec in tools::TOOLS.iter().map(|tool| tool.spec()) {
        jsonschema::draft7::meta::validate(&spec.parameters).unwrap();
        let text = spec.parameters.to_string();
        for unwanted in ["$ref", "$schema", "$defs", "null", "anyOf", "oneOf", "format", "title"] {
            assert!(!text.contains(&format!("\"{unwanted}\"")), "{}: {text}", spec.name);
        }
        assert!(spec.name.len() <= 64 && spec.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        let alone = jsonschema::draft7::new(&spec.parameters).unwrap();
        assert!(!alone.is_valid(&serde_json::json!({"no_such_argument": 1})), "{}", spec.name);
    }
}

/// Bytes are what can be counted without a tokenizer; `.ci/run` counts tokens with the official one.
#[test]
fn prompt_and_tools_are_small() {
    let specs: usize = tools::TOOLS
        .iter()
        .map(|tool| tool.spec())
        .map(|spec| spec.description.len() + spec.parameters.to_string().len())
        .sum();
    let prompt = agent::opening(&agent::Facts::default()).len();
    assert!(specs + prompt < 5_000, "{specs} + {prompt} bytes");
}
