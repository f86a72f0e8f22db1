"""Messages as lists of parts, [kind, bytes], and what bends them: what hostile clients and hosts have in common.

A bend is a function of (parts, random) that changes the list; it aims at a kind of part ("line-end", "size") and leaves
messages alone that have none.
"""

import re

CODINGS = [b"chunked", b"Chunked", b"CHUNKED", b"chunked ", b"\tchunked\t", b" chunked", b"chunked\x0b", b"\x0bchunked", b"chunked\x0c",
           b"\"chunked\"", b"'chunked'", b"chunked,", b",chunked", b"chunked, chunked", b"chunked,identity", b"identity, chunked",
           b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"x-chunked", b"chunkedx", b"xchunked", b"chunke", b"chunked;q=1",
           b"chunked; q=0.5", b"chunked;", b";chunked", b"chun ked", b"chunked\x00", b"chunked\xa0", b"\xa0chunked", b"chunked\x85",
           b"chunked\r\n ", b"\r\n chunked", b"\n chunked", b"chunked\n", b"chunked\r", b"", b" ", b"0", b"deflate;a=b", b"trailers",
           b"chunked, ", b"chunked  ,", b"compress, \tchunked", b"\xef\xbb\xbfchunked", b"ch\xc3\xbcnked", b"chunked#", b"chunked\\",
           b"c\xd0\xbbunked", b"\xe2\x84\xaa", b"[chunked]", b"chunked/1", b"chunked=1", b"cow, chunked", b"chunked, cow", b"close",
           b"nothing\r\nTransfer-Encoding: chunked", b"chunked\r\nTransfer-Encoding: identity", b"null", b"chunked\\r\\n"]
CODING_NAMES = [b"transfer-encoding", b"TRANSFER-ENCODING", b"Transfer_Encoding", b"Transfer-Encoding ",
                b" Transfer-Encoding", b"Transfer-Encoding\t", b"Transfer Encoding", b"Transfer-\xc3\x8bncoding", b"Transfer-Encoding\x00",
                b"\x00Transfer-Encoding", b"Transfer-Encoding\x0b", b"X: y\nTransfer-Encoding", b"X: y\rTransfer-Encoding", b"Transfer.Encoding",
                b"Transfer\xadEncoding", b"\xef\xbb\xbfTransfer-Encoding", b"Transfer-encodin\xc4\xa1", b"X: y\r\n Transfer-Encoding",
                b"Transfer~Encoding", b"Transfer--Encoding", b"Content-Transfer-Encoding", b"TE", b"\"Transfer-Encoding\"", b"Transfer-Encoding:"]
LENGTHS = [b"+%d", b"-%d", b" %d", b"%d ", b"\t%d\t", b"0%d", b"000%d", b"0x%x", b"%d.0", b"%d,", b",%d", b"%d, %d", b"%d,%d", b"\"%d\"", b"%d %d",
           b"%d\x00", b"%d\x0b", b"\x0b%d", b"%d_0", b"%de0", b"%d;", b"(%d)", b"%d\r\n ", b"\r\n %d", b"%d\n", b"%d\r", b"%da", b"a%d", b"",
           b" ", b"-", b"-0", b"+0", b"0", b"00", b"0x0", b"NaN", b"null", b"9223372036854775807", b"9223372036854775808", b"18446744073709551615",
           b"18446744073709551616", b"18446744073709551621", b"4294967296", b"4294967301", b"99999999999999999999999999", b"1e2", b"1_0", b"\xef\xbc\x95",
           b"%d\xa0", b"\xa0%d", b"%d\x85", b"%d/", b"= %d", b":%d", b"%d\\r\\n", b"0%d, 0", b"identity", b"\xc2\xb2", b"%d\xd9\xa5"]
LENGTH_NAMES = [b"content-length", b"CONTENT-LENGTH", b"Content_Length", b"Content-Length ", b" Content-Length",
                b"Content-Length\t", b"Content Length", b"Content-Length\x00", b"\x00Content-Length", b"Content-Length\x0b", b"Content.Length",
                b"X: y\nContent-Length", b"X: y\rContent-Length", b"Contenr-Length", b"Content-Length:", b"Content\xadLength", b"Content-Len\xc4\xa1th",
                b"\"Content-Length\"", b"Content--Length", b"Content-Length\x1f", b"Content-Lengt\xe2\x84\x8e", b"X-Content-Length", b"\xef\xbb\xbfContent-Length"]
