"""One thread that is both all clients and both hosts of one halfdoor, and keeps every byte of either.

A client connects from an address of its own (127.x.y.z holds the number of its case); halfdoor names that address in
X-Forwarded-For, which tells whose request a host is reading, whatever the client wrote. Clients overlap, so that their
requests share connections to the host as those of strangers do.
"""

import select
import socket
import time

from hostile_responses import Script
from strict import RequestStream, ResponseStream, values_of

IP_BIND_ADDRESS_NO_PORT = 24
LANES = 24
LONGEST_CASE_S = 20.0
LATE_S = 0.02
LONGEST_TURN_S = 1.0
QUIET_ROUNDS = 3
GREETING = b"hello"  # what a host says first in a tunnel


def address_of(number):
    return f"127.{(number >> 16) + 1}.{number >> 8 & 255}.{number & 255}"


def number_of(address):
    """The case behind an address; -1: none."""
    try:
        first, *rest = (int(part) for part in address.split(b"."))
        return (rest[0] - 1 << 16 | rest[1] << 8 | rest[2]) if first == 127 and rest[0] > 0 and len(rest) == 3 else -1
    except ValueError:
        return -1


class Lane:
    """A client and its case; None among its pieces is a place where it waits for an answer. `got`: all it received; `how`: "eof", "reset" or "late"."""

    def __init__(self, engine, number, case):
        self.engine, self.number, self.case = engine, number, case
        self.left = list(case.pieces)
        self.got = bytearray()
        self.how = None
        self.was_reset = False
        self.waits_since, self.had = None, 0
        self.ends = engine.now + LONGEST_CASE_S
        self.shut_at = None
        self.is_shut = False
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.bind((address_of(number), 0))
        self.socket.connect(engine.halfdoor_address)
        self.socket.setblocking(False)

    def push(self):
        """Writes the next piece. False: nothing is left to do."""
        if self.left and self.left[0] is None:
            return self.wait_for_answer()
        try:
            if self.left:
                sent = self.socket.send(self.left[0])
                self.left[0] = self.left[0][sent:]
                if not self.left[0]:
                    del self.left[0]
        except BlockingIOError:
            return True
        except OSError:
            # The news of a reset is told once, to whoever asks first.
            self.left, self.was_reset = [], True
        if self.left:
            return True
        if self.is_shut:
            return False
        if self.case.half_close == "late" and not self.got:
            self.shut_at = self.shut_at or self.engine.now + LATE_S
            if self.engine.now < self.shut_at:
                return True
        self.is_shut = True
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.was_reset = True
        return False

    def wait_for_answer(self):
        """The client waits here until something comes, or its patience ends."""
        if self.waits_since is None:
            self.waits_since, self.had = self.engine.now, len(self.got)
        if len(self.got) > self.had or self.engine.now - self.waits_since > LATE_S:
            self.waits_since = None
            del self.left[0]
        return True

    def on_readable(self):
        try:
            piece = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            return self.finish("reset")
        if not piece:
            return self.finish("reset" if self.was_reset else "eof")
        self.got += piece

    def finish(self, how):
        self.how = how
        self.engine.forget(self.socket)
        self.socket.close()
        self.engine.lanes.discard(self)
        self.engine.sending.discard(self)


