//! `agent demo`: the real loop, tools, executor and HTTP client on a recorded model, offline.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fake_mistral::{FakeMistral, Key, Script};

use crate::args::{DemoArgs, Output};
use crate::config::{Config, Layer};
use crate::conversation::{Beginning, Plan};
use crate::hint::{Exit, Hint as _};
use crate::{out, run};

/// The repository: a shell function with a bug, and the test that shows it.
const FILES: [(&str, &str); 3] = [
    ("slug.sh", include_str!("demo/slug.sh")),
    ("test.sh", include_str!("demo/test.sh")),
    ("README.md", include_str!("demo/README.md")),
];
const TASK: &str = "The test in test.sh fails. Find the bug and fix it.";
const MODEL: &str = include_str!("demo/model.txt");

pub(crate) async fn demo(args: DemoArgs) -> anyhow::Result<Exit> {
    let temporary = tempfile::Builder::new().prefix("agent-demo-").tempdir()?;
    let root = match &args.directory {
        Some(directory) => prepare(directory)?,
        None => temporary.path().canonicalize()?,
    };
    for (name, text) in FILES {
        std::fs::write(root.join(name), text).with_context(|| format!("cannot write {name}"))?;
    }
    writeln!(
        out::stderr(),
        "This is a demo. The model's replies are recorded; everything else is real: the HTTP, the loop, the"
    )?;
    writeln!(out::stderr(), "tools, the sandbox, the commands and the files in {}.", root.display())?;
    writeln!(out::stderr(), "$ agent run \"{TASK}\"")?;
    let script = Script::parse(MODEL).context("cannot read the recorded model")?;
    let server = fake_mistral::Config { key: Key::NotAsked, ..fake_mistral::Config::default() };
    let server = FakeMistral::start_with(script, server).await.context("cannot open a port on 127.0.0.1")?;
    let config = Config::for_demo(Layer::of_demo(server.base_url(), args.sandbox));
    let exit = run::carry_out(
        Some(TASK.to_owned()),
        Plan { root: root.clone(), config, output: Output::Text, beginning: Beginning::New },
    )
    .await?;
    if exit == Exit::Finished {
        writeln!(out::stderr(), "The test passes now. With a real model: agent run \"...\" in your repository.")?;
    }
    Ok(exit)
}

fn prepare(directory: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    if std::fs::read_dir(directory)?.next().is_some() {
        return Err(anyhow::anyhow!("{} is not empty", directory.display())).hint("name a new directory");
    }
    Ok(directory.canonicalize()?)
}
