//! Plays calls against files in memory, and renders what the model reads of each.

use agent::{
    Agent, AnyTool, ApprovalPolicy, Cancel, ChatEvent, Entry, Limits, Mode, RawCall, Sandbox, SeenFiles, Spent,
    Supervision, Transcript, run_task,
};
use expect_test::Expect;
use house_tests::Silent;
use providers::Scripted;
use sandbox::Memory;

/// Makes the calls, each in a reply of its own, and lets the loop answer them.
pub(crate) fn play(tools: &[&dyn AnyTool], sandbox: &dyn Sandbox, calls: Vec<(String, String)>) -> Transcript {
    let replies = calls.into_iter().map(|(name, arguments)| vec![ChatEvent::Call(RawCall { name, arguments })]);
    let client = Scripted::new(replies.chain([vec![ChatEvent::Text("Done.".to_owned())]]));
    let mut transcript = Transcript::new("system".to_owned(), "task".to_owned());
    let (mut frontend, mut journal) = (Silent, Silent);
    let mut agent = Agent {
        client: &client,
        tools,
        sandbox,
        frontend: &mut frontend,
        journal: &mut journal,
        policy: ApprovalPolicy::new(Mode::Auto),
        root: "/w".into(),
        limits: Limits::default(),
        supervision: Supervision::Light,
        thoughts: agent::Thoughts::Dropped,
        price: None,
        spent: Spent::default(),
        seen: SeenFiles::default(),
        cancel: Cancel::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(run_task(&mut agent, &mut transcript)).unwrap();
    transcript
}

/// Calls, one a line: what the model reads of each.
pub(crate) fn answers(sandbox: &dyn Sandbox, calls: &str) -> String {
    answers_of(tools::TOOLS, sandbox, calls)
}

/// The same with these tools.
pub(crate) fn answers_of(tools: &[&dyn AnyTool], sandbox: &dyn Sandbox, calls: &str) -> String {
    let call = |line: &str| {
        let (name, arguments) = line.trim().split_once(' ').unwrap();
        (name.to_owned(), arguments.to_owned())
    };
    let transcript = play(tools, sandbox, calls.trim().lines().map(call).collect());
    let mut shown = String::new();
    for entry in transcript.entries() {
        if let Entry::Outcome { outcome, .. } = entry {
            let mark = match outcome {
                agent::ToolOutcome::Done(_) => "",
                agent::ToolOutcome::Failed(_) => "failed: ",
                agent::ToolOutcome::Refused(_) => "refused: ",
                agent::ToolOutcome::Cancelled => "cancelled: ",
                agent::ToolOutcome::Interrupted => "interrupted: ",
            };
            shown += &format!("{mark}{}\n", outcome.text().trim_end());
        }
    }
    shown
}

/// Calls, one a line, on these files; what the model reads of each, and the files that changed.
#[track_caller]
pub(crate) fn check(files: &[(&str, &str)], calls: &str, expected: Expect) {
    check_on(Memory::new(files.iter().copied()), calls, expected);
}

/// The same with the tools of small models.
#[track_caller]
pub(crate) fn check_small(files: &[(&str, &str)], calls: &str, expected: Expect) {
    check_of(tools::WHOLE_FILE_TOOLS, Memory::new(files.iter().copied()), calls, expected);
}

#[track_caller]
pub(crate) fn check_on(memory: Memory, calls: &str, expected: Expect) {
    check_of(tools::TOOLS, memory, calls, expected);
}

#[track_caller]
fn check_of(tools: &[&dyn AnyTool], memory: Memory, calls: &str, expected: Expect) {
    let before: Vec<(String, Option<String>)> =
        memory.paths().into_iter().map(|path| (path.clone(), memory.text(&path))).collect();
    let mut shown = answers_of(tools, &memory, calls);
    for path in memory.paths() {
        let text = memory.text(&path);
        if !before.contains(&(path.clone(), text.clone())) {
            shown += &format!("--- {path}\n{}", text.unwrap());
        }
    }
    for (path, _) in before {
        if memory.text(&path).is_none() {
            shown += &format!("--- {path} is gone\n");
        }
    }
    expected.assert_eq(&shown);
}

pub(crate) const CALC: (&str, &str) = ("calc.py", "def add(a, b):\n    return a - b\n\n\ndef neg(a):\n    return -a\n");
