//! `agent ci` with a forge that is not there: twenty jobs in a row on one clone, whatever goes wrong, and each forge once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fake_forge::{Config, FakeForge, Fault, Kind, Right, bare_repository, protect};
use fake_mistral::{FakeMistral, Reply, Script};
use serde_json::Value;

use crate::ci::{git, nothing_is_left};
use crate::support::{KEY, Ran, World, ran};

/// A clone, a bare repository, a forge that serves it, and a model that writes another `fix.txt` each time.
struct Town {
    world: World,
    forge: FakeForge,
    token: String,
    kind: Kind,
    issue: u64,
    /// Everything that was printed.
    printed: String,
    schema: Value,
    jobs: usize,
}

impl Town {
    fn new(kind: Kind) -> Town {
        Town::with(kind, |_, _| ())
    }

    /// `meanwhile` is called, with the bare repository, when the model is asked for a change.
    fn with(kind: Kind, meanwhile: impl Fn(&Path, usize) + Send + Sync + 'static) -> Town {
        let mut world = World::without_server(&[("a.txt", "a\n"), ("test.sh", "true\n")]);
        let bare = world.home().join("bare.git");
        bare_repository(&bare).unwrap();
        let config = Config { repository: Some(bare.clone()), ..Config::new(kind) };
        let token = config.token.clone();
        let forge = FakeForge::spawn(config).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let script = Script::computed(move |body, _| {
            let messages = body["messages"].as_array().unwrap();
            if body.get("tools").is_none() {
                return Reply::text("Mend the thing of the issue\n\nIt was broken.").into();
            }
            if messages.last().unwrap()["role"] == "tool" {
                return Reply::text("Mended.").into();
            }
            let number = asked.fetch_add(1, Ordering::Relaxed);
            meanwhile(&bare, number);
            Reply::call("run_command", format!("{{\"command\": \"echo {number} > fix.txt\"}}")).into()
        });
        world.server = Some(FakeMistral::spawn(script).unwrap());
        let work = world.workspace();
        git(&work, &["init", "-q"]);
        git(&work, &["add", "-A"]);
        git(&work, &["commit", "-qm", "first"]);
        git(&work, &["push", "-q", world.home().join("bare.git").to_str().unwrap(), "main"]);
        git(&work, &["remote", "add", "origin", &forge.remote_url()]);
        let issue = forge.add_issue("ann", "The thing is broken", "Mend it, please.");
        let schema = serde_json::from_str(&world.agent(&["config", "schema", "ci"]).stdout).unwrap();
        Town { world, forge, token, kind, issue, printed: String::new(), schema, jobs: 0 }
    }

    fn bare(&self) -> PathBuf {
        self.world.home().join("bare.git")
    }

