//! What is hidden in the workspace: from commands and from file tools, behind each kind of sandbox.

use std::path::Path;

use agent::{Effect, Ended, Observation};

use crate::escapes::behind_each;
use crate::fence::policy::Namespaces;
use crate::options::{HostOptions, Selection};
use crate::testing::{Bench, change, eventually};

const FILES: &[(&str, &str)] = &[
    (".gitignore", ".env\nlocal/\n"),
    (".env", "A=SECRET\n"),
    (".env.example", "A=SHOWN\n"),
    ("app/.env.local", "B=SECRET\n"),
    ("local/notes.txt", "KEY-SECRET\n"),
    ("local/plain.txt", "plain\n"),
    ("private/deep/file", "SECRET\n"),
    ("main.py", "print('SHOWN')\n"),
];

fn options() -> HostOptions {
    let mut options = HostOptions { secret: Some(|text| text.contains("KEY-")), ..HostOptions::default() };
    options.fence.hide = Selection { paths: Vec::new(), patterns: vec!["private/".to_owned()] };
    options
}

fn git_init(bench: &Bench) {
    let git = std::process::Command::new("git").args(["init", "-q"]).current_dir(bench.root()).status().unwrap();
    assert!(git.success());
}

#[test]
fn secrets_of_the_workspace_are_hidden_from_commands() {
    behind_each(FILES, &options(), |bench, namespaces| {
        git_init(bench);
        for file in [".env", "app/.env.local", "local/notes.txt", "private/deep/file"] {
            let name = Path::new(file).file_name().unwrap().to_str().unwrap();
            let ran = bench.run(&format!("cat {file}"));
            assert!(ran.ended == Ended::Exited(1) && !ran.output.contains("SECRET"), "{file}: {ran:?}");
            assert!(ran.output.contains("Permission denied") || file.starts_with("private"), "{file}: {ran:?}");
            let told = ran.notes.iter().any(|note| note.contains("run again with `--show"));
            assert!(told, "{file} {name}: {ran:?}");
        }
        let ran =
            bench.run("grep -r SECRET . ; cp .env copy; mv .env moved; ln .env linked; cat copy moved linked; true");
        assert!(!ran.output.contains("=SECRET"), "{ran:?}");
        let ran = bench.run("rm -f .env; echo B=2 > .env; truncate -s 0 .env; chmod 777 .env; git clean -qfdX; true");
        assert_eq!(std::fs::read_to_string(bench.root().join(".env")).unwrap(), "A=SECRET\n", "{ran:?}");
        // All else works as before, beside what is hidden too.
        let ran = bench.run("cat .env.example && mkdir -p new app/new && echo x > new/y && echo z > z && cat new/y z && python3 main.py");
        assert_eq!((ran.output.as_str(), ran.ended), ("A=SHOWN\nx\nz\nSHOWN\n", Ended::Exited(0)), "{namespaces}");
        assert!(ran.notes.is_empty(), "{ran:?}");
    });
}

#[test]
fn secrets_of_the_workspace_are_hidden_from_file_tools() {
    behind_each(FILES, &options(), |bench, _| {
        git_init(bench);
        for file in [".env", "app/.env.local", "local/notes.txt", "private/deep/file"] {
            let refused = bench.read(file).unwrap_err().to_string();
            assert!(
                refused.contains("but is hidden from you") && refused.contains(&format!("`--show {file}`")),
                "{refused}"
            );
            let before = std::fs::read_to_string(bench.root().join(file)).unwrap();
            let written = bench.write(vec![change(file, Some(&before), Some("new"))]);
            // What only its content hides is known when it was read or a command has run.
            assert!(written.is_err() || file == "local/notes.txt", "{file}");
        }
        let listed = bench.act(&Effect::List { path: ".".into(), glob: None, depth: Some(9), limit: 99 }).unwrap();
        let Observation::Listed(listing) = listed else { panic!() };
        let hidden: Vec<&str> = listing
            .entries
            .iter()
            .map(|listed| listed.path.as_str())
            .filter(|path| path.contains("(hidden)"))
            .collect();
        assert_eq!(hidden, ["app/.env.local (hidden)", "private/ (hidden)"]);
        for path in [".", "local", ".env"] {
            let search =
                Effect::Search { pattern: "SECRET".into(), path: path.into(), glob: None, context: 0, limit: 9 };
            let Ok(Observation::Found(found)) = bench.act(&search) else { panic!() };
            assert!(found.lines.is_empty() && found.files.is_empty() || path == "local", "{path}: {found:?}");
        }
        let hits = bench.host.take_hidden_hits();
        assert!(hits.contains(&".env".into()) && hits.contains(&"private/deep/file".into()), "{hits:?}");
        // What is not there yet holds nothing.
        bench.write(vec![change(".env.new", None, Some("PORT=1\n"))]).unwrap();
        assert!(bench.read(".env.new").is_err());
    });
}

