//! The program: arguments, the terminal, and the wiring of every room.
//!
//! It starts one current-thread runtime for the commands that need one, and ends
//! with the exit codes that the README documents.

mod account;
mod apply;
mod args;
mod ask;
mod canvas;
mod changes;
mod chat;
mod chat_commands;
mod chat_desk;
mod chat_turn;
mod ci;
mod complete;
mod config;
mod connect;
mod conversation;
mod demo;
mod diff;
mod editor;
mod effort;
mod events;
mod exact;
mod git_words;
mod harmless;
mod highlight;
mod hint;
mod history;
mod home;
mod human;
mod inline;
mod input;
mod inspect;
mod keyboard;
mod keys;
mod live;
mod machine;
mod markdown;
mod out;
mod past;
mod paths;
mod pieces;
mod place;
mod planted;
mod raw_mode;
mod reach;
mod resume;
mod run;
mod screen;
mod sessions;
mod setup;
mod show;
mod slash;
mod summary;
mod tty;
mod undo;
mod watched;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Cli, Command};
use crate::hint::{Exit, Hinted};

fn main() -> ExitCode {
    // The same program is the launcher of fenced commands. It must come first: before any thread.
    if let Some(exit) = sandbox::launcher() {
        return exit;
    }
    // It also starts git for a push, and answers git's question for the password.
    if let Some(exit) = forge::launcher() {
        return exit;
    }
    config::hide_usual_keys();
    let mut cli = Cli::parse();
    if cli.command.is_none() && io::stdin().is_terminal() && crate::out::stderr_is_terminal() {
        // A bare `agent` talks, where there is somebody to talk to.
        cli = Cli::parse_from(["agent", "chat"]);
    }
    log(cli.verbose);
    // A release aborts at a panic: nothing is dropped then, so the terminal is put back here.
    std::panic::set_hook(Box::new(|panic| {
        raw_mode::restore();
        // Nobody is left to tell if stderr is closed.
        let _ = writeln!(out::stderr(), "{panic}");
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            let _ = writeln!(out::stderr(), "{trace}");
        }
    }));
    let Some(command) = cli.command else {
        // Nobody is left to tell if stderr is closed.
        let _ = write!(crate::out::stderr(), "{}", Cli::command().render_help());
        return ExitCode::from(Exit::Usage as u8);
    };
    let exit = match dispatch(command) {
        Ok(exit) => exit,
        Err(error) => report(&error),
    };
    std::process::exit(exit as i32)
}

fn dispatch(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(args) => wait_for(run::run(*args)),
        Command::Ci(args) => wait_for(ci::ci(*args)),
        Command::Apply(args) => wait_for(apply::apply(args)),
        Command::Chat(args) => wait_for(chat::chat(*args)),
        Command::Demo(args) => wait_for(demo::demo(args)),
        Command::Models(args) => wait_for(inspect::models(&args)),
        Command::Doctor(args) => wait_for(inspect::doctor(&args)),
        Command::Config(args) => inspect::config(args.action),
        Command::Resume(args) => wait_for(resume::resume(*args)),
        Command::Fork(args) => wait_for(resume::fork(*args)),
        Command::Sessions(args) => sessions::list(&args).map(|()| Exit::Finished),
        Command::Show(args) => show::show(&args).map(|()| Exit::Finished),
        Command::Diff(args) => diff::diff(&args),
        Command::Undo(args) => undo::undo(&args),
        Command::Redo(args) => undo::redo(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "agent", &mut crate::out::stdout());
            Ok(Exit::Finished)
        }
    }
}

fn wait_for(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // A file that must not grow (`ulimit -f`) is an error like a full disk, and not the end of the process.
    let _handled = runtime.block_on(async { signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())) });
    let exit = runtime.block_on(command);
    // A thread that waits for a slow disk cannot be interrupted and must not hold us back.
    runtime.shutdown_background();
    exit
}

/// `error: ...`, then `hint: ...`, for a human.
fn report(error: &anyhow::Error) -> Exit {
    if let Some(broken) = error.downcast_ref::<io::Error>()
        && broken.kind() == io::ErrorKind::BrokenPipe
    {
        return Exit::Failed;
    }
    let mut stderr = crate::out::stderr();
    let hinted = error.downcast_ref::<Hinted>();
    let text = harmless::harmless(&format!("{error:#}"));
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(stderr, "error: {text}");
    if let Some(hint) = hinted.and_then(|hinted| hinted.hint.as_ref()) {
        let _ = writeln!(stderr, "hint: {}", harmless::harmless(hint));
    }
    hinted.map_or(Exit::Failed, |hinted| hinted.exit)
}

/// To stderr, and only on request. Nothing in the program logs a key or a body.
fn log(verbose: bool) {
    let wanted = std::env::var("AGENT_LOG")
        .ok()
        .or_else(|| verbose.then(|| "agent=debug,forge=debug,providers=debug,sandbox=debug".to_owned()));
    if let Some(wanted) = wanted {
        let filter = tracing_subscriber::EnvFilter::new(wanted);
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(crate::out::stderr).init();
    }
}
