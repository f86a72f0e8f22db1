"""A worker that is stuck: NOT SAFE names it, then halfdoor ends itself with a dump and starts in the latched mode."""

import os
import re
import signal
import time

from story import OperationsTest, main
from wire import wait_for

SHIM = os.environ.get("HALFDOOR_DISK_SHIM", "")


class StuckWorkerTest(OperationsTest):
    """A worker that does not come back from epoll_wait is played by disk_shim.cpp, preloaded into halfdoor."""

    def daemon(self, stall):
        if not os.path.exists(SHIM):
            self.fail("HALFDOOR_DISK_SHIM does not name the library; ctest sets it")
        self.order = os.path.join(self.folder, "stall")
        return self.salon(*self.pair(), server=f'workers = 2\nworker_stall = "{stall}"',
                          environment={"LD_PRELOAD": SHIM, "HALFDOOR_TEST_STALL": self.order})

    def stall(self, thread):
        with open(self.order + ".new", "w", encoding="ascii") as file:
            file.write(thread)
        os.rename(self.order + ".new", self.order)
        self.say(f"{thread} is stuck")

    def go_on(self):
        os.unlink(self.order)
        self.say("nobody is stuck")

    def test_it_is_named_in_the_answer_status_and_log_and_safe_again_when_it_goes_on(self):
        daemon = self.daemon("60s")
        self.stall("worker-1")
        began = time.monotonic()
        ran = self.run_cli(daemon, "failover", "--wait", "0s", expect=75)
        self.assertLess(time.monotonic() - began, 10)
        self.assertIn("not applied: only 1 of 2 workers so far", ran.out)
        line = next(line for line in ran.out.splitlines() if line.startswith("NOT SAFE:"))
        self.assertIn("worker 1 ", line)
        self.assertNotIn("worker 0", line)
        self.assertRegex(line, r"handles events in turn \d+ \(\w")
        self.assertIn("NOT SAFE: worker 1", self.run_cli(daemon, "status").out)
        self.assertEqual(len(daemon.service()["not_safe"]), 1)
        self.assertEqual(daemon.metric("halfdoor_workers_not_safe"), 1)
        wait_for("the log says so", lambda: "NOT SAFE: worker 1" in daemon.log())
        self.go_on()
        wait_for("it is fenced", lambda: daemon.service()["fenced"])
        self.assertEqual(daemon.service()["not_safe"], [])
        self.assertEqual(daemon.metric("halfdoor_workers_not_safe"), 0)

    def test_after_worker_stall_halfdoor_aborts_with_a_dump_and_starts_in_the_latched_mode(self):
        daemon = self.daemon("1500ms")
        self.stall("worker-0")
        daemon.may_end = True
        running = daemon.begin("failover", "--reason", "a worker is stuck", "--wait", "30s")
        self.assertEqual(daemon.process.wait(30), -signal.SIGABRT)
        ran = running.wait()
        self.assertEqual(ran.code, 69, ran)
        log = daemon.log()
        self.assertIn("NOT SAFE: worker 0 has not applied the present modes within 1500ms: aborting", log)
        for worker in (0, 1):
            self.assertTrue(re.search(rf"worker {worker}: worker {worker}: \w.* in turn \d+ \(\w.*\), 0 exchanges", log), log)
        self.go_on()
        daemon.start()
        self.assertEqual(daemon.mode(), ("backup-readonly", 2))
        self.assertEqual(daemon.service()["reason"], "a worker is stuck")
        self.assertEqual(daemon.ask("POST", "/book", b"x").status, 503)
        self.assertEqual(daemon.ask("GET", "/look").field("X-Host"), "backup")


if __name__ == "__main__":
    main()
