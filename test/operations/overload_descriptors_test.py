"""Descriptors run out: connections are accepted and closed, operators still get in, the latch is written, it recovers."""

import contextlib
import os
import re
import resource
import time

from overload import Crowd, OverloadTest
from story import main
from wire import Cut, request, wait_for


class DescriptorsTest(OverloadTest):
    def limit(self, daemon, descriptors):
        """From now on; gives what it was."""
        return resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, descriptors)

    @contextlib.contextmanager
    def exhausted(self, daemon, gaps_too=False):
        """Nothing is free above the descriptors in use; with `gaps_too` nothing between them either, which makes those
        given up useless."""
        before = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
        used = {int(name) for name in os.listdir(f"/proc/{daemon.process.pid}/fd")}
        gap = next(number for number in range(len(used) + 1) if number not in used)
        self.limit(daemon, (gap if gaps_too else max(used) + 1, before[1]))
        try:
            yield
        finally:
            self.limit(daemon, before)

    def test_a_daemon_whose_connections_do_not_fit_refuses_to_start(self):
        daemon = self.salon(self.primary, self.backup, start=False, extra="[limits]\nconnections = 1000\n")
        daemon.prefix = ["prlimit", "--nofile=1024:1024"]
        daemon.start(wait=False)
        self.assertEqual(daemon.process.wait(20), 1)
        self.assertRegex(daemon.log(), r"RLIMIT_NOFILE is 1024, but 1000 connections need \d+ descriptors")

    def test_the_smallest_limit_that_it_asks_for_is_enough(self):
        daemon = self.salon(self.primary, self.backup, start=False, server="workers = 1", extra="[limits]\nconnections = 100\n")
        daemon.prefix = ["prlimit", "--nofile=200:200"]
        daemon.start(wait=False)
        self.assertEqual(daemon.process.wait(20), 1)
        needed = int(re.search(r"need (\d+) descriptors", daemon.log()).group(1))
        daemon.prefix = ["prlimit", f"--nofile={needed - 1}:{needed - 1}"]
        daemon.start(wait=False)
        self.assertEqual(daemon.process.wait(20), 1)
        daemon.prefix = ["prlimit", f"--nofile={needed}:{needed}"]
        daemon.start()
        # All that it promises at the same time: every client with a request at a host, and operators.
        self.primary.plan("/hang", gate="g")
        with Crowd(daemon.control_path, 120), Crowd(daemon.address, 99, request("GET", "/hang")) as crowd:
            wait_for("all are at the host", lambda: daemon.metric("halfdoor_server_in_flight") == len(crowd))
            self.assertEqual(daemon.ask("GET", "/one-more").status, 200)
            # All move to the backup in the same turn.
            self.run_cli(daemon, "failover")
            self.primary.open("g")
        self.assertNotIn("cannot accept", daemon.log())
        self.assertNotIn("cannot open", daemon.log())

    def test_none_left_for_clients(self):
        daemon = self.serve(limits="connections = 400")
        with daemon.connect() as kept:
            kept.send(request("GET", "/.well-known/halfdoor"))
            self.assertEqual(kept.read_response().status, 200)
            with self.exhausted(daemon):
                with Crowd(daemon.address, 50, request("GET", "/x", fields={"Connection": "close"})) as crowd:
                    wait_for("all are accepted and closed", lambda: crowd.ended() == len(crowd), 60)
                    # Who was there before is served, operators get in, and a switch is written to the disk.
                    kept.send(request("GET", "/.well-known/halfdoor"))
                    self.assertEqual(kept.read_response().status, 200)
                    self.run_cli(daemon, "status")
                    self.run_cli(daemon, "failover")
                    self.run_cli(daemon, "failback")
                    self.assertFalse(daemon.service()["not_persisted"])
                began = time.monotonic()
                lines = daemon.log().count("cannot accept a connection on")
                self.assertGreaterEqual(lines, 1)
                self.assertLessEqual(lines, 2 * (2 + began - self.began))
        wait_for("it accepts again", lambda: daemon.ask("GET", "/again").status == 200)
        self.assert_recovers(daemon)

    def test_none_left_for_servers(self):
        daemon = self.serve(limits="connections = 400")
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(daemon.connect()) for _ in range(10)]
            for client in clients:
                client.send(request("GET", "/.well-known/halfdoor"))
                self.assertEqual(client.read_response().status, 200)
            with self.exhausted(daemon, gaps_too=True):
                for client in clients:
                    client.send(request("POST", "/write", b"x"))
                answers = [client.read_response("POST") for client in clients]
                self.assertEqual({answer.status for answer in answers}, {503}, "it is want of ours, not a fault of the server")
                wait_for("it is said", lambda: "cannot open a connection to a server" in daemon.log())
            for client in clients:
                client.send(request("POST", "/later", b"x"))
                self.assertEqual(client.read_response("POST").status, 200)
        self.assertEqual([a for a in self.primary.arrivals() if a.target == "/write"], [])
        self.assertEqual(daemon.uncertain(), [])
        self.assert_recovers(daemon)

    def test_waiting_connections_to_servers_give_way(self):
        daemon = self.serve(limits="connections = 400", timeouts='pool_idle = "60s"\npool_fresh = "1ms"',
                            server="workers = 1", waits=False)
        self.primary.plan("/together", gate="g")
        with Crowd(daemon.address, 20, request("GET", "/together")) as crowd:
            wait_for("all are at the host", lambda: daemon.metric("halfdoor_server_in_flight") == 20)
            self.primary.open("g")
            wait_for("all wait in the pool", lambda: daemon.metric("halfdoor_server_pooled") == 20)
            with daemon.connect() as client:
                client.send(request("GET", "/.well-known/halfdoor"))
                self.assertEqual(client.read_response().status, 200)
                time.sleep(0.02)
                with self.exhausted(daemon):
                    client.send(request("POST", "/write", b"x"))
                    self.assertEqual(client.read_response("POST").status, 200)
            self.assertEqual(crowd.ended(), 0)


if __name__ == "__main__":
    main()
