//! A window that fills: what the model is sent before and after, and the ways in which it cannot go on.

use std::fs;

use expect_test::{Expect, expect};
use fake_mistral::{Config, Delivery, FakeMistral, ModelCard, Raw, Reply, Script, Usage, default_models};
use serde_json::Value;

use crate::support::{Ran, World};

const WINDOW: u64 = 9_000;

/// A world whose default model has a small window. A request for a summary is answered with `summary`; else the model
/// makes `steps` calls, each with a few kilobytes of output, and says that it is done.
fn world(steps: usize, summary: &'static str) -> World {
    let script = Script::computed(move |body, _| {
        let messages = body["messages"].as_array().unwrap();
        let last = messages.last().unwrap()["content"].as_str().unwrap_or_default();
        if last.contains("exceed the context window") {
            return Reply::text(summary).into();
        }
        let arguments = messages.iter().map(|message| &message["tool_calls"][0]["function"]["arguments"]);
        let calls = arguments.filter_map(|arguments| serde_json::from_str::<Value>(arguments.as_str()?).ok());
        // The number of the last call that it still sees, or that its summary tells of.
        let seen = calls.filter_map(|call| call["first_line"].as_u64()).max().map(|line| line as usize);
        let told = messages[1]["content"].as_str().unwrap_or_default().rsplit("step ").next();
        let told = told.and_then(|told| told.split('.').next()?.parse::<usize>().ok());
        match seen.max(told).unwrap_or(0) + 1 {
            next if next <= steps => read(next, 350).into(),
            _ => Reply::text("Done.").into(),
        }
    });
    with_window(script, WINDOW)
}

fn read(first_line: usize, lines: usize) -> Reply {
    let arguments = format!("{{\"filename\": \"numbers.txt\", \"first_line\": {first_line}, \"lines\": {lines}}}");
    Reply::call("read_file", arguments)
}

fn with_window(script: Script, window: u64) -> World {
    let mut models = default_models();
    models.retain(|model| model.id != "devstral-2512");
    models.push(ModelCard {
        max_context_length: window,
        ..ModelCard::new("devstral-2512", &["devstral-latest", "devstral-medium-latest"])
    });
    let mut world =
        World::without_server(&[("numbers.txt", &(1..1_000).map(|n| format!("{n}\n")).collect::<String>())]);
    world.server = Some(FakeMistral::spawn_with(script, Config { models, ..Config::default() }).unwrap());
    world
}

#[track_caller]
fn check_end(ran: &Ran, expected: Expect) {
    let told = ran.stderr.lines().skip_while(|line| !line.starts_with("error"));
    expected.assert_eq(&format!("exit {}\n{}\n", ran.code, told.collect::<Vec<_>>().join("\n")));
}

fn is_summary_request(messages: &str) -> bool {
    messages.contains("exceed the context window. Your reply will replace")
}

fn contents(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_long_run_is_condensed_and_loses_neither_the_task_nor_a_word() {
    let world = world(30, "All went well up to step 4.");
    let told = world.run(&["Print the numbers.\n\nNever touch the file called KEEP."]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "Done.\n"), "{}", told.stderr);
    let messages = world.messages();
    let summaries = messages.iter().filter(|messages| is_summary_request(messages)).count();
    assert!(2 <= summaries && messages.len() < 50, "{summaries} in {} requests", messages.len());
    assert_eq!(told.stderr.matches("compacted to about").count(), summaries, "{}", told.stderr);
    for (pair, body) in messages.windows(2).zip(world.bodies().iter().skip(1)) {
        assert!(contents(body)[1].starts_with("Print the numbers.\n\nNever touch the file called KEEP."));
        assert!(body.to_string().len() / 4 < WINDOW as usize, "{} bytes", body.to_string().len());
        let condensed_between = is_summary_request(&pair[0]);
        assert!(condensed_between || is_summary_request(&pair[1]) || pair[1].starts_with(&pair[0]));
        if is_summary_request(&pair[1]) {
            // The prompt cache has all of it but the last message: the bridge, and what is asked.
            let (prefix, _) = pair[1].rsplit_once(",{\"role\":\"assistant\",\"content\":\"Understood.\"}").unwrap();
            assert!(pair[0].starts_with(prefix), "{prefix}");
        }
    }
    // The session keeps everything, and a step is counted once.
    let kept = fs::read_to_string(world.session_file()).unwrap();
    assert_eq!(kept.matches("\"entry\":\"reply\"").count() + summaries, messages.len());
    assert_eq!(kept.matches("\"entry\":\"compaction\"").count(), summaries);
    let shown = world.agent(&["show"]).stdout;
    assert!(shown.contains(&format!("after {} steps", messages.len())), "{shown}");
}

