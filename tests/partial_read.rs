//! What the model was not shown of a file is not lost when it writes the file whole.

use expect_test::expect;

use sandbox::Memory;

use crate::play::{answers_of, check, check_small};

#[test]
fn a_file_is_not_replaced_before_every_line_of_it_was_shown() {
    let long: String = (1..=60).map(|line| format!("line {line}\n")).collect();
    check(
        &[("long.txt", &long)],
        r#"
        read_file {"filename": "long.txt", "first_line": 1, "lines": 2}
        create_file {"filename": "long.txt", "content": "new\n"}
        apply_diff {"diff": "--- a/long.txt\n+++ b/long.txt\n@@\n-line 2\n+line two\n+and a half\n"}
        read_file {"filename": "long.txt", "first_line": 58}
        create_file {"filename": "long.txt", "content": "new\n"}
        read_file {"filename": "long.txt", "first_line": 5, "lines": 1}
        create_file {"filename": "long.txt", "content": "new\n"}
        "#,
        expect![[r#""#]],
    );
}

#[test]
fn a_read_that_was_refused_permits_nothing() {
    check_small(
        &[("logo.png", "\u{89}PNG\0")],
        r#"
        read_file {"filename": "logo.png"}
        create_file {"filename": "logo.png", "content": "new\n"}
        "#,
        expect![[r#""#]],
    );
}

/// It would lead a small model to write what it saw as if it were all.
#[test]
fn the_hint_to_write_the_whole_file_is_not_on_a_part() {
    let long = format!("{}end\n", "x".repeat(2_500)).repeat(60);
    let memory = Memory::new([("long.txt", long.as_str()), ("short.txt", "short\n")]);
    let read = |name: &str| {
        let call = format!(r#"read_file {{"filename": "{name}"}}"#);
        answers_of(tools::WHOLE_FILE_TOOLS, &memory, &call)
    };
    assert!(!read("long.txt").contains("write the whole file"));
    assert!(read("short.txt").contains("write the whole file"));
}
