//! What to say of commands that worked with git: what moved for the user, and
//! what stays in the sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::private_git::ask::{Asker, quoted};
use crate::private_git::index::Merge;
use crate::private_git::plan::{Left, Plan, StashMove, Why};
use crate::private_git::refs::{self, Target};
use crate::private_git::repository::Repository;
use crate::private_git::snapshot::Snapshot;

const CONFIG_BYTES: u64 = 4 << 20;
const MOST_NAMES: usize = 8;

/// Of one command and one repository.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// What moved on the user's side.
    pub(crate) moved: Vec<String>,
    /// What commands changed for themselves alone.
    pub(crate) private: Vec<String>,
    /// What was not taken, or not at its place.
    pub(crate) notes: Vec<String>,
}

impl News {
    pub(crate) fn failed(&mut self, why: String) {
        self.notes.push(format!("git: nothing of this command's work with git was taken into the repository: {why}."));
    }

    pub(crate) fn moved(&mut self, plan: &Plan, base: &Snapshot, private: &Snapshot) {
        for change in &plan.refs {
            let short = shown(&refs::short(&change.name));
            match (&change.kept_from, &change.old, &change.new) {
                (Some(from), ..) => {
                    let from = shown(&refs::short(from));
                    self.moved.push(format!("{from} kept as {short}"));
                    self.notes.push(format!(
                        "git: `{from}` moved outside the sandbox at the same time; the command's commits are on branch `{short}`."
                    ));
                }
                (None, None, Some(_)) => self.moved.push(format!("new {}", with_kind(&change.name))),
                (None, Some(_), Some(_)) => self.moved.push(format!("{short} moved")),
                (None, _, None) => self.moved.push(format!("{short} deleted")),
            }
        }
        for head in &plan.heads {
            self.moved.push(match &head.new {
                Target::Name(name) => format!("HEAD now on {}", shown(&refs::short(name))),
                Target::Id(id) => format!("HEAD now at {}", id.get(..10).unwrap_or(id)),
            });
        }
        if let StashMove::Replay { dropped, stored } = &plan.stash {
            if !stored.is_empty() {
                self.moved.push(format!("stash +{}", stored.len()));
            }
            let gone = base.stash.iter().take(*dropped).filter(|one| !private.stash.contains(one));
            let ids: Vec<&str> = gone.map(|one| one.id.get(..10).unwrap_or(&one.id)).collect();
            if !ids.is_empty() {
                self.moved.push(format!("stash entry dropped: {}", ids.join(", ")));
            }
        }
    }

    pub(crate) fn left<'l>(&mut self, left: impl Iterator<Item = &'l Left>) {
        let mut by_reason: BTreeMap<Why, Vec<String>> = BTreeMap::new();
        for Left { name, why } in left {
            by_reason.entry(*why).or_default().push(shown(name));
        }
        for (why, names) in by_reason {
            let names = list(&names);
            let note = match why {
                Why::Kind => {
                    self.private.push(names);
                    continue;
                }
                Why::Namesake => format!("git: {names} stays in the sandbox: a branch or tag of that name exists."),
                Why::CheckedOutElsewhere => {
                    format!("git: {names} stays unchanged for the user: another worktree has it checked out.")
                }
                Why::Deleted => format!("git: {names} was deleted in the sandbox alone: commands did not create it."),
                Why::Moved => format!("git: {names} stays unchanged for the user: it moved outside the sandbox too."),
            };
            self.notes.push(note);
        }
    }

    pub(crate) fn staged(&mut self, merge: &Merge) {
        let names = |paths: &[Vec<u8>]| {
            list(&paths.iter().map(|path| shown(&String::from_utf8_lossy(path))).collect::<Vec<String>>())
        };
        if !merge.contested.is_empty() {
            self.notes.push(format!(
                "git: staged outside the sandbox at the same time, and left as the user has it: {}.",
                names(&merge.contested)
            ));
        }
        if !merge.gitlinks.is_empty() {
            self.notes.push(format!(
                "git: a repository inside the repository is not staged for the user: {}.",
                names(&merge.gitlinks)
            ));
        }
    }

    pub(crate) fn dropped_lines(&mut self, count: usize) {
        if count != 0 {
            self.notes.push(format!(
                "git: {count} lines of the unfinished rebase would run programs or do more than pick commits; they stay in the sandbox."
            ));
        }
    }

    /// For the model: one note that all of it is private, and why.
    pub(crate) fn into_notes(self) -> Vec<String> {
        let mut notes = self.notes;
        if !self.private.is_empty() {
            notes.push(format!(
                "git: changed in the sandbox only, for this session: {}. The user's own git does not see it.",
                self.private.join("; ")
            ));
        }
        notes
    }
}

