"""`halfdoor failover` and `failback` under load: what a command promises when it returns is true, round after round."""

import os
import socket
import threading
import time

from story import OperationsTest, main
from wire import request, wait_for

ROUNDS = int(os.environ.get("HALFDOOR_OPERATIONS_ROUNDS", "4"))


class FailoverTest(OperationsTest):
    def test_no_write_starts_or_is_delivered_after_the_switch_and_no_read_fails(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup)
        for host in (primary, backup):
            host.plan("*", after_ms=8)
        load = self.load(daemon, readers=3, writers=3)
        for number in range(1, ROUNDS + 1):
            self.wait_for_writes(load, 200, 6, number)
            ran = self.change(daemon, "failover", "--reason", f"round {number}")
            mode, epoch = daemon.mode()
            self.assertEqual(mode, "backup-readonly")
            self.assertIn(f"salon: primary -> backup-readonly, epoch {epoch}, \"round {number}\"", ran.out)
            self.assertIn("applied by 2 of 2 workers in ", ran.out)
            self.assertIn("fenced after ", ran.out)
            field = f"backup-readonly; epoch={epoch}"
            wait_for("reads are answered by the backup in the new epoch",
                     lambda: sum(r["mode"] == field and r["host"] == "backup" for r in load.answered(200)) >= 20)
            wait_for("writes are refused in the new epoch",
                     lambda: sum(r["mode"] == field and r["method"] == "POST" for r in load.answered(503)) >= 6)
            self.change(daemon, "failback", "--reason", f"round {number}")
            self.assertEqual(daemon.mode()[0], "primary")
        self.wait_for_writes(load, 200, 6, ROUNDS + 1)
        requests = load.stop()
        self.say(f"load ends after {len(requests)} requests")
        self.assertEqual(daemon.metric("halfdoor_second_guard_total"), 0, "the second guard caught something")
        self.assertEqual(daemon.uncertain(), [], "nothing was cut, so nothing is uncertain")
        self.check_histories(requests=requests, journal=daemon.history())
        self.assert_no_write_was_lost(requests, primary)

    def wait_for_writes(self, load, status, count, number):
        since = time.monotonic()
        wait_for(f"{count} writes are answered {status} in round {number}", lambda: sum(
            r["sent"] > since and r["method"] == "POST" for r in load.answered(status)) >= count)

    def assert_no_write_was_lost(self, requests, primary):
        """What was answered with 200 was at the primary, what was answered with 503 was nowhere."""
        arrived = {a.target for a in primary.arrivals() if a.method in ("POST", "PUT")}
        for one in requests:
            if one["method"] in ("POST", "PUT") and one["status"] in (200, 503):
                self.assertEqual(f"/load/{one['id']}" in arrived, one["status"] == 200, one)

    def test_the_command_answers_when_it_is_fenced_and_not_before(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup)
        primary.plan("/book", gate="book")
        with daemon.connect() as client:
            client.send(request("POST", "/book", b"time=10"))
            wait_for("the write is at the primary", lambda: primary.arrival("/book"))
            command = daemon.begin("failover")
            wait_for("the mode is applied", lambda: daemon.mode() == ("backup-readonly", 2))
            self.assertFalse(daemon.service()["fenced"], "fenced, though a write is at the primary")
            self.assertEqual(daemon.ask("POST", "/other", b"x").status, 503)
            self.assertIsNone(command.process.poll(), "the command answered before it was fenced")
            primary.open("book")
            self.assertEqual(client.read_response().status, 200, "the write in flight was not let finish")
        ran = command.wait()
        self.say(repr(ran))
        self.assertEqual(ran.code, 0)
        self.assertIn("1 write was in flight to the primary: 1 finished, 0 uncertain", ran.out)
        self.assertTrue(daemon.service()["fenced"])
        entry = daemon.history()[-1]
        self.assertEqual((entry["writes_finished"], entry["writes_uncertain"]), (1, 0), entry)

    def test_freeze_and_close_wait_for_the_writes_of_the_side_that_goes_on_serving(self):
        for verb, mode in (("freeze", "primary-readonly"), ("close", "closed")):
            with self.subTest(verb=verb):
                primary, daemon, client = self.hold_a_write()
                command = daemon.begin(verb)
                wait_for("the mode is applied", lambda: daemon.mode() == (mode, 2))
                self.assertFalse(daemon.service()["fenced"], "fenced, though a write is at the primary")
                self.assertIsNone(command.process.poll(), "the command answered before it was fenced")
                primary.open("book")
                self.assertEqual(client.read_response("POST").status, 200)
                ran = command.wait()
                self.say(repr(ran))
                self.assertEqual(ran.code, 0)
                self.assertIn("1 write was in flight to the primary: 1 finished, 0 uncertain", ran.out)
                daemon.close()

    def black_hole(self):
        """A server that takes no connection, and does not refuse one either."""
        hole = socket.socket()
        self.addCleanup(hole.close)
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        for _ in range(8):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        return hole

    def test_what_waits_for_a_connection_at_the_switch_is_judged_again(self):
        backup, hole = self.host("backup"), self.black_hole()
        daemon = self.salon(f"127.0.0.1:{hole.getsockname()[1]}", backup, extra='[timeouts]\nconnect = "60s"')
        with daemon.connect() as writer, daemon.connect() as reader:
            writer.send(request("POST", "/book", b"x" * 100))
            reader.send(request("GET", "/look"))
            wait_for("both wait for a connection", lambda: len([e for e in daemon.exchanges() if e["side"] == "primary"]) == 2)
            ran = self.run_cli(daemon, "failover")
            self.assertIn("0 writes were in flight", ran.out)
            answer = writer.read_response("POST")
            self.assertEqual((answer.status, answer.field("Halfdoor-Mode")), (503, "backup-readonly; epoch=2"))
            answer = reader.read_response()
            self.assertEqual((answer.status, answer.field("X-Host")), (200, "backup"))
        self.assertEqual([a.target for a in backup.arrivals()], ["/look"])
        self.assertEqual(daemon.uncertain(), [])
        self.assertEqual(daemon.metric("halfdoor_second_guard_total"), 0)

    def test_a_read_that_hangs_at_the_primary_moves_to_the_backup(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup, failover='read_fallback_after = "200ms"')
        primary.plan("/slow", then="hang")
        with daemon.connect() as client:
            client.send(request("GET", "/slow"))
            wait_for("the read is at the primary", lambda: primary.arrival("/slow"))
            self.change(daemon, "failover")
            answer = client.read_response()
        self.assertEqual((answer.status, answer.field("X-Host")), (200, "backup"), answer)
        self.assertEqual(answer.field("Halfdoor-Mode"), "backup-readonly; epoch=2")

    def hold_a_write(self, failover=""):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup, failover=failover)
        primary.plan("/book", gate="book")
        client = daemon.connect()
        self.addCleanup(client.close)
        client.send(request("POST", "/book", b"time=10"))
        wait_for("the write is at the primary", lambda: primary.arrival("/book"))
        return primary, daemon, client

    def test_a_second_change_during_a_drain_supersedes_the_first(self):
        primary, daemon, client = self.hold_a_write()
        first = daemon.begin("failover")
        wait_for("the first change is applied", lambda: daemon.mode() == ("backup-readonly", 2))
        second = daemon.begin("close")
        superseded = first.wait()
        self.say(repr(superseded))
        self.assertEqual(superseded.code, 75)
        self.assertIn("superseded by epoch 3", superseded.out)
        self.assertEqual(daemon.mode(), ("closed", 3))
        self.assertIsNone(second.process.poll(), "the second change answered before it was fenced")
        self.assertEqual(primary.arrival("/book").answered, None)
        primary.open("book")
        self.assertEqual(client.read_response().status, 200)
        complete = second.wait()
        self.say(repr(complete))
        self.assertEqual(complete.code, 0)
        self.assertIn("fenced after", complete.out)

    def test_the_api_names_the_epoch_that_superseded_a_change(self):
        primary, daemon, _ = self.hold_a_write()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(
            daemon.control("POST", "/v1/services/salon/mode", {"mode": "backup-readonly"})))
        thread.start()
        wait_for("the first change is applied", lambda: daemon.mode() == ("backup-readonly", 2))
        code, back = daemon.control("POST", "/v1/services/salon/mode", {"mode": "primary"})
        # The write is where primary wants it, and nothing is at the backup: there is nothing to wait for.
        self.assertEqual((code, back["epoch"]), (200, 3), back)
        thread.join(20)
        code, answer = answers[0]
        self.assertEqual((code, answer["superseded_by"]), (202, 3), answer)
        primary.open("book")

    def test_wait_0s_answers_at_applied(self):
        primary, daemon, client = self.hold_a_write()
        ran = self.run_cli(daemon, "failover", "--wait", "0s", expect=75)
        self.assertIn("applied by 2 of 2 workers", ran.out)
        self.assertIn("not fenced yet", ran.out)
        self.assertEqual(daemon.mode(), ("backup-readonly", 2))
        primary.open("book")
        self.assertEqual(client.read_response().status, 200)
        wait_for("it is fenced", lambda: daemon.service()["fenced"])
        self.run_cli(daemon, "failback", "--wait", "0s", expect=0)

    def test_a_wait_that_ends_before_the_drain_says_that_the_mode_is_applied(self):
        _, daemon, _ = self.hold_a_write()
        ran = self.run_cli(daemon, "failover", "--wait", "100ms", expect=75)
        self.assertIn("applied by 2 of 2 workers", ran.out)
        self.assertIn("not fenced yet", ran.out)


if __name__ == "__main__":
    main()
