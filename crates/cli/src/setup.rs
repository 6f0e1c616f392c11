//! What a conversation needs before its first word: the fence, a mode that is honest here, Ctrl-C, facts.

use std::path::Path;
use std::time::Duration;

use agent::{Cancel, Facts, Mode, Stop, Supervision, Survey};
use sandbox::{Access, AddedDir, FenceOptions, Host, HostOptions, Network, SandboxMode};

use tokio::signal::unix::{SignalKind, signal};

use crate::args::Output;
use crate::ci::secrets::holds_key;
use crate::config::{Config, Switch};
use crate::hint::{Exit, Hint as _, Hinted};
use crate::screen::{Paint, Screen};
use crate::{out, paths, reach, sessions};

/// `session`: its id, where there is one.
pub(crate) fn open_host(root: &Path, config: &Config, session: Option<&str>) -> anyhow::Result<Host> {
    let fence = FenceOptions {
        sandbox: match config.sandbox() {
            Switch::On => SandboxMode::On,
            Switch::Off => SandboxMode::Off,
        },
        network: config.network()?,
        add_dirs: reach::added_dirs(&config.add_dirs())?,
        pass: config.pass(),
        hide: config.hide()?,
        show: config.show()?,
        keep: reach::paths("keep", &config.keep())?,
        limits: reach::limits(config.limit())?,
        outside_git: config.outside_git,
    };
    if fence.sandbox == SandboxMode::Off && matches!(fence.network, Network::Hosts(_)) {
        return Err(anyhow::anyhow!("--network hosts=... needs the sandbox"))
            .hint("drop `--sandbox off` or `--network`");
    }
    let options = HostOptions {
        outputs: session.map(|id| Ok::<_, anyhow::Error>(sessions::store()?.outputs(id))).transpose()?,
        symbols: Some(paths::symbols()?),
        git: Some(paths::git()?),
        repositories: session.map(|id| Ok::<_, anyhow::Error>(paths::repositories()?.join(id))).transpose()?,
        secret: Some(holds_key),
        own: paths::own()?,
        fence,
    };
    Ok(Host::open(root, options)?)
}

/// `auto` behind a fence that holds; else the human is asked, and where there is none the run does not start.
pub(crate) fn choose_mode(config: &Config, fenced: bool, output: Output) -> anyhow::Result<Mode> {
    let off = config.sandbox() == Switch::Off;
    let attended = config.asks_program || (output == Output::Text && out::stderr_is_terminal());
    match (config.mode(), fenced) {
        (Some(Mode::Auto), false) if !off => Err(Hinted::new(
            Exit::Approval,
            "auto mode needs the sandbox, which does not work on this machine",
            Some("`agent doctor` shows why; --sandbox off lets commands do anything you can".to_owned()),
        )
        .into()),
        (Some(mode), _) => Ok(mode),
        (None, true) => Ok(Mode::Auto),
        (None, false) if attended => Ok(Mode::Confirm),
        (None, false) => Err(Hinted::new(
            Exit::Approval,
            if off {
                "without a sandbox each command needs approval, and there is no terminal to ask on"
            } else {
                "the sandbox does not work on this machine, and there is no terminal to approve commands on"
            },
            Some(
                "`agent doctor` checks the sandbox; --mode auto --sandbox off runs everything unasked and unsandboxed"
                    .to_owned(),
            ),
        )
        .into()),
    }
}

pub(crate) fn check_writable(root: &Path, mode: Mode) -> anyhow::Result<()> {
    let writable = rustix::fs::access(root, rustix::fs::Access::WRITE_OK).is_ok();
    if !writable && mode != Mode::ReadOnly {
        return Err(anyhow::anyhow!("the workspace {} is not writable", root.display()))
            .hint("a workspace that cannot be written can be read: --mode read-only");
    }
    Ok(())
}

/// Ctrl-C once stops the step and keeps everything, twice leaves at once. SIGTERM, SIGHUP (the terminal was closed) and
/// SIGQUIT count as the first, however often they come: whoever sends them wants an end, and nothing lost.
pub(crate) fn listen(cancel: Cancel, max_time: Option<Duration>, screen: Screen) {
    if let Some(max_time) = max_time {
        let cancel = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(max_time).await;
            cancel.stop(Stop::WallTime);
        });
    }
    for kind in [SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()] {
        // `nohup` and shells that start something in the background ignore some for us, and so they stay.
        let Some(mut signals) = (!is_ignored(kind)).then(|| signal(kind).ok()).flatten() else { continue };
        let (cancel, screen) = (cancel.clone(), screen.clone());
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if !cancel.is_set() {
                    screen.line(Paint::Yellow, STOPPING);
                }
                cancel.stop(Stop::Human);
            }
        });
    }
    tokio::spawn(async move {
        let mut asked_before = false;
        while tokio::signal::ctrl_c().await.is_ok() {
            // The program that has the terminal got Ctrl-C too: it was meant for that.
            if screen.is_lent() {
                continue;
            }
            // Its time may be over already, which then is why it stops.
            if asked_before || cancel.why() == Some(Stop::Human) {
                screen.leave();
                crate::raw_mode::restore();
                std::process::exit(Exit::Cancelled as i32);
            }
            asked_before = true;
            cancel.stop(Stop::Human);
            screen.line(Paint::Yellow, STOPPING);
        }
    });
}

const STOPPING: &str = "stopping; press Ctrl-C again to quit now";

/// Whether whoever started us has a signal ignored (proc_pid_status(5), `SigIgn`).
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    let bit = u32::try_from(kind.as_raw_value()).ok().and_then(|number| number.checked_sub(1));
    mask.zip(bit).is_some_and(|(mask, bit)| mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
}

/// What holds commands back, for whoever is asked about one.
pub(crate) fn fence_words(fenced: bool, network: &Network) -> &'static str {
    match (fenced, network) {
        (true, Network::Off) => "sandboxed: writes only to the workspace and temporary files; no network",
        (true, Network::Hosts(_)) => {
            "sandboxed: writes only to the workspace and temporary files; network only to the allowed hosts"
        }
        (true, Network::On) => "sandboxed: writes only to the workspace and temporary files; has network access",
        (false, _) => "NO SANDBOX: it can do anything you can",
    }
}

pub(crate) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::ReadOnly => "read-only",
        Mode::Confirm => "confirm",
        Mode::AcceptEdits => "accept-edits",
        Mode::Auto => "auto",
    }
}

pub(crate) fn facts(root: &Path, added: &[AddedDir], survey: Survey, supervision: Supervision) -> Facts {
    let added = added.iter().map(|dir| match dir.access {
        Access::Write => dir.path.display().to_string(),
        Access::Read => format!("{} (read only)", dir.path.display()),
    });
    Facts {
        os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        date: jiff::Zoned::now().strftime("%Y-%m-%d").to_string(),
        root: root.display().to_string(),
        added: added.collect(),
        git: survey.git,
        listing: survey.listing,
        listing_left_out: survey.listing_left_out,
        guidance: survey.guidance,
        supervision,
    }
}
