//! Attacks on the fence, each a few system calls, made by the test program
//! itself as a command. Prints `refused: ERRNO` or `DONE`.
#![expect(unsafe_code, reason = "raw system calls are what an attacker makes")]

pub(crate) mod attributes;
mod others;

use std::io;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use libc::{c_long, syscall};

/// First argument of a test program that attacks.
pub(crate) const ARGUMENT: &str = "__sandbox-attack";

/// System calls that are refused whatever their arguments, with arguments that would be taken.
const CALLS: &[(&str, c_long, [c_long; 5])] = &[
    ("unshare-user", libc::SYS_unshare, [libc::CLONE_NEWUSER as c_long, 0, 0, 0, 0]),
    ("unshare-net", libc::SYS_unshare, [libc::CLONE_NEWNET as c_long, 0, 0, 0, 0]),
    ("clone-user", libc::SYS_clone, [(libc::CLONE_NEWUSER | libc::SIGCHLD) as c_long, 0, 0, 0, 0]),
    ("clone-mount", libc::SYS_clone, [(libc::CLONE_NEWNS | libc::SIGCHLD) as c_long, 0, 0, 0, 0]),
    ("keyctl", libc::SYS_keyctl, [0, -3, 1, 0, 0]),
    ("bpf", libc::SYS_bpf, [0, 0, 0, 0, 0]),
    ("perf_event_open", libc::SYS_perf_event_open, [0, 0, -1, -1, 0]),
    ("userfaultfd", libc::SYS_userfaultfd, [1, 0, 0, 0, 0]),
    ("io_uring_setup", libc::SYS_io_uring_setup, [1, 0, 0, 0, 0]),
    ("kexec_load", libc::SYS_kexec_load, [0, 0, 0, 0, 0]),
    ("init_module", libc::SYS_init_module, [0, 0, 0, 0, 0]),
    ("open_by_handle_at", libc::SYS_open_by_handle_at, [-100, 0, 0, 0, 0]),
    ("fsopen", libc::SYS_fsopen, [0, 0, 0, 0, 0]),
    ("personality", libc::SYS_personality, [0x0400_0000, 0, 0, 0, 0]),
    ("tiocsti", libc::SYS_ioctl, [0, 0x5412, 0, 0, 0]),
    ("tiocsti-high-bits", libc::SYS_ioctl, [0, 0x1_0000_5412, 0, 0, 0]),
    ("socket-raw", libc::SYS_socket, [2, 3, 1, 0, 0]),
    ("socket-raw-cloexec", libc::SYS_socket, [2, 3 | libc::SOCK_CLOEXEC as c_long, 1, 0, 0]),
    ("socket-packet", libc::SYS_socket, [17, 3, 0, 0, 0]),
    ("socket-vsock", libc::SYS_socket, [40, 1, 0, 0, 0]),
    ("socket-netlink-audit", libc::SYS_socket, [16, 3, 9, 0, 0]),
    ("socket-netlink-uevent", libc::SYS_socket, [16, 3, 15, 0, 0]),
    ("socket-bluetooth", libc::SYS_socket, [31, 3, 1, 0, 0]),
    ("socket-alg", libc::SYS_socket, [38, 5, 0, 0, 0]),
    ("reboot", libc::SYS_reboot, [0, 0, 0, 0, 0]),
    ("swapon", libc::SYS_swapon, [0, 0, 0, 0, 0]),
    ("sethostname", libc::SYS_sethostname, [0, 0, 0, 0, 0]),
    ("clock_settime", libc::SYS_clock_settime, [0, 0, 0, 0, 0]),
    #[cfg(target_arch = "x86_64")]
    ("x32-getpid", 0x4000_0000 | libc::SYS_getpid, [0, 0, 0, 0, 0]),
    #[cfg(target_arch = "x86_64")]
    ("x32-unshare", 0x4000_0000 | libc::SYS_unshare, [libc::CLONE_NEWUSER as c_long, 0, 0, 0, 0]),
    ("clone3", libc::SYS_clone3, [0, 0, 0, 0, 0]),
];

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|(name, ..)| *name)
}

/// Does not return.
pub(crate) fn run(attack: &str) {
    let argument = std::env::args().next_back().unwrap_or_default();
    match make(attack, &argument) {
        Ok(()) => println!("DONE"),
        Err(error) => println!("refused: {}", error.raw_os_error().unwrap_or(0)),
    }
    std::process::exit(0);
}

