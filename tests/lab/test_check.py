# SPDX-License-Identifier: GPL-2.0-or-later
"""`oneway check` on a host where a client hangs right now: one look finds it, and leaves the healthy twin alone."""

import dataclasses
import json
import os
import subprocess
import time

import pytest

from lab.labs.dnat_uplinks import DnatUplinks
from lab.labs.forward_drop import Alone
from lab.labs.snat_gateway import SnatGateway
from lab.test_labs import causes_of, pretty, same
from lab.traffic import Background
from lab.watch import find_program

HANGS_SECONDS = 30  # one connection, longer than the look
BEFORE_SECONDS = 0.7  # it has begun when the look does
CASES = [(SnatGateway, "server"), (SnatGateway, "gateway"), (DnatUplinks, "nft-wan2"), (Alone, "alone")]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0].name}-{case[1]}")
def case(request, family):
    return (*request.param, family)


def check(lab):
    build = os.environ.get("ONEWAY_BUILD")
    if not build:
        pytest.skip("ONEWAY_BUILD names no build directory")
    return subprocess.run([find_program(build, "oneway"), "check", "--netns", lab.watched.name, "--format", "json"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def look(lab):
    """While one client per service tries to connect."""
    attempts = [dataclasses.replace(attempt, patience=HANGS_SECONDS) for attempt in lab.attempts()]
    with Background(attempts):
        time.sleep(BEFORE_SECONDS)
        result = check(lab)
        lab.heal() if not lab.healthy else None  # so that nobody waits until its patience ends
    return result, json.loads(result.stdout)["findings"]


def test_found_in_one_look(stand, case):
    with stand(case, healthy=False) as lab:
        result, findings = look(lab)
        assert result.returncode == 1, result.stderr + result.stdout
        assert same(causes_of(findings), lab.expected()), pretty(findings)


def test_twin_is_left_alone(stand, case):
    with stand(case, healthy=True) as lab:
        result, findings = look(lab)
        assert (result.returncode, findings) == (0, []), result.stderr + pretty(findings)
