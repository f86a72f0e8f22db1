"""Host: a test host as a process: scripted, killed, frozen and read by a test. What it does: host_server.py."""

import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Arrival:
    """One request as a host saw it. Times are time.monotonic() of any process of this machine; None: never.

    first, head: when its first byte, and the end of its head, were read. last: the newest byte of it.
    complete: whether its end came. answered: when the answer was written. how: "eof" or "reset" if it was cut.
    """

    def __init__(self, host, event):
        self.host = host
        self.conn, self.n = event["conn"], event["n"]
        self.method, self.target, self.id = event["method"], event["target"], event["id"]
        self.raw = event["raw"]
        self.first, self.head, self.last = event["first"], event["t"], event["t"]
        self.bytes, self.complete, self.answered, self.how = 0, False, None, None
        self.extra = []

    def __repr__(self):
        state = "complete" if self.complete else f"cut ({self.how})" if self.how else "incomplete"
        return (f"{self.host} conn {self.conn} #{self.n} {self.method} {self.target} id={self.id} "
                f"body={self.bytes} {state} first={self.first:.3f} last={self.last:.3f}")


class Host:
    """Starts listening on `ip` (127.0.0.1) at once; `address` is "127.0.0.1:PORT" and stays the same over restarts."""

    def __init__(self, name, folder, port=0, receive_buffer=0, ip="127.0.0.1"):
        self.name = name
        self.log_path = os.path.join(folder, f"host-{name}.jsonl")
        self.receive_buffer = receive_buffer
        self.ip = ip
        self.plans = {}
        self.process = None
        self.port = port
        self.start_process()

    @property
    def address(self):
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"

    def start_process(self):
        """Starts, or after kill() starts again on the same port, with the same plans."""
        self.process = subprocess.Popen(
            [sys.executable, "-S", os.path.join(HERE, "host_server.py"), self.name, self.log_path, str(self.port),
             str(self.receive_buffer), self.ip], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        if not first:
            raise RuntimeError(f"host {self.name} did not start on port {self.port}")
        self.port = json.loads(first)["port"]
        for path, plan in self.plans.items():
            self._tell({"plan": path, "as": plan})

    def _tell(self, order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        if not self.process.stdout.readline():
            raise RuntimeError(f"host {self.name} is gone")

    def plan(self, path, **plan):
        self.plans[path] = plan
        self._tell({"plan": path, "as": plan})

    def health(self, how):
        """How checks of health end from now on: "healthy", "unhealthy", "hanging", "closing"."""
        self.plan("/healthz", **{"healthy": {}, "unhealthy": {"status": 503}, "hanging": {"then": "hang"},
                                 "closing": {"then": "close"}}[how])

    def open(self, gate):
        self._tell({"open": gate})

    def stop_listening(self):
        """Connections are reset, new ones refused."""
        self._tell({"stop": True})

    def listen_again(self):
        self._tell({"start": True})

    def be_deaf(self):
        """New connections are neither taken nor refused; those that are there go on."""
        self._tell({"deaf": True})

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """kill -9; returns once it is gone."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def close(self):
        """Ends it. Fails if anything reached it that a strict reader of requests refuses."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process is not None:
            self.process.stdin.close()
            self.process.stdout.close()
        refused = self.events("refused")
        assert not refused, f"a strict host refuses what reached {self.name}: {refused[:3]}"

    def events(self, kind=""):
        """The whole log so far, oldest first; of one kind, if it is named."""
        try:
            with open(self.log_path, encoding="utf-8") as log:
                # The last line may still be on its way.
                lines = log.read().split("\n")[:-1]
                return [json.loads(line) for line in lines if not kind or f'"e": "{kind}"' in line]
        except FileNotFoundError:
            return []

    def arrivals(self):
        """Every request that ever reached it, in the order of its heads."""
        return arrivals_of(self.name, self.events())

    def arrival(self, target):
        """The only request for `target`, or None; more than one is an error."""
        found = [a for a in self.arrivals() if a.target == target]
        if len(found) > 1:
            raise AssertionError(f"{target} reached {self.name} {len(found)} times: {found}")
        return found[0] if found else None


def arrivals_of(name, events):
    """The requests of a host's log. A restarted host counts its connections anew: a new head replaces the old one."""
    arrivals, open_ones = [], {}
    for event in events:
        if event["e"] == "head":
            arrival = Arrival(name, event)
            arrivals.append(arrival)
            open_ones[event["conn"], event["n"]] = arrival
            continue
        arrival = open_ones.get((event["conn"], event.get("n")))
        if arrival is None:
            continue
        if event["e"] in ("body", "end", "cut"):
            arrival.bytes = max(arrival.bytes, event["bytes"])
            if not (event["e"] == "cut" and event["complete"]):
                arrival.last = max(arrival.last, event["last"])
        if event["e"] == "end":
            arrival.complete = True
        elif event["e"] == "answer":
            arrival.answered = event["t"]
        elif event["e"] == "extra":
            arrival.extra.append(event["raw"])
        elif event["e"] == "cut" and arrival.answered is None:
            arrival.how = event["how"]
    return arrivals
