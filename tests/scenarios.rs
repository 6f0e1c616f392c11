//! Every folder of `scenarios/` is one end-to-end test of the real binary: `before/` and `after/` are the workspace,
//! `task.txt` is the task, `model.txt` is what the model says over HTTP (grammar: `fake_mistral::Script::parse`), and
//! `show.txt` is what `agent show` prints of the session. No Rust to write. UPDATE_EXPECT=1 writes `show.txt`.

use std::fs;
use std::path::Path;

use expect_test::expect_file;

use crate::support::{World, house};

#[test]
fn scenarios() {
    let folder = house().join("tests/scenarios").canonicalize().unwrap();
    let mut scenarios: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scenarios.sort();
    assert!(!scenarios.is_empty());
    for scenario in scenarios {
        println!("{}", scenario.display());
        play(&scenario);
    }
}

fn play(scenario: &Path) {
    let text = |name: &str| fs::read_to_string(scenario.join(name)).unwrap();
    let before = tree(&scenario.join("before"));
    let files: Vec<(&str, &str)> = before.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let world = World::new(&files, &text("model.txt"));
    let ran = world.run(&[text("task.txt").trim()]);
    assert_eq!(ran.code, 0, "{ran:?}");

    assert_eq!(tree(&world.workspace()), tree(&scenario.join("after")));
    let shown = world.agent(&["show"]).stdout;
    let root = world.workspace().display().to_string();
    let shown = shown.split_once("\n\n").unwrap().1.replace(&root, "WORKSPACE");
    // Sizes change with each word of the prompt, times with each run, and say nothing here.
    let lines = shown.lines().filter(|line| !line.starts_with("--- system"));
    let shown: String = lines.map(|line| format!("{}\n", without_figures(line))).collect();
    expect_file![scenario.join("show.txt")].assert_eq(&shown);
}

/// A step's heading without its time, tokens and cost.
fn without_figures(line: &str) -> &str {
    if line.starts_with("--- step") { line.split(" · ").next().unwrap() } else { line }
}

/// The files below a folder with their text, by path.
fn tree(folder: &Path) -> Vec<(String, String)> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.unwrap());
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap().display().to_string();
            (path, fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}
