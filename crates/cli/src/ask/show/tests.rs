use std::time::Duration;

use agent::{ApprovalPolicy, FileMode, Mode};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const SHEET: Sheet = Sheet { coloured: false, width: 60, rows: 12 };

fn any_change() -> impl Strategy<Value = Change> {
    let bytes = || {
        proptest::option::of(prop_oneof![
            any::<String>().prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..200),
            "(\\PC{0,20}\n){0,9}".prop_map(String::into_bytes),
        ])
    };
    let name = prop_oneof![any::<String>(), "[a\n\r\t/✓\u{301}\u{202e}\u{200b}-]{0,12}"];
    (name, bytes(), bytes()).prop_map(|(name, before, after)| Change {
        path: name.into(),
        before,
        after,
        mode: FileMode::Keep,
    })
}

proptest! {
    // PROPTEST_CASES and `--release` for a longer search.
    #![proptest_config(ProptestConfig::default())]
    /// Names and texts of any kind neither end the program nor put anything unseen into the question.
    #[test]
    fn no_question_panics_or_hides_a_character(
        changes in proptest::collection::vec(any_change(), 0..3),
        words in any::<String>(),
        coloured in any::<bool>(),
        width in 0_usize..90,
        rows in 0_usize..20,
    ) {
        let sheet = Sheet { coloured, width, rows };
        let timeout = Duration::from_secs(1);
        for effect in [
            Effect::Write { changes: changes.clone() },
            Effect::Run { command: words.clone(), timeout },
            Effect::Start { command: words.clone() },
            Effect::Read { path: words.clone().into(), max_bytes: 1 },
        ] {
            let offer = ApprovalPolicy::new(Mode::Confirm).offer(&effect);
            let why = words.as_str();
            let question = Question { effect: &effect, root: Path::new("/w"), why, offer: offer.as_ref() };
            let around = Around { reason: words.clone(), calls: vec![words.clone(); 2], at: 0, fence: String::new() };
            let (shown, _) = super::effect(&question, &around, sheet);
            let all = shown + &whole(&effect, sheet) + &details(&question, &around);
            let plain = if coloured { all.replace('\u{1b}', "") } else { all };
            let hidden = plain.chars().find(|one| exact(&one.to_string(), LookAlikes::Letters).starts_with('<') && *one != '<');
            prop_assert_eq!(hidden, None);
            prop_assert!(!plain.contains(|one: char| one.is_control() && !matches!(one, '\n' | '\t')));
        }
    }
}

#[track_caller]
fn check(effect: Effect, around: &Around, expected: Expect) {
    let offer = ApprovalPolicy::new(Mode::Confirm).offer(&effect);
    let question = Question { effect: &effect, root: Path::new("/w"), why: "so it is", offer: offer.as_ref() };
    let (shown, cut) = super::effect(&question, around, SHEET);
    let details = details(&question, around);
    expected.assert_eq(&format!("{shown}cut: {cut}\n----\n{details}"));
}

fn write(before: Option<&str>, after: Option<&str>) -> Effect {
    let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
    let change = Change { path: "a.rs".into(), before: bytes(before), after: bytes(after), mode: FileMode::Keep };
    Effect::Write { changes: vec![change] }
}

#[test]
fn a_command_as_it_will_run() {
    let effect =
        Effect::Run { command: "cargo test | \\\n  tail -3\u{1b}[2J".to_owned(), timeout: Duration::from_secs(9) };
    let around = Around {
        reason: "I run the tests.\nThen more.".to_owned(),
        calls: vec!["run_command cargo test".to_owned(), "read_file a".to_owned()],
        at: 0,
        fence: "commands are sandboxed".to_owned(),
    };
    check(
        effect,
        &around,
        expect![[r#"
            1 of 2: run_command cargo test
            2 of 2: read_file a
            run a command · 1 of 2
              $ cargo test | \
                  tail -3␛[2J
              in /w, timeout 9 s
              the model says: I run the tests. …
            cut: false
            ----
            asked because so it is
            cannot tell what it runs: it has invisible characters
            commands are sandboxed
            it can only be allowed once
        "#]],
    );
}

#[test]
fn a_change_with_its_numbers() {
    let before: String = (1..=30).map(|line| format!("line {line}\n")).collect();
    let after = before.replace("line 3\n", "").replace("line 20\n", "line 20\nmore\n");
    check(
        write(Some(&before), Some(&after)),
        &Around::default(),
        expect![[r#"
            change a.rs +1 -1
            --- a/a.rs
            +++ b/a.rs
                 ⋮
                1   line 1
                2   line 2
                3 - line 3
                3   line 4
                4   line 5
                5   line 6
                 ⋮
               17   line 18
               18   line 19
              ... 5 more lines: v shows all
            cut: true
            ----
            asked because so it is
              a.rs +1 -1: 229 bytes after the edit
            all files are written or none; none if one has changed on disk
            a allows for the rest of the session: all edits in the workspace (mode accept-edits)
        "#]],
    );
    check(
        write(None, Some("fn a() {}\n")),
        &Around::default(),
        expect![[r#"
            change new a.rs +1 -0
            --- /dev/null
            +++ b/a.rs
                 ⋮
                1 + fn a() {}
            cut: false
            ----
            asked because so it is
              new a.rs +1 -0: 10 bytes after the edit
            all files are written or none; none if one has changed on disk
            a allows for the rest of the session: all edits in the workspace (mode accept-edits)
        "#]],
    );
    check(
        write(Some("x"), None),
        &Around::default(),
        expect![[r#"
            change deleted a.rs +0 -1
            --- a/a.rs
            +++ /dev/null
                 ⋮
                1 - x
                  \  No newline at end of file
            cut: false
            ----
            asked because so it is
              deleted a.rs +0 -1: nothing after the edit
            all files are written or none; none if one has changed on disk
            a allows for the rest of the session: all edits in the workspace (mode accept-edits)
        "#]],
    );
}
