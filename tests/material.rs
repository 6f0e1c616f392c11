//! The edits of ../shared/material, as tool calls with the file in a workspace: what the model wrote, the file after.
//! The table by format is in the README of `crates/patch`; this holds the whole path, from the call to the file.

use std::collections::BTreeMap;
use std::fs;

use sandbox::Memory;
use serde_json::{Value, json};

use crate::play::play;
use crate::support::house;

type Tree = BTreeMap<String, String>;

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    rows: u32,
    right: u32,
    refused: u32,
    guessed: u32,
    corrupted: Vec<usize>,
}

#[test]
fn real_edits_as_tool_calls() {
    let Ok(material) = fs::read_to_string(house().join("../shared/material/edits.jsonl")) else {
        crate::support::skip("no ../shared/material/edits.jsonl beside the repository");
        return;
    };
    let mut table: BTreeMap<String, Counts> = BTreeMap::new();
    let mut by_source: BTreeMap<(String, String), [u32; 2]> = BTreeMap::new();
    for (number, line) in material.lines().enumerate() {
        let row: Value = serde_json::from_str(line).unwrap();
        let expect = row["expect"].as_str().unwrap();
        let counts = table.entry(expect.to_owned()).or_default();
        counts.rows += 1;
        let source = row["source"].as_str().unwrap().split(':').next().unwrap();
        let outcome = outcome(&row);
        let [rows, changed] = by_source.entry((expect.to_owned(), source.to_owned())).or_default();
        *rows += 1;
        *changed += u32::from(!matches!(outcome, Outcome::Same));
        match (expect, outcome) {
            ("apply" | "apply_or_reject", Outcome::Right) => counts.right += 1,
            ("apply" | "apply_or_reject" | "reject_preferred", Outcome::Same) => counts.refused += 1,
            ("reject" | "noop", Outcome::Same) => counts.right += 1,
            ("noop", Outcome::Right) => counts.right += 1,
            ("reject_preferred", Outcome::Right | Outcome::Other) => counts.guessed += 1,
            (_, _) => counts.corrupted.push(number + 1),
        }
    }
    for ((expect, source), [rows, changed]) in &by_source {
        println!("{expect:<17} {source:<30} {rows:>4} rows, {changed:>4} changed the file");
    }
    for (expect, counts) in &table {
        println!("{expect:<17} {counts:?}");
        assert!(counts.corrupted.is_empty(), "{expect}: rows {:?}", counts.corrupted);
    }
    let share = |expect: &str| f64::from(table[expect].right) / f64::from(table[expect].rows);
    assert!(0.97 <= share("apply"), "{:?}", table["apply"]);
    assert!(0.70 <= share("apply_or_reject"), "{:?}", table["apply_or_reject"]);
}

enum Outcome {
    /// The file is as `after` says.
    Right,
    /// The file is as it was.
    Same,
    Other,
}

fn outcome(row: &Value) -> Outcome {
    let edit = row["patch_or_edit"].as_str().unwrap();
    let (mut before, mut after) = (tree(row, "files_before", "before"), tree(row, "files_after", "after"));
    // Some rows keep their file under another name than their edit's: it is laid out where the edit says.
    if let (Some(named), Some(path)) = (named_file(edit), row["path"].as_str())
        && before.len() == 1
        && !edit.lines().any(|line| (line.starts_with("--- ") || line.starts_with("+++ ")) && line.contains(path))
    {
        for tree in [&mut before, &mut after] {
            let text = tree.remove(path);
            tree.extend(text.map(|text| (named.to_owned(), text)));
        }
    }
    let memory = Memory::new(before.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let read = |path: &String| ("read_file".to_owned(), json!({"filename": path}).to_string());
    let mut calls: Vec<(String, String)> = before.keys().map(read).collect();
    calls.push(("apply_diff".to_owned(), json!({"diff": with_line(edit, &row["extra_args"][0])}).to_string()));
    play(tools::TOOLS, &memory, calls);

    let now: Tree = memory.paths().into_iter().map(|path| (path.clone(), memory.text(&path).unwrap())).collect();
    let plain = |tree: &Tree| -> Tree {
        let ignores = row["compare"] == "ignore_final_newline";
        let text = |text: &String| if ignores { text.trim_end_matches('\n').to_owned() } else { text.clone() };
        tree.iter().map(|(path, lines)| (path.clone(), text(lines))).collect()
    };
    let is_right = plain(&now) == plain(&after);
    match () {
        () if is_right && (row["expect"] == "apply" || now != before) => Outcome::Right,
        () if now == before => Outcome::Same,
        () => Outcome::Other,
    }
}

fn tree(row: &Value, all: &str, one: &str) -> Tree {
    let text = |(path, text): (&String, &Value)| Some((path.clone(), text.as_str()?.to_owned()));
    match &row[all] {
        Value::Object(files) => files.iter().filter_map(text).collect(),
        _ => row[one]
            .as_str()
            .map(|text| (row["path"].as_str().unwrap().to_owned(), text.to_owned()))
            .into_iter()
            .collect(),
    }
}

/// The one file that a unified diff names.
fn named_file(edit: &str) -> Option<&str> {
    let names: Vec<&str> = edit.lines().filter_map(|line| line.strip_prefix("+++ ")).collect();
    match names.as_slice() {
        [only] => Some(only.strip_prefix("b/").unwrap_or(only)),
        _ => None,
    }
}

/// The line that goes with a block as an argument of another tool, in the form that stands within the block.
fn with_line(edit: &str, line: &Value) -> String {
    match line.as_u64() {
        Some(line) => edit.replacen("<<<<<<< SEARCH\n", &format!("<<<<<<< SEARCH\n:start_line:{line}\n-------\n"), 1),
        None => edit.to_owned(),
    }
}
