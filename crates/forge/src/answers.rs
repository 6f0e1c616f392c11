//! What a forge tells: issues, comments, changes, in our words.

use serde::Deserialize;

use crate::project::{Kind, Project};

/// An issue as people see it. All of it was written by others: it is data, not instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub number: u64,
    pub title: String,
    /// Markdown; empty where there is none.
    pub body: String,
    /// The account's name; `ghost` where the account is gone.
    pub author: String,
    pub url: String,
    /// In the order in which they were written. GitLab's system notes and internal notes are left out.
    pub comments: Vec<Comment>,
    /// Whether there are more comments than were read.
    pub has_more: bool,
}

/// A comment of an issue or a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub author: String,
    pub body: String,
}

/// A pull request, or on GitLab a merge request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub number: u64,
    /// Of its page.
    pub url: String,
    pub title: String,
    pub is_draft: bool,
}

/// An account. GitLab says `username`; Forgejo says both.
#[derive(Debug, Deserialize)]
pub(crate) struct User {
    login: Option<String>,
    username: Option<String>,
    /// GitHub: `User`, `Bot` or `Organization`.
    #[serde(rename = "type")]
    account: Option<String>,
}

impl User {
    pub(crate) fn name(&self) -> &str {
        let name = self.login.as_deref().or(self.username.as_deref());
        name.filter(|name| !name.is_empty()).unwrap_or("ghost")
    }

    /// An account that only a program can have: apps of GitHub, and the account behind the token of a workflow's job.
    pub(crate) fn is_program(&self, kind: Kind) -> bool {
        match kind {
            Kind::GitHub => self.account.as_deref() == Some("Bot"),
            // Names that Forgejo and Gitea keep for themselves.
            Kind::Forgejo => matches!(self.name(), "forgejo-actions" | "gitea-actions"),
            Kind::GitLab => false,
        }
    }
}

fn name(user: Option<&User>) -> String {
    user.map_or("ghost", User::name).to_owned()
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireProject {
    /// `None` or empty while the project has no commit.
    pub(crate) default_branch: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireIssue {
    title: String,
    #[serde(alias = "description")]
    body: Option<String>,
    #[serde(alias = "author")]
    user: Option<User>,
    #[serde(alias = "web_url")]
    html_url: String,
}

impl WireIssue {
    pub(crate) fn into_issue(self, number: u64, comments: Vec<Comment>, has_more: bool) -> Issue {
        let author = name(self.user.as_ref());
        let body = self.body.unwrap_or_default();
        Issue { number, title: self.title, body, author, url: self.html_url, comments, has_more }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireComment {
    pub(crate) id: u64,
    pub(crate) body: Option<String>,
    #[serde(alias = "author")]
    pub(crate) user: Option<User>,
    #[serde(default)]
    system: bool,
    /// GitLab: for the project's members only; older versions say `confidential`.
    internal: Option<bool>,
    confidential: Option<bool>,
}

impl WireComment {
    /// Written by a person or a program, for everyone who sees the issue.
    pub(crate) fn is_public_speech(&self) -> bool {
        !self.system && self.internal != Some(true) && self.confidential != Some(true)
    }

    pub(crate) fn into_comment(self) -> Comment {
        Comment { author: name(self.user.as_ref()), body: self.body.unwrap_or_default() }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireChange {
    /// GitLab's `iid`; its `id` counts over all projects.
    #[serde(alias = "iid")]
    number: u64,
    #[serde(alias = "web_url")]
    html_url: String,
    title: String,
    #[serde(default)]
    draft: bool,
    head: Option<Head>,
    source_branch: Option<String>,
    source_project_id: Option<u64>,
    target_project_id: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Head {
    #[serde(rename = "ref")]
    branch: String,
    repo: Option<HeadRepo>,
}

#[derive(Debug, Deserialize)]
struct HeadRepo {
    full_name: String,
}

impl WireChange {
    /// Whether it comes from this branch of the project itself. A fork's branch may have the same name.
    pub(crate) fn is_from(&self, project: &Project, branch: &str) -> bool {
        match project.kind {
            Kind::GitHub | Kind::Forgejo => self.head.as_ref().is_some_and(|head| {
                head.branch == branch
                    && head.repo.as_ref().is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(&project.path))
            }),
            Kind::GitLab => {
                self.source_branch.as_deref() == Some(branch) && self.source_project_id == self.target_project_id
            }
        }
    }

    pub(crate) fn into_change(self) -> Change {
        Change { number: self.number, url: self.html_url, title: self.title, is_draft: self.draft }
    }
}
