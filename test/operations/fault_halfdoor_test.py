"""Faults that come together: halfdoor killed, its disk hanging, an operator who changes his mind, while a host fails as well."""

import os
import re
import threading
import time

from checker import Change, Kill
from faults import FaultTest, main
from wire import request, wait_for

SHIM = os.environ.get("HALFDOOR_DISK_SHIM", "")
TRIES = 3


class FaultHalfdoorTest(FaultTest):
    def begin(self, after_ms=5, load=None, **more):
        self.primary, self.backup = self.pair()
        for host in (self.primary, self.backup):
            host.plan("*", after_ms=after_ms)
        self.daemon = self.shop(self.primary, self.backup, **more)
        self.wait_until_known(self.daemon)
        self.clients = self.load(self.daemon, **{"readers": 3, "writers": 3, "denied": 1, "pause_ms": 10, **(load or {})})
        self.wait_for_answers(self.clients, "the primary answers", 20, status=200, host="primary")

    def test_kill_9_with_writes_in_flight_at_a_primary_that_hangs_lists_each_of_them(self):
        self.begin(timeouts={"first_byte": "60s"})
        kills = []
        with self.outage(self.primary, "is unplugged"):
            wait_for("every writer waits for the primary", lambda: sum(
                e["method"] in ("POST", "PUT") and e["side"] == "primary" for e in self.daemon.exchanges()) == 3)
            wait_for("reads fall back", lambda: [r for r in self.clients.answered(200) if r["served_by"]])
            before = self.daemon.mode()
            killed = time.monotonic()
            self.daemon.restart()
            kills.append(Kill(killed, time.monotonic(), before, self.daemon.mode()))
            self.say("halfdoor was killed and started again")
            self.assertGreaterEqual(len([w for w in self.daemon.uncertain() if "halfdoor stopped" in w["why"]]), 1)
            self.wait_for_answers(self.clients, "reads fall back again", 20, host="backup", served_by="backup; fallback")
            self.change(self.daemon, "failover")
        self.wait_for_answers(self.clients, "the backup answers", 20, host="backup")
        requests = self.clients.stop()
        # What a killed process had given to the kernel is delivered by that, whenever the host can be reached again.
        [kill] = kills
        orphans = {r["target"] for r in requests if r["sent"] <= kill.serving and not r["answered"]}
        self.assertTrue(orphans & {w["path"] for w in self.daemon.uncertain()})
        self.holds(self.daemon, requests, kills=kills,
                   arrivals=[a for host in self.hosts for a in host.arrivals() if a.target not in orphans or a.first < kill.serving])

    def test_a_failover_on_a_hanging_disk_away_from_a_dead_primary_takes_less_than_a_second(self):
        if not os.path.exists(SHIM):
            self.fail("HALFDOOR_DISK_SHIM does not name the library; ctest sets it")
        state_dir, order = os.path.join(self.folder, "state"), os.path.join(self.folder, "disk")
        self.begin(state_dir=state_dir, environment={"LD_PRELOAD": SHIM, "HALFDOOR_TEST_DISK": order,
                                                     "HALFDOOR_TEST_DISK_FOLDER": state_dir})
        self.addCleanup(lambda: os.path.exists(order) and os.unlink(order))
        applied_ms = []
        # The promise is about halfdoor, not about a machine that has other work: the best of a few tries counts.
        for number in range(TRIES):
            with self.outage(self.primary, ("is killed", "is stopped (SIGSTOP)")[number % 2]):
                self.wait_for_health(self.daemon, "primary", False)
                with open(order, "w", encoding="ascii") as file:
                    file.write("hanging")
                began = time.monotonic()
                ran = self.change(self.daemon, "failover")
                self.assertIn("NOT PERSISTED", ran.out)
                applied_ms.append(1000 * (ran.ended - began))
                self.wait_for_answers(self.clients, "the backup answers", 10, host="backup",
                                      mode=lambda mode: mode and mode.startswith("backup-readonly"))
                os.unlink(order)
                wait_for("the mode is persisted", lambda: not self.daemon.service()["not_persisted"])
            self.wait_for_health(self.daemon, "primary", True)
            self.change(self.daemon, "failback")
            if min(applied_ms) < 1000:
                break
        self.say(f"command to answer: {applied_ms} ms")
        self.assertLess(min(applied_ms), 1000)
        self.holds(self.daemon, self.clients.stop())

    def test_a_failover_during_the_drain_of_a_failback_supersedes_it_and_loses_no_read(self):
        self.begin(failover={"drain": "30s"})
        self.change(self.daemon, "failover")
        self.wait_for_answers(self.clients, "the backup answers", 10, host="backup")
        self.backup.plan("/stream", body_bytes=1 << 20, stops_after=1000)
        with self.daemon.connect() as client:
            # A response that has begun cannot move: the failback drains as long as it is there.
            client.send(request("GET", "/stream"))
            client.read_head()
            failback = self.daemon.begin("failback")
            wait_for("the failback is applied", lambda: self.daemon.mode() == ("primary", 3))
            self.wait_for_answers(self.clients, "the primary takes writes", 10, host="primary", method="POST")
            self.assertIsNone(failback.process.poll(), "the failback answered before it was fenced")
            outage = self.breaks(self.primary, "is killed")
            self.change(self.daemon, "failover", "--reason", "it died again")
            self.assertEqual(self.daemon.mode(), ("backup-readonly", 4))
            superseded = failback.wait()
            self.say(repr(superseded))
            self.assertEqual(superseded.code, 75)
            self.assertIn("superseded by epoch 4", superseded.out)
            self.changes.append(Change("failback", superseded.began, superseded.ended, "primary", 3, fenced=False))
            self.wait_for_answers(self.clients, "the backup answers", 20, host="backup")
            self.mends(self.primary, outage)
        self.holds(self.daemon, self.clients.stop(), arrivals=self.without("/stream"))

    def without(self, target):
        return [a for host in self.hosts for a in host.arrivals() if a.target != target]

    def test_uploads_under_way_to_a_primary_that_stops_reading_are_cut_at_drain_and_deliver_nothing_more(self):
        self.begin(failover={"drain": "500ms"}, load={"writers": 2, "readers": 2})
        self.primary.plan("/upload", read="nothing")
        size, clients, uploaders = 16 << 20, [], []
        for _ in range(3):
            client = self.daemon.connect()
            self.addCleanup(client.close)
            clients.append(client)
            client.send(f"POST /upload HTTP/1.1\r\nHost: salon.test\r\nContent-Length: {size}\r\n\r\n".encode())
            uploaders.append(threading.Thread(target=self.upload, args=(client, size), daemon=True))
            uploaders[-1].start()
        wait_for("the uploads have begun", lambda: len([a for a in self.primary.arrivals() if a.target == "/upload"]) == 3)
        ran = self.change(self.daemon, "failover")
        uncertain = int(re.search(r"(\d+) uncertain", ran.out).group(1))
        self.assertGreaterEqual(uncertain, 3)
        listed = [w for w in self.daemon.uncertain() if w["path"] == "/upload"]
        self.assertEqual([("drain" in w["why"], w["side"]) for w in listed], [(True, "primary")] * 3)
        self.primary.open("drain")
        drained = wait_for("the host has read what there was to read", lambda: (
            lambda events: events if len(events) == 3 else None)(self.primary.events("drained")))
        for one in drained:
            self.assertEqual((one["how"], one["read"]), ("reset", one["queued"]), "bytes were delivered after exit 0")
        for client in clients:
            self.assertEqual(client.read_response("POST").status, 502)
        # What the host had in its kernel it reads late: these are judged above.
        self.wait_for_answers(self.clients, "the backup answers", 10, host="backup")
        requests = self.clients.stop()
        self.check_histories(requests=requests, outages=self.outages, arrivals=self.without("/upload"), denied=lambda t: "/denied/" in t)

    @staticmethod
    def upload(client, size):
        try:
            for _ in range(size >> 16):
                client.send(b"u" * (1 << 16))
        except OSError:
            pass


if __name__ == "__main__":
    main()
