"""Makes what hostile clients send: good requests by the grammar, bent at one place or two.

`make(random)` gives a `Case`. A request is a list of parts, [kind, bytes], so that a bend can aim at a place ("the end
of a field line", "the size of a chunk") and still hit every message; `BENDS` names them all.
"""

from bending import (BODIES, COLONS, EXTENSIONS, LINE_ENDS, SIZES, SPECIAL, TOKENS, TRAILERS, VALUES, add_line, add_trailers,
                     any_byte, around, chunked, coding_line, drop_framing, drop_part, end_early, field, fragments, head_end,
                     length_line, line_starts, many_fields, numbered, place, repeat_line, repeat_part, swap, with_one_byte,
                     with_waits, wrong_data_size)

HOSTS = [b"open.test"] * 8 + [b"frozen.test"] * 4 + [
    b"OPEN.test", b"open.test:80", b"open.test:", b"open.test.", b"127.0.0.1", b"127.0.0.1:8080", b"[::1]", b"[::1]:80",
    b"Frozen.TEST", b"frozen.test:8080", b"frozen.test.", b"a_b.test", b"xn--nxasmq6b.test", b"1", b"a~b"]
BAD_HOSTS = [b"", b"a b", b"a,b", b"open.test, frozen.test", b"user@open.test", b"open.test/x", b"open.test:80:80",
             b"open.test:99999", b"open.test:8a", b"[::1", b"::1", b"[::1]x", b"[fe80::1%25eth0]", b"a..b", b".a", b"-",
             b"open.test\\", b"open.test?x", b"open.test#x", b"open%2etest", b"http://open.test", b"\xff.test", b"a\tb",
             b"open.test;frozen.test", b"open.test:+80", b"open.test: 80", b"[127.0.0.1]", b"a" * 300, b"*", b"\"open.test\"",
             b"open.test:-1", b"open.test.:80", b"open.test..", b"[v1.a]", b"open.test\x00", b"open.test\xe2\x80\xae"]
METHODS = [b"GET"] * 6 + [b"POST"] * 6 + [b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"PROPFIND", b"MKCOL", b"LOCK",
                                          b"REPORT", b"PURGE", b"SEARCH", b"QUERY", b"M-SEARCH"]
ODD_METHODS = [b"get", b"Get", b"GETX", b"G", b"PRI", b"TRACE", b"CONNECT", b"TRACK", b"DEBUG", b"!#$%&'*+-.^_`|~", b"1",
               b"GE\tT", b"GE\x00T", b"\"GET\"", b"GET/", b"(GET)", b"GET:", b"G\xc3\x89T", b"", b" GET", b"POST GET", b"\x16\x03\x01",
               b"X" * 200, b"X" * 9000, b"@GET", b"GET,", b"\xef\xbb\xbfGET", b"connect", b"trace", b"HTTP/1.1", b"Host:"]
TARGETS = [b"/", b"/a", b"/a/b.html", b"/a?b=c", b"/?", b"/a?b?c=/../x", b"/%41%7e", b"/a;b=c/d", b"/a//b", b"/./a/../b",
           b"/a?x=%", b"/a?x=%zz", b"/a?[]{}|\\^", b"/[a]{b}|c\\d^e", b"/a%2fb", b"/a%5cb", b"/a?http://other.test/",
           b"/*", b"/:80", b"/@", b"/a=b&c", b"/index.php/%C3%A9", b"/a'b(c)", b"/?%00", b"/?`", b"/a?\"<>", b"//a", b"///",
           b"//frozen.test/x", b"/http://x/", b"/%25%32%66", b"/a%20b", b"/a%0d%0ab", b"/%3f%23", b"/.well-known/halfdoor/x",
           b"/a?_method=DELETE", b"/a?_method=get", b"/" + b"p" * 2000]
