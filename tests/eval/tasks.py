"""Tasks: what an agent is asked, in which files, and how to tell whether it did it.

From a file of JSON lines (`files`, `instruction`, `test_command`, and `file` where only one may change), or from a
directory with a folder a task, each in one of two layouts:
  ours       task.json (instruction, test_command, protected: [...]) beside a folder `files`
  Exercism   .docs/instructions.md, .meta/config.json (which files are the solution, the tests, the example), a stub
"""
import dataclasses, hashlib, json, pathlib

# The command that runs an exercise's tests, by the suffix of its solution.
EXERCISE_TESTS = {".py": "python3 -m pytest -q {tests}", ".rs": "cargo test --offline -- --include-ignored",
                  ".go": "go test ./...", ".js": "npm test", ".c": "make test"}
# From here on, a file holds tests that an agent may not write for itself.
TESTS_INSIDE = "#[cfg(test)]"


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


def load(source):
    source = pathlib.Path(source)
    if source.is_file():
        with open(source, encoding="utf-8") as lines:
            return [from_row(json.loads(line)) for line in lines if line.strip()]
    found = [read_folder(folder) for folder in sorted(source.iterdir()) if folder.is_dir()]
    return [task for task in found if task]


def from_row(row):
    free = {row["file"]} if row.get("file") else set()
    return Task(row["id"], row["instruction"], row["test_command"], row["files"],
                frozenset(row.get("protected", [path for path in row["files"] if free and path not in free])),
                row.get("language", ""))


def read_folder(folder):
    if (folder / "task.json").is_file():
        row = json.loads((folder / "task.json").read_text(encoding="utf-8"))
        return from_row({"id": folder.name, **row, "files": texts(folder / "files")})
    if (folder / ".meta/config.json").is_file():
        return exercise(folder)
    return None


def exercise(folder):
    named = json.loads((folder / ".meta/config.json").read_text(encoding="utf-8"))["files"]
    solution, tests = named["solution"], named.get("test", [])
    told = [folder / ".docs" / name for name in ("introduction.md", "instructions.md", "instructions.append.md")]
    told = "\n\n".join(path.read_text(encoding="utf-8").strip() for path in told if path.is_file())
    suffix = pathlib.PurePath(solution[0]).suffix
    command = EXERCISE_TESTS.get(suffix, "make test").format(tests=" ".join(tests))
    hidden = {".meta", ".docs", ".approaches", ".articles"}
    files = {path: text for path, text in texts(folder).items() if pathlib.PurePath(path).parts[0] not in hidden}
    names = ", ".join(solution)
    return Task(folder.name, f"Write the exercise in {names}, so that its tests ({', '.join(tests)}) pass.\n\n{told}",
                command, files, frozenset(tests), suffix.lstrip("."))


def texts(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def sample(tasks, count):
    """Always the same ones, whatever their order: by the digest of their names. A smaller sample is part of a larger."""
    return sorted(tasks, key=lambda task: hashlib.sha256(task.id.encode()).hexdigest())[:count]
