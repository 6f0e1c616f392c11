//! The user's other processes and what they share, and that the model hears
//! of what the kernel refused.
#![expect(unsafe_code, reason = "System V's memory has no safe form, and a test must make some to be attacked")]

use std::os::unix::net::UnixDatagram;

use super::{Bystander, behind_each, refused};
use crate::options::HostOptions;

#[test]
fn settings_of_other_processes() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        let mut bystander = Bystander::new();
        let id = bystander.0.id();
        let stat = || {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
            let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
            let allowed = status.lines().find(|line| line.starts_with("Cpus_allowed:")).unwrap().to_string();
            // proc_pid_stat(5): priority, nice, and the policy of the scheduler.
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
            (fields[16].to_string(), fields[17].to_string(), fields[39].to_string(), limits, allowed)
        };
        let before = stat();
        for name in [
            "setpriority",
            "setpriority-group",
            "ioprio_set",
            "prlimit",
            "sched_setaffinity",
            "sched_setscheduler",
            "sched_setparam",
            "tgkill",
            "sigqueue",
            "pidfd_send_signal",
            "pidfd_getfd",
            "process_vm_writev",
        ] {
            refused(bench, name, id);
            assert_eq!(stat(), before, "{name}");
            assert!(bystander.lives(), "{name}");
        }
        // Of a whole user: what is outside is not reached, whatever the answer.
        for name in ["setpriority-user", "ioprio_set-user"] {
            bench.attack(name, 0);
            assert_eq!(stat(), before, "{name}");
        }
        // One's own can be set.
        let own =
            bench.run("sleep 5 & renice -n 5 -p $! >/dev/null && nice -n 3 true && ulimit -n 64 && kill $!; echo $?");
        assert_eq!(own.output.trim(), "0", "{:?}", own.notes);
        let own =
            bench.run("sleep 5 & taskset -p 1 $! >/dev/null && prlimit --pid $! --nofile=10:10 && kill $! && echo set");
        assert_eq!(own.output.trim(), "set", "{:?}", own.notes);
    });
}

#[test]
fn memory_that_others_share() {
    // SAFETY: a new segment that only this test knows; it is removed below.
    let segment = unsafe { libc::shmget(libc::IPC_PRIVATE, 4_096, libc::IPC_CREAT | 0o600) };
    assert!(0 <= segment);
    behind_each(&[], &HostOptions::default(), |bench, _| {
        refused(bench, "shmat", segment);
        refused(bench, "shm-remove", segment);
        refused(bench, "mq_open", "agent-escape");
    });
    // SAFETY: the segment is this test's, and nobody has attached it.
    assert_eq!(unsafe { libc::shmctl(segment, libc::IPC_RMID, std::ptr::null_mut()) }, 0, "it was removed");
}

#[test]
fn datagrams_to_the_host() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        // In the workspace, where the name can be reached.
        let path = bench.root().join("journal.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        bench.block_on(bench.host.restart());
        for name in ["datagram", "datagram-of-a-pair"] {
            refused(bench, name, path.display());
            assert!(socket.recv(&mut [0; 8]).is_err(), "{name}");
        }
    });
}

#[test]
fn an_open_file_gives_no_more() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        // Shown, read-only.
        let program = bench.program();
        for name in ["reopen", "link-open"] {
            refused(bench, name, program.display());
        }
        let agent = format!("/proc/{}/mem", std::process::id());
        for path in [agent.as_str(), "/proc/1/mem", "/proc/self/mem", "/proc/thread-self/mem"] {
            refused(bench, "write", path);
        }
    });
}

#[test]
fn refusals_are_named() {
    behind_each(&[], &HostOptions::default(), |bench, namespaces| {
        let fence = bench.block_on(bench.host.fence());
        if fence.state(crate::LayerKind::Notify) != Some(&crate::LayerState::Works) {
            println!("skipped: no listener");
            return;
        }
        let program = bench.program();
        let note = |attack: &str, argument: &str| {
            let marker = crate::attack::ARGUMENT;
            bench.run(&format!("'{}' {marker} {attack} '{argument}'", program.display())).notes.join("\n")
        };
        for (attack, named) in [
            ("mount", "`mount`"),
            ("unshare-user", "`unshare`"),
            ("clone-mount", "`clone of a new namespace`"),
            ("socket-packet", "`a raw packet socket`"),
            ("socket-vsock", "`a vsock socket`"),
            ("bpf", "`bpf`"),
        ] {
            let note = note(attack, "/");
            assert!(note.starts_with("The sandbox blocked: ") && note.contains(named), "{attack}: {note}");
        }
        // Tried by programs that do without, and by nobody.
        assert_eq!(note("io_uring_setup", ""), "");
        assert_eq!(bench.run("ls / >/dev/null; cat /etc/hostname | wc -c").notes, Vec::<String>::new());
        // A shell without these asks for the user's name, and with it a service that is not there.
        assert_eq!(bench.run("env -u SHELL -u USER -u HOME bash -c 'echo ~; ls -l /'").notes, Vec::<String>::new());
        if !namespaces {
            assert!(note("connect-tcp", "192.0.2.1:80").contains("`a network socket`"));
            assert!(note("ptrace", &std::process::id().to_string()).contains("`ptrace of another process`"));
        }
    });
}

/// Whoever runs such a file later would act with the rights of its owner.
#[test]
fn files_that_lend_rights() {
    use std::os::unix::fs::PermissionsExt as _;
    behind_each(&[], &HostOptions::default(), |bench, _| {
        let mode =
            |name: &str| std::fs::metadata(bench.root().join(name)).map(|meta| meta.permissions().mode() & 0o7777);
        for how in ["chmod u+s", "chmod g+s", "chmod 6755", "chmod 4700"] {
            let ran = bench.run(&format!("cp /bin/true program; chmod 755 program; {how} program"));
            assert_eq!(mode("program").unwrap(), 0o755, "{how}: {ran:?}");
            assert!(
                ran.notes.iter().any(|note| note.contains("set-user-ID") && note.contains("program`")),
                "{how}: {ran:?}"
            );
        }
        bench.run("chmod 755 program; cp -p program copy; mkdir dir; chmod g+s dir; touch plain; chmod 2644 plain");
        assert_eq!((mode("dir").unwrap() & 0o2000, mode("plain").unwrap()), (0o2000, 0o2644));
        for how in ["open", "creat"] {
            bench.attack("make-lending", how);
            assert!(mode(how).is_err(), "{how}");
        }
    });
}
