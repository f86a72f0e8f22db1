"""Shows that the differential test can fail: the strict reader refuses, and every comparison notices what it is for."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from compare_requests import as_nginx_passes_on, compare_readings, compare_with_meaning, smoothed  # noqa: E402
from compare_responses import compare_client, compare_reading, pieces_of  # noqa: E402
from curl_reader import CurlReader  # noqa: E402
from meaning import read_client  # noqa: E402
from readers import NginxReader, NodeReader, PythonReader  # noqa: E402
from strict import RequestStream, ResponseStream  # noqa: E402

HEAD = b"POST /a HTTP/1.1\r\nHost: a.test\r\n"
ADDED = (b"Forwarded: for=127.1.0.1\r\nX-Forwarded-For: 127.1.0.1\r\nX-Forwarded-Host: a.test\r\nX-Forwarded-Port: 1\r\n"
         b"X-Forwarded-Proto: http\r\nX-Request-Id: 1\r\nVia: 1.1 halfdoor\r\n")

GOOD_REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HEAD + b"Content-Length: 2\r\n\r\nhi", HEAD + b"X: \xff\tb\r\nY:\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /[a]|b?%zz{\"} HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
]
BAD_REQUESTS = [
    b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\n\r\n\r\n", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", b"GET / http/1.1\r\nHost: a\r\n\r\n", b"GET /\r\n\r\n", b"G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /# HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", HEAD + b"X : y\r\n\r\n", HEAD + b" X: y\r\n\r\n", HEAD + b"X: y\r\n z\r\n\r\n",
    HEAD + b": y\r\n\r\n", HEAD + b"X\r\n\r\n", HEAD + b"X: \x00\r\n\r\n", HEAD + b"X: a\rb\r\n\r\n", HEAD + b"X: \x7f\r\n\r\n", HEAD + b"X\xff: y\r\n\r\n",
    HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    HEAD + b"Content-Length: +1\r\n\r\na", HEAD + b"Content-Length: 1, 1\r\n\r\na", HEAD + b"Content-Length: 9223372036854775808\r\n\r\na",
    HEAD + b"Content-Length:\r\n\r\n", HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", HEAD + b"Transfer-Encoding: \"chunked\"\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
] + [HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body for body in (
    b"0x1\r\na\r\n", b"+1\r\na\r\n", b" 1\r\na\r\n", b"1 \r\na\r\n", b"1\na\r\n", b"1\r\nab\r\n", b"1\r\na\n", b"1\r\na\rb", b"\r\n", b"g\r\n", b"1;a=b\r\na\r\n",
    b"10000000000000000\r\n", b"0\r\nX\r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\nX: y\n\r\n", b"0\r\n X: y\r\n\r\n", b"0\r\nX: \x00\r\n\r\n")]
GOOD_RESPONSES = [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", b"HTTP/1.1 204 \r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"]
BAD_RESPONSES = [b"HTTP/1.1 200\r\n\r\n", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 200 O\x00K\r\n\r\n", b"HTTP/1.1 200 OK\nX: y\r\n\r\n",
                 b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n",
                 b"HTTP/1.1 100 X\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", b"HTTP/1.1 600 X\r\n\r\n", b"owned\r\n\r\n"]
AMBIGUOUS = [b"GET / HTTP/1.1\nHost: a\n\n", HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HEAD + b"Transfer-Encoding: xchunked\r\n\r\n",
             HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na", HEAD + b"X: y\r\n z\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\n",
             b"GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"]


class FakeCase:
    def __init__(self, data, plan="answer"):
        self.data, self.plan = data, plan


class FakeLane:
    def __init__(self, data, got=b"", how="eof"):
        self.case, self.got, self.how, self.number = FakeCase(data), got, how, 1


class FakeConnection:
    def __init__(self, raw):
        self.raw, self.stream = raw, RequestStream()
        self.stream.feed(raw)
        for request in self.stream.messages:
            request.case = 1


def forwarded_by(raw):
    stream = RequestStream()
    return stream.feed(raw)


def of_host(answer, end="keep", asked=((b"GET", 1),)):
    lane = FakeLane(b"")
    lane.case.asked, lane.case.answers = asked, [(answer, [answer], end)]
    return lane


class StrictReaderTest(unittest.TestCase):
    def test_takes_what_is_good_however_it_comes(self):
        for data in GOOD_REQUESTS:
            whole, dribbled = RequestStream(), RequestStream()
            whole.feed(data + data)
            for i in range(len(data)):
                dribbled.feed(data[i:i + 1])
            self.assertIsNone(whole.refused, data)
            self.assertEqual([m.complete for m in whole.messages], [True, True], data)
            self.assertEqual(repr(dribbled.messages), repr(whole.messages[:1]))
            self.assertTrue(dribbled.is_between_messages)

    def test_refuses_what_may_be_read_in_two_ways_however_it_comes(self):
        for data in BAD_REQUESTS:
            whole, dribbled = RequestStream(), RequestStream()
            whole.feed(data)
            for i in range(len(data)):
                dribbled.feed(data[i:i + 1])
            self.assertIsNotNone(whole.refused, data)
            self.assertIsNotNone(dribbled.refused, data)
            self.assertFalse(any(m.complete for m in whole.messages), data)

    def test_reads_responses(self):
        for data in GOOD_RESPONSES:
            stream = ResponseStream()
            stream.feed(data)
            self.assertIsNone(stream.refused, data)
            self.assertTrue(stream.messages[-1].complete, data)
        for data in BAD_RESPONSES:
            stream = ResponseStream()
            stream.feed(data)
            self.assertIsNotNone(stream.refused, data)

    def test_a_body_that_the_end_of_the_connection_ends_is_complete_with_it(self):
        stream = ResponseStream()
        stream.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
        self.assertFalse(stream.messages[0].complete)
        stream.finish()
        self.assertTrue(stream.messages[0].complete)


class MeaningTest(unittest.TestCase):
    def test_what_is_ambiguous_means_nothing(self):
        for data in AMBIGUOUS:
            self.assertEqual([meaning.verdict for meaning in read_client(data)], ["refuse"], data)

    def test_reads_one_request_behind_the_other(self):
        data = HEAD + b"Content-Length: 2\r\n\r\nhi" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nho\r\n0\r\n\r\nGET / HTTP/1.1\nHost: a\r\n\r\n"
        self.assertEqual([(m.verdict, m.body) for m in read_client(data)], [("pass", b"hi"), ("pass", b"ho"), ("refuse", b"")])


class ComparisonTest(unittest.TestCase):
    client = HEAD + b"X: y\r\nConnection: x-gone\r\nX-Gone: 1\r\nContent-Length: 2\r\n\r\nhi"
    passed_on = HEAD + b"X: y\r\n" + ADDED + b"Content-Length: 2\r\n\r\nhi"

    def wrong(self, raw, client=None):
        return compare_with_meaning(FakeLane(client or self.client), forwarded_by(raw))[1]

    def test_what_is_right_is_right(self):
        self.assertEqual(self.wrong(self.passed_on), "")

    def test_notices_every_change_on_the_way(self):
        for old, new in ((b"POST", b"PUT"), (b"/a", b"/b"), (b"a.test", b"b.test"), (b"X: y", b"X: z"), (b"X: y\r\n", b""), (b"X: y\r\n", b"X: y\r\nX: y\r\n"),
                         (b"hi", b"ho"), (b"X: y\r\n", b"X: y\r\nX-Gone: 1\r\n"), (b"X: y\r\n", b"X: y\r\nConnection: close\r\n"), (b"Via: 1.1 halfdoor\r\n", b""),
                         (b"X-Forwarded-For: 127.1.0.1\r\n", b"X-Forwarded-For: 127.1.0.1\r\nX-Forwarded-For: 6.6.6.6\r\n")):
            self.assertNotEqual(self.wrong(self.passed_on.replace(old, new, 1)), "", (old, new))

    def test_notices_requests_that_are_missing_surplus_or_twice(self):
        self.assertNotEqual(self.wrong(b""), "")
        self.assertNotEqual(self.wrong(self.passed_on + self.passed_on), "")
        self.assertNotEqual(self.wrong(self.passed_on + b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n" + ADDED + b"\r\n"), "")

    def test_notices_what_leaves_of_a_refused_request_and_the_end_of_a_broken_one(self):
        self.assertNotEqual(self.wrong(self.passed_on, self.client.replace(b"X: y", b"X : y")), "")
        self.assertEqual(self.wrong(self.passed_on[:-1], self.client[:-1]), "")
        self.assertNotEqual(self.wrong(self.passed_on.replace(b"hi", b"h\0"), self.client[:-1]), "")

    def test_notices_what_is_wrong_with_responses(self):
        answer = b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nhi"
        added = b"X-Request-Id: 1\r\nDate: now\r\n"
        got = answer.replace(b"X: y\r\n", b"X: y\r\n" + added)
        local = b"HTTP/1.1 502 Bad Gateway\r\nCache-Control: no-store\r\n" + added + b"Content-Length: 0\r\n\r\n"

        def wrong(host_said, client_got, end="keep"):
            stream = ResponseStream()
            stream.feed(client_got)
            stream.finish()
            return compare_client(of_host(host_said, end), stream, {b"/r/0"})

        self.assertEqual(wrong(answer, got), "")
        self.assertEqual(wrong(answer.replace(b"X:", b"X :"), local), "")
        self.assertEqual(wrong(answer[:-1], got[:-1], "end"), "")
        for host_said, client_got in ((answer, got.replace(b"200", b"201")), (answer, got.replace(b"X: y", b"X: z")), (answer, got.replace(b"hi", b"ho")),
                                      (answer, got[:-1]), (answer, local), (answer, b""), (answer, got + got), (answer, got + b"owned"),
                                      (answer.replace(b"X:", b"X :"), got), (answer[:-1], got[:-1] + b"x"), (answer, got.replace(b"X-Req", b"Connection: x\r\nX-Req"))):
            if client_got.count(b"Connection") == 1:
                continue  # what halfdoor says of its own connection is its own
            self.assertNotEqual(wrong(host_said, client_got), "", (host_said, client_got))


class ForeignReadersTest(unittest.TestCase):
    """Bytes that a reader understands otherwise than the strict one, or not at all, are reported."""

    good = b"".join((b"GET /1?x HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n", HEAD + b"Content-Length: 2\r\n\r\nhi", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nho\r\n0\r\nX-T: 1\r\n\r\n"))

    def readings(self, reader, raw, takes_all=True):
        connection = FakeConnection(self.good)
        _, expected = smoothed(connection, lambda _: True, True)
        found = reader.read_requests(raw) if reader.name == "python" else reader.read_requests([raw])[0]
        if not takes_all:
            expected, found = [as_nginx_passes_on(r) for r in expected], [as_nginx_passes_on(r) for r in found]
        return compare_readings(reader.name, connection, expected, found)

    def check(self, reader, takes_all=True):
        mismatch = self.readings(reader, self.good, takes_all)
        self.assertIsNone(mismatch, mismatch and mismatch.text)
        for old, new in ((b"GET", b"PUT"), (b"/1", b"/2"), (b"X-Y: z", b"X-Y: w"), (b"hi", b"hu"), (b"ho", b"hu"), (b"X-Y: z", b"X-Y : z\r\nA: b"),
                         (b"0\r\n", b"00\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), (b"Host: a.test", b"Content-Length: x"), (b"0\r\nX-T: 1\r\n\r\n", b"")):
            self.assertIsNotNone(self.readings(reader, self.good.replace(old, new, 1), takes_all), (reader.name, old, new))

    def check_client(self, reader):
        got = b"HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        lane = of_host(b"")
        lane.got = got
        stream = ResponseStream()
        stream.feed(got)
        (piece,) = pieces_of(lane, stream)

        def reported(data):
            found = reader.read_response(data, b"GET")[:2] if reader.name == "python" else reader.read_responses([(b"GET", data)])[0]
            return compare_reading(reader.name, piece, *found)

        self.assertIsNone(reported(got), reported(got))
        for old, new in ((b"200", b"404"), (b"X: y", b"X: z"), (b"hi", b"ho"), (b"0\r\n\r\n", b""), (b"2\r\n", b"x\r\n"), (b"HTTP/1.1 200", b"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200")):
            self.assertIsNotNone(reported(got.replace(old, new, 1)), (reader.name, old, new))

    def test_python(self):
        self.check(PythonReader())
        self.check_client(PythonReader())

    def test_node(self):
        reader = NodeReader()
        self.addCleanup(reader.close)
        self.check(reader)
        self.check_client(reader)

    def test_nginx(self):
        reader = NginxReader()
        self.addCleanup(reader.close)
        self.check(reader, takes_all=False)

    def test_curl(self):
        reader = CurlReader()
        self.addCleanup(reader.close)
        self.check_client(reader)


if __name__ == "__main__":
    unittest.main(verbosity=2)