#[test]
fn a_condensed_session_goes_on_with_the_same_bytes() {
    let world = world(12, "All went well up to step 4.");
    let mut steps = 7;
    while world.messages().iter().filter(|messages| is_summary_request(messages)).count() == 0 {
        let arguments: &[&str] = if steps == 7 { &["run", "Task"] } else { &["resume"] };
        let told = world.agent(&[arguments, &["--max-steps", &steps.to_string()]].concat());
        assert_eq!(told.code, 3, "{}", told.stderr);
        steps += 1;
    }
    let before = world.messages().len();
    assert_eq!(world.agent(&["resume"]).code, 0);
    assert_eq!(world.agent(&["resume", "And what of KEEP?"]).code, 0);
    let messages = world.messages();
    let between =
        messages[before..].windows(2).filter(|pair| !is_summary_request(&pair[0]) && !is_summary_request(&pair[1]));
    assert!(between.clone().count() > 2);
    for pair in between {
        assert!(pair[1].starts_with(&pair[0]));
    }
    let last = contents(world.bodies().last().unwrap());
    assert!(last[1].starts_with("Task\n\n[The conversation since then"), "{last:?}");
    expect![[r#"
        [The conversation since then was summarized to fit the context window.]

        Your summary:
        All went well up to step 4.

        The last steps follow unchanged."#]]
    .assert_eq(last[1].strip_prefix("Task\n\n").unwrap());
}

#[test]
fn what_the_human_said_meanwhile_is_kept_word_for_word() {
    let world = world(12, "All went well up to step 4.");
    world.run(&["--max-steps", "1", "Task"]);
    assert_eq!(world.agent(&["resume", "--max-steps", "100", "Never say \"never\".\nNever."]).code, 0);
    let condensed =
        world.bodies().into_iter().map(|body| contents(&body)).filter(|it| it[1].contains("summarized to fit"));
    let condensed: Vec<Vec<String>> = condensed.collect();
    assert!(!condensed.is_empty());
    for contents in condensed {
        let said = "\n\nThe user then wrote, verbatim:\nNever say \"never\".\nNever.\n";
        assert!(
            contents.iter().any(|text| text.contains(said) || text == "Never say \"never\".\nNever."),
            "{contents:?}"
        );
    }
}

#[test]
fn no_progress_is_an_end_and_never_a_circle() {
    let empty = world(30, " ");
    check_end(
        &empty.run(&["Task"]),
        expect![[r#"
        exit 5
        error: the model is stuck: the model's context window is full, and the model gave no summary
        hint: split the task, or continue with a larger-window model: agent resume --model ID
    "#]],
    );
    // And with such a model it does go on.
    let told = empty.agent(&["resume", "--model", "codestral-latest"]);
    assert_eq!(told.code, 0, "{}", told.stderr);

    let long = world(12, "words and more words ".repeat(5_000).leak());
    assert_eq!(long.run(&["Task"]).code, 0, "a summary that is too long is cut");
    assert!(long.messages().iter().all(|messages| messages.len() as u64 / 4 < WINDOW));

    // A summary that forgets the work: the model begins anew each time, and `--max-steps` is not what stops it.
    let forgetful = Script::computed(|body, number| {
        let last = contents(body).pop().unwrap();
        if last.contains("exceed the context window") {
            return Reply::text("Nothing was done.").into();
        }
        read(number + 1, 500).into()
    });
    let forgetful = with_window(forgetful, 2_850);
    check_end(
        &forgetful.run(&["Task"]),
        expect![[r#"
        exit 5
        error: the model is stuck: the model's context window is full, and it filled up again right after compaction
        hint: split the task, or continue with a larger-window model: agent resume --model ID
    "#]],
    );
    assert!(forgetful.messages().len() < 8, "{} requests", forgetful.messages().len());
}

#[test]
fn a_task_that_fills_the_window_by_itself() {
    let world = with_window(Script::computed(|_, _| Reply::text("Done.").into()), 2_000);
    check_end(
        &world.run(&[&"long ".repeat(2_000)]),
        expect![[r#"
        exit 5
        error: the model is stuck: the model's context window is full, and there is nothing to compact before the last step
        hint: split the task, or continue with a larger-window model: agent resume --model ID
    "#]],
    );
    assert_eq!(world.messages().len(), 0);
}

fn too_large() -> Raw {
    let body = r#"{"object":"error","message":"Prompt is too large for model with 9000 maximum context length"}"#;
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Raw { status: 400, headers, body: body.into(), delivery: Delivery::default() }
}

/// The server's word counts more than its list of models.
#[test]
fn a_server_that_says_full_is_believed() {
    let script = Script::computed(move |body, number| {
        if 30_000 < body.to_string().len() {
            return too_large().into();
        }
        if contents(body).pop().unwrap().contains("exceed the context window") {
            return Reply::text("Well so far.").into();
        }
        match number {
            0..14 => read(number + 1, 500).into(),
            _ => Reply { text: "Done.".to_owned(), usage: Usage::Missing, ..Reply::default() }.into(),
        }
    });
    let world = with_window(script, 1_000_000);
    let told = world.run(&["Task"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "Done.\n"), "{}", told.stderr);
    assert!(world.messages().iter().any(|messages| is_summary_request(messages)));

    // Twice as dense as its bytes promise: the first request for a summary is too large as well.
    let refused = std::sync::atomic::AtomicUsize::new(0);
    let dense = Script::computed(move |body, number| {
        let length = body.to_string().len();
        let summary = contents(body).pop().unwrap().contains("exceed the context window");
        if summary && 20_000 < length {
            refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return too_large().into();
        }
        match (summary, refused.load(std::sync::atomic::Ordering::Relaxed)) {
            (true, _) => Reply::text("Well so far.").into(),
            (false, 0) => read(number + 1, 500).into(),
            (false, _) => Reply::text("Done.").into(),
        }
    });
    let world = with_window(dense, 9_000);
    let told = world.run(&["Task"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "Done.\n"), "{}", told.stderr);
    assert!(1 < world.messages().iter().filter(|messages| is_summary_request(messages)).count());

    let always = Script::computed(move |_, number| match number {
        0..3 => read(number + 1, 500).into(),
        _ => too_large().into(),
    });
    let world = with_window(always, 1_000_000);
    check_end(
        &world.run(&["Task"]),
        expect![[r#"
        exit 5
        error: the model is stuck: the model's context window is full, and even the summary request does not fit
        hint: split the task, or continue with a larger-window model: agent resume --model ID
    "#]],
    );
    assert_eq!(world.messages().len(), 7);
}
