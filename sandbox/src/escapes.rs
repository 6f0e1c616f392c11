//! The escape suite: every attack is made from inside a real command, with
//! namespaces and without, and what it was after is looked at from outside.

mod attributes;
mod others;
mod planted;

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::time::Duration;

use agent::Ended;

use crate::attack;
use crate::fence::policy::Namespaces;
use crate::fence::{LayerKind, LayerState};
use crate::launch::group;
use crate::options::{CommandLimits, HostOptions};
use crate::testing::{Bench, Kind, VICTIM, eventually, is_running};

/// Behind each kind of fence that this machine has. The argument says whether it has namespaces.
pub(crate) fn behind_each(files: &[(&str, &str)], options: &HostOptions, check: impl Fn(&Bench, bool)) {
    for namespaces in [Namespaces::Try, Namespaces::Leave] {
        let bench = Bench::fenced(files, options.clone(), namespaces);
        let fence = bench.block_on(bench.host.fence());
        if !fence.holds() {
            println!("skipped with namespaces {namespaces:?}: {:?}", fence.layers);
            continue;
        }
        // Not what was tried: they may be turned off on this machine.
        check(&bench, fence.state(LayerKind::Mounts) == Some(&LayerState::Works));
    }
}

#[track_caller]
fn refused(bench: &Bench, attack: &str, argument: impl std::fmt::Display) {
    let said = bench.attack(attack, &argument);
    assert!(said.contains("refused:") && !said.contains("DONE"), "{attack} {argument}: {said}");
}

#[test]
fn system_calls_that_lead_out() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        for name in attack::names() {
            let said = bench.attack(name, "");
            // EPERM, EAFNOSUPPORT, ENOSYS: refused by the filter or for want of the right, before the arguments count.
            assert!(["refused: 1", "refused: 97", "refused: 38"].contains(&said.as_str()), "{name}: {said}");
        }
    });
}

#[test]
fn mounts_and_roots() {
    behind_each(&[("dir/x", "")], &HostOptions::default(), |bench, _| {
        for name in ["mount", "remount", "umount", "pivot_root", "chroot"] {
            for path in ["dir", "/", "/tmp", "/etc", "/proc"] {
                refused(bench, name, path);
            }
        }
        for kind in ["mnt", "net", "pid", "user"] {
            refused(bench, "setns", format!("/proc/1/ns/{kind}"));
            refused(bench, "setns", format!("/proc/self/ns/{kind}"));
        }
        refused(bench, "mknod", "disk");
    });
}

#[test]
fn files_outside_are_not_written() {
    behind_each(&[], &HostOptions::default(), |bench, namespaces| {
        let beside = bench.folder.path().join("beside.txt");
        std::fs::write(&beside, "old").unwrap();
        let beside = beside.to_str().unwrap();
        for path in [beside, "/etc/agent-escape", "/usr/agent-escape", "/agent-escape", "/etc/hosts", "/sys/kernel/x"] {
            for name in ["write", "truncate", "memfd", "rename-out"] {
                // With a /tmp of its own the name may be there to be made, and is another one.
                if !(namespaces && path == beside) {
                    refused(bench, name, path);
                } else {
                    bench.attack(name, path);
                }
            }
        }
        for path in
            ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname", "/sys/power/state"]
        {
            refused(bench, "write", path);
        }
        for path in ["/dev/vda", "/dev/sda", "/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse"] {
            refused(bench, "write", path);
            refused(bench, "read", path);
        }
        refused(bench, "link", "/etc/passwd");
        refused(bench, "rename", "/etc/passwd");
        if namespaces {
            let home = bench.folder.path().join("home");
            let own = bench.run("echo x > ~/own; chmod 600 ~/own");
            assert!(own.ended == Ended::Exited(0) && !home.join("own").exists());
        }
        refused(bench, "write", "/sys/fs/cgroup/agent-escape");
        let ran = bench.run("mkdir /sys/fs/cgroup/agent-escape /sys/fs/cgroup/*/agent-escape && echo made");
        assert!(!ran.output.contains("made"), "{}", ran.output);
        assert_eq!(std::fs::read_to_string(beside).unwrap(), "old");
        assert!(!PathBuf::from("/etc/agent-escape").exists());
    });
}

