//! Prints how each row of an `edits.jsonl` fares, by source and by what is expected, and beside it what other appliers
//! make of the same unified rows. Exits 1 when anything was corrupted or a figure is not reached.
#![expect(clippy::disallowed_methods, reason = "a runner for people: it reads the rows they name")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is its output")]

mod support;

use std::collections::BTreeMap;
use std::process::ExitCode;

use support::peers;
use support::row::{Expect, Outcome, Row, run};

/// What the project promises (issue "Edits").
const APPLY_AT_LEAST: f64 = 0.97;
const APPLY_OR_REJECT_AT_LEAST: f64 = 0.70;

#[derive(Default, Clone)]
struct Count {
    rows: usize,
    right: usize,
    applied: usize,
    refused: usize,
    corrupted: usize,
}

impl Count {
    fn add(&mut self, outcome: Outcome) {
        self.rows += 1;
        match outcome {
            Outcome::Right => self.right += 1,
            Outcome::Guessed => self.applied += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Corrupted => self.corrupted += 1,
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(path) = arguments.iter().find(|argument| !argument.starts_with('-')) else {
        eprintln!("error: name the rows\nhint: cargo run -p patch --example table -- ../shared/material/edits.jsonl");
        return ExitCode::from(2);
    };
    let wants = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("error: {path}: {error}");
            return ExitCode::from(2);
        }
    };
    let rows: Vec<Row> = text.lines().filter_map(Row::parse).collect();
    let mut table: BTreeMap<(Expect, String), Count> = BTreeMap::new();
    let mut totals: BTreeMap<Expect, Count> = BTreeMap::new();
    for row in &rows {
        let (outcome, report) = run(row);
        table.entry((row.expect, row.family.clone())).or_default().add(outcome);
        totals.entry(row.expect).or_default().add(outcome);
        if wants("--verbose") && row.is_of_interest(outcome) {
            println!("{outcome:?} {:?} {}\n{}\n", row.expect, row.id, report.trim_end());
        }
    }
    println!(
        "{:<16} {:<22} {:>5} {:>7} {:>8} {:>8} {:>10}",
        "expect", "source", "rows", "right", "guessed", "refused", "corrupted"
    );
    for ((expect, family), count) in &table {
        line(expect.name(), family, count);
    }
    for (expect, count) in &totals {
        line(expect.name(), "ALL", count);
    }
    let corrupted: usize = totals.values().map(|count| count.corrupted).sum();
    let share = |expect: Expect| {
        let count = totals.get(&expect).cloned().unwrap_or_default();
        count.right as f64 / count.rows.max(1) as f64
    };
    let (apply, either) = (share(Expect::Apply), share(Expect::ApplyOrReject));
    println!(
        "\ncorrupted {corrupted} (must be 0) · apply {:.1} % right (at least 97) · apply_or_reject {:.1} % applied (at least 70)",
        apply * 100.0,
        either * 100.0
    );
    if !wants("--alone") {
        peers::compare(&rows);
    }
    let reached = corrupted == 0 && apply >= APPLY_AT_LEAST && either >= APPLY_OR_REJECT_AT_LEAST;
    if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn line(expect: &str, family: &str, count: &Count) {
    let Count { rows, right, applied, refused, corrupted } = count;
    println!("{expect:<16} {family:<22} {rows:>5} {right:>7} {applied:>8} {refused:>8} {corrupted:>10}");
}
