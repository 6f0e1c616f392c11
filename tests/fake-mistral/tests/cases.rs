//! The check against the contract's own cases, and against one table of refusals with their status, code and words.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "the helpers of a test are tests too"
)]

use std::path::{Path, PathBuf};

use fake_mistral::{ApiError, check, default_models};
use serde_json::{Value, json};

fn contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contract")
}

/// Chat bodies of a file of the contract, each with its case's name; `None` where the contract is not checked out.
fn chat_cases(file: &str) -> Option<Vec<(String, Value)>> {
    let Ok(text) = std::fs::read_to_string(contract().join(file)) else {
        eprintln!("skipped: no {} beside the repository", contract().join(file).display());
        return None;
    };
    let case = |line: &str| {
        let mut body: Value = serde_json::from_str(line).unwrap();
        let name = body.as_object_mut().unwrap().shift_remove("_case").unwrap();
        (name.as_str().unwrap().to_owned(), body)
    };
    Some(text.lines().map(case).filter(|(_, body)| body.get("messages").is_some()).collect())
}

#[test]
fn every_valid_case_of_the_contract_is_accepted() {
    let Some(cases) = chat_cases("cases_valid.jsonl") else { return };
    assert_eq!(cases.len(), 10);
    for (name, body) in cases {
        assert_eq!(check(&body, &default_models()), Ok(()), "{name}");
    }
}

#[test]
fn every_invalid_case_of_the_contract_is_refused() {
    let Some(cases) = chat_cases("cases_invalid.jsonl") else { return };
    assert_eq!(cases.len(), 54);
    // No exceptions: the one case about tokens has a max_tokens as large as the context, which needs no tokenizer.
    let accepted: Vec<String> =
        cases.into_iter().filter(|(_, body)| check(body, &default_models()).is_ok()).map(|(name, _)| name).collect();
    assert_eq!(accepted, Vec::<String>::new());
}

/// Applies `edit` to a valid request and returns the refusal.
fn refused(edit: impl FnOnce(&mut Value)) -> ApiError {
    let call = |id| json!({"id": id, "type": "function", "function": {"name": "read_file", "arguments": "{}"}});
    let mut body = json!({
        "model": "devstral-medium-latest", "stream": true, "temperature": 0.15, "prompt_cache_key": "s",
        "messages": [
            {"role": "system", "content": "You are Devstral."},
            {"role": "user", "content": "Fix it"},
            {"role": "assistant", "content": "", "tool_calls": [call("Ab3dE6gH9"), call("Zz9Yy8Xx7")]},
            {"role": "tool", "tool_call_id": "Zz9Yy8Xx7", "name": "read_file", "content": "2"},
            {"role": "tool", "tool_call_id": "Ab3dE6gH9", "name": "read_file", "content": "1"},
        ],
        "tools": [{"type": "function", "function": {"name": "read_file", "description": "d", "strict": true,
            "parameters": {"type": "object", "properties": {"path": {"type": ["string", "null"]}}, "required": ["path"]}}}],
    });
    assert_eq!(check(&body, &default_models()), Ok(()));
    edit(&mut body);
    check(&body, &default_models()).expect_err("this edit should be refused")
}

#[test]
fn unknown_and_missing_fields_are_named_where_they_stand() {
    type Edit = fn(&mut Value);
    let cases: [(Edit, Value, &str); 9] = [
        (|b| b["seed"] = json!(1), json!(["body", "seed"]), "extra_forbidden"),
        (
            |b| b["messages"][1]["name"] = json!("bob"),
            json!(["body", "messages", 1, "user", "name"]),
            "extra_forbidden",
        ),
        (
            |b| b["messages"][2]["tool_calls"][1]["x"] = json!(1),
            json!(["body", "messages", 2, "assistant", "tool_calls", 1, "x"]),
            "extra_forbidden",
        ),
        (
            |b| b["tools"][0]["function"]["x"] = json!(1),
            json!(["body", "tools", 0, "function", "function", "x"]),
            "extra_forbidden",
        ),
        (
            |b| b["messages"][1]["content"] = json!([{"type": "text", "text": "a", "cache_control": {}}]),
            json!(["body", "messages", 1, "user", "content", 0, "text", "cache_control"]),
            "extra_forbidden",
        ),
        (|b| b["messages"][0]["role"] = json!("developer"), json!(["body", "messages", 0]), "union_tag_invalid"),
        (|b| b["messages"][1] = json!({"role": "user"}), json!(["body", "messages", 1, "user", "content"]), "missing"),
        (|b| b["stream"] = json!("yes"), json!(["body", "stream"]), "bool_type"),
        (|b| *b = json!([1]), json!(["body"]), "model_attributes_type"),
    ];
    for (edit, loc, problem) in cases {
        let error = refused(edit);
        let detail = &error.body["message"]["detail"][0];
        assert_eq!((error.status, &detail["loc"], detail["type"].as_str()), (422, &loc, Some(problem)), "{detail}");
    }
}

