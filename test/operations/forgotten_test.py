"""Modes that somebody may have forgotten: said in log, status, events and metrics; never left because time passed."""

import os
import threading

from story import OperationsTest, main
from wire import Connection, wait_for


class ForgottenTest(OperationsTest):
    def reminders(self, daemon):
        return [one["why"] for one in daemon.service()["reminders"]]

    def watch(self, daemon):
        """The names of the events from now on."""
        names = []
        connection = Connection(daemon.control_path, 120)
        connection.send(b"GET /v1/events HTTP/1.1\r\nHost: halfdoor\r\n\r\n")

        def read():
            pending = b""
            try:
                while piece := connection.socket.recv(65536):
                    pending += piece
                    *lines, pending = pending.split(b"\n")
                    names.extend(line[7:].strip().decode() for line in lines if line.startswith(b"event: "))
            except OSError:
                pass

        threading.Thread(target=read, daemon=True).start()
        self.addCleanup(connection.close)
        wait_for("the stream of events has begun", lambda: "mode" in names)
        return names

    def test_an_until_that_is_over_is_said_and_another_one_ends_that(self):
        daemon = self.salon(*self.pair())
        events = self.watch(daemon)
        self.run_cli(daemon, "freeze", "--reason", "a backup", "--until", "+1s")
        self.assertEqual(daemon.metric("halfdoor_until_over"), 0)
        wait_for("the end of the until is said", lambda: self.reminders(daemon) == ["until_over"])
        wait_for("watchers are told", lambda: "reminder" in events)
        wait_for("the log says so", lambda: "primary-readonly was to end at" in daemon.log())
        shown = self.run_cli(daemon, "status").out
        self.assertIn("FORGOTTEN? primary-readonly was to end at", shown)
        self.assertIn("halfdoor freeze salon --until +2h", shown)
        self.assertEqual(daemon.metric("halfdoor_until_over"), 1)
        self.assertEqual(daemon.mode(), ("primary-readonly", 2))
        self.assertEqual(daemon.ask("POST", "/book", b"x").status, 503)
        self.run_cli(daemon, "freeze", "--until", "+2h")
        self.assertEqual(self.reminders(daemon), [])
        self.assertEqual(daemon.mode(), ("primary-readonly", 2))

    def test_what_began_without_an_operator_is_said_until_one_acknowledges_it(self):
        daemon = self.salon(*self.pair(), failover='remind_after = "200ms"')
        self.run_cli(daemon, "failover")
        daemon.kill9()
        with open(os.path.join(daemon.state_dir, "salon.latch"), "wb") as file:
            file.write(b"x" * 8192)
        daemon.start()
        wait_for("it is said", lambda: self.reminders(daemon) == ["unacknowledged"])
        wait_for("the log says so", lambda: "nobody has acknowledged it" in daemon.log())
        self.assertIn("FORGOTTEN? primary-readonly began without an operator", self.run_cli(daemon, "status").out)
        # Said again and again; the mode stays.
        wait_for("it is said again", lambda: daemon.log().count("nobody has acknowledged it") >= 3)
        self.assertEqual(daemon.mode()[0], "primary-readonly")
        self.run_cli(daemon, "freeze")
        self.assertEqual(self.reminders(daemon), [])
        self.assertTrue(daemon.service()["acknowledged"])
        daemon.restart()
        self.assertEqual((self.reminders(daemon), daemon.mode()[0]), ([], "primary-readonly"))


if __name__ == "__main__":
    main()
