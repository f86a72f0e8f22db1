"""Many commands at once, wrong ones, and thousands of them: one queue, one history, bounded memory."""

import os
import random
import signal
import threading
import time

from story import OperationsTest, main
from wire import Connection, wait_for

MODES = ["primary", "primary-readonly", "backup-readonly", "backup-writable", "closed"]


class CommandsTest(OperationsTest):
    def test_commands_and_signals_at_the_same_time_are_one_history(self):
        daemon = self.salon(*self.pair())
        load = self.load(daemon, readers=2, writers=2)
        source = random.Random(7)
        replies, lock = [], threading.Lock()

        def operator(seed):
            own = random.Random(seed)
            for _ in range(25):
                body = {"mode": own.choice(MODES), "override": ["caught-up"], "wait_ms": own.choice([0, 5, 30000])}
                began = time.monotonic()
                code, answer = daemon.control("POST", "/v1/services/salon/mode", body)
                with lock:
                    replies.append((code, body["mode"], answer, began, time.monotonic()))

        threads = [threading.Thread(target=operator, args=(source.random(),)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(40):
            daemon.signal(source.choice([signal.SIGUSR1, signal.SIGUSR2]))
            threads[0].join(0.01)
        for thread in threads:
            thread.join(60)
        self.assertEqual(len(replies), 150)
        self.assertEqual({code for code, *_ in replies} - {200, 202, 409}, set(), "unexpected answers")
        requests = load.stop()
        # A signal may still have been on its way.
        history = wait_for("history and status agree", lambda: self.settled_history(daemon))
        self.assertEqual([c["epoch"] for c in history], list(range(2, len(history) + 2)), "epochs are missing or double")
        for before, after in zip(history, history[1:]):
            self.assertEqual(before["to"], after["from"], (before, after))
        modes = {1: "primary"} | {c["epoch"]: c["to"] for c in history}
        complete = 0
        for code, wanted, answer, began, ended in replies:
            if code in (200, 202):
                self.assertEqual(modes[answer["epoch"]], answer["mode"], answer)
            if code == 200:
                complete += 1
                self.assertEqual(answer["mode"], wanted)
        self.say(f"{len(history)} changes, {complete} of {len(replies)} complete")
        self.assert_answers_fit(requests, modes, self.hosts)

    @staticmethod
    def settled_history(daemon):
        history = [c for c in daemon.history() if c.get("kind", "change") == "change" and c["epoch"] > 1]
        return history if daemon.mode() == (history[-1]["to"], history[-1]["epoch"]) else None

    def assert_answers_fit(self, requests, modes, hosts):
        """Every answer names a mode that its epoch had, and a write was refused exactly if no host has it."""
        arrived = {a.target for host in hosts for a in host.arrivals()}
        for one in requests:
            self.assertIsNotNone(one["answered"], one)
            if one["mode"]:
                mode, epoch = one["mode"].split("; epoch=")
                self.assertEqual(modes[int(epoch)], mode, one)
            if one["method"] in ("POST", "PUT"):
                self.assertIn(one["status"], (200, 503), one)
                self.assertEqual(f"/load/{one['id']}" in arrived, one["status"] == 200, one)

    def test_thousands_of_switches_leave_no_memory_and_no_descriptors_behind(self):
        daemon = self.salon(*self.pair())
        load = self.load(daemon, readers=2, writers=1, pause_ms=2)

        def switch(times):
            for i in range(times):
                code, answer = daemon.control("POST", "/v1/services/salon/mode", {"mode": ["backup-readonly", "primary"][i % 2]})
                self.assertEqual(code, 200, answer)

        def descriptors():
            return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))

        switch(200)
        before = daemon.resident_bytes(), descriptors()
        switch(1000)
        after = daemon.resident_bytes(), descriptors()
        self.say(f"memory and descriptors before {before}, after {after}")
        self.assertLess(after[0] - before[0], 24 << 20)
        self.assertLess(after[1] - before[1], 60)
        requests = load.stop()
        self.assertEqual([r for r in requests if r["method"] in ("GET", "HEAD") and r["status"] != 200], [])

    def test_wrong_questions_are_answered_and_change_nothing(self):
        daemon = self.salon(*self.pair())
        bodies = ["", "{", "[]", "null", "1", '"x"', "{}", '{"mode":1}', '{"mode":"open"}', '{"mode":"closed","verb":"close"}',
                  '{"mode":"closed","extra":1}', '{"mode":"closed","wait_ms":-1}', '{"mode":"closed","wait_ms":1e99}',
                  '{"mode":"closed","override":"x"}', '{"mode":"closed","override":["no-such-rule"]}',
                  '{"mode":"closed","until":"soon"}', '{"mode":"closed","until":"2001-01-01T00:00:00Z"}',
                  '{"mode":"closed","expect_epoch":"1"}', '{"mode":"closed","dry_run":1}', '{"mode":"closed","reason":7}',
                  "{" * 100000, '{"a":' * 5000, '{"mode":"closed\\u0000"}', "\xff\xfe"]
        for body in bodies:
            with Connection(daemon.control_path) as client:
                data = body.encode("latin-1")
                client.send(b"POST /v1/services/salon/mode HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                            b"Content-Length: %d\r\n\r\n" % len(data) + data)
                answer = client.read_response("POST")
            self.assertIn(answer.status, (400, 413), body[:60])
        for method, target, codes in (("GET", "/v1/nothing", (404,)), ("GET", "/", (200, 404)), ("DELETE", "/v1/status", (404, 405, 501)),
                                      ("GET", "/v1/services/nobody", (404,)), ("GET", "/v1/services/../status", (400, 404)),
                                      ("POST", "/v1/status", (404, 405)), ("GET", "/v1/services/salon/mode", (404, 405))):
            with self.subTest(method=method, target=target):
                self.assertIn(daemon.control(method, target)[0], codes)
        self.assertEqual(daemon.mode(), ("primary", 1))
        reason = 'a "quote", \\, a \n newline, ü and ' + "x" * 5000
        code, answer = daemon.control("POST", "/v1/services/salon/mode", {"mode": "backup-readonly", "reason": reason})
        self.assertEqual(code, 200, answer)
        daemon.restart()
        self.assertTrue(daemon.service()["reason"].startswith('a "quote", \\'), daemon.service()["reason"][:80])
        self.assertEqual(daemon.mode(), ("backup-readonly", 2))

    def test_over_tcp_it_may_be_read_by_anybody_here_and_changed_with_the_token(self):
        token = os.path.join(self.folder, "token")
        with open(token, "w", encoding="ascii") as file:
            file.write("a-token-of-this-test-0123456789\n")
        os.chmod(token, 0o600)
        daemon = self.salon(*self.pair(), extra=f'[admin]\naddress = "127.0.0.1:0"\ntoken_file = "{token}"')
        line = wait_for("the address of [admin] is logged", lambda: [x for x in daemon.log().splitlines() if "admin on" in x])[0]
        address = ("127.0.0.1", int(line.rsplit(":", 1)[1]))
        with Connection(address) as client:
            host = f"127.0.0.1:{address[1]}"
            self.assertEqual(client.ask("GET", "/v1/status", host=host).status, 200)
        body = b'{"mode":"backup-readonly"}'
        for fields, code in (({}, (401, 403)), ({"Authorization": "Bearer wrong-token-0123456789"}, (401, 403)),
                             ({"Authorization": "Bearer a-token-of-this-test-0123456789"}, (200,))):
            with Connection(address) as client:
                answer = client.ask("POST", "/v1/services/salon/mode", body, {"Content-Type": "application/json", **fields}, host=host)
                self.assertIn(answer.status, code, (fields, answer))
        self.assertEqual(daemon.mode(), ("backup-readonly", 2))
        self.assertIn("token", daemon.service()["actor"])
        with Connection(address) as client:
            self.assertGreaterEqual(client.ask("GET", "/v1/status", host="evil.example").status, 400, "a page of another origin may read it")


if __name__ == "__main__":
    main()