#[test]
fn the_real_body_of_an_unknown_field() {
    assert_eq!(
        refused(|body| body["max_completion_tokens"] = json!(8192)).body.to_string(),
        concat!(
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"#,
            r#""msg":"Extra inputs are not permitted","input":8192}]},"type":"invalid_request_error","param":null,"#,
            r#""code":null,"raw_status_code":422}"#
        )
    );
}

#[test]
fn order_ids_and_models_are_refused_in_the_real_words() {
    type Edit = fn(&mut Value);
    let cases: [(Edit, u16, Value, &str); 13] = [
        (|b| b["model"] = json!("gpt-9"), 400, json!("1500"), "Invalid model: gpt-9"),
        (|b| b["model"] = json!("devstral-small-2505"), 404, json!(null), "Not Found"),
        (|b| b["messages"] = json!([]), 400, json!("3230"), "Conversation must have at least one message"),
        (
            |b| b["messages"].as_array_mut().unwrap().push(json!({"role": "user", "content": "and?"})),
            400,
            json!("3230"),
            "Unexpected role 'user' after role 'tool'",
        ),
        (
            |b| b["messages"].as_array_mut().unwrap().push(json!({"role": "assistant", "content": "ok"})),
            400,
            json!("3230"),
            "Expected last role User or Tool (or Assistant with prefix) for serving but got assistant",
        ),
        (
            |b| b["messages"].as_array_mut().unwrap().truncate(4),
            400,
            json!("3230"),
            "Not the same number of function calls and responses",
        ),
        (
            |b| b["messages"][3]["tool_call_id"] = json!("QQQQQQQQQ"),
            400,
            json!("3230"),
            "Unexpected tool call id QQQQQQQQQ in tool results",
        ),
        (
            |b| b["messages"][3]["tool_call_id"] = json!("Ab3dE6gH9"),
            400,
            json!("3230"),
            "Duplicate tool call id Ab3dE6gH9 in tool results",
        ),
        (
            |b| b["messages"][2]["tool_calls"][1]["id"] = json!("Ab3dE6gH9"),
            400,
            json!("3280"),
            "Duplicate tool call id Ab3dE6gH9 in assistant message",
        ),
        (
            |b| b["messages"][2]["tool_calls"][0]["id"] = json!("call_1"),
            400,
            json!("3280"),
            "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.",
        ),
        (
            |b| b["messages"][2]["tool_calls"][0]["id"] = json!("null"),
            400,
            json!("3280"),
            "Tool call id has to be defined in serving mode.",
        ),
        (
            |b| b["messages"][2] = json!({"role": "assistant", "content": ""}),
            400,
            json!(null),
            "Assistant message must have either content or tool_calls, but not none.",
        ),
        (
            |b| b["tools"][0]["function"]["parameters"]["properties"]["path"]["type"] = json!("strng"),
            400,
            json!("3280"),
            "Invalid tool schema: #/properties/path/type is \"strng\", which is not a type or a list of types",
        ),
    ];
    for (edit, status, code, message) in cases {
        let error = refused(edit);
        assert_eq!((error.status, &error.body["code"], error.message().as_str()), (status, &code, message));
    }
}

#[test]
fn a_prompt_far_beyond_the_context_is_refused() {
    let error = refused(|body| body["messages"][1]["content"] = json!("word ".repeat(300_000)));
    assert_eq!(error.status, 400);
    assert!(error.message().ends_with("tokens, too large for model with 262144 maximum context length"));
}

#[test]
fn reasoning_is_for_the_models_that_reason() {
    let ask = |model: &str, effort: &str| {
        let thought = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]);
        let body = json!({
            "model": model, "reasoning_effort": effort,
            "messages": [
                {"role": "user", "content": "hi"}, {"role": "assistant", "content": thought},
                {"role": "user", "content": "and?"},
            ],
        });
        check(&body, &default_models()).map_err(|error| error.message())
    };
    let refused = |why: &str| Err(format!("reasoning_effort {why}"));
    for model in ["mistral-medium-3-5", "mistral-small-2603"] {
        assert_eq!(ask(model, "high"), Ok(()));
        assert_eq!(ask(model, "none"), Ok(()));
        assert_eq!(ask(model, "low"), refused("low is not supported for this model"));
    }
    assert_eq!(ask("mistral-large-4-0", "medium"), Ok(()));
    assert_eq!(ask("mistral-large-4-0", "none"), refused("none is not supported for this model"));
    for model in ["devstral-2512", "codestral-2508"] {
        assert_eq!(ask(model, "high"), refused("is not supported for this model"));
    }
}
