"""Exchanges that are cut half way, by the switch, by the client or by the server: nobody takes a part for the whole."""

from story import OperationsTest, main
from wire import Cut, request, wait_for


class CutTest(OperationsTest):
    def test_a_download_from_the_side_that_was_left_is_cut_at_the_end_of_drain_and_looks_cut(self):
        for chunked in (False, True):
            with self.subTest(chunked=chunked):
                primary, backup = self.pair()
                daemon = self.salon(primary, backup, failover='drain = "300ms"')
                primary.plan("/download", body_bytes=64 << 20, chunked=chunked)
                with daemon.connect(receive_buffer=8192) as client:
                    client.send(request("GET", "/download"))
                    client.read_head()
                    ran = self.run_cli(daemon, "failover")
                    self.assertIn("0 writes were in flight to the primary", ran.out)
                    self.assertEqual([e for e in daemon.exchanges() if e["side"] == "primary"], [])
                    self.assertTrue(daemon.service()["fenced"])
                    try:
                        got = client.read_to_end()
                    except Cut as cut:
                        got = cut.got
                        self.say(f"it ended by a {cut.how} after {len(got)} bytes")
                    self.assertLess(len(got), 64 << 20, "the whole of it was delivered, so this shows nothing")
                    self.assertFalse(got.endswith(b"0\r\n\r\n"), "half a body ended like a whole one")
                self.assertEqual(daemon.uncertain(), [], "a read is never uncertain")
                daemon.close()

    def test_a_client_that_leaves_in_the_middle_of_its_write_makes_it_uncertain_and_the_host_sees_that(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup)
        for framing, piece in (("Content-Length: 100000", b"x" * 5000), ("Transfer-Encoding: chunked", b"1000\r\n" + b"x" * 4096)):
            target = f"/book/{framing.split(':')[0]}"
            with daemon.connect() as client:
                client.send(f"POST {target} HTTP/1.1\r\nHost: salon.test\r\n{framing}\r\n\r\n".encode() + piece)
                wait_for("a part of it is at the primary", lambda: (primary.arrival(target) or 0) and primary.arrival(target).bytes)
            wait_for("the host sees that it was cut", lambda: primary.arrival(target).how)
            self.assertFalse(primary.arrival(target).complete)
            wait_for("it is listed", lambda: target in [w["path"] for w in daemon.uncertain()])
        self.check_histories()

    def test_a_chunk_that_is_ill_formed_in_the_middle_of_a_write_never_completes_it(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup)
        for bad in (b"zz\r\n", b"5\r\nabcdeXX", b"-1\r\n", b"ffffffffffffffffff\r\n", b"5 5\r\n"):
            target = f"/book/{bad.hex()}"
            with daemon.connect() as client:
                client.send(f"POST {target} HTTP/1.1\r\nHost: salon.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n".encode())
                wait_for("a part of it is at the primary", lambda: primary.arrival(target) and primary.arrival(target).bytes == 5)
                client.send(bad)
                self.assertEqual(client.read_response("POST").status, 400)
            wait_for("the host sees that it was cut", lambda: primary.arrival(target).how)
            self.assertFalse(primary.arrival(target).complete)
        self.assertEqual(daemon.ask("POST", "/after", b"x").status, 200)

    def test_a_server_that_closes_after_every_answer_without_a_word_costs_no_read(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup)
        primary.plan("*", closes=True)
        load = self.load(daemon, readers=3, writers=2, pause_ms=1)
        wait_for("reads are answered", lambda: len(load.answered(200)) > 600)
        requests = load.stop()
        self.check_histories(requests=requests)
        listed = {w["path"] for w in daemon.uncertain()}
        self.assertEqual({f"/load/{r['id']}" for r in requests if r["status"] == 502}, listed)
        self.assertEqual({r["status"] for r in requests} - {200, 502}, set())
        self.say(f"{len(listed)} of {sum(r['method'] in ('POST', 'PUT') for r in requests)} writes met a connection that closed")

    def test_an_answer_that_came_before_the_write_was_complete_and_then_a_reset(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup)
        primary.plan("/early", early=True, status=413, fields={"Connection": "close"})
        with daemon.connect() as client:
            client.send(b"POST /early HTTP/1.1\r\nHost: salon.test\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
            self.assertEqual(client.read_response("POST").status, 413)
        self.assertEqual(daemon.uncertain(), [], "its outcome is known")

    def test_a_response_body_that_stops_ends_the_exchange(self):
        primary, backup = self.pair()
        daemon = self.salon(primary, backup, extra='[timeouts]\nresponse_body = "300ms"\n')
        primary.plan("/stops", body_bytes=1 << 20, stops_after=1000)
        with daemon.connect(timeout=10) as client:
            client.send(request("GET", "/stops"))
            client.read_head()
            self.assertIn(client.how_it_ends(), ("eof", "reset"))


if __name__ == "__main__":
    main()
