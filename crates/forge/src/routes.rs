//! What is asked of each forge, and where: paths and bodies, pure. GitHub and Forgejo mostly agree.
//!
//! Sources: GitHub's OpenAPI description (`@octokit/openapi`), GitLab's `doc/api`, Forgejo's `templates/swagger`. The
//! tests hold every request against them where they can be had.

use reqwest::Method;
use serde_json::{Value, json};

use crate::forge::{NewChange, Thread};
use crate::http::Call;
use crate::project::{Kind, Project};
use crate::refusal::Need;

/// How many of a list are asked for at once: the most that each forge gives.
pub(crate) fn page_size(kind: Kind) -> usize {
    match kind {
        Kind::GitHub | Kind::GitLab => 100,
        Kind::Forgejo => 50,
    }
}

/// The `page`th part of a list, from 1.
pub(crate) fn page(mut call: Call, kind: Kind, page: usize) -> Call {
    let size = match kind {
        Kind::GitHub | Kind::GitLab => "per_page",
        Kind::Forgejo => "limit",
    };
    call.query.push((size, page_size(kind).to_string()));
    call.query.push(("page", page.to_string()));
    call
}

pub(crate) fn user() -> Call {
    get("user".to_owned(), Need::User)
}

pub(crate) fn project(project: &Project) -> Call {
    get(root(project), Need::Project)
}

pub(crate) fn issue(project: &Project, number: u64) -> Call {
    get(thread(project, Thread::Issue(number)), Need::ReadIssues)
}

/// A list; Forgejo gives it whole whatever page is asked for, so it is asked for none.
pub(crate) fn comments(project: &Project, at: Thread) -> Call {
    let path = format!("{}/{}", thread(project, at), notes(project.kind));
    let mut call = get(path, Need::ReadIssues);
    if project.kind == Kind::GitLab {
        // Newest first unless asked otherwise.
        call.query = vec![("sort", "asc".to_owned()), ("order_by", "created_at".to_owned())];
    }
    call
}

pub(crate) fn new_comment(project: &Project, at: Thread, body: &str) -> Call {
    let path = format!("{}/{}", thread(project, at), notes(project.kind));
    send(Method::POST, path, json!({"body": text(project.kind, body)}), Need::WriteComments)
}

pub(crate) fn edit_comment(project: &Project, at: Thread, id: u64, body: &str) -> Call {
    let body = json!({"body": text(project.kind, body)});
    match project.kind {
        Kind::GitHub | Kind::Forgejo => {
            send(Method::PATCH, format!("{}/issues/comments/{id}", root(project)), body, Need::WriteComments)
        }
        Kind::GitLab => send(Method::PUT, format!("{}/notes/{id}", thread(project, at)), body, Need::WriteComments),
    }
}

/// The open changes, among them the one from `branch`. Forgejo cannot be asked for a branch.
pub(crate) fn changes_of(project: &Project, branch: &str) -> Call {
    let mut call = get(changes(project), Need::ReadChanges);
    call.query = match project.kind {
        Kind::GitHub => vec![("state", "open".to_owned()), ("head", format!("{}:{branch}", project.owner()))],
        Kind::GitLab => vec![("state", "opened".to_owned()), ("source_branch", branch.to_owned())],
        Kind::Forgejo => vec![("state", "open".to_owned())],
    };
    call
}

pub(crate) fn new_change(project: &Project, new: &NewChange) -> Call {
    let NewChange { title, body, head, base, is_draft } = new;
    let title = titled(project.kind, title, *is_draft);
    let body = text(project.kind, body);
    let body = match project.kind {
        Kind::GitHub => json!({"title": title, "body": body, "head": head, "base": base, "draft": is_draft}),
        Kind::GitLab => json!({"title": title, "description": body, "source_branch": head, "target_branch": base}),
        Kind::Forgejo => json!({"title": title, "body": body, "head": head, "base": base}),
    };
    send(Method::POST, changes(project), body, Need::WriteChanges)
}

pub(crate) fn edit_change(project: &Project, number: u64, title: &str, body: &str, is_draft: bool) -> Call {
    let path = thread_of_change(project, number);
    let title = titled(project.kind, title, is_draft);
    let body = text(project.kind, body);
    match project.kind {
        Kind::GitHub | Kind::Forgejo => {
            send(Method::PATCH, path, json!({"title": title, "body": body}), Need::WriteChanges)
        }
        Kind::GitLab => send(Method::PUT, path, json!({"title": title, "description": body}), Need::WriteChanges),
    }
}

fn get(path: String, need: Need) -> Call {
    Call { method: Method::GET, path, query: Vec::new(), body: None, need }
}

fn send(method: Method, path: String, body: Value, need: Need) -> Call {
    Call { method, path, query: Vec::new(), body: Some(body), need }
}

/// The path holds nothing that would need escaping, except the slashes of GitLab's id.
fn root(project: &Project) -> String {
    match project.kind {
        Kind::GitHub | Kind::Forgejo => format!("repos/{}", project.path),
        Kind::GitLab => format!("projects/{}", project.path.replace('/', "%2F")),
    }
}

fn changes(project: &Project) -> String {
    match project.kind {
        Kind::GitHub | Kind::Forgejo => format!("{}/pulls", root(project)),
        Kind::GitLab => format!("{}/merge_requests", root(project)),
    }
}

fn thread_of_change(project: &Project, number: u64) -> String {
    format!("{}/{number}", changes(project))
}

/// Where comments hang. On GitHub and Forgejo a pull request is an issue too.
fn thread(project: &Project, at: Thread) -> String {
    match (project.kind, at) {
        (_, Thread::Issue(number)) | (Kind::GitHub | Kind::Forgejo, Thread::Change(number)) => {
            format!("{}/issues/{number}", root(project))
        }
        (Kind::GitLab, Thread::Change(number)) => thread_of_change(project, number),
    }
}

fn notes(kind: Kind) -> &'static str {
    match kind {
        Kind::GitHub | Kind::Forgejo => "comments",
        Kind::GitLab => "notes",
    }
}

/// On GitLab and Forgejo the title says that a change is a draft.
fn titled(kind: Kind, title: &str, is_draft: bool) -> String {
    let prefix = match (kind, is_draft) {
        (Kind::GitHub, _) | (_, false) => "",
        (Kind::GitLab, true) => "Draft: ",
        (Kind::Forgejo, true) => "WIP: ",
    };
    if title.starts_with(prefix) { title.to_owned() } else { format!("{prefix}{title}") }
}

/// GitLab obeys lines such as `/merge` in what it is sent ("quick actions"), and the text is not all ours.
fn text(kind: Kind, text: &str) -> String {
    match kind {
        Kind::GitHub | Kind::Forgejo => text.to_owned(),
        Kind::GitLab => {
            let escaped = text.split('\n').map(|line| {
                let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
                if rest.starts_with('/') { format!("{indent}\\{rest}") } else { line.to_owned() }
            });
            escaped.collect::<Vec<String>>().join("\n")
        }
    }
}
