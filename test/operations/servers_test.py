"""Several servers per side, and sides that are gone: who gets a request when its server cannot answer it."""

from story import OperationsTest, main
from wire import request, wait_for


class ServersTest(OperationsTest):
    def servers(self, **more):
        self.one, self.two, self.backup = self.host("primary-1"), self.host("primary-2"), self.host("backup")
        self.sides = {"primary-1": "primary", "primary-2": "primary", "backup": "backup"}
        return self.salon([self.one, self.two], self.backup, **more)

    def count(self, load, host, method="GET"):
        return sum(r["host"] == host and r["method"] == method for r in load.answered(200))

    def test_a_server_that_is_killed_under_load_costs_no_read_and_no_write_twice(self):
        daemon = self.servers()
        for host in (self.one, self.two):
            host.plan("*", after_ms=15)  # so that something is at the server when it is killed
        load = self.load(daemon, readers=4, writers=3)
        wait_for("both servers answer", lambda: min(self.count(load, "primary-1"), self.count(load, "primary-2")) > 20)
        self.one.kill()
        self.say("primary-1 is killed")
        before = self.count(load, "primary-2"), self.count(load, "primary-2", "POST")
        wait_for("the other one answers reads and writes", lambda: self.count(load, "primary-2") > before[0] + 20 and
                 self.count(load, "primary-2", "POST") > before[1] + 20)
        self.one.start_process()
        self.say("primary-1 is back")
        seen = self.count(load, "primary-1", "POST")
        wait_for("the first one answers again", lambda: self.count(load, "primary-1", "POST") > seen + 10)
        requests = load.stop()
        self.check_histories(requests=requests, sides=self.sides)
        self.assertFalse([r for r in requests if r["served_by"]], "a read fell back though a server of the primary was there")
        listed = {w["path"] for w in daemon.uncertain()}
        failed = {f"/load/{r['id']}" for r in requests if r["status"] == 502}
        self.assertEqual(failed, listed, "what was answered as uncertain is listed, and nothing else")
        self.assertFalse([r for r in requests if r["status"] not in (200, 502)])

    def test_a_write_that_a_server_refuses_goes_to_the_next_one_exactly_once(self):
        daemon = self.servers()
        self.one.stop_listening()
        for i in range(20):
            answer = daemon.ask("POST", f"/book/{i}", b"name=Anna")
            self.assertEqual((answer.status, answer.field("X-Host")), (200, "primary-2"))
        self.assertEqual([a.target for a in self.two.arrivals()], [f"/book/{i}" for i in range(20)])
        self.assertEqual(daemon.uncertain(), [])
        self.one.listen_again()
        wait_for("it gets requests again", lambda: daemon.ask("GET", "/").field("X-Host") == "primary-1")
        self.check_histories(sides=self.sides)

    def test_reads_fall_back_when_every_server_of_the_primary_is_gone_and_writes_do_not(self):
        daemon = self.servers()
        with daemon.connect() as client:
            self.assertEqual(client.ask("GET", "/before").status, 200)
            self.one.kill()
            self.two.kill()
            for method in ("GET", "HEAD", "OPTIONS"):
                answer = client.ask(method, f"/read/{method}")
                self.assertEqual((answer.status, answer.field("X-Host")), (200, "backup"), answer)
                self.assertEqual(answer.field("Halfdoor-Served-By"), "backup; fallback")
                self.assertIsNone(answer.field("Halfdoor-Mode"))
            answer = client.ask("POST", "/write", b"x")
            self.assertIn(answer.status, (502, 503, 504))
            self.assertNotIn("do not know", answer.text, "nothing was sent, so the outcome is known")
        self.assertFalse([a for a in self.backup.arrivals() if a.method == "POST"])
        self.assertEqual(daemon.uncertain(), [])
        self.check_histories(sides=self.sides)

    def test_a_read_in_flight_at_a_server_that_dies_is_answered_by_another(self):
        daemon = self.servers()
        for host in (self.one, self.two):
            host.plan("/slow", gate="never")
        with daemon.connect() as client:
            client.send(request("GET", "/slow"))
            for host in (self.one, self.two):
                wait_for("the read is at a server", lambda: any(h.arrival("/slow") for h in (self.one, self.two)))
                next(h for h in (self.one, self.two) if h.process.poll() is None and h.arrival("/slow")).kill()
                if host is self.one:
                    wait_for("it is at the other one", lambda: all(h.arrival("/slow") for h in (self.one, self.two)))
            answer = client.read_response()
        self.assertEqual((answer.status, answer.field("X-Host")), (200, "backup"))

    def test_a_read_that_a_deny_rule_names_is_neither_repeated_nor_moved(self):
        daemon = self.servers(read_only='deny = ["GET /cancel"]')
        self.one.plan("/cancel", then="close")
        self.two.plan("/cancel", then="close")
        self.assertEqual(daemon.ask("GET", "/cancel").status, 502)
        arrived = [a for h in (self.one, self.two, self.backup) for a in h.arrivals()]
        self.assertEqual(len(arrived), 1, arrived)
        self.assertEqual([w["path"] for w in daemon.uncertain()], ["/cancel"])

    def test_a_response_that_breaks_off_is_not_whole(self):
        daemon = self.servers()
        for host in (self.one, self.two):
            host.plan("/cut", body="y" * 1000, cut_after=500)
        for method in ("GET", "POST"):
            with self.subTest(method=method):
                with daemon.connect(timeout=10) as client:
                    client.send(request(method, "/cut", b"x" if method == "POST" else None))
                    try:
                        answer = client.read_response(method)
                    except Exception as error:  # noqa: BLE001
                        self.say(f"{method}: {type(error).__name__}: {error}")
                        self.assertNotIsInstance(error, TimeoutError, "the client was left waiting")
                    else:
                        self.assertTrue(answer.status >= 500 or answer.field("X-Host") == "backup",
                                        f"half a body looked whole: {answer}")

    def test_nothing_goes_back_to_a_side_that_was_left(self):
        daemon = self.servers()
        self.change(daemon, "failover")
        self.backup.kill()
        for method, status in (("GET", (502, 504)), ("POST", (503,))):
            answer = daemon.ask(method, "/look", b"x" if method == "POST" else None)
            self.assertIn(answer.status, status)
            self.assertTrue(answer.field("Halfdoor-Mode").startswith("backup-readonly"))
            self.assertIsNotNone(answer.field("Retry-After"))
        self.assertEqual(self.one.arrivals() + self.two.arrivals(), [])
        self.check_histories(sides=self.sides)

    def test_an_answer_while_the_body_is_still_coming_is_relayed(self):
        daemon = self.servers()
        for host in (self.one, self.two):
            host.plan("/early", early=True, status=413)
        with daemon.connect() as client:
            client.send(f"POST /early HTTP/1.1\r\nHost: salon.test\r\nContent-Length: {1 << 30}\r\n\r\n".encode() + b"x" * 1000)
            self.assertEqual(client.read_response("POST").status, 413)


if __name__ == "__main__":
    main()
