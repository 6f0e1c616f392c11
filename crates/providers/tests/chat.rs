//! The chat client against a server that speaks real HTTP on loopback.

#![cfg(test)]

use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use agent::{ChatClient, ChatEvent, ChatRequest, Entry, Thoughts, ToolSpec};
use expect_test::{Expect, expect};
use fake_mistral::{FakeMistral, Fault, FaultBody, Raw, Script, Turn};
use futures_util::StreamExt;
use providers::{
    ChatCompletions, ChatConfig, Dialect, ReplyBounds, RetryBudget, Server, ServerConfig, StrictTools, SystemRole,
    TextCalls,
};
use serde_json::json;

const KEY: &str = "planted-key-4711";

fn client(base_url: String) -> ChatCompletions {
    with(base_url, Duration::from_millis(400), |_| ())
}

fn with(base_url: String, idle_timeout: Duration, change: impl FnOnce(&mut ChatConfig)) -> ChatCompletions {
    let server = Server::new(ServerConfig {
        base_url,
        api_key: Some(KEY.to_owned().into()),
        idle_timeout,
        ..ServerConfig::default()
    });
    let retry = RetryBudget { attempts: 4, first_wait: Duration::from_millis(1), ..RetryBudget::default() };
    let mut config = ChatConfig {
        model: "devstral-2512".to_owned(),
        temperature: Some(0.15),
        effort: None,
        thoughts: Thoughts::Dropped,
        strict_tools: StrictTools::Sent,
        text_calls: TextCalls::Bare,
        anew_temperature: None,
        session: "0192f0c1-7a3b-7000-8000-000000000001".to_owned(),
        dialect: Dialect::Mistral,
        retry,
        longest_pause: None,
        reply_bounds: ReplyBounds::WIDE,
        system_role: SystemRole::Own,
        replacement: Some("mistral-medium-3-5".to_owned()),
    };
    change(&mut config);
    ChatCompletions::new(Rc::new(server.unwrap()), config)
}

fn tools() -> Vec<ToolSpec> {
    let parameters = json!({"type": "object", "properties": {"filename": {"type": "string"}}, "required": ["filename"], "additionalProperties": false});
    vec![ToolSpec { name: "read_file", description: "Reads a file.".to_owned(), parameters }]
}

fn opening() -> Vec<Entry> {
    vec![Entry::System { text: "Be short.".to_owned() }, Entry::User { text: "Fix calc.py".to_owned() }]
}

/// The events of one request, one a line.
async fn ask(client: &ChatCompletions, entries: &[Entry]) -> String {
    let tools = tools();
    let request = ChatRequest { entries, generation: 0, tools: &tools, fresh_starts: 0, max_output_tokens: None };
    let mut stream = client.send(request);
    let mut shown = String::new();
    while let Some(event) = stream.next().await {
        match event {
            // Signs of life, as many as there were pieces.
            Ok(ChatEvent::Writing { .. }) => Ok(()),
            Ok(ChatEvent::Retrying { attempt, why, .. }) => writeln!(shown, "Retrying {attempt}: {why}"),
            Ok(event) => writeln!(shown, "{event:?}"),
            Err(error) => {
                writeln!(
                    shown,
                    "{:?}: {}\nhint: {}",
                    error.kind,
                    error.message,
                    error.hint.as_deref().unwrap_or("none")
                )
            }
        }
        .unwrap();
    }
    assert!(!shown.contains(KEY), "the key stands in:\n{shown}");
    shown
}

#[track_caller]
fn check(script: Script, expected: Expect) {
    let shown = on_a_runtime(async {
        let server = FakeMistral::start(script).await.unwrap();
        let shown = ask(&client(server.base_url()), &opening()).await;
        shown.replace(&server.address().to_string(), "SERVER")
    });
    expected.assert_eq(&shown);
}

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn script(text: &str) -> Script {
    Script::parse(text).unwrap()
}

