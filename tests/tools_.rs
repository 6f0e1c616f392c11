//! Each tool but `apply_diff` as the model meets it: the call, and the words it gets back.

use agent::{Ended, Ran};
use expect_test::expect;
use sandbox::Memory;

use crate::play::{CALC, check, check_on, check_small};

#[test]
fn read_file() {
    check(
        &[CALC],
        r#"read_file {"filename": "calc.py"}"#,
        expect![[r#"
        `calc.py`, 6 lines:
           1	def add(a, b):
           2	    return a - b
           3	
           4	
           5	def neg(a):
           6	    return -a
    "#]],
    );
    check(
        &[CALC],
        r#"read_file {"filename": "/w/calc.py", "first_line": 5, "lines": 1}"#,
        expect![[r#"
            `/w/calc.py`, 6 lines:
               1	def add(a, b):
               2	    return a - b
               3	
               4	
               5	def neg(a):
               6	    return -a
        "#]],
    );
    check(
        &[CALC, ("lib/x.py", "")],
        r#"read_file {"filename": "x.py"}"#,
        expect![[r#"
            failed: `x.py` does not exist. Nearby: `lib/x.py`.
        "#]],
    );
    check(
        &[("lib/a.py", ""), ("lib/b.py", "")],
        r#"read_file {"filename": "lib"}"#,
        expect![[r#"
        lib/a.py
        lib/b.py
    "#]],
    );
    let long = format!("{}\ndef neg(a):\n    return -a\n", "# x\n".repeat(50));
    check(
        &[("long.py", &long)],
        r#"read_file {"filename": "long.py", "symbol": "neg"}"#,
        expect![[r#"
            `long.py`, lines 52-53 of 53:
              52	def neg(a):
              53	    return -a
        "#]],
    );
    check(
        &[("long.py", &long)],
        r#"read_file {"filename": "long.py", "symbol": 53}"#,
        expect![[r#"
            `long.py`, lines 52-53 of 53:
              52	def neg(a):
              53	    return -a
        "#]],
    );
    check(
        &[("w.txt", "a\r\nb")],
        r#"read_file {"filename": "w.txt"}"#,
        expect![[r#"
        `w.txt`, 2 lines, CRLF line ends, no final newline:
           1	a
           2	b
    "#]],
    );
}

#[test]
fn what_is_there_is_named_for_what_is_not() {
    check(
        &[CALC, ("lib/a.py", "")],
        r#"
        read_file {"filename": "input.txt"}
        read_file {"filename": "lib/none.txt"}
        read_file {"filename": "no/none.txt"}
        "#,
        expect![[r#"
            failed: `input.txt` does not exist. Nearby: `calc.py`, `lib/`.
            failed: `lib/none.txt` does not exist. Nearby: `lib/a.py`.
            failed: `no/none.txt` does not exist. Nearby: `calc.py`, `lib/`.
        "#]],
    );
}

#[test]
fn a_small_model_is_asked_before_it_writes_over_a_test() {
    check_small(
        &[CALC, ("test_calc.py", "assert True\n"), ("test_neg.py", "assert True\n")],
        r#"
        create_file {"filename": "test_calc.py", "content": "def add(a, b):\n    return a + b\n"}
        create_file {"filename": "test_calc.py", "content": "assert add(1, 1) == 2\n"}
        read_file {"filename": "test_neg.py"}
        create_file {"filename": "test_neg.py", "content": "assert neg(1) == -1\n"}
        create_file {"filename": "test_neg.py", "content": "assert neg(1) == -1\n"}
        create_file {"filename": "test_new.py", "content": "assert True\n"}
        "#,
        expect![[r#"
            failed: `test_calc.py` exists and was not overwritten: you have not read it. Its content follows. This is a test file: change the code it tests instead. There is `calc.py`, `test_calc.py`, `test_neg.py`. If the task asks for different tests, send this again.
            `test_calc.py`, 1 line:
            assert True
            Replaced `test_calc.py` (1 line).
            `test_neg.py`, 1 line:
            assert True
            [To change it, write the whole file with `create_file`.]
            failed: `test_neg.py` was not written. This is a test file: change the code it tests instead. There is `calc.py`, `test_calc.py`, `test_neg.py`. If the task asks for different tests, send this again.
            Replaced `test_neg.py` (1 line).
            Created `test_new.py` (1 line).
            --- test_calc.py
            assert add(1, 1) == 2
            --- test_neg.py
            assert neg(1) == -1
            --- test_new.py
            assert True
        "#]],
    );
}

#[test]
fn read_file_of_other_encodings() {
    let memory = Memory::default();
    memory.put("latin.txt", b"gr\xFCn und br\xE4unlich\n");
    memory.put("wide.txt", b"\xFF\xFEa\0\xFC\0\n\0");
    memory.put("logo.png", b"\x89PNG\r\n\x1a\n\0\0");
    let calls = r#"
        read_file {"filename": "latin.txt"}
        read_file {"filename": "wide.txt"}
        read_file {"filename": "logo.png"}
        "#;
    check_on(
        memory,
        calls,
        expect![[r#"
            `latin.txt`, 1 line, not UTF-8: shown as windows-1252:
               1	grün und bräunlich
            `wide.txt`, 1 line, UTF-16 LE:
               1	aü
            failed: `logo.png` is a binary file (10 bytes). Inspect it with a command such as `file` or `xxd | head`.
        "#]],
    );
}

#[test]
fn search_files() {
    let files = [CALC, ("doc/a.md", "add it up\n")];
    check(
        &files,
        r#"search_files {"pattern": "add"}"#,
        expect![[r#"
        calc.py
        1: def add(a, b):
        doc/a.md
        1: add it up
    "#]],
    );
    check(
        &files,
        r#"search_files {"pattern": "def \\w+", "glob": "*.py"}"#,
        expect![[r#"
        calc.py
        1: def add(a, b):
        5: def neg(a):
    "#]],
    );
    check(
        &files,
        r#"search_files {"pattern": "return -", "context": 1}"#,
        expect![[r#"
        calc.py
        5- def neg(a):
        6:     return -a
    "#]],
    );
    check(
        &files,
        r#"search_files {"pattern": "sub", "path": "doc"}"#,
        expect![[r#"
        No line matches `sub` in `doc`.
    "#]],
    );
    check(
        &files,
        r#"search_files {"pattern": "add("}"#,
        expect![[r#"
            failed: Invalid pattern: unclosed group. To match it literally, escape ()[]{}.*+?^$|\ with a backslash.
        "#]],
    );
}

#[test]
fn list_files() {
    check(
        &[CALC, ("src/a.rs", ""), ("src/deep/b.rs", "")],
        r#"list_files {}"#,
        expect![[r#"
        calc.py
        src/a.rs
        src/deep/b.rs
    "#]],
    );
    check(
        &[CALC, ("src/a.rs", ""), ("src/deep/b.rs", "")],
        r#"list_files {"glob": "*.rs"}"#,
        expect![[r#"
        src/a.rs
        src/deep/b.rs
    "#]],
    );
    check(
        &[],
        r#"list_files {"path": "src"}"#,
        expect![[r#"
            failed: `src` does not exist.
        "#]],
    );
}

#[test]
fn create_file() {
    check(
        &[],
        r#"create_file {"filename": "a/b/c.txt", "content": "one\n"}"#,
        expect![[r#"
            Created `a/b/c.txt` (1 line).
            --- a/b/c.txt
            one
        "#]],
    );
    check(
        &[CALC],
        r#"create_file {"filename": "calc.py", "content": ""}"#,
        expect![[r#"
            failed: `calc.py` exists and was not overwritten: you have not read it. Its content follows. If your version is still right, send it again.
            `calc.py`, 6 lines:
            def add(a, b):
                return a - b


            def neg(a):
                return -a
        "#]],
    );
    check(
        &[("a", "x\n")],
        r#"create_file {"filename": "a", "content": "x\n"}"#,
        expect![[r#"
        `a` already has exactly this content; nothing was written. If the task is done, answer without a tool call.
    "#]],
    );
    check(
        &[],
        r#"create_file {"filename": ".git/hooks/pre-commit", "content": "x"}"#,
        expect![[r#"
        refused: `.git` is never written directly. Use git commands.
    "#]],
    );
    check(
        &[],
        r#"create_file {"filename": "../x", "content": "x"}"#,
        expect![[r#"
        failed: `../x` is outside the workspace.
    "#]],
    );
}

#[test]
fn run_command() {
    let memory = Memory::default().on_command(|command, _| Ran {
        ended: if command == "crash" { Ended::Signalled(11) } else { Ended::Exited(3) },
        output: format!("ran {command}\n"),
        total_bytes: 0,
        full_output: None,
        notes: vec!["the note of the fence".to_owned()],
    });
    let calls = r#"
        run_command {"command": "make"}
        run_command {"command": "crash"}
        run_command {"command": "  "}
        "#;
    check_on(
        memory,
        calls,
        expect![[r#"
        ran make
        [exit code 3]
        [the note of the fence]
        ran crash
        [killed by signal 11]
        [the note of the fence]
        failed: The command is empty.
    "#]],
    );
}

#[test]
fn background_commands() {
    let memory = Memory::default().on_command(|_, _| sandbox::ran(0, "listening\n"));
    let calls = r#"
        run_command {"command": "serve", "background": true}
        read_output {"id": 1}
        read_output {"id": "1", "wait_seconds": 5}
        stop_command {"id": 1}
        read_output {"id": 1, "wait_seconds": 5}
        stop_command {"id": 2}
        "#;
    check_on(
        memory,
        calls,
        expect![[r#"
            listening
            [background command 1 is running]
            (no new output)
            [background command 1 is running]
            (no new output)
            [background command 1 is running]
            [no new output in 5 s; running for 0 s]
            (no new output)
            [background command 1 was stopped]
            (no new output)
            [background command 1 was stopped]
            failed: No background command has the id 2.
        "#]],
    );
    check_on(
        Memory::default(),
        r#"run_command {"command": "serve", "background": true}"#,
        expect![[r#"
            (no new output)
            [background command 1 has ended: exit code 127]
        "#]],
    );
}
