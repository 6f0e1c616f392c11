//! Names of files as models write them, and what they mean.

use expect_test::expect;
use sandbox::Memory;

use crate::play::check;

#[test]
fn a_name_in_the_other_normal_form_means_the_file_that_is_there() {
    let (composed, decomposed) = ("caf\u{e9}/r\u{e9}sum\u{e9}.py", "cafe\u{301}/re\u{301}sume\u{301}.py");
    let new = "caf\u{e9}/new.py";
    for (on_disk, said) in [(composed, decomposed), (decomposed, composed)] {
        let memory = Memory::new([(on_disk, "x = 1\ny = 2\n")]);
        let calls = format!(
            r#"
            read_file {{"filename": "{said}"}}
            apply_diff {{"diff": "--- a/{said}\n+++ b/{said}\n@@\n-x = 1\n+x = 3\n y = 2\n"}}
            create_file {{"filename": "{said}", "content": "x = 4\n"}}
            create_file {{"filename": "{new}", "content": "z = 5\n"}}
            "#
        );
        let answers = crate::play::answers(&memory, &calls);
        assert!(answers.contains("1\tx = 1") && answers.contains("Replaced"), "{answers}");
        let folder = on_disk.split('/').next().unwrap();
        assert_eq!(memory.paths(), [format!("{folder}/new.py"), on_disk.to_owned()]);
        assert_eq!(memory.text(on_disk).unwrap(), "x = 4\n");
    }
}

#[test]
fn odd_names_reach_their_files() {
    let names = [" lead.txt", "trail.txt ", "a\tb.txt", "new\nline.txt", "back\\slash.txt", "\u{1f600}.txt"];
    let memory = Memory::new(names.map(|name| (name, "one\ntwo\nthree\n")));
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let calls = names.map(|name| {
        let diff = format!("--- a/{name}\n+++ b/{name}\n@@\n one\n-two\n+TWO\n three\n");
        format!("read_file {{\"filename\": {}}}\napply_diff {{\"diff\": {}}}", json(name), json(&diff))
    });
    let answers = crate::play::answers(&memory, &calls.join("\n"));
    for name in names {
        // git ends a name with blanks in a diff by a tab; without one they cannot be told from a slip.
        let edited = memory.text(name).unwrap() == "one\nTWO\nthree\n";
        assert!(edited || name == "trail.txt ", "{name:?}: {answers}");
    }
    assert_eq!(memory.paths().len(), names.len());
}

#[test]
fn names_that_are_slips_make_no_file() {
    check(
        &[("src/old.py", "")],
        r#"
        create_file {"filename": "newdir/", "content": ""}
        create_file {"filename": "src\\new.py", "content": "x"}
        "#,
        expect![[r#"
            failed: `newdir/` names a directory. A directory is made with the first file in it: name that file.
            Created `src/new.py` (1 line).
            --- src/new.py
            x"#]],
    );
}

#[test]
fn a_pattern_that_was_meant_as_text_is_said_so() {
    check(
        &[("a.py", "x = arr[0]\nfoo\n")],
        r#"
        search_files {"pattern": "arr[0]"}
        search_files {"pattern": "foo\\|bar"}
        search_files {"pattern": "none"}
        "#,
        expect![[r#"
            No line matches `arr[0]` in `.`. The pattern is a regular expression: 1 line matches `arr\[0\]`.
            No line matches `foo\|bar` in `.`. The pattern is a regular expression: 1 line matches `foo|bar`.
            No line matches `none` in `.`.
        "#]],
    );
}
