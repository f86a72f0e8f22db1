"""FaultTest: a test case for hosts that fail under load: quick checks, faults with a beginning and an end, one verdict."""

import contextlib
import time
from datetime import datetime

import network
from checker import Change
from checker_faults import Outage
from story import OperationsTest
from wire import wait_for

main = network.main

# Far below the defaults, so that a fault is noticed within a second or two; a slow machine may take as long as it likes.
HEALTH = {"interval": "100ms", "timeout": "500ms", "fall": 2, "rise": 2}
FAILOVER = {"read_fallback_after": "300ms", "drain": "2s"}
TIMEOUTS = {"connect": "700ms", "first_byte": "4s"}


def lines_of(keys):
    """Lines of a TOML table."""
    texts = {True: "true", False: "false"}
    return "\n".join(f"{key} = {texts[value] if isinstance(value, bool) else repr(value).replace(chr(39), chr(34))}"
                     for key, value in keys.items())


def is_denied(target):
    return target.startswith("/denied/")


class FaultTest(OperationsTest):
    """breaks() and mends() tell of every fault; holds() is the verdict."""

    def setUp(self):
        super().setUp()
        self.network = network.Network()
        self.outages, self.sides = [], {"primary": "primary", "backup": "backup"}

    def shop(self, primary, backup, failover=None, failback=None, health=None, timeouts=None, **more):
        """A daemon that notices quickly; "GET /denied/**" is a read that writes."""
        return self.salon(primary, backup, failover=lines_of({**FAILOVER, **(failover or {})}), failback=lines_of(failback or {}),
                          health=lines_of({**HEALTH, **(health or {})}), read_only='deny = ["GET /denied/**"]',
                          extra="[timeouts]\n" + lines_of({**TIMEOUTS, **(timeouts or {})}), **more)

    # Faults.

    def means(self, host, fault):
        """How a fault begins and how it ends."""
        net = self.network
        return {
            "is killed": (host.kill, host.start_process),
            "is stopped (SIGSTOP)": (host.freeze, host.thaw),
            "refuses": (host.stop_listening, host.listen_again),
            "hears no SYN": (lambda: net.lose_connects(host), lambda: net.heal(host)),
            "is unplugged": (lambda: net.lose_everything(host), lambda: net.heal(host)),
            "is reset by the network": (lambda: net.reset_everything(host), lambda: net.heal(host)),
            "is reset at each request": (lambda: net.reset_requests(host), lambda: net.heal(host)),
            "drips": (lambda: self.plan_all(host, drip_ms=100), lambda: self.plan_all(host)),
            "answers nothing": (lambda: self.plan_all(host, then="hang"), lambda: self.plan_all(host)),
        }[fault]

    def plan_all(self, host, **plan):
        for path in ("*", "/healthz"):
            host.plan(path, **plan)

    def breaks(self, host, fault):
        outage = Outage(host.name, time.monotonic(), fault=fault)
        self.outages.append(outage)
        self.means(host, fault)[0]()
        self.say(f"{host.name} {fault}")
        return outage

    def mends(self, host, outage):
        self.means(host, outage.fault)[1]()
        outage.ended = time.monotonic()
        self.say(f"{host.name} is well again")

    @contextlib.contextmanager
    def outage(self, host, fault):
        outage = self.breaks(host, fault)
        try:
            yield outage
        finally:
            self.mends(host, outage)

    # What can be waited for.

    def wait_for_answers(self, load, what, count, **wanted):
        """Until `count` requests that were sent from now on were answered like this: key=value or key=a function of it."""
        since = time.monotonic()

        def fits(request):
            return request["sent"] >= since and all(value(request[key]) if callable(value) else request[key] == value
                                                    for key, value in wanted.items())

        wait_for(what, lambda: sum(map(fits, load.answered())) >= count, seconds=40, every=0.05)

    def wait_for_health(self, daemon, side, healthy, seconds=40):
        """healthy: True, False or None for every server of the side."""
        def found():
            return {server["healthy"] for server in daemon.service()[side]["servers"]}
        wait_for(f"every server of the {side} has healthy={healthy}", lambda: found() == {healthy}, seconds=seconds)
        self.say(f"{side}: healthy={healthy}")

    def wait_until_known(self, daemon):
        for side in ("primary", "backup"):
            self.wait_for_health(daemon, side, True)

    # The verdict.

    def automatic_changes(self, daemon, drain_s=2.0):
        """The changes that halfdoor made by itself, as far as the history tells when: between just before the time of the
        entry and the end of its drain."""
        offset = time.time() - time.monotonic()
        changes = []
        for entry in daemon.history():
            if entry["actor"] != "automatic" or entry["kind"] != "change":
                continue
            at = parse_time(entry["time"]) - offset
            fenced_s = drain_s if entry["fenced_ms"] is None else entry["fenced_ms"] / 1000
            changes.append(Change("automatic", at - 0.05, at + fenced_s + 0.5, entry["to"], entry["epoch"]))
        return changes

    def date_back(self, arrivals, requests):
        """A host that was stopped reads late what its kernel had taken meanwhile; that it was delivered then is all that counts."""
        stopped = [o for o in self.outages if self.stops(o.fault)]
        sent = {request["target"]: request["sent"] for request in requests}
        for arrival in arrivals:
            when = sent.get(arrival.target, arrival.first)
            if any(o.host == arrival.host and when <= o.ended <= arrival.first for o in stopped):
                arrival.last += when - arrival.first
                arrival.first = when

    def stops(self, fault):
        return fault == "is stopped (SIGSTOP)" or fault == "is unplugged" and not self.network.has_filter

    def holds(self, daemon, requests, **more):
        """The promises hold for everything that happened."""
        self.say(f"{len(requests)} requests: " + ", ".join(f"{sum(r['status'] == s for r in requests)} x {s}"
                                                           for s in sorted({r["status"] or 0 for r in requests})))
        self.assertEqual(daemon.metric("halfdoor_second_guard_total"), 0, "the second guard caught something")
        arrivals = more.pop("arrivals", None) or [arrival for host in self.hosts for arrival in host.arrivals()]
        self.date_back(arrivals, requests)
        more["arrivals"] = arrivals
        more.setdefault("changes", sorted(self.changes + self.automatic_changes(daemon), key=lambda change: change.began))
        self.check_histories(requests=requests, sides=self.sides, journal=daemon.history(), outages=self.outages,
                             listed=daemon.uncertain(), denied=is_denied, **more)


def parse_time(text):
    """RFC 3339 UTC to seconds since 1970."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
