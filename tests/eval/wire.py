"""A server on loopback between an agent and its model: passes everything on as it comes, and counts.

So all agents are measured by the same reader, whatever they say of themselves.
"""
import contextlib, dataclasses, http.client, http.server, json, math, socket, threading, urllib.parse

# Headers that hold for one connection only.
OWN = {"connection", "transfer-encoding", "host", "keep-alive", "accept-encoding"}

# What the small local model does in a second on two quiet cores.
READ_PER_SECOND, WRITTEN_PER_SECOND = 50, 10

# Tokens a byte of a request, and of a reply that came whole, where nothing was told yet to reckon with.
GUESSED = 0.25

# What a server that is not there, or not ready, answers through those before it.
AWAY = (502, 503, 504)


class Wire:
    """Counts what goes through it between `__enter__` and `__exit__`. `base_url` is what to tell the agent.

    `budget` bounds the model's work in seconds, counted in tokens: so a machine that is busy with other things does not
    decide what is solved. When it is spent, `spent` is set and nothing goes through any more.
    """

    def __init__(self, upstream, budget):
        self.budget = budget
        self.spent = threading.Event()
        # Whether anything did not go through for that.
        self.denied = False
        self.upstream = urllib.parse.urlsplit(upstream.rstrip("/"))
        self.counts = dict(requests=0, first_request_bytes=0, tokens_in=0, tokens_cached=0, tokens_out=0, calls=0,
                           malformed_calls=0, failed_requests=0, cut_requests=0, replies_without_call=0)
        self.malformed = []
        # What the model said in each reply, also in one that was never finished.
        self.replies = []
        # Why the last request had no answer, where that is the server's doing.
        self.gone = None
        # Of the replies that told their usage: what was asked, in bytes and in tokens.
        self.told = dict(bytes=0, tokens_in=0, tokens_cached=0)
        self.ending, self.at_work, self.sockets = False, 0, set()
        self.lock = threading.Condition()

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
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.base_url = f"http://127.0.0.1:{self.server.server_address[1]}{self.upstream.path}"
        return self

    def __exit__(self, *_):
        self.ending = True
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            for open_socket in self.sockets:
                with contextlib.suppress(OSError):
                    open_socket.shutdown(socket.SHUT_RDWR)
            self.lock.wait_for(lambda: not self.at_work, 5)

    def pass_on(self, client, body):
        with self.lock:
            self.at_work += 1
        try:
            if self.spent.is_set() or self.ending:
                self.denied = self.denied or self.spent.is_set()
                client.send_error(503, "the budget of this run is spent")
            else:
                self.exchange(client, body, client.path.endswith("/chat/completions"))
        except OSError:
            # It hung up.
            pass
        finally:
            with self.lock:
                self.at_work -= 1
                self.lock.notify_all()

    def exchange(self, client, body, chat):
        if chat:
            with self.lock:
                self.counts["requests"] += 1
                self.counts["first_request_bytes"] = self.counts["first_request_bytes"] or len(body)
        headers = {name: value for name, value in client.headers.items() if name.lower() not in OWN | {"content-length"}}
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port or 80, timeout=1800)
        client.close_connection = True
        reply, status, gone, whole, open_socket = b"", None, None, False, None
        try:
            connection.connect()
            # The connection forgets its socket when the answer is its last.
            open_socket = connection.sock
            with self.lock:
                self.sockets.add(open_socket)
            connection.request(client.command, client.path, (self.bounded(body) if chat else body) or None, headers)
            answer = connection.getresponse()
            status, written, listens = answer.status, 0, self.begin(client, answer)
            while listens and not self.spent.is_set():
                piece = answer.read1(1 << 16)
                if not piece:
                    whole = True
                    break
                reply += piece
                # A streamed piece is a token, more or less.
                written += piece.count(b"\ndata:") + piece.startswith(b"data:")
                self.spend(written)
                listens = self.hand_on(client, piece)
        except (OSError, http.client.HTTPException) as error:
            gone = None if self.ending else f"{type(error).__name__}: {error}"
        finally:
            with self.lock:
                self.sockets.discard(open_socket)
            connection.close()
            self.denied = self.denied or self.spent.is_set() and not whole
        if status in AWAY:
            gone = f"status {status}"
        if chat:
            self.count(body, reply, status, gone, whole)
        else:
            self.gone = gone
        if gone and status is None:
            client.send_error(502, "the model server cannot be reached")

    def begin(self, client, answer):
        """Whether the agent still listens."""
        try:
            client.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in OWN:
                    client.send_header(name, value)
            client.send_header("connection", "close")
            client.end_headers()
        except OSError:
            return False
        return True

    def hand_on(self, client, piece):
        try:
            client.wfile.write(piece)
            client.wfile.flush()
        except OSError:
            return False
        return True

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

    def count(self, body, raw, status, gone, whole):
        reply, answered = read_reply(raw), status is not None and status < 400
        if answered and whole and not reply.ended and not self.ending:
            gone = "the reply broke off"
        # Cut: the agent hung up, or the budget ended it, or the server broke off, before its usage was told.
        cut = reply.usage is None and (answered or status is None and not gone)
        finished = answered and reply.ended
        calls = [call for call in reply.calls if finished or is_json(call[1])]
        wrong = [call for call in calls if not is_usable(call, offered(body))]
        with self.lock:
            self.gone = gone
            usage = reply.usage or (self.estimated(body, reply) if cut else NOTHING)
            if reply.usage:
                self.told["bytes"] += len(body)
                self.told["tokens_in"] += usage["tokens_in"]
                self.told["tokens_cached"] += usage["tokens_cached"]
            for name, value in usage.items():
                self.counts[name] += value
            self.spend()
            self.counts["calls"] += len(calls)
            self.counts["malformed_calls"] += len(wrong)
            self.counts["failed_requests"] += not finished
            self.counts["cut_requests"] += cut
            self.counts["replies_without_call"] += finished and not calls
            self.malformed += wrong
            self.replies.append(dict(text=reply.text, calls=reply.calls, usage=usage, failed=not finished, cut=cut))

    def estimated(self, body, reply):
        """Of a reply that never told its usage: the request as this run's others were read, and the pieces that came."""
        told = self.told
        read = round(len(body) * (told["tokens_in"] / told["bytes"] if told["tokens_in"] else GUESSED))
        cached = round(read * told["tokens_cached"] / told["tokens_in"]) if told["tokens_in"] else 0
        return dict(tokens_in=read, tokens_cached=cached, tokens_out=reply.pieces)


