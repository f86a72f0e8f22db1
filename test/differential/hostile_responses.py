"""Makes what hostile, broken and careless hosts answer: good responses by the grammar, bent at a place or two.

`make(random)` gives a `Case`: clean requests of one client, and for each of them the bytes that the host answers with.
"""

from bending import (BODIES, COLONS, EXTENSIONS, LINE_ENDS, SIZES, SPECIAL, TOKENS, TRAILERS, VALUES, add_line, add_trailers,
                     any_byte, around, chunked, coding_line, drop_framing, drop_part, end_early, field, fragments, head_end,
                     length_line, line_starts, many_fields, numbered, place, repeat_line, repeat_part, swap, with_one_byte,
                     wrong_data_size)
from response_meaning import read_server

STATUSES = [b"200"] * 10 + [b"201", b"204", b"204", b"205", b"206", b"299", b"301", b"304", b"304", b"400", b"404", b"418", b"499", b"500", b"503",
                            b"599"]
ODD_STATUSES = [b"", b"0", b"000", b"099", b"20", b"2000", b"+200", b"-200", b" 200", b"200 ", b"2 0", b"0200", b"600", b"999", b"1e2", b"abc", b"20x",
                b"x200", b"200.0", b"0x200", b"\xb2\xb0\xb0", b"200\x00", b"200\t", b"\t200", b"101", b"100", b"103", b"199", b"200,200", b"\"200\"",
                b"2\n00", b"200\x0b", b"65736", b"4294967496"]
REASONS = [b"OK", b"OK", b"OK", b"", b"Not Modified", b"a b\tc", b"caf\xe9", b"\xe2\x9c\x93", b"200 OK", b"HTTP/1.1 200 OK", b"X: y"]
ODD_REASONS = [b"O\x00K", b"OK\x0b", b"O\nK", b"O\rK", b"OK\r", b"\x1b[0m", b"\x7f", b"r" * 9000, b"OK\nSet-Cookie: a=b", b"OK\r\n\r\n", b"\x85"]
VERSIONS = [b"HTTP/1.1"] * 14 + [b"HTTP/1.0"] * 3
ODD_VERSIONS = [b"", b"HTTP/0.9", b"HTTP/1", b"HTTP/1.", b"HTTP/01.1", b"HTTP/1.01", b"HTTP/2.0", b"HTTP/2", b"http/1.1", b"HTTP/1,1", b" HTTP/1.1",
                b"HTTP /1.1", b"HTTP/1. 1", b"HTTP/1.1x", b"HTTP/11.1", b"ICY", b"HTTPS/1.1", b"RTSP/1.0", b"SIP/2.0", b"HTTP/1.2", b"HTTP/1.1\t",
                b"\xef\xbb\xbfHTTP/1.1", b"HTTP/-1.1", b"HTTP", b"\x00HTTP/1.1"]
