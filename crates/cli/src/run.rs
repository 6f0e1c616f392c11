//! `agent run`: one task, from the command line to a true account of it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use agent::Finish;
use anyhow::Context as _;

use crate::args::{Output, ProgramArgs, RunArgs};
use crate::config::Config;
use crate::conversation::{Beginning, Conversation, Plan};
use crate::events::{Ended, What};
use crate::hint::{Exit, Hint as _};
use crate::home;
use crate::machine::Machine;

pub(crate) async fn run(args: RunArgs) -> anyhow::Result<Exit> {
    let output = args.program.output;
    told(output, work(args).await)
}

async fn work(args: RunArgs) -> anyhow::Result<Exit> {
    check_input(&args.program, Some(&args.task))?;
    let task = read_task(&args.task)?;
    let root = workspace(args.work.model.workspace.as_deref())?;
    let mut config = Config::for_work(&args.work, &args.program, &root)?;
    config.notices.extend(home::check(&root, home::Named::by(args.work.model.workspace.as_deref()))?);
    carry_out(Some(task), Plan { root, config, output: args.program.output, beginning: Beginning::New }).await
}

/// A program that answers needs to be asked, and stdin for itself; `text` is what is said to the model first.
pub(crate) fn check_input(program: &ProgramArgs, text: Option<&str>) -> anyhow::Result<()> {
    if program.input.is_some() && program.output != Output::Jsonl {
        return Err(anyhow::anyhow!("--input jsonl needs --output jsonl"))
            .hint("use both: agent run --output jsonl --input jsonl --confirm \"...\"");
    }
    if program.input.is_some() && text == Some("-") {
        return Err(anyhow::anyhow!("stdin cannot carry both the task and the answers"))
            .hint("give the task as an argument: agent run --output jsonl --input jsonl \"...\"");
    }
    Ok(())
}

/// A program that reads events learns of every end, also of one before the beginning.
pub(crate) fn told(output: Output, outcome: anyhow::Result<Exit>) -> anyhow::Result<Exit> {
    if let Err(error) = &outcome {
        let only_the_end = match output {
            Output::Text => return outcome,
            Output::Json => true,
            Output::Jsonl => false,
        };
        Machine::new(String::new(), only_the_end).print(What::RunEnded(Ended::before_it_began(error)));
    }
    outcome
}

/// Says `text` and lets the model work. Without it the conversation goes on where it is.
pub(crate) async fn carry_out(text: Option<String>, plan: Plan) -> anyhow::Result<Exit> {
    let mut conversation = Conversation::open(plan).await?;
    conversation.announce(text.as_deref());
    let mut finish = match text {
        Some(text) => conversation.turn(text).await,
        None => conversation.go_on().await,
    };
    // What came while the last words were said is not lost.
    while matches!(finish, Ok(Finish::Answered))
        && let Some(message) = conversation.take_message()
    {
        finish = conversation.turn(message).await;
    }
    // A program that was started for the human may still have the terminal.
    conversation.screen.keys_are_ours().await;
    conversation.close(finish).await
}

pub(crate) fn read_task(argument: &str) -> anyhow::Result<String> {
    let task = if argument == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("cannot read the task from stdin")?;
        tools::text_of(&bytes)
    } else {
        argument.to_owned()
    };
    if task.trim().is_empty() {
        return Err(anyhow::anyhow!("the task is empty")).hint("say what to do: agent run \"Fix the failing test\"");
    }
    Ok(task.trim().to_owned())
}

pub(crate) fn workspace(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let root = match given {
        Some(path) => path.to_owned(),
        None => std::env::current_dir().context("the current directory no longer exists")?,
    };
    let shown = root.display().to_string();
    let root = root
        .canonicalize()
        .with_context(|| format!("cannot use the workspace {shown}"))
        .hint("pass an existing directory to --workspace")?;
    if !root.is_dir() {
        return Err(anyhow::anyhow!("the workspace {shown} is not a directory"))
            .hint("pass a directory to --workspace");
    }
    Ok(root)
}