NOTHING = dict(tokens_in=0, tokens_cached=0, tokens_out=0)


@dataclasses.dataclass
class Reply:
    text: str = ""
    # None where it was not told.
    usage: dict | None = None
    # (name, arguments as text)
    calls: list = dataclasses.field(default_factory=list)
    # About as many as its tokens.
    pieces: int = 0
    # Whether its end came.
    ended: bool = False


def read_reply(raw):
    """A whole or a streamed reply."""
    text = raw.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        parts = [text]
    else:
        parts = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    reply, calls = Reply(ended="[DONE]" in parts), {}
    for part in parts:
        try:
            chunk = json.loads(part)
        except (ValueError, RecursionError):
            continue
        if not isinstance(chunk, dict):
            continue
        if told := chunk.get("usage"):
            details = told.get("prompt_tokens_details") or {}
            reply.usage = dict(tokens_in=told.get("prompt_tokens") or 0, tokens_cached=details.get("cached_tokens") or 0,
                               tokens_out=told.get("completion_tokens") or 0)
        elif told := chunk.get("timings"):
            # llama.cpp says it so to a client that did not ask for usage.
            cached = told.get("cache_n", 0)
            reply.usage = dict(tokens_in=cached + told.get("prompt_n", 0), tokens_cached=cached,
                               tokens_out=told.get("predicted_n", 0))
        for choice in chunk.get("choices") or []:
            said = choice.get("message") or choice.get("delta") or {}
            reply.ended = reply.ended or "message" in choice or choice.get("finish_reason") is not None
            reply.text += said.get("content") or ""
            if "message" in choice:
                reply.pieces += math.ceil(GUESSED * len(json.dumps(said)))
            else:
                reply.pieces += any(value for name, value in said.items() if name != "role")
            for position, call in enumerate(said.get("tool_calls") or []):
                function = call.get("function") or {}
                name, arguments = calls.get(call.get("index", position), ("", ""))
                more = function.get("arguments") or ""
                more = more if isinstance(more, str) else json.dumps(more)
                calls[call.get("index", position)] = (name + (function.get("name") or ""), arguments + more)
    reply.calls = list(calls.values())
    return reply


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


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
