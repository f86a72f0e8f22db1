"""A name server for tests: UDP and TCP on one port of 127.0.0.1, which answers as it is told, or does not.

    dns = DnsServer()
    dns.put("app.test", a=["127.0.0.2"], aaaa=["::1"], ttl=1)
    dns.trouble = "hang"      # or "garbage", "servfail", "liar" (answers to nobody's question), None
    dns.die(); dns.revive()   # the port is closed: questions are refused

Only the Python standard library; queries and answers as RFC 1035 has them.
"""

import socket
import struct
import threading
import time

A, CNAME, AAAA = 1, 5, 28
LARGEST_UDP = 512
LOOK_EVERY = 0.02  # seconds: whether it is to end


def read_question(packet):
    """The name in lower case, its type, and the bytes of the question."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    kind = struct.unpack(">H", packet[at + 1:at + 3])[0]
    return ".".join(labels), kind, packet[12:at + 5]


def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def encode_record(name, kind, ttl, data):
    return encode_name(name) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


class DnsServer:
    def __init__(self):
        self.lock = threading.Lock()
        self.names = {}
        self.trouble = None
        self.asked = []  # (time.monotonic(), name, type, "udp" or "tcp")
        self.port = 0
        self.threads = []
        self.is_alive = False
        self.revive()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def put(self, name, a=(), aaaa=(), cname=None, ttl=1):
        """From now on this is what the name stands for."""
        with self.lock:
            self.names[name] = {"a": list(a), "aaaa": list(aaaa), "cname": cname, "ttl": ttl}

    def remove(self, name):
        """No such name (NXDOMAIN)."""
        with self.lock:
            del self.names[name]

    def questions(self, name=None):
        with self.lock:
            return [asked for asked in self.asked if name in (None, asked[1])]

    def die(self):
        """Returns once the port is closed; connections that are open end without an answer."""
        self.is_alive = False
        for thread in self.threads:
            thread.join()
        self.threads = []

    def revive(self):
        ends = time.monotonic() + 10
        while True:
            stream = socket.socket()
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            datagrams = socket.socket(type=socket.SOCK_DGRAM)
            try:
                stream.bind(("127.0.0.1", self.port))
                datagrams.bind(stream.getsockname())
                break
            except OSError:
                stream.close()
                datagrams.close()
                if time.monotonic() > ends:
                    raise
                time.sleep(0.05)
        stream.listen(64)
        self.port = stream.getsockname()[1]
        self.is_alive = True
        self.threads = [threading.Thread(target=self._serve_datagrams, args=(datagrams,), daemon=True),
                        threading.Thread(target=self._serve_streams, args=(stream,), daemon=True)]
        for thread in self.threads:
            thread.start()

    def close(self):
        self.die()

    # How it answers.

    def _serve_datagrams(self, datagrams):
        datagrams.settimeout(LOOK_EVERY)
        with datagrams:
            while self.is_alive:
                try:
                    packet, sender = datagrams.recvfrom(4096)
                    answer = self._answer(packet, "udp")
                    if answer is not None:
                        datagrams.sendto(answer, sender)
                except OSError:
                    pass  # nothing came, or who asked is gone

    def _serve_streams(self, stream):
        stream.settimeout(LOOK_EVERY)
        with stream:
            while self.is_alive:
                try:
                    connection, _ = stream.accept()
                except OSError:
                    continue
                threading.Thread(target=self._serve_stream, args=(connection,), daemon=True).start()

    def _serve_stream(self, connection):
        connection.settimeout(10)
        with connection:
            try:
                while self.is_alive:
                    size = connection.recv(2, socket.MSG_WAITALL)
                    if len(size) < 2:
                        return
                    packet = connection.recv(struct.unpack(">H", size)[0], socket.MSG_WAITALL)
                    answer = self._answer(packet, "tcp")
                    if answer is not None:
                        connection.sendall(struct.pack(">H", len(answer)) + answer)
            except OSError:
                return

    def _answer(self, packet, transport):
        name, kind, question = read_question(packet)
        with self.lock:
            self.asked.append((time.monotonic(), name, kind, transport))
            known, trouble = self.names.get(name), self.trouble
            records = self._records(name, kind)
        number = packet[:2]
        if trouble == "hang":
            return None
        if trouble == "garbage":
            return number + b"\x81\x80" + b"\xff" * 300
        if trouble == "liar":
            number = bytes([number[0] ^ 0x55, number[1]])
        code = 2 if trouble == "servfail" else 0 if known else 3
        if code:
            records = []
        body = question + b"".join(records)
        if transport == "udp" and len(body) + 12 > LARGEST_UDP:
            return number + struct.pack(">HHHHH", 0x8380 | code, 1, 0, 0, 0) + question
        return number + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0) + body

    def _records(self, name, kind):
        records = []
        for _ in range(20):
            known = self.names.get(name)
            if known is None:
                return records
            if known["cname"] is None:
                family = {A: ("a", socket.AF_INET), AAAA: ("aaaa", socket.AF_INET6)}.get(kind)
                if family is not None:
                    records += [encode_record(name, kind, known["ttl"], socket.inet_pton(family[1], text))
                                for text in known[family[0]]]
                return records
            records.append(encode_record(name, CNAME, known["ttl"], encode_name(known["cname"])))
            name = known["cname"]
        return records
