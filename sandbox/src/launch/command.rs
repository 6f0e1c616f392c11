//! The last steps of the forked process before it is the command.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix::fs::MemfdFlags;

use crate::launch::lockdown::{Fenced, Lockdown};
use crate::launch::raw;
use crate::launch::seccomp::Opens;
use crate::protocol::Order;

/// Programs know one or the other: curl only small letters for `http`, others only capitals.
const PROXIES: &[&str] = &["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];
/// What is on loopback is the command's own; and Node asks to be told to look at the variables at all.
const BESIDE_PROXIES: &[(&str, &str)] =
    &[("no_proxy", "localhost,127.0.0.1,::1"), ("NO_PROXY", "localhost,127.0.0.1,::1"), ("NODE_USE_ENV_PROXY", "1")];

/// The kernel takes no longer argument (MAX_ARG_STRLEN of execve(2), with its NUL).
const LONGEST_ARGUMENT_BYTES: usize = (128 << 10) - 1;

/// Returns only if it failed. `warden`: gets what it takes to answer the kernel's questions.
pub(crate) fn become_command(order: &Order, output: OwnedFd, warden: UnixStream, lockdown: &mut Lockdown) -> io::Error {
    match prepare(order, output, warden, lockdown) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

fn prepare(order: &Order, output: OwnedFd, warden: UnixStream, lockdown: &mut Lockdown) -> io::Result<Command> {
    // Its own session: no terminal to read from or to push characters into, and a process group to be killed.
    rustix::process::setsid()?;
    raw::unblock_signals();
    raw::default_signal(libc::SIGXFSZ);
    // When memory runs out the kernel takes a command before anything of the user's, and before its warden.
    let _ = std::fs::write("/proc/self/oom_score_adj", "800");
    let mut command = Command::new(&order.shell);
    // One pipe for both, so that lines arrive in the order in which they were printed.
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    command.arg("-c").arg(argument(&order.command)?).current_dir(&*order.directory);
    match (&lockdown.tmp, lockdown.fenced) {
        (Some(tmp), _) => command.env("TMPDIR", tmp),
        // Wherever it was: there it may not be written to, and here it is private.
        (None, Fenced::ByNamespaces) => command.env("TMPDIR", "/tmp"),
        (None, Fenced::ByRules | Fenced::Not) => &mut command,
    };
    if let Some(path) = &order.path {
        // Libraries of the workspace could stand in for the programs' own.
        command.env("PATH", path).env_remove("LD_LIBRARY_PATH");
    }
    if let Some(proxy) = lockdown.proxy {
        for name in PROXIES {
            command.env(name, format!("http://{proxy}"));
        }
        for (name, value) in BESIDE_PROXIES {
            command.env(name, value);
        }
    }
    let opens = if order.hidden.is_empty() { Opens::Free } else { Opens::Asked };
    if let Some(listener) = lockdown.apply(opens)? {
        listener.send(&warden)?;
    }
    Ok(command)
}

/// The command itself, or where it is too long for an argument: read it from a file in memory, which is closed before
/// its first word. On one line, so that errors name the right lines.
fn argument(command: &OsStr) -> io::Result<OsString> {
    if command.len() <= LONGEST_ARGUMENT_BYTES {
        return Ok(command.to_os_string());
    }
    let mut file = File::from(rustix::fs::memfd_create("command", MemfdFlags::empty())?);
    let number = file.as_raw_fd();
    file.write_all(format!("exec {number}<&-; ").as_bytes())?;
    file.write_all(command.as_bytes())?;
    // It stays open for the shell.
    std::mem::forget(file);
    Ok(format!(". /dev/fd/{number}").into())
}
