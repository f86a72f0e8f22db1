"""Halfdoor: the release binary as a process, with a configuration of its own, driven as an operator would drive it.

The binary is named by HALFDOOR_BINARY. Everything that a daemon needs lies in one folder: halfdoor.toml, state/, the
control socket and the log (its stderr).
"""

import json
import os
import re
import signal
import socket
import subprocess
import time

from wire import Connection, ask, ask_json, wait_for

BINARY = os.environ.get("HALFDOOR_BINARY", "")


class Ran:
    """What a command did: exit `code`, `out`, `err`, and when it `began` and `ended` (time.monotonic())."""

    def __init__(self, arguments, code, out, err, began, ended):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err
        self.began, self.ended = began, ended

    def __repr__(self):
        took = (self.ended - self.began) * 1000
        text = (self.out + self.err).strip().replace("\n", "\n        ")
        return f"halfdoor {' '.join(self.arguments)} -> exit {self.code} after {took:.0f} ms\n        {text}"


class Running:
    """A command that has been started; wait() gives what it did."""

    def __init__(self, arguments, environment):
        self.arguments, self.began = arguments, time.monotonic()
        self.process = subprocess.Popen([BINARY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=environment)

    def wait(self, timeout=60):
        out, err = self.process.communicate(timeout=timeout)
        return Ran(self.arguments, self.process.returncode, out, err, self.began, time.monotonic())


def servers_line(servers):
    return json.dumps([server if isinstance(server, str) else server.address for server in servers])


def service_toml(primary, backup, name="salon", hosts=None, failover="", failback="", read_only="", health=""):
    """A [[service]] table. primary, backup: hosts (host.Host) or addresses. The rest: lines of its tables. A host that is
    dead is known to be within half a second, one that answers late is not taken for dead, however busy this machine is."""
    lines = ["[[service]]", f'name = "{name}"']
    if hosts:
        lines.append(f"hosts = {json.dumps(hosts)}")
    lines += [f"primary.servers = {servers_line(primary)}", f"backup.servers = {servers_line(backup)}"]
    given = {line.split("=")[0].strip() for line in health.splitlines()}
    quick = {"interval": '"100ms"', "timeout": '"10s"', "rise": "1"}
    lines += ["[service.health]", health, *(f"{key} = {value}" for key, value in quick.items() if key not in given)]
    lines += ["[service.failover]", failover, "[service.failback]"]
    lines += [failback if "minimum_stay" in failback else f'minimum_stay = "0s"\n{failback}']
    lines += ["[service.read_only]", read_only]
    return "\n".join(lines) + "\n"


class Halfdoor:
    """One daemon. `services`: text of its [[service]] tables. `extra`: further text, before them. `server`, `log`: lines of its
    [server] and [log] tables. `stdout`: where its standard output goes, if not to the log of the test. `environment`: further variables (LD_PRELOAD). It is not started by the constructor."""

    def __init__(self, folder, services, extra="", server="workers = 2", listen="", environment=None, state_dir=None,
                 log='access = "access.log"', stdout=None):
        self.folder = folder
        self.services, self.extra, self.server, self.listen = services, extra, server, listen
        self.log_settings, self.stdout = log, stdout
        self.access_path = os.path.join(folder, "access.log")
        self.kills = 0
        self.state_dir = state_dir or os.path.join(folder, "state")
        self.control_path = os.path.join(folder, "control.sock")
        self.config_path = os.path.join(folder, "halfdoor.toml")
        self.log_path = os.path.join(folder, "halfdoor.log")
        self.environment = {**os.environ, "ASAN_OPTIONS": "verify_asan_link_order=0:quarantine_size_mb=4", **(environment or {})}
        self.prefix = []  # a command in front, which becomes halfdoor
        self.port = 0
        self.process = None
        self.reserved = None
        self.may_end = False
        self.log_begin = 0

    # Its life.

    def write_config(self):
        text = f"""
[server]
state_dir = "{self.state_dir}"
{self.server}
[log]
level = "info"
{self.log_settings}
[control]
socket = "{self.control_path}"
{self.extra}
[[listen]]
address = "127.0.0.1:{self.port}"
{self.listen}
{self.services}"""
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(text)

    def start(self, wait=True):
        """Starts it; with `wait` returns once it serves and answers. Later starts use the same port."""
        self.write_config()
        self.check_alive()
        self.may_end = not wait
        self.log_begin = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, BINARY, "run", "-c", self.config_path], stdin=subprocess.DEVNULL,
                                            stdout=self.stdout or log, stderr=log, env=self.environment)
        if wait:
            self.wait_until_serving()
        return self

    def wait_until_serving(self):
        def port():
            if self.process.poll() is not None:
                raise AssertionError(f"halfdoor ended with {self.process.returncode}:\n{self.log()}")
            found = re.search(r"listening on 127\.0\.0\.1:(\d+)", self.log())
            return found and int(found.group(1))

        self.port = wait_for("a line \"listening on 127.0.0.1:PORT\" in the log of halfdoor", port, every=0.005)
        if self.reserved is None:
            # Bound but not listening: nobody else gets the port while halfdoor is down.
            self.reserved = socket.socket()
            self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self.reserved.bind(("127.0.0.1", self.port))
        wait_for("an answer on the control socket", self._answers, every=0.005)

    def _answers(self):
        try:
            return ask_json(self.control_path, "GET", "/v1/status")[0] == 200
        except OSError:
            return False

    def kill9(self):
        self.check_alive()
        self.may_end = True
        self.kills += 1
        self.process.kill()
        self.process.wait()

    def check_alive(self):
        """Fails if it has ended though nobody had told it to."""
        if self.process is not None and not self.may_end and self.process.poll() is not None:
            raise AssertionError(f"halfdoor ended by itself, with {self.process.returncode}:\n{self.log()[-4000:]}")

    def complaints(self):
        """Lines of the log that no test may cause."""
        signs = ("internal error", "defect of halfdoor", "Sanitizer", "runtime error:")
        return [line for line in self.log(whole=True).splitlines() if any(sign in line for sign in signs)]

    def signal(self, number):
        if number in (signal.SIGTERM, signal.SIGINT):
            self.may_end = True
        self.process.send_signal(number)

    def stop(self, timeout=20):
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def restart(self):
        self.kill9()
        return self.start()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def close(self):
        """Ends it. Fails if it had ended by itself or complains."""
        try:
            if self.process is not None:
                self.kill9()
            complaints = self.complaints()
            assert not complaints, "the log of halfdoor has: " + "\n".join(complaints)
        finally:
            if self.reserved is not None:
                self.reserved.close()
                self.reserved = None

    def log(self, whole=False):
        """What it has logged since the last start."""
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                file.seek(0 if whole else self.log_begin)
                return file.read()
        except FileNotFoundError:
            return ""

    def access_log(self, path=None):
        """The whole lines of the access log so far. A kill -9 may tear the line that is being written, once each."""
        try:
            with open(path or self.access_path, encoding="utf-8") as file:
                lines = file.read().split("\n")[:-1]
        except FileNotFoundError:
            return []
        parsed, torn = [], []
        for line in lines:
            try:
                parsed.append(json.loads(line))
            except ValueError:
                torn.append(line)
        assert len(torn) <= self.kills, f"lines of the access log that are not JSON: {torn[:3]}"
        return parsed

    # The operator's side.

    def begin(self, *arguments, socket_path=None):
        """Starts a command without waiting for it."""
        environment = {**os.environ, "HALFDOOR_SOCKET": socket_path or self.control_path}
        return Running([str(a) for a in arguments], environment)

    def cli(self, *arguments, timeout=60, socket_path=None):
        return self.begin(*arguments, socket_path=socket_path).wait(timeout)

    def control(self, method, target, body=None, timeout=60):
        return ask_json(self.control_path, method, target, body, timeout)

    def status(self):
        code, status = self.control("GET", "/v1/status")
        assert code == 200, (code, status)
        return status

    def service(self, name="salon"):
        return next(s for s in self.status()["services"] if s["name"] == name)

    def mode(self, name="salon"):
        """(mode, epoch)"""
        service = self.service(name)
        return service["mode"], service["epoch"]

    def history(self, name="salon"):
        return self.control("GET", f"/v1/services/{name}/history")[1]["changes"]

    def uncertain(self, name="salon"):
        return self.control("GET", f"/v1/services/{name}/uncertain")[1]["writes"]

    def exchanges(self):
        return self.control("GET", "/v1/exchanges")[1]["exchanges"]

    def metric(self, name):
        """The sum of all samples of a metric."""
        text = ask(self.control_path, "GET", "/metrics").text
        values = [line.rsplit(" ", 1)[1] for line in text.splitlines() if re.match(re.escape(name) + r"[{ ]", line)]
        if not values:
            raise AssertionError(f"/metrics has no {name}:\n{text}")
        return sum(float(value) for value in values)

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024

    # The client's side.

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def connect(self, timeout=20.0, receive_buffer=None):
        return Connection(self.address, timeout, receive_buffer)

    def ask(self, method, target, body=None, fields=None, host="salon.test", timeout=20.0):
        return ask(self.address, method, target, body, fields, host, timeout)
