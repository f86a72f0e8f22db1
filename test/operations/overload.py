"""What the overload tests share: crowds of connections, a client that must not notice them, and the level before."""

import contextlib
import os
import resource
import select
import socket
import struct
import threading
import time

from story import OperationsTest
from wire import Connection, request, wait_for

# HALFDOOR_OPERATIONS_CROWD makes the crowds larger.
CROWD = int(os.environ.get("HALFDOOR_OPERATIONS_CROWD", "1500"))
# An ordinary client has to be answered within this, whatever else is going on: a deadline, not a measurement.
PATIENCE = 15.0


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = hard if hard != resource.RLIM_INFINITY else 1 << 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, 1 << 20), hard))
    return min(CROWD, wanted - 300)


class Crowd:
    """Many connections, none of which blocks the test."""

    def __init__(self, address, count, first=b"", receive_buffer=None):
        self.sockets = []
        for _ in range(count):
            one = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
            if receive_buffer:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            one.settimeout(PATIENCE)
            ends = time.monotonic() + PATIENCE
            while True:
                try:
                    one.connect(address)
                    break
                except BlockingIOError:  # the queue of a Unix socket is full
                    if time.monotonic() > ends:
                        raise
                    time.sleep(0.005)
            if not isinstance(address, str):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.setblocking(False)
            self.sockets.append(one)
        if first:
            self.send(first)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __len__(self):
        return len(self.sockets)

    def send(self, data):
        """To each; how many took (some of) it."""
        taken = 0
        for one in self.sockets:
            with contextlib.suppress(OSError):
                taken += one.send(data) > 0
        return taken

    def ended(self):
        """Reads and drops what has come; how many connections the peer has ended."""
        poller = select.poll()
        by_descriptor = {one.fileno(): one for one in self.sockets if one.fileno() >= 0}
        for descriptor in by_descriptor:
            poller.register(descriptor, select.POLLIN)
        for descriptor, _ in poller.poll(0):
            one = by_descriptor[descriptor]
            try:
                while one.recv(65536):
                    pass
                one.close()
            except BlockingIOError:
                pass
            except OSError:
                one.close()
        return sum(one.fileno() < 0 for one in self.sockets)

    def answers(self, seconds=PATIENCE):
        """Everything that each receives until the peer ends it."""
        texts, ends = [], time.monotonic() + seconds
        for one in self.sockets:
            text = b""
            with contextlib.suppress(OSError):
                while time.monotonic() < ends:
                    one.settimeout(max(0.01, ends - time.monotonic()))
                    piece = one.recv(65536)
                    if not piece:
                        break
                    text += piece
            texts.append(text)
        return texts

    def close(self, by_reset=False):
        for one in self.sockets:
            if by_reset and one.fileno() >= 0:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()


class Ordinary(threading.Thread):
    """An ordinary client: asks again and again, on kept and on new connections, and must be answered every time."""

    def __init__(self, daemon, target="/ordinary", keeps=True):
        super().__init__(daemon=True)
        self.daemon_, self.target, self.keeps = daemon, target, keeps
        self.answered, self.slowest, self.complaints, self.over = 0, 0.0, [], threading.Event()
        self.start()

    def run(self):
        kept = None
        while not self.over.is_set():
            began = time.monotonic()
            try:
                if kept is None:
                    kept = Connection(self.daemon_.address, PATIENCE)
                kept.send(request("GET", self.target))
                response = kept.read_response()
                if response.status != 200:
                    self.complaints.append(response)
                if response.closes or not self.keeps:
                    kept.close()
                    kept = None
            except Exception as error:  # whatever it is, the test has to tell it
                self.complaints.append(error)
                kept = None
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.answered += 1
            self.over.wait(0.01)
        if kept is not None:
            kept.close()


class OverloadTest(OperationsTest):
    def setUp(self):
        super().setUp()
        self.crowd = raise_descriptor_limit()
        self.primary, self.backup = self.pair()

    def serve(self, limits="", timeouts="", server="workers = 2", waits=True, **more):
        """A daemon, and the level to which everything has to return."""
        # Pools empty themselves soon, so that the level is soon reached again.
        pools = "" if "pool_idle" in timeouts else 'pool_idle = "200ms"'
        extra = f"[limits]\n{limits}\n[timeouts]\n{timeouts}\n{pools}\n"
        daemon = self.salon(self.primary, self.backup, extra=extra, server=server, **more)
        for _ in range(20):
            self.assertEqual(daemon.ask("GET", "/before").status, 200)
        if waits:
            wait_for("the pools are empty", lambda: daemon.metric("halfdoor_server_pooled") == 0, 30)
        self.level = self.level_of(daemon)
        self.say(f"the level before: {self.level}")
        return daemon

    @staticmethod
    def level_of(daemon):
        return {
            "descriptors": len(os.listdir(f"/proc/{daemon.process.pid}/fd")),
            "connections": daemon.metric("halfdoor_connections"),
            "exchanges": daemon.metric("halfdoor_exchanges"),
            "held": daemon.metric("halfdoor_memory_held_bytes"),
        }

    @contextlib.contextmanager
    def nobody_notices(self, daemon, **how):
        """An ordinary client gets every answer meanwhile."""
        client = Ordinary(daemon, **how)
        try:
            yield client
            # A few more, so that it cannot have been answered only before it began.
            after = client.answered + 5
            wait_for("the ordinary client goes on", lambda: client.answered >= after or client.complaints, PATIENCE * 2)
        finally:
            client.over.set()
            client.join(PATIENCE * 2)
        self.say(f"the ordinary client had {client.answered} answers, the slowest after {client.slowest:.3f} s")
        self.assertEqual(client.complaints, [])
        self.assertLess(client.slowest, PATIENCE)

    def assert_recovers(self, daemon, seconds=30):
        """Connections, exchanges, memory and descriptors return to the level before."""
        def is_back():
            self.now = self.level_of(daemon)
            return all(self.now[what] <= self.level[what] for what in self.level)

        try:
            wait_for("everything is as before", is_back, seconds, every=0.05)
        except AssertionError as late:
            raise AssertionError(f"{late}: before {self.level}, now {self.now}") from None
        self.assertEqual(daemon.ask("GET", "/after").status, 200)
        daemon.check_alive()
