"""Holds what halfdoor forwarded against what the clients meant, and against what the foreign readers make of it.

Every function gives a list of `Mismatch`; empty is what a good halfdoor gets.
"""

import re

from meaning import read_client
from readers import Reading
from strict import values_of

ADDED_ONCE = (b"x-request-id", b"forwarded", b"x-forwarded-for", b"x-forwarded-port", b"x-forwarded-proto", b"host")
ADDED_AT_MOST_ONCE = (b"x-forwarded-host",)
FRAMING = (b"content-length", b"transfer-encoding")
VIA = re.compile(rb"1\.[01] halfdoor\Z")
# nginx takes methods of capital letters, "-" and "_" alone, and no "*" for a target; Node only the methods it knows. They
# are given another method or target in such a place, and not asked about it.
NGINX_METHOD = re.compile(rb"[A-Z_-]+\Z")
# Lines that nginx takes once, lists or not.
ONCE_FOR_NGINX = (b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"user-agent", b"referer",
                  b"content-range", b"content-type", b"range", b"if-range", b"expect", b"authorization", b"depth",
                  b"destination", b"overwrite", b"date")
# Behind a handshake Node expects another protocol in what has come together with it.
NOT_FOR_NODE = (b"upgrade",)
STANDS_FOR_METHOD, STANDS_FOR_ASTERISK = b"POST", b"/*"


class Mismatch:
    """`case`: its number; None: of a connection as a whole."""

    def __init__(self, case, text):
        self.case, self.text = case, text


def describe(fields):
    return ", ".join(f"{name.decode('latin-1')}: {value!r}" for name, value in fields)


def own_fields(request):
    """The fields that come from the client, and what is wrong with those that halfdoor adds."""
    names = [name.lower() for name, _ in request.fields]
    wrong = [f"{name.decode()} {names.count(name)} times" for name in ADDED_ONCE if names.count(name) != 1]
    wrong += [f"{name.decode()} twice" for name in ADDED_AT_MOST_ONCE if names.count(name) > 1]
    vias = values_of(request.fields, b"via")
    if not vias or not VIA.match(vias[-1]):
        wrong.append("no Via of halfdoor")
    last_via = max((i for i, name in enumerate(names) if name == b"via"), default=-1)
    kept = [field for i, field in enumerate(request.fields)
            if names[i] not in ADDED_ONCE and names[i] not in ADDED_AT_MOST_ONCE and names[i] not in FRAMING and i != last_via]
    return kept, wrong


def difference(meaning, request, is_complete):
    """What sets a forwarded request apart from what its client meant; "" if nothing does."""
    if request.method != meaning.method:
        return f"method {request.method!r}"
    if request.target != meaning.target:
        return f"target {request.target!r}"
    host = values_of(request.fields, b"host")[0]
    if meaning.host and host != meaning.host:
        return f"Host {host!r}"
    must, may = meaning.forwarded_fields()
    kept, wrong = own_fields(request)
    if wrong:
        return "; ".join(wrong)
    if meaning.why == "handshake":
        may = may | {b"connection", b"upgrade"}
    if values_of(request.fields, b"te") == [b"trailers"]:
        # Said anew, for this connection.
        if b"TE" not in values_of(request.fields, b"connection"):
            return "TE without Connection: TE"
        may = may | {b"te", b"connection"}
    may = may | {b"trailer"} if meaning.framing == "chunked" else may
    if [f for f in kept if f[0].lower() not in may] != [f for f in must if f[0].lower() not in may]:
        return f"fields {describe(kept)}"
    if is_complete and bytes(request.body) != meaning.body:
        return f"body {bytes(request.body)!r}"
    if not is_complete and not meaning.body.startswith(bytes(request.body)):
        return f"beginning of a body {bytes(request.body)!r}"
    if request.trailers and request.trailers != meaning.trailers:
        return f"trailers {request.trailers}"
    return ""


