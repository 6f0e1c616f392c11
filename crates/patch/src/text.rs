//! A file's text as lines, with what must survive an edit beside them: byte-order mark, each line's own ending, and
//! whether the last line has one.

/// U+FEFF, which some editors write at the start of a file.
pub(crate) const BOM: char = '\u{feff}';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Lf,
    CrLf,
    /// Left by programs that turn LF into CRLF twice.
    CrCrLf,
    /// Of files that have no line feed at all.
    Cr,
}

impl Ending {
    fn text(self) -> &'static str {
        match self {
            Ending::Lf => "\n",
            Ending::CrLf => "\r\n",
            Ending::CrCrLf => "\r\r\n",
            Ending::Cr => "\r",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Text<'a> {
    pub(crate) has_bom: bool,
    pub(crate) lines: Vec<&'a str>,
    pub(crate) endings: Vec<Ending>,
    /// False when the last line has no ending; true for a file without lines.
    pub(crate) final_newline: bool,
}

impl<'a> Text<'a> {
    pub(crate) fn of(source: &'a str) -> Text<'a> {
        let (has_bom, rest) = match source.strip_prefix(BOM) {
            Some(rest) => (true, rest),
            None => (false, source),
        };
        let (mut lines, mut endings) = (Vec::new(), Vec::new());
        let is_cr = !rest.contains('\n') && rest.contains('\r');
        let end = if is_cr { '\r' } else { '\n' };
        for piece in rest.split_inclusive(end) {
            let (line, ending) = match piece.strip_suffix(end) {
                Some(line) if is_cr => (line, Ending::Cr),
                Some(line) => match (line.strip_suffix("\r\r"), line.strip_suffix('\r')) {
                    (Some(line), _) => (line, Ending::CrCrLf),
                    (None, Some(line)) => (line, Ending::CrLf),
                    (None, None) => (line, Ending::Lf),
                },
                // The ending it would have, should another line follow it.
                None => (piece, endings.last().copied().unwrap_or(Ending::Lf)),
            };
            lines.push(line);
            endings.push(ending);
        }
        if has_bom && rest.is_empty() {
            // To every diff program this is one line, which only the mark keeps from being empty.
            return Text { has_bom, lines: vec![""], endings: vec![Ending::Lf], final_newline: false };
        }
        Text { has_bom, lines, endings, final_newline: rest.is_empty() || rest.ends_with(end) }
    }

    /// The ending of line `at`, or of the nearest line before it, for a line that comes there.
    pub(crate) fn ending_near(&self, at: usize) -> Ending {
        self.endings.get(at).or_else(|| self.endings.last()).copied().unwrap_or(Ending::Lf)
    }
}

/// Puts lines together again.
pub(crate) struct Writer {
    out: String,
    last: Option<Ending>,
}

impl Writer {
    pub(crate) fn new(has_bom: bool, capacity: usize) -> Writer {
        let mut out = String::with_capacity(capacity);
        if has_bom {
            out.push(BOM);
        }
        Writer { out, last: None }
    }

    pub(crate) fn line(&mut self, text: &str, ending: Ending) {
        self.out.push_str(text);
        self.out.push_str(ending.text());
        self.last = Some(ending);
    }

    pub(crate) fn finish(mut self, final_newline: bool) -> String {
        if let (false, Some(ending)) = (final_newline, self.last) {
            self.out.truncate(self.out.len() - ending.text().len());
        }
        self.out
    }
}
