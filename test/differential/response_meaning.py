"""What the bytes of a host mean to halfdoor: the rules of responses once more, written down apart from its code."""

import re

from meaning import BAD_IN_HEAD, HOP_BY_HOP, MAY_GO, MUST_STAY, Meaning, read_chunks
from strict import DIGITS, VERSION, Refused, framing_of, parse_field_lines, values_of

HEAD_LIMIT, MOST_FIELDS, MOST_INTERIM, MOST_CONNECTION_OPTIONS = 65536, 200, 16, 64
STATUS_LINE = re.compile(rb"(HTTP/1\.[0-9]) ([1-5][0-9]{2})(?: (.*))?\Z", re.DOTALL)
# Of these it does not matter whether Connection took them with it.
STAYS_IN_RESPONSES = MUST_STAY | {b"set-cookie", b"location", b"www-authenticate", b"vary", b"etag", b"date"}


class Answer:
    """A response. `verdict`:

    relay   the client gets this response, whole
    cut     it gets a beginning of it that is seen to be cut short, or 502
    bad     it gets 502
    """

    def __init__(self):
        self.verdict, self.why = "relay", ""
        self.interim = []       # [(status, fields)]
        self.status, self.reason, self.minor = 0, b"", 1
        self.fields, self.trailers = [], []
        self.framing, self.length, self.body = "none", 0, b""
        self.is_over = False    # whether it ends by itself; else only the end of the connection ends it
        self.ends_late = False  # more came behind it
        self.has_odd_trailers = False

    def __repr__(self):
        return (f"{self.verdict}{f' ({self.why})' if self.why else ''} {[s for s, _ in self.interim]} {self.status} {self.reason!r} "
                f"{self.fields} {self.framing} body={self.body[:200]!r}")


def forwarded_fields(fields):
    """(fields that a client must get, names that it may get or not)"""
    named = {option.strip(b" \t").lower() for value in values_of(fields, b"connection") for option in value.split(b",")}
    must, may = [], {b"x-request-id", b"date", b"halfdoor-mode", b"halfdoor-served-by"}
    for name, value in fields:
        lower = name.lower()
        if lower in HOP_BY_HOP:
            continue
        if lower in named and lower not in STAYS_IN_RESPONSES:
            if not MAY_GO.match(lower):
                may.add(lower)
            continue
        must.append((name, value))
    return must, may


def read_head(data, at, answer, method):
    """The place behind a head; -1: it never ends."""
    end = data.find(b"\r\n\r\n", at)
    if BAD_IN_HEAD.search(data, at, len(data) if end < 0 else end + 4):
        raise Refused("control byte, bare CR or LF")
    if (len(data) if end < 0 else end) - at + 4 > HEAD_LIMIT:
        raise Refused("head too large")
    if end < 0:
        return -1
    lines = data[at:end].split(b"\r\n")
    found = STATUS_LINE.match(lines[0])
    if not found:
        raise Refused("bad status line")
    answer.minor = 0 if found.group(1) == b"HTTP/1.0" else 1
    answer.status, answer.reason = int(found.group(2)), found.group(3) or b""
    answer.fields = parse_field_lines(lines[1:])
    if len(answer.fields) > MOST_FIELDS:
        raise Refused("too many fields")
    if answer.status == 101:
        raise Refused("101 that nobody asked for")
    answer.framing, answer.length = framing_of(answer.fields, answer.minor)
    options = [option for value in values_of(answer.fields, b"connection") for option in value.split(b",") if option.strip(b" \t")]
    if len(options) > MOST_CONNECTION_OPTIONS:
        raise Refused("too many connection options")
    if method == b"HEAD" or answer.status < 200 or answer.status in (204, 304):
        answer.framing = "none"
    elif answer.framing == "none":
        answer.framing = "close"
    return end + 4


def read_body(data, at, answer):
    """Leaves in `answer` what the rest of the bytes is to it."""
    if answer.framing == "close":
        answer.body = data[at:]
        return
    if answer.framing == "length":
        answer.body = data[at:at + answer.length]
        end = at + answer.length if len(data) >= at + answer.length else -1
    elif answer.framing == "chunked":
        chunks = Meaning()
        try:
            end = read_chunks(data, at, chunks)
        finally:
            answer.body, answer.trailers = chunks.body, chunks.trailers
        answer.has_odd_trailers = chunks.has_odd_trailers
    else:
        end = at
    answer.is_over = end >= 0
    answer.ends_late = 0 <= end < len(data)
    if end < 0:
        raise Refused("its end does not come")


def read_server(data, method, is_reset):
    """What a host that sends `data` in answer to `method`, and then ends (or resets) the connection, means."""
    answer, at = Answer(), 0
    try:
        while True:
            begin = at
            at = read_head(data, at, answer, method)
            if at < 0:
                raise Refused("closed in a head" if begin < len(data) else "closed without a response")
            if answer.status >= 200:
                break
            answer.interim.append((answer.status, answer.fields))
            if len(answer.interim) > MOST_INTERIM:
                raise Refused("too many interim responses")
    except Refused as refusal:
        answer.verdict, answer.why = "bad", str(refusal)
        return answer
    try:
        read_body(data, at, answer)
    except Refused as refusal:
        answer.verdict, answer.why = "cut", str(refusal)
    if is_reset and not answer.is_over:
        answer.verdict = "cut"
    return answer
