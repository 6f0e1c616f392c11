//! `agent run`: from the command line to a finished task and a true account of it.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use agent::{
    Agent, AgentError, ApprovalPolicy, Cancel, Facts, Finish, Frontend, GitLook, Mode, SeenFiles, Spent, Stop,
    Transcript,
};
use anyhow::Context as _;
use sandbox::{FenceOptions, Host, HostOptions, Network, SandboxMode};
use session::{SessionFile, Store};

use crate::account::Account;
use crate::args::{Output, RunArgs};
use crate::config::{Config, Layer, Switch};
use crate::connect::{self, Connected};
use crate::events::{self, Ended, Totals, What};
use crate::hint::{Exit, Hint as _, Hinted};
use crate::human::Human;
use crate::machine::Machine;
use crate::screen::{Paint, Screen};
use crate::sessions;

/// A run that is ready to start.
pub(crate) struct Plan {
    pub(crate) task: String,
    pub(crate) root: PathBuf,
    pub(crate) config: Config,
    pub(crate) output: Output,
}

pub(crate) async fn run(args: RunArgs) -> anyhow::Result<Exit> {
    let task = read_task(&args.task)?;
    let root = workspace(args.model.workspace.as_deref())?;
    let config = Config::load(Layer::of_run(&args), &root)?;
    carry_out(Plan { task, root, config, output: args.output }).await
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

/// The two front ends, so that the account can be had back.
enum Face {
    Human(Box<Human>),
    Machine(Box<Machine>),
}

impl Face {
    fn frontend(&mut self) -> &mut dyn Frontend {
        match self {
            Face::Human(human) => human.as_mut(),
            Face::Machine(machine) => machine.as_mut(),
        }
    }

    fn account(&self) -> &Account {
        match self {
            Face::Human(human) => &human.account,
            Face::Machine(machine) => &machine.account,
        }
    }
}

pub(crate) async fn carry_out(plan: Plan) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let Plan { task, root, config, output } = plan;
    let max_time = config.max_time()?;
    let id = Store::new_id();
    let store = sessions::store()?;
    let host = open_host(&root, &config, Some(store.outputs(&id)))?;
    let screen = Screen::new();
    let (fence, connected) = tokio::join!(host.fence(), connect::connect(&config, &id));
    let connected = connected?;
    let fenced = fence.holds();
    let mode = choose_mode(&config, fenced, output)?;
    check_writable(&root, mode)?;
    let mut session = store
        .create(&id, &root, &connected.model)
        .with_context(|| format!("the session cannot be saved to {}", store.file(&id).display()))
        .hint("make room, or point XDG_STATE_HOME to a directory that can be written")?;

    let cancel = Cancel::default();
    listen(cancel.clone(), max_time, screen.clone());
    tokio::spawn(screen.clone().animate());
    let mut face = match output {
        Output::Text => Face::Human(Box::new(Human::new(screen.clone()))),
        Output::Json => Face::Machine(Box::new(Machine::new(id.clone(), true))),
        Output::Jsonl => Face::Machine(Box::new(Machine::new(id.clone(), false))),
    };
    let sandbox = if fenced { "fenced" } else { "off" };
    announce(&face, &screen, &task, &root, &connected, mode, sandbox);
    for notice in config.notices.iter().chain(&connected.notices) {
        face.frontend().show(agent::AgentEvent::Notice(notice));
    }

    let limits = agent::Limits { context_tokens: connected.context_tokens, ..config.limits() };
    let mut agent = Agent {
        client: &connected.client,
        tools: tools::TOOLS,
        sandbox: &host,
        frontend: face.frontend(),
        journal: &mut session,
        policy: ApprovalPolicy::new(mode),
        root: root.clone(),
        limits,
        price: connected.price,
        spent: Spent::default(),
        seen: SeenFiles::default(),
        cancel: cancel.clone(),
    };
    let look = if fenced { GitLook::RunStatus } else { GitLook::ReadHead };
    let survey = agent::survey(&mut agent, look).await;
    for trouble in &survey.trouble {
        agent.frontend.show(agent::AgentEvent::Notice(trouble));
    }
    let mut transcript = Transcript::new(agent::opening(&facts(&root, survey)), task);
    let finish = agent::run_task(&mut agent, &mut transcript).await;
    let spent = agent.spent;
    for repository in host.new_repositories().await {
        let path = repository.display();
        let text = format!("a git repository appeared: {path}; git runs what its hooks and configuration say");
        face.frontend().show(agent::AgentEvent::Notice(&text));
    }

    let ended = account_for(finish, &transcript, &face, &spent, &session, began, sandbox);
    close(&face, &screen, output, &mut session, ended)
}

pub(crate) fn open_host(root: &Path, config: &Config, outputs: Option<PathBuf>) -> anyhow::Result<Host> {
    let fence = FenceOptions {
        sandbox: match config.sandbox() {
            Switch::On => SandboxMode::On,
            Switch::Off => SandboxMode::Off,
        },
        network: match config.network() {
            Switch::On => Network::On,
            Switch::Off => Network::Off,
        },
        pass: config.pass(),
        ..FenceOptions::default()
    };
    Ok(Host::open(root, HostOptions { outputs, fence })?)
}

