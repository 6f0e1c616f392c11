//! GitLab's words: version 4 of its REST API, as `doc/api` describes it.

use serde_json::{Value, json};

use crate::answer::{Asked, Dialect, No, OfList, Wanted};
use crate::github::page_url;
use crate::state::{Change, Comment, Issue, On, Right, State};

pub(crate) struct GitLab;

const AT: &str = "2026-11-25T08:00:00.000Z";
const PROJECT: u64 = 42;

impl Dialect for GitLab {
    fn prefix(&self) -> &'static str {
        "/api/v4/"
    }

    fn authorization(&self, token: &str) -> String {
        format!("Bearer {token}")
    }

    fn understand(&self, state: &State, method: &str, rest: &[&str]) -> Option<Asked> {
        let rest = match rest {
            ["user"] if method == "GET" => return Some(Asked::User),
            ["projects", id, rest @ ..] if *id == state.config.path.replace('/', "%2F") => rest,
            _ => return None,
        };
        let on = |kind: &str, number: &str| match kind {
            "issues" => Some(On::Issue(number.parse().ok()?)),
            "merge_requests" => Some(On::Change(number.parse().ok()?)),
            _ => None,
        };
        Some(match (method, rest) {
            ("GET", []) => Asked::Project,
            ("GET", ["issues", number]) => Asked::Issue(number.parse().ok()?),
            ("GET", [kind, number, "notes"]) => Asked::Comments(on(kind, number)?),
            ("POST", [kind, number, "notes"]) => Asked::NewComment(on(kind, number)?),
            ("PUT", [kind, number, "notes", id]) if on(kind, number).is_some() => Asked::EditComment(id.parse().ok()?),
            ("GET", ["merge_requests"]) => Asked::Changes,
            ("POST", ["merge_requests"]) => Asked::NewChange,
            ("PUT", ["merge_requests", number]) => Asked::EditChange(number.parse().ok()?),
            _ => return None,
        })
    }

    fn user(&self, state: &State) -> Value {
        user(state, &state.config.account)
    }

    fn project(&self, state: &State) -> Value {
        let path = &state.config.path;
        json!({
            "id": PROJECT, "description": null, "name": path.rsplit('/').next(), "name_with_namespace": path, "path": path.rsplit('/').next(),
            "path_with_namespace": path, "created_at": AT, "default_branch": state.config.default_branch,
            "ssh_url_to_repo": format!("git@127.0.0.1:{path}.git"), "http_url_to_repo": format!("{}/{path}.git", state.url),
            "web_url": format!("{}/{path}", state.url), "visibility": "public"
        })
    }

    fn issue(&self, state: &State, issue: &Issue) -> Value {
        json!({
            "id": 5000 + issue.number, "iid": issue.number, "project_id": PROJECT, "title": issue.title,
            "description": issue.body, "state": "opened", "created_at": AT, "updated_at": AT, "labels": [],
            "milestone": null, "assignees": [], "author": user(state, &issue.author), "confidential": false,
            "user_notes_count": 0, "web_url": page_url(state, &format!("-/issues/{}", issue.number))
        })
    }

    fn comment(&self, state: &State, comment: &Comment) -> Value {
        let (kind, number) = match comment.on {
            On::Issue(number) => ("Issue", number),
            On::Change(number) => ("MergeRequest", number),
        };
        json!({
            "id": comment.id, "body": comment.body, "author": user(state, &comment.author), "created_at": AT,
            "updated_at": AT, "system": comment.author == "system", "noteable_id": 5000 + number, "noteable_type": kind,
            "noteable_iid": number, "project_id": PROJECT, "resolvable": false, "confidential": false,
            "internal": comment.author == "insider"
        })
    }

    fn change(&self, state: &State, change: &Change, _: OfList) -> Value {
        let source = if change.from == state.config.path { PROJECT } else { PROJECT + 1 };
        json!({
            "id": 7000 + change.number, "iid": change.number, "project_id": PROJECT, "title": change.title,
            "description": change.body, "state": if change.is_open { "opened" } else { "closed" }, "created_at": AT,
            "updated_at": AT, "target_branch": change.base, "source_branch": change.head, "source_project_id": source,
            "target_project_id": PROJECT, "author": user(state, &state.config.account), "labels": [],
            "draft": change.is_draft, "work_in_progress": change.is_draft, "merge_status": "can_be_merged",
            "sha": "0".repeat(40), "web_url": page_url(state, &format!("-/merge_requests/{}", change.number))
        })
    }

    fn wanted(&self, body: &Value) -> Wanted {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        Wanted {
            title: text("title"),
            body: text("description"),
            head: text("source_branch"),
            base: text("target_branch"),
            is_draft: None,
        }
    }

    fn draft_prefix(&self) -> Option<&'static str> {
        Some("Draft: ")
    }

    fn refuse(&self, _: &State, no: &No) -> (u16, Vec<(String, String)>, Value) {
        let (status, value) = match no {
            No::BadToken => (401, json!({"message": "401 Unauthorized"})),
            No::NotFound => (404, json!({"message": "404 Not Found"})),
            No::NotAllowed(Right::WriteChanges) => (403, json!({"message": "403 Forbidden"})),
            No::NotAllowed(_) => {
                let said = "The request requires higher privileges than provided by the access token.";
                (403, json!({"error": "insufficient_scope", "error_description": said, "scope": "api"}))
            }
            No::There { number, .. } => {
                let said = format!("Another open merge request already exists for this source branch: !{number}");
                (409, json!({"message": [said]}))
            }
            No::Branchless(branch) => {
                (400, json!({"message": {"source_branch": [format!("\"{branch}\" does not exist")]}}))
            }
            No::Incomplete => (400, json!({"error": "title is missing"})),
        };
        (status, Vec::new(), value)
    }

    fn is_asked_for(&self, _: &State, change: &Change, query: &dyn Fn(&str) -> Option<String>) -> bool {
        query("source_branch").is_none_or(|branch| branch == change.head)
            && query("state").is_none_or(|state| state == "opened")
    }

    fn edited(&self) -> u16 {
        200
    }

    fn page_size(&self) -> (&'static str, usize) {
        ("per_page", 100)
    }

    fn pages_comments(&self) -> bool {
        true
    }
}

fn user(state: &State, username: &str) -> Value {
    json!({
        "id": 1, "username": username, "name": username, "state": "active", "locked": false, "avatar_url": null,
        "web_url": format!("{}/{username}", state.url)
    })
}
