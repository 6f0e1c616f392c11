//! A branch to a real git server, over HTTP and to a bare repository: whose commits are never overwritten.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::{Expect, expect};
use fake_forge::{Config, FakeForge, Fault, Kind, Right, bare_repository, protect};
use forge::{Failure, FailureKind, Forge, How, Oid, Patience, Pushed, Remote};
use tempfile::TempDir;
use url::Url;

use crate::forge_::{KINDS, connect, patience, wait};
use crate::support::binary;

/// A clone with a commit on `agent/1`, a bare repository, and a forge that serves it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) fake: FakeForge,
    pub(crate) forge: Forge,
    pub(crate) token: String,
}

impl Place {
    pub(crate) fn new(kind: Kind) -> Place {
        let folder = TempDir::with_prefix("push-").unwrap();
        let bare = folder.path().join("bare.git");
        bare_repository(&bare).unwrap();
        // One of its own: the tests look for it in the whole machine, where other tests run beside them.
        let token = format!("fake-token-{}-{}", std::process::id(), folder.path().display()).replace('/', "-");
        let config = Config { repository: Some(bare), token: token.clone(), ..Config::new(kind) };
        let fake = FakeForge::spawn(config).unwrap();
        let forge = connect(&fake, kind, &token);
        let place = Place { folder, fake, forge, token };
        let work = place.work();
        fs::create_dir(&work).unwrap();
        git(&work, &["init", "--quiet", "--initial-branch=main"]);
        place.commit(&work, "a.txt", "one\n");
        git(&work, &["push", "--quiet", place.bare().to_str().unwrap(), "main"]);
        git(&work, &["switch", "--quiet", "--create", "agent/1"]);
        place.commit(&work, "a.txt", "two\n");
        place
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.folder.path().join("bare.git")
    }

    fn commit(&self, repository: &Path, file: &str, text: &str) -> Oid {
        fs::write(repository.join(file), text).unwrap();
        git(repository, &["add", "--all"]);
        git(repository, &["commit", "--quiet", "--message", text.trim()]);
        git(repository, &["rev-parse", "HEAD"]).parse().unwrap()
    }

    /// What a person does to our branch, in a clone of their own.
    fn human_commits(&self) -> Oid {
        let clone = TempDir::new_in(self.folder.path()).unwrap();
        git(clone.path(), &["clone", "--quiet", "--branch", "agent/1", self.bare().to_str().unwrap(), "."]);
        let commit = self.commit(clone.path(), "b.txt", "by hand\n");
        git(clone.path(), &["push", "--quiet", "origin", "agent/1"]);
        commit
    }

    pub(crate) fn push(&self, expected: Option<&Oid>) -> Result<Pushed, Failure> {
        wait(forge::push(&self.work(), &self.forge.remote(binary()), "agent/1", expected))
    }

    /// What the branch is at in the bare repository.
    fn there(&self) -> String {
        git(&self.bare(), &["rev-parse", "refs/heads/agent/1"])
    }
}

pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Ann").env(format!("GIT_{role}_EMAIL"), "ann@example.org");
    }
    let output = git.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn shown(failure: &Failure) -> String {
    format!("{:?}\nerror: {failure}\nhint: {}\n", failure.kind, failure.hint.as_deref().unwrap_or_default())
}

#[test]
fn a_branch_is_created_advanced_replaced_and_left() {
    for kind in KINDS {
        let place = Place::new(kind);
        let first = place.push(None).unwrap();
        assert_eq!((first.how, first.commit.to_string()), (How::Created, place.there()), "{kind:?}");
        // As after a crash: we do not know that we pushed.
        assert_eq!(place.push(None).unwrap().how, How::UpToDate);
        place.commit(&place.work(), "a.txt", "three\n");
        let second = place.push(Some(&first.commit)).unwrap();
        assert_eq!((second.how, second.commit.to_string()), (How::Advanced, place.there()));
        git(&place.work(), &["reset", "--quiet", "--hard", "main"]);
        place.commit(&place.work(), "a.txt", "another try\n");
        let third = place.push(Some(&second.commit)).unwrap();
        assert_eq!((third.how, third.commit.to_string()), (How::Replaced, place.there()));
    }
}

