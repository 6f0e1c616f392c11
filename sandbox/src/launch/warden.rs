//! Watches over one command: starts it, waits for its end or for the agent's
//! word, kills everything that is left, and reports.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, WaitStatus};

use crate::launch::covers::{self, Covers};
use crate::launch::git::By;
use crate::launch::listener::Listener;
use crate::launch::lockdown::Fenced;
use crate::launch::notes::End;
use crate::launch::raise::Raised;
use crate::launch::raw::{self, Forked, Namespaces};
use crate::launch::supervise::Supervisor;
use crate::launch::usage::Watch;
use crate::launch::{Hire, command, git, notes, opens, proc, sweep};
use crate::protocol::{self, Order, Report};

/// How often a command is looked at while it runs. Most are gone before the first time.
const LOOK: Duration = Duration::from_millis(100);

/// Does not fail: whatever goes wrong is said to the agent, if it is still there.
pub(crate) fn watch(hire: Hire, raised: &mut Raised) {
    let Hire { agent, output } = hire;
    let report = match start_and_wait(&agent, output, raised) {
        Ok(report) => report,
        Err(error) => Report::Failed(error.to_string()),
    };
    // The agent may be dead; then nobody waits for it.
    let _ = protocol::send(&agent, &report);
}

fn start_and_wait(agent: &UnixStream, output: OwnedFd, raised: &mut Raised) -> io::Result<Report> {
    settle(raised)?;
    let child_ends = raw::child_ends()?;
    let order: Order = protocol::receive(agent)?;
    let by = match raised.namespaces {
        Namespaces::PidAndMount | Namespaces::Mount => By::Mounts,
        Namespaces::None => By::Looking,
    };
    // Without a fence git's files are the user's business.
    let git = if raised.lockdown.fenced == Fenced::Not { Vec::new() } else { order.git.clone() };
    let guard = git::guard(git.iter().map(|path| &**path), by)?;
    let (hidden, roots) = (|| order.hidden.iter().map(|path| &**path), order.roots.iter().map(|path| &**path));
    let mut covers = match by {
        By::Mounts => Some(covers::cover(hidden(), roots)?),
        By::Looking => None,
    };
    let opens = opens::Hidden::new(hidden());
    if by == By::Looking {
        raised.hide_by_rules(&order.hidden)?;
    }
    let before = notes::before(&raised.lockdown);
    let (listening, to_us) = UnixStream::pair()?;
    let command = match raw::fork(Namespaces::None)? {
        Forked::Parent(command) => command,
        Forked::Child => {
            drop(listening);
            let error = command::become_command(&order, output, to_us, &mut raised.lockdown);
            // Reaches the agent before the warden's report of our exit code.
            let _ = protocol::send(agent, &Report::Failed(error.to_string()));
            std::process::exit(127);
        }
    };
    // Else the pipe would stay open as long as we live.
    drop((output, to_us));
    let listener = Listener::receive(&listening)?;
    let mut supervisor = listener.map(|listener| Supervisor::new(listener, &raised.lockdown, opens));
    let mut watch = Watch::new(&raised.lockdown, raised.namespaces);
    let buried = wait(agent, &child_ends, command, supervisor.as_mut(), covers.as_mut(), &mut watch)?;
    let left = has_ended(command, buried) && sweep::left_running(command, raised.namespaces);
    // While it is a zombie its number is its own, and that of its group too.
    let group = if buried.is_none() { Some(command) } else { None };
    let last = sweep::kill_all(command, group, raised.namespaces);
    let end = end(buried.or(last));
    watch.reached.one_request |= supervisor.as_ref().is_some_and(|supervisor| supervisor.refused_memory);
    let mut notes = notes::notes(before, &raised.lockdown, end, watch.reached);
    notes.extend(left.then(|| notes::LEFT_RUNNING.to_string()));
    notes.extend(supervisor.iter().flat_map(Supervisor::notes));
    let git = guard.restore();
    Ok(match end {
        End::Code(code) => Report::Exited { code, notes, git },
        End::Signal(signal) => Report::Signalled { signal, notes, git },
    })
}

/// Makes this process the one that everything below it comes back to.
fn settle(raised: &Raised) -> io::Result<()> {
    match raised.namespaces {
        Namespaces::PidAndMount => {
            // The first process of a pid namespace: when it dies, the kernel kills the others.
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            proc::mount(raised.lockdown.limits.processes)
        }
        Namespaces::None | Namespaces::Mount => {
            Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
        }
    }
}

/// Returns when the command has ended or uses too much, or when the agent wants its end or is dead.
/// The status is there only if the command was buried with the orphans.
fn wait(
    agent: &UnixStream,
    child_ends: &OwnedFd,
    command: Pid,
    mut supervisor: Option<&mut Supervisor>,
    mut covers: Option<&mut Covers>,
    watch: &mut Watch,
) -> io::Result<Option<WaitStatus>> {
    let mut next = Instant::now() + LOOK;
    let end = rustix::process::pidfd_open(command, PidfdFlags::empty())?;
    loop {
        // Where there is none, the descriptor of the third stands in for it, and nothing is asked of it.
        let asks = supervisor.as_ref().map_or(child_ends.as_fd(), |supervisor| supervisor.as_fd());
        let asking = if supervisor.is_some() { PollFlags::IN } else { PollFlags::empty() };
        let uncovers = covers.as_ref().and_then(|covers| covers.watch());
        let uncovering = if uncovers.is_some() { PollFlags::IN } else { PollFlags::empty() };
        let mut five = [
            PollFd::new(agent, PollFlags::IN | PollFlags::RDHUP),
            PollFd::new(&end, PollFlags::IN),
            PollFd::new(child_ends, PollFlags::IN),
            PollFd::from_borrowed_fd(asks, asking),
            PollFd::from_borrowed_fd(uncovers.unwrap_or(child_ends.as_fd()), uncovering),
        ];
        let left = next.saturating_duration_since(Instant::now());
        match poll(&mut five, Timespec::try_from(left).ok().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let [agent, end, _, asked, uncovered] = five.map(|one| one.revents());
        // First of all: what lost its cover can be read right now.
        if let (Some(covers), true) = (covers.as_mut(), uncovered.contains(PollFlags::IN))
            && covers.look_again().is_err()
        {
            return Ok(None);
        }
        if next <= Instant::now() {
            if watch.look() {
                return Ok(None);
            }
            next = Instant::now() + LOOK;
        }
        if !agent.is_empty() || !end.is_empty() {
            return Ok(None);
        }
        match supervisor.as_mut() {
            Some(supervisor) if asked.contains(PollFlags::IN) => supervisor.answer_one(),
            // Nobody is left who could ask.
            Some(_) if !asked.is_empty() => supervisor = None,
            Some(_) | None => {}
        }
        // Only empties the descriptor: who has ended, `wait` says.
        let _ = rustix::io::read(child_ends, &mut [0; 1024]);
        // Orphans are buried as they come, or the process numbers would run out.
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid == command {
                return Ok(Some(status));
            }
        }
    }
}

/// By itself: nobody wanted its end.
fn has_ended(command: Pid, buried: Option<WaitStatus>) -> bool {
    let flags = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    buried.is_some() || rustix::process::waitid(WaitId::Pid(command), flags).is_ok_and(|status| status.is_some())
}

fn end(status: Option<WaitStatus>) -> End {
    match status.and_then(WaitStatus::exit_status) {
        Some(code) => End::Code(code),
        None => End::Signal(status.and_then(WaitStatus::terminating_signal).unwrap_or(libc::SIGKILL)),
    }
}