#[test]
fn what_the_user_shows_is_shown() {
    let mut options = options();
    options.fence.show.patterns = vec![".env".to_owned(), "app/".to_owned(), "local/notes.txt".to_owned()];
    behind_each(FILES, &options, |bench, _| {
        git_init(bench);
        for file in [".env", "app/.env.local", "local/notes.txt"] {
            assert!(bench.read(file).is_ok(), "{file}");
            let ran = bench.run(&format!("cat {file}"));
            assert!(ran.output.contains("SECRET") && ran.notes.is_empty(), "{ran:?}");
        }
        assert!(!bench.run("cat private/deep/file").output.contains("SECRET"));
    });
}

/// Linux takes away a mount on a file that somebody else replaces (fault 41).
#[test]
fn a_secret_that_is_replaced_while_a_command_runs_stays_hidden() {
    behind_each(&[("a/.env", "A=SECRET")], &options(), |bench, namespaces| {
        let env = std::fs::canonicalize(bench.root()).unwrap().join("a/.env");
        let mark = format!("1011.{}", std::process::id());
        let loops = format!(
            "(sleep {mark} & echo $! > pid); until [ -e go ]; do sleep 0.01; done; cat a/.env; pkill -f {mark}; true"
        );
        let (root, place) = (bench.root(), env.clone());
        let other = std::thread::spawn(move || {
            assert!(eventually(|| root.join("pid").exists() && mounts_on(&mark, &place) == usize::from(namespaces)));
            let new = root.join("new");
            std::fs::write(&new, "A=SECRET-2").unwrap();
            std::fs::rename(&new, &place).unwrap();
            assert!(eventually(|| mounts_on(&mark, &place) == usize::from(namespaces)));
            std::fs::write(root.join("go"), "").unwrap();
        });
        let ran = bench.run(&loops);
        other.join().unwrap();
        assert!(!ran.output.contains("SECRET") && ran.output.contains("Permission denied"), "{ran:?}");
        assert!(ran.notes.iter().any(|note| note.contains("another program replaced")), "{ran:?}");
    });
}

/// In the view of the process whose command line has `mark`.
fn mounts_on(mark: &str, place: &Path) -> usize {
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| entry.file_name() != *own);
    let views = processes.filter_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let is_it = String::from_utf8_lossy(&line) == format!("sleep\0{mark}\0");
        if is_it { std::fs::read_to_string(entry.path().join("mountinfo")).ok() } else { None }
    });
    let place = format!(" {} ", place.display());
    views.map(|view| view.lines().filter(|line| line.contains(&place)).count()).sum()
}

/// However long it takes until it is covered again. It knows the content beforehand, as if it had been fast enough.
#[test]
fn output_that_repeats_a_replaced_secret_is_withheld() {
    for content in ["A=SECRET-1", "A=SECRET-2"] {
        let bench = Bench::fenced(&[("a/.env", "A=SECRET-1")], options(), Namespaces::Try);
        let root = bench.root();
        let other = std::thread::spawn(move || {
            assert!(eventually(|| root.join("up").exists()));
            std::fs::write(root.join("new"), "A=SECRET-2").unwrap();
            std::fs::rename(root.join("new"), root.join("a/.env")).unwrap();
            std::fs::write(root.join("go"), "").unwrap();
        });
        let wait = "touch up; until [ -e go ]; do sleep 0.01; done";
        let ran = bench.run(&format!("{wait}; for i in $(seq 60000); do echo line; done; echo {content}"));
        other.join().unwrap();
        assert_eq!((ran.output.as_str(), &ran.full_output, ran.ended), ("", &None, Ended::Exited(0)), "{content}");
        assert!(ran.notes.iter().any(|note| note.contains("`a/.env`") && note.contains("was withheld")), "{ran:?}");
        let ran = bench.run(&format!("echo {content}"));
        assert_eq!((ran.output, ran.notes.len()), (format!("{content}\n"), 0), "it was not replaced since");
    }
}