fn make(attack: &str, argument: &str) -> io::Result<()> {
    if let Some((_, number, a)) = CALLS.iter().find(|(name, ..)| *name == attack) {
        // SAFETY: refused before anything happens; where it is not, this process exists only to find that out.
        return answer(unsafe { syscall(*number, a[0], a[1], a[2], a[3], a[4]) });
    }
    if let Some(made) = attributes::make(attack, argument).or_else(|| others::make(attack, argument)) {
        return made;
    }
    let path = std::ffi::CString::new(argument).unwrap();
    let pointer = path.as_ptr();
    match attack {
        "mount" => answer(unsafe {
            c_long::from(libc::mount(c"none".as_ptr(), pointer, c"tmpfs".as_ptr(), 0, std::ptr::null()))
        }),
        "remount" => answer(unsafe {
            c_long::from(libc::mount(
                std::ptr::null(),
                pointer,
                std::ptr::null(),
                libc::MS_REMOUNT | libc::MS_BIND,
                std::ptr::null(),
            ))
        }),
        "umount" => answer(unsafe { c_long::from(libc::umount2(pointer, libc::MNT_DETACH)) }),
        "chroot" => answer(unsafe { c_long::from(libc::chroot(pointer)) }),
        "pivot_root" => answer(unsafe { syscall(libc::SYS_pivot_root, pointer, pointer) }),
        "mknod" => {
            let disk = libc::makedev(254, 0);
            answer(unsafe { c_long::from(libc::mknod(pointer, libc::S_IFBLK | 0o666, disk)) })
        }
        "make-lending" => {
            let (flags, mode) = (libc::O_CREAT | libc::O_WRONLY, 0o4755);
            let made = if argument == "open" {
                unsafe { libc::open(pointer, flags, mode) }
            } else {
                unsafe { libc::creat(pointer, mode) }
            };
            answer(c_long::from(made))
        }
        "setns" => {
            let file = std::fs::File::open(argument)?;
            answer(unsafe { c_long::from(libc::setns(file.as_raw_fd(), 0)) })
        }
        "ptrace" => answer(unsafe { libc::ptrace(libc::PTRACE_SEIZE, argument.parse::<libc::pid_t>().unwrap(), 0, 0) }),
        "kill" => answer(unsafe { c_long::from(libc::kill(argument.parse().unwrap(), libc::SIGKILL)) }),
        "setuid-root" => answer(unsafe { c_long::from(libc::setresuid(0, 0, 0)) }),
        "connect-unix" => std::os::unix::net::UnixStream::connect(argument).map(drop),
        "connect-abstract" => {
            use std::os::linux::net::SocketAddrExt as _;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(argument)?;
            std::os::unix::net::UnixStream::connect_addr(&address).map(drop)
        }
        "connect-tcp" => std::net::TcpStream::connect(argument).map(drop),
        "send-udp" => std::net::UdpSocket::bind("0.0.0.0:0")?.send_to(b"x", argument).map(drop),
        "write" => std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(argument).map(drop),
        "truncate" => answer(unsafe { c_long::from(libc::truncate(pointer, 0)) }),
        "read" => read_something(Path::new(argument)),
        "link" => std::fs::hard_link(argument, "linked"),
        "rename" => std::fs::rename(argument, "renamed"),
        "rename-out" => {
            std::fs::write("mine", "x")?;
            std::fs::rename("mine", argument)
        }
        "race-links" => race_links(Path::new(argument)),
        "memfd" => memfd_write(argument),
        other => panic!("no such attack: {other}"),
    }
}

fn answer(result: c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// An empty file says nothing: that is how hidden ones look.
fn read_something(path: &Path) -> io::Result<()> {
    let mut byte = [0];
    let read = io::Read::read(&mut std::fs::File::open(path)?, &mut byte)?;
    if read == 0 { Err(io::Error::from_raw_os_error(libc::ENODATA)) } else { Ok(()) }
}

/// 10,000 times: writes through a name that another thread makes a directory and a link to the outside in turns.
fn race_links(outside: &Path) -> io::Result<()> {
    std::fs::create_dir("dir")?;
    std::os::unix::fs::symlink(outside, "link")?;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(order) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                let _ = rustix::fs::renameat_with(rustix::fs::CWD, "dir", rustix::fs::CWD, "link", flags);
            }
        });
        for round in 0..10_000 {
            let _ = std::fs::write("dir/leak.txt", "x");
            let _ = std::fs::hard_link("dir/secret.txt", format!("stolen-{round}"));
            let _ = std::fs::rename("dir/secret.txt", format!("moved-{round}"));
        }
        stop.store(true, order);
    });
    let stolen = std::fs::read_dir(".")?.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("stolen") || name.starts_with("moved")
    });
    if stolen { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EXDEV)) }
}

/// A program without a file runs, and is fenced like any other.
fn memfd_write(target: &str) -> io::Result<()> {
    let file = rustix::fs::memfd_create("program", rustix::fs::MemfdFlags::empty())?;
    let copy = std::fs::File::from(rustix::io::fcntl_dupfd_cloexec(&file, 3)?);
    io::Write::write_all(&mut &copy, &std::fs::read("/bin/sh")?)?;
    drop(copy);
    let program = format!("/proc/self/fd/{}", file.as_raw_fd());
    let status = std::process::Command::new(program).arg("-c").arg(format!("echo x > {target}")).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EROFS)) }
}
