//! Session lines in, text or a page out.

use expect_test::{Expect, expect};
use session::Session;

use super::story::Story;
use super::{html, text};

pub(super) const HEADER: &str = r#"{"session":1,"id":"i","created":"2026-11-25T09:59:58.000Z","workspace":"/w","model":"m","price":{"input":0.4,"cached":0.04,"output":2.0},"agent":"0.1.0"}"#;

/// Two calls of one step, one of them never answered.
pub(super) const STEP: &str = r#"{"at":"2026-11-25T10:00:00.000Z","entry":"user","text":"Mend <it>."}
{"at":"2026-11-25T10:00:02.500Z","entry":"reply","text":"Let *me*.","calls":[{"id":"c1","name":"run_command","arguments":{"object":{"command":"false","timeout_seconds":9}}},{"id":"c2","name":"apply_diff","arguments":{"object":{"diff":"--- a/x\n+++ b/x\n@@\n-1\n+2\n"}}}],"usage":{"input":12000,"cached":10000,"output":50}}
{"at":"2026-11-25T10:01:02.600Z","entry":"outcome","call_id":"c1","tool":"run_command","outcome":{"outcome":"done","text":"(no output)\n[exit code 1]"}}"#;

pub(super) fn with_story<T>(lines: &str, use_it: impl Fn(&Story<'_>) -> T) -> T {
    with_header(HEADER, lines, use_it)
}

pub(super) fn with_header<T>(header: &str, lines: &str, use_it: impl Fn(&Story<'_>) -> T) -> T {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{header}\n{lines}\n")).unwrap();
    let session = Session::read(file.path()).unwrap();
    assert_eq!(session.notices, [""; 0]);
    use_it(&Story::of(&session))
}

#[track_caller]
fn check_text(lines: &str, expected: Expect) {
    expected.assert_eq(&with_story(lines, text::render));
}

/// What is between the main tags of the page.
#[track_caller]
fn check_page(lines: &str, expected: Expect) {
    let page = with_story(lines, html::render);
    let (_, main) = page.split_once("<main id=\"main\" tabindex=\"-1\">\n").unwrap();
    expected.assert_eq(main.split_once("</main>").unwrap().0);
}

#[test]
fn a_step_as_text() {
    check_text(
        STEP,
        expect![[r#"
            session i
            2026-11-25T09:59:58.000Z in /w, m
            1 step · 1 m 02 s · 12,000 in (10,000 cached), 50 out · USD 0.0013

            --- user
            Mend <it>.

            --- step 1 · 10:00:02 · 1 m 02 s · 12,000 in (10,000 cached), 50 out · USD 0.0013
            Let *me*.

            > run_command false
            timeout_seconds:
              9
            (no output)
            [exit code 1]

            > apply_diff (no outcome)
            diff:
              --- a/x
              +++ b/x
              @@
              -1
              +2
        "#]],
    );
}

#[test]
fn a_step_as_a_page() {
    check_page(
        STEP,
        expect![[r##"
            <section class="part user" id="task-1"><h2>You</h2><div class="said">Mend &lt;it&gt;.</div></section>
            <article class="part step" id="step-1" aria-labelledby="h-1">
            <div class="top"><h2 id="h-1"><a class="anchor" title="Link to this step; a click copies it" href="#step-1">Step 1</a></h2><p class="figures"><span>10:00:02</span> · <span>1 m 02 s</span> · <span>12,000 in (10,000 cached), 50 out</span> · <span>USD 0.0013</span></p></div>
            <div class="words"><p>Let <em>me</em>.</p></div>
            <details class="call bad" open><summary><span class="mark" aria-hidden="true">!</span> <b>run_command</b> <code>false</code> <span class="state">exit code 1 · 1 m 00 s</span></summary>
            <p class="name">timeout_seconds</p><pre class="argument">9</pre>
            <pre>(no output)
            [exit code 1]</pre></details>
            <details class="call bad" open><summary><span class="mark" aria-hidden="true">?</span> <b>apply_diff</b> <code>x</code> <span class="state">no result: the program died</span></summary>
            <p class="name"><code>x</code> <span class="plus">+1</span> <span class="minus">−1</span></p><pre class="diff"><del>-1</del><ins>+2</ins></pre>
            </details>
            </article>
        "##]],
    );
}

#[test]
fn times_without_sense_are_none() {
    let back = r#"{"at":"2026-11-25T09:00:00.000Z","entry":"reply","text":"Done."}
{"at":"yesterday","entry":"reply","text":"Done."}
{"at":"2026-11-25T09:00:01.000Z","finish":"limit_reached","reason":"the 2-step limit","steps":2}"#;
    check_text(
        back,
        expect![[r#"
        session i
        2026-11-25T09:59:58.000Z in /w, m
        2 steps · 0 ms · at least 0 in, 0 out

        --- step 1 · 09:00:00 · 0 ms · tokens not reported
        Done.

        --- step 2 · yesterday · 0 ms · tokens not reported
        Done.

        --- end
        limit reached: the 2-step limit after 2 steps
    "#]],
    );
}

#[test]
fn texts_are_cut_until_the_page_is_small() {
    let line = |number: usize| {
        let text = format!("begin{number} {}", "word ".repeat(6_000));
        format!(r#"{{"at":"2026-11-25T10:00:00.000Z","entry":"reply","text":"{text} end"}}"#)
    };
    let lines: Vec<String> = (0..100).map(line).collect();
    let page = with_story(&lines.join("\n"), html::render);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(page.contains("begin99") && page.contains(" end") && page.contains("bytes omitted ...]"));
    let page = with_story(&lines[..2].join("\n"), html::render);
    assert!(!page.contains("bytes omitted"));
}
