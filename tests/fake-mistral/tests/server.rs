//! The server over a real socket: what it answers, how it breaks off, and what it remembers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of a test are tests too")]

mod client;

use std::time::{Duration, Instant, SystemTime};

use client::{Client, End};
use fake_mistral::{Checking, Config, FakeMistral, Key, Raw, Reply, Script, Turn};
use serde_json::{Value, json};

const CHAT: &str = r#"{"model":"devstral-2512","messages":[{"role":"user","content":"hi"}],"stream":true}"#;

fn serve(script: &str) -> FakeMistral {
    FakeMistral::spawn(Script::parse(script).unwrap()).unwrap()
}

/// The one answer that a script of one turn gives.
fn only_answer(script: &str) -> client::Answer {
    Client::connect(&serve(script)).chat(CHAT)
}

/// The text of all deltas.
fn streamed_text(body: &str) -> String {
    let events = body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|event| *event != "[DONE]");
    let text = |event: &str| {
        let chunk: Value = serde_json::from_str(event).unwrap();
        chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
    };
    events.map(text).collect()
}

#[test]
fn one_connection_serves_turn_after_turn() {
    let server = serve("One, and some more words.\n---\n> read_file {\"filename\": \"a\"}\n---\nTwo.");
    let mut client = Client::connect(&server);
    let answers = [client.chat(CHAT), client.chat(CHAT), client.chat(&CHAT.replace("true", "false"))];
    assert_eq!(streamed_text(answers[0].text()), "One, and some more words.");
    assert_eq!(answers[0].header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(answers[0].header("mistral-correlation-id").is_some());
    assert!(answers[1].text().contains(r#""function":{"name":"read_file","arguments":"{\"filename\": \"a\"}"}"#));
    assert!(answers[1].text().ends_with("data: [DONE]\n\n"));
    let object: Value = serde_json::from_slice(&answers[2].body).unwrap();
    assert_eq!(object["choices"][0]["message"]["content"], "Two.");
    assert_eq!(answers[2].header("content-type"), Some("application/json"));
    assert_eq!(server.connections(), 1);
}

#[test]
fn requests_are_kept_as_they_came_with_the_status_they_got() {
    let server = serve("Hello.");
    let mut client = Client::connect(&server);
    client.chat(CHAT);
    client.chat("{\"seed\": 1}");
    client.request("GET", "/v1/models?x=1", "k", "").unwrap();
    let requests = server.requests();
    let seen: Vec<_> =
        requests.iter().map(|request| (request.method.as_str(), request.path.as_str(), request.status)).collect();
    assert_eq!(
        seen,
        [
            ("POST", "/v1/chat/completions", Some(200)),
            ("POST", "/v1/chat/completions", Some(422)),
            ("GET", "/v1/models?x=1", Some(200))
        ]
    );
    assert_eq!(requests[0].body, CHAT);
    assert_eq!(requests[0].json()["model"], "devstral-2512");
    assert_eq!(requests[0].header("x-affinity"), Some("a"));
    assert!(requests[0].at <= requests[1].at);
}

#[test]
fn a_refused_request_takes_no_turn() {
    let server = serve("Hello.");
    let mut client = Client::connect(&server);
    assert_eq!(client.chat("{not json").status, 422);
    assert_eq!(client.chat(&CHAT.replace("user", "tool")).status, 400);
    assert_eq!(streamed_text(client.chat(CHAT).text()), "Hello.");
}

#[test]
fn after_the_last_turn_the_script_is_over_or_repeats() {
    let server = serve("Hello.");
    let mut client = Client::connect(&server);
    client.chat(CHAT);
    let over = client.chat(CHAT);
    assert_eq!((over.status, over.text().contains("fake_script_over")), (400, true));

    let server = serve("One.\n---\nAgain.\n% repeat");
    let mut client = Client::connect(&server);
    let said: Vec<String> = (0..4).map(|_| streamed_text(client.chat(CHAT).text())).collect();
    assert_eq!(said, ["One.", "Again.", "Again.", "Again."]);
}

#[test]
fn a_computed_script_sees_the_request() {
    let echo = |body: &Value, n: usize| Reply::text(format!("{n} {}", body["messages"][0]["content"])).into();
    let server = FakeMistral::spawn(Script::computed(echo)).unwrap();
    let mut client = Client::connect(&server);
    client.chat(CHAT);
    assert_eq!(streamed_text(client.chat(CHAT).text()), "1 \"hi\"");
}

#[test]
fn faults_have_their_status_body_and_retry_after() {
    let server = serve(
        "! 429 retry-after=7\n---\n! 429 body=capacity\n---\n! 504\n---\n! 502 body=html\n---\n! 401\n---\n! 422 body=other\n---\n! 408 retry-after=ms:20",
    );
    let mut client = Client::connect(&server);
    let mut next = || client.chat(CHAT);
    let answer = next();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    assert!(
        answer.text().contains(r#""message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300""#)
    );
    let answer = next();
    assert_eq!((answer.status, answer.header("retry-after")), (429, None));
    assert!(answer.text().contains("Service tier capacity exceeded for this model."));
    let answer = next();
    assert_eq!((answer.status, answer.text()), (504, ""));
    let answer = next();
    assert_eq!((answer.status, answer.header("content-type")), (502, Some("text/html")));
    assert!(answer.text().contains("<h1>502 Bad Gateway</h1>"));
    let answer = next();
    assert_eq!((answer.status, answer.text()), (401, r#"{"detail":"Unauthorized"}"#));
    let answer = next();
    assert_eq!(answer.status, 422);
    assert!(answer.text().starts_with(r#"{"detail":[{"type":"extra_forbidden""#));
    let answer = next();
    assert_eq!((answer.status, answer.header("retry-after-ms")), (408, Some("20")));
    assert_eq!(server.connections(), 1);
}

#[test]
fn retry_after_can_be_a_date() {
    let before = SystemTime::now();
    let answer = only_answer("! 503 retry-after=date:60");
    let date = httpdate::parse_http_date(answer.header("retry-after").unwrap()).unwrap();
    let later = date.duration_since(before).unwrap();
    // An HTTP date has no fractions, so up to a second is lost; the rest is the time this test may take.
    assert!((Duration::from_secs(58)..Duration::from_secs(75)).contains(&later), "{later:?}");
}

#[test]
fn a_cut_closes_the_connection_at_the_very_byte() {
    let whole = only_answer("Ünder the tree.").body;
    for bytes in [0, 1, 140, 300, whole.len() - 1] {
        let answer = only_answer(&format!("Ünder the tree.\n% cut=bytes:{bytes}"));
        assert_eq!((answer.end, answer.body.len()), (End::Cut, bytes));
        assert!(whole.starts_with(&answer.body));
    }
    let umlaut = whole.windows(2).position(|pair| pair == "Ü".as_bytes()).unwrap();
    let answer = only_answer(&format!("Ünder the tree.\n% cut=bytes:{}", umlaut + 1));
    assert!(std::str::from_utf8(&answer.body).is_err(), "the cut should fall within a character");
}

#[test]
fn a_large_stream_is_sent_up_to_the_cut() {
    let text = "x".repeat(3_000_000);
    let answer = only_answer(&format!("{text}\n% piece=100000 cut=bytes:2900000"));
    assert_eq!((answer.end, answer.body.len()), (End::Cut, 2_900_000));
}

#[test]
fn streams_can_end_badly_in_other_ways() {
    let server = serve("One.\n% stall=1");
    let mut client = Client::connect(&server);
    client.patience = Duration::from_millis(200);
    let stalled = client.chat(CHAT);
    assert_eq!((stalled.end, stalled.text().matches("data: ").count()), (End::Stalled, 1));
    let truncated = only_answer("One.\n% truncated=1");
    assert_eq!((truncated.end, truncated.text().matches("data: ").count()), (End::Proper, 1));
    let failed = only_answer("One.\n% error=1");
    assert_eq!(failed.end, End::Proper);
    assert!(failed.text().ends_with("\"raw_status_code\":500}\n\n"), "{}", failed.text());
    let undone = only_answer("One.\n% no-done");
    assert_eq!((undone.end, undone.text().contains("[DONE]")), (End::Proper, false));
}

#[test]
fn a_reset_comes_before_any_byte() {
    let server = serve("! reset\n---\nHello.");
    let mut client = Client::connect(&server);
    let error = client.request("POST", "/v1/chat/completions", "k", CHAT).expect_err("the connection should be reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(server.requests()[0].status, None);
    assert_eq!(streamed_text(Client::connect(&server).chat(CHAT).text()), "Hello.");
}

#[test]
fn delays_are_kept_before_headers_and_between_events() {
    let start = Instant::now();
    let answer = only_answer("One two three four.\n% delay=80 pause=40 piece=10");
    // Four events (role, two pieces, [DONE]) have three pauses between them.
    assert_eq!(answer.chunks.len(), 4);
    assert!(start.elapsed() >= Duration::from_millis(80 + 3 * 40));
}

#[test]
fn a_body_can_come_byte_by_byte() {
    let answer = only_answer("Ünder.\n% bytes=1");
    assert!(answer.chunks.iter().all(|size| *size == 1));
    assert_eq!(streamed_text(answer.text()), "Ünder.");
}

#[test]
fn a_json_answer_though_a_stream_was_asked_for() {
    let answer = only_answer("Hello.\n% json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(serde_json::from_slice::<Value>(&answer.body).is_ok());
}

#[test]
fn raw_turns_are_sent_as_given() {
    let recorded = "data: {\"recorded\":true}\r\n\r\n";
    let server = FakeMistral::spawn(Script::new([Turn::from(Raw::stream(recorded))])).unwrap();
    assert_eq!(Client::connect(&server).chat(CHAT).text(), recorded);
}

#[test]
fn models_are_listed_under_each_of_their_names() {
    let server = serve("Hello.");
    let mut client = Client::connect(&server);
    let list: Value = serde_json::from_slice(&client.request("GET", "/v1/models", "k", "").unwrap().body).unwrap();
    let find = |id: &str| list["data"].as_array().unwrap().iter().find(|card| card["id"] == id).unwrap().clone();
    let card = find("devstral-medium-latest");
    assert_eq!((&card["name"], &card["max_context_length"]), (&json!("devstral-2512"), &json!(262_144)));
    assert_eq!(card["default_model_temperature"], 0.15);
    assert_eq!(find("devstral-2512")["aliases"], json!(["devstral-latest", "devstral-medium-latest"]));
    assert_eq!(find("devstral-small-2505")["deprecation_replacement_model"], "mistral-medium-3-5");
    let one = client.request("GET", "/v1/models/codestral-latest", "k", "").unwrap();
    assert!(one.text().contains(r#""completion_fim":true"#));
    assert_eq!(client.request("GET", "/v1/models/gpt-9", "k", "").unwrap().status, 404);
}

#[test]
fn the_wrong_key_path_or_method_is_refused() {
    let config = Config { key: Key::Only("secret".into()), ..Config::default() };
    let server = FakeMistral::spawn_with(Script::parse("Hello.").unwrap(), config).unwrap();
    let mut client = Client::connect(&server);
    let mut ask = |method, path, key| {
        let answer = client.request(method, path, key, "").unwrap();
        (answer.status, answer.text().to_owned())
    };
    assert_eq!(ask("GET", "/v1/models", "wrong"), (401, r#"{"detail":"Unauthorized"}"#.into()));
    assert_eq!(ask("GET", "/v1/models", "secret").0, 200);
    assert_eq!(ask("GET", "/health", "").0, 200);
    assert_eq!(ask("POST", "/v1/nothing", "secret"), (404, r#"{"detail":"Not Found"}"#.into()));
    assert_eq!(ask("GET", "/v1/chat/completions", "secret").0, 405);
    let keyless = serve("Hello.");
    assert_eq!(Client::connect(&keyless).request("GET", "/v1/models", "", "").unwrap().status, 401);
}

#[test]
fn only_checked_bodies_are_saved_one_line_each() {
    let folder = tempfile::tempdir().unwrap();
    let config = |checking| Config { checking, save_bodies: Some(folder.path().to_owned()), ..Config::default() };
    let script = || Script::parse("! 429\n---\nHello.\n% repeat").unwrap();
    let server = FakeMistral::spawn_with(script(), config(Checking::Strict)).unwrap();
    let mut client = Client::connect(&server);
    let pretty = CHAT.replace(':', ":\n");
    for body in [CHAT, &CHAT.replace("stream", "streams"), &pretty] {
        client.chat(body);
    }
    let unchecked = FakeMistral::spawn_with(script(), config(Checking::Off)).unwrap();
    assert_eq!(Client::connect(&unchecked).chat(r#"{"model":"any"}"#).status, 429);

    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), format!("{CHAT}\n{CHAT}\n"));
}

#[test]
fn a_folder_for_bodies_that_is_not_there_stops_the_start() {
    let config = Config { save_bodies: Some("/nowhere/at/all".into()), ..Config::default() };
    let error = FakeMistral::spawn_with(Script::new([]), config).err().unwrap();
    assert!(error.to_string().starts_with("/nowhere/at/all: "), "{error}");
}

#[tokio::test]
async fn it_runs_in_the_runtime_of_the_test_and_stops_with_it() {
    let server = FakeMistral::start(Script::parse("Hello.").unwrap()).await.unwrap();
    assert_eq!(server.base_url(), format!("http://{}/v1", server.address()));
    let chat = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(&server);
        let answer = client.chat(CHAT);
        drop(server);
        (streamed_text(answer.text()), client)
    });
    let (said, mut client) = chat.await.unwrap();
    assert_eq!(said, "Hello.");
    let closed = tokio::task::spawn_blocking(move || client.receive());
    assert_eq!(closed.await.unwrap().unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_dropped_server_closes_its_connections() {
    let server = serve("One.\n% stall=0");
    let mut client = Client::connect(&server);
    client.send("POST", "/v1/chat/completions", "k", CHAT);
    while server.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(server);
    // Before or after the headers; what matters is that the client is not left waiting.
    assert!(matches!(client.receive().map(|answer| answer.end), Ok(End::Cut) | Err(_)));
}
