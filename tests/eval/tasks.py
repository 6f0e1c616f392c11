"""Tasks: what an agent is asked, in which files, and how to tell whether it did it.

From a file of JSON lines (`id`, `files`, `instruction`, `test_command`, and which files are the solution: `file`, the
one that is, or `protected`, those that are not), or from a folder of tasks or of one, each in one of two layouts:
  ours       task.json (instruction, test_command, file or protected) beside a folder `files`
  Exercism   .docs/instructions.md, .meta/config.json (which files are the solution, the tests, the example), a stub
"""
import dataclasses, fnmatch, hashlib, json, pathlib, shlex, sys

from bad import Bad

# The command that runs an exercise's tests, by the suffix of its solution.
EXERCISE_TESTS = {".py": "python3 -m pytest -q {tests}", ".rs": "cargo test --offline -- --include-ignored",
                  ".go": "go test ./...", ".js": "npm test", ".c": "make test"}
# From here on, a file holds tests that an agent may not write for itself.
TESTS_INSIDE = "#[cfg(test)]"
# What steers runners of tests, or comes before the real thing: nothing of this is judged that the task did not bring.
STEERS = ("conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "setup.py", "pyproject.toml", "noxfile.py", "sitecustomize.py",
          "usercustomize.py", "*.pth", "*.pyc", "*.so", "*.dist-info", "*.egg-info", "package.json", "*.config.js", "*.config.cjs",
          "*.config.mjs", "*.config.ts", "node_modules", "Cargo.toml", "Cargo.lock", "build.rs", "rust-toolchain*", "go.mod",
          "go.work", "vendor", "Makefile", "makefile", "GNUmakefile", ".*")
SHADOWED = sys.stdlib_module_names | {"pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments"}


@dataclasses.dataclass(frozen=True)
class Task:
    id: str
    instruction: str
    test_command: str
    files: dict
    # Paths that are put back before the tests run.
    protected: frozenset
    language: str = ""

    def judged_text(self, path, text):
        """A file as the tests run on it: what is protected is as the task has it."""
        given = self.files.get(path)
        if path in self.protected:
            return given
        if given is None or TESTS_INSIDE not in given:
            return text
        return text.split(TESTS_INSIDE)[0] + TESTS_INSIDE + given.split(TESTS_INSIDE, 1)[1]

    def may_be_judged(self, path):
        """Whether a path that the agent left is copied to where the tests run."""
        own = {pathlib.PurePath(name) for name in self.files}
        own |= {parent for name in own for parent in name.parents}
        if path in own:
            return True
        stem = path.name.split(".")[0]
        module = path.suffix in ("", ".py")
        hides = module and (stem in SHADOWED or path.with_name(f"{stem}.py").as_posix() in self.protected)
        return not hides and not any(fnmatch.fnmatch(path.name, pattern) for pattern in STEERS)


def load(source):
    source = pathlib.Path(source)
    try:
        if source.is_file():
            found = list(from_lines(source))
        elif is_task(source):
            found = [read_folder(source)]
        elif source.is_dir():
            found = [read_folder(folder) for folder in sorted(source.iterdir()) if is_task(folder)]
        else:
            raise Bad(f"{source} does not exist", "name a file or a folder of tasks: --tasks PATH")
    except OSError as error:
        raise Bad(f"cannot read {source}: {error}", "name a file or a folder of tasks: --tasks PATH") from error
    twice = {task.id for task in found if 1 < sum(other.id == task.id for other in found)}
    if twice:
        raise Bad(f"{source} names {sorted(twice)[0]} twice", "give each task its own id")
    return found


