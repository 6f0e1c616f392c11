//! The agent's hold on its launcher: starts it, asks it for a warden a
//! command, starts another one if it died.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as Socket;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use tokio::io::Interest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::fence::Layer;
use crate::launch;
use crate::network::{HostRule, Network};
use crate::protocol::{self, Ready, Setup, WayOut};
use crate::proxy::Proxy;

/// A running launcher. It ends when this is dropped, and with it all it started.
#[derive(Debug)]
pub(crate) struct Keeper {
    control: UnixStream,
    process: Child,
    /// What it put up.
    pub(crate) layers: Vec<Layer>,
    /// For `--network hosts=...`.
    pub(crate) proxy: Option<Proxy>,
}

/// Why there is none.
pub(crate) enum Unstarted {
    /// The namespaces failed half-way; without them there is more hope.
    Namespaces(String),
    Other(io::Error),
}

impl fmt::Display for Unstarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unstarted::Namespaces(why) => f.write_str(why),
            Unstarted::Other(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for Unstarted {
    fn from(error: io::Error) -> Unstarted {
        Unstarted::Other(error)
    }
}

impl Keeper {
    pub(crate) async fn start(setup: &Setup, environment: &[(OsString, OsString)]) -> Result<Keeper, Unstarted> {
        let rules = match setup.policy.as_ref().map(|policy| &policy.network) {
            Some(Network::Hosts(rules)) => Some(rules),
            Some(Network::Off | Network::On) | None => None,
        };
        let (ours, theirs) = Socket::pair()?;
        // Our own program: nothing to install, nothing to find, and the right version after an update.
        let mut process = Command::new("/proc/self/exe")
            .arg(launch::ARGUMENT)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        ours.set_nonblocking(true)?;
        let mut control = UnixStream::from_std(ours)?;
        control.write_all(&protocol::encode(setup)?).await?;
        let ready = receive(&mut control).await.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                io::Error::other("the launcher ended at once; `main` must call `sandbox::launcher()` first")
            }
            _ => error,
        })?;
        match ready {
            Ready::Up { layers, way_out } => {
                let proxy = match (way_out, rules) {
                    (WayOut::Listener, Some(rules)) => Some(receive_proxy(&control, rules).await?),
                    (WayOut::Listener | WayOut::None, _) => None,
                };
                Ok(Keeper { control, process, layers, proxy })
            }
            Ready::Failed(why) => {
                process.wait()?;
                Err(Unstarted::Namespaces(why))
            }
        }
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Asks it to end, which kills all that its commands left, and kills it if it takes too long.
    pub(crate) async fn end(&mut self, grace: Duration) {
        // What fails here fails because it has ended.
        let _ = self.control.shutdown().await;
        let _ = tokio::time::timeout(grace, self.control.read(&mut [0])).await;
        self.kill();
    }

    /// Kills it, and by that every warden behind a fence.
    pub(crate) fn kill(&mut self) {
        // Dead already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Asks for a warden. Returns our end of its socket.
    pub(crate) async fn hire(&self, output: OwnedFd) -> io::Result<UnixStream> {
        let (ours, theirs) = Socket::pair()?;
        self.control
            .async_io(Interest::WRITABLE, || {
                let files = [theirs.as_fd(), output.as_fd()];
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
                let mut ancillary = SendAncillaryBuffer::new(&mut space);
                ancillary.push(SendAncillaryMessage::ScmRights(&files));
                let byte = [IoSlice::new(b"w")];
                Ok(rustix::net::sendmsg(&self.control, &byte, &mut ancillary, SendFlags::NOSIGNAL)?)
            })
            .await?;
        ours.set_nonblocking(true)?;
        UnixStream::from_std(ours)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // It ends by itself when `control` closes; this only buries it if it is that fast.
        let _ = self.process.try_wait();
    }
}

async fn receive_proxy(control: &UnixStream, rules: &[HostRule]) -> io::Result<Proxy> {
    let file = control.async_io(Interest::READABLE, || protocol::receive_file(control)).await?;
    let listener = file.ok_or_else(|| io::Error::other("the launcher ended before its proxy began"))?;
    Proxy::start(listener.into(), rules.to_vec())
}

pub(crate) async fn receive<T: serde::de::DeserializeOwned>(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
) -> io::Result<T> {
    let mut prefix = [0; 4];
    from.read_exact(&mut prefix).await?;
    let mut json = vec![0; protocol::length(prefix)?];
    from.read_exact(&mut json).await?;
    protocol::decode(&json)
}
