//! A user namespace and what it makes possible: mounts, network, and names of
//! the launcher's own, without root.

use std::io::{self, Read as _, Write as _};

use rustix::mount::MountPropagationFlags;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::process::{Pid, WaitOptions, getgid, getpid, getuid};
use rustix::thread::UnshareFlags;

use crate::launch::raw::{self, Forked, Namespaces};
use crate::network::Network;

/// For the caller itself; processes get theirs with each warden.
pub(crate) fn enter(network: &Network) -> io::Result<()> {
    let mut flags = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    if !network.is_on() {
        flags |= UnshareFlags::NEWNET;
    }
    if getuid().is_root() {
        enter_as_root(flags)?
    } else {
        enter_as_user(flags)?
    }
    // Nothing that is mounted here shows outside, nor the other way round.
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    if !network.is_on() {
        loopback_up()?;
    }
    Ok(())
}

/// We stay who we are: files made inside belong to the user.
fn enter_as_user(flags: UnshareFlags) -> io::Result<()> {
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    raw::unshare(flags)?;
    // user_namespaces(7): else the group may not be mapped.
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Root may map everybody, and must: files of other users would seem to be nobody's. Only from outside the new
/// namespace, so a helper stays behind for it.
fn enter_as_root(flags: UnshareFlags) -> io::Result<()> {
    let (mut told, mut tell) = io::pipe()?;
    let launcher = getpid();
    match raw::fork(Namespaces::None)? {
        Forked::Child => {
            drop(tell);
            let mapped = told.read_exact(&mut [0]).and_then(|()| map_everybody(launcher));
            std::process::exit(i32::from(mapped.is_err()));
        }
        Forked::Parent(helper) => {
            raw::unshare(flags)?;
            tell.write_all(b"!")?;
            let status = rustix::process::waitpid(Some(helper), WaitOptions::empty())?;
            match status.and_then(|(_, status)| status.exit_status()) {
                Some(0) => Ok(()),
                _ => Err(io::Error::other("cannot map users into a user namespace")),
            }
        }
    }
}

fn map_everybody(process: Pid) -> io::Result<()> {
    for kind in ["uid", "gid"] {
        // As this namespace has them, which need not be all.
        let ours = io::read_to_string(std::fs::File::open(format!("/proc/self/{kind}_map"))?)?;
        let same = |line: &str| {
            let mut numbers = line.split_whitespace();
            let (first, _, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
            Some(format!("{first} {first} {count}\n"))
        };
        let map: String = ours.lines().filter_map(same).collect();
        std::fs::write(format!("/proc/{}/{kind}_map", process.as_raw_nonzero()), map)?;
    }
    Ok(())
}

/// A new network namespace has `lo`, as number 1, but down. One message of rtnetlink(7) sets it up.
fn loopback_up() -> io::Result<()> {
    // No protocol is the first one: NETLINK_ROUTE.
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let mut message = Vec::new();
    // nlmsghdr: length, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sequence, port.
    message.extend(32_u32.to_ne_bytes());
    message.extend(libc::RTM_NEWLINK.to_ne_bytes());
    message.extend(5_u16.to_ne_bytes());
    message.extend([0; 8]);
    // ifinfomsg: family and type (4 bytes), index, flags, which flags change.
    message.extend([0; 4]);
    message.extend(1_i32.to_ne_bytes());
    message.extend((libc::IFF_UP as u32).to_ne_bytes());
    message.extend((libc::IFF_UP as u32).to_ne_bytes());
    rustix::net::send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0_u8; 256];
    rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    // nlmsgerr: an error number right after the header, 0 for done.
    match answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::Error::other("the loopback device did not respond")),
    }
}
