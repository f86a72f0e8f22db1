"""HTTP/1.1 as bytes on a socket: what the tests, the load clients and the daemon's control socket speak.

Nothing is interpreted beyond where a response ends, so that a test sees exactly what was sent.
"""

import json
import socket
import time


class Cut(Exception):
    """The peer ended the connection before a whole response had come; `how` is "eof" or "reset", `got` what came."""

    def __init__(self, how, got):
        super().__init__(f"connection ended ({how}) after {len(got)} bytes: {got[:120]!r}")
        self.how, self.got = how, got


class Response:
    """A final response: `status`, `fields` (lower-case name -> value, repeated ones joined by ", "), `body` bytes,
    `interim` (status codes of 1xx responses that came before it), `closes` (the connection cannot be used again)."""

    def __init__(self, status, fields, body, interim, closes, head):
        self.status, self.fields, self.body = status, fields, body
        self.interim, self.closes, self.head = interim, closes, head

    def field(self, name):
        return self.fields.get(name.lower())

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def __repr__(self):
        return f"<{self.status} {self.fields.get('halfdoor-mode', 'no mode')} {self.body[:80]!r}>"


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        fields[name] = fields[name] + ", " + value if name in fields else value
    return lines[0], fields


class Connection:
    """A client's connection; blocking, every wait bounded by `timeout` seconds (socket.timeout when exceeded)."""

    def __init__(self, address, timeout=20.0, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.received = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionError:
            raise Cut("reset", self.buffer) from None
        if not piece:
            raise Cut("eof", self.buffer)
        self.buffer += piece
        self.received += len(piece)

    def _until(self, mark):
        while mark not in self.buffer:
            self._more()
        taken, _, self.buffer = self.buffer.partition(mark)
        return taken

    def _exactly(self, count):
        while len(self.buffer) < count:
            self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_head(self):
        """The next head, interim or final: (status line, fields, raw bytes)."""
        raw = self._until(b"\r\n\r\n")
        line, fields = parse_head(raw)
        return line, fields, raw

    def read_response(self, method="GET", throw_away=False):
        """The next final response to a request of `method`. `throw_away`: the body is counted, not kept: `body` is
        then its length."""
        interim = []
        while True:
            line, fields, raw = self.read_head()
            status = int(line.split(" ")[1])
            if status >= 200:
                break
            interim.append(status)
        closes = "close" in fields.get("connection", "").lower() or line.startswith("HTTP/1.0")
        if method == "HEAD" or status in (204, 304):
            return Response(status, fields, b"", interim, closes, raw)
        if "chunked" in fields.get("transfer-encoding", ""):
            body = self._read_chunked(throw_away)
        elif "content-length" in fields:
            body = self._read_length(int(fields["content-length"]), throw_away)
        else:
            body, closes = self.read_to_end(), True
        return Response(status, fields, body, interim, closes, raw)

    def _read_length(self, length, throw_away):
        if not throw_away:
            return self._exactly(length)
        left = length - len(self.buffer)
        self.buffer = b""
        while left > 0:
            piece = self.socket.recv(min(left, 1 << 18))
            if not piece:
                raise Cut("eof", b"")
            left -= len(piece)
        return length

    def _read_chunked(self, throw_away):
        parts, count = [], 0
        while True:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while self._until(b"\r\n"):
                    pass
                return count if throw_away else b"".join(parts)
            piece = self._exactly(size + 2)
            count += size
            if not throw_away:
                parts.append(piece[:-2])

    def read_to_end(self):
        """Everything until the peer ends the connection."""
        try:
            while True:
                self._more()
        except Cut as cut:
            if cut.how == "reset":
                raise
        taken, self.buffer = self.buffer, b""
        return taken

    def how_it_ends(self):
        """Reads (and drops) until the peer ends the connection: "eof" or "reset"."""
        try:
            while True:
                self._more()
                self.buffer = b""
        except Cut as cut:
            return cut.how

    def ask(self, method, target, body=None, fields=None, host="salon.test"):
        """Sends one request and reads its response."""
        self.send(request(method, target, body, fields, host))
        return self.read_response(method)


def request(method, target, body=None, fields=None, host="salon.test"):
    """The bytes of a request; `body` (bytes) gets a Content-Length."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (fields or {}).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def ask(address, method, target, body=None, fields=None, host="salon.test", timeout=20.0):
    """One request on a connection of its own."""
    with Connection(address, timeout) as connection:
        return connection.ask(method, target, body, {**(fields or {}), "Connection": "close"}, host)


def ask_json(address, method, target, body=None, timeout=20.0):
    """One request to a JSON API (the control socket's path, or an address): (status, parsed body)."""
    data = None if body is None else json.dumps(body).encode()
    fields = {"Content-Type": "application/json"} if data is not None else {}
    response = ask(address, method, target, data, fields, "halfdoor", timeout)
    try:
        return response.status, json.loads(response.body)
    except ValueError:
        return response.status, response.text


class Late(AssertionError):
    """Something that had to become true did not."""


def wait_for(what, condition, seconds=20.0, every=0.01):
    """Polls until `condition()` is true and returns its value; raises Late, naming `what`, after `seconds`."""
    ends = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= ends:
            raise Late(f"still not so after {seconds} s: {what} (last seen: {value!r})")
        time.sleep(every)
