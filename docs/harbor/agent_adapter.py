"""Runs `agent` in Harbor (https://pypi.org/project/harbor, read against 0.26.0), so on Terminal-Bench, SWE-bench and
every other data set that Harbor has:

    PYTHONPATH=docs/harbor AGENT_BINARY=target/release/agent MISTRAL_API_KEY=... \\
    harbor run -d terminal-bench@2.0 --agent agent_adapter:AgentInHarbor -m mistral-medium-3-5

The binary is uploaded into the task's container; without AGENT_BINARY one that is there already is used. The key goes
to the one command that needs it, by its environment, and into no file or argument. See docs/harbor.md.
"""

import json
import os
import shlex
from pathlib import Path
from typing import Annotated, Any, override

from pydantic import Field

from harbor.agents.capabilities import AgentCapabilities
from harbor.agents.installed.base import BaseInstalledAgent, NonZeroAgentExitCodeError, with_prompt_template
from harbor.agents.options import Cli, InstalledAgentOptions
from harbor.environments.base import BaseEnvironment
from harbor.models.agent.context import AgentContext

INSTALLED = "/usr/local/bin/agent"
CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
# Exit codes of `agent run` (the README has the table) after which the tests decide: finished, a limit, nobody there to
# approve, stuck. The others are failures of the machinery, which Harbor may try again.
GRADED = (0, 3, 4, 5)


class AgentOptions(InstalledAgentOptions):
    """`--ak NAME=VALUE`. Harbor's own time limit is above all of them."""

    max_steps: Annotated[int | None, Cli("--max-steps")] = Field(default=None, description="Requests to the model.")
    max_cost: Annotated[str | None, Cli("--max-cost")] = Field(default=None, description="USD.")
    max_tokens: Annotated[int | None, Cli("--max-tokens")] = Field(default=None, description="Input and output combined.")
    max_time: Annotated[str | None, Cli("--max-time")] = Field(default=None, description="Such as 90s, 10m, 1h30m.")
    network: Annotated[str | None, Cli("--network")] = Field(
        default="on", description="For commands: on, off or hosts=NAME,NAME. The task's own policy takes precedence."
    )
    sandbox: Annotated[str | None, Cli("--sandbox")] = Field(
        default="off", description="off: the container is the sandbox, and tasks work outside one directory; or on."
    )
    # Not called base_url, which Harbor takes for its own.
    server: Annotated[str | None, Cli("--base-url", fallback="AGENT_BASE_URL")] = Field(
        default=None, description="An OpenAI-compatible server, as the container reaches it."
    )
    api_key_env: str = Field(default="MISTRAL_API_KEY", description="The variable on this machine with the key.")


class AgentInHarbor(BaseInstalledAgent):
    """One `agent run` for the task, then its session as the trajectory."""

    capabilities = AgentCapabilities(atif=True)
    options_model = AgentOptions
    options: AgentOptions

    @staticmethod
    @override
    def name() -> str:
        return "agent"

    @override
    def get_version_command(self) -> str | None:
        return f"PATH={Path(INSTALLED).parent}:$PATH agent --version"

    @override
    def parse_version(self, stdout: str) -> str:
        # `agent 0.1.0 (...)`
        return (stdout.split() + ["unknown"] * 2)[1]

    @override
    async def install(self, environment: BaseEnvironment) -> None:
        binary = os.environ.get("AGENT_BINARY")
        if binary:
            await environment.upload_file(Path(binary), INSTALLED)
            await self.exec_as_root(environment, command=f"chmod 755 {INSTALLED}")
        elif not await self.is_requested_version_installed(environment):
            raise RuntimeError("name the binary for the container in AGENT_BINARY: `cargo build --release` makes one")
        # TLS is checked against the container's own certificates, which slim images lack.
        found = await environment.exec(command=" || ".join(f"[ -s {path} ]" for path in CERTIFICATES))
        if found.return_code != 0:
            await self.ensure_system_dependencies(environment, ("ca_certificates",))

    @property
    def _state(self) -> str:
        """Below what Harbor brings back, so that the session file is there too."""
        return (self.environment_logs_dir / "state").as_posix()

    def _environment_of_the_run(self) -> dict[str, str]:
        name = self.options.api_key_env
        key = self._get_env(name)
        env = {"XDG_STATE_HOME": self._state}
        return env if key is None else {**env, name: key}

    @override
    @with_prompt_template
    async def run(self, instruction: str, environment: BaseEnvironment, context: AgentContext) -> None:
        logs = self.environment_logs_dir
        model = ["--model", self._parsed_model_name] if self._parsed_model_name else []
        key = ["--api-key-env", self.options.api_key_env]
        command = ["agent", "run", "--mode", "auto", "--output", "jsonl", *key, *model]
        # After `--`, a task that begins with a dash is no flag.
        line = f"{shlex.join(command)} {self.build_cli_flags()} -- {shlex.quote(instruction)}"
        path = f"export PATH={Path(INSTALLED).parent}:$PATH; mkdir -p {shlex.quote(self._state)}; "
        graded = " || ".join(f"[ $code -eq {code} ]" for code in GRADED)
        try:
            await self.exec_as_agent(
                environment,
                command=f"{path}code=0; {line} </dev/null >{logs}/events.jsonl 2>{logs}/agent.txt || code=$?; "
                f"tail -n 3 {logs}/agent.txt; {graded}",
                env=self._environment_of_the_run(),
            )
        finally:
            # Also of a run that failed or took too long. The files' old contents are for `agent undo` alone, and large.
            try:
                await self.exec_as_agent(
                    environment,
                    command=f"{path}rm -rf {self._state}/agent/snapshots; agent show --atif {logs}/trajectory.json",
                    env=self._environment_of_the_run(),
                )
            except NonZeroAgentExitCodeError as error:
                self.logger.warning("no trajectory: %s", error)

    @override
    def populate_context_post_run(self, context: AgentContext) -> None:
        try:
            trajectory: dict[str, Any] = json.loads((self.logs_dir / "trajectory.json").read_text())
        except (OSError, ValueError) as error:
            self.logger.warning("no figures: %s", error)
            return
        totals = trajectory.get("final_metrics") or {}
        context.n_input_tokens = totals.get("total_prompt_tokens")
        context.n_output_tokens = totals.get("total_completion_tokens")
        context.n_cache_tokens = totals.get("total_cached_tokens")
        context.cost_usd = totals.get("total_cost_usd")
        context.metadata = {"session": trajectory.get("session_id"), **(totals.get("extra") or {})}
