"""Crowds of slow, silent, greedy and refused clients: bounded, nobody else notices, and everything recovers."""

import contextlib
import os
import socket
import threading
import time

from overload import PATIENCE, Crowd, OverloadTest
from story import main
from wire import Cut, request, wait_for


def cpu_seconds(daemon):
    with open(f"/proc/{daemon.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class SlowClientsTest(OverloadTest):
    def dribble(self, daemon, crowd, data, until):
        """A byte of `data` to each, again and again, until `until()`."""
        ends = time.monotonic() + 30
        for i in range(1 << 20):
            crowd.send(data[i % len(data):][:1])
            if until() or time.monotonic() > ends:
                break
            time.sleep(0.05)
        self.assertTrue(until())

    def test_heads_that_come_byte_by_byte_end_at_the_deadline(self):
        daemon = self.serve(timeouts='request_head = "2s"')
        before = daemon.resident_bytes()
        with self.nobody_notices(daemon), Crowd(daemon.address, self.crowd, b"GET / HTTP/1.1\r\nHost: a\r\nX: ") as crowd:
            wait_for("all have an exchange", lambda: daemon.metric("halfdoor_connections") >= len(crowd))
            each = (daemon.resident_bytes() - before) / len(crowd)
            self.say(f"{each:.0f} bytes each")
            self.assertLess(each, 32 << 10)
            self.dribble(daemon, crowd, b"x", lambda: crowd.ended() == len(crowd))
        self.assert_recovers(daemon)

    def test_the_answer_to_a_slow_head_is_408(self):
        daemon = self.serve(timeouts='request_head = "1s"')
        with Crowd(daemon.address, 50, b"GET / HTTP/1.1\r\nX: ") as crowd:
            for text in crowd.answers():
                self.assertTrue(text.startswith(b"HTTP/1.1 408 "), text)

    def test_bodies_that_come_byte_by_byte_end_and_the_host_hears_of_it(self):
        daemon = self.serve(timeouts='request_body = "1s"')
        head = b"POST /slow HTTP/1.1\r\nHost: salon.test\r\nContent-Length: 100000\r\n\r\n"
        count = min(self.crowd, 200)
        with self.nobody_notices(daemon), Crowd(daemon.address, count, head) as crowd:
            wait_for("all are in flight", lambda: daemon.metric("halfdoor_exchanges") >= count)
            for text in crowd.answers():
                self.assertTrue(text.startswith(b"HTTP/1.1 408 "), text)
        self.assert_recovers(daemon)

    def test_thousands_of_idle_connections(self):
        daemon = self.serve()
        before = daemon.resident_bytes()
        with self.nobody_notices(daemon), Crowd(daemon.address, self.crowd, request("GET", "/.well-known/halfdoor")) as crowd:
            wait_for("all are idle", lambda: daemon.metric("halfdoor_connections") >= len(crowd) and
                     daemon.metric("halfdoor_exchanges") <= 1)
            each = (daemon.resident_bytes() - before) / len(crowd)
            self.say(f"{each:.0f} bytes each")
            self.assertLess(each, 16 << 10)
        self.assert_recovers(daemon)

    def test_over_the_limit_the_oldest_idle_connection_gives_way(self):
        daemon = self.serve(limits="connections = 100")
        with Crowd(daemon.address, 600) as crowd:
            wait_for("those over the limit are closed", lambda: crowd.ended() >= 500)
            self.assertLessEqual(daemon.metric("halfdoor_connections"), 100 + 2 * 16)
            # Every new connection costs the crowd one.
            with self.nobody_notices(daemon, keeps=False):
                pass
        self.assert_recovers(daemon)

    def test_over_the_limit_and_none_idle_new_ones_are_answered_503_or_closed(self):
        daemon = self.serve(limits="connections = 40")
        self.primary.plan("/hang", then="hang")
        with Crowd(daemon.address, 200, request("GET", "/hang")) as crowd:
            wait_for("those over the limit are closed", lambda: crowd.ended() >= 160)
            wait_for("the others are in flight", lambda: daemon.metric("halfdoor_exchanges") == 40)
            # Who is refused one by one gets to read why.
            with daemon.connect() as client:
                response = client.read_response()
            self.assertEqual((response.status, response.closes), (503, True))
            # An end alone might be half of one: the host would still be waited for.
            crowd.close(by_reset=True)
        self.assertGreater(daemon.metric("halfdoor_connections_refused_total"), 0)
        self.assert_recovers(daemon)

    def test_clients_that_pipeline_and_never_read(self):
        daemon = self.serve(timeouts='client_write = "2s"')
        before = daemon.resident_bytes()
        count = min(self.crowd, 100)
        flood = request("GET", "/.well-known/halfdoor") * 1000
        with self.nobody_notices(daemon), Crowd(daemon.address, count, receive_buffer=4096) as crowd:
            for _ in range(100):
                if crowd.send(flood) == 0:
                    break
            most = daemon.resident_bytes() - before
            self.say(f"{most / count:.0f} bytes each")
            self.assertLess(most / count, 256 << 10)
            wait_for("all are cut", lambda: daemon.metric("halfdoor_connections") <= 1, 60)
        self.assert_recovers(daemon)

    def test_clients_that_do_not_read_a_large_response_are_reset(self):
        daemon = self.serve(timeouts='client_write = "2s"')
        self.primary.plan("/large", body_bytes=8 << 20)
        before = daemon.resident_bytes()
        count = min(self.crowd, 60)
        with self.nobody_notices(daemon), Crowd(daemon.address, count, request("GET", "/large"), receive_buffer=4096) as crowd:
            most = 0

            def are_gone():
                nonlocal most
                most = max(most, daemon.resident_bytes() - before)
                return daemon.metric("halfdoor_connections") <= 1

            wait_for("all have come", lambda: daemon.metric("halfdoor_connections") >= count)
            wait_for("all are cut", are_gone, 60, every=0.05)
            self.say(f"at most {most / count:.0f} bytes each")
            self.assertLess(most / count, 400 << 10)
        self.assert_recovers(daemon)

    def test_refused_uploads_of_many_clients_at_once_all_get_their_notice(self):
        daemon = self.serve()
        self.run_cli(daemon, "freeze")
        before, count, size = daemon.resident_bytes(), 12, 16 << 20
        statuses = []

        def upload():
            with daemon.connect(60) as client:
                client.send(f"POST /u HTTP/1.1\r\nHost: salon.test\r\nContent-Length: {size}\r\n\r\n".encode())
                with contextlib.suppress(ConnectionError):
                    for _ in range(size >> 16):
                        client.send(b"u" * (1 << 16))
                statuses.append(client.read_response("POST").status)

        with self.nobody_notices(daemon):
            threads = [threading.Thread(target=upload, daemon=True) for _ in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(90)
        self.assertEqual(statuses, [503] * count)
        self.assertLess(daemon.resident_bytes() - before, 64 << 20)
        self.assertEqual([a for a in self.primary.arrivals() if a.method == "POST"], [])
        self.assert_recovers(daemon)

    def test_many_notices_at_once(self):
        daemon = self.serve()
        self.run_cli(daemon, "close")
        with Crowd(daemon.address, min(self.crowd, 500), request("GET", "/x", fields={"Connection": "close"})) as crowd:
            for text in crowd.answers(60):
                self.assertTrue(text.startswith(b"HTTP/1.1 503 "), text)
        self.run_cli(daemon, "failback")
        self.assert_recovers(daemon)


class ChurnTest(OverloadTest):
    def test_connections_that_come_and_go_leave_nothing(self):
        daemon = self.serve()
        over = threading.Event()

        def churn(by_reset):
            while not over.is_set():
                with contextlib.suppress(OSError), Crowd(daemon.address, 20, b"GET") as crowd:
                    crowd.close(by_reset)

        with self.nobody_notices(daemon):
            threads = [threading.Thread(target=churn, args=(by_reset,), daemon=True) for by_reset in (True, False)]
            for thread in threads:
                thread.start()
            wait_for("thousands have come", lambda: daemon.metric("halfdoor_connections_accepted_total") > 3000, 60)
            over.set()
            for thread in threads:
                thread.join(20)
        self.assert_recovers(daemon)

    def test_half_closed_connections_end(self):
        daemon = self.serve()
        with self.nobody_notices(daemon), Crowd(daemon.address, 500) as crowd:
            for one in crowd.sockets:
                one.shutdown(socket.SHUT_WR)
            wait_for("all are closed", lambda: crowd.ended() == len(crowd))
        self.assert_recovers(daemon)

    def test_a_stop_with_thousands_of_idle_connections_is_graceful(self):
        daemon = self.serve()
        with Crowd(daemon.address, self.crowd, request("GET", "/.well-known/halfdoor")) as crowd:
            wait_for("all are there", lambda: daemon.metric("halfdoor_connections") >= len(crowd))
            self.assertEqual(daemon.stop(), 0)
            wait_for("all are closed", lambda: crowd.ended() == len(crowd))


class SegmentsTest(OverloadTest):
    def one_byte_at_a_time(self, daemon, data, count):
        """Sends every byte in a segment of its own; the final responses."""
        with daemon.connect() as client:
            for i in range(len(data)):
                client.send(data[i:i + 1])
            return [client.read_response("POST" if b"POST" in data else "GET") for _ in range(count)]

    def test_every_byte_in_a_segment_of_its_own(self):
        daemon = self.serve()
        chunked = (b"POST /c HTTP/1.1\r\nHost: salon.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"5;name=value;x=\"y\"\r\nhello\r\n1\r\n!\r\n0\r\nX-One: 1\r\nX-Two: 2\r\n\r\n")
        with self.nobody_notices(daemon):
            self.assertEqual([r.status for r in self.one_byte_at_a_time(daemon, request("GET", "/g") * 10, 10)], [200] * 10)
            self.assertEqual([r.status for r in self.one_byte_at_a_time(daemon, chunked * 3, 3)], [200] * 3)
        self.assertEqual([a.bytes for a in self.primary.arrivals() if a.target == "/c"], [6] * 3)
        self.assert_recovers(daemon)

    def test_tiny_chunks_cost_in_proportion_to_their_bytes(self):
        daemon = self.serve(server="workers = 1")

        def cost(chunks):
            began = cpu_seconds(daemon)
            with daemon.connect(60) as client:
                client.send(b"POST /tiny HTTP/1.1\r\nHost: salon.test\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in range(chunks >> 10):
                    client.send(b"1\r\nx\r\n" * 1024)
                client.send(b"0\r\n\r\n")
                self.assertEqual(client.read_response("POST").status, 200)
            return cpu_seconds(daemon) - began

        small, large = cost(1 << 17), cost(1 << 20)
        self.say(f"131,072 chunks: {small:.2f} s, 1,048,576 chunks: {large:.2f} s of CPU")
        # Eight times as many: linear work takes eight times as long, quadratic work 64 times.
        self.assertLess(large, max(small, 0.05) * 24)
        self.assertEqual([a.bytes for a in self.primary.arrivals() if a.target == "/tiny"], [1 << 17, 1 << 20])
        self.assert_recovers(daemon)


if __name__ == "__main__":
    main()
