use std::os::unix::fs::symlink;

use super::*;
use crate::options::{HostOptions, Selection};

struct Bench {
    _folder: tempfile::TempDir,
    root: PathBuf,
    hidden: Hidden,
    survey: Survey,
}

impl Bench {
    /// A git repository in which `tracked` is in the index; `.gitignore` is one of the files.
    fn new(files: &[(&str, &str)], tracked: &[&str], hide: &[&str], show: &[&str]) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap().join("work");
        fs::create_dir(&root).unwrap();
        for (path, text) in files {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
        let git = |arguments: &[&str]| {
            let status = std::process::Command::new("git").args(arguments).current_dir(&root).status().unwrap();
            assert!(status.success(), "{arguments:?}");
        };
        git(&["init", "-q"]);
        if !tracked.is_empty() {
            git(&[&["add", "-f", "--"], tracked].concat());
        }
        let mut options = HostOptions { secret: Some(|text| text.contains("KEY-")), ..HostOptions::default() };
        let select = |patterns: &[&str]| Selection {
            paths: Vec::new(),
            patterns: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
        };
        (options.fence.hide, options.fence.show) = (select(hide), select(show));
        let hidden = Hidden::new(&options, [root.clone()].into_iter()).unwrap();
        Bench { _folder: folder, root, hidden, survey: Survey::default() }
    }

    fn look(&mut self) -> String {
        let until = Instant::now() + Duration::from_secs(600);
        let surveyed = self.survey.look_until(&self.hidden, &[&self.root], until);
        assert_eq!(surveyed.search, Search::Whole);
        let shown = surveyed.hidden.iter().map(|path| path.strip_prefix(&self.root).unwrap().display().to_string());
        shown.collect::<Vec<String>>().join(" ")
    }
}

#[test]
fn names_at_every_depth_and_not_what_git_tracks() {
    let files = [
        (".env", "A=1"),
        (".env.example", ""),
        ("deep/down/.env.local", ""),
        ("config/.env", ""),
        ("certs/test.key", ""),
        ("node_modules/x/.env", ""),
        ("node_modules/.env", ""),
        ("venv/.env/bin/activate", ""),
        (".npmrc", "registry=x"),
        ("sub/.npmrc", "//x/:_authToken=abc"),
    ];
    let mut bench = Bench::new(&files, &["config/.env", "certs/test.key"], &[], &[]);
    assert_eq!(bench.look(), ".env deep/down/.env.local node_modules/.env sub/.npmrc");
}

#[test]
fn keys_in_what_git_ignores() {
    let files = [
        (".gitignore", "*.local\n/data/\ntarget/\n"),
        ("a.local", "KEY-1"),
        ("b.local", "nothing"),
        ("data/deep/c.json", "KEY-2"),
        ("new.txt", "KEY-3: git does not ignore it"),
        ("tracked.local", "KEY-4"),
        ("target/out.txt", "KEY-5: a build's"),
    ];
    let mut bench = Bench::new(&files, &["tracked.local"], &[], &[]);
    assert_eq!(bench.look(), "a.local data/deep/c.json");
    // What changed since is read again, in a directory that looks as before too.
    fs::write(bench.root.join("b.local"), "now KEY-6").unwrap();
    assert_eq!(bench.look(), "a.local b.local data/deep/c.json");
}

#[test]
fn patterns_of_the_user() {
    let files =
        [("secrets/a", ""), ("secrets/b/c", ""), ("x/secrets/d", ""), ("one.sqlite", ""), (".env", ""), ("c/.env", "")];
    let mut bench = Bench::new(&files, &["one.sqlite"], &["/secrets/", "*.sqlite"], &["/.env"]);
    assert_eq!(bench.look(), "c/.env one.sqlite secrets");
}

#[test]
fn what_was_hidden_for_its_place_is_found_where_it_was_moved() {
    let mut bench = Bench::new(&[("conf/secrets/a", ""), ("data/x", "")], &[], &["conf/secrets"], &[]);
    assert_eq!(bench.look(), "conf/secrets");
    fs::rename(bench.root.join("conf"), bench.root.join("other")).unwrap();
    assert_eq!(bench.look(), "other/secrets");
}

#[test]
fn what_a_link_of_such_a_name_leads_to() {
    let mut bench = Bench::new(&[("shared/settings", "A=1")], &[], &[], &[]);
    symlink("shared/settings", bench.root.join(".env")).unwrap();
    symlink("nowhere", bench.root.join(".env.local")).unwrap();
    symlink("..", bench.root.join(".env.all")).unwrap();
    assert_eq!(bench.look(), "shared/settings");
}

#[test]
fn new_files_are_seen_by_the_next_look() {
    let mut bench = Bench::new(&[("a/b", "")], &[], &[], &[]);
    assert_eq!(bench.look(), "");
    fs::write(bench.root.join("a/.env"), "").unwrap();
    assert_eq!(bench.look(), "a/.env");
    fs::remove_file(bench.root.join("a/.env")).unwrap();
    assert_eq!(bench.look(), "");
}

/// Printed, not asserted: how long a look takes depends on the machine.
#[test]
fn a_look_at_many_files() {
    let mut bench = Bench::new(&[("a", "")], &[], &[], &[]);
    for dir in 0..200 {
        let path = bench.root.join(format!("d{}/e{dir}", dir % 20));
        fs::create_dir_all(&path).unwrap();
        for file in 0..50 {
            fs::write(path.join(format!("file{file}.rs")), "").unwrap();
        }
    }
    let git = std::process::Command::new("git").args(["add", "."]).current_dir(&bench.root).status().unwrap();
    assert!(git.success());
    for look in ["first", "second", "third"] {
        // The directories' times are far enough in the past for the next look.
        std::thread::sleep(Duration::from_millis(50));
        let start = Instant::now();
        assert_eq!(bench.look(), "");
        println!("{look} look at 10,000 files: {:?}", start.elapsed());
    }
}
