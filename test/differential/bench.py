"""One halfdoor with its clients, its hosts and the foreign readers: plays a batch of cases and says what was wrong."""

import collections
import os
import random
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "operations"))

import hostile_requests  # noqa: E402
import hostile_responses  # noqa: E402
from compare_requests import (Mismatch, NGINX_METHOD, NOT_FOR_NODE, ONCE_FOR_NGINX, as_nginx_passes_on,  # noqa: E402
                              compare_answers, compare_readings, compare_with_meaning, smoothed)
from compare_responses import compare_client, compare_reading, pieces_of  # noqa: E402
from curl_reader import CurlReader  # noqa: E402
import always_healthy  # noqa: E402
from daemon import Halfdoor, service_toml  # noqa: E402
from engine import GREETING, Engine, read_responses  # noqa: E402
from readers import NginxReader, NodeReader, PythonReader  # noqa: E402

SAFE = (b"GET", b"HEAD", b"OPTIONS")
EVERY_FOURTH = 4


def make_case(seed, number):
    """Three of four cases are hostile clients, the fourth is a hostile host."""
    chance = random.Random(f"{seed}/{number}")
    if number % EVERY_FOURTH == EVERY_FOURTH - 1:
        return hostile_responses.make(chance)
    return hostile_requests.make(chance)


def is_about_responses(case):
    return isinstance(case, hostile_responses.Case)


