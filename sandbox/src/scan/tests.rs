use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use super::*;
use crate::Files;

struct Bench {
    folder: tempfile::TempDir,
    files: Files,
    objects: Objects,
    manifest: Manifest,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("work");
        fs::create_dir(&root).unwrap();
        let objects = Objects::open(&folder.path().join("kept"), &root, "session", 1 << 30).unwrap();
        let mut bench =
            Bench { files: Files::open(&root, Vec::new()).unwrap(), folder, objects, manifest: Manifest::default() };
        for (path, text) in files {
            bench.write(path, text);
        }
        assert_eq!(bench.scan(), "", "the first look finds nothing changed");
        bench
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What changed, as `path before>after` with the first letter of the kind of state.
    fn scan(&mut self) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        let changes = self.files.scan(&mut self.manifest, &mut self.objects, Look::Next, until).unwrap();
        let letter = |state: &Option<FileState>| match state {
            None => '-',
            Some(FileState::File { .. }) => 'f',
            Some(FileState::Unkept { .. }) => 'u',
            Some(FileState::Link { .. }) => 'l',
            Some(FileState::Special { .. }) => 's',
            Some(FileState::Dir) => 'd',
        };
        let shown = changes
            .iter()
            .map(|change| format!("{} {}>{}", change.path.display(), letter(&change.before), letter(&change.after)));
        shown.collect::<Vec<String>>().join(", ")
    }

    fn paths(&self) -> String {
        let paths: Vec<String> = self.manifest.states().map(|(path, _)| path.display().to_string()).collect();
        paths.join(" ")
    }

    /// As if the last look had been long after the last change.
    fn settle(&mut self) {
        for dir in self.manifest.dirs.values_mut() {
            dir.stamp.racy = false;
            dir.entries.values_mut().for_each(|seen| seen.stamp.racy = false);
        }
    }
}

#[test]
fn a_change_within_the_same_tick_and_of_the_same_size_is_seen() {
    let mut bench = Bench::new(&[("a", "one")]);
    let path = bench.root().join("a");
    let times = fs::metadata(&path).unwrap().modified().unwrap();
    // Same size, same mtime; if the machine is quick, the same ctime too.
    fs::write(&path, "two").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(times).unwrap();
    assert_eq!(bench.scan(), "a f>f");
}

#[test]
fn what_looks_as_before_is_not_read_again() {
    let mut bench = Bench::new(&[("a", "one"), ("d/b", "two")]);
    bench.settle();
    // A manifest that lies about a content: only whoever does not read believes it.
    let lie = FileState::File { digest: snapshots::Digest::of(b"lie"), bytes: 3, mode: 0 };
    bench.manifest.dirs.get_mut(Path::new("")).unwrap().entries.get_mut(OsStr::new("a")).unwrap().state = lie;
    assert_eq!(bench.scan(), "");
}

#[test]
fn git_directories_are_not_looked_at_at_any_depth() {
    let bench =
        Bench::new(&[(".git/config", ""), ("sub/.git/HEAD", ""), ("module/.git", "gitdir: x"), ("module/a", "")]);
    assert_eq!(bench.paths(), "module module/a sub");
}

#[test]
fn files_that_stop_being_ignored_were_not_made() {
    let mut bench = Bench::new(&[(".gitignore", "data\n"), ("data/old", "mine"), ("a", "")]);
    assert_eq!(bench.paths(), ".gitignore a");
    // Longer than the doubt about the time of a file.
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(bench.scan(), "");
    bench.write(".gitignore", "");
    assert_eq!(bench.scan(), ".gitignore f>f");
    assert_eq!(bench.paths(), ".gitignore a data data/old");
    // Made about then: nobody can say whether it was there.
    let mut bench = Bench::new(&[(".gitignore", "data\n"), ("data/old", "mine"), ("a", "")]);
    bench.write(".gitignore", "");
    assert_eq!(bench.scan(), ".gitignore f>f, data/old u>f");
}

#[test]
fn files_that_are_ignored_from_now_on_are_still_looked_at() {
    let mut bench = Bench::new(&[("a.o", ""), ("d/b.o", ""), ("c", "")]);
    bench.write(".gitignore", "*.o\nd\n");
    assert_eq!(bench.scan(), ".gitignore ->f");
    bench.write("a.o", "changed");
    bench.write("c", "changed");
    bench.write(".gitignore", "*.o\nd\n\n");
    assert_eq!(bench.scan(), ".gitignore f>f, a.o f>f, c f>f");
    // What is made under a rule that was there before is ignored, as its author wants.
    bench.write("new.o", "");
    bench.write("d/new", "");
    assert_eq!(bench.scan(), "");
    // The next session begins with the rules as they are.
    let until = Instant::now() + Duration::from_secs(60);
    bench.write(".gitignore", "*.o\nd\n");
    bench.files.scan(&mut bench.manifest, &mut bench.objects, Look::First, until).unwrap();
    assert_eq!(bench.paths(), ".gitignore c");
}

