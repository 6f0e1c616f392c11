"""What holds a run: as a program, this runs a command of which nothing is left once this ends.

It ends with the command, with the process that started it, or at SIGTERM; SIGINT goes to the command. With `--place`
the command has namespaces of its own (processes, mounts, users), sees its folder at the same path as every other run
does (so the server's cache holds from run to run, though no folder is used twice), and the others' folders not at all;
`--read-only` lets it write nothing else, `--no-network` lets it reach nobody.
Without namespaces (`--place` not given) what it started is found as this program's children, whatever they did.
"""
import argparse, contextlib, ctypes, os, pathlib, signal, subprocess, sys

# From sched.h, sys/mount.h and sys/prctl.h.
NEW_USER, NEW_MOUNTS, NEW_PIDS, NEW_NET = 0x10000000, 0x00020000, 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEV, NO_EXEC, REMOUNT, NO_ATIME, NO_DIR_ATIME = 1, 2, 4, 8, 32, 1024, 2048
BIND, EVERY, PRIVATE, RELATIVE_ATIME = 4096, 16384, 1 << 18, 1 << 21
STATVFS_RELATIVE_ATIME = 4096
DEATH_SIGNAL, ADOPT_ORPHANS = 1, 36
libc = ctypes.CDLL(None, use_errno=True)


def words(scratch, base, cwd, held, read_only=False, network=True):
    """The command line that goes before a command. `held`: whether namespaces can be had here."""
    return [sys.executable, "-I", __file__, "--parent", str(os.getpid()), "--cwd", str(cwd),
            *(["--place", str(scratch), "--at", str(base)] if held else []),
            *(["--read-only"] if held and read_only else []), *(["--no-network"] if held and not network else []), "--"]


def why_not(scratch, base):
    """Why there can be no fence on this machine, or nothing."""
    tried = subprocess.run([*words(scratch, base, base, True, read_only=True, network=False), "true"], capture_output=True)
    return tried.stderr.decode("utf-8", "replace").strip() or f"exit code {tried.returncode}" if tried.returncode else ""


def stop(child, wait_seconds):
    """Ends a `child` that was started with `words`, and all that it started."""
    child.terminate()
    try:
        child.wait(wait_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def called(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, kind, flags):
    encoded = [word.encode() if word else None for word in (source, target, kind)]
    called(libc.mount(*encoded, ctypes.c_ulong(flags), None), f"mount {target}")


def new_user(inside, outside):
    """A user namespace in which `outside` is called `inside`: (user, group) each."""
    called(libc.unshare(NEW_USER), "a user namespace")
    pathlib.Path("/proc/self/setgroups").write_text("deny")
    pathlib.Path("/proc/self/uid_map").write_text(f"{inside[0]} {outside[0]} 1")
    pathlib.Path("/proc/self/gid_map").write_text(f"{inside[1]} {outside[1]} 1")


def furnish(options):
    mount(None, "/", None, EVERY | PRIVATE)
    mount("proc", "/proc", "proc", NO_SUID | NO_DEV | NO_EXEC)
    mount(options.place, options.at, None, BIND)
    if options.read_only:
        # The machine's settings are open to its root, also in here.
        mount("/proc/sys", "/proc/sys", None, BIND)
        for point in mounts():
            # A mount that another one hides cannot be reached by the command either.
            if point not in ("/proc", options.at) and os.path.exists(point):
                mount(None, point, None, REMOUNT | BIND | READ_ONLY | kept_flags(point))


def mounts():
    """The paths of what is mounted writable."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        _, _, _, _, point, flags, *_ = line.split()
        if "rw" in flags.split(","):
            yield point.encode().decode("unicode_escape").encode("latin-1").decode()


def kept_flags(point):
    """Those which a user namespace may not take away from a mount."""
    flags = os.statvfs(point).f_flag
    relative = RELATIVE_ATIME if flags & STATVFS_RELATIVE_ATIME else 0
    return flags & (NO_SUID | NO_DEV | NO_EXEC | NO_ATIME | NO_DIR_ATIME) | relative


def attend(command, cwd, before):
    """Runs it and reaps what it leaves; its exit code as a shell tells it."""
    try:
        child = subprocess.Popen(command, cwd=cwd, start_new_session=True, preexec_fn=before)
    except OSError as error:
        print(f"error: {command[0]} cannot be run: {error}", file=sys.stderr)
        return 127
    signal.signal(signal.SIGINT, lambda *_: kill_group(child.pid, signal.SIGINT))
    return wait_for(child.pid)


def kill_group(pid, how):
    with contextlib.suppress(OSError):
        os.killpg(pid, how)


def wait_for(wanted):
    while True:
        pid, status = os.wait()
        if pid == wanted:
            code = os.waitstatus_to_exitcode(status)
            return code if 0 <= code else 128 - code


def sweep():
    """Kills what is left of the children, and what falls to us when they are gone."""
    with contextlib.suppress(ChildProcessError):
        while True:
            for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
                with contextlib.suppress(OSError, ValueError):
                    if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                        os.kill(int(stat.parent.name), signal.SIGKILL)
            os.wait()


def unheld(options):
    libc.prctl(ADOPT_ORPHANS, 1)
    try:
        return attend(options.command, options.cwd, None)
    finally:
        # From here on there is nothing to stop any more.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sweep()


def held(options):
    user = os.getuid(), os.getgid()
    new_user((0, 0), user)
    called(libc.unshare(NEW_MOUNTS | NEW_PIDS | (NEW_NET if options.no_network else 0)), "namespaces")
    first = os.fork()
    if first:
        signal.signal(signal.SIGINT, lambda *_: os.kill(first, signal.SIGINT))
        # Its end is the end of all processes in there.
        signal.signal(signal.SIGTERM, lambda *_: os.kill(first, signal.SIGKILL))
        return wait_for(first)
    libc.prctl(DEATH_SIGNAL, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    furnish(options)
    # In one more user namespace, from which the mounts cannot be undone.
    return attend(options.command, options.cwd, lambda: new_user(user, (0, 0)))


def main():
    parser = argparse.ArgumentParser()
    for name in ("--parent", "--cwd", "--place", "--at"):
        parser.add_argument(name)
    for name in ("--read-only", "--no-network"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    # Ignored signals would stay ignored in the command, as under nohup.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    libc.prctl(DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != int(options.parent):
        return 1
    try:
        return held(options) if options.place else unheld(options)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 125


if __name__ == "__main__":
    sys.exit(main())
