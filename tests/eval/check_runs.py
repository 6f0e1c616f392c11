"""What the runner does: small agents that are shell scripts, on small tasks, with a model server on loopback."""
import contextlib, gzip, http.server, importlib.machinery, json, os, pathlib, shlex, signal, socket, subprocess, sys
import tempfile, threading, time, types, unittest, unittest.mock

import fence, wire
from bad import Bad

RUN = pathlib.Path(__file__).resolve().parent / "run"
NOWHERE = "http://127.0.0.1:9/v1"
TEST = "import a\nassert a.x == 1\n"


def task(name):
    return dict(id=name, instruction=name, test_command=f"{sys.executable} test_a.py", file="a.py",
                files={"a.py": "x = 0\n", "test_a.py": TEST})


def by_task(scripts):
    return "; ".join(f"[ $2 != {name} ] || {{ {does}; }}" for name, does in scripts.items())


def fenced_here():
    with tempfile.TemporaryDirectory() as folder:
        return not fence.why_not(folder, folder)


class Here(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.here = pathlib.Path(holder.name)
        self.environment = {**os.environ, "TMPDIR": holder.name, "PYTHONDONTWRITEBYTECODE": "1"}
        self.give(task("t"))

    def give(self, *rows):
        (self.here / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def words(self, script, *more):
        """`script`: what the agent does, for `sh`."""
        command = "sh -c " + shlex.quote(script).replace("{", "{{").replace("}", "}}") + " sh {base_url} {task}"
        return [sys.executable, str(RUN), "run", "--tasks", "tasks.jsonl", "--out", "out", "--base-url", NOWHERE,
                "--model", "m", "--label", "l", "--command", command, *more]

    def start(self, words):
        return subprocess.Popen(words, cwd=self.here, env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def do(self, words, code=0):
        child = self.start(words)
        stdout, stderr = child.communicate(timeout=60)
        self.assertEqual(child.returncode, code, stderr)
        self.assertNotIn("Traceback", stderr)
        return stdout, stderr

    def lines(self):
        path = self.here / "out/runs.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []

    def refused(self, words, told):
        _, stderr = self.do(words, 2)
        self.assertIn(told, stderr)
        self.assertIn("\nhint: ", stderr)

    def wait_for(self, true, seconds=10):
        until = time.monotonic() + seconds
        while not true():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)


def alive(word):
    """Processes that have this word in their command line."""
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word.encode() in place.read_bytes().split(b"\0"):
                found.append(place.parent.name)
    return found


class Measurements(Here):
    def test_whatever_an_agent_leaves_has_its_line(self):
        leave = {"good": "echo 'x = 1' > a.py", "folder": "rm test_a.py; mkdir test_a.py; echo 'x = 1' > a.py",
                 "gone": "cd ..; rm -rf workspace", "pipes": "mkfifo p a.fifo $EVAL_HOME/p; rm a.py; mkfifo a.py",
                 "link": "mkdir ../o; mv a.py ../o; ln -s ../o/a.py a.py; rm -rf $EVAL_HOME; ln -s /etc $EVAL_HOME",
                 "fails": "exit 9"}
        self.give(*map(task, leave))
        self.do(self.words(by_task(leave), "--jobs", "3"))
        runs = {line["task"]: line for line in self.lines()}
        self.assertEqual({name for name, line in runs.items() if line["solved"]}, {"good", "folder"})
        self.assertEqual(runs.keys(), leave.keys())
        self.assertIn("the workspace is gone", runs["gone"]["reason"])
        self.assertEqual(runs["fails"]["exit_code"], 9)

    def test_the_judge_is_not_fooled(self):
        cheats = {"conftest": "echo 'import os; os._exit(0)' > conftest.py", "shadow": "echo 'raise SystemExit(0)' > math.py",
                  "tests": "echo > test_a.py", "helper": "echo 'x = 1' > helper.py; echo 'from helper import x' > a.py"}
        rows = [task(name) for name in cheats]
        for row in rows:
            row["files"]["test_a.py"] = f"import pathlib\nif pathlib.Path('conftest.py').exists(): import conftest\nimport math\n{TEST}"
        self.give(*rows)
        self.do(self.words(by_task(cheats)))
        self.assertEqual([line["task"] for line in self.lines() if line["solved"]], ["helper"])

    def test_nothing_is_left_of_what_a_solution_starts(self):
        solution = f"import subprocess; subprocess.Popen(['sleep', '55{os.getpid()}'], start_new_session=True); x = 1"
        began = time.monotonic()
        self.do(self.words(f"echo {shlex.quote(solution)} > a.py; setsid sleep 66{os.getpid()} &"))
        self.assertLess(time.monotonic() - began, 20)
        self.assertTrue(self.lines()[0]["solved"])
        self.assertEqual(alive(f"55{os.getpid()}") + alive(f"66{os.getpid()}"), [])

    def test_a_signal_keeps_what_ended_and_kills_the_rest(self):
        self.give(*map(task, "012"))
        for how, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]:
            label = f"l{code}"
            sleep = f"setsid sleep 77{os.getpid()} & sleep 77{os.getpid()}"
            words = self.words(by_task({"0": "true", "1": sleep, "2": sleep}), "--label", label, "--jobs", "3")
            # As a script starts something in the background.
            child = self.start(["sh", "-c", 'trap "" INT; exec "$@"', "sh", *words])
            mine = lambda: [line["task"] for line in self.lines() if line["label"] == label]
            self.wait_for(lambda: mine() == ["0"] and alive(f"77{os.getpid()}"))
            child.send_signal(how)
            _, stderr = child.communicate(timeout=20)
            self.assertEqual(child.returncode, code, stderr)
            self.wait_for(lambda: not alive(f"77{os.getpid()}"))
            self.assertEqual(mine(), ["0"])
            if how != signal.SIGKILL:
                self.assertIn("the same command goes on", stderr)
        self.assertEqual(len(list(self.here.glob("eval-*/run-*"))), 2)
        self.do(self.words("echo 'x = 1' > a.py", "--only", "0", "--label", "after"))
        self.assertEqual(list(self.here.glob("eval-*/run-*")), [])
        self.assertEqual([line["solved"] for line in self.lines() if line["label"] == "after"], [True])

    def test_one_label_has_one_setting_and_one_runner(self):
        words = self.words("true")
        self.do(words)
        for more in (["--model", "n"], ["--budget", "7"], ["--limit", "7"], ["--jobs", "2"], ["--command", "false"]):
            self.refused(words + more, "these would have")
        _, stderr = self.do(words)
        self.assertIn("0 runs to do, 1 done before", stderr)
        slow = self.words(f"sleep 88{os.getpid()}", "--label", "slow")
        child = self.start(slow)
        self.wait_for(lambda: alive(f"88{os.getpid()}"))
        self.refused(slow, "another run is writing to out")
        child.terminate()
        child.communicate(timeout=20)

    @unittest.skipUnless(fenced_here(), "there are no namespaces here")
    def test_in_the_fence_nothing_else_can_be_written(self):
        outside = self.here / "outside"
        outside.mkdir()
        self.do(self.words(f"echo 'x = 1' > a.py; touch {outside}/x /dev/shm/eval-{os.getpid()}; mount -o remount,rw /; "
                           f"touch {outside}/x; umount {self.here}/eval-*; true", "--fence"))
        self.assertTrue(self.lines()[0]["solved"])
        self.assertEqual(list(outside.iterdir()), [])
        self.assertFalse(pathlib.Path(f"/dev/shm/eval-{os.getpid()}").exists())


    def test_where_there_can_be_no_fence(self):
        words = self.words(f"echo 'x = 1' > a.py; setsid sleep 99{os.getpid()} &")
        # In a user namespace of its own it may forbid itself any more of them.
        script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
        none_more = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"]
        if subprocess.run([*none_more, "true"], capture_output=True).returncode:
            none_more = []
        self.refused([*none_more, *words, "--fence"], "the sandbox does not work here")
        self.do([*none_more, *words])
        self.assertTrue(self.lines()[0]["solved"])
        self.assertEqual(alive(f"99{os.getpid()}"), [])

    def test_without_namespaces_nothing_is_left_either(self):
        sleep = f"44{os.getpid()}"
        script = f"setsid sh -c 'sleep {sleep} & sleep {sleep}' & "
        for how, code in [(None, 3), (signal.SIGTERM, 143)]:
            words = fence.words(self.here, self.here, self.here, held=False)
            child = subprocess.Popen([*words, "sh", "-c", script + (f"sleep {sleep}" if how else "exit 3")])
            if how:
                self.wait_for(lambda: len(alive(sleep)) == 3)
                fence.stop(child, 10)
            self.assertEqual(child.wait(10), code)
            self.assertEqual(alive(sleep), [])


class Model(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.do(self)

    def say(self, data):
        self.wfile.write(b"data: " + data + b"\n\n")
        self.wfile.flush()


ASK = f"""{sys.executable} -c "
import sys, urllib.request
try:
    request = urllib.request.Request(sys.argv[1] + '/chat/completions', b'x' * 100)
    answer = urllib.request.urlopen(request)
    print(answer.read(int(sys.argv[2])))
except OSError as error:
    print(error)
" "$1" """
WORD = json.dumps({"choices": [{"delta": {"content": "word "}}]}).encode()


class Servers(Here):
    def serve(self, do):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
        server.daemon_threads, server.do = True, do
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}/v1"

    def test_a_run_whose_server_went_away_does_not_count(self):
        def breaks_off(client):
            client.send_response(200)
            client.end_headers()
            client.say(WORD)

        def away(client):
            client.send_error(503)
        self.give(task("t"), task("u"))
        for url in (NOWHERE, self.serve(breaks_off), self.serve(away)):
            self.refused(self.words(ASK + "-1", "--base-url", url), "does not respond")
            self.assertEqual(self.lines(), [])

        def whole(client):
            client.send_response(200)
            client.end_headers()
            client.say(WORD)
            client.say(b"[DONE]")
        self.do(self.words(ASK + "-1", "--base-url", self.serve(whole)))
        self.assertEqual([line["replies_without_call"] for line in self.lines()], [1, 1])

    def test_a_stream_that_was_cut_counts(self):
        def endless(client):
            client.send_response(200)
            client.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    client.say(WORD)
                    time.sleep(0.002)
        url = self.serve(endless)
        self.do(self.words(ASK + "400", "--base-url", url))
        self.do(self.words(ASK + "-1", "--base-url", url, "--label", "spent", "--budget", "5"))
        hung_up, spent = self.lines()
        self.assertEqual((hung_up["finish"], hung_up["cut_requests"], hung_up["tokens_in"]), ("exit", 1, 25))
        self.assertLess(5, hung_up["tokens_out"])
        self.assertEqual((spent["finish"], spent["cut_requests"]), ("budget spent", 1))
        self.assertLessEqual(50, spent["tokens_out"])

    def test_the_end_of_a_run_cuts_what_still_goes_on(self):
        def slow(client):
            client.send_response(200)
            client.end_headers()
            client.say(WORD)
            self.over.wait(10)
        self.over = threading.Event()
        url = self.serve(slow)
        with wire.Wire(url, 100) as through, socket.create_connection(("127.0.0.1", through.server.server_address[1])) as agent:
            agent.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 40\r\n\r\n" + b"x" * 40)
            while b"word" not in agent.recv(999):
                pass
        self.over.set()
        told = [through.counts[name] for name in ("requests", "cut_requests", "failed_requests", "tokens_in", "tokens_out")]
        self.assertEqual((told, through.gone), ([1, 1, 1, 10, 1], None))


class WrongUse(Here):
    def refused(self, words, told):
        """As `run` refuses it, without the start of a program for each."""
        with unittest.mock.patch("sys.argv", words[1:]), contextlib.chdir(self.here), self.assertRaises(Bad, msg=words) as raised:
            self.runner.main()
        self.assertIn(told, str(raised.exception))
        self.assertTrue(raised.exception.hint)

    def test_is_said_with_a_hint(self):
        loader = importlib.machinery.SourceFileLoader("runner", str(RUN))
        self.runner = types.ModuleType("runner")
        self.runner.__file__ = str(RUN)
        exec(loader.get_code("runner"), self.runner.__dict__)
        words = self.words("true")
        super().refused(words + ["--jobs", "0"], "`0` is not a number of at least 1")
        (self.here / "binary").write_bytes(b"\xff\xfe")
        for name, text in [("empty", ""), ("text", "no run\n"), ("array", "[]\n"), ("other", '{"label": 1}\n')]:
            (self.here / name).write_text(text)
        (self.here / "torn.gz").write_bytes(gzip.compress(b"x" * 999)[:-9])
        for name in ("empty", "text", "array", "other", "binary", "torn.gz", "nothing", "."):
            for verb in ("table", "results"):
                self.refused([sys.executable, str(RUN), verb, name], name)
        for option, value, told in [
                ("--command", "'", "--command"), ("--command", "{nope}", "nope"), ("--command", "awk '{print}'", "print"),
                ("--command", "no-such-program x", "no-such-program"), ("--command", "", "--command"),
                ("--sample", "0", "at least 1"), ("--sample", "-3", "at least 1"), ("--attempts", "0", "at least 1"),
                ("--limit", "x", "at least 1"), ("--label", "../../zz", "label"), ("--out", "empty", "empty"),
                ("--base-url", "https://x/v1", "https"), ("--base-url", "http://x:y/v1", "x:y"), ("--only", "fly", "fly"), ("--tasks", "text", "text:1"), ("--tasks", "binary", "binary"),
                ("--tasks", "array", "array:1"), ("--tasks", "other", "other:1"), ("--tasks", "nothing", "nothing")]:
            self.refused([*words, "--only", "t", f"{option}={value}"], told)
        self.assertFalse((self.here / "out").exists())

    def test_a_folder_of_one_task_is_one(self):
        (self.here / "one/files").mkdir(parents=True)
        (self.here / "one/files/a").write_text("a")
        (self.here / "one/task.json").write_text(json.dumps(dict(instruction="i", test_command="true", file="a")))
        stdout, _ = self.do([sys.executable, str(RUN), "list", "--tasks", "one"])
        self.assertEqual(stdout, "one\t\ttrue\n")
        (self.here / "one/files/b").write_bytes(b"\xff")
        super().refused([sys.executable, str(RUN), "list", "--tasks", "one"], "files/b is not text")
