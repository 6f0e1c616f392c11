use expect_test::{Expect, expect};

use super::*;

fn at_most(most: usize) -> Fragments {
    Fragments::new(most, ["run_command", "run_tests", "one", "two"].map(str::to_owned).to_vec())
}

#[track_caller]
fn check(fragments: &str, expected: Expect) {
    let mut joined = at_most(32);
    for line in fragments.lines().filter(|line| !line.trim().is_empty()) {
        joined.add(&serde_json::from_str(line).unwrap());
    }
    let shown: Vec<String> = joined.join().iter().map(|call| format!("{} {}\n", call.name, call.arguments)).collect();
    expected.assert_eq(&shown.concat());
}

#[test]
fn pieces_by_index_with_null_ids() {
    check(
        r#"
{"index":0,"id":"WcG8xhSs1","function":{"name":"read_file","arguments":""}}
{"index":0,"function":{"name":"","arguments":"{\"path\": "}}
{"index":0,"id":"null","function":{"name":"","arguments":"\"a.py\"}"}}
"#,
        expect![[r#"
            read_file {"path": "a.py"}
        "#]],
    );
}

#[test]
fn interleaved_indexes() {
    check(
        r#"
{"index":0,"id":"a","function":{"name":"one","arguments":"{"}}
{"index":1,"id":"b","function":{"name":"two","arguments":"{"}}
{"index":0,"function":{"arguments":"}"}}
{"index":1,"function":{"arguments":"\"x\":1}"}}
"#,
        expect![[r#"
            one {}
            two {"x":1}
        "#]],
    );
}

#[test]
fn another_id_on_each_piece() {
    check(
        r#"
{"index":0,"id":"a0","function":{"name":"one","arguments":""}}
{"index":0,"id":"a1","function":{"arguments":"{\"x\":"}}
{"index":0,"id":"a2","function":{"name":null,"arguments":"1}"}}
{"index":"1","id":"b","function":{"name":"two","arguments":"{"}}
{"index":"1","id":"c","function":{"arguments":"}"}}
"#,
        expect![[r#"
            one {"x":1}
            two {}
        "#]],
    );
}

#[test]
fn a_name_in_two_pieces() {
    check(
        r#"
{"index":0,"id":"a","function":{"name":"run_","arguments":""}}
{"index":0,"function":{"name":"command","arguments":"{}"}}
{"index":1,"id":"b","function":{"name":"run_te","arguments":""}}
{"index":1,"id":"c","function":{"name":"sts","arguments":"{}"}}
{"index":2,"function":{"name":"one","arguments":""}}
{"index":2,"function":{"name":"two","arguments":"{}"}}
"#,
        expect![[r#"
            run_command {}
            run_tests {}
            one 
            two {}
        "#]],
    );
}

#[test]
fn marks_of_gpt_oss_are_no_part_of_a_name() {
    check(
        r#"
{"index":0,"function":{"name":"run_command<|channel|>commentary","arguments":"{}"}}
{"index":1,"function":{"name":"functions.run_command","arguments":"{}"}}
{"index":2,"function":{"name":"functions.fly","arguments":"{}"}}
"#,
        expect![[r#"
            run_command {}
            run_command {}
            functions.fly {}
        "#]],
    );
}

#[test]
fn index_always_zero_with_other_ids() {
    check(
        r#"
{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}}
{"index":0,"id":"b","function":{"name":"one","arguments":"{}"}}
"#,
        expect![[r#"
            one {}
            one {}
        "#]],
    );
}

#[test]
fn index_always_zero_without_ids() {
    check(
        r#"
{"index":0,"id":null,"function":{"name":"one","arguments":"{\"x\":"}}
{"index":0,"id":null,"function":{"name":null,"arguments":"1}"}}
{"index":0,"id":null,"function":{"name":"two","arguments":"{}"}}
"#,
        expect![[r#"
            one {"x":1}
            two {}
        "#]],
    );
}

#[test]
fn no_index_at_all() {
    check(
        r#"
{"id":"a","function":{"name":"one","arguments":"{\"x\":"}}
{"function":{"arguments":"1}"}}
{"id":"a","function":{"name":"two","arguments":{"y":[2]}}}
{"function":{"name":"three"}}
"#,
        expect![[r#"
            one {"x":1}
            two {"y":[2]}
            three 
        "#]],
    );
}

#[test]
fn name_and_id_on_every_piece() {
    check(
        r#"
{"index":0,"id":"a","function":{"name":"one","arguments":""}}
{"index":0,"id":"a","function":{"name":"one","arguments":"{\"x\""}}
{"index":0,"id":"a","function":{"name":"one","arguments":":1}"}}
"#,
        expect![[r#"
            one {"x":1}
        "#]],
    );
}

#[test]
fn separator_left_in_the_name() {
    check(
        r#"{"index":0,"function":{"name":"read_file[ARGS]{\"path\":\"a\"}","arguments":""}}"#,
        expect![[r#"
            read_file {"path":"a"}
        "#]],
    );
}

#[track_caller]
fn check_circle(names: &str, expected: Option<&str>) {
    let mut joined = at_most(32);
    for (index, name) in names.split(' ').enumerate() {
        joined.add(&serde_json::json!({"index": index, "function": {"name": name, "arguments": "{}"}}));
        if joined.cut_circle() {
            let kept: Vec<String> = joined.join().into_iter().map(|call| call.name).collect();
            assert_eq!(Some(kept.join(" ").as_str()), expected, "{names}");
            return;
        }
    }
    assert_eq!(None, expected, "{names}");
}

#[test]
fn calls_in_a_circle_end_where_they_begin_again() {
    check_circle("read edit read edit read", Some("read edit"));
    check_circle("list read edit read edit read", Some("list read edit"));
    check_circle("a b c a b c a", Some("a b c"));
    check_circle("a a a a", Some("a a"));
    // Work looks like this: a test before and after, a call said twice, each pair of its own.
    check_circle("test edit test", None);
    check_circle("a a b", None);
    check_circle("read one read two", None);
    check_circle("read one read two read three", Some("read one read two"));
    let many: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    check_circle(&many.join(" "), Some(&many[..32].join(" ")));
}

#[test]
fn a_model_that_gets_carried_away_is_heard_one_call_at_a_time() {
    let mut joined = at_most(1);
    joined.add(&serde_json::json!({"index": 0, "function": {"name": "one", "arguments": "{"}}));
    assert!(!joined.cut_circle());
    joined.add(&serde_json::json!({"index": 0, "function": {"arguments": "}"}}));
    assert!(!joined.cut_circle());
    joined.add(&serde_json::json!({"index": 1, "function": {"name": "two", "arguments": "{}"}}));
    assert!(joined.cut_circle());
    assert_eq!(joined.join().len(), 1);
}

#[test]
fn empty_object_first() {
    check(
        r#"
{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}}
{"index":0,"function":{"arguments":"{\"x\":1}"}}
"#,
        expect![[r#"
            one {"x":1}
        "#]],
    );
}