SPLIT = [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nowned", b"HTTP/1.1 200 OK\r\nX-Smuggled: 1\r\nContent-Length: 0\r\n\r\n", b"owned", b"0\r\n\r\n", b"\r\n",
         b"\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"H", b"0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nowned", b"\x00", b"5\r\nhello\r\n0\r\n\r\n"]
FIELD_LINES = [b"", b" ", b"\t", b":", b": x", b" : x", b"x", b"x y: z", b"x\t: z", b"x : z", b" x: z", b"\tx: z", b"x:\r\n z", b"x: y\r\n z", b"x: y\r\n\tz",
               b"x: \x00", b"x: \x01", b"x: \x7f", b"x\x00: y", b"x: \x0by", b"\x0bx: y", b"x\x80: y", b"x: y\n", b"x: y\nSet-Cookie: a=b", b"x: y\rSet-Cookie: a=b",
               b"x: y\n\r\n", b"x: y\r\r\nz: a", b"x(y): z", b"\"x\": y", b"x/y: z", b"x@y: z", b"{x}: y", b"x=y: z", b"Set-Cookie: a=b; Path=/\r\nSet-Cookie: c=d",
               b"Connection: close", b"Connection: keep-alive", b"Connection: content-length", b"Connection: transfer-encoding, set-cookie", b"Connection: x-a, x-b-3",
               b"Connection: close, close", b"Connection: Upgrade\r\nUpgrade: h2c", b"Connection: " + b"y," * 70, b"Keep-Alive: timeout=5, max=1", b"Keep-Alive: timeout=0",
               b"Keep-Alive: timeout=-1", b"Keep-Alive: timeout=99999999999999999999", b"Proxy-Connection: keep-alive", b"Upgrade: websocket", b"Upgrade: h2c", b"TE: trailers",
               b"Trailer: X-T", b"Trailer: Content-Length", b"Proxy-Authenticate: Basic", b"WWW-Authenticate: Basic realm=\"x\"", b"Date: Thu, 01 Jan 1970 00:00:00 GMT",
               b"Date: yesterday", b"X-Request-Id: mine", b"Via: 1.1 other", b"Server: x", b"Location: http://open.test/\xff", b"Retry-After: 5", b"Content-Encoding: gzip",
               b"Content-Type: text/html; charset=utf-8", b"Content-Type: text/event-stream", b"Content-Type: multipart/byteranges; boundary=x", b"Content-Range: bytes 0-4/5",
               b"Content_Length: 3", b"Transfer_Encoding: chunked", b"X-A: " + b"v" * 9000, b"X-A: " + b"v" * 70000, b"N" * 5000 + b": x", b"Refresh: 0", b"Accept-Ranges: bytes",
               b"Sec-WebSocket-Accept: x", b"Alt-Svc: h3=\":443\"", b"X-Accel-Redirect: /secret", b"X-Sendfile: /etc/passwd", b"Status: 404 Not Found", b"ETag: \"a\""]
INTERIM = [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n",
           b"HTTP/1.1 199 Odd\r\nX-I: 1\r\nConnection: x-i\r\n\r\n", b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", b"HTTP/1.1 100\r\n\r\n",
           b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.0 100 Continue\r\n\r\n"]
ODD_INTERIM = [b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"HTTP/1.1 101 X\r\n\r\n", b"HTTP/1.1 100 Continue\n\n",
               b"HTTP/1.1 100 Continue\r\nx : y\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 15, b"HTTP/1.1 103 X\r\n\r\n" * 18,
               b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello", b"HTTP/1.1 100 Continue\r\n", b"HTTP/1.1 099 X\r\n\r\n", b"100 Continue\r\n\r\n",
               b"HTTP/1.1 100 Continue\r\nContent-Length: x\r\n\r\n"]


class Script:
    """How a host answers: `pieces`, then `end`: "keep" the connection, "end" it, or "reset" it."""

    def __init__(self, pieces, end):
        self.pieces, self.end = list(pieces), end


class Case:
    """A client with clean requests; `answers`: [(bytes, pieces, end)] of the host, one for each request."""

    plan = "answer"

    def __init__(self, data, pieces, bends, half_close, asked, answers):
        self.data, self.pieces, self.bends, self.half_close = data, pieces, bends, half_close
        self.asked, self.answers = asked, answers  # asked: [(method, minor version)]

    def script_for(self, request):
        index = int(request.target.rpartition(b"/")[2])
        _, pieces, end = self.answers[index]
        return Script(pieces, end)


def good(random, method):
    """A response that is as it should be; the first part of the list is the status line's version."""
    version, status = random.choice(VERSIONS), random.choice(STATUSES)
    parts = [["interim", text] for text in random.sample(INTERIM, random.choice((0, 0, 0, 0, 0, 1, 2)))]
    parts += [["version", version], ["space", b" "], ["status", status], ["space", b" "], ["reason", random.choice(REASONS)], ["line-end", b"\r\n"]]
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        parts += field(random.choice(TOKENS), random.choice(VALUES), random.choice((b": ", b":", b": ")))
    body = random.choice(BODIES + SPLIT)
    has_no_body = method == b"HEAD" or status in (b"204", b"304")
    framing = random.choice(("length", "length", "chunked", "chunked", "close"))
    tail = []
    if framing == "chunked" and version == b"HTTP/1.1" and status != b"204":
        parts += field(b"Transfer-Encoding", b"chunked")
        tail = chunked(body, random, random.random() < 0.2, random.sample(TRAILERS[:3], random.choice((0, 0, 1, 2))))
    elif framing == "length" and status != b"204":
        parts += field(b"Content-Length", b"%d" % len(body))
        tail = [["data", body]]
    elif framing == "close":
        tail = [["data", body]]
    return parts + [["head-end", b"\r\n"]] + ([] if has_no_body else tail)


def two_framings(parts, random):
    """Lines that say where the body ends, in ways that readers differ on."""
    drop_framing(parts)
    hidden, body = random.choice(SPLIT), random.choice((b"", b"a", b"hello"))
    as_chunks = b"".join(text for _, text in chunked(body, random))
    payload = random.choice((as_chunks + hidden, body + hidden, hidden, as_chunks))
    for _ in range(random.choice((1, 2, 2, 3))):
        number = random.choice((len(payload), len(as_chunks), len(body), 0, len(payload) + 5))
        line = length_line(random, number) if random.random() < 0.5 else coding_line(random)
        parts.insert(random.choice(line_starts(parts) or [0]), ["raw-line", line + b"\r\n"])
    parts.append(["data", payload])


def large_body(parts, random):
    """Over the size of buffers, and at their edges."""
    drop_framing(parts)
    swap([b"200"], "status")(parts, random)
    body = (random.choice((b"y", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")) * 3400)[:random.choice((16383, 16384, 16385, 32768, 40000, 66000))]
    framing = random.choice(("length", "chunked", "close"))
    if framing == "length":
        parts[head_end(parts):head_end(parts)] = field(b"Content-Length", b"%d" % len(body))
    if framing == "chunked":
        swap([b"HTTP/1.1"], "version")(parts, random)
        parts[head_end(parts):head_end(parts)] = field(b"Transfer-Encoding", b"chunked")
    parts += chunked(body, random) if framing == "chunked" else [["data", body]]


def framing_with_any_byte(parts, random):
    """A framing line with one byte, any byte, in front of, behind or within its name or value."""
    drop_framing(parts)
    body = random.choice(BODIES[1:] + SPLIT)
    line, tail = random.choice(((b"Transfer-Encoding: chunked", chunked(body, random)), (b"Content-Length: %d" % len(body), [["data", body]])))
    cut, byte = random.randint(0, len(line)), bytes([random.randrange(256)])
    line = random.choice((line[:cut] + byte + line[cut:], line[:cut] + byte + line[cut + 1:]))
    parts.insert(random.choice(line_starts(parts) or [0]), ["raw-line", line + b"\r\n"])
    parts += tail


def must_be_chunked(bend):
    """Bends of chunks need some."""
    def bent(parts, random):
        if place(parts, random, "size", "last-size") is None:
            drop_framing(parts)
            swap([b"200"], "status")(parts, random)
            swap([b"HTTP/1.1"], "version")(parts, random)
            parts[head_end(parts):head_end(parts)] = field(b"Transfer-Encoding", b"chunked")
            parts += chunked(random.choice(BODIES[1:] + SPLIT), random)
        bend(parts, random)
    return bent


def surplus(parts, random):
    parts.append(["surplus", random.choice(SPLIT + SPECIAL)])


def in_front(parts, random):
    parts.insert(0, ["front", random.choice(SPECIAL + ODD_INTERIM + INTERIM + SPLIT)])


def body_where_none_is(parts, random):
    swap([b"204", b"304", b"100", b"101", b"199"], "status")(parts, random)
    parts.append(["data", random.choice(SPLIT)])


BENDS = {
    "status": swap(ODD_STATUSES, "status"),
    "reason": swap(ODD_REASONS, "reason"),
    "version": swap(ODD_VERSIONS, "version"),
    "space": swap([b"", b"  ", b"\t", b"\x0b", b"\r", b"\n", b"\x00", b"\xa0", b" \t"], "space"),
    "end of a line": swap(LINE_ENDS, "line-end"),
    "end of the head": swap(LINE_ENDS + [b"", b"\n"], "head-end"),
    "colon": swap(COLONS, "colon"),
    "blank behind the colon": swap([b"\x0b", b"\r\n ", b"\x00", b"\xa0", b"\n ", b"\r ", b"\t\t", b"\x1f"], "blank"),
    "bytes in a name": around(SPECIAL, "name"),
    "bytes in a value": around(SPECIAL, "value"),
    "another line": add_line(FIELD_LINES),
    "another line ": add_line(FIELD_LINES),
    "a line twice": repeat_line,
    "two framings": two_framings,
    "two framings ": two_framings,
    "large body": large_body,
    "framing with any byte": framing_with_any_byte,
    "chunk size": must_be_chunked(numbered(SIZES, "size", "last-size")),
    "chunk extension": must_be_chunked(swap(EXTENSIONS, "extension")),
    "end of a chunk line": must_be_chunked(swap(LINE_ENDS, "chunk-line-end")),
    "end of chunk data": must_be_chunked(swap(LINE_ENDS + [b"xx", b"\rx"], "data-end")),
    "end of chunks": must_be_chunked(swap(LINE_ENDS + [b"X"], "final-end")),
    "trailers": must_be_chunked(add_trailers),
    "chunk data": must_be_chunked(wrong_data_size),
    "data": wrong_data_size,
    "a part lost": drop_part,
    "a part twice": repeat_part,
    "end too early": end_early,
    "surplus": surplus,
    "surplus ": surplus,
    "in front": in_front,
    "interim": swap(ODD_INTERIM, "interim"),
    "a body where none is": body_where_none_is,
    "any byte": any_byte,
    "many fields": many_fields,
}


def ask(random, index, count):
    """(method, minor version, bytes) of a clean request."""
    method = random.choice((b"GET", b"GET", b"GET", b"HEAD", b"POST"))
    minor = 0 if random.random() < 0.15 else 1
    lines = b"%s /r/%d HTTP/1.%d\r\nHost: open.test\r\n" % (method, index, minor)
    if random.random() < 0.3 and minor == 1:
        lines += b"TE: trailers\r\n"
    if minor == 0 and index + 1 < count:
        lines += b"Connection: keep-alive\r\n"
    body = b"a=b" if method == b"POST" else b""
    return method, minor, lines + (b"Content-Length: 3\r\n" if body else b"") + b"\r\n" + body


def make(random):
    count = random.choice((1, 1, 2, 2, 3))
    asked, answers, bends, data = [], [], [], b""
    for index in range(count):
        method, minor, text = ask(random, index, count)
        data += text
        asked.append((method, minor))
        parts = good(random, method)
        for _ in range(random.choices((0, 1, 2, 3), (20, 65, 12, 3))[0]):
            name = random.choice(list(BENDS))
            if parts:
                BENDS[name](parts, random)
                bends.append(f"{index}: {name.strip()}")
        answer = b"".join(text for _, text in parts)
        if answer and random.random() < 0.1:
            answer = with_one_byte(answer, random)
            bends.append(f"{index}: one byte")
        meant = read_server(answer, method, False)
        end = random.choice(("keep", "keep", "end")) if meant.is_over else random.choice(("end", "end", "end", "reset"))
        # Surplus bytes that come late may come when the connection is in use again: then they are an answer.
        answers.append((answer, [answer] if meant.ends_late else fragments(answer, random), end))
    return Case(data, fragments(data, random), bends, random.choice(("now", "late")), asked, answers)
