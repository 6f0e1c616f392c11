//! What the agent and its launcher say to each other: length and JSON, over
//! socket pairs that nobody else holds.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fence::Layer;
use crate::fence::policy::{AnyPath, Policy};

/// More than any message of ours; a length beyond it is a broken one.
const MOST_BYTES: u32 = 16 << 20;

/// Agent to keeper, once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// `None`: no fence.
    pub(crate) policy: Option<Policy>,
}

/// Keeper to agent, once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ready {
    /// The fence is up as far as it goes.
    Up { layers: Vec<Layer>, way_out: WayOut },
    /// It broke off half-way, and the keeper is gone.
    Failed(String),
}

/// For `--network hosts=...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WayOut {
    None,
    /// A listening socket that commands can reach follows, for the agent to serve.
    Listener,
}

/// Agent to warden, once: what to run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) shell: OsString,
    pub(crate) command: OsString,
    /// Where. Absolute.
    pub(crate) directory: AnyPath,
    /// Directories of git, and the files that stand for one. Absolute.
    pub(crate) git: Vec<AnyPath>,
    /// What is hidden in the directories that commands write to. Absolute, without links.
    pub(crate) hidden: Vec<AnyPath>,
    /// Those directories: what is hidden is watched from there down.
    pub(crate) roots: Vec<AnyPath>,
    /// In place of the PATH that the launcher was started with.
    pub(crate) path: Option<OsString>,
}

/// Warden to agent, once, when everything that the command started is dead.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    Exited {
        code: i32,
        notes: Vec<String>,
        /// What was restored of git's own files: for the human too.
        git: Vec<String>,
    },
    Signalled {
        signal: i32,
        notes: Vec<String>,
        git: Vec<String>,
    },
    /// It did not start.
    Failed(String),
}

/// A descriptor, with one byte.
pub(crate) fn send_file(to: &UnixStream, file: BorrowedFd<'_>) -> io::Result<()> {
    let files = [file];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    rustix::net::sendmsg(to, &[IoSlice::new(b"f")], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// `None`: the other side ended without sending one.
pub(crate) fn receive_file(from: impl AsFd) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    while let Err(errno) = rustix::net::recvmsg(&from, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
        if errno != rustix::io::Errno::INTR {
            return Err(errno.into());
        }
    }
    let mut files = ancillary.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => files.collect::<Vec<OwnedFd>>(),
        _ => Vec::new(),
    });
    Ok(files.next())
}

pub(crate) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(message).map_err(io::Error::other)?;
    let length = u32::try_from(json.len()).ok().filter(|length| *length <= MOST_BYTES);
    let length = length.ok_or_else(|| io::Error::other("a message is too long"))?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(json);
    Ok(bytes)
}

/// How many bytes follow these four.
pub(crate) fn length(prefix: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(prefix);
    if MOST_BYTES < length {
        return Err(io::Error::other("a message is broken"));
    }
    usize::try_from(length).map_err(io::Error::other)
}

pub(crate) fn decode<T: DeserializeOwned>(json: &[u8]) -> io::Result<T> {
    serde_json::from_slice(json).map_err(io::Error::other)
}

pub(crate) fn send(mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(message)?)
}

pub(crate) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<T> {
    let mut prefix = [0; 4];
    from.read_exact(&mut prefix)?;
    let mut json = vec![0; length(prefix)?];
    from.read_exact(&mut json)?;
    decode(&json)
}
