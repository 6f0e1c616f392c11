//! The private git directories with the real git, real commands, and a user
//! who works beside them.

mod attacks;
mod beside;
mod files;
mod killed;
mod layouts;
mod operations;

use std::path::{Path, PathBuf};

use agent::Ran;

use crate::fence::policy::Namespaces;
use crate::fence::{LayerKind, LayerState};
use crate::options::HostOptions;
use crate::private_git::testing;
use crate::testing::Bench;

/// A user's repository with one commit as the workspace of commands.
struct Room {
    bench: Bench,
}

/// Says who commits, for commands that have no settings.
const WHO: &str = "export GIT_AUTHOR_NAME=c GIT_AUTHOR_EMAIL=c@d GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@d; ";

impl Room {
    /// `None`: this machine has no namespaces.
    fn new() -> Option<Room> {
        Room::with(|_| {})
    }

    /// `prepare` is given the workspace before the first command.
    fn with(prepare: impl FnOnce(&Room)) -> Option<Room> {
        let bench = Bench::fenced(&[("a.txt", "one\n"), ("b.txt", "one\n")], HostOptions::default(), Namespaces::Try);
        let room = Room { bench };
        room.git("init -q -b main .");
        room.git("config user.name u");
        room.git("config user.email u@v");
        room.git("add a.txt b.txt");
        room.git("commit -q -m first");
        prepare(&room);
        let fence = room.bench.block_on(room.bench.host.fence());
        if fence.state(LayerKind::Mounts) != Some(&LayerState::Works) {
            println!("skipped: no namespaces");
            return None;
        }
        Some(room)
    }

    fn root(&self) -> PathBuf {
        std::fs::canonicalize(self.bench.root()).unwrap()
    }

    /// The user's git, in another window.
    #[track_caller]
    fn git(&self, line: &str) -> String {
        testing::git(&self.root(), line)
    }

    #[track_caller]
    fn git_in(&self, dir: &str, line: &str) -> String {
        testing::git(&self.root().join(dir), line)
    }

    fn run(&self, command: &str) -> Ran {
        self.bench.run(&format!("{WHO}{command}"))
    }

    /// One that must succeed.
    #[track_caller]
    fn works(&self, command: &str) -> Ran {
        let ran = self.run(command);
        assert_eq!(ran.ended, agent::Ended::Exited(0), "{command}: {}\n{:?}", ran.output, ran.notes);
        ran
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// What both see of the repository: the same commands, inside and outside.
    #[track_caller]
    fn same(&self, what: &str) -> String {
        let inside = self.bench.run(LOOK).output;
        let outside = testing::shell(&self.root(), LOOK);
        assert_eq!(inside, outside, "{what}");
        assert_eq!(self.git("fsck --no-progress --connectivity-only --no-dangling"), "", "{what}");
        self.has_no_locks(what);
        outside
    }

    #[track_caller]
    fn has_no_locks(&self, what: &str) {
        let left = find(&self.root().join(".git"), &|name| name.ends_with(".lock") || name.starts_with("agent-"));
        assert!(left.is_empty(), "{what}: {left:?}");
    }
}

/// Status, refs, HEAD, what is staged, the stash, a merge in progress.
const LOOK: &str = "git status --porcelain=v2 --branch | grep -v '^# branch.ab'; \
    git for-each-ref --format='%(objectname) %(refname)' | grep -v -e refs/remotes -e refs/replace; \
    git symbolic-ref -q HEAD || git rev-parse HEAD; git ls-files --stage; git stash list --format=%H; \
    cat .git/MERGE_HEAD .git/CHERRY_PICK_HEAD .git/rebase-merge/git-rebase-todo 2>/dev/null; true";

fn find(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(find(&entry.path(), wanted));
        }
        if wanted(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    found
}