def fits(meaning, request, plan):
    """What is wrong with taking `request` for what came of `meaning`; "" if nothing is."""
    if request is None:
        return "nothing"
    if not request.complete and meaning.verdict == "pass" and plan != "early":
        return "a request without its end"
    if request.complete and meaning.verdict == "broken":
        return "a complete request"
    return difference(meaning, request, request.complete)


def count_repetitions(forwarded, at):
    """How often the request in front of `at` was sent again, as one that changes nothing may be."""
    again = forwarded[at - 1]
    if again.method not in (b"GET", b"HEAD", b"OPTIONS") or again.body_bytes or again.framing != "none":
        return 0
    number = again.values(b"x-request-id")
    count = 0
    while at + count < len(forwarded) and forwarded[at + count].values(b"x-request-id") == number:
        count += 1
    return count


def compare_with_tunnel(lane, meanings, tunnel):
    """What came through a tunnel: what the client sent behind the handshake, and nothing else. Returns the meanings in
    front of the tunnel and what is wrong."""
    at = next((i for i, meaning in enumerate(meanings) if meaning.why == "handshake" and meaning.verdict == "either"), None)
    if at is None:
        return meanings, "a tunnel that the client did not ask for"
    sent = lane.case.data[meanings[at].end:]
    wrong = "" if sent == tunnel else f"{tunnel!r} came through the tunnel, but the client had sent {sent!r}"
    return meanings[:at + 1], wrong


def compare_with_meaning(lane, forwarded, tunnel=None):
    """One client: `forwarded` are the requests that hosts got from it, in the order in which they came, `tunnel` what came
    through one, if there was one. Returns its meanings and what is wrong, "" if nothing is."""
    meanings = read_client(lane.case.data)
    if tunnel is not None:
        meanings, wrong = compare_with_tunnel(lane, meanings, tunnel)
        if wrong:
            return meanings, wrong
    plan = lane.case.plan
    may_end, at = False, 0
    for meaning in meanings:
        apart = fits(meaning, forwarded[at] if at < len(forwarded) else None, plan)
        may_come = meaning.verdict in ("pass", "either", "broken")
        if may_come and not apart:
            at += 1
            at += count_repetitions(forwarded, at)
        elif meaning.verdict == "pass" and not (may_end and apart == "nothing"):
            return meanings, f"means\n    {meaning}\n  but what came is different: {apart}"
        # What comes in chunks ends with the connection for a client of HTTP/1.0; an early answer may end it, too.
        if (plan == "chunked" and meaning.minor == 0) or (plan == "early" and meaning.framing != "none"):
            meaning.may_close = True
        may_end = may_end or meaning.may_close or (meaning.verdict == "either" and apart != "")
    if at < len(forwarded):
        return meanings, f"a request came that the client did not make, or twice: {forwarded[at]}"
    return meanings, ""


def compare_answers(lane, meanings, forwarded, responses):
    """What the client got: its own answers in order, and an end where it was refused."""
    if lane.how == "late":
        return "the client waited in vain for the end of its connection"
    if responses.refused:
        return f"the strict reader of responses refuses what the client got: {responses.refused}"
    if responses.message is None and responses.buffer:
        return f"bytes behind the last answer: {responses.buffer!r}"
    seen = [int(values_of(r.fields, b"x-seen")[0]) for r in responses.messages if values_of(r.fields, b"x-seen")]
    sent = [request.seen for request in forwarded]
    if any(number not in sent for number in seen) or seen != sorted(seen):
        return f"answers {seen} came, but its requests were {sent}"
    finals = [r for r in responses.messages if r.status >= 200]
    if len(finals) > len(meanings) + 1:
        return f"{len(finals)} answers to {len(meanings)} requests"
    last = meanings[-1] if meanings else None
    if last is not None and last.verdict == "refuse" and lane.how == "eof" and lane.case.plan != "early":
        if not finals or not 400 <= finals[-1].status < 600:
            may_end = any(m.verdict == "either" or m.may_close for m in meanings[:-1])
            if not may_end and not any(m.closes for m in meanings[:-1]):
                return f"refused without saying so: {[r.status for r in finals]}"
        elif finals[-1].status not in (400, 414, 431, last.status) and len(finals) == len(meanings):
            return f"told {finals[-1].status} where {last.status} or 400 was due: {last}"
        elif values_of(finals[-1].fields, b"connection") != [b"close"]:
            return f"refused, but the connection was not said to close: {finals[-1]}"
    return ""


