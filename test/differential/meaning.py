"""What the bytes of a client mean to halfdoor: the rules of requests once more, written down apart from its code.

`read_client(data)` gives what a client's whole byte stream says, request by request: a list of `Meaning`. It is the
reference that the forwarded bytes are held against: only what stands here as `pass` (or `either`) may reach a host.
"""

import ipaddress
import re

from strict import DIGITS, MOST_BYTES, VERSION, Refused, is_token, parse_field_lines, parse_length, values_of

FROZEN_HOST = b"frozen.test"  # the service that takes no writes; every other host name belongs to one that does
REQUEST_LINE_LIMIT, HEAD_LIMIT, MOST_FIELDS = 8192, 32768, 100
CHUNK_LINE_LIMIT, EXTENSIONS_LIMIT, MOST_CONNECTION_OPTIONS = 1024, 16384, 64

BAD_IN_HEAD = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?=[^\n])|(?<!\r)\n")
TARGET = re.compile(rb"[!\"$-~]+\Z")
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
HOST_NAME = re.compile(rb"([-_~0-9A-Za-z]+(?:\.[-_~0-9A-Za-z]+)*)\.?\Z")
PORT = re.compile(rb"(?::([0-9]{0,5}))?\Z")
EXTENSION = re.compile(rb"(?:[ \t]*;[ \t]*[!#-'*+\-.^-z|~0-9A-Z]+"
                       rb"(?:[ \t]*=[ \t]*(?:[!#-'*+\-.^-z|~0-9A-Z]+|\"(?:[^\"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*\"))?)*\Z")

