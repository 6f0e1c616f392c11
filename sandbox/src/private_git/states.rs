//! A merge, cherry-pick, revert or rebase that a command left unfinished, so
//! that it can be continued in the user's window: written from checked values,
//! file by file. A rebase's list keeps the lines that pick and order commits;
//! lines that run programs are never taken.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::private_git::dir::Dir;
use crate::private_git::refs;

const MOST_BYTES: u64 = 1 << 20;
const REBASE: &str = "rebase-merge";

/// What a file of a state may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Ids,
    /// Free text that git only ever shows or commits.
    Text,
    Nothing,
    Number,
    /// A branch, or the words for none.
    Branch,
    Todo,
    Author,
    MergeMode,
}

/// In the git directory of a worktree.
const FILES: &[(&str, Form)] = &[
    ("MERGE_HEAD", Form::Ids),
    ("CHERRY_PICK_HEAD", Form::Ids),
    ("REVERT_HEAD", Form::Ids),
    ("ORIG_HEAD", Form::Ids),
    ("MERGE_MSG", Form::Text),
    ("SQUASH_MSG", Form::Text),
    ("MERGE_MODE", Form::MergeMode),
];

/// In `rebase-merge`. Not: `strategy`, `strategy_opts`, `gpg_sign_opt`, `autostash`, and what git may add.
const REBASE_FILES: &[(&str, Form)] = &[
    ("head-name", Form::Branch),
    ("onto", Form::Ids),
    ("orig-head", Form::Ids),
    ("stopped-sha", Form::Ids),
    ("amend", Form::Ids),
    ("squash-onto", Form::Ids),
    ("rewritten-list", Form::Ids),
    ("rewritten-pending", Form::Ids),
    ("msgnum", Form::Number),
    ("end", Form::Number),
    ("message", Form::Text),
    ("interactive", Form::Nothing),
    ("quiet", Form::Nothing),
    ("no-reschedule-failed-exec", Form::Nothing),
    ("drop_redundant_commits", Form::Nothing),
    ("keep_redundant_commits", Form::Nothing),
    ("git-rebase-todo", Form::Todo),
    ("git-rebase-todo.backup", Form::Todo),
    ("done", Form::Todo),
    ("author-script", Form::Author),
];

/// Names of git's in a rebase's list, long and short, that start no program.
const TODO: &[&str] = &[
    "pick", "p", "reword", "r", "edit", "e", "squash", "s", "fixup", "f", "drop", "d", "label", "l", "reset", "t",
    "break", "b", "noop",
];

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct States {
    /// From the git directory of the worktree.
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
    pub(crate) ids: Vec<String>,
    /// Lines of a rebase's list that stay behind.
    pub(crate) dropped: usize,
}

/// What may be taken of the states in `view`.
pub(crate) fn read(dir: &Dir, view: &Path) -> States {
    let mut states = States::default();
    for (name, form) in FILES {
        states.take(dir, view, Path::new(name), *form);
    }
    for (name, form) in REBASE_FILES {
        states.take(dir, view, &Path::new(REBASE).join(name), *form);
    }
    // Without these it is no rebase that git could continue.
    let whole = ["head-name", "onto", "git-rebase-todo", "done"];
    if !whole.iter().all(|name| states.files.contains_key(&Path::new(REBASE).join(name))) {
        states.files.retain(|path, _| !path.starts_with(REBASE));
    }
    states
}

/// All that [`read`] may name: what of it is not there any more is over.
pub(crate) fn names() -> impl Iterator<Item = PathBuf> {
    let files = FILES.iter().filter(|(name, _)| *name != "ORIG_HEAD").map(|(name, _)| PathBuf::from(name));
    files.chain(REBASE_FILES.iter().map(|(name, _)| Path::new(REBASE).join(name))).chain([PathBuf::from(REBASE)])
}