    fn command(&self, result: &Path, more: &[&str]) -> Command {
        let issue = self.issue.to_string();
        let mut command = self.world.command(&["ci", "--issue", &issue, "--open-pr", "--forge", self.kind.name()]);
        command.args(["--forge-url", &self.forge.url(), "--check", "sh test.sh", "--result"]).arg(result).args(more);
        command.env("THE_TOKEN", &self.token).args(["--token-env", "THE_TOKEN"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn start(&self, name: &str) -> (Child, PathBuf) {
        let result = self.world.home().join(name);
        (self.command(&result, &[]).spawn().unwrap(), result)
    }

    fn end(&mut self, child: Child, result: &Path) -> (Ran, Value) {
        self.jobs += 1;
        let ran = ran(child.wait_with_output().unwrap());
        self.printed.push_str(&format!("{}{}", ran.stdout, ran.stderr));
        let said: Value = serde_json::from_slice(&fs::read(result).unwrap_or_else(|_| panic!("{ran:?}"))).unwrap();
        jsonschema::validator_for(&self.schema).unwrap().validate(&said).unwrap();
        assert_eq!(said["exit_code"], ran.code, "{ran:?}");
        (ran, said)
    }

    /// One job, and how it has to end.
    #[track_caller]
    fn job(&mut self, code: i32, outcome: &str) -> Value {
        let (child, result) = self.start("result.json");
        let (ran, said) = self.end(child, &result);
        assert_eq!((ran.code, said["outcome"].as_str().unwrap()), (code, outcome), "{ran:?}");
        nothing_is_left(&self.world);
        self.sound();
        said
    }

    /// One pull request and one comment, and nowhere a byte of the token.
    #[track_caller]
    fn sound(&self) {
        let changes = self.forge.changes();
        assert!(changes.len() <= 1, "{changes:?}");
        assert!(self.forge.comments().len() <= 1, "{:?}", self.forge.comments());
        let texts =
            [format!("{changes:?}{:?}", self.forge.comments()), self.world.everything_kept(), self.printed.clone()];
        for text in texts {
            assert!(!text.contains(&self.token) && !text.contains(KEY));
        }
        git(&self.world.workspace(), &["fsck", "--no-dangling"]);
        git(&self.bare(), &["fsck", "--no-dangling"]);
    }

    fn head(&self) -> String {
        git(&self.bare(), &["rev-parse", &format!("agent/issue-{}", self.issue)]).trim().to_owned()
    }

    /// A person's commit on our branch, by way of a clone of their own.
    fn human(&self) -> String {
        human(&self.bare(), &format!("agent/issue-{}", self.issue))
    }

    #[track_caller]
    fn is_published(&self, said: &Value) {
        assert_eq!(said["commit"].as_str().unwrap(), self.head(), "{said}");
        assert_eq!(said["pull_request"]["number"], self.forge.changes()[0].number);
    }
}

fn human(bare: &Path, branch: &str) -> String {
    let clone = tempfile::tempdir().unwrap();
    git(clone.path(), &["clone", "-q", "-b", branch, bare.to_str().unwrap(), "."]);
    fs::write(clone.path().join("human.txt"), format!("{branch}\n")).unwrap();
    git(clone.path(), &["add", "-A"]);
    git(clone.path(), &["commit", "-q", "--allow-empty", "-m", "by a person"]);
    git(clone.path(), &["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
    git(clone.path(), &["rev-parse", "HEAD"]).trim().to_owned()
}

#[test]
fn each_forge_gets_one_pull_request_that_is_refreshed() {
    for kind in [Kind::GitHub, Kind::GitLab, Kind::Forgejo] {
        let mut town = Town::new(kind);
        let first = town.job(0, "changed");
        town.is_published(&first);
        let change = town.forge.changes().remove(0);
        assert!(
            change.body.contains("Session ") && change.body.contains(&format!("Closes #{}", town.issue)),
            "{change:?}"
        );
        assert_eq!((change.title.as_str(), change.is_draft), ("Mend the thing of the issue", false));
        assert!(town.world.bodies()[0]["messages"].to_string().contains("Mend it, please."));
        let second = town.job(0, "changed");
        assert_ne!(first["commit"], second["commit"]);
        town.is_published(&second);
        // The old commit is replaced, not piled upon.
        assert_eq!(git(&town.bare(), &["rev-list", "--count", &format!("main..{}", town.head())]).trim(), "1");
    }
}

#[test]
fn a_check_that_still_fails_opens_a_draft_where_that_is_wanted() {
    let mut town = Town::new(Kind::GitHub);
    let result = town.world.home().join("result.json");
    let more = ["--check", "test ! -e fix.txt"];
    let child = town.command(&result, &more).spawn().unwrap();
    let (ran, said) = town.end(child, &result);
    assert_eq!((ran.code, &said["outcome"]), (1, &Value::from("checks_failed")), "{ran:?}");
    assert!(town.forge.changes().is_empty() && said["pushed"] == false);
    let child = town.command(&result, &["--check", "test ! -e fix.txt", "--draft-on-failure"]).spawn().unwrap();
    let (ran, said) = town.end(child, &result);
    assert_eq!((ran.code, &said["pull_request"]["draft"]), (1, &Value::from(true)), "{ran:?}");
    assert!(town.forge.changes()[0].is_draft);
}

#[test]
fn what_fails_is_not_pushed_into_a_pull_request_that_is_ready() {
    let mut town = Town::new(Kind::GitHub);
    let first = town.job(0, "changed");
    let result = town.world.home().join("result.json");
    let child = town.command(&result, &["--check", "test ! -e fix.txt", "--draft-on-failure"]).spawn().unwrap();
    let (ran, said) = town.end(child, &result);
    assert_eq!((ran.code, &said["outcome"]), (1, &Value::from("checks_failed")), "{ran:?}");
    assert!(said["notes"].to_string().contains("is ready for review"), "{said}");
    assert!(said["pushed"] == false && !town.forge.changes()[0].is_draft);
    assert_eq!(first["commit"].as_str().unwrap(), town.head());
}

#[test]
fn a_closed_pull_request_leads_to_a_new_one() {
    let mut town = Town::new(Kind::GitHub);
    town.job(0, "changed");
    town.forge.close_change(town.forge.changes()[0].number);
    let (child, result) = town.start("result.json");
    let (ran, said) = town.end(child, &result);
    assert_eq!(ran.code, 0, "{ran:?}");
    let open: Vec<u64> =
        town.forge.changes().iter().filter(|change| change.is_open).map(|change| change.number).collect();
    assert_eq!(open, [said["pull_request"]["number"].as_u64().unwrap()]);
    assert_eq!(town.forge.changes().len(), 2);
}

#[test]
fn a_pull_request_goes_into_the_base() {
    let mut town = Town::new(Kind::GitHub);
    let work = town.world.workspace();
    git(&work, &["push", "-q", town.bare().to_str().unwrap(), "main:refs/heads/release"]);
    git(&work, &["fetch", "-q", town.bare().to_str().unwrap(), "release:refs/remotes/origin/release"]);
    for base in ["origin/release", "HEAD~0"] {
        let result = town.world.home().join("result.json");
        let child = town.command(&result, &["--base", base]).spawn().unwrap();
        let (ran, said) = town.end(child, &result);
        assert_eq!(ran.code, 0, "{ran:?}");
        let change = town.forge.changes().pop().unwrap();
        assert_eq!(change.base, if base == "HEAD~0" { "main" } else { "release" }, "{said}");
        assert_eq!(said["notes"].to_string().contains("is not a branch on the forge"), base == "HEAD~0", "{said}");
        town.forge.close_change(change.number);
    }
}

#[test]
fn a_task_without_an_issue_gets_a_branch_that_the_forge_does_not_have() {
    let mut town = Town::new(Kind::GitHub);
    let result = town.world.home().join("result.json");
    for number in 1..=2 {
        let arguments =
            ["ci", "--open-pr", "--forge", "github", "--forge-url", &town.forge.url(), "--token-env", "THE_TOKEN"];
        let mut command = town.world.command(&arguments);
        command.args(["Keep it tidy", "--result"]).arg(&result).env("THE_TOKEN", &town.token);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (ran, said) = town.end(child, &result);
        assert_eq!((ran.code, &said["branch"]), (0, &Value::from(format!("agent/keep-it-tidy-{number}"))), "{ran:?}");
        // A fresh clone knows nothing of it.
        git(&town.world.workspace(), &["branch", "-q", "-D", said["branch"].as_str().unwrap()]);
    }
    assert_eq!(town.forge.changes().len(), 2);
}

#[test]
fn a_shallow_clone_is_refused_before_anything_is_spent() {
    let mut town = Town::new(Kind::GitHub);
    let work = town.world.workspace();
    git(&work, &["commit", "-q", "--allow-empty", "-m", "more"]);
    let head = git(&work, &["rev-parse", "HEAD"]);
    fs::write(work.join(".git/shallow"), head).unwrap();
    let said = town.job(2, "failed");
    assert!(said["hint"].as_str().unwrap().contains("fetch-depth: 0"), "{said}");
    assert!(town.world.bodies().is_empty());
}

/// The figure of issue 6: 0 duplicate pull requests, 0 lost work, 0 bytes of the token.
#[test]
fn twenty_jobs_in_a_row_on_one_clone() {
    let town_hall = Arc::new(AtomicUsize::new(usize::MAX));
    let when = town_hall.clone();
    let pushed_meanwhile = Arc::new(std::sync::Mutex::new(String::new()));
    let tell = pushed_meanwhile.clone();
    let mut town = Town::with(Kind::GitHub, move |bare, number| {
        if number == when.load(Ordering::Relaxed) {
            *tell.lock().unwrap() = human(bare, "agent/issue-1");
        }
    });
    assert_eq!(town.issue, 1);

    // The forge fails at each single request in turn, in turn in each of four ways; the first time all is new there.
    let mut request = 1;
    loop {
        let before = town.forge.count();
        let fault = match request % 4 {
            0 => Fault::DoneButLost,
            1 => Fault::status(502),
            2 => Fault::Lost,
            _ => Fault::DoneButRefused(500),
        };
        town.forge.fail(request, fault);
        let said = town.job(0, "changed");
        town.is_published(&said);
        // A fault is one request more: past the last one there was none to fail.
        let made = town.forge.count() - before;
        if made < request {
            break;
        }
        request += 1;
    }
    assert!(12 < request, "{request}");

    // Killed at each stage: while the forge is asked, while the model is, and between push and pull request.
    for stage in [1, 4, request / 2, request - 3, request - 1] {
        let before = town.forge.count();
        let (mut child, _) = town.start("killed.json");
        // It may be through already: then nothing was killed, and the next job is one more refresh.
        while town.forge.count() < before + stage && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let said = town.job(0, "changed");
        town.is_published(&said);
    }

    // Two for the same issue at once: one is published, the other says that it was not.
    let ((one, one_result), (two, two_result)) = (town.start("one.json"), town.start("two.json"));
    let (_, one) = town.end(one, &one_result);
    let (_, two) = town.end(two, &two_result);
    let codes = [one["exit_code"].as_i64().unwrap(), two["exit_code"].as_i64().unwrap()];
    assert!(codes == [0, 1] || codes == [1, 0] || codes == [0, 0], "{one} {two}");
    for said in [&one, &two] {
        assert!(said["exit_code"] == 0 || said["outcome"] == "not_published" && said["reason"].is_string(), "{said}");
    }
    town.sound();

    // The base moves: the branch begins there anew.
    fs::write(town.world.workspace().join("b.txt"), "b\n").unwrap();
    git(&town.world.workspace(), &["add", "-A"]);
    git(&town.world.workspace(), &["commit", "-qm", "more"]);
    git(&town.world.workspace(), &["push", "-q", town.bare().to_str().unwrap(), "main"]);
    let said = town.job(0, "changed");
    assert_eq!(
        git(&town.bare(), &["rev-parse", &format!("{}^", town.head())]),
        git(&town.bare(), &["rev-parse", "main"])
    );
    town.is_published(&said);

    // A push that is refused for want of a right, and a branch that is protected.
    let head = town.head();
    town.forge.deny(Right::Push);
    let said = town.job(1, "not_published");
    assert!(said["hint"].as_str().unwrap().contains("ontents"), "{said}");
    town.forge.allow(Right::Push);
    protect(&town.bare(), Kind::GitHub, "agent/issue-1").unwrap();
    let said = town.job(1, "not_published");
    assert!(said["reason"].as_str().unwrap().contains("Protected branch"), "{said}");
    assert_eq!(town.head(), head);
    assert!(PathBuf::from(said["patch"].as_str().unwrap()).exists());
    fs::remove_file(town.bare().join("hooks/pre-receive")).unwrap();

    // A person's commit on our branch is built on, and one that comes while we work is not overwritten.
    let person = town.human();
    let said = town.job(0, "changed");
    town.is_published(&said);
    git(&town.bare(), &["merge-base", "--is-ancestor", &person, &town.head()]);
    git(&town.world.workspace(), &["branch", "-q", "-D", "agent/issue-1"]);
    town_hall.store(asked(&town), Ordering::Relaxed);
    let said = town.job(1, "not_published");
    assert_eq!(town.head(), *pushed_meanwhile.lock().unwrap(), "{said}");
    let said = town.job(0, "changed");
    town.is_published(&said);
    git(&town.bare(), &["merge-base", "--is-ancestor", &pushed_meanwhile.lock().unwrap(), &town.head()]);

    assert_eq!((town.forge.changes().len(), town.forge.comments().len()), (1, 1));
    assert!(20 <= town.jobs, "{}", town.jobs);
}

/// How often the model was asked for a change so far.
fn asked(town: &Town) -> usize {
    let is_question = |body: &&Value| {
        body.get("tools").is_some() && body["messages"].as_array().unwrap().last().unwrap()["role"] == "user"
    };
    town.world.bodies().iter().filter(is_question).count()
}
