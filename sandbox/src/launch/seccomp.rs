//! System calls that no build, test or editor needs, and that have led out of
//! sandboxes before. They fail as if the kernel lacked them or the user the
//! right; everything else is allowed.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition as Condition,
    SeccompFilter, SeccompRule, TargetArch, sock_filter,
};

/// Who else fences the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// A namespace of its own: the usual families are harmless in it.
    OwnNetwork,
    /// Nobody needs to: the user opened it.
    Open,
    /// Nobody: no socket may leave the process tree.
    None,
}

/// With EPERM: mounts and namespaces, other people's memory, the kernel itself, keys, and ways around this filter.
const REFUSED: &[c_long] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_syslog,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_vhangup,
    libc::SYS_fanotify_init,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// clone(2): a namespace of any kind.
const NEW_NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;
/// socket(2): what is left of the type without SOCK_CLOEXEC and SOCK_NONBLOCK.
const TYPE_MASK: u64 = 0xf;
/// personality(2): what gdb asks for, and the question.
const PLAIN_PERSONALITIES: [u64; 3] = [0, libc::ADDR_NO_RANDOMIZE as u64, 0xffff_ffff];
/// x32 system calls have the numbers of others with this bit (Linux, arch/x86/include/uapi/asm/unistd.h).
const X32_BIT: u32 = 0x4000_0000;

/// `None`: no such filter for this machine's architecture.
pub(crate) fn filter(sockets: Sockets) -> Option<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let refused = SeccompFilter::new(refused(sockets)?, SeccompAction::Allow, errno(libc::EPERM), arch).ok()?;
    let mut program = absent();
    program.extend(BpfProgram::try_from(refused).ok()?);
    Some(program)
}

fn errno(errno: i32) -> SeccompAction {
    SeccompAction::Errno(errno.unsigned_abs())
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn refused(sockets: Sockets) -> Option<Rules> {
    let mut rules: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let clone = NEW_NAMESPACES;
    let flags = (0..64).map(|bit| 1 << bit).filter(|bit| clone & bit != 0);
    rules.insert(libc::SYS_clone, flags.map(|bit| rule(&[(0, Is::MaskedEq(bit), bit)])).collect::<Option<_>>()?);
    // Characters typed into the terminal of somebody else.
    rules.insert(
        libc::SYS_ioctl,
        vec![
            rule(&[(1, Is::MaskedEq(0xffff_ffff), libc::TIOCSTI)])?,
            rule(&[(1, Is::MaskedEq(0xffff_ffff), libc::TIOCLINUX)])?,
        ],
    );
    let others: Vec<(u8, Is, u64)> = PLAIN_PERSONALITIES.iter().map(|plain| (0, Is::Ne, *plain)).collect();
    rules.insert(libc::SYS_personality, vec![rule(&others)?]);
    let families = families(sockets);
    let mut refused = vec![rule(&families.iter().map(|family| (0, Is::Ne, *family)).collect::<Vec<_>>())?];
    refused.push(rule(&[(0, Is::Ne, UNIX), (0, Is::Ne, NETLINK), (1, Is::MaskedEq(TYPE_MASK), RAW)])?);
    refused.push(rule(&[(0, Is::Eq, NETLINK), (2, Is::Ne, 0)])?);
    rules.insert(libc::SYS_socket, refused);
    if sockets == Sockets::None {
        // Whom an address names, this filter cannot see; a pair of sockets needs none.
        for call in [libc::SYS_connect, libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4] {
            rules.insert(call, Vec::new());
        }
        // An address given with a datagram. sendto(2) without one is send(2), which asyncio needs.
        rules.insert(libc::SYS_sendto, vec![rule(&[(4, Is::Ne, 0)])?]);
    }
    Some(rules)
}

const UNIX: u64 = libc::AF_UNIX as u64;
const NETLINK: u64 = libc::AF_NETLINK as u64;
const RAW: u64 = libc::SOCK_RAW as u64;

/// Netlink is only rtnetlink (protocol 0), which lists the interfaces: Node's development servers do so at their start.
fn families(sockets: Sockets) -> Vec<u64> {
    match sockets {
        Sockets::OwnNetwork | Sockets::Open => vec![UNIX, libc::AF_INET as u64, libc::AF_INET6 as u64, NETLINK],
        Sockets::None => vec![UNIX],
    }
}

/// All of the conditions together: argument number, comparison, value.
fn rule(conditions: &[(u8, Is, u64)]) -> Option<SeccompRule> {
    let conditions = conditions.iter().map(|(argument, is, value)| {
        let length = if *argument == 4 || matches!(is, Is::MaskedEq(_)) { Length::Qword } else { Length::Dword };
        Condition::new(*argument, length, is.clone(), *value)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>().ok()?).ok()
}

/// Before all, calls that are answered with ENOSYS: clone3, because the C library then falls back to clone(2), whose
/// flags a filter can see; and calls with the x32 bit, which are others than the rules know.
fn absent() -> BpfProgram {
    let load = sock_filter { code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, jt: 0, jf: 0, k: 0 };
    let no = u32::from(errno(libc::ENOSYS));
    let refuse = sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: no };
    // Each jump skips the refusal that follows it, unless it applies.
    let unless = |how: u32, k: u32| sock_filter { code: (libc::BPF_JMP | how | libc::BPF_K) as u16, jt: 0, jf: 1, k };
    let clone3 = u32::try_from(libc::SYS_clone3).unwrap_or(u32::MAX);
    let mut program = vec![load, unless(libc::BPF_JEQ, clone3), refuse.clone()];
    if cfg!(target_arch = "x86_64") {
        program.extend([unless(libc::BPF_JGE, X32_BIT), refuse]);
    }
    program
}
