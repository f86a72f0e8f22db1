"""The checker: whether the histories of clients, hosts and control replies can all be true at once if the promises hold.

Pure: lists in, sentences out. A history is made of

    changes   Change: every mode change that was asked for, in the order in which they began
    arrivals  host.Arrival (or anything with its attributes): every request that reached a host
    requests  records of load.py: every request that a client sent
    kills     Kill: every kill -9 of halfdoor, with what it knew before and after
    journal   entries of `halfdoor history --json`
    log       lines of the access log, of one service
    outages   Outage: when a host could not be relied upon, and what that excuses
    listed    entries of `halfdoor uncertain --json`; None: whether writes are listed is not judged

All times are CLOCK_MONOTONIC of one machine. The invariants are named as in robustness.md; I7 needs tunnels, which there are
none of. P2 stands for "no failed read", P6 for "each write of unknown outcome is listed" (checker_faults.py).
"""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Optional

from checker_faults import check_p2, check_p6, end_of, target_of, was_killed

SAFE = ("GET", "HEAD", "OPTIONS")
SERVES = {"primary": "primary", "primary-readonly": "primary", "backup-readonly": "backup", "backup-writable": "backup",
          "closed": None}
WRITES = {"primary": "primary", "backup-writable": "backup"}
FALLS_BACK = ("primary", "primary-readonly")
FOREVER = float("inf")


@dataclass
class Change:
    """A command and its reply: the mode and epoch that the reply named. fenced: it exited with 0. applied: fenced, or
    the reply said that every worker had applied it."""
    verb: str
    began: float
    ended: float
    mode: str
    epoch: int
    fenced: bool = True
    applied: bool = True


@dataclass
class Kill:
    """killed: just before the signal; serving: when it answered again. acknowledged: the last (mode, epoch) that a reply
    named. commanded: what a command that had no reply yet would have led to. found: after the restart."""
    killed: float
    serving: float
    acknowledged: tuple
    found: tuple
    commanded: list = field(default_factory=list)


def is_safe(method):
    return method in SAFE


def may_reach(side, mode, is_write):
    """Whether a request may go to `side` in `mode`, allow rules apart."""
    if is_write:
        return WRITES.get(mode) == side
    return SERVES[mode] == side or (side == "backup" and mode in FALLS_BACK)


def open_windows(changes, initial, side, is_write, ends="fenced"):
    """When a request may reach `side`: [(from, to)]. A window opens when a change that allows it begins, and shuts when
    one that does not has ended (`ends`: "fenced" or "applied")."""
    windows = []
    opened = -FOREVER if may_reach(side, initial, is_write) else None
    for change in changes:
        allows = may_reach(side, change.mode, is_write)
        if allows and opened is None:
            opened = change.began
        elif not allows and opened is not None and getattr(change, ends):
            windows.append((opened, change.ended))
            opened = None
    if opened is not None:
        windows.append((opened, FOREVER))
    return windows


def lies_within(windows, first, last):
    return any(begin <= first and last <= end for begin, end in windows)


def parse_mode_field(text):
    """ "backup-readonly; epoch=8" -> ("backup-readonly", 8); None -> (None, None) """
    if text is None:
        return None, None
    mode, _, epoch = text.partition("; epoch=")
    return mode, int(epoch)


def check_i1_and_p1(arrivals, sides, changes, initial, is_write_like):
    """No write, nor a byte of one, reaches a side while it takes none; nothing reaches a side that does not serve."""
    found = []
    for arrival in arrivals:
        side = sides[arrival.host]
        is_write = is_write_like(arrival)
        windows = open_windows(changes, initial, side, is_write)
        if lies_within(windows, arrival.first, arrival.last):
            continue
        rule = "I1" if is_write and side == "backup" else "P1"
        found.append(f"{rule}: {arrival} was at the {side} between {arrival.first:.3f} and {arrival.last:.3f}, "
                     f"which was open for it only in {describe(windows)}")
    return found


def check_i2(arrivals, requests, sides, changes, initial, is_write_like):
    """After a command's reply no request whose head completed later goes to the side that was left."""
    by_target = {target_of(r): r for r in requests}
    found = []
    for arrival in arrivals:
        request = by_target.get(arrival.target)
        if request is None:
            continue
        side = sides[arrival.host]
        is_write = is_write_like(arrival)
        windows = open_windows(changes, initial, side, is_write, "applied")
        if not lies_within(windows, request["sent"], request["sent"]) and not any(
                request["sent"] < begin <= (request["answered"] or FOREVER) for begin, _ in windows):
            found.append(f"I2: {request['method']} {request['id']} was sent at {request['sent']:.3f} and went to the {side}, "
                         f"which was open for it only in {describe(windows)}")
    return found