impl States {
    fn take(&mut self, dir: &Dir, view: &Path, name: &Path, form: Form) {
        let Ok(bytes) = dir.read(&view.join(name), MOST_BYTES) else { return };
        let text = String::from_utf8_lossy(&bytes);
        let taken = match form {
            Form::Ids => self.ids(&text),
            Form::Text => Some(bytes.clone()),
            Form::Nothing => Some(Vec::new()),
            Form::Number => text.trim().parse::<u32>().ok().map(|number| format!("{number}\n").into_bytes()),
            Form::Branch => {
                let name = text.trim();
                let fits = name == "detached HEAD" || name.starts_with("refs/heads/") && refs::is_importable(name);
                fits.then(|| format!("{name}\n").into_bytes())
            }
            Form::Todo => Some(self.todo(&text)),
            Form::Author => is_author(&text).then(|| bytes.clone()),
            Form::MergeMode => ["", "no-ff"].contains(&text.trim()).then(|| text.trim().as_bytes().to_vec()),
        };
        if let Some(taken) = taken {
            self.files.insert(name.to_owned(), taken);
        }
    }

    fn ids(&mut self, text: &str) -> Option<Vec<u8>> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() || !words.iter().all(|word| refs::is_id(word)) {
            return None;
        }
        self.ids.extend(words.iter().map(|word| (*word).to_owned()));
        Some(text.as_bytes().to_vec())
    }

    fn todo(&mut self, text: &str) -> Vec<u8> {
        let mut kept = String::new();
        for line in text.lines() {
            let first = line.split_whitespace().next().unwrap_or_default();
            if first.is_empty() || first.starts_with('#') || TODO.contains(&first) {
                kept += line;
                kept.push('\n');
            } else {
                self.dropped += 1;
            }
        }
        kept.into_bytes()
    }
}

/// Three assignments of quoted text, as git writes them; older versions gave the file to a shell.
fn is_author(text: &str) -> bool {
    let is_quoted = |value: &str| {
        let plain = value.replace("'\\''", "").replace("'\\!'", "");
        let inner = plain.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        inner.is_some_and(|inner| !inner.contains('\''))
    };
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(_, value)| is_quoted(value))
        .map(|(name, _)| name)
        .collect();
    names == ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE"] && text.lines().count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebase_comes_without_what_runs_programs() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at(REBASE)).unwrap();
        let id = "a".repeat(40);
        for (name, text) in [
            ("head-name", "refs/heads/main"),
            ("onto", id.as_str()),
            ("done", "pick abc x\nexec touch x\n"),
            ("git-rebase-todo", "pick abc one\nx rm -rf /\nexec evil\n# words\nupdate-ref refs/heads/other\n"),
            ("strategy", "evil"),
            ("gpg_sign_opt", "-Sevil"),
            ("author-script", "GIT_AUTHOR_NAME='a'\nGIT_AUTHOR_EMAIL='$(evil)'\nGIT_AUTHOR_DATE='@1 +0000'\n"),
        ] {
            std::fs::write(at(REBASE).join(name), text).unwrap();
        }
        std::fs::write(at("MERGE_HEAD"), "../../x").unwrap();
        let states = read(&Dir::open(folder.path()).unwrap(), Path::new(""));
        let names: Vec<&str> = states.files.keys().map(|path| path.to_str().unwrap()).collect();
        let expected = ["author-script", "done", "git-rebase-todo", "head-name", "onto"];
        assert_eq!(names, expected.map(|name| format!("{REBASE}/{name}")));
        assert_eq!(states.files[&Path::new(REBASE).join("git-rebase-todo")], b"pick abc one\n# words\n");
        assert_eq!(states.dropped, 4);
    }

    #[test]
    fn authors() {
        let script =
            |name: &str| format!("GIT_AUTHOR_NAME={name}\nGIT_AUTHOR_EMAIL='b@c'\nGIT_AUTHOR_DATE='@1 +0000'\n");
        assert!(is_author(&script("'O'\\''Neill'")));
        assert!(!is_author(&script("'a'; evil; 'b'")));
        assert!(!is_author(&script("$(evil)")));
    }
}