class Bench:
    def __init__(self, folder):
        self.engine = Engine(("open", "frozen", "backup"))
        address = {name: f"127.0.0.1:{port}" for name, port in self.engine.ports.items()}
        self.unused = socket.socket()  # bound, so that nobody else gets it, but not listening
        self.unused.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{self.unused.getsockname()[1]}"
        health = f"port = {always_healthy.start()}"  # hosts are asked what is hostile only
        reads_stay = "read_fallback = false"
        services = service_toml([address["open"]], [address["backup"]], name="open", failover=reads_stay, health=health)
        services += service_toml([address["frozen"]], [nobody], name="frozen", hosts=["frozen.test"], failover=reads_stay,
                                 health=health)
        self.halfdoor = Halfdoor(folder, services, server="workers = 1")
        self.readers = []
        try:
            self.halfdoor.start()
            frozen = self.halfdoor.cli("freeze", "frozen", "--reason", "differential test")
            assert frozen.code == 0, frozen
            self.engine.halfdoor_address = self.halfdoor.address
            self.python = PythonReader()
            self.node, self.nginx, self.curl = NodeReader(), NginxReader(), CurlReader()
            self.readers = [self.node, self.nginx, self.curl]
        except BaseException:
            self.close()
            raise
        self.counts = collections.Counter()
        self.tunnels = {}  # of the present batch: number of a case -> what came through its tunnel

    def close(self):
        for reader in self.readers:
            reader.close()
        self.halfdoor.close()
        self.unused.close()

    def play(self, cases):
        """Returns (mismatches, {number: lane}, {number: [requests that hosts got of it]})."""
        # Hosts that end connections at will would have others' requests sent again.
        about_requests = {number: case for number, case in cases.items() if not is_about_responses(case)}
        lanes, connections = self.engine.run(about_requests)
        of_hosts, more = self.engine.run({number: case for number, case in cases.items() if number not in about_requests})
        lanes.update(of_hosts)
        connections += more
        forwarded = collections.defaultdict(list)
        for connection in connections:
            for request in connection.stream.messages:
                forwarded[request.case].append(request)
        self.tunnels = {c.tunnel_case: bytes(c.stream.tunnel) for c in connections if c.stream.tunnel is not None}
        self.counts["tunnels"] += len(self.tunnels)
        mismatches = [mismatch for connection in connections for mismatch in self.look_at_connection(connection)]
        mismatches += [Mismatch(None, f"requests of nobody: {forwarded[number]}") for number in forwarded if number not in lanes]
        pieces = []
        for number, lane in lanes.items():
            requests = sorted(forwarded[number], key=lambda request: request.seen)
            wrong = self.look_at_host_case(lane, requests, pieces) if is_about_responses(lane.case) else self.look_at_client_case(lane, requests)
            if wrong:
                mismatches.append(Mismatch(number, wrong))
        mismatches += self.ask_about_requests([c for c in connections if c.raw and not c.stream.refused])
        mismatches += self.ask_about_responses(pieces)
        return mismatches, lanes, forwarded

    def look_at_connection(self, connection):
        """What is wrong with what halfdoor sent on one connection, whoever asked for it."""
        tail = f"\n  {bytes(connection.raw[-600:])!r}"
        last = connection.stream.messages[-1].case if connection.stream.messages else None
        if connection.how == "hanging":
            yield Mismatch(last, f"halfdoor left a request hanging:{tail}")
        if connection.stream.refused:
            yield Mismatch(last, f"the strict reader refuses what halfdoor sent: {connection.stream.refused}{tail}")
        elif connection.stream.message is None and connection.stream.buffer:
            yield Mismatch(last, f"halfdoor sent a part of a head:{tail}")
        for request in connection.stream.messages:
            self.counts["forwarded"] += request.complete
            if connection.name == b"frozen" and (request.method not in SAFE or request.body_bytes or request.framing == "chunked"):
                yield Mismatch(request.case, f"a write reached a side that takes none: {request}")
            if connection.name == b"backup":
                yield Mismatch(request.case, f"a request reached the backup: {request}")

    def look_at_client_case(self, lane, requests):
        meanings, wrong = compare_with_meaning(lane, requests, self.tunnels.get(lane.number))
        self.counts["requests"] += len(meanings)
        for meaning in meanings:
            self.counts[meaning.verdict] += 1
        responses = read_responses(lane.got, [m.method for m in meanings])
        if responses.tunnel is not None and not wrong and not responses.tunnel.startswith(GREETING):
            wrong = f"the host's first words in the tunnel came as {bytes(responses.tunnel)!r}"
        return wrong or compare_answers(lane, meanings, requests, responses)

    def look_at_host_case(self, lane, requests, pieces):
        stream = read_responses(lane.got, [method for method, _ in lane.case.asked])
        if lane.how == "eof":
            stream.finish()
        self.counts["responses"] += len(lane.case.asked)
        wrong = compare_client(lane, stream, {r.target for r in requests if r.complete and not r.is_late})
        if not stream.refused:
            pieces += pieces_of(lane, stream)
        return wrong

    def ask_about_requests(self, connections):
        """The foreign readers as hosts."""
        node = [smoothed(c, lambda method: method in self.node.methods, True, never=NOT_FOR_NODE) for c in connections]
        nginx = [smoothed(c, NGINX_METHOD.match, False, once=ONCE_FOR_NGINX) for c in connections]
        python = [smoothed(c, lambda _: True, True) for c in connections]
        for given, found, smooth in ((node, self.node.read_requests([data for data, _ in node]), None),
                                     (python, [self.python.read_requests(data) for data, _ in python], None),
                                     (nginx, self.nginx.read_requests([data for data, _ in nginx]), as_nginx_passes_on)):
            reader = "node" if given is node else "python" if given is python else "nginx"
            for connection, (_, expected), readings in zip(connections, given, found):
                self.counts[f"{reader} requests"] += sum(1 for reading in readings if reading.complete)
                if smooth:
                    expected, readings = [smooth(r) for r in expected], [smooth(r) for r in readings]
                mismatch = compare_readings(reader, connection, expected, readings)
                if mismatch is not None:
                    mismatch.text += f"\n  in the connection: {bytes(connection.raw)!r}"
                    yield mismatch

    def ask_about_responses(self, pieces):
        """The foreign readers as clients."""
        given = [(piece.method, piece.data) for piece in pieces]
        found = {"node": self.node.read_responses(given), "curl": self.curl.read_responses(given) if given else [],
                 "python": [self.python.read_response(data, method)[:2] for method, data in given]}
        for reader, answers in found.items():
            for piece, (interim, reading) in zip(pieces, answers):
                self.counts[f"{reader} responses"] += reading.complete
                mismatch = compare_reading(reader, piece, interim, reading)
                if mismatch is not None:
                    yield mismatch
