"""Three readers of HTTP that halfdoor's makers did not write: Python's, Node's and nginx's (and curl's, of responses).

Each takes recorded bytes and says which messages stand in them, as `Reading`: what it took for a request or a response.
What a reader cannot do for reasons of its own is named where it is smoothed out, and nowhere else.
"""

import email.errors
import http.client
import io
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler

from strict import RequestStream

HERE = os.path.dirname(os.path.abspath(__file__))
http.client._MAXHEADERS = 400  # pylint: disable=protected-access


class Reading:
    """A message as a foreign reader understood it. Names are lower case; values, target and body are bytes."""

    def __init__(self, method, target, fields, body, trailers, complete, refusal=None):
        self.method, self.target, self.fields, self.body = method, target, fields, body
        self.trailers, self.complete, self.refusal = trailers, complete, refusal

    def __repr__(self):
        return (f"{self.method!r} {self.target!r} {self.fields} body={self.body[:200]!r} trailers={self.trailers} "
                f"{'complete' if self.complete else 'INCOMPLETE'}{f' REFUSED: {self.refusal}' if self.refusal else ''}")


def latin(text):
    return text.encode("latin-1", "replace")


def real_defects(headers):
    """Python reads fields with its mail parser, which has an opinion of bodies, too; that one is not asked for."""
    return [defect for defect in headers.defects
            if isinstance(defect, (email.errors.MissingHeaderBodySeparatorDefect, email.errors.MisplacedEnvelopeHeaderDefect,
                                   email.errors.FirstHeaderLineIsContinuationDefect, email.errors.MalformedHeaderDefect))]


