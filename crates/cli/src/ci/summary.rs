//! The Markdown summary for a job's page, and the pull request's text. What the model or a file says in it is inert.
//! Pure.

use super::result::{CiResult, Outcome};
use super::words::Words;

/// Files that are listed.
const MOST_FILES: usize = 50;

/// The page of the job.
pub(crate) fn markdown(result: &CiResult) -> String {
    let mut text = format!("## agent ci: {}\n\n", result.outcome.words());
    if let Some(reason) = &result.reason {
        text.push_str(&format!("{}\n\n", inert(reason)));
    }
    if let Some(hint) = result.hint.as_ref().filter(|_| result.outcome != Outcome::Changed) {
        text.push_str(&format!("Hint: {}\n\n", inert(hint)));
    }
    if let Some(pull_request) = &result.pull_request {
        let draft = if pull_request.draft { " (draft)" } else { "" };
        text.push_str(&format!("Pull request: <{}>{draft}\n\n", pull_request.url));
    }
    if !result.summary.is_empty() {
        text.push_str(&format!("{}\n\n", quote(&result.summary)));
    }
    text.push_str(&tables(result));
    for found in &result.secrets {
        text.push_str(&format!("- secret: {}\n", inert(&found.to_string())));
    }
    for file in &result.ci_files {
        text.push_str(&format!("- file that CI runs: {}\n", inert(file)));
    }
    for note in &result.notes {
        text.push_str(&format!("- {}\n", inert(note)));
    }
    text.push_str(&format!("\n{}\n", numbers(result)));
    text
}

/// The text of a pull request: what was done, how it was checked, and who did it.
pub(crate) fn pull_request(words: &Words, result: &CiResult) -> String {
    let mut text = format!("{}\n\n", inert_lines(&words.body));
    text.push_str(&tables(result));
    if let Some(issue) = result.issue {
        text.push_str(&format!("\nCloses #{issue}\n"));
    }
    text.push_str(&format!("\n---\n{}\nA person must review this: a model wrote it.\n", numbers(result)));
    text
}

fn tables(result: &CiResult) -> String {
    let mut text = String::new();
    if !result.files.is_empty() {
        text.push_str("| file | + | - |\n| --- | --- | --- |\n");
        for file in result.files.iter().take(MOST_FILES) {
            text.push_str(&format!("| {} | {} | {} |\n", inert(&file.path), file.added, file.removed));
        }
        let more = result.files.len().saturating_sub(MOST_FILES);
        if 0 < more {
            text.push_str(&format!("| and {more} more | | |\n"));
        }
    }
    if !result.checks.is_empty() {
        text.push_str("\n| check | before | after |\n| --- | --- | --- |\n");
        for check in &result.checks {
            let after = check.after.as_ref().map_or("not run", |after| after.how.as_str());
            text.push_str(&format!(
                "| {} | {} | {} |\n",
                inert(&check.command),
                inert(&check.before.how),
                inert(after)
            ));
        }
    }
    text
}

fn numbers(result: &CiResult) -> String {
    let totals = &result.totals;
    let cost = totals.cost_usd.map(|cost| format!(", USD {cost:.4}")).unwrap_or_default();
    let model = result.model.as_deref().unwrap_or("no model");
    let session = result.session.as_deref().unwrap_or("none");
    format!(
        "{}: {}, {} tokens in, {} out{cost}. Session {session}.",
        inert(model),
        agent::counted(totals.steps, "step"),
        totals.input_tokens,
        totals.output_tokens
    )
}

/// One line in which Markdown and HTML mean nothing, and nobody is notified.
pub(crate) fn inert(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '|' | '~' | '#' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("@\u{200b}"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    // A bare address is made a link.
    out.replace("://", ":\u{200b}//")
}

fn inert_lines(text: &str) -> String {
    text.lines().map(inert).collect::<Vec<String>>().join("\n")
}

fn quote(text: &str) -> String {
    text.lines().map(|line| format!("> {}", inert(line))).collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_a_model_says_is_inert() {
        expect![[r#"\!\[x\](http:·//evil/p.png) &lt;img src=x&gt; @·admin \#1 \`a\`"#]]
            .assert_eq(&inert("![x](http://evil/p.png) <img src=x> @admin #1 `a`").replace('\u{200b}', "·"));
    }

    #[test]
    fn a_page_says_how_it_ended_first() {
        let mut result = CiResult { summary: "Done.\n::error::x".to_owned(), ..CiResult::default() };
        result.ends(Outcome::Withheld, crate::hint::Exit::Withheld, "a.txt:1: a GitHub token", "take it out");
        expect![[r#"
            ## agent ci: withheld: the change must not be published

            a.txt:1: a GitHub token

            Hint: take it out

            > Done.
            > ::error::x


            no model: 0 steps, 0 tokens in, 0 out. Session none.
        "#]]
        .assert_eq(&markdown(&result));
    }
}
