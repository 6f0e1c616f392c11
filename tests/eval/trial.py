"""One run of one agent on one task: a fresh repository, the agent, and then the tests, where the agent cannot reach."""
import contextlib, datetime, fcntl, itertools, json, os, pathlib, resource, shlex, shutil, signal, subprocess, tempfile, time

from wire import Wire

TEST_SECONDS = 60
GRACE_SECONDS = 10


def run(task, attempt, setup):
    """The line to write down. `setup`: the options of `run`, and `path`, the PATH of agents and tests."""
    with place() as scratch:
        workspace, home = scratch / "workspace", scratch / "home"
        (home / "tmp").mkdir(parents=True)
        lay_out(task, workspace)
        with Wire(setup.base_url, setup.budget) as wire:
            began = time.monotonic()
            ended = run_agent(task, workspace, home, wire, setup)
            seconds = time.monotonic() - began
        (home / "replies.jsonl").write_text("".join(json.dumps(reply) + "\n" for reply in wire.replies), encoding="utf-8")
        solved, said = judge(task, workspace, scratch / "judged", setup.path)
        line = dict(task=task.id, language=task.language, label=setup.label, attempt=attempt, model=setup.model,
                    solved=solved, **ended, **wire.counts, seconds=round(seconds, 1), load=round(os.getloadavg()[1], 1), budget=setup.budget,
                    changed=changed(task, workspace), malformed=[list(call) for call in wire.malformed[:3]],
                    test_said=said, at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"))
        line.update(own_account(scratch, line, setup))
        return line


@contextlib.contextmanager
def place():
    """An empty folder, always of the same few: a prompt that names it stays in the server's cache from run to run."""
    folder = pathlib.Path(tempfile.gettempdir(), f"eval-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    for number in itertools.count():
        with open(folder / f"{number}.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            scratch = folder / str(number)
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            try:
                yield scratch
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            return


def lay_out(task, folder):
    write(folder, task.files)
    identity = ["-c", "user.name=eval", "-c", "user.email=eval@localhost", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A", "-f"], [*identity, "commit", "-q", "-m", "The task"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def write(folder, files):
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        # A link that an agent left in its place is not followed.
        place.unlink(missing_ok=True)
        place.write_text(text, encoding="utf-8")


def run_agent(task, workspace, home, wire, setup):
    values = dict(task=task.instruction, workspace=str(workspace), base_url=wire.base_url, model=setup.model,
                  limit=str(setup.limit), max_steps=str(setup.max_steps), home=str(home))
    command = [word.format_map(values) for word in shlex.split(setup.command)]
    if setup.fence:
        command = [*read_only_but(workspace.parent, workspace), *command]
    environment = {**os.environ, "PATH": setup.path, "EVAL_HOME": str(home), "XDG_STATE_HOME": str(home / "state"),
                   "XDG_CONFIG_HOME": str(home / "config"), "TMPDIR": str(home / "tmp")}
    with open(home / "stdout", "wb") as stdout, open(home / "stderr", "wb") as stderr:
        child = subprocess.Popen(command, cwd=workspace, env=environment, stdin=subprocess.DEVNULL, stdout=stdout,
                                 stderr=stderr, start_new_session=True)
        finish, deadline = "exit", time.monotonic() + setup.limit + GRACE_SECONDS
        while finish == "exit" and child.poll() is None:
            if wire.spent.wait(0.2):
                finish = "budget spent"
            elif deadline < time.monotonic():
                finish = "killed at the limit"
        if finish == "budget spent":
            stop(child, signal.SIGINT)
        stop(child, signal.SIGKILL)
        code = child.wait()
    return dict(finish=finish, exit_code=code)


def stop(child, how):
    """Everything that it started too, which would go on writing. With Ctrl-C it has a moment to write down how it ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, how)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_SECONDS)


def own_account(scratch, line, setup):
    """What the agent says of its run, and its records, kept beside the results."""
    kept = pathlib.Path(setup.out, "sessions", f"{line['label']}-{line['task'].replace('/', '_')}-{line['attempt']}")
    shutil.rmtree(kept, ignore_errors=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(scratch / "home", kept, symlinks=True, ignore=shutil.ignore_patterns("snapshots", "tmp", "node_modules"))
    account = dict(session=str(kept.relative_to(setup.out)))
    try:
        told = json.loads((kept / "stdout").read_text(encoding="utf-8"))
        account.update(reason=told["reason"], steps=told["steps"])
        if line["finish"] == "exit":
            account.update(finish=told["finish"])
    except (ValueError, KeyError, TypeError):
        return account
    counts = dict(edits=0, refused_edits=0, failed_calls=0)
    for session in kept.glob("state/agent/sessions/*.jsonl"):
        for entry in map(json.loads, session.read_text(encoding="utf-8").splitlines()):
            if entry.get("entry") == "outcome":
                failed, edit = entry["outcome"]["outcome"] == "failed", entry["tool"] in ("apply_diff", "create_file")
                counts["edits"] += edit
                counts["failed_calls"] += failed
                counts["refused_edits"] += failed and edit
    return {**account, **counts}


def changed(task, workspace):
    """Files that the agent changed, made or removed."""
    there = {path.relative_to(workspace).as_posix(): path for path in workspace.rglob("*")
             if path.is_file() and not path.is_symlink()}
    own = {path: place for path, place in there.items() if not path.startswith(".git/") and "__pycache__" not in path}
    new = [path for path, place in own.items() if task.files.get(path, "").encode() != place.read_bytes()]
    return sorted(new + [path for path in task.files if path not in own])


def judge(task, workspace, judged, path):
    """Whether the tests pass in a copy in which they are as the task has them, and the end of what they said."""
    shutil.copytree(workspace, judged, symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__", ".pytest_cache"))
    texts = {}
    for name in task.files:
        place = judged / name
        left = place.read_text(encoding="utf-8", errors="replace") if place.is_file() and not place.is_symlink() else ""
        texts[name] = task.judged_text(name, left)
    write(judged, texts)

    def bound():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))
        resource.setrlimit(resource.RLIMIT_CPU, (TEST_SECONDS, TEST_SECONDS))

    environment = {"PATH": path, "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    child = subprocess.Popen([*no_network(), *command_words(task.test_command)], cwd=judged, env=environment,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True, preexec_fn=bound)
    try:
        said, _ = child.communicate(timeout=TEST_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        said, _ = child.communicate()
    return child.returncode == 0, said.decode("utf-8", "replace")[-400:]


def command_words(command):
    # `bash -c a b && c` is meant as one script.
    return ["bash", "-c", command.removeprefix("bash -c ")]


def read_only_but(folder, workspace):
    """For an agent without a fence of its own: nothing but this folder can be written, where the kernel lets us say so."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && cd "$1" && shift && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(folder), str(workspace)]


def no_network():
    """What the model wrote runs here too, without our fence: at least it reaches nobody."""
    alone = ["unshare", "--user", "--map-current-user", "--net"]
    works = shutil.which("unshare") and subprocess.run([*alone, "true"], capture_output=True).returncode == 0
    return alone if works else []
