//! What git says of a push, read. Pure.

use crate::failure::{Failure, FailureKind, Trouble};
use crate::project::Kind;
use crate::push::{How, Remote};
use crate::refusal::{Need, one_line};
use crate::scratch::Ran;

/// From the flag of the one line about our branch (git-push(1), "OUTPUT").
pub(crate) fn how(porcelain: &str) -> How {
    let flag = porcelain.lines().find(|line| line.contains("\trefs/") || line.contains(":refs/"));
    match flag.and_then(|line| line.chars().next()) {
        Some('*') => How::Created,
        Some('+') => How::Replaced,
        Some('=') => How::UpToDate,
        Some(_) | None => How::Advanced,
    }
}

pub(crate) fn trouble(ran: &Ran, remote: &Remote<'_>, branch: &str) -> Trouble {
    of(&ran.stdout, &ran.stderr, remote.token.map(|(kind, _)| kind), branch)
}

fn of(stdout: &str, stderr: &str, kind: Option<Kind>, branch: &str) -> Trouble {
    let rejection = stdout.lines().find_map(|line| line.strip_prefix("!\t")).and_then(|line| line.split('\t').nth(1));
    let remote = stderr.lines().filter_map(|line| line.trim().strip_prefix("remote:")).collect::<Vec<&str>>();
    let fatal = stderr.lines().rev().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    let reason = rejection.or(fatal).unwrap_or("git printed no reason");
    let said = one_line(&[&[reason], &remote[..]].concat().join(" "), 500);
    let lower = format!("{stdout}\n{stderr}").to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let name = kind.map_or("the remote", Kind::name);
    let hint = kind.map_or_else(|| "use a token that may push".to_owned(), |kind| Need::Push.hint(kind));
    let message = format!("{name} refused the push to `{branch}`: {said}");
    let never = |kind, hint: String| Trouble::never(Failure::new(kind, message.clone(), hint));
    if says(&["(stale info)", "(fetch first)", "(non-fast-forward)"]) {
        let message = format!("`{branch}` on {name} has commits that agent did not push; nothing was overwritten");
        let hint = "merge those commits, delete the branch, or choose another branch name";
        return Trouble::never(Failure::new(FailureKind::Moved, message, hint));
    }
    // Somebody was faster, or it was us: curl sends a push again, unasked, when the connection is gone before the answer.
    // The next attempt sees what is there.
    if says(&["cannot lock ref", "failed to update ref", "reference already exists"]) {
        return Trouble::unknown(message, None);
    }
    if says(&["workflow` without `workflow", "without `workflows` permission", "without `workflow` scope"]) {
        return never(FailureKind::Permission, "the token needs `workflows: write` to change files in .github/workflows; a workflow's own token cannot have it".to_owned());
    }
    if says(&["protected branch", "repository rule violations", "not allowed to push"]) {
        return never(
            FailureKind::Permission,
            format!("`{branch}` is protected: choose another branch, or allow the token's account to push there"),
        );
    }
    if rejection.is_some() {
        return never(
            FailureKind::Refused,
            "a rule of the repository refused it (pre-receive hook): fix what it names, or ask its owner".to_owned(),
        );
    }
    let code = |code: &str| lower.contains(&format!("returned error: {code}"));
    if says(&["authentication failed", "could not read password", "could not read username"]) || code("401") {
        return never(
            FailureKind::Token,
            format!("check that the token is for this forge and has not expired: {hint}"),
        );
    }
    if code("403") || says(&["permission denied", "denied to"]) {
        return never(FailureKind::Permission, hint);
    }
    if code("404") || says(&["not found", "does not appear to be a git repository", "does not exist"]) {
        return never(FailureKind::NotFound, format!("it does not exist, or the token cannot see it: {hint}"));
    }
    if code("3") || says(&["redirect"]) {
        return never(
            FailureKind::Refused,
            "redirects are not followed, to protect the token: was the project renamed?".to_owned(),
        );
    }
    if says(&["certificate", "ssl"]) {
        return never(FailureKind::Unreachable, "for a private certificate authority set GIT_SSL_CAINFO".to_owned());
    }
    let passes = code("5") || code("429") || code("408");
    if passes || says(&["unable to access", "hung up", "early eof", "rpc failed", "could not resolve", "timed out"]) {
        return Trouble::unknown(format!("cannot push to {name}: {said}"), None);
    }
    never(FailureKind::Refused, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Again, Effect};

    #[track_caller]
    fn check(stdout: &str, stderr: &str, kind: FailureKind, hint: &str) {
        let trouble = of(stdout, stderr, Some(Kind::GitHub), "b");
        assert_eq!(trouble.failure.kind, kind, "{trouble:?}");
        assert!(trouble.failure.hint.clone().unwrap_or_default().contains(hint), "{trouble:?}");
        let passes = kind == FailureKind::Unreachable && trouble.effect == Effect::Unknown;
        assert_eq!(trouble.again != Again::Never, passes, "{trouble:?}");
    }

    #[test]
    fn what_git_and_the_forges_say() {
        let rejected = |why: &str| format!("To https://x/a/b.git\n!\tabc:refs/heads/b\t{why}\nDone\n");
        check(&rejected("[rejected] (stale info)"), "", FailureKind::Moved, "choose another branch name");
        check(&rejected("[rejected] (fetch first)"), "", FailureKind::Moved, "");
        let no_workflows = "[remote rejected] (refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission)";
        check(&rejected(no_workflows), "", FailureKind::Permission, "`workflows: write`");
        let protected = "[remote rejected] (push declined due to repository rule violations)";
        check(&rejected(protected), "remote: error: GH013\n", FailureKind::Permission, "is protected");
        let hook = "[remote rejected] (pre-receive hook declined)";
        check(&rejected(hook), "remote: no TODO, please\n", FailureKind::Refused, "rule of the repository");
        let fatal = |why: &str| format!("fatal: unable to access 'https://x/a/b.git/': {why}\n");
        check("", &fatal("The requested URL returned error: 403"), FailureKind::Permission, "`contents: write`");
        check("", &fatal("The requested URL returned error: 503"), FailureKind::Unreachable, "");
        check("", &fatal("Could not resolve host: x"), FailureKind::Unreachable, "");
        check("", &fatal("The requested URL returned error: 301"), FailureKind::Refused, "redirects");
        check("", &fatal("server certificate verification failed"), FailureKind::Unreachable, "GIT_SSL_CAINFO");
        check("", "fatal: Authentication failed for 'https://x/a/b.git/'\n", FailureKind::Token, "not expired");
        check("", "remote: Repository not found.\nfatal: repository 'x' not found\n", FailureKind::NotFound, "");
    }

    #[test]
    fn how_it_went() {
        let line = |flag| format!("To https://x/a/b.git\n{flag}\tabc:refs/heads/b\t[new branch]\nDone\n");
        assert_eq!(how(&line('*')), How::Created);
        assert_eq!(how(&line('+')), How::Replaced);
        assert_eq!(how(&line('=')), How::UpToDate);
        assert_eq!(how(&line(' ')), How::Advanced);
    }
}