#[test]
fn who_writes_a_rule_does_not_hide_what_comes_with_it() {
    let mut bench = Bench::new(&[(".gitignore", "*.o\n"), ("sub/a", "")]);
    bench.write(".gitignore", "*\n");
    bench.write("evil.sh", "");
    bench.write("deep/er/evil", "");
    bench.write("built.o", "");
    assert_eq!(bench.scan(), ".gitignore f>f, deep ->d, deep/er ->d, deep/er/evil ->f, evil.sh ->f");
    // A rule file that hides itself and its directory, and one in a directory that was there.
    let mut bench = Bench::new(&[("sub/a", "")]);
    bench.write("new/.ignore", "*\n");
    bench.write("new/evil", "");
    bench.write("sub/.gitignore", "*\n");
    bench.write("sub/evil", "");
    assert_eq!(bench.scan(), "new ->d, new/.ignore ->f, new/evil ->f, sub/.gitignore ->f, sub/evil ->f");
    // Rules that only give way.
    let mut bench = Bench::new(&[(".gitignore", "build/\n"), ("build/old", ""), ("a", "")]);
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(bench.scan(), "");
    bench.write(".gitignore", "build/*\n!build/kept\n");
    bench.write("build/kept", "");
    bench.write("new", "");
    assert_eq!(bench.scan(), ".gitignore f>f, build/kept u>f, new ->f");
}

#[test]
fn gits_own_exclude_file_hides_nothing_that_comes_later_in_a_session() {
    let mut bench = Bench::new(&[(".git/info/exclude", "*.o\n"), ("a", ""), ("b.o", "")]);
    assert_eq!(bench.paths(), "a");
    bench.write(".git/info/exclude", "*.o\ntasks.json\n");
    bench.write("tasks.json", "");
    bench.write("new.o", "");
    assert_eq!(bench.scan(), "tasks.json ->f");
    bench.write("sub/.git/info/exclude", "*\n");
    bench.write("sub/hidden", "");
    assert_eq!(bench.scan(), "sub ->d, sub/hidden ->f");
    // Somebody wrote it between two sessions.
    bench.write(".git/info/exclude", "a\n");
    let until = Instant::now() + Duration::from_secs(60);
    bench.files.scan(&mut bench.manifest, &mut bench.objects, Look::First, until).unwrap();
    assert_eq!(bench.paths(), "b.o new.o tasks.json sub");
}

#[test]
fn what_is_hidden_is_named_and_not_kept() {
    let mut bench = Bench::new(&[("a", ""), (".env", "PASSWORD=before\n")]);
    bench.write(".env", "PASSWORD=after\n");
    bench.write("sub/.envrc", "PASSWORD=new\n");
    bench.write("b", "");
    assert_eq!(bench.scan(), ".env u>u, b ->f, sub ->d, sub/.envrc ->u");
    fs::remove_file(bench.root().join(".env")).unwrap();
    assert_eq!(bench.scan(), ".env u>-");
    for content in ["before", "after", "new"] {
        assert!(!bench.objects.has(&snapshots::Digest::of(format!("PASSWORD={content}\n").as_bytes())));
    }
}

#[test]
fn kinds_of_files_and_what_takes_their_place() {
    let mut bench = Bench::new(&[("a", "1"), ("d/e/f", "2"), ("empty/x", "")]);
    fs::remove_file(bench.root().join("empty/x")).unwrap();
    assert_eq!(bench.scan(), "empty/x f>-");
    fs::remove_file(bench.root().join("a")).unwrap();
    symlink("d", bench.root().join("a")).unwrap();
    fs::rename(bench.root().join("d"), bench.root().join("moved")).unwrap();
    bench.write("d", "a file now");
    assert!(std::process::Command::new("mkfifo").arg(bench.root().join("fifo")).status().unwrap().success());
    assert_eq!(bench.scan(), "a f>l, d d>f, d/e d>-, d/e/f f>-, fifo ->s, moved ->d, moved/e ->d, moved/e/f ->f");
    fs::write(bench.root().join("big"), vec![1; 6 << 20]).unwrap();
    assert_eq!(bench.scan(), "big ->u");
}

#[test]
fn a_directory_that_was_swapped_for_a_link_shows_nothing_of_the_outside() {
    let mut bench = Bench::new(&[("d/secret", "mine")]);
    let outside = bench.folder.path().join("out");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "SECRET").unwrap();
    fs::remove_dir_all(bench.root().join("d")).unwrap();
    symlink(&outside, bench.root().join("d")).unwrap();
    assert_eq!(bench.scan(), "d d>l, d/secret f>-");
    assert!(!bench.objects.has(&snapshots::Digest::of(b"SECRET")));
}

#[test]
fn a_look_ends_in_time() {
    let mut bench = Bench::new(&[("a", "1"), ("b", "2")]);
    let passed = Instant::now();
    assert_eq!(bench.files.scan(&mut bench.manifest, &mut bench.objects, Look::Next, passed), Err(Late));
}

#[test]
fn our_own_files_are_no_part_of_the_workspace() {
    let mut bench = Bench::new(&[("a", "1"), (".local/state/agent/sessions/s.jsonl", "{}")]);
    assert!(bench.paths().contains("sessions"));
    let own = fs::canonicalize(bench.root()).unwrap().join(".local/state/agent");
    bench.files = Files::open(&bench.root(), vec![own]).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    bench.files.scan(&mut bench.manifest, &mut bench.objects, Look::First, until).unwrap();
    assert_eq!(bench.paths(), "a .local .local/state");
    bench.write(".local/state/agent/sessions/t.jsonl", "{}");
    bench.write(".local/state/other", "");
    assert_eq!(bench.scan(), ".local/state/other ->f");
}
