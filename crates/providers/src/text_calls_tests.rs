use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(text: &str, expected: Expect) {
    check_in(TextCalls::Fenced, text, expected);
}

#[track_caller]
fn check_in(form: TextCalls, text: &str, expected: Expect) {
    let names = ["create_file", "read_file", "run_command"].map(str::to_owned);
    expected.assert_eq(&match split(text, &Place::default(), &names, form) {
        None => "not a call".to_owned(),
        Some(split) => {
            let calls = split.calls.iter().map(|call| format!("{} {}\n", call.name, call.arguments));
            format!("{:?}\n{}", split.text, calls.collect::<String>())
        }
    });
}

#[test]
fn devstral_without_a_parser() {
    check(
        r#"I'll look first.[TOOL_CALLS]read_file[ARGS]{"filename": "a.py"}"#,
        expect![[r#"
            "I'll look first."
            read_file {"filename": "a.py"}
        "#]],
    );
    check(
        "[TOOL_CALLS]read_file[CALL_ID]abcDEF123[ARGS]{\"filename\": \"a\"}[TOOL_CALLS]run_command[ARGS]{\"command\": \"ls\"}</s>",
        expect![[r#"
            ""
            read_file {"filename": "a"}
            run_command {"command": "ls"}
        "#]],
    );
    check(
        r#"[TOOL_CALLS] [{"name": "read_file", "arguments": {"filename": "a"}}, {"name": "nonsense", "arguments": {}, "id": "1"}]"#,
        expect![[r#"
            ""
            read_file {"filename": "a"}
            nonsense {}
        "#]],
    );
}

#[test]
fn markers_dropped_by_the_server() {
    check(
        "Let me see.\nread_file{\"filename\": \"a\"}",
        expect![[r#"
            "Let me see."
            read_file {"filename": "a"}
        "#]],
    );
    check(
        "read_file[ARGS]{\"filename\": \"a\"}",
        expect![[r#"
        ""
        read_file {"filename": "a"}
    "#]],
    );
}

#[test]
fn qwen_with_llama_cpp() {
    check(
        "Sure, here it is:\n```json\n{\n  \"name\": \"create_file\",\n  \"arguments\": {\n    \"filename\": \"test.py\",\n    \"content\": \"a\\nb\"\n  }\n}\n```\n",
        expect![[r#"
            "Sure, here it is:"
            create_file {
                "filename": "test.py",
                "content": "a\nb"
              }
        "#]],
    );
    check(
        "```json\n{\"name\": \"read_file\", \"arguments\": {\"filename\": \"a\"}}",
        expect![[r#"
        ""
        read_file {"filename": "a"}
    "#]],
    );
    check(
        "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"filename\": \"a\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"run_command\", \"arguments\": {}}\n</tool_call>",
        expect![[r#"
        ""
        read_file {"filename": "a"}
        run_command {}
    "#]],
    );
    check(
        "<tools>\n{\"name\": \"read_file\", \"arguments\": {\"filename\": \"a\"}}\n</tools>",
        expect![[r#"
        ""
        read_file {"filename": "a"}
    "#]],
    );
    check(
        "```xml\n<tool_call>\n{\"name\": \"read_file\", \"arguments\": {}}\n</tool_call>\n```",
        expect![[r#"
        ""
        read_file {}
    "#]],
    );
}

#[test]
fn qwen3_coder() {
    check(
        "I see.\n<tool_call>\n<function=read_file>\n<parameter=filename>\na\n</parameter>\n</function>\n</tool_call>",
        expect![[r#"
            "I see."
            read_file {"filename":"a"}
        "#]],
    );
    check(
        "<function=read_file>\n<parameter=filename>a</parameter>\n</function>\n</tool_call>\n<function=run_command>\n</function>",
        expect![[r#"
            ""
            read_file {"filename":"a"}
            run_command {}
        "#]],
    );
}

#[test]
fn bare_objects() {
    check(
        r#"{"name": "read_file", "parameters": {"filename": "a"}}"#,
        expect![[r#"
        ""
        read_file {"filename": "a"}
    "#]],
    );
    check(
        "[{\"name\": \"read_file\", \"arguments\": {}},\n {\"name\": \"run_command\", \"arguments\": {\"command\": \"ls\"}}]",
        expect![[r#"
        ""
        read_file {}
        run_command {"command": "ls"}
    "#]],
    );
    check(
        "{\"name\": \"read_file\", \"arguments\": {}}\n{\"name\": \"run_command\", \"arguments\": {}}",
        expect![[r#"
        ""
        read_file {}
        run_command {}
    "#]],
    );
    check(
        r#"{"type": "function", "function": {"name": "read_file", "arguments": "{\"filename\": \"a\"}"}}"#,
        expect![[r#"
        ""
        read_file {"filename": "a"}
    "#]],
    );
}

#[test]
fn raw_line_breaks_in_strings_are_left_to_the_arguments() {
    check(
        "{\"name\": \"create_file\", \"arguments\": {\"content\": \"a\nb\"}}",
        expect![[r#"
        ""
        create_file {"content": "a
        b"}
    "#]],
    );
}

#[test]
fn only_the_last_of_several_blocks_with_words_between() {
    check(
        "First:\n```json\n{\"name\": \"read_file\", \"arguments\": {}}\n```\nThen:\n```json\n{\"name\": \"run_command\", \"arguments\": {}}\n```",
        expect![[r#"
            "First:\n```json\n{\"name\": \"read_file\", \"arguments\": {}}\n```\nThen:"
            run_command {}
        "#]],
    );
}

#[test]
fn json_for_the_human_is_not_run() {
    for text in [
        // No tool of that name.
        "```json\n{\"name\": \"left-pad\", \"arguments\": {}}\n```",
        // Other keys.
        "```json\n{\"name\": \"read_file\", \"version\": \"1.0.0\", \"arguments\": {}}\n```",
        "{\"name\": \"read_file\"}",
        "{\"name\": \"read_file\", \"arguments\": [1]}",
        // The reply goes on.
        "The agent sends\n```json\n{\"name\": \"read_file\", \"arguments\": {}}\n```\nto call a tool.",
        // Within a sentence.
        "It sends {\"name\": \"read_file\", \"arguments\": {}}",
        "It sends read_file{\"filename\": \"a\"}",
        // Quoted.
        "Devstral writes\n```text\n[TOOL_CALLS]read_file[ARGS]{\"filename\": \"a\"}\n```",
        "Qwen writes `<tool_call>{\"name\": \"read_file\", \"arguments\": {}}</tool_call>`.",
        // Another language.
        "```python\n{\"name\": \"read_file\", \"arguments\": {}}\n```",
        // Something else in the block.
        "```json\n// a call\n{\"name\": \"read_file\", \"arguments\": {}}\n```",
        // Not whole.
        "[TOOL_CALLS]read_file[ARGS]{\"filename\": \"a",
        "<tool_call>\n{\"name\": \"read_file\", \"argum",
        "The marker [TOOL_CALLS] opens a call.",
        "",
    ] {
        check(text, expect!["not a call"]);
    }
}

#[test]
fn what_markdown_quotes_is_not_run() {
    let call = "<tool_call>{\"name\": \"read_file\", \"arguments\": {}}</tool_call>";
    for text in [
        format!("To do it you would send {call}"),
        format!("You could send {call} or not."),
        format!("> {call}"),
        format!("The form:\n\n    {call}"),
        format!("The form:\n~~~\n{call}\n~~~"),
        format!("| form |\n| --- |\n| {call} |\n| x | {call}"),
        format!("<pre>\n{call}\n</pre>"),
        format!("<pre>\n{call}"),
        format!("- {call}"),
        format!("`{call}`"),
        format!("````\n```\n{call}"),
        "> {\"name\": \"read_file\", \"arguments\": {}}".to_owned(),
        "    read_file{\"filename\": \"a\"}".to_owned(),
    ] {
        check(&text, expect!["not a call"]);
        check_in(TextCalls::Bare, &text, expect!["not a call"]);
    }
    // A fence is a quotation too, except of models that call so.
    for text in
        [format!("So:\n```\n{call}\n```"), "```json\n{\"name\": \"read_file\", \"arguments\": {}}\n```".to_owned()]
    {
        check_in(TextCalls::Bare, &text, expect!["not a call"]);
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let wrapped = "{\"function\": ".repeat(100_000) + "{}" + &"}".repeat(100_000);
    check(&wrapped, expect!["not a call"]);
    check(&"</s>".repeat(200_000), expect!["not a call"]);
    check(&"{\n[".repeat(200_000), expect!["not a call"]);
    check(&"[TOOL_CALLS]read_file{".repeat(100_000), expect!["not a call"]);
}