#[test]
fn secrets_are_not_read() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        // A second host, because the first has looked already.
        let home = bench.folder.path().join("home");
        for file in
            [".ssh/id_ed25519", ".aws/credentials", ".config/gh/hosts.yml", ".config/agent/config.toml", ".netrc"]
        {
            std::fs::create_dir_all(home.join(file).parent().unwrap()).unwrap();
            std::fs::write(home.join(file), "SECRET").unwrap();
        }
        std::fs::write(home.join("plain.txt"), "plain").unwrap();
        bench.block_on(bench.host.restart());
        let ran = bench
            .run("cat ~/.ssh/* ~/.aws/* ~/.config/gh/* ~/.config/agent/* ~/.netrc; grep -r SECRET ~; cat ~/plain.txt");
        assert!(!ran.output.contains("SECRET\n") && !ran.output.contains("SECRETS"), "{}", ran.output);
        assert!(!ran.output.contains("SECRET"), "{}", ran.output);
        assert!(ran.output.ends_with("plain"), "{}", ran.output);
        // The agent itself, which has the provider's key.
        refused(bench, "read", format!("/proc/{}/environ", std::process::id()));
        for path in ["/etc/shadow", "/proc/1/environ", "/proc/1/mem", "/proc/kcore", "/proc/1/root/etc/hosts"] {
            refused(bench, "read", path);
        }
    });
}

#[test]
fn sockets_of_the_host() {
    behind_each(&[], &HostOptions::default(), |bench, namespaces| {
        let folder = bench.folder.path();
        let paths = [folder.join("workspace/in.sock"), folder.join("home/agent.sock"), folder.join("beside.sock")];
        let _listeners: Vec<UnixListener> = paths.iter().map(|path| UnixListener::bind(path).unwrap()).collect();
        let name = format!("agent-escape-{}-{namespaces}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&abstract_name).unwrap();
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        bench.block_on(bench.host.restart());
        for path in &paths {
            refused(bench, "connect-unix", path.display());
        }
        refused(bench, "connect-abstract", name);
        refused(bench, "connect-tcp", tcp.local_addr().unwrap());
        refused(bench, "connect-tcp", "192.0.2.1:80");
        refused(bench, "send-udp", "192.0.2.1:53");
    });
}

#[test]
fn denials_are_explained() {
    behind_each(&[], &HostOptions::default(), |bench, namespaces| {
        if !namespaces {
            return;
        }
        for address in ["192.0.2.1:80", "[2001:db8::1]:80"] {
            let ran =
                bench.run(&format!("exec 3<>/dev/tcp/{}", address.replacen(":80", "/80", 1).replace(['[', ']'], "")));
            assert!(ran.notes.iter().any(|note| note.contains("network")), "{address}: {ran:?}");
        }
        assert_eq!(bench.run("echo x | cat").notes, Vec::<String>::new());
        assert_eq!(bench.run("exec 3<>/dev/tcp/127.0.0.1/9").notes, Vec::<String>::new());
    });
}

/// A process outside, to be attacked.
struct Bystander(std::process::Child);

impl Bystander {
    fn new() -> Bystander {
        let mut sleep = std::process::Command::new("sleep");
        Bystander(
            sleep.arg("600").stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap(),
        )
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn processes_of_the_host() {
    behind_each(&[], &HostOptions::default(), |bench, namespaces| {
        let mut bystander = Bystander::new();
        for name in ["kill", "ptrace"] {
            refused(bench, name, bystander.0.id());
            refused(bench, name, std::process::id());
        }
        if namespaces {
            // The warden: it is seen, and out of reach.
            refused(bench, "ptrace", 1);
            bench.attack("kill", 1);
            // It and the shell, which counts without starting another.
            assert_eq!(bench.run("cd /proc && set -- [0-9]* && echo $#").output.trim(), "2");
        }
        bench.attack("kill", -1);
        assert!(bystander.lives());
        assert_eq!(bench.run("echo still here").output, "still here\n");
    });
}

#[test]
fn rights_do_not_grow() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        let status = bench.run("grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status").output;
        let is_root = rustix::process::getuid().is_root();
        for line in status.lines().filter(|line| line.starts_with("Cap") && (is_root || !line.starts_with("CapBnd"))) {
            assert!(line.ends_with("0000000000000000"), "{status}");
        }
        assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
        if !is_root {
            refused(bench, "setuid-root", "");
        }
        let sudo = bench.run("sudo -n id");
        assert_ne!(sudo.ended, Ended::Exited(0), "{}", sudo.output);
    });
}

