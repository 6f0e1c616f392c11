//! What must work behind the fence: what developers do all day.

mod secrets;
mod servers;

use agent::Ended;

use crate::fence::policy::Namespaces;
use crate::options::{Access, AddedDir, HostOptions};
use crate::testing::{Bench, change};

fn has(program: &str) -> bool {
    let found = std::process::Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let found = found.unwrap().status.success();
    if !found {
        println!("skipped: no {program} on this machine");
    }
    found
}

/// What needs neither a network nor a HOME to write to works without namespaces too.
#[test]
fn without_namespaces() {
    let lib = "pub fn two() -> u32 { 2 }\n#[test]\nfn it() { assert_eq!(two(), 2); }\n";
    let files =
        [("Cargo.toml", "[package]\nname = \"x\"\nedition = \"2021\"\n"), ("src/lib.rs", lib), ("Makefile", MAKEFILE)];
    let bench = Bench::without_namespaces(&files);
    if !bench.block_on(bench.host.fence()).holds() {
        println!("skipped: no Landlock");
        return;
    }
    check(&bench, "cat < <(seq 3) | paste -sd+ | tee >(cat >/dev/null)", "1+2+3");
    check(&bench, "make -j4 -s && cat *.out && rm *.out", "a\nb\nc");
    let git = "git -c user.name=a -c user.email=a@b";
    check(
        &bench,
        &format!("git init -q . && git add . && {git} commit -q -m x && git worktree add -q wt && ls wt"),
        "src",
    );
    check(&bench, "python3 -c 'import asyncio; asyncio.run(asyncio.sleep(0)); print(7)'", "7");
    if has("cargo") {
        check(&bench, "unset CARGO_TARGET_DIR; cargo test --offline 2>&1", "test it ... ok");
    }
    if has("npm") {
        std::fs::write(bench.root().join("package.json"), r#"{"name": "x", "version": "1.0.0"}"#).unwrap();
        check(
            &bench,
            "npm_config_cache=$TMPDIR npm install --offline --no-audit --no-fund 2>&1 && ls",
            "package-lock.json",
        );
    }
    if has("strace") {
        check(
            &bench,
            "strace -f -e trace=execve true 2>&1; sleep 9 & timeout -s INT 1 strace -p $! 2>&1; kill $!",
            "attached",
        );
    }
    if has("gdb") {
        check(&bench, "gdb -nx -batch -ex 'break main' -ex run -ex 'print 6*7' --args /bin/true 2>&1", "= 42");
    }
}

const MAKEFILE: &str = "all: a b c\na b c:\n\techo $@ > $@.out\n";

/// With the HOME of whoever runs the tests, since toolchains are in it. `None`: no namespaces here.
fn bench(files: &[(&str, &str)]) -> Option<Bench> {
    let bench = Bench::with(files, HostOptions::default());
    let works = bench.block_on(bench.host.fence()).state(crate::LayerKind::Mounts) == Some(&crate::LayerState::Works);
    if !works {
        println!("skipped: no namespaces");
    }
    works.then_some(bench)
}

#[track_caller]
fn check(bench: &Bench, command: &str, expected: &str) {
    let ran = bench.run(command);
    assert!(
        ran.ended == Ended::Exited(0) && ran.output.contains(expected),
        "{command}: {:?}\n{}",
        ran.ended,
        ran.output
    );
}

#[test]
fn shell_and_make() {
    let Some(bench) = bench(&[("Makefile", MAKEFILE)]) else { return };
    check(&bench, "diff <(printf 'a\\nb\\n') <(echo a; echo b) && echo same", "same");
    check(&bench, "cat < <(seq 3) | paste -sd+ | tee >(cat >/dev/null)", "1+2+3");
    check(
        &bench,
        "echo x > /dev/null; head -c 4 /dev/urandom | wc -c; ls /dev/fd/ >/dev/null; echo $$ > /dev/stderr",
        "4",
    );
    if has("make") {
        check(&bench, "make -j4 -s && cat *.out", "a\nb\nc");
    }
}

/// Both kinds of fence, as far as this machine has them.
fn both_kinds() -> Vec<Bench> {
    let all = [Bench::with(&[], HostOptions::default()), Bench::without_namespaces(&[])];
    all.into_iter().filter(|bench| bench.block_on(bench.host.fence()).holds()).collect()
}

#[test]
fn programs_open_terminals_for_programs() {
    for bench in both_kinds() {
        let open = "import os, pty; ours, theirs = pty.openpty(); os.write(theirs, b'hi'); print(os.read(ours, 2), os.isatty(theirs))";
        check(&bench, &format!("python3 -c \"{open}\""), "b'hi' True");
        let child = "import pty; pty.spawn(['sh', '-c', 'tty; echo x > /dev/tty'])";
        check(&bench, &format!("python3 -c \"{child}\" < /dev/null"), "/dev/pts/");
        if has("script") {
            check(&bench, "script -qec 'test -t 0 && test -t 1 && echo a terminal' /dev/null", "a terminal");
        }
        // Still nobody types into one, or has the kernel load a driver for it.
        for request in ["TIOCSTI, b'x'", "TIOCCONS", "TIOCSETD, b'1234'"] {
            let ask = format!(
                "import fcntl, pty, termios; _, theirs = pty.openpty(); fcntl.ioctl(theirs, termios.{request})"
            );
            let refused = bench.run(&format!("python3 -c \"{ask}\""));
            assert!(refused.output.contains("Operation not permitted"), "{request}: {}", refused.output);
        }
        // And no device can be made where terminals are.
        let device = bench.run("mknod /dev/pts/disk b 8 0 || mknod /dev/disk b 8 0");
        assert_ne!(device.ended, Ended::Exited(0), "{}", device.output);
    }
}

#[test]
fn a_command_may_be_longer_than_an_argument() {
    let text = "row,of,data\n".repeat(20_000);
    for bench in both_kinds().into_iter().chain([Bench::new(&[])]) {
        check(
            &bench,
            &format!("cat > data.csv <<'EOT'\n{text}EOT\necho $LINENO; wc -c < data.csv; ls /proc/self/fd"),
            "20003\n240000\n0\n1\n2\n3\n",
        );
        assert_eq!(std::fs::read_to_string(bench.root().join("data.csv")).unwrap(), text);
        let failed = bench.run(&format!(": {text:?}; exit 7"));
        assert_eq!(failed.ended, Ended::Exited(7), "{}", failed.output);
    }
}

#[test]
fn what_a_command_left_running_is_said() {
    for bench in both_kinds().into_iter().chain([Bench::new(&[])]) {
        let ran = bench.run("sleep 4323 & sleep 4323 & echo started");
        assert_eq!(ran.output, "started\n");
        let notes = ran.notes.join("\n");
        assert!(notes.contains("left running were stopped") && notes.contains("`background: true`"), "{notes}");
        assert_eq!(bench.run("sleep 0 & wait; seq 3 | tail -1").notes, Vec::<String>::new());
    }
}

#[test]
fn one_request_beyond_the_memory_limit_is_named() {
    let mut options = HostOptions::default();
    options.fence.limits.memory_bytes = Some(500 << 20);
    let bench = Bench::with(&[], options);
    if !bench.block_on(bench.host.fence()).holds() {
        println!("skipped: no sandbox");
        return;
    }
    let ran = bench.run("python3 -c 'bytearray(3 * 10**9)'");
    let notes = ran.notes.join("\n");
    assert!(notes.contains("Memory limit of 500 MiB reached; a single large allocation"), "{notes}\n{}", ran.output);
    // What is granted, or refused and done without, is not named.
    for fine in ["bytearray(100 * 10**6)", "x = bytearray(70 * 10**6); x.extend(bytes(70 * 10**6))"] {
        assert_eq!(bench.run(&format!("python3 -c '{fine}'")).notes, Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn temporary_files_and_home_last_for_the_run_and_no_longer() {
    let Some(_) = bench(&[]) else { return };
    let bench = Bench::fenced(&[], HostOptions::default(), Namespaces::Try);
    let home = bench.folder.path().join("home");
    std::fs::write(home.join("kept.txt"), "old").unwrap();
    check(&bench, "echo new > ~/kept.txt; mkdir -p ~/.cache/x; echo one > /tmp/one; mktemp", "/tmp/");
    check(&bench, "cat ~/kept.txt /tmp/one; ls ~/.cache", "new\none\nx");
    assert_eq!(std::fs::read_to_string(home.join("kept.txt")).unwrap(), "old");
    assert!(!home.join(".cache").exists());
}

#[test]
fn added_directories() {
    let Some(_) = bench(&[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("read")).unwrap();
    std::fs::create_dir(folder.path().join("write")).unwrap();
    std::fs::write(folder.path().join("read/a.txt"), "shown").unwrap();
    let mut options = HostOptions::default();
    for (name, access) in [("read", Access::Read), ("write", Access::Write)] {
        options.fence.add_dirs.push(AddedDir { path: folder.path().join(name), access });
    }
    let bench = Bench::fenced(&[], options, Namespaces::Try);
    let at = folder.path().display();
    check(&bench, &format!("cat {at}/read/a.txt; echo x > {at}/write/b.txt"), "shown");
    assert!(folder.path().join("write/b.txt").exists());
    let ran = bench.run(&format!("echo x > {at}/read/a.txt"));
    assert_eq!(ran.ended, Ended::Exited(1));
    assert_eq!(bench.read(folder.path().join("read/a.txt")).unwrap(), b"shown");
    let new = |name: &str| bench.write(vec![change(folder.path().join(name).to_str().unwrap(), None, Some("new"))]);
    new("write/c.txt").unwrap();
    let refused = new("read/c.txt").unwrap_err().to_string();
    assert!(refused.contains("was added read-only; nothing was written"), "{refused}");
    assert!(new("c.txt").is_err() && bench.read(folder.path().join("write/../c.txt")).is_err());
}

#[test]
fn a_repository_in_an_added_directory_keeps_its_hooks() {
    for kind in [Namespaces::Try, Namespaces::Leave] {
        let folder = tempfile::tempdir().unwrap();
        let git = std::process::Command::new("git").args(["init", "-q"]).arg(folder.path()).status().unwrap();
        assert!(git.success());
        let mut options = HostOptions::default();
        options.fence.add_dirs.push(AddedDir { path: folder.path().to_path_buf(), access: Access::Write });
        let bench = Bench::fenced(&[], options, kind);
        let at = folder.path().display();
        bench.run(&format!("echo evil > {at}/.git/hooks/pre-commit; echo evil >> {at}/.git/config; touch {at}/x"));
        assert!(folder.path().join("x").exists() && !folder.path().join(".git/hooks/pre-commit").exists());
        assert!(!std::fs::read_to_string(folder.path().join(".git/config")).unwrap().contains("evil"));
    }
}

#[test]
fn what_is_hidden_is_hidden_from_commands_and_file_tools_alike() {
    for kind in [Namespaces::Try, Namespaces::Leave] {
        let folder = tempfile::tempdir().unwrap();
        for file in ["open.txt", "keys/a.key", "one.key"] {
            std::fs::create_dir_all(folder.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(file), "SECRET").unwrap();
        }
        std::os::unix::fs::symlink("keys", folder.path().join("link")).unwrap();
        let mut options = HostOptions::default();
        options.fence.add_dirs.push(AddedDir { path: folder.path().to_path_buf(), access: Access::Write });
        options.fence.hide.paths = vec![folder.path().join("keys"), folder.path().join("one.key")];
        let bench = Bench::fenced(&[], options, kind);
        for file in ["keys/a.key", "one.key", "link/a.key"] {
            let path = folder.path().join(file);
            let refused = bench.read(&path).unwrap_err().to_string();
            assert!(refused.contains("is hidden from you"), "{refused}");
            assert!(bench.write(vec![change(path.to_str().unwrap(), Some("SECRET"), Some("x"))]).is_err());
            assert!(!bench.run(&format!("cat {}", path.display())).output.contains("SECRET"), "{file} {kind:?}");
        }
        assert_eq!(bench.read(folder.path().join("open.txt")).unwrap(), b"SECRET");
        let search = agent::Effect::Search {
            pattern: "SECRET".to_string(),
            path: folder.path().to_path_buf(),
            glob: None,
            context: 0,
            limit: 9,
        };
        let Ok(agent::Observation::Found(found)) = bench.act(&search) else { panic!() };
        assert_eq!(found.files.len(), 1);
    }
}

#[test]
fn what_is_kept_stays_and_the_rest_of_home_is_thrown_away() {
    for kind in [Namespaces::Try, Namespaces::Leave] {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        std::fs::create_dir(&cache).unwrap();
        let mut options = HostOptions::default();
        options.fence.keep = vec![cache.clone(), folder.path().join("none")];
        let bench = Bench::fenced(&[], options, kind);
        bench.run(&format!("echo kept > {}/x; echo gone > ~/y", cache.display()));
        assert_eq!(std::fs::read_to_string(cache.join("x")).unwrap(), "kept\n", "{kind:?}");
        assert!(!bench.folder.path().join("home/y").exists());
    }
}

#[test]
fn git_work() {
    if !has("git") {
        return;
    }
    let Some(bench) = bench(&[("a.txt", "one\n")]) else { return };
    let setup =
        "git init -q . && git config user.name a && git config user.email a@b && git add . && git commit -q -m first";
    let made = std::process::Command::new("sh").args(["-c", setup]).current_dir(bench.root()).status().unwrap();
    assert!(made.success());
    check(&bench, "echo two >> a.txt && git commit -q -a -m second && git log --oneline | wc -l", "2");
    check(
        &bench,
        "git switch -q -c topic && echo x > b.txt && git add b.txt && git commit -q -m third && git branch",
        "* topic",
    );
    check(&bench, "echo y >> b.txt && git stash -q && git status --porcelain && git stash pop -q && cat b.txt", "x\ny");
    check(
        &bench,
        "git worktree add -q wt HEAD && cd wt && git commit -q --allow-empty -m fourth && git log --oneline | wc -l",
        "4",
    );
    check(
        &bench,
        "git tag v1 && git merge -q --no-edit topic; git gc -q && git fsck && git commit -q -a -m fifth && git rebase -q HEAD~1 && echo fine",
        "fine",
    );
    check(
        &bench,
        "git init -q new && cd new && git config a.b c && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && echo made",
        "made",
    );
    let ran = bench.run("git config user.name evil");
    assert_ne!(ran.ended, Ended::Exited(0), "{}", ran.output);
}

#[test]
fn a_linked_worktree_commits() {
    if !has("git") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let setup = "git init -q main && cd main && git config user.name a && git config user.email a@b && \
                 git commit -q --allow-empty -m x && git worktree add -q ../linked";
    let made = std::process::Command::new("sh").args(["-c", setup]).current_dir(folder.path()).status().unwrap();
    assert!(made.success());
    let host = crate::Host::open(&folder.path().join("linked"), HostOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = |command: &str| {
        let effect = agent::Effect::Run { command: command.to_string(), timeout: std::time::Duration::from_secs(60) };
        match runtime.block_on(host.act(&effect, &agent::Cancel::default())) {
            Ok(agent::Observation::Ran(ran)) => ran,
            other => panic!("{other:?}"),
        }
    };
    if runtime.block_on(host.fence()).state(crate::LayerKind::Mounts) != Some(&crate::LayerState::Works) {
        println!("skipped: no namespaces");
        return;
    }
    let ran = run("git commit -q --allow-empty -m y && git log --oneline | wc -l");
    assert_eq!(ran.output, "2\n");
    let planted =
        run("echo evil > ../main/.git/hooks/pre-commit; echo evil > ../main/.git/config; echo evil > ../main/x");
    // Beside `.git` there is only the command's own /tmp.
    assert!(!folder.path().join("main/x").exists());
    assert_eq!(planted.output.matches("Read-only file system").count(), 2, "{}", planted.output);
}

#[test]
fn cargo_builds_and_tests() {
    if !has("cargo") {
        return;
    }
    let lib = "pub fn two() -> u32 { 2 }\n#[test]\nfn it() { assert_eq!(two(), 2); }\n";
    let Some(bench) = bench(&[("Cargo.toml", "[package]\nname = \"x\"\nedition = \"2021\"\n"), ("src/lib.rs", lib)])
    else {
        return;
    };
    check(&bench, "unset CARGO_TARGET_DIR; cargo build --offline 2>&1 && cargo test --offline 2>&1", "test it ... ok");
}

#[test]
fn debuggers_of_ones_own_child() {
    let Some(bench) = bench(&[]) else { return };
    if has("strace") {
        check(&bench, "strace -f -e trace=execve true 2>&1", "+++ exited with 0 +++");
    }
    if has("gdb") {
        check(&bench, "gdb -nx -batch -ex 'break main' -ex run -ex 'print 6*7' --args /bin/true 2>&1", "= 42");
    }
}

#[test]
fn sudo_is_refused_with_a_clear_message() {
    if has("sudo") {
        let Some(bench) = bench(&[]) else { return };
        let ran = bench.run("sudo -n id");
        assert_ne!(ran.ended, Ended::Exited(0));
        // Of root it is the kernel's listener that says so, of a user sudo itself.
        let named = ran.notes.iter().any(|note| note.contains("as sudo and su do"));
        assert!(named || ran.output.contains("nosuid") || ran.output.contains("no new privileges"), "{ran:?}");
    }
}
