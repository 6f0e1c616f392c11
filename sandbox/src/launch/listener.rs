//! The kernel asks: system calls that a command's filter leaves to us
//! (seccomp_unotify(2)). Each waits for our answer.
#![expect(unsafe_code, reason = "seccomp's listener has no safe form; each call with the reason why it is sound")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use libc::{c_int, c_long, c_ulong};
use seccompiler::sock_filter;

use crate::protocol;

/// linux/seccomp.h, Linux 6.6: who asks and who answers take turns on one processor.
const SET_FLAGS: c_ulong = 0x4008_2104;
const SYNC_WAKE_UP: u64 = 1;

/// Where the kernel's questions come.
#[derive(Debug)]
pub(crate) struct Listener(OwnedFd);

/// A system call that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    id: u64,
    /// Whose it is, by the number of the thread.
    pub(crate) thread: u32,
    pub(crate) call: c_long,
    pub(crate) arguments: [u64; 6],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The kernel goes on with it. Only where something else guards as well: what an argument points to may change.
    Go,
    /// We did it in its place, and it returns 0.
    Done,
    /// With an errno.
    Refuse(i32),
}

/// seccomp(2) on the calling thread, for good.
pub(crate) fn install(program: &[sock_filter]) -> io::Result<Listener> {
    // Without the second flag (Linux 5.19) a signal may make a call ask twice; all that we do bears that.
    let listener =
        install_with(program, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
            .or_else(|_| install_with(program, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER))?;
    // SAFETY: the kernel takes a number and knows no others than these two. Before Linux 6.6 it refuses: then a question
    // takes longer.
    unsafe { libc::ioctl(listener.0.as_raw_fd(), SET_FLAGS, SYNC_WAKE_UP) };
    Ok(listener)
}

fn install_with(program: &[sock_filter], flags: c_ulong) -> io::Result<Listener> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        // seccompiler's type has the fields of libc's, in the same order, as C lays them out.
        filter: program.as_ptr().cast_mut().cast(),
    };
    // SAFETY: the kernel only reads the program, which outlives the call, and checks all of it.
    let fd = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    let fd = c_int::try_from(fd).unwrap_or(-1);
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(Listener(unsafe { OwnedFd::from_raw_fd(fd) }))
}

impl Listener {
    /// To the process that is to answer.
    pub(crate) fn send(self, to: &UnixStream) -> io::Result<()> {
        protocol::send_file(to, self.0.as_fd())
    }

    /// `None`: the other side ended without one.
    pub(crate) fn receive(from: &UnixStream) -> io::Result<Option<Listener>> {
        Ok(protocol::receive_file(from)?.map(Listener))
    }

    /// To be called when the descriptor is readable. `None`: who asked is dead already.
    pub(crate) fn next(&self) -> io::Result<Option<Asked>> {
        let mut asked = MaybeUninit::<libc::seccomp_notif>::zeroed();
        // SAFETY: the kernel fills in the structure, which is zeroed as it demands, and of the size in the number.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, asked.as_mut_ptr()) };
        if result < 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::ENOENT | libc::EINTR) => Ok(None),
                _ => Err(error),
            };
        }
        // SAFETY: all-zero is valid for it, and the kernel has written it.
        let asked = unsafe { asked.assume_init() };
        let call = c_long::from(asked.data.nr);
        Ok(Some(Asked { id: asked.id, thread: asked.pid, call, arguments: asked.data.args }))
    }

    /// Whether it still waits: then what we opened by its thread's number was that thread's.
    pub(crate) fn waits(&self, asked: &Asked) -> bool {
        // SAFETY: the kernel reads eight bytes.
        unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const asked.id) == 0 }
    }

    pub(crate) fn answer(&self, asked: &Asked, answer: Answer) {
        let (error, flags) = match answer {
            Answer::Go => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE),
            Answer::Done => (0, 0),
            Answer::Refuse(errno) => (-errno, 0),
        };
        let flags = u32::try_from(flags).unwrap_or_default();
        let mut answer = libc::seccomp_notif_resp { id: asked.id, val: 0, error, flags };
        // SAFETY: the structure is whole and of the size in the number. It fails where who asked is dead: nobody waits.
        unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
