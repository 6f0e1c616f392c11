//! 200 random sessions of edits, commands, renames, deletions and a human who works beside them; each taken back from a
//! random step on, and compared with copies that know nothing of snapshots.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use agent::{Cancel, Change, Effect, FileMode};
use snapshots::{History, Merge, Note, Objects};

use crate::{FenceOptions, Host, HostOptions, SandboxMode, Watch, Written};

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Dir,
    Link(PathBuf),
    File(Vec<u8>, u32),
}

type Tree = BTreeMap<PathBuf, Node>;

/// A copy of everything below `root`, made without any of the code under test.
fn copy(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut todo = vec![PathBuf::new()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(root.join(&dir)).unwrap() {
            let path = dir.join(entry.unwrap().file_name());
            let full = root.join(&path);
            let metadata = fs::symlink_metadata(&full).unwrap();
            let node = if metadata.is_dir() {
                todo.push(path.clone());
                Node::Dir
            } else if metadata.is_symlink() {
                Node::Link(fs::read_link(&full).unwrap())
            } else {
                Node::File(fs::read(&full).unwrap(), metadata.permissions().mode() & 0o777)
            };
            tree.insert(path, node);
        }
    }
    tree
}

/// Xorshift: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn path(&mut self) -> PathBuf {
        let odd = PathBuf::from(std::ffi::OsString::from_vec(b"d/\xff \n".to_vec()));
        let all = ["a", "b", "c.sh", "d", "d/x", "d/y", "d/e", "d/e/z", "n/m/k", "n/m"];
        all.get(self.below(all.len() + 1)).map_or(odd, PathBuf::from)
    }

    fn content(&mut self) -> Vec<u8> {
        let lines = 1 + self.below(4);
        (0..lines).map(|_| format!("line {}\n", self.below(5))).collect::<String>().into_bytes()
    }

    /// Something that a command or a human may do. What does not go does nothing.
    fn act(&mut self, root: &Path) {
        let path = root.join(self.path());
        let _ = match self.below(9) {
            0 => fs::remove_file(&path),
            1 => fs::remove_dir_all(&path),
            2 => fs::rename(&path, root.join(self.path())),
            3 => fs::set_permissions(&path, fs::Permissions::from_mode(if self.below(2) == 0 { 0o755 } else { 0o600 })),
            4 => symlink(self.path(), &path),
            5 => fs::create_dir_all(&path),
            6 => fs::remove_file(&path).and_then(|()| fs::create_dir(&path)),
            _ => fs::create_dir_all(path.parent().unwrap()).and_then(|()| fs::write(&path, self.content())),
        };
    }
}

struct World {
    folder: tempfile::TempDir,
    host: Host,
    watch: Watch,
    history: History,
    random: Random,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new(seed: u64) -> World {
        // In memory where that is possible: what is tested is what is written, not the disk.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let root = folder.path().join("work");
        fs::create_dir(&root).unwrap();
        let fence = FenceOptions { sandbox: SandboxMode::Off, ..FenceOptions::default() };
        let host = Host::open(&root, HostOptions { fence, ..HostOptions::default() }).unwrap();
        let objects = Objects::open(&folder.path().join("kept"), &root, "session", 1 << 30).unwrap();
        let watch = Watch::new(host.files(), objects);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut world = World { folder, host, watch, history: History::default(), random, runtime };
        for _ in 0..8 {
            world.random.act(&root);
        }
        world
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn tell(&mut self, notes: Vec<Note>) {
        for note in notes {
            self.history.add(note);
        }
    }

    fn command(&mut self) {
        let notes = self.watch.before_run();
        self.tell(notes);
        for _ in 0..1 + self.random.below(4) {
            let root = self.root();
            self.random.act(&root);
        }
        let (notes, _) = self.watch.after_run();
        self.tell(notes);
    }

    /// An edit of up to three files, as the tools make it.
    fn edit(&mut self) {
        let mut changes: Vec<Change> = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let path = self.random.path();
            let before = fs::read(self.root().join(&path)).ok();
            let after = (before.is_none() || self.random.below(4) != 0).then(|| self.random.content());
            changes.push(Change { path, before, after, mode: FileMode::Keep });
        }
        let (notes, foreseen) = self.watch.before_write(&changes);
        self.tell(notes);
        let written = self.runtime.block_on(self.host.act(&Effect::Write { changes }, &Cancel::default()));
        let how = if written.is_ok() { Written::All } else { Written::Not };
        let (notes, _) = self.watch.after_write(foreseen, how);
        self.tell(notes);
    }

