#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random gateways against the kernel: tests/lab/zoo.py --from S --count N (as root; ONEWAY_BUILD names the build).

What fails there must be told by a cause that names it, what works by none; the printed remedies, run as they stand, make
all work and break nothing; where all works nothing is found."""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from lab.labs.base import run_remedy  # noqa: E402
from lab.labs.zoo import FORWARDED, Plan, Zoo  # noqa: E402
from lab.net import Net, Unsupported  # noqa: E402
from lab.traffic import Background  # noqa: E402
from lab.watch import POLL_SECONDS, Exporter, find_program, poll  # noqa: E402

OPEN_SECONDS = 15
SILENT_SECONDS = 8
STEADY_SECONDS = 2
CLOSE_SECONDS = 30
REMEDY_ROUNDS = 3  # after one remedy another fault may show that it hid


def named(cause):
    """The addresses that a cause speaks of."""
    evidence = cause["evidence"]
    return {cause["address"], cause.get("target"), *evidence.get("addresses", []), *evidence.get("targets", [])} - {None}


def subject(lab, attempt):
    """What may be named for an attempt that fails: the address asked, or whom it is translated to."""
    line = next((line for line in lab.plan.lines if attempt.address == lab.attempts_address(line)), None)
    return {attempt.address, lab.target(line)} if line and attempt.port == FORWARDED else {attempt.address}


class Wrong(AssertionError):
    """What oneway said does not agree with the kernel."""


def check(condition, *what):
    if not condition:
        raise Wrong("\n".join(item if isinstance(item, str) else json.dumps(item, indent=1, default=str) for item in what))


def failing(lab):
    outcomes = lab.outcomes()
    return [attempt for attempt, outcome in outcomes.items() if outcome != attempt.outcome]


def untold(lab, broken, causes):
    told = set().union(*(named(cause) for cause in causes)) if causes else set()
    return [attempt.name for attempt in broken if not subject(lab, attempt) & told]


def falsely_told(lab, broken, causes):
    """Causes about addresses at which nothing fails."""
    suspects = set().union(*(subject(lab, attempt) for attempt in broken)) if broken else set()
    return [cause for cause in causes if not named(cause) & suspects]


def find(lab, exporter, broken):
    outside = [attempt for attempt in broken if attempt.source is lab.client]
    found = poll(lambda: not untold(lab, outside, exporter.causes()), OPEN_SECONDS)
    causes = exporter.causes()
    check(found, f"not told: {untold(lab, outside, causes)}", exporter.findings())
    deadline = time.monotonic() + STEADY_SECONDS
    while time.monotonic() < deadline:
        causes = exporter.causes()
        strangers = falsely_told(lab, broken, causes)
        check(not strangers, "told of what works", strangers)
        time.sleep(POLL_SECONDS)
    return causes


def heal(lab, exporter, broken):
    """Runs what is printed until all works. Returns the commands."""
    said = []
    working = {attempt.name for attempt in lab.attempts() + lab.side_checks()} - {attempt.name for attempt in broken}
    for _ in range(REMEDY_ROUNDS):
        causes = find(lab, exporter, broken)
        commands = [command for cause in causes for command in cause["remedy"] if command not in said]
        check(commands, "no remedy", causes)
        run_remedy(lab.watched, commands)
        said += commands
        broken = failing(lab)
        harmed = [attempt.name for attempt in broken if attempt.name in working]
        check(not harmed, f"the remedy broke {harmed}", commands, causes)
        if not broken:
            return said
    check(False, f"after {REMEDY_ROUNDS} remedies there still fail {[attempt.name for attempt in broken]}", said, causes)


def watch_silence(exporter):
    deadline = time.monotonic() + SILENT_SECONDS
    while time.monotonic() < deadline:
        causes = exporter.causes()
        check(not causes, "found where all works", causes)
        time.sleep(POLL_SECONDS)


def try_one(program, seed):
    """One word and a number: healthy, or healed with how many commands. Raises Wrong."""
    with Net() as net:
        lab = Zoo(net, seed)
        before = lab.outcomes()
        broken = [attempt for attempt, outcome in before.items() if outcome != attempt.outcome]
        outside = [attempt for attempt in broken if attempt.source is lab.client]
        with Exporter(program, lab) as exporter, Background(lab.attempts()):
            if not outside:
                watch_silence(exporter)
                return "healthy", 0
            commands = heal(lab, exporter, broken)
            closed = poll(lambda: not exporter.causes(), CLOSE_SECONDS)
            check(closed, "healed, and still found", exporter.causes())
            return "healed", len(commands)


def judge(program, seed):
    try:
        return seed, *try_one(program, seed), ""
    except Unsupported as reason:
        return seed, "unsupported", 0, str(reason)
    except AssertionError as wrong:  # Wrong, or what the exporter's log tells
        return seed, "wrong", 0, str(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=1, metavar="S")
    parser.add_argument("--count", type=int, default=1, metavar="N")
    parser.add_argument("--seeds", type=int, nargs="*", help="these instead")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--verbose", action="store_true")
    chosen = parser.parse_args()
    program = find_program(os.environ["ONEWAY_BUILD"], "oneway_exporter")
    counts = collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(chosen.jobs) as pool:
        seeds = chosen.seeds or range(chosen.first, chosen.first + chosen.count)
        for future in concurrent.futures.as_completed([pool.submit(judge, program, seed) for seed in seeds]):
            seed, verdict, commands, why = future.result()
            counts[verdict] += 1
            if chosen.verbose or verdict == "wrong":
                print(f"{Plan(seed)}\n  {verdict}{f', {commands} commands' if commands else ''}\n{why}", flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
