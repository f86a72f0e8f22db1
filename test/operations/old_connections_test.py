"""Connections from before the switch: every request on them is judged by the mode of the moment its head is complete."""

import threading

from story import OperationsTest, main
from wire import request, wait_for


class OldConnectionsTest(OperationsTest):
    def setUp(self):
        super().setUp()
        self.primary, self.backup = self.pair()
        self.daemon = self.salon(self.primary, self.backup)

    def assert_notice(self, answer, mode="backup-readonly; epoch=2"):
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(answer.field("Halfdoor-Mode"), mode)
        self.assertEqual(answer.field("Cache-Control"), "no-store")
        self.assertGreater(int(answer.field("Retry-After")), 0)

    def assert_nowhere(self, target):
        for host in (self.primary, self.backup):
            self.assertIsNone(host.arrival(target))

    def test_an_old_keep_alive_connection_gets_the_notice_with_its_next_write(self):
        clients = [self.daemon.connect() for _ in range(8)]  # enough to be on both workers
        for i, client in enumerate(clients):
            self.assertEqual(client.ask("POST", f"/before/{i}", b"x").status, 200)
        self.change(self.daemon, "failover")
        for i, client in enumerate(clients):
            self.assert_notice(client.ask("POST", f"/after/{i}", b"x" * 100))
            self.assert_nowhere(f"/after/{i}")
            answer = client.ask("GET", f"/read/{i}")
            self.assertEqual((answer.status, answer.field("X-Host")), (200, "backup"), "the connection cannot be used again")
        self.change(self.daemon, "failback")
        for i, client in enumerate(clients):
            self.assertEqual(client.ask("POST", f"/again/{i}", b"x").status, 200)
        self.check_histories()

    def test_a_write_that_was_pipelined_before_the_switch_gets_the_notice(self):
        self.primary.plan("/slow", gate="slow")
        with self.daemon.connect() as client:
            client.send(request("GET", "/slow") + request("POST", "/pipelined", b"name=Anna") + request("GET", "/last"))
            wait_for("the first request is at the primary", lambda: self.primary.arrival("/slow"))
            command = self.daemon.begin("failover")
            wait_for("the mode is applied", lambda: self.daemon.mode() == ("backup-readonly", 2))
            self.primary.open("slow")
            self.assertEqual(client.read_response().status, 200)
            self.assert_notice(client.read_response("POST"))
            last = client.read_response()
            self.assertEqual((last.status, last.field("X-Host")), (200, "backup"))
        self.assertEqual(command.wait().code, 0)
        self.assert_nowhere("/pipelined")
        for event in self.primary.events():
            self.assertNotEqual(event["e"], "extra", f"bytes behind a request that was not answered: {event}")

    def test_a_head_that_completes_after_the_switch_is_judged_by_the_new_mode(self):
        with self.daemon.connect() as client:
            lines = request("POST", "/slow-head", b"", {"X-A": "1", "X-B": "2"}).decode().split("\r\n")
            for line in lines[:3]:
                client.send(line.encode() + b"\r\n")
            wait_for("halfdoor has the beginning of the head", lambda: self.has_read_everything(client))
            self.change(self.daemon, "failover")
            for line in lines[3:-1]:
                client.send(line.encode() + b"\r\n")
            self.assert_notice(client.read_response("POST"))
        self.assert_nowhere("/slow-head")

    @staticmethod
    def has_read_everything(client):
        import array
        import fcntl
        import termios
        unsent = array.array("i", [0])
        fcntl.ioctl(client.socket, termios.TIOCOUTQ, unsent)
        return unsent[0] == 0

    def test_a_body_that_was_on_its_way_at_the_switch_finishes_where_it_began(self):
        body = b"b" * 5000
        with self.daemon.connect() as client:
            client.send(request("POST", "/body", body)[:-2500])
            wait_for("its head is at the primary", lambda: self.primary.arrival("/body"))
            command = self.daemon.begin("failover")
            wait_for("the mode is applied", lambda: self.daemon.mode() == ("backup-readonly", 2))
            client.send(body[:2500])
            answer = client.read_response("POST")
        self.assertEqual((answer.status, answer.field("X-Host")), (200, "primary"))
        self.assertEqual(command.wait().code, 0)
        self.assertTrue(self.primary.arrival("/body").complete)
        self.assertEqual(self.primary.arrival("/body").bytes, 5000)
        self.assertIsNone(self.backup.arrival("/body"))

    def test_expect_100_continue_is_refused_before_the_body(self):
        self.change(self.daemon, "failover")
        with self.daemon.connect() as client:
            client.send(b"POST /upload HTTP/1.1\r\nHost: salon.test\r\nExpect: 100-continue\r\nContent-Length: 50000\r\n\r\n")
            answer = client.read_response("POST")
        self.assert_notice(answer)
        self.assertEqual(answer.interim, [], "it asked for the body first")
        self.assert_nowhere("/upload")

    def test_expect_100_continue_passes_where_writes_pass(self):
        with self.daemon.connect() as client:
            client.send(b"POST /upload HTTP/1.1\r\nHost: salon.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            line, _, _ = client.read_head()
            self.assertIn("100", line)
            client.send(b"abcde")
            self.assertEqual(client.read_response("POST").status, 200)
        self.assertEqual(self.primary.arrival("/upload").bytes, 5)

    def test_a_client_that_writes_before_it_reads_gets_to_read_the_notice(self):
        self.change(self.daemon, "failover")
        for chunked in (False, True):
            with self.daemon.connect() as client:
                # Nothing is read until the whole body has been taken: a sender of this kind hangs if nobody takes it.
                target = f"/large/{chunked}"
                if chunked:
                    client.send(f"POST {target} HTTP/1.1\r\nHost: salon.test\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
                    for _ in range(16):
                        client.send(b"10000\r\n" + b"b" * 65536 + b"\r\n")
                    client.send(b"0\r\n\r\n")
                else:
                    client.send(request("POST", target, b"b" * (1 << 20)))
                self.assert_notice(client.read_response("POST"))
                answer = client.ask("GET", "/next")
                self.assertEqual((answer.status, answer.field("X-Host")), (200, "backup"))
            self.assert_nowhere(target)

    def test_a_body_that_reads_like_a_request_is_not_one(self):
        self.change(self.daemon, "failover")
        hidden = request("GET", "/hidden") + request("POST", "/hidden-write", b"x")
        with self.daemon.connect() as client:
            client.send(request("POST", "/carrier", hidden) + request("GET", "/next"))
            self.assert_notice(client.read_response("POST"))
            answer = client.read_response()
            self.assertIn("GET /next", answer.text)
        for target in ("/carrier", "/hidden", "/hidden-write"):
            self.assert_nowhere(target)

    def test_a_client_that_never_sends_the_body_of_a_refused_request_has_its_notice_at_once(self):
        self.change(self.daemon, "failover")
        with self.daemon.connect(timeout=5) as client:
            client.send(b"POST /never HTTP/1.1\r\nHost: salon.test\r\nContent-Length: 1000000\r\n\r\n")
            self.assert_notice(client.read_response("POST"))

    def test_writes_of_many_connections_that_race_the_switch_are_at_one_host_or_none(self):
        answers = []

        def write(number):
            with self.daemon.connect() as client:
                for i in range(40):
                    answer = client.ask("POST", f"/race/{number}/{i}", b"x")
                    answers.append((f"/race/{number}/{i}", answer.status))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        wait_for("writes pass", lambda: len(answers) > 30)
        self.change(self.daemon, "failover")
        for thread in threads:
            thread.join(30)
        arrived = {a.target for a in self.primary.arrivals()}
        for target, status in answers:
            self.assertIn(status, (200, 503))
            self.assertEqual(target in arrived, status == 200, f"{target} was answered {status}")
        self.assertEqual(len(answers), 240)
        self.check_histories()


if __name__ == "__main__":
    main()
