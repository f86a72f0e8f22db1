"""The checker finds every violation that it is there for: hand-made histories, each with one lie in it."""

import tempfile
import unittest
from types import SimpleNamespace

from checker import Change, Kill, check, open_windows
from checker_faults import Outage
from host import Host
from wire import Connection

FAILOVER = Change("failover", 10.0, 11.0, "backup-readonly", 2)
FAILBACK = Change("failback", 20.0, 21.0, "primary", 3)


def arrival(host, method, target, first, last=None):
    return SimpleNamespace(host=host, method=method, target=target, first=first, last=last or first)


def request(name, method, sent, answered, status=200, mode=None, host=None, **more):
    return {"id": name, "method": method, "client": "c", "sent": sent, "answered": answered, "status": status, "mode": mode,
            "served_by": None, "host": host, "error": None, "body": "", **more}


class CheckerTest(unittest.TestCase):
    def assert_finds(self, rule, **history):
        found = check(**history)
        self.assertTrue(found, f"the checker found nothing wrong, though {rule} was violated")
        self.assertEqual({line.split(":")[0] for line in found}, {rule}, found)

    def assert_clean(self, **history):
        self.assertEqual(check(**history), [])

    def test_accepts_a_history_in_which_every_promise_was_kept(self):
        self.assert_clean(
            changes=[FAILOVER, FAILBACK],
            arrivals=[arrival("primary", "POST", "/load/a", 9.9, 10.9), arrival("backup", "GET", "/load/b", 10.5),
                      arrival("primary", "GET", "/load/c", 10.99), arrival("primary", "POST", "/load/d", 20.1),
                      arrival("backup", "GET", "/load/e", 5.0)],
            requests=[request("a", "POST", 9.8, 10.95, host="primary"),
                      request("b", "GET", 10.4, 10.6, mode="backup-readonly; epoch=2", host="backup"),
                      request("n", "POST", 12.0, 12.1, 503, "backup-readonly; epoch=2"),
                      request("d", "POST", 20.0, 20.2, host="primary")],
            kills=[Kill(15.0, 16.0, ("backup-readonly", 2), ("backup-readonly", 2))],
            journal=[{"from": "primary", "to": "backup-readonly", "epoch": 2, "actor": "uid:0(root)"},
                     {"from": "backup-readonly", "to": "primary", "epoch": 3, "actor": "uid:0(root)"}])

    def test_finds_a_write_that_reached_the_backup(self):
        self.assert_finds("I1", arrivals=[arrival("backup", "POST", "/x", 5.0)])

    def test_finds_a_byte_of_a_write_that_came_to_the_backup_after_its_promotion_had_ended(self):
        changes = [FAILOVER, Change("promote", 12.0, 12.5, "backup-writable", 3), Change("freeze", 14.0, 15.0, "backup-readonly", 4)]
        self.assert_clean(changes=changes, arrivals=[arrival("backup", "POST", "/x", 12.1, 14.9)])
        self.assert_finds("I1", changes=changes, arrivals=[arrival("backup", "POST", "/x", 12.1, 15.1)])

    def test_lets_a_write_reach_the_backup_that_a_rule_allows(self):
        login = arrival("backup", "POST", "/login", 12.0)
        self.assert_finds("I1", changes=[FAILOVER], arrivals=[login])
        self.assert_clean(changes=[FAILOVER], arrivals=[login], allowed=lambda a: a.target == "/login")

    def test_finds_a_write_that_reached_the_primary_after_the_switch_was_complete(self):
        self.assert_finds("P1", changes=[FAILOVER], arrivals=[arrival("primary", "POST", "/x", 11.1)])

    def test_finds_a_byte_that_was_delivered_after_the_switch_was_complete(self):
        self.assert_finds("P1", changes=[FAILOVER], arrivals=[arrival("primary", "POST", "/x", 10.5, 11.2)])

    def test_finds_a_read_that_reached_the_side_that_was_left(self):
        self.assert_finds("P1", changes=[FAILOVER], arrivals=[arrival("primary", "GET", "/x", 11.1)])

    def test_finds_a_write_that_reached_a_frozen_primary_and_lets_its_reads_pass(self):
        freeze = Change("freeze", 10.0, 11.0, "primary-readonly", 2)
        self.assert_clean(changes=[freeze], arrivals=[arrival("primary", "GET", "/x", 12.0)])
        self.assert_finds("P1", changes=[freeze], arrivals=[arrival("primary", "PUT", "/x", 12.0)])

    def test_takes_a_switch_that_was_not_fenced_for_what_it_is(self):
        unfenced = Change("failover", 10.0, 11.0, "backup-readonly", 2, fenced=False)
        late = arrival("primary", "POST", "/load/a", 10.9, 12.0)
        self.assert_clean(changes=[unfenced], arrivals=[late], requests=[request("a", "POST", 10.5, 12.1, host="primary")])

    def test_finds_a_request_that_was_sent_after_the_reply_and_went_to_the_side_that_was_left(self):
        unfenced = Change("failover", 10.0, 11.0, "backup-readonly", 2, fenced=False)
        self.assert_finds("I2", changes=[unfenced], arrivals=[arrival("primary", "POST", "/load/a", 11.4)],
                          requests=[request("a", "POST", 11.3, 11.5, 502, "backup-readonly; epoch=2")])

    def test_finds_a_write_that_was_answered_in_the_name_of_a_mode_that_refuses_it(self):
        self.assert_finds("I3", changes=[FAILOVER],
                          requests=[request("a", "POST", 12.0, 12.1, mode="backup-readonly; epoch=2", host="backup")])

    def test_finds_an_answer_whose_side_is_not_that_of_its_mode(self):
        self.assert_finds("I3", changes=[FAILOVER],
                          requests=[request("a", "GET", 12.0, 12.1, mode="backup-readonly; epoch=2", host="primary")])

    def test_finds_an_epoch_that_is_answered_as_two_modes(self):
        self.assert_finds("I3", changes=[FAILOVER], requests=[request("a", "GET", 12.0, 12.1, mode="closed; epoch=2")])

    def test_lets_a_fallback_read_be_answered_by_the_backup(self):
        self.assert_clean(requests=[request("a", "GET", 5.0, 5.1, host="backup", served_by="backup; fallback")])
        self.assert_finds("I3", requests=[request("a", "GET", 5.0, 5.1, host="backup")])

    def test_finds_a_line_of_the_log_that_does_not_fit(self):
        servers = {"10.0.0.1:80": "primary", "10.9.0.1:80": "backup"}
        at_primary = SimpleNamespace(host="primary", method="GET", target="/a", first=5.0, last=5.0, id="r1")
        true = {"request_id": "r1", "service": "salon", "mode": "primary", "epoch": 1, "side": "primary", "method": "GET",
                "server": "10.0.0.1:80", "fallback": False, "attempts": 1, "target": "/a", "server_status": 200}
        history = {"changes": [FAILOVER], "arrivals": [at_primary], "servers": servers}
        self.assert_clean(log=[true, {**true, "request_id": "r2", "server_status": None}], **history)
        # Asked before the switch, refused after it.
        self.assert_clean(log=[{**true, "side": None, "server": None, "mode": "closed", "epoch": 3}], **history)
        lies = [{"mode": "closed"}, {"epoch": 2}, {"mode": "backup-readonly", "epoch": 2}, {"fallback": True},
                {"side": "backup"}, {"server": "10.9.0.1:80"}, {"server": "10.9.0.1:80", "side": "backup", "fallback": True},
                {"request_id": "r3"}, {"attempts": 0}, {"side": None, "server": None, "attempts": 0}]
        for lie in lies:
            with self.subTest(lie=lie):
                self.assert_finds("I3", log=[{**true, **lie}], **history)
        self.assert_finds("I3", log=[true, true], **history)
        write = {**true, "mode": "primary-readonly", "epoch": 5, "method": "POST", "server_status": None}
        self.assert_finds("I3", log=[write], **history)

    def test_finds_a_write_that_was_sent_twice(self):
        twice = [arrival("primary", "POST", "/x", 5.0), arrival("primary2", "POST", "/x", 5.1)]
        sides = {"primary": "primary", "primary2": "primary"}
        self.assert_finds("I4", arrivals=twice, sides=sides)
        twice[0].method = twice[1].method = "GET"
        self.assert_clean(arrivals=twice, sides=sides)

    def test_finds_an_epoch_that_went_back(self):
        self.assert_finds("I5", changes=[FAILOVER, Change("failback", 20.0, 21.0, "primary", 1)])

    def test_finds_an_epoch_that_was_two_modes(self):
        self.assert_finds("I5", changes=[FAILOVER, Change("close", 20.0, 21.0, "closed", 2)])

    def test_finds_an_answer_from_before_the_switch(self):
        old = request("a", "GET", 31.0, 31.1, mode="backup-readonly; epoch=2", host="backup")
        changes = [FAILOVER, FAILBACK, Change("failover", 29.0, 30.0, "backup-readonly", 4)]
        self.assert_finds("I5", changes=changes, requests=[old])

    def test_finds_an_answer_without_a_mode_after_the_reply_to_a_switch(self):
        self.assert_finds("I5", changes=[FAILOVER], requests=[request("a", "GET", 12.0, 12.1)])

    def test_finds_a_client_that_saw_the_epochs_go_back(self):
        self.assert_finds("I5", changes=[FAILOVER, Change("close", 10.5, 30.0, "closed", 3)],
                          requests=[request("a", "GET", 12.0, 12.1, 503, "closed; epoch=3"),
                                    request("b", "GET", 13.0, 13.1, mode="backup-readonly; epoch=2")])

    def test_finds_a_mode_that_nobody_had_asked_for_after_a_kill(self):
        kill = Kill(15.0, 16.0, ("backup-readonly", 2), ("primary", 1), commanded=[("closed", 3)])
        self.assert_finds("I6", changes=[FAILOVER], kills=[kill])
        kill.found = ("closed", 3)
        self.assert_clean(changes=[FAILOVER], kills=[kill])

    def test_finds_a_refused_write_that_got_no_answer(self):
        hung = request("a", "POST", 12.0, None, None, error="timeout")
        self.assert_finds("I8", changes=[FAILOVER], requests=[hung])
        self.assert_clean(changes=[FAILOVER], requests=[hung],
                          kills=[Kill(12.5, 13.0, ("backup-readonly", 2), ("backup-readonly", 2))])

    def test_finds_that_something_left_read_only_by_itself(self):
        self.assert_finds("I9", journal=[{"from": "backup-readonly", "to": "primary", "epoch": 3, "actor": "automatic"}])

    def test_finds_a_read_that_failed(self):
        self.assert_finds("P2", requests=[request("a", "GET", 5.0, 5.1, 502)])
        self.assert_finds("P2", requests=[request("a", "GET", 5.0, None, None, error="reset")])

    def test_excuses_a_read_only_where_no_host_was_left_to_answer_it(self):
        failed = request("a", "GET", 5.0, 5.1, 502, target="/load/a", retry_after="5")
        down = [Outage("primary", 4.0, 6.0), Outage("backup", 4.5, 6.0)]
        self.assert_clean(requests=[failed], outages=down)
        self.assert_finds("P2", requests=[failed], outages=down[:1])
        self.assert_finds("P2", requests=[{**failed, "retry_after": None}], outages=down)
        self.assert_finds("P2", requests=[{**failed, "answered": None, "status": None}], outages=down)
        self.assert_finds("P2", requests=[{**failed, "sent": 6.1, "answered": 6.2}], outages=down)
        # On the backup nothing is promised while that is down, whatever the primary does.
        after = request("a", "GET", 12.0, 12.1, 502, "backup-readonly; epoch=2", target="/load/a", retry_after="5")
        self.assert_clean(changes=[FAILOVER], requests=[after], outages=[Outage("backup", 11.5)])
        self.assert_finds("P2", changes=[FAILOVER], requests=[after], outages=[Outage("primary", 11.5)])

    def test_excuses_what_a_fault_met_that_looks_like_slowness_until_it_must_be_known(self):
        failed = request("a", "GET", 5.0, 7.0, 504, target="/load/a", retry_after="5")
        self.assert_clean(requests=[failed], outages=[Outage("primary", 4.0, 9.0, judged=6.0)])
        self.assert_finds("P2", requests=[failed], outages=[Outage("primary", 4.0, 9.0, judged=4.9)])

    def test_finds_an_answer_that_is_not_whole(self):
        whole = request("a", "GET", 5.0, 5.1, host="primary", target="/load/a", body="primary GET /load/a\n")
        self.assert_clean(requests=[whole])
        self.assert_finds("P2", requests=[{**whole, "body": "primary GET /lo"}])
        self.assert_finds("P2", requests=[{**whole, "body": "primary GET /load/b\n"}])

    def test_lets_an_answer_break_off_whose_host_failed_in_the_middle(self):
        for method, rule in (("GET", "P2"), ("POST", "I8")):
            cut = request("a", method, 5.0, None, None, target="/load/a", begun=True, ended=5.5, error="reset")
            self.assert_clean(requests=[cut], outages=[Outage("primary", 5.2, 6.0)])
            self.assert_finds(rule, requests=[cut], outages=[Outage("primary", 5.6, 6.0)])
            self.assert_finds(rule, requests=[{**cut, "begun": False}], outages=[Outage("primary", 5.2, 6.0)])

    def test_finds_a_read_that_writes_at_the_backup(self):
        denied = {"denied": lambda target: target.startswith("/denied/")}
        self.assert_finds("I1", arrivals=[arrival("backup", "GET", "/denied/a", 5.0)], **denied)
        self.assert_finds("I4", arrivals=[arrival("primary", "GET", "/denied/a", 5.0)] * 2, **denied)
        failed = request("a", "GET", 5.0, 5.1, 502, target="/denied/a", retry_after="5")
        self.assert_clean(requests=[failed], **denied)
        self.assert_finds("I8", requests=[{**failed, "answered": None}], **denied)

    def test_finds_a_write_of_unknown_outcome_that_is_not_listed(self):
        unknown = request("a", "POST", 5.0, 5.1, 502, target="/load/a", body="We do not know whether this was saved.")
        there = arrival("primary", "POST", "/load/a", 5.0)
        there.answered = None
        entry = {"path": "/load/a"}
        self.assert_clean(requests=[unknown], arrivals=[there], listed=[entry])
        self.assert_clean(requests=[unknown], listed=[entry])
        for listed in ([], [entry, entry]):
            self.assert_finds("P6", requests=[unknown], arrivals=[there], listed=listed)
        self.assert_finds("P6", requests=[{**unknown, "retry_after": "5"}], listed=[entry])
        known = {**unknown, "status": 200, "host": "primary"}
        self.assert_finds("P6", requests=[known], arrivals=[there], listed=[entry])
        nothing_sent = {**unknown, "body": "The salon cannot be reached.", "retry_after": "5"}
        self.assert_clean(requests=[nothing_sent], listed=[])
        self.assert_finds("P6", requests=[nothing_sent], listed=[entry])
        self.assert_finds("P6", requests=[nothing_sent], arrivals=[there], listed=[])
        self.assert_finds("P6", requests=[{**nothing_sent, "retry_after": None}], listed=[])
        killed = {**unknown, "status": None, "answered": None, "ended": 5.1}
        kill = Kill(5.05, 6.0, ("primary", 1), ("primary", 1))
        self.assert_finds("P6", requests=[killed], arrivals=[there], kills=[kill], listed=[])
        self.assert_clean(requests=[killed], arrivals=[there], kills=[kill], listed=[entry])
        there.answered = 5.04
        self.assert_clean(requests=[killed], arrivals=[there], kills=[kill], listed=[])

    def test_knows_when_halfdoor_may_leave_read_only_by_itself(self):
        there = {"from": "primary", "to": "backup-readonly", "epoch": 2, "actor": "automatic"}
        back = {"from": "backup-readonly", "to": "primary", "epoch": 3, "actor": "automatic"}
        self.assert_clean(journal=[there])
        self.assert_clean(journal=[there, back], automatic_failback=True)
        self.assert_finds("I9", journal=[there, back])
        self.assert_finds("I9", journal=[{**there, "actor": "uid:0(root)"}, back], automatic_failback=True)
        self.assert_finds("I9", journal=[there, {**back, "diverged": True}], automatic_failback=True)
        self.assert_finds("I9", journal=[{**there, "from": "primary-readonly"}])

    def test_opens_a_side_when_a_change_begins_and_shuts_it_when_one_has_ended(self):
        self.assertEqual(open_windows([FAILOVER, FAILBACK], "primary", "primary", True),
                         [(float("-inf"), 11.0), (20.0, float("inf"))])


class StrictHostTest(unittest.TestCase):
    def answer_and_end(self, data):
        with tempfile.TemporaryDirectory() as folder:
            host = Host("strict", folder)
            with Connection(("127.0.0.1", host.port)) as connection:
                connection.send(data)
                self.assertEqual(connection.read_response().status, 200)
            host.close()

    def test_a_host_notices_what_a_strict_reader_refuses(self):
        self.answer_and_end(b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n")
        for line in (b"X : y", b"X: \x01", b"Content-Length: 0\r\nTransfer-Encoding: chunked", b"Host: b"):
            with self.assertRaises(AssertionError, msg=line):
                self.answer_and_end(b"GET / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n0\r\n\r\n")


if __name__ == "__main__":
    unittest.main()
