//! The tables of the filter: which system calls are refused, and by what
//! name a refusal is told.

use libc::c_long;

/// Whether the model hears of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Told,
    /// Programs try it at their start and do without.
    Quiet,
}

use Said::{Quiet, Told};

/// With EPERM: mounts and namespaces, other people's memory, the kernel itself, keys, and ways around this filter.
pub(crate) const REFUSED: &[(c_long, &str, Said)] = &[
    (libc::SYS_mount, "mount", Told),
    (libc::SYS_umount2, "umount", Told),
    (libc::SYS_pivot_root, "pivot_root", Told),
    (libc::SYS_chroot, "chroot", Told),
    (libc::SYS_move_mount, "move_mount", Told),
    (libc::SYS_open_tree, "open_tree", Told),
    (libc::SYS_fsopen, "fsopen", Told),
    (libc::SYS_fsconfig, "fsconfig", Told),
    (libc::SYS_fsmount, "fsmount", Told),
    (libc::SYS_fspick, "fspick", Told),
    (libc::SYS_mount_setattr, "mount_setattr", Told),
    (libc::SYS_setns, "setns", Told),
    (libc::SYS_unshare, "unshare", Told),
    (libc::SYS_open_by_handle_at, "open_by_handle_at", Told),
    (libc::SYS_keyctl, "keyctl", Quiet),
    (libc::SYS_add_key, "add_key", Quiet),
    (libc::SYS_request_key, "request_key", Quiet),
    (libc::SYS_bpf, "bpf", Told),
    (libc::SYS_perf_event_open, "perf_event_open", Told),
    (libc::SYS_userfaultfd, "userfaultfd", Quiet),
    (libc::SYS_kexec_load, "kexec_load", Told),
    (libc::SYS_kexec_file_load, "kexec_file_load", Told),
    (libc::SYS_init_module, "init_module", Told),
    (libc::SYS_finit_module, "finit_module", Told),
    (libc::SYS_delete_module, "delete_module", Told),
    (libc::SYS_reboot, "reboot", Told),
    (libc::SYS_swapon, "swapon", Told),
    (libc::SYS_swapoff, "swapoff", Told),
    (libc::SYS_acct, "acct", Told),
    (libc::SYS_quotactl, "quotactl", Told),
    (libc::SYS_quotactl_fd, "quotactl_fd", Told),
    (libc::SYS_sethostname, "sethostname", Told),
    (libc::SYS_setdomainname, "setdomainname", Told),
    (libc::SYS_settimeofday, "settimeofday", Told),
    (libc::SYS_clock_settime, "clock_settime", Told),
    (libc::SYS_clock_adjtime, "clock_adjtime", Quiet),
    (libc::SYS_adjtimex, "adjtimex", Quiet),
    (libc::SYS_syslog, "syslog", Told),
    (libc::SYS_lookup_dcookie, "lookup_dcookie", Quiet),
    (libc::SYS_nfsservctl, "nfsservctl", Quiet),
    (libc::SYS_vhangup, "vhangup", Quiet),
    (libc::SYS_fanotify_init, "fanotify_init", Told),
    (libc::SYS_io_uring_setup, "io_uring_setup", Quiet),
    (libc::SYS_io_uring_enter, "io_uring_enter", Quiet),
    (libc::SYS_io_uring_register, "io_uring_register", Quiet),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_iopl, "iopl", Told),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_ioperm, "ioperm", Told),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_modify_ldt, "modify_ldt", Quiet),
];

/// Memory, semaphores and queues that the user's other programs share by a number or a name. Without a namespace for
/// them they are the same for everybody.
pub(crate) const SHARED: &[c_long] = &[
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
];

/// Sockets with an address. Whom it names the filter cannot see.
pub(crate) const ADDRESSED: &[c_long] =
    &[libc::SYS_connect, libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4];

/// fchmodat2(2), Linux 6.6: libc does not name it for every processor, and all have the same number since Linux 5.
pub(crate) const SYS_FCHMODAT2: c_long = 452;
/// Newer than most C libraries, which do without: setxattrat and removexattrat (Linux 6.13), file_setattr (6.17).
pub(crate) const NEW_ATTRIBUTES: &[c_long] = &[463, 466, 469];

