//! One command, from the agent's side: starts it through the keeper, reads
//! what it prints, sees to its end. `host.rs` waits for some of them, and
//! `background.rs` lets others run.

use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::{Ended, SandboxError};
use rustix::pipe::PipeFlags;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;

use crate::keeper::{Keeper, receive};
use crate::protocol::{self, Order, Report};

/// Of the pipe, where the kernel allows it: fewer switches between the command and us.
const PIPE_BYTES: usize = 1 << 20;
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks read in a row, before the clock and the other ends get their turn.
const CHUNKS_A_TURN: usize = 4;
/// How long a warden may take to kill a tree. It needs a millisecond.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

pub(crate) struct Errand<'a> {
    pub(crate) shell: &'a Path,
    pub(crate) command: &'a str,
    pub(crate) directory: &'a Path,
    /// Where git's own files are.
    pub(crate) git: &'a [PathBuf],
    /// What is hidden in these directories.
    pub(crate) hidden: &'a [PathBuf],
    pub(crate) roots: &'a [&'a Path],
    /// In place of the user's PATH.
    pub(crate) path: Option<OsString>,
}

/// A command on its way: what it prints, and our end of its warden's socket.
pub(crate) struct Started {
    pipe: Receiver,
    warden: UnixStream,
}

/// How a command came to its end.
pub(crate) struct Attended<Why> {
    /// What cut it short.
    pub(crate) cut: Option<Why>,
    pub(crate) end: End,
}

pub(crate) enum End {
    Reported(Report),
    /// The warden died, and the command with it.
    Unwatched,
    /// The warden was stopped or is stuck. The kernel ends what is behind a fence when its keeper dies.
    Stuck,
}

impl End {
    /// What was restored of git's own files.
    pub(crate) fn git(&self) -> &[String] {
        match self {
            End::Reported(Report::Exited { git, .. } | Report::Signalled { git, .. }) => git,
            End::Reported(Report::Failed(_)) | End::Unwatched | End::Stuck => &[],
        }
    }
}

enum Turn<Why> {
    Cut(Why),
    Stuck,
    Reported(io::Result<Report>),
    Printed,
}

/// Returns when everything that the command started is dead, which `over` brings about early.
pub(crate) async fn attend<Why>(
    started: Started,
    mut print: impl FnMut(&[u8]),
    over: impl Future<Output = Why>,
) -> Attended<Why> {
    let Started { pipe, warden } = started;
    let (mut from_warden, to_warden) = warden.into_split();
    // Dropped to tell the warden that it is over.
    let mut to_warden = Some(to_warden);
    let report = receive::<Report>(&mut from_warden);
    let grace = tokio::time::sleep(GRACE);
    tokio::pin!(report, over, grace);
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut cut, mut open) = (None, true);
    loop {
        let turn = tokio::select! {
            biased;
            why = &mut over, if cut.is_none() => Turn::Cut(why),
            () = &mut grace, if cut.is_some() => Turn::Stuck,
            report = &mut report => Turn::Reported(report),
            _ = pipe.readable(), if open => Turn::Printed,
        };
        match turn {
            Turn::Reported(report) => {
                // Everything that held the pipe is dead, so all there is to read is in it.
                drain(&pipe, &mut chunk, &mut print, usize::MAX / CHUNK_BYTES);
                return Attended { cut, end: report.map_or(End::Unwatched, End::Reported) };
            }
            Turn::Printed => open = drain(&pipe, &mut chunk, &mut print, CHUNKS_A_TURN),
            Turn::Cut(why) => {
                cut = Some(why);
                drop(to_warden.take());
                grace.as_mut().reset(tokio::time::Instant::now() + GRACE);
            }
            Turn::Stuck => return Attended { cut, end: End::Stuck },
        }
    }
}

/// In words for whoever asked: how it ended by itself, and what the warden noted.
pub(crate) fn verdict(end: End) -> Result<(Ended, Vec<String>), SandboxError> {
    match end {
        End::Reported(Report::Exited { code, notes, git }) => Ok((Ended::Exited(code), [notes, git].concat())),
        End::Reported(Report::Signalled { signal, notes, git }) => {
            Ok((Ended::Signalled(signal), [notes, git].concat()))
        }
        End::Reported(Report::Failed(why)) => Err(not_started(why)),
        End::Unwatched | End::Stuck => {
            let note = "The command's supervisor was killed, and the command with it.";
            Ok((Ended::Signalled(libc::SIGKILL), vec![note.to_string()]))
        }
    }
}

pub(crate) fn not_started(why: impl Display) -> SandboxError {
    SandboxError::NotStarted(format!("The command was not started: {why}."))
}

pub(crate) async fn start(keeper: &Keeper, errand: &Errand<'_>) -> io::Result<Started> {
    let order = Order {
        shell: errand.shell.into(),
        command: OsString::from(errand.command),
        directory: errand.directory.to_path_buf().into(),
        git: errand.git.iter().cloned().map(Into::into).collect(),
        hidden: errand.hidden.iter().cloned().map(Into::into).collect(),
        roots: errand.roots.iter().map(|root| root.to_path_buf().into()).collect(),
        path: errand.path.clone(),
    };
    let (read, write) = pipe()?;
    let pipe = Receiver::from_owned_fd(read)?;
    let mut warden = keeper.hire(write).await?;
    warden.write_all(&protocol::encode(&order)?).await?;
    Ok(Started { pipe, warden })
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // Refused where the user has many pipes open; the usual 64 KiB do.
    let _ = rustix::pipe::fcntl_setpipe_size(&write, PIPE_BYTES);
    Ok((read, write))
}

/// Reads what is there, at most so many chunks. `false`: nobody can write any more.
fn drain(pipe: &Receiver, chunk: &mut [u8], print: &mut impl FnMut(&[u8]), chunks: usize) -> bool {
    for _ in 0..chunks {
        match pipe.try_read(chunk) {
            Ok(0) => return false,
            Ok(length) => print(chunk.get(..length).unwrap_or_default()),
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
    true
}

#[cfg(test)]
mod tests;
