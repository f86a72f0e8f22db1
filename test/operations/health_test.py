"""Health checks of real hosts: what operators see of them, what guards make of them, and what must not count."""

import json
import re
import signal
import socket
import time

from daemon import service_toml
from story import OperationsTest, main
from wire import Connection, request, wait_for

FAST = 'interval = "100ms"\nfall = 2\nrise = 2'


def server(daemon, side, index=0):
    return daemon.service()[side]["servers"][index]


class Events:
    """Watches GET /v1/events; what came of one name is in all(name)."""

    def __init__(self, daemon):
        self.connection = Connection(daemon.control_path)
        self.connection.send(request("GET", "/v1/events"))
        self.connection.read_head()
        self.connection.socket.settimeout(0.05)
        self.text = b""

    def all(self, name):
        try:
            while piece := self.connection.socket.recv(65536):
                self.text += piece
        except TimeoutError:
            pass
        text = (self.connection.buffer + self.text).decode()
        return [json.loads(data) for data in re.findall(rf"event: {name}\r?\ndata: (.*)\r?\n", text)]

    def close(self):
        self.connection.close()


class HealthTest(OperationsTest):
    def setUp(self):
        super().setUp()
        self.primary, self.backup = self.pair()

    def wait_healthy(self, daemon, **sides):
        for side, value in sides.items():
            wait_for(f"the {side} to be known as {'healthy' if value else 'down'}",
                     lambda side=side, value=value: daemon.service()[side]["healthy"] is value)

    def test_operators_see_what_the_checks_find(self):
        daemon = self.salon(self.primary, self.backup, health=FAST)
        self.wait_healthy(daemon, primary=True, backup=True)
        self.assertEqual(server(daemon, "backup")["last_check"], "200")
        self.assertIsInstance(server(daemon, "backup")["last_check_ms"], int)
        since = server(daemon, "backup")["healthy_since"]
        self.assertIn("healthy", self.run_cli(daemon, "status").out)
        watch = Events(daemon)
        self.addCleanup(watch.close)
        # The host itself has seen nothing but checks.
        self.assertEqual(self.backup.arrivals(), [])
        self.assertGreater(len(self.backup.events("check")), 0)

        self.backup.health("unhealthy")
        self.wait_healthy(daemon, backup=False)
        self.assertEqual(server(daemon, "backup")["last_check"], "503")
        self.assertGreater(server(daemon, "backup")["healthy_since"], since)
        out = self.run_cli(daemon, "status").out
        self.assertRegex(out, rf"{self.backup.address} +DOWN .*503 in \d+ ms")
        wait_for("the event", lambda: watch.all("health"))
        [event] = watch.all("health")
        self.assertEqual((event["service"], event["side"], event["address"], event["healthy"], event["side_healthy"],
                          event["last_check"]), ("salon", "backup", self.backup.address, False, False, "503"))
        self.assertRegex(daemon.log(), rf"warning.* salon: server {self.backup.address} of the backup is down: 503")
        self.assertEqual(daemon.metric('halfdoor_server_healthy'), 1)

        self.backup.health("healthy")
        self.wait_healthy(daemon, backup=True)
        self.assertRegex(daemon.log(), rf"info.* salon: server {self.backup.address} of the backup is up again")
        self.assertTrue(wait_for("the event", lambda: len(watch.all("health")) == 2))
        self.assertGreater(daemon.metric("halfdoor_health_checks_total"), 0)

    def test_a_change_to_a_side_that_is_down_is_refused_with_what_its_check_found(self):
        daemon = self.salon(self.primary, self.backup, health=FAST)
        self.wait_healthy(daemon, primary=True, backup=True)
        self.backup.kill()
        self.wait_healthy(daemon, primary=True, backup=False)
        ran = self.run_cli(daemon, "failover", expect=2)
        self.assertRegex(ran.err, rf"backup-healthy: .*{self.backup.address}: \w+")
        wait_for("the newest reason", lambda: server(daemon, "backup")["last_check"] == "connection refused")
        ran = self.run_cli(daemon, "failover", expect=2)
        self.assertRegex(ran.err, rf"backup-healthy: .*{self.backup.address}: connection refused")
        self.run_cli(daemon, "failover", "--override", "backup-healthy")
        self.primary.health("closing")
        self.wait_healthy(daemon, primary=False)
        ran = self.run_cli(daemon, "failback", expect=2)
        self.assertRegex(ran.err, r"primary-healthy: .*closed without an answer")
        self.primary.health("healthy")
        self.wait_healthy(daemon, primary=True)
        self.run_cli(daemon, "failback")

    def test_a_frozen_host_is_found_out_and_a_frozen_halfdoor_believes_nothing(self):
        daemon = self.salon(self.primary, self.backup, health=FAST + '\ntimeout = "1s"')
        self.wait_healthy(daemon, primary=True, backup=True)
        watch = Events(daemon)
        self.addCleanup(watch.close)
        # Checks are in flight, or due, when it stops, and the hosts do not answer in time for it to see.
        self.primary.freeze()
        daemon.signal(signal.SIGSTOP)
        time.sleep(3)
        self.primary.thaw()
        daemon.signal(signal.SIGCONT)
        checks = server(daemon, "primary")["last_check_at"]
        wait_for("a check after that", lambda: server(daemon, "primary")["last_check_at"] != checks)
        self.assertIs(daemon.service()["primary"]["healthy"], True)
        self.assertEqual(watch.all("health"), [])

        self.primary.freeze()
        self.wait_healthy(daemon, primary=False, backup=True)
        self.assertEqual(server(daemon, "primary")["last_check"], "no answer within 1s")
        self.primary.thaw()
        self.wait_healthy(daemon, primary=True)

    def test_a_flapping_host_does_not_fill_the_log(self):
        daemon = self.salon(self.primary, self.backup, health='interval = "50ms"\nfall = 1\nrise = 1')
        for _ in range(12):
            self.primary.health("unhealthy")
            self.wait_healthy(daemon, primary=False)
            self.primary.health("healthy")
            self.wait_healthy(daemon, primary=True)
        lines = [line for line in daemon.log().splitlines() if f"{self.primary.address} of the primary" in line]
        self.assertLessEqual(len(lines), 8, lines)
        self.assertIn("keeps going down and up", lines[-1])

    def test_more_servers_that_hang_than_checks_may_be_in_flight_hold_up_neither_control_nor_traffic(self):
        hanging = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.addCleanup(hanging.close)
        services = service_toml([self.primary], [self.backup])
        for i in range(400):
            services += service_toml([f"127.0.0.1:{hanging.getsockname()[1]}"], ["127.9.0.1:9"], name=f"s{i}",
                                     hosts=[f"s{i}.test"], health='timeout = "60s"')
        daemon = self.halfdoor(services)
        # The first ones have their first check; then all places are taken, and the rest waits for one.
        self.wait_healthy(daemon, primary=True, backup=True)
        wait_for("all places to be taken", lambda: daemon.metric("halfdoor_health_checks_in_flight") == 256)
        wait_for("others to wait", lambda: daemon.metric("halfdoor_health_checks_waiting") > 100)
        self.assertEqual(daemon.ask("GET", "/").status, 200)
        self.run_cli(daemon, "failover", "salon")
        self.assertEqual(daemon.ask("GET", "/").field("X-Host"), "backup")
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()
