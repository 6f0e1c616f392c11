//! What is asked, done and answered, alike for all three. How each says it is in its own file.

use serde_json::{Value, json};

use crate::forgejo::Forgejo;
use crate::git::{self, Answered};
use crate::github::GitHub;
use crate::gitlab::GitLab;
use crate::journal::Recorded;
use crate::state::{Change, Comment, Issue, Kind, On, Right, State};

/// A call of the API, understood.
pub(crate) enum Asked {
    User,
    Project,
    Issue(u64),
    Comments(On),
    NewComment(On),
    EditComment(u64),
    Changes,
    NewChange,
    EditChange(u64),
}

/// What a change is made from.
pub(crate) struct Wanted {
    pub(crate) title: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) head: Option<String>,
    pub(crate) base: Option<String>,
    /// `None` where the title says it.
    pub(crate) is_draft: Option<bool>,
}

/// Why something is refused.
pub(crate) enum No {
    BadToken,
    NotAllowed(Right),
    NotFound,
    There { number: u64, head: String },
    Branchless(String),
    Incomplete,
}

/// How one forge says things. The answers have every field that its description requires.
pub(crate) trait Dialect {
    /// What comes before a call's path.
    fn prefix(&self) -> &'static str;
    fn authorization(&self, token: &str) -> String;
    /// `rest` is the path behind the prefix, in parts, still escaped.
    fn understand(&self, state: &State, method: &str, rest: &[&str]) -> Option<Asked>;
    fn user(&self, state: &State) -> Value;
    fn project(&self, state: &State) -> Value;
    fn issue(&self, state: &State, issue: &Issue) -> Value;
    fn comment(&self, state: &State, comment: &Comment) -> Value;
    fn change(&self, state: &State, change: &Change, of_list: OfList) -> Value;
    fn wanted(&self, body: &Value) -> Wanted;
    fn draft_prefix(&self) -> Option<&'static str>;
    fn refuse(&self, state: &State, no: &No) -> (u16, Vec<(String, String)>, Value);
    /// Whether an open change is among those that a query asks for.
    fn is_asked_for(&self, state: &State, change: &Change, query: &dyn Fn(&str) -> Option<String>) -> bool;
    /// The status for a change that was edited.
    fn edited(&self) -> u16;
    /// The parameter for a page's size, and its greatest value.
    fn page_size(&self) -> (&'static str, usize);
    /// Whether comments come in pages.
    fn pages_comments(&self) -> bool;
}

/// Whether a change is one of a list: GitHub says less of it then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfList {
    Yes,
    No,
}

fn dialect(kind: Kind) -> &'static dyn Dialect {
    match kind {
        Kind::GitHub => &GitHub,
        Kind::GitLab => &GitLab,
        Kind::Forgejo => &Forgejo,
    }
}

type Said = (u16, Vec<(String, String)>, Value);

pub(crate) fn answer(state: &mut State, recorded: &Recorded) -> Answered {
    let dialect = dialect(state.config.kind);
    let said = done(state, dialect, recorded);
    let (status, mut headers, value) = said.unwrap_or_else(|no| dialect.refuse(state, &no));
    headers.push(("content-type".to_owned(), "application/json; charset=utf-8".to_owned()));
    (status, headers, value.to_string().into_bytes())
}

