"""Load: clients in a process of their own that send a bounded stream of requests and write down each of them.

    python3 load.py '{"port": 1, "log": "FILE", "readers": 2, "writers": 2, "seconds": 60, "pause_ms": 5}'

Each client has a keep-alive connection and sends one request after another: readers GET and HEAD, writers POST and PUT, each
for a target of its own, /load/ID; "denied" ones GET /denied/ID. Stops when its stdin is closed, or after `seconds`. A request
is a line of the log:

    {id, target, method, client, sent, answered, ended, status, mode, served_by, host, request_id, retry_after, error, begun, body}

sent: just before its first byte was given to the kernel (CLOCK_MONOTONIC). answered: when the whole response had been read,
or null; error says why then, and begun whether a byte of a response had come. ended: when either was known. mode: the
Halfdoor-Mode field, or null. body: its first 200 characters.
"""

import json
import os
import subprocess
import sys
import threading
import time

from wire import Connection, Cut, request

BODY = b"customer=Anna&time=10%3A00&comment=" + b"x" * 200


class Client(threading.Thread):
    def __init__(self, plan, kind, number, stop, log):
        super().__init__(daemon=True)
        self.plan, self.kind, self.number, self.stop, self.log = plan, kind, number, stop, log
        self.methods = {"r": ["GET", "GET", "GET", "HEAD"], "w": ["POST", "POST", "POST", "PUT"], "d": ["GET"] * 4}[kind]
        self.folder = "denied" if kind == "d" else "load"
        self.connection = None

    def run(self):
        count = 0
        while not self.stop.is_set():
            self.send_one(f"{self.plan.get('prefix', '')}{self.kind}{self.number}-{count}", self.methods[count % 4])
            count += 1
            self.stop.wait(self.plan.get("pause_ms", 5) / 1000)

    def send_one(self, name, method):
        record = {"id": name, "target": f"/{self.folder}/{name}", "method": method, "client": f"{self.kind}{self.number}",
                  "answered": None, "status": None, "mode": None, "served_by": None, "host": None, "request_id": None,
                  "retry_after": None, "error": None, "begun": False, "body": ""}
        record["sent"] = time.monotonic()
        before = 0
        try:
            if self.connection is None:
                self.connection = Connection(("127.0.0.1", self.plan["port"]), timeout=self.plan.get("timeout", 30))
            body = BODY if self.kind == "w" else None
            before = self.connection.received
            record["sent"] = time.monotonic()
            self.connection.send(request(method, record["target"], body))
            response = self.connection.read_response(method)
            record.update(answered=time.monotonic(), status=response.status, mode=response.field("Halfdoor-Mode"),
                          served_by=response.field("Halfdoor-Served-By"), host=response.field("X-Host"),
                          request_id=response.field("X-Request-Id"), retry_after=response.field("Retry-After"), body=response.text[:200])
            if response.closes:
                self.drop()
        except (Cut, OSError) as error:
            record.update(error=f"{type(error).__name__}: {error}", begun=self.connection is not None and self.connection.received > before)
            self.drop()
            self.stop.wait(0.02)
        record["ended"] = record["answered"] or time.monotonic()
        self.log(record)

    def drop(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def main():
    plan = json.loads(sys.argv[1])
    descriptor = os.open(plan["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def log(record):
        os.write(descriptor, (json.dumps(record) + "\n").encode())

    stop = threading.Event()
    clients = [Client(plan, kind, number, stop, log)
               for kind, count in (("r", plan.get("readers", 2)), ("w", plan.get("writers", 2)), ("d", plan.get("denied", 0)))
               for number in range(count)]
    for client in clients:
        client.start()
    print("started", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    stop.wait(plan.get("seconds", 60))
    stop.set()
    for client in clients:
        client.join(plan.get("timeout", 30) + 5)
    os._exit(0)


class Load:
    """A running load; stop() ends it and returns the records of all its requests."""

    def __init__(self, folder, port, name="load", **plan):
        self.log_path = os.path.join(folder, f"{name}.jsonl")
        plan = {"port": port, "log": self.log_path, **plan}
        self.process = subprocess.Popen([sys.executable, "-S", os.path.abspath(__file__), json.dumps(plan)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def records(self):
        try:
            with open(self.log_path, encoding="utf-8") as log:
                # The last line may still be on its way.
                return [json.loads(line) for line in log.read().split("\n")[:-1]]
        except FileNotFoundError:
            return []

    def answered(self, status=None):
        return [r for r in self.records() if r["answered"] and status in (None, r["status"])]

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(70)
        finally:
            self.close()
        return self.records()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


if __name__ == "__main__":
    main()