ODD_TARGETS = [b"", b"a", b"*", b"/a#b", b"/#", b"#", b"?", b"?a", b"/a b", b"/a\tb", b"/\x00", b"/\x7f", b"/\x80", b"/caf\xc3\xa9",
               b"/%", b"/%4", b"/%zz", b"/%00", b"/%2500", b"/..", b"/a/../..", b"/%2e%2e", b"/a/%2e%2e%2f..", b"/..;/x", b"/%2e%2e%2fx",
               b"/\"", b"/<a>", b"/`", b"http://open.test/a", b"http://frozen.test/a", b"HTTP://OPEN.test:80", b"https://open.test?q",
               b"http://", b"http:///a", b"http:/open.test/", b"http:open.test", b"ftp://open.test/", b"http://user@open.test/",
               b"http://open.test#f", b"http://open.test/a#f", b"http://[::1]/", b"http://open.test/\\..\\x", b"ws://open.test/",
               b"http://open.test:80:80/", b"http://open.test@frozen.test/", b"http://open.test%00.frozen.test/", b"http://a b/",
               b"open.test:80", b"open.test", b"//", b"\\", b"\\a", b"/a\rb", b"/a\nb", b"/" + b"q" * 9000, b"/a\x0bb", b"/a\x0cb",
               b"http://frozen.test?x=/a", b"http://open.test/?a=http://frozen.test/", b"javascript://open.test/", b"://open.test/",
               b"http//open.test/", b"http:\\\\open.test\\", b"%2f", b"/%u0041", b"/..%00/", b"/%c0%ae%c0%ae/", b"/a/..%2f..%2fb",
               b"http://open.test/../x", b"HtTpS://frozen.test", b"http://\xff/", b"/\xe2\x80\xa8", b"* ", b"**", b"/a\x85b"]
VERSIONS = [b"HTTP/1.1"] * 12 + [b"HTTP/1.0"] * 3
ODD_VERSIONS = [b"", b"HTTP/0.9", b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/01.1", b"HTTP/1.01", b"HTTP/1.10", b"HTTP/11.1", b"HTTP/2.0",
                b"HTTP/2", b"HTTP/3.0", b"HTTP/9.9", b"http/1.1", b"Http/1.1", b"HTTP/1,1", b"HTTP/1.1 ", b" HTTP/1.1", b"HTTP /1.1",
                b"HTTP/ 1.1", b"HTTP/1. 1", b"HTTP/1.1x", b"HTTP/1.1\t", b"HTTP/-1.1", b"HTTP/1.-1", b"HTTP/1.1 HTTP/1.1", b"ICE/1.1",
                b"HTTP/1.2", b"HTTP/1.9", b"HTTPS/1.1", b"HTTP\\1.1", b"HTTP/1.1\x00", b"HTTP/\xb9.1", b"HTTP/1.1;", b"RTSP/1.0", b"/1.1",
                b"HTTP/1.32", b"HTTP/4294967297.1", b"HTTP/1.257", b"IHTTP/1.1", b"HTTP/1.1\xa0", b"HTTP/1.\xd9\xa1", b"HTTP/1.1\r", b"HTTP/\r\r1.1"]
HIDDEN = [b"GET /smuggled HTTP/1.1\r\nHost: open.test\r\n\r\n", b"POST /smuggled HTTP/1.1\r\nHost: frozen.test\r\nContent-Length: 2\r\n\r\nhi",
          b"DELETE /smuggled HTTP/1.1\r\nHost: frozen.test\r\n\r\n", b"GET /smuggled HTTP/1.1\r\nX: ", b"0\r\n\r\n",
          b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: open.test\r\n\r\n", b"G", b"\r\n", b"\r\n\r\n", b"1\r\nZ\r\nQ\r\n\r\n",
          b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"X", b"0\r\n",
          b"GET http://frozen.test/smuggled HTTP/1.1\r\nHost: open.test\r\n\r\n", b"\n\n", b"0\n\n", b"00\r\n\r\n"]
