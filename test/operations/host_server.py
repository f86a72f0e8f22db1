"""A raw test host: answers HTTP/1.1 as it is told to and writes down everything that reaches it.

Run as a process of its own (host.py starts it), so that it can be stopped, killed and restarted like a real one:

    python3 host_server.py NAME LOG PORT RECEIVE_BUFFER IP

prints its port as a line of JSON, then obeys lines of JSON on stdin and answers each by a line:

    {"plan": PATH, "as": {...}}   how requests for PATH ("*": all others) are treated, from now on
    {"open": GATE}                lets go on what waits at a gate
    {"stop": true}                closes the listening socket and resets every connection
    {"start": true}               listens again, on the same port
    {"deaf": true}                takes no new connection and refuses none, until it listens again

A plan is a dictionary; every key may be left out:

    read       "all" (default), "nothing", or how many bytes of the body to read before whatever follows
    early      true: answers before the body is read
    gate       waits here, after the body, until the gate is opened
    after_ms   waits so long before it answers
    then       "answer" (default), "hang" (never answers), "reset", "close"
    status, fields, body          what it answers; by default 200 and a line that names host and request
    body_bytes, chunked           an answer of so many bytes "x"
    cut_after                     sends so many bytes of the answer's body, then resets the connection
    stops_after                   sends so many bytes of it, then nothing more
    drip_ms                       sends the whole answer byte by byte, with so long a pause in front of each
    closes                        closes after the answer, without having said so

A request for /healthz is a check of halfdoor's: it has a plan of its own only ("*" does not count) and one event, "check".

The log has a line of JSON per event, written by one system call, so that a kill -9 loses nothing. Times are CLOCK_MONOTONIC,
which every process of a machine shares:

    connect  {t, conn}                                      written once it is known not to be for a check
    head     {t, first, conn, n, method, target, id, raw}   first: when the first byte of the request was read
    body     {t, conn, n, bytes, last}                      so many bytes of the body so far, framing apart
    end      {t, conn, n, bytes, last}                      the request is complete; last: when its last byte was read
    answer   {t, conn, n, status}                           the last byte of the answer was written
    extra    {t, conn, n, raw}                              bytes behind a request that had not been answered yet
    cut      {t, conn, n, bytes, last, how, complete}       the peer ended the connection: how is "eof" or "reset"
    check    {t, conn, n}                                   a request for /healthz
    refused  {t, conn, n, why}                              a strict reader would take no more: a defect of whoever sent it
"""

import fcntl
import json
import os
import select
import socket
import struct
import sys
import termios
import threading
import time
from array import array

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "differential"))

from strict import RequestStream  # noqa: E402

BODY_EVENTS_EACH = 1 << 20
KEPT_RAW = 16384
CHECKED = "/healthz"


class HowItEnded(Exception):
    """The peer ended the connection."""


class Log:
    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def add(self, event, **more):
        os.write(self.fd, (json.dumps({"e": event, "t": time.monotonic(), **more}) + "\n").encode())


