//! Every row of `../shared/material/paths.jsonl`, on the real host: path
//! escapes that others met, and names that only look like one.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use agent::{Change, Effect, FileMode, Observation};
use serde_json::Value;

use crate::testing::Bench;

const MATERIAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/material/paths.jsonl");

struct Row {
    bench: Bench,
    json: Value,
    background: Option<Child>,
}

impl Drop for Row {
    fn drop(&mut self) {
        if let Some(mut child) = self.background.take() {
            let group = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            child.wait().unwrap();
        }
    }
}

impl Row {
    fn new(json: Value) -> Row {
        let mut row = Row { bench: Bench::new(&[]), json, background: None };
        std::fs::create_dir(row.home()).unwrap();
        for step in row.json["setup"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()) {
            if step.ends_with('&') {
                // Its leader lives until the row is dropped, so that the number of the group stays its own.
                row.background = Some(row.command(&format!("{step} wait")).process_group(0).spawn().unwrap());
            } else {
                assert!(row.shell(step), "{}", row.name());
            }
        }
        assert!(row.shell("touch $WS/.stamp"));
        row
    }

    fn name(&self) -> String {
        format!("{} {}", self.json["id"], self.json["path"])
    }

    fn home(&self) -> PathBuf {
        self.bench.folder.path().join("home")
    }

    /// The three places by name, and the one expansion that some rows have.
    fn expand(&self, text: &str) -> String {
        let root = self.bench.root();
        text.replace("$(basename $WS)", "workspace")
            .replace("$WS", root.to_str().unwrap())
            .replace("$OUT", self.bench.folder.path().join("out").to_str().unwrap())
            .replace("$HOME", self.home().to_str().unwrap())
    }

    fn shell(&self, command: &str) -> bool {
        self.command(command).status().unwrap().success()
    }

    fn command(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(self.expand(command)).current_dir(self.bench.root());
        shell.env("HOME", self.home()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        shell
    }

    /// Only the rows that say so have their names expanded: `${HOME}/x` is a name too.
    fn path(&self) -> PathBuf {
        let path = self.json["path"].as_str().unwrap();
        let expands = path.starts_with("$OUT/") || path.starts_with("$HOME/") || !self.json["expand"].is_null();
        PathBuf::from(if expands { self.expand(path) } else { path.to_string() })
    }

    fn ops(&self) -> Vec<&str> {
        self.json["ops"].as_array().unwrap().iter().map(|op| op.as_str().unwrap()).collect()
    }

    /// Whether the effect of an operation took place.
    fn attempt(&self, op: &str) -> bool {
        let path = self.path();
        match op {
            "read_file" => self.bench.read(&path).is_ok(),
            "search" => self.search_sees_outside(&path),
            "create_file" | "apply_diff" => {
                let changes = match self.json["patch"].as_str() {
                    Some(patch) => changes_of(patch),
                    None => vec![self.overwrite(&path)],
                };
                !changes.is_empty() && self.bench.write(changes).is_ok()
            }
            other => panic!("no such operation: {other}"),
        }
    }

    /// As a tool would make it that has just read the file.
    fn overwrite(&self, path: &Path) -> Change {
        let before = self.bench.read(path).ok();
        Change { path: path.to_path_buf(), before, after: Some(b"written\n".to_vec()), mode: FileMode::Keep }
    }

    fn search_sees_outside(&self, path: &Path) -> bool {
        let mut seen = false;
        for path in [path, Path::new("")] {
            let effect = Effect::Search {
                pattern: "SECRET|root:".into(),
                path: path.into(),
                glob: None,
                context: 0,
                limit: 100,
            };
            if let Ok(Observation::Found(found)) = self.bench.act(&effect) {
                seen |= !found.lines.is_empty();
            }
        }
        seen
    }

    /// What must hold afterwards, where a shell can tell.
    fn post_holds(&self) -> bool {
        match self.json["post"].as_str() {
            Some(post) if post.starts_with("test ") => self.shell(post),
            Some(post) if post.starts_with("git -C $WS status") => self.shell("git -C $WS status"),
            Some(post) if post.starts_with("after 200 attempts: ") => {
                self.shell(post.trim_start_matches("after 200 attempts: "))
            }
            // Said in words: what `attempt` and `outside` look at.
            Some(_) | None => true,
        }
    }

    /// Every file beside the workspace, with its content.
    fn outside(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for entry in ignore::WalkBuilder::new(self.bench.folder.path()).standard_filters(false).build().flatten() {
            let path = entry.path();
            if !path.starts_with(self.bench.root()) && entry.file_type().is_some_and(|kind| kind.is_file()) {
                found.push((path.to_path_buf(), std::fs::read(path).unwrap()));
            }
        }
        found.sort();
        found
    }

    fn check(&self) -> Result<(), String> {
        let before = self.outside();
        let allow = self.json["expected"] == "allow";
        for op in self.ops() {
            if self.json["race"] == true {
                self.race(op);
                continue;
            }
            let done = self.attempt(op);
            let fine_either_way = self.json["strict"].as_str().is_some_and(|strict| strict.contains("allow is fine"));
            // A name that is not there yet can be created, and read after that.
            let missing = op == "read_file" && !done && self.attempt("create_file") && self.attempt(op);
            if done != allow && !(fine_either_way || allow && missing) {
                return Err(format!("{op}: expected {}", self.json["expected"]));
            }
        }
        if allow && !self.bench.root().join(self.path()).exists() {
            return Err("the file is not where its name says".to_string());
        }
        if before != self.outside() {
            return Err("something changed outside".to_string());
        }
        if self.post_holds() { Ok(()) } else { Err(format!("post: {}", self.json["post"])) }
    }

    fn race(&self, op: &str) {
        let path = self.path();
        for _ in 0..200 {
            if op == "read_file" {
                assert_ne!(self.bench.read(&path).unwrap_or_default(), b"SECRET", "{}", self.name());
            } else {
                self.attempt(op);
            }
        }
    }
}

/// The writes that a diff asks for, as far as these rows need it.
fn changes_of(patch: &str) -> Vec<Change> {
    let removed: String = patch
        .lines()
        .filter(|line| line.starts_with('-') && !line.starts_with("---"))
        .map(|line| format!("{}\n", &line[1..]))
        .collect();
    let named = |line: &str| {
        let name = line.strip_prefix("+++ ").or_else(|| line.strip_prefix("rename to "))?;
        let name = name.trim_matches('"').replace("\\056", ".");
        Some(name.strip_prefix("b/").unwrap_or(&name).to_string())
    };
    let before = Some(removed.into_bytes()).filter(|before| !before.is_empty());
    let change = |name: String| Change {
        path: name.into(),
        before: before.clone(),
        after: Some(b"pwned\n".to_vec()),
        mode: FileMode::Keep,
    };
    patch.lines().filter_map(named).map(change).collect()
}

#[test]
fn every_path_of_the_material() {
    let Ok(material) = std::fs::read_to_string(MATERIAL) else {
        println!("skipped: {MATERIAL} is not here");
        return;
    };
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in material.lines() {
        let row = Row::new(serde_json::from_str(line).unwrap());
        rows += 1;
        if let Err(why) = row.check() {
            wrong.push(format!("{}: {why}", row.name()));
        }
    }
    println!("{rows} rows, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
