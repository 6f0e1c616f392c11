//! The same unified rows through `git apply --recount`, GNU `patch -F2` and the crate mpatch, judged alike.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "it runs the programs it compares with")]
#![expect(clippy::print_stdout, reason = "the table is its output")]

use std::path::Path;
use std::process::{Command, Stdio};

use super::row::{Expect, Outcome, Row, Tree, run};

type Applier = fn(&Row, &str) -> Option<String>;

pub(crate) fn compare(rows: &[Row]) {
    let unified: Vec<&Row> = rows.iter().filter(|row| row.format == "unified_diff" && row.single().is_some()).collect();
    let appliers: [(&str, Applier); 3] =
        [("git apply --recount", git), ("GNU patch -F2", gnu), ("mpatch 1.8.1", mpatch)];
    println!(
        "\nThe {} unified rows, side by side: right / refused / corrupted; guessed / refused where a refusal is",
        unified.len()
    );
    println!("preferred. The others are given the file's name; git is not, and uses the one in the header.\n");
    println!(
        "{:<22} {:>18} {:>18} {:>18} {:>18}",
        "", "apply", "apply_or_reject", "reject and noop", "reject_preferred"
    );
    tell("this crate", &unified, &|row| run(row).0);
    for (name, applier) in appliers {
        tell(name, &unified, &|row| {
            let after = row.single().and_then(|before| applier(row, before));
            row.judge(after.map(|after| Tree::from([(row.path.clone(), after)])).as_ref())
        });
    }
}

fn tell(name: &str, rows: &[&Row], outcome: &dyn Fn(&Row) -> Outcome) {
    let outcomes: Vec<(Expect, Outcome)> = rows.iter().map(|row| (row.expect, outcome(row))).collect();
    let count = |of: &[Expect], what: Outcome| {
        outcomes.iter().filter(|(expect, outcome)| of.contains(expect) && *outcome == what).count()
    };
    let three = |of: &[Expect]| {
        let (right, refused) = (count(of, Outcome::Right), count(of, Outcome::Refused));
        format!("{right} / {refused} / {}", count(of, Outcome::Corrupted))
    };
    let preferred = [Expect::RejectPreferred];
    println!(
        "{name:<22} {:>18} {:>18} {:>18} {:>18}",
        three(&[Expect::Apply]),
        three(&[Expect::ApplyOrReject]),
        three(&[Expect::Reject, Expect::Noop]),
        format!("{} / {}", count(&preferred, Outcome::Guessed), count(&preferred, Outcome::Refused)),
    );
}

fn mpatch(row: &Row, before: &str) -> Option<String> {
    mpatch::patch_content_str(&row.edit, Some(before), &mpatch::ApplyOptions::default()).ok()
}

fn gnu(row: &Row, before: &str) -> Option<String> {
    let folder = tempfile::tempdir().ok()?;
    let (file, edit) = (folder.path().join("file"), folder.path().join("edit"));
    std::fs::write(&file, before).ok()?;
    std::fs::write(&edit, &row.edit).ok()?;
    let arguments = ["-F2", "-f", "-s", "--no-backup-if-mismatch", "-r", "-", "file", "edit"];
    ran(Command::new("patch").args(arguments), folder.path()).then(|| std::fs::read_to_string(file).ok()).flatten()
}

fn git(row: &Row, before: &str) -> Option<String> {
    let folder = tempfile::tempdir().ok()?;
    let name = row.edit.lines().find_map(|line| line.strip_prefix("--- ")).and_then(|name| name.split('\t').next())?;
    let (short, strip) = name.strip_prefix("a/").map_or((name, "-p0"), |short| (short, "-p1"));
    let short = if short == "/dev/null" { row.path.as_str() } else { short.trim() };
    let file = folder.path().join(short);
    std::fs::create_dir_all(file.parent()?).ok()?;
    std::fs::write(&file, before).ok()?;
    std::fs::write(folder.path().join("edit"), &row.edit).ok()?;
    let arguments = ["apply", "--recount", strip, "edit"];
    ran(Command::new("git").args(arguments), folder.path()).then(|| std::fs::read_to_string(file).ok()).flatten()
}

fn ran(command: &mut Command, folder: &Path) -> bool {
    let quiet = command.current_dir(folder).env("GIT_CEILING_DIRECTORIES", "/").stdin(Stdio::null());
    quiet.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
