//! Connects to the proxy of `--network hosts=...` in a command's place, where
//! the command has no network of its own: the address is ours, whatever the
//! command's memory says meanwhile.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

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

/// `None`: not one of IPv4.
fn address_of(bytes: &[u8]) -> Option<SocketAddr> {
    let [family @ .., p, q, a, b, c, d] = bytes.first_chunk::<8>()?;
    let ipv4 = u16::from_ne_bytes(*family) == u16::try_from(libc::AF_INET).ok()?;
    let address = SocketAddrV4::new(Ipv4Addr::new(*a, *b, *c, *d), u16::from_be_bytes([*p, *q]));
    ipv4.then_some(address.into())
}
