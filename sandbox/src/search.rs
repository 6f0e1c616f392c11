//! Searches file contents with ripgrep's own crates. Binary files are passed
//! over, UTF-16 with a byte order mark is understood, the result is bounded.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use agent::{Cancel, Found, FoundFile, FoundLine, LineKind, SandboxError};
use grep_matcher::{LineTerminator, Match, Matcher as _};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{
    BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkContextKind, SinkFinish, SinkMatch,
};
use rustix::fs::FileType;

use crate::beneath::regular;
use crate::glob::Glob;
use crate::roots::Roots;
use crate::walk::{Next, Walked, walk};

/// Bytes of a line that are shown.
const LINE_BYTES: usize = 300;
/// Of these, before the match in a longer line.
const BEFORE_MATCH_BYTES: usize = 100;
/// A longer pattern takes long to compile, and a model that writes one has gone astray.
const MOST_PATTERN_BYTES: usize = 10_000;
/// Matching lines beyond the limit are counted up to here; a wide pattern on a huge tree would go on for ever.
const MOST_COUNTED: usize = 10_000;
/// Of each file: more is a log or a dump, and a command reads those better.
const FILE_BYTES: u64 = 256 << 20;
/// The longest line that is looked at. A file with a longer one is data.
const LONGEST_LINE_BYTES: usize = 16 << 20;

pub(crate) fn search(
    roots: &Roots,
    mut hunt: Hunt,
    path: &Path,
    glob: Option<&str>,
    cancel: &Cancel,
) -> Result<Found, SandboxError> {
    let glob = Glob::new(glob)?;
    walk(roots, path, None, cancel, |walked| {
        if !walked.is_hidden && walked.kind == FileType::RegularFile && glob.takes(&walked.inside, &walked.below) {
            // Opened through no link, so that a file swapped since the walk saw it shows nothing.
            if let Ok(file) = walked.root.open_walked(&walked.inside)
                && regular(&walked.shown, &file).is_ok()
            {
                let before = hunt.mark();
                hunt.look_into(&walked.shown, File::from(file).take(FILE_BYTES), cancel);
                if before != hunt.mark() && holds_secret(roots, &walked) {
                    hunt.back_to(before);
                }
            }
        }
        if hunt.found.left_out < MOST_COUNTED { Next::More } else { Next::Enough }
    })?;
    if cancel.is_set() { Err(SandboxError::Cancelled) } else { Ok(hunt.found) }
}

/// Asked of files in which something was found: a walk that begins in a place that git ignores sees what it ignores.
fn holds_secret(roots: &Roots, walked: &Walked<'_>) -> bool {
    let Ok(file) = walked.root.open_walked(&walked.inside) else { return true };
    let mut bytes = Vec::new();
    let read = File::from(file).take(FILE_BYTES).read_to_end(&mut bytes);
    read.is_err() || roots.refuse_secret(walked.root, &walked.inside, &bytes).is_err()
}

/// How much was found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    shown: usize,
    left_out: usize,
    files: usize,
    lines: usize,
}

/// A search on its way through many files.
pub(crate) struct Hunt {
    matcher: RegexMatcher,
    searcher: Searcher,
    limit: usize,
    shown: usize,
    pub(crate) found: Found,
}

impl Hunt {
    /// Takes the first `limit` matching lines of all, each with `context` lines before and after it.
    pub(crate) fn new(pattern: &str, context: usize, limit: usize) -> Result<Hunt, SandboxError> {
        if MOST_PATTERN_BYTES < pattern.len() {
            let bytes = pattern.len();
            return Err(SandboxError::BadPattern(format!(
                "it has {bytes} bytes, and at most {MOST_PATTERN_BYTES} are allowed"
            )));
        }
        let matcher = RegexMatcherBuilder::new()
            .crlf(true)
            // Without it `^` and `$` stand for the ends of a buffer that holds many lines.
            .multi_line(true)
            .build(pattern)
            .map_err(|error| SandboxError::BadPattern(shorter(&error.to_string())))?;
        let searcher = SearcherBuilder::new()
            .line_terminator(LineTerminator::crlf())
            .line_number(true)
            .before_context(context)
            .after_context(context)
            .binary_detection(BinaryDetection::quit(0))
            .heap_limit(Some(LONGEST_LINE_BYTES))
            .build();
        Ok(Hunt { matcher, searcher, limit, shown: 0, found: Found::default() })
    }

