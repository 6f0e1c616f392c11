//! What a forge means when it refuses: a pause, a missing permission, a thing that is not there. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::failure::{Again, Effect, Failure, FailureKind, Trouble};
use crate::project::Kind;
use crate::retry::UNSAID;

/// What the token must be allowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Which account the token is of.
    User,
    Project,
    ReadIssues,
    ReadChanges,
    WriteChanges,
    WriteComments,
    Push,
}

impl Need {
    /// As the forge's own settings name it.
    pub(crate) fn permission(self, kind: Kind) -> &'static str {
        match (kind, self) {
            (Kind::GitHub, Need::User | Need::Project) => "`metadata: read`",
            (Kind::GitHub, Need::ReadIssues) => "`issues: read`",
            (Kind::GitHub, Need::ReadChanges) => "`pull-requests: read`",
            (Kind::GitHub, Need::WriteChanges) => "`pull-requests: write`",
            (Kind::GitHub, Need::WriteComments) => "`issues: write` (for a pull request `pull-requests: write`)",
            (Kind::GitHub, Need::Push) => "`contents: write`",
            (Kind::GitLab, Need::User | Need::Project | Need::ReadIssues | Need::ReadChanges) => {
                "the scope `api` or `read_api` and the role Reporter"
            }
            (Kind::GitLab, Need::WriteChanges) => "the scope `api` and the role Developer",
            (Kind::GitLab, Need::WriteComments) => "the scope `api` and the role Reporter",
            (Kind::GitLab, Need::Push) => "the scope `write_repository` and the role Developer",
            (Kind::Forgejo, Need::User) => "the scope `read:user`",
            (Kind::Forgejo, Need::Project | Need::ReadChanges) => "the scope `read:repository`",
            (Kind::Forgejo, Need::ReadIssues) => "the scope `read:issue`",
            (Kind::Forgejo, Need::WriteChanges | Need::Push) => "the scope `write:repository`",
            (Kind::Forgejo, Need::WriteComments) => "the scope `write:issue`",
        }
    }

    /// What to give the token, in one sentence.
    pub(crate) fn hint(self, kind: Kind) -> String {
        let permission = self.permission(kind);
        match kind {
            Kind::GitHub => format!(
                "the token needs {permission} for this repository: under `permissions:` of the workflow's job, or in the token's own settings"
            ),
            Kind::GitLab => format!("the token needs {permission} in this project; a CI_JOB_TOKEN does not have it"),
            Kind::Forgejo => {
                format!("the token needs {permission}, and its account write access to the repository where it writes")
            }
        }
    }
}

/// An answer that is not a success.
pub(crate) struct Refusal<'a> {
    pub(crate) kind: Kind,
    pub(crate) status: u16,
    pub(crate) said: &'a str,
    pub(crate) asked: Option<Duration>,
    pub(crate) is_used_up: bool,
    /// GitHub's `X-Accepted-GitHub-Permissions`, such as `pull_requests=write`.
    pub(crate) accepted: Option<&'a str>,
    pub(crate) need: Need,
}