#[test]
fn races_of_links_inside_a_command() {
    behind_each(&[], &HostOptions::default(), |bench, _| {
        let outside = bench.folder.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("secret.txt"), "SECRET").unwrap();
        refused(bench, "race-links", outside.display());
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    });
}

#[test]
fn limits_are_reached_and_named_and_the_run_goes_on() {
    let mut options = HostOptions::default();
    options.fence.limits = CommandLimits {
        memory_bytes: Some(256 << 20),
        processes: 400,
        open_files: 64,
        file_bytes: 1 << 20,
        tmp_bytes: 8 << 20,
        ..CommandLimits::default()
    };
    behind_each(&[], &options, |bench, namespaces| {
        let named = |command: &str, limit: &str| {
            let ran = bench.run_for(command, Duration::from_secs(20));
            assert!(ran.notes.iter().any(|note| note.contains(&format!("(`{limit}`)"))), "{command}: {ran:?}");
            assert_eq!(bench.run("echo on").notes, Vec::<String>::new(), "{command}");
            ran
        };
        let big = named("yes > big", "file_size");
        assert_eq!(big.ended, Ended::Exited(128 + libc::SIGXFSZ));
        let hog = named("tail /dev/zero", "memory");
        assert!(hog.notes[0].contains("256 MiB"), "{hog:?}");
        // No single one has too much.
        named(
            "for i in 1 2 3 4 5; do (head -c 90000000 /dev/zero; sleep 600) | tail -c 90000000 & done; wait",
            "memory",
        );
        let files = "for i in {3..80}; do eval \"exec $i</dev/null\"; done 2>/dev/null; sleep 600";
        let ran = bench.run_for(files, Duration::from_secs(2));
        assert!(ran.notes.iter().any(|note| note.contains("(`open_files`)")) || before_6_2(), "{ran:?}");
        if namespaces {
            let full = bench.run("for i in 1 2 3 4 5 6 7 8 9 10; do head -c 1000000 /dev/zero > /tmp/$i; done");
            assert!(full.output.contains("No space left on device"), "{}", full.output);
            assert!(full.notes.iter().any(|note| note.contains("(`tmp`)")), "{full:?}");
            bench.run("rm -f /tmp/[0-9]*");
            let bomb = "bomb() { bomb | bomb & }; bomb; sleep 600";
            let bomb = bench.run_for(bomb, Duration::from_secs(2));
            assert!(matches!(bomb.ended, Ended::TimedOut(_)), "{:?} {}", bomb.ended, bomb.output);
            assert!(bomb.notes.iter().any(|note| note.contains("(`processes`)")), "{bomb:?}");
        }
        assert_eq!(bench.run("echo on").output, "on\n");
    });
}

fn before_6_2() -> bool {
    std::fs::metadata("/proc/self/fd").is_ok_and(|fd| fd.len() == 0)
}

#[test]
fn git_hooks_and_configuration() {
    behind_each(&[("a.txt", "one")], &HostOptions::default(), |bench, _| {
        let git = |line: &str| {
            let mut git = std::process::Command::new("git");
            git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(line.split(' ')).current_dir(bench.root());
            assert!(git.status().unwrap().success(), "{line}");
        };
        git("init -q .");
        git("init -q nested");
        git("add a.txt");
        git("commit -q -m first");
        std::fs::remove_dir_all(bench.root().join("nested/.git/hooks")).unwrap();
        let config = std::fs::read_to_string(bench.root().join(".git/config")).unwrap();
        let ran = bench.run(
            "plant() { mkdir -p $1/.git/hooks $1/.git/info; for f in hooks/pre-commit config info/attributes commondir; do echo evil > $1/.git/$f; done; \
             git -C $1 config core.fsmonitor evil; git -C $1 config core.hooksPath evil; rm -rf $1/.git/hooks; }; \
             plant .; plant nested; mv .git moved && mkdir -p .git/hooks && echo evil > .git/hooks/pre-commit; \
             mv .git/info .git/info2; ln -sf /tmp .git/hooks/x; true",
        );
        for repository in ["", "nested/"] {
            for name in ["hooks/pre-commit", "info/attributes", "commondir", "config.worktree", "hooks/x"] {
                let path = bench.root().join(format!("{repository}.git/{name}"));
                assert!(path.symlink_metadata().is_err(), "{path:?} {:?} {}", ran.notes, ran.output);
            }
            let config = std::fs::read_to_string(bench.root().join(format!("{repository}.git/config"))).unwrap();
            assert!(!config.contains("evil"), "{config}");
        }
        assert_eq!(std::fs::read_to_string(bench.root().join(".git/config")).unwrap(), config);
        git("status");
    });
}