    fn undo(&mut self, from: usize, merge: Merge) -> Result<(), agent::SandboxError> {
        let files = self.host.files();
        let objects = self.watch.objects();
        let links = self.history.links(objects, |step| from <= step).unwrap();
        let back = files.plan_back(&links, merge, &[], objects).unwrap();
        files.take_back(&back, &mut |_, _| ())?;
        let records = links.iter().map(|link| link.record).collect();
        let changes = objects.keep_changes(&back.changes).unwrap();
        self.tell(vec![Note::Undoing { records, whole: true, merged: merge == Merge::Text, changes, files: 0 }]);
        Ok(())
    }

    fn redo(&mut self) {
        let files = self.host.files();
        let objects = self.watch.objects();
        let (undo, links) = self.history.last_undo(objects).unwrap().unwrap();
        let back = files.plan_back(&links, Merge::No, &[], objects).unwrap();
        files.take_back(&back, &mut |_, _| ()).unwrap();
        let changes = objects.keep_changes(&back.changes).unwrap();
        self.tell(vec![Note::Redoing { undo, changes, files: 0 }]);
    }
}

/// What each path should be. `steps`: the trees around each step that is taken back. `None`: a file would take the
/// place of a directory that holds something else, so nothing may happen at all.
fn expected(now: &Tree, steps: &[(Tree, Tree)]) -> Option<Tree> {
    let mut paths: Vec<&PathBuf> = steps.iter().flat_map(|(before, after)| before.keys().chain(after.keys())).collect();
    paths.sort();
    paths.dedup();
    let mut goal = now.clone();
    for path in paths {
        let mut going = now.get(path);
        let mut ours = true;
        for (before, after) in steps.iter().rev() {
            let (before, after) = (before.get(path), after.get(path));
            if before == after {
                continue;
            }
            if going == after {
                going = before;
            } else if going != before {
                ours = false;
            }
        }
        let above = path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty());
        let blocked = above.into_iter().any(|dir| goal.get(dir).is_some_and(|node| *node != Node::Dir));
        match going {
            Some(node) if ours && !blocked => _ = goal.insert(path.clone(), node.clone()),
            None if ours => _ = goal.remove(path),
            Some(_) | None => (),
        }
    }
    // A directory stays, or comes back, for what is in it.
    for path in goal.keys().cloned().collect::<Vec<PathBuf>>() {
        for dir in path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()) {
            if *goal.entry(dir.to_path_buf()).or_insert(Node::Dir) != Node::Dir {
                return None;
            }
        }
    }
    Some(goal)
}

#[test]
fn two_hundred_random_sessions_go_back_to_exactly_what_was() {
    let (mut undone, mut left, mut refused) = (0, 0, 0);
    for seed in 1..=200 {
        let mut world = World::new(seed);
        let root = world.root();
        let mut steps: Vec<(Tree, Tree)> = Vec::new();
        for _ in 0..3 + world.random.below(6) {
            if world.random.below(3) == 0 {
                world.random.act(&root);
            }
            world.history.replied();
            let before = copy(&root);
            if world.random.below(2) == 0 {
                world.command()
            } else {
                world.edit()
            };
            steps.push((before, copy(&root)));
        }
        while world.random.below(2) == 0 {
            world.random.act(&root);
        }
        let from = 1 + world.random.below(steps.len());
        let now = copy(&root);
        let goal = expected(&now, &steps[from - 1..]);
        let result = world.undo(from, Merge::No);
        let after = copy(&root);
        match (result, goal) {
            (Ok(()), Some(goal)) => {
                assert_eq!(after, goal, "seed {seed}, from step {from}");
                undone += usize::from(after != now);
                left += usize::from(after != steps[from - 1].0);
                world.redo();
                assert_eq!(copy(&root), now, "seed {seed}: redo");
            }
            (Err(_), None) => {
                assert_eq!(after, now, "seed {seed}: refused, and nothing changed");
                refused += 1;
            }
            (result, goal) => panic!("seed {seed}, from step {from}: {result:?}, expected {goal:#?}\nnow {now:#?}"),
        }
        assert_eq!(world.watch.take_notices(), Vec::<String>::new());
    }
    println!("{undone} changed something, {left} left something of the human's, {refused} refused whole");
    assert!(100 < undone && 30 < left, "the sessions are too tame");
}
