"""A primary that fails under load, in every way: no read that may be re-sent fails, no write is sent twice or to the backup."""

import time

from faults import FaultTest, main
from wire import request, wait_for


class FaultPrimaryTest(FaultTest):
    def begin(self, **more):
        self.primary, self.backup = self.pair()
        for host in (self.primary, self.backup):
            host.plan("*", after_ms=5)  # so that something is always on its way
        self.daemon = self.shop(self.primary, self.backup, **more)
        self.wait_until_known(self.daemon)
        self.clients = self.load(self.daemon, readers=3, writers=2, denied=1, pause_ms=8)
        self.wait_for_answers(self.clients, "the primary answers reads and writes", 40, host="primary", status=200)

    def wait_for_fallback(self, count=30):
        self.wait_for_answers(self.clients, "reads fall back to the backup", count, host="backup", served_by="backup; fallback",
                              mode=None)

    def wait_for_recovery(self):
        self.wait_for_health(self.daemon, "primary", True)
        for kind, method in (("reads", "GET"), ("writes", "POST")):
            self.wait_for_answers(self.clients, f"the primary answers {kind} again", 10, host="primary", method=method)

    def end(self, fell_back=True):
        requests = self.clients.stop()
        self.assertEqual(any(r["served_by"] for r in requests), fell_back, "whether reads fell back")
        self.assertFalse([r for r in requests if r["served_by"] and r["method"] not in ("GET", "HEAD")])
        self.assertEqual(self.daemon.mode(), ("primary", 1), "nobody had asked for a change")
        self.holds(self.daemon, requests)
        return requests

    def costs_no_read(self, fault, until=lambda: None):
        """`until`: what must have happened before the fault ends, beside the fallback."""
        self.begin()
        with self.outage(self.primary, fault) as outage:
            self.wait_for_fallback()
            self.wait_for_health(self.daemon, "primary", False)
            self.wait_for_fallback()
            self.assertEqual(self.daemon.service()["active"], "primary", "a fallback is no failover")
            until()
        self.wait_for_recovery()
        requests = self.end()
        met = [r for r in requests if r["target"].startswith("/denied/") and outage.overlaps(r["sent"], r["ended"])]
        self.assertTrue(met, "no denied read met the fault, so this shows nothing")
        self.assertFalse([r for r in met if r["host"] == "backup"])

    def test_a_primary_that_is_killed_costs_no_read(self):
        self.costs_no_read("is killed")

    def test_a_primary_that_is_stopped_costs_no_read(self):
        self.costs_no_read("is stopped (SIGSTOP)")

    def test_a_primary_that_refuses_costs_no_read(self):
        self.costs_no_read("refuses")

    def test_a_primary_that_hears_no_syn_costs_no_read(self):
        self.costs_no_read("hears no SYN")

    def test_a_primary_that_is_unplugged_costs_no_read(self):
        self.costs_no_read("is unplugged", until=lambda: wait_for(
            "a write got no answer in time", lambda: [r for r in self.clients.answered(504) if r["method"] == "POST"]))

    def test_a_primary_whose_connections_are_reset_costs_no_read(self):
        self.costs_no_read("is reset by the network")

    def test_a_primary_that_is_reset_at_each_request_costs_no_read(self):
        self.costs_no_read("is reset at each request")

    def test_a_primary_that_takes_requests_and_answers_nothing_costs_no_read(self):
        self.costs_no_read("answers nothing")

    def test_a_primary_that_drips_costs_no_read_once_its_checks_have_failed(self):
        self.begin()
        with self.outage(self.primary, "drips") as outage:
            self.wait_for_health(self.daemon, "primary", False)
            # What it drips is no silence: what was there before may end with the notice.
            outage.judged = time.monotonic()
            self.wait_for_fallback()
        self.wait_for_recovery()
        self.end()

    def test_a_primary_that_flaps_costs_no_read_and_changes_no_mode(self):
        self.begin()
        for number in range(8):
            with self.outage(self.primary, ("is killed", "refuses")[number % 2]):
                self.wait_for_answers(self.clients, "requests are answered", 10)
            self.wait_for_answers(self.clients, "requests are answered", 10)
        self.wait_for_recovery()
        self.end()

    def test_a_read_at_a_host_that_stops_is_answered_by_the_backup(self):
        """Those that were on their way when it stopped: from the first one on, and long before they would be given up."""
        self.begin(timeouts={"first_byte": "60s"})
        self.primary.plan("/load/first", then="hang")
        with self.daemon.connect() as client:
            client.send(request("GET", "/load/first"))
            wait_for("the read is at the primary", lambda: self.primary.arrival("/load/first"))
            with self.outage(self.primary, "is stopped (SIGSTOP)"):
                answer = client.read_response()
        self.assertEqual((answer.status, answer.field("X-Host")), (200, "backup"), answer)
        self.assertEqual(answer.field("Halfdoor-Served-By"), "backup; fallback")
        self.wait_for_recovery()
        self.end()

    def test_the_loss_of_every_connection_at_once_costs_no_read(self):
        self.begin()
        for _ in range(5):
            with self.outage(self.primary, "refuses"):
                pass
            self.wait_for_answers(self.clients, "requests are answered", 20)
        self.wait_for_recovery()
        requests = self.clients.stop()
        self.holds(self.daemon, requests)

    def test_a_primary_that_is_slow_but_healthy_keeps_its_reads(self):
        self.begin(timeouts={"first_byte": "20s"}, health={"timeout": "3s"})
        self.primary.plan("*", after_ms=1500)  # five times read_fallback_after; its checks are answered at once
        self.say("the primary is slow")
        self.wait_for_answers(self.clients, "slow reads are answered", 12, host="primary", method="GET")
        self.assertGreater(self.daemon.metric("halfdoor_slow_reads_total"), 0, "slow reads are not counted")
        self.primary.plan("/load/drip", drip_ms=15)
        answer = self.daemon.ask("GET", "/load/drip")
        self.assertEqual((answer.status, answer.text), (200, "primary GET /load/drip\n"), "what drips is no silence")
        self.assertEqual(self.daemon.service()["primary"]["servers"][0]["healthy"], True)
        self.primary.plan("*", after_ms=5)
        self.end(fell_back=False)
        self.assertEqual(self.backup.arrivals(), [])

    def test_a_frozen_primary_that_dies_costs_no_read(self):
        self.begin()
        self.change(self.daemon, "freeze")
        with self.outage(self.primary, "is killed"):
            self.wait_for_answers(self.clients, "reads fall back", 30, host="backup", served_by="backup; fallback",
                                  mode="primary-readonly; epoch=2")
            self.wait_for_answers(self.clients, "writes are refused", 10, method="POST", status=503)
        self.wait_for_health(self.daemon, "primary", True)
        self.change(self.daemon, "thaw")
        self.wait_for_recovery()
        self.holds(self.daemon, self.clients.stop())

    def test_a_read_that_a_deny_rule_names_never_goes_to_the_backup(self):
        self.begin()
        with self.outage(self.primary, "is killed"):
            self.wait_for_health(self.daemon, "primary", False)
            for method in ("GET", "HEAD"):
                answer = self.daemon.ask(method, "/denied/cancel")
                self.assertIn(answer.status, (502, 504), answer)
                self.assertIsNone(answer.field("X-Host"))
        self.wait_for_recovery()
        self.end(fell_back=any(r["served_by"] for r in self.clients.records()))
        self.assertFalse([a for a in self.backup.arrivals() if a.target.startswith("/denied/")])


if __name__ == "__main__":
    main()