/// `auto` behind a fence that holds; else the human is asked, and where there is none the run does not start.
fn choose_mode(config: &Config, fenced: bool, output: Output) -> anyhow::Result<Mode> {
    let off = config.sandbox() == Switch::Off;
    let attended = output == Output::Text && io::stderr().is_terminal();
    match (config.mode(), fenced) {
        (Some(Mode::Auto), false) if !off => Err(Hinted::new(
            Exit::Approval,
            "auto mode needs the sandbox, and it does not hold on this machine",
            Some("`agent doctor` says why; --sandbox off lets commands do whatever you can".to_owned()),
        )
        .into()),
        (Some(mode), _) => Ok(mode),
        (None, true) => Ok(Mode::Auto),
        (None, false) if attended => Ok(Mode::Confirm),
        (None, false) => Err(Hinted::new(
            Exit::Approval,
            if off {
                "without a sandbox each command must be confirmed, and nobody is at a terminal"
            } else {
                "the sandbox does not hold on this machine, and nobody is at a terminal to confirm commands"
            },
            Some(
                "--mode auto --sandbox off runs everything unasked and unfenced; `agent doctor` shows the sandbox"
                    .to_owned(),
            ),
        )
        .into()),
    }
}

fn check_writable(root: &Path, mode: Mode) -> anyhow::Result<()> {
    let writable = rustix::fs::access(root, rustix::fs::Access::WRITE_OK).is_ok();
    if !writable && mode != Mode::ReadOnly {
        return Err(anyhow::anyhow!("the workspace {} cannot be written", root.display()))
            .hint("look without changing anything: --mode read-only");
    }
    Ok(())
}

/// Ctrl-C once stops the step and keeps everything, twice leaves at once. SIGTERM counts as the first.
fn listen(cancel: Cancel, max_time: Option<Duration>, screen: Screen) {
    if let Some(max_time) = max_time {
        let cancel = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(max_time).await;
            cancel.stop(Stop::WallTime);
        });
    }
    tokio::spawn(async move {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        loop {
            let asked = tokio::select! {
                interrupt = tokio::signal::ctrl_c() => interrupt.is_ok(),
                () = async { match &mut terminate { Some(terminate) => { terminate.recv().await; } None => std::future::pending().await } } => true,
            };
            if !asked {
                return;
            }
            if cancel.why() == Some(Stop::Human) {
                screen.status(None);
                std::process::exit(Exit::Cancelled as i32);
            }
            cancel.stop(Stop::Human);
            screen.line(Paint::Yellow, "stopping; Ctrl-C again leaves at once");
        }
    });
}

fn announce(face: &Face, screen: &Screen, task: &str, root: &Path, connected: &Connected, mode: Mode, sandbox: &str) {
    let mode = mode_name(mode);
    let root = root.display().to_string();
    match face {
        Face::Human(_) => {
            let fence = if sandbox == "fenced" {
                "commands are fenced"
            } else {
                "NO SANDBOX: commands can do whatever you can"
            };
            screen.line(Paint::Dim, &format!("{} · {mode}, {fence} · {root}", connected.model));
        }
        Face::Machine(machine) => {
            machine.print(What::RunStarted { task, model: &connected.model, workspace: &root, mode, sandbox });
        }
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::ReadOnly => "read-only",
        Mode::Confirm => "confirm",
        Mode::AcceptEdits => "accept-edits",
        Mode::Auto => "auto",
    }
}

fn facts(root: &Path, survey: agent::Survey) -> Facts {
    Facts {
        os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        date: jiff::Zoned::now().strftime("%Y-%m-%d").to_string(),
        root: root.display().to_string(),
        git: survey.git,
        listing: survey.listing,
        listing_left_out: survey.listing_left_out,
        agents_md: survey.agents_md,
    }
}

/// What happened, in words and numbers; the model's own account is only the answer.
fn account_for(
    finish: Result<Finish, AgentError>,
    transcript: &Transcript,
    face: &Face,
    spent: &Spent,
    session: &SessionFile,
    began: Instant,
    sandbox: &str,
) -> Ended {
    let account = face.account();
    let (name, exit, reason, hint) = match &finish {
        Ok(finish) => {
            let (name, exit, reason, hint) = events::finish(finish);
            (name, exit, reason, hint.map(str::to_owned))
        }
        Err(AgentError::Chat(error)) => {
            let hinted = connect::chat_error_parts(error);
            ("failed", hinted.0, Some(error.message.clone()), hinted.1)
        }
        Err(AgentError::Journal(error)) => {
            let hint = "what was done is in the workspace; make room, or point XDG_STATE_HOME elsewhere";
            ("failed", Exit::Failed, Some(error.to_string()), Some(hint.to_owned()))
        }
    };
    Ended {
        finish: name,
        exit_code: exit as i32,
        reason,
        hint,
        answer: transcript.last_text().trim().to_owned(),
        files: account.changed_files(),
        commands: account.commands,
        failed_calls: account.failed_calls,
        totals: Totals::from(spent),
        seconds: began.elapsed().as_secs_f64(),
        session_file: session.path().display().to_string(),
        sandbox: sandbox.to_owned(),
    }
}

/// Tells everybody how it ended: the session file, stdout, and the human.
fn close(
    face: &Face,
    screen: &Screen,
    output: Output,
    session: &mut SessionFile,
    ended: Ended,
) -> anyhow::Result<Exit> {
    let exit = Exit::of_code(ended.exit_code);
    let noted = session.note(&ended);
    screen.status(None);
    match face {
        Face::Machine(machine) => machine.print(What::RunEnded(ended)),
        Face::Human(_) => crate::summary::print(screen, output, &ended)?,
    }
    if let Err(error) = noted
        && exit != Exit::Failed
    {
        screen.line(Paint::Yellow, &format!("the end of the session could not be saved: {error}"));
    }
    io::stdout().flush()?;
    Ok(exit)
}
