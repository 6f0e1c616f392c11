//! GitHub's words: version 2022-11-28 of its REST API, served as GitHub Enterprise Server does, below `/api/v3`.

use serde_json::{Map, Value, json};

use crate::answer::{Asked, Dialect, No, OfList, Wanted};
use crate::state::{Change, Comment, Issue, On, Right, State};

pub(crate) struct GitHub;

const AT: &str = "2026-11-25T08:00:00Z";

impl Dialect for GitHub {
    fn prefix(&self) -> &'static str {
        "/api/v3/"
    }

    fn authorization(&self, token: &str) -> String {
        format!("Bearer {token}")
    }

    fn understand(&self, state: &State, method: &str, rest: &[&str]) -> Option<Asked> {
        let rest = match rest {
            ["user"] if method == "GET" => return Some(Asked::User),
            ["repos", owner, name, rest @ ..] if state.config.path == format!("{owner}/{name}") => rest,
            _ => return None,
        };
        understand(method, rest)
    }

    fn user(&self, state: &State) -> Value {
        let mut user = user(state, &state.config.account);
        let more = json!({
            "bio": null, "blog": null, "company": null, "email": null, "followers": 0, "following": 0, "hireable": null,
            "location": null, "name": null, "public_gists": 0, "public_repos": 0, "created_at": AT, "updated_at": AT,
            "collaborators": 0, "disk_usage": 0, "owned_private_repos": 0, "private_gists": 0, "total_private_repos": 0,
            "two_factor_authentication": true
        });
        extend(&mut user, more);
        Value::Object(user)
    }

    fn project(&self, state: &State) -> Value {
        let mut project = repository(state, &state.config.path);
        extend(&mut project, json!({"network_count": 0, "subscribers_count": 0}));
        Value::Object(project)
    }

    fn issue(&self, state: &State, issue: &Issue) -> Value {
        let at = format!("{}/issues/{}", repo_url(state), issue.number);
        let mut fields = urls(&at, "comments_url events_url labels_url html_url url");
        let page = page_url(state, &format!("issues/{}", issue.number));
        let more = json!({
            "id": 5000 + issue.number, "node_id": "I", "number": issue.number, "state": "open", "locked": false,
            "title": issue.title, "body": issue.body, "user": user(state, &issue.author), "assignee": null,
            "closed_at": null, "comments": state.comments_on(On::Issue(issue.number)).len(), "labels": [],
            "milestone": null, "repository_url": repo_url(state), "created_at": AT, "updated_at": AT, "html_url": page,
            "author_association": "NONE"
        });
        extend(&mut fields, more);
        Value::Object(fields)
    }

    fn comment(&self, state: &State, comment: &Comment) -> Value {
        let (On::Issue(number) | On::Change(number)) = comment.on;
        json!({
            "id": comment.id, "node_id": "IC", "url": format!("{}/issues/comments/{}", repo_url(state), comment.id),
            "html_url": page_url(state, &format!("issues/{number}#issuecomment-{}", comment.id)),
            "issue_url": format!("{}/issues/{number}", repo_url(state)), "user": user(state, &comment.author),
            "created_at": AT, "updated_at": AT, "author_association": "NONE", "body": comment.body
        })
    }

    fn change(&self, state: &State, change: &Change, of_list: OfList) -> Value {
        let at = format!("{}/pulls/{}", repo_url(state), change.number);
        let keys = "comments_url commits_url diff_url issue_url patch_url review_comment_url review_comments_url statuses_url url";
        let mut fields = urls(&at, keys);
        let links = "comments commits statuses html issue review_comments review_comment self";
        let links: Map<String, Value> = links.split(' ').map(|key| (key.to_owned(), json!({"href": at}))).collect();
        let side = |path: &str, branch: &str| {
            json!({
                "label": format!("{}:{branch}", path.split('/').next().unwrap_or_default()), "ref": branch,
                "repo": repository(state, path), "sha": "0".repeat(40), "user": user(state, &state.config.account)
            })
        };
        let more = json!({
            "_links": links, "assignee": null, "labels": [], "base": side(&state.config.path, &change.base),
            "head": side(&change.from, &change.head), "body": change.body, "closed_at": null, "created_at": AT,
            "html_url": page_url(state, &format!("pull/{}", change.number)), "id": 7000 + change.number,
            "node_id": "PR", "merge_commit_sha": null, "merged_at": null, "milestone": null, "number": change.number,
            "state": if change.is_open { "open" } else { "closed" }, "locked": false, "title": change.title,
            "updated_at": AT, "user": user(state, &state.config.account), "author_association": "NONE",
            "auto_merge": null, "draft": change.is_draft
        });
        extend(&mut fields, more);
        if of_list == OfList::No {
            let more = json!({
                "additions": 1, "changed_files": 1, "comments": 0, "commits": 1, "deletions": 0, "mergeable": null,
                "mergeable_state": "unknown", "merged": false, "maintainer_can_modify": false, "merged_by": null,
                "review_comments": 0
            });
            extend(&mut fields, more);
        }
        Value::Object(fields)
    }

    fn wanted(&self, body: &Value) -> Wanted {
        wanted(body, body.get("draft").and_then(Value::as_bool).or(Some(false)))
    }

    fn draft_prefix(&self) -> Option<&'static str> {
        None
    }

    fn refuse(&self, state: &State, no: &No) -> (u16, Vec<(String, String)>, Value) {
        let say = |status: u16, message: &str| {
            let value = json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
            (status, Vec::new(), value)
        };
        let invalid = |error: Value| {
            let value = json!({
                "message": "Validation Failed", "errors": [error], "documentation_url": "https://docs.github.com/rest",
                "status": "422"
            });
            (422, Vec::new(), value)
        };
        match no {
            No::BadToken => say(401, "Bad credentials"),
            No::NotFound => say(404, "Not Found"),
            No::NotAllowed(right) => {
                let permission = match right {
                    Right::ReadUser => "",
                    Right::ReadIssues => "issues=read",
                    Right::Comment => "issues=write; pull_requests=write",
                    Right::WriteChanges => "pull_requests=write",
                    Right::Push => "contents=write",
                };
                let (status, _, value) = say(403, "Resource not accessible by integration");
                (status, vec![("x-accepted-github-permissions".to_owned(), permission.to_owned())], value)
            }
            No::There { head, .. } => {
                let owner = state.config.path.split('/').next().unwrap_or_default();
                let message = format!("A pull request already exists for {owner}:{head}.");
                invalid(json!({"resource": "PullRequest", "code": "custom", "message": message}))
            }
            No::Branchless(branch) => {
                let field = if *branch == state.config.default_branch { "base" } else { "head" };
                invalid(json!({"resource": "PullRequest", "field": field, "code": "invalid"}))
            }
            No::Incomplete => invalid(json!({"resource": "PullRequest", "code": "missing_field", "field": "title"})),
        }
    }

    fn is_asked_for(&self, state: &State, change: &Change, query: &dyn Fn(&str) -> Option<String>) -> bool {
        let owner = change.from.split('/').next().unwrap_or_default();
        let is_head = query("head").is_none_or(|head| head == format!("{owner}:{}", change.head));
        is_head && query("state").is_none_or(|state| state == "open") && !state.url.is_empty()
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

/// What GitHub and Forgejo have in common, behind the repository's path.
pub(crate) fn understand(method: &str, rest: &[&str]) -> Option<Asked> {
    Some(match (method, rest) {
        ("GET", []) => Asked::Project,
        ("GET", ["issues", number]) => Asked::Issue(number.parse().ok()?),
        ("GET", ["issues", number, "comments"]) => Asked::Comments(On::Issue(number.parse().ok()?)),
        ("POST", ["issues", number, "comments"]) => Asked::NewComment(On::Issue(number.parse().ok()?)),
        ("PATCH", ["issues", "comments", id]) => Asked::EditComment(id.parse().ok()?),
        ("GET", ["pulls"]) => Asked::Changes,
        ("POST", ["pulls"]) => Asked::NewChange,
        ("PATCH", ["pulls", number]) => Asked::EditChange(number.parse().ok()?),
        _ => return None,
    })
}

pub(crate) fn wanted(body: &Value, is_draft: Option<bool>) -> Wanted {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    Wanted { title: text("title"), body: text("body"), head: text("head"), base: text("base"), is_draft }
}

pub(crate) fn extend(fields: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        fields.extend(more);
    }
}

