//! What is done on a forge. Every operation may be repeated, and may be dropped at any point: what a request did whose
//! answer was lost is looked up, never done a second time blindly.

use std::path::Path;

use secrecy::SecretString;
use serde::de::DeserializeOwned;

use crate::answers::{Change, Issue, User, WireChange, WireComment, WireIssue, WireProject};
use crate::failure::{Effect, Failure, FailureKind, Trouble};
use crate::http::{Call, Connection, Page};
use crate::project::{Kind, Project};
use crate::push::Remote;
use crate::retry::{Patience, Spent};
use crate::routes;

/// One project on one forge, spoken to with one token.
#[derive(Debug)]
pub struct Forge {
    project: Project,
    connection: Connection,
    patience: Patience,
}

/// A change to be opened.
#[derive(Clone, Debug)]
pub struct NewChange {
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The branch that was pushed to the project.
    pub head: String,
    /// The branch that it is to go into.
    pub base: String,
    pub is_draft: bool,
}

/// Where comments hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    Issue(u64),
    Change(u64),
}

/// Pages of one list that are read at most: 1,000 comments, 500 on Forgejo.
const PAGES: usize = 10;

/// Open changes are looked through further: one that is missed could be opened twice.
const CHANGE_PAGES: usize = 100;

impl Forge {
    /// Opens no connection yet. Errors: a token that is empty or cannot be one.
    pub fn new(project: Project, token: SecretString) -> Result<Forge, Failure> {
        Forge::with_patience(project, token, Patience::default())
    }

    pub fn with_patience(project: Project, token: SecretString, patience: Patience) -> Result<Forge, Failure> {
        let connection = Connection::new(&project, token, patience.answer)?;
        Ok(Forge { project, connection, patience })
    }

    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Where [`crate::push`] pushes to with this token. `program` is the program whose `main` calls
    /// [`crate::launcher`].
    pub fn remote<'a>(&'a self, program: &'a Path) -> Remote<'a> {
        let token = Some((self.project.kind, self.connection.token()));
        Remote { url: &self.project.git, token, program, patience: self.patience }
    }

    /// An issue with its comments, the first thousand of them.
    pub async fn issue(&self, number: u64) -> Result<Issue, Failure> {
        let issue: WireIssue = self.read(&routes::issue(&self.project, number)).await?.value;
        let (comments, has_more) = self.comments(Thread::Issue(number)).await?;
        let comments = comments.into_iter().filter(WireComment::is_public_speech);
        Ok(issue.into_issue(number, comments.map(WireComment::into_comment).collect(), has_more))
    }

    /// The branch that changes go into unless told otherwise.
    pub async fn default_branch(&self) -> Result<String, Failure> {
        let project: WireProject = self.read(&routes::project(&self.project)).await?.value;
        project.default_branch.filter(|branch| !branch.is_empty()).ok_or_else(|| {
            let message = format!("{} has no default branch: it is empty", self.project.path);
            Failure::new(FailureKind::NotFound, message, "push a first commit, or name the base branch")
        })
    }

    /// The open change that comes from this branch of the project itself.
    pub async fn change_of(&self, branch: &str) -> Result<Option<Change>, Failure> {
        for number in 1..=CHANGE_PAGES {
            let call = routes::page(routes::changes_of(&self.project, branch), self.project.kind, number);
            let page: Page<Vec<WireChange>> = self.read(&call).await?;
            let has_next = self.has_next(&page);
            let found = page.value.into_iter().find(|change| change.is_from(&self.project, branch));
            if found.is_some() || !has_next {
                return Ok(found.map(WireChange::into_change));
            }
        }
        let message = format!("{} has too many open {}s to search", self.project.path, self.project.kind.change_name());
        Err(Failure::new(FailureKind::Refused, message, ""))
    }

    /// Opens a change, unless there is one from this branch: then it is returned as it is.
    pub async fn open_change(&self, new: &NewChange) -> Result<Change, Failure> {
        let call = routes::new_change(&self.project, new);
        let look = async || self.change_of(&new.head).await;
        let post = async || Ok(self.connection.call::<WireChange>(&call).await?.value.into_change());
        self.once(look, post).await
    }

