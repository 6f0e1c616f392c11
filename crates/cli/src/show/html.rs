//! A session as one HTML page that stands alone: style and script inside, no network, and nothing a model or a tool
//! wrote can act in it. Pure.

mod call;
mod markdown;
mod writer;

use agent::{Clipped, Usage};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use self::call::{call, heading};
use self::markdown::markdown;
use self::writer::Html;
use crate::harmless::one_line;
use crate::show::story::{Part, Step, Story, cost, ending, grouped, time, tokens};

/// How every page begins: a file that begins so may be replaced by a newer page.
pub(super) const MARK: &str = "<!doctype html>\n<!-- agent show --html -->\n";

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// A page that a telephone opens without a thought.
const PAGE_BYTES: usize = 1_900_000;
/// Bytes of one text in it, tried in this order until the page is small enough.
const TEXT_BYTES: [usize; 5] = [100_000, 20_000, 8_000, 3_000, 1_000];

/// More files than these are folded away.
const FILES_SHOWN: usize = 12;

pub(super) fn render(story: &Story<'_>) -> String {
    let mut page = String::new();
    for limit in TEXT_BYTES {
        page = page_with(story, limit);
        if page.len() <= PAGE_BYTES {
            break;
        }
    }
    page
}

fn page_with(story: &Story<'_>, limit: usize) -> String {
    let mut html = Html::default();
    head(&mut html, story);
    html.markup("<body>\n<a class=\"skip\" href=\"#main\">Skip to the conversation</a>\n");
    summary(&mut html, story);
    html.markup(include_str!("html/bar.html"));
    index(&mut html, story);
    html.markup("<main id=\"main\" tabindex=\"-1\">\n");
    let mut asked = 0;
    for part in &story.parts {
        match part {
            Part::System(text) => {
                html.markup(
                    "<section class=\"part system\" aria-label=\"System prompt\"><details><summary>System prompt, ",
                );
                html.text(&grouped(text.len() as u64)).markup(" bytes</summary><pre>").text(&clip(text, limit));
                html.markup("</pre></details></section>\n");
            }
            Part::User(text) => {
                asked += 1;
                html.markup("<section class=\"part user\" id=\"task-")
                    .number(asked)
                    .markup("\"><h2>You</h2><div class=\"said\">");
                html.text(&clip(text, limit)).markup("</div></section>\n");
            }
            Part::Step(step) => self::step(&mut html, step, limit),
            Part::Condensed(text) => {
                html.markup(
                    "<section class=\"part system\" aria-label=\"Compacted\"><details><summary>Compacted: what the \
                     model sees from here on</summary><pre>",
                );
                html.text(&clip(text, limit)).markup("</pre></details></section>\n");
            }
            Part::Resumed(model) => {
                html.markup("<section class=\"part end\"><h2>Resumed</h2><p>with ")
                    .text(model)
                    .markup("</p></section>\n");
            }
            Part::End(end) => {
                html.markup("<section class=\"part end\"><h2>End</h2><p>")
                    .text(&ending(end))
                    .markup("</p></section>\n");
            }
        }
    }
    html.markup("</main>\n<footer><p>Written by agent ").text(&story.session.header.agent);
    html.markup(". Times are UTC. Session ").text(&story.session.header.id);
    html.markup("; all of it: <code>agent show ").text(&story.session.header.id).markup(" --json</code>.</p>");
    html.markup("<p class=\"keys\" hidden>Keys: <kbd>/</kbd> search, <kbd>Enter</kbd> next hit, <kbd>Shift</kbd> <kbd>Enter</kbd> the one before, <kbd>Esc</kbd> done.</p></footer>\n<script>");
    html.markup(SCRIPT).markup("</script>\n</body>\n</html>\n");
    html.finish()
}

fn head(html: &mut Html, story: &Story<'_>) {
    html.markup(MARK).markup("<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.markup("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src ");
    html.markup("'sha256-").text(&hash(STYLE)).markup("'; script-src 'sha256-").text(&hash(SCRIPT));
    html.markup("'; base-uri 'none'; form-action 'none'\">\n");
    html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.markup(
        "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n",
    );
    html.markup("<title>")
        .text(&title(story, 80))
        .markup("</title>\n<style>")
        .markup(STYLE)
        .markup("</style>\n</head>\n");
}

/// As a Content Security Policy writes it: only this style and this script count.
fn hash(source: &str) -> String {
    BASE64_STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, source.as_bytes()))
}

/// What was asked for, in one line.
fn title(story: &Story<'_>, width: usize) -> String {
    let task = story.parts.iter().find_map(|part| match part {
        Part::User(text) => text.lines().find(|line| !line.trim().is_empty()),
        Part::System(_) | Part::Step(_) | Part::Condensed(_) | Part::Resumed(_) | Part::End(_) => None,
    });
    one_line(task.unwrap_or("A session without a task").trim(), width)
}

