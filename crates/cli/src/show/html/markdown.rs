//! The model's words as Markdown. Raw HTML in them is text, images are links, and links go to the web only.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::writer::Html;

pub(super) fn markdown(html: &mut Html, text: &str) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    // Which of the open links became a link.
    let mut links = Vec::new();
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let safe = is_safe(&dest_url);
                links.push(safe);
                if safe {
                    html.markup("<a rel=\"noreferrer\" href=\"").text(&dest_url);
                    html.markup("\" title=\"").text(&dest_url).markup("\">");
                }
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if links.pop() == Some(true) {
                    html.markup("</a>");
                }
            }
            Event::Start(tag) => start(html, &tag),
            Event::End(tag) => end(html, tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                html.text(&text);
            }
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                html.markup("<code>").text(&text).markup("</code>");
            }
            Event::SoftBreak => {
                html.markup("\n");
            }
            Event::HardBreak => {
                html.markup("<br>");
            }
            Event::Rule => {
                html.markup("<hr>");
            }
            Event::TaskListMarker(done) => {
                html.markup(if done { "☑ " } else { "☐ " });
            }
            Event::FootnoteReference(name) => {
                html.text(&name);
            }
        }
    }
}

/// Others (`javascript:`, `file:`, paths) are shown as text.
fn is_safe(url: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| url.starts_with(scheme))
}

fn start(html: &mut Html, tag: &Tag<'_>) {
    match tag {
        Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => html.markup("<pre><code>"),
        Tag::List(Some(first)) => html.markup("<ol start=\"").text(&first.to_string()).markup("\">"),
        Tag::Paragraph => html.markup("<p>"),
        // The page has the first two levels.
        Tag::Heading { level: HeadingLevel::H1 | HeadingLevel::H2, .. } => html.markup("<h3>"),
        Tag::Heading { .. } => html.markup("<h4>"),
        Tag::BlockQuote(_) => html.markup("<blockquote>"),
        Tag::List(None) => html.markup("<ul>"),
        Tag::Item => html.markup("<li>"),
        Tag::Table(_) => html.markup("<table>"),
        Tag::TableHead => html.markup("<thead><tr>"),
        Tag::TableRow => html.markup("<tr>"),
        Tag::TableCell => html.markup("<td>"),
        Tag::Emphasis => html.markup("<em>"),
        Tag::Strong => html.markup("<strong>"),
        Tag::Strikethrough => html.markup("<s>"),
        // Not asked for in the options, or written elsewhere.
        Tag::Link { .. }
        | Tag::Image { .. }
        | Tag::HtmlBlock
        | Tag::FootnoteDefinition(_)
        | Tag::DefinitionList
        | Tag::DefinitionListTitle
        | Tag::DefinitionListDefinition
        | Tag::Superscript
        | Tag::Subscript
        | Tag::MetadataBlock(_) => html,
    };
}

fn end(html: &mut Html, tag: TagEnd) {
    let markup = match tag {
        TagEnd::CodeBlock => "</code></pre>",
        TagEnd::List(true) => "</ol>",
        TagEnd::Paragraph => "</p>",
        TagEnd::Heading(HeadingLevel::H1 | HeadingLevel::H2) => "</h3>",
        TagEnd::Heading(_) => "</h4>",
        TagEnd::BlockQuote(_) => "</blockquote>",
        TagEnd::List(false) => "</ul>",
        TagEnd::Item => "</li>",
        TagEnd::Table => "</table>",
        TagEnd::TableHead => "</tr></thead>",
        TagEnd::TableRow => "</tr>",
        TagEnd::TableCell => "</td>",
        TagEnd::Emphasis => "</em>",
        TagEnd::Strong => "</strong>",
        TagEnd::Strikethrough => "</s>",
        TagEnd::Link
        | TagEnd::Image
        | TagEnd::HtmlBlock
        | TagEnd::FootnoteDefinition
        | TagEnd::DefinitionList
        | TagEnd::DefinitionListTitle
        | TagEnd::DefinitionListDefinition
        | TagEnd::Superscript
        | TagEnd::Subscript
        | TagEnd::MetadataBlock(_) => "",
    };
    html.markup(markup);
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let mut html = Html::default();
        markdown(&mut html, text);
        expected.assert_eq(&html.finish());
    }

    #[test]
    fn the_usual_forms() {
        check(
            "# Done\nIt *really* **works**: `a < b`.\n\n1. one\n2. two\n   - deep\n",
            expect![[
                r#"<h3>Done</h3><p>It <em>really</em> <strong>works</strong>: <code>a &lt; b</code>.</p><ol start="1"><li>one</li><li>two<ul><li>deep</li></ul></li></ol>"#
            ]],
        );
        check(
            "```sh\nls <x>\n```\n> said\n\n---\n- [x] yes\n- [ ] no",
            expect![[r#"
            <pre><code>ls &lt;x&gt;
            </code></pre><blockquote><p>said</p></blockquote><hr><ul><li>☑ yes</li><li>☐ no</li></ul>"#]],
        );
        check(
            "| a | b |\n|---|---|\n| 1 | ~~2~~ |\n",
            expect!["<table><thead><tr><td>a</td><td>b</td></tr></thead><tr><td>1</td><td><s>2</s></td></tr></table>"],
        );
    }

    #[test]
    fn html_is_text() {
        check(
            "<script>alert(1)</script>\n\nA <img src=x onerror=alert(1)> b &lt; c",
            expect![[r#"
            &lt;script&gt;alert(1)&lt;/script&gt;
            <p>A &lt;img src=x onerror=alert(1)&gt; b &lt; c</p>"#]],
        );
        check(
            "```\n</code></pre><script>\n```",
            expect![[r#"
            <pre><code>&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;
            </code></pre>"#]],
        );
        check("**<b onclick=x>**", expect!["<p><strong>&lt;b onclick=x&gt;</strong></p>"]);
    }

    #[test]
    fn links_go_to_the_web_only() {
        check(
            "[a](https://e.example/?q=\"x\") [b](javascript:alert(1)) [c](src/a.rs) ![d](https://e.example/d.png)",
            expect![[
                r#"<p><a rel="noreferrer" href="https://e.example/?q=&quot;x&quot;" title="https://e.example/?q=&quot;x&quot;">a</a> b c <a rel="noreferrer" href="https://e.example/d.png" title="https://e.example/d.png">d</a></p>"#
            ]],
        );
        check(
            "<https://e.example> [x]( java\u{1}script:x) [y](data:text/html,<script>)",
            expect![[
                r#"<p><a rel="noreferrer" href="https://e.example" title="https://e.example">https://e.example</a> [x]( java␁script:x) y</p>"#
            ]],
        );
    }

    #[test]
    fn depth_is_no_trouble() {
        let mut html = Html::default();
        markdown(&mut html, &format!("{}x{}", ">".repeat(5_000), "[".repeat(5_000)));
        assert!(html.finish().contains('x'));
    }
}
