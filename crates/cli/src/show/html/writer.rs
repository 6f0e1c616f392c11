//! HTML that grows. Markup comes from this program's own source; text from outside has one way in, and is inert there.

use crate::harmless::harmless;

#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup. `'static`, so that nothing a model or a tool wrote can be passed.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Html {
        self.0.push_str(markup);
        self
    }

    /// Text from anywhere, between tags or within the quotes of an attribute.
    pub(super) fn text(&mut self, text: &str) -> &mut Html {
        for character in harmless(text).chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    pub(super) fn number(&mut self, number: usize) -> &mut Html {
        self.text(&number.to_string())
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let mut html = Html::default();
        html.markup("<p title=\"").text("\"><script>'&").markup("\">").text("</p>\u{0}\u{1b}[31m\u{202e}");
        assert_eq!(html.finish(), "<p title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">&lt;/p&gt;␀␛[31m&lt;U+202E&gt;");
    }
}
