"""A body of any size passes in bounded memory, in both directions. HALFDOOR_OPERATIONS_GIB says how large (default 1)."""

import os
import threading
import time

from story import OperationsTest, main
from wire import request, wait_for

SIZE = int(float(os.environ.get("HALFDOOR_OPERATIONS_GIB", "1")) * (1 << 30))
MOST_RESIDENT = 200 << 20
TIMEOUT = 60 + SIZE / (20 << 20)
BLOCK = b"u" * (1 << 18)


class Watch(threading.Thread):
    """The largest resident size of halfdoor while it runs."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon_, self.most, self.stop = daemon, 0, threading.Event()
        self.start()

    def run(self):
        while not self.stop.is_set():
            self.most = max(self.most, self.daemon_.resident_bytes())
            self.stop.wait(0.02)

    def result(self):
        self.stop.set()
        self.join()
        return self.most


class LargeBodyTest(OperationsTest):
    def setUp(self):
        super().setUp()
        self.primary, self.backup = self.pair()
        self.daemon = self.salon(self.primary, self.backup)
        self.watch = Watch(self.daemon)
        self.addCleanup(self.watch.result)

    def assert_bounded(self, began):
        most = self.watch.result()
        self.say(f"{SIZE >> 20} MiB in {time.monotonic() - began:.1f} s, halfdoor had at most {most >> 20} MiB")
        self.assertLess(most, MOST_RESIDENT)
        self.assertEqual(self.daemon.ask("GET", "/after").status, 200)

    def upload(self, chunked):
        began = time.monotonic()
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {SIZE}"
        piece = b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK) if chunked else BLOCK
        with self.daemon.connect(timeout=TIMEOUT) as client:
            client.send(f"POST /upload HTTP/1.1\r\nHost: salon.test\r\n{framing}\r\n\r\n".encode())
            for _ in range(SIZE // len(BLOCK)):
                client.send(piece)
            if chunked:
                client.send(b"0\r\n\r\n")
            self.assertEqual(client.read_response("POST").status, 200)
        arrival = self.primary.arrival("/upload")
        self.assertTrue(arrival.complete)
        self.assertEqual(arrival.bytes, SIZE // len(BLOCK) * len(BLOCK))
        self.assert_bounded(began)

    def test_an_upload_in_chunks(self):
        self.upload(chunked=True)

    def test_an_upload_with_a_length(self):
        self.upload(chunked=False)

    def download(self, **plan):
        began = time.monotonic()
        self.primary.plan("/download", body_bytes=SIZE, **plan)
        with self.daemon.connect(timeout=TIMEOUT) as client:
            client.send(request("GET", "/download"))
            answer = client.read_response(throw_away=True)
            self.assertEqual((answer.status, answer.body), (200, SIZE))
        self.assert_bounded(began)

    def test_a_download_with_a_length(self):
        self.download()

    def test_a_download_in_chunks(self):
        self.download(chunked=True)

    def test_clients_that_do_not_read_hold_back_the_host_and_not_the_memory(self):
        self.primary.plan("/download", body_bytes=SIZE)
        clients = [self.daemon.connect(receive_buffer=8192) for _ in range(20)]
        for client in clients:
            self.addCleanup(client.close)
            client.send(request("GET", "/download"))
        self.seen = None

        def stands_still():
            sent = sorted((e["client"], e["bytes_out"]) for e in self.daemon.exchanges())
            before, self.seen = self.seen, sent
            return len(sent) == 20 and sent == before

        wait_for("nothing moves any more", stands_still, every=0.2)
        began = time.monotonic()
        self.assert_bounded(began)


if __name__ == "__main__":
    main()
