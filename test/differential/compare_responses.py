"""Holds what clients received against what their hosts answered, and against what foreign clients make of it."""

from compare_requests import Mismatch, as_reading, describe, differs
from readers import Reading
from response_meaning import forwarded_fields, read_server
from strict import values_of

LOCAL_STATUSES = (502, 503, 504)
FRAMING = (b"content-length", b"transfer-encoding", b"connection")


def split_by_response(stream):
    """[([interim responses], final response)]"""
    groups, interim = [], []
    for message in stream.messages:
        if message.status < 200:
            interim.append(message)
        else:
            groups.append((interim, message))
            interim = []
    return groups, interim


def fields_differ(answered, got):
    must, may = forwarded_fields(answered)
    ignored = may | set(FRAMING) | {b"trailer"}  # which goes on with trailers only
    kept = [field for field in got if field[0].lower() not in ignored]
    wanted = [field for field in must if field[0].lower() not in ignored]
    return "" if kept == wanted else f"fields {describe(kept)} instead of {describe(wanted)}"


def head_differs(answer, response, is_head):
    if response.status != answer.status:
        return f"status {response.status}"
    if answer.reason and response.reason != answer.reason:
        return f"reason {response.reason!r}"
    for name in (b"x-request-id", b"date"):
        if len(values_of(response.fields, name)) != max(1, len(values_of(answer.fields, name)) if name == b"date" else 1):
            return f"{name.decode()}: {values_of(response.fields, name)}"
    lengths = [int(value) for value in values_of(response.fields, b"content-length")]
    if is_head and lengths and lengths != [int(value) for value in values_of(answer.fields, b"content-length")]:
        return f"Content-Length {lengths}"
    return fields_differ(answer.fields, response.fields)


def differs_from_answer(answer, interim, response, asked):
    """What sets a received response apart from the one that the host gave; "" if nothing does."""
    method, minor = asked
    apart = head_differs(answer, response, method == b"HEAD" or answer.status == 304)
    if apart:
        return apart
    statuses = [status for status, _ in answer.interim] if minor > 0 else []
    if [message.status for message in interim] != statuses:
        return f"interim responses {interim}"
    for message, (_, fields) in zip(interim, answer.interim):
        apart = fields_differ(fields, message.fields)
        if apart:
            return f"interim response with {apart}"
    if response.complete and bytes(response.body) != answer.body:
        return f"body {bytes(response.body)!r}"
    if not answer.body.startswith(bytes(response.body)):
        return f"beginning of a body {bytes(response.body)!r}"
    if response.trailers and response.trailers != answer.trailers:
        return f"trailers {response.trailers}"
    return ""


def is_own_answer(response):
    return response.status in LOCAL_STATUSES and values_of(response.fields, b"cache-control") == [b"no-store"]


def compare_client(lane, stream, arrived):
    """One client: its requests were clean, its hosts' answers were not. `arrived`: targets that came to a host whole.
    Returns what is wrong, "" if nothing is."""
    if lane.how == "late":
        return "the client waited in vain for the end of its connection"
    if stream.refused:
        return f"the strict reader of responses refuses what the client got: {stream.refused}"
    groups, loose = split_by_response(stream)
    at_end = lane.how
    for index, (method, minor) in enumerate(lane.case.asked):
        data, _, end = lane.case.answers[index]
        answer = read_server(data, method, end == "reset")
        if index >= len(groups):
            # Cut before a byte of the head, or after interim responses.
            if answer.verdict == "relay":
                return f"no response to request {index}; its host said {answer}"
            return "" if answer.verdict == "cut" and not loose else f"no response to request {index}, nor 502; {answer}"
        interim, response = groups[index]
        if is_own_answer(response) and b"/r/%d" % index not in arrived:
            continue  # it went to a connection that its host was just closing
        is_cut = not response.complete or (response.framing == "close" and at_end == "reset")
        if answer.verdict == "bad" or (answer.verdict == "cut" and is_own_answer(response)):
            if not is_own_answer(response) or is_cut:
                return f"answer {index} is {response}, though its host said {answer}"
            continue
        apart = differs_from_answer(answer, interim, response, (method, minor))
        if apart and answer.has_odd_trailers:
            apart = "" if is_cut or is_own_answer(response) else apart
        if apart:
            return f"answer {index} differs in {apart}; its host said {answer}"
        if is_cut:
            # A reset may overtake what was sent in front of it; the end of a connection does not.
            if end == "end" and at_end == "eof" and not answer.has_odd_trailers and bytes(response.body) != answer.body:
                return f"answer {index} lost bytes that had come: {len(response.body)} of {len(answer.body)}"
            if answer.verdict == "relay" and not answer.has_odd_trailers:
                return f"answer {index} is cut, though its host said {answer}"
            return "" if index + 1 == len(groups) and not loose else "something came behind a response that was cut"
        if answer.verdict == "cut":
            return f"answer {index} looks whole, though its host said {answer}"
        if response.framing == "close" or values_of(response.fields, b"connection") == [b"close"]:
            return "" if index + 1 == len(groups) else "something came behind a response that closes"
    if stream.buffer:
        return f"bytes behind the last answer: {stream.buffer!r}"
    return "" if len(groups) <= len(lane.case.asked) and not loose else f"answers that nobody asked for: {groups[len(lane.case.asked):]}"


class Piece:
    """The bytes of one response as a client got them, and what they say."""

    def __init__(self, case, method, interim, response, data):
        self.case, self.method, self.data = case, method, data
        self.interim = [message.status for message in interim]
        reading = as_reading_of_response(response)
        self.expected = reading


def as_reading_of_response(response):
    reading = Reading(b"", response.status, [(name.lower(), value) for name, value in response.fields], bytes(response.body),
                      [(name.lower(), value) for name, value in response.trailers], response.complete)
    return reading


def pieces_of(lane, stream):
    """What the readers get to read of a client: one piece for each final response."""
    data, begin, pieces = bytes(lane.got), 0, []
    groups, _ = split_by_response(stream)
    for (method, _), (interim, response) in zip(lane.case.asked, groups):
        if response.framing == "close" and lane.how == "reset":
            break  # that it is cut is said by the reset alone
        end = response.end if response.complete else len(data)
        pieces.append(Piece(lane.number, method, interim, response, data[begin:end]))
        begin = end
    return pieces


def compare_reading(reader, piece, interim, found):
    expected = piece.expected
    if not expected.complete:
        if found.complete and not found.refusal:
            return Mismatch(piece.case, f"{reader} takes a response that was cut for a whole one: {found}")
        return None
    if not found.refusal and not found.complete:
        return Mismatch(piece.case, f"{reader} misses the end of a response: {found}")
    apart = differs(expected, found)
    if apart:
        return Mismatch(piece.case, f"{reader}, as a client, reads {apart}")
    # http.client keeps 100 to itself.
    wanted = [status for status in piece.interim if reader != "python" or status != 100]
    if interim != wanted:
        return Mismatch(piece.case, f"{reader} sees interim responses {interim} instead of {wanted}")
    return None
