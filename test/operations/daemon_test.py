"""The daemon as a process: signals, stopping, and what is in the way when it starts."""

import os
import re
import signal
import socket
import subprocess
import unittest

from checker import Change
from daemon import BINARY, service_toml
from story import OperationsTest, main
from wire import ask, request, wait_for


class DaemonTest(OperationsTest):
    def setUp(self):
        super().setUp()
        self.primary, self.backup = self.pair()

    # Signals.

    def test_sigusr1_is_failover_all_and_sigusr2_failback_all(self):
        other = self.host("other-primary"), self.host("other-backup")
        daemon = self.halfdoor(service_toml([self.primary], [self.backup], hosts=["salon.test"]) +
                               service_toml([other[0]], [other[1]], name="shop", hosts=["shop.test"]))
        self.run_cli(daemon, "freeze", "shop")
        daemon.signal(signal.SIGUSR1)
        wait_for("both services are on the backup", lambda: {daemon.mode("salon"), daemon.mode("shop")} == {
            ("backup-readonly", 2), ("backup-readonly", 3)})
        self.assertEqual(daemon.service("salon")["actor"], "signal")
        self.assertEqual(daemon.ask("POST", "/x", b"x").status, 503)
        daemon.signal(signal.SIGUSR2)
        wait_for("both services are on the primary", lambda: {daemon.mode("salon"), daemon.mode("shop")} == {
            ("primary", 3), ("primary", 4)})
        self.assertEqual([c["actor"] for c in daemon.history("salon") if c["epoch"] > 1], ["signal", "signal"])

    def test_a_storm_of_signals_sets_modes_and_never_toggles_them(self):
        daemon = self.salon(self.primary, self.backup)
        for _ in range(200):
            daemon.signal(signal.SIGUSR1)
        wait_for("it is on the backup", lambda: daemon.mode()[0] == "backup-readonly")
        self.assertEqual(daemon.mode(), ("backup-readonly", 2))
        for _ in range(200):
            daemon.signal(signal.SIGUSR2)
        wait_for("it is on the primary", lambda: daemon.mode()[0] == "primary")
        self.assertEqual(daemon.mode(), ("primary", 3))
        self.assertTrue(daemon.is_running())

    def test_a_refused_signal_is_an_error_in_the_log_and_an_entry_of_the_history(self):
        daemon = self.salon(self.primary, self.backup)
        for verb in ("failover", "promote"):
            self.run_cli(daemon, verb)
        daemon.signal(signal.SIGUSR2)
        wait_for("the refusal is logged", lambda: "caught-up" in daemon.log())
        self.assertEqual(daemon.mode(), ("backup-writable", 3))
        refused = [line for line in daemon.log().splitlines() if "caught-up" in line]
        self.assertIn(" error ", refused[0])
        entry = daemon.history()[-1]
        self.assertEqual(entry["actor"], "signal", entry)
        self.assertIn("caught-up", str(entry))

    # Stopping.

    def test_sigterm_lets_what_is_in_flight_finish(self):
        daemon = self.salon(self.primary, self.backup)
        self.primary.plan("/slow", gate="slow")
        with daemon.connect() as busy, daemon.connect() as idle:
            idle.ask("GET", "/")
            busy.send(request("POST", "/slow", b"x"))
            wait_for("a write is at the primary", lambda: self.primary.arrival("/slow"))
            daemon.signal(signal.SIGTERM)
            self.assertEqual(idle.how_it_ends(), "eof", "an idle connection")
            wait_for("it takes no new connections", lambda: not self.connects(daemon))
            self.assertTrue(daemon.is_running())
            self.primary.open("slow")
            answer = busy.read_response("POST")
            self.assertEqual(answer.status, 200)
            self.assertTrue(answer.closes, "the client was not told that this was the last answer")
        self.assertEqual(daemon.process.wait(10), 0)
        self.assertFalse(os.path.exists(daemon.control_path), "the control socket was left behind")
        daemon.start()
        self.assertEqual(daemon.uncertain(), [])

    @staticmethod
    def connects(daemon):
        try:
            socket.create_connection(daemon.address, 5).close()
            return True
        except OSError:
            return False

    def test_sigterm_cuts_what_takes_longer_than_drain_and_lists_it(self):
        daemon = self.salon(self.primary, self.backup, server='workers = 2\ndrain = "300ms"')
        self.primary.plan("/slow", gate="slow")
        with daemon.connect() as client:
            client.send(request("POST", "/slow", b"x"))
            wait_for("a write is at the primary", lambda: self.primary.arrival("/slow"))
            self.assertEqual(daemon.stop(), 0)
        daemon.start()
        [write] = daemon.uncertain()
        self.assertEqual(write["path"], "/slow")

    def test_a_second_sigterm_ends_it_at_once(self):
        daemon = self.salon(self.primary, self.backup)
        self.primary.plan("/slow", gate="slow")
        with daemon.connect() as client:
            client.send(request("POST", "/slow", b"x"))
            wait_for("a write is at the primary", lambda: self.primary.arrival("/slow"))
            daemon.signal(signal.SIGTERM)
            wait_for("it is stopping", lambda: "stopping" in daemon.log())
            self.assertTrue(daemon.is_running())
            daemon.signal(signal.SIGTERM)
            daemon.process.wait(5)
        daemon.start()
        self.assertEqual([w["path"] for w in daemon.uncertain()], ["/slow"])

    def test_a_mode_can_be_changed_while_reads_hang_and_then_it_stops(self):
        daemon = self.salon(self.primary, self.backup)
        self.primary.plan("/slow", gate="slow")
        with daemon.connect() as client:
            client.send(request("GET", "/slow"))
            wait_for("a read is at the primary", lambda: self.primary.arrival("/slow"))
            self.run_cli(daemon, "freeze")
            self.primary.open("slow")
            self.assertEqual(client.read_response().status, 200)
        self.assertEqual(daemon.stop(), 0)
        daemon.start()
        self.assertEqual(daemon.mode(), ("primary-readonly", 2))

    # Starting.

    def refused_start(self, daemon, *words, code=1):
        daemon.start(wait=False)
        self.assertEqual(daemon.process.wait(15), code)
        self.say(f"refused: {daemon.log().strip()}")
        for word in words:
            self.assertIn(word, daemon.log())

    def test_a_second_instance_is_refused_by_the_state_dir_and_by_the_socket(self):
        first = self.salon(self.primary, self.backup)
        same_state = self.salon(self.primary, self.backup, start=False, state_dir=first.state_dir)
        self.refused_start(same_state, first.state_dir, str(first.process.pid))
        same_socket = self.salon(self.primary, self.backup, start=False)
        same_socket.control_path = first.control_path
        self.refused_start(same_socket, first.control_path)
        self.assertEqual(self.run_cli(first, "status").code, 0)
        self.assertEqual(first.ask("GET", "/").status, 200)

    def test_a_stale_socket_is_replaced(self):
        daemon = self.salon(self.primary, self.backup)
        daemon.kill9()
        self.assertTrue(os.path.exists(daemon.control_path))
        daemon.start()
        self.assertEqual(self.run_cli(daemon, "status").code, 0)
        mode = os.stat(daemon.control_path).st_mode & 0o777
        self.assertEqual(mode, 0o660)

    def test_a_symlink_and_a_file_in_the_way_of_the_socket_are_refused(self):
        daemon = self.salon(self.primary, self.backup, start=False)
        target = os.path.join(self.folder, "precious")
        with open(target, "w", encoding="ascii") as file:
            file.write("precious")
        os.symlink(target, daemon.control_path)
        self.refused_start(daemon, daemon.control_path, "symbolic link")
        os.unlink(daemon.control_path)
        os.rename(target, daemon.control_path)
        self.refused_start(daemon, daemon.control_path)
        with open(daemon.control_path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_a_port_that_is_taken_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            daemon = self.salon(self.primary, self.backup, start=False)
            daemon.port = taken.getsockname()[1]
            self.refused_start(daemon, f"127.0.0.1:{daemon.port}")

    def test_wrong_configuration_is_2_before_anything_is_bound(self):
        daemon = self.salon(self.primary, self.backup, start=False, server="worker = 2")
        self.refused_start(daemon, "halfdoor.toml:", "worker", code=2)
        self.assertFalse(os.path.exists(daemon.state_dir))

    def test_state_dir_and_the_folder_of_the_socket_are_made(self):
        daemon = self.salon(self.primary, self.backup, start=False)
        daemon.state_dir = os.path.join(daemon.folder, "a", "b", "state")
        daemon.control_path = os.path.join(daemon.folder, "run", "control.sock")
        daemon.start()
        self.assertEqual(os.stat(daemon.state_dir).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(os.path.dirname(daemon.control_path)).st_mode & 0o777, 0o755)

    @unittest.skipUnless(os.geteuid() == 0, "only root may become somebody else")
    def test_another_user_may_not_use_the_socket_and_learns_why(self):
        daemon = self.salon(self.primary, self.backup)
        for folder in (self.folder, daemon.folder):
            os.chmod(folder, 0o755)
        ran = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BINARY, "--socket",
                              daemon.control_path, "status"], capture_output=True, text=True, timeout=20)
        self.say(f"nobody: exit {ran.returncode}: {ran.stderr.strip()}")
        self.assertEqual(ran.returncode, 69)
        for word in ("ermission", "root", "0660"):
            self.assertIn(word, ran.stderr)

    # The control socket under bad clients.

    def test_control_clients_that_hang_or_talk_nonsense_stop_nobody(self):
        daemon = self.salon(self.primary, self.backup)
        hanging = []
        for _ in range(60):
            one = socket.socket(socket.AF_UNIX)
            one.connect(daemon.control_path)
            hanging.append(one)
            self.addCleanup(one.close)
        for one in hanging[:20]:
            one.sendall(b"P")
        for one in hanging[20:40]:
            one.sendall(b"POST /v1/services/salon/mode HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n{")
        for one in hanging[40:]:
            one.sendall(b"\x00\xff" * 100)
        self.run_cli(daemon, "failover")
        self.assertEqual(daemon.mode(), ("backup-readonly", 2))
        self.assertEqual(daemon.ask("GET", "/").status, 200)

    def test_a_control_client_that_leaves_does_not_stop_its_change(self):
        daemon = self.salon(self.primary, self.backup)
        self.primary.plan("/slow", gate="slow")
        with daemon.connect() as client:
            client.send(request("POST", "/slow", b"x"))
            wait_for("a write is at the primary", lambda: self.primary.arrival("/slow"))
            command = daemon.begin("failover")
            wait_for("the mode is applied", lambda: daemon.mode() == ("backup-readonly", 2))
            command.process.kill()
            command.process.communicate()
            self.primary.open("slow")
            self.assertEqual(client.read_response("POST").status, 200)
        wait_for("it is fenced", lambda: daemon.service()["fenced"])
        self.assertEqual(daemon.mode(), ("backup-readonly", 2))

    def test_a_stopped_and_continued_process_goes_on(self):
        daemon = self.salon(self.primary, self.backup)
        load = self.load(daemon, readers=2, writers=2)
        wait_for("writes pass", lambda: len(load.answered(200)) > 20)
        daemon.signal(signal.SIGSTOP)
        command = daemon.begin("failover")
        wait_for("the load stands still", lambda: self.stands_still(load), every=0.3)
        daemon.signal(signal.SIGCONT)
        ran = command.wait()
        self.say(repr(ran))
        self.assertEqual(ran.code, 0)
        self.changes.append(Change("failover", ran.began, ran.ended, "backup-readonly", 2))
        wait_for("writes are refused", lambda: len(load.answered(503)) > 10)
        self.check_histories(requests=load.stop())
        self.assertTrue(daemon.is_running())

    def stands_still(self, load):
        before, self.seen = getattr(self, "seen", None), len(load.records())
        return before == self.seen


    def test_the_alerts_name_metrics_that_there_are(self):
        daemon = self.salon(self.primary, self.backup)
        page = ask(daemon.control_path, "GET", "/metrics").text
        with open(os.path.join(os.path.dirname(__file__), "../../conf/alerts.yml"), encoding="utf-8") as file:
            named = set(re.findall(r"halfdoor_\w+", "".join(line for line in file if "expr:" in line)))
        self.assertGreater(len(named), 5)
        there = set(re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE))
        self.assertEqual(named - there, set())


if __name__ == "__main__":
    main()
