use std::time::Duration;

use agent::{Cancel, Effect, Ended, Observation};

use super::*;
use crate::testing::change;

fn act(memory: &Memory, effect: Effect) -> String {
    match memory.act(&effect, &Cancel::default()) {
        Ok(Observation::Read(bytes)) => String::from_utf8(bytes).unwrap(),
        Ok(Observation::Listed(listing)) => {
            let paths: Vec<String> = listing.entries.into_iter().map(|entry| entry.path).collect();
            format!("{} +{}", paths.join(" "), listing.left_out)
        }
        Ok(Observation::Found(found)) => format!("{:?} +{}", found.lines, found.left_out),
        Ok(Observation::Mapped(map)) => map.text,
        Ok(Observation::Written) => "written".to_string(),
        Ok(Observation::Ran(ran)) => format!("{:?} {}", ran.ended, ran.output),
        Ok(Observation::Started(command) | Observation::Output(command) | Observation::Stopped(command)) => {
            format!("{} {:?} {}", command.id, command.ended, command.output)
        }
        Err(error) => error.to_string(),
    }
}

fn files() -> Memory {
    Memory::new([("a.txt", "one"), ("src/lib.rs", "two\n"), ("src/deep/x.rs", "")])
}

#[test]
fn reads_as_the_host_does() {
    let read = |path: &str| act(&files(), Effect::Read { path: path.into(), max_bytes: 3 });
    assert_eq!(read("./src/../a.txt"), "one");
    assert_eq!(read("none"), "`none` does not exist.");
    assert_eq!(read("src"), "`src` is a directory.");
    assert_eq!(read("../a.txt"), "`../a.txt` is outside the workspace.");
    assert_eq!(read("/etc/passwd"), "`/etc/passwd` is outside the workspace.");
    assert!(read("src/lib.rs").starts_with("`src/lib.rs` is too large (4 bytes, limit 3)."));
}

#[test]
fn writes_all_or_nothing() {
    let memory = files();
    let write = |changes| act(&memory, Effect::Write { changes });
    let changed = "`a.txt` changed on disk in the meantime; nothing was written. Read it again.";
    assert_eq!(write(vec![change("b", None, Some("x")), change("a.txt", None, Some("y"))]), changed);
    assert_eq!(memory.text("b"), None);
    assert_eq!(write(vec![change("b", None, Some("x")), change("a.txt", Some("one"), None)]), "written");
    assert_eq!(memory.paths(), ["b", "src/deep/x.rs", "src/lib.rs"]);
    assert_eq!(
        write(vec![change(".git/config", None, Some("x"))]),
        "`.git/config` belongs to git; nothing was written."
    );
}

#[test]
fn lists_and_searches() {
    let list = |path: &str, depth, limit| act(&files(), Effect::List { path: path.into(), glob: None, depth, limit });
    assert_eq!(list("", None, 2), "a.txt src/deep/x.rs +1");
    assert_eq!(list("src", Some(1), 9), "src/deep/ src/lib.rs +0");
    assert_eq!(list("none", None, 9), "`none` does not exist.");
    let search = Effect::Search { pattern: "tw".into(), path: "".into(), glob: None, context: 0, limit: 9 };
    assert!(act(&files(), search).contains("\"src/lib.rs\", number: 1, text: \"two\""));
}

#[test]
fn commands_answer_from_a_table() {
    let run = Effect::Run { command: "make".into(), timeout: Duration::from_secs(1) };
    assert_eq!(act(&files(), run.clone()), "Exited(127) bash: command not found\n");
    let memory = files().on_command(|command, _| ran(i32::from(command != "make"), command));
    assert_eq!(act(&memory, run), format!("{:?} make", Ended::Exited(0)));
    assert_eq!(memory.commands(), ["make"]);
}

#[test]
fn commands_are_left_running_and_stopped() {
    let memory = files().on_command(|_, _| ran(0, "up\n"));
    assert_eq!(act(&memory, Effect::Start { command: "serve".to_string() }), "1 None up\n");
    assert_eq!(act(&memory, Effect::ReadOutput { id: 1, wait: Duration::ZERO }), "1 None ");
    assert_eq!(act(&memory, Effect::Stop { id: 1 }), "1 Some(Stopped) ");
    assert_eq!(act(&memory, Effect::ReadOutput { id: 1, wait: Duration::ZERO }), "1 Some(Stopped) ");
    assert_eq!(act(&memory, Effect::Stop { id: 2 }), "No background command has the id 2.");
    assert_eq!(act(&files(), Effect::Start { command: "none".to_string() }), "1 Some(Exited(127)) ");
}
