"""One run of one agent on one task: a fresh repository, the agent, and then the tests, where the agent cannot reach."""
import contextlib, datetime, errno, fcntl, json, os, pathlib, re, resource, shutil, signal, subprocess, tempfile, time

import fence
from bad import Bad
from wire import Wire

TEST_SECONDS = 60
GRACE_SECONDS = 10
# No task needs such a file; a copy of one that is all holes would fill the disk.
COPIED_BYTES = 1 << 26
# Runners of tests that sum up: one that a solution ended by itself did not.
SUMS_UP, SUM = re.compile(r"pytest|cargo test|rustc .*--test"), re.compile(r"\b[1-9]\d* passed\b")
# Of an agent's home, what says nothing about the run.
UNKEPT = {"snapshots", "tmp", "node_modules"}
# What a run leaves in its workspace that is no work.
LEAVINGS = {".git", "__pycache__", ".pytest_cache"}


class Stopped(Exception):
    """The measurement is to stop: this run does not count."""


def base():
    return pathlib.Path(tempfile.gettempdir(), f"eval-{os.getuid()}")


def run(task, attempt, setup):
    """The line to write down. `setup`: the options of `run`, and what it found: `words` of the command, `path` (the PATH
    of agents and tests), `held` (whether namespaces can be had), `settings`, and `stop`, which ends everything."""
    with place() as scratch:
        # The folder that the agent sees.
        seen = base() if setup.held else scratch
        workspace, home = scratch / "workspace", scratch / "home"
        (home / "tmp").mkdir(parents=True)
        lay_out(task, workspace)
        with Wire(setup.base_url, setup.budget) as wire:
            began = time.monotonic()
            ended = run_agent(task, scratch, seen, wire, setup)
            seconds = time.monotonic() - began
        if wire.gone:
            raise Bad(f"the model server at {setup.base_url} does not respond: {wire.gone}",
                      "start it again; the same command continues with this run and the rest")
        line = dict(task=task.id, language=task.language, label=setup.label, attempt=attempt, **setup.settings,
                    solved=False, **ended, **wire.counts, seconds=round(seconds, 1), load=round(os.getloadavg()[1], 1),
                    changed=[], malformed=[list(call) for call in wire.malformed[:3]], test_said="",
                    at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"))
        try:
            line.update(own_account(scratch, line, wire, setup))
            line.update(changed=changed(task, workspace))
            solved, said = judge(task, workspace, scratch, seen, setup)
            line.update(solved=solved, test_said=said)
        except (OSError, ValueError, RecursionError) as error:
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EMFILE, errno.EDQUOT):
                raise Bad(f"no space left on this machine: {error}", "free some; the same command continues") from error
            line.update(reason=f"what it left cannot be judged: {error}".replace(str(scratch), str(seen)))
        return line


@contextlib.contextmanager
def place():
    """An empty folder, whose path no other run had or will have."""
    with open_base() as mine:
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=base()))
        alive = os.open(scratch, os.O_RDONLY)
        fcntl.flock(alive, fcntl.LOCK_EX)
        fcntl.flock(mine, fcntl.LOCK_UN)
    try:
        yield scratch
    finally:
        remove(scratch)
        os.close(alive)


