//! Where in a Markdown text a letter stands: what is quoted there is neither a call nor a mark of a thought. Pure.
//!
//! It goes letter by letter and never looks ahead, so a text may come in pieces.

/// The place of the next letter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    line: Line,
    /// The last letter on this line that is not blank.
    last: Option<char>,
    fence: Option<Fence>,
    /// Letters of a kind in a row, up to here: ticks or tildes.
    run: Run,
    /// Ticks that opened code within a line; 0 outside.
    ticks: usize,
    /// A tag that is being written, without its bracket.
    tag: Option<String>,
    /// The element of HTML that quotes.
    element: Option<String>,
}

/// How the line began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Only so many columns of white space so far.
    Blank(usize),
    Text,
    /// A block quote, a row of a table, indented code.
    Quote,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fence {
    letter: char,
    len: usize,
    /// A line that may be its end, if nothing else stands on it.
    ends: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Run {
    letter: char,
    len: usize,
    /// It began the line.
    opens_line: bool,
}

/// Elements that show their text as it is, or as somebody else's.
const QUOTING: &[&str] = &["pre", "code", "blockquote", "samp", "kbd"];

/// Indented code.
const CODE_COLUMNS: usize = 4;
/// The longest name in [`QUOTING`], and a slash.
const TAG_BYTES: usize = 11;

impl Default for Line {
    fn default() -> Line {
        Line::Blank(0)
    }
}

impl Place {
    /// In code, a quotation, a table or an element that quotes.
    pub(crate) fn is_quoted(&self) -> bool {
        let indented = matches!(self.line, Line::Blank(columns) if CODE_COLUMNS <= columns);
        self.fence.is_some()
            || self.ticks > 0
            || (self.run.letter == '`' && self.run.len > 0)
            || self.line == Line::Quote
            || indented
            || self.element.is_some()
    }

    /// Only white space stands before it on its line.
    pub(crate) fn is_at_line_start(&self) -> bool {
        matches!(self.line, Line::Blank(_)) && self.last.is_none()
    }

    /// Not in the middle of a sentence.
    pub(crate) fn is_at_sentence_start(&self) -> bool {
        self.is_at_line_start() || self.last.is_some_and(|last| !last.is_alphanumeric() && !",-_('\"<`*".contains(last))
    }

    pub(crate) fn pass(&mut self, letter: char) {
        if self.run.len > 0 && self.run.letter != letter {
            self.end_run(letter);
        }
        match letter {
            '\n' => self.end_line(),
            '`' | '~' => {
                let opens_line = matches!(self.line, Line::Blank(columns) if columns < CODE_COLUMNS);
                if self.run.len == 0 {
                    self.run = Run { letter, len: 0, opens_line };
                }
                self.run.len += 1;
                self.text(letter);
            }
            ' ' | '\t' | '\r' => {
                if let Line::Blank(columns) = &mut self.line {
                    *columns += if letter == '\t' { CODE_COLUMNS } else { 1 };
                }
            }
            _ => {
                if let Some(fence) = &mut self.fence {
                    fence.ends = false;
                }
                self.text(letter);
            }
        }
        self.pass_tag(letter);
    }

    pub(crate) fn pass_all(&mut self, text: &str) {
        text.chars().for_each(|letter| self.pass(letter));
    }

    /// A letter that is not blank.
    fn text(&mut self, letter: char) {
        self.line = match (self.line, letter) {
            (Line::Blank(columns), _) if CODE_COLUMNS <= columns => Line::Quote,
            (Line::Blank(_), '>' | '|') => Line::Quote,
            // What stands behind the mark of a list may be quoted as at the start of a line.
            (Line::Blank(columns), '-' | '*' | '+') => Line::Blank(columns),
            (Line::Blank(_) | Line::Text, _) => Line::Text,
            (Line::Quote, _) => Line::Quote,
        };
        self.last = Some(letter);
    }

    fn end_run(&mut self, next: char) {
        let Run { letter, len, opens_line } = std::mem::take(&mut self.run);
        match &mut self.fence {
            Some(fence) => {
                let is_end = opens_line && letter == fence.letter && fence.len <= len;
                fence.ends |= is_end && next.is_whitespace();
            }
            None if opens_line && 3 <= len => self.fence = Some(Fence { letter, len, ends: false }),
            None if letter == '`' && self.ticks == len => self.ticks = 0,
            None if letter == '`' && self.ticks == 0 => self.ticks = len,
            None => (),
        }
    }

    fn end_line(&mut self) {
        if self.fence.is_some_and(|fence| fence.ends) {
            self.fence = None;
        }
        // Code within a line ends with its paragraph at the latest.
        if self.last.is_none() {
            self.ticks = 0;
        }
        (self.line, self.last) = (Line::default(), None);
    }

    fn pass_tag(&mut self, letter: char) {
        match (&mut self.tag, letter) {
            (_, '<') => self.tag = Some(String::new()),
            (Some(tag), '>') => {
                let name = tag.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
                self.tag = None;
                if self.fence.is_some() || self.ticks > 0 {
                    return;
                }
                match (&self.element, name.strip_prefix('/')) {
                    (Some(element), Some(closed)) if element == closed => self.element = None,
                    (None, None) if QUOTING.contains(&name.as_str()) => self.element = Some(name),
                    (Some(_) | None, _) => (),
                }
            }
            (Some(tag), letter) if tag.len() < TAG_BYTES || tag.contains(' ') => tag.push(letter),
            (Some(_), _) => self.tag = None,
            (None, _) => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the letters of the text at each `^` are quoted.
    #[track_caller]
    fn check(text: &str, quoted: bool) {
        let mut place = Place::default();
        let mut marks = 0;
        for letter in text.chars() {
            if letter == '^' {
                assert_eq!(place.is_quoted(), quoted, "{text}");
                marks += 1;
            }
            place.pass(letter);
        }
        assert!(marks > 0);
    }

    #[test]
    fn markdown_quotes_in_many_ways() {
        for text in [
            "`^` ``a ` ^``",
            "```\n^\n```js\n^",
            "~~~~ xml\n^\n~~~\n^\n~~~~\n    ^",
            "> ^ and ^",
            "- > ^",
            "| a | ^ |",
            "\t^",
            "<pre>\n^</code>^",
            "See <blockquote class=\"x\">^",
            "````\n```\n^\n```\n^",
        ] {
            check(text, true);
        }
        for text in [
            "^ a ^\n^",
            "`a` ^ ``b`` ^",
            "```\na\n```\n^",
            "~~~\n```\n~~~\n^",
            "A lone ` tick\n\n^",
            "> a\n^",
            "<pre>a</pre>^ <b>^</b>",
            "   ^",
            "- ^",
            "a ~~b~~ ^ ~ ^",
            "a < b ^ and `<pre>` ^",
        ] {
            check(text, false);
        }
    }

    #[test]
    fn sentences_begin_after_their_marks() {
        for (text, expected) in
            [("", true), ("a\n  ", true), ("Look: ", true), ("first.", true), ("It sends ", false), ("(", false)]
        {
            let mut place = Place::default();
            place.pass_all(text);
            assert_eq!(place.is_at_sentence_start(), expected, "{text}");
        }
    }
}
