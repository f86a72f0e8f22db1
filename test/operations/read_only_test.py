"""Every way round the read-only mode that can be seen in a head, over a real socket: nothing refused reaches a host."""

import json

from daemon import service_toml
from story import OperationsTest, main
from wire import Cut

RULES = '''allow = ["POST /login", "POST /api/*/search"]
deny = ["GET /bookings/*/cancel", "GET /index.php?action=delete"]
graphql = ["/graphql"]'''
NOTICE = (503,)
BAD = (400,)


def raw(method, target, *lines, body=b"", host="salon.test"):
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", *lines]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def refused_methods():
    for method in ("POST", "PUT", "PATCH", "DELETE", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK",
                   "REPORT", "SEARCH", "QUERY", "PURGE", "BREW", "post", "Get", "get", "HEAd"):
        yield raw(method, f"/method/{method}"), NOTICE
        yield raw(method, f"/method/{method}", "Content-Length: 3", body=b"a=b"), NOTICE
    for method in ("CONNECT", "TRACE"):
        yield raw(method, "salon.test:80" if method == "CONNECT" else "/trace"), (405,)
    for method in ("PO(ST", "GE\tT", "G@T", "\"GET\""):
        yield raw(method, "/ill-formed"), BAD


def overrides():
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x-http-method-override"):
        yield raw("GET", f"/override/{name}", f"{name}: DELETE"), NOTICE
        yield raw("HEAD", f"/override/{name}", f"{name}: post"), NOTICE
        yield raw("POST", f"/override/{name}", f"{name}: GET"), NOTICE
        yield raw("GET", f"/override/{name}/twice", f"{name}: GET", f"{name}: DELETE"), NOTICE
        yield raw("GET", f"/override/{name}/twice", f"{name}: DELETE", f"{name}: GET"), NOTICE
        yield raw("GET", f"/override/{name}/list", f"{name}: GET, DELETE"), NOTICE
        yield raw("POST", "/login", f"{name}: DELETE", "Content-Length: 0"), NOTICE
        yield raw("POST", "/login", f"{name}: PUT", "Content-Length: 0"), NOTICE
    for query in ("_method=DELETE", "_method=delete", "a=1&_method=PUT", "%5Fmethod=DELETE", "_%6dethod=DELETE", "_method[]=DELETE",
                  "_method%5B%5D=DELETE", "_method=GET&_method=DELETE", "_method=DELETE&_method=GET", "_METHOD=DELETE",
                  "_method=D%45LETE", "a=1;_method=DELETE", "_method[x]=DELETE"):
        yield raw("GET", f"/query?{query}"), NOTICE
        yield raw("POST", f"/login?{query}", "Content-Length: 0"), NOTICE


def bodies_of_safe_requests():
    for method in ("GET", "HEAD", "OPTIONS"):
        yield raw(method, "/with-body", "Content-Length: 3", body=b"a=b"), NOTICE
        yield raw(method, "/with-body", "Transfer-Encoding: chunked", body=b"3\r\na=b\r\n0\r\n\r\n"), NOTICE


def reads_that_write():
    for target in ("/bookings/7/cancel", "/bookings/7/cancel/", "/bookings/7/cancel.json", "/Bookings/7/CANCEL",
                   "/bookings//7/cancel", "//bookings/7/cancel", "/bookings/./7/cancel", "/x/../bookings/7/cancel",
                   "/bookings/7/%63ancel", "/bookings/7/%2563ancel", "/%62ookings/7/cancel", "/bookings;a=1/7/cancel",
                   "/bookings/7/cancel;jsessionid=1", "/bookings/7/cancel?x=1", "/bookings/7/cancel%2f", "/bookings%2f7%2fcancel",
                   "/index.php?action=delete", "/index.php?x=1&action=delete", "/index.php?action=dele%74e",
                   "/index.php?%61ction=delete", "/index.php?action=view&action=delete", "/INDEX.PHP?action=delete"):
        for method in ("GET", "HEAD"):
            yield raw(method, target), NOTICE


def tricks_against_allow():
    for target in ("//login", "/./login", "/x/../login", "/%6cogin", "/login/", "/login/.", "/login/..", "/login;x", "/login;",
                   "/LOGIN", "/Login", "/login.", "/login%20", "/login%2f", "/login%5c", "/login%2e", "/log%2fin", "/%2flogin",
                   "/api/../login", "/api/%2e%2e/login", "/api/a/search/", "/api/a/b/search", "/api//search", "/api/a%2fb/search",
                   "/api/%2e%2e/search", "/api/.%2e/search", "/api/a;b/search", "/api/./search", "/api/../search",
                   "/login%c0%af", "/api/%c0%ae%c0%ae/search", "/login%ff", "/login\\", "/login|", "/login%252f", "/loginx"):
        yield raw("POST", target, "Content-Length: 0"), (503, 400)
    for target in ("/login%00", "/login%", "/login%zz", "/../login", "/%2e%2e/login", "/x/../../login", "/login%1"):
        yield raw("POST", target, "Content-Length: 0"), BAD


