"""The command line: exit codes, guards, dry runs, several services, and what the reading commands show."""

import json
import os

from daemon import service_toml
from story import OperationsTest, main
from wire import request, wait_for


class CommandLineTest(OperationsTest):
    def setUp(self):
        super().setUp()
        self.primary, self.backup = self.pair()

    def one(self, **more):
        return self.salon(self.primary, self.backup, **more)

    def two(self):
        other = self.host("other-primary"), self.host("other-backup")
        return self.halfdoor(service_toml([self.primary], [self.backup], hosts=["salon.test"]) +
                             service_toml([other[0]], [other[1]], name="shop", hosts=["shop.test"]))

    def test_every_verb_leads_where_the_table_says(self):
        daemon = self.one()
        walk = [("failover", "backup-readonly", 2), ("failover", "backup-readonly", 2), ("freeze", "backup-readonly", 2),
                ("failback", "primary", 3), ("failback", "primary", 3), ("thaw", "primary", 3),
                ("freeze", "primary-readonly", 4), ("freeze", "primary-readonly", 4), ("thaw", "primary", 5),
                ("freeze", "primary-readonly", 6), ("failover", "backup-readonly", 7), ("promote", "backup-writable", 8),
                ("promote", "backup-writable", 8), ("thaw", "backup-writable", 8), ("freeze", "backup-readonly", 9),
                ("close", "closed", 10), ("close", "closed", 10), ("freeze", "backup-readonly", 11), ("close", "closed", 12),
                ("failover", "backup-readonly", 13)]
        for verb, mode, epoch in walk:
            self.run_cli(daemon, verb)
            self.assertEqual(daemon.mode(), (mode, epoch), f"after {verb}")
        self.assertTrue(daemon.service()["diverged"])
        ran = self.run_cli(daemon, "failback", expect=2)
        self.assertIn("caught-up", ran.err)
        self.run_cli(daemon, "failback", "--override", "caught-up")
        self.assertEqual(daemon.mode(), ("primary", 14))
        self.assertFalse(daemon.service()["diverged"])
        self.assertEqual(daemon.history()[-1]["overrides"], ["caught-up"])

    def test_what_the_table_does_not_know_is_refused_by_the_rule_transition(self):
        daemon = self.one()
        refused = {"primary": ["promote"], "primary-readonly": ["failback", "promote"], "backup-readonly": ["thaw"],
                   "backup-writable": ["failover"], "closed": ["thaw", "promote"]}
        ways = {"primary": [], "primary-readonly": ["freeze"], "backup-readonly": ["failover"],
                "backup-writable": ["promote"], "closed": ["close"]}
        for mode, verbs in ways.items():
            for verb in verbs:
                self.run_cli(daemon, verb)
            before = daemon.mode()
            self.assertEqual(before[0], mode)
            for verb in refused[mode]:
                ran = self.run_cli(daemon, verb, expect=2)
                self.assertIn("transition", ran.err)
                self.run_cli(daemon, verb, "--override", "transition", expect=2)
                self.assertEqual(daemon.mode(), before)

    def test_failback_from_a_writable_backup_is_a_freeze_and_a_failback(self):
        daemon = self.one()
        for verb in ("failover", "promote"):
            self.run_cli(daemon, verb)
        self.assertIn("caught-up", self.run_cli(daemon, "failback", expect=2).err)
        self.run_cli(daemon, "failback", "--override", "caught-up")
        self.assertEqual(daemon.mode(), ("primary", 5))
        self.assertEqual([c["to"] for c in daemon.history()],
                         ["backup-readonly", "backup-writable", "backup-readonly", "primary"])

    def test_caught_up_is_asked_at_the_primary(self):
        daemon = self.one(failback='caught_up = "/caught-up"')
        self.run_cli(daemon, "failover")
        self.primary.plan("/caught-up", status=409)
        ran = self.run_cli(daemon, "failback", expect=2)
        self.assertIn("caught-up", ran.err)
        self.assertIn("409", ran.err)
        self.primary.plan("/caught-up", status=204)
        self.run_cli(daemon, "failback")
        self.assertTrue(all(a.method == "GET" for a in self.primary.arrivals()))

    def test_minimum_stay_refuses_every_failing_rule_on_its_own_line(self):
        # The later key of a table would be an error; the rig's own minimum_stay is replaced.
        services = service_toml([self.primary], [self.backup]).replace('minimum_stay = "0s"', 'minimum_stay = "1h"')
        daemon = self.halfdoor(services)
        for verb in ("failover", "promote", "freeze"):
            self.run_cli(daemon, verb)
        ran = self.run_cli(daemon, "failback", expect=2)
        lines = [line for line in ran.err.splitlines() if "refused by" in line]
        self.assertEqual(len(lines), 2, ran.err)
        for rule in ("minimum-stay", "caught-up"):
            self.assertEqual(sum(rule in line for line in lines), 1, ran.err)
        self.run_cli(daemon, "failback", "--override", "caught-up", expect=2)
        self.run_cli(daemon, "failback", "--override", "caught-up", "--override", "minimum-stay")
        code, answer = daemon.control("POST", "/v1/services/salon/mode", {"mode": "backup-writable"})
        self.assertEqual((code, answer["rule"]), (409, "transition"))
        self.assertEqual(answer["rules"][0]["rule"], "transition")

    def test_a_dry_run_says_what_would_happen_and_changes_nothing(self):
        daemon = self.one()
        self.assertIn("backup-readonly", self.run_cli(daemon, "failover", "--dry-run").out)
        self.run_cli(daemon, "promote", "--dry-run", expect=2)
        self.assertEqual(daemon.mode(), ("primary", 1))
        self.assertEqual([c for c in daemon.history() if c["epoch"] > 1], [])

    def test_expect_epoch_refuses_a_change_of_a_mode_that_the_operator_has_not_seen(self):
        daemon = self.one()
        self.run_cli(daemon, "failover", "--expect-epoch", "1")
        self.run_cli(daemon, "failback", "--expect-epoch", "1", expect=2)
        self.assertEqual(daemon.mode(), ("backup-readonly", 2))
        code, _ = daemon.control("POST", "/v1/services/salon/mode", {"mode": "primary", "expect_epoch": 1})
        self.assertEqual(code, 412)
        code, _ = daemon.control("POST", "/v1/services/salon/mode", {"mode": "primary", "expect_epoch": 2})
        self.assertEqual(code, 200)

    def test_wrong_usage_is_64(self):
        daemon = self.one()
        for arguments in ([], ["no-such-command"], ["failover", "--no-such-option"], ["failover", "salon", "--all"],
                          ["failover", "--wait", "soon"], ["failover", "--until", "yesterday-ish"],
                          ["failover", "--expect-epoch", "x"], ["run"], ["check"], ["notice", "--format", "pdf"]):
            self.run_cli(daemon, *arguments, expect=64)
        self.assertEqual(daemon.mode(), ("primary", 1))

    def test_an_unknown_rule_or_service_is_refused_by_name(self):
        daemon = self.one()
        ran = self.run_cli(daemon, "failover", "--override", "no-such-rule", expect=None)
        self.assertIn(ran.code, (2, 64))
        self.assertIn("no-such-rule", ran.err)
        ran = self.run_cli(daemon, "failover", "no-such-service", expect=2)
        self.assertIn("no-such-service", ran.err)
        self.assertEqual(daemon.mode(), ("primary", 1))
        code, answer = daemon.control("POST", "/v1/services/no-such-service/mode", {"mode": "closed"})
        self.assertEqual(code, 404, answer)

    def test_no_daemon_is_69(self):
        daemon = self.one()
        missing = os.path.join(self.folder, "missing.sock")
        for arguments in (["status"], ["failover"], ["history"], ["uncertain"], ["exchanges"], ["notice"]):
            ran = self.run_cli(daemon, *arguments, expect=69, socket_path=missing)
            self.assertIn(missing, ran.err)
            self.run_cli(daemon, "--socket", missing, *arguments, expect=69)
            self.run_cli(daemon, *arguments, "--socket", missing, expect=69)
        self.run_cli(daemon, "status", "--socket", daemon.control_path, socket_path=missing)

    def test_several_services(self):
        daemon = self.two()
        for arguments in (["failover"], ["notice"]):
            ran = self.run_cli(daemon, *arguments, expect=64)
            self.assertIn("salon", ran.err)
            self.assertIn("shop", ran.err)
        self.run_cli(daemon, "failover", "shop")
        self.assertEqual((daemon.mode("salon"), daemon.mode("shop")), (("primary", 1), ("backup-readonly", 2)))
        self.assertEqual(daemon.ask("POST", "/a", b"x", host="salon.test").status, 200)
        self.assertEqual(daemon.ask("POST", "/b", b"x", host="shop.test").status, 503)
        self.run_cli(daemon, "failover", "--all")
        self.assertEqual((daemon.mode("salon"), daemon.mode("shop")), (("backup-readonly", 2), ("backup-readonly", 2)))
        changes = json.loads(self.run_cli(daemon, "history", "--json").out)["changes"]
        self.assertEqual(sorted(c["service"] for c in changes if c["epoch"] == 2), ["salon", "shop"])
        only = json.loads(self.run_cli(daemon, "history", "shop", "--json").out)["changes"]
        self.assertEqual({c["service"] for c in only}, {"shop"})
        self.assertEqual(daemon.ask("GET", "/", host="unknown.test").status, 421)

    def test_status_has_every_field_of_the_contract(self):
        # One check, whose result stays.
        daemon = self.one(health='interval = "1h"')
        for side in ("primary", "backup"):
            wait_for("its check", lambda side=side: daemon.service()[side]["healthy"])
        daemon.ask("GET", "/")
        self.run_cli(daemon, "failover", "--reason", "disk failure at host A", "--until", "+2h")
        status = json.loads(self.run_cli(daemon, "status", "--json").out)
        self.assertEqual(status, {**daemon.status(), "uptime_s": status["uptime_s"]})
        for key in ("version", "pid", "uptime_s", "generation", "workers", "services"):
            self.assertIn(key, status)
        self.assertEqual((status["pid"], status["workers"]), (daemon.process.pid, 2))
        [service] = status["services"]
        self.assertEqual({key: service[key] for key in (
            "name", "mode", "epoch", "reason", "diverged", "acknowledged", "fenced", "active")},
            {"name": "salon", "mode": "backup-readonly", "epoch": 2, "reason": "disk failure at host A", "diverged": False,
             "acknowledged": True, "fenced": True, "active": "backup"})
        self.assertRegex(service["actor"], r"^uid:\d+\(\w+\)$")
        for key in ("since", "until"):
            self.assertRegex(service[key], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        for side, host in (("primary", self.primary), ("backup", self.backup)):
            [server] = service[side]["servers"]
            self.assertEqual(server["address"], host.address)
            self.assertIs(server["healthy"], True)
            for key in ("failures", "in_flight", "pooled", "last_check_ms"):
                self.assertIsInstance(server[key], int)
        self.assertEqual(daemon.control("GET", "/v1/services/salon")[1]["epoch"], 2)
        self.run_cli(daemon, "close")
        self.assertEqual(daemon.service()["active"], "none")
        for word in ("salon", "closed"):
            self.assertIn(word, self.run_cli(daemon, "status").out)

    def test_history_keeps_who_when_and_why(self):
        daemon = self.one()
        self.run_cli(daemon, "failover", "--reason", "first", "--until", "2099-01-02T03:04:05Z")
        self.run_cli(daemon, "failback", "--reason", "second")
        changes = [c for c in daemon.history() if c["epoch"] > 1]
        self.assertEqual([(c["epoch"], c["from"], c["to"], c["reason"]) for c in changes],
                         [(2, "primary", "backup-readonly", "first"), (3, "backup-readonly", "primary", "second")])
        self.assertTrue(changes[0]["until"].startswith("2099-01-02T03:04:05"))
        self.assertIsNone(changes[1]["until"])
        for change in changes:
            for key in ("time", "actor", "overrides", "fenced_ms", "writes_finished", "writes_uncertain"):
                self.assertIn(key, change)
            self.assertIsNotNone(change["fenced_ms"])
        # A kill may lose what the journal, which is written later, was still to say about the end of the drain.
        self.assertEqual(daemon.stop(), 0)
        daemon.start()
        self.assertEqual([c for c in daemon.history() if c["epoch"] > 1], changes, "a restart changed the history")
        text = self.run_cli(daemon, "history").out
        for word in ("first", "second", "backup-readonly"):
            self.assertIn(word, text)

    def test_the_present_mode_again_updates_its_reason(self):
        daemon = self.one()
        self.run_cli(daemon, "failover", "--reason", "first")
        self.run_cli(daemon, "failover", "--reason", "better")
        self.assertEqual(daemon.mode(), ("backup-readonly", 2))
        self.assertEqual(daemon.service()["reason"], "better")
        daemon.restart()
        self.assertEqual(daemon.service()["reason"], "better")

    def test_exchanges_name_what_is_in_flight_and_where(self):
        daemon = self.one()
        self.primary.plan("/slow", gate="slow")
        with daemon.connect() as client:
            client.send(request("POST", "/slow", b"abc"))
            wait_for("it is at the primary", lambda: self.primary.arrival("/slow"))
            [exchange] = json.loads(self.run_cli(daemon, "exchanges", "--json").out)["exchanges"]
            self.assertEqual({k: exchange[k] for k in ("request_id", "service", "epoch", "side", "server", "method", "path")},
                             {"request_id": self.primary.arrival("/slow").id, "service": "salon", "epoch": 1, "side": "primary",
                              "server": self.primary.address, "method": "POST", "path": "/slow"})
            for key in ("client", "state", "age_ms", "bytes_in", "bytes_out"):
                self.assertIn(key, exchange)
            self.assertIn("/slow", self.run_cli(daemon, "exchanges").out)
            self.primary.open("slow")
            client.read_response("POST")

    def test_notice_shows_what_a_refused_client_sees(self):
        daemon = self.one()
        self.run_cli(daemon, "failover")
        for form, accept in (("html", "text/html"), ("json", "application/json"), ("text", "text/plain")):
            shown = self.run_cli(daemon, "notice", "--format", form, "--lang", "de").out
            seen = daemon.ask("POST", "/x", b"x", {"Accept": accept, "Accept-Language": "de"})
            self.assertEqual(seen.status, 503)
            self.assertEqual(seen.field("Content-Language"), "de")
            self.assertEqual(shown.split()[:5], seen.text.split()[:5])

    def test_check_names_every_wrong_line(self):
        daemon = self.one()
        self.assertIn("ok", self.run_cli(daemon, "check", "-c", daemon.config_path).out)
        with open(daemon.config_path, encoding="utf-8") as file:
            lines = file.read().replace('level = "info"', 'levle = "info"').replace("workers = 2", 'workers = "two"')
        wrong = os.path.join(self.folder, "wrong.toml")
        with open(wrong, "w", encoding="utf-8") as file:
            file.write(lines)
        numbers = {word: n for n, line in enumerate(lines.splitlines(), 1) for word in ("levle", "workers") if word in line}
        for arguments in (["check", "-c", wrong], ["run", "-c", wrong]):
            ran = self.run_cli(daemon, *arguments, expect=2)
            for word, number in numbers.items():
                self.assertTrue(any(line.startswith(f"{wrong}:{number}:") and word in line for line in ran.err.splitlines()), word)
        self.run_cli(daemon, "check", "-c", os.path.join(self.folder, "missing.toml"), expect=2)

    def test_version_and_help(self):
        daemon = self.one()
        self.assertRegex(self.run_cli(daemon, "version").out, r"^halfdoor \d+\.\d+\.\d+")
        self.assertIn("failover", self.run_cli(daemon, "--help").out)


if __name__ == "__main__":
    main()