    fn mark(&self) -> Mark {
        let Found { lines, files, left_out } = &self.found;
        Mark { shown: self.shown, left_out: *left_out, files: files.len(), lines: lines.len() }
    }

    fn back_to(&mut self, mark: Mark) {
        self.shown = mark.shown;
        self.found.left_out = mark.left_out;
        self.found.files.truncate(mark.files);
        self.found.lines.truncate(mark.lines);
    }

    /// A file that cannot be read to its end counts for what was read.
    pub(crate) fn look_into(&mut self, path: &Path, reader: impl Read, cancel: &Cancel) {
        let room = self.limit.saturating_sub(self.shown);
        let matcher = &self.matcher;
        let mut sink = Lines { path, matcher, room, cancel, lines: Vec::new(), matches: 0, binary: false };
        let read = self.searcher.search_reader(&self.matcher, reader, &mut sink);
        if sink.binary || sink.matches == 0 || read.is_err_and(|error| error.kind() == io::ErrorKind::Other) {
            return;
        }
        let shown = sink.matches.min(room);
        self.shown += shown;
        self.found.left_out += sink.matches - shown;
        self.found.files.push(FoundFile { path: path.display().to_string(), matches: sink.matches });
        self.found.lines.append(&mut sink.lines);
    }
}

/// The matching lines of one file, with what is around them.
struct Lines<'a> {
    path: &'a Path,
    matcher: &'a RegexMatcher,
    /// For so many matching lines.
    room: usize,
    cancel: &'a Cancel,
    lines: Vec<FoundLine>,
    matches: usize,
    binary: bool,
}

impl Lines<'_> {
    fn push(&mut self, number: Option<u64>, bytes: &[u8], kind: LineKind) {
        let path = self.path.display().to_string();
        let hit = match kind {
            LineKind::Match => self.matcher.find(bytes).ok().flatten(),
            LineKind::Context => None,
        };
        self.lines.push(FoundLine { path, number: number.unwrap_or(0), text: clip(bytes, hit), kind });
    }
}

impl Sink for Lines<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, line: &SinkMatch<'_>) -> Result<bool, io::Error> {
        self.matches += 1;
        if self.matches <= self.room {
            self.push(line.line_number(), line.bytes(), LineKind::Match);
        }
        Ok(self.matches < MOST_COUNTED && !self.cancel.is_set())
    }

    fn context(&mut self, _: &Searcher, line: &SinkContext<'_>) -> Result<bool, io::Error> {
        let of_shown = match line.kind() {
            SinkContextKind::After => self.matches <= self.room,
            SinkContextKind::Before | SinkContextKind::Other => self.matches < self.room,
        };
        if of_shown {
            self.push(line.line_number(), line.bytes(), LineKind::Context);
        }
        Ok(true)
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> Result<bool, io::Error> {
        self.binary = true;
        Ok(false)
    }

    fn finish(&mut self, _: &Searcher, finish: &SinkFinish) -> Result<(), io::Error> {
        self.binary |= finish.binary_byte_offset().is_some();
        Ok(())
    }
}

/// Without its line end, at most [`LINE_BYTES`], cut between characters: the start of the line, or the part around a
/// match that is further in.
fn clip(line: &[u8], hit: Option<Match>) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let from = match hit {
        Some(hit) if LINE_BYTES < hit.end() => hit.start().saturating_sub(BEFORE_MATCH_BYTES),
        Some(_) | None => 0,
    };
    // Not within a character.
    let is_inside_of_character = |at: &usize| line.get(*at).is_some_and(|byte| (0x80..0xc0).contains(byte));
    let from = (from..from + 4).find(|at| !is_inside_of_character(at)).unwrap_or(from).min(line.len());
    let shown = line.get(from..).unwrap_or_default();
    // A character has at most 4 bytes, and a broken byte becomes 3: enough is decoded to cut from.
    let text = String::from_utf8_lossy(shown.get(..LINE_BYTES + 4).unwrap_or(shown));
    let (text, rest) = text.split_at(text.floor_char_boundary(LINE_BYTES));
    let before = if from == 0 { "" } else { "[...] " };
    let after = if rest.is_empty() { "" } else { " [...]" };
    format!("{before}{text}{after}")
}

/// The last line of regex's message is the reason; the ones before it draw the place, which the model knows.
fn shorter(message: &str) -> String {
    let reason = message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(message).trim();
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    if reason.contains("\\n") {
        return format!("{reason}. Search matches one line at a time.");
    }
    reason.to_string()
}

#[cfg(test)]
mod tests;
