//! Each tool as the model meets it: the call, and the words it gets back. Files are in memory.

use agent::{
    Agent, AgentEvent, Answer, ApprovalPolicy, Cancel, ChatEvent, Effect, Ended, Entry, Frontend, Journal,
    JournalError, Limits, Mode, Ran, RawCall, SeenFiles, Spent, Transcript, run_task,
};
use async_trait::async_trait;
use expect_test::{Expect, expect};
use providers::Scripted;
use sandbox::Memory;

struct Silent;

#[async_trait(?Send)]
impl Frontend for Silent {
    fn show(&mut self, _: AgentEvent<'_>) {}

    async fn ask(&mut self, _: &Effect) -> Answer {
        Answer::Nobody
    }
}

impl Journal for Silent {
    fn append(&mut self, _: &Entry) -> Result<(), JournalError> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        Ok(())
    }
}

/// Calls, one a line, on these files; what the model reads of each, and the files that changed.
#[track_caller]
fn check(files: &[(&str, &str)], calls: &str, expected: Expect) {
    check_on(Memory::new(files.iter().copied()), calls, expected);
}

#[track_caller]
fn check_on(memory: Memory, calls: &str, expected: Expect) {
    let before: Vec<(String, Option<String>)> =
        memory.paths().into_iter().map(|path| (path.clone(), memory.text(&path))).collect();
    let call = |line: &str| {
        let (name, arguments) = line.trim().split_once(' ').unwrap();
        ChatEvent::Call(RawCall { name: name.to_owned(), arguments: arguments.to_owned() })
    };
    let replies = calls.trim().lines().map(|line| vec![call(line)]);
    let client = Scripted::new(replies.chain([vec![ChatEvent::Text("Done.".to_owned())]]));
    let mut transcript = Transcript::new("system".to_owned(), "task".to_owned());
    let (mut frontend, mut journal) = (Silent, Silent);
    let mut agent = Agent {
        client: &client,
        tools: tools::TOOLS,
        sandbox: &memory,
        frontend: &mut frontend,
        journal: &mut journal,
        policy: ApprovalPolicy::new(Mode::Auto),
        root: "/w".into(),
        limits: Limits::default(),
        price: None,
        spent: Spent::default(),
        seen: SeenFiles::default(),
        cancel: Cancel::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(run_task(&mut agent, &mut transcript)).unwrap();

    let mut shown = String::new();
    for entry in transcript.entries() {
        if let Entry::Outcome { outcome, .. } = entry {
            let mark = match outcome {
                agent::ToolOutcome::Done(_) => "",
                agent::ToolOutcome::Failed(_) => "failed: ",
                agent::ToolOutcome::Refused(_) => "refused: ",
                agent::ToolOutcome::Cancelled => "cancelled: ",
            };
            shown += &format!("{mark}{}\n", outcome.text().trim_end());
        }
    }
    for path in memory.paths() {
        let text = memory.text(&path);
        if !before.contains(&(path.clone(), text.clone())) {
            shown += &format!("--- {path}\n{}", text.unwrap());
        }
    }
    for (path, _) in before {
        if memory.text(&path).is_none() {
            shown += &format!("--- {path} is gone\n");
        }
    }
    expected.assert_eq(&shown);
}

const CALC: (&str, &str) = ("calc.py", "def add(a, b):\n    return a - b\n\n\ndef neg(a):\n    return -a\n");

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
            `/w/calc.py`, lines 5-5 of 6:
               5	def neg(a):
            [1 more: read on with first_line 6]
        "#]],
    );
    check(
        &[CALC, ("lib/x.py", "")],
        r#"read_file {"filename": "x.py"}"#,
        expect![[r#"
        failed: There is no `x.py`. There is `lib/x.py`.
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
    check(
        &[("w.txt", "a\r\nb")],
        r#"read_file {"filename": "w.txt"}"#,
        expect![[r#"
        `w.txt`, 2 lines, CRLF line ends, no newline at the end:
           1	a
           2	b
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
            failed: `logo.png` is a binary file of 10 bytes. Look at it with a command, such as `file` or `xxd | head`.
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
        r#"search_files {"pattern": "sub", "path": "doc"}"#,
        expect![[r#"
        No line matches `sub` in `doc`.
    "#]],
    );
    check(
        &files,
        r#"search_files {"pattern": "add("}"#,
        expect![[r#"
        failed: The pattern is wrong: unclosed group To find it as plain text, put a backslash before ()[]{}.*+?^$|\.
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
        failed: There is no `src`.
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
        failed: `calc.py` exists and you have not read it; nothing was written. Read it first, then change it with `apply_diff`, or replace it as a whole.
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
fn apply_diff() {
    let good = r#"apply_diff {"diff": "--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n"}"#;
    check(
        &[CALC],
        good,
        expect![[r#"
        `calc.py`: +1 -1 line
             1 | def add(a, b):
             2 |     return a + b
             3 | 
             4 | 
             5 | def neg(a):
        --- calc.py
        def add(a, b):
            return a + b


        def neg(a):
            return -a
    "#]],
    );
    check(
        &[CALC],
        &format!("{good}\n{good}"),
        expect![[r#"
        `calc.py`: +1 -1 line
             1 | def add(a, b):
             2 |     return a + b
             3 | 
             4 | 
             5 | def neg(a):
        calc.py already has what the edit would make of it (line 1). It was not applied twice; go on.
        --- calc.py
        def add(a, b):
            return a + b


        def neg(a):
            return -a
    "#]],
    );
    check(
        &[],
        good,
        expect![[r#"
        failed: Nothing was changed.
        calc.py does not exist. Check the name, or create it: `--- /dev/null`, `+++ b/calc.py`.
    "#]],
    );
}

#[test]
fn an_edit_that_breaks_the_syntax_is_said() {
    let diff =
        r#"apply_diff {"diff": "--- a/calc.py\n+++ b/calc.py\n@@\n def neg(a):\n-    return -a\n+    return (-a\n"}"#;
    check(&[CALC], diff, expect![""]);
    check(&[], r#"create_file {"filename": "a.json", "content": "{\"a\": 1,}"}"#, expect![""]);
}

#[test]
fn other_formats_are_read_by_the_same_tool() {
    let memory = Memory::new([("a.txt", "one\ntwo\n")]);
    let calls = r#"apply_diff {"diff": "*** Begin Patch\n*** Update File: a.txt\n@@\n one\n-two\n+2\n*** End Patch"}"#;
    check_on(memory, calls, expect![""]);
}

#[test]
fn apply_diff_creates_renames_and_deletes() {
    let diff = r#"apply_diff {"diff": "diff --git a/old b/new\nrename from old\nrename to new\ndiff --git a/made b/made\nnew file mode 100755\n--- /dev/null\n+++ b/made\n@@\n+one\n--- a/gone\n+++ /dev/null\n@@\n-x\n"}"#;
    check(
        &[("old", "kept\n"), ("gone", "x\n")],
        diff,
        expect![[r#"
            `old` is now `new`.
            `made`: +1 -0 line
                 1 | one
            `gone`: +0 -1 line
            --- made
            one
            --- new
            kept
            --- gone is gone
            --- old is gone
        "#]],
    );
}

#[test]
fn apply_diff_is_all_or_nothing() {
    let diff = r#"apply_diff {"diff": "--- a/a\n+++ b/a\n@@\n-one\n+ONE\n--- a/b\n+++ b/b\n@@\n-nowhere\n+x\n"}"#;
    check(
        &[("a", "one\n"), ("b", "two\n")],
        diff,
        expect![[r#"
            failed: Nothing was changed.
            b was not changed.
            hunk 1 (`-nowhere`) fits nowhere, and no line of the file is close. Read the file again.
            Mend what is named above and send the whole edit again.
        "#]],
    );
    check(
        &[],
        r#"apply_diff {"diff": "I would change the sign."}"#,
        expect![[r#"
        failed: Nothing was changed: no edit was found in the text: no `@@` hunk, no SEARCH/REPLACE block, no `*** Begin Patch`. Send a unified diff: `--- a/path`, `+++ b/path`, `@@`, then lines that begin with a space (context), `-` or `+`.
    "#]],
    );
}

#[test]
fn apply_diff_keeps_the_encoding() {
    let memory = Memory::default();
    memory.put("latin.txt", b"gr\xFCn und br\xE4unlich\nb\n");
    let calls = r#"
        apply_diff {"diff": "--- a/latin.txt\n+++ b/latin.txt\n@@\n gr\u00fcn und br\u00e4unlich\n-b\n+c\n"}
        apply_diff {"diff": "--- a/latin.txt\n+++ b/latin.txt\n@@\n-c\n+\u2192\n"}
        "#;
    check_on(
        memory,
        calls,
        expect![[r#"
            `latin.txt`: +1 -1 line
                 1 | grün und bräunlich
                 2 | c
            failed: Nothing was changed: the diff has characters that the encoding of `latin.txt` lacks, not UTF-8: shown as windows-1252.
            --- latin.txt
            gr�n und br�unlich
            c
        "#]],
    );
}
