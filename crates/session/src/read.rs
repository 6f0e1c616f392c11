//! Reading a session file, as far as it is whole.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use agent::{Entry, Reply, Spent, Thoughts, Usage};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::{Header, Resumed, Served, VERSION};

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub header: Header,
    pub lines: Vec<Line>,
    pub state: State,
    /// What could not be read, in words for a human.
    pub notices: Vec<String>,
}

/// How far a file can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Whole,
    /// The program died while it wrote the last line, which is left out.
    Torn,
    /// A line in the middle cannot be read. What comes after it is left out, for it may not fit.
    Damaged,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// RFC 3339, UTC.
    pub at: String,
    pub entry: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Entry(Box<Entry>),
    /// Another process went on with it.
    Resumed(Resumed),
    /// What became of the workspace's files, as the program that wrote it says it.
    Snapshot(Value),
    /// How the run ended, as written by the program that wrote it.
    End(Value),
}

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("{}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not a session file", .0.display())]
    NotASession(PathBuf),
    #[error("{} was written by a newer version of this program (format {version})", .path.display())]
    TooNew { path: PathBuf, version: u32 },
    #[error("the session {0} is being written by another process")]
    Busy(String),
}

impl Session {
    pub fn read(path: &Path) -> Result<Session, SessionError> {
        let bytes = crate::open::read(path).map_err(|source| SessionError::Io { path: path.to_owned(), source })?;
        Session::of_bytes(path, &bytes)
    }

    /// A line that cannot be read is passed over where the program itself went on after it, which it says with a line
    /// that is no entry: it died while it wrote that line, or the disk was full.
    pub(crate) fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Session, SessionError> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split_inclusive('\n');
        let header = read_header(path, lines.next().unwrap_or_default())?;
        header.served.hide_key();
        let mut session = Session { header, lines: Vec::new(), state: State::Whole, notices: Vec::new() };
        let mut torn = None;
        for (line, number) in lines.zip(2..) {
            // A last line that lacks only its end counts: it will be there once the next line is written.
            let damaged = match (read_line(line), torn) {
                (Some(Line { entry: Content::Entry(_), .. }) | None, Some(torn)) => Some(torn),
                (Some(read), _) => {
                    if let Some(torn) = torn.take() {
                        session.notices.push(format!("line {torn} is incomplete and was skipped"));
                    }
                    session.lines.push(read);
                    None
                }
                // A part of a line is no JSON: this one is of a kind that is not known here.
                (None, None) if serde_json::from_str::<IgnoredAny>(line).is_ok() => Some(number),
                (None, None) => {
                    torn = Some(number);
                    None
                }
            };
            if let Some(damaged) = damaged {
                session.state = State::Damaged;
                session.notices.push(format!("line {damaged} is damaged; the session is shown up to it"));
                return Ok(session);
            }
        }
        if torn.is_some() {
            session.state = State::Torn;
            session
                .notices
                .push("the last line is incomplete and was skipped: the program died while writing it".to_owned());
        }
        Ok(session)
    }

    /// How the last run of it ended, `None` where the program died or still runs.
    pub fn ended(&self) -> Option<&str> {
        // An undo may have followed.
        let last = self.lines.iter().rfind(|line| !matches!(line.entry, Content::Snapshot(_)));
        match last {
            Some(Line { entry: Content::End(end), .. }) => end.get("finish").and_then(Value::as_str),
            Some(_) | None => None,
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.lines.iter().filter_map(|line| match &line.entry {
            Content::Entry(entry) => Some(entry.as_ref()),
            Content::Resumed(_) | Content::Snapshot(_) | Content::End(_) => None,
        })
    }

    /// Who answered last.
    pub fn served(&self) -> &Served {
        let resumed = self.lines.iter().rev().find_map(|line| match &line.entry {
            Content::Resumed(resumed) => Some(&resumed.served),
            Content::Entry(_) | Content::Snapshot(_) | Content::End(_) => None,
        });
        resumed.unwrap_or(&self.header.served)
    }

    /// What it has used so far, each reply at the price of the model that gave it. An end that was written down knows
    /// more than the replies do: requests that came to nothing.
    pub fn spent(&self) -> Spent {
        let mut spent = Spent::default();
        let mut price = self.header.served.price;
        let mut tokens = 0;
        for line in &self.lines {
            let entry = match &line.entry {
                Content::Entry(entry) => entry,
                Content::Resumed(resumed) => {
                    price = resumed.served.price;
                    continue;
                }
                Content::Snapshot(_) => continue,
                Content::End(end) => {
                    spent = serde_json::from_value(end.clone()).unwrap_or(spent);
                    continue;
                }
            };
            let usage = match entry.as_ref() {
                Entry::Reply(Reply { usage, .. }) | Entry::Compaction { usage, .. } => Some(*usage),
                Entry::System { .. } | Entry::User { .. } | Entry::Outcome { .. } => None,
            };
            if let Some(usage) = usage {
                // Thoughts are written too, whatever becomes of them.
                let output = entry.estimated_tokens(Thoughts::SentBack);
                spent.steps += 1;
                spent.estimated |= usage.is_none();
                spent.add(usage.unwrap_or(Usage { input: tokens, cached: 0, output }), price);
            }
            tokens += entry.estimated_tokens(Thoughts::Dropped);
        }
        spent
    }
}

pub(crate) fn read_header(path: &Path, first: &str) -> Result<Header, SessionError> {
    let Ok(header) = serde_json::from_str::<Header>(first) else {
        return Err(SessionError::NotASession(path.to_owned()));
    };
    if VERSION < header.session {
        return Err(SessionError::TooNew { path: path.to_owned(), version: header.session });
    }
    Ok(header)
}