fn with_kind(name: &str) -> String {
    let short = shown(&refs::short(name));
    if name.starts_with("refs/heads/") { format!("branch {short}") } else { short }
}

/// Names that a command chose, on one line of a person's screen.
fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).take(100).collect()
}

fn list(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

impl Repository {
    /// Of the paths that changed, those that are no data: configuration, hooks, and what else git obeys.
    pub(crate) async fn private_news(&self, paths: &BTreeSet<PathBuf>, asker: &Asker<'_>) -> News {
        let mut news = News::default();
        if self.private_seen.is_none() {
            return news;
        }
        let below = |folder: &str| -> Vec<String> {
            let inside = paths.iter().filter_map(|path| path.strip_prefix(folder).ok());
            let files = inside.filter(|path| path.iter().count() == 1 && !path.to_string_lossy().contains(".lock"));
            files.map(|path| shown(&path.to_string_lossy())).collect()
        };
        let config: Vec<&PathBuf> =
            paths.iter().filter(|path| path.ends_with("config") || path.ends_with("config.worktree")).collect();
        if !config.is_empty() {
            let keys = self.changed_settings(asker).await;
            news.private.push(if keys.is_empty() { "configuration".to_owned() } else { format!("configuration ({})", list(&keys)) });
        }
        for (folder, word) in [("hooks", "hooks"), ("info", "info"), ("objects/info", "objects/info"), ("modules", "submodules"), ("worktrees", "worktrees")] {
            let names = below(folder);
            if !names.is_empty() {
                news.private.push(format!("{word} ({})", list(&names)));
            }
        }
        let others = ["commondir", "gitdir", "shallow", "rebase-apply", "sequencer"];
        news.private.extend(others.iter().filter(|name| paths.contains(Path::new(name))).map(|name| (*name).to_owned()));
        news
    }

    /// Keys whose values are not the user's. Asked behind the fence, as plain files: nothing is included.
    async fn changed_settings(&self, asker: &Asker<'_>) -> Vec<String> {
        let (private, real) = (quoted(&self.place.dir.join("config")), quoted(&self.inside().join("ask/config")));
        let list = |file: &str| format!("git config --no-includes --file {file} -z --list 2>/dev/null; ");
        let script = format!("{}printf '\\001\\000'; {}true", list(&private), list(&real));
        let Ok(answer) = asker.ask(&script, CONFIG_BYTES).await else { return Vec::new() };
        let settings: Vec<&[u8]> = answer.split(|byte| *byte == 0).collect();
        let middle = settings.iter().position(|setting| *setting == [1]).unwrap_or(settings.len());
        let (private, real) = settings.split_at(middle);
        let only = |one: &[&[u8]], other: &[&[u8]]| -> Vec<String> {
            let new = one.iter().filter(|setting| !setting.is_empty() && **setting != [1] && !other.contains(setting));
            new.filter_map(|setting| setting.split(|byte| *byte == b'\n').next()).map(|key| shown(&String::from_utf8_lossy(key))).collect()
        };
        let keys: BTreeSet<String> = only(private, real).into_iter().chain(only(real, private)).collect();
        keys.into_iter().collect()
    }
}
