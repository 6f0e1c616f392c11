//! The table of modes and rules, and commands that other people wrote down as safe or not.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::effect::FileMode;

fn write(path: &str) -> Effect {
    let change = Change { path: path.into(), before: None, after: Some(Vec::new()), mode: FileMode::Keep };
    Effect::Write { changes: vec![change] }
}

fn run(command: &str) -> Effect {
    Effect::Run { command: command.to_owned(), timeout: Duration::from_secs(1) }
}

fn rules(texts: &[&str]) -> Vec<Rule> {
    texts.iter().map(|text| Rule::parse(text).unwrap()).collect()
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Ask(_) => "ask",
        Verdict::Deny(_) => "deny",
    }
}

/// One row an effect, one column a mode.
#[track_caller]
fn check(rules: &Rules, expected: Expect) {
    let modes = [Mode::ReadOnly, Mode::Confirm, Mode::AcceptEdits, Mode::Auto];
    let read = Effect::Read { path: "a".into(), max_bytes: 1 };
    let mut table = String::new();
    for (name, effect) in [
        ("read a", read),
        ("edit a", write("a")),
        ("edit docs/a", write("docs/a")),
        ("ls", run("ls")),
        ("cargo test", run("cargo test")),
        ("cargo test > a", run("cargo test > a")),
        ("git push", run("git push")),
        ("ls; git push", run("ls; git push")),
        ("cat <<X", run("cat <<X\nX")),
    ] {
        let verdicts =
            modes.map(|mode| format!("{:<5}", word(&ApprovalPolicy::with_rules(mode, rules.clone()).judge(&effect))));
        table += &format!("{name:<14} {}\n", verdicts.join(" ").trim_end());
    }
    expected.assert_eq(&table);
}

