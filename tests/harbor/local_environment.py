"""An environment of Harbor that is a temporary folder of this machine: no container, no network, and no fence but the
agent's own. For the one task beside it; nothing for tasks that one does not know.

Paths of the container (`/logs`, `/tests`, ...) become folders below the temporary one, in commands and scripts too.
"""

import asyncio
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path
from typing import override

from harbor.environments.base import BaseEnvironment, ExecResult
from harbor.environments.capabilities import EnvironmentCapabilities

PATHS = re.compile(r"(?<![\w./-])/(logs|tests|solution|installed-agent|app|usr/local/bin)(?![\w-])")


class LocalEnvironment(BaseEnvironment):
    @staticmethod
    @override
    def type() -> str:
        return "local-folder"

    @property
    @override
    def capabilities(self) -> EnvironmentCapabilities:
        return EnvironmentCapabilities()

    @override
    def _validate_definition(self) -> None:
        pass

    def _here(self, text: Path | str) -> str:
        return PATHS.sub(lambda found: f"{self._root}/{found[1]}", str(text))

    @override
    async def start(self, force_build: bool) -> None:
        self._root = tempfile.mkdtemp(prefix="harbor-local-")
        for folder in ("app", "logs/agent", "logs/verifier", "logs/artifacts", "tests", "usr/local/bin", "home"):
            Path(self._root, folder).mkdir(parents=True)
        shutil.copytree(self.environment_dir, Path(self._root, "app"), dirs_exist_ok=True)

    @override
    async def stop(self, delete: bool) -> None:
        shutil.rmtree(self._root, ignore_errors=True)

    @override
    async def upload_file(self, source_path: Path | str, target_path: str) -> None:
        copy(Path(source_path), Path(self._here(target_path)))

    @override
    async def upload_dir(self, source_dir: Path | str, target_dir: str) -> None:
        target = Path(self._here(target_dir))
        shutil.copytree(source_dir, target, dirs_exist_ok=True)
        for script in target.rglob("*.sh"):
            script.write_text(self._here(script.read_text()))

    @override
    async def download_file(self, source_path: str, target_path: Path | str) -> None:
        copy(Path(self._here(source_path)), Path(target_path))

    @override
    async def download_dir(self, source_dir: str, target_dir: Path | str) -> None:
        shutil.copytree(self._here(source_dir), target_dir, dirs_exist_ok=True)

    @override
    async def exec(
        self,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        timeout_sec: int | None = None,
        user: str | int | None = None,
    ) -> ExecResult:
        # As in a container: nothing of this machine's own environment.
        own = {"PATH": os.environ["PATH"], "HOME": f"{self._root}/home"}
        given = {name: self._here(value) for name, value in (self._merge_env(env) or {}).items()}
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", self._here(command),
            cwd=self._here(cwd or "/app"), env={**own, **given}, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
        try:
            stdout, stderr = await asyncio.wait_for(process.communicate(), timeout_sec)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return ExecResult(stdout=stdout.decode(), stderr=stderr.decode(), return_code=process.returncode)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
