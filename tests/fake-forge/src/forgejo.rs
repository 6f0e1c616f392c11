//! Forgejo's words, and so Gitea's: version 1 of its API, as its swagger document describes it.

use serde_json::{Value, json};

use crate::answer::{Asked, Dialect, No, OfList, Wanted};
use crate::github::{page_url, understand, wanted};
use crate::state::{Change, Comment, Issue, On, Right, State};

pub(crate) struct Forgejo;

const AT: &str = "2026-11-25T08:00:00Z";

impl Dialect for Forgejo {
    fn prefix(&self) -> &'static str {
        "/api/v1/"
    }

    fn authorization(&self, token: &str) -> String {
        format!("token {token}")
    }

    fn understand(&self, state: &State, method: &str, rest: &[&str]) -> Option<Asked> {
        match rest {
            ["user"] if method == "GET" => Some(Asked::User),
            ["repos", owner, name, rest @ ..] if state.config.path == format!("{owner}/{name}") => {
                understand(method, rest)
            }
            _ => None,
        }
    }

    fn user(&self, state: &State) -> Value {
        user(state, &state.config.account)
    }

    fn project(&self, state: &State) -> Value {
        repository(state, &state.config.path)
    }

    fn issue(&self, state: &State, issue: &Issue) -> Value {
        json!({
            "id": 5000 + issue.number, "number": issue.number, "title": issue.title, "body": issue.body,
            "user": user(state, &issue.author), "original_author": "", "original_author_id": 0, "labels": [],
            "milestone": null, "assignee": null, "assignees": null, "state": "open", "is_locked": false, "comments": 0,
            "created_at": AT, "updated_at": AT, "closed_at": null, "due_date": null, "pull_request": null, "ref": "",
            "url": format!("{}/api/v1/repos/{}/issues/{}", state.url, state.config.path, issue.number),
            "html_url": page_url(state, &format!("issues/{}", issue.number)), "assets": [], "pin_order": 0
        })
    }

    fn comment(&self, state: &State, comment: &Comment) -> Value {
        let (On::Issue(number) | On::Change(number)) = comment.on;
        json!({
            "id": comment.id, "body": comment.body, "user": user(state, &comment.author), "original_author": "",
            "original_author_id": 0, "created_at": AT, "updated_at": AT, "pull_request_url": "", "assets": [],
            "html_url": page_url(state, &format!("issues/{number}#issuecomment-{}", comment.id)),
            "issue_url": page_url(state, &format!("issues/{number}"))
        })
    }

    fn change(&self, state: &State, change: &Change, _: OfList) -> Value {
        let page = page_url(state, &format!("pulls/{}", change.number));
        let side = |path: &str, branch: &str| {
            json!({
                "label": branch, "ref": branch, "sha": "0".repeat(40), "repo_id": 1, "repo": repository(state, path)
            })
        };
        json!({
            "id": 7000 + change.number, "number": change.number, "title": change.title, "body": change.body,
            "user": user(state, &state.config.account), "labels": [], "milestone": null, "assignee": null,
            "assignees": null, "requested_reviewers": null, "state": if change.is_open { "open" } else { "closed" },
            "draft": change.is_draft, "is_locked": false, "comments": 0, "url": page, "html_url": page,
            "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"), "mergeable": true, "merged": false,
            "merged_at": null, "merge_commit_sha": null, "merged_by": null, "allow_maintainer_edit": false,
            "base": side(&state.config.path, &change.base), "head": side(&change.from, &change.head),
            "merge_base": "0".repeat(40), "due_date": null, "created_at": AT, "updated_at": AT, "closed_at": null,
            "pin_order": 0
        })
    }

    fn wanted(&self, body: &Value) -> Wanted {
        wanted(body, None)
    }

    fn draft_prefix(&self) -> Option<&'static str> {
        Some("WIP: ")
    }

    fn refuse(&self, state: &State, no: &No) -> (u16, Vec<(String, String)>, Value) {
        let (status, message) = match no {
            No::BadToken => (401, "invalid username, password or token".to_owned()),
            No::NotFound => (404, "The target couldn't be found.".to_owned()),
            No::NotAllowed(right) => {
                let scope = match right {
                    Right::ReadUser => "read:user",
                    Right::ReadIssues => "read:issue",
                    Right::Comment => "write:issue",
                    Right::WriteChanges | Right::Push => "write:repository",
                };
                (403, format!("token does not have at least one of required scope(s): [{scope}]"))
            }
            No::There { number, head } => {
                let said = format!("pull request already exists for these targets [id: {number}, head_branch: {head}]");
                (409, said)
            }
            No::Branchless(branch) => (404, format!("branch does not exist [name: {branch}]")),
            No::Incomplete => (422, "[Title]: Required".to_owned()),
        };
        (status, Vec::new(), json!({"message": message, "url": format!("{}/api/swagger", state.url)}))
    }

    /// It cannot be asked for a branch.
    fn is_asked_for(&self, _: &State, _: &Change, query: &dyn Fn(&str) -> Option<String>) -> bool {
        query("state").is_none_or(|state| state == "open")
    }

    /// 201 for an edit too, says its description.
    fn edited(&self) -> u16 {
        201
    }

    fn page_size(&self) -> (&'static str, usize) {
        ("limit", 50)
    }

    fn pages_comments(&self) -> bool {
        false
    }
}

fn user(state: &State, login: &str) -> Value {
    json!({
        "id": 1, "login": login, "login_name": "", "source_id": 0, "full_name": "", "email": "", "avatar_url": state.url,
        "html_url": format!("{}/{login}", state.url), "language": "", "is_admin": false, "last_login": AT, "created": AT,
        "restricted": false, "active": true, "prohibit_login": false, "location": "", "pronouns": "", "website": "",
        "description": "", "visibility": "public", "followers_count": 0, "following_count": 0, "starred_repos_count": 0
    })
}

fn repository(state: &State, path: &str) -> Value {
    let (owner, name) = path.split_once('/').unwrap_or((path, ""));
    json!({
        "id": 1, "owner": user(state, owner), "name": name, "full_name": path, "description": "", "empty": false,
        "private": false, "fork": path != state.config.path, "html_url": format!("{}/{path}", state.url),
        "clone_url": format!("{}/{path}.git", state.url), "default_branch": state.config.default_branch,
        "permissions": {"admin": false, "push": true, "pull": true}, "created_at": AT, "updated_at": AT
    })
}