SIZES = [b"+%x", b"-%x", b" %x", b"%x ", b"\t%x", b"%x\t", b"0x%x", b"0X%x", b"0%x", b"00000000%x", b"0000000000000%x", b"00000000000000000%x", b"%xg",
         b"g", b"", b"%x.", b"%x_", b"%x,", b"\"%x\"", b"%xh", b"ffffffffffffffff", b"fffffffffffffff0", b"8000000000000000", b"7fffffffffffffff",
         b"10000000000000000", b"1000000000000000%x", b"100000000%x", b"%x\x00", b"%x\x0b", b"%x\x0c", b"%x\xa0", b"%x\r", b"%x\n", b"%x\r\r", b"%x\n\r",
         b"%x \r", b"%X", b"\n%x", b"\r\n%x", b"%x %x", b"\x00%x", b"0", b"00", b"-0", b"%x=", b"#%x", b"\xef\xbc\x91", b"%xx", b"%x\\", b"%x/", b"%x#"]
EXTENSIONS = [b";a", b";a=b", b";a=\"b c\"", b";a=\"\\\"\"", b" ;a", b"; a", b";a =b", b";a= b", b";", b";;", b";=", b";a=", b";=b", b";a=\"", b";a=\"b",
              b";a=\"\n\"", b";a=\"\r\n\"", b";a\nb", b";a\rb", b";a\x00", b";a=\x01", b";a=\"\x7f\"", b";a=b;c=d", b";\xff", b";a=\"\xff\"", b"; ", b";\t",
              b" ", b"  \t ", b";" + b"e" * 900, b";" + b"e" * 1200, b";a\n", b";a\r", b";\n", b";\nxx", b";a=b\n5", b";a(b)", b";a=b c", b";a\x0b", b";a=\"b\"c",
              b";a=\"\\\r\"", b";a=\"\\", b";\r", b";\r\r", b"\x0b;a", b";a==b", b";a;b;c;d", b";a\x85", b";0\r\n\r\nGET /smuggled HTTP/1.1"]
TRAILERS = [b"X-T: 1", b"x-t:", b"X-T: a\tb", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: frozen.test", b"Authorization: Basic x",
            b"Cookie: a=b", b"X-T : 1", b" X-T: 1", b"\tX-T: 1", b": 1", b"X-T", b"X-T: \x00", b"X-T: \x01", b"X T: 1", b"X-T: 1\r\n fold", b"X-T: \xff",
            b"X-Forwarded-For: 1.1.1.1", b"Connection: close", b"Trailer: X-T", b"TE: trailers", b"Content_Length: 5", b"X-HTTP-Method-Override: DELETE",
            b"Expect: 100-continue", b"Upgrade: h2c", b"X-T: 1\nHost: a", b"X-T: 1\rHost: a", b"GET /smuggled HTTP/1.1", b"Set-Cookie: a=b",
            b"Content-MD5: x", b"Digest: y", b"ETag: \"1\"", b"X-T: " + b"t" * 3000, b"\x00", b"\xffX: 1", b"X-Request-Id: 1", b"Content-Type: a/b", b"Via: x"]
SPECIAL = [b"\x00", b"\x01", b"\x08", b"\t", b"\n", b"\x0b", b"\x0c", b"\r", b"\r\n", b"\n\r", b"\x1f", b" ", b"\"", b"#", b",", b"0", b":", b";", b"=", b"\\", b"\x7f",
           b"\x80", b"\x85", b"\xa0", b"\xad", b"\xff", b"\xe2\x80\xa8", b"%0a", b"%0d%0a", b"\r\n ", b"\r\n\t", b"\r\r\n", b"\r\n\r\n", b"_", b"-", b"'"]
LINE_ENDS = [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\n\n", b"\r\n\r", b"\x00\r\n", b" \r\n", b"\t\r\n", b"\x0b\r\n", b"\r\x00\n", b"\r \n", b"", b"\\r\\n", b"\xe2\x80\xa8",
             b"\x85", b"\x0d\x0d", b"\r\n ", b"\r\n\t", b"\r\n\r\n", b"\x1c", b"%0d%0a", b"\xc4\x8d\xc4\x8a"]
