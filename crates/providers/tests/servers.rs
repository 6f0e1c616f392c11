//! The list of models, the search for local servers and what long talks ask of both sides, on loopback.

#![cfg(test)]

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use agent::{
    Arguments, ChatClient, ChatErrorKind, ChatEvent, ChatRequest, Clipped, Entry, FinishReason, RawCall, Reply,
    Thoughts, ToolCall, ToolOutcome, ToolSpec,
};
use fake_mistral::{Checking, Config, FakeMistral, Key, Raw, Script, Turn};
use futures_util::StreamExt;
use providers::{
    ChatCompletions, ChatConfig, Dialect, ReplyBounds, RetryBudget, Server, ServerConfig, StrictTools, SystemRole,
    TextCalls, local_servers, resolve,
};
use serde_json::json;

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn connect(base_url: String, key: Option<&str>) -> Server {
    let api_key = key.map(|key| key.to_owned().into());
    Server::new(ServerConfig { base_url, api_key, ..ServerConfig::default() }).unwrap()
}

#[test]
fn the_list_of_mistral() {
    on_a_runtime(async {
        let fake = FakeMistral::start(Script::new([])).await.unwrap();
        let cards = connect(fake.base_url(), Some("k")).models().await.unwrap();
        let card = resolve("devstral-medium-latest", &cards).unwrap();
        assert_eq!((card.max_context_length, card.default_temperature), (Some(262_144), Some(0.15)));
        let retired = resolve("devstral-small-2505", &cards).unwrap();
        assert_eq!(
            retired.notice().unwrap(),
            "the model `devstral-small-2505` retires on 2025-11-30; use its replacement `mistral-medium-3-5`"
        );
        assert_eq!(resolve("gpt-4o", &cards).unwrap_err().kind, ChatErrorKind::Model);
    });
}

#[test]
fn a_wrong_key() {
    on_a_runtime(async {
        let config = Config { key: Key::Only("right".to_owned()), ..Config::default() };
        let fake = FakeMistral::start_with(Script::new([]), config).await.unwrap();
        let error = connect(fake.base_url(), Some("wrong")).models().await.unwrap_err();
        assert_eq!(error.kind, ChatErrorKind::Key);
        assert_eq!(connect(fake.base_url(), Some("right\n")).models().await.unwrap().len(), 15);
    });
}

#[test]
fn mistral_without_a_key_is_refused_before_anything_is_sent() {
    let error = Server::new(ServerConfig::default()).unwrap_err();
    assert_eq!(error.kind, ChatErrorKind::Key);
    assert_eq!(error.message, "https://api.mistral.ai/v1 needs an API key, but $MISTRAL_API_KEY is not set");
}

#[test]
fn no_key_goes_out_in_clear_text() {
    for (url, key) in [("http://models.example/v1", Some("sk-of-the-user")), ("http://me:pass-word@10.0.0.1/v1", None)]
    {
        let server = ServerConfig {
            base_url: url.to_owned(),
            api_key: key.map(|key| key.to_owned().into()),
            ..ServerConfig::default()
        };
        let error = Server::new(server).unwrap_err();
        assert_eq!(error.kind, ChatErrorKind::Key);
        assert!(error.message.starts_with("refusing to send a key to http://"), "{}", error.message);
        assert!(!format!("{error:?}").contains("pass-word"));
    }
    connect("http://models.example/v1".to_owned(), None);
    connect("https://models.example/v1".to_owned(), Some("sk-of-the-user"));
    assert_eq!(mask::masked("sk-of-the-user"), "***");
}

#[test]
fn base_urls() {
    for (given, used) in [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
        (" http://me:secret@127.0.0.1:8080/v1/chat/completions ", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1/openai/v1/", "http://127.0.0.1/openai/v1"),
    ] {
        assert_eq!(connect(given.to_owned(), None).base_url(), used);
    }
    for bad in ["", "127.0.0.1:8080", "ftp://x/v1"] {
        assert!(Server::new(ServerConfig { base_url: bad.to_owned(), ..ServerConfig::default() }).is_err(), "{bad}");
    }
}

#[test]
fn local_servers_that_answer() {
    on_a_runtime(async {
        let config = Config { key: Key::NotAsked, checking: Checking::Off, ..Config::default() };
        let fake = FakeMistral::start_with(Script::new([]), config).await.unwrap();
        // A port that accepts and says nothing must not hold up the others.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let candidates =
            [("Ollama", 1), ("Mute", silent.local_addr().unwrap().port()), ("llama.cpp", fake.address().port())];
        let found = tokio::time::timeout(Duration::from_secs(5), local_servers(&candidates)).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name, found[0].base_url.as_str()), ("llama.cpp", fake.base_url().as_str()));
        assert!(found[0].models.contains(&"devstral-2512".to_owned()));
    });
}