def modes_between(changes, initial, begin, end):
    """Every mode that may have been in force at some moment from `begin` to `end`."""
    modes, opened = [], -FOREVER
    present = initial
    for change in changes:
        if opened <= end and begin <= change.ended:
            modes.append(present)
        present, opened = change.mode, change.began
    if opened <= end:
        modes.append(present)
    return modes


def check_i3(requests, sides, changes, initial, is_write_like):
    """The epoch of an answer names its mode, and the side that answered might serve the request while that was on its
    way. (The field names the mode of the moment of the answer, which may be later than that of the attempt.)"""
    known = {1: initial} | {change.epoch: change.mode for change in changes}
    found = []
    for request in requests:
        mode, epoch = parse_mode_field(request["mode"])
        if epoch is not None and known.get(epoch, mode) != mode:
            found.append(f"I3: {request['id']} was answered as {mode} in epoch {epoch}, which was {known[epoch]}")
        if not request["host"]:
            continue
        side, is_write = sides[request["host"]], is_write_like(request)
        possible = modes_between(changes, initial, request["sent"], request["answered"])
        served = any((WRITES.get(mode) if is_write else SERVES[mode]) == side for mode in possible)
        fell_back = bool(request["served_by"]) and not is_write and any(may_reach(side, mode, False) for mode in possible)
        if not served and not fell_back:
            found.append(f"I3: {request['method']} {request['id']} was answered by the {side}, though all the while it was "
                         f"{' or '.join(possible)}")
    return found


def check_i3_by_log(log, arrivals, sides, servers, changes, initial, is_write_like):
    """Mode, epoch and side of a line fit together, and the server that it names is the one that the request reached."""
    known = {1: initial} | {change.epoch: change.mode for change in changes}
    reached = {}
    for arrival in arrivals:
        reached.setdefault(getattr(arrival, "id", None), []).append(arrival)
    found, seen = [], set()
    for line in log:
        name = f"the log's {line['method']} {line['target']} ({line['request_id']})"
        mode, side = line["mode"], line["side"]
        if line["request_id"] in seen:
            found.append(f"I3: {name} has two lines")
        seen.add(line["request_id"])
        if known.get(line["epoch"], mode) != mode:
            found.append(f"I3: {name} was {mode} in epoch {line['epoch']}, which was {known[line['epoch']]}")
        hosts = [arrival.host for arrival in reached.get(line["request_id"], [])]
        if side is None:
            if len(set(hosts)) > line["attempts"]:
                found.append(f"I3: {name} names no server, but reached {hosts}")
            continue
        is_write = is_write_like(SimpleNamespace(**line))
        serves = (WRITES.get(mode) if is_write else SERVES[mode]) == side
        falls_back = not is_write and side == "backup" and mode in FALLS_BACK
        if not (falls_back if line["fallback"] else serves):
            found.append(f"I3: {name} went to the {side} in {mode}{', as a fallback' if line['fallback'] else ''}")
        host = servers.get(line["server"])
        if sides.get(host) != side:
            found.append(f"I3: {name} names {line['server']} as a server of the {side}; it is {host}")
        if line["server_status"] and host not in hosts:
            found.append(f"I3: {name} was answered by {host}, but reached {hosts or 'nobody'}")
        if len(set(hosts) | {host}) > line["attempts"]:
            found.append(f"I3: {name} reached {hosts} in {line['attempts']} attempts")
    return found


def check_i4(arrivals, resendable):
    """A request that may not be re-sent appears at most once over all servers."""
    seen, found = {}, []
    for arrival in arrivals:
        if resendable(arrival):
            continue
        if arrival.target in seen:
            found.append(f"I4: sent twice: {seen[arrival.target]} and {arrival}")
        seen[arrival.target] = arrival
    return found


def check_i5(changes, requests):
    """Commands are linearisable, epochs only grow, answers never go back in time."""
    found = []
    for i, late in enumerate(changes):
        for early in changes[:i]:
            if early.epoch == late.epoch and early.mode != late.mode:
                found.append(f"I5: epoch {early.epoch} was {early.mode} and {late.mode}")
            if early.ended < late.began and late.epoch < early.epoch:
                found.append(f"I5: {late.verb} ended in epoch {late.epoch} after {early.verb} had in {early.epoch}")
    newest = {}
    for request in sorted((r for r in requests if r["answered"]), key=lambda r: r["sent"]):
        _, epoch = parse_mode_field(request["mode"])
        for change in changes:
            if change.applied and change.ended < request["sent"] and epoch is not None and epoch < change.epoch:
                found.append(f"I5: {request['id']} was sent after the reply to {change.verb} (epoch {change.epoch}) and "
                             f"answered in epoch {epoch}")
            if request["answered"] < change.began and epoch is not None and epoch >= change.epoch:
                found.append(f"I5: {request['id']} was answered in epoch {epoch} before {change.verb} began it")
        if epoch is None:
            found += unexpected_primary(request, changes)
            continue
        if epoch < newest.get(request["client"], 0):
            found.append(f"I5: {request['client']} saw epoch {epoch} after {newest[request['client']]}")
        newest[request["client"]] = max(epoch, newest.get(request["client"], 0))
    return found


