//! `agent apply`: what lands, what does not, and that it can be taken back.

use std::fs;

use crate::ci::{WORDS, ci, git, repository, write};

const DIFF: &str = "--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n";

#[test]
fn a_patch_lands_where_it_fits_and_can_be_taken_back() {
    let world = repository(&[("a.txt", "zero\none\ntwo\nthree\n")], "Done.");
    let patch = world.home().join("p.diff");
    fs::write(&patch, DIFF).unwrap();
    let read = || fs::read_to_string(world.workspace().join("a.txt")).unwrap();
    let dry = world.agent(&["apply", "--dry-run", patch.to_str().unwrap()]);
    assert!(dry.code == 0 && dry.stderr.contains("+TWO") && dry.stderr.contains("would apply"), "{dry:?}");
    assert_eq!(read(), "zero\none\ntwo\nthree\n");
    let told = world.agent(&["apply", patch.to_str().unwrap()]);
    assert_eq!(told.code, 0, "{told:?}");
    assert_eq!(read(), "zero\none\nTWO\nthree\n");
    let undone = world.agent(&["undo"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(read(), "zero\none\ntwo\nthree\n");
}

#[test]
fn all_files_or_none_and_never_by_guessing() {
    let world = repository(&[("a.txt", "one\ntwo\nthree\n"), ("b.txt", "other\n")], "Done.");
    let patch = world.home().join("p.diff");
    fs::write(&patch, format!("{DIFF}--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-not there\n+x\n")).unwrap();
    let told = world.agent(&["apply", patch.to_str().unwrap()]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.stderr.contains("error: Nothing was changed") && told.stderr.contains("hint: "), "{told:?}");
    assert_eq!(git(&world.workspace(), &["status", "--porcelain"]), "");

    for (patch, code, word) in [
        ("--- a/../out\n+++ b/../out\n@@\n+x\n", 1, "outside"),
        ("--- /dev/null\n+++ b/.git/hooks/pre-commit\n@@ -0,0 +1 @@\n+x\n", 1, "never written directly"),
        ("diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 1\n", 2, "hint: apply those with git"),
        (
            "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+a.txt\n",
            2,
            "changes a link",
        ),
        ("no diff\n", 1, "hint"),
        ("", 2, "hint: pass a patch"),
    ] {
        let path = world.home().join("q.diff");
        fs::write(&path, patch).unwrap();
        let told = world.agent(&["apply", path.to_str().unwrap()]);
        assert!(told.code == code && told.stderr.contains(word), "{patch}: {told:?}");
    }
    let told = world.agent(&["apply", "no/such.patch"]);
    assert!(told.code == 2 && told.stderr.contains("hint: pass an existing patch file"), "{told:?}");
    assert_eq!(git(&world.workspace(), &["status", "--porcelain"]), "");
}

#[test]
fn a_session_lands_whatever_became_of_its_worktree() {
    let script = format!("{}\n---\nDone.\n---\n{WORDS}", write("hello.txt", "hello\n"));
    let world = repository(&[("a.txt", "a\n")], &script);
    let (_, result) = ci(&world, &["Greet the world"]);
    let told = world.agent(&["apply", result["session"].as_str().unwrap()]);
    assert_eq!(told.code, 0, "{told:?}");
    assert_eq!(fs::read_to_string(world.workspace().join("hello.txt")).unwrap(), "hello\n");

    // One of `agent run`, in another directory.
    let world = repository(&[("a.txt", "a\n")], &write("new.txt", "new\n").to_string().replace("\n---", ""));
    assert_ne!(world.run(&["--max-steps", "1", "Write"]).code, 2);
    let session = world.session_file().file_stem().unwrap().to_str().unwrap().to_owned();
    let elsewhere = world.home().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let told = world.agent(&["apply", "--workspace", elsewhere.to_str().unwrap(), &session]);
    assert_eq!(told.code, 0, "{told:?}");
    assert_eq!(fs::read_to_string(elsewhere.join("new.txt")).unwrap(), "new\n");
}
