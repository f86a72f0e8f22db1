"""Hostile and hanging clients of the control API: bounded, the data path does not notice, a started switch completes."""

import contextlib
import json
import os
import socket
import threading
import time

from overload import Crowd, OverloadTest
from story import main
from wire import Connection, ask_json, request, wait_for

MOST_CONTROL_CONNECTIONS = 128


class ControlTest(OverloadTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.serve()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def assert_operable(self):
        """Reading and changing work, now."""
        self.assertEqual(self.run_cli(self.daemon, "status").code, 0)
        before = self.daemon.mode()[1]
        self.run_cli(self.daemon, "freeze")
        self.run_cli(self.daemon, "thaw")
        self.assertEqual(self.daemon.mode(), ("primary", before + 2))

    def crowd_holds_up_nobody(self, first, count=400):
        path = self.daemon.control_path
        with self.nobody_notices(self.daemon), Crowd(path, count, first) as crowd:
            self.assert_operable()
            self.assertLessEqual(self.descriptors(), self.level["descriptors"] + MOST_CONTROL_CONNECTIONS + 8)
        self.assert_recovers(self.daemon)

    def test_hundreds_that_are_silent(self):
        self.crowd_holds_up_nobody(b"")

    def test_hundreds_that_send_one_byte(self):
        self.crowd_holds_up_nobody(b"G")

    def test_hundreds_that_send_half_a_body(self):
        self.crowd_holds_up_nobody(b"POST /v1/services/salon/mode HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")

    def test_hundreds_that_ask_for_much_and_do_not_read(self):
        for _ in range(60):
            self.daemon.control("POST", "/v1/services/salon/mode", {"mode": "primary-readonly", "reason": "x" * 400})
            self.daemon.control("POST", "/v1/services/salon/mode", {"mode": "primary", "reason": "y" * 400})
        before = self.daemon.resident_bytes()
        epoch = self.daemon.mode()[1]
        many = b"".join(request("GET", "/v1/services/salon/history") for _ in range(200))
        with self.nobody_notices(self.daemon), Crowd(self.daemon.control_path, 200, many, receive_buffer=2048):
            self.run_cli(self.daemon, "freeze")
            self.run_cli(self.daemon, "thaw")
            self.assertEqual(self.daemon.mode()[1], epoch + 2)
            self.assertLess(self.daemon.resident_bytes() - before, 100 << 20)
        self.assert_recovers(self.daemon)

    def test_watchers_that_do_not_read(self):
        before = self.daemon.resident_bytes()
        events = request("GET", "/v1/events")
        with self.nobody_notices(self.daemon), Crowd(self.daemon.control_path, 60, events, receive_buffer=2048):
            for _ in range(60):
                for mode in ("primary-readonly", "primary"):
                    status, _ = self.daemon.control("POST", "/v1/services/salon/mode", {"mode": mode, "reason": "r" * 500})
                    self.assertEqual(status, 200)
            self.assertLess(self.daemon.resident_bytes() - before, 64 << 20)
        self.assert_recovers(self.daemon)

    def test_a_gigabyte_is_not_read(self):
        sent = 0
        with self.nobody_notices(self.daemon), Connection(self.daemon.control_path, 20) as client:
            client.send(b"POST /v1/services/salon/mode HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
            with contextlib.suppress(OSError):
                while sent < 1_000_000_000:
                    sent += client.socket.send(b"x" * 65536)
            self.assertLess(sent, 8 << 20)
            self.assert_operable()
        self.assert_recovers(self.daemon)

    def test_a_gigabyte_in_chunks_is_not_read_either(self):
        sent = 0
        with Connection(self.daemon.control_path, 20) as client:
            client.send(b"POST /v1/services/salon/mode HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            with contextlib.suppress(OSError):
                while sent < 1_000_000_000:
                    sent += client.socket.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
        self.assertLess(sent, 8 << 20)
        self.assert_recovers(self.daemon)

    def test_an_endless_head_is_refused(self):
        with Connection(self.daemon.control_path, 20) as client:
            with contextlib.suppress(OSError):
                client.send(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000)
            self.assertIn(client.read_response().status, (431, 400))
        self.assert_operable()

    def test_what_is_no_http_is_refused_and_closed(self):
        for garbage in (b"\x16\x03\x01\x02\x00\x01", b"\x00" * 100, b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"\xff\xfe" * 2000):
            with Connection(self.daemon.control_path, 20) as client:
                client.send(garbage)
                with contextlib.suppress(ConnectionError):
                    client.socket.shutdown(socket.SHUT_WR)
                    while client.socket.recv(65536):
                        pass
        self.assert_operable()

    def test_a_switch_completes_though_whoever_asked_has_left(self):
        self.primary.plan("/hang", then="hang")
        with self.daemon.connect() as writer:
            writer.send(request("POST", "/hang", b"x"))
            wait_for("the write is in flight", lambda: self.primary.arrival("/hang"))
            body = json.dumps({"mode": "backup-readonly"}).encode()
            for _ in range(5):
                with Connection(self.daemon.control_path) as client:
                    client.send(request("POST", "/v1/services/salon/mode", body))
            wait_for("it is on the backup", lambda: self.daemon.mode() == ("backup-readonly", 2))
        wait_for("and fenced", lambda: self.daemon.service()["fenced"])

    def is_on_backup(self):
        # Until the change is applied every connection is that of a caller, and one more is told to come again.
        code, status = self.daemon.control("GET", "/v1/status")
        return code == 200 and status["services"][0]["mode"] == "backup-readonly"

    def test_callers_that_wait_leave_room_for_one_more_command(self):
        self.primary.plan("/hang", then="hang")
        with self.daemon.connect() as writer:
            writer.send(request("POST", "/hang", b"x"))
            wait_for("the write is in flight", lambda: self.primary.arrival("/hang"))
            body = json.dumps({"mode": "backup-readonly", "wait_ms": 60000}).encode()
            with Crowd(self.daemon.control_path, 300, request("POST", "/v1/services/salon/mode", body)):
                wait_for("it is on the backup", self.is_on_backup)
                self.run_cli(self.daemon, "status")
                ran = self.run_cli(self.daemon, "close", "--wait", "0s", expect=None)
                self.assertIn(ran.code, (0, 75))
                self.assertEqual(self.daemon.mode()[0], "closed")


if __name__ == "__main__":
    main()
