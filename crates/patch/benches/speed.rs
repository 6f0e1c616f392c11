//! How long applying takes, in release: `cargo bench -p patch`. Exits 1 when a figure that the project promises is missed.
#![expect(clippy::print_stdout, reason = "the figures are its output")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The fastest of several runs, which other work on the machine disturbs least.
fn fastest(run: &dyn Fn()) -> Duration {
    let once = || {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..25).map(|_| once()).min().unwrap_or_default()
}

/// About `bytes` of lines of which a third are the same, as in code.
fn file(bytes: usize) -> Vec<String> {
    let line = |number: usize| match number % 3 {
        0 => "    }".to_owned(),
        1 => format!("    fn step_{number}(&self) -> usize {{"),
        _ => format!("        self.count + {number} // the next one"),
    };
    let mut lines = Vec::new();
    let mut size = 0;
    while size < bytes {
        lines.push(line(lines.len()));
        size += lines.last().map_or(0, |line| line.len() + 1);
    }
    lines
}

/// A diff with `hunks` changes, spread evenly; its line numbers are all wrong.
fn diff(lines: &[String], hunks: usize) -> String {
    let step = lines.len() / hunks;
    let mut diff = "--- a/x\n+++ b/x\n".to_owned();
    for (hunk, at) in (0..hunks).map(|hunk| (hunk, hunk * step + 4)) {
        diff.push_str("@@ -1,7 +1,7 @@\n");
        for (number, line) in lines.iter().enumerate().skip(at - 3).take(7) {
            diff.push_str(&if number == at {
                format!("-{line}\n+{line} changed {hunk}\n")
            } else {
                format!(" {line}\n")
            });
        }
    }
    diff
}

fn measure(name: &str, text: &str, diff: &str, fits: bool) -> Duration {
    let time = fastest(&|| {
        let edits = patch::parse(diff).unwrap_or_default();
        let applied = edits.iter().all(|edit| patch::apply(edit, Some(text)).is_ok());
        assert_eq!(applied, fits, "{name}");
    });
    println!("{name:<64} {:>9.3} ms", time.as_secs_f64() * 1000.0);
    time
}

fn main() -> ExitCode {
    let megabyte = file(1 << 20);
    let text = megabyte.join("\n") + "\n";
    let hundred = measure("100 hunks, 1 MB", &text, &diff(&megabyte, 100), true);

    let lines: Vec<String> = file(1 << 20).into_iter().take(10_000).collect();
    let text = lines.join("\n") + "\n";
    let exact = diff(&lines, 1);
    let drifted = exact.replacen("self.count + 5", "self.counts + 5", 1);
    let fuzzy = measure("1 hunk with a drifted line, 10,000 lines", &text, &drifted, true);
    let wrong = exact.replace("-    fn step_4(", "-    fn stop_4(");
    let refused = measure("1 hunk that matches nowhere, with its closest lines, 10,000 lines", &text, &wrong, false);

    let mut sizes = Vec::new();
    for (hunks, bytes) in [(50, 1 << 19), (100, 1 << 20), (200, 1 << 21)] {
        let lines = file(bytes);
        let name = format!("{hunks} hunks, {} KB", bytes / 1024);
        sizes.push(measure(&name, &(lines.join("\n") + "\n"), &diff(&lines, hunks), true));
    }
    let hostile = vec!["}".to_owned(); 100_000];
    let name = "50 hunks of 7 equal lines in a file of 100,000 such lines";
    measure(name, &(hostile.join("\n") + "\n"), &diff(&hostile, 50), false);

    let growth = match sizes.as_slice() {
        [small, .., large] => large.as_secs_f64() / small.as_secs_f64().max(1e-9),
        _ => 0.0,
    };
    println!("4 times the file and the hunks take {growth:.1} times as long");
    let five = Duration::from_millis(5);
    let reached = hundred < Duration::from_millis(50) && fuzzy < five && refused < five && growth < 12.0;
    if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
