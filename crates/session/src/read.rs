//! Reading a session file, as far as it is whole.

use std::io;
use std::path::{Path, PathBuf};

use agent::Entry;
use serde_json::Value;

use crate::{Header, VERSION};

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub header: Header,
    pub lines: Vec<Line>,
    /// What could not be read, in words for a human.
    pub notices: Vec<String>,
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
}

impl Session {
    pub fn read(path: &Path) -> Result<Session, SessionError> {
        let bytes = std::fs::read(path).map_err(|source| SessionError::Io { path: path.to_owned(), source })?;
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.split_inclusive('\n');
        let first = lines.next().unwrap_or_default();
        let Ok(header) = serde_json::from_str::<Header>(first) else {
            return Err(SessionError::NotASession(path.to_owned()));
        };
        if VERSION < header.session {
            return Err(SessionError::TooNew { path: path.to_owned(), version: header.session });
        }
        let mut session = Session { header, lines: Vec::new(), notices: Vec::new() };
        for (index, line) in lines.enumerate() {
            match read_line(line) {
                Some(read) => session.lines.push(read),
                None if !line.ends_with('\n') => {
                    session
                        .notices
                        .push("the last line is torn and was left out: the program died while it wrote".to_owned());
                }
                None => {
                    let number = index + 2;
                    session.notices.push(format!("line {number} cannot be read; the session is shown up to it"));
                    break;
                }
            }
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
            Content::Snapshot(_) | Content::End(_) => None,
        })
    }
}

fn read_line(line: &str) -> Option<Line> {
    let value: Value = serde_json::from_str(line).ok()?;
    let at = value.get("at")?.as_str()?.to_owned();
    let entry = match value.get("entry") {
        Some(_) => Content::Entry(Box::new(serde_json::from_value(value).ok()?)),
        None if value.get("snapshot").is_some() => Content::Snapshot(value),
        None => Content::End(value),
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
        let mut file = store.create(&Header::new("id", Path::new("/w"), "m")).unwrap();
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
                None ["the last line is torn and was left out: the program died while it wrote"]
            "#]],
        );
    }

    #[test]
    fn a_damaged_line_ends_what_can_be_shown() {
        check(
            |bytes| String::from_utf8(bytes).unwrap().replace("\"user\"", "\"usr\"").into_bytes(),
            expect![[r#"
                [System { text: "system" }]
                None ["line 3 cannot be read; the session is shown up to it"]
            "#]],
        );
    }

    #[test]
    fn headers_of_older_versions_have_no_price() {
        let old = r#"{"session":1,"id":"i","created":"c","workspace":"/w","model":"m","agent":"0.1.0"}"#;
        let header: Header = serde_json::from_str(old).unwrap();
        assert_eq!((header.price, header.context_tokens), (None, None));
        assert_eq!(serde_json::to_string(&header).unwrap(), old);
        let price = Some(agent::Price { input: 0.4, cached: 0.04, output: 2.0 });
        let header = Header { price, context_tokens: Some(131_072), ..header };
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