class HostConnection:
    """What halfdoor sent on one connection: `raw`, and `stream` as the strict reader read it."""

    def __init__(self, engine, sock, name):
        self.engine, self.socket, self.name = engine, sock, name
        self.raw = bytearray()
        self.stream = RequestStream()
        self.owed = []  # requests whose answer is not written yet
        self.is_closing = False
        self.out = b""
        self.playing = None
        self.how = None
        self.tunnel_case = None  # whose tunnel this has become
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def is_quiet(self):
        if self.stream.tunnel is not None:
            return self.how is not None
        return self.how is not None or (self.stream.is_between_messages and not self.owed and not self.out
                                        and self.playing is None)

    def on_readable(self):
        try:
            piece = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            return self.finish("reset")
        if not piece:
            return self.finish("eof")
        if self.stream.tunnel is not None:
            self.stream.feed(piece)
            return self.send(b"<" + piece + b">", False)
        self.raw += piece
        for request in self.stream.feed(piece):
            self.owed.append(request)
            request.case, request.seen = -1, self.engine.next_seen()
            request.was_told = False
            request.is_late = self.is_closing  # it crossed the end of the connection, and has no answer
            addresses = values_of(request.fields, b"x-forwarded-for")
            if len(addresses) == 1:
                request.case = number_of(addresses[0])
        if self.stream.refused and not self.is_closing:
            self.send(b"HTTP/1.1 400 Refused by the strict host\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", True)
        self.answer()

    def answer(self):
        while self.owed and not self.is_closing and self.playing is None:
            request = self.owed[0]
            case = self.engine.cases.get(request.case)
            is_early = case is not None and case.plan == "early"
            if case is not None and case.plan == "continue" and not request.was_told and request.values(b"expect"):
                request.was_told = True
                self.send(b"HTTP/1.1 100 Continue\r\nX-Told: 1\r\n\r\n", False)
            if not request.complete and not is_early:
                return
            self.owed.pop(0)
            if case is not None and case.plan == "switch" and b"websocket" in b"".join(request.values(b"upgrade")).lower():
                self.tunnel_case = request.case
                # Nothing may come while the client waits for this.
                self.playing = Script([b""] * 4 + [b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                                   b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" + GREETING], "tunnel")
                self.engine.playing.add(self)
                return
            if hasattr(case, "script_for"):
                self.playing = case.script_for(request)
                self.engine.playing.add(self)
                return
            self.send(*plain_answer(request, case.plan if case else "answer", self.name))

    def play(self):
        """Writes the next piece of a scripted response. False: the script is over."""
        if self.how is not None:
            self.playing = None
            return False
        script = self.playing
        if script.pieces:
            self.send(script.pieces.pop(0), False)
            if script.end == "tunnel" and not script.pieces:
                self.stream.become_tunnel()
            return True
        self.playing = None
        for request in self.owed if script.end not in ("keep", "tunnel") else ():
            request.is_late = True
        if script.end == "tunnel":
            return False
        if script.end == "keep":
            self.answer()
        elif script.end == "reset":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            self.finish("own reset")
        else:
            self.is_closing = True
            self.shut()
        return False

    def shut(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.finish("reset")

    def send(self, data, closes):
        try:
            self.socket.setblocking(True)
            self.socket.settimeout(5)
            self.socket.sendall(data)
            self.socket.setblocking(False)
        except OSError:
            return self.finish("reset")
        if closes:
            self.is_closing = True
            self.shut()

    def finish(self, how):
        if self.how is None:
            self.how = how
            self.engine.forget(self.socket)
            self.socket.close()
            self.stream.finish()


def plain_answer(request, plan, name):
    """(bytes, whether the connection ends): an answer that names what it answers."""
    body = b"seen %d by %s" % (request.seen, name)
    head = b"HTTP/1.1 200 OK\r\nX-Seen: %d\r\nContent-Type: text/plain\r\n" % request.seen
    if plan == "close":
        head += b"Connection: close\r\n"
    if plan == "chunked" and request.method != b"HEAD":
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), False
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    return head + (b"" if request.method == b"HEAD" else body), plan == "close"


class Engine:
    """`hosts`: names of the hosts; each listens at once on a port of its own."""

    def __init__(self, hosts):
        self.poll = select.epoll()
        self.handlers = {}
        self.lanes, self.sending, self.playing = set(), set(), set()
        self.connections = []
        self.cases = {}
        self.seen = 0
        self.now = time.monotonic()
        self.halfdoor_address = None
        self.ports = {}
        for name in hosts:
            listening = socket.create_server(("127.0.0.1", 0), backlog=512)
            listening.setblocking(False)
            self.ports[name] = listening.getsockname()[1]
            self.watch(listening, lambda listening=listening, name=name: self.accept(listening, name.encode()))

    def next_seen(self):
        self.seen += 1
        return self.seen

    def watch(self, sock, on_readable):
        self.handlers[sock.fileno()] = (sock, on_readable)
        self.poll.register(sock.fileno(), select.EPOLLIN)

    def forget(self, sock):
        if self.handlers.pop(sock.fileno(), None):
            self.poll.unregister(sock.fileno())

    def accept(self, listening, name):
        try:
            sock, _ = listening.accept()
        except BlockingIOError:
            return
        connection = HostConnection(self, sock, name)
        self.connections.append(connection)
        self.watch(sock, connection.on_readable)

    def turn(self, timeout):
        events = self.poll.poll(timeout)
        before, self.now = self.now, time.monotonic()
        if self.now - before > LONGEST_TURN_S:
            # This process has slept, not halfdoor.
            for lane in self.lanes:
                lane.ends += self.now - before
        for descriptor, _ in events:
            handler = self.handlers.get(descriptor)
            if handler is not None:
                handler[1]()
        for lane in list(self.sending):
            if not lane.push():
                self.sending.discard(lane)
        for connection in list(self.playing):
            if not connection.play() and connection.playing is None:
                self.playing.discard(connection)
        return len(events)

    def run(self, cases, lanes=LANES):
        """Plays {number: case}. Returns ({number: lane}, connections): all that clients and hosts have got."""
        self.cases = cases
        waiting = list(cases.items())[::-1]
        done = {}
        while waiting or self.lanes:
            while waiting and len(self.lanes) < lanes:
                number, case = waiting.pop()
                lane = Lane(self, number, case)
                done[number] = lane
                self.lanes.add(lane)
                self.sending.add(lane)
                self.watch(lane.socket, lane.on_readable)
            self.turn(0.0005 if self.sending or self.playing else 0.02)
            for lane in [lane for lane in self.lanes if self.now > lane.ends]:
                lane.finish("late")
        return done, self.settle()

    def settle(self):
        """Waits until halfdoor has let go of what it had begun; then ends all connections and hands them out."""
        quiet, ends = 0, time.monotonic() + LONGEST_CASE_S
        while quiet < QUIET_ROUNDS and self.now < ends:
            events = self.turn(0.002)
            is_quiet = all(connection.is_quiet for connection in self.connections)
            quiet = quiet + 1 if events == 0 and is_quiet else 0
        connections, self.connections = self.connections, []
        for connection in connections:
            if connection.how is None:
                is_quiet = connection.is_quiet
                connection.finish("kept" if is_quiet else "hanging")
        return connections


def read_responses(got, methods):
    """What a client received, read strictly."""
    stream = ResponseStream(methods)
    stream.feed(bytes(got))
    return stream