def from_lines(source):
    with open(source, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield from_row(parsed(line, f"{source}:{number}"), f"{source}:{number}")


def parsed(text, where):
    """A JSON object."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Bad(f"{where} is not JSON: {error}", "tests/eval/tasks.py describes tasks") from error
    if not isinstance(row, dict):
        raise Bad(f"{where} is not a JSON object", "tests/eval/tasks.py describes tasks")
    return row


def from_row(row, where):
    for key in ("id", "instruction", "test_command"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise Bad(f"{where} has no `{key}`", f'give it one: "{key}": "TEXT"')
    files = row.get("files")
    if not isinstance(files, dict) or not files or not all(isinstance(text, str) for text in files.values()):
        raise Bad(f"{where} has no files", "a task has at least one, by its path: its text, in `files`")
    file, protected = row.get("file"), row.get("protected")
    if file is None and protected is None:
        raise Bad(f"{where} does not say which files are the solution",
                  'name the one that is, "file": "PATH", or those that are not, "protected": ["PATH"]')
    if file is not None and not isinstance(file, str) or not is_texts(protected or []):
        raise Bad(f"{where} has a `file` that is not a path, or a `protected` that is not a list of paths", '"file": "PATH"')
    if missing := sorted(set(protected or []) - set(files)):
        raise Bad(f"{where} protects {missing[0]}, which it does not have", "fix the path, or remove it from `protected`")
    guarded = frozenset(protected) if file is None else frozenset(files) - {file}
    return Task(row["id"], row["instruction"], row["test_command"], inside(files, where), guarded, str(row.get("language") or ""))


def is_texts(value):
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def inside(files, where):
    """The files, none of which lies outside of the folder that they are written to."""
    for path in files:
        parts = path.split("/")
        if not path or path.startswith("/") or "\0" in path or {"", ".", ".."} & set(parts) or parts[0] == ".git":
            raise Bad(f"{where} has a file at `{path}`", "paths are relative and stay below the task's folder")
        if any(str(parent) in files for parent in pathlib.PurePath(path).parents):
            raise Bad(f"{where} has a file at `{path}`, below another file", "fix its path")
    return files


def is_task(folder):
    return (folder / "task.json").is_file() or (folder / ".meta/config.json").is_file()


def read_folder(folder):
    if not (folder / "task.json").is_file():
        return exercise(folder)
    row = {"id": folder.resolve().name, **parsed((folder / "task.json").read_bytes(), folder / "task.json")}
    return from_row({**row, "files": texts(folder / "files")}, folder / "task.json")


def exercise(folder):
    where = folder / ".meta/config.json"
    named = parsed(where.read_bytes(), where).get("files")
    named = named if isinstance(named, dict) else {}
    solution, tests = named.get("solution"), named.get("test", [])
    if not is_texts(solution) or not solution or not is_texts(tests):
        raise Bad(f"{where} does not say which files are the solution", '"files": {"solution": ["PATH"], "test": ["PATH"]}')
    told = [folder / ".docs" / name for name in ("introduction.md", "instructions.md", "instructions.append.md")]
    told = "\n\n".join(text(path).strip() for path in told if path.is_file())
    suffix = pathlib.PurePath(solution[0]).suffix
    command = EXERCISE_TESTS.get(suffix, "make test").format(tests=shlex.join(tests))
    hidden = {".meta", ".docs", ".approaches", ".articles"}
    files = texts(folder, hidden)
    names = ", ".join(solution)
    return Task(folder.resolve().name, f"Write the exercise in {names}, so that its tests ({', '.join(tests)}) pass.\n\n{told}",
                command, inside(files, where), frozenset(files) - set(solution), suffix.lstrip("."))


def texts(folder, hidden=frozenset()):
    paths = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {inner.as_posix(): text(path) for inner, path in paths.items() if inner.parts[0] not in hidden}


def text(path):
    try:
        return path.read_text(encoding="utf-8")
    except ValueError as error:
        raise Bad(f"{path} is not text", "a task's files are UTF-8: remove it") from error


def sample(tasks, count):
    """Always the same ones, whatever their order: by the digest of their names. A smaller sample is part of a larger."""
    return sorted(tasks, key=lambda task: hashlib.sha256(task.id.encode()).hexdigest())[:count]