FIELD_LINES = [b"Transfer-\r\nEncoding: chunked", b"Content-Length 5", b"Connection: Content-Length, Transfer-Encoding, Host", b"Transfer-%45ncoding: chunked",
               b"Transfer\\Encoding: chunked", b"Transfer-Encoding x: chunked", b"Foo: bar\r\n\rTransfer-Encoding: chunked", b"X: y\r\n\x0bTransfer-Encoding: chunked",
               b"X: foo\n\nTransfer-Encoding: chunked", b"X: foo\n \nTransfer-Encoding: chunked", b"X: y\r\n \r\nTransfer-Encoding: chunked", b":\r\nTransfer-Encoding: chunked",
               b"Cookie: a=\"\r\n\r\n\"", b"Te\nst: x", b"User: \x85admin\xa0", b"Host: \xffopen.test\xff", b"Content-Encoding: chunked", b"Expect:\t100-continue",
               b"", b" ", b"\t", b":", b": x", b" : x", b"x", b"x y: z", b"x\t: z", b"x : z", b" x: z", b"\tx: z", b"x:\r\n z", b"x: y\r\n z", b"x: y\r\n\tz",
               b"x: y\r\n \r\n", b"x: \x00", b"x: \x01", b"x: \x7f", b"x: \x1b[0m", b"x\x00: y", b"\x00x: y", b"x\x0b: y", b"x: \x0by", b"\x0bx: y", b"x\x80: y",
               b"\xa0x: y", b"x: y\n", b"x: y\nHost: frozen.test", b"x: y\rHost: frozen.test", b"x: y\n\r\n", b"x: y\r", b"x: y\r\r\nz: a", b"x(y): z", b"\"x\": y",
               b"x/y: z", b"x@y: z", b"x[0]: z", b"{x}: y", b"x=y: z", b"x;y: z", b"x,y: z", b"<x>: y", b"x\\y: z", b"x?: y", b"x: y\x00z", b"x: y\x08",
               b"Host", b"Host :open.test", b"Host: frozen.test", b"HOST: open.test", b"host:open.test", b"Host\t: frozen.test", b" Host: frozen.test",
               b"X-HTTP-Method-Override: DELETE", b"X_HTTP_Method_Override: DELETE", b"X-Original-URL: /admin", b"X-Rewrite-URL: /admin",
               b"X-Forwarded-For: 6.6.6.6", b"X_Forwarded_For: 6.6.6.6", b"X.Forwarded.For: 6.6.6.6", b"X-Forwarded-Host: frozen.test", b"Forwarded: for=6.6.6.6",
               b"X-Request-Id: mine", b"Via: 1.1 other", b"Connection: close", b"Connection: host", b"Connection: content-length", b"Connection: transfer-encoding",
               b"Connection: close, x-a", b"Connection: x-a, cookie, authorization", b"Connection: keep-alive", b"Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AA",
               b"Connection: \"close\"", b"Connection: ,,", b"Connection: close\x0b", b"Connection: " + b"x-a," * 70, b"Proxy-Connection: close", b"Keep-Alive: timeout=5",
               b"Upgrade: websocket", b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
               b"Upgrade: h2c, WebSocket", b"Upgrade: TLS/1.0", b"HTTP2-Settings: AAMAAABkAAQAAP__", b"TE: trailers", b"TE: chunked", b"TE: trailers, deflate;q=0.5",
               b"Trailer: X-T", b"Trailer: Content-Length", b"Expect: 100-continue", b"Expect: 100-Continue", b"Expect: 100-continue, 100-continue", b"Expect: 200-ok",
               b"Expect:", b"Expect: 100-continue\x0b", b"Expect: 100 continue", b"Expect: y 100-continue", b"Max-Forwards: 0", b"Cookie: a=b; c=\"d\"",
               b"Authorization: Basic YTpi", b"Content-Type: multipart/form-data; boundary=x", b"Content-Encoding: gzip", b"Content-Range: bytes 0-1/2", b"Range: bytes=0-",
               b"Proxy-Authorization: Basic eA==", b"X-A: " + b"v" * 9000, b"X-A: " + b"v" * 33000, b"N" * 5000 + b": x", b"Sec-WebSocket-Key: x", b"Host: open.test\r\nHost: open.test"]


class Case:
    """`data`: the client's bytes; `pieces`: as written; `bends`: what was done. `half_close`: "now" or "late".
    `plan` of the host: "answer", "close" (and ends the connection), "early" (before the body is there), "chunked", "continue"
    (100 to who expects it), "switch" (101 to a handshake)."""

    def __init__(self, data, pieces, bends, half_close, plan):
        self.data, self.pieces, self.bends, self.half_close, self.plan = data, pieces, bends, half_close, plan


