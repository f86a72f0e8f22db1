"""A network of the test's own, and the faults in it that no process can play: lost packets and resets.

main() runs the tests of a file in a network namespace that has nothing but a loopback device, with nftables where they can be
had. Where the kernel or a sandbox does not let us, the hosts play the faults as well as they can; which it is, is printed.
Nothing outside the namespace is ever touched: without one there is no rule.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import unittest

INSIDE = "HALFDOOR_OPERATIONS_NETWORK"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
LONGER_THAN_A_HANDSHAKE = 80  # bytes of a packet: every request is


def is_own():
    return os.environ.get(INSIDE) == "own"


def enter():
    """Starts this program again in a network namespace of its own, if there can be one."""
    for options in (["-n"], ["-rn"]):
        tried = subprocess.run(["unshare", *options, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False) \
            if shutil.which("unshare") else None
        if tried is not None and tried.returncode == 0:
            os.environ[INSIDE] = "own"
            os.execvp("unshare", ["unshare", *options, sys.executable, "-B", *sys.argv])
    os.environ[INSIDE] = "shared"


def bring_loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def main():
    if INSIDE not in os.environ:
        enter()
    if is_own():
        bring_loopback_up()
    print(f"faults of the network are made by {Network().means}", file=sys.stderr, flush=True)
    unittest.main(verbosity=2, catchbreak=True, warnings="ignore")


class Network:
    """The faults between halfdoor and hosts. Each lasts until heal()."""

    def __init__(self):
        self.rules, self.undo = {}, {}
        self.has_filter = is_own() and shutil.which("nft") is not None and self.load([])
        self.means = "nftables in a network namespace of its own" if self.has_filter else \
            "the hosts themselves (no namespace or no nftables here)"

    def load(self, rules):
        chain = "table inet halfdoor { chain in { type filter hook input priority 0;\n" + "\n".join(rules) + "\n}\n}\n"
        ran = subprocess.run(["nft", "-f", "-"], input="table inet halfdoor\ndelete table inet halfdoor\n" + chain, text=True,
                             capture_output=True, check=False)
        if ran.returncode != 0 and rules:
            raise AssertionError(f"nft refuses {rules}: {ran.stderr}")
        return ran.returncode == 0

    def filter(self, host, *rules):
        self.rules[host.name] = [rule.format(port=host.port) for rule in rules]
        self.load([rule for of_host in self.rules.values() for rule in of_host])

    def lose_connects(self, host):
        """Nobody hears a SYN; connections that are there go on."""
        if self.has_filter:
            self.filter(host, "tcp dport {port} tcp flags & (syn | ack) == syn drop")
        else:
            self.play(host, host.be_deaf, host.listen_again)

    def lose_everything(self, host):
        """As if its cable had been pulled."""
        if self.has_filter:
            self.filter(host, "tcp dport {port} drop", "tcp sport {port} drop")
        else:
            self.play(host, host.freeze, host.thaw)

    def reset_requests(self, host):
        """Connections come about, and are reset as soon as a request is sent; the host never sees it."""
        if self.has_filter:
            self.filter(host, f"tcp dport {{port}} meta length > {LONGER_THAN_A_HANDSHAKE} reject with tcp reset")
        else:
            before = {path: host.plans.get(path, {}) for path in ("*", "/healthz")}
            self.play(host, lambda: [host.plan(path, then="reset") for path in before],
                      lambda: [host.plan(path, **plan) for path, plan in before.items()])

    def reset_everything(self, host):
        if self.has_filter:
            self.filter(host, "tcp dport {port} reject with tcp reset")
        else:
            self.play(host, host.stop_listening, host.listen_again)

    def play(self, host, begin, end):
        begin()
        self.undo[host.name] = end

    def heal(self, host):
        if self.has_filter:
            self.filter(host)
        else:
            self.undo.pop(host.name)()