HOP_BY_HOP = {b"connection", b"content-length", b"http2-settings", b"keep-alive", b"proxy-authenticate",
              b"proxy-authorization", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
# Written anew, whatever the client said of them.
REPLACED = {b"forwarded", b"x-request-id"}
FORWARDED_LIKE = re.compile(rb"x[^0-9a-z]forwarded[^0-9a-z]")
# Framing, routing and who one is: Connection cannot name them away.
MUST_STAY = {b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"cookie",
             b"authorization", b"expect", b"x-http-method-override", b"x-http-method", b"x-method-override", b"accept",
             b"origin", b"range", b"if-match", b"cache-control"}
MAY_GO = re.compile(rb"x-(?!forwarded|real|http|method|request)")
# Never in a trailer; what else of the known fields is refused there is halfdoor's to choose.
NOT_IN_TRAILERS = {b"transfer-encoding", b"content-length", b"host", b"authorization", b"proxy-authorization",
                   b"cookie", b"set-cookie", b"connection", b"upgrade", b"te", b"trailer", b"expect", b"content-type",
                   b"content-encoding", b"x-http-method-override", b"x-forwarded-for", b"forwarded", b"cache-control"}
# A name that becomes one of these once "_", "." and the like are read as "-" is a disguise.
DISGUISED = {b"content-length", b"transfer-encoding", b"host", b"connection", b"x-http-method-override",
             b"x-forwarded-for", b"authorization", b"cookie", b"upgrade", b"expect", b"x-forwarded-host",
             b"content-type", b"forwarded", b"x-http-method", b"x-method-override"}
SAFE = (b"GET", b"HEAD", b"OPTIONS")


class Meaning:
    """One request. `verdict`:

    pass      it goes to a host
    refuse    nothing of it leaves, and nothing behind it is read as a request
    local     halfdoor answers it itself; what is behind it is read
    either    pass, refuse and local are all right
    broken    its head passes, its body never ends well: what has left must not be complete
    """

    def __init__(self):
        self.verdict, self.why = "pass", ""
        self.status = 0  # what the client is told, if it is refused; 400 is never wrong
        self.method = self.target = self.host = b""
        self.minor = 1
        self.fields, self.trailers = [], []
        self.framing, self.length = "none", 0
        self.body = b""
        self.end = -1                # the place behind it, if its end came
        self.closes = False          # nothing behind it is read as a request
        self.may_close = False       # … or perhaps
        self.is_frozen = False
        self.takes_trailers = False
        self.has_odd_trailers = False  # of which halfdoor may think that they have no place there

    def __repr__(self):
        closes = " closes" if self.closes else " may close" if self.may_close else ""
        return (f"{self.verdict}{f' ({self.why})' if self.why else ''}{closes}{' frozen' if self.is_frozen else ''} "
                f"{self.method!r} {self.target!r} host={self.host!r} {self.fields} body={self.body[:200]!r}"
                f"{f' trailers={self.trailers}' if self.trailers else ''}")

    def forwarded_fields(self):
        """(fields that a host must get, names that it may get or not)"""
        named = {option.strip(b" \t").lower() for value in values_of(self.fields, b"connection")
                 for option in value.split(b",")}
        must, may = [], set()
        for name, value in self.fields:
            lower = name.lower()
            if lower in HOP_BY_HOP or lower in REPLACED or lower == b"host" or FORWARDED_LIKE.match(lower):
                continue
            if lower == b"expect" and self.minor == 0:
                continue
            if lower in named and lower not in MUST_STAY:
                if not MAY_GO.match(lower):
                    may.add(lower)
                continue
            must.append((name, value))
        return must, may


def normal_host(authority):
    """The name of an authority in lower case, without port and trailing dot."""
    if authority[:1] == b"[":
        literal, bracket, port = authority[1:].partition(b"]")
        try:
            ipaddress.IPv6Address(literal.decode("ascii"))
        except ValueError:
            raise Refused("bad IPv6 address") from None
        if not bracket or b"%" in literal:
            raise Refused("bad IPv6 address")
        name = b"[" + literal + b"]"
    else:
        name, colon, port = authority.partition(b":")
        port = colon + port
        match = HOST_NAME.match(name)
        if not match or len(match.group(1)) > 255:
            raise Refused("bad host name")
        name = match.group(1)
    port = PORT.match(port)
    if not port or (port.group(1) and int(port.group(1)) > 65535):
        raise Refused("bad port")
    return name.lower()


def check_path(path):
    if BAD_ESCAPE.search(path):
        raise Refused("bad escape in the path")
    decoded = ESCAPE.sub(lambda match: bytes([int(match.group(1), 16)]), path)
    if b"\0" in decoded:
        raise Refused("%00 in the path")
    depth = 0
    for segment in decoded.split(b"/"):
        segment = segment.partition(b";")[0]
        if segment == b"..":
            depth -= 1
        elif segment not in (b"", b"."):
            depth += 1
        if depth < 0:
            raise Refused("path climbs above the root")


def read_request_line(line, meaning):
    """Returns the authority of an absolute-form target."""
    parts = line.split(b" ")
    if len(parts) != 3:
        last = VERSION.match(parts[-1])
        raise Refused("request line without three parts", 505 if last and last.group(1) not in b"01" else 400)
    method, target, version = parts
    if not is_token(method):
        raise Refused("method is not a token")
    meaning.method = method
    found = VERSION.match(version)
    if not found or found.group(1) == b"0":
        raise Refused("bad version")
    if found.group(1) != b"1":
        raise Refused("version above 1", 505)
    meaning.minor = 0 if found.group(2) == b"0" else 1
    if not TARGET.match(target):
        raise Refused("bad byte in the target")
    if method in (b"CONNECT", b"TRACE"):
        raise Refused("method that is never allowed", 405)
    authority = b""
    if target[:1] != b"/" and target != b"*":
        scheme, separator, rest = target.partition(b"://")
        if not separator or scheme.lower() not in (b"http", b"https"):
            raise Refused("target is neither origin-form nor absolute-form")
        authority = re.match(rb"[^/?]*", rest).group()
        target = rest[len(authority):]
        if not authority:
            raise Refused("absolute-form without authority")
        if not target:
            target = b"*" if method == b"OPTIONS" else b"/"
        elif target[:1] == b"?":
            target = b"/" + target
    if target == b"*":
        if method != b"OPTIONS":
            raise Refused("target * without OPTIONS")
    else:
        check_path(target.partition(b"?")[0])
    meaning.target = target
    return authority


def read_host(meaning, authority):
    hosts = values_of(meaning.fields, b"host")
    if len(hosts) > 1:
        raise Refused("several Host fields")
    if not hosts and meaning.minor > 0:
        raise Refused("Host is missing")
    name = normal_host(hosts[0]) if hosts else b""
    meaning.host = hosts[0] if hosts else b""
    if authority:
        name, meaning.host = normal_host(authority), authority
    meaning.is_frozen = name == FROZEN_HOST


def read_framing(meaning):
    lengths = values_of(meaning.fields, b"content-length")
    codings = values_of(meaning.fields, b"transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Refused("framing said more than once")
    if lengths:
        meaning.framing, meaning.length = "length", parse_length(lengths[0])
    elif codings:
        if meaning.minor == 0:
            raise Refused("Transfer-Encoding in HTTP/1.0")
        if codings[0].lower() != b"chunked":
            names = [coding.partition(b";")[0].strip(b" \t").lower() for coding in codings[0].split(b",")]
            is_known = all(map(is_token, names)) and b"identity" not in names and names.count(b"chunked") <= 1
            raise Refused("Transfer-Encoding is not one chunked", 501 if is_known else 400)
        meaning.framing = "chunked"


def read_fields(meaning, lines):
    meaning.fields = parse_field_lines(lines)
    if len(meaning.fields) > MOST_FIELDS:
        raise Refused("too many fields", 431)
    for name, _ in meaning.fields:
        plain = re.sub(rb"[^0-9A-Za-z]", b"-", name).lower()
        if plain != name.lower() and plain in DISGUISED:
            raise Refused("field name in disguise")
        if plain != name.lower() and plain.split(b"-")[0] in (b"x", b"sec", b"accept", b"proxy", b"keep", b"max", b"retry",
                                                             b"cache", b"content", b"http2", b"halfdoor"):
            meaning.verdict, meaning.may_close = "either", True


def elements(meaning, name):
    return [part.strip(b" \t").lower() for value in meaning.values(name) for part in value.split(b",")]


def read_connection(meaning):
    fields = meaning.fields
    options = [option.strip(b" \t").lower() for value in values_of(fields, b"connection") for option in value.split(b",")]
    if len([option for option in options if option]) > MOST_CONNECTION_OPTIONS:
        raise Refused("too many connection options")
    meaning.closes = b"close" in options or (meaning.minor == 0 and b"keep-alive" not in options)
    meaning.takes_trailers = any(b"trailers" in value.lower() for value in values_of(fields, b"te"))
    for value in values_of(fields, b"upgrade"):
        if b"websocket" in value.lower():
            meaning.verdict, meaning.why, meaning.may_close = "either", "handshake", True
    expectations = values_of(fields, b"expect")
    if expectations and meaning.minor > 0:
        meaning.may_close = True
        for value in expectations:
            if value.lower() == b"100-continue":
                continue
            parts = [part.strip(b" \t").lower() for part in value.split(b",")]
            if any(part not in (b"", b"100-continue") for part in parts):
                raise Refused("unknown expectation", 417)
            meaning.verdict = "either"


def judge_frozen(meaning):
    """A service that takes no writes."""
    has_body = meaning.framing == "chunked" or meaning.length > 0
    overrides = [value for name, value in meaning.fields
                 if name.lower() in (b"x-http-method-override", b"x-http-method", b"x-method-override")]
    unsafe_override = any(value and value.upper() not in SAFE for value in overrides)
    query = meaning.target.partition(b"?")[2].lower()
    if re.search(rb"(?:^|[&;])_method=(?!get|head|options)[a-z]", query):
        unsafe_override = True
    if meaning.method not in SAFE or has_body or unsafe_override or meaning.why == "handshake":
        meaning.verdict, meaning.why = "local", "a write"
    elif meaning.verdict == "pass" and (overrides or b"method" in query or b"%" in query):
        meaning.verdict = "either"


def parse_chunk_line(line):
    """(size, bytes of extensions)"""
    if len(line) > CHUNK_LINE_LIMIT:
        raise Refused("chunk line too long")
    digits = re.match(rb"[0-9A-Fa-f]{0,17}", line).group()
    if not 0 < len(digits) <= 16:
        raise Refused("bad chunk size")
    extension = line[len(digits):]
    if extension and (extension[:1] != b";" or not EXTENSION.match(extension)):
        raise Refused("bad chunk extension")
    return int(digits, 16), len(extension)


def next_line(data, at):
    """(line without CRLF, place behind it); None: its end has not come."""
    bad = BAD_IN_HEAD.search(data, at)
    end = data.find(b"\r\n", at)
    if bad and (end < 0 or bad.start() < end):
        raise Refused("control byte, bare CR or LF")
    return None if end < 0 else (data[at:end], end + 2)


def read_chunks(data, at, meaning):
    """The place behind the body, or -1 if its end has not come; leaves body and trailers in `meaning`."""
    extensions = 0
    body = bytearray()
    try:
        while True:
            line = next_line_of_chunk(data, at)
            if line is None:
                return -1
            size, extension = parse_chunk_line(line[0])
            extensions += max(0, extension - 1)
            if extensions > EXTENSIONS_LIMIT:
                raise Refused("chunk extensions too large")
            at = line[1]
            if size == 0:
                break
            if len(body) + size > MOST_BYTES:
                raise Refused("chunks too large")
            body += data[at:at + size]
            if len(data) < at + size + 2:
                end = data[at + size:]
                if end and end != b"\r":
                    raise Refused("chunk data not followed by CRLF")
                return -1
            if data[at + size:at + size + 2] != b"\r\n":
                raise Refused("chunk data not followed by CRLF")
            at += size + 2
    finally:
        meaning.body = bytes(body)
    return read_trailers(data, at, meaning)


def next_line_of_chunk(data, at):
    """A chunk line is judged byte by byte: what can no longer become a good one is bad before its end has come."""
    line = next_line(data, at)
    if line is None and not re.match(rb"(?:[0-9A-Fa-f]{0,16}\Z|[0-9A-Fa-f]{1,16}(?:\r\Z|;))", data[at:at + 2000]):
        raise Refused("bad chunk size")
    if line is None and len(data) - at > CHUNK_LINE_LIMIT + 1:
        raise Refused("chunk line too long")
    return line


def read_trailers(data, at, meaning):
    begin = at
    while True:
        line = next_line(data, at)
        if line is None:
            if len(data) - begin > HEAD_LIMIT:
                raise Refused("trailers too large")
            return -1
        if line[1] - begin > HEAD_LIMIT:
            raise Refused("trailers too large")
        at = line[1]
        if not line[0]:
            return at
        (field,) = parse_field_lines([line[0]])
        plain = re.sub(rb"[^0-9A-Za-z]", b"-", field[0]).lower()
        if plain in NOT_IN_TRAILERS:
            raise Refused("field that may not be in trailers")
        if re.match(rb"(?:x-|content-|accept|proxy-|www-|location|range|origin|max-|keep-|retry|sec-|via|date|http2|halfdoor)",
                    plain):
            meaning.has_odd_trailers = True
        meaning.trailers.append(field)
        if len(meaning.trailers) > MOST_FIELDS:
            raise Refused("too many trailers")


def read_head(data, at, meaning):
    """The place behind the head; -1 if its end has not come."""
    end = data.find(b"\r\n\r\n", at)
    bad = BAD_IN_HEAD.search(data, at, len(data) if end < 0 else end + 4)
    if bad:
        raise Refused("control byte, bare CR or LF")
    head = data[at:] if end < 0 else data[at:end]
    line_end = head.find(b"\r\n")
    if (len(head) if line_end < 0 else line_end) > REQUEST_LINE_LIMIT:
        raise Refused("request line too long", 414)
    if len(head) + 4 > HEAD_LIMIT:
        raise Refused("head too large", 431)
    if end < 0:
        return -1
    lines = head.split(b"\r\n")
    authority = read_request_line(lines[0], meaning)
    read_fields(meaning, lines[1:])
    read_host(meaning, authority)
    read_framing(meaning)
    read_connection(meaning)
    if meaning.is_frozen:
        judge_frozen(meaning)
    if meaning.target.startswith(b"/.well-known/halfdoor"):
        meaning.verdict = "either"
    return end + 4


def read_body(data, at, meaning):
    if meaning.framing == "length":
        meaning.body = data[at:at + meaning.length]
        return at + meaning.length if len(data) >= at + meaning.length else -1
    return read_chunks(data, at, meaning) if meaning.framing == "chunked" else at


def read_client(data):
    """What a client that sends `data` and then shuts its half means."""
    meanings, at = [], 0
    while at < len(data):
        if data[at:at + 2] == b"\r\n":
            at += 2
        elif data[at:] == b"\r":
            break
        if at >= len(data):
            break
        meaning = Meaning()
        try:
            if data[at:at + 2] == b"\r\n":
                raise Refused("empty request line")
            at = read_head(data, at, meaning)
        except Refused as refusal:
            meaning.verdict, meaning.why, meaning.closes = "refuse", str(refusal), True
            meaning.status = refusal.status
            meanings.append(meaning)
            break
        if at < 0:
            break
        meanings.append(meaning)
        try:
            at = meaning.end = read_body(data, at, meaning)
            broken = "its end does not come" if at < 0 else ""
        except Refused as refusal:
            broken = str(refusal)
        if broken:
            meaning.verdict = "local" if meaning.verdict == "local" else "broken"
            meaning.why, meaning.closes = broken, True
        elif meaning.has_odd_trailers:
            meaning.may_close = True
            meaning.verdict = "either" if meaning.verdict == "pass" else meaning.verdict
        if meaning.closes:
            break
    return meanings
