//! The launcher: our own program, started again with a hidden argument.
//!
//! Three processes, each the parent of the next. The **keeper** lives as long
//! as the `Host`: it puts up the fence once and forks a **warden** for each
//! command. The warden starts the shell, sees to it that everything the
//! command left behind is dead, and only then reports. All three hold nothing
//! of the agent's: no memory, no descriptor, no variable beyond the allow-list.
//!
//! Whoever waits, waits on the agent's end of a socket too: it closes when the
//! agent dies, of SIGKILL as well, and then the tree is killed all the same.

// In suggested reading order.
mod attributes;
mod command;
mod connect;
mod covers;
mod git;
mod git_data;
pub(crate) mod group;
mod landlock;
mod listener;
mod lockdown;
mod memory;
mod mounts;
mod namespaces;
mod notes;
mod opens;
mod proc;
mod raise;
mod raw;
pub(crate) mod seccomp;
mod supervise;
mod sweep;
mod tree;
mod usage;
mod warden;

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::{DumpableBehavior, WaitOptions};

use crate::protocol::{self, Ready, Setup, WayOut};
use lockdown::Fenced;
use raise::Raised;
use raw::Forked;

/// The first argument of a launcher.
pub(crate) const ARGUMENT: &str = "__sandbox-launcher";

/// Must be the first thing in `main`, before any thread: in the program that [`crate::Host`] starts for its commands
/// it does that work and returns the exit code for `main` to end with. Else `None`. Either way signals that a parent
/// left blocked are not, and SIGCHLD has its default.
pub fn launcher() -> Option<ExitCode> {
    // A parent may have left SIGCHLD ignored. Other signals stay as they are in the agent: `nohup` means it.
    raw::default_signal(libc::SIGCHLD);
    raw::unblock_signals();
    if std::env::args_os().nth(1)? != ARGUMENT {
        return None;
    }
    raw::take_no_signals_over();
    raw::ignore_file_size_signal();
    Some(match keep() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

/// How long the end waits for wardens: they need a millisecond each.
const WARDENS_TRIES: u32 = 2_000;
const WARDENS_PAUSE: Duration = Duration::from_millis(5);

/// What a warden gets from the agent, through the keeper's hands.
pub(crate) struct Hire {
    pub(crate) agent: UnixStream,
    /// The write end of the pipe that the agent reads.
    pub(crate) output: OwnedFd,
}

fn keep() -> io::Result<()> {
    // Whatever our parent left open to us ends here.
    raw::close_from(3)?;
    let control = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    let Setup { policy } = protocol::receive(&control)?;
    let mut raised = match raise::raise(policy) {
        Ok(raised) => raised,
        Err(error) => return protocol::send(&control, &Ready::Failed(error.to_string())),
    };
    // Commands run as the same user: none may look into us.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let way_out = raised.way_out.take();
    let follows = if way_out.is_some() { WayOut::Listener } else { WayOut::None };
    protocol::send(&control, &Ready::Up { layers: std::mem::take(&mut raised.layers), way_out: follows })?;
    if let Some(listener) = way_out {
        protocol::send_file(&control, listener.as_fd())?;
    }
    if raised.lockdown.fenced == Fenced::Not {
        // A command may kill its warden; then what it started comes to us.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    }
    let ended = serve(control, &mut raised);
    // Only then can what they used be taken away.
    wait_for_wardens();
    if let Some(tmp) = &raised.lockdown.tmp {
        // A command may have made something in it unreadable; then it stays.
        let _ = std::fs::remove_dir_all(tmp);
    }
    ended
}

fn serve(control: UnixStream, raised: &mut Raised) -> io::Result<()> {
    while let Some(hire) = next_hire(&control)? {
        // Wardens that ended since.
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
        if let Forked::Child = raw::fork(raised.namespaces)? {
            // Else the agent could not see that the keeper has died.
            drop(control);
            warden::watch(hire, raised);
            // Not `return`: the keeper's caller is not the warden's.
            std::process::exit(0);
        }
    }
    if raised.lockdown.fenced == Fenced::Not {
        // While `control` is open: the agent waits for its end.
        sweep::kill_all(rustix::process::getpid(), None, raised.namespaces);
    }
    Ok(())
}

/// They see that the agent is gone as we do, and kill what is left.
fn wait_for_wardens() {
    for _ in 0..WARDENS_TRIES {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(None) => std::thread::sleep(WARDENS_PAUSE),
            Ok(Some(_)) => {}
            Err(_) => return,
        }
    }
}

/// Waits for a byte with two descriptors. `None`: the agent is gone.
fn next_hire(control: &UnixStream) -> io::Result<Option<Hire>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut byte = [0];
    loop {
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut byte)];
        let received = match rustix::net::recvmsg(control, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => received,
            Err(rustix::io::Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        if received.bytes == 0 {
            return Ok(None);
        }
        let mut files = ancillary.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(files) => files.collect::<Vec<OwnedFd>>(),
            _ => Vec::new(),
        });
        if let (Some(agent), Some(output)) = (files.next(), files.next()) {
            return Ok(Some(Hire { agent: UnixStream::from(agent), output }));
        }
    }
}

/// A file of ours, for reading what the kernel says in /proc.
pub(crate) fn read_proc(path: &str) -> io::Result<String> {
    io::read_to_string(File::open(path)?)
}