def other_forms():
    yield raw("POST", "http://salon.test/absolute", "Content-Length: 0"), NOTICE
    yield raw("POST", "http://SALON.test:80/absolute", "Content-Length: 0"), NOTICE
    yield raw("DELETE", "http://salon.test/login", "Content-Length: 0", host="other.test"), NOTICE
    for host in ("SALON.TEST", "salon.test:80", "salon.test.", "Salon.Test.:8080"):
        yield raw("POST", "/host", "Content-Length: 0", host=host), NOTICE
    yield b"POST /old HTTP/1.0\r\nHost: salon.test\r\nContent-Length: 0\r\n\r\n", NOTICE
    yield raw("POST", "/unknown-host", "Content-Length: 0", host="other.test"), (421,)
    yield raw("POST", "/no-length"), NOTICE
    yield raw("POST", "/empty", "Content-Length: 0"), NOTICE
    yield raw("POST", "/expect", "Expect: 100-continue", "Content-Length: 9"), NOTICE
    yield raw("POST", "/trailers", "Transfer-Encoding: chunked", "Trailer: X-A", body=b"1\r\na\r\n0\r\nX-A: b\r\n\r\n"), NOTICE
    yield raw("GET", "/socket", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), NOTICE
    yield raw("GET", "/socket", "Connection: Upgrade", "Upgrade: h2c, WebSocket", "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), NOTICE
    yield raw("POST", "/h2c", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__",
              "Content-Length: 0"), NOTICE


FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"
GRAPHQL = "Content-Type: application/graphql"


def with_body(method, target, body, *lines, chunks=0):
    body = body.encode() if isinstance(body, str) else body
    if not chunks:
        return raw(method, target, *lines, f"Content-Length: {len(body)}", body=body)
    pieces = [body[i:i + chunks] for i in range(0, len(body), chunks)]
    coded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return raw(method, target, *lines, "Transfer-Encoding: chunked", body=coded)


def overrides_in_bodies():
    multipart = "Content-Type: multipart/form-data; boundary=x"
    part = '--x\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--x--\r\n'
    for lines, body in (((FORM,), "a=1&_method=DELETE"), ((), "_method=delete"), ((FORM,), "%5FMETHOD%5B%5D=PUT"),
                        ((FORM,), "_method=POST;_method=DELETE"), ((JSON,), '{"_method": "DELETE"}'),
                        ((JSON,), '{"a": [{"\\u005fmethod": "PUT"}]}'), ((JSON,), "{'_method': 'DELETE'}"),
                        ((JSON,), '{"a": 1}\0{"_method": "DELETE"}'), ((multipart,), part),
                        ((multipart,), "preamble\r\n" + part), ((FORM, "Content-Encoding: gzip"), "a=1"),
                        ((FORM, FORM), "a=1"), ((FORM + "; charset=utf-7",), "+AF8-method=DELETE"),
                        ((FORM,), "a=" + "x" * 70_000), ((FORM,), "a=" + "x" * 70_000 + "&_method=DELETE")):
        for chunks in (0, 7, 40_000):
            yield with_body("POST", "/login", body, *lines, chunks=chunks), NOTICE


def graphql():
    yield raw("GET", "/graphql?query=mutation%7Ba%7D"), NOTICE
    yield raw("HEAD", "/graphql?query=mutation%7Ba%7D"), NOTICE
    yield raw("GET", "/GraphQL?query=mutation%7Ba%7D"), NOTICE
    yield raw("GET", "/%67raphql?%71uery=mutation%7Ba%7D"), NOTICE
    yield raw("GET", "/graphql?query=%7Ba%7D&query=mutation%7Ba%7D"), NOTICE
    yield raw("POST", "/graphql?query=mutation%7Ba%7D", "Content-Length: 0"), NOTICE
    for lines, body in (((JSON,), '{"query": "mutation { a }"}'), ((JSON,), '{"query": "{a}", "query": "mutation {a}"}'),
                        ((JSON,), '{"query": "{a}", "Query": "mutation {a}"}'), ((JSON,), '[{"query": "{a}"}, {"query": "mutation{b}"}]'),
                        ((JSON,), '{"query": "query A{a} mutation B{b}", "operationName": "A"}'),
                        ((JSON,), '{"query": "# {a}\\nmutation{b}"}'), ((JSON,), '{"query": "{a} # \u2028mutation{b}"}'),
                        ((JSON,), '{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0"}}}'),
                        ((JSON,), '{"query": "subscription { a }"}'), ((JSON,), '{"query": "{a}"} // x'),
                        ((JSON,), '{"query": "{a}"}'.encode("utf-16")), ((JSON, "Content-Encoding: gzip"), '{"query": "{a}"}'),
                        ((GRAPHQL,), "mutation { a }"), ((GRAPHQL,), "{a} mutation {b}"), ((FORM,), "query={a}"), ((), '{"query": "{a}"}'),
                        ((JSON,), '{"query": "{' + "a " * 40_000 + '}"}')):
        for chunks in (0, 5):
            yield with_body("POST", "/graphql", body, *lines, chunks=chunks), NOTICE


def smuggled():
    inner = "POST /smuggled HTTP/1.1\r\nHost: salon.test\r\nContent-Length: 0\r\n\r\n"
    body = f"0\r\n\r\n{inner}".encode()
    yield raw("GET", "/outer", f"Content-Length: {len(body)}", "Transfer-Encoding: chunked", body=body), BAD
    yield raw("GET", "/outer", "Transfer-Encoding: identity", f"Content-Length: {len(body)}", body=body), BAD
    yield raw("GET", "/outer", "Transfer-Encoding: chunked, chunked", body=body), BAD
    yield raw("GET", "/outer", "Transfer-Encoding: xchunked", body=body), (400, 501)
    yield raw("GET", "/outer", "Transfer-Encoding : chunked", body=body), BAD
    yield raw("GET", "/outer", "Content-Length: 0", f"Content-Length: {len(inner)}", body=inner.encode()), BAD
    yield raw("GET", "/outer", f"Content-Length: 0, {len(inner)}", body=inner.encode()), BAD
    yield raw("GET", "/outer", "Content-Length: +0", body=inner.encode()), BAD
    yield raw("GET", "/outer", "X-A: b\nPOST /smuggled HTTP/1.1"), BAD
    yield raw("GET", "/outer", "X-A: b\rContent-Length: 9"), BAD
    yield raw("GET", "/outer", "X-A: b\0c"), BAD
    yield raw("GET", "/outer\r\nX-A:", body=inner.encode()), BAD
    yield b"GET /outer HTTP/1.1\nHost: salon.test\n\n" + inner.encode(), BAD


ROWS = [refused_methods, overrides, bodies_of_safe_requests, reads_that_write, tricks_against_allow, other_forms, overrides_in_bodies,
        graphql, smuggled]

PASSES = [raw("GET", "/look"), raw("HEAD", "/look"), raw("OPTIONS", "/look"), raw("GET", "/look", "Content-Length: 0"),
          raw("GET", "/look", "X-HTTP-Method-Override: GET"), raw("GET", "/index.php?action=view"), raw("GET", "/login"),
          raw("GET", "http://salon.test/look"), raw("GET", "/look", host="SALON.test.:80"), raw("GET", "/bookings/7"),
          raw("GET", "/look?q=a|b"), raw("GET", "/a%2fb"),
          raw("GET", "/look", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")]
ALLOWED = [raw("POST", "/login", "Content-Type: text/plain", "Content-Length: 3", body=b"a=b"),
           raw("POST", "/api/salons/search", "Content-Length: 0"),
           with_body("POST", "/login", "name=anna&password=anna", FORM), with_body("POST", "/login", "name=anna", chunks=2),
           with_body("POST", "/login", '{"name": "anna", "_method": "POST"}', JSON),
           with_body("POST", "/login", "name=" + "x" * 65_531, FORM), with_body("POST", "/graphql", '{"query": "{a}"}', JSON, chunks=3),
           with_body("POST", "/graphql", "query Q { a(b: \"mutation\") }", GRAPHQL), raw("GET", "/graphql?query=%7Ba%7D")]


class ReadOnlyTest(OperationsTest):
    def start(self, mode):
        self.primary, self.backup = self.pair()
        daemon = self.halfdoor(service_toml([self.primary], [self.backup], hosts=["salon.test"], read_only=RULES))
        for verb in {"primary": [], "primary-readonly": ["freeze"], "backup-readonly": ["failover"], "closed": ["close"]}[mode]:
            self.change(daemon, verb)
        return daemon

    def arrivals(self):
        return self.primary.arrivals() + self.backup.arrivals()

    def send(self, daemon, data):
        """The answer to raw bytes, on a connection of its own."""
        with daemon.connect(timeout=10) as client:
            client.send(data)
            try:
                return client.read_response(data.split(b" ", 1)[0].decode("latin-1"))
            except Cut as cut:
                self.fail(f"no answer to {data[:200]!r}: {cut}")

    def assert_all_refused(self, daemon, mode):
        for rows in ROWS:
            for data, expected in rows():
                answer = self.send(daemon, data)
                shown = data[:160].decode("latin-1")
                with self.subTest(mode=mode, row=rows.__name__, request=shown):
                    self.assertIn(answer.status, expected, shown)
                    if expected == NOTICE and answer.status == 503:
                        self.assertTrue((answer.field("Halfdoor-Mode") or "").startswith(mode))
                        self.assertEqual(answer.field("Cache-Control"), "no-store")
                        self.assertGreater(int(answer.field("Retry-After")), 0)
                        self.assertEqual(answer.interim, [])
                arrived = self.arrivals()
                self.assertEqual(arrived, [], f"{shown!r} reached a host")

    def test_nothing_refused_reaches_a_host_in_backup_readonly(self):
        daemon = self.start("backup-readonly")
        self.assert_all_refused(daemon, "backup-readonly")
        self.assert_passes(daemon, PASSES + ALLOWED, "backup")
        self.assertEqual(daemon.metric("halfdoor_second_guard_total"), 0)

    def test_nothing_refused_reaches_a_host_in_primary_readonly(self):
        daemon = self.start("primary-readonly")
        self.assert_all_refused(daemon, "primary-readonly")
        self.assert_passes(daemon, PASSES + ALLOWED, "primary")

    def test_nothing_at_all_reaches_a_host_in_closed(self):
        daemon = self.start("closed")
        self.assert_all_refused(daemon, "closed")
        for data in PASSES + ALLOWED:
            self.assertEqual(self.send(daemon, data).status, 503, data)
        self.assertEqual(self.arrivals(), [])

    def assert_passes(self, daemon, requests, side):
        for data in requests:
            answer = self.send(daemon, data)
            self.assertEqual((answer.status, answer.field("X-Host")), (200, side), data)
        for arrival in self.arrivals():
            for word in ("upgrade:", "http2-settings:", "http://"):
                self.assertNotIn(word, arrival.raw.lower())

    def test_what_is_ill_formed_reaches_no_host_in_primary_either(self):
        daemon = self.start("primary")
        for rows in (smuggled,):
            for data, expected in rows():
                with self.subTest(request=data[:160]):
                    self.assertIn(self.send(daemon, data).status, expected)
        self.assertEqual(self.arrivals(), [])
        self.assert_passes(daemon, PASSES + ALLOWED, "primary")

    def test_the_notice_is_right_for_whoever_asks(self):
        daemon = self.start("backup-readonly")

        def notice(*lines, method="POST"):
            return self.send(daemon, raw(method, "/book", *lines, "Content-Length: 3", body=b"a=b"))

        for accept, kind in (("text/html,application/xhtml+xml", "text/html"), ("application/json", "json"), ("text/plain", "text/plain"),
                             ("*/*", "text/plain")):
            self.assertIn(kind, notice(f"Accept: {accept}").field("Content-Type"), accept)
        self.assertIn("json", notice("Sec-Fetch-Dest: empty").field("Content-Type"))
        self.assertIn("json", notice("X-Requested-With: XMLHttpRequest").field("Content-Type"))
        self.assertIn("json", notice("Content-Type: application/json").field("Content-Type"))
        self.assertIn("html", notice("Sec-Fetch-Mode: navigate").field("Content-Type"))
        for name in ("Accept", "Accept-Language", "Origin"):
            self.assertIn(name, notice().field("Vary"))
        answer = notice("Origin: https://app.test")
        self.assertEqual(answer.field("Access-Control-Allow-Origin"), "https://app.test")
        self.assertEqual(answer.field("Access-Control-Allow-Credentials"), "true")
        head = notice(method="HEAD")
        self.assertEqual((head.status, head.body), (503, b""))
        seconds = {int(notice().field("Retry-After")) for _ in range(12)}
        self.assertGreater(len(seconds), 1, "everybody comes back in the same second")
        self.assertEqual(self.arrivals(), [])

    def test_the_mode_is_told_at_the_well_known_place(self):
        daemon = self.start("backup-readonly")

        answer = self.send(daemon, raw("GET", "/.well-known/halfdoor"))
        self.assertEqual(answer.status, 200)
        told = json.loads(answer.body)
        self.assertEqual((told["service"], told["mode"], told["read_only"], told["epoch"]), ("salon", "backup-readonly", True, 2))
        self.assertEqual(self.arrivals(), [])


if __name__ == "__main__":
    main()
