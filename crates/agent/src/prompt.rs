//! The first message: who the model is here, where it is, what the repository asks. Pure.

use crate::clip::Clipped;
use crate::guidance::FILE_NAME;
use crate::nudge::Supervision;
use crate::survey::Guidance;

/// What holds for every run. Its length is paid for with every request; a test bounds it.
const PROMPT: &str = include_str!("prompt.md");
/// Where [`PROMPT`] says what a reply is.
const REPLY: &str = "{REPLY}";
/// Tuned on Qwen2.5-Coder 1.5B, which otherwise writes the code into its words.
const CALLS_ONLY: &str = "Every reply is a tool call and nothing else, until the task is done. Code that you write outside \
                          a tool call changes nothing.";
const CALLS_WITH_WORDS: &str = "Until the task is done, every reply contains a tool call. You may say in one sentence what \
                                you do next. Code outside a tool call changes nothing.";
/// About 2,000 tokens, for all of them together.
const MAX_AGENTS_MD: usize = 8_000;
/// Of one above a long one: its first lines.
const LEAST_AGENTS_MD: usize = 500;
const MAX_LISTING: usize = 1_000;

/// The environment, gathered by the cli.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// For example `linux x86_64`.
    pub os: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    /// The workspace root as an absolute path.
    pub root: String,
    /// Directories beside it, each with what else there is to say of it.
    pub added: Vec<String>,
    /// One line, for example ``branch `main`, 2 files changed``; `None` outside git.
    pub git: Option<String>,
    /// Names at the top of the workspace, directories with a slash.
    pub listing: Vec<String>,
    /// How many more names there are.
    pub listing_left_out: usize,
    /// From the repository's root down to the workspace.
    pub guidance: Vec<Guidance>,
    /// How closely the model is led.
    pub supervision: Supervision,
}

/// The system message.
pub fn opening(facts: &Facts) -> String {
    let mut text = prompt(facts.supervision);
    text.push_str(&format!("\n\nWorkspace: {} ({}). Today is {}.", facts.root, facts.os, facts.date));
    match &facts.git {
        Some(git) => text.push_str(&format!(" Git: {git}.")),
        None => text.push_str(" Not a git repository."),
    }
    if !facts.added.is_empty() {
        text.push_str(&format!("\nYou can also access, by absolute path: {}.", facts.added.join(", ")));
    }
    if facts.listing.is_empty() {
        text.push_str("\nThe workspace is empty.");
    } else {
        text.push_str(&format!("\nTop level: {}", listing(facts)));
    }
    for (guidance, most) in facts.guidance.iter().zip(shares(&facts.guidance)) {
        let place = if guidance.place == FILE_NAME { String::new() } else { format!(" ({})", guidance.place) };
        let agents_md = Clipped::to(guidance.text.trim_end(), most);
        text.push_str(&format!("\n\nThe repository's AGENTS.md{place}:\n{}", agents_md.as_str()));
    }
    text
}

fn prompt(supervision: Supervision) -> String {
    let reply = match supervision {
        Supervision::Light => CALLS_WITH_WORDS,
        Supervision::Close | Supervision::Anew => CALLS_ONLY,
    };
    PROMPT.trim_end().replace(REPLY, reply)
}

/// How much of each is shown: the nearest first, and what it leaves to the ones above it.
fn shares(guidance: &[Guidance]) -> Vec<usize> {
    let mut left = MAX_AGENTS_MD;
    let mut shares: Vec<usize> = guidance
        .iter()
        .rev()
        .map(|guidance| {
            let share = left.max(LEAST_AGENTS_MD);
            left = left.saturating_sub(guidance.text.trim_end().len());
            share
        })
        .collect();
    shares.reverse();
    shares
}

/// For the human: which of them are too long to be shown whole.
pub(crate) fn cut(guidance: &[Guidance]) -> Vec<String> {
    let all = guidance.iter().zip(shares(guidance));
    let cut = all.filter(|(guidance, most)| *most < guidance.text.trim_end().len());
    cut.map(|(Guidance { place, text }, most)| {
        format!("the model sees only {most} of the {} bytes of {place}: keep it short", text.len())
    })
    .collect()
}

fn listing(facts: &Facts) -> String {
    let mut shown = String::new();
    let mut left_out = facts.listing_left_out;
    for name in &facts.listing {
        if shown.len() + name.len() < MAX_LISTING {
            if !shown.is_empty() {
                shown.push(' ');
            }
            shown.push_str(name);
        } else {
            left_out += 1;
        }
    }
    if 0 < left_out {
        shown.push_str(&format!(" and {left_out} more"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn guidance(place: &str, text: &str) -> Guidance {
        Guidance { place: place.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn facts_stand_after_the_prompt() {
        let facts = Facts {
            os: "linux x86_64".to_owned(),
            date: "2026-11-23".to_owned(),
            root: "/w".to_owned(),
            added: vec!["/shared".to_owned(), "/data (read only)".to_owned()],
            git: Some("branch `main`, clean".to_owned()),
            listing: vec!["src/".to_owned(), "a.py".to_owned()],
            listing_left_out: 3,
            guidance: vec![guidance("/repo/AGENTS.md", "Be brief.\n"), guidance("AGENTS.md", "Use tabs.\n")],
            supervision: Supervision::Light,
        };
        let text = opening(&facts);
        expect![[r#"


            Workspace: /w (linux x86_64). Today is 2026-11-23. Git: branch `main`, clean.
            You can also access, by absolute path: /shared, /data (read only).
            Top level: src/ a.py and 3 more

            The repository's AGENTS.md (/repo/AGENTS.md):
            Be brief.

            The repository's AGENTS.md:
            Use tabs."#]]
        .assert_eq(text.strip_prefix(&prompt(Supervision::Light)).unwrap());
    }

    #[test]
    fn only_small_models_are_kept_from_saying_what_they_do_next() {
        for supervision in [Supervision::Close, Supervision::Anew] {
            assert!(
                prompt(supervision)
                    .contains("\n- Every reply is a tool call and nothing else, until the task is done. ")
            );
        }
        let capable = prompt(Supervision::Light);
        assert!(!capable.contains("nothing else") && capable.contains("what you do next") && !capable.contains(REPLY));
    }

    #[test]
    fn everything_that_grows_with_the_repository_is_bounded() {
        let long = "y".repeat(1_000_000);
        let guidance = vec![guidance("/repo/AGENTS.md", &long), guidance("AGENTS.md", &long)];
        assert_eq!(
            cut(&guidance),
            [
                "the model sees only 500 of the 1000000 bytes of /repo/AGENTS.md: keep it short",
                "the model sees only 8000 of the 1000000 bytes of AGENTS.md: keep it short"
            ]
        );
        let facts = Facts { listing: vec!["x".repeat(200); 500], guidance, ..Facts::default() };
        let most = PROMPT.len() + MAX_AGENTS_MD + LEAST_AGENTS_MD + MAX_LISTING + 500;
        assert!(opening(&facts).len() < most);
        assert_eq!(cut(&[super::tests::guidance("AGENTS.md", "short")]), Vec::<String>::new());
    }
}
