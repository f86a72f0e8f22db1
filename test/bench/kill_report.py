#!/usr/bin/env python3
"""How many reads fail when the primary dies, or hangs, under load: halfdoor, HAProxy and nginx side by side.

Each peer stands in front of two hosts (nginx with a body of 100 bytes), with health checks and a backup as its manual proposes.
64 clients read over keep-alive connections; after a third of the time every process of the primary gets SIGKILL (dies) or SIGSTOP
(hangs). Counted are the reads that got no answer of 200, and those that took longer than 3 s or were still waiting at the end.
Nothing is asserted.

  scripts/bench --kill [--rounds N] [--seconds S] [--connections N]
"""
import argparse
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HALFDOOR_BINARY = ROOT / "build" / "release" / "halfdoor"
BODY = "0123456789" * 10
LATE_S = 3

HOST = """
worker_processes 1; daemon off; pid {dir}/{name}.pid; error_log {dir}/{name}.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {dir}/t; proxy_temp_path {dir}/t;
  fastcgi_temp_path {dir}/t; uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
  {body} }}
"""
ORIGIN = 'server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{body}"; }} }}'
NGINX = """
  upstream hosts {{ server 127.0.0.1:{primary} max_fails=3 fail_timeout=1s; server 127.0.0.1:{backup} backup; keepalive 256; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://hosts; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_connect_timeout 3s; proxy_next_upstream error timeout; }} }}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 3s
  timeout client 60s
  timeout server 60s
  option redispatch 1
  retries 3
  retry-on all-retryable-errors
frontend in
  bind 127.0.0.1:{port}
  default_backend hosts
backend hosts
  option httpchk GET /healthz
  default-server inter 1s fall 3 rise 2
  server a 127.0.0.1:{primary} check
  server b 127.0.0.1:{backup} check backup
"""
HALFDOOR = """
[server]
state_dir = "state"
[log]
access = "off"
[control]
socket = "control.sock"
[[listen]]
address = "127.0.0.1:{port}"
[[service]]
name = "bench"
primary.servers = ["127.0.0.1:{primary}"]
backup.servers = ["127.0.0.1:{backup}"]
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"bench: nothing listens on port {port}")


class Round:
    """Two hosts and a peer in front of them; everything ends with the block."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="halfdoor-kill-"))
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            for number in (signal.SIGCONT, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)
                except ProcessLookupError:
                    pass
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, command):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.running.append(process)
        return process

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return str(path)

    def nginx(self, name, body):
        return self.start(["nginx", "-c", self.file(f"{name}.conf", HOST.format(dir=self.dir, name=name, body=body))])

    def host(self, name):
        port = free_port()
        process = self.nginx(name, ORIGIN.format(port=port, body=BODY))
        wait_for(port)
        return process, port

    def peer(self, name, primary, backup):
        port = free_port()
        ports = {"port": port, "primary": primary, "backup": backup}
        if name == "nginx":
            self.nginx("peer", NGINX.format(**ports))
        elif name == "haproxy":
            self.start(["haproxy", "-db", "-f", self.file("haproxy.cfg", HAPROXY.format(**ports))])
        else:
            self.start([str(HALFDOOR_BINARY), "run", "-c", self.file("halfdoor.toml", HALFDOOR.format(**ports))])
        wait_for(port)
        return port


class Reader:
    """One client: one read after the other."""

    REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
    ANSWER = re.compile(rb"HTTP/1\.1 200 .*?\r\n\r\n" + BODY.encode(), re.DOTALL)

    def __init__(self, port, selector):
        self.port, self.selector = port, selector
        self.took, self.failed = [], 0
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), 5)
        self.socket.setblocking(False)
        self.selector.register(self.socket, selectors.EVENT_READ, self)
        self.send()

    def send(self):
        self.got, self.began = b"", time.monotonic()
        self.socket.send(self.REQUEST)

    def read(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionError:
            piece = b""
        self.got += piece
        is_whole = self.ANSWER.fullmatch(self.got) is not None
        if piece and not is_whole and self.got.startswith(b"HTTP/1.1 200"[:len(self.got)]):
            return
        self.took.append(time.monotonic() - self.began)
        self.failed += not is_whole
        if is_whole:
            self.send()
        else:
            self.selector.unregister(self.socket)
            self.socket.close()
            self.connect()


def read_for(port, seconds, connections, on_third):
    """(reads, failed or late, seconds of the slowest)"""
    selector = selectors.DefaultSelector()
    began = time.monotonic()
    readers = [Reader(port, selector) for _ in range(connections)]
    while (now := time.monotonic()) < began + seconds:
        if on_third and now > began + seconds / 3:
            on_third()
            on_third = None
        for key, _ in selector.select(0.05):
            key.data.read()
    waiting = [now - reader.began for reader in readers]
    took = [one for reader in readers for one in reader.took]
    late = sum(one > LATE_S for one in took + waiting)
    return len(took), late + sum(reader.failed for reader in readers), max(took + waiting)


def one_round(name, fault, seconds, connections):
    with Round() as one:
        primary, primary_port = one.host("primary")
        _, backup_port = one.host("backup")
        port = one.peer(name, primary_port, backup_port)
        time.sleep(2.5)  # the checks of every peer know both hosts
        return read_for(port, seconds, connections, lambda: os.killpg(primary.pid, fault))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=9)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    peers = [name for name in ("halfdoor", "haproxy", "nginx") if name == "halfdoor" or shutil.which(name)]
    print(f"{'':22}{'reads':>10}{'failed, or later than 3 s':>28}{'slowest answer':>18}")
    for fault, what in ((signal.SIGKILL, "primary dies"), (signal.SIGSTOP, "primary hangs")):
        for name in peers:
            for _ in range(options.rounds):
                reads, failed, slowest = one_round(name, fault, options.seconds, options.connections)
                print(f"{what:14} {name:8}{reads:>9}{failed:>28}{slowest:>16.2f} s", flush=True)


main()