#[test]
fn a_reply_comes_as_it_is_written() {
    check(
        script("~ Hm.\nLet me look.\n> read_file {\"filename\": \"calc.py\"}\n% usage=900/20/64 piece=7"),
        expect![[r#"
        Thinking("Hm.")
        Text("Let me")
        Text(" look.")
        Call(RawCall { name: "read_file", arguments: "{\"filename\": \"calc.py\"}" })
        Usage(Usage { input: 900, cached: 64, output: 20 })
        Finish(Stop)
    "#]],
    );
}

#[test]
fn calls_in_pieces_and_bytes() {
    check(
        script(
            "> read_file {\"filename\": \"é.py\"}\n> read_file {\"filename\": \"b\"}\n% calls=fragments-null:3 bytes=1 crlf padding own-finish usage=1/1",
        ),
        expect![[r#"
        Call(RawCall { name: "read_file", arguments: "{\"filename\": \"é.py\"}" })
        Call(RawCall { name: "read_file", arguments: "{\"filename\": \"b\"}" })
        Usage(Usage { input: 1, cached: 0, output: 1 })
        Finish(Stop)
    "#]],
    );
}

#[test]
fn a_whole_answer_to_a_stream_request() {
    check(
        script("Done.\n% json usage=5/1"),
        expect![[r#"
        Text("Done.")
        Usage(Usage { input: 5, cached: 0, output: 1 })
        Finish(Stop)
    "#]],
    );
}

#[test]
fn a_call_written_as_text() {
    check(
        script("I will look.\n\n[TOOL_CALLS]read_file[ARGS]{\"filename\": \"calc.py\"}\n% usage=none piece=3"),
        expect![[r#"
        Text("I w")
        Text("ill")
        Text(" lo")
        Text("ok.")
        Call(RawCall { name: "read_file", arguments: "{\"filename\": \"calc.py\"}" })
        Finish(Stop)
    "#]],
    );
}

#[test]
fn passing_trouble_is_tried_again() {
    check(
        script("! 429 retry-after=0\n---\n! 503 body=html\n---\n! 504\n---\nDone.\n% usage=none"),
        expect![[r#"
        Retrying 1: the server returned 429: Rate limit exceeded
        Retrying 2: the server returned 503: an HTML page titled `503 Service Unavailable`
        Retrying 3: the server returned 504: no reason given
        Text("Done.")
        Finish(Stop)
    "#]],
    );
    check(
        script("! reset\n---\nLet me\n% cut=1\n---\nLet me look.\n% truncated=1\n---\nDone.\n% usage=none"),
        expect![[r#"
        Retrying 1: the connection was lost: Connection reset by peer (os error 104)
        Retrying 2: the connection was lost: unexpected EOF during chunk size line
        Retrying 3: the reply ended early
        Text("Done.")
        Finish(Stop)
    "#]],
    );
    check(
        script("Let me\n% error=1\n---\nLet me\n% stall=1\n---\nDone.\n% usage=none"),
        expect![[r#"
        Retrying 1: the server aborted the reply: Internal server error
        Retrying 2: no data from the server for 0.4 s
        Text("Done.")
        Finish(Stop)
    "#]],
    );
}

#[test]
fn a_pause_within_an_answer_can_be_bounded_more_than_the_wait_for_it() {
    let shown = on_a_runtime(async {
        let server = FakeMistral::start(script("Let me think\n% stall=1\n---\nDone.\n% usage=none")).await.unwrap();
        let pause = Duration::from_millis(300);
        let client = with(server.base_url(), Duration::from_secs(600), |config| config.longest_pause = Some(pause));
        ask(&client, &opening()).await
    });
    assert!(shown.contains("Retrying 1: no data from the server for 0.3 s"), "{shown}");
    assert!(shown.contains("Done."), "{shown}");
}

#[test]
fn the_budget_ends() {
    check(
        script("! 500\n% repeat"),
        expect![[r#"
        Retrying 1: the server returned 500: Internal server error
        Retrying 2: the server returned 500: Internal server error
        Retrying 3: the server returned 500: Internal server error
        Unreachable: the server returned 500: Internal server error (after 4 attempts)
        hint: none
    "#]],
    );
    check(
        script("! 429 retry-after=4000\n---\nNever."),
        expect![[r#"
        Unreachable: the server returned 429: Rate limit exceeded
        hint: the server asks to wait 4000 s
    "#]],
    );
}

#[test]
fn lasting_trouble_is_not_tried_again() {
    for status in ["401", "404", "422", "400"] {
        on_a_runtime(async {
            let server = FakeMistral::start(script(&format!("! {status}\n---\nNever."))).await.unwrap();
            ask(&client(server.base_url()), &opening()).await;
            assert_eq!(server.requests().len(), 1, "{status}");
        });
    }
    check(
        script("! 401\n---\nNever."),
        expect![[r#"
        Key: the server returned 401: Unauthorized
        hint: check $MISTRAL_API_KEY: it must hold a key for http://SERVER/v1
    "#]],
    );
    check(
        script("! 404\n---\nNever."),
        expect![[r#"
        Model: the server returned 404: Not Found
        hint: use its replacement: --model mistral-medium-3-5
    "#]],
    );
    check(
        script("! 422\n---\nNever."),
        expect![[r#"
        Refused: the server returned 422: body.max_completion_tokens: Extra inputs are not permitted
        hint: none
    "#]],
    );
}

#[test]
fn a_server_that_repeats_the_key_is_not_repeated() {
    let body = FaultBody::Verbatim(format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}"}}}}"#));
    check(
        Script::new([Turn::Fault(Fault { body, ..Fault::status(401) })]),
        expect![[r#"
        Key: the server returned 401: Incorrect API key provided: [key]
        hint: check $MISTRAL_API_KEY: it must hold a key for http://SERVER/v1
    "#]],
    );
}

#[test]
fn redirects_are_not_followed() {
    let moved = Raw {
        status: 307,
        headers: vec![("location".to_owned(), "http://127.0.0.1:9/v1".to_owned())],
        ..Raw::json("")
    };
    check(
        Script::new([Turn::Raw(moved)]),
        expect![[r#"
        Refused: the server returned 307, a redirect
        hint: redirects are not followed, to protect the key: correct the base URL
    "#]],
    );
}

#[test]
fn a_page_is_no_answer() {
    let page = Raw::json("<!doctype html><title>Welcome</title>");
    check(
        Script::repeat_last([Turn::Raw(page)]),
        expect![[r#"
        Retrying 1: the reply is not a chat completion: an HTML page titled `Welcome`
        Retrying 2: the reply is not a chat completion: an HTML page titled `Welcome`
        Unreachable: the reply is not a chat completion: an HTML page titled `Welcome` (after 3 attempts)
        hint: is `http://SERVER/v1` the base URL of a chat completions API?
    "#]],
    );
}

#[test]
fn a_stream_may_end_without_its_marker() {
    check(
        script("Done.\n% no-done usage=5/1"),
        expect![[r#"
        Text("Done.")
        Usage(Usage { input: 5, cached: 0, output: 1 })
        Finish(Stop)
    "#]],
    );
    check(
        script("Done.\n% stall=3 own-finish usage=5/1"),
        expect![[r#"
        Text("Done.")
        Usage(Usage { input: 5, cached: 0, output: 1 })
        Finish(Stop)
    "#]],
    );
}

#[test]
fn no_server() {
    let shown = on_a_runtime(ask(&client("http://127.0.0.1:1/v1".to_owned()), &opening()));
    expect![[r#"
        Retrying 1: cannot connect to http://127.0.0.1:1/v1: Connection refused (os error 111)
        Retrying 2: cannot connect to http://127.0.0.1:1/v1: Connection refused (os error 111)
        Retrying 3: cannot connect to http://127.0.0.1:1/v1: Connection refused (os error 111)
        NoConnection: cannot connect to http://127.0.0.1:1/v1: Connection refused (os error 111) (after 4 attempts)
        hint: start the local server (`ollama serve`, `llama-server -m MODEL.gguf --jinja`), or use another --base-url
    "#]]
    .assert_eq(&shown);
}

#[test]
fn one_connection_and_the_headers_of_a_run() {
    on_a_runtime(async {
        let server =
            FakeMistral::start(script("One.\n---\n! 503\n---\nTwo.\n% no-done\n---\n> read_file {}")).await.unwrap();
        let client = client(server.base_url());
        for _ in 0..3 {
            ask(&client, &opening()).await;
        }
        assert_eq!((server.requests().len(), server.connections()), (4, 1));
        let requests = server.requests();
        assert_eq!(requests[0].header("x-affinity"), Some("0192f0c1-7a3b-7000-8000-000000000001"));
        assert_eq!(requests[0].header("authorization"), Some("Bearer planted-key-4711"));
    });
}

/// Servers close a connection that was idle while a command ran.
#[test]
fn a_connection_that_was_closed_meanwhile_costs_nothing() {
    on_a_runtime(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = client(format!("http://{}/v1", listener.local_addr().unwrap()));
        let serve = async {
            for _ in 0..3 {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"}]}") {
                    assert!(socket.read_buf(&mut request).await.unwrap() > 0);
                }
                let body = r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}"#;
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let use_it = async {
            for _ in 0..3 {
                assert_eq!(ask(&client, &opening()).await, "Text(\"Hi\")\nFinish(Stop)\n");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::join!(serve, use_it);
    });
}