def good(random, host=None):
    """A request that is as it should be."""
    version = random.choice(VERSIONS)
    method = random.choice(METHODS)
    parts = [["method", method], ["space", b" "], ["target", random.choice(TARGETS)], ["space", b" "], ["version", version],
             ["line-end", b"\r\n"], *field(b"Host", host or random.choice(HOSTS), random.choice((b": ", b":", b":\t ")))]
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        parts += field(random.choice(TOKENS), random.choice(VALUES), random.choice((b": ", b":", b": ")))
    if version == b"HTTP/1.0" and random.random() < 0.6:
        parts += field(b"Connection", random.choice((b"keep-alive", b"Keep-Alive", b"x-a, keep-alive")))
    has_body = method not in (b"GET", b"HEAD", b"OPTIONS") or random.random() < 0.15
    body = random.choice(BODIES + HIDDEN) if has_body else b""
    tail = []
    if has_body and version == b"HTTP/1.1" and random.random() < 0.5:
        if random.random() < 0.4:
            parts += field(b"TE", b"trailers")
        parts += field(b"Transfer-Encoding", b"chunked")
        tail = chunked(body, random, random.random() < 0.2, random.sample(TRAILERS[:3], random.choice((0, 0, 1, 2))))
    elif has_body:
        parts += field(b"Content-Length", b"%d" % len(body))
        tail = [["data", body]]
    if has_body and random.random() < 0.12:
        parts += field(b"Expect", random.choice((b"100-continue", b"100-Continue")))
    return parts + [["head-end", b"\r\n"]] + tail


def two_framings(parts, random):
    """Lines that say where the body ends, in ways that readers differ on, and a body that may be read either way."""
    if random.random() < 0.7:
        swap([b"POST", b"GET", b"PUT"], "method")(parts, random)
    drop_framing(parts)
    hidden, body = random.choice(HIDDEN), random.choice((b"", b"a", b"hello"))
    as_chunks = b"".join(text for _, text in chunked(body, random))
    payload = random.choice((as_chunks + hidden, body + hidden, hidden, as_chunks, b"0\r\n\r\n" + hidden))
    lengths = [len(payload), len(as_chunks), len(body), 0, 4, len(payload) - len(hidden), len(payload) + 5]
    lines = []
    for _ in range(random.choice((1, 2, 2, 2, 2, 3))):
        lines.append(length_line(random, random.choice(lengths)) if random.random() < 0.5 else coding_line(random))
    for line in lines:
        parts.insert(random.choice(line_starts(parts) or [0]), ["raw-line", line + b"\r\n"])
    parts.append(["data", payload])


def one_framing(parts, random):
    """One line that says where the body ends, oddly spelt."""
    drop_framing(parts)
    body = random.choice(BODIES)
    if random.random() < 0.5:
        line = length_line(random, len(body))
        tail = [["data", body]]
    else:
        line = coding_line(random)
        tail = chunked(body, random)
    parts.insert(random.choice(line_starts(parts) or [0]), ["raw-line", line + b"\r\n"])
    parts += tail


def more_than_announced(parts, random):
    parts.append(["surplus", random.choice(HIDDEN + SPECIAL)])


def in_front(parts, random):
    parts.insert(0, ["front", random.choice(SPECIAL + [b"\r\n\r\n", b"\n", b"\r\n\n", b"\r\r\n", b" \r\n", b"\x00\r\n", b"\r\n\r\n\r\n", b"\r\n", b"\r\n"])])


def connection_names(parts, random):
    """Connection names fields that this request has, or that end to end depends on."""
    names = [part[1] for part in parts[:head_end(parts)] if part[0] == "name"]
    names += [b"Content-Length", b"Transfer-Encoding", b"Host", b"X-Forwarded-For", b"close", b"keep-alive", b"Upgrade", b"TE", b"Cookie", b"Content-Type", b""]
    named = [random.choice((name, name.lower(), name.upper())) for name in random.choices(names, k=random.choice((1, 1, 2, 3)))]
    add_line([b"Connection: " + random.choice((b", ", b",", b" ,\t")).join(named)])(parts, random)
    add_line([b"Cookie: a=b", b"Content-Type: text/plain", b"X-Named: 1", b"Authorization: Basic eA==", b"Range: bytes=0-1"])(parts, random)


CLAIMS = [b"X-Forwarded-For", b"x-forwarded-for", b"X_Forwarded_For", b"X-Forwarded_For", b"X.Forwarded.For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Forwarded-Port",
          b"X-Forwarded-Server", b"X_FORWARDED_ANYTHING", b"Forwarded", b"forwarded", b"X-Request-Id", b"X_Request_Id", b"Via", b"X-Real-IP", b"Halfdoor-Mode", b"X-Original-URL",
          b"X-Rewrite-URL", b"X-HTTP-Method-Override", b"X-HTTP-Method", b"X-Method-Override", b"X_HTTP_Method_Override", b"X-HTTP-Method-Override ", b"Content_Length", b"Host_"]


