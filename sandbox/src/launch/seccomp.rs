//! System calls that no build, test or editor needs, and that have led out of
//! sandboxes before. They fail as if the kernel lacked them or the user the
//! right; everything else is allowed. The kernel leaves each refusal to the
//! warden, who knows its name (`supervise.rs`).

pub(crate) mod calls;

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition as Condition,
    SeccompFilter, SeccompRule, TargetArch, sock_filter,
};

use crate::launch::lockdown::Fenced;
use crate::launch::opens::BY_NAME;
use calls::{ADDRESSED, ATTRIBUTES, BY_PROCESS, IDENTITY, NEW_ATTRIBUTES, REFUSED, SHARED, SYS_FCHMODAT2};

/// Who else fences the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// A namespace of its own: the usual families are harmless in it.
    OwnNetwork,
    /// Nobody needs to: the user opened it.
    Open,
    /// Nobody: no socket may leave the process tree.
    None,
    /// Nobody, and the warden connects to the proxy in a command's place.
    Proxy,
}

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

/// Smaller ones are many, and each costs a question.
pub(crate) const LARGE_REQUEST_BYTES: u64 = 64 << 20;

/// Who answers for what the filter does not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// The warden, by its listener.
    Warden,
    /// Nobody: all of it fails with EPERM, what the warden would have done in a command's place too.
    Nobody,
}

/// Whether the warden looks at each file that is opened by name: only where something is hidden and nothing covers it,
/// since it costs each open some microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opens {
    Free,
    Asked,
}

/// `None`: no such filter for this machine's architecture.
pub(crate) fn filter(sockets: Sockets, fenced: Fenced, asks: Asks, opens: Opens) -> Option<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let mut rules = refused(sockets, fenced)?;
    if asks == Asks::Warden {
        rules.extend(IDENTITY.iter().map(|(call, _)| (*call, Vec::new())));
        if opens == Opens::Asked {
            rules.extend(BY_NAME.iter().map(|call| (*call, Vec::new())));
        }
        rules.extend(large_requests()?);
    }
    let refused = SeccompFilter::new(rules, SeccompAction::Allow, MARK, arch).ok()?;
    let mut program = absent();
    let answer = match asks {
        Asks::Warden => libc::SECCOMP_RET_USER_NOTIF,
        Asks::Nobody => u32::from(errno(libc::EPERM)),
    };
    // seccompiler does not know this action: it stands where the mark was.
    let marked = u32::from(MARK);
    program.extend(BpfProgram::try_from(refused).ok()?.into_iter().map(|mut line| {
        if line.code == RETURN && line.k == marked {
            line.k = answer;
        }
        line
    }));
    Some(program)
}