COLONS = [b" :", b"\t:", b"", b"::", b" ", b";", b"=", b":\x0b", b"\x0b:", b"\x00:", b":\x00", b"\xa0:", b": \r\n ", b"\r\n:", b" \t :", b"\xef\xbc\x9a", b":\r\n "]


TOKENS = [b"x-a", b"X-Session", b"accept", b"cookie", b"x-b-3", b"X_Under", b"a!#$%&'*+-.^_`|~9", b"If-Match", b"x"]
VALUES = [b"", b"1", b"a b\tc", b"\"quoted, text\"", b"\xff\xfe\x80", b"caf\xc3\xa9", b"a,b,,c", b"W/\"1\"", b"x" * 300,
          b"; q=1", b"GET / HTTP/1.1", b"Host: other.test", b"=:;@", b"%0d%0aX: y", b"\\r\\n", b"0"]
BODIES = [b"", b"a", b"hello", b"\x00\xff\r\n", b"name=value&_method=delete", b"{\"a\":1}", b"x" * 700, b"\r\n\r\n", b"0\r\n\r\n"]


def filled(template, number, random):
    """A template with as many numbers as it has places for."""
    places = template.count(b"%d") + template.count(b"%x") + template.count(b"%X")
    if places == 0:
        return template
    return template % tuple(number if i == 0 else random.choice((number, 0, number + 1)) for i in range(places))


def length_line(random, number):
    """A Content-Length, its name, its value or neither of them odd."""
    name = b"Content-Length" if random.random() < 0.75 else random.choice(LENGTH_NAMES)
    value = b"%d" if random.random() < 0.65 else random.choice(LENGTHS)
    return name + b": " + filled(value, number, random)


def coding_line(random):
    """A Transfer-Encoding, its name, its value or neither of them odd."""
    name = b"Transfer-Encoding" if random.random() < 0.75 else random.choice(CODING_NAMES)
    value = b"chunked" if random.random() < 0.5 else random.choice(CODINGS)
    return name + random.choice((b": ", b": ", b":", b":\t")) + value


def field(name, value, separator=b": "):
    return [["name", name], ["colon", separator[:1]], ["blank", separator[1:]], ["value", value], ["line-end", b"\r\n"]]


def chunked(body, random, extensions=False, trailers=()):
    parts = []
    while body:
        size = random.randint(1, len(body))
        parts += [["size", b"%x" % size], ["extension", random.choice(EXTENSIONS[:4]) if extensions else b""],
                  ["chunk-line-end", b"\r\n"], ["data", body[:size]], ["data-end", b"\r\n"]]
        body = body[size:]
    parts += [["last-size", b"0"], ["extension", b""], ["chunk-line-end", b"\r\n"]]
    for trailer in trailers:
        parts += [["trailer", trailer], ["trailer-end", b"\r\n"]]
    return parts + [["final-end", b"\r\n"]]


def place(parts, random, *kinds):
    """The index of a part of one of these kinds; None if there is none."""
    found = [i for i, part in enumerate(parts) if part[0] in kinds]
    return random.choice(found) if found else None


def swap(values, *kinds):
    """A bend that puts one of `values` in the place of a part of this kind."""
    def bend(parts, random):
        at = place(parts, random, *kinds)
        if at is not None:
            parts[at] = [parts[at][0], random.choice(values)]
    return bend


def around(values, *kinds):
    """A bend that puts one of `values` in front of, behind or into a part of this kind."""
    def bend(parts, random):
        at = place(parts, random, *kinds)
        if at is not None:
            kind, text = parts[at]
            cut = random.choice((0, len(text), random.randint(0, len(text))))
            parts[at] = [kind, text[:cut] + random.choice(values) + text[cut:]]
    return bend


def numbered(templates, *kinds):
    """A bend that writes a number in another way."""
    def bend(parts, random):
        at = place(parts, random, *kinds)
        if at is not None:
            number = int(re.match(rb"[0-9a-f]{0,8}", parts[at][1]).group() or b"0", 16)
            parts[at] = [parts[at][0], filled(random.choice(templates), number, random)]
    return bend


def head_end(parts):
    return next((i for i, part in enumerate(parts) if part[0] == "head-end"), len(parts))


def line_starts(parts):
    return [i + 1 for i, part in enumerate(parts[:head_end(parts)]) if part[0] == "line-end" and i + 1 < len(parts)]


