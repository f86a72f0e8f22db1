"""A strict reader of HTTP/1.1 (RFC 9110, 9112): what it takes can be read in one way only; everything else it refuses.

It stands where a host or a client stands: `RequestStream` reads what halfdoor sends to a host, `ResponseStream` what it
sends to a client. Both take pieces of any size, keep the place of every message in the stream, and never repair:

    stream = RequestStream()
    for request in stream.feed(piece): ...     # each as soon as its head is known; `request.complete` once its end is
    stream.refused                             # why nothing more is read, or None
    stream.finish()                            # the peer has ended the connection

Bytes are bytes here: names and values are never decoded.
"""

import re

TCHAR = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGITS = b"0123456789"
VALUE_BYTES = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
# Any visible byte but "#" (more than RFC 3986 allows: browsers send some of it, and no parser reads it in two ways);
# escapes are good ones in the path, anything in the query.
PATH = re.compile(rb"/(?:[!-\"$&->@-~]|%[0-9A-Fa-f]{2})*\Z")
QUERY = re.compile(rb"[!-\"$-~]*\Z")
HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[-._~!$&'()*+,;=0-9A-Za-z]+)(?::[0-9]*)?\Z")
VERSION = re.compile(rb"HTTP/([0-9])\.([0-9])\Z")
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}\Z")
MOST_BYTES = (1 << 63) - 1
LONGEST_HEAD = 1 << 18


class Refused(Exception):
    """This is no message that can be read in one way only; the text says why, `status` what a client is told."""

    def __init__(self, why, status=400):
        super().__init__(why)
        self.status = status


def is_token(text):
    return len(text) > 0 and not text.translate(None, TCHAR)


def parse_field_lines(lines):
    """[(name, value)] of lines without their CRLF."""
    fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise Refused("field line without colon")
        if not is_token(name):
            raise Refused("folded line" if line[:1] in (b" ", b"\t") else "field name is not a token")
        value = value.strip(b" \t")
        if value.translate(None, VALUE_BYTES):
            raise Refused("control byte in a field value")
        fields.append((name, value))
    return fields


def values_of(fields, name):
    """The values of the lines with this (lower-case) name, in order."""
    return [value for key, value in fields if key.lower() == name]


def split_head(raw):
    """The lines of a head, given with the empty line at its end."""
    lines = raw[:-4].split(b"\r\n")
    for line in lines:
        if b"\r" in line or b"\n" in line:
            raise Refused("bare CR or LF in the head")
    return lines


def parse_length(value):
    if not value or value.translate(None, DIGITS):
        raise Refused("Content-Length is no number")
    if int(value) > MOST_BYTES:
        raise Refused("Content-Length beyond 2^63-1")
    return int(value)


def framing_of(fields, minor):
    """("none" | "length" | "chunked", length) that the fields announce."""
    lengths = values_of(fields, b"content-length")
    codings = values_of(fields, b"transfer-encoding")
    if lengths and codings:
        raise Refused("Content-Length and Transfer-Encoding together")
    if len(lengths) > 1 or len(codings) > 1:
        raise Refused("framing said twice")
    if lengths:
        return "length", parse_length(lengths[0])
    if codings:
        if minor == 0:
            raise Refused("Transfer-Encoding in HTTP/1.0")
        if codings[0].lower() != b"chunked":
            raise Refused("Transfer-Encoding is not chunked")
        return "chunked", 0
    return "none", 0


class Message:
    """What requests and responses have in common. `start`, `head_end`, `end` are places in the stream."""

    def __init__(self, start):
        self.start, self.head_end, self.end = start, None, None
        self.fields, self.trailers = [], []
        self.framing, self.length = "none", 0
        self.body = bytearray()
        self.body_bytes = 0
        self.complete = False

    def values(self, name):
        return values_of(self.fields, name)


class Request(Message):
    method = target = b""

    def __repr__(self):
        return (f"{self.method!r} {self.target!r} {self.fields} {self.framing} body={bytes(self.body[:200])!r}"
                f"{f' trailers={self.trailers}' if self.trailers else ''}{'' if self.complete else ' INCOMPLETE'}")


class Response(Message):
    status, reason, minor = 0, b"", 1

    def __repr__(self):
        return (f"{self.status} {self.reason!r} {self.fields} {self.framing} body={bytes(self.body[:200])!r}"
                f"{f' trailers={self.trailers}' if self.trailers else ''}{'' if self.complete else ' INCOMPLETE'}")


