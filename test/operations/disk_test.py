"""A disk that is full or hangs never stops a failover, and never lets anything go towards more writes unseen."""

import os
import subprocess
import time
import unittest

from story import OperationsTest, main
from wire import request, wait_for

SHIM = os.environ.get("HALFDOOR_DISK_SHIM", "")


class HangingDiskTest(OperationsTest):
    """The disk is played by disk_shim.cpp, preloaded into halfdoor."""

    def setUp(self):
        super().setUp()
        if not os.path.exists(SHIM):
            self.fail("HALFDOOR_DISK_SHIM does not name the library; ctest sets it")
        self.primary, self.backup = self.pair()
        self.order = os.path.join(self.folder, "disk")
        state_dir = os.path.join(self.folder, "state")
        self.daemon = self.salon(self.primary, self.backup, state_dir=state_dir, environment={
            "LD_PRELOAD": SHIM, "HALFDOOR_TEST_DISK": self.order, "HALFDOOR_TEST_DISK_FOLDER": state_dir})
        self.addCleanup(self.heal)

    def disk(self, what):
        with open(self.order + ".new", "w", encoding="ascii") as file:
            file.write(what)
        os.rename(self.order + ".new", self.order)
        self.say(f"the disk is {what}")

    def heal(self):
        if os.path.exists(self.order):
            os.unlink(self.order)
            self.say("the disk is healthy")

    def assert_switched_without_the_disk(self):
        """failover, with a disk that is ill: in force at once, NOT PERSISTED in answer, log and status."""
        ran = self.change(self.daemon, "failover")
        # The disk stays ill until heal(): to answer at all is not to have waited for it.
        self.assertIn("NOT PERSISTED", ran.out)
        wait_for("the log says so", lambda: "NOT PERSISTED" in self.daemon.log())
        self.assertTrue(self.daemon.service()["not_persisted"])
        self.assertIn("NOT PERSISTED", self.run_cli(self.daemon, "status").out)
        self.assertEqual(self.daemon.mode(), ("backup-readonly", 2))
        self.assertEqual(self.daemon.ask("POST", "/book", b"x").status, 503)
        answer = self.daemon.ask("GET", "/look")
        self.assertEqual((answer.status, answer.field("X-Host")), (200, "backup"))

    def assert_no_way_to_writes(self):
        for verb in ("failback", "promote"):
            ran = self.run_cli(self.daemon, verb, "--wait", "1s", expect=2)
            self.assertIn("not-persisted", ran.err)
        self.assertEqual(self.daemon.mode()[0], "backup-readonly")
        self.assertEqual(self.daemon.ask("POST", "/book", b"x").status, 503)

    def assert_persisted_after_recovery(self):
        self.heal()
        wait_for("the mode is persisted", lambda: not self.daemon.service()["not_persisted"])
        wait_for("the log says so", lambda: "is persisted" in self.daemon.log())
        self.daemon.restart()
        self.assertEqual(self.daemon.mode(), ("backup-readonly", 2), "what was said to be persisted was not")
        self.run_cli(self.daemon, "failback")

    def test_a_disk_that_hangs(self):
        self.disk("hanging")
        self.assert_switched_without_the_disk()
        self.assert_no_way_to_writes()
        self.assert_persisted_after_recovery()

    def test_a_disk_whose_syncs_fail(self):
        self.disk("failing")
        self.assert_switched_without_the_disk()
        self.assert_no_way_to_writes()
        self.assert_persisted_after_recovery()

    def test_a_latch_that_cannot_be_written(self):
        self.disk("full")
        self.assert_switched_without_the_disk()
        self.assert_no_way_to_writes()
        self.assert_persisted_after_recovery()

    def test_a_change_towards_writes_that_was_refused_is_not_found_after_a_kill(self):
        self.change(self.daemon, "failover")
        for what in ("failing", "full", "hanging", "unsynced"):
            _, epoch = self.daemon.mode()
            self.disk(what)
            ran = self.run_cli(self.daemon, "failback", "--wait", "1s", expect=2)
            self.assertIn("not-persisted", ran.err)
            self.daemon.kill9()
            self.heal()
            self.daemon.start()
            mode, present = self.daemon.mode()
            self.assertEqual(mode, "backup-readonly", f"a refused failback came true after a kill ({what})")
            if what == "unsynced":
                self.assertEqual(present, epoch + 2, "the epoch of a change that may have been seen is used again")
                self.assertIn("not confirmed", self.daemon.log())
                self.assertIn("not confirmed", self.run_cli(self.daemon, "status").out)
            wait_for("the mode is persisted", lambda: not self.daemon.service()["not_persisted"])
        self.run_cli(self.daemon, "failback")
        self.daemon.restart()
        self.assertEqual(self.daemon.mode()[0], "primary", "a failback that was done did not survive")

    def test_a_change_towards_writes_whose_confirmation_hangs_is_applied_but_not_done(self):
        self.change(self.daemon, "failover")
        self.disk("unconfirmed")
        ran = self.run_cli(self.daemon, "failback", "--wait", "1s", expect=75)
        self.assertIn("applied by", ran.out)
        self.assertIn("NOT PERSISTED", ran.out)
        self.assertEqual(self.daemon.mode(), ("primary", 3))
        self.assertEqual(self.daemon.ask("POST", "/book", b"x").status, 200)
        wait_for("the log says so", lambda: "NOT PERSISTED" in self.daemon.log())
        self.assertTrue(self.daemon.service()["not_persisted"])
        self.daemon.kill9()
        self.heal()
        self.daemon.start()
        self.assertEqual(self.daemon.mode(), ("backup-readonly", 4), "nobody was told that the failback is done")
        self.assertEqual(self.daemon.ask("POST", "/book", b"x").status, 503)
        entry = self.daemon.history()[-1]
        self.assertEqual((entry["from"], entry["to"], entry["epoch"]), ("primary", "backup-readonly", 4), entry)
        # The same, but the disk comes back in time.
        self.disk("unconfirmed")
        self.run_cli(self.daemon, "failback", "--wait", "200ms", expect=75)
        waiting = self.daemon.begin("failback")
        self.heal()
        self.assertEqual(waiting.wait().code, 0)
        self.daemon.restart()
        self.assertEqual(self.daemon.mode(), ("primary", 5))

    def test_reads_and_writes_pass_while_the_disk_hangs(self):
        load = self.load(self.daemon, readers=2, writers=2)
        wait_for("writes pass", lambda: len(load.answered(200)) > 20)
        self.disk("hanging")
        begin = time.monotonic()
        wait_for("writes pass while the disk hangs", lambda: sum(
            r["method"] == "POST" and r["sent"] > begin for r in load.answered(200)) > 20)
        self.change(self.daemon, "failover")
        wait_for("writes are refused", lambda: len(load.answered(503)) > 10)
        self.check_histories(requests=load.stop())
        self.heal()
        wait_for("the mode is persisted", lambda: not self.daemon.service()["not_persisted"])

    def test_a_failover_overtakes_a_failback_that_waits_for_the_disk(self):
        self.change(self.daemon, "failover")
        self.disk("hanging")
        waiting = self.daemon.begin("failback")
        time.sleep(0.2)  # only makes it likely that it waits already
        self.run_cli(self.daemon, "close")
        self.assertEqual(self.daemon.mode()[0], "closed")
        given_up = waiting.wait()
        self.say(repr(given_up))
        self.assertEqual(given_up.code, 2)
        self.assertIn("not-persisted", given_up.err)
        self.heal()

    def test_it_stops_on_sigterm_while_the_disk_hangs(self):
        self.disk("hanging")
        self.change(self.daemon, "failover")
        self.assertIn(self.daemon.stop(timeout=25), (0, 1))


