"""limits.memory, and a system without memory: requests are refused, nobody is aborted, operators get in, it recovers."""

import re
import resource

from overload import Crowd, OverloadTest
from story import main
from wire import Cut, request, wait_for


class MemoryTest(OverloadTest):
    def test_too_little_for_the_workers_is_said_at_the_start(self):
        daemon = self.salon(self.primary, self.backup, start=False, server="workers = 4",
                            extra='[limits]\nmemory = "15MiB"\n')
        daemon.start(wait=False)
        self.assertEqual(daemon.process.wait(20), 1)
        self.assertIn("limits.memory: 15 MiB for 4 workers is too little", daemon.log())

    def flood(self, daemon):
        """Clients that ask for much and read nothing."""
        # More than the kernel takes for a client that does not read.
        self.primary.plan("/large", body_bytes=32 << 20)
        return Crowd(daemon.address, 1200, request("GET", "/large"), receive_buffer=4096)

    def assert_operable(self, daemon):
        self.run_cli(daemon, "status")
        self.run_cli(daemon, "freeze")
        self.run_cli(daemon, "thaw")
        self.assertFalse(daemon.service()["not_persisted"])

    def test_clients_that_do_not_read_are_bounded_by_the_budget(self):
        daemon = self.serve(limits='memory = "8MiB"', timeouts='client_write = "5s"')
        before = daemon.resident_bytes()
        with self.flood(daemon):
            wait_for("requests are refused", lambda: daemon.metric("halfdoor_refused_for_memory_total") +
                     daemon.metric("halfdoor_connections_refused_total") > 0)
            most = 0
            for _ in range(20):
                most = max(most, daemon.metric("halfdoor_memory_held_bytes"))
            self.assertLess(most, 16 << 20)
            self.assertLess(daemon.resident_bytes() - before, 40 << 20)
            self.assert_operable(daemon)
        self.assert_recovers(daemon)

    def test_requests_over_the_budget_are_answered_503_and_closed(self):
        daemon = self.serve(limits='memory = "8MiB"', server="workers = 1")
        with daemon.connect() as kept, self.flood(daemon):
            wait_for("the budget is used up", lambda: daemon.metric("halfdoor_memory_held_bytes") > 8 << 20)

            def refused():
                with daemon.connect() as client:
                    client.send(request("GET", "/one-more"))
                    try:
                        response = client.read_response()
                    except Cut:
                        return False
                    return (response.status, response.closes) == (503, True)

            wait_for("one reads why it is refused", refused)
        self.assert_recovers(daemon)

    def test_a_system_without_memory_does_not_end_it(self):
        daemon = self.serve(timeouts='client_write = "5s"', server="workers = 1")

        def data():
            with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
                return int(re.search(r"VmData:\s+(\d+) kB", file.read()).group(1)) << 10

        # Not the address space: malloc has much of that in advance.
        before = resource.prlimit(daemon.process.pid, resource.RLIMIT_DATA)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_DATA, (data() + (1 << 20), before[1]))
        try:
            with self.flood(daemon):
                wait_for("an allocation has failed", lambda: "no memory left" in daemon.log(), 30)
                daemon.check_alive()
                self.assert_operable(daemon)
        finally:
            resource.prlimit(daemon.process.pid, resource.RLIMIT_DATA, before)
        self.assert_recovers(daemon)


if __name__ == "__main__":
    main()
