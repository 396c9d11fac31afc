#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds one lab, watches it with oneway_exporter, keeps traffic flowing and says what happens, until Ctrl-C."""

import argparse
import os
import pathlib
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from lab.labs import CLASSES, variants  # noqa: E402
from lab.net import Ended, Net, NetError, Unsupported  # noqa: E402
from lab.traffic import Background  # noqa: E402
from lab.watch import Exporter, find_program  # noqa: E402

PORT = 10150
CLOSE_SECONDS = 5


def say(text=""):
    print(text, flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("lab", nargs="?", help="one of --list")
    parser.add_argument("--variant", help="one of the lab's, the first if not given")
    parser.add_argument("--family", type=int, choices=(4, 6), help="IPv4 or IPv6")
    parser.add_argument("--healthy", action="store_true", help="the same lab without its fault")
    parser.add_argument("--build", default=os.environ.get("ONEWAY_BUILD", TESTS.parent / "build" / "release"),
                        help="build directory (%(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="the exporter's, or the next free one (%(default)s)")
    parser.add_argument("--list", action="store_true", help="names the labs and their variants")
    options = parser.parse_args(arguments)
    if not options.list:
        choose(parser, options)
    return options


def choose(parser, options):
    """Sets options.kind to the class meant, options.variant and options.family to what it has."""
    found = variants(options.lab)
    if not found:
        names = ", ".join(dict.fromkeys(lab.name for lab in CLASSES))
        parser.error(f"no lab {options.lab!r}; there are {names}" if options.lab else f"which lab? {names}")
    options.variant = options.variant or next(iter(found))
    options.kind = found.get(options.variant)
    if not options.kind:
        parser.error(f"{options.lab} has no variant {options.variant!r}; it has {', '.join(found)}")
    families = options.kind.families(options.variant)
    options.family = options.family or families[0]
    if options.family not in families:
        parser.error(f"{options.lab} {options.variant} does not exist in IPv{options.family}")
    options.program, options.tool = (find_program(options.build, name) for name in ("oneway_exporter", "oneway"))
    if not options.program:
        parser.error(f"no oneway_exporter in {options.build}; build it, or name another directory with --build")


def list_labs():
    for name in dict.fromkeys(lab.name for lab in CLASSES):
        say(f"{name}{' (always healthy)' if next(iter(variants(name).values())).silent else ''}")
        for variant, lab in variants(name).items():
            say(f"    {variant}  IPv{' and IPv'.join(map(str, lab.families(variant)))}")


def introduce_remedy(lab):
    if lab.prints_remedy is not False:
        say(f"Heal      ip netns exec {lab.watched.name} sh     and paste the commands that `check` prints there")
    if not lab.prints_remedy:
        condition = "" if lab.prints_remedy is False else "     if it prints none"
        for command in lab.remedy():
            say(f"Heal      ip netns exec {lab.healer.name} {command}{condition}")


def introduce(lab, options, exporter):
    state = "" if lab.silent else " (healthy twin)" if options.healthy else " (faulty)"
    url = f"http://127.0.0.1:{exporter.port}"
    space = lab.watched.name
    say(f"\n{lab.name}, variant {lab.variant}, IPv{lab.family}{state}\n{lab.drawing.rstrip()}\n\n{lab.story}")
    if lab.family == 6:
        say("(The drawing has the IPv4 twin's addresses.)")
    if options.healthy and not lab.silent:
        say("Here that is repaired: nothing may be found.")
    say(f"""
Page      {url}/
Metrics   curl -s {url}/metrics | grep ^oneway_
Findings  curl -s {url}/api/v1/findings
Watch     {options.tool or 'oneway'} watch --url={url}
Check     {options.tool or 'oneway'} check --netns {space}{''.join(f' {flag}' for flag in lab.flags)}{' --for 10s' if lab.flags else ''}""")
    if not (lab.silent or options.healthy):
        introduce_remedy(lab)
    say("End       Ctrl-C; everything is gone then\n")


def now():
    return time.strftime("%H:%M:%S")


def describe(finding):
    state = "intended" if finding["intended"] else "symptom," if finding["cause"] else finding["severity"]
    return f"{state} {finding['condition']}: {finding['summary']}"


class Report:
    """Says what changed since the last time."""

    def __init__(self, attempts, traffic, exporter):
        self._traffic, self._exporter = traffic, exporter
        self._outcomes, self._findings = {}, {}
        self._addresses = {attempt.name: attempt.address for attempt in attempts}

    def update(self):
        self._say_outcomes(dict(self._traffic.latest))
        self._say_findings({finding["id"]: describe(finding) for finding in self._exporter.findings()})

    def _say_outcomes(self, outcomes):
        for name, outcome in outcomes.items():
            if self._outcomes.get(name) != outcome:
                say(f"{now()}  {'works' if outcome == 'ok' else outcome:<12} {name} ({self._addresses[name]})")
        self._outcomes = outcomes

    def _say_findings(self, findings):
        for number, text in findings.items():
            if self._findings.get(number) != text:
                say(f"{now()}  FOUND        {text}")
        for number, text in self._findings.items():
            if number not in findings:
                say(f"{now()}  CLOSED       {text}")
        self._findings = findings


def show(lab, options):
    with Exporter(options.program, lab, port=options.port, close_seconds=CLOSE_SECONDS) as exporter:
        introduce(lab, options, exporter)
        attempts = lab.attempts()
        with Background(attempts, interval=1, disturb=lab.disturb) as traffic:
            report = Report(attempts, traffic, exporter)
            while exporter.alive():
                report.update()
                time.sleep(1)
        raise NetError(f"the exporter has ended\n{exporter.log()}")


def main(arguments):
    options = parse(arguments)
    if options.list:
        return list_labs()
    stood = False
    try:
        with Net() as net:
            stood = True
            show(options.kind(net, options.variant, options.family, options.healthy), options)
    except (NetError, Unsupported, AssertionError) as error:
        return f"demo: {error}"
    except Ended as end:
        return end.status
    finally:
        if stood:
            say("\nThe lab is gone.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
