use std::time::Duration;

use agent::{Arguments, Clipped, FinishReason, ToolCall, ToolOutcome};
use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::bounds::ReplyBounds;
use crate::profiles::TextCalls;
use crate::retry::RetryBudget;

fn config(dialect: Dialect) -> ChatConfig {
    ChatConfig {
        model: "devstral-2512".to_owned(),
        temperature: Some(0.15),
        effort: None,
        thoughts: Thoughts::Dropped,
        strict_tools: StrictTools::Sent,
        text_calls: TextCalls::Bare,
        anew_temperature: None,
        session: "0192f0c1".to_owned(),
        dialect,
        retry: RetryBudget { first_wait: Duration::ZERO, ..RetryBudget::default() },
        longest_pause: None,
        reply_bounds: ReplyBounds::WIDE,
        system_role: SystemRole::Own,
        replacement: None,
    }
}

fn tools() -> Vec<ToolSpec> {
    ["read_file", "run_command"]
        .map(|name| ToolSpec {
            name,
            description: "Does it.".to_owned(),
            parameters: json!({"type": "object", "properties": {}}),
        })
        .to_vec()
}

fn system(text: &str) -> Entry {
    Entry::System { text: text.to_owned() }
}

fn user(text: &str) -> Entry {
    Entry::User { text: text.to_owned() }
}

fn reply(text: &str, calls: &[(&str, &str, &str)]) -> Entry {
    let calls = calls.iter().map(|(id, name, arguments)| ToolCall {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        arguments: Arguments::read(arguments),
    });
    Entry::Reply(Reply {
        text: text.to_owned(),
        thinking: "Hm.".to_owned(),
        calls: calls.collect(),
        usage: None,
        finish: FinishReason::Stop,
    })
}

fn outcome(call_id: &str, tool: &str, text: &str) -> Entry {
    let outcome = ToolOutcome::Done(Clipped::new(text));
    Entry::Outcome {
        call_id: call_id.to_owned(),
        tool: tool.to_owned(),
        outcome,
        seen: std::collections::BTreeMap::new(),
    }
}

fn request<'a>(entries: &'a [Entry], tools: &'a [ToolSpec]) -> ChatRequest<'a> {
    ChatRequest { entries, generation: 7, tools, fresh_starts: 0, max_output_tokens: None }
}

