//! A conversation at a terminal, as it is seen.

use expect_test::{Expect, expect};

use crate::support::World;
use crate::tmux::Terminal;

const SIZE: (u16, u16) = (80, 24);

#[track_caller]
fn check(screen: &str, expected: Expect) {
    expected.assert_eq(&format!("{screen}\n"));
}

#[test]
fn the_first_screen() {
    let world = World::new(&[], "Done.");
    let Some(terminal) = Terminal::open(&world, &[], SIZE, &[]) else { return };
    check(
        &terminal.wait_for("auto >"),
        expect![[r#"
        agent 0.1.0 · devstral-medium-latest · /help
        WORKSPACE
        auto, commands are sandboxed
        auto >
    "#]],
    );
    terminal.type_text("/");
    check(
        &terminal.wait_for("/quit"),
        expect![[r#"
            agent 0.1.0 · devstral-medium-latest · /help
            WORKSPACE
            auto, commands are sandboxed
            auto > /
            > /help      list commands and keys
              /mode      show or set the mode: read-only, confirm, accept-edits, auto
              /model     show or switch the model
              /effort    show or set how much the model thinks: none, minimal, low, medium…
              /diff      show this session's changes to files
              /undo      undo the last step and later ! commands, or only FILE
              /redo      reverse the last undo
              /cost      show tokens, cost and context use of the session
              /compact   summarize the conversation to free context, keeping FOCUS
              /sessions  list recent sessions in this directory
              /quit      quit; the session is kept
        "#]],
    );
    terminal.press("C-u");
    terminal.press("C-d");
    assert_eq!(terminal.wait_for_end(), 0);
}

const EDIT: &str = "I look **first**.\n> read_file {\"filename\": \"calc.py\"}\n---\n> apply_diff {\"diff\": \"--- a/calc.py\\n+++ b/calc.py\\n@@\\n-one\\n+two\\n\"}\n---\n## Done\n- it says `two` now\n- *nothing* else\n\n```python\nprint(\"two\")  # yes\n```\n---\nThe second answer.";

#[test]
fn two_turns_with_a_tool_call_and_a_diff() {
    let world = World::new(&[("calc.py", "one\n")], EDIT);
    let Some(terminal) = Terminal::open(&world, &["chat"], SIZE, &[]) else { return };
    terminal.wait_for("auto >");
    terminal.say("Make it two.");
    check(
        &terminal.wait_for("ctx"),
        expect![[r#"
            agent 0.1.0 · devstral-medium-latest · /help
            WORKSPACE
            auto, commands are sandboxed

            > Make it two.
            I look first.
            ✓ read_file calc.py: `calc.py`, 1 line
              --- a/calc.py
              +++ b/calc.py
              @@ -1 +1 @@
              -one
              +two
            ✓ apply_diff: `calc.py`: +1 -1 line
            Done
            • it says two now
            • nothing else

            ```python
            print("two")  # yes
            ```
            3 steps · # s · session: # tokens · ctx 1%
            auto >
        "#]],
    );
    terminal.say("And now?");
    terminal.wait_for("The second answer.");
    terminal.wait_until("two meters", |screen| screen.matches("ctx").count() == 2);
    terminal.say("/quit");
    assert_eq!(terminal.wait_for_end(), 0);
    check(
        &terminal.screen(),
        expect![[r#"
            agent 0.1.0 · devstral-medium-latest · /help
            WORKSPACE
            auto, commands are sandboxed

            > Make it two.
            I look first.
            ✓ read_file calc.py: `calc.py`, 1 line
              --- a/calc.py
              +++ b/calc.py
              @@ -1 +1 @@
              -one
              +two
            ✓ apply_diff: `calc.py`: +1 -1 line
            Done
            • it says two now
            • nothing else

            ```python
            print("two")  # yes
            ```
            3 steps · # s · session: # tokens · ctx 1%

            > And now?
            The second answer.
            1 step · # s · session: # tokens · ctx 1%

            > /quit
            changed: calc.py +1 -1 · agent undo
            4 steps · # tokens in, # out · # s · agent show
              #
        "#]],
    );
    let bodies = world.bodies();
    let (first, last) =
        (bodies.first().unwrap()["messages"].to_string(), bodies.last().unwrap()["messages"].to_string());
    assert!(last.starts_with(first.trim_end_matches(']')), "the prefix stays");
    assert_eq!(bodies.len(), 4);
}

const WORDS: &str = "# A heading\nA paragraph of some **length**, so that it has to be folded on a narrow screen, with 日本語の文章 in it.\n\n1. first\n2. second, with more words than fit\n\n| name | n |\n|---|---|\n| a | 1 |\n| bb | 22 |";

#[test]
fn forty_columns_and_wide_characters() {
    let world = World::new(&[], WORDS);
    let Some(terminal) = Terminal::open(&world, &["chat"], (40, 30), &[]) else { return };
    terminal.wait_for("auto >");
    terminal.type_text("日本語の長い文章を書いて、折り返しを見る: one two three");
    terminal.wait_for("three");
    // In the second row of the line, after what is seen there.
    assert_eq!(terminal.cursor(), "5,25");
    terminal.press("Enter");
    check(
        &terminal.wait_for("ctx"),
        expect![[r#"
            agent 0.1.0 · devstral-medium-latest ·
              /help
            WORKSPACE
            auto, commands are sandboxed

            > 日本語の長い文章を書いて、折り返しを見
            る: one two three
            A heading
            A paragraph of some length, so that it
            has to be folded on a narrow screen,
            with 日本語の文章 in it.

            1. first
            2. second, with more words than fit

            name  n
            ────  ──
            a     1
            bb    22
            1 step · # s · session: # tokens ·
              ctx 1%
            auto >
        "#]],
    );
}

#[test]
fn a_window_that_changes_while_words_come() {
    let text = "Words that go on and on. ".repeat(12);
    let world = World::new(&[], &format!("{text}\n% pause=30 piece=4"));
    let Some(terminal) = Terminal::open(&world, &["chat"], SIZE, &[]) else { return };
    terminal.wait_for("auto >");
    terminal.say("Talk.");
    terminal.wait_for("Words that");
    terminal.resize(50, 12);
    terminal.type_text("typed meanwhile");
    terminal.wait_for("typed meanwhile");
    terminal.resize(100, 20);
    let screen = terminal.wait_for("ctx");
    let words = screen.split_whitespace().filter(|word| *word == "on.").count();
    assert_eq!(words, 12, "{screen}");
    assert_eq!(screen.matches("typed meanwhile").count(), 1, "{screen}");
}

/// Whole lines and words: the same on a terminal that can do no more and for whoever wants no more.
#[test]
fn a_dumb_terminal_and_a_plain_one() {
    let mut screens = Vec::new();
    for (arguments, term) in [(&["chat"][..], "dumb"), (&["chat", "--plain"][..], "screen-256color")] {
        let world = World::new(&[("calc.py", "one\n")], EDIT);
        let Some(terminal) = Terminal::open(&world, arguments, SIZE, &[("TERM", term)]) else { return };
        terminal.wait_for("auto >");
        terminal.say("Make it two.");
        screens.push(terminal.wait_until("the end", |screen| screen.contains("ctx") && screen.ends_with("auto >")));
        assert!(!terminal.painted().contains('\u{1b}'));
        terminal.say("/quit");
        assert_eq!(terminal.wait_for_end(), 0);
    }
    assert_eq!(screens[0], screens[1]);
    check(
        &screens[0],
        expect![[r#"
            agent 0.1.0 · devstral-medium-latest · /help
            WORKSPACE
            auto, commands are sandboxed
            auto > Make it two.
            I look **first**.
            done: read_file calc.py: `calc.py`, 1 line
              --- a/calc.py
              +++ b/calc.py
              @@ -1 +1 @@
              -one
              +two
            done: apply_diff: `calc.py`: +1 -1 line
            ## Done
            - it says `two` now
            - *nothing* else

            ```python
            print("two")  # yes
            ```
            3 steps · # s · session: # tokens · ctx 1%
            auto >
        "#]],
    );
}

#[test]
fn a_plain_terminal_keeps_what_could_not_be_sent() {
    let world = World::without_server(&[]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/v1");
    let env = [("AGENT_BASE_URL", url.as_str())];
    let Some(terminal) = Terminal::open(&world, &["chat", "--plain"], SIZE, &env) else { return };
    terminal.wait_until("a prompt", |screen| screen.ends_with("auto >") && screen.contains("error:"));
    terminal.press("Enter");
    terminal.wait_until("another", |screen| screen.ends_with("auto >\nauto >"));
    terminal.say("Hello");
    terminal.wait_until("it is said again", |screen| screen.matches("error:").count() == 2);
    terminal.wait_until("a prompt", |screen| screen.ends_with("not sent (press Enter to send): Hello\nauto >"));
    terminal.press("Enter");
    terminal.wait_until("and again", |screen| screen.matches("error:").count() == 3);
}

#[test]
fn nothing_that_is_shown_is_obeyed_by_the_terminal() {
    let world = World::new(&[], "A\ttab in words.\n```python\n\tif x:\n\t\ty\n```");
    let arguments = ["chat", "--model", "codestral-latest\u{1b}[2J"];
    let Some(terminal) = Terminal::open(&world, &arguments, SIZE, &[]) else { return };
    terminal.wait_until("an error", |screen| screen.contains("auto >") && screen.contains("has no model"));
    assert_eq!(terminal.screen().matches("codestral-latest␛[2J").count(), 2, "{}", terminal.screen());
    terminal.say("/model codestral-latest");
    terminal.say("Hello");
    let screen = terminal.wait_for("ctx");
    assert!(screen.contains("A    tab in words.\n```python\n    if x:\n        y\n```"), "{screen}");
}

#[test]
fn no_colour_where_none_is_wanted() {
    let world = World::new(&[("calc.py", "one\n")], EDIT);
    let Some(terminal) = Terminal::open(&world, &["chat", "Make it two."], SIZE, &[("NO_COLOR", "1")]) else { return };
    let screen = terminal.wait_for("ctx");
    assert!(screen.contains("## Done") && screen.contains("`two`"), "{screen}");
    assert!(!terminal.painted().contains('\u{1b}'), "{}", terminal.painted());
}

#[test]
fn a_model_that_is_not_there_is_said_and_tried_again() {
    let world = World::without_server(&[]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/v1");
    let env = [("AGENT_BASE_URL", url.as_str())];
    let Some(terminal) = Terminal::open(&world, &["chat"], SIZE, &env) else { return };
    let screen = terminal.wait_for("--base-url").replace(&url, "http://127.0.0.1:PORT/v1");
    terminal.type_text("Hello");
    check(
        &screen,
        expect![[r#"
            agent 0.1.0 · devstral-medium-latest · /help
            WORKSPACE
            auto, commands are sandboxed
            error: cannot connect to http://127.0.0.1:PORT/v1: Connection refused (os
              error 111)
            hint: start the local server (`ollama serve`, `llama-server -m MODEL.gguf
              --jinja`), or use another --base-url
            auto >
        "#]],
    );
    terminal.press("Enter");
    terminal.wait_until("it is said again", |screen| screen.matches("error:").count() == 2);
    // The words are there to be sent again.
    terminal.wait_for("auto > Hello");
}

#[test]
fn a_turn_that_fails_is_said_and_the_conversation_goes_on() {
    let world = World::new(&[], "! 401\n---\n! 422\n---\nBack again.");
    let Some(terminal) = Terminal::open(&world, &["chat", "--max-steps", "1"], SIZE, &[]) else { return };
    terminal.wait_for("auto >");
    terminal.say("One.");
    terminal.wait_until("an error", |screen| screen.matches("ctx").count() == 1);
    terminal.say("Two.");
    terminal.wait_until("another", |screen| screen.matches("ctx").count() == 2);
    terminal.say("Three.");
    check(
        &terminal.wait_until("an answer", |screen| screen.matches("ctx").count() == 3),
        expect![[r#"
            agent 0.1.0 · devstral-medium-latest · /help
            WORKSPACE
            auto, commands are sandboxed

            > One.
            error: the server returned 401: Unauthorized
            hint: check $MISTRAL_API_KEY: it must hold a key for http://127.0.0.1:PORT/v1
            1 step · # s · session: # tokens · ctx 1%

            > Two.
            error: the server returned 422: body.max_completion_tokens: Extra inputs are
              not permitted
            1 step · # s · session: # tokens · ctx 1%

            > Three.
            Back again.
            1 step · # s · session: # tokens · ctx 1%
            auto >
        "#]],
    );
}

#[test]
fn a_question_gets_the_terminal_and_gives_it_back() {
    let world = World::new(
        &[],
        "> run_command {\"command\": \"touch made\"}\n---\nAsked.\n---\n> run_command {\"command\": \"touch other\"}\n---\nNo.",
    );
    let Some(terminal) = Terminal::open(&world, &["chat", "--confirm"], SIZE, &[]) else { return };
    terminal.wait_for("confirm >");
    terminal.say("Make it.");
    terminal.wait_for("allow? [");
    terminal.press("y");
    terminal.wait_until("the prompt", |screen| screen.contains("ctx") && screen.ends_with("confirm >"));
    assert!(world.workspace().join("made").exists());
    terminal.say("Another.");
    terminal.wait_until("a question", |screen| screen.contains("$ touch other"));
    terminal.press("C-c");
    terminal.wait_until("the prompt", |screen| screen.matches("ctx").count() == 2);
    // Whoever waited for the answer must not take the next keys.
    terminal.type_text("still all of it");
    terminal.wait_for("confirm > still all of it");
    assert!(!world.workspace().join("other").exists());
}

#[test]
fn without_a_terminal_there_is_help_and_a_hint() {
    let world = World::new(&[], "Done.");
    let told = world.agent(&[]);
    assert!(told.code == 2 && told.stderr.contains("Usage: agent") && told.stdout.is_empty(), "{told:?}");
    let told = world.agent(&["chat"]);
    assert_eq!(told.code, 2);
    expect![[r#"
        error: chat needs a terminal
        hint: run one task instead: agent run "...", or `... | agent run -`
    "#]]
    .assert_eq(&told.stderr);
}
