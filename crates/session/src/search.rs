//! The list of sessions, and what is found in them. Only what is shown is read whole, and nothing is built of it.

use std::io;
use std::path::{Path, PathBuf};

use agent::Entry;
use serde::Deserialize;

use crate::Header;
use crate::place::Here;
use crate::read::{SessionError, read_header};
use crate::store::Store;

/// What is looked for. `Default` finds everything.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// In what was asked and answered, in commands and the names of files, upper and lower case alike.
    pub text: Option<String>,
    /// The workspace is this directory, or below or above it.
    pub directory: Option<PathBuf>,
    /// RFC 3339 in UTC, as [`Header::created`] is.
    pub since: Option<String>,
    /// Likewise; not included.
    pub until: Option<String>,
}

/// One row of `agent sessions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub header: Header,
    /// The first line of what the human asked.
    pub task: String,
    pub replies: usize,
    /// For example `answered`; `None` where the program died or still runs.
    pub ended: Option<String>,
    /// Lines that cannot be read.
    pub damaged: usize,
    /// The words in which the text was found.
    pub found: Option<String>,
}

/// What a line is, without its content.
#[derive(Deserialize)]
struct Glance<'a> {
    entry: Option<&'a str>,
    finish: Option<&'a str>,
}

impl Store {
    /// The sessions that fit, newest first, at most so many. One whose first line cannot be read has its error.
    pub fn search(&self, search: &Search, most: usize) -> io::Result<Vec<(String, Result<Summary, SessionError>)>> {
        let ids = self.ids()?.into_iter();
        let here = search.directory.as_deref().map(Here::new);
        let fitting = ids.filter_map(|id| {
            let fits = match self.header(&id) {
                Ok(header) => search.fits(&header, here.as_ref()),
                Err(_) => search.text.is_none(),
            };
            if !fits {
                return None;
            }
            let summary = self.summary(&id, search.text.as_deref()).transpose()?;
            Some((id, summary))
        });
        Ok(fitting.take(most).collect())
    }

    /// `None` where the text is not in it.
    fn summary(&self, id: &str, wanted: Option<&str>) -> Result<Option<Summary>, SessionError> {
        let path = self.file(id);
        let bytes = crate::open::read(&path).map_err(|source| SessionError::Io { path: path.clone(), source })?;
        let text = String::from_utf8_lossy(&bytes);
        let found = match wanted.map(|wanted| find(&text, wanted)) {
            Some(None) => return Ok(None),
            Some(found @ Some(_)) => found,
            None => None,
        };
        let mut lines = text.lines();
        let header = read_header(&path, lines.next().unwrap_or_default())?;
        let mut summary = Summary { header, task: String::new(), replies: 0, ended: None, damaged: 0, found };
        for line in lines {
            let Ok(glance) = serde_json::from_str::<Glance<'_>>(line) else {
                summary.damaged += 1;
                continue;
            };
            // A reply has a `finish` of its own.
            let end = glance.finish.filter(|_| glance.entry.is_none());
            summary.ended = end.map(str::to_owned);
            match glance.entry {
                Some("reply") => summary.replies += 1,
                Some("user") if summary.task.is_empty() => {
                    if let Ok(Entry::User { text }) = serde_json::from_str(line) {
                        summary.task = text.lines().next().unwrap_or_default().to_owned();
                    }
                }
                Some(_) | None => (),
            }
        }
        Ok(Some(summary))
    }
}

impl Search {
    fn fits(&self, header: &Header, here: Option<&Here>) -> bool {
        let near =
            |here: &Here| here.workspace_of(header).is_some() || Path::new(&header.workspace).starts_with(here.path());
        here.is_none_or(near)
            && self.since.as_ref().is_none_or(|since| *since <= header.created)
            && self.until.as_ref().is_none_or(|until| header.created < *until)
    }
}

/// The line of words, or the argument of a call, that has the wanted text.
fn find(file: &str, wanted: &str) -> Option<String> {
    let wanted = wanted.to_lowercase();
    // As JSON writes it, to pass over most lines without reading them.
    let written = serde_json::to_string(&wanted).ok()?;
    let written = written.trim_matches('"');
    let lower = |text: &str| if wanted.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase() };
    let in_words = |text: &str| text.lines().find(|line| lower(line).contains(&wanted)).map(str::to_owned);
    file.lines().skip(1).filter(|line| lower(line).contains(written)).find_map(|line| {
        match serde_json::from_str(line).ok()? {
            Entry::User { text } => in_words(&text),
            Entry::Reply(reply) => in_words(&reply.text).or_else(|| {
                let calls = reply.calls.iter();
                let strings = calls.flat_map(|call| match &call.arguments {
                    agent::Arguments::Object(object) => object.values().filter_map(|value| value.as_str()).collect(),
                    agent::Arguments::Broken { .. } => Vec::new(),
                });
                strings.into_iter().find_map(in_words)
            }),
            Entry::System { .. } | Entry::Outcome { .. } | Entry::Compaction { .. } => None,
        }
    })
}
