//! One command, from the agent's side: starts it through the keeper, reads
//! what it prints, ends it when its time is over or the call is cancelled.

use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::{Cancel, Ended, Ran, SandboxError};
use rustix::pipe::PipeFlags;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;

use crate::keeper::{Keeper, receive};
use crate::output::Output;
use crate::protocol::{self, Order, Report};

/// Of the pipe, where the kernel allows it: fewer switches between the command and us.
const PIPE_BYTES: usize = 256 << 10;
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks read in a row, before the clock and the other ends get their turn.
const CHUNKS_A_TURN: usize = 16;
/// How long a warden may take to kill a tree. It needs a millisecond.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) struct Errand<'a> {
    pub(crate) shell: &'a Path,
    pub(crate) command: &'a str,
    pub(crate) directory: &'a Path,
    /// Where git's own files are.
    pub(crate) git: &'a [PathBuf],
    pub(crate) timeout: Duration,
    pub(crate) outputs: Option<PathBuf>,
}

/// What stopped the wait.
enum Turn {
    Cancelled,
    TimeIsOver,
    Reported(io::Result<Report>),
    Printed,
}

/// A command on its way: what it prints, and our end of its warden's socket.
pub(crate) struct Started {
    pipe: Receiver,
    warden: UnixStream,
}

pub(crate) async fn attend(
    keeper: &mut Keeper,
    started: Started,
    errand: &Errand<'_>,
    cancel: &Cancel,
) -> Result<Ran, SandboxError> {
    let mut output = Output::new(errand.outputs.clone());
    let Started { pipe, warden } = started;
    let (mut from_warden, to_warden) = warden.into_split();
    // Dropped to tell the warden that it is over.
    let mut to_warden = Some(to_warden);
    let mut killed_by = None;
    let mut open = true;
    let report = {
        let report = receive::<Report>(&mut from_warden);
        let end = tokio::time::sleep(errand.timeout);
        tokio::pin!(report, end);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let turn = tokio::select! {
                biased;
                () = cancel.wait(), if killed_by.is_none() => Turn::Cancelled,
                () = &mut end => Turn::TimeIsOver,
                report = &mut report => Turn::Reported(report),
                _ = pipe.readable(), if open => Turn::Printed,
            };
            match turn {
                Turn::Reported(report) => {
                    // Everything that held the pipe is dead, so all there is to read is in it.
                    drain(&pipe, &mut chunk, &mut output, usize::MAX / CHUNK_BYTES);
                    break report.ok();
                }
                Turn::Printed => open = drain(&pipe, &mut chunk, &mut output, CHUNKS_A_TURN),
                Turn::Cancelled | Turn::TimeIsOver if killed_by.is_none() => {
                    killed_by = Some(turn);
                    drop(to_warden.take());
                    end.as_mut().reset(tokio::time::Instant::now() + GRACE);
                }
                // The warden itself was stopped or is stuck. The kernel ends what is behind a fence when its keeper dies.
                Turn::Cancelled | Turn::TimeIsOver => {
                    keeper.kill();
                    break None;
                }
            }
        }
    };
    let (ended, notes) = match (killed_by, report) {
        (Some(Turn::Cancelled), _) => return Err(SandboxError::Cancelled),
        (_, Some(Report::Failed(why))) => return Err(not_started(why)),
        (Some(_), Some(Report::Exited { notes, .. } | Report::Signalled { notes, .. })) => {
            (Ended::TimedOut(errand.timeout), notes)
        }
        (Some(_), None) => (Ended::TimedOut(errand.timeout), Vec::new()),
        (None, Some(Report::Exited { code, notes })) => (Ended::Exited(code), notes),
        (None, Some(Report::Signalled { signal, notes })) => (Ended::Signalled(signal), notes),
        (None, None) => {
            // It may have been the keeper too: the next command gets a new one.
            keeper.end(GRACE).await;
            let note = "The process that watches over the command was killed, and the command with it.";
            (Ended::Signalled(libc::SIGKILL), vec![note.to_string()])
        }
    };
    let shown = output.finish();
    Ok(Ran { ended, output: shown.text, total_bytes: shown.total_bytes, full_output: shown.full, notes })
}

pub(crate) fn not_started(why: impl Display) -> SandboxError {
    SandboxError::Blocked(format!("The command was not started: {why}."))
}

pub(crate) async fn start(keeper: &Keeper, errand: &Errand<'_>) -> io::Result<Started> {
    let order = Order {
        shell: errand.shell.into(),
        command: OsString::from(errand.command),
        directory: errand.directory.to_path_buf().into(),
        git: errand.git.iter().cloned().map(Into::into).collect(),
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
fn drain(pipe: &Receiver, chunk: &mut [u8], output: &mut Output, chunks: usize) -> bool {
    for _ in 0..chunks {
        match pipe.try_read(chunk) {
            Ok(0) => return false,
            Ok(length) => output.push(chunk.get(..length).unwrap_or_default()),
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
    true
}

#[cfg(test)]
mod tests;