/// Namespaces cannot be had inside of a fence: the inner one does without, as in many containers.
#[test]
fn a_fence_inside_a_fence() {
    let bench = Bench::fenced(&[("inner/a.txt", "one")], HostOptions::default(), Namespaces::Try);
    if !bench.block_on(bench.host.fence()).holds() {
        println!("skipped: no fence");
        return;
    }
    let inner = bench.root().join("inner");
    let command = "cat a.txt; echo x > ../b.txt; echo y > b.txt; chmod 600 b.txt; mktemp; sleep 1008 & exit 7";
    let program = bench.program();
    let victim =
        format!("'{}' {VICTIM} '{}' Namespaces 'sleep 1009' '{command}' 2>&1", program.display(), inner.display());
    let ran = bench.run(&victim);
    assert!(ran.output.contains("Exited(7)") && ran.output.contains("../b.txt: Permission denied"), "{}", ran.output);
    // The outer fence has the one listener of the kernel. Without it permission bits stay as they are.
    assert!(ran.output.contains("b.txt\': Operation not permitted"), "{}", ran.output);
    assert!(inner.join("b.txt").exists() && !bench.root().join("b.txt").exists());
}

/// An unfenced command may kill who watches over it; what it left behind dies all the same.
#[test]
fn a_killed_warden_without_a_fence() {
    let bench = Bench::new(&[]);
    let sleep = format!("1009.{}", std::process::id());
    let ran = bench.run(&format!("(setsid sleep {sleep} &); kill -9 $PPID; sleep {sleep}"));
    assert!(matches!(ran.ended, Ended::Signalled(_)), "{ran:?}");
    assert!(!is_running(&sleep));
    assert_eq!(bench.run("echo on").output, "on\n");
}

#[test]
fn a_killed_agent_leaves_nothing() {
    let before = mounts();
    for kind in [Kind::Namespaces, Kind::Rules] {
        let bench = Bench::new(&[]);
        let [sleep, other] = [1007, 1010].map(|base| format!("{base}.{}", std::process::id()));
        let litter = |sleep: &str| {
            format!(
                "echo > /tmp/agent-litter; mktemp > where; (setsid sh -c 'sleep {sleep} & sleep {sleep}' &); sleep {sleep}"
            )
        };
        let mut victim = kind.victim(&bench.root(), &litter(&other), &litter(&sleep));
        assert!(eventually(|| is_running(&format!("sleep\0{sleep}")) && is_running(&format!("sleep\0{other}"))));
        victim.kill().unwrap();
        victim.wait().unwrap();
        assert!(eventually(|| !is_running(&sleep) && !is_running(&other)), "{kind:?}");
        let temporary = std::fs::read_to_string(bench.root().join("where")).unwrap();
        assert!(eventually(|| !PathBuf::from(temporary.trim()).exists()), "{temporary}");
        assert_eq!(std::fs::read_dir(bench.root()).unwrap().count(), 1);
        assert!(!PathBuf::from("/tmp/agent-litter").exists());
        assert_eq!(mounts(), before);
        assert!(eventually(|| group::left_behind().is_empty()), "{:?}", group::left_behind());
    }
}

fn mounts() -> usize {
    // Others may mount meanwhile; what is ours has one of these names.
    let list = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    list.lines().filter(|line| line.contains("upperdir=/dev") || line.contains(" /dev/dev")).count()
}