def unexpected_primary(request, changes):
    """An answer without Halfdoor-Mode was given in `primary`: there must be a moment for that between sent and answered."""
    if not request["status"]:
        return []
    before = [c for c in changes if c.applied and c.ended < request["sent"]]
    if not before or before[-1].mode == "primary":
        return []
    if any(c.mode == "primary" and c.ended >= before[-1].ended and c.began <= request["answered"] for c in changes):
        return []
    return [f"I5: {request['id']} was answered as in primary, after the reply to {before[-1].verb} "
            f"({before[-1].mode}, epoch {before[-1].epoch})"]


def check_i6(kills):
    """After kill -9 mode and epoch are the last acknowledged or the commanded ones."""
    found = []
    for kill in kills:
        possible = [tuple(kill.acknowledged), *map(tuple, kill.commanded)]
        if tuple(kill.found) not in possible:
            found.append(f"I6: killed at {kill.killed:.3f}, then in {kill.found}; possible were {possible}")
    return found


def check_i8(requests, kills, outages, resendable):
    """Every request gets an answer, but for those that were there when halfdoor was killed, or whose host failed in the
    middle of its answer. (Those that may be re-sent are judged by P2.)"""
    return [f"I8: {r['method']} {r['id']} got no answer: {r['error']}" for r in requests
            if not r["answered"] and not resendable(r) and not was_killed(r, kills)
            and not (r.get("begun") and any(o.overlaps(r["sent"], end_of(r)) for o in outages))]


def check_i9(journal, automatic_failback=False):
    """Nothing leaves read-only without an operator, unless failback.automatic undoes what was entered automatically."""
    found, entered = [], None
    for entry in journal:
        if entry.get("kind", "change") != "change" or entry["from"] == entry["to"]:
            continue
        what = f"{entry['from']} -> {entry['to']} in epoch {entry['epoch']} by {entry['actor']!r}"
        if entry["actor"] in (None, "", "automatic"):
            undoes = automatic_failback and entered == "automatic" and entry["to"] == "primary" and not entry.get("diverged")
            # A start in doubt ends writes, and never begins them.
            ends_writes = entry["from"] in WRITES and entry["to"] not in WRITES
            if not ends_writes and not undoes:
                found.append(f"I9: {what}")
        entered = entry["actor"]
    epochs = [entry["epoch"] for entry in journal if entry.get("kind", "change") == "change"]
    if epochs != sorted(set(epochs)):
        found.append(f"I5: the epochs of the history do not grow: {epochs}")
    return found


def describe(windows):
    return ", ".join(f"[{begin:.3f}, {end:.3f}]" for begin, end in windows) or "no time at all"


def of(thing):
    """(method, target) of a request of load.py or of anything with these attributes."""
    return (thing["method"], target_of(thing)) if isinstance(thing, dict) else (thing.method, thing.target)


def check(changes=(), arrivals=(), requests=(), kills=(), journal=(), sides: Optional[dict] = None, initial="primary",
          allowed=lambda arrival: False, log=(), servers: Optional[dict] = None, denied=lambda target: False, outages=(), listed=None,
          automatic_failback=False):
    """Every violation as a sentence; an empty list: none. sides: host name -> "primary" or "backup". initial: the mode
    before the first change, epoch 1. allowed: arrivals that an `allow` rule lets through. denied: targets of reads that a
    `deny` rule names. servers: address -> host name. automatic_failback: the key of that name."""
    sides = sides or {"primary": "primary", "backup": "backup"}
    changes = sorted(changes, key=lambda change: change.began)

    def resendable(thing):
        method, target = of(thing)
        return is_safe(method) and not denied(target)

    def is_write(thing):
        return not resendable(thing) and not (not isinstance(thing, dict) and allowed(thing))

    def modes_of(first, last):
        return modes_between(changes, initial, first, last)

    return [*check_i1_and_p1(arrivals, sides, changes, initial, is_write),
            *check_i2(arrivals, requests, sides, changes, initial, is_write),
            *check_i3(requests, sides, changes, initial, is_write),
            *check_i3_by_log(log, arrivals, sides, servers or {}, changes, initial, is_write), *check_i4(arrivals, resendable),
            *check_i5(changes, requests), *check_i6(kills), *check_i8(requests, kills, outages, resendable), *check_i9(journal, automatic_failback),
            *check_p2(requests, kills, outages, sides, modes_of, resendable),
            *check_p6(requests, arrivals, listed, kills, is_write)]
