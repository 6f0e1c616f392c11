//! Other processes of the user, and what they share without a file: by
//! numbers, by names, by sockets.

use std::io;
use std::os::fd::AsRawFd as _;

use libc::{c_long, syscall};

use super::answer;

const PIDFD_NONBLOCK: c_long = 0;

/// `None`: not one of these. `argument`: a process, a path or a number, as the attack needs it.
pub(super) fn make(name: &str, argument: &str) -> Option<io::Result<()>> {
    let number = || argument.parse::<c_long>().unwrap();
    let path = || std::ffi::CString::new(argument).unwrap();
    // SAFETY, for all of these: each pointer is to something that outlives the call, or null where null is taken.
    Some(answer(match name {
        "setpriority" => unsafe { syscall(libc::SYS_setpriority, 0, number(), 19) },
        "setpriority-group" => unsafe { syscall(libc::SYS_setpriority, 1, number(), 19) },
        "setpriority-user" => unsafe { syscall(libc::SYS_setpriority, 2, 0, 19) },
        "ioprio_set" => unsafe { syscall(libc::SYS_ioprio_set, 1, number(), 3 << 13) },
        "ioprio_set-user" => unsafe { syscall(libc::SYS_ioprio_set, 3, rustix::process::getuid().as_raw(), 3 << 13) },
        // One second of processor time, and then it is killed.
        "prlimit" => unsafe {
            let limit = [1_u64, 1];
            syscall(libc::SYS_prlimit64, number(), libc::RLIMIT_CPU, limit.as_ptr(), std::ptr::null::<u8>())
        },
        "sched_setaffinity" => unsafe { syscall(libc::SYS_sched_setaffinity, number(), 8, &raw const FIRST) },
        "sched_setscheduler" => unsafe {
            syscall(libc::SYS_sched_setscheduler, number(), libc::SCHED_IDLE, &raw const NO_PRIORITY)
        },
        "sched_setparam" => unsafe { syscall(libc::SYS_sched_setparam, number(), &raw const NO_PRIORITY) },
        "tgkill" => unsafe { syscall(libc::SYS_tgkill, number(), number(), libc::SIGKILL) },
        "sigqueue" => unsafe { syscall(libc::SYS_rt_sigqueueinfo, number(), libc::SIGKILL, [-1_i32; 32].as_ptr()) },
        "pidfd_send_signal" => unsafe {
            let process = syscall(libc::SYS_pidfd_open, number(), PIDFD_NONBLOCK);
            if process < 0 { process } else { syscall(libc::SYS_pidfd_send_signal, process, libc::SIGKILL, 0, 0) }
        },
        "pidfd_getfd" => unsafe {
            let process = syscall(libc::SYS_pidfd_open, number(), PIDFD_NONBLOCK);
            if process < 0 { process } else { syscall(libc::SYS_pidfd_getfd, process, 0, 0) }
        },
        "process_vm_writev" => unsafe {
            let byte = 0_u8;
            let part = libc::iovec { iov_base: (&raw const byte).cast_mut().cast(), iov_len: 1 };
            syscall(libc::SYS_process_vm_writev, number(), &raw const part, 1, &raw const part, 1, 0)
        },
        "shmat" => unsafe { syscall(libc::SYS_shmat, number(), std::ptr::null::<u8>(), libc::SHM_RDONLY) },
        "shm-remove" => unsafe { syscall(libc::SYS_shmctl, number(), libc::IPC_RMID, 0) },
        "mq_open" => unsafe { syscall(libc::SYS_mq_open, path().as_ptr(), libc::O_RDWR, 0, 0) },
        "sctp" => unsafe { syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP) },
        "bind-tcp" => return Some(std::net::TcpListener::bind(argument).map(drop)),
        // An address with the first data, and no connect(2).
        "fast-open" => unsafe {
            let socket = syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0);
            let message: libc::msghdr = std::mem::zeroed();
            syscall(libc::SYS_sendmsg, socket, &raw const message, libc::MSG_FASTOPEN)
        },
        "datagram" => return Some(send_to(socket(), argument)),
        "datagram-of-a-pair" => return Some(send_to(pair(), argument)),
        "reopen" => {
            return Some(std::fs::File::open(argument).and_then(|file| {
                let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                std::fs::OpenOptions::new().write(true).open(path).map(drop)
            }));
        }
        "link-open" => {
            return Some(std::fs::File::open(argument).and_then(|file| {
                let path = std::ffi::CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
                let flags = libc::AT_SYMLINK_FOLLOW;
                answer(c_long::from(unsafe {
                    libc::linkat(libc::AT_FDCWD, path.as_ptr(), libc::AT_FDCWD, c"linked-open".as_ptr(), flags)
                }))
            }));
        }
        _ => return None,
    }))
}

static FIRST: u64 = 1;
static NO_PRIORITY: libc::c_int = 0;

fn socket() -> io::Result<c_long> {
    let fd = unsafe { syscall(libc::SYS_socket, libc::AF_UNIX, libc::SOCK_DGRAM, 0) };
    answer(fd).map(|()| fd)
}

fn pair() -> io::Result<c_long> {
    let mut pair = [0_i32; 2];
    answer(unsafe { syscall(libc::SYS_socketpair, libc::AF_UNIX, libc::SOCK_DGRAM, 0, pair.as_mut_ptr()) })?;
    Ok(c_long::from(pair[0]))
}

/// By sendmsg(2), whose address is in memory, where no filter sees it.
fn send_to(socket: io::Result<c_long>, path: &str) -> io::Result<()> {
    let socket = socket?;
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as u16;
    for (to, from) in address.sun_path.iter_mut().zip(path.bytes()) {
        *to = from as libc::c_char;
    }
    let part = libc::iovec { iov_base: c"x".as_ptr().cast_mut().cast(), iov_len: 1 };
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = u32::try_from(size_of::<libc::sockaddr_un>()).unwrap();
    message.msg_iov = (&raw const part).cast_mut();
    message.msg_iovlen = 1;
    answer(unsafe { syscall(libc::SYS_sendmsg, socket, &raw const message, 0) })
}
