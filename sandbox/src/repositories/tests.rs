//! Repositories that commands make, use and leave, behind each kind of sandbox; and runs that are killed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use agent::{Cancel, Effect, Ended};

use super::recover;
use crate::escapes::behind_each;
use crate::options::HostOptions;
use crate::testing::{Bench, Kind, eventually, is_running};
use crate::{Host, LayerKind, LayerState};

const WHO: &str = "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b";

fn ok(bench: &Bench, command: &str) -> Vec<String> {
    let ran = bench.run(&format!("{WHO}; set -e; {command}"));
    assert_eq!(ran.ended, Ended::Exited(0), "{command}: {ran:?}");
    ran.notes
}

fn git(bench: &Bench, line: &str) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]).args(line.split(' '));
    assert!(git.current_dir(bench.root()).status().unwrap().success(), "{line}");
}

fn places(bench: &Bench) -> Vec<PathBuf> {
    let root = bench.root().canonicalize().unwrap();
    bench.host.planted().iter().map(|planted| planted.place.strip_prefix(&root).unwrap().to_path_buf()).collect()
}

#[test]
fn a_repository_works_in_all_commands_of_a_run_and_is_gone_between_them() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        let notes = ok(
            bench,
            "git init -q demo; cd demo; echo 1 > f; git add -A; git commit -qm one; git init -q --bare ../store",
        );
        assert!(notes.len() == 2 && notes[0].contains("`demo/.git` makes a git repository"), "{notes:?}");
        assert!(!bench.root().join("demo/.git").exists() && bench.root().join("demo/f").exists());
        assert!(!bench.root().join("store/HEAD").exists() && bench.root().join("store/objects").exists());
        // What was said once is not said again.
        assert_eq!(
            ok(bench, "cd demo; git remote add origin ../store; git push -q origin HEAD; git config user.name x"),
            [""; 0]
        );
        assert_eq!(
            ok(bench, "git -C demo log --oneline | grep one; git clone -q store second; rm -rf store"),
            [
                "`second/.git` makes a git repository, so it was moved out of the workspace. It is there again for your next \
             commands, and the user decides after the run whether to keep it."
            ]
        );
        ok(bench, "mv demo moved; git -C moved log --oneline | grep one; rm -rf second");
        bench.block_on(bench.host.close());
        assert_eq!(places(bench), [PathBuf::from("moved/.git")]);
        let planted = &bench.host.planted()[0];
        fs::rename(&planted.kept, &planted.place).unwrap();
        git(bench, "-C moved log");
    });
}

#[test]
fn what_the_user_makes_between_commands_is_the_users() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        ok(bench, "true");
        git(bench, "init -q own");
        ok(bench, "git -C own commit -q --allow-empty -m x");
        assert!(bench.root().join("own/.git").exists() && places(bench).is_empty());
        // And from then on it is guarded.
        let config = fs::read_to_string(bench.root().join("own/.git/config")).unwrap();
        bench.run("git -C own config core.fsmonitor evil");
        assert_eq!(fs::read_to_string(bench.root().join("own/.git/config")).unwrap(), config);
    });
}

#[test]
fn at_a_gitlink_it_is_not_even_there_for_the_next_command() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        git(bench, "init -q .");
        git(bench, "update-index --add --cacheinfo 160000,4b825dc642cb6eb9a060e54bf8d69288fbee4904,sub");
        ok(bench, "git init -q sub; git init -q beside");
        assert!(bench.run("ls sub/.git beside/.git | grep -c HEAD").output.contains('1'));
        bench.block_on(bench.host.close());
        assert_eq!(places(bench).len(), 2);
    });
}

#[test]
fn what_a_background_command_makes_goes_at_the_next_look_and_at_the_end() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        bench.start("git init -q one; touch one-is-there; while [ ! -e go ]; do sleep 0.01; done; git init -q two; touch two-is-there; sleep 600");
        assert!(eventually(|| bench.root().join("one-is-there").exists()));
        ok(bench, "true");
        assert_eq!(places(bench), [PathBuf::from("one/.git")]);
        fs::write(bench.root().join("go"), "").unwrap();
        assert!(eventually(|| bench.root().join("two-is-there").exists()));
        bench.block_on(bench.host.close());
        assert_eq!(places(bench), [PathBuf::from("one/.git"), PathBuf::from("two/.git")]);
        assert!(!bench.root().join("two/.git").exists());
    });
}

#[test]
fn without_a_folder_it_is_renamed_where_it_is() {
    let bench = Bench::new(&[]);
    let host = Host::open(&bench.root(), HostOptions::default()).unwrap();
    if !bench.block_on(host.fence()).holds() {
        return;
    }
    let run = |command: &str| {
        let effect = Effect::Run { command: command.to_string(), timeout: Duration::from_secs(60) };
        bench.block_on(host.act(&effect, &Cancel::default())).unwrap()
    };
    run("git init -q demo");
    assert!(bench.root().join("demo/.git.agent-blocked-1/HEAD").exists() && !bench.root().join("demo/.git").exists());
    run("git -C demo status -s > out");
    assert!(bench.root().join("out").exists() && !bench.root().join("demo/.git").exists());
}