/// Every kind of history passes the fake server's strict check, and each request's messages go on from the last one's.
#[test]
fn a_long_history_stays_valid_and_only_grows() {
    on_a_runtime(async {
        let fake = FakeMistral::start(Script::parse("Ok.\n% repeat").unwrap()).await.unwrap();
        let client = client(fake.base_url(), ReplyBounds::WIDE);
        let tools = ["read_file", "run_command"].map(|name| ToolSpec {
            name,
            description: "Does it.".to_owned(),
            parameters: json!({"type": "object", "properties": {"filename": {"type": "string"}}, "required": ["filename"], "additionalProperties": false}),
        });
        let mut entries =
            vec![Entry::System { text: "Be short.".to_owned() }, Entry::User { text: "Fix it.".to_owned() }];
        for step in 0..40_usize {
            let request = ChatRequest {
                entries: &entries,
                generation: 1,
                tools: &tools,
                fresh_starts: 0,
                max_output_tokens: None,
            };
            let answers: Vec<_> = client.send(request).collect().await;
            assert!(matches!(&answers[0], Ok(ChatEvent::Text(text)) if text == "Ok."), "step {step}: {answers:?}");
            entries.extend(turn(step));
        }
        let bodies: Vec<String> =
            fake.requests().iter().map(|request| String::from_utf8(request.body.to_vec()).unwrap()).collect();
        let messages: Vec<&str> = bodies.iter().map(|body| body.split_once("],\"tools\":").unwrap().0).collect();
        assert!(messages.windows(2).all(|pair| pair[1].starts_with(pair[0])));
        assert_eq!(fake.connections(), 1);
    });
}

fn turn(step: usize) -> Vec<Entry> {
    let arguments = [r#"{"filename": "a\u2028\n"}"#, "{broken", "", "[1]"][step % 4];
    let name = ["read_file", "run_command", "no such tool", "read_file[ARGS]"][step / 4 % 4];
    let call = |number: usize| ToolCall {
        id: format!("c{:08}", step * 2 + number),
        name: name.to_owned(),
        arguments: Arguments::read(arguments),
    };
    let outcome = |call: &ToolCall, outcome| Entry::Outcome {
        call_id: call.id.clone(),
        tool: call.name.clone(),
        outcome,
        seen: std::collections::BTreeMap::new(),
    };
    let text = ["Looking.", "", " \n"][step % 3].to_owned();
    let reply = |calls: Vec<ToolCall>| Entry::Reply(Reply { text: text.clone(), calls, ..Reply::default() });
    let user = |text: &str| Entry::User { text: text.to_owned() };
    match step % 5 {
        0 => vec![reply(Vec::new()), user("Go on.")],
        1 => vec![reply(vec![call(0)]), outcome(&call(0), ToolOutcome::Cancelled), user("Stop. Then do this.")],
        2 => vec![reply(vec![call(0)]), outcome(&call(0), ToolOutcome::Done(Clipped::new("")))],
        3 => vec![user(""), user("More.")],
        _ => vec![
            reply(vec![call(0), call(1)]),
            outcome(&call(0), ToolOutcome::failed("No.")),
            outcome(&call(1), ToolOutcome::Done(Clipped::new("é"))),
        ],
    }
}

/// Two connections: the first is told to come back, the second gets the list.
#[test]
fn a_busy_server_is_asked_for_its_list_again() {
    on_a_runtime(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = connect(format!("http://{}", listener.local_addr().unwrap()), None);
        let serve = async {
            let list = r#"{"data":[{"id":"m"}]}"#;
            for (status, body) in [("503 Service Unavailable\r\nretry-after: 0", ""), ("200 OK", list)] {
                let (mut socket, _) = listener.accept().await.unwrap();
                assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
                let answer =
                    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let (cards, ()) = tokio::join!(server.models(), serve);
        assert_eq!(cards.unwrap()[0].id, "m");
    });
}

fn client(base_url: String, reply_bounds: ReplyBounds) -> ChatCompletions {
    ChatCompletions::new(
        Rc::new(connect(base_url, Some("k"))),
        ChatConfig {
            model: "devstral-2512".to_owned(),
            temperature: Some(0.15),
            effort: None,
            thoughts: Thoughts::Dropped,
            strict_tools: StrictTools::Sent,
            text_calls: TextCalls::Bare,
            anew_temperature: None,
            session: "0192f0c1-7a3b-7000-8000-000000000001".to_owned(),
            dialect: Dialect::Mistral,
            retry: RetryBudget::default(),
            longest_pause: None,
            reply_bounds,
            system_role: SystemRole::Own,
            replacement: None,
        },
    )
}

#[test]
fn a_reply_that_says_the_same_over_and_over_ends() {
    let line = "Fix it so that the tests pass. ";
    let call = format!("> read_file {{\"filename\": \"{}\"}}\n% calls=fragments-null:40", line.repeat(2_000));
    // Half a minute of words, of which the rest is not waited for.
    let words = format!("Well. {}\n% piece=40 pause=20", line.repeat(2_000));
    let answers = |script: &str, reply_bounds| {
        let script = Script::parse(script).unwrap();
        on_a_runtime(async {
            let fake = FakeMistral::start(script).await.unwrap();
            let client = client(fake.base_url(), reply_bounds);
            let entries = [Entry::User { text: "Fix it.".to_owned() }];
            let request =
                ChatRequest { entries: &entries, generation: 0, tools: &[], fresh_starts: 0, max_output_tokens: None };
            let answers = client.send(request).map(Result::unwrap).collect::<Vec<ChatEvent>>();
            tokio::time::timeout(Duration::from_secs(20), answers).await.unwrap()
        })
    };
    let mut called = answers(&call, ReplyBounds::WIDE);
    called.retain(|event| !matches!(event, ChatEvent::Writing { .. }));
    let arguments = format!("{{\"filename\": \"{line}");
    let name = "read_file".to_owned();
    assert_eq!(called, [ChatEvent::Call(RawCall { name, arguments }), ChatEvent::Finish(FinishReason::Repetition)]);
    let said = answers(&words, ReplyBounds::NARROW);
    assert!(said.len() < 60, "{}", said.len());
    assert_eq!(said.last(), Some(&ChatEvent::Finish(FinishReason::Repetition)));
}

/// Signs of life that say nothing do not hold a reply up that is complete.
#[test]
fn what_a_server_sends_after_the_end_is_not_waited_for_long() {
    let chunk = |delta: serde_json::Value, finish: Option<&str>| {
        format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}))
    };
    let finished = chunk(json!({"content": "Done."}), None) + &chunk(json!({}), Some("stop"));
    let done = format!("{finished}data: [DONE]\n\n");
    for (reply, most) in [(done, 1), (finished, 11)] {
        // The reply at once, then as many bytes of comments a second, for longer than anybody waits.
        let mut raw = Raw::stream(format!("{reply}{}", ": ping\n\n".repeat(100_000)));
        raw.delivery.piece_bytes = NonZeroUsize::new(reply.len());
        raw.delivery.between_chunks = Duration::from_secs(1);
        let waited = on_a_runtime(async {
            let server = FakeMistral::start(Script::new([Turn::Raw(raw)])).await.unwrap();
            let client = client(server.base_url(), ReplyBounds::WIDE);
            let entries = [Entry::User { text: "Fix it.".to_owned() }];
            let request =
                ChatRequest { entries: &entries, generation: 0, tools: &[], fresh_starts: 0, max_output_tokens: None };
            let mut stream = client.send(request);
            let first = stream.next().await.unwrap().unwrap();
            assert_eq!(first, ChatEvent::Text("Done.".to_owned()));
            // From here on the clock moves only where everybody waits for it.
            tokio::time::pause();
            let said_at = tokio::time::Instant::now();
            let rest: Vec<ChatEvent> = stream.map(Result::unwrap).collect().await;
            assert_eq!(rest.last(), Some(&ChatEvent::Finish(agent::FinishReason::Stop)));
            said_at.elapsed()
        });
        assert!(waited.as_secs() <= most, "{waited:?}");
    }
}