pub(crate) fn trouble(refusal: &Refusal<'_>) -> Trouble {
    let Refusal { kind, status, said, asked, is_used_up, accepted, need } = *refusal;
    let name = kind.name();
    let lower = said.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let message = format!("{name} returned {status}: {said}");
    let never = |kind, hint: String| Trouble::never(Failure::new(kind, message.clone(), hint));
    // "you will receive a 403 or 429 response" (docs.github.com, "Rate limits for the REST API").
    let is_limit = status == 429 || (status == 403 && (is_used_up || asked.is_some() || says(&["rate limit"])));
    match status {
        _ if is_limit => {
            let asked = asked.unwrap_or(UNSAID);
            let hint = format!("{name} asks to wait {} s", asked.as_secs());
            let failure = Failure::new(FailureKind::Limited, message, hint);
            Trouble { failure, again: Again::Later(Some(asked)), effect: Effect::None }
        }
        300..=399 => never(
            FailureKind::Refused,
            "redirects are not followed, to protect the token: was the project renamed? Set --forge-url or correct the \
             remote"
                .to_owned(),
        ),
        401 => {
            never(FailureKind::Token, format!("check that the token is for this {name} and has not expired: {}", need.hint(kind)))
        }
        403 if says(&["not permitted to create or approve pull requests"]) => never(
            FailureKind::Permission,
            "allow it under Settings, Actions, General: `Allow GitHub Actions to create and approve pull requests`"
                .to_owned(),
        ),
        403 => {
            let accepted = accepted.map(|accepted| format!(" (GitHub says: `{accepted}`)")).unwrap_or_default();
            never(FailureKind::Permission, need.hint(kind) + &accepted)
        }
        404 | 410 => {
            never(FailureKind::NotFound, format!("it does not exist, or the token cannot see it: {}", need.hint(kind)))
        }
        422 if says(&["draft pull requests are not supported"]) => {
            never(FailureKind::Refused, "this repository's plan has no draft pull requests".to_owned())
        }
        408 | 500..=599 => {
            let mut trouble = Trouble::unknown(message, asked);
            trouble.failure.hint = Some(format!("{name} has a server error: try again later"));
            trouble
        }
        _ => never(FailureKind::Refused, String::new()),
    }
}

/// What an error body says, in one line: the forges put it under `message`, `error`, `errors` or `error_description`.
pub(crate) fn said(body: &str) -> String {
    let mut words = Vec::new();
    match serde_json::from_str::<Value>(body) {
        Ok(value) => {
            for key in ["message", "error", "error_description", "errors"] {
                value.get(key).into_iter().for_each(|value| collect(value, &mut words));
            }
        }
        // A proxy's page says nothing that helps.
        Err(_) if body.trim_start().starts_with('<') => (),
        Err(_) => words.push(body.trim().to_owned()),
    }
    words.dedup();
    let said = one_line(&words.join("; "), 500);
    if said.is_empty() { "no reason given".to_owned() } else { said }
}

/// Strings of a value of any shape: GitLab's `message` may be a text, a list, or lists by field.
fn collect(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) => words.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, words)),
        Value::Object(fields) => match fields.get("message") {
            Some(message) => collect(message, words),
            None => fields.values().for_each(|value| collect(value, words)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => (),
    }
}

/// Fit for one line of a terminal: without control characters, at most `chars` long.
pub(crate) fn one_line(text: &str, chars: usize) -> String {
    let line: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(chars).collect();
    line.split_whitespace().collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_bodies_in_all_their_shapes() {
        let github = r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","message":"There is one."}],"status":"422"}"#;
        assert_eq!(said(github), "Validation Failed; There is one.");
        assert_eq!(said(r#"{"message":["Another open merge request"]}"#), "Another open merge request");
        assert_eq!(said(r#"{"message":{"title":["is too long"]}}"#), "is too long");
        assert_eq!(said(r#"{"error":"insufficient_scope","error_description":"more"}"#), "insufficient_scope; more");
        assert_eq!(said("<html>Bad gateway</html>"), "no reason given");
        assert_eq!(said(""), "no reason given");
        assert_eq!(said("red \u{1b}[31m\n"), "red [31m");
    }

    #[test]
    fn pauses_and_refusals_are_told_apart() {
        let of = |status, said, is_used_up| {
            let need = Need::WriteChanges;
            let asked = None;
            let accepted = None;
            trouble(&Refusal { kind: Kind::GitHub, status, said, asked, is_used_up, accepted, need })
        };
        let pause = Again::Later(Some(UNSAID));
        assert_eq!(of(403, "You have exceeded a secondary rate limit.", false).again, pause);
        assert_eq!(of(403, "no", true).again, pause);
        assert_eq!(of(429, "no", false).again, pause);
        assert_eq!(of(403, "no", false).failure.kind, FailureKind::Permission);
        let setting = "GitHub Actions is not permitted to create or approve pull requests.";
        assert!(of(403, setting, false).failure.hint.unwrap().contains("Settings, Actions, General"));
        assert_eq!(of(500, "no", false).effect, Effect::Unknown);
        assert_eq!(of(422, "no", false).again, Again::Never);
    }
}