fn body(encoder: &mut Encoder, entries: &[Entry], tools: &[ToolSpec]) -> String {
    let body = encoder.body(&config(Dialect::Mistral), &request(entries, tools)).unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

/// The messages, one a line.
#[track_caller]
fn check(entries: &[Entry], expected: Expect) {
    let body: Value = serde_json::from_str(&body(&mut Encoder::default(), entries, &tools())).unwrap();
    let lines = body["messages"].as_array().unwrap().iter().map(|message| format!("{message}\n"));
    expected.assert_eq(&lines.collect::<String>());
}

/// Everything a run may bring.
fn long_story() -> Vec<Entry> {
    vec![
        system("Be short."),
        user("Fix it."),
        reply("Looking.", &[("c00000001", "read_file", r#"{"path": "a"}"#), ("c00000002", "fly", "[broken")]),
        outcome("c00000001", "read_file", "1 a"),
        outcome("c00000002", "fly", "There is no tool `fly`."),
        reply("", &[]),
        user("Go on."),
        user("Please."),
        reply("", &[("c00000003", "run_command", "")]),
        outcome("c00000003", "run_command", " "),
        reply("Done.\u{2028}", &[]),
        system("The history was shortened."),
    ]
}

#[test]
fn each_entry_in_its_place() {
    check(
        &long_story(),
        expect![[r#"
        {"role":"system","content":"Be short."}
        {"role":"user","content":"Fix it."}
        {"role":"assistant","content":"Looking.","tool_calls":[{"id":"c00000001","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"a\"}"}},{"id":"c00000002","type":"function","function":{"name":"read_file","arguments":"{\"invalid_json\":\"[broken\"}"}}]}
        {"role":"tool","tool_call_id":"c00000001","name":"read_file","content":"1 a"}
        {"role":"tool","tool_call_id":"c00000002","name":"read_file","content":"There is no tool `fly`."}
        {"role":"assistant","content":"Understood."}
        {"role":"user","content":"Go on."}
        {"role":"assistant","content":"Understood."}
        {"role":"user","content":"Please."}
        {"role":"assistant","content":"","tool_calls":[{"id":"c00000003","type":"function","function":{"name":"run_command","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"c00000003","name":"run_command","content":"(empty)"}
        {"role":"assistant","content":"Done. "}
        {"role":"user","content":"The history was shortened."}
    "#]],
    );
}

#[test]
fn a_model_without_a_role_for_the_system_is_told_by_the_user() {
    let config = ChatConfig { system_role: SystemRole::User, ..config(Dialect::OpenAiCompatible) };
    let body = Encoder::default().body(&config, &request(&long_story()[..2], &[])).unwrap();
    expect![[r#"[{"role":"user","content":"Be short."},{"role":"assistant","content":"Understood."},{"role":"user","content":"Fix it."}]"#]]
        .assert_eq(&serde_json::from_slice::<Value>(&body).unwrap()["messages"].to_string());
}

#[test]
fn only_a_second_fresh_start_has_another_temperature() {
    let temperature = |fresh_starts| {
        let config = ChatConfig { anew_temperature: Some(0.6), ..config(Dialect::OpenAiCompatible) };
        let request = ChatRequest { fresh_starts, ..request(&[], &[]) };
        let body = Encoder::default().body(&config, &request).unwrap();
        serde_json::from_slice::<serde_json::Value>(&body).unwrap()["temperature"].clone()
    };
    assert_eq!([0, 1, 2, 9].map(temperature), [0.15, 0.15, 0.6, 0.6]);
}

#[test]
fn the_fields_around_the_messages() {
    let shown = |dialect, max_output_tokens| {
        let (entries, tools) = ([user("Hi")], tools());
        let request = ChatRequest { max_output_tokens, ..request(&entries, &tools[..1]) };
        String::from_utf8(Encoder::default().body(&config(dialect), &request).unwrap().to_vec()).unwrap()
    };
    expect![[r#"{"model":"devstral-2512","stream":true,"temperature":0.15,"prompt_cache_key":"0192f0c1","messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"read_file","description":"Does it.","parameters":{"type":"object","properties":{}},"strict":true}}]}"#]].assert_eq(&shown(Dialect::Mistral, None));
    expect![[r#"{"model":"devstral-2512","stream":true,"temperature":0.15,"max_tokens":100,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"read_file","description":"Does it.","parameters":{"type":"object","properties":{}}}}]}"#]].assert_eq(&shown(Dialect::OpenAiCompatible, Some(100)));
}

#[test]
fn a_model_that_thinks_is_sent_its_thoughts_in_the_form_of_the_api() {
    let config = ChatConfig {
        effort: Some(Effort::High),
        thoughts: Thoughts::SentBack,
        strict_tools: StrictTools::NotSent,
        ..config(Dialect::Mistral)
    };
    let (story, tools) = (long_story(), tools());
    let mut encoder = Encoder::default();
    let mut before = String::new();
    for count in 1..=story.len() {
        let now =
            String::from_utf8(encoder.body(&config, &request(&story[..count], &tools)).unwrap().to_vec()).unwrap();
        let messages = now.split_once("],\"tools\":").unwrap().0.to_owned();
        assert!(messages.starts_with(&before), "{messages}\ndoes not go on from\n{before}");
        before = messages;
    }
    let body: Value = serde_json::from_str(&format!("{before}]}}")).unwrap();
    assert_eq!(body["reasoning_effort"], "high");
    let replies = body["messages"].as_array().unwrap().iter().filter(|message| message["content"].is_array());
    let shown: Vec<String> = replies.map(|message| message["content"].to_string()).collect();
    expect![[r#"
        [{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]},{"type":"text","text":"Looking."}]
        [{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}]
        [{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]},{"type":"text","text":"Done. "}]"#]]
    .assert_eq(&shown.join("\n"));
    let tail = encoder.body(&config, &request(&story, &tools)).unwrap();
    assert!(!String::from_utf8_lossy(&tail).contains("strict"));
    // Other servers have no place for thoughts.
    let config = ChatConfig { dialect: Dialect::OpenAiCompatible, ..config };
    let body = Encoder::default().body(&config, &request(&story, &tools)).unwrap();
    assert!(!String::from_utf8_lossy(&body).contains("thinking"));
}

#[test]
fn no_tools_no_field() {
    assert!(!body(&mut Encoder::default(), &[user("Hi")], &[]).contains("tools"));
}

#[test]
fn each_request_is_a_prefix_of_the_next() {
    let (story, tools) = (long_story(), tools());
    let mut encoder = Encoder::default();
    let messages = |body: String| body.split_once("],\"tools\":").unwrap().0.to_owned();
    let mut before = String::new();
    for count in 1..=story.len() {
        let now = messages(body(&mut encoder, &story[..count], &tools));
        assert!(now.starts_with(&before), "{now}\ndoes not go on from\n{before}");
        let at_once = messages(body(&mut Encoder::default(), &story[..count], &tools));
        assert_eq!(now, at_once);
        before = now;
    }
}

#[test]
fn another_history_or_other_tools_start_anew() {
    let (story, tools) = (long_story(), tools());
    let mut encoder = Encoder::default();
    body(&mut encoder, &story, &tools);
    let other = [system("Be long."), user("Break it.")];
    for (entries, tools) in
        [(&other[..], &tools[..]), (&story[..3], &tools[..]), (&story[..], &tools[1..]), (&story[..], &[])]
    {
        let now = body(&mut encoder, entries, tools);
        assert_eq!(now, body(&mut Encoder::default(), entries, tools));
    }
}
