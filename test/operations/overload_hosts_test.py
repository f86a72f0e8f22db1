"""Hosts that dribble, flood and lie about sizes: their own exchange suffers, bounded; the others do not notice."""

import contextlib
import socket
import threading
import time

from overload import OverloadTest
from story import main
from wire import Cut, request, wait_for


class HostileHost(threading.Thread):
    """A host in this process: answers every request by `answer(connection, target)`."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer = answer
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = f"127.0.0.1:{self.listening.getsockname()[1]}"
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            got = b""
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return
                got += piece
                while b"\r\n\r\n" in got:
                    head, _, got = got.partition(b"\r\n\r\n")
                    target = head.split(b" ")[1].decode()
                    if target.startswith("/ordinary") or target in ("/before", "/after", "/healthz"):
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    else:
                        self.answer(connection, target)

    def close(self):
        self.listening.close()


def flood(connection, first, again, most=64 << 20):
    """`again` behind `first`, until the peer has had enough; how much it took. Nobody takes `most`."""
    sent = connection.send(first)
    piece = again * (1 + (16 << 10) // len(again))
    connection.settimeout(20)
    while sent < most:
        sent += connection.send(piece)
    return sent


class HostsTest(OverloadTest):
    def serve_from(self, answer, **more):
        """A daemon whose primary is hostile, in one worker, so that everybody shares it."""
        hostile = HostileHost(answer)
        self.addCleanup(hostile.close)
        self.primary = hostile.address
        return self.serve(server="workers = 1", **more)

    def ask(self, daemon, target):
        """The response; a Cut if there is none."""
        with daemon.connect(60) as client:
            client.send(request("GET", target))
            try:
                return client.read_response()
            except Cut as cut:
                return cut

    def expect_bounded(self, answer, target="/x", status=502, **more):
        daemon = self.serve_from(answer, **more)
        before = daemon.resident_bytes()
        with self.nobody_notices(daemon):
            responses = [self.ask(daemon, target) for _ in range(5)]
        for response in responses:
            if status is None:
                self.assertTrue(isinstance(response, Cut) or response.status == 502, response)
            else:
                self.assertEqual(response.status, status, response)
        self.assertLess(daemon.resident_bytes() - before, 16 << 20)
        self.assert_recovers(daemon)
        return responses

    def test_a_response_that_comes_byte_by_byte(self):
        def dribble(connection, _):
            text = (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n")
            for i in range(len(text)):
                connection.sendall(text[i:i + 1])

        for response in self.expect_bounded(dribble, status=200):
            self.assertEqual(response.body, b"abcde")

    def test_endless_interim_responses(self):
        self.expect_bounded(lambda c, _: flood(c, b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))

    def test_an_endless_head(self):
        self.expect_bounded(lambda c, _: flood(c, b"HTTP/1.1 200 OK\r\n", b"X-Header: value\r\n"))

    def test_an_endless_status_line(self):
        self.expect_bounded(lambda c, _: flood(c, b"HTTP/1.1 200 ", b"O"))

    def test_an_endless_chunk_line(self):
        self.expect_bounded(
            lambda c, _: flood(c, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=", b"b"), status=None)

    def test_endless_chunk_extensions(self):
        chunk = b"1;name=" + b"v" * 900 + b"\r\nx\r\n"
        self.expect_bounded(
            lambda c, _: flood(c, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk), status=None)

    def test_endless_trailers(self):
        self.expect_bounded(
            lambda c, _: flood(c, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"X: y\r\n"),
            status=None)

    def test_chunks_larger_than_any_number(self):
        sizes = {"/a": b"ffffffffffffffff", "/b": b"8000000000000000", "/c": b"fffffffffffffffff"}

        def lie(connection, target):
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + sizes[target] + b"\r\nx")

        daemon = self.serve_from(lie)
        with self.nobody_notices(daemon):
            for target in sizes:
                answer = self.ask(daemon, target)
                self.assertTrue(isinstance(answer, Cut) or answer.status == 502, answer)
        self.assert_recovers(daemon)

    def test_a_mebibyte_in_chunks_of_one_byte(self):
        def tiny(connection, _):
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(1 << 10):
                connection.sendall(b"1\r\nx\r\n" * 1024)
            connection.sendall(b"0\r\n\r\n")

        for response in self.expect_bounded(tiny, status=200):
            self.assertEqual(len(response.body), 1 << 20)

    def test_a_fast_host_does_not_starve_the_others_of_its_worker(self):
        def pour(connection, _):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
            piece = b"x" * (1 << 18)
            while True:
                connection.sendall(piece)

        daemon = self.serve_from(pour)
        over = threading.Event()

        def drain():
            with daemon.connect(60) as client:
                client.send(request("GET", "/pour"))
                while not over.is_set():
                    client.socket.recv(1 << 18)

        threads = [threading.Thread(target=drain, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        with self.nobody_notices(daemon) as client:
            wait_for("many answers beside the flood", lambda: client.answered > 50 or client.complaints, 60)
        over.set()
        for thread in threads:
            thread.join(20)
        self.assert_recovers(daemon)

    def test_a_host_that_hangs_on_every_byte_it_should_read(self):
        """Uploads into a host that stops reading: bounded, and over at the deadline."""
        hang = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.addCleanup(hang.close)
        self.primary = f"127.0.0.1:{hang.getsockname()[1]}"
        daemon = self.salon(self.primary, self.backup, extra='[timeouts]\nfirst_byte = "2s"\n')
        before, size = daemon.resident_bytes(), 64 << 20
        statuses = []

        def upload():
            with daemon.connect(60) as client:
                client.send(f"POST /u HTTP/1.1\r\nHost: salon.test\r\nContent-Length: {size}\r\n\r\n".encode())
                with contextlib.suppress(OSError):
                    client.socket.settimeout(10)
                    while True:
                        client.send(b"u" * (1 << 16))
                client.socket.settimeout(30)
                with contextlib.suppress(Cut):
                    statuses.append(client.read_response("POST").status)

        threads = [threading.Thread(target=upload, daemon=True) for _ in range(20)]
        for thread in threads:
            thread.start()
        wait_for("all are in flight", lambda: daemon.metric("halfdoor_exchanges") == 20)
        self.assertLess(daemon.resident_bytes() - before, 20 * (400 << 10) + (8 << 20))
        wait_for("all are over", lambda: daemon.metric("halfdoor_exchanges") == 0, 60)
        for thread in threads:
            thread.join(60)
        self.assertEqual(set(statuses) - {504}, set())
        self.assertEqual(len(daemon.uncertain()), 20)


if __name__ == "__main__":
    main()
