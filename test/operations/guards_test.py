"""Every guard: refuses by name, each failing one on a line of its own, in command line, API and dry run; and is passed by
its override, which stays in the history."""

import os

from daemon import service_toml
from story import OperationsTest, main
from wire import request, wait_for

SHIM = os.environ.get("HALFDOOR_DISK_SHIM", "")
HEALTH = 'interval = "50ms"\ntimeout = "10s"\nfall = 1\nrise = 1'
NAMES = ["backup-healthy", "primary-healthy", "minimum-stay", "caught-up", "fenced", "cooldown", "not-persisted", "latched"]


class GuardsTest(OperationsTest):
    def one(self, minimum_stay="0s", caught_up=False, failover="", **more):
        self.primary, self.backup = self.pair()
        services = service_toml([self.primary], [self.backup], health=HEALTH, failover=failover,
                                failback='caught_up = "/caught-up"' if caught_up else "")
        self.daemon = self.halfdoor(services.replace('minimum_stay = "0s"', f'minimum_stay = "{minimum_stay}"'), **more)
        return self.daemon

    def be(self, host, healthy):
        """Returns once the checks have seen it."""
        side = host.name
        host.plan("/healthz", status=200 if healthy else 500)
        wait_for(f"the {side} is seen {'healthy' if healthy else 'unhealthy'}",
                 lambda: self.daemon.service()[side]["servers"][0]["healthy"] is healthy)

    def rules_in(self, text):
        lines = [line for line in text.splitlines() if line.startswith("salon: refused by ")]
        self.assertEqual(lines, text.splitlines(), "each refusal is a line of its own, and nothing else is said")
        return [line.split(": ")[1].removeprefix("refused by ") for line in lines]

    def overrides(self, rules):
        return [word for rule in rules for word in ("--override", rule)]

    def refused(self, verb, rules, overriding=()):
        """By exactly these rules, in this order, wherever it is asked; nothing changes."""
        before, changes = self.daemon.mode(), len(self.daemon.history())
        for more in ([], ["--dry-run"]):
            ran = self.run_cli(self.daemon, verb, *more, *self.overrides(overriding), expect=2)
            self.assertEqual(self.rules_in(ran.err), rules)
        for dry_run in (False, True):
            body = {"verb": verb, "override": list(overriding), "dry_run": dry_run}
            code, answer = self.daemon.control("POST", "/v1/services/salon/mode", body)
            self.assertEqual((code, answer["rule"]), (409, rules[0]), answer)
            self.assertEqual([rule["rule"] for rule in answer["rules"]], rules)
            self.assertTrue(all(rule["message"] for rule in answer["rules"]), answer)
        self.assertEqual((self.daemon.mode(), len(self.daemon.history())), (before, changes))
        return ran.err

    def passes(self, verb, overriding, expect=0, more=()):
        """With these overrides, each of which it takes; they are told, and kept."""
        for rule in overriding:
            rest = [other for other in overriding if other != rule]
            self.refused(verb, [rule], rest)
        self.run_cli(self.daemon, verb, "--dry-run", *self.overrides(overriding))
        ran = self.run_cli(self.daemon, verb, *more, *self.overrides(overriding), expect=expect)
        for rule in overriding:
            self.assertIn(f"note: overridden: {rule}: ", ran.out)
        entry = next(e for e in reversed(self.daemon.history()) if e["from"] != e["to"])
        self.assertEqual(entry["overrides"], list(overriding))
        self.daemon.restart()
        entry = next(e for e in reversed(self.daemon.history()) if e["from"] != e["to"])
        self.assertEqual(entry["overrides"], list(overriding), "an override is not in the history after a restart")

    def test_backup_healthy(self):
        self.one()
        for prepare in ([], ["freeze"], ["close"]):
            for verb in prepare:
                self.run_cli(self.daemon, verb)
            self.be(self.backup, False)
            told = self.refused("failover", ["backup-healthy"])
            self.assertIn(self.backup.address, told, "the refusal does not say what the check found")
            self.passes("failover", ["backup-healthy"])
            self.be(self.backup, True)
            self.run_cli(self.daemon, "failback")

    def test_primary_healthy_minimum_stay_and_caught_up_are_named_together(self):
        self.one(minimum_stay="1h", caught_up=True)
        self.primary.plan("/caught-up", status=409)
        self.run_cli(self.daemon, "failover")
        self.be(self.primary, False)
        rules = ["primary-healthy", "minimum-stay", "caught-up"]
        told = self.refused("failback", rules)
        self.assertIn("409", told)
        self.passes("failback", rules)

    def test_a_closed_service_has_no_minimum_stay(self):
        self.one(minimum_stay="1h", caught_up=True)
        self.primary.plan("/caught-up", status=409)
        self.run_cli(self.daemon, "close")
        self.be(self.primary, False)
        self.passes("failback", ["primary-healthy", "caught-up"])

    def test_a_promoted_backup_without_a_caught_up_url_is_left_by_override_only(self):
        self.one()
        for verb in ("failover", "promote"):
            self.run_cli(self.daemon, verb)
        told = self.refused("failback", ["caught-up"])
        self.assertIn("freeze first", told)
        self.run_cli(self.daemon, "freeze")
        told = self.refused("failback", ["caught-up"])
        self.assertIn("no caught_up URL", told)
        self.passes("failback", ["caught-up"])
        self.assertFalse(self.daemon.service()["diverged"])

    def test_the_guards_of_two_steps_are_judged_before_the_first(self):
        self.one(minimum_stay="1h")
        for verb in ("failover", "promote"):
            self.run_cli(self.daemon, verb)
        self.be(self.primary, False)
        self.refused("failback", ["caught-up", "primary-healthy", "minimum-stay"])
        self.refused("failback", ["primary-healthy", "minimum-stay"], ["caught-up"])
        self.assertEqual(self.daemon.mode(), ("backup-writable", 3), "the freeze came before the refusal")
        self.run_cli(self.daemon, "failback", *self.overrides(["caught-up", "primary-healthy", "minimum-stay"]))
        self.assertEqual(self.daemon.mode(), ("primary", 5))

    def test_fenced(self):
        self.one(failover='drain = "120s"')
        self.primary.plan("/book", gate="book")
        with self.daemon.connect() as client:
            client.send(request("POST", "/book", b"x"))
            wait_for("the write is at the primary", lambda: self.primary.arrival("/book"))
            self.run_cli(self.daemon, "failover", "--wait", "0s", expect=75)
            self.refused("promote", ["fenced"])
            self.run_cli(self.daemon, "promote", "--dry-run", "--override", "fenced")
            ran = self.run_cli(self.daemon, "promote", "--override", "fenced", "--wait", "0s", expect=75)
            self.assertIn("note: overridden: fenced: ", ran.out)
            self.assertEqual(self.daemon.history()[-1]["overrides"], ["fenced"])
            self.primary.open("book")
            self.assertEqual(client.read_response().status, 200)

    def test_not_persisted(self):
        order, state_dir = os.path.join(self.folder, "disk"), os.path.join(self.folder, "state")
        self.one(state_dir=state_dir, environment={
            "LD_PRELOAD": SHIM, "HALFDOOR_TEST_DISK": order, "HALFDOOR_TEST_DISK_FOLDER": state_dir})
        self.run_cli(self.daemon, "failover")
        with open(order, "w", encoding="ascii") as file:
            file.write("full")
        for verb in ("failback", "promote"):
            told = self.rules_in(self.run_cli(self.daemon, verb, expect=2).err)
            self.assertEqual(told, ["not-persisted"])
            code, answer = self.daemon.control("POST", "/v1/services/salon/mode", {"verb": verb})
            self.assertEqual((code, [rule["rule"] for rule in answer["rules"]]), (409, ["not-persisted"]))
        ran = self.run_cli(self.daemon, "failback", "--override", "not-persisted")
        self.assertIn("note: overridden: not-persisted: ", ran.out)
        self.assertIn("NOT PERSISTED", ran.out)
        self.assertEqual(self.daemon.mode()[0], "primary")
        os.unlink(order)
        wait_for("it is persisted", lambda: not self.daemon.service()["not_persisted"])
        self.assertEqual(self.daemon.history()[-1]["overrides"], ["not-persisted"])

    def test_transition_is_passed_by_no_override(self):
        self.one()
        self.refused("promote", ["transition"], NAMES)
        self.run_cli(self.daemon, "failover")
        self.refused("thaw", ["transition"], NAMES)

    def test_the_names_of_all_rules_are_known_and_no_others(self):
        self.one()
        self.run_cli(self.daemon, "failover", *self.overrides(NAMES))
        self.assertEqual(self.daemon.history()[-1]["overrides"], NAMES)
        ran = self.run_cli(self.daemon, "failback", "--override", "healthy", expect=2)
        for name in NAMES:
            self.assertIn(name, ran.err)
        code, _ = self.daemon.control("POST", "/v1/services/salon/mode", {"verb": "failback", "override": ["healthy"]})
        self.assertEqual(code, 400)
        self.assertEqual(self.daemon.mode(), ("backup-readonly", 2))

    def test_all_services_are_asked_at_once(self):
        primaries = [self.host(f"primary{i}") for i in range(3)]
        backups = [self.host(f"backup{i}") for i in range(3)]
        self.daemon = self.halfdoor("\n".join(
            service_toml([p], [b], name=f"salon{i}", hosts=[f"s{i}.test"], failover='drain = "120s"')
            for i, (p, b) in enumerate(zip(primaries, backups))))
        primaries[0].plan("/book", gate="book")
        with self.daemon.connect() as client:
            client.send(request("POST", "/book", b"x", host="s0.test"))
            wait_for("the write is at the primary", lambda: primaries[0].arrival("/book"))
            running = self.daemon.begin("failover", "--all")
            for name in ("salon1", "salon2"):
                wait_for(f"{name} does not wait for salon0", lambda: self.daemon.mode(name)[0] == "backup-readonly")
            self.assertIsNone(running.process.poll(), "it answered before the first service was fenced")
            primaries[0].open("book")
            self.assertEqual(client.read_response().status, 200)
        ran = running.wait()
        self.assertEqual(ran.code, 0, ran)
        heads = [line for line in ran.out.splitlines() if " -> backup-readonly" in line]
        self.assertEqual([line.split(":")[0] for line in heads], ["salon0", "salon1", "salon2"], ran.out)


if __name__ == "__main__":
    main()