@unittest.skipUnless(os.geteuid() == 0, "only root may mount a small file system")
class FullDiskTest(OperationsTest):
    """state_dir on a small file system of its own, filled to the last byte."""

    def setUp(self):
        super().setUp()
        self.small = os.path.join(self.folder, "small")
        os.mkdir(self.small)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", self.small], capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no file system can be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", self.small], check=False))
        self.primary, self.backup = self.pair()
        self.daemon = self.salon(self.primary, self.backup, state_dir=os.path.join(self.small, "state"))

    def fill(self):
        with open(os.path.join(self.small, "filler"), "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        file.write(b"f" * size)
                except OSError:
                    pass
        self.say("the disk is full")

    def test_the_mode_is_kept_on_a_full_disk(self):
        self.fill()
        self.change(self.daemon, "failover", "--reason", "disk full")
        wait_for("the mode is persisted, in its preallocated slot", lambda: not self.daemon.service()["not_persisted"])
        self.daemon.restart()
        self.assertEqual(self.daemon.mode(), ("backup-readonly", 2), "a full disk lost the mode")
        self.run_cli(self.daemon, "failback")
        self.assertEqual(self.daemon.mode(), ("primary", 3))
        self.assertEqual(self.daemon.ask("POST", "/book", b"x").status, 200)
        os.unlink(os.path.join(self.small, "filler"))
        self.daemon.restart()
        self.assertEqual(self.daemon.mode(), ("primary", 3))
        self.assertEqual(self.daemon.history()[-1]["epoch"], 3, "the history lacks the last change")

    def test_writes_in_flight_at_a_kill_are_listed_by_a_restart_on_a_full_disk(self):
        self.primary.plan("*", gate="never")
        client = self.daemon.connect()
        client.send(request("POST", "/book", b"x"))
        wait_for("the write is at the primary", lambda: len(self.primary.arrivals()) == 1)
        self.fill()
        self.daemon.restart()
        wait_for("it is listed", lambda: [w["path"] for w in self.daemon.uncertain()] == ["/book"])
        self.daemon.restart()
        wait_for("it is still listed", lambda: [w["path"] for w in self.daemon.uncertain()] == ["/book"])
        os.unlink(os.path.join(self.small, "filler"))
        self.daemon.restart()
        wait_for("it is listed once", lambda: [w["path"] for w in self.daemon.uncertain()] == ["/book"])


if __name__ == "__main__":
    main()
