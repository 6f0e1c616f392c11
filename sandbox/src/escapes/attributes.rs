//! Permission bits, owners, times and attributes of files outside, with the
//! same calls on a file inside, where they must work.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::{behind_each, refused};
use crate::attack::attributes;
use crate::options::{Access, AddedDir, HostOptions};
use crate::testing::Bench;

/// All that these calls can change.
#[derive(Debug, PartialEq)]
struct Face {
    mode: u32,
    owner: (u32, u32),
    times: [i64; 3],
    attributes: Vec<u8>,
}

fn face(path: &Path) -> Face {
    let meta = std::fs::symlink_metadata(path).unwrap();
    // A file system without them answers with an error, and then there is nothing to compare.
    let mut names = vec![0; 1_024];
    let length = rustix::fs::listxattr(path, &mut names).unwrap_or(0);
    names.truncate(length);
    let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime_nsec()];
    Face { mode: meta.mode(), owner: (meta.uid(), meta.gid()), times, attributes: names }
}

/// A file that is seen behind the fence and is not the command's, and one that is.
fn both(check: impl Fn(&Bench, &Path, &Path)) {
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim.txt");
    make(&victim);
    let mut options = HostOptions::default();
    options.fence.add_dirs.push(AddedDir { path: outside.path().to_path_buf(), access: Access::Read });
    behind_each(&[("own.txt", "own")], &options, |bench, _| {
        let own = bench.root().join("own.txt");
        check(bench, &victim, &own);
    });
}

fn make(path: &Path) {
    std::fs::write(path, "kept").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o640)).unwrap();
    // Not every file system has them.
    let _ = rustix::fs::setxattr(path, "user.kept", b"x", rustix::fs::XattrFlags::empty());
}

#[test]
fn attributes_outside_do_not_change() {
    both(|bench, victim, own| {
        let before = face(victim);
        for name in attributes::names().chain(attributes::never()) {
            refused(bench, name, victim.display());
            assert_eq!(face(victim), before, "{name}");
        }
        // By a link of the command's own: it may be followed, and then its end is what counts.
        let link = bench.root().join("link");
        std::os::unix::fs::symlink(victim, &link).unwrap();
        for name in attributes::names().chain(attributes::never()) {
            bench.attack(name, link.display());
            assert_eq!(face(victim), before, "{name} by a link");
        }
        // By the directory /proc `self` is the warden, who is asked where its own file lies.
        for name in attributes::names().filter(|name| *name != "chmod-relative-proc") {
            make(own);
            let said = bench.attack(name, own.display());
            // ENOTSUP where the file system has no attributes; ENOSYS where the kernel is older than the call.
            assert!(["DONE", "refused: 95", "refused: 38"].contains(&said.as_str()), "{name}: {said}");
            let mode = face(own).mode & 0o7777;
            let expected = if name.contains("chmod") && said == "DONE" { 0o741 } else { 0o640 };
            assert_eq!(mode, expected, "{name}");
        }
    });
}

#[test]
fn a_race_for_permission_bits() {
    both(|bench, victim, _| {
        let before = face(victim);
        let said = bench.attack("race-attributes", victim.parent().unwrap().display());
        assert_eq!(said, "DONE");
        assert_eq!(face(victim), before);
    });
}

/// What developers do with them, and that the model hears of what was refused.
#[test]
fn ordinary_programs_change_what_is_theirs() {
    both(|bench, victim, _| {
        let ran = bench.run(
            "set -e; echo x > a; chmod 640 a; touch -d @1000 a; cp -p a b; cp -a . /tmp/copy-$$ 2>/dev/null || cp -a a c; \
             tar cf t.tar a b; mkdir x; tar xpf t.tar -C x; install -m 750 a i; ln -s a l; touch -h l; \
             chmod g+s x; stat -c '%a %Y' x/a b i | tr '\\n' ' '",
        );
        assert!(ran.output.starts_with("640 1000 640 1000 750"), "{} {:?}", ran.output, ran.notes);
        let ran = bench.run(&format!("chmod 777 '{}'", victim.display()));
        assert_ne!(ran.ended, agent::Ended::Exited(0));
        let fence = bench.block_on(bench.host.fence());
        if fence.state(crate::LayerKind::Mounts) != Some(&crate::LayerState::Works) {
            assert!(ran.notes.iter().any(|note| note.contains("victim.txt")), "{:?}", ran.notes);
        }
    });
}
