//! What keys do to a line: keys in, line with its cursor out.

use expect_test::{Expect, expect};

use super::*;
use crate::keys::Decoder;

/// Types bytes as a terminal sends them; shows the line with `|` at the cursor, and what was wished for.
#[track_caller]
fn check(keys: &str, expected: Expect) {
    let mut editor = Editor::new(vec!["first".to_owned(), "second one".to_owned(), "first again".to_owned()]);
    editor.sources.files = vec!["src/main.rs".to_owned(), "src/map.rs".to_owned()];
    editor.sources.commands = vec![("/help", ""), ("/mode", "")];
    let mut decoder = Decoder::default();
    let mut wishes = String::new();
    for key in decoder.push(keys.as_bytes()).into_iter().chain(decoder.settle()) {
        let wish = editor.press(key);
        if wish != Wish::None {
            wishes += &format!("{wish:?} ");
        }
    }
    let (before, after) = editor.text().split_at(editor.cursor());
    expected.assert_eq(&format!("{wishes}{before}|{after}"));
}

#[test]
fn words_and_lines_as_in_readline() {
    check("one two\x17", expect!["one |"]);
    check("one two\x01\x0b\x19\x19", expect!["one twoone two|"]);
    check("one two\x1bb\x1bb\x1bf!", expect!["one!| two"]);
    check("abc\x02\x02\x04", expect!["a|c"]);
    check("abc\x7f\x7f\x7f\x7f", expect!["|"]);
    check("one\x15", expect!["|"]);
}

#[test]
fn one_press_removes_one_thing_seen() {
    check("e\u{301}\x7f", expect!["|"]);
    check("a日\x7f", expect!["a|"]);
    check("👩\u{200d}💻!\x02\x02\x04", expect!["|!"]);
}

#[test]
fn enter_gives_the_line_and_a_backslash_another_one() {
    check("do it\r", expect![[r#"Submit("do it") |"#]]);
    check("one\\\rtwo\r", expect![[r#"Submit("one\ntwo") |"#]]);
    check("one\x1b\rtwo\r", expect![[r#"Submit("one\ntwo") |"#]]);
    check("  \r", expect!["|"]);
}

#[test]
fn a_paste_of_many_lines_is_not_sent() {
    check(
        "\x1b[200~one\r\ntwo\rthree\x1b[5m\x1b[201~",
        expect![[r#"
        one
        two
        three[5m|"#]],
    );
}

#[test]
fn up_and_down_go_through_lines_and_then_history() {
    check("\x1b[A", expect!["first again|"]);
    check("fi\x1b[A\x1b[A", expect!["first|"]);
    check("fi\x1b[A\x1b[A\x1b[B\x1b[B", expect!["fi|"]);
    check(
        "abc\nde\x1b[A!",
        expect![[r#"
        ab!|c
        de"#]],
    );
    check("new\r\x1b[A", expect![[r#"Submit("new") new|"#]]);
}

#[test]
fn tab_takes_what_is_meant() {
    check("see @ma\t", expect!["see @src/map.rs |"]);
    check("see @ma\x1b[B\t", expect!["see @src/main.rs |"]);
    check("see @main\r", expect!["see @src/main.rs |"]);
    check("see @main\r\r", expect![[r#"Submit("see @src/main.rs ") |"#]]);
    check("/h\t", expect!["/help |"]);
    check("/h\r", expect![[r#"Submit("/h") |"#]]);
    check("see @ma\x1b", expect!["see @ma|"]);
}

#[test]
fn what_is_not_for_the_line() {
    check("\x1b", expect!["Stop |"]);
    check("\x03", expect!["Interrupt |"]);
    check("half\x03", expect!["Interrupt half|"]);
    check("\x04", expect!["Leave |"]);
    check("x\x1b[Z", expect!["NextMode x|"]);
}

#[test]
fn words_that_come_back_disturb_nothing() {
    let mut editor = Editor::new(Vec::new());
    editor.sources.files = vec!["src/main.rs".to_owned()];
    for key in "see @mä".chars() {
        editor.press(Key::Char(key));
    }
    editor.press(Key::Backspace);
    assert_eq!(editor.choices().0.len(), 1);
    editor.put_before("");
    assert_eq!(editor.text(), "see @m");
    editor.put_before("first ä");
    assert_eq!((editor.text(), editor.choices().0.len()), ("first ä\nsee @m", 0));
    editor.press(Key::Tab);
    assert_eq!(editor.text(), "first ä\nsee @m");
}