#[test]
fn an_ordinary_end_leaves_nothing_to_repair() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        let folder = bench.folder.path().join("repositories");
        ok(bench, "true");
        assert!(folder.join("session/journal.json").exists() && !folder.join("session/running").exists());
        // It lives, so nobody else touches it.
        assert_eq!(recover(&folder, &bench.root()), []);
        bench.block_on(bench.host.close());
        assert!(!folder.join("session").exists());
        ok(bench, "git init -q demo");
        bench.block_on(bench.host.close());
        assert_eq!(recover(&folder, &bench.root()), []);
        assert!(folder.join("session/1/HEAD").exists());
    });
}

/// The agent, its keeper and its warden at once: what is left is found and repaired by the next start.
#[test]
fn all_killed_at_once_is_repaired_at_the_next_start() {
    for kind in [Kind::Namespaces, Kind::Rules] {
        let bench = kind.bench();
        let fence = bench.block_on(bench.host.fence());
        if !fence.holds() {
            continue;
        }
        let is_private = fence.state(LayerKind::Mounts) == Some(&LayerState::Works);
        let root = bench.root().canonicalize().unwrap();
        git(&bench, "init -q -b main .");
        git(&bench, "init -q nested");
        let config = fs::read_to_string(root.join(".git/config")).unwrap();
        let mark = format!("sleep 10{}7", std::process::id());
        let command = format!(
            "mkdir -p lib/refs lib/objects; cp .git/HEAD lib/; echo ../lib > .git/commondir; git init -q planted; mv nested away; \
             git init -q nested; echo evil >> .git/config; touch done; {mark}"
        );
        let mut victim = kind.victim(&root, "true", &command);
        assert!(eventually(|| root.join("done").exists()));
        kill_all(victim.id());
        victim.wait().unwrap();
        assert!(eventually(|| !is_running(&mark)));
        assert!(root.join("planted/.git").exists());
        // With namespaces it is in the private directory.
        assert_eq!(root.join(".git/commondir").exists(), !is_private);

        let recovered = recover(&bench.folder.path().join("repositories"), &root);
        assert_eq!(recovered.len(), 1, "{kind:?}");
        let places: Vec<_> =
            recovered[0].planted.iter().map(|planted| planted.place.strip_prefix(&root).unwrap()).collect();
        // With namespaces a directory that holds a repository cannot be moved.
        let expected: &[&str] =
            if is_private { &["lib/HEAD", "planted/.git"] } else { &["lib/HEAD", "nested/.git", "planted/.git"] };
        assert_eq!(places, expected.iter().map(std::path::Path::new).collect::<Vec<_>>(), "{kind:?}");
        assert!(!root.join(".git/commondir").exists() && !root.join("planted/.git").exists());
        assert!(root.join("nested/.git").exists() && !root.join("away/.git").exists());
        assert_eq!(fs::read_to_string(root.join(".git/config")).unwrap(), config);
        let said = recovered[0].repaired.join("\n");
        for repaired in ["commondir", "nested/.git"] {
            assert_eq!(said.contains(repaired), !is_private, "{said}");
        }
        assert_eq!(recover(&bench.folder.path().join("repositories"), &root), []);
    }
}

/// None of them sees another die.
fn kill_all(first: u32) {
    let mut all = vec![first];
    let mut at = 0;
    while let Some(parent) = all.get(at).copied() {
        signal(parent, rustix::process::Signal::STOP);
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        all.extend(children.split_whitespace().map(|child| child.parse::<u32>().unwrap()));
        at += 1;
    }
    all.iter().for_each(|pid| signal(*pid, rustix::process::Signal::KILL));
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // One that is dead already is as good.
    let _ = rustix::process::kill_process(pid, signal);
}

/// The process that would have restored git's files is gone; the agent does it.
#[test]
fn a_killed_warden_leaves_nothing_in_gits_files() {
    let bench = Bench::without_namespaces(&[]);
    if !bench.block_on(bench.host.fence()).holds() {
        return;
    }
    git(&bench, "init -q .");
    ok(&bench, "true");
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(eventually(|| bench.root().join("warden").exists()));
            let warden = fs::read_to_string(bench.root().join("warden")).unwrap();
            signal(warden.trim().parse().unwrap(), rustix::process::Signal::KILL);
        });
        bench.run("echo ../x > .git/commondir; echo $PPID > hold; mv hold warden; sleep 600")
    });
    assert!(ran.notes.iter().any(|note| note.contains("commondir")), "{ran:?}");
    assert!(!bench.root().join(".git/commondir").exists());
    assert!(bench.host.restored().iter().any(|text| text.contains("commondir")));
}