class MessageStream:
    """`keeps_bodies`: False counts bodies without keeping them. `takes_extensions`: chunk extensions are no offence."""

    def __init__(self, keeps_bodies=True, takes_extensions=False):
        self.keeps_bodies, self.takes_extensions = keeps_bodies, takes_extensions
        self.buffer = b""
        self.taken = 0  # bytes of the stream in front of the buffer
        self.messages = []
        self.refused = None
        self.message = None
        self.step = self.take_head
        self.left = 0
        self.tunnel = None  # what came behind a 101, or behind the request that got it

    @property
    def is_between_messages(self):
        return self.message is None and not self.buffer

    def feed(self, data):
        """Takes a piece; gives the messages whose heads it completed."""
        self.buffer = self.buffer + data if self.buffer else data
        known = len(self.messages)
        if self.refused is None:
            try:
                while self.step():
                    pass
            except Refused as refusal:
                self.refused = f"{refusal} (behind byte {self.taken})"
        return self.messages[known:]

    def become_tunnel(self):
        """From here on these are bytes of another protocol."""
        self.tunnel = bytearray()
        self.step = self.take_tunnel

    def take_tunnel(self):
        self.tunnel += self.take(len(self.buffer))
        return False

    def finish(self):
        """The peer has ended the connection: what ends with it is complete now."""
        if self.message is not None and self.message.framing == "close" and self.refused is None:
            self.end_message()

    def take(self, count):
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        self.taken += len(taken)
        return taken

    def take_head(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > LONGEST_HEAD:
                raise Refused("head without an end")
            return False
        start = self.taken
        message = self.parse_head(split_head(self.take(end + 4)), start)
        message.head_end = self.taken
        self.message = message
        self.messages.append(message)
        self.begin_body()
        return True

    def begin_body(self):
        message = self.message
        if message.framing == "none" or (message.framing == "length" and message.length == 0):
            self.end_message()
        elif message.framing == "chunked":
            self.step = self.take_chunk_line
        else:
            self.left = message.length
            self.step = self.take_until_close if message.framing == "close" else self.take_length

    def end_message(self):
        self.message.complete = True
        self.message.end = self.taken
        self.message = None
        self.step = self.take_head
        self.on_end()

    def on_end(self):
        pass

    def take_data(self, count):
        piece = self.take(count)
        self.message.body_bytes += len(piece)
        if self.keeps_bodies:
            self.message.body += piece
        return len(piece)

    def take_length(self):
        self.left -= self.take_data(self.left)
        if self.left == 0:
            self.end_message()
        return self.left == 0

    def take_until_close(self):
        self.take_data(len(self.buffer))
        return False

    def take_line(self):
        """A line without its CRLF; None while its end is missing."""
        end = self.buffer.find(b"\n")
        if end < 0:
            if len(self.buffer) > LONGEST_HEAD:
                raise Refused("line without an end")
            return None
        line = self.take(end + 1)
        if line[-2:] != b"\r\n" or b"\r" in line[:-2]:
            raise Refused("bare CR or LF")
        return line[:-2]

    def take_chunk_line(self):
        line = self.take_line()
        if line is None:
            return False
        size, semicolon, extension = line.partition(b";")
        if semicolon and (not self.takes_extensions or extension.translate(None, VALUE_BYTES)):
            raise Refused("chunk extension")
        if not CHUNK_SIZE.match(size):
            raise Refused("bad chunk size")
        self.left = int(size, 16)
        if self.message.body_bytes + self.left > MOST_BYTES:
            raise Refused("chunks beyond 2^63-1")
        self.step = self.take_chunk_data if self.left > 0 else self.take_trailer
        return True

    def take_chunk_data(self):
        self.left -= self.take_data(self.left)
        if self.left > 0:
            return False
        self.step = self.take_chunk_end
        return True

    def take_chunk_end(self):
        if len(self.buffer) < 2 and b"\r\n".startswith(self.buffer):
            return False
        if self.take(2) != b"\r\n":
            raise Refused("chunk data not followed by CRLF")
        self.step = self.take_chunk_line
        return True

    def take_trailer(self):
        line = self.take_line()
        if line is None:
            return False
        if line:
            self.message.trailers += parse_field_lines([line])
        else:
            self.end_message()
        return True


class RequestStream(MessageStream):
    """What a host reads."""

    def parse_head(self, lines, start):
        request = Request(start)
        parts = lines[0].split(b" ")
        if len(parts) != 3:
            raise Refused("request line without three parts")
        request.method, request.target, version = parts
        if not is_token(request.method):
            raise Refused("method is not a token")
        if version != b"HTTP/1.1":
            raise Refused("version is not HTTP/1.1")
        if request.method in (b"CONNECT", b"TRACE"):
            raise Refused("a method that no proxy of hosts passes on")
        path, _, query = request.target.partition(b"?")
        is_asterisk = request.target == b"*" and request.method == b"OPTIONS"
        if not is_asterisk and not (PATH.match(path) and QUERY.match(query)):
            raise Refused("bad target")
        request.fields = parse_field_lines(lines[1:])
        hosts = request.values(b"host")
        if len(hosts) != 1 or not HOST.match(hosts[0]):
            raise Refused("not one good Host")
        request.framing, request.length = framing_of(request.fields, 1)
        return request


class ResponseStream(MessageStream):
    """What a client reads. `methods`: of the requests that are answered here, in order; GET behind them."""

    def __init__(self, methods=(), **options):
        super().__init__(**options)
        self.methods = list(methods)

    def on_end(self):
        if self.messages[-1].status == 101:
            self.become_tunnel()

    def parse_head(self, lines, start):
        response = Response(start)
        parts = lines[0].split(b" ", 2)
        version = VERSION.match(parts[0])
        if len(parts) != 3 or not version or version.group(1) != b"1":
            raise Refused("bad status line")
        if len(parts[1]) != 3 or parts[1].translate(None, DIGITS) or not 100 <= int(parts[1]) <= 599:
            raise Refused("bad status code")
        if parts[2].translate(None, VALUE_BYTES):
            raise Refused("control byte in the reason")
        response.status, response.reason, response.minor = int(parts[1]), parts[2], int(version.group(2))
        response.fields = parse_field_lines(lines[1:])
        response.framing, response.length = framing_of(response.fields, response.minor)
        is_interim = response.status < 200
        if (is_interim or response.status == 204) and response.framing != "none":
            raise Refused("framing in a response that has no body")
        method = b"GET" if is_interim or not self.methods else self.methods.pop(0)
        if is_interim or response.status in (204, 304) or method == b"HEAD":
            response.framing = "none"
        elif response.framing == "none":
            response.framing = "close"
        return response
