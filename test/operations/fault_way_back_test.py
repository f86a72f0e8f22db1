"""The runbooks of README.md under load: planned maintenance, an unplanned failover, the way back with and without promotion."""

import time

from checker import Change, Kill
from faults import FaultTest, main

CAUGHT_UP = "/replication/caught-up"


class FaultWayBackTest(FaultTest):
    def begin(self, failback=None, **more):
        self.primary, self.backup = self.pair()
        for host in (self.primary, self.backup):
            host.plan("*", after_ms=3)
        self.primary.plan(CAUGHT_UP, status=503, body="2 changes behind\n")
        self.daemon = self.shop(self.primary, self.backup, failback={"caught_up": CAUGHT_UP, **(failback or {})}, **more)
        self.wait_until_known(self.daemon)
        self.clients = self.load(self.daemon, readers=2, writers=2, pause_ms=8)
        self.writes_go_to("primary")

    def writes_go_to(self, side):
        if side is None:
            self.wait_for_answers(self.clients, "writes are refused", 10, method="POST", status=503)
        else:
            self.wait_for_answers(self.clients, f"the {side} takes writes", 10, host=side, method="POST", status=200)

    def reads_go_to(self, side):
        self.wait_for_answers(self.clients, f"the {side} answers reads", 10, host=side, method="GET", status=200)

    def refused(self, verb, *texts, arguments=()):
        ran = self.run_cli(self.daemon, verb, *arguments, expect=2)
        for text in texts:
            self.assertIn(text, ran.err)

    def end(self, **more):
        requests = self.clients.stop()
        arrivals = [a for host in self.hosts for a in host.arrivals() if a.target != CAUGHT_UP]
        self.holds(self.daemon, requests, arrivals=arrivals, **more)
        reached = {a.target: a.host for a in arrivals if a.method in ("POST", "PUT")}
        for one in requests:
            if one["method"] in ("POST", "PUT") and one["status"] == 200:
                self.assertEqual(reached.get(one["target"]), one["host"], f"an acknowledged write is nowhere: {one}")

    def test_planned_maintenance_costs_no_read_and_no_write_is_lost(self):
        self.begin()
        self.primary.plan(CAUGHT_UP, status=204)
        self.change(self.daemon, "failover", "--reason", "new disks", "--until", "+1h")
        self.writes_go_to(None)
        self.primary.kill()  # nobody is there any more
        self.reads_go_to("backup")
        self.primary.start_process()
        self.wait_for_health(self.daemon, "primary", True)
        self.change(self.daemon, "failback", "--reason", "new disks are in")
        self.writes_go_to("primary")
        self.assertFalse([r for r in self.clients.records() if r["status"] in (502, 504)], "a planned change cuts nothing")
        self.end()

    def test_an_unplanned_failover_and_the_way_back_without_promotion(self):
        self.begin()
        with self.outage(self.primary, "is unplugged"):
            self.wait_for_health(self.daemon, "primary", False)
            self.change(self.daemon, "failover", "--reason", "host A does not answer")
            self.reads_go_to("backup")
            self.writes_go_to(None)
            self.refused("failback", "primary-healthy", "caught-up")
        self.wait_for_health(self.daemon, "primary", True)
        self.primary.plan(CAUGHT_UP, status=204)
        self.change(self.daemon, "failback")
        self.writes_go_to("primary")
        self.end()

    def test_the_way_back_after_a_promotion_loses_no_write_whatever_is_tried_too_early(self):
        self.begin()
        kills = []
        with self.outage(self.primary, "is killed"):
            self.change(self.daemon, "failover")
            self.change(self.daemon, "promote", "--reason", "the repair takes all day")
            self.writes_go_to("backup")
            self.assertTrue(self.daemon.service()["diverged"])
        self.wait_for_health(self.daemon, "primary", True)
        self.refused("failback", "caught-up", "freeze")
        before, killed = self.daemon.mode(), time.monotonic()
        self.daemon.restart()
        kills.append(Kill(killed, time.monotonic(), before, self.daemon.mode()))
        self.assertTrue(self.daemon.service()["diverged"], "a restart forgot that the primary lacks data")
        self.writes_go_to("backup")
        self.change(self.daemon, "freeze")
        self.writes_go_to(None)
        self.refused("failback", "caught-up", "503")
        self.assertEqual(self.daemon.mode()[0], "backup-readonly")
        self.primary.plan(CAUGHT_UP, status=204)
        self.change(self.daemon, "failback")
        self.assertFalse(self.daemon.service()["diverged"])
        self.writes_go_to("primary")
        self.end(kills=kills)

    def test_an_overridden_failback_from_a_promoted_backup_is_two_changes_of_which_each_is_fenced(self):
        self.begin()
        self.change(self.daemon, "failover")
        self.change(self.daemon, "promote")
        self.writes_go_to("backup")
        ran = self.run_cli(self.daemon, "failback", "--override", "caught-up", "--reason", "we give up what was written there")
        mode, epoch = self.daemon.mode()
        self.assertEqual((mode, epoch), ("primary", 5))
        frozen, back = self.daemon.history()[-2:]
        self.assertEqual([(c["from"], c["to"]) for c in (frozen, back)],
                         [("backup-writable", "backup-readonly"), ("backup-readonly", "primary")])
        self.assertIn("caught-up", back["overrides"])
        # When the first of them ended is not told; both had when the command returned.
        self.changes.append(Change("freeze", ran.began, ran.ended, "backup-readonly", 4, fenced=False, applied=False))
        self.changes.append(Change("failback", ran.began, ran.ended, mode, epoch))
        self.writes_go_to("primary")
        self.end()


if __name__ == "__main__":
    main()
