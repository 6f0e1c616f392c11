//! A push is alone with its token: the repository's configuration takes no part, and nobody can read it meanwhile.

use std::fs;
use std::process::Command;
use std::time::Duration;

use fake_forge::{Config, FakeForge, Fault, Kind};

use crate::forge_::wait;
use crate::push::{Place, git};
use crate::support::{binary, wait_for};

/// Whatever a repository's own configuration can do to a push, tried with commands that leave a mark.
#[test]
fn nothing_that_the_repository_says_takes_part() {
    let place = Place::new(Kind::GitHub);
    let work = place.work();
    let mark = place.folder.path().join("mark");
    let leave = format!("!echo \"$@\" >> {0}; cat >> {0}", mark.display());
    let script = place.folder.path().join("script");
    fs::write(
        &script,
        format!("#!/bin/sh\necho \"$0 $@\" >> {0}\nenv >> {0}\ncat >> {0} < /dev/null\n", mark.display()),
    )
    .unwrap();
    git(&place.folder.path().join("work"), &["config", "core.hooksPath", "hooks"]);
    let run = script.to_str().unwrap();
    fs::create_dir(work.join("hooks")).unwrap();
    for hook in ["pre-push", "reference-transaction", "post-index-change"] {
        fs::copy(&script, work.join("hooks").join(hook)).unwrap();
    }
    Command::new("chmod").arg("-R").arg("755").arg(&script).arg(work.join("hooks")).status().unwrap();
    let elsewhere = FakeForge::spawn(Config::new(Kind::GitHub)).unwrap();
    let rewritten = format!("url.{}/.insteadOf", elsewhere.url());
    let push_rewritten = format!("url.{}/.pushInsteadOf", elsewhere.url());
    for (name, value) in [
        (rewritten.as_str(), place.fake.url().as_str()),
        (push_rewritten.as_str(), place.fake.url().as_str()),
        ("credential.helper", leave.as_str()),
        ("core.askPass", run),
        ("core.sshCommand", run),
        ("core.gitProxy", run),
        ("core.fsmonitor", run),
        ("core.pager", run),
        ("http.proxy", elsewhere.url().as_str()),
        ("http.extraHeader", "X-Planted: yes"),
        ("http.followRedirects", "true"),
        ("push.gpgSign", "true"),
        ("gpg.program", run),
        ("push.recurseSubmodules", "on-demand"),
        ("uploadpack.packObjectsHook", run),
        ("alias.push", leave.as_str()),
        ("alias.rev-parse", leave.as_str()),
    ] {
        git(&work, &["config", "--add", name, value]);
    }
    fs::remove_file(&mark).unwrap_or_default();
    place.push(None).unwrap();
    let fetched = wait(forge::fetch(&work, &place.forge.remote(binary()), "main")).unwrap();
    assert!(fetched.is_some());
    assert!(!mark.exists(), "{}", fs::read_to_string(&mark).unwrap());
    assert_eq!(elsewhere.count(), 0);
    assert!(place.fake.requests().iter().all(|request| !request.headers.iter().any(|(name, _)| name == "x-planted")));
}

/// The arguments and variables of every process, and the files of git's folder, while git waits for an answer that
/// does not come.
#[test]
fn the_token_is_nowhere_while_a_push_hangs() {
    let place = Place::new(Kind::Forgejo);
    // The third request carries the token; the fake has it, and is silent.
    place.fake.fail(3, Fault::Silent);
    let (work, remote) = (place.work(), place.forge.remote(binary()));
    let mut seen = Seen::default();
    wait(async {
        let push = forge::push(&work, &remote, "agent/1", None);
        let look = async {
            while place.fake.count() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            seen = look_around(&place.token);
        };
        // Dropping the push ends git too.
        tokio::select! { pushed = push => panic!("{pushed:?}"), () = look => () }
    });
    assert_eq!(seen.with_token, Vec::<String>::new());
    assert!(
        seen.commands.iter().any(|command| command.contains("remote-http")),
        "git was not there: {:?}",
        seen.commands
    );
    assert!(seen.folders > 0, "no folder of git's was looked into");
    let url = place.fake.url();
    wait_for(|| !look_around("").commands.iter().any(|command| command.contains(&url)));
    assert!(git(&place.bare(), &["for-each-ref", "refs/heads/agent"]).is_empty());
}

#[derive(Default)]
struct Seen {
    commands: Vec<String>,
    with_token: Vec<String>,
    /// Of git's, looked into.
    folders: usize,
}

fn look_around(token: &str) -> Seen {
    let mut seen = Seen::default();
    let has = |bytes: &[u8]| !token.is_empty() && bytes.windows(token.len()).any(|window| window == token.as_bytes());
    for entry in fs::read_dir("/proc").unwrap() {
        let process = entry.unwrap().path();
        // Those that end meanwhile, and other users', cannot be read.
        let read = |name: &str| fs::read(process.join(name)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        for name in ["cmdline", "environ"] {
            if has(&read(name)) {
                seen.with_token.push(format!("{name} of {command}"));
            }
        }
        seen.commands.push(command);
    }
    for entry in fs::read_dir(std::env::temp_dir()).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.file_name().unwrap().to_string_lossy().starts_with("agent-git-") {
            continue;
        }
        seen.folders += 1;
        for file in walkdir::WalkDir::new(folder).into_iter().flatten().filter(|file| file.file_type().is_file()) {
            if has(&fs::read(file.path()).unwrap_or_default()) {
                seen.with_token.push(file.path().display().to_string());
            }
        }
    }
    seen
}
