//! What to say of commands that worked with git: what moved for the user, and
//! what stays in the sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::private_git::ask::{Asker, quoted};
use crate::private_git::index::Merge;
use crate::private_git::plan::{HeadMove, Left, Move, Plan, StashMove, Why};
use crate::private_git::refs::{self, Target};
use crate::private_git::repository::Repository;
use crate::private_git::snapshot::Snapshot;

const CONFIG_BYTES: u64 = 4 << 20;
const MOST_NAMES: usize = 8;
const MOST_MOVES: usize = 12;

/// Of one command and one repository.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// What moved on the user's side.
    pub(crate) refs: Vec<Move>,
    pub(crate) heads: Vec<HeadMove>,
    pub(crate) stash: Vec<String>,
    /// What commands changed for themselves alone: by kind, the names.
    pub(crate) private: Private,
    /// What was not taken, or not at its place.
    pub(crate) notes: Vec<String>,
}

pub(crate) type Private = BTreeMap<&'static str, BTreeSet<String>>;

impl News {
    pub(crate) fn failed(&mut self, why: String) {
        self.notes.push(format!("git: nothing of this command's work with git was taken into the repository: {why}."));
    }

    pub(crate) fn moved(&mut self, plan: &Plan, base: &Snapshot, private: &Snapshot) {
        for change in &plan.refs {
            if let Some(from) = &change.kept_from {
                let (from, short) = (shown(&refs::short(from)), shown(&refs::short(&change.name)));
                self.notes.push(format!(
                    "git: `{from}` moved outside the sandbox at the same time; the command's commits are on branch `{short}`."
                ));
            }
        }
        self.refs.extend(plan.refs.iter().cloned());
        self.heads.extend(plan.heads.iter().cloned());
        if let StashMove::Replay { dropped, stored } = &plan.stash {
            if !stored.is_empty() {
                self.stash.push(format!("stash +{}", stored.len()));
            }
            let gone = base.stash.iter().take(*dropped).filter(|one| !private.stash.contains(one));
            // By these they can be had back: `git stash store ID`.
            let ids: Vec<&str> = gone.map(|one| one.id.get(..10).unwrap_or(&one.id)).collect();
            if !ids.is_empty() {
                self.stash.push(format!("dropped stash {}", ids.join(", ")));
            }
        }
    }

    fn stays(&mut self, kind: &'static str, names: impl IntoIterator<Item = String>) {
        self.private.entry(kind).or_default().extend(names);
    }

    pub(crate) fn left<'l>(&mut self, left: impl Iterator<Item = &'l Left>) {
        let mut by_reason: BTreeMap<Why, Vec<String>> = BTreeMap::new();
        for Left { name, why } in left {
            by_reason.entry(*why).or_default().push(shown(name));
        }
        for (why, names) in by_reason {
            let shown = list(&names);
            let note = match why {
                Why::Kind => {
                    self.stays("refs", names);
                    continue;
                }
                Why::Namesake => format!("git: {shown} stays in the sandbox: a branch or tag of that name exists."),
                Why::CheckedOutElsewhere => {
                    format!("git: {shown} stays unchanged for the user: another worktree has it checked out.")
                }
                Why::Deleted => format!("git: {shown} was deleted in the sandbox alone: commands did not create it."),
                Why::Moved => format!("git: {shown} stays unchanged for the user: it moved outside the sandbox too."),
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
                private(&self.private).join("; ")
            ));
        }
        notes
    }
}

/// By kind, with a few of the names.
pub(crate) fn private(all: &Private) -> Vec<String> {
    let words = all.iter().map(|(kind, names)| {
        let names: Vec<String> = names.iter().cloned().collect();
        if names.is_empty() { (*kind).to_owned() } else { format!("{kind} ({})", list(&names)) }
    });
    words.collect()
}

/// What moved in one repository since the run began: where each ref was first, and is now.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    refs: BTreeMap<String, (Option<String>, Option<String>)>,
    heads: BTreeMap<PathBuf, Target>,
    stash: Vec<String>,
}

impl Moved {
    pub(crate) fn add(&mut self, news: &News) {
        for change in &news.refs {
            self.refs.entry(change.name.clone()).or_insert((change.old.clone(), None)).1.clone_from(&change.new);
        }
        self.heads.extend(news.heads.iter().map(|head| (head.view.clone(), head.new.clone())));
        self.stash.extend(news.stash.iter().cloned());
    }

    /// `main +2`, `new tag v9`, `HEAD now on topic`. `count`: commits that only the first and only the second has.
    pub(crate) fn words(&self, count: impl Fn(&str, &str) -> Option<(usize, usize)>) -> Vec<String> {
        let mut words = Vec::new();
        for (name, (old, new)) in &self.refs {
            let short = shown(&refs::short(name));
            let branch = if name.starts_with("refs/heads/") { "branch " } else { "" };
            match (old, new) {
                (None, Some(_)) => words.push(format!("new {branch}{short}")),
                (Some(old), Some(new)) if old != new => words.push(match count(old, new) {
                    Some((0, added)) => format!("{short} +{added}"),
                    Some((gone, added)) => format!("{short} +{added} -{gone}"),
                    None => format!("{short} moved"),
                }),
                (Some(_), None) => words.push(format!("deleted {branch}{short}")),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        words.extend(self.heads.values().map(|head| match head {
            Target::Name(name) => format!("HEAD now on {}", shown(&refs::short(name))),
            Target::Id(id) => format!("HEAD now at {}", id.get(..10).unwrap_or(id)),
        }));
        words.extend(self.stash.iter().cloned());
        let more = words.len().saturating_sub(MOST_MOVES);
        words.truncate(MOST_MOVES);
        words.extend((more != 0).then(|| format!("{more} more")));
        words
    }
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
            news.stays("configuration", keys);
        }
        for (folder, word) in [
            ("hooks", "hooks"),
            ("info", "info"),
            ("objects/info", "objects/info"),
            ("modules", "submodules"),
            ("worktrees", "worktrees"),
        ] {
            let names = below(folder);
            if !names.is_empty() {
                news.stays(word, names);
            }
        }
        for name in ["commondir", "gitdir", "shallow", "rebase-apply", "sequencer"] {
            if paths.contains(Path::new(name)) {
                news.stays(name, []);
            }
        }
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
            new.filter_map(|setting| setting.split(|byte| *byte == b'\n').next())
                .map(|key| shown(&String::from_utf8_lossy(key)))
                .collect()
        };
        let keys: BTreeSet<String> = only(private, real).into_iter().chain(only(real, private)).collect();
        keys.into_iter().collect()
    }
}