class PythonHandler(BaseHTTPRequestHandler):
    """http.server's reading of heads; http.client's of chunks, since http.server leaves bodies to others."""

    protocol_version = "HTTP/1.1"

    def __init__(self, data):  # pylint: disable=super-init-not-called
        self.rfile, self.wfile = io.BytesIO(data), io.BytesIO()
        self.close_connection = True
        self.refusal = None
        self.client_address = ("", 0)

    def send_error(self, code, message=None, explain=None):
        self.refusal = f"{code} {message}"

    def log_request(self, code="-", size="-"):
        pass

    def read_chunked(self):
        """(body, trailers, complete)"""
        response = http.client.HTTPResponse(FakeSocket(self.rfile))
        response.chunked, response.chunk_left, response.length = True, None, None
        trailers = []
        response._read_and_discard_trailer = lambda: trailers.extend(self.read_trailers())
        response._close_conn = lambda: None
        try:
            return response.read(), trailers, trailers[-1:] != [None]
        except (http.client.HTTPException, ValueError) as error:
            partial = getattr(error, "partial", b"")
            return partial if isinstance(partial, bytes) else b"", [], False

    def read_trailers(self):
        trailers = []
        while True:
            line = self.rfile.readline(65537)
            if not line:
                return trailers + [None]
            if line in (b"\r\n", b"\n"):
                return trailers
            name, _, value = line.rstrip(b"\r\n").partition(b":")
            trailers.append((name.lower(), value.strip(b" \t")))

    def next_request(self):
        """The next Reading; None at the end."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            return None
        self.wfile = io.BytesIO()
        if not self.parse_request():
            return Reading(b"", b"", [], b"", [], False, self.refusal or "not understood")
        words = self.raw_requestline.split()  # http.server itself shortens "//" at the beginning of a path
        fields = [(latin(name).lower(), latin(value).strip(b" \t")) for name, value in self.headers.raw_items()]
        if real_defects(self.headers) or self.headers.get_payload():
            return Reading(b"", b"", fields, b"", [], False, f"defects: {self.headers.defects}")
        trailers, complete = [], True
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body, trailers, complete = self.read_chunked()
        else:
            try:
                length = int(self.headers.get("Content-Length", "0"))
            except ValueError as error:
                return Reading(b"", b"", fields, b"", [], False, str(error))
            body = self.rfile.read(length)
            complete = len(body) == length
        return Reading(words[0], words[1], fields, body, [] if not complete else trailers, complete)


class FakeSocket:
    """Lets http.client read from a file."""

    def __init__(self, file):
        self.file = file

    def makefile(self, *_, **__):
        return UnclosedFile(self.file)


class UnclosedFile:
    def __init__(self, file):
        self.file = file
        self.read, self.readline, self.readinto, self.flush = file.read, file.readline, file.readinto, lambda: None
        self.peek = getattr(file, "peek", None)
        self.closed = False

    def close(self):
        pass


class PythonReader:
    name = "python"

    def read_requests(self, data):
        handler = PythonHandler(data)
        readings = []
        while True:
            reading = handler.next_request()
            if reading is None:
                return readings
            readings.append(reading)
            if reading.refusal or not reading.complete:
                return readings

    def read_response(self, data, method):
        """(interim statuses, Reading with .target = status, rest): one final response from the beginning of data."""
        file = io.BytesIO(data)
        interim = []
        try:
            while True:
                # http.client skips 100 alone; another interim response it hands out, and the next one is behind it.
                response = http.client.HTTPResponse(FakeSocket(file), method=method.decode())
                response._read_and_discard_trailer = lambda: trailers.extend(read_trailers(file))
                trailers = []
                response.begin()
                if response.status >= 200:
                    break
                interim.append(response.status)
            fields = [(latin(name).lower(), latin(value).strip(b" \t")) for name, value in response.headers.raw_items()]
            if real_defects(response.headers) or response.headers.get_payload():
                return interim, Reading(b"", response.status, fields, b"", [], False, "defects"), b""
            body, complete = b"", True
            try:
                body = response.read()
            except http.client.IncompleteRead as error:
                body, complete = error.partial, False
            if trailers[-1:] == [None]:
                complete = False
            return interim, Reading(b"", response.status, fields, body, trailers, complete), file.read()
        except (http.client.HTTPException, ValueError, ConnectionError) as error:
            return interim, Reading(b"", 0, [], b"", [], False, repr(error)), b""


def read_trailers(file):
    trailers = []
    while True:
        line = file.readline(65537)
        if not line:
            return trailers + [None]
        if line in (b"\r\n", b"\n"):
            return trailers
        name, _, value = line.rstrip(b"\r\n").partition(b":")
        trailers.append((name.lower(), value.strip(b" \t")))


def pairs(flat):
    return [(latin(name).lower(), latin(value)) for name, value in zip(flat[::2], flat[1::2])]


class NodeReader:
    """Node's http: createServer and request, strict (insecureHTTPParser off), fed without sockets."""

    name = "node"

    def __init__(self):
        self.process = subprocess.Popen(["node", os.path.join(HERE, "node_reader.js")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        hello = json.loads(self.process.stdout.readline())
        self.methods, self.version = {name.encode() for name in hello["methods"]}, hello["version"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)

    def ask(self, frames):
        """Sends frames (kind, method, bytes); returns the answers in order."""
        data = b"".join(kind + bytes([len(method)]) + method + struct.pack(">II", number, len(payload)) + payload
                        for number, (kind, method, payload) in enumerate(frames))

        def write():
            self.process.stdin.write(data)
            self.process.stdin.flush()

        writer = threading.Thread(target=write)
        writer.start()
        answers = [None] * len(frames)
        for _ in frames:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("node has ended")
            answer = json.loads(line)
            answers[answer["number"]] = answer
        writer.join()
        return answers

    def read_requests(self, streams):
        """For each byte stream its list of Reading."""
        return [self.readings(answer) for answer in self.ask([(b"q", b"", stream) for stream in streams])]

    @staticmethod
    def readings(answer):
        readings = [Reading(latin(m["method"]), latin(m["target"]), pairs(m["fields"]), latin(m["body"]), pairs(m["trailers"]),
                            m["complete"]) for m in answer["messages"]]
        if answer["refusal"] and (not readings or readings[-1].complete):
            readings.append(Reading(b"", b"", [], b"", [], False, answer["refusal"]))
        return readings

    def read_responses(self, responses):
        """For each (method, bytes): ([interim status], Reading)."""
        return [([interim["status"] for interim in answer["interim"]],
                 Reading(b"", answer["status"], pairs(answer["fields"]), latin(answer["body"]), pairs(answer["trailers"]),
                         answer["complete"], answer["refusal"]))
                for answer in self.ask([(b"s", method, data) for method, data in responses])]


NGINX_CONFIG = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  ignore_invalid_headers off; underscores_in_headers on; merge_slashes on;
  client_header_buffer_size 8k; large_client_header_buffers 16 128k; client_max_body_size 0; client_body_buffer_size 256k;
  keepalive_requests 10000000; keepalive_timeout 600; lingering_close off; reset_timedout_connection off;
  proxy_headers_hash_max_size 1024; server_names_hash_bucket_size 128;
  upstream recorder {{ server unix:{folder}/recorder.sock; keepalive 16; keepalive_requests 10000000; }}
  server {{
    listen unix:{folder}/in.sock;
    location / {{
      proxy_pass http://recorder; proxy_http_version 1.1; proxy_ignore_client_abort on; proxy_request_buffering on;
      proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header Expect $http_expect;
      proxy_set_header X-Place $connection; proxy_pass_trailers off;
    }}
  }}
}}
"""


class NginxReader:
    """nginx as a reader: what it takes for requests it passes on to a recorder, written anew in its own words."""

    name = "nginx"
    STREAMS_AT_ONCE = 12

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="halfdoor-nginx-")
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            # proxy_pass_trailers is not known to every nginx; without it trailers are dropped as well.
            file.write(NGINX_CONFIG.format(folder=self.folder).replace(" proxy_pass_trailers off;", ""))
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(os.path.join(self.folder, "recorder.sock"))
        self.listening.listen(128)
        self.lock = threading.Lock()
        self.recorded = {}  # number of nginx's connection -> [request]
        self.firsts = {}    # target of a stream's first request -> number of nginx's connection
        self.asked = 0
        threading.Thread(target=self.accept, daemon=True).start()
        program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if program is None:
            raise RuntimeError("nginx is not installed (scripts/deps --test)")
        self.process = subprocess.Popen([program, "-e", "stderr", "-p", self.folder, "-c", config])
        self.path = os.path.join(self.folder, "in.sock")
        ends = time.monotonic() + 10
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(self.path)
                break
            except OSError:
                if time.monotonic() > ends or self.process.poll() is not None:
                    raise RuntimeError("nginx does not start") from None
                time.sleep(0.01)

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.listening.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def accept(self):
        while True:
            try:
                sock, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.record, args=(sock,), daemon=True).start()

    def record(self, sock):
        stream = RequestStream()
        while True:
            try:
                piece = sock.recv(1 << 16)
            except OSError:
                return
            if not piece:
                return
            stream.feed(piece)
            if stream.refused:
                raise RuntimeError(f"what nginx passes on is beyond the strict reader: {stream.refused}")
            while stream.messages and stream.messages[0].complete:
                request = stream.messages.pop(0)
                number = int(request.values(b"x-place")[0])
                with self.lock:
                    if request.target.startswith(b"/first/"):
                        self.firsts[request.target] = number
                    else:
                        self.recorded.setdefault(number, []).append(request)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def read_requests(self, streams):
        """For each byte stream its list of Reading."""
        results = [None] * len(streams)
        todo = list(range(len(streams)))[::-1]
        lock = threading.Lock()

        def work():
            while True:
                with lock:
                    if not todo:
                        return
                    index = todo.pop()
                results[index] = self.read_stream(streams[index])

        workers = [threading.Thread(target=work) for _ in range(min(self.STREAMS_AT_ONCE, len(streams)))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return results

    def read_stream(self, stream):
        with self.lock:
            self.asked += 1
            first = b"/first/%d" % self.asked
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(self.path)
            # The first request tells which of nginx's connections this is.
            sock.sendall(b"GET " + first + b" HTTP/1.1\r\nHost: first\r\n\r\n")
            got = b""
            number = None
            try:
                while b"\r\n\r\n" not in got:
                    got += sock.recv(65536)
                with self.lock:
                    number = self.firsts.pop(first)
                sender = threading.Thread(target=self.send, args=(sock, stream))
                sender.start()
                got = got.partition(b"\r\n\r\n")[2]
                while True:
                    piece = sock.recv(65536)
                    if not piece:
                        break
                    got += piece
                sender.join()
            except OSError as error:
                got += f"\nHTTP/1.1 999 {error}".encode()
        with self.lock:
            requests = self.recorded.pop(number, [])
        readings = [self.reading(request) for request in requests]
        bad = re.search(rb"HTTP/1\.1 (?!200|100)(\d+ [^\r\n]*)", got)
        if bad:
            readings.append(Reading(b"", b"", [], b"", [], False, bad.group(1).decode("latin-1")))
        return readings

    @staticmethod
    def send(sock, stream):
        try:
            sock.sendall(stream)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    @staticmethod
    def reading(request):
        fields = [(name.lower(), value) for name, value in request.fields if name.lower() not in (b"x-place",)]
        return Reading(request.method, request.target, fields, bytes(request.body), [], True)
