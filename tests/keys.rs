//! Keys: which server gets one, and that none leaves the process in any other way.

use std::fs;

use fake_mistral::{Checking, Config, FakeMistral, Key, Script, Turn};

use crate::support::{KEY, World, ran};

/// Another key, of a server that is not Mistral's.
const OTHER: &str = "sk-other-4c1d77a0e2";

/// The key that each request of a run to a stranger's address carries. The server stands for the way there: it is the
/// proxy, so nothing but loopback is reached.
fn sent_to_a_stranger(arguments: &[&str]) -> (i32, Vec<Option<String>>, String) {
    let mut world = World::without_server(&[]);
    let config = Config { key: Key::NotAsked, checking: Checking::Off, ..Config::default() };
    let proxy = FakeMistral::spawn_with(Script::parse("Done.\n% repeat").unwrap(), config).unwrap();
    let address = format!("http://{}", proxy.address());
    let base = ["run", "--mode", "auto", "--base-url", "http://llm.other-company.example/v1", "--model", "m", "Task"];
    let mut command = world.command(&[base.as_slice(), arguments].concat());
    let told = ran(command.env("http_proxy", address).env("OTHER", OTHER).output().unwrap());
    let sent = proxy.requests().iter().map(|request| request.header("authorization").map(str::to_owned)).collect();
    world.server = Some(proxy);
    (told.code, sent, told.stderr)
}

#[test]
fn mistrals_key_goes_to_no_stranger() {
    let (code, sent, stderr) = sent_to_a_stranger(&[]);
    assert_eq!((code, sent), (0, vec![None, None]), "{stderr}");
    assert!(stderr.contains("llm.other-company.example gets no key: pass --api-key-env NAME"), "{stderr}");
    let (code, sent, stderr) = sent_to_a_stranger(&["--api-key-env", "OTHER"]);
    let bearer = Some(format!("Bearer {OTHER}"));
    assert_eq!((code, sent), (0, vec![bearer.clone(), bearer]), "{stderr}");
}

#[test]
fn no_key_goes_out_in_clear_text() {
    let world = World::without_server(&[]);
    let arguments = ["run", "--base-url", "http://llm.other-company.example/v1", "--api-key-env", "OTHER", "Task"];
    let told = ran(world.command(&arguments).env("OTHER", OTHER).output().unwrap());
    assert_eq!(
        (told.code, told.stderr.lines().next()),
        (2, Some("error: refusing to send a key to http://llm.other-company.example/v1 in clear text"))
    );
}

/// A model that says both keys in its words and thoughts, in pieces of three characters, and makes commands and files with
/// them. What the tools do is what it wrote; no account of it has a key.
#[test]
fn no_account_of_a_run_has_a_key() {
    let script = || {
        let script = format!(
            "Keys: {KEY} and {OTHER}.\n~ I know {KEY}.\n> run_command {{\"command\": \"cat keys; seq 9000; cat keys\"}}\n\
             > create_file {{\"filename\": \"made\", \"content\": \"{KEY}\\n\"}}\n> read_file {{\"filename\": \"{OTHER}\"}}\n\
             % piece=3\n---\nThe end: {KEY}, {OTHER}.\n% piece=3\n"
        );
        Script::parse(&script).unwrap()
    };
    let keys = format!("{KEY}\n{OTHER}\n");
    let no_key = |what: &str, text: &str| {
        for key in [KEY, OTHER] {
            // Pieces that are joined again would have it too.
            let joined: String =
                text.split("\"text\":\"").map(|piece| piece.split('"').next().unwrap_or_default()).collect();
            assert!(!text.contains(key) && !joined.contains(key), "{what}: {text}");
        }
        assert!(!text.contains(&KEY[..12]), "{what} has half a key: {text}");
    };
    for output in ["text", "json", "jsonl"] {
        let world = World::with(&[("keys", &keys)], script());
        let command = |arguments: &[&str]| {
            let mut command = world.command(arguments);
            ran(command
                .env("AGENT_API_KEY_ENV", "OTHER")
                .env("OTHER", OTHER)
                .env("AGENT_LOG", "debug")
                .output()
                .unwrap())
        };
        let told = command(&["run", "--mode", "auto", "--output", output, "Task"]);
        assert_eq!(told.code, 0, "{}", told.stderr);
        assert!(told.stdout.contains("The end: ***, ***.") || output == "jsonl", "{}", told.stdout);
        no_key(output, &(told.stdout + &told.stderr));
        assert_eq!(fs::read_to_string(world.workspace().join("made")).unwrap(), format!("{KEY}\n"));

        let state = world.home().join("state");
        let kept = |name: &str| !name.contains("/snapshots/");
        for entry in walkdir::WalkDir::new(&state).into_iter().map(Result::unwrap) {
            let name = entry.path().display().to_string();
            if entry.file_type().is_file() && kept(&name) {
                no_key(&name, &String::from_utf8_lossy(&fs::read(entry.path()).unwrap()));
            }
        }
        for arguments in [
            vec!["show"],
            vec!["show", "--json"],
            vec!["show", "--html", "-"],
            vec!["show", "--atif", "-"],
            vec!["sessions"],
            vec!["diff"],
            vec!["config"],
        ] {
            let told = command(&arguments);
            assert_eq!(told.code, 0, "{arguments:?}: {}", told.stderr);
            no_key(&arguments.join(" "), &(told.stdout + &told.stderr));
        }
    }
}

/// A session of a version that did not mask.
#[test]
fn an_old_session_is_shown_without_its_key() {
    let world = World::new(&[], "Old words.");
    assert_eq!(world.run(&["Task"]).code, 0);
    let file = world.session_file();
    let text = fs::read_to_string(&file).unwrap().replace("Old words.", &format!("It is {KEY}."));
    fs::write(&file, text).unwrap();
    for arguments in [["show"].as_slice(), &["show", "--json"], &["show", "--html", "-"], &["show", "--atif", "-"]] {
        let told = world.agent(arguments);
        assert!(told.stdout.contains("It is ***.") && !told.stdout.contains(KEY), "{arguments:?}: {}", told.stdout);
    }
}

/// A server that repeats the key that it refuses.
#[test]
fn an_error_that_quotes_a_key_is_shown_without_it() {
    let world = World::with(
        &[],
        Script::computed(|_, _| {
            let body = format!("{{\"message\": \"Incorrect API key provided: {KEY}\"}}");
            Turn::Raw(fake_mistral::Raw { status: 401, ..fake_mistral::Raw::json(body) })
        }),
    );
    let told = world.run(&["--output", "json", "Task"]);
    assert_eq!(told.code, 2);
    assert!(told.stdout.contains("Incorrect API key provided: ["), "{}", told.stdout);
    assert!(!(told.stdout + &told.stderr).contains(KEY));
}