fn done(state: &mut State, dialect: &dyn Dialect, recorded: &Recorded) -> Result<Said, No> {
    let (path, query) = recorded.path.split_once('?').unwrap_or((&recorded.path, ""));
    let rest = path.strip_prefix(dialect.prefix()).ok_or(No::NotFound)?;
    let token = dialect.authorization(&state.config.token);
    if !recorded.headers.iter().any(|(name, value)| name == "authorization" && *value == token) {
        return Err(No::BadToken);
    }
    let query = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
    };
    let parts: Vec<&str> = rest.split('/').collect();
    let asked = dialect.understand(state, &recorded.method, &parts).ok_or(No::NotFound)?;
    allowed(state, &asked)?;
    let body: Value = serde_json::from_slice(&recorded.body).unwrap_or(Value::Null);
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let link = state.url.clone() + path;
    match asked {
        Asked::User => Ok((200, Vec::new(), dialect.user(state))),
        Asked::Project => Ok((200, Vec::new(), dialect.project(state))),
        Asked::Issue(number) => {
            let issue = state.issues.iter().find(|issue| issue.number == number).ok_or(No::NotFound)?;
            Ok((200, Vec::new(), dialect.issue(state, issue)))
        }
        Asked::Comments(on) => {
            if !state.has(on) {
                return Err(No::NotFound);
            }
            let comments = state.comments_on(on).iter().map(|comment| dialect.comment(state, comment)).collect();
            if dialect.pages_comments() {
                Ok(page(dialect, comments, &query, &link))
            } else {
                Ok((200, Vec::new(), Value::Array(comments)))
            }
        }
        Asked::NewComment(on) => {
            if !state.has(on) {
                return Err(No::NotFound);
            }
            let account = state.config.account.clone();
            let id = state.add_comment(on, &account, &text("body").ok_or(No::Incomplete)?);
            let comment = state.comments.iter().find(|comment| comment.id == id).ok_or(No::NotFound)?;
            Ok((201, Vec::new(), dialect.comment(state, comment)))
        }
        Asked::EditComment(id) => {
            let body = text("body").ok_or(No::Incomplete)?;
            let comment = state.comments.iter_mut().find(|comment| comment.id == id).ok_or(No::NotFound)?;
            comment.body = body;
            let comment = comment.clone();
            Ok((200, Vec::new(), dialect.comment(state, &comment)))
        }
        Asked::Changes => {
            let open = state.changes.iter().filter(|change| change.is_open);
            let asked_for = open.filter(|change| dialect.is_asked_for(state, change, &query));
            // The newest first, as all three do.
            let changes = asked_for.rev().map(|change| dialect.change(state, change, OfList::Yes)).collect();
            Ok(page(dialect, changes, &query, &link))
        }
        Asked::NewChange => new_change(state, dialect, dialect.wanted(&body)),
        Asked::EditChange(number) => {
            let wanted = dialect.wanted(&body);
            let change = state.changes.iter_mut().find(|change| change.number == number).ok_or(No::NotFound)?;
            change.body = wanted.body.unwrap_or_else(|| change.body.clone());
            change.title = wanted.title.unwrap_or_else(|| change.title.clone());
            change.is_draft = dialect.draft_prefix().map_or(change.is_draft, |prefix| change.title.starts_with(prefix));
            let change = change.clone();
            Ok((dialect.edited(), Vec::new(), dialect.change(state, &change, OfList::No)))
        }
    }
}

fn allowed(state: &State, asked: &Asked) -> Result<(), No> {
    let right = match asked {
        Asked::User => Right::ReadUser,
        Asked::Issue(_) | Asked::Comments(_) => Right::ReadIssues,
        Asked::NewComment(_) | Asked::EditComment(_) => Right::Comment,
        Asked::NewChange | Asked::EditChange(_) => Right::WriteChanges,
        Asked::Project | Asked::Changes => return Ok(()),
    };
    if state.may(right) { Ok(()) } else { Err(No::NotAllowed(right)) }
}

fn new_change(state: &mut State, dialect: &dyn Dialect, wanted: Wanted) -> Result<Said, No> {
    let (Some(title), Some(head), Some(base)) = (wanted.title, wanted.head, wanted.base) else {
        return Err(No::Incomplete);
    };
    let from = state.config.path.clone();
    let same = |change: &&Change| change.is_open && change.head == head && change.base == base && change.from == from;
    if let Some(there) = state.changes.iter().find(same) {
        return Err(No::There { number: there.number, head: there.head.clone() });
    }
    if let Some(repository) = &state.config.repository {
        for branch in [&head, &base] {
            if !git::has_branch(repository, branch) {
                return Err(No::Branchless(branch.clone()));
            }
        }
    }
    let is_draft = wanted.is_draft.or_else(|| Some(title.starts_with(dialect.draft_prefix()?))).unwrap_or(false);
    let number = state.next_number(On::Change);
    let body = wanted.body.unwrap_or_default();
    let change = Change { number, title, body, head, base, from, is_draft, is_open: true };
    state.changes.push(change.clone());
    Ok((201, Vec::new(), dialect.change(state, &change, OfList::No)))
}

/// One page, and the `Link` to the next one where there is one.
fn page(dialect: &dyn Dialect, all: Vec<Value>, query: &dyn Fn(&str) -> Option<String>, link: &str) -> Said {
    let (parameter, most) = dialect.page_size();
    let number = |name: &str| query(name).and_then(|value| value.parse::<usize>().ok()).filter(|number| *number > 0);
    let (size, page) = (number(parameter).unwrap_or(30).min(most), number("page").unwrap_or(1));
    let has_next = page * size < all.len();
    let values: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
    let to = |page: usize, rel: &str| format!("<{link}?page={page}&{parameter}={size}>; rel=\"{rel}\"");
    let links = match (page > 1, has_next) {
        (_, true) => Some(to(page + 1, "next")),
        (true, false) => Some(to(page - 1, "prev")),
        (false, false) => None,
    };
    (200, links.map(|links| ("link".to_owned(), links)).into_iter().collect(), json!(values))
}