fn errno(errno: i32) -> SeccompAction {
    SeccompAction::Errno(errno.unsigned_abs())
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn refused(sockets: Sockets, fenced: Fenced) -> Option<Rules> {
    let mut rules: Rules = REFUSED.iter().map(|(call, ..)| (*call, Vec::new())).collect();
    let clone = NEW_NAMESPACES;
    let flags = (0..64).map(|bit| 1 << bit).filter(|bit| clone & bit != 0);
    rules.insert(libc::SYS_clone, flags.map(|bit| rule(&[(0, Is::MaskedEq(bit), bit)])).collect::<Option<_>>()?);
    rules.insert(libc::SYS_ioctl, terminals()?);
    let others: Vec<(u8, Is, u64)> = PLAIN_PERSONALITIES.iter().map(|plain| (0, Is::Ne, *plain)).collect();
    rules.insert(libc::SYS_personality, vec![rule(&others)?]);
    let families = families(sockets);
    let mut refused = vec![rule(&families.iter().map(|family| (0, Is::Ne, *family)).collect::<Vec<_>>())?];
    refused.push(rule(&[(0, Is::Ne, UNIX), (0, Is::Ne, NETLINK), (1, Is::MaskedEq(TYPE_MASK), RAW)])?);
    refused.push(rule(&[(0, Is::Eq, NETLINK), (2, Is::Ne, 0)])?);
    if sockets == Sockets::Proxy {
        // SCTP and others take addresses by ways of their own; TCP takes one with its first data.
        refused.push(rule(&[(0, Is::Eq, INET), (2, Is::Ne, 0), (2, Is::Ne, libc::IPPROTO_TCP as u64)])?);
        let early = libc::MSG_FASTOPEN as u64;
        rules.insert(libc::SYS_sendmsg, vec![rule(&[(2, Is::MaskedEq(early), early)])?]);
        rules.insert(libc::SYS_sendmmsg, vec![rule(&[(3, Is::MaskedEq(early), early)])?]);
    }
    rules.insert(libc::SYS_socket, refused);
    if matches!(sockets, Sockets::None | Sockets::Proxy) {
        // Whom an address names, this filter cannot see; a pair of sockets needs none.
        rules.extend(ADDRESSED.iter().map(|call| (*call, Vec::new())));
        // sendmsg(2) may name an address too, in memory; only such a socket would take it.
        let datagrams = || [DGRAM, RAW].into_iter().map(|kind| rule(&[(1, Is::MaskedEq(TYPE_MASK), kind)]));
        rules.entry(libc::SYS_socket).or_default().extend(datagrams().collect::<Option<Vec<_>>>()?);
        rules.insert(libc::SYS_socketpair, datagrams().collect::<Option<_>>()?);
        // An address given with a datagram. sendto(2) without one is send(2), which asyncio needs.
        rules.insert(libc::SYS_sendto, vec![rule(&[(4, Is::Ne, 0)])?]);
    }
    rules.extend(lent_rights()?);
    if fenced == Fenced::ByRules {
        rules.extend(without_namespaces()?);
    }
    Some(rules)
}

/// Requests for much memory at once, which are let through: the kernel tells nobody that it refused one.
fn large_requests() -> Option<Rules> {
    let mut rules = Rules::new();
    let private = libc::MAP_PRIVATE as u64;
    let writable = libc::PROT_WRITE as u64;
    rules.insert(
        libc::SYS_mmap,
        vec![rule(&[
            (1, Is::Ge, LARGE_REQUEST_BYTES),
            (2, Is::MaskedEq(writable), writable),
            (3, Is::MaskedEq(private), private),
        ])?],
    );
    rules.insert(libc::SYS_mremap, vec![rule(&[(2, Is::Ge, LARGE_REQUEST_BYTES)])?]);
    Some(rules)
}

/// Modes with which a program runs with its owner's or group's rights, set or made: of what the call is about, the warden
/// knows. openat2(2) has its mode in memory, where no filter sees it.
fn lent_rights() -> Option<Rules> {
    let bits = [libc::S_ISUID, libc::S_ISGID].map(u64::from);
    let set = |at: u8| bits.iter().map(|bit| rule(&[(at, Is::MaskedEq(*bit), *bit)])).collect::<Option<Vec<_>>>();
    let made = |flags: u8, at: u8| {
        let creates = [libc::O_CREAT, libc::O_TMPFILE & !libc::O_DIRECTORY].map(|flag| u64::from(flag.cast_unsigned()));
        let both = creates.iter().flat_map(|flag| bits.map(|bit| (*flag, bit)));
        both.map(|(flag, bit)| rule(&[(flags, Is::MaskedEq(flag), flag), (at, Is::MaskedEq(bit), bit)]))
            .collect::<Option<Vec<_>>>()
    };
    let mut rules = Rules::from([
        (libc::SYS_fchmod, set(1)?),
        (libc::SYS_fchmodat, set(2)?),
        (SYS_FCHMODAT2, set(2)?),
        (libc::SYS_openat, made(2, 3)?),
    ]);
    #[cfg(target_arch = "x86_64")]
    rules.extend([(libc::SYS_chmod, set(1)?), (libc::SYS_creat, set(1)?), (libc::SYS_open, made(1, 2)?)]);
    Some(rules)
}

/// What mounts, and namespaces of processes and of System V's objects, would see to.
fn without_namespaces() -> Option<Rules> {
    let mut rules: Rules =
        ATTRIBUTES.iter().chain(NEW_ATTRIBUTES).chain(SHARED).map(|call| (*call, Vec::new())).collect();
    for (call, _) in BY_PROCESS {
        rules.insert(*call, vec![rule(&[(0, Is::Ne, 0)])?]);
    }
    for call in [libc::SYS_setpriority, libc::SYS_ioprio_set] {
        // All of a user, and then whom: 0 is the caller.
        let user = if call == libc::SYS_setpriority { libc::PRIO_USER as u64 } else { IOPRIO_WHO_USER };
        rules.insert(call, vec![rule(&[(0, Is::Eq, user)])?, rule(&[(1, Is::Ne, 0)])?]);
    }
    let attach = [libc::PTRACE_ATTACH, libc::PTRACE_SEIZE].map(|request| rule(&[(0, Is::Eq, u64::from(request))]));
    rules.insert(libc::SYS_ptrace, attach.into_iter().collect::<Option<_>>()?);
    let changing = CHANGING_IOCTLS.iter().map(|(mask, number)| rule(&[(1, Is::MaskedEq(*mask), *number)]));
    let mut ioctls = changing.collect::<Option<Vec<_>>>()?;
    let mut btrfs = vec![(1, Is::MaskedEq(0xff00), 0x9400)];
    btrfs.extend(CLONING_IOCTLS.iter().map(|number| (1, Is::Ne, *number)));
    ioctls.push(rule(&btrfs)?);
    ioctls.extend(terminals()?);
    rules.insert(libc::SYS_ioctl, ioctls);
    Some(rules)
}

/// Characters typed into the terminal of somebody else, the console taken over, and what drivers the kernel loads for a
/// terminal (line disciplines), which have had holes.
fn terminals() -> Option<Vec<SeccompRule>> {
    let requests = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCCONS, libc::TIOCSETD];
    requests.into_iter().map(|request| rule(&[(1, Is::MaskedEq(0xffff_ffff), request)])).collect()
}

