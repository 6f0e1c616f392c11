//! The forge room against a forge that is not there, of each kind: what is asked for, what goes wrong, what is never
//! done twice.

use std::time::Duration;

use expect_test::{Expect, expect};
use fake_forge::{Change, Config, FakeForge, Fault, Kind, On, Right};
use forge::{Failure, Forge, NewChange, Overrides, Patience, Project, Thread};
use secrecy::SecretString;

pub(crate) const KINDS: [Kind; 3] = [Kind::GitHub, Kind::GitLab, Kind::Forgejo];

/// Quick, so that no test waits: what a fake asks for counts all the same.
pub(crate) fn patience() -> Patience {
    Patience { first_wait: Duration::from_millis(1), ..Patience::default() }
}

pub(crate) fn connect(fake: &FakeForge, kind: Kind, token: &str) -> Forge {
    let overrides = Overrides { kind: Some(kind.name().parse().unwrap()), url: Some(fake.url()) };
    let project = Project::find(&fake.remote_url(), &overrides).unwrap();
    Forge::with_patience(project, SecretString::from(token.to_owned()), patience()).unwrap()
}

fn start(kind: Kind) -> (FakeForge, Forge) {
    let config = Config::new(kind);
    let token = config.token.clone();
    let fake = FakeForge::spawn(config).unwrap();
    let forge = connect(&fake, kind, &token);
    (fake, forge)
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn new_change(is_draft: bool) -> NewChange {
    NewChange {
        title: "Mend it".to_owned(),
        body: "It was broken.\n/merge".to_owned(),
        head: "agent/issue-1".to_owned(),
        base: "main".to_owned(),
        is_draft,
    }
}

/// What a bot does with a forge, from the issue to the comment.
async fn whole_job(forge: &Forge, issue: u64) -> Result<forge::Change, Failure> {
    let issue = forge.issue(issue).await?;
    let base = forge.default_branch().await?;
    let new = NewChange { title: issue.title, base, ..new_change(false) };
    let change = match forge.change_of(&new.head).await? {
        Some(change) => forge.update_change(&change, &new.title, &new.body).await?,
        None => forge.open_change(&new).await?,
    };
    forge.comment_once(Thread::Issue(issue.number), "issue", &format!("See {}", change.url)).await?;
    forge.comment_once(Thread::Change(change.number), "change", "Done.").await?;
    Ok(change)
}

fn shown(failure: &Failure) -> String {
    format!("{:?}\nerror: {failure}\nhint: {}\n", failure.kind, failure.hint.as_deref().unwrap_or_default())
}

/// One change, one comment on each thread.
#[track_caller]
fn assert_once(fake: &FakeForge, told: &str) {
    assert_eq!(fake.changes().len(), 1, "{told}: {:?}", fake.changes());
    let ours = fake.comments().into_iter().filter(|comment| comment.author == "robot").collect::<Vec<_>>();
    assert_eq!(ours.len(), 2, "{told}: {ours:?}");
}

#[test]
fn an_issue_with_its_comments() {
    for kind in KINDS {
        let (fake, forge) = start(kind);
        let number = fake.add_issue("ann", "It is broken", "Since **Monday**.");
        for n in 0..120 {
            fake.add_comment(On::Issue(number), ["bob", "ann"][n % 2], &format!("comment {n}"));
        }
        if kind == Kind::GitLab {
            fake.add_comment(On::Issue(number), "system", "added a label");
            fake.add_comment(On::Issue(number), "insider", "a secret of the house");
        }
        let issue = wait(forge.issue(number)).unwrap();
        assert_eq!((issue.title.as_str(), issue.body.as_str()), ("It is broken", "Since **Monday**."), "{kind:?}");
        assert_eq!((issue.author.as_str(), issue.number, issue.has_more), ("ann", number, false), "{kind:?}");
        assert!(issue.url.starts_with(&fake.url()) && issue.url.ends_with("issues/1"), "{}", issue.url);
        let bodies: Vec<&str> = issue.comments.iter().map(|comment| comment.body.as_str()).collect();
        let expected: Vec<String> = (0..120).map(|n| format!("comment {n}")).collect();
        assert_eq!(bodies, expected, "{kind:?}");
        assert_eq!(issue.comments[1].author, "ann");
        assert_eq!(wait(forge.default_branch()).unwrap(), "main");
    }
}

#[test]
fn comments_are_read_up_to_a_bound() {
    let (fake, forge) = start(Kind::GitHub);
    let number = fake.add_issue("ann", "Talk", "");
    for n in 0..1050 {
        fake.add_comment(On::Issue(number), "ann", &n.to_string());
    }
    let issue = wait(forge.issue(number)).unwrap();
    assert_eq!((issue.comments.len(), issue.has_more), (1000, true));
}

#[test]
fn a_change_is_opened_found_and_refreshed() {
    for kind in KINDS {
        let (fake, forge) = start(kind);
        // Not ours: of a fork with the same branch, of another branch, closed.
        let other = Change {
            number: 0,
            title: "Other".to_owned(),
            body: String::new(),
            head: "agent/issue-1".to_owned(),
            base: "main".to_owned(),
            from: "mallory/hello".to_owned(),
            is_draft: false,
            is_open: true,
        };
        fake.add_change(other.clone());
        let path = "octo/hello".to_owned();
        fake.add_change(Change { from: path.clone(), is_open: false, ..other.clone() });
        // More than a page, all newer.
        for n in 0..60 {
            fake.add_change(Change { from: path.clone(), head: format!("other-{n}"), ..other.clone() });
        }
        let there = fake.changes().len();
        assert_eq!(wait(forge.change_of("agent/issue-1")).unwrap(), None, "{kind:?}");

        let opened = wait(forge.open_change(&new_change(true))).unwrap();
        assert!(opened.is_draft && opened.url.starts_with(&fake.url()), "{opened:?}");
        assert_eq!(wait(forge.change_of("agent/issue-1")).unwrap().unwrap().number, opened.number, "{kind:?}");
        assert_eq!(wait(forge.open_change(&new_change(false))).unwrap().number, opened.number, "{kind:?}");
        let updated = wait(forge.update_change(&opened, "Mend it well", "Better.")).unwrap();
        assert!(updated.is_draft, "{kind:?}: a draft stays one");
        assert_eq!(fake.changes().len(), there + 1);
        let change = fake.changes().pop().unwrap();
        assert!(change.title.ends_with("Mend it well"), "{}", change.title);
        assert_eq!(change.body, "Better.");
    }
}

#[test]
fn gitlab_obeys_nothing_that_we_post() {
    let (fake, forge) = start(Kind::GitLab);
    wait(forge.open_change(&new_change(false))).unwrap();
    assert_eq!(fake.changes()[0].body, "It was broken.\n\\/merge");
    wait(forge.comment_once(Thread::Change(1), "x", "  /approve\n/a/path")).unwrap();
    assert_eq!(fake.comments()[0].body, "<!-- agent: x -->\n  \\/approve\n\\/a/path");
}

#[test]
fn one_comment_whatever_others_write() {
    for kind in KINDS {
        let (fake, forge) = start(kind);
        let number = fake.add_issue("ann", "It is broken", "");
        // Somebody knows how we find ours again.
        fake.add_comment(On::Issue(number), "mallory", "<!-- agent: run -->\nlook here");
        wait(forge.comment_once(Thread::Issue(number), "run", "Begun.")).unwrap();
        wait(forge.comment_once(Thread::Issue(number), "run", "Done.")).unwrap();
        wait(forge.comment_once(Thread::Issue(number), "other", "Else.")).unwrap();
        let bodies: Vec<String> = fake.comments().into_iter().map(|comment| comment.body).collect();
        let expected = ["<!-- agent: run -->\nlook here", "<!-- agent: run -->\nDone.", "<!-- agent: other -->\nElse."];
        assert_eq!(bodies, expected, "{kind:?}");
    }
}

#[test]
fn a_workflows_own_token_finds_its_comment() {
    for (kind, account) in [(Kind::GitHub, "github-actions[bot]"), (Kind::Forgejo, "forgejo-actions")] {
        let config = Config { account: account.to_owned(), ..Config::new(kind) };
        let token = config.token.clone();
        let fake = FakeForge::spawn(config).unwrap();
        fake.deny(Right::ReadUser);
        let forge = connect(&fake, kind, &token);
        let number = fake.add_issue("ann", "It is broken", "");
        fake.add_comment(On::Issue(number), "mallory", "<!-- agent: run -->\nlook here");
        wait(forge.comment_once(Thread::Issue(number), "run", "Begun.")).unwrap();
        wait(forge.comment_once(Thread::Issue(number), "run", "Done.")).unwrap();
        let bodies: Vec<String> = fake.comments().into_iter().map(|comment| comment.body).collect();
        assert_eq!(bodies, ["<!-- agent: run -->\nlook here", "<!-- agent: run -->\nDone."], "{kind:?}");
    }
}

#[test]
fn each_request_may_fail_once_and_nothing_is_done_twice() {
    let faults = [
        Fault::Lost,
        Fault::DoneButLost,
        Fault::DoneButRefused(502),
        Fault::status(500),
        Fault::status(503),
        Fault::too_many(0),
        Fault::secondary(0),
    ];
    for kind in KINDS {
        let requests = {
            let (fake, forge) = start(kind);
            wait(whole_job(&forge, fake.add_issue("ann", "It is broken", ""))).unwrap();
            fake.count()
        };
        assert!(requests >= 9, "{requests}");
        for k in 1..=requests {
            for fault in &faults {
                let (fake, forge) = start(kind);
                let issue = fake.add_issue("ann", "It is broken", "");
                fake.fail(k, fault.clone());
                let change = wait(whole_job(&forge, issue));
                assert_eq!(change.map(|change| change.title), Ok("It is broken".to_owned()), "{kind:?} {k} {fault:?}");
                assert_once(&fake, &format!("{kind:?} {k} {fault:?}"));
            }
        }
    }
}

#[test]
fn a_job_that_was_cut_at_any_request_is_repeated_without_harm() {
    for kind in KINDS {
        for k in 1..=10 {
            for fault in [Fault::DoneButRefused(403), Fault::status(404), Fault::DoneButRefused(404)] {
                let (fake, forge) = start(kind);
                let issue = fake.add_issue("ann", "It is broken", "");
                fake.fail(k, fault.clone());
                // Some of these end the job, as a kill would.
                let _ = wait(whole_job(&forge, issue));
                wait(whole_job(&forge, issue)).unwrap();
                assert_once(&fake, &format!("{kind:?} {k} {fault:?}"));
            }
        }
    }
}

#[test]
fn another_run_that_was_faster_is_found() {
    for kind in KINDS {
        let (fake, forge) = start(kind);
        // Both look, see nothing, and post.
        let other = connect(&fake, kind, &Config::new(kind).token);
        let new = new_change(false);
        let change = wait(async { tokio::join!(forge.open_change(&new), other.open_change(&new)) });
        assert_eq!(change.0.unwrap().number, change.1.unwrap().number, "{kind:?}");
        assert_eq!(fake.changes().len(), 1);
    }
}

#[test]
fn a_forge_that_stays_down_is_given_up() {
    let (fake, forge) = start(Kind::GitHub);
    let number = fake.add_issue("ann", "It is broken", "");
    (1..=6).for_each(|k| fake.fail(k, Fault::status(502)));
    let failure = wait(forge.issue(number)).unwrap_err();
    expect![[r#"
        Unreachable
        error: GitHub returned 502: fault 502
        hint: GitHub has a server error: try again later
    "#]]
    .assert_eq(&shown(&failure));
    assert_eq!(fake.count(), 6);

    fake.fail(1, Fault::too_many(3600));
    expect![[r#"
        Limited
        error: GitHub returned 429: Too Many Requests
        hint: GitHub asks to wait 3600 s
    "#]]
    .assert_eq(&shown(&wait(forge.issue(number)).unwrap_err()));
}

#[track_caller]
fn check_denied(kind: Kind, right: Right, expected: Expect) {
    let (fake, forge) = start(kind);
    let issue = fake.add_issue("ann", "It is broken", "");
    fake.deny(right);
    expected.assert_eq(&shown(&wait(whole_job(&forge, issue)).unwrap_err()));
}

#[test]
fn a_missing_permission_is_named() {
    check_denied(
        Kind::GitHub,
        Right::ReadIssues,
        expect![[r#"
            Permission
            error: GitHub returned 403: Resource not accessible by integration
            hint: the token needs `issues: read` for this repository: under `permissions:` of the workflow's job, or in the token's own settings (GitHub says: `issues=read`)
        "#]],
    );
    check_denied(
        Kind::GitHub,
        Right::WriteChanges,
        expect![[r#"
            Permission
            error: GitHub returned 403: Resource not accessible by integration
            hint: the token needs `pull-requests: write` for this repository: under `permissions:` of the workflow's job, or in the token's own settings (GitHub says: `pull_requests=write`)
        "#]],
    );
    check_denied(
        Kind::GitHub,
        Right::Comment,
        expect![[r#"
            Permission
            error: GitHub returned 403: Resource not accessible by integration
            hint: the token needs `issues: write` (for a pull request `pull-requests: write`) for this repository: under `permissions:` of the workflow's job, or in the token's own settings (GitHub says: `issues=write; pull_requests=write`)
        "#]],
    );
    check_denied(
        Kind::GitLab,
        Right::ReadIssues,
        expect![[r#"
            Permission
            error: GitLab returned 403: insufficient_scope; The request requires higher privileges than provided by the access token.
            hint: the token needs the scope `api` or `read_api` and the role Reporter in this project; a CI_JOB_TOKEN does not have it
        "#]],
    );
    check_denied(
        Kind::GitLab,
        Right::WriteChanges,
        expect![[r#"
            Permission
            error: GitLab returned 403: 403 Forbidden
            hint: the token needs the scope `api` and the role Developer in this project; a CI_JOB_TOKEN does not have it
        "#]],
    );
    check_denied(
        Kind::Forgejo,
        Right::ReadIssues,
        expect![[r#"
            Permission
            error: Forgejo returned 403: token does not have at least one of required scope(s): [read:issue]
            hint: the token needs the scope `read:issue`, and its account write access to the repository where it writes
        "#]],
    );
    check_denied(
        Kind::Forgejo,
        Right::WriteChanges,
        expect![[r#"
            Permission
            error: Forgejo returned 403: token does not have at least one of required scope(s): [write:repository]
            hint: the token needs the scope `write:repository`, and its account write access to the repository where it writes
        "#]],
    );
    check_denied(
        Kind::Forgejo,
        Right::Comment,
        expect![[r#"
            Permission
            error: Forgejo returned 403: token does not have at least one of required scope(s): [write:issue]
            hint: the token needs the scope `write:issue`, and its account write access to the repository where it writes
        "#]],
    );
}

#[test]
fn a_wrong_token_and_a_wrong_number() {
    for kind in KINDS {
        let fake = FakeForge::spawn(Config::new(kind)).unwrap();
        let failure = wait(connect(&fake, kind, "wrong").issue(1)).unwrap_err();
        assert_eq!(failure.kind, forge::FailureKind::Token, "{failure:?}");
        let failure = wait(connect(&fake, kind, &Config::new(kind).token).issue(9)).unwrap_err();
        assert_eq!(failure.kind, forge::FailureKind::NotFound, "{failure:?}");
    }
}

#[test]
fn a_used_up_window_is_waited_for() {
    let (fake, forge) = start(Kind::GitHub);
    // It ended long ago by the forge's clock, so that nobody waits.
    fake.fail(1, Fault::used_up(1));
    assert_eq!(wait(forge.default_branch()).unwrap(), "main");
    assert_eq!(fake.count(), 2);
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = FakeForge::spawn(Config::new(Kind::GitHub)).unwrap();
    let (fake, forge) = start(Kind::GitHub);
    let headers = vec![("location".to_owned(), format!("{}/api/v3/user", elsewhere.url()))];
    fake.fail(1, Fault::Refused { status: 301, headers, body: String::new() });
    assert_eq!(wait(forge.default_branch()).unwrap_err().kind, forge::FailureKind::Refused);
    assert_eq!(elsewhere.count(), 0);
}

#[test]
fn a_server_that_repeats_the_token_does_not_make_us_say_it() {
    let (fake, forge) = start(Kind::Forgejo);
    let token = Config::new(Kind::Forgejo).token;
    let body = format!("{{\"message\":\"bad header: token {token}\\u001b[2J\"}}");
    fake.fail(1, Fault::Refused { status: 400, headers: Vec::new(), body });
    let failure = wait(forge.default_branch()).unwrap_err();
    assert_eq!(failure.message, "Forgejo returned 400: bad header: token [token] [2J");
    assert!(!format!("{failure:?} {forge:?}").contains(&token));
}
