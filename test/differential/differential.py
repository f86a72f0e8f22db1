"""The differential test: hostile messages through a running halfdoor, read by parsers that its makers did not write.

    scripts/differential [--messages N] [--seed S] [--jobs N]     N hostile clients and hosts (100,000)
    scripts/differential --seed S --only N                        one of them once more, in full

Three of four cases are clients that send bent requests, the fourth is a host that sends bent responses (test/README.md
says what is held against what). Each job has a halfdoor of its own; the same seed gives the same messages.
"""

import argparse
import collections
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bench import Bench, is_about_responses, make_case  # noqa: E402

BATCH = 600
MOST_PRINTED = 5
MOST_MISMATCHES = 100
PROGRESS_S = 5
# A run that never refuses, or never forwards, has tested nothing.
LEAST_SHARES = {"forwarded": 0.25, "refuse": 0.2, "broken": 0.03}


def report(seed, mismatch, lanes, forwarded):
    lines = [f"MISMATCH in case {mismatch.case} of seed {seed}: {mismatch.text}"]
    lane = lanes.get(mismatch.case)
    if lane is not None:
        lines.append(f"  bends: {', '.join(lane.case.bends) or 'none'}; half-close: {lane.case.half_close}; host: {lane.case.plan}")
        lines.append(f"  the client sent: {lane.case.pieces}")
        for request in forwarded.get(mismatch.case, []):
            lines.append(f"  the host got: {request}")
        if is_about_responses(lane.case):
            lines += [f"  the host sent, then {end}: {pieces}" for _, pieces, end in lane.case.answers]
        lines.append(f"  the client got ({lane.how}): {bytes(lane.got[:3000])!r}")
        lines.append(f"  again: scripts/differential --seed {seed} --only {mismatch.case}")
    return "\n".join(lines)


def work(seed, numbers, results, stop):
    """Plays these cases; puts ("batch", cases, texts of mismatches) and at last ("done", counts) into `results`."""
    try:
        with tempfile.TemporaryDirectory(prefix="halfdoor-differential-") as folder:
            bench = Bench(folder)
            try:
                for at in range(0, len(numbers), BATCH):
                    if stop.is_set():
                        break
                    batch = numbers[at:at + BATCH]
                    mismatches, lanes, forwarded = bench.play({number: make_case(seed, number) for number in batch})
                    results.put(("batch", len(batch), [report(seed, mismatch, lanes, forwarded) for mismatch in mismatches]))
                    if len(numbers) == 1:
                        lane = lanes[numbers[0]]
                        results.put(("shown", report(seed, OnlyCase(numbers[0]), {numbers[0]: lane}, forwarded), None))
            finally:
                bench.close()
        results.put(("done", bench.counts, None))
    except BaseException:  # pylint: disable=broad-except
        results.put(("failed", traceback.format_exc(), None))


class OnlyCase:
    text = "shown because it was asked for"

    def __init__(self, case):
        self.case = case


def run(seed, numbers, jobs):
    """(counts, texts of mismatches)"""
    context = multiprocessing.get_context("fork")
    results, stop = context.Queue(), context.Event()
    batches = [numbers[at:at + BATCH] for at in range(0, len(numbers), BATCH)]
    shares = [[number for batch in batches[i::jobs] for number in batch] for i in range(jobs)]
    workers = [context.Process(target=work, args=(seed, share, results, stop)) for share in shares]
    for worker in workers:
        worker.start()
    counts, texts, played, running = collections.Counter(), [], 0, jobs
    began = said = time.monotonic()
    while running > 0:
        kind, what, mismatches = results.get()
        if kind == "batch":
            played += what
            for text in mismatches[:max(0, MOST_PRINTED - len(texts))]:
                print(text, flush=True)
            texts += mismatches
        elif kind == "done":
            counts += what
            running -= 1
        elif kind == "shown":
            print(what.replace("MISMATCH in c", "C"))
        else:
            print(what, flush=True)
            texts.append(what)
            stop.set()
            running -= 1
        if time.monotonic() - said > PROGRESS_S or running == 0:
            said = time.monotonic()
            print(f"differential: {played} of {len(numbers)} cases, {len(texts)} mismatches, {said - began:.0f} s", flush=True)
        if len(texts) > MOST_MISMATCHES:
            stop.set()
    for worker in workers:
        worker.join()
    return counts, texts


def thin_shares(counts):
    """What this run has seen too little of to mean anything."""
    wanted = max(1, counts["requests"])
    return [f"only {counts[name]} of {wanted} requests: {name}" for name, share in LEAST_SHARES.items()
            if counts[name] < share * wanted]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100000)
    parser.add_argument("--seed", default=None, help="random if left out")
    parser.add_argument("--only", type=int, default=None)
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    arguments = parser.parse_args()
    seed = arguments.seed or str(random.SystemRandom().randrange(1 << 32))
    numbers = [arguments.only] if arguments.only is not None else list(range(arguments.messages))
    counts, texts = run(seed, numbers, max(1, min(arguments.jobs, len(numbers) // BATCH)))
    if not texts and len(numbers) > BATCH:
        texts = thin_shares(counts)
        print("\n".join(texts), end="\n" if texts else "")
    print("differential: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    verdict = f"FAILED: {len(texts)} mismatches" if texts else "all agree"
    print(f"differential: {verdict}, {len(numbers)} cases of seed {seed}")
    sys.exit(1 if texts else 0)


if __name__ == "__main__":
    main()
