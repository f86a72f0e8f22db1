"""failover.automatic: into read-only by itself, once, when it should; never out of it, never twice in a cooldown, never by guess."""

import random
import time

from checker import Kill
from checker_faults import Outage
from faults import FaultTest, main
from wire import wait_for

AUTOMATIC = {"automatic": True, "after": "500ms", "cooldown": "1h"}


class FaultAutomaticTest(FaultTest):
    def begin(self, failover=None, **more):
        self.primary, self.backup = self.pair()
        for host in (self.primary, self.backup):
            host.plan("*", after_ms=3)
        self.daemon = self.shop(self.primary, self.backup, failover={**AUTOMATIC, **(failover or {})}, **more)
        self.wait_until_known(self.daemon)
        self.clients = self.load(self.daemon, readers=2, writers=2, denied=1, pause_ms=10)
        self.wait_for_answers(self.clients, "the primary answers", 20, status=200, host="primary")
        self.kills = []

    def wait_for_mode(self, mode, seconds=40):
        wait_for(f"the mode is {mode}", lambda: self.daemon.mode()[0] == mode, seconds=seconds)
        self.say(f"the mode is {mode}")

    def stays_in(self, mode, requests=60):
        """Time for it to go wrong: so many requests are answered meanwhile, and several checks pass."""
        ends = time.monotonic() + 1.5  # three times `after`
        self.wait_for_answers(self.clients, "requests are answered", requests)
        wait_for("time passes", lambda: time.monotonic() > ends)
        self.assertEqual(self.daemon.mode()[0], mode)

    def automatic_ones(self):
        return [c for c in self.daemon.history() if c["kind"] == "change" and c["actor"] == "automatic"]

    def end(self, **more):
        self.holds(self.daemon, self.clients.stop(), kills=self.kills, **more)

    def test_it_fails_over_by_itself_and_stays_there_until_an_operator_says_otherwise(self):
        self.begin()
        with self.outage(self.primary, "is killed"):
            self.wait_for_mode("backup-readonly")
            [change] = self.automatic_ones()
            self.assertEqual((change["from"], change["to"], change["epoch"]), ("primary", "backup-readonly", 2))
            self.assertIn(self.primary.address, change["reason"])
            service = self.daemon.service()
            self.assertEqual((service["actor"], service["acknowledged"]), ("automatic", False))
            self.wait_for_answers(self.clients, "the backup answers", 20, host="backup", mode="backup-readonly; epoch=2")
            self.wait_for_answers(self.clients, "writes are refused", 10, method="POST", status=503)
        self.wait_for_health(self.daemon, "primary", True)
        self.stays_in("backup-readonly")
        self.assertEqual(self.daemon.mode(), ("backup-readonly", 2), "it left read-only, or moved again, by itself")
        self.run_cli(self.daemon, "failover", "--reason", "seen")
        self.assertEqual(self.daemon.service()["acknowledged"], True)
        self.assertEqual(self.daemon.mode(), ("backup-readonly", 2))
        self.change(self.daemon, "failback")
        self.wait_for_answers(self.clients, "the primary takes writes", 10, host="primary", method="POST")
        self.end()

    def test_a_primary_that_is_dead_at_the_start_makes_it_fail_over_once_the_backup_is_known(self):
        self.primary, self.backup = self.pair()
        self.outages.append(Outage("primary", time.monotonic()))
        self.primary.kill()
        self.daemon = self.shop(self.primary, self.backup, failover=AUTOMATIC)
        self.clients = self.load(self.daemon, readers=2, writers=1, pause_ms=10)
        self.kills = []
        self.wait_for_mode("backup-readonly")
        self.wait_for_answers(self.clients, "the backup answers", 10, host="backup", mode="backup-readonly; epoch=2")
        self.assertEqual(len(self.automatic_ones()), 1)
        self.end()

    def test_a_primary_that_hangs_makes_it_fail_over(self):
        self.begin()
        with self.outage(self.primary, "is unplugged"):
            self.wait_for_mode("backup-readonly")
            self.wait_for_answers(self.clients, "the backup answers", 20, host="backup")
        self.stays_in("backup-readonly")
        self.assertEqual(len(self.automatic_ones()), 1)
        self.end()

    def test_it_stays_where_it_is_while_the_backup_is_down_too(self):
        self.begin()
        backup = self.breaks(self.backup, "refuses")
        self.wait_for_health(self.daemon, "backup", False)
        primary = self.breaks(self.primary, "refuses")
        self.wait_for_health(self.daemon, "primary", False)
        self.stays_in("primary")
        self.mends(self.backup, backup)
        # Now the backup is up, and has to be for as long as the primary is down.
        self.wait_for_mode("backup-readonly")
        self.mends(self.primary, primary)
        self.assertEqual(len(self.automatic_ones()), 1)
        self.end()

    def test_both_down_and_both_up_again_changes_nothing(self):
        self.begin()
        both = [(host, self.breaks(host, "is unplugged")) for host in (self.backup, self.primary)]
        for side in ("backup", "primary"):
            self.wait_for_health(self.daemon, side, False)
        self.stays_in("primary", requests=5)
        # The primary first: alone, it must not look dead when the backup is back.
        for host, outage in reversed(both):
            self.mends(host, outage)
            self.wait_for_health(self.daemon, host.name, True)
        self.stays_in("primary")
        self.assertEqual(self.daemon.mode(), ("primary", 1))
        self.end()

    def test_a_primary_that_flaps_makes_it_fail_over_at_most_once(self):
        self.begin()
        for _ in range(6):
            with self.outage(self.primary, "is killed"):
                self.wait_for_answers(self.clients, "requests are answered", 10)
            self.wait_for_answers(self.clients, "requests are answered", 10)
        with self.outage(self.primary, "is killed"):
            self.wait_for_mode("backup-readonly")
        self.wait_for_health(self.daemon, "primary", True)
        self.change(self.daemon, "failback")
        with self.outage(self.primary, "refuses"):
            self.wait_for_health(self.daemon, "primary", False)
            self.stays_in("primary")  # by the cooldown; its reads fall back all the same
            self.wait_for_answers(self.clients, "reads fall back", 10, served_by="backup; fallback")
        self.assertEqual(len(self.automatic_ones()), 1, "more than once in a cooldown")
        self.wait_for_health(self.daemon, "primary", True)
        self.stays_in("primary")
        self.end()

    def test_after_the_cooldown_it_may_fail_over_again(self):
        self.begin(failover={"cooldown": "3s"})
        for number in (1, 2):
            with self.outage(self.primary, "refuses"):
                self.wait_for_mode("backup-readonly")
            self.wait_for_health(self.daemon, "primary", True)
            self.change(self.daemon, "failback")
            self.assertEqual(len(self.automatic_ones()), number)
        self.end()

    def test_a_slow_primary_and_one_whose_traffic_alone_fails_is_not_left(self):
        self.begin(health={"timeout": "3s"})
        self.primary.plan("*", after_ms=700)
        self.stays_in("primary", requests=8)
        self.primary.plan("*", after_ms=3)
        self.primary.plan("/load/reset", then="reset")
        for _ in range(20):
            self.daemon.ask("GET", "/load/reset")
        self.stays_in("primary")
        self.assertEqual(self.daemon.mode(), ("primary", 1))
        self.end()

    def starts_from_primary_only(self, verb, mode):
        self.begin()
        self.change(self.daemon, verb)
        with self.outage(self.primary, "is killed"):
            self.wait_for_health(self.daemon, "primary", False)
            self.stays_in(mode)
        self.assertEqual(self.automatic_ones(), [])
        self.end()

    def test_it_leaves_a_frozen_primary_to_the_operator(self):
        self.starts_from_primary_only("freeze", "primary-readonly")

    def test_it_leaves_a_closed_service_to_the_operator(self):
        self.starts_from_primary_only("close", "closed")

    def kill_halfdoor(self):
        acknowledged, killed = self.daemon.mode(), time.monotonic()
        self.daemon.restart()
        found = self.daemon.mode()
        self.say(f"halfdoor was killed in {acknowledged} and is in {found}")
        commanded = [("backup-readonly", 2)] if acknowledged == ("primary", 1) else []
        self.kills.append(Kill(killed, time.monotonic(), acknowledged, found, commanded))

    def test_kill_9_of_halfdoor_around_an_automatic_failover_loses_and_repeats_nothing(self):
        self.begin()
        source = random.Random(11)
        with self.outage(self.primary, "is killed"):
            for _ in range(6):
                wait = time.monotonic() + source.uniform(0, 1.2)
                wait_for("a moment to be killed at", lambda: time.monotonic() > wait)
                self.kill_halfdoor()
            self.wait_for_mode("backup-readonly")
            self.wait_for_answers(self.clients, "the backup answers", 20, host="backup", status=200)
        self.wait_for_health(self.daemon, "primary", True)
        self.kill_halfdoor()
        self.stays_in("backup-readonly")
        self.assertEqual(self.daemon.mode(), ("backup-readonly", 2))
        self.assertEqual([c["epoch"] for c in self.automatic_ones()], [2], "once, with a history that knows it")
        self.end()

    def test_failback_automatic_undoes_an_automatic_failover_and_nothing_else(self):
        self.begin(failover={"cooldown": "0s"}, failback={"automatic": True, "healthy_for": "700ms"})
        with self.outage(self.primary, "is killed"):
            self.wait_for_mode("backup-readonly")
            self.wait_for_answers(self.clients, "the backup answers", 10, host="backup")
        self.wait_for_mode("primary")
        self.wait_for_answers(self.clients, "the primary takes writes", 10, host="primary", method="POST")
        self.assertEqual([c["to"] for c in self.automatic_ones()], ["backup-readonly", "primary"])
        self.change(self.daemon, "failover", "--reason", "an operator wants it so")
        self.stays_in("backup-readonly")
        self.assertEqual(len(self.automatic_ones()), 2)
        self.end(automatic_failback=True)

    def test_failback_automatic_leaves_a_diverged_service_alone(self):
        self.begin(failback={"automatic": True, "healthy_for": "300ms"})
        with self.outage(self.primary, "is killed"):
            self.wait_for_mode("backup-readonly")
            wait_for("it is fenced", lambda: self.daemon.service()["fenced"])
            self.change(self.daemon, "promote")
            self.wait_for_answers(self.clients, "the backup takes writes", 10, host="backup", method="POST")
            self.change(self.daemon, "freeze")
        self.wait_for_health(self.daemon, "primary", True)
        self.stays_in("backup-readonly")
        self.assertTrue(self.daemon.service()["diverged"])
        self.end(automatic_failback=True)


if __name__ == "__main__":
    main()