/// With keys masked, which a file of an older version may have. Lines about files are exact, see `SessionFile::snapshot`.
fn read_line(line: &str) -> Option<Line> {
    let read = parse_line(line)?;
    match (&read.entry, mask::masked(line)) {
        (Content::Snapshot(_), _) | (_, Cow::Borrowed(_)) => Some(read),
        (Content::Entry(_) | Content::Resumed(_) | Content::End(_), Cow::Owned(masked)) => parse_line(&masked),
    }
}

fn parse_line(line: &str) -> Option<Line> {
    let value: Value = serde_json::from_str(line).ok()?;
    let at = value.get("at")?.as_str()?.to_owned();
    let entry = match () {
        () if value.get("entry").is_some() => Content::Entry(Box::new(serde_json::from_value(value).ok()?)),
        () if value.get("resumed").is_some() => {
            let resumed: Resumed = serde_json::from_value(value).ok()?;
            resumed.served.hide_key();
            Content::Resumed(resumed)
        }
        () if value.get("snapshot").is_some() => Content::Snapshot(value),
        () => Content::End(value),
    };
    Some(Line { at, entry })
}

#[cfg(test)]
mod tests {
    use agent::{Journal as _, Transcript};
    use expect_test::{Expect, expect};

    use super::*;
    use crate::Store;

    /// Writes a session of two entries and an end, damages the file, reads it.
    #[track_caller]
    fn check(damage: impl Fn(Vec<u8>) -> Vec<u8>, expected: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("deep/sessions"));
        let mut file = store.create(&Header::new("id", Path::new("/w"), Served::default())).unwrap();
        let transcript = Transcript::new("system".to_owned(), "task".to_owned());
        for entry in transcript.entries() {
            file.append(entry).unwrap();
        }
        file.note(&serde_json::json!({"finish": "answered"})).unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        std::fs::write(file.path(), damage(bytes)).unwrap();
        expected.assert_eq(&match Session::read(file.path()) {
            Ok(session) => {
                let entries: Vec<&Entry> = session.entries().collect();
                format!("{entries:?}\n{:?} {:?}\n", session.ended(), session.notices)
            }
            Err(error) => error.to_string().replace(&folder.path().display().to_string(), ""),
        });
    }

    #[test]
    fn what_was_written_is_read() {
        check(
            |bytes| bytes,
            expect![[r#"
                [System { text: "system" }, User { text: "task" }]
                Some("answered") []
            "#]],
        );
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_said() {
        check(
            |bytes| bytes[..bytes.len() - 30].to_vec(),
            expect![[r#"
                [System { text: "system" }, User { text: "task" }]
                None ["the last line is incomplete and was skipped: the program died while writing it"]
            "#]],
        );
    }

    /// Wherever our own death cut it, what goes on after it can be read, with all that was whole.
    #[test]
    fn a_file_cut_at_any_byte_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        let mut file = store.create(&Header::new("id", Path::new("/w"), Served::default())).unwrap();
        let transcript = Transcript::new("system".to_owned(), "täsk".to_owned());
        for entry in transcript.entries() {
            file.append(entry).unwrap();
        }
        file.note(&serde_json::json!({"finish": "answered"})).unwrap();
        drop(file);
        let path = store.file("id");
        let bytes = std::fs::read(&path).unwrap();
        let header_bytes = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in header_bytes..=bytes.len() {
            let (kept, _) = bytes.split_at(cut);
            std::fs::write(&path, kept).unwrap();
            let mut reopened = store.reopen("id").unwrap();
            let whole = reopened.session.entries().count();
            reopened.file.note(&Resumed::new(Served::default())).unwrap();
            reopened.file.append(&Entry::User { text: "more".to_owned() }).unwrap();
            drop(reopened);
            let session = Session::read(&path).unwrap();
            assert_eq!((session.state, session.entries().count()), (State::Whole, whole + 1), "cut at {cut}");
            assert!(std::fs::read(&path).unwrap().starts_with(kept), "cut at {cut}");
        }
    }

    #[test]
    fn one_process_writes_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        let file = store.create(&Header::new("id", Path::new("/w"), Served::default())).unwrap();
        assert!(matches!(store.reopen("id"), Err(SessionError::Busy(_))));
        drop(file);
        assert!(store.reopen("id").is_ok());
    }

    #[test]
    fn a_damaged_line_ends_what_can_be_shown() {
        check(
            |bytes| String::from_utf8(bytes).unwrap().replace("\"user\"", "\"usr\"").into_bytes(),
            expect![[r#"
                [System { text: "system" }]
                None ["line 3 is damaged; the session is shown up to it"]
            "#]],
        );
    }

    #[test]
    fn headers_of_older_versions_have_no_price() {
        let old = r#"{"session":1,"id":"i","created":"c","workspace":"/w","model":"m","agent":"0.1.0"}"#;
        let header: Header = serde_json::from_str(old).unwrap();
        assert_eq!(header.served, Served { model: "m".to_owned(), ..Served::default() });
        assert_eq!(serde_json::to_string(&header).unwrap(), old);
        let price = Some(agent::Price { input: 0.4, cached: 0.04, output: 2.0 });
        let header = Header { served: Served { price, ..header.served }, ..header };
        let line = serde_json::to_string(&header).unwrap();
        assert_eq!(serde_json::from_str::<Header>(&line).unwrap(), header);
    }

    #[test]
    fn other_files_and_newer_formats_are_named() {
        check(|_| b"hello\n".to_vec(), expect!["/deep/sessions/id.jsonl is not a session file"]);
        check(
            |bytes| String::from_utf8(bytes).unwrap().replace("\"session\":1", "\"session\":9").into_bytes(),
            expect!["/deep/sessions/id.jsonl was written by a newer version of this program (format 9)"],
        );
    }
}
