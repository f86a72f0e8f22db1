"""OperationsTest: a test case with a folder, hosts and daemons of its own, which tells a readable story when it fails."""

import os
import shutil
import sys
import tempfile
import time
import unittest

from checker import Change, check
from daemon import BINARY, Halfdoor, service_toml
from host import Host
from load import Load


class OperationsTest(unittest.TestCase):
    """What is made by host(), halfdoor() and load() is ended with the test, whatever happens."""

    def setUp(self):
        if not BINARY or not os.path.exists(BINARY):
            self.fail("HALFDOOR_BINARY does not name the halfdoor binary; ctest sets it")
        self.folder = tempfile.mkdtemp(prefix="halfdoor-operations-")
        self.began = time.monotonic()
        self.lines, self.hosts, self.daemons, self.loads, self.changes = [], [], [], [], []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        failed = self._failed()
        complaints = []
        for one in self.daemons + self.loads + self.hosts:
            try:
                one.close()
            except AssertionError as error:
                complaints.append(str(error))
        if failed or complaints:
            self.tell()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertEqual(complaints, [])

    def _failed(self):
        result = self._outcome.result
        return any(test is self or getattr(test, "test_case", None) is self
                   for test, _ in result.failures + result.errors) or not self._outcome.success

    def tell(self):
        out = [f"\n---- the story of {self.id().split('.')[-1]} (seconds since its start)", *self.lines]
        for daemon in self.daemons:
            log = daemon.log(whole=True).splitlines()
            out += [f"---- the log of halfdoor, the last {min(len(log), 40)} of {len(log)} lines", *log[-40:]]
        for host in self.hosts:
            arrivals = host.arrivals()
            out += [f"---- the last of {len(arrivals)} requests that reached {host.name}", *map(repr, arrivals[-8:])]
        print("\n".join(out) + f"\n(times of hosts minus {self.began:.3f})\n----", file=sys.stderr, flush=True)

    def say(self, what):
        self.lines.append(f"{time.monotonic() - self.began:8.3f}  {what}")

    def make_folder(self, name):
        folder = os.path.join(self.folder, f"{name}-{len(os.listdir(self.folder))}")
        os.mkdir(folder)
        return folder

    # Actors.

    def host(self, name, **more):
        host = Host(name, self.make_folder(name), **more)
        self.hosts.append(host)
        self.say(f"host {name} listens on {host.address}")
        return host

    def pair(self, **more):
        """A primary and a backup."""
        return self.host("primary", **more), self.host("backup", **more)

    def halfdoor(self, services, start=True, **more):
        daemon = Halfdoor(self.make_folder("halfdoor"), services, **more)
        self.daemons.append(daemon)
        if start:
            daemon.start()
            self.say(f"halfdoor serves on port {daemon.port} as process {daemon.process.pid}")
        return daemon

    def salon(self, primary, backup, start=True, failover="", failback="", read_only="", health="", **more):
        """A daemon with one service, "salon"."""
        many = [side if isinstance(side, list) else [side] for side in (primary, backup)]
        service = service_toml(*many, failover=failover, failback=failback, read_only=read_only, health=health)
        return self.halfdoor(service, start=start, **more)

    def load(self, daemon, name="load", **plan):
        load = Load(self.folder, daemon.port, name, prefix=f"{name}-", **plan)
        self.loads.append(load)
        self.say(f"load {name} begins: {plan}")
        return load

    # Commands.

    def run_cli(self, daemon, *arguments, expect=0, **more):
        """Runs a command, writes it into the story and checks its exit code (None: any)."""
        ran = daemon.cli(*arguments, **more)
        self.say(repr(ran))
        if expect is not None:
            self.assertEqual(ran.code, expect, f"exit code of {ran!r}")
        return ran

    def change(self, daemon, verb, *more, service="salon"):
        """A change that has to exit with 0; remembered for check_histories()."""
        ran = self.run_cli(daemon, verb, *more)
        mode, epoch = daemon.mode(service)
        self.changes.append(Change(verb, ran.began, ran.ended, mode, epoch))
        return ran

    def check_histories(self, **history):
        """Holds everything that happened against the invariants."""
        history.setdefault("changes", self.changes)
        history.setdefault("arrivals", [arrival for host in self.hosts for arrival in host.arrivals()])
        history.setdefault("servers", {host.address: host.name for host in self.hosts})
        if len(self.daemons) == 1:
            history.setdefault("log", [line for line in self.daemons[0].access_log() if line["service"] == "salon"])
        found = check(**history)
        if found:
            shown = "\n  ".join(found[:20])
            self.fail(f"{len(found)} violations of the invariants:\n  {shown}")


def main():
    unittest.main(verbosity=2, catchbreak=True, warnings="ignore")
