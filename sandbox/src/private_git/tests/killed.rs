//! The agent dies at any point; the next one finds what was done.

use std::path::Path;

use agent::{Cancel, Effect};

use super::{Room, WHO};
use crate::fence::policy::Namespaces;
use crate::options::HostOptions;
use crate::private_git::journal::{Journal, Lock};
use crate::testing::eventually;
use crate::{Host, testing};

/// A new agent in the same workspace, which runs one harmless command.
fn next_agent(room: &Room) {
    let options = HostOptions { git: Some(room.bench.folder.path().join("git")), ..HostOptions::default() };
    let host = Host::open_in(&room.root(), options, std::env::vars_os(), Namespaces::Try).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let effect = Effect::Run { command: "true".to_owned(), timeout: std::time::Duration::from_secs(60) };
    runtime.block_on(host.act(&effect, &Cancel::default())).unwrap();
    runtime.block_on(host.close());
    drop(host);
}

fn folders(room: &Room) -> usize {
    std::fs::read_dir(room.bench.folder.path().join("git")).unwrap().count()
}

#[test]
fn what_a_killed_agents_command_committed_is_imported_by_the_next() {
    let Some(room) = Room::new() else { return };
    let command = format!(
        "{WHO}echo k > k.txt; git add k.txt; git commit -q -m killed; git config core.fsmonitor 'touch RAN'; touch done; sleep 600"
    );
    let state = room.bench.folder.path().join("git");
    let mut victim = testing::Kind::Namespaces.victim_with(&room.root(), &state, "sleep 600", &command);
    assert!(eventually(|| room.root().join("done").exists()));
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert_eq!(room.git("log -1 --format=%s").trim(), "first");
    assert!(!room.git("config --list").contains("fsmonitor"));
    assert_eq!(folders(&room), 1);
    next_agent(&room);
    assert_eq!(room.git("log -1 --format=%s").trim(), "killed");
    assert_eq!(room.git("status --porcelain"), "?? done\n");
    assert_eq!(room.git("fsck --no-progress --no-dangling"), "");
    assert!(!room.root().join("RAN").exists());
    assert_eq!(folders(&room), 0);
    room.has_no_locks("imported");
}

/// Between any two steps: the journal is written before a lock is taken, and what was done is seen as done.
#[test]
fn locks_of_a_dead_agent_are_removed_and_others_are_not() {
    let Some(room) = Room::new() else { return };
    let git = room.root().join(".git");
    let journal = room.bench.folder.path().join("journal.json");
    let ours = |path: &Path| {
        use std::os::unix::fs::MetadataExt as _;
        let meta = path.metadata().unwrap();
        Lock { path: git.join("index.lock"), file: path.to_owned(), device: meta.dev(), inode: meta.ino() }
    };
    let file = git.join("agent-index-1");
    std::fs::write(&file, "new").unwrap();
    let named = Journal { locks: vec![ours(&file)], refs: Vec::new() };
    // Killed with the lock in hand.
    std::fs::hard_link(&file, git.join("index.lock")).unwrap();
    named.write(&journal).unwrap();
    Journal::release(&journal);
    room.has_no_locks("ours");
    // Killed before it was taken, and then the user's own git took it.
    std::fs::write(&file, "new").unwrap();
    Journal { locks: vec![ours(&file)], refs: vec![git.join("refs/heads/main.lock")] }.write(&journal).unwrap();
    std::fs::write(git.join("index.lock"), "the user's").unwrap();
    std::fs::write(git.join("refs/heads/main.lock"), "the user's").unwrap();
    Journal::release(&journal);
    assert!(!file.exists() && !journal.exists());
    assert!(git.join("index.lock").exists() && git.join("refs/heads/main.lock").exists());
}

/// An import that was cut after its refs, HEAD, index and stash had moved is repeated, and changes nothing twice.
#[test]
fn an_import_can_be_repeated() {
    let Some(room) = Room::new() else { return };
    room.works("true");
    let base = room.bench.block_on(room.bench.host.base());
    room.works(
        "git switch -q -c topic; echo x > x.txt; git add x.txt; git commit -q -m x; git tag v1; \
         echo y >> x.txt; git stash -q; echo staged > b.txt; git add b.txt",
    );
    let before = room.same("once");
    let log = room.git("reflog --all");
    assert_eq!(base.len(), 1);
    assert_eq!(room.bench.block_on(room.bench.host.repeat_import(base)), Vec::<String>::new());
    assert_eq!(room.same("twice"), before);
    assert_eq!(room.git("reflog --all"), log);
}

/// Cut after the refs, before the index: the rest of it is done by the next.
#[test]
fn an_import_that_was_cut_is_finished() {
    let Some(room) = Room::new() else { return };
    room.works("true");
    let base = room.bench.block_on(room.bench.host.base());
    let index = std::fs::read(room.root().join(".git/index")).unwrap();
    let kept =
        std::fs::read_dir(room.bench.folder.path().join("git")).unwrap().next().unwrap().unwrap().path().join("0");
    room.works("echo x > x.txt; git add x.txt; git commit -q -m x");
    let whole = room.git("ls-files --stage");
    std::fs::write(room.root().join(".git/index"), &index).unwrap();
    std::fs::write(kept.join("index-0"), &index).unwrap();
    std::fs::remove_file(kept.join("staged-0")).unwrap();
    assert_eq!(room.git("status --porcelain"), "D  x.txt\n?? x.txt\n");
    room.bench.block_on(room.bench.host.repeat_import(base));
    assert_eq!(room.git("status --porcelain"), "");
    assert_eq!(room.git("ls-files --stage"), whole);
    room.same("finished");
}
