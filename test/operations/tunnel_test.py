"""Tunnels between real WebSocket peers (Debian's python3-websockets): every kind of message, many at once, at switches."""

import asyncio
import os
import sys
import threading
import time
import unittest

from story import OperationsTest, main
from wire import wait_for

try:
    import websockets
except ImportError:
    # What Debian packages is seen by Debian's interpreter alone.
    if os.path.exists("/usr/bin/python3") and os.path.realpath(sys.executable) != os.path.realpath("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])
    websockets = None


class Peers:
    """An event loop in a thread of its own, on which hosts and clients live."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine, timeout=60):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


class EchoHost:
    """Answers each message with itself; `arrived` has what came and when, `ended` how each connection ended."""

    def __init__(self, peers, name):
        self.peers, self.name, self.arrived, self.ended = peers, name, [], []
        self.server = peers.run(self._serve())
        self.port = self.server.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    async def _serve(self):
        return await websockets.serve(self._echo, "127.0.0.1", 0, subprotocols=["chat"], max_size=1 << 24,
                                      ping_interval=None, extra_headers={"X-Host": self.name})

    async def _echo(self, socket):
        try:
            async for message in socket:
                self.arrived.append((time.monotonic(), message))
                await socket.send(message)
            self.ended.append("closed")
        except (websockets.ConnectionClosed, OSError) as error:
            self.ended.append(repr(error))

    def close(self):
        self.peers.run(self._close())

    async def _close(self):
        self.server.close()
        await self.server.wait_closed()


@unittest.skipIf(websockets is None, "python3-websockets is missing (scripts/deps --test installs it)")
class TunnelTest(OperationsTest):
    def begin(self, **more):
        self.peers = Peers()
        self.addCleanup(self.peers.close)
        self.primary, self.backup = (EchoHost(self.peers, name) for name in ("primary", "backup"))
        self.addCleanup(self.primary.close)
        self.addCleanup(self.backup.close)
        # A host of WebSocket alone says so.
        self.daemon = self.salon(self.primary, self.backup, health="expect = [426]", **more)
        self.url = f"ws://127.0.0.1:{self.daemon.port}/live"

    def open(self, **more):
        return websockets.connect(self.url, max_size=1 << 24, ping_interval=None, close_timeout=5, **more)

    def test_every_kind_of_message_goes_both_ways(self):
        self.begin()

        async def talk(**more):
            async with self.open(subprotocols=["chat"], **more) as socket:
                self.assertEqual(socket.subprotocol, "chat")
                self.assertEqual(socket.response_headers["X-Host"], "primary")
                for size in (0, 1, 125, 126, 127, 65535, 65536, 300_000, 3_000_000):
                    for message in ("ü" * (size // 2), bytes(i % 251 for i in range(size))):
                        await socket.send(message)
                        self.assertEqual(await socket.recv(), message)
                await socket.send(["in ", "three ", "fragments"])
                self.assertEqual(await socket.recv(), "in three fragments")
                await (await socket.ping(b"ping"))
                await socket.close(1000, "enough")
            return socket.close_code, socket.close_reason

        self.assertEqual(self.peers.run(talk(compression=None)), (1000, "enough"))
        self.assertEqual(self.peers.run(talk(compression="deflate")), (1000, "enough"))
        wait_for("no tunnel is left", lambda: self.daemon.metric("halfdoor_tunnels") == 0)
        wait_for("the host to know that, too", lambda: self.primary.ended == ["closed"] * 2)
        self.assertEqual(self.daemon.uncertain(), [])

    def test_many_tunnels_keep_their_messages_apart(self):
        self.begin()

        async def talk(number):
            async with self.open() as socket:
                for i in range(20):
                    await socket.send(f"{number}:{i}")
                    self.assertEqual(await socket.recv(), f"{number}:{i}")

        async def talk_at_once():
            await asyncio.gather(*(talk(number) for number in range(150)))

        self.peers.run(talk_at_once())
        self.assertEqual(len(self.primary.arrived), 150 * 20)
        wait_for("no tunnel is left", lambda: self.daemon.metric("halfdoor_tunnels") == 0)

    async def chat(self, stop, seen):
        """Talks until the tunnel ends, then opens the next one."""
        while not stop.is_set():
            try:
                async with self.open() as socket:
                    while not stop.is_set():
                        await socket.send(str(time.monotonic()))
                        await socket.recv()
                        seen.append(socket.response_headers["X-Host"])
                        await asyncio.sleep(0.05)
            except (websockets.WebSocketException, OSError, EOFError):
                await asyncio.sleep(0.05)

    def test_no_message_reaches_the_side_that_was_left_once_the_command_has_returned(self):
        self.begin(failover='drain = "1500ms"', read_only="websocket = true")
        stop, seen = threading.Event(), []
        talking = [asyncio.run_coroutine_threadsafe(self.chat(stop, seen), self.peers.loop) for _ in range(20)]
        try:
            for verb, left, other in (("failover", self.primary, self.backup), ("failback", self.backup, self.primary)):
                count = len(left.arrived)
                wait_for("all of them talk", lambda: len(left.arrived) > count + 100)
                ran = self.run_cli(self.daemon, verb)
                self.assertGreater(ran.ended - ran.began, 1.2, "busy tunnels have the whole drain")
                self.assertIn("fenced after", ran.out)
                count = len(other.arrived)
                wait_for("they talk to the other side", lambda: len(other.arrived) > count + 100)
                # A host may come late to what it had received by then.
                late = [sent for _, sent in left.arrived if float(sent) > ran.ended]
                self.assertEqual(late, [], f"messages that were sent to the {left.name} after {verb} had returned")
                self.assertTrue(any(end != "closed" for end in left.ended), "none was reset")
        finally:
            stop.set()
            for one in talking:
                one.result(20)
        self.assertEqual(self.daemon.uncertain(), [])

    def test_a_quiet_tunnel_ends_a_second_after_the_switch_and_a_handshake_then_gets_the_notice(self):
        self.begin()

        async def wait_quietly():
            async with self.open() as socket:
                await socket.send("hello")
                await socket.recv()
                opened.set()
                await socket.wait_closed()
                return time.monotonic()

        opened = threading.Event()
        quiet = asyncio.run_coroutine_threadsafe(wait_quietly(), self.peers.loop)
        self.assertTrue(opened.wait(20))
        row, = self.daemon.exchanges()
        self.assertEqual((row["state"], row["side"]), ("tunnel", "primary"))
        self.assertGreater(row["bytes_in"], 5)
        self.assertGreater(row["bytes_out"], 4)
        ran = self.run_cli(self.daemon, "freeze")
        self.assertGreater(ran.ended - ran.began, 0.9)
        self.assertLess(ran.ended - ran.began, 9, "drain is 10 s, and nothing was said")
        quiet.result(20)
        with self.assertRaises(websockets.InvalidStatusCode) as refused:
            self.peers.run(self._try())
        self.assertEqual(refused.exception.status_code, 503)
        self.assertEqual(refused.exception.headers["Halfdoor-Mode"], "primary-readonly; epoch=2")

    async def _try(self):
        async with self.open():
            pass

    def test_a_graceful_stop_ends_tunnels(self):
        self.begin(server='workers = 2\ndrain = "2s"')
        stop, seen = threading.Event(), []
        talking = [asyncio.run_coroutine_threadsafe(self.chat(stop, seen), self.peers.loop) for _ in range(5)]
        try:
            wait_for("they talk", lambda: len(seen) > 20)
            began = time.monotonic()
            self.assertEqual(self.daemon.stop(), 0)
            self.assertLess(time.monotonic() - began, 10)
        finally:
            stop.set()
            for one in talking:
                one.result(20)


if __name__ == "__main__":
    main()
