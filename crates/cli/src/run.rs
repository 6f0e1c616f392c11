//! `agent run`: one task, from the command line to a true account of it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::args::RunArgs;
use crate::config::{Config, Layer};
use crate::conversation::{Conversation, Plan};
use crate::hint::{Exit, Hint as _};
use crate::setup::listen;

pub(crate) async fn run(args: RunArgs) -> anyhow::Result<Exit> {
    let task = read_task(&args.task)?;
    let root = workspace(args.work.model.workspace.as_deref())?;
    let config = Config::load(Layer::of_work(&args.work), &root)?;
    carry_out(task, Plan { root, config, output: args.output }).await
}

pub(crate) async fn carry_out(task: String, plan: Plan) -> anyhow::Result<Exit> {
    let max_time = plan.config.max_time()?;
    let mut conversation = Conversation::open(plan).await?;
    listen(conversation.cancel.clone(), max_time, conversation.screen.clone());
    conversation.announce(&task);
    let finish = conversation.turn(task).await;
    conversation.close(finish).await
}

fn read_task(argument: &str) -> anyhow::Result<String> {
    let task = if argument == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("the task cannot be read from stdin")?;
        String::from_utf8(bytes).context("the task on stdin is not UTF-8 text")?
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
        None => std::env::current_dir().context("the current directory is gone")?,
    };
    let shown = root.display().to_string();
    let root = root
        .canonicalize()
        .with_context(|| format!("the workspace {shown} cannot be used"))
        .hint("name a directory that exists with --workspace")?;
    if !root.is_dir() {
        return Err(anyhow::anyhow!("the workspace {shown} is not a directory"))
            .hint("name a directory with --workspace");
    }
    Ok(root)
}