def claims(parts, random):
    """Fields that a proxy writes, or that a host obeys."""
    for _ in range(random.choice((1, 1, 2))):
        value = random.choice((b"6.6.6.6", b"127.9.9.9", b"frozen.test", b"https", b"443", b"for=6.6.6.6", b"DELETE", b"get", b"/admin", b"", b"5", b"mine"))
        add_line([random.choice(CLAIMS) + b": " + value])(parts, random)


def handshake(parts, random):
    """Asks for a tunnel, mostly as one should; what is sent next is behind it before anybody has agreed."""
    drop_framing(parts)
    swap([b"GET"] * 6 + [b"POST"], "method")(parts, random)
    swap([b"HTTP/1.1"] * 9 + [b"HTTP/1.0"], "version")(parts, random)
    lines = [b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    how = random.random()
    if how < 0.3:
        del lines[random.randrange(len(lines))]
    elif how < 0.4:
        lines.append(random.choice(lines))
    elif how < 0.6:
        lines[random.randrange(4)] = random.choice((b"Connection: keep-alive, upgrade", b"Upgrade: WebSocket", b"Upgrade: h2c, websocket", b"Sec-WebSocket-Version: 8",
                                                    b"Sec-WebSocket-Key: short", b"Upgrade: websocket/13", b"Content-Length: 5", b"Transfer-Encoding: chunked",
                                                    b"Content-Length: 0"))
    for line in lines:
        add_line([line])(parts, random)
    parts.append(["surplus", random.choice(HIDDEN + [b"", b"\x81\x05hello", b"hello"])])


def framing_with_any_byte(parts, random):
    """A framing line with one byte, any byte, in front of, behind or within its name or value."""
    drop_framing(parts)
    swap([b"POST"], "method")(parts, random)
    body = random.choice(BODIES[1:] + HIDDEN)
    name, value, tail = random.choice(((b"Transfer-Encoding", b"chunked", chunked(body, random)),
                                       (b"Content-Length", b"%d" % len(body), [["data", body]])))
    byte = bytes([random.randrange(256)])
    places = [byte + name + b": " + value, name + byte + b": " + value, name + b":" + byte + value, name + b": " + byte + value, name + b": " + value + byte]
    cut = random.randrange(1, len(name))
    places += [name[:cut] + byte + name[cut:] + b": " + value, name[:cut] + byte + name[cut + 1:] + b": " + value]
    cut = random.randrange(len(value))
    places += [name + b": " + value[:cut] + byte + value[cut:], name + b": " + value[:cut] + byte + value[cut + 1:]]
    parts.insert(random.choice(line_starts(parts) or [0]), ["raw-line", random.choice(places) + b"\r\n"])
    parts += tail


def spilled_chunk(parts, random):
    """More or less data than the size says, and an end that is one byte, none, or another's."""
    swap([b"POST"], "method")(parts, random)
    swap([b"HTTP/1.1"], "version")(parts, random)
    drop_framing(parts)
    parts[head_end(parts):head_end(parts)] = field(b"Transfer-Encoding", b"chunked")
    end = random.choice((b"\n", b"\r", b"", b"XX", b"\rX", b"\r\r", b"\n\n", b"\nX", b"\r\n\r\n"))
    data, hidden = b"A" * random.choice((1, 2, 5, 50)), random.choice(HIDDEN)
    size = max(0, len(data) + random.choice((-2, -1, 0, 0, 1, 2)))
    first = random.choice((b"%x\r\n" % size, b"%x;%s\r\n" % (size, end), b"%x;a%sX\r\n" % (size, end), b"%x%s" % (size, end)))
    parts.append(["data", first + data + end + random.choice((b"0\r\n\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden), b"0\r\n\r\n" + hidden))])


def large_body(parts, random):
    """Over the size of buffers, and at their edges."""
    drop_framing(parts)
    swap([b"POST", b"PUT"], "method")(parts, random)
    body = random.choice((b"y", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n")) * random.choice((500, 2000, 3400))
    body = body[:random.choice((16383, 16384, 16385, 32768, 40000, 66000))]
    if random.random() < 0.5:
        parts[head_end(parts):head_end(parts)] = field(b"Content-Length", b"%d" % len(body))
        parts.append(["data", body])
    else:
        parts[head_end(parts):head_end(parts)] = field(b"Transfer-Encoding", b"chunked")
        parts += chunked(body, random, extensions=random.random() < 0.3)


def must_be_chunked(bend):
    """Bends of chunks need some."""
    def bent(parts, random):
        if place(parts, random, "size", "last-size") is None:
            drop_framing(parts)
            swap([b"POST"], "method")(parts, random)
            swap([b"HTTP/1.1"], "version")(parts, random)
            parts[head_end(parts):head_end(parts)] = field(b"Transfer-Encoding", b"chunked")
            parts += chunked(random.choice(BODIES[1:] + HIDDEN), random)
        bend(parts, random)
    return bent


BENDS = {
    "method": swap(ODD_METHODS, "method"),
    "target": swap(ODD_TARGETS, "target"),
    "bytes in the target": around(SPECIAL, "target"),
    "version": swap(ODD_VERSIONS, "version"),
    "space": swap([b"", b"  ", b"\t", b"\x0b", b"\x0c", b"\r", b"\n", b"\x00", b"\xa0", b" \t", b"\r\n ", b"%20", b"\x1f", b"\x85"], "space"),
    "host": swap(BAD_HOSTS, "value"),
    "end of a line": swap(LINE_ENDS, "line-end"),
    "end of the head": swap(LINE_ENDS + [b"", b"\n"], "head-end"),
    "colon": swap(COLONS, "colon"),
    "blank behind the colon": swap([b"\x0b", b"\x0c", b"\r\n ", b"\x00", b"\xa0", b"\x85", b"\n ", b"\r ", b"\t\t", b"   ", b"\x1f"], "blank"),
    "bytes in a name": around(SPECIAL, "name"),
    "bytes in a value": around(SPECIAL, "value"),
    "another line": add_line(FIELD_LINES),
    "another line ": add_line(FIELD_LINES),
    "a line twice": repeat_line,
    "two framings": two_framings,
    "two framings ": two_framings,
    "two framings  ": two_framings,
    "one framing": one_framing,
    "one framing ": one_framing,
    "connection names": connection_names,
    "connection names ": connection_names,
    "claims": claims,
    "handshake": handshake,
    "handshake ": handshake,
    "framing with any byte": framing_with_any_byte,
    "framing with any byte ": framing_with_any_byte,
    "spilled chunk": spilled_chunk,
    "spilled chunk ": spilled_chunk,
    "large body": large_body,
    "chunk size": must_be_chunked(numbered(SIZES, "size", "last-size")),
    "chunk size ": must_be_chunked(numbered(SIZES, "size", "last-size")),
    "chunk extension": must_be_chunked(swap(EXTENSIONS, "extension")),
    "end of a chunk line": must_be_chunked(swap(LINE_ENDS, "chunk-line-end")),
    "end of chunk data": must_be_chunked(swap(LINE_ENDS + [b"xx", b"\rx", b"x\n"], "data-end")),
    "end of chunks": must_be_chunked(swap(LINE_ENDS + [b"X"], "final-end")),
    "trailers": must_be_chunked(add_trailers),
    "chunk data": must_be_chunked(wrong_data_size),
    "a part lost": drop_part,
    "a part twice": repeat_part,
    "end too early": end_early,
    "more than announced": more_than_announced,
    "in front": in_front,
    "any byte": any_byte,
    "any byte ": any_byte,
    "many fields": many_fields,
}


def make(random):
    count = random.choice((1, 1, 1, 2, 2, 3, 4))
    host = random.choice(HOSTS) if random.random() < 0.5 else None
    requests = [good(random, host) for _ in range(count)]
    bends = []
    for _ in range(random.choices((0, 1, 2, 3), (12, 70, 14, 4))[0]):
        name = random.choice(list(BENDS))
        parts = random.choice(requests)
        if parts:
            BENDS[name](parts, random)
            bends.append(name.strip())
    data = b"".join(text for parts in requests for _, text in parts)
    if data and random.random() < 0.1:
        data = with_one_byte(data, random)
        bends.append("one byte")
    plan = random.choices(("answer", "close", "early", "chunked", "continue"), (75, 8, 6, 5, 6))[0]
    if "handshake" in bends and random.random() < 0.6:
        plan = "switch"
    waits = random.random() < (0.5 if plan in ("early", "continue") else 0.05)
    return Case(data, with_waits(data, random) if waits else fragments(data, random), bends, random.choice(("now", "now", "late")), plan)