#[test]
fn the_table_of_modes() {
    check(
        &Rules::default(),
        expect![[r#"
        read a         allow allow allow allow
        edit a         deny  ask   allow allow
        edit docs/a    deny  ask   allow allow
        ls             deny  allow allow allow
        cargo test     deny  ask   ask   allow
        cargo test > a deny  ask   ask   allow
        git push       deny  ask   ask   allow
        ls; git push   deny  ask   ask   allow
        cat <<X        deny  ask   ask   allow
    "#]],
    );
}

#[test]
fn deny_beats_ask_beats_allow() {
    let rules = Rules {
        deny: rules(&["git push", "edit:docs/**"]),
        ask: rules(&["cargo test"]),
        allow: rules(&["git push", "cargo test", "edit:**"]),
    };
    check(
        &rules,
        expect![[r#"
        read a         allow allow allow allow
        edit a         deny  allow allow allow
        edit docs/a    deny  deny  deny  deny
        ls             deny  allow allow allow
        cargo test     deny  ask   ask   ask
        cargo test > a deny  ask   ask   deny
        git push       deny  deny  deny  deny
        ls; git push   deny  deny  deny  deny
        cat <<X        deny  ask   ask   deny
    "#]],
    );
}

#[test]
fn git_internals_are_closed_in_every_mode() {
    for mode in [Mode::ReadOnly, Mode::Confirm, Mode::AcceptEdits, Mode::Auto] {
        let rules = Rules { allow: rules(&["edit:**"]), ..Rules::default() };
        let policy = ApprovalPolicy::with_rules(mode, rules);
        for path in [".git/hooks/pre-commit", "sub/.GIT/config", ".git"] {
            assert_eq!(policy.judge(&write(path)), Verdict::Deny(GIT_IS_CLOSED.to_owned()));
        }
        assert_ne!(policy.judge(&write(".gitignore")), Verdict::Deny(GIT_IS_CLOSED.to_owned()));
    }
}

#[test]
fn a_change_of_mode_counts_at_once_and_is_told_once() {
    let mut policy = ApprovalPolicy::new(Mode::Auto);
    let switch = policy.clone().mode_switch();
    assert_eq!(policy.take_mode_change(), None);
    switch.set(Mode::ReadOnly);
    assert_eq!(word(&policy.judge(&run("ls"))), "deny");
    assert!(matches!(policy.take_mode_change(), Some((Mode::ReadOnly, Some(_)))));
    assert_eq!(policy.take_mode_change(), None);
    switch.set(Mode::Confirm);
    assert!(matches!(policy.take_mode_change(), Some((Mode::Confirm, Some(_)))));
    switch.set(Mode::Auto);
    assert_eq!(policy.take_mode_change(), Some((Mode::Auto, None)));
}

#[test]
fn an_approval_for_the_session_is_no_wider_than_what_was_shown() {
    let mut policy = ApprovalPolicy::new(Mode::Confirm);
    let offer = policy.offer(&run("cargo test -p a")).unwrap();
    assert_eq!(offer.to_string(), "commands that start with `cargo test`");
    policy.accept(offer);
    for (command, expected) in [
        ("cargo test", "allow"),
        ("cargo test -p b 2>&1 | tail -5", "allow"),
        ("cargo test; rm -rf .", "ask"),
        ("cargo test > x", "ask"),
        ("cargo run", "ask"),
        ("X=1 cargo test", "ask"),
    ] {
        assert_eq!(word(&policy.judge(&run(command))), expected, "{command}");
    }
    assert_eq!(word(&policy.judge(&write("a"))), "ask");
    policy.accept(policy.offer(&write("a")).unwrap());
    assert_eq!(word(&policy.judge(&write("b"))), "allow");
    assert_eq!(word(&policy.judge(&run("make"))), "ask");
}

#[test]
fn nothing_is_offered_that_a_rule_would_ask_about_all_the_same() {
    let policy =
        ApprovalPolicy::with_rules(Mode::Confirm, Rules { ask: rules(&["cargo", "edit:a"]), ..Rules::default() });
    assert!(policy.offer(&run("cargo test")).is_none());
    assert!(policy.offer(&write("a")).is_none());
    assert!(policy.offer(&write("b")).is_some());
}

/// The commands of ../shared/material: none that needs an approval runs without, few that are safe are asked about.
#[test]
fn commands_that_others_wrote_down() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/material/commands.jsonl");
    #[expect(clippy::disallowed_methods, reason = "a test reads its material")]
    let Ok(material) = std::fs::read_to_string(path) else {
        println!("skipped: no ../shared/material/commands.jsonl beside the repository");
        return;
    };
    let (mut table, mut let_through, mut safe, mut asked) =
        (std::collections::BTreeMap::new(), Vec::new(), 0, Vec::new());
    for row in material.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        // A rule that the configuration would refuse ends the program: nothing runs then.
        let read = |name: &str| -> Option<Vec<Rule>> {
            let texts = row[name].as_array().map(Vec::as_slice).unwrap_or_default();
            texts.iter().map(|text| Rule::parse(text.as_str().unwrap()).ok()).collect()
        };
        let verdict = match (read("denylist"), read("allowlist")) {
            (Some(deny), Some(allow)) => {
                let policy = ApprovalPolicy::with_rules(Mode::Confirm, Rules { deny, ask: Vec::new(), allow });
                word(&policy.judge(&run(row["cmd"].as_str().unwrap())))
            }
            (_, _) => "no run",
        };
        let (expected, command) = (row["expected"].as_str().unwrap().to_owned(), row["cmd"].to_string());
        *table.entry((expected.clone(), verdict)).or_insert(0) += 1;
        match (expected.as_str(), verdict) {
            ("needs_approval", "allow") => let_through.push(command),
            ("safe", "allow") => safe += 1,
            ("safe", _) => asked.push(command),
            (_, _) => (),
        }
    }
    for ((expected, verdict), rows) in &table {
        println!("{expected:<14} {verdict:<6} {rows}");
    }
    println!("safe, and asked about: {asked:#?}");
    assert!(let_through.is_empty(), "{let_through:#?}");
    assert!(asked.len() * 10 <= safe + asked.len(), "{asked:#?}");
}
