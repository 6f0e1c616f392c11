//! What a session file says of the workspace's files: which change belongs to which step, and what was taken back.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Changed, Digest, Lost, Objects};

/// One line of a session file. The changes themselves are in [`Objects`]: a line stays short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "snapshot", rename_all = "snake_case")]
pub enum Note {
    /// All files, before the first command.
    Base { manifest: Digest },
    /// What somebody else changed since the last look.
    Outside { changes: Digest, files: usize },
    /// What is about to be written, all or nothing. It holds after a crash too.
    Writing { changes: Digest, files: usize },
    /// What was written, where that is not what `Writing` said: a mode, a directory.
    Wrote { changes: Digest, files: usize },
    /// The write failed and left nothing.
    NotWritten,
    /// What a command changed.
    Ran { changes: Digest, files: usize },
    /// What the human takes back: the records by their number, and each path from what it is to what it will be. Two
    /// equal states: it was left. `whole`: all paths of these records were looked at.
    Undoing { records: Vec<usize>, whole: bool, changes: Digest, files: usize },
    /// The undo of that number is taken back.
    Redoing { undo: usize, changes: Digest, files: usize },
}

/// Something that a step changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    /// From 1: the reply of that number called for it.
    pub step: usize,
    pub changes: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Undo {
    records: Vec<usize>,
    whole: bool,
    changes: Digest,
    redone: bool,
}

/// One path's change by one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub record: usize,
    pub step: usize,
    pub change: Changed,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    step: usize,
    records: Vec<Option<Record>>,
    undos: Vec<Undo>,
    /// Whether the last record is a write that is not known to have failed.
    writing: bool,
}

impl History {
    /// A reply of the model: what follows belongs to it.
    pub fn replied(&mut self) {
        self.step += 1;
        self.writing = false;
    }

    pub fn add(&mut self, note: Note) {
        let writing = matches!(note, Note::Writing { .. });
        match note {
            Note::Base { .. } | Note::Outside { .. } => (),
            Note::Writing { changes, .. } | Note::Ran { changes, .. } => {
                self.records.push(Some(Record { step: self.step, changes }));
            }
            Note::Wrote { changes, .. } if self.writing => {
                self.records.pop();
                self.records.push(Some(Record { step: self.step, changes }));
            }
            // The number stays taken, so that later ones mean what they say.
            Note::NotWritten if self.writing => {
                self.records.pop();
                self.records.push(None);
            }
            Note::Wrote { .. } | Note::NotWritten => (),
            Note::Undoing { records, whole, changes, .. } => {
                self.undos.push(Undo { records, whole, changes, redone: false });
            }
            Note::Redoing { undo, .. } => {
                if let Some(undo) = self.undos.get_mut(undo) {
                    undo.redone = true;
                }
            }
        }
        self.writing = writing;
    }

    /// Steps so far.
    pub fn steps(&self) -> usize {
        self.step
    }

    pub fn is_empty(&self) -> bool {
        self.records.iter().all(Option::is_none)
    }

    /// The last step of these links (those that [`History::links`] gives) that was not looked at by an undo as a whole yet.
    pub fn last_step(&self, links: &[Link]) -> Option<usize> {
        let undone: HashSet<usize> = self
            .undos
            .iter()
            .filter(|undo| undo.whole && !undo.redone)
            .flat_map(|undo| undo.records.iter().copied())
            .collect();
        links.iter().filter(|link| !undone.contains(&link.record)).map(|link| link.step).max()
    }

    /// What the steps in `steps` changed and is not taken back, in their order.
    pub fn links(&self, objects: &Objects, steps: impl Fn(usize) -> bool) -> Result<Vec<Link>, Lost> {
        let mut undone: HashSet<(usize, PathBuf)> = HashSet::new();
        for undo in self.undos.iter().filter(|undo| !undo.redone) {
            for change in objects.changes(&undo.changes)? {
                if change.before != change.after {
                    undone.extend(undo.records.iter().map(|record| (*record, change.path.clone())));
                }
            }
        }
        let mut links = Vec::new();
        for (number, record) in self.records.iter().enumerate() {
            let Some(Record { step, changes }) = *record else { continue };
            if steps(step) {
                let all = objects.changes(&changes)?.into_iter();
                let fresh = all.filter(|change| !undone.contains(&(number, change.path.clone())));
                links.extend(fresh.map(|change| Link { record: number, step, change }));
            }
        }
        Ok(links)
    }

    /// The undo that a redo takes back, by its number, as links from what it left to what was there before it.
    pub fn last_undo(&self, objects: &Objects) -> Result<Option<(usize, Vec<Link>)>, Lost> {
        let Some((number, undo)) = self.undos.iter().enumerate().rfind(|(_, undo)| !undo.redone) else {
            return Ok(None);
        };
        let changes = objects.changes(&undo.changes)?.into_iter().filter(|change| change.before != change.after);
        Ok(Some((number, changes.map(|change| Link { record: number, step: 0, change }).collect())))
    }
}

/// What became of each path over all links; `None` left out, where it ended as it began.
pub fn net(links: &[Link]) -> Vec<Changed> {
    let mut all: std::collections::BTreeMap<&PathBuf, Changed> = std::collections::BTreeMap::new();
    for link in links {
        let first = || Changed { after: None, ..link.change.clone() };
        all.entry(&link.change.path).or_insert_with(first).after.clone_from(&link.change.after);
    }
    all.into_values().filter(|change| change.before != change.after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// Of files that no undo took back.
    fn last_step(history: &History) -> Option<usize> {
        let change = Changed { path: PathBuf::from("a"), before: None, after: None };
        let numbered = history.records.iter().enumerate();
        let links =
            numbered.filter_map(|(record, of)| Some(Link { record, step: (*of)?.step, change: change.clone() }));
        history.last_step(&links.collect::<Vec<Link>>())
    }

    #[test]
    fn steps_that_are_taken_back_and_those_that_are_not() {
        let mut history = History::default();
        assert!(history.is_empty());
        history.replied();
        history.add(Note::Writing { changes: changes("a"), files: 1 });
        history.replied();
        history.add(Note::Writing { changes: changes("b"), files: 1 });
        history.add(Note::NotWritten);
        assert_eq!(last_step(&history), Some(1), "what failed changed nothing");
        history.add(Note::Ran { changes: changes("c"), files: 2 });
        assert_eq!((last_step(&history), history.steps()), (Some(2), 2));
        history.add(Note::Undoing { records: vec![2], whole: false, changes: changes("u"), files: 1 });
        assert_eq!(last_step(&history), Some(2), "only some files of it");
        history.add(Note::Undoing { records: vec![2], whole: true, changes: changes("v"), files: 1 });
        assert_eq!(last_step(&history), Some(1));
        history.add(Note::Redoing { undo: 1, changes: changes("w"), files: 1 });
        assert_eq!(last_step(&history), Some(2));
    }

    #[test]
    fn a_note_is_one_short_line() {
        let note = Note::Ran { changes: changes("a"), files: 5000 };
        let line = serde_json::to_string(&note).unwrap();
        assert!(line.starts_with(r#"{"snapshot":"ran","changes":""#) && line.len() < 120, "{line}");
        assert_eq!(serde_json::from_str::<Note>(&line).unwrap(), note);
    }
}
