//! The two hidden roles of our own program in a push: it starts git, and it answers git's question for the password.
//!
//! The token goes from the agent into a pipe, which git and its helper inherit, and out of it once, into the answer.
//! So it is in no argument, no variable, no file and no address.

use std::env;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use rustix::fs::{Mode, OFlags};

/// The first argument of the program that becomes git.
pub(crate) const ARGUMENT: &str = "__forge-git";

/// Names the pipe's descriptor to the program that answers. No secret.
const DESCRIPTOR: &str = "AGENT_FORGE_ASKPASS";

/// The longest token that is passed on: a pipe holds it without a reader.
pub(crate) const TOKEN_BYTES: usize = 16 << 10;

/// Must be among the first things in `main`, before any thread: in the program that [`crate::push`] starts it becomes
/// git, and in the one that git asks for a password it answers and returns the exit code to end with. Else `None`.
pub fn launcher() -> Option<ExitCode> {
    let first = env::args_os().nth(1)?;
    let done = match env::var(DESCRIPTOR) {
        Ok(descriptor) => answer(&descriptor),
        Err(_) if first == ARGUMENT => become_git(),
        Err(_) => return None,
    };
    Some(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Standard input is the pipe: it moves to a descriptor that git leaves open for its children.
fn become_git() -> io::Result<()> {
    let pipe = rustix::io::dup(rustix::stdio::stdin())?;
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    let mut git = Command::new("git");
    git.args(env::args_os().skip(2));
    git.env(DESCRIPTOR, pipe.as_raw_fd().to_string()).env("GIT_ASKPASS", env::current_exe()?);
    Err(git.exec())
}

/// One line of the pipe. A second question finds it empty, and git gives up.
fn answer(descriptor: &str) -> io::Result<()> {
    let descriptor: u32 = descriptor.parse().map_err(io::Error::other)?;
    let pipe = File::open(format!("/dev/fd/{descriptor}"))?;
    let mut line = String::new();
    BufReader::new(pipe.take(TOKEN_BYTES as u64 + 1)).read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    io::stdout().write_all(line.as_bytes())
}
