"""The faults of the network are what they say, on a host that is asked directly, and end when they are said to end."""

import socket

import network
from story import OperationsTest
from wire import Connection, Cut, request

PATIENCE_S = 0.3


class NetworkTest(OperationsTest):
    def setUp(self):
        super().setUp()
        self.network, self.one = network.Network(), self.host("primary")
        self.other = self.host("backup")

    def outcome(self, connection=None, host=None):
        """What becomes of a request: its status, "no connection", "refused", "reset" or "silence"."""
        try:
            connection = connection or Connection(("127.0.0.1", (host or self.one).port), PATIENCE_S)
        except TimeoutError:
            return "no connection"
        except ConnectionRefusedError:
            return "refused"
        try:
            connection.send(request("GET", "/look"))
            return connection.read_response().status
        except (socket.timeout, TimeoutError):
            return "silence"
        except (Cut, ConnectionError):
            return "reset"

    def brings(self, fault, to_new, to_old):
        with Connection(("127.0.0.1", self.one.port), PATIENCE_S) as old:
            self.assertEqual(self.outcome(old), 200)
            fault(self.one)
            for _ in range(2):
                self.assertIn(self.outcome(), to_new)
            self.assertIn(self.outcome(old), to_old)
            self.assertEqual(self.outcome(host=self.other), 200, "another host suffers")
        self.network.heal(self.one)
        old.socket.close()
        with Connection(("127.0.0.1", self.one.port), 20) as healed:
            self.assertEqual(self.outcome(healed), 200)

    def test_lost_connects_leave_connections_alone(self):
        self.brings(self.network.lose_connects, ["no connection"], [200])

    def test_a_pulled_cable_silences_all(self):
        self.brings(self.network.lose_everything, ["no connection"] if self.network.has_filter else ["silence"], ["silence"])

    def test_resets_at_requests_let_connections_come_about(self):
        self.brings(self.network.reset_requests, ["reset"], ["reset"])

    def test_resets_of_everything_refuse_connections_and_end_those_that_are_there(self):
        self.brings(self.network.reset_everything, ["refused"], ["reset"])


if __name__ == "__main__":
    network.main()
