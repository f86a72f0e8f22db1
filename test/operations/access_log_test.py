"""The access log: one true line for every request, whatever is in it, over rotations; and no request ever waits for it."""

import json
import os
import re
import signal
import socket
import subprocess
import unittest
from collections import Counter

from story import OperationsTest, main
from wire import request, wait_for

SHIM = os.environ.get("HALFDOOR_DISK_SHIM", "")
LONG = "x" * 7000  # a few hundred requests with such a target are more than all buffers hold


class AccessLogTest(OperationsTest):
    def setUp(self):
        super().setUp()
        self.primary, self.backup = self.pair()

    def send_many(self, daemon, count, target=LONG):
        """Requests on one connection, each answered."""
        with daemon.connect() as client:
            for number in range(count):
                self.assertEqual(client.ask("GET", f"/{number}/{target}").status, 200)
        return count

    def send_until_dropped(self, daemon):
        sent = 0
        while daemon.metric("halfdoor_access_log_dropped_total") == 0:
            self.assertLess(sent, 20_000, "nothing is dropped, however much is logged")
            sent += self.send_many(daemon, 200)
        self.say(f"lines are dropped after {sent} requests, all of them answered")
        return sent

    def assert_one_line_each(self, lines, requests):
        """Every request of the load has exactly one line, which says what its client saw."""
        count = Counter(line["target"] for line in lines)
        by_target = {line["target"]: line for line in lines}
        for one in requests:
            target = f"/load/{one['id']}"
            self.assertEqual(count[target], 1, one)
            line = by_target[target]
            self.assertEqual((line["method"], line["status"], line["service"]), (one["method"], one["status"], "salon"), one)
            if one["request_id"] and one["host"]:
                self.assertEqual(line["request_id"], one["request_id"])
                self.assertEqual(line["side"], one["host"])

    def test_rotations_under_load_lose_no_line_and_double_none(self):
        daemon = self.salon(self.primary, self.backup)
        load = self.load(daemon, readers=3, writers=2)
        for number in range(6):
            before = len(load.answered())
            wait_for("requests are answered", lambda: len(load.answered()) > before + 40)
            wait_for("the log has a line", daemon.access_log)
            os.rename(daemon.access_path, f"{daemon.access_path}.{number}")
            if number == 2:
                self.change(daemon, "failover")
            daemon.signal(signal.SIGHUP)
        wait_for("the log is there again", lambda: os.path.exists(daemon.access_path))
        requests = load.stop()
        self.assertEqual(daemon.stop(), 0)
        files = [f"{daemon.access_path}.{number}" for number in range(6)] + [daemon.access_path]
        lines = [line for file in files for line in daemon.access_log(file)]
        self.assertEqual([one for one in requests if one["error"]], [])
        self.assert_one_line_each(lines, requests)
        self.check_histories(requests=requests, log=lines)
        refused = [line for line in lines if line["outcome"] == "refused"]
        self.assertTrue(refused)
        self.assertEqual({(line["status"], line["mode"], line["epoch"], line["side"]) for line in refused},
                         {(503, "backup-readonly", 2, None)})

    def test_a_graceful_stop_writes_everything(self):
        daemon = self.salon(self.primary, self.backup)
        self.send_many(daemon, 50, "short")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(len(daemon.access_log()), 50)

    def test_hostile_bytes_forge_nothing_in_either_format(self):
        hostile = bytes(c for c in range(0x21, 0x100) if c != 0x7F) + b"\t\"} {\"status\":1} \xe2\x80\xa8 \xc2\x85"
        requests = [
            b"GET /?q=\"%22,\\'{}[]|^` HTTP/1.1\r\nHost: salon.test\r\nUser-Agent: " + hostile + b"\r\nReferer: " + hostile + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: salon.test\r\nX-Request-Id: \"forged\\\"}\r\n\r\n",
            b"!#$%&'*+-.^_`|~ / HTTP/1.1\r\nHost: salon.test\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: salon.test\r\n: nameless\r\n\r\n",
            b"GET /\"\x00\xff HTTP/1.1\r\nHost: salon.test\r\n\r\n",
            b"GET /" + b"\"" * 9000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: " + b"\xff" * 40000 + b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET /" + b"\"" * 8000 + b" HTTP/1.1\r\nHost: salon.test\r\nUser-Agent: " + b"\xff" * 20000 + b"\r\n\r\n"]
        for form in ("json", "combined"):
            daemon = self.salon(self.primary, self.backup, log=f'access = "access.log"\nformat = "{form}"')
            statuses = []
            for sent in requests:
                with daemon.connect() as client:
                    client.send(sent)
                    statuses.append(client.read_response().status)
            daemon.stop()
            with open(daemon.access_path, "rb") as file:
                text = file.read()
            self.assertIsNone(re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", text), "a control byte stands in the log")
            lines = text.decode("utf-8").splitlines()
            self.assertEqual(len(lines), len(requests), "lines of Python's, which also end at U+0085 and U+2028")
            if form == "json":
                self.assertEqual(sorted(json.loads(line)["status"] for line in lines), sorted(statuses))
            else:
                combined = re.compile(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-) '
                                      r'"((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)" request_id=\S+ service=.*')
                parsed = [combined.fullmatch(line) for line in lines]
                self.assertEqual(sorted(int(match.group(2)) for match in parsed), sorted(statuses))
                self.assertIn("GET / HTTP/1.1", [match.group(1) for match in parsed])

    def test_a_client_that_leaves_is_logged_without_a_status(self):
        self.primary.plan("/slow", gate="never")
        daemon = self.salon(self.primary, self.backup)
        client = daemon.connect()
        client.send(request("GET", "/slow"))
        wait_for("the request is at the primary", lambda: self.primary.arrival("/slow"))
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # a reset
        client.close()
        line = wait_for("its line", daemon.access_log)[0]
        self.assertEqual((line["status"], line["outcome"], line["ended_by"], line["side"]), (None, "left", "client", "primary"))

    def test_a_log_that_cannot_be_opened_is_said_and_counted_and_opened_later(self):
        daemon = self.salon(self.primary, self.backup, start=False, log='access = "logs/access.log"')
        blocked = os.path.join(daemon.folder, "logs")
        with open(blocked, "w", encoding="ascii"):
            pass
        daemon.start()
        wait_for("the log of halfdoor says so", lambda: re.search(r"error the access log: .*logs/access.log", daemon.log()))
        self.send_many(daemon, 5, "lost")
        wait_for("5 lines are dropped", lambda: daemon.metric("halfdoor_access_log_dropped_total") == 5)
        os.unlink(blocked)
        daemon.signal(signal.SIGHUP)
        path = os.path.join(blocked, "access.log")
        wait_for("the log is there", lambda: os.path.exists(path))
        self.send_many(daemon, 3, "kept")
        wait_for("3 lines are there", lambda: len(daemon.access_log(path)) == 3)
        wait_for("the number is said", lambda: "is written again, 5 lines were dropped" in daemon.log())
        self.assertEqual(oct(os.stat(path).st_mode & 0o777), "0o640")

    def test_a_pipe_that_nobody_reads_stops_nothing_and_is_counted(self):
        daemon = self.salon(self.primary, self.backup, start=False, log='access = "pipe"')
        path = os.path.join(daemon.folder, "pipe")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        daemon.start()
        sent = self.send_until_dropped(daemon)
        wait_for("it is said", lambda: re.search(r"takes no more: \d+ lines dropped so far", daemon.log()))
        self.run_cli(daemon, "failover")
        text = bytearray()

        def read_all():
            try:
                while piece := os.read(reader, 1 << 16):
                    text.extend(piece)
            except BlockingIOError:
                pass
            dropped = daemon.metric("halfdoor_access_log_dropped_total")
            return dropped + daemon.metric("halfdoor_access_log_lines_total") == sent

        wait_for("everything is written or counted", read_all)
        read_all()
        dropped = int(daemon.metric("halfdoor_access_log_dropped_total"))
        self.assertEqual(len([json.loads(line) for line in text.decode().splitlines()]), sent - dropped)
        wait_for("the number is said", lambda: f"is written again, {dropped} lines were dropped" in daemon.log())
        self.send_many(daemon, 1, "again")
        wait_for("lines come again", lambda: read_all() or b"again" in text)

    def test_standard_output_that_nobody_reads_stops_nothing_not_even_a_stop(self):
        ours, its = os.pipe()
        self.addCleanup(os.close, ours)
        daemon = self.salon(self.primary, self.backup, start=False, log='access = "stdout"', stdout=its)
        daemon.start()
        os.close(its)
        self.send_until_dropped(daemon)
        self.assertEqual(daemon.stop(), 0)
        self.assertRegex(daemon.log(), r"ends, \d+ lines of it were dropped")

    def ill_disk(self, folder=None):
        """A daemon whose log stands on the disk of disk_shim.cpp."""
        if not os.path.exists(SHIM):
            self.fail("HALFDOOR_DISK_SHIM does not name the library; ctest sets it")
        self.order = os.path.join(self.folder, "disk")
        logs = os.path.join(self.folder, "logs")
        self.access_path = os.path.join(logs, "access.log")
        self.addCleanup(self.heal)
        return self.salon(self.primary, self.backup, log=f'access = "{self.access_path}"', environment={
            "LD_PRELOAD": SHIM, "HALFDOOR_TEST_DISK": self.order, "HALFDOOR_TEST_DISK_FOLDER": logs})

    def disk(self, what):
        with open(self.order + ".new", "w", encoding="ascii") as file:
            file.write(what)
        os.rename(self.order + ".new", self.order)
        self.say(f"the disk of the log is {what}")

    def heal(self):
        if os.path.exists(self.order):
            os.unlink(self.order)

    def test_a_disk_that_hangs_stops_nothing_and_the_log_goes_on_afterwards(self):
        daemon = self.ill_disk()
        self.disk("hanging")
        sent = self.send_until_dropped(daemon)
        self.run_cli(daemon, "failover")
        self.heal()
        wait_for("everything is written or counted", lambda: daemon.metric("halfdoor_access_log_dropped_total") +
                 daemon.metric("halfdoor_access_log_lines_total") == sent)
        dropped = daemon.metric("halfdoor_access_log_dropped_total")
        self.assertEqual(len(daemon.access_log(self.access_path)), sent - dropped)

    def test_it_stops_on_sigterm_while_the_disk_of_the_log_hangs(self):
        daemon = self.ill_disk()
        self.disk("hanging")
        self.send_many(daemon, 3, "x")
        self.assertEqual(daemon.stop(timeout=25), 0)

    def test_lines_of_a_short_illness_of_the_disk_are_written_when_it_is_over(self):
        daemon = self.ill_disk()
        self.disk("full")
        self.send_many(daemon, 20, "kept")
        wait_for("the log of halfdoor says so", lambda: "No space left" in daemon.log())
        self.assertEqual(daemon.access_log(self.access_path), [])
        self.heal()
        wait_for("all lines are there", lambda: len(daemon.access_log(self.access_path)) == 20)
        wait_for("the log of halfdoor says so", lambda: "can be written again" in daemon.log())
        self.assertEqual(daemon.metric("halfdoor_access_log_dropped_total"), 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root may mount a small file system")
    def test_a_disk_that_is_full_in_the_middle_of_a_line_splices_no_two(self):
        small = os.path.join(self.folder, "small")
        os.mkdir(small)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no file system can be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", small], check=False))
        filler = os.path.join(small, "filler")
        with open(filler, "wb") as file:
            file.write(b"f" * (700 << 10))
        path = os.path.join(small, "access.log")
        daemon = self.salon(self.primary, self.backup, log=f'access = "{path}"')
        sent = self.send_until_dropped(daemon)
        with open(path, "rb") as file:
            self.assertFalse(file.read().endswith(b"\n"), "the disk was not full in the middle of a line; choose another size")
        # Room for a part of what waits: it is full once more, in the middle of another line.
        os.unlink(filler)
        wait_for("it is full again", lambda: os.statvfs(small).f_bfree == 0)
        self.assertEqual(daemon.stop(), 0)
        self.assertRegex(daemon.log(), r"ends, \d+ lines of it were dropped")
        with open(path, "rb") as file:
            text = file.read()
        self.assertTrue(text.endswith(b"\n"), "half a line is left at the end")
        whole = len({line["request_id"] for line in daemon.access_log(path)})
        self.assertEqual(whole, text.count(b"\n"))
        self.say(f"{whole} lines of {sent} requests")


if __name__ == "__main__":
    main()
