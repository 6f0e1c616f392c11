//! What a session file says of the workspace's files: which change belongs to which step, and what was taken back.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Changed, Digest, Lost, Manifest, Merge, Objects};

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
    /// A command starts. Without the line that ends it, we died or the disk was full, and what differs from the files
    /// before it counts as its changes.
    Running,
    /// What a command changed.
    Ran { changes: Digest, files: usize },
    /// A command is over and changed nothing.
    RanIdle,
    /// What an undo is about to do, each path from what it is to what it will be. Without the line that ends it, we
    /// died half-way.
    UndoStarts { changes: Digest },
    /// What the human takes back: the records by their number, and each path from what it is to what it will be. Two
    /// equal states: it was left. `whole`: all paths of these records were looked at; `merged`: to be taken out of texts
    /// that changed since, where that is possible.
    Undoing {
        records: Vec<usize>,
        whole: bool,
        #[serde(default)]
        merged: bool,
        changes: Digest,
        files: usize,
    },
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
    merged: bool,
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
    /// All files as they were before the first command of the last run, and what was changed since, in order.
    base: Option<Digest>,
    since_base: Vec<Digest>,
    /// The step of a command that is not known to have ended.
    running: Option<usize>,
    /// What undos that are not known to have ended were about to do.
    begun_undos: Vec<Digest>,
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
            Note::Base { manifest } => {
                self.base = Some(manifest);
                self.since_base.clear();
            }
            Note::Outside { changes, .. } => self.since_base.push(changes),
            Note::Writing { changes, .. } => self.record(self.step, changes),
            Note::Running => self.running = Some(self.step),
            Note::Ran { changes, .. } => {
                let step = self.running.take().unwrap_or(self.step);
                self.record(step, changes);
            }
            Note::RanIdle => self.running = None,
            Note::Wrote { changes, .. } if self.writing => {
                self.records.pop();
                self.since_base.pop();
                self.record(self.step, changes);
            }
            // The number stays taken, so that later ones mean what they say.
            Note::NotWritten if self.writing => {
                self.records.pop();
                self.since_base.pop();
                self.records.push(None);
            }
            Note::Wrote { .. } | Note::NotWritten => (),
            Note::UndoStarts { changes } => self.begun_undos.push(changes),
            Note::Undoing { records, whole, merged, changes, .. } => {
                self.since_base.push(changes);
                self.begun_undos.clear();
                self.undos.push(Undo { records, whole, merged, changes, redone: false });
            }
            Note::Redoing { undo, changes, .. } => {
                self.since_base.push(changes);
                self.begun_undos.clear();
                if let Some(undo) = self.undos.get_mut(undo) {
                    undo.redone = true;
                }
            }
        }
        self.writing = writing;
    }

    fn record(&mut self, step: usize, changes: Digest) {
        self.records.push(Some(Record { step, changes }));
        self.since_base.push(changes);
    }

    /// Whether a command is not known to have ended: it runs, or what it changed was never looked at.
    pub fn is_open(&self) -> bool {
        self.running.is_some() && self.base.is_some()
    }

    /// All files before the command that is not known to have ended.
    pub fn before_open(&self, objects: &Objects) -> Result<Option<Manifest>, Lost> {
        let (Some(base), true) = (&self.base, self.is_open()) else { return Ok(None) };
        let mut manifest = objects.manifest(base)?;
        for digest in &self.since_base {
            let mut changes = objects.changes(digest)?;
            // An undo names what it left, too.
            changes.retain(|change| change.before != change.after);
            manifest.apply(&changes);
        }
        Ok(Some(manifest))
    }

    /// What undos that died half-way were about to do, path by path; of several, what the first found.
    pub fn begun_undos(&self, objects: &Objects) -> Result<Vec<Changed>, Lost> {
        let mut begun: Vec<Changed> = Vec::new();
        let mut known = HashSet::new();
        for digest in &self.begun_undos {
            let changes = objects.changes(digest)?.into_iter();
            begun.extend(changes.filter(|change| change.before != change.after && known.insert(change.path.clone())));
        }
        Ok(begun)
    }

    /// Steps so far.
    pub fn steps(&self) -> usize {
        self.step
    }

    pub fn is_empty(&self) -> bool {
        self.records.iter().all(Option::is_none) && !self.is_open()
    }

    /// The last step of these links (those that [`History::links`] gives) that was not looked at by an undo as a whole
    /// yet. What an undo without merging left is not done with for one that merges.
    pub fn last_step(&self, links: &[Link], merge: Merge) -> Option<usize> {
        let undone: HashSet<usize> = self
            .undos
            .iter()
            .filter(|undo| undo.whole && !undo.redone && (merge == Merge::No || undo.merged))
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

    fn undoing(whole: bool, name: &str) -> Note {
        Note::Undoing { records: vec![2], whole, merged: false, changes: changes(name), files: 1 }
    }

    /// Of files that no undo took back.
    fn last_step(history: &History) -> Option<usize> {
        let change = Changed { path: PathBuf::from("a"), before: None, after: None };
        let numbered = history.records.iter().enumerate();
        let links =
            numbered.filter_map(|(record, of)| Some(Link { record, step: (*of)?.step, change: change.clone() }));
        history.last_step(&links.collect::<Vec<Link>>(), Merge::No)
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
        history.add(undoing(false, "u"));
        assert_eq!(last_step(&history), Some(2), "only some files of it");
        history.add(undoing(true, "v"));
        assert_eq!(last_step(&history), Some(1));
        history.add(Note::Redoing { undo: 1, changes: changes("w"), files: 1 });
        assert_eq!(last_step(&history), Some(2));
    }

    #[test]
    fn a_command_without_an_end_belongs_to_its_step() {
        let mut history = History::default();
        history.replied();
        history.add(Note::Running);
        assert!(!history.is_open(), "without a base nothing can be said");
        history.add(Note::Base { manifest: changes("m") });
        history.add(Note::RanIdle);
        assert!(!history.is_open() && history.is_empty());
        history.add(Note::Running);
        assert!(history.is_open() && !history.is_empty());
        history.replied();
        // Looked at after the run was killed.
        history.add(Note::Ran { changes: changes("c"), files: 1 });
        assert!(!history.is_open());
        assert_eq!(last_step(&history), Some(1));
    }

    #[test]
    fn notes_of_older_versions_are_read() {
        let digest = changes("a");
        let line = format!(r#"{{"snapshot":"undoing","records":[1],"whole":true,"changes":"{digest}","files":1}}"#);
        let undoing = Note::Undoing { records: vec![1], whole: true, merged: false, changes: digest, files: 1 };
        assert_eq!(serde_json::from_str::<Note>(&line).unwrap(), undoing);
    }

    #[test]
    fn a_note_is_one_short_line() {
        let note = Note::Ran { changes: changes("a"), files: 5000 };
        let line = serde_json::to_string(&note).unwrap();
        assert!(line.starts_with(r#"{"snapshot":"ran","changes":""#) && line.len() < 120, "{line}");
        assert_eq!(serde_json::from_str::<Note>(&line).unwrap(), note);
    }
}
