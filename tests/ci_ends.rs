//! `agent ci` that does not end well: killed, stopped, refused early, with files that nobody can read. Work is kept, and
//! nothing is published.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};

use fake_mistral::{After, Ending, Reply, Script};
use serde_json::Value;

use crate::ci::{WORDS, ci, commit, git, nothing_is_left, repository, write};
use crate::support::{World, ran, wait_for};

/// Makes `half.txt`; the request after that is never answered, and all later ones find nothing to do.
fn half() -> Script {
    Script::computed(|_, request| match request {
        0 => Reply::call("create_file", "{\"filename\": \"half.txt\", \"content\": \"half\\n\"}").into(),
        1 => stalled(),
        _ => Reply::text("Nothing to do.").into(),
    })
}

/// A run that was killed after it had made `half.txt`.
fn killed() -> World {
    let world = World::with(&[("a.txt", "a\n")], half());
    commit(&world);
    let mut child = world.start(&["ci", "--commit", "Do half"]);
    wait_for(|| 2 <= world.bodies().len());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(git(&world.workspace(), &["worktree", "list"]).lines().count(), 2);
    world
}

#[test]
fn a_killed_run_is_cleaned_up_by_the_next_and_its_work_kept() {
    let world = killed();
    let (ran, result) = ci(&world, &["Look"]);
    assert_eq!((ran.code, &result["outcome"]), (0, &Value::from("no_change")), "{ran:?}");
    assert!(ran.stderr.contains("was killed; its changes are in"), "{ran:?}");
    let kept: Vec<_> = fs::read_dir(world.home().join("state/agent/patches")).unwrap().collect();
    let id = kept[0].as_ref().unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
    assert_eq!(world.agent(&["apply", &id]).code, 0);
    assert_eq!(fs::read_to_string(world.workspace().join("half.txt")).unwrap(), "half\n");
}

#[test]
fn work_of_a_killed_run_that_cannot_be_kept_as_a_patch_stays_where_it_is() {
    let world = killed();
    // There is no room for patches.
    let patches = world.home().join("state/agent/patches");
    fs::write(&patches, "in the way").unwrap();
    let told = world.agent(&["ci", "--clean"]);
    assert!(told.code == 0 && told.stderr.contains("its changes are still in"), "{told:?}");
    let (_, place) = told.stderr.split_once("still in ").unwrap();
    let tree = place.split_once(", because").unwrap().0;
    assert_eq!(fs::read_to_string(format!("{tree}/half.txt")).unwrap(), "half\n");
    // Once there is, it is kept like any other.
    fs::remove_file(patches).unwrap();
    assert!(world.agent(&["ci", "--clean"]).stderr.contains("its changes are in"));
    nothing_is_left(&world);
}

#[test]
fn whoever_stops_it_after_the_last_turn_has_nothing_published() {
    for (word, code, outcome) in [
        ("-INT", 130, "cancelled"),
        ("-TERM", 130, "cancelled"),
        ("-HUP", 130, "cancelled"),
        ("time", 3, "limit_reached"),
    ] {
        // The request for the commit message is never answered.
        let script = Script::computed(|body, request| match request {
            0 => Reply::call("create_file", "{\"filename\": \"hello.txt\", \"content\": \"hello\\n\"}").into(),
            _ if body.get("tools").is_some() => Reply::text("Done.").into(),
            _ => stalled(),
        });
        let world = World::with(&[("a.txt", "a\n")], script);
        commit(&world);
        let result = world.home().join("result.json");
        let time = if word == "time" { "4s" } else { "10m" };
        let child = world.start(&[
            "ci",
            "--commit",
            "--max-time",
            time,
            "--result",
            result.to_str().unwrap(),
            "Greet the world",
        ]);
        wait_for(|| 3 <= world.bodies().len());
        // A CI system that wants an end sends SIGTERM more than once, and it stays one.
        for _ in 0..if word == "-TERM" { 3 } else { usize::from(word != "time") } {
            assert!(Command::new("kill").args([word, &child.id().to_string()]).status().unwrap().success());
        }
        let ran = ran(child.wait_with_output().unwrap());
        let said: Value = serde_json::from_slice(&fs::read(&result).unwrap()).unwrap();
        assert_eq!((ran.code, said["outcome"].as_str().unwrap()), (code, outcome), "{ran:?}");
        assert!(said["branch"].is_null() && said["patch"].is_string(), "{said}");
        assert_eq!(git(&world.workspace(), &["branch", "--list", "agent/*"]), "");
        nothing_is_left(&world);
    }
}

#[test]
fn changes_below_a_submodule_are_named_for_no_commit_can_have_them() {
    let script = format!("{}\n---\nDone.", write("sub/d/fix.txt", "fix\n"));
    let world = repository(&[("a.txt", "a\n")], &script);
    let at = world.workspace();
    fs::create_dir(at.join("sub")).unwrap();
    let add =
        ["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", git(&at, &["rev-parse", "HEAD"]).trim())];
    git(&at, &add);
    git(&at, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "a submodule"]);
    let (ran, result) = ci(&world, &["--commit", "Fix the submodule"]);
    assert_eq!((ran.code, &result["outcome"]), (0, &Value::from("no_change")), "{ran:?}");
    assert!(
        result["notes"].to_string().contains("in a submodule, which is another repository: sub/d/fix.txt"),
        "{result}"
    );
    nothing_is_left(&world);
}

