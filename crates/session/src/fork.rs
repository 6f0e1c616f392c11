//! A new session that begins as a copy of another, up to some step.

use std::io;
use std::path::Path;

use agent::Entry;

use crate::read::{Content, Session};
use crate::store::{Reopened, Store};
use crate::write::SessionFile;
use crate::{Header, Line};

impl Session {
    /// How often the model replied.
    pub fn steps(&self) -> usize {
        self.entries().filter(|entry| is_reply(entry)).count()
    }

    /// It as it was when step `step` had been made, with the outcomes of its calls. 0: only what was asked first.
    /// `None` where it has fewer steps.
    pub fn up_to(&self, step: usize) -> Option<Session> {
        let mut steps = 0;
        let is_beyond = |line: &Line| match &line.entry {
            Content::Entry(entry) if is_reply(entry) => {
                steps += 1;
                step < steps
            }
            Content::Entry(entry) => match entry.as_ref() {
                Entry::System { .. } | Entry::Outcome { .. } => false,
                // Words that stand before the first step belong to what was asked.
                Entry::User { .. } => 0 < steps && step <= steps,
                Entry::Reply(_) | Entry::Compaction { .. } => step <= steps,
            },
            Content::Resumed(_) | Content::Snapshot(_) | Content::End(_) => false,
        };
        let end = self.lines.iter().position(is_beyond).unwrap_or(self.lines.len());
        if self.steps() < step {
            return None;
        }
        let (lines, _) = self.lines.split_at(end);
        Some(Session { lines: lines.to_vec(), ..self.clone() })
    }
}

impl Store {
    /// A session of its own that begins with all of `source`, and goes on.
    pub fn fork(&self, source: &Session, id: &str) -> io::Result<Reopened> {
        let served = source.header.served.clone();
        let forked_from = Some(source.header.id.clone());
        let header = Header { forked_from, ..Header::new(id, Path::new(&source.header.workspace), served) };
        // Under another name until it is whole, so that half a copy is never taken for a session.
        let part = self.outputs(&header.id).with_extension("part");
        let mut file = SessionFile::create(&part, &header)?;
        file.copy(&source.lines)?;
        file.rename(self.file(&header.id))?;
        let session = Session { header, notices: Vec::new(), state: crate::State::Whole, lines: source.lines.clone() };
        Ok(Reopened { session, file })
    }
}

fn is_reply(entry: &Entry) -> bool {
    matches!(entry, Entry::Reply(_))
}
