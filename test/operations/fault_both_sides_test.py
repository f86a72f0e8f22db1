"""A backup that is down, and both sides down: what may be tried is tried, the rest is told when to come again, guards refuse."""

import time

from faults import FaultTest, main
from wire import request, wait_for


class FaultBothSidesTest(FaultTest):
    def begin(self, **more):
        self.primary, self.backup = self.pair()
        for host in (self.primary, self.backup):
            host.plan("*", after_ms=3)
        self.daemon = self.shop(self.primary, self.backup, **more)
        self.wait_until_known(self.daemon)

    def refused(self, verb, *rules, arguments=()):
        """The command is refused, by exactly these rules, each on a line of its own; its lines by rule."""
        before = self.daemon.mode()
        for more in (["--dry-run"], []):
            ran = self.run_cli(self.daemon, verb, *arguments, *more, expect=2)
            lines = {rule: [line for line in ran.err.splitlines() if rule in line.split(":")[0] or f" {rule}:" in line]
                     for rule in ("backup-healthy", "primary-healthy", "minimum-stay", "caught-up", "fenced", "not-persisted")}
            self.assertEqual({rule for rule, found in lines.items() if found}, set(rules), ran.err)
            self.assertEqual(self.daemon.mode(), before, "a refused change changed something")
        return lines

    def both_down(self, fault):
        self.begin()
        load = self.load(self.daemon, readers=2, writers=2, denied=1, pause_ms=10)
        self.wait_for_answers(load, "the primary answers", 20, status=200, host="primary")
        primary = self.breaks(self.primary, fault)
        self.wait_for_answers(load, "reads fall back", 10, host="backup")
        backup = self.breaks(self.backup, fault)
        for side in ("primary", "backup"):
            self.wait_for_health(self.daemon, side, False)
        # A host that is merely stopped takes writes: nobody is told to send those again.
        writes = [("POST", 3)] if not self.stops(fault) else []
        for method, count in [("GET", 3), ("HEAD", 1), *writes]:
            self.wait_for_answers(load, f"{method} is told to come again", count, method=method, status=lambda s: s in (502, 503, 504),
                                  retry_after=lambda seconds: seconds is not None, host=None)
        self.assertEqual(self.daemon.mode(), ("primary", 1), "halfdoor moved though nothing is better elsewhere")
        self.mends(self.backup, backup)
        self.wait_for_answers(load, "reads are answered by the backup again", 10, host="backup", status=200)
        self.mends(self.primary, primary)
        for kind, method in (("reads", "GET"), ("writes", "POST")):
            self.wait_for_answers(load, f"the primary answers {kind} again", 10, host="primary", method=method)
        self.assertEqual(self.daemon.mode(), ("primary", 1))
        self.holds(self.daemon, load.stop())

    def test_when_both_sides_refuse_everybody_is_told_to_come_again_and_it_recovers(self):
        self.both_down("refuses")

    def test_when_both_sides_are_dead_everybody_is_told_to_come_again_and_it_recovers(self):
        self.both_down("is killed")

    def test_when_both_sides_are_unplugged_everybody_is_told_to_come_again_and_it_recovers(self):
        self.both_down("is unplugged")

    def test_a_write_is_tried_though_the_checks_say_that_the_primary_is_down(self):
        self.begin()
        self.primary.plan("/healthz", status=500)
        self.wait_for_health(self.daemon, "primary", False)
        answer = self.daemon.ask("POST", "/load/write", b"x")
        self.assertEqual((answer.status, answer.field("X-Host")), (200, "primary"), "checks may be wrong")
        self.backup.plan("/healthz", status=500)
        self.wait_for_health(self.daemon, "backup", False)
        answer = self.daemon.ask("GET", "/load/read")
        self.assertEqual((answer.status, answer.field("X-Host")), (200, "primary"), "nothing better was left")
        self.holds(self.daemon, [])

    def test_a_failover_to_a_backup_that_is_down_is_refused_unless_it_is_overridden_by_name(self):
        self.begin()
        load = self.load(self.daemon, readers=2, writers=2, pause_ms=10)
        with self.outage(self.backup, "is killed"):
            self.wait_for_health(self.daemon, "backup", False)
            lines = self.refused("failover", "backup-healthy")
            self.assertIn(self.backup.address, lines["backup-healthy"][0], "the message does not name the server")
            self.refused("failover", "backup-healthy", arguments=["--override", "primary-healthy"])
            self.assertEqual(self.daemon.control("POST", "/v1/services/salon/mode", {"mode": "backup-readonly"})[0], 409)
            since = time.monotonic()
            wait_for("reads and writes go on at the primary", lambda: sum(
                r["sent"] > since and r["host"] == "primary" for r in load.answered(200)) > 20)
            self.change(self.daemon, "failover", "--override", "backup-healthy", "--reason", "the checks are wrong")
            self.assertEqual(self.daemon.history()[-1]["overrides"], ["backup-healthy"])
            # On the backup-readonly side the primary was left on purpose: never a read of it.
            self.wait_for_answers(load, "reads are told to come again", 10, method="GET", host=None, status=lambda s: s in (502, 504))
        self.wait_for_answers(load, "the backup answers", 10, host="backup", status=200)
        self.change(self.daemon, "failback")
        self.wait_for_answers(load, "the primary takes writes", 10, host="primary", method="POST")
        self.holds(self.daemon, load.stop())

    def test_a_failback_to_a_primary_that_is_down_is_refused_and_names_every_rule_that_fails(self):
        self.begin(failback={"minimum_stay": "1h", "caught_up": "/caught-up"})
        self.primary.plan("/caught-up", status=503)
        load = self.load(self.daemon, readers=2, writers=1, pause_ms=10)
        self.change(self.daemon, "failover")
        self.refused("failback", "minimum-stay", "caught-up")
        with self.outage(self.primary, "is killed"):
            self.wait_for_health(self.daemon, "primary", False)
            self.refused("failback", "primary-healthy", "minimum-stay", "caught-up")
            self.refused("failback", "caught-up", arguments=["--override", "minimum-stay", "--override", "primary-healthy"])
        self.wait_for_health(self.daemon, "primary", True)
        self.primary.plan("/caught-up", status=204)
        self.refused("failback", "minimum-stay")
        self.change(self.daemon, "failback", "--override", "minimum-stay")
        self.assertEqual(self.daemon.history()[-1]["overrides"], ["minimum-stay"])
        self.wait_for_answers(load, "the primary takes writes", 10, host="primary", method="POST")
        requests = load.stop()
        arrivals = [a for host in self.hosts for a in host.arrivals() if a.target != "/caught-up"]
        self.holds(self.daemon, requests, arrivals=arrivals)

    def test_a_promotion_waits_until_the_primary_is_fenced(self):
        self.begin(failover={"drain": "60s"})
        self.primary.plan("/load/book", gate="book")
        clients = self.load(self.daemon, readers=1, writers=0)
        with self.daemon.connect() as client:
            client.send(request("POST", "/load/book", b"time=10"))
            wait_for("the write is at the primary", lambda: self.primary.arrival("/load/book"))
            self.run_cli(self.daemon, "failover", "--wait", "0s", expect=75)
            self.refused("promote", "fenced")
            self.primary.open("book")
            self.assertEqual(client.read_response("POST").status, 200)
        wait_for("it is fenced", lambda: self.daemon.service()["fenced"])
        self.run_cli(self.daemon, "promote")
        self.assertTrue(self.daemon.service()["diverged"])
        self.assertEqual(self.daemon.ask("POST", "/load/after", b"x").field("X-Host"), "backup")
        clients.stop()


if __name__ == "__main__":
    main()