#[test]
fn a_dropped_stream_ends_the_request() {
    on_a_runtime(async {
        use tokio::io::AsyncReadExt;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = client(format!("http://{}/v1", listener.local_addr().unwrap()), ReplyBounds::WIDE);
        let entries = [Entry::User { text: "Fix it.".to_owned() }];
        let request =
            ChatRequest { entries: &entries, generation: 0, tools: &[], fresh_starts: 0, max_output_tokens: None };
        let mut stream = client.send(request);
        let mut socket = tokio::select! {
            _ = stream.next() => panic!("nothing was answered"),
            accepted = async {
                let (mut socket, _) = listener.accept().await.unwrap();
                assert!(socket.read(&mut [0; 64]).await.unwrap() > 0);
                socket
            } => accepted,
        };
        drop(stream);
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut rest)).await.unwrap().unwrap();
    });
}

/// `{"data":[{"id":"m"}]}`, compressed by gzip(1).
const GZIPPED_LIST: [u8; 41] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x4a, 0x49, 0x2c, 0x49, 0x54, 0xb2, 0x8a,
    0xae, 0x56, 0xca, 0x4c, 0x51, 0xb2, 0x52, 0xca, 0x55, 0xaa, 0x8d, 0xad, 0x05, 0x00, 0x4d, 0x41, 0x7e, 0x16, 0x15,
    0x00, 0x00, 0x00,
];

/// A server that answers each request with these bytes.
async fn raw(answer: Vec<u8>) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(&answer).await.unwrap();
        }
    });
    format!("http://{address}/v1")
}

#[test]
fn an_answer_that_was_compressed_unasked_is_read_and_any_success_is_one() {
    on_a_runtime(async {
        for status in ["200 OK", "201 Created"] {
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                GZIPPED_LIST.len()
            );
            let server = raw([head.as_bytes(), &GZIPPED_LIST].concat()).await;
            let cards = connect(server, None).models().await.unwrap();
            assert_eq!(cards.iter().map(|card| card.id.as_str()).collect::<Vec<&str>>(), ["m"]);
        }
    });
}

#[test]
fn a_rate_limit_says_which_one() {
    on_a_runtime(async {
        let answer = "HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Remaining-Tokens-Minute: 0\r\n\
                      X-RateLimit-Limit-Tokens-Minute: 500000\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let error = connect(raw(answer.as_bytes().to_vec()).await, None).models().await.unwrap_err();
        assert!(error.message.contains("(tokens per minute, limit 500000)"), "{}", error.message);
    });
}