#[test]
fn a_humans_commit_is_never_overwritten() {
    for kind in KINDS {
        let place = Place::new(kind);
        let ours = place.push(None).unwrap().commit;
        let theirs = place.human_commits();
        place.commit(&place.work(), "a.txt", "three\n");
        for expected in [None, Some(&ours)] {
            let failure = place.push(expected).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Moved, "{failure:?}");
            assert_eq!(place.there(), theirs.to_string());
        }
        // It can be looked at without a branch of the clone's changing.
        let branches = git(&place.work(), &["for-each-ref"]);
        let fetched = wait(forge::fetch(&place.work(), &place.forge.remote(binary()), "agent/1")).unwrap();
        assert_eq!(fetched, Some(theirs.clone()));
        assert_eq!(git(&place.work(), &["log", "-1", "--format=%s", &theirs.to_string()]), "by hand");
        assert_eq!(git(&place.work(), &["for-each-ref"]), branches);
        let none = wait(forge::fetch(&place.work(), &place.forge.remote(binary()), "agent/2")).unwrap();
        assert_eq!(none, None);
    }
}

#[test]
fn a_push_from_a_linked_worktree_and_a_shallow_clone() {
    let place = Place::new(Kind::GitHub);
    let linked = place.folder.path().join("linked");
    git(&place.work(), &["switch", "--quiet", "main"]);
    git(&place.work(), &["worktree", "add", "--quiet", linked.to_str().unwrap(), "agent/1"]);
    let remote = place.forge.remote(binary());
    assert_eq!(wait(forge::push(&linked, &remote, "agent/1", None)).unwrap().how, How::Created);

    for options in [&["--depth=1"][..], &["--filter=blob:none", "--no-checkout"]] {
        let clone = TempDir::new_in(place.folder.path()).unwrap();
        git(&place.bare(), &["config", "uploadpack.allowFilter", "true"]);
        let address = format!("file://{}", place.bare().display());
        git(clone.path(), &[&["clone", "--quiet"], options, &[&address, "."]].concat());
        let branch = format!("shallow/{}", options.len());
        git(clone.path(), &["switch", "--quiet", "--create", &branch]);
        git(clone.path(), &["reset", "--quiet", "--hard"]);
        place.commit(clone.path(), "c.txt", "shallow\n");
        let pushed = wait(forge::push(clone.path(), &remote, &branch, None)).unwrap();
        assert_eq!(pushed.how, How::Created, "{options:?}");
        git(&place.bare(), &["fsck", "--strict"]);
    }
}

#[test]
fn a_bare_repository_without_a_forge() {
    let place = Place::new(Kind::GitHub);
    let url = Url::from_file_path(place.bare()).unwrap();
    let remote = Remote { url: &url, token: None, program: binary(), patience: patience() };
    let first = wait(forge::push(&place.work(), &remote, "agent/1", None)).unwrap();
    assert_eq!(first.commit.to_string(), place.there());
    let theirs = place.human_commits();
    place.commit(&place.work(), "a.txt", "three\n");
    let failure = wait(forge::push(&place.work(), &remote, "agent/1", Some(&first.commit))).unwrap_err();
    assert_eq!((failure.kind, place.there()), (FailureKind::Moved, theirs.to_string()));
}

#[test]
fn each_request_of_a_push_may_fail_once() {
    let requests = {
        let place = Place::new(Kind::GitHub);
        place.push(None).unwrap();
        place.fake.count()
    };
    assert!(requests >= 3, "{requests}");
    for k in 1..=requests {
        for fault in
            [Fault::Lost, Fault::DoneButLost, Fault::status(503), Fault::DoneButRefused(502), Fault::too_many(0)]
        {
            let place = Place::new(Kind::GitHub);
            place.fake.fail(k, fault.clone());
            let pushed = place.push(None).unwrap_or_else(|failure| panic!("{k} {fault:?}: {}", shown(&failure)));
            assert_eq!(pushed.commit.to_string(), place.there(), "{k} {fault:?}");
        }
    }
}

#[track_caller]
fn check_refused(kind: Kind, prepare: impl FnOnce(&Place), expected: Expect) {
    let place = Place::new(kind);
    prepare(&place);
    let failure = place.push(None).unwrap_err();
    assert!(!format!("{failure:?}").contains(&place.token));
    let port = place.fake.url();
    expected.assert_eq(&shown(&failure).replace(&port, "http://127.0.0.1:PORT"));
}

