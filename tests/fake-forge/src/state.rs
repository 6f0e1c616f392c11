//! What is on the forge.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use crate::fault::Fault;
use crate::journal::Recorded;

/// Which forge it pretends to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    GitHub,
    GitLab,
    Forgejo,
}

impl Kind {
    /// As `--forge` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::GitHub => "github",
            Kind::GitLab => "gitlab",
            Kind::Forgejo => "forgejo",
        }
    }
}

/// What the forge has before anything happens.
#[derive(Clone, Debug)]
pub struct Config {
    pub kind: Kind,
    /// `owner/name`.
    pub path: String,
    /// The one token that it takes, for its API and for git.
    pub token: String,
    /// Whose token it is.
    pub account: String,
    pub default_branch: String,
    /// A bare repository, served at [`crate::FakeForge::remote_url`]. Without one every branch is taken to exist.
    pub repository: Option<PathBuf>,
}

impl Config {
    /// The project `octo/hello`, the token `fake-token-1f6ab39c5e`, the account `robot`, no repository.
    pub fn new(kind: Kind) -> Config {
        Config {
            kind,
            path: "octo/hello".to_owned(),
            token: "fake-token-1f6ab39c5e".to_owned(),
            account: "robot".to_owned(),
            default_branch: "main".to_owned(),
            repository: None,
        }
    }
}

/// What a token may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    ReadUser,
    ReadIssues,
    Comment,
    WriteChanges,
    Push,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub author: String,
}

/// What a comment hangs on. On GitHub and Forgejo both count in one row, and either finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Issue(u64),
    Change(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    pub on: On,
    pub author: String,
    pub body: String,
}

/// A pull or merge request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub head: String,
    pub base: String,
    /// Whose: `owner/name` of the project that the branch is in.
    pub from: String,
    pub is_draft: bool,
    pub is_open: bool,
}

pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) url: String,
    pub(crate) issues: Vec<Issue>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) changes: Vec<Change>,
    pub(crate) denied: BTreeSet<Right>,
    pub(crate) faults: HashMap<usize, Fault>,
    /// Requests so far.
    pub(crate) count: usize,
    pub(crate) recorded: Vec<Recorded>,
}

impl State {
    pub(crate) fn new(config: Config, url: String) -> State {
        State {
            config,
            url,
            issues: Vec::new(),
            comments: Vec::new(),
            changes: Vec::new(),
            denied: BTreeSet::new(),
            faults: HashMap::new(),
            count: 0,
            recorded: Vec::new(),
        }
    }

    pub(crate) fn may(&self, right: Right) -> bool {
        !self.denied.contains(&right)
    }

    pub(crate) fn next_number(&self, on: fn(u64) -> On) -> u64 {
        let issues = self.issues.iter().map(|issue| On::Issue(issue.number));
        let all = issues.chain(self.changes.iter().map(|change| On::Change(change.number)));
        let counted = all.filter_map(|other| match (other, on(0), self.config.kind) {
            (On::Issue(number), On::Issue(_), _) | (On::Change(number), On::Change(_), _) => Some(number),
            (On::Issue(number) | On::Change(number), _, Kind::GitHub | Kind::Forgejo) => Some(number),
            (On::Issue(_) | On::Change(_), _, Kind::GitLab) => None,
        });
        counted.max().unwrap_or(0) + 1
    }

    pub(crate) fn add_comment(&mut self, on: On, author: &str, body: &str) -> u64 {
        let id = 1000 + self.comments.len() as u64;
        self.comments.push(Comment { id, on, author: author.to_owned(), body: body.to_owned() });
        id
    }

    /// The comments of one thread.
    pub(crate) fn comments_on(&self, on: On) -> Vec<Comment> {
        let same = |other: On| match (on, other, self.config.kind) {
            (On::Issue(one) | On::Change(one), On::Issue(other) | On::Change(other), Kind::GitHub | Kind::Forgejo) => {
                one == other
            }
            (_, _, Kind::GitLab) => on == other,
        };
        self.comments.iter().filter(|comment| same(comment.on)).cloned().collect()
    }

    pub(crate) fn has(&self, on: On) -> bool {
        let issue = |number| self.issues.iter().any(|issue| issue.number == number);
        let change = |number| self.changes.iter().any(|change| change.number == number);
        match (on, self.config.kind) {
            (On::Issue(number) | On::Change(number), Kind::GitHub | Kind::Forgejo) => issue(number) || change(number),
            (On::Issue(number), Kind::GitLab) => issue(number),
            (On::Change(number), Kind::GitLab) => change(number),
        }
    }
}
