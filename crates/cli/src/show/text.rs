//! A session as plain text, for a terminal or a pipe. Pure.

use agent::ToolOutcome;

use crate::harmless::{harmless, one_line};
use crate::human;
use crate::show::story::{Called, Part, Step, Story, cost, grouped, time, tokens};

/// Columns of the line of a call.
const TITLE_WIDTH: usize = 120;

pub(super) fn render(story: &Story<'_>) -> String {
    let header = &story.session.header;
    let mut shown =
        format!("session {}\n{} in {}, {}\n", header.id, header.created, header.workspace, header.served.model);
    shown = harmless(&shown);
    shown.push_str(&format!("{}\n", totals(story)));
    for part in &story.parts {
        match part {
            Part::System(text) => shown.push_str(&format!("\n--- system ({} bytes)\n", text.len())),
            Part::User(text) => shown.push_str(&format!("\n--- user\n{}\n", harmless(text))),
            Part::Step(step) => shown.push_str(&render_step(step)),
            Part::Condensed(text) => {
                shown.push_str(&format!("\n--- compacted: from here on the model sees\n{}\n", harmless(text)));
            }
            Part::Resumed(model) => shown.push_str(&format!("\n--- resumed with {}\n", harmless(model))),
            Part::End(end) => {
                let steps = end.get("steps").and_then(serde_json::Value::as_u64).unwrap_or_default();
                let how = harmless(&super::story::ending(end));
                shown.push_str(&format!("\n--- end\n{how} after {}\n", agent::counted(steps, "step")));
            }
        }
    }
    shown
}

/// What it took in all, in one line.
fn totals(story: &Story<'_>) -> String {
    let spent = &story.spent;
    let usage = agent::Usage { input: spent.input_tokens, cached: spent.cached_tokens, output: spent.output_tokens };
    let about = if spent.estimated { "at least " } else { "" };
    let cost = spent.cost_usd.filter(|usd| 0.0 < *usd).map(|usd| format!(" · {}", cost(usd))).unwrap_or_default();
    format!(
        "{} {} · {} · {about}{}{cost}",
        grouped(spent.steps.into()),
        agent::plural(&spent.steps, "step"),
        time(story.took),
        tokens(usage)
    )
}

fn render_step(step: &Step<'_>) -> String {
    let mut shown = format!("\n--- step {} · {}\n", step.number, step.figures().join(" · "));
    let text = step.reply.text.trim();
    if !text.is_empty() {
        shown.push_str(&format!("{}\n", harmless(text)));
    }
    for called in &step.calls {
        shown.push_str(&render_call(called));
    }
    shown
}

fn render_call(called: &Called<'_>) -> String {
    let call = called.call;
    let how = match called.outcome {
        Some(ToolOutcome::Done(_)) => "",
        Some(ToolOutcome::Failed(_)) => " (failed)",
        Some(ToolOutcome::Refused(_)) => " (refused)",
        Some(ToolOutcome::Cancelled) => " (cancelled)",
        Some(ToolOutcome::Interrupted) => " (interrupted)",
        None => " (no outcome)",
    };
    let mut shown = format!("\n> {}{how}\n", one_line(&human::title(call), TITLE_WIDTH));
    for (name, value) in super::arguments::unsaid(call, TITLE_WIDTH) {
        shown.push_str(&format!("{}:\n", one_line(name, TITLE_WIDTH)));
        for line in harmless(&value).lines() {
            shown.push_str(&format!("  {line}\n"));
        }
    }
    if let Some(outcome) = called.outcome {
        shown.push_str(&format!("{}\n", harmless(outcome.text().trim_end())));
    }
    shown
}
