use expect_test::{Expect, expect};

use super::*;
use crate::reply::Style;

fn check(reply: Reply, expected: Expect) {
    let stamp = Stamp { model: "m", number: 0, first_call: 0, request_bytes: 400 };
    let prefix = r#"{"id":"00000000000000000000000000000001","object":"chat.completion.chunk","created":1764000000,"model":"m","#;
    let events: Vec<u8> = events(&reply, &stamp).concat();
    expected.assert_eq(
        &String::from_utf8(events)
            .unwrap()
            .replace(prefix, "{..")
            .replace("\r\n", "<crlf>\n")
            .replace("\u{2028}", "<2028>"),
    );
}

fn check_object(reply: Reply, expected: Expect) {
    let stamp = Stamp { model: "m", number: 0, first_call: 0, request_bytes: 400 };
    expected.assert_eq(std::str::from_utf8(&object(&reply, &stamp)).unwrap());
}

#[test]
fn text_goes_in_pieces_and_the_last_one_shares_its_chunk() {
    check(
        Reply::text("Let me look at it."),
        expect![[r#"
        data: {.."choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"content":"Let me look at i"},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"content":"t."},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"total_tokens":105,"completion_tokens":5}}

        data: [DONE]

    "#]],
    );
}

#[test]
fn an_empty_reply_has_an_empty_last_delta() {
    check(
        Reply { usage: Usage::Missing, ..Reply::default() },
        expect![[r#"
        data: {.."choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}]}

        data: [DONE]

    "#]],
    );
}

#[test]
fn calls_are_whole_in_one_delta() {
    check(
        Reply::call("a", "{}").and_call("b", "{\"x\": 1}"),
        expect![[r#"
        data: {.."choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"id":"vzzblz6dk","type":"function","function":{"name":"a","arguments":"{}"},"index":0},{"id":"qzzn64bip","type":"function","function":{"name":"b","arguments":"{\"x\": 1}"},"index":1}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":100,"total_tokens":104,"completion_tokens":4}}

        data: [DONE]

    "#]],
    );
}

#[test]
fn fragments_carry_the_id_only_once() {
    let fragments = |continuation| Style {
        calls: Calls::Fragments { piece_bytes: 4, continuation },
        finish_chunk: FinishChunk::Own,
        null_usage_before: true,
        ..Style::default()
    };
    check(
        Reply { style: fragments(Continuation::NullText), ..Reply::call("a", "{\"é\": 1}") },
        expect![[r#"
        data: {.."choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"id":"vzzblz6dk","type":"function","function":{"name":"a","arguments":""},"index":0}]},"finish_reason":null}],"usage":null}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"id":"null","function":{"name":"","arguments":"{\"é"},"index":0}]},"finish_reason":null}],"usage":null}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"id":"null","function":{"name":"","arguments":"\": 1"},"index":0}]},"finish_reason":null}],"usage":null}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"id":"null","function":{"name":"","arguments":"}"},"index":0}]},"finish_reason":null}],"usage":null}

        data: {.."choices":[{"index":0,"delta":{"content":""},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":100,"total_tokens":103,"completion_tokens":3}}

        data: [DONE]

    "#]],
    );
    check(
        Reply { style: fragments(Continuation::Missing), ..Reply::call("a", "{}") },
        expect![[r#"
        data: {.."choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"id":"vzzblz6dk","type":"function","function":{"name":"a","arguments":""},"index":0}]},"finish_reason":null}],"usage":null}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"","arguments":"{}"},"index":0}]},"finish_reason":null}],"usage":null}

        data: {.."choices":[{"index":0,"delta":{"content":""},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":100,"total_tokens":101,"completion_tokens":1}}

        data: [DONE]

    "#]],
    );
}

#[test]
fn ids_of_every_kind() {
    let mut reply = Reply::default();
    for id in [CallId::Given("Ab3dE6gH9".into()), CallId::Missing, CallId::NullText, CallId::OpenAi] {
        reply.calls.push(Call { id, name: "a".into(), arguments: "{broken".into() });
    }
    reply.style.calls = Calls::OneEach;
    check(
        reply,
        expect![[r#"
        data: {.."choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"id":"Ab3dE6gH9","type":"function","function":{"name":"a","arguments":"{broken"},"index":0}]},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"type":"function","function":{"name":"a","arguments":"{broken"},"index":1}]},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"id":"null","type":"function","function":{"name":"a","arguments":"{broken"},"index":2}]},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"tool_calls":[{"id":"call_gzzbdelsz6dkry5cjqx4bipw","type":"function","function":{"name":"a","arguments":"{broken"},"index":3}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":100,"total_tokens":109,"completion_tokens":9}}

        data: [DONE]

    "#]],
    );
}

#[test]
fn thinking_ends_in_the_delta_that_starts_the_text() {
    let reply = Reply { thinking: "I must think a little.".into(), ..Reply::text("Yes, so it is, truly.") };
    check(
        reply,
        expect![[r#"
        data: {.."choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"I must think a l"}]}]},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"ittle."}]},{"type":"text","text":"Yes, so it is, t"}]},"finish_reason":null}]}

        data: {.."choices":[{"index":0,"delta":{"content":"ruly."},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"total_tokens":111,"completion_tokens":11}}

        data: [DONE]

    "#]],
    );
}

#[test]
fn chunks_padding_crlf_and_cached_tokens() {
    let style = Style { content: Content::Chunks, padding: true, separator: Separator::CrLf, ..Style::default() };
    let usage = Usage::Given { prompt: 100, completion: 5, cached: Some(64) };
    check(
        Reply { style, usage, finish_reason: Some("length".into()), ..Reply::text("one\u{2028}two") },
        expect![[r#"
            data: {.."choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}<crlf>
            <crlf>
            data: {.."choices":[{"index":0,"delta":{"content":[{"type":"text","text":"one<2028>two"}]},"finish_reason":"length"}],"usage":{"prompt_tokens":100,"total_tokens":105,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":64}},"p":"abcdefgh"}<crlf>
            <crlf>
            data: [DONE]<crlf>
            <crlf>
        "#]],
    );
}

#[test]
fn one_object_when_no_stream_is_asked_for() {
    check_object(
        Reply::call("a", "{}"),
        expect![[
            r#"{"id":"00000000000000000000000000000001","object":"chat.completion","created":1764000000,"model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","tool_calls":[{"id":"vzzblz6dk","type":"function","function":{"name":"a","arguments":"{}"},"index":0}],"content":""}}],"usage":{"prompt_tokens":100,"total_tokens":101,"completion_tokens":1}}"#
        ]],
    );
    check_object(
        Reply { thinking: "hm".into(), ..Reply::text("ok") },
        expect![[
            r#"{"id":"00000000000000000000000000000001","object":"chat.completion","created":1764000000,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","tool_calls":null,"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"ok"}]}}],"usage":{"prompt_tokens":100,"total_tokens":102,"completion_tokens":2}}"#
        ]],
    );
}

#[test]
fn made_ids_do_not_repeat() {
    let ids: std::collections::HashSet<String> = (0..100_000).map(|number| made_id(number, 9)).collect();
    assert_eq!(ids.len(), 100_000);
    assert!(ids.iter().all(|id| id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())));
}