pub(crate) fn page_url(state: &State, rest: &str) -> String {
    format!("{}/{}/{rest}", state.url, state.config.path)
}

fn repo_url(state: &State) -> String {
    format!("{}/api/v3/repos/{}", state.url, state.config.path)
}

fn urls(to: &str, keys: &str) -> Map<String, Value> {
    keys.split(' ').map(|key| (key.to_owned(), Value::from(to))).collect()
}

fn user(state: &State, login: &str) -> Map<String, Value> {
    let at = format!("{}/api/v3/users/{login}", state.url);
    let keys = "avatar_url events_url followers_url following_url gists_url html_url organizations_url received_events_url repos_url starred_url subscriptions_url url";
    let mut fields = urls(&at, keys);
    let account = if login.ends_with("[bot]") { "Bot" } else { "User" };
    extend(
        &mut fields,
        json!({"gravatar_id": null, "id": 1, "node_id": "U", "login": login, "site_admin": false, "type": account}),
    );
    fields
}

fn repository(state: &State, path: &str) -> Map<String, Value> {
    let (owner, name) = path.split_once('/').unwrap_or((path, ""));
    let at = format!("{}/api/v3/repos/{path}", state.url);
    let keys = "archive_url assignees_url blobs_url branches_url collaborators_url comments_url commits_url compare_url contents_url contributors_url deployments_url downloads_url events_url forks_url git_commits_url git_refs_url git_tags_url hooks_url html_url issue_comment_url issue_events_url issues_url keys_url labels_url languages_url merges_url milestones_url notifications_url pulls_url releases_url stargazers_url statuses_url subscribers_url subscription_url tags_url teams_url trees_url url clone_url git_url ssh_url svn_url";
    let mut fields = urls(&at, keys);
    let more = json!({
        "description": null, "fork": path != state.config.path, "full_name": path, "id": 1, "node_id": "R", "name": name,
        "owner": user(state, owner), "private": false, "default_branch": state.config.default_branch, "forks": 0,
        "forks_count": 0, "has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false,
        "has_discussions": false, "homepage": null, "language": null, "archived": false, "disabled": false,
        "mirror_url": null, "open_issues": 1, "open_issues_count": 1, "license": null, "pushed_at": AT, "size": 1,
        "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "created_at": AT, "updated_at": AT,
        "has_downloads": true, "visibility": "public"
    });
    extend(&mut fields, more);
    fields
}
