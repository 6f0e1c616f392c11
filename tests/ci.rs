//! `agent ci`: from a task to a patch or a commit, without a forge. With one: `ci_forge.rs`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{KEY, Ran, World};

/// A model's last words, and the commit message that it is asked for.
pub(crate) const WORDS: &str = "Say hello to the world\n\nThe greeting was empty.";

pub(crate) fn git(dir: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Ann", "-c", "user.email=ann@x.example", "-c", "init.defaultBranch=main"]);
    let output = git.args(arguments).current_dir(dir).env_remove("GIT_DIR").output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A repository with these files in its only commit.
pub(crate) fn repository(files: &[(&str, &str)], script: &str) -> World {
    let world = World::new(files, script);
    commit(&world);
    world
}

pub(crate) fn commit(world: &World) {
    git(&world.workspace(), &["init", "-q"]);
    git(&world.workspace(), &["add", "-A"]);
    git(&world.workspace(), &["commit", "-qm", "first"]);
}

pub(crate) fn write(path: &str, content: &str) -> String {
    format!("> create_file {}", serde_json::json!({"filename": path, "content": content}))
}

/// `agent ci` with a result file, and what it says.
pub(crate) fn ci(world: &World, arguments: &[&str]) -> (Ran, Value) {
    let result = world.home().join("result.json");
    let _ = fs::remove_file(&result);
    let ran = world.agent(&[&["ci", "--result", result.to_str().unwrap()], arguments].concat());
    let said = fs::read(&result).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let result: Value = serde_json::from_slice(&said).unwrap();
    assert_eq!(result["exit_code"], ran.code, "{ran:?}");
    nothing_is_left(world);
    (ran, result)
}

/// No worktree, no lock, and a checkout as it was.
pub(crate) fn nothing_is_left(world: &World) {
    let folder = world.home().join("state/agent-ci");
    let left: Vec<_> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(git(&world.workspace(), &["worktree", "list"]).lines().count(), 1);
    assert_eq!(git(&world.workspace(), &["status", "--porcelain"]), "");
}

#[test]
fn a_task_becomes_a_patch_that_git_am_takes_and_the_checkout_stays() {
    let script = format!("{}\n---\nDone.\n---\n{WORDS}", write("hello.txt", "hello\n"));
    let world = repository(&[("a.txt", "a\n")], &script);
    let patch = world.home().join("fix.patch");
    let (ran, result) = ci(&world, &["--patch", patch.to_str().unwrap(), "--signoff", "Greet the world"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(result["outcome"], "changed");
    assert_eq!(result["subject"], "Say hello to the world");
    assert_eq!(result["files"][0]["path"], "hello.txt");
    assert!(!world.workspace().join("hello.txt").exists());
    git(&world.workspace(), &["am", "-q", patch.to_str().unwrap()]);
    let log = git(&world.workspace(), &["log", "-1", "--format=%an <%ae>%n%B"]);
    let session = result["session"].as_str().unwrap();
    assert_eq!(
        log.trim(),
        format!(
            "agent <agent@localhost>\nSay hello to the world\n\nThe greeting was empty.\n\nAgent-Session: \
             {session}\nSigned-off-by: agent <agent@localhost>"
        )
    );
    // The request for the message has no tools, and stands alone.
    let bodies = world.bodies();
    assert_eq!(bodies.len(), 3);
    assert!(bodies[2].get("tools").is_none() && bodies[2]["messages"].as_array().unwrap().len() == 2);
    assert!(!world.everything_kept().contains(KEY));
}

#[test]
fn nothing_to_change_is_an_end_with_a_reason() {
    let world = repository(&[("a.txt", "a\n")], "It is right as it is.");
    let (ran, result) = ci(&world, &["--commit", "Mend a.txt"]);
    assert_eq!((ran.code, &result["outcome"]), (0, &Value::from("no_change")));
    assert_eq!(result["reason"], "the model changed nothing: It is right as it is.");
    assert_eq!(git(&world.workspace(), &["branch", "--list", "agent/*"]), "");
}

#[test]
fn the_task_comes_from_a_file_or_from_stdin_and_uncommitted_changes_stay_out() {
    let world =
        repository(&[("a.txt", "a\n"), ("task.md", "# Look at a.txt\n")], "Nothing to do.\n---\nNothing to do.");
    let (ran, _) = ci(&world, &["--file", "task.md"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(world.bodies()[0]["messages"][1]["content"].as_str().unwrap().starts_with("# Look at a.txt"));
    world.write("a.txt", "mine\n");
    let shell = format!("printf 'From stdin' | {} ci --result - -", crate::support::binary().display());
    let mut bash = Command::new("bash");
    bash.args(["-c", &shell]).current_dir(world.workspace()).env_clear();
    for (name, value) in world.command(&[]).get_envs() {
        bash.env(name, value.unwrap());
    }
    let ran = crate::support::ran(bash.output().unwrap());
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(result["notes"][0], "uncommitted changes in the checkout are not included");
    assert!(world.bodies()[1]["messages"][1]["content"].as_str().unwrap().starts_with("From stdin"));
    assert_eq!(fs::read_to_string(world.workspace().join("a.txt")).unwrap(), "mine\n");
}

#[test]
fn a_commit_goes_to_a_new_branch_each_time() {
    let one = format!("{}\n---\nDone.\n---\n{WORDS}", write("hello.txt", "hello\n"));
    let world = repository(&[("a.txt", "a\n")], &format!("{one}\n---\n{one}"));
    for number in 1..=2 {
        let (ran, result) = ci(&world, &["--commit", "--author", "Bot <bot@x.example>", "Greet the world"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(result["branch"], format!("agent/greet-the-world-{number}"));
        let branch = result["branch"].as_str().unwrap();
        let shown = git(&world.workspace(), &["log", "-1", "--format=%ae %H", branch]);
        assert_eq!(shown.trim(), format!("bot@x.example {}", result["commit"].as_str().unwrap()));
    }
}

#[test]
fn what_a_check_broke_goes_back_to_the_model_and_its_litter_stays_out() {
    let script = format!(
        "{}\n---\nDone.\n---\n{}\n---\nMended.\n---\n{WORDS}",
        write("a.sh", "exit 1\n"),
        "> apply_diff {\"diff\": \"--- a/a.sh\\n+++ b/a.sh\\n@@\\n-exit 1\\n+exit 0 # yes\\n\"}"
    );
    let world = repository(&[("a.txt", "a\n")], &script);
    let check = "touch litter-$RANDOM; echo x >> a.txt; test ! -e a.sh || sh a.sh";
    let (ran, result) = ci(&world, &["--check", check, "--check", "false", "--commit", "Write a.sh"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!((&result["outcome"], &result["sent_back"]), (&Value::from("changed"), &Value::from(1)));
    assert_eq!(result["files"].as_array().unwrap().len(), 1, "{result}");
    assert_eq!(result["checks"][0]["after"]["how"], "passed");
    assert_eq!(result["checks"][1]["before"]["passed"], false);
    let told = world.bodies()[2]["messages"].to_string();
    assert!(told.contains("passed before your change and now fails (exit code 1)"), "{told}");
    let branch = result["branch"].as_str().unwrap();
    assert_eq!(git(&world.workspace(), &["show", &format!("{branch}:a.sh")]), "exit 0 # yes\n");
}

#[test]
fn a_check_that_still_fails_is_exit_code_1_with_the_patch_kept() {
    let script = format!("{}\n---\nDone.\n---\nI cannot.\n---\n{WORDS}", write("bad", "x\n"));
    let world = repository(&[("a.txt", "a\n")], &script);
    world.write(".agent/config.toml", "checks = [\"test ! -e bad\"]\n");
    commit_all(&world);
    assert_eq!(world.agent(&["config", "trust"]).code, 0);
    let patch = world.home().join("fix.patch");
    let (ran, result) = ci(&world, &["--patch", patch.to_str().unwrap(), "--commit", "Write bad"]);
    assert_eq!((ran.code, &result["outcome"]), (1, &Value::from("checks_failed")), "{ran:?}");
    assert!(ran.stderr.contains("error: passed before the change and fails with it: test ! -e bad"), "{ran:?}");
    assert_eq!(result["branch"], Value::Null);
    git(&world.workspace(), &["am", "-q", patch.to_str().unwrap()]);
}

fn commit_all(world: &World) {
    git(&world.workspace(), &["add", "-A"]);
    git(&world.workspace(), &["commit", "-qm", "more"]);
}

#[test]
fn budgets_are_kept_and_what_was_done_too() {
    let script = format!("{}\n---\n{}", write("one", "1\n"), write("two", "2\n"));
    let world = repository(&[("a.txt", "a\n")], &script);
    let patch = world.home().join("fix.patch");
    let (ran, result) = ci(&world, &["--max-steps", "1", "--patch", patch.to_str().unwrap(), "--commit", "Count"]);
    assert_eq!((ran.code, &result["outcome"]), (3, &Value::from("limit_reached")), "{ran:?}");
    assert_eq!(result["branch"], Value::Null);
    git(&world.workspace(), &["am", "-q", patch.to_str().unwrap()]);
    assert!(git(&world.workspace(), &["log", "-1", "--format=%B"]).contains("no usable description"));
}

#[test]
fn wrong_use_is_exit_code_2_with_a_hint_and_a_result() {
    let world = repository(&[("a.txt", "a\n")], "Done.");
    for (arguments, hint) in [
        (&["--author", "nobody", "Task"][..], "hint: write it like --author"),
        (&["--base", "nowhere", "Task"], "hint: commit something first"),
        (&["--branch", "a..b", "Task"], "hint: `a..b` is not a branch name"),
        (&["--check-time", "soon", "Task"], "hint: write it like 90s"),
        (&["--file", "none.md"], "hint: pass an existing text file"),
        (&["--open-pr", "Task"], "hint: name it with --remote"),
        (&["--issue", "7"], "hint: name it with --remote"),
        (&["  "], "hint: say what to do"),
    ] {
        let (ran, result) = ci(&world, arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(hint), "{ran:?}");
        assert_eq!(result["outcome"], "failed");
    }
    for arguments in [&["ci"][..], &["ci", "--file", "a", "Task"], &["ci", "--patch", "-", "--result", "-", "Task"]] {
        assert_eq!(world.agent(arguments).code, 2, "{arguments:?}");
    }
    let elsewhere = World::new(&[], "Done.");
    let told = elsewhere.agent(&["ci", "Task"]);
    assert!(told.code == 2 && told.stderr.contains("hint: agent ci needs a git repository"), "{told:?}");
    assert!(world.bodies().is_empty());
}

#[test]
fn the_result_is_what_the_schema_says_and_the_page_and_the_summary_are_there() {
    let script = format!("{}\n---\nDone. ![x](http://evil.example/p.png)\n---\n{WORDS}", write("hello.txt", "hello\n"));
    let world = repository(&[("a.txt", "a\n")], &script);
    let schema: Value = serde_json::from_str(&world.agent(&["config", "schema", "ci"]).stdout).unwrap();
    let (page, summary, step) = (world.home().join("p.html"), world.home().join("s.md"), world.home().join("step.md"));
    let result = world.home().join("result.json");
    let mut command = world.command(&["ci", "--check", "true", "Greet the world"]);
    command.arg("--html").arg(&page).arg("--summary").arg(&summary).arg("--result").arg(&result);
    command.env("GITHUB_STEP_SUMMARY", &step).env("GITHUB_ACTIONS", "true");
    let ran = crate::support::ran(command.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let result: Value = serde_json::from_slice(&fs::read(result).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap().validate(&result).unwrap();
    let summary = fs::read_to_string(summary).unwrap();
    assert!(summary.starts_with("## agent ci: changed\n") && !summary.contains("![x]("), "{summary}");
    assert_eq!(fs::read_to_string(step).unwrap(), summary);
    assert!(fs::read_to_string(page).unwrap().contains("Greet the world"));
    // Nothing that is printed in between is a command to GitHub's runner.
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let word = lines[0].strip_prefix("::stop-commands::").unwrap();
    assert!(lines.contains(&format!("::{word}::").as_str()), "{ran:?}");
}

#[test]
fn binary_files_modes_and_links_survive_the_patch() {
    let make = "printf '\\\\000\\\\001\\\\377' > bin; printf '#!/bin/sh\\\\n' > run.sh; chmod +x run.sh; ln -s a.txt link; \
                mkdir -p 'a dir'; printf x > 'a dir/ü'; git mv a.txt b.txt 2>/dev/null || mv a.txt b.txt";
    let script = format!("> run_command {{\"command\": \"{make}\"}}\n---\nDone.\n---\n{WORDS}");
    let world = repository(&[("a.txt", "a\n")], &script);
    let patch = world.home().join("fix.patch");
    let (ran, result) = ci(&world, &["--patch", patch.to_str().unwrap(), "--commit", "Make things"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    git(&world.workspace(), &["am", "-q", patch.to_str().unwrap()]);
    let tree = |name: &str| git(&world.workspace(), &["rev-parse", &format!("{name}^{{tree}}")]);
    assert_eq!(tree("HEAD"), tree(result["branch"].as_str().unwrap()));
    assert_eq!(fs::read(world.workspace().join("bin")).unwrap(), [0, 1, 255]);
    assert!(git(&world.workspace(), &["ls-files", "-s"]).contains("100755"));
}

#[test]
fn nonsense_for_a_message_is_not_used_and_that_is_said() {
    let script = format!("{}\n---\nDone.\n---\nHere is your commit message: ok", write("hello.txt", "hello\n"));
    let world = repository(&[("a.txt", "a\n")], &script);
    let (ran, result) = ci(&world, &["--commit", "Greet the world"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(result["subject"], "Task: Greet the world");
    assert_eq!(result["notes"][0], "the model wrote no usable commit message, so the subject is the task");
}
