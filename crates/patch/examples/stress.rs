//! Mutates the rows of an `edits.jsonl` at random for some minutes and checks what must hold of any text: no panic, no
//! edit slower than a second, nothing changed on a refusal, and the result's own diff applies back.
#![expect(
    clippy::disallowed_methods,
    reason = "a runner for people: it reads the rows they name and watches the clock"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the figures are its output")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// `splitmix64` (Steele, Lea and Flood, OOPSLA 2014): enough for choosing mutations, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap_or(0) % bound.max(1)
    }
}

/// One line taken out, doubled, swapped, re-indented, cut, or taken from another edit.
fn mutated(edit: &str, other: &str, random: &mut Random) -> String {
    let mut lines: Vec<String> = edit.split_inclusive('\n').map(str::to_owned).collect();
    for _ in 0..1 + random.below(4) {
        let at = random.below(lines.len());
        let from = random.below(lines.len());
        let Some(line) = lines.get(at).cloned() else { break };
        let stranger = other.split_inclusive('\n').nth(random.below(60)).unwrap_or("\n").to_owned();
        match random.below(8) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(from, line),
            2 => lines.swap(at, from),
            3 => lines[at] = format!(" {line}"),
            4 => lines[at] = line.chars().skip(1).collect(),
            5 => lines[at] = line.chars().take(random.below(line.len())).collect(),
            6 => lines.truncate(at + 1),
            _ => lines.insert(at, stranger),
        }
    }
    lines.concat()
}

fn check(edit: &str, before: &str) -> Result<bool, String> {
    let mut is_applied = false;
    for edit in patch::parse(edit).into_iter().flatten() {
        let Ok(applied) = patch::apply(&edit, Some(before)) else { continue };
        is_applied = true;
        let after = applied.after.unwrap_or_default();
        if after == before || before.contains('\r') || after.contains('\r') {
            continue;
        }
        let back = patch::parse(&patch::unified("x", Some(before), Some(&after))).map_err(|error| error.to_string())?;
        let again = back.first().ok_or("no edit")?;
        let again = patch::apply(again, Some(before)).map_err(|refusal| refusal.to_string())?;
        if again.after.as_deref().unwrap_or("") != after {
            return Err("the diff of the result gives another result".to_owned());
        }
    }
    Ok(is_applied)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (path, seconds) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!(
            "error: name the rows and the seconds\nhint: cargo run --release -p patch --example stress -- ../shared/material/edits.jsonl 60"
        );
        return ExitCode::from(2);
    };
    let pair = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).ok()?;
        Some((row.get("patch_or_edit")?.as_str()?.to_owned(), row.get("before")?.as_str()?.to_owned()))
    };
    let rows: Vec<(String, String)> = text.lines().filter_map(pair).collect();
    let (start, limit) = (Instant::now(), Duration::from_secs(seconds.parse().unwrap_or(60)));
    let (mut random, mut tried, mut applied, mut slowest) = (Random(1), 0u64, 0u64, Duration::ZERO);
    while start.elapsed() < limit {
        let Some((edit, before)) = rows.get(random.below(rows.len())) else { break };
        let other = rows.get(random.below(rows.len())).map_or("", |row| row.0.as_str());
        let edit = mutated(edit, other, &mut random);
        let began = Instant::now();
        match check(&edit, before) {
            Ok(is_applied) => applied += u64::from(is_applied),
            Err(what) => {
                println!("FAILED: {what}\n--- edit\n{edit}\n--- before\n{before}");
                return ExitCode::FAILURE;
            }
        }
        slowest = slowest.max(began.elapsed());
        tried += 1;
    }
    println!("{tried} mutated edits, {applied} applied, slowest {:.1} ms, no failure", slowest.as_secs_f64() * 1000.0);
    if slowest < Duration::from_secs(1) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
