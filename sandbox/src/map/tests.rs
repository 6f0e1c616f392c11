use agent::{Effect, Observation};

use super::*;
use crate::options::{HostOptions, SandboxMode};
use crate::testing::Bench;

const FILES: &[(&str, &str)] = &[
    (".gitignore", "built/\n"),
    ("main.rs", "fn main() { start_all(3) }\n"),
    ("lib/start.rs", "/// Starts.\npub fn start_all(count: u8) {\n}\n"),
    ("built/out.rs", "fn generated() {}\n"),
    ("notes.txt", "start_all\n"),
];

fn bench(folder: &Path) -> Bench {
    let mut options = HostOptions { symbols: Some(folder.to_owned()), ..HostOptions::default() };
    options.fence.sandbox = SandboxMode::Off;
    Bench::with(FILES, options)
}

fn draw(bench: &Bench, focus: Option<&str>) -> RepoMap {
    match bench.act(&Effect::Map { focus: focus.map(str::to_owned), max_bytes: 1_000 }) {
        Ok(Observation::Mapped(map)) => map,
        other => panic!("{other:?}"),
    }
}

/// As if the files had been written long ago: what was written just now is read again in any case.
fn settle(bench: &Bench) {
    std::thread::sleep(Duration::from_nanos(2 * crate::state::TICK_NS as u64));
    draw(bench, None);
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_git_ignores_is_not_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let map = draw(&bench(folder.path()), None);
    let text = "lib/start.rs\n2: pub fn start_all(count: u8)\nmain.rs\n1: fn main()\n";
    assert_eq!(map, RepoMap { text: text.to_owned(), shown: 2, files: 2, unread: 0, focus_missed: false });
}

#[test]
fn what_changed_is_read_again_and_the_rest_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path());
    settle(&bench);
    let [path] = &kept(folder.path())[..] else { panic!() };
    // Something that no file has shows whether it is what was kept.
    let mut index = load(path).unwrap();
    let start = index.0.get_mut("lib/start.rs").unwrap();
    assert!(start.mark.is_some());
    start.source.symbols[0].signature = "kept".to_owned();
    save(path, &index).unwrap();
    assert!(draw(&bench, None).text.contains("2: kept\n"));
    fs::write(bench.root().join("main.rs"), "fn other_main() {}\n").unwrap();
    let text = draw(&bench, None).text;
    assert!(text.contains("fn other_main()") && text.contains("2: kept\n"), "{text}");
    fs::remove_file(bench.root().join("lib/start.rs")).unwrap();
    assert_eq!(draw(&bench, None).files, 1);
    assert_eq!(load(path).unwrap().0.len(), 1);
    fs::write(path, "broken").unwrap();
    assert!(draw(&bench, None).text.contains("fn other_main()"));
}

#[test]
fn hostile_files_have_no_symbols() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path());
    let put = |name: &str, text: &[u8]| fs::write(bench.root().join(name), text).unwrap();
    put("binary.rs", b"fn a() {}\0\n");
    put("packed.js", "function a(){};".repeat(1_000).as_bytes());
    put("huge.py", "def a(): pass\n".repeat(100_000).as_bytes());
    put("deep.c", "(\n".repeat(100_000).as_bytes());
    put("latin.py", b"# gr\xfcn\ndef latin_one(): pass\n");
    std::os::unix::fs::symlink("/etc/hostname", bench.root().join("link.rs")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.root().join("fifo.rs"),
        FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let map = draw(&bench, None);
    assert_eq!((map.files, map.shown, map.unread), (6, 3, 0), "{}", map.text);
    assert!(map.text.contains("2: def latin_one()\n"), "{}", map.text);
}

#[test]
fn a_focus_that_nothing_has_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path());
    assert!(draw(&bench, Some("no_such_name")).focus_missed);
    assert!(draw(&bench, Some("main.rs")).text.starts_with("main.rs\n"));
    assert!(draw(&bench, Some("start_all")).text.starts_with("lib/start.rs\n"));
}