def as_reading(request):
    return Reading(request.method, request.target, [(name.lower(), value) for name, value in request.fields],
                   bytes(request.body), [(name.lower(), value) for name, value in request.trailers], request.complete)


def rename_lines(raw, request, reading, pieces, at, once, never):
    """Gives repeated lines of the fields `once`, and lines of `never`, names that are as long; returns the new `at`."""
    lines, place, seen = raw[request.start:request.head_end].split(b"\r\n"), request.start, set()
    for index, line in enumerate(lines[:-2]):
        name = line.partition(b":")[0].lower()
        if index > 0 and ((name in once and name in seen) or name in never):
            pieces += [raw[at:place], b"z"]
            at = place + 1
            reading.fields[index - 1] = (b"z" + name[1:], reading.fields[index - 1][1])
        seen.add(name)
        place += len(line) + 2
    return at


def smoothed(connection, method_is_known, takes_asterisk, once=(), never=()):
    """The bytes of a connection with what the reader cannot take replaced, and for each request what it is to find."""
    raw, pieces, at, expected = bytes(connection.raw), [], 0, []
    for request in connection.stream.messages:
        reading = as_reading(request)
        if not method_is_known(request.method):
            pieces += [raw[at:request.start], STANDS_FOR_METHOD]
            at = request.start + len(request.method)
            reading.method = STANDS_FOR_METHOD
        if request.target == b"*" and not takes_asterisk:
            place = request.start + len(request.method) + 1
            pieces += [raw[at:place], STANDS_FOR_ASTERISK]
            at = place + 1
            reading.target = STANDS_FOR_ASTERISK
        if once or never:
            at = rename_lines(raw, request, reading, pieces, at, once, never)
        expected.append(reading)
    return b"".join(pieces) + raw[at:], expected


def as_nginx_passes_on(reading):
    """Hop-by-hop fields end at nginx, framing is its own."""
    gone = FRAMING + (b"te", b"connection", b"upgrade", b"keep-alive", b"host", b"expect", b"trailer")
    reading.fields = sorted(field for field in reading.fields if field[0] not in gone or field[0] == b"host")
    # An empty value of Expect is not passed on; an unusual one is none of its business.
    reading.trailers = []
    return reading


def differs(expected, found):
    if found.refusal:
        return f"refuses: {found.refusal}"
    for name in ("method", "target", "fields", "body", "trailers"):
        if getattr(expected, name) != getattr(found, name):
            return f"{name}: {getattr(found, name)!r} instead of {getattr(expected, name)!r}"
    return ""


def compare_readings(reader, connection, expected, found):
    """A foreign reader found these requests in what halfdoor sent on a connection."""
    whole = [reading for reading in expected if reading.complete]
    ends_broken = len(whole) < len(expected) or not connection.stream.is_between_messages
    found_whole = [reading for reading in found if reading.complete and not reading.refusal]
    for index, reading in enumerate(whole):
        if index >= len(found_whole):
            why = next((r.refusal for r in found if r.refusal), None)
            return Mismatch(connection.stream.messages[index].case,
                            f"{reader} finds {len(found_whole)} requests instead of {len(whole)}{f', then {why}' if why else ''}")
        apart = differs(reading, found_whole[index])
        if apart:
            return Mismatch(connection.stream.messages[index].case, f"{reader} reads {apart}")
    if len(found_whole) > len(whole):
        case = connection.stream.messages[-1].case if connection.stream.messages else None
        return Mismatch(case, f"{reader} finds another request: {found_whole[len(whole)]}")
    refusal = next((r.refusal for r in found if r.refusal), None)
    if refusal and not ends_broken:
        return Mismatch(None, f"{reader} refuses: {refusal}")
    return None
