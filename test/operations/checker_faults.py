"""The part of the checker that knows of hosts that fail: P2, no failed read, and P6, each write of unknown outcome is listed.

Pure, as checker.py, which calls it.
"""

from dataclasses import dataclass
from typing import Optional

FOREVER = float("inf")
READS_GO_TO = {"primary": ("primary", "backup"), "primary-readonly": ("primary", "backup"), "backup-readonly": ("backup",),
               "backup-writable": ("backup",), "closed": ()}
NOTICES = (502, 503, 504)


@dataclass
class Outage:
    """`host` may not answer what was on its way between `began` and `ended`. judged: from when on halfdoor must have
    noticed by itself, where the fault cannot be told from slowness at once; until then a read may end in the notice."""
    host: str
    began: float
    ended: float = FOREVER
    judged: Optional[float] = None
    fault: str = ""  # for people

    def overlaps(self, first, last):
        return self.began <= last and first <= self.ended


def target_of(request):
    return request.get("target") or f"/load/{request['id']}"


def end_of(request):
    return request["answered"] or request.get("ended") or FOREVER


def was_killed(request, kills):
    """It was on its way while halfdoor was killed, or away."""
    return any(kill.killed <= end_of(request) and request["sent"] <= kill.serving for kill in kills)


def is_whole(request):
    """The answer of a host, byte for byte as it was sent (hosts of load.py say what they were asked)."""
    if request["status"] != 200 or not request["answered"]:
        return False
    if request["method"] == "HEAD" or not request["host"] or "target" not in request:
        return True
    return request["body"] == f"{request['host']} {request['method']} {request['target']}\n"[:200]


def is_promised(request, modes, sides, outages):
    """Whether in every mode that it may have met there was a host that may answer it and that nothing was wrong with.
    While a fault is being noticed nothing is promised to what met it."""
    first, last = request["sent"], end_of(request)
    if any(o.judged is not None and first < o.judged and o.overlaps(first, last) for o in outages):
        return False
    well = {side for host, side in sides.items() if not any(o.host == host and o.overlaps(first, last) for o in outages)}
    return all(any(side in well for side in READS_GO_TO[mode]) for mode in modes)


def check_p2(requests, kills, outages, sides, modes_of, resendable):
    """Every re-sendable request gets a whole answer where that is promised, and elsewhere a whole notice that says when to
    come again. modes_of(first, last): the modes that may have been in force."""
    found = []
    for request in requests:
        if not resendable(request) or was_killed(request, kills):
            continue
        if request["answered"] and request["status"] == 200:
            if not is_whole(request):
                found.append(f"P2: {request['method']} {request['id']} was answered {request['body']!r}")
            continue
        disturbed = any(o.overlaps(request["sent"], end_of(request)) for o in outages)
        what = f"{request['method']} {request['id']}, sent at {request['sent']:.3f}, ended at {end_of(request):.3f}"
        if not request["answered"]:
            if not (disturbed and request.get("begun")):
                found.append(f"P2: {what}, got no answer: {request['error']}")
            continue
        modes = modes_of(request["sent"], request["answered"])
        is_notice = request["status"] in NOTICES and (request.get("retry_after") or "target" not in request)
        if not is_notice or "closed" not in modes and is_promised(request, modes, sides, outages):
            found.append(f"P2: {what}, was answered {request['status']}: {request['body'][:80]!r}")
    return found


def check_p6(requests, arrivals, listed, kills, is_write):
    """Of every write it is known whether a host has it, or else it is listed; and what is listed is really unknown."""
    if listed is None:
        return []
    reached = {arrival.target: arrival for arrival in arrivals if is_write(arrival)}
    paths = [write["path"] for write in listed]
    found = [f"P6: {path} is listed twice" for path in sorted({path for path in paths if paths.count(path) > 1})]
    for request in (r for r in requests if is_write(r)):
        target, status = target_of(request), request["status"]
        is_listed, arrival = target in paths, reached.get(target)
        what = f"{request['method']} {request['id']}, answered {status},"
        if request["host"] and request["answered"]:
            if is_listed:
                found.append(f"P6: {what} is listed, though its outcome is known")
        elif not request["answered"]:
            if arrival is not None and arrival.answered is None and not is_listed:
                found.append(f"P6: {what} is not listed, though it reached {arrival.host}: {request['error']}")
        elif status == 503 or "do not know whether" not in request["body"]:
            if arrival is not None or is_listed:
                found.append(f"P6: {what} is said not to have been sent, but {'is listed' if is_listed else arrival}")
            if not request.get("retry_after"):
                found.append(f"P6: {what} is not told when to come again")
        else:
            if not is_listed:
                found.append(f"P6: {what} is not listed")
            if request.get("retry_after"):
                found.append(f"P6: {what} is invited to send again what may have been done")
    return found
