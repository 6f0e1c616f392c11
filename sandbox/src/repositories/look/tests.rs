//! On disk, since the kernel's times are what it is about.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::*;

struct Bench {
    _folder: tempfile::TempDir,
    at: PathBuf,
    root: Root,
    look: Look,
}

impl Bench {
    fn new(script: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        let bench = Bench { at: root.real().to_path_buf(), _folder: folder, root, look: Look::default() };
        bench.shell(script);
        bench
    }

    fn shell(&self, script: &str) {
        assert!(
            Command::new("bash").args(["-ec", script]).current_dir(&self.at).status().unwrap().success(),
            "{script}"
        );
    }

    #[track_caller]
    fn check(&mut self, expected: &[&str]) {
        let found: Vec<PathBuf> = self.look.look(&self.root, &[]).found.into_keys().collect();
        assert_eq!(found, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    /// Makes every directory look as if it had not changed for long.
    fn settle(&mut self) {
        fn settle(node: &mut Node) {
            if let Some(stamp) = &mut node.stamp {
                stamp.racy = false;
            }
            node.below.values_mut().for_each(settle);
        }
        settle(&mut self.look.top);
    }
}

#[test]
fn everything_that_git_takes_for_a_repository() {
    let mut bench = Bench::new(
        "git init -q .; git init -q deep/nested; git init -q --bare store; mkdir file link fifo docs half; echo 'gitdir: x' > file/.git; \
         ln -s ../x link/.git; mkfifo fifo/.git; touch docs/HEAD docs/commondir half/HEAD half/objects; mkdir -p store/below/.git",
    );
    let all = [
        ".git",
        "deep/nested/.git",
        "docs",
        "fifo/.git",
        "file/.git",
        "half",
        "link/.git",
        "store",
        "store/below/.git",
    ];
    bench.check(&all);
    bench.settle();
    bench.check(&all);
}

#[test]
fn a_name_that_comes_into_a_directory_of_long_ago_is_seen() {
    let mut bench = Bench::new("mkdir -p a/b/c old; git init -q old/r");
    bench.check(&["old/r/.git"]);
    bench.settle();
    bench.shell("git init -q a/b/c");
    bench.check(&["a/b/c/.git", "old/r/.git"]);
    bench.settle();
    // Its parent alone is touched.
    bench.shell("mv old a/b/c/new; mv a/b/c/.git a/b/c/x");
    bench.check(&["a/b/c/new/r/.git", "a/b/c/x"]);
}

#[test]
fn a_file_that_is_changed_in_place_has_its_new_content() {
    let mut bench = Bench::new("mkdir sub; echo 'gitdir: one' > sub/.git");
    bench.check(&["sub/.git"]);
    bench.settle();
    fs::write(bench.at.join("sub/.git"), "gitdir: two\n").unwrap();
    let found = bench.look.look(&bench.root, &[]).found;
    assert_eq!(found[Path::new("sub/.git")], What::File { bytes: b"gitdir: two\n".to_vec(), mode: 0o644 });
}

#[test]
fn a_number_that_is_used_again_is_another_identity() {
    let mut bench = Bench::new("mkdir -p n/.git");
    let one = bench.look.look(&bench.root, &[]).found;
    for _ in 0..50 {
        bench.shell("rmdir n/.git; mkdir n/.git");
    }
    assert_ne!(bench.look.look(&bench.root, &[]).found, one);
}

/// Times that are just now, or of another machine's clock, are no reason to believe that nothing changed.
#[test]
fn what_is_too_recent_or_of_another_clock_is_listed_again() {
    // However slow this machine is: its time is later than the look.
    let mut bench = Bench::new("mkdir a; touch -d '+1 hour' a");
    bench.check(&[]);
    assert!(bench.look.top.below[OsStr::new("a")].stamp.unwrap().racy);
    bench.settle();
    bench.look.clocks.values_mut().for_each(|is_ours| *is_ours = false);
    // As after a change that left the same times.
    bench.look.top.below.insert("gone".into(), Node::default());
    bench.check(&[]);
    assert!(!bench.look.top.below.contains_key(OsStr::new("gone")));
}

#[test]
fn links_and_endless_paths_lead_nowhere() {
    let mut bench = Bench::new("for i in $(seq 1200); do mkdir abcdefghi; cd abcdefghi; done");
    symlink("/", bench.at.join("root")).unwrap();
    let seen = bench.look.look(&bench.root, &[]);
    assert!(seen.found.is_empty() && seen.closed.len() == 1, "{}", seen.closed.len());
}

/// In release: `cargo test --release -p sandbox ten_thousand -- --nocapture`.
#[test]
fn a_second_look_at_ten_thousand_files_lists_nothing() {
    let mut bench = Bench::new("git init -q .");
    for number in 0..10_000 {
        let path = bench.at.join(format!("part{}/module{}/file{number}", number / 400, number / 20));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let began = std::time::Instant::now();
    bench.check(&[".git"]);
    let first = began.elapsed();
    bench.settle();
    // Whoever lists its directory finds it again.
    bench.look.top.below.remove(OsStr::new("part7"));
    let mut times = Vec::new();
    for _ in 0..20 {
        let began = std::time::Instant::now();
        bench.check(&[".git"]);
        times.push(began.elapsed());
    }
    assert!(!bench.look.top.below.contains_key(OsStr::new("part7")));
    times.sort();
    println!("10,000 files in 525 directories: first look {first:?}, the next {:?}, median {:?}", times[0], times[10]);
}
