"""A server on loopback between an agent and its model: passes everything on as it comes, and counts.

So all agents are measured by the same reader, whatever they say of themselves.
"""
import http.client, http.server, json, threading, urllib.parse

# Headers that hold for one connection only.
OWN = {"connection", "transfer-encoding", "host", "keep-alive", "accept-encoding"}

# What the small local model does in a second on two quiet cores.
READ_PER_SECOND, WRITTEN_PER_SECOND = 50, 10


class Wire:
    """Counts what goes through it between `__enter__` and `__exit__`. `base_url` is what to tell the agent.

    `budget` bounds the model's work in seconds, counted in tokens: so a machine that is busy with other things does not
    decide what is solved. When it is spent, `spent` is set and nothing goes through any more.
    """

    def __init__(self, upstream, budget):
        self.budget = budget
        self.spent = threading.Event()
        self.upstream = urllib.parse.urlsplit(upstream.rstrip("/"))
        self.counts = dict(requests=0, first_request_bytes=0, tokens_in=0, tokens_cached=0, tokens_out=0, calls=0,
                           malformed_calls=0, failed_requests=0)
        self.malformed = []
        # What the model said in each reply, also in one that was never finished.
        self.replies = []
        self.lock = threading.Lock()

    def __enter__(self):
        wire = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                wire.pass_on(self, b"")

            def do_POST(self):
                wire.pass_on(self, self.rfile.read(int(self.headers.get("content-length", 0))))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base_url = f"http://127.0.0.1:{self.server.server_address[1]}{self.upstream.path}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def pass_on(self, client, body):
        chat = client.path.endswith("/chat/completions")
        if chat:
            with self.lock:
                self.counts["requests"] += 1
                self.counts["first_request_bytes"] = self.counts["first_request_bytes"] or len(body)
        headers = {name: value for name, value in client.headers.items() if name.lower() not in OWN | {"content-length"}}
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port or 80, timeout=1800)
        reply = b""
        client.close_connection = True
        try:
            connection.request(client.command, client.path, (self.bounded(body) if chat else body) or None, headers)
            answer = connection.getresponse()
            client.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in OWN:
                    client.send_header(name, value)
            client.send_header("connection", "close")
            client.end_headers()
            written = 0
            while not self.spent.is_set() and (piece := answer.read1(1 << 16)):
                reply += piece
                # A streamed piece is a token, more or less.
                written += piece.count(b"\ndata:") + piece.startswith(b"data:")
                self.spend(written)
                client.wfile.write(piece)
                client.wfile.flush()
            failed = answer.status >= 400 or self.spent.is_set()
        except OSError:
            # The agent was stopped, or the model's server: what came so far counts.
            failed = True
        finally:
            connection.close()
        if chat:
            self.count(body, reply, failed)

    def bounded(self, body):
        """A reply that is not streamed can only be stopped by its request: it may be no longer than what is left of the budget."""
        try:
            asked = json.loads(body)
        except ValueError:
            return body
        if asked.get("stream"):
            return body
        read = (self.counts["tokens_in"] - self.counts["tokens_cached"]) / READ_PER_SECOND
        left = int((self.budget - read) * WRITTEN_PER_SECOND) - self.counts["tokens_out"] + 1
        return json.dumps({**asked, "max_tokens": max(1, min(left, asked.get("max_tokens") or left))}).encode()

    def spend(self, written=0):
        read = self.counts["tokens_in"] - self.counts["tokens_cached"]
        work = read / READ_PER_SECOND + (self.counts["tokens_out"] + written) / WRITTEN_PER_SECOND
        if self.budget < work:
            self.spent.set()

    def count(self, body, reply, failed):
        text, usage, calls = read_reply(reply)
        wrong = [call for call in calls if not is_usable(call, offered(body))] if not failed else []
        with self.lock:
            for name, value in usage.items():
                self.counts[name] += value
            self.spend()
            self.counts["calls"] += 0 if failed else len(calls)
            self.counts["malformed_calls"] += len(wrong)
            self.counts["failed_requests"] += failed
            self.malformed += wrong
            self.replies.append(dict(text=text, calls=calls, usage=usage, failed=failed))


def read_reply(reply):
    """The words, the tokens, and the calls as (name, arguments as text), of a whole or a streamed reply."""
    text = reply.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        parts = [text]
    else:
        parts = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    words, usage, calls = "", dict(tokens_in=0, tokens_cached=0, tokens_out=0), {}
    for part in parts:
        try:
            chunk = json.loads(part)
        except ValueError:
            continue
        if told := chunk.get("usage"):
            details = told.get("prompt_tokens_details") or {}
            usage = dict(tokens_in=told.get("prompt_tokens", 0), tokens_cached=details.get("cached_tokens") or 0,
                         tokens_out=told.get("completion_tokens", 0))
        elif told := chunk.get("timings"):
            # llama.cpp says it so to a client that did not ask for usage.
            cached = told.get("cache_n", 0)
            usage = dict(tokens_in=cached + told.get("prompt_n", 0), tokens_cached=cached,
                         tokens_out=told.get("predicted_n", 0))
        for choice in chunk.get("choices") or []:
            said = choice.get("message") or choice.get("delta") or {}
            words += said.get("content") or ""
            for position, call in enumerate(said.get("tool_calls") or []):
                function = call.get("function") or {}
                name, arguments = calls.get(call.get("index", position), ("", ""))
                more = function.get("arguments") or ""
                more = more if isinstance(more, str) else json.dumps(more)
                calls[call.get("index", position)] = (name + (function.get("name") or ""), arguments + more)
    return words, usage, list(calls.values())


def offered(body):
    """The tools of a request: their parameters' schemas by name."""
    try:
        tools = json.loads(body).get("tools") or []
    except ValueError:
        return {}
    functions = [tool.get("function") or {} for tool in tools]
    return {function.get("name"): function.get("parameters") or {} for function in functions}


def is_usable(call, tools):
    name, arguments = call
    try:
        arguments = json.loads(arguments or "{}")
    except ValueError:
        return False
    if name not in tools or not isinstance(arguments, dict):
        return False
    schema = tools[name]
    return all(key in arguments for key in schema.get("required", [])) and (
        schema.get("additionalProperties", True) is not False or all(key in schema.get("properties", {}) for key in arguments))