class Served:
    """One connection, in a thread of its own."""

    def __init__(self, server, sock, number):
        self.server, self.socket, self.number = server, sock, number
        self.buffer = b""
        self.n = 0
        self.bytes = 0
        self.last = None
        self.complete = True
        self.noted = 0
        self.is_check = False
        self.accepted = time.monotonic()  # until that is written down
        self.strict = RequestStream(keeps_bodies=False)

    def note(self, event, **more):
        if self.is_check and event != "refused":
            return
        if self.accepted is not None and event != "check":
            self.server.log.add("connect", t=self.accepted, conn=self.number, n=0)
            self.accepted = None
        self.server.log.add(event, conn=self.number, n=self.n, **more)

    def more(self):
        """Reads what there is; raises HowItEnded at the end."""
        try:
            piece = self.socket.recv(1 << 16)
        except OSError:
            raise HowItEnded("reset") from None
        if not piece:
            raise HowItEnded("eof")
        self.last = time.monotonic()
        self.buffer += piece
        if self.strict is not None:
            self.strict.feed(piece)
            self.strict.messages.clear()
            if self.strict.refused is not None:
                self.note("refused", why=self.strict.refused)
                self.strict = None

    def run(self):
        try:
            while self.exchange():
                pass
        except HowItEnded as end:
            self.note("cut", bytes=self.bytes, last=self.last, how=str(end), complete=self.complete)
        except OSError as error:
            self.note("cut", bytes=self.bytes, last=self.last, how=str(error), complete=self.complete)
        self.socket.close()

    def exchange(self):
        """One request and its answer; false: the connection is over."""
        first = self.last if self.buffer else None
        while b"\r\n\r\n" not in self.buffer:
            self.more()
            first = first or self.last
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target = (lines[0].split(" ") + ["", ""])[:2]
        fields = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        self.n += 1
        self.bytes = self.noted = 0
        self.complete = False
        self.is_check = False
        if target == CHECKED:
            self.note("check")
            self.is_check = True
        self.note("head", first=first, method=method, target=target, id=fields.get("x-request-id"),
                  raw=head.decode("latin-1")[:KEPT_RAW])
        plan = self.server.plan_of(target.split("?")[0])
        if fields.get("expect", "").lower() == "100-continue" and not plan.get("early"):
            self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if plan.get("early"):
            return self.answer(method, target, plan) and self.read_body(fields, plan)
        if not self.read_body(fields, plan):
            self.wait_without_reading()
        if plan.get("gate"):
            self.wait_at(self.server.gate(plan["gate"]))
        if plan.get("after_ms"):
            time.sleep(plan["after_ms"] / 1000)
        return self.answer(method, target, plan)

    def count(self, amount):
        self.bytes += amount
        if self.bytes - self.noted >= BODY_EVENTS_EACH or self.noted == 0:
            self.noted = self.bytes
            self.note("body", bytes=self.bytes, last=self.last)

    def read_body(self, fields, plan):
        """False: the plan says to stop before the end of the body."""
        most = {"all": None, "nothing": 0}.get(plan.get("read", "all"), plan.get("read"))
        if "transfer-encoding" in fields:
            self.read_chunked()
        else:
            left = int(fields.get("content-length", 0))
            while left > 0:
                if most is not None and self.bytes >= most:
                    return False
                if not self.buffer:
                    self.more()
                taken = min(left, len(self.buffer))
                left -= taken
                self.buffer = self.buffer[taken:]
                self.count(taken)
        self.complete = True
        self.note("end", bytes=self.bytes, last=self.last)
        return True

    def read_chunked(self):
        while True:
            while b"\r\n" not in self.buffer:
                self.more()
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            left = int(line.split(b";")[0], 16) + 2
            if left == 2:
                while self.buffer[:2] != b"\r\n":
                    self.more()
                self.buffer = self.buffer[2:]
                return
            while left > 0:
                if not self.buffer:
                    self.more()
                taken = min(left, len(self.buffer))
                self.buffer = self.buffer[taken:]
                self.count(max(0, min(taken, left - 2)))
                left -= taken

    def wait_without_reading(self):
        """Reads nothing until the gate "drain" is opened, then everything that can still be read."""
        self.server.gate("drain").wait()
        queued = array("i", [0])
        fcntl.ioctl(self.socket, termios.FIONREAD, queued)
        before, total = self.bytes + len(self.buffer), 0
        self.buffer = b""
        try:
            while True:
                self.more()
                total += len(self.buffer)
                self.buffer = b""
                self.bytes = before + total
        except HowItEnded as end:
            self.note("drained", queued=queued[0], read=total, how=str(end))
            raise

    def wait_at(self, gate):
        """Waits, and writes down what should not come meanwhile."""
        while gate is None or not gate.is_set():
            if select.select([self.socket], [], [], 0.02)[0]:
                self.more()
                self.note("extra", raw=self.buffer[:KEPT_RAW].decode("latin-1"))

    def answer(self, method, target, plan):
        what = plan.get("then", "answer")
        if what == "hang":
            self.wait_at(None)
        if what == "reset":
            self.reset()
        if what != "answer":
            return False
        status = plan.get("status", 200)
        if status == 101:
            self.strict = None  # what comes now is another protocol
        fields = {"X-Host": self.server.name, "Content-Type": "text/plain", **plan.get("fields", {})}
        body = plan.get("body", f"{self.server.name} {method} {target}\n").encode()
        length = plan.get("body_bytes", len(body))
        fields.update({"Transfer-Encoding": "chunked"} if plan.get("chunked") else {"Content-Length": str(length)})
        head = f"HTTP/1.1 {status} Told\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n"
        if method == "HEAD":
            self.socket.sendall(head.encode("latin-1"))
        elif "stops_after" in plan:
            self.socket.sendall(head.encode("latin-1") + b"x" * plan["stops_after"])
            self.wait_at(None)
        elif "body_bytes" in plan or plan.get("chunked"):
            self.socket.sendall(head.encode("latin-1"))
            self.send_long(length, plan)
        elif "cut_after" in plan:
            self.socket.sendall(head.encode("latin-1") + body[: plan["cut_after"]])
            self.reset()
            return False
        elif "drip_ms" in plan:
            for byte in head.encode("latin-1") + body:
                time.sleep(plan["drip_ms"] / 1000)
                self.socket.sendall(bytes([byte]))
        else:
            self.socket.sendall(head.encode("latin-1") + body)
        self.note("answer", status=status)
        return fields.get("Connection") != "close" and not plan.get("closes")

    def send_long(self, length, plan):
        block = b"x" * (1 << 16)
        while length > 0:
            piece = block[:length]
            length -= len(piece)
            self.socket.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if plan.get("chunked") else piece)
        if plan.get("chunked"):
            self.socket.sendall(b"0\r\n\r\n")

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Server:
    def __init__(self, name, log, port, receive_buffer, ip):
        self.name, self.log, self.ip = name, Log(log), ip
        self.receive_buffer = receive_buffer
        self.plans, self.gates, self.connections = {}, {}, {}
        self.lock = threading.Lock()
        self.connected = 0
        self.port = port
        self.listening, self.fillers = None, []
        self.start()

    def plan_of(self, path):
        return self.plans.get(path, {} if path == CHECKED else self.plans.get("*", {}))

    def gate(self, name):
        with self.lock:
            return self.gates.setdefault(name, threading.Event())

    def bound(self):
        """A socket on our port; a port may be kept by connections of before for a moment."""
        ends = time.monotonic() + 10
        while True:
            bound = socket.socket(socket.AF_INET6 if ":" in self.ip else socket.AF_INET)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if self.receive_buffer:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
            try:
                bound.bind((self.ip, self.port))
                return bound
            except OSError:
                bound.close()
                if time.monotonic() > ends:
                    raise
                time.sleep(0.05)

    def start(self):
        self.close_listening()
        self.listening = self.bound()
        self.listening.listen(512)
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listening,), daemon=True).start()

    def close_listening(self):
        if self.listening is not None:
            self.listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self.listening.close()
        for filler in self.fillers:
            filler.close()
        self.listening, self.fillers = None, []

    def be_deaf(self):
        """A queue of connections that is full: the kernel ignores what comes then."""
        self.close_listening()
        self.listening = self.bound()
        self.listening.listen(0)
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((self.ip, self.port))
            self.fillers.append(filler)

    def accept(self, listening):
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connected += 1
                served = Served(self, sock, self.connected)
                self.connections[self.connected] = served
            threading.Thread(target=served.run, daemon=True).start()

    def stop(self):
        self.close_listening()
        with self.lock:
            connections, self.connections = list(self.connections.values()), {}
        for served in connections:
            try:
                served.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                served.socket.shutdown(socket.SHUT_RDWR)
                served.socket.close()
            except OSError:
                pass

    def obey(self, order):
        if "plan" in order:
            self.plans[order["plan"]] = order["as"]
        if "open" in order:
            self.gate(order["open"]).set()
        if order.get("stop"):
            self.stop()
        if order.get("start"):
            self.start()
        if order.get("deaf"):
            self.be_deaf()


def main():
    name, log, port, receive_buffer, ip = sys.argv[1:6]
    server = Server(name, log, int(port), int(receive_buffer), ip)
    print(json.dumps({"port": server.port}), flush=True)
    for line in sys.stdin:
        server.obey(json.loads(line))
        print("{}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