const UNIX: u64 = libc::AF_UNIX as u64;
const INET: u64 = libc::AF_INET as u64;
const NETLINK: u64 = libc::AF_NETLINK as u64;
const RAW: u64 = libc::SOCK_RAW as u64;
const DGRAM: u64 = libc::SOCK_DGRAM as u64;
/// linux/ioprio.h.
const IOPRIO_WHO_USER: u64 = 3;
/// No action of ours otherwise.
const MARK: SeccompAction = SeccompAction::Trace(0x6167);
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
/// Requests that change a file which is open for reading only, by mask and number (linux/fs.h, linux/fscrypt.h):
/// `chattr` and what is new of its kind, versions, project numbers, encryption policies, F2FS's own.
const CHANGING_IOCTLS: &[(u64, u64)] = &[
    (0xc000_ff00, 0x4000_6600),
    (0xc000_ff00, 0x0000_6600),
    (0xff00_ffff, 0x8000_6613),
    (0xc000_ff00, 0x4000_7600),
    (0xc000_ff00, 0x4000_5800),
    (0xc000_ffff, 0xc000_6617),
    (0xc000_ffff, 0xc000_6618),
    (0xff00, 0xf500),
];
/// Of btrfs's numbers those that every file system has: FICLONE, FICLONERANGE, FIDEDUPERANGE. `cp` uses them, and they
/// ask for a file that is open for writing.
const CLONING_IOCTLS: &[u64] = &[0x4004_9409, 0x4020_940d, 0xc018_9436];

/// Netlink is only rtnetlink (protocol 0), which lists the interfaces: Node's development servers do so at their start.
fn families(sockets: Sockets) -> Vec<u64> {
    match sockets {
        Sockets::OwnNetwork | Sockets::Open => vec![UNIX, INET, libc::AF_INET6 as u64, NETLINK],
        Sockets::Proxy => vec![UNIX, INET],
        Sockets::None => vec![UNIX],
    }
}

/// All of the conditions together: argument number, comparison, value.
fn rule(conditions: &[(u8, Is, u64)]) -> Option<SeccompRule> {
    let conditions = conditions.iter().map(|(argument, is, value)| {
        let length =
            if *argument == 4 || matches!(is, Is::MaskedEq(_) | Is::Ge) { Length::Qword } else { Length::Dword };
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