/// The facts of the whole session.
fn summary(html: &mut Html, story: &Story<'_>) {
    let header = &story.session.header;
    let spent = &story.spent;
    let created = header.created.get(..16).unwrap_or(&header.created).replace('T', " ");
    html.markup("<header>\n<p class=\"kicker\">Session of <time datetime=\"").text(&header.created).markup("\">");
    html.text(&created).markup(" UTC</time></p>\n<h1>").text(&title(story, 160)).markup("</h1>\n<dl>\n");
    let about = if spent.estimated { "at least " } else { "" };
    let usage = Usage { input: spent.input_tokens, cached: spent.cached_tokens, output: spent.output_tokens };
    let window = header.served.context_tokens.map(|tokens| format!(", {}-token window", grouped(tokens)));
    fact(html, "Ended", &story.verdict());
    fact(html, "Model", &format!("{}{}", header.served.model, window.unwrap_or_default()));
    fact(html, "Workspace", &header.workspace);
    fact(html, "Steps", &format!("{} in {}", spent.steps, time(story.took)));
    fact(html, "Tokens", &format!("{about}{}", tokens(usage)));
    match spent.cost_usd {
        Some(0.0) => fact(html, "Cost", "none"),
        Some(usd) => fact(html, "Cost", &format!("{about}{}", cost(usd))),
        None => fact(html, "Cost", "not known"),
    }
    files(html, story);
    html.markup("</dl>\n");
    for notice in &story.session.notices {
        html.markup("<p class=\"notice\" role=\"note\">").text(notice).markup("</p>\n");
    }
    html.markup("</header>\n");
}

fn fact(html: &mut Html, name: &'static str, value: &str) {
    html.markup("<div><dt>").markup(name).markup("</dt><dd>").text(value).markup("</dd></div>\n");
}

/// The files that the last run changed, as its end line has them.
fn files(html: &mut Html, story: &Story<'_>) {
    let Some(Part::End(end)) = story.parts.last() else { return };
    let files = end.get("files").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if files.is_empty() {
        return;
    }
    html.markup("<div><dt>Files</dt><dd>");
    let many = FILES_SHOWN < files.len();
    if many {
        html.markup("<details><summary>").number(files.len()).markup(" files</summary>");
    }
    html.markup("<ul>");
    for file in files {
        let word = |name| file.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name| file.get(name).and_then(Value::as_u64).unwrap_or_default();
        html.markup("<li><code>").text(word("path")).markup("</code> ").text(word("change"));
        html.markup(" <span class=\"plus\">+").text(&number("added").to_string());
        html.markup("</span> <span class=\"minus\">−").text(&number("removed").to_string()).markup("</span></li>");
    }
    html.markup(if many { "</ul></details></dd></div>\n" } else { "</ul></dd></div>\n" });
}

/// One line a step, to go there.
fn index(html: &mut Html, story: &Story<'_>) {
    html.markup("<nav aria-label=\"Steps\"><details id=\"index\"><summary>Steps</summary><ol>\n");
    for step in story.steps() {
        html.markup("<li><a href=\"#step-").number(step.number).markup("\"><b>").number(step.number).markup("</b> ");
        html.text(&heading(step)).markup("</a></li>\n");
    }
    html.markup("</ol></details></nav>\n");
}

fn step(html: &mut Html, step: &Step<'_>, limit: usize) {
    html.markup("<article class=\"part step\" id=\"step-").number(step.number).markup("\" aria-labelledby=\"h-");
    html.number(step.number).markup("\">\n<div class=\"top\"><h2 id=\"h-").number(step.number);
    html.markup("\"><a class=\"anchor\" title=\"Link to this step; a click copies it\" href=\"#step-")
        .number(step.number);
    html.markup("\">Step ").number(step.number).markup("</a></h2><p class=\"figures\">");
    for (index, figure) in step.figures().iter().enumerate() {
        html.markup(if index == 0 { "<span>" } else { " · <span>" }).text(figure).markup("</span>");
    }
    html.markup("</p></div>\n");
    let reply = step.reply;
    if !reply.thinking.trim().is_empty() {
        html.markup("<details class=\"thinking\"><summary>Thinking</summary><div class=\"said\">");
        html.text(&clip(reply.thinking.trim(), limit)).markup("</div></details>\n");
    }
    if !reply.text.trim().is_empty() {
        html.markup("<div class=\"words\">");
        markdown(html, &clip(reply.text.trim(), limit));
        html.markup("</div>\n");
    }
    for called in &step.calls {
        call(html, called, limit);
    }
    html.markup("</article>\n");
}

fn clip(text: &str, limit: usize) -> String {
    Clipped::to(text, limit).as_str().to_owned()
}