def add_line(values):
    """A bend that adds a whole line to the head."""
    def bend(parts, random):
        parts.insert(random.choice(line_starts(parts) or [0]), ["raw-line", random.choice(values) + b"\r\n"])
    return bend


def drop_framing(parts):
    """Takes fields and body away that say or depend on where the body ends."""
    at = head_end(parts)
    names = [i for i in range(at) if parts[i][0] == "name" and parts[i][1] in (b"Content-Length", b"Transfer-Encoding")]
    for i in reversed(names):
        del parts[i:i + 5]
    del parts[head_end(parts) + 1:]


def repeat_line(parts, random):
    """A field line of the head a second time."""
    starts = [i for i in line_starts(parts) if parts[i][0] == "name"]
    if starts:
        at = random.choice(starts)
        line = [list(part) for part in parts[at:at + 5]]
        if len(line) == 5 and random.random() < 0.3:
            line[3][1] = random.choice(VALUES + [b"other.test", b"frozen.test", b"5"])
        where = random.choice(line_starts(parts))
        parts[where:where] = line


def drop_part(parts, random):
    del parts[random.randrange(len(parts))]


def repeat_part(parts, random):
    at = random.randrange(len(parts))
    parts.insert(random.randrange(len(parts)), list(parts[at]))


def end_early(parts, random):
    """The rest never comes."""
    at = random.randrange(len(parts))
    parts[at][1] = parts[at][1][:random.randint(0, len(parts[at][1]))]
    del parts[at + 1:]


def wrong_data_size(parts, random):
    at = place(parts, random, "data")
    if at is not None:
        parts[at][1] = random.choice((parts[at][1][:-1], parts[at][1] + b"x", parts[at][1] + b"\r\n", b"", parts[at][1][1:]))


def add_trailers(parts, random):
    at = place(parts, random, "final-end")
    if at is not None:
        for _ in range(random.choice((1, 1, 2, 3))):
            parts[at:at] = [["trailer", random.choice(TRAILERS)], ["trailer-end", random.choice([b"\r\n"] * 8 + LINE_ENDS)]]


def any_byte(parts, random):
    """A special byte anywhere, or a byte changed or lost anywhere."""
    at = random.randrange(len(parts))
    text = parts[at][1]
    cut = random.randint(0, len(text))
    how = random.random()
    if how < 0.6:
        parts[at][1] = text[:cut] + random.choice(SPECIAL) + text[cut:]
    elif how < 0.8:
        parts[at][1] = text[:cut] + text[cut + 1:]
    else:
        parts[at][1] = text[:cut] + bytes([random.randrange(256)]) + text[cut + 1:]


def with_one_byte(data, random):
    """One byte, any byte, more, less or another, anywhere."""
    at = random.randrange(len(data))
    byte = bytes([random.randrange(256)])
    return random.choice((data[:at] + byte + data[at:], data[:at] + byte + data[at + 1:], data[:at] + data[at + 1:]))


def many_fields(parts, random):
    at = line_starts(parts)[-1] if line_starts(parts) else 0
    parts[at:at] = [["raw-line", b"X-%d: v\r\n" % i] for i in range(random.choice((50, 90, 130, 300)))]


def with_waits(data, random):
    """Pieces, and None where the client waits for an answer: behind heads, in front of bodies."""
    parts = data.split(b"\r\n\r\n", 5)
    pieces = []
    for part in parts[:-1]:
        pieces.append(part + b"\r\n\r\n")
        pieces += [None] if random.random() < 0.7 else []
    return pieces + ([parts[-1]] if parts[-1] else [])


def fragments(data, random):
    """The same bytes in pieces."""
    how = random.random()
    if how < 0.55 or len(data) < 2:
        return [data]
    if how < 0.6 and len(data) < 200:
        return [data[i:i + 1] for i in range(len(data))]
    cuts = {random.randint(1, len(data) - 1) for _ in range(random.randint(1, 4))}
    # Ends of lines are where readers stumble.
    ends = [i + 1 for i in range(len(data) - 1) if data[i] == 13][:50]
    if ends and random.random() < 0.5:
        cuts.add(random.choice(ends))
    places = [0, *sorted(cuts), len(data)]
    return [data[a:b] for a, b in zip(places, places[1:])]
