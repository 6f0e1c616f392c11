//! What a conversation does to the files, looked at, taken back and condensed from inside it.

use std::fs;

use expect_test::{Expect, expect};

use crate::support::World;
use crate::tmux::Terminal;

#[track_caller]
fn check(screen: &str, from: &str, expected: Expect) {
    let rows: Vec<&str> = screen.lines().collect();
    let first = rows.iter().rposition(|row| row.starts_with(from)).unwrap_or_else(|| panic!("no `{from}`:\n{screen}"));
    expected.assert_eq(&(rows[first..].join("\n") + "\n"));
}

const EDIT: &str = "> apply_diff {\"diff\": \"--- a/calc.py\\n+++ b/calc.py\\n@@\\n-one\\n+two\\n\"}\n---\nIt is two.";

#[test]
fn changes_are_looked_at_taken_back_and_the_model_is_told() {
    let world = World::new(&[("calc.py", "one\n")], &format!("{EDIT}\n---\nI see.\n---\nAgain."));
    let Some(terminal) = Terminal::open(&world, &["chat"], (80, 40), &[]) else { return };
    terminal.wait_for("auto >");
    let calc = || fs::read_to_string(world.workspace().join("calc.py")).unwrap();
    terminal.say("/undo");
    terminal.wait_for("changed no files");
    terminal.say("Make it two.");
    terminal.wait_for("ctx");
    assert_eq!(calc(), "two\n");
    terminal.say("/diff");
    terminal.wait_for("diff --git");
    terminal.say("/undo");
    let screen = terminal.wait_until("the model is told", |screen| screen.ends_with("message\nauto >"));
    check(
        &screen,
        "> /diff",
        expect![[r#"
            > /diff
            diff --git a/calc.py b/calc.py
            --- a/calc.py
            +++ b/calc.py
            @@ -1 +1 @@
            -one
            +two

            > /undo
            reverted step 1:
              restored calc.py
            the model will see this with your next message
            auto >
        "#]],
    );
    assert_eq!(calc(), "one\n");
    terminal.say("What now?");
    terminal.wait_for("I see.");
    let said = world.bodies().last().unwrap()["messages"].to_string();
    assert!(said.contains("The user reverted step 1") && said.contains("- restored `calc.py`"), "{said}");
    terminal.say("/redo");
    terminal.wait_for("reverted the undo");
    assert_eq!(calc(), "two\n");
    terminal.say("/undo ./calc.py");
    terminal.wait_until("a second undo", |screen| screen.matches("reverted step 1").count() == 2);
    assert_eq!(calc(), "one\n");
    terminal.say("/undo");
    let screen = terminal.wait_until("nothing to do", |screen| screen.ends_with("the last undo\nauto >"));
    check(
        &screen,
        "> /redo",
        expect![[r#"
            > /redo
            reverted the undo:
              restored calc.py
            the model will see this with your next message

            > /undo ./calc.py
            reverted step 1:
              restored calc.py
            the model will see this with your next message

            > /undo
            error: all changes of this session are already undone
            hint: `agent redo` reverses the last undo
            auto >
        "#]],
    );
    terminal.say("/quit");
    assert_eq!(terminal.wait_for_end(), 0);
    // Nothing of it is left.
    let screen = terminal.screen();
    assert!(!screen.contains("changed: calc.py"), "{screen}");
}

#[test]
fn a_long_diff_is_paged() {
    let lines: String = (1..=60).map(|line| format!("line {line}\\n")).collect();
    let script = format!("> create_file {{\"filename\": \"a.txt\", \"content\": \"{lines}\"}}\n---\nDone.");
    let world = World::new(&[], &script);
    let env = [("PAGER", "sh -c 'echo PAGED; tail -n 1; read line </dev/tty'")];
    let Some(terminal) = Terminal::open(&world, &["chat", "Write it."], (80, 24), &env) else { return };
    terminal.wait_for("ctx");
    terminal.say("/diff");
    terminal.wait_until("the pager", |screen| screen.ends_with("PAGED\n+line 60"));
    terminal.press("Enter");
    terminal.wait_until("the prompt", |screen| screen.ends_with("auto >"));
    terminal.type_text("and on");
    terminal.wait_for("auto > and on");
}

#[test]
fn ctrl_c_in_the_pager_is_the_pagers() {
    let lines: String = (1..=60).map(|line| format!("line {line}\\n")).collect();
    let script = format!("> create_file {{\"filename\": \"a.txt\", \"content\": \"{lines}\"}}\n---\nDone.");
    let world = World::new(&[], &script);
    let pager = "sh -c 'trap \"echo HELD\" INT; echo PAGED; tail -n 1; until read line </dev/tty; do :; done'";
    let Some(terminal) = Terminal::open(&world, &["chat", "--confirm"], (80, 24), &[("PAGER", pager)]) else { return };
    terminal.wait_for("confirm >");
    terminal.say("Write it.");
    terminal.wait_for("allow? [");
    for times in 1..=2 {
        terminal.press("v");
        terminal.wait_until("the pager", |screen| screen.matches("PAGED").count() == times);
        terminal.press("C-c");
        terminal.wait_until("it lives", |screen| screen.matches("HELD").count() == times);
        terminal.press("Enter");
        terminal.wait_until("the question", |screen| screen.matches("allow? [").count() == times + 1);
    }
    terminal.press("y");
    terminal.wait_for("ctx");
    assert!(world.workspace().join("a.txt").exists() && !terminal.screen().contains("stopping"));
    terminal.say("/diff");
    terminal.wait_until("the pager", |screen| screen.matches("PAGED").count() == 3);
    terminal.press("C-c");
    terminal.wait_until("it lives", |screen| screen.matches("HELD").count() == 3);
    terminal.press("Enter");
    terminal.wait_until("the prompt", |screen| screen.ends_with("confirm >"));
    terminal.type_text("all of it");
    terminal.wait_for("confirm > all of it");
    let screen = terminal.screen();
    assert!(!screen.contains("Ctrl-C again") && !screen.contains("line 59"), "it was not shown twice: {screen}");
}

#[test]
fn another_model_answers_what_is_said_after_it_was_asked_for() {
    let world = World::new(&[], "One.\n---\nTwo.");
    let Some(terminal) = Terminal::open(&world, &["chat"], (80, 40), &[]) else { return };
    terminal.wait_for("auto >");
    terminal.say("First.");
    terminal.wait_for("ctx");
    terminal.say("/model devstral-small-2505");
    terminal.wait_for("retires on");
    // At once: the message is there before the model is found.
    terminal.type_text("/model codestral-latest\rSecond.\r");
    terminal.wait_for("Two.");
    let models: Vec<String> = world.bodies().iter().map(|body| body["model"].to_string()).collect();
    assert_eq!(models, ["\"devstral-medium-latest\"", "\"codestral-latest\""]);
    let session = fs::read_to_string(world.session_file()).unwrap();
    assert!(session.lines().any(|line| line.contains("resumed") && line.contains("codestral-latest")), "{session}");
}

#[test]
fn allowing_all_edits_is_seen_at_once() {
    let script =
        "> create_file {\"filename\": \"a.txt\", \"content\": \"a\\n\"}\n> run_command {\"command\": \"sleep 100\"}";
    let world = World::new(&[], script);
    let arguments = ["chat", "--confirm", "--allow", "sleep"];
    let Some(terminal) = Terminal::open(&world, &arguments, (80, 24), &[]) else { return };
    terminal.wait_for("confirm >");
    terminal.say("Write it.");
    terminal.wait_for("allow? [");
    terminal.press("a");
    terminal
        .wait_until("the command", |screen| screen.contains("run_command sleep") && screen.contains("accept-edits >"));
}

#[test]
fn what_was_said_is_condensed_by_hand() {
    let answer = "Words that go on and on, and on. ".repeat(40);
    let turns: String = (1..=6).map(|turn| format!("{answer} {turn}.\n---\n")).collect();
    let world = World::new(&[], &format!("{turns}## Summary\nWe talked.\n---\nI know."));
    let Some(terminal) = Terminal::open(&world, &["chat"], (100, 50), &[]) else { return };
    terminal.wait_for("auto >");
    terminal.say("/compact");
    terminal.wait_for("not compacted: nothing to compact yet");
    for turn in 1..=6 {
        terminal.say(&format!("Turn {turn}."));
        terminal.wait_until("an answer", |screen| screen.matches("ctx").count() == turn);
    }
    terminal.say("/compact the numbers");
    let screen =
        terminal.wait_until("compacted", |screen| screen.contains("compacted to") && screen.ends_with("auto >"));
    check(
        &screen,
        "> /compact the",
        expect![[r#"
            > /compact the numbers
            compacting the conversation (about # tokens)
            compacted to about # tokens; the session keeps everything
            auto >
        "#]],
    );
    terminal.say("And now?");
    terminal.wait_for("I know.");
}
