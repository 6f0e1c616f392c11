//! The last steps of the forked process before it is the command.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::launch::lockdown::{Fenced, Lockdown};
use crate::launch::raw;
use crate::protocol::Order;

/// Returns only if it failed.
pub(crate) fn become_command(order: &Order, output: OwnedFd, lockdown: &mut Lockdown) -> io::Error {
    match prepare(order, output, lockdown) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

fn prepare(order: &Order, output: OwnedFd, lockdown: &mut Lockdown) -> io::Result<Command> {
    // Its own session: no terminal to read from or to push characters into, and a process group to be killed.
    rustix::process::setsid()?;
    raw::unblock_signals();
    // When memory runs out the kernel takes a command before anything of the user's, and before its warden.
    let _ = std::fs::write("/proc/self/oom_score_adj", "800");
    let mut command = Command::new(&order.shell);
    // One pipe for both, so that lines arrive in the order in which they were printed.
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    command.arg("-c").arg(&order.command).current_dir(&*order.directory);
    match (&lockdown.tmp, lockdown.fenced) {
        (Some(tmp), _) => command.env("TMPDIR", tmp),
        // Wherever it was: there it may not be written to, and here it is private.
        (None, Fenced::ByNamespaces) => command.env("TMPDIR", "/tmp"),
        (None, Fenced::ByRules | Fenced::Not) => &mut command,
    };
    lockdown.apply()?;
    Ok(command)
}
