use agent::{Cancel, Effect, Listing, Observation, Stop};

use crate::testing::Bench;

fn bench() -> Bench {
    let bench = Bench::new(&[
        (".gitignore", "target/\n*.log\n"),
        (".git/config", ""),
        (".env", "x"),
        ("b.rs", "12345"),
        ("a.log", ""),
        ("src/lib.rs", ""),
        ("src/deep/mod.rs", ""),
        ("src-x/y.rs", ""),
        ("target/debug/out.rs", ""),
        ("sub/.git", "gitdir: x"),
        ("sub/c.py", ""),
    ]);
    std::os::unix::fs::symlink("..", bench.root().join("up")).unwrap();
    bench
}

fn list(path: &str, glob: Option<&str>, depth: Option<usize>, limit: usize) -> Result<Listing, String> {
    let effect = Effect::List { path: path.into(), glob: glob.map(Into::into), depth, limit };
    match bench().act(&effect) {
        Ok(Observation::Listed(listing)) => Ok(listing),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

#[track_caller]
fn check(path: &str, glob: Option<&str>, depth: Option<usize>, expected: &[&str]) {
    let listing = list(path, glob, depth, 100).unwrap();
    let found: Vec<&str> = listing.entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!((found.as_slice(), listing.left_out), (expected, 0));
}

#[test]
fn everything_but_what_git_ignores() {
    let all = [".env", ".gitignore", "b.rs", "src/deep/mod.rs", "src/lib.rs", "src-x/y.rs", "sub/c.py", "up@"];
    check("", None, None, &all);
    check(".", None, None, &all);
}

#[test]
fn one_level_shows_directories() {
    check("", None, Some(1), &[".env", ".gitignore", "b.rs", "src/", "src-x/", "sub/", "up@"]);
    check("src", None, Some(1), &["src/deep/", "src/lib.rs"]);
}

#[test]
fn globs_and_single_files() {
    check("", Some("*.rs"), None, &["b.rs", "src/deep/mod.rs", "src/lib.rs", "src-x/y.rs"]);
    check("src", Some("deep/*"), None, &["src/deep/mod.rs"]);
    check("src/lib.rs", None, None, &["src/lib.rs"]);
    check("target", None, None, &["target/debug/out.rs"]);
}

#[test]
fn bounded_with_a_count() {
    let listing = list("", None, None, 2).unwrap();
    assert_eq!((listing.entries.len(), listing.left_out), (2, 6));
    assert_eq!(list("", Some("*.rs"), None, 1).unwrap().entries[0].bytes, 5);
}

#[test]
fn what_cannot_be_listed() {
    assert_eq!(list("none", None, None, 9).unwrap_err(), "`none` does not exist.");
    assert_eq!(list("..", None, None, 9).unwrap_err(), "`..` is outside the workspace.");
    assert_eq!(list("up", None, None, 9).unwrap_err(), "`up` is outside the workspace.");
}

#[test]
fn cancel_ends_it() {
    let (bench, cancel) = (bench(), Cancel::default());
    cancel.stop(Stop::Human);
    let effect = Effect::List { path: "".into(), glob: None, depth: None, limit: 9 };
    assert_eq!(bench.act_until(&effect, &cancel).unwrap_err().to_string(), "cancelled");
}

#[test]
fn a_look_whose_thread_does_not_end_is_not_waited_for() {
    let (bench, cancel) = (bench(), Cancel::default());
    // The work ends when the test does: a disk that does not answer.
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let stop = cancel.clone();
    let work = bench.host.look(&cancel, move |_, _| {
        stop.stop(Stop::Human);
        Ok(ended.recv().is_ok())
    });
    assert_eq!(bench.block_on(work).unwrap_err().to_string(), "cancelled");
    drop(end);
}