fn stalled() -> fake_mistral::Turn {
    let mut reply = Reply::text("late");
    reply.delivery.ending = Ending::Stall(After::Events(0));
    reply.into()
}

fn run(command: &str) -> String {
    format!("> run_command {}", serde_json::json!({"command": command}))
}

#[test]
fn what_nobody_can_read_is_left_out_and_named_and_the_rest_goes_on() {
    let odd = "rm a.txt; mkfifo a.txt; echo 1 > new.txt; echo 2 > closed.txt; mkdir dir; echo 3 > dir/in.txt; \
               chmod 000 closed.txt dir";
    let script = format!("{}\n---\nDone.\n---\n{WORDS}", run(odd));
    let world = repository(&[("a.txt", "a\n")], &script);
    let result = world.home().join("result.json");
    let whole =
        world.command(&["ci", "--commit", "--check", "true", "--result", result.to_str().unwrap(), "Make odd files"]);
    // For root nothing is closed unless this is taken from it.
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]);
    command.arg(whole.get_program()).args(whole.get_args()).current_dir(world.workspace()).env_clear();
    command.envs(whole.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = if is_root { command } else { whole };
    let ran = ran(command.stdin(Stdio::null()).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let said: Value = serde_json::from_slice(&fs::read(&result).unwrap()).unwrap();
    let files: Vec<&str> =
        said["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(files, ["closed.txt", "dir/in.txt", "new.txt"]);
    assert!(said["notes"].to_string().contains("skipped, because it is not readable: a.txt"), "{said}");
    nothing_is_left(&world);
}

#[test]
fn what_an_end_nobody_foresaw_had_done_is_kept() {
    let script = format!("{}\n---\nDone.\n---\n{WORDS}", write("hello.txt", "hello\n"));
    let world = repository(&[("a.txt", "a\n")], &script);
    // The patch goes into a directory that is gone by then.
    let out = world.home().join("out");
    let place = out.join("place");
    fs::create_dir_all(&place).unwrap();
    let check = format!("test ! -e hello.txt || rm -r {}", place.display());
    let patch = place.join("fix.patch");
    let more = ["--add-dir", out.to_str().unwrap(), "--check", &check, "--patch", patch.to_str().unwrap(), "Greet"];
    let (ran, result) = ci(&world, &more);
    assert_eq!((ran.code, &result["outcome"]), (2, &Value::from("failed")), "{ran:?}");
    let kept = result["patch"].as_str().unwrap();
    assert!(fs::read_to_string(kept).unwrap().contains("+hello") && ran.stderr.contains(kept), "{ran:?}");
}

#[test]
fn what_cannot_be_written_is_said_before_anything_is_spent() {
    let world = repository(&[("a.txt", "a\n")], "Done.");
    for flag in ["--patch", "--summary", "--html"] {
        let (ran, result) = ci(&world, &[flag, "no/such/place", "Task"]);
        assert_eq!((ran.code, &result["outcome"]), (2, &Value::from("failed")), "{ran:?}");
        assert!(ran.stderr.contains("error: cannot write no/such/place") && ran.stderr.contains("hint: "), "{ran:?}");
    }
    let ran = world.agent(&["ci", "--result", ".", "Task"]);
    assert!(ran.code == 2 && ran.stderr.contains("error: cannot write ."), "{ran:?}");
    assert!(world.bodies().is_empty());
    // What was only tried is not left behind.
    let (ran, _) = ci(&world, &["--patch", world.home().join("p").to_str().unwrap(), "--file", "none"]);
    assert!(ran.code == 2 && !world.home().join("p").exists(), "{ran:?}");
}

#[test]
fn a_clone_with_a_token_in_its_configuration_is_refused() {
    let world = repository(&[("a.txt", "a\n")], "Done.");
    let address = "https://gitlab-ci-token:planted-5a7e@forge.example/a/b.git";
    git(&world.workspace(), &["remote", "add", "origin", address]);
    let (ran, _) = ci(&world, &["Task"]);
    assert!(
        ran.code == 2
            && ran.stderr.contains("`remote.origin.url`")
            && ran.stderr.contains("FF_GIT_URLS_WITHOUT_TOKENS")
    );
    assert!(!ran.stderr.contains("planted-5a7e") && world.bodies().is_empty(), "{ran:?}");
}

#[test]
fn a_check_that_cannot_run_is_named() {
    let script = format!("{}\n---\nDone.\n---\n{WORDS}", write("hello.txt", "hello\n"));
    let world = repository(&[("a.txt", "a\n")], &script);
    let (ran, result) = ci(&world, &["--check", "no-such-program --all", "Greet the world"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let note = result["notes"][0].as_str().unwrap();
    assert!(note.starts_with("the check `no-such-program --all` could not run before the change"), "{note}");
}

#[test]
fn names_that_are_no_text_do_not_shift_the_numbers() {
    let make = "printf '1\\n' > $'b\\xff'; printf '1\\n2\\n3\\n' > c.txt; printf '1\\n2\\n' > a.txt";
    let script = format!("{}\n---\nDone.\n---\n{WORDS}", run(make));
    let world = repository(&[("a.txt", "a\n")], &script);
    let (ran, result) = ci(&world, &["Count"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let added: Vec<u64> =
        result["files"].as_array().unwrap().iter().map(|file| file["added"].as_u64().unwrap()).collect();
    assert_eq!(added, [2, 1, 3], "{result}");
}
