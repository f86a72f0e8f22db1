"""Writes whose outcome nobody knows: listed, never sent twice, and when cut really cut."""

import json
import threading

from story import OperationsTest, main
from wire import Cut, request, wait_for


class UncertainTest(OperationsTest):
    def listed(self, daemon, *arguments):
        ran = self.run_cli(daemon, "uncertain", *arguments, "--json")
        return json.loads(ran.out)["writes"]

    def assert_page_of_an_unknown_outcome(self, answer, status=502):
        self.assertEqual(answer.status, status, answer)
        self.assertIn("do not know whether", answer.text)
        self.assertIsNone(answer.field("Retry-After"), "an invitation to send it again")
        self.assertIn(answer.field("X-Request-Id"), answer.text)
        self.assertEqual(answer.field("Cache-Control"), "no-store")

    def test_writes_in_flight_at_a_kill_are_listed_after_the_restart(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup)
        primary.plan("*", gate="never")
        clients = [daemon.connect() for _ in range(6)]
        for i, client in enumerate(clients[:5]):
            client.send(request("POST" if i else "DELETE", f"/book/{i}?time=10", b"name=Anna"))
        clients[5].send(request("GET", "/look"))
        wait_for("five writes and a read are at the primary", lambda: len(primary.arrivals()) == 6)
        arrived = {a.target: a for a in primary.arrivals()}
        peers = {client.socket.getsockname()[1] for client in clients}
        daemon.restart()
        self.say("halfdoor was killed and started again")
        writes = self.listed(daemon)
        self.assertEqual(sorted(w["path"].split("?")[0] for w in writes), [f"/book/{i}" for i in range(5)], writes)
        for write in writes:
            arrival = arrived[f"{write['path'].split('?')[0]}?time=10"]
            self.assertEqual(write["method"], arrival.method)
            self.assertEqual(write["request_id"], arrival.id)
            self.assertEqual((write["service"], write["epoch"], write["side"], write["server"]),
                             ("salon", 1, "primary", primary.address))
            self.assertIn("halfdoor stopped", write["why"])
            self.assertTrue(write["client"].startswith("127.0.0.1"), write)
        self.assertTrue(peers)
        daemon.restart()
        self.assertEqual(len(self.listed(daemon)), 5, "a second restart changed the list")
        text = self.run_cli(daemon, "uncertain").out
        self.assertEqual(sum("/book/" in line for line in text.splitlines()), 5, text)
        self.check_histories()

    def test_writes_to_which_a_trusted_proxy_gave_one_id_are_all_listed(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup, listen='trusted_proxies = ["127.0.0.1"]')
        primary.plan("*", gate="never")
        clients = [daemon.connect() for _ in range(12)]
        for i, client in enumerate(clients):
            client.send(request("POST", f"/book/{i}", b"x", {"X-Request-Id": "one-page"}))
        wait_for("all of them are at the primary", lambda: len(primary.arrivals()) == 12)
        self.assertEqual({a.id for a in primary.arrivals()}, {"one-page"})
        daemon.restart()
        self.assertEqual(sorted(w["path"] for w in self.listed(daemon)), sorted(f"/book/{i}" for i in range(12)))
        for client in clients:
            client.close()

    def test_a_write_that_was_answered_is_not_listed_after_a_kill(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup)
        for i in range(20):
            self.assertEqual(daemon.ask("POST", f"/book/{i}", b"x").status, 200)
        daemon.restart()
        self.assertEqual(self.listed(daemon), [])

    def test_an_upload_that_is_cut_at_the_end_of_drain_is_really_cut(self):
        primary, backup = self.pair(receive_buffer=8192)
        daemon = self.salon(primary, backup, failover='drain = "300ms"')
        primary.plan("/upload", read="nothing")
        size = 32 << 20
        client = daemon.connect()
        client.send(f"POST /upload HTTP/1.1\r\nHost: salon.test\r\nContent-Length: {size}\r\n\r\n".encode())

        def upload():
            try:
                for _ in range(size >> 16):
                    client.send(b"u" * (1 << 16))
            except OSError:
                pass

        uploader = threading.Thread(target=upload, daemon=True)
        uploader.start()
        wait_for("the upload has begun", lambda: primary.arrival("/upload"))

        def is_stuck():
            [exchange] = [e for e in daemon.exchanges() if e["path"] == "/upload"]
            before, stuck.last = stuck.last, exchange["bytes_in"]
            return before == stuck.last and stuck.last > 0

        stuck = type("Seen", (), {"last": -1})
        wait_for("the upload is stuck at a host that does not read", is_stuck, every=0.15)
        ran = self.change(daemon, "failover")
        self.assertIn("1 write was in flight to the primary: 0 finished, 1 uncertain (halfdoor uncertain salon)", ran.out)
        primary.open("drain")
        drained = wait_for("the host has read what there was to read",
                           lambda: [e for e in primary.events() if e["e"] == "drained"])[0]
        self.say(f"the host could still read {drained}")
        [write] = self.listed(daemon)
        self.assertEqual((write["method"], write["path"], write["side"]), ("POST", "/upload", "primary"))
        self.assertIn("drain", write["why"])
        self.assertEqual(drained["how"], "reset", "the host saw a clean end, as if the upload were complete")
        self.assertEqual(drained["read"], drained["queued"], "bytes were delivered after the command had returned")
        self.assertGreater(write["bytes_sent"], drained["read"] + 65536,
                           "nothing was queued in the kernel of halfdoor, so this shows nothing")
        answer = client.read_response("POST")
        self.assert_page_of_an_unknown_outcome(answer)
        client.close()
        uploader.join(10)

    def one_write_to_a_host_that(self, plan, pooled):
        """A POST to a side with two servers, of which each treats it like this; the answer."""
        servers = [self.host("primary"), self.host("primary2")]
        backup = self.host("backup")
        daemon = self.salon(servers, backup)
        client = daemon.connect()
        self.addCleanup(client.close)
        if pooled:
            # A pooled connection to each server, on whichever worker has this client.
            for _ in range(6):
                self.assertEqual(client.ask("GET", "/look").status, 200)
        for server in servers:
            server.plan("/book", **plan)
        client.send(request("POST", "/book", b"name=Anna"))
        return servers, backup, daemon, client

    def test_no_two_requests_have_the_same_id(self):
        primary, backup = self.pair()
        for _ in range(4):
            daemon = self.salon(primary, backup)
            clients = [daemon.connect() for _ in range(16)]
            for client in clients:
                client.ask("POST", "/book", b"x")
                client.close()
            daemon.close()
        ids = [a.id for a in primary.arrivals()]
        self.assertEqual(len(ids), 64)
        self.assertEqual(len(set(ids)), 64, "the list of uncertain writes knows a write by its id")

    def assert_sent_once(self, servers, backup, daemon):
        arrived = [a for server in servers for a in server.arrivals() if a.target == "/book"]
        self.assertEqual(len(arrived), 1, arrived)
        self.assertFalse([a for a in backup.arrivals() if a.target == "/book"])
        [write] = self.listed(daemon)
        self.assertEqual((write["path"], write["request_id"]), ("/book", arrived[0].id))
        self.assertGreater(write["bytes_sent"], 0)
        self.check_histories(arrivals=[a for host in [*servers, backup] for a in host.arrivals()], sides={"primary": "primary", "primary2": "primary", "backup": "backup"})

    def test_a_write_whose_host_ends_the_connection_is_never_sent_again(self):
        for plan in ({"then": "close"}, {"then": "reset"}, {"then": "answer", "cut_after": 0, "status": 200}):
            for pooled in (False, True):
                with self.subTest(plan=plan, pooled=pooled):
                    servers, backup, daemon, client = self.one_write_to_a_host_that(plan, pooled)
                    if "cut_after" in plan:
                        # The status line had come, so the outcome is known; the answer breaks off.
                        try:
                            answer = client.read_response("POST")
                            self.fail(f"a cut answer looked whole: {answer}")
                        except Cut:
                            pass
                        self.assertEqual(self.listed(daemon), [])
                    else:
                        answer = client.read_response("POST")
                        self.assert_page_of_an_unknown_outcome(answer)
                        self.assert_sent_once(servers, backup, daemon)
                    daemon.close()

    def test_a_write_whose_host_is_killed_before_it_answers_is_never_sent_again(self):
        servers, backup, daemon, client = self.one_write_to_a_host_that({"gate": "never"}, pooled=True)
        wait_for("the write is at a server", lambda: any(s.arrival("/book") for s in servers))
        next(s for s in servers if s.arrival("/book")).kill()
        self.assert_page_of_an_unknown_outcome(client.read_response("POST"))
        self.assert_sent_once(servers, backup, daemon)
        # Others go on.
        self.assertEqual(daemon.ask("POST", "/another", b"x").status, 200)

    def test_a_write_that_is_not_answered_in_time_is_504_and_uncertain(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup, extra='[timeouts]\nfirst_byte = "300ms"')
        primary.plan("/book", then="hang")
        answer = daemon.ask("POST", "/book", b"x")
        self.assert_page_of_an_unknown_outcome(answer, 504)
        [write] = self.listed(daemon)
        self.assertEqual(write["path"], "/book")
        self.assertEqual(len(primary.arrivals()) + len(backup.arrivals()), 1)

    def test_a_client_that_leaves_before_the_answer_does_not_make_its_write_uncertain(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup)
        primary.plan("/book", gate="book")
        with daemon.connect() as client:
            client.send(request("POST", "/book", b"x"))
            wait_for("the write is at the primary", lambda: primary.arrival("/book"))
        primary.open("book")
        wait_for("the write is answered", lambda: primary.arrival("/book").answered)
        wait_for("nothing is in flight", lambda: not daemon.exchanges())
        self.assertEqual(self.listed(daemon), [])


if __name__ == "__main__":
    main()