@contextlib.contextmanager
def open_base():
    """The folder of all runs, locked."""
    try:
        base().mkdir(mode=0o700, exist_ok=True)
        mine = os.open(base(), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise Bad(f"cannot create a folder for runs: {error}", "set TMPDIR to your own folder") from error
    try:
        if os.fstat(mine).st_uid != os.getuid():
            raise Bad(f"{base()} is not ours", "set TMPDIR to your own folder")
        fcntl.flock(mine, fcntl.LOCK_EX)
        yield mine
    finally:
        os.close(mine)


def clean_up():
    """Removes what runners left that were killed."""
    with open_base():
        for scratch in base().glob("run-*"):
            left = os.open(scratch, os.O_RDONLY | os.O_NOFOLLOW)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(scratch)
            os.close(left)


def remove(path):
    # rmtree of the standard library gives up where folders are nested deeply.
    subprocess.run(["rm", "-rf", "--", path], stderr=subprocess.DEVNULL)


def lay_out(task, folder):
    folder.mkdir()
    for path, text in task.files.items():
        put(folder, path, text)
    identity = ["-c", "user.name=eval", "-c", "user.email=eval@localhost", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A", "-f"], [*identity, "commit", "-q", "-m", "The task"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def put(folder, path, text):
    """Writes a file, in the place of whatever is there; a link on the way is not followed."""
    *parents, name = pathlib.PurePath(path).parts
    for parent in parents:
        folder = folder / parent
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink(missing_ok=True)
            folder.mkdir()
    if os.path.lexists(folder / name):
        remove(folder / name)
    (folder / name).write_text(text, encoding="utf-8")


def run_agent(task, scratch, seen, wire, setup):
    values = dict(task=task.instruction, workspace=str(seen / "workspace"), base_url=wire.base_url, model=setup.model,
                  limit=str(setup.limit), max_steps=str(setup.max_steps), home=str(seen / "home"), agent=str(setup.agent))
    command = [word.format_map(values) for word in setup.words]
    home = seen / "home"
    environment = {**os.environ, "PATH": setup.path, "EVAL_HOME": str(home), "XDG_STATE_HOME": str(home / "state"),
                   "XDG_CONFIG_HOME": str(home / "config"), "TMPDIR": str(home / "tmp")}
    words = fence.words(scratch, base(), seen / "workspace", setup.held, read_only=setup.fence)
    with open(scratch / "stdout", "wb") as stdout, open(scratch / "stderr", "wb") as stderr:
        child = subprocess.Popen([*words, *command], cwd=scratch, env=environment, stdin=subprocess.DEVNULL, stdout=stdout,
                                 stderr=stderr, start_new_session=True)
        try:
            by_itself = ended(child, setup.limit + GRACE_SECONDS, setup.stop, wire.spent)
            spent = wire.denied or wire.spent.is_set() and not by_itself
            finish = "budget spent" if spent else "exit" if by_itself else "killed at the limit"
            if finish == "budget spent":
                # A moment to write down how it ended.
                child.send_signal(signal.SIGINT)
                ended(child, GRACE_SECONDS, setup.stop)
        finally:
            fence.stop(child, GRACE_SECONDS)
    return dict(finish=finish, exit_code=child.returncode)


def ended(child, seconds, stop, enough=None):
    """Whether it ended by itself within that time, and before there was enough."""
    deadline = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < deadline and not (enough and enough.is_set()):
        if stop.wait(0.1):
            raise Stopped
    return child.poll() is not None


def own_account(scratch, line, wire, setup):
    """What the agent says of its run, and its records, kept beside the results."""
    kept = pathlib.Path(setup.out, "sessions", f"{line['label']}-{line['task'].replace('/', '_')}-{line['attempt']}")
    remove(kept)
    kept.parent.mkdir(parents=True, exist_ok=True)
    copy(scratch / "home", kept, lambda path: not UNKEPT & set(path.parts))
    for name in ("stdout", "stderr"):
        put(kept, name, text_of(scratch / name))
    put(kept, "replies.jsonl", "".join(json.dumps(reply) + "\n" for reply in wire.replies))
    account = dict(session=str(kept.relative_to(setup.out)))
    stdout = text_of(kept / "stdout")
    try:
        told = json.loads(stdout)
        account.update(reason=told["reason"], steps=told["steps"])
        if line["finish"] == "exit":
            account.update(finish=told["finish"])
    except (ValueError, LookupError, TypeError, RecursionError):
        said = exit_status(stdout)
        return {**account, "reason": said} if said else account
    counts = dict(edits=0, refused_edits=0, failed_calls=0)
    for session in kept.glob("state/agent/sessions/*.jsonl"):
        for entry in entries(text_of(session)):
            if entry.get("entry") == "outcome":
                failed, edit = entry["outcome"]["outcome"] == "failed", entry["tool"] in ("apply_diff", "create_file")
                counts["edits"] += edit
                counts["failed_calls"] += failed
                counts["refused_edits"] += failed and edit
    return {**account, **counts}


def entries(text):
    """The objects of JSON lines, of which the last may be torn."""
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            if isinstance(entry := json.loads(line), dict):
                yield entry


def exit_status(stdout):
    """How mini-swe-agent says at the end why it ended: `Exit:`, then a word on a line of its own."""
    found = re.findall(r"^Exit:[ \t]*\n?[ \t]*(\w+)[ \t]*$", stdout[-4000:], re.MULTILINE)
    return found[-1] if found else None


def text_of(path):
    """What a regular file says, and of others nothing: a pipe would never end."""
    if path.is_symlink() or not path.is_file() or COPIED_BYTES < path.stat().st_size:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def copy(source, target, wanted):
    """Regular files and links of a folder, whose paths in it are wanted: nothing that could hang, nothing outside."""
    target.mkdir()
    if source.is_symlink() or not source.is_dir():
        return
    for folder, folders, names in os.walk(source):
        inside = pathlib.Path(folder).relative_to(source)
        for name in [*folders, *names]:
            path, there = pathlib.Path(folder, name), target / inside / name
            if not wanted(inside / name):
                continue
            if path.is_symlink():
                there.symlink_to(os.readlink(path))
            elif path.is_dir():
                there.mkdir()
            elif path.is_file() and path.stat().st_size <= COPIED_BYTES:
                shutil.copy(path, there)
        folders[:] = [name for name in folders if wanted(inside / name)]


def changed(task, workspace):
    """Files that the agent changed, made or removed."""
    own = {}
    for folder, folders, names in os.walk(workspace):
        folders[:] = [name for name in folders if name not in (".git", "__pycache__")]
        files = [pathlib.Path(folder, name) for name in names]
        own.update((path.relative_to(workspace).as_posix(), path) for path in files if path.is_file() and not path.is_symlink())
    new = [path for path, place in own.items() if task.files.get(path) is None or not has(place, task.files[path].encode())]
    return sorted(new + [path for path in task.files if path not in own])


def has(path, content):
    return path.stat().st_size == len(content) and path.read_bytes() == content


def judge(task, workspace, scratch, seen, setup):
    """Whether the tests pass in a copy in which they are as the task has them, and the end of what they said."""
    if workspace.is_symlink() or not workspace.is_dir():
        raise ValueError("the workspace is gone")
    judged = scratch / "judged"
    copy(workspace, judged, lambda path: not LEAVINGS & set(path.parts) and task.may_be_judged(path))
    for name in task.files:
        text = task.judged_text(name, text_of(judged / name))
        put(judged, name, text)
    # Where the tests may write beside their folder: compilers and caches need it.
    (scratch / "judge").mkdir()
    environment = {"PATH": setup.path, "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
                   **{name: str(seen / "judge") for name in ("TMPDIR", "XDG_CACHE_HOME", "GOCACHE")}}
    words = fence.words(scratch, base(), seen / "judged", setup.held, read_only=True, network=False)
    # Not a pipe: one who is left behind would hold it open.
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen([*words, *command_words(task.test_command)], cwd=scratch, env=environment,
                                 stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
                                 start_new_session=True, preexec_fn=bound)
        try:
            passed = ended(child, TEST_SECONDS, setup.stop) and child.returncode == 0
        finally:
            fence.stop(child, GRACE_SECONDS)
        said.seek(max(0, said.seek(0, os.SEEK_END) - (1 << 16)))
        end = said.read().decode("utf-8", "replace")
    summed = not SUMS_UP.search(task.test_command) or bool(SUM.search(end))
    return passed and summed, end[-400:]


def bound():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))
    resource.setrlimit(resource.RLIMIT_CPU, (TEST_SECONDS, TEST_SECONDS))


def command_words(command):
    # `bash -c a b && c` is meant as one script.
    return ["bash", "-c", command.removeprefix("bash -c ")]
