//! What a `connect` of a command without a network of its own asks for.
//! Connects to the proxy of `--network hosts=...` in a command's place, where
//! the command has no network of its own: the address is ours, whatever the
//! command's memory says meanwhile.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags};

use crate::launch::listener::Asked;
use crate::launch::memory::Memory;
use crate::launch::read_proc;

/// A `sockaddr_in` (ip(7)): family, port, address, and eight bytes of nothing.
const ADDRESS_BYTES: u64 = 16;

/// `false`: the command wants to go elsewhere. `waits`: whether the call still waits.
pub(crate) fn to_proxy(asked: &Asked, proxy: SocketAddr, waits: impl Fn() -> bool) -> Result<bool, Errno> {
    let [socket, address, length, ..] = asked.arguments;
    if length & 0xffff_ffff < ADDRESS_BYTES {
        return Ok(false);
    }
    if address_of(&Memory::of(asked.thread)?.bytes(address, ADDRESS_BYTES)?) != Some(proxy) {
        return Ok(false);
    }
    let status = read_proc(&format!("/proc/{}/status", asked.thread)).map_err(|_| Errno::SRCH)?;
    let process = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    let process = process.and_then(|process| Pid::from_raw(process.trim().parse().ok()?)).ok_or(Errno::SRCH)?;
    let process = rustix::process::pidfd_open(process, PidfdFlags::empty())?;
    if !waits() {
        return Err(Errno::SRCH);
    }
    // The same socket, not another one like it.
    let socket = i32::try_from(socket & 0xffff_ffff).map_err(|_| Errno::BADF)?;
    let socket = rustix::process::pidfd_getfd(process, socket, PidfdGetfdFlags::empty())?;
    rustix::net::connect(&socket, &proxy)?;
    Ok(true)
}

/// Whether a Unix socket is asked for that is not there. The C library looks for a name service (nscd) at each question
/// for a user's name, and does without: nothing to be told.
pub(crate) fn to_nobody(asked: &Asked) -> bool {
    let [_, address, length, ..] = asked.arguments;
    let bytes = Memory::of(asked.thread).and_then(|memory| memory.bytes(address, length & 0xffff_ffff));
    // It is refused whatever is there, so nothing hangs on a link that changes meanwhile.
    path_of(&bytes.unwrap_or_default()).is_some_and(|path| path.symlink_metadata().is_err())
}

/// Of a `sockaddr_un` (unix(7)): family, and a path that may end with a NUL. `None`: not one with an absolute path.
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    let (family, path) = bytes.split_first_chunk::<2>()?;
    let unix = u16::from_ne_bytes(*family) == u16::try_from(libc::AF_UNIX).ok()?;
    let path = Path::new(OsStr::from_bytes(path.split(|byte| *byte == 0).next()?));
    (unix && path.is_absolute()).then(|| path.to_path_buf())
}

/// `None`: not one of IPv4.
fn address_of(bytes: &[u8]) -> Option<SocketAddr> {
    let [family @ .., p, q, a, b, c, d] = bytes.first_chunk::<8>()?;
    let ipv4 = u16::from_ne_bytes(*family) == u16::try_from(libc::AF_INET).ok()?;
    let address = SocketAddrV4::new(Ipv4Addr::new(*a, *b, *c, *d), u16::from_be_bytes([*p, *q]));
    ipv4.then_some(address.into())
}
