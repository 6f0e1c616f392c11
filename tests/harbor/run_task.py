"""One task through Harbor, without Docker: the adapter of docs/harbor, the environment beside this file, and a model
that is a script on loopback. Then every trajectory that is named, and that of the run, against Harbor's own models.

    PYTHONPATH=docs/harbor:tests/harbor python3.12 tests/harbor/run_task.py BINARY WORK_FOLDER TRAJECTORY...
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

from harbor.models.trajectories import Trajectory

KEY = "planted-key-harbor-81c2"
HERE = pathlib.Path(__file__).parent
ANSWERS = [
    {"tool_calls": [{"index": 0, "id": "abcdefghi", "type": "function", "function": {
        "name": "run_command", "arguments": json.dumps({"command": "echo Hello > greeting.txt"})}}]},
    {"content": "greeting.txt says Hello."},
]


class Model(http.server.BaseHTTPRequestHandler):
    """Streams the next answer, whatever was asked, to whoever has the key."""

    asked = 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_error(404)

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        if self.headers["authorization"] != f"Bearer {KEY}":
            return self.send_error(401)
        delta = ANSWERS[min(Model.asked, len(ANSWERS) - 1)]
        Model.asked += 1
        chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
        finish = "tool_calls" if "tool_calls" in delta else "stop"
        usage = {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020}
        events = [
            {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": None}]},
            {**chunk, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": finish}], "usage": usage},
        ]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in events:
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")


def main(binary, work, *trajectories):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    harbor = pathlib.Path(sys.executable).with_name("harbor")
    command = [
        harbor, "run", "--path", HERE / "task", "--agent", "agent_adapter:AgentInHarbor", "--model", "scripted",
        "--env", "local_environment:LocalEnvironment", "--jobs-dir", work, "--job-name", "one", "--yes",
        "--ak", f"server=http://127.0.0.1:{server.server_port}/v1",
    ]
    env = {**os.environ, "AGENT_BINARY": str(pathlib.Path(binary).resolve()), "MISTRAL_API_KEY": KEY, "HOME": work}
    ran = subprocess.run(list(map(str, command)), env=env, text=True, capture_output=True, timeout=300)
    job = pathlib.Path(work, "one")
    results = [json.loads(path.read_text()) for path in job.glob("*/result.json")]
    try:
        (result,) = results
        assert result["verifier_result"]["rewards"]["reward"] == 1, result
        assert result["agent_result"]["n_input_tokens"] == 2000, result["agent_result"]
        assert result["agent_result"]["n_output_tokens"] == 40, result["agent_result"]
        (of_the_run,) = job.glob("*/agent/trajectory.json")
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        print(ran.stdout[-3000:], ran.stderr[-3000:], sep="\n")
        for log in [*job.glob("*/exception.txt"), *job.glob("*/agent/agent.txt")]:
            print(f"--- {log}\n{log.read_text()[-3000:]}")
        sys.exit(f"harbor run: {error!r}")
    for path in job.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), f"the key is in {path}"
    for path in [of_the_run, *map(pathlib.Path, trajectories)]:
        trajectory = Trajectory.model_validate_json(path.read_bytes())
        # Nothing was dropped or read otherwise than it stands there.
        assert trajectory.to_json_dict(exclude_none=False)["steps"], path
        print(f"{path.name}: {trajectory.schema_version}, {len(trajectory.steps)} steps, valid")


if __name__ == "__main__":
    main(*sys.argv[1:])