    /// Replaces title and body. A draft stays one, and what is none does not become one.
    pub async fn update_change(&self, change: &Change, title: &str, body: &str) -> Result<Change, Failure> {
        let call = routes::edit_change(&self.project, change.number, title, body, change.is_draft);
        Ok(self.read::<WireChange>(&call).await?.value.into_change())
    }

    /// Comments, or edits the comment that we left before: the one of our own account that carries this marker, which
    /// people do not see.
    pub async fn comment_once(&self, at: Thread, marker: &str, body: &str) -> Result<(), Failure> {
        let marker = format!("<!-- agent: {} -->", marker.replace("--", "-"));
        let body = format!("{marker}\n{body}");
        let us = self.us().await?;
        let call = routes::new_comment(&self.project, at, &body);
        let look = async || {
            let (comments, _) = self.comments(at).await?;
            let mine = |comment: &&WireComment| {
                let is_ours = comment.user.as_ref().is_some_and(|user| us.is(user, self.project.kind));
                is_ours && comment.body.as_ref().is_some_and(|body| body.starts_with(&marker))
            };
            Ok(comments.iter().find(mine).map(|comment| (comment.id, comment.body.clone().unwrap_or_default())))
        };
        let post = async || {
            let comment = self.connection.call::<WireComment>(&call).await?.value;
            Ok((comment.id, comment.body.unwrap_or_default()))
        };
        let (id, stands) = self.once(look, post).await?;
        if stands.trim() != body.trim() {
            self.read::<WireComment>(&routes::edit_comment(&self.project, at, id, &body)).await?;
        }
        Ok(())
    }

    /// Whose comments are ours.
    async fn us(&self) -> Result<Us, Failure> {
        match self.read::<User>(&routes::user()).await {
            Ok(page) => Ok(Us::Account(page.value.name().to_owned())),
            // The token of a workflow's job is nobody's, and may not ask who it is.
            Err(failure) if matches!(failure.kind, FailureKind::Permission | FailureKind::NotFound) => {
                Ok(Us::SomeProgram)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn comments(&self, at: Thread) -> Result<(Vec<WireComment>, bool), Failure> {
        let call = || routes::comments(&self.project, at);
        if self.project.kind == Kind::Forgejo {
            return Ok((self.read(&call()).await?.value, false));
        }
        let mut comments = Vec::new();
        for number in 1..=PAGES {
            let page: Page<Vec<WireComment>> = self.read(&routes::page(call(), self.project.kind, number)).await?;
            let has_next = self.has_next(&page);
            comments.extend(page.value);
            if !has_next {
                return Ok((comments, false));
            }
        }
        Ok((comments, true))
    }

    fn has_next<T>(&self, page: &Page<Vec<T>>) -> bool {
        page.has_next.unwrap_or(page.value.len() >= routes::page_size(self.project.kind))
    }

    /// A call that may be repeated without harm.
    async fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<Page<T>, Failure> {
        let mut spent = Spent::new(self.patience);
        loop {
            match self.connection.call(call).await {
                Ok(page) => return Ok(page),
                Err(trouble) => spent.pause(trouble).await?,
            }
        }
    }

    /// Makes a thing of which there must be one: looks whether it is there before each attempt to make it, and after
    /// the last one that may have made it.
    async fn once<T>(
        &self,
        look: impl AsyncFn() -> Result<Option<T>, Failure>,
        post: impl AsyncFn() -> Result<T, Trouble>,
    ) -> Result<T, Failure> {
        let mut spent = Spent::new(self.patience);
        loop {
            if let Some(there) = look().await? {
                return Ok(there);
            }
            let trouble = match post().await {
                Ok(made) => return Ok(made),
                Err(trouble) => trouble,
            };
            let may_be_there = trouble.effect == Effect::Unknown || trouble.failure.kind == FailureKind::Refused;
            if let Err(failure) = spent.pause(trouble).await {
                // "There is one already" says the forge, when another run was faster.
                let found = if may_be_there { look().await? } else { None };
                return found.ok_or(failure);
            }
        }
    }
}

enum Us {
    Account(String),
    SomeProgram,
}

impl Us {
    fn is(&self, user: &User, kind: Kind) -> bool {
        match self {
            Us::Account(name) => user.name() == name,
            Us::SomeProgram => user.is_program(kind),
        }
    }
}