/// What Landlock does not know: permission bits, owners, times, extended attributes.
pub(crate) const ATTRIBUTES: &[c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    SYS_FCHMODAT2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
];

/// Settings of a process by its number, which Landlock does not know either. 0 is the caller.
pub(crate) const BY_PROCESS: &[(c_long, &str)] = &[
    (libc::SYS_sched_setaffinity, "sched_setaffinity"),
    (libc::SYS_sched_setscheduler, "sched_setscheduler"),
    (libc::SYS_sched_setparam, "sched_setparam"),
    (libc::SYS_sched_setattr, "sched_setattr"),
    (libc::SYS_prlimit64, "prlimit"),
    (libc::SYS_setpriority, "setpriority"),
    (libc::SYS_ioprio_set, "ioprio_set"),
    (libc::SYS_ptrace, "ptrace"),
];

/// Who the caller is. To another user or group the kernel says no without a capability; the names are for the model.
pub(crate) const IDENTITY: &[(c_long, &str)] = &[
    (libc::SYS_setuid, "setuid"),
    (libc::SYS_setgid, "setgid"),
    (libc::SYS_setreuid, "setreuid"),
    (libc::SYS_setregid, "setregid"),
    (libc::SYS_setresuid, "setresuid"),
    (libc::SYS_setresgid, "setresgid"),
    (libc::SYS_setgroups, "setgroups"),
];

/// What the model is told of a refused call. `None`: nothing.
pub(crate) fn told(call: c_long, arguments: &[u64; 6]) -> Option<String> {
    if let Some((_, name, said)) = REFUSED.iter().find(|(number, ..)| *number == call) {
        return (*said == Told).then(|| (*name).to_string());
    }
    if let Some((_, name)) = BY_PROCESS.iter().find(|(number, _)| *number == call) {
        return Some(format!("{name} of another process"));
    }
    if let Some((_, name)) = IDENTITY.iter().find(|(number, _)| *number == call) {
        return Some(format!("becoming another user ({name}), as sudo and su do"));
    }
    if SHARED.contains(&call) {
        return Some("System V and POSIX shared memory, semaphores and queues".to_string());
    }
    match call {
        libc::SYS_clone => Some("clone of a new namespace".to_string()),
        libc::SYS_socket | libc::SYS_socketpair => {
            let [family, kind, ..] = arguments.map(|argument| i32::try_from(argument & 0xffff_ffff).unwrap_or(-1));
            Some(socket(family, kind & 0xf))
        }
        _ if ADDRESSED.contains(&call) => Some("sockets with an address".to_string()),
        libc::SYS_sendto | libc::SYS_sendmsg | libc::SYS_sendmmsg => Some("sockets with an address".to_string()),
        _ => None,
    }
}

fn socket(family: i32, kind: i32) -> String {
    let family = match family {
        libc::AF_UNIX => "unix",
        libc::AF_INET | libc::AF_INET6 => "network",
        libc::AF_NETLINK => "netlink",
        libc::AF_PACKET => "packet",
        libc::AF_VSOCK => "vsock",
        libc::AF_ALG => "alg",
        other => return format!("a socket of family {other}"),
    };
    let kind = match kind {
        libc::SOCK_RAW => "raw ",
        libc::SOCK_DGRAM => "datagram ",
        _ => "",
    };
    format!("a {kind}{family} socket")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(call: c_long, arguments: [u64; 3], expected: Option<&str>) {
        let [a, b, c] = arguments;
        assert_eq!(told(call, &[a, b, c, 0, 0, 0]).as_deref(), expected);
    }

    #[test]
    fn refusals_have_names() {
        check(libc::SYS_mount, [0; 3], Some("mount"));
        check(libc::SYS_io_uring_setup, [0; 3], None);
        check(
            libc::SYS_socket,
            [libc::AF_PACKET as u64, 3 | libc::SOCK_CLOEXEC as u64, 0],
            Some("a raw packet socket"),
        );
        check(libc::SYS_socket, [libc::AF_INET as u64, 1, 0], Some("a network socket"));
        check(libc::SYS_socket, [31, 3, 0], Some("a socket of family 31"));
        check(libc::SYS_connect, [0; 3], Some("sockets with an address"));
        check(libc::SYS_prlimit64, [1, 0, 1], Some("prlimit of another process"));
        check(libc::SYS_ioctl, [0; 3], None);
    }
}
