"""Everything at once: load, switches of every kind, hosts that die and hang, kill -9 of halfdoor; then the checker."""

import os
import random
import time

from checker import Change, Kill
from kill_test import NEXT
from story import OperationsTest, main
from wire import wait_for

SEED = int(os.environ.get("HALFDOOR_OPERATIONS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
STEPS = int(os.environ.get("HALFDOOR_OPERATIONS_STEPS", "40"))
SECONDS = float(os.environ.get("HALFDOOR_OPERATIONS_SECONDS", "25"))


class ChaosTest(OperationsTest):
    """Reads need a host that answers: at most one server is away at a time, and each side has two."""

    def setUp(self):
        super().setUp()
        self.say(f"seed {SEED}: HALFDOOR_OPERATIONS_SEED={SEED} repeats it, as far as timing lets it")
        self.random = random.Random(SEED)
        self.sides = {}
        self.servers = {"primary": [], "backup": []}
        for side, servers in self.servers.items():
            for number in (1, 2):
                server = self.host(f"{side}-{number}")
                server.plan("*", after_ms=self.random.choice([2, 10, 30]))
                servers.append(server)
                self.sides[server.name] = side
        self.away = None
        self.daemon = self.salon(self.servers["primary"], self.servers["backup"], failover='read_fallback_after = "200ms"')
        self.mode, self.epoch = self.daemon.mode()
        self.kills = []

    def switch(self):
        target = self.random.choice(NEXT[self.mode])
        began = time.monotonic()
        code, answer = self.daemon.control("POST", "/v1/services/salon/mode", {"mode": target, "override": ["caught-up"]})
        ended = time.monotonic()
        self.say(f"{self.mode} -> {target}: {code}, epoch {answer.get('epoch')}, {answer.get('writes_in_flight')} writes were there")
        self.assertEqual((code, answer["mode"]), (200, target), answer)
        self.assertTrue(answer["fenced"])
        self.mode, self.epoch = answer["mode"], answer["epoch"]
        self.changes.append(Change(f"to {target}", began, ended, self.mode, self.epoch))

    def kill_halfdoor(self):
        killed = time.monotonic()
        self.daemon.restart()
        found = self.daemon.mode()
        self.kills.append(Kill(killed, time.monotonic(), (self.mode, self.epoch), found))
        self.say(f"halfdoor is killed and started again: {found}")

    def kill_server(self):
        if self.away is not None:
            self.away.start_process()
            self.say(f"{self.away.name} is back")
            self.away = None
            return
        self.away = self.random.choice(self.servers[self.random.choice(["primary", "backup"])])
        self.away.kill()
        self.say(f"{self.away.name} is killed")

    def rest(self):
        since = time.monotonic()
        wait_for("requests are answered", lambda: sum(r["sent"] > since for r in self.clients.answered()) >= 20)

    def test_the_promises_hold_whatever_happens(self):
        self.clients = self.load(self.daemon, readers=3, writers=3, pause_ms=3)
        ends = time.monotonic() + SECONDS
        for _ in range(STEPS):
            step = self.random.choices([self.switch, self.kill_halfdoor, self.kill_server], [6, 1, 2])[0]
            step()
            if self.random.random() < 0.5:
                self.rest()
            if time.monotonic() > ends:
                break
        self.rest()
        requests = self.clients.stop()
        statuses = sorted({r["status"] for r in requests if r["status"]})
        self.say(f"{len(requests)} requests, {len(self.changes)} switches, {len(self.kills)} kills, statuses {statuses}")
        self.check_histories(requests=requests, sides=self.sides, kills=self.kills, journal=self.daemon.history(),
                             listed=self.daemon.uncertain())
        self.assert_every_doubtful_write_is_listed(requests)
        self.assertEqual(self.daemon.metric("halfdoor_second_guard_total"), 0)

    def assert_every_doubtful_write_is_listed(self, requests):
        """A write that reached a host and got no answer of the host is on the list; what was refused reached nobody."""
        listed = {write["path"] for write in self.daemon.uncertain()}
        arrived = {a.target: a for host in self.hosts for a in host.arrivals() if a.method in ("POST", "PUT")}
        for one in requests:
            if one["method"] not in ("POST", "PUT"):
                continue
            target = f"/load/{one['id']}"
            if one["status"] == 503:
                self.assertNotIn(target, arrived, f"refused, but it had arrived: {one}")
            elif one["status"] == 200:
                self.assertIn(target, arrived, one)
            elif target in arrived:
                answered_unheard = arrived[target].answered is not None
                self.assertTrue(target in listed or answered_unheard, f"not listed: {one}, {arrived[target]}")


if __name__ == "__main__":
    main()