#[test]
fn a_refused_push_says_what_is_missing() {
    check_refused(
        Kind::GitHub,
        |place| place.fake.deny(Right::Push),
        expect![[r#"
        Permission
        error: GitHub refused the push to `agent/1`: fatal: unable to access 'http://127.0.0.1:PORT/octo/hello.git/': The requested URL returned error: 403
        hint: the token needs `contents: write` for this repository: under `permissions:` of the workflow's job, or in the token's own settings
    "#]],
    );
    check_refused(
        Kind::GitLab,
        |place| place.fake.deny(Right::Push),
        expect![[r#"
        Permission
        error: GitLab refused the push to `agent/1`: fatal: unable to access 'http://127.0.0.1:PORT/octo/hello.git/': The requested URL returned error: 403
        hint: the token needs the scope `write_repository` and the role Developer in this project; a CI_JOB_TOKEN does not have it
    "#]],
    );
    check_refused(
        Kind::Forgejo,
        |place| place.fake.deny(Right::Push),
        expect![[r#"
        Permission
        error: Forgejo refused the push to `agent/1`: fatal: unable to access 'http://127.0.0.1:PORT/octo/hello.git/': The requested URL returned error: 403
        hint: the token needs the scope `write:repository`, and its account write access to the repository where it writes
    "#]],
    );
    check_refused(
        Kind::GitHub,
        |place| protect(&place.bare(), Kind::GitHub, "agent/1").unwrap(),
        expect![[r#"
        Permission
        error: GitHub refused the push to `agent/1`: [remote rejected] (pre-receive hook declined) error: GH006: Protected branch update failed for refs/heads/agent/1.
        hint: `agent/1` is protected: choose another branch, or allow the token's account to push there
    "#]],
    );
    check_refused(
        Kind::GitLab,
        |place| protect(&place.bare(), Kind::GitLab, "agent/1").unwrap(),
        expect![[r#"
        Permission
        error: GitLab refused the push to `agent/1`: [remote rejected] (pre-receive hook declined) GitLab: You are not allowed to push code to protected branches on this project.
        hint: `agent/1` is protected: choose another branch, or allow the token's account to push there
    "#]],
    );
    check_refused(
        Kind::Forgejo,
        |place| protect(&place.bare(), Kind::Forgejo, "agent/1").unwrap(),
        expect![[r#"
        Permission
        error: Forgejo refused the push to `agent/1`: [remote rejected] (pre-receive hook declined) Forgejo: Not allowed to push to protected branch agent/1
        hint: `agent/1` is protected: choose another branch, or allow the token's account to push there
    "#]],
    );
    check_refused(
        Kind::GitHub,
        |place| fs::write(place.bare().join("HEAD"), "broken").unwrap(),
        expect![[r#"
        NotFound
        error: GitHub refused the push to `agent/1`: fatal: repository 'http://127.0.0.1:PORT/octo/hello.git/' not found
        hint: it does not exist, or the token cannot see it: the token needs `contents: write` for this repository: under `permissions:` of the workflow's job, or in the token's own settings
    "#]],
    );
}

#[test]
fn a_wrong_token_is_not_tried_twice() {
    let place = Place::new(Kind::GitLab);
    let forge = connect(&place.fake, Kind::GitLab, "another-token");
    let failure = wait(forge::push(&place.work(), &forge.remote(binary()), "agent/1", None)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Token, "{failure:?}");
    assert_eq!(place.fake.count(), 2);
}

#[test]
fn a_silent_server_is_given_up() {
    let place = Place::new(Kind::GitHub);
    (1..=2).for_each(|k| place.fake.fail(k, Fault::Silent));
    let impatient = Patience { transfer: std::time::Duration::from_millis(50), attempts: 2, ..patience() };
    let remote = Remote { patience: impatient, ..place.forge.remote(binary()) };
    let failure = wait(forge::push(&place.work(), &remote, "agent/1", None)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure:?}");
}

#[test]
fn what_cannot_be_pushed() {
    let place = Place::new(Kind::GitHub);
    let remote = place.forge.remote(binary());
    let no_branch = wait(forge::push(&place.work(), &remote, "agent/none", None)).unwrap_err();
    let no_repository = wait(forge::push(place.folder.path(), &remote, "agent/1", None)).unwrap_err();
    assert_eq!((no_branch.kind, no_repository.kind), (FailureKind::Usage, FailureKind::Usage));
    assert_eq!(place.fake.count(), 0);
}
