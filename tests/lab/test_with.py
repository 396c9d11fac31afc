# SPDX-License-Identifier: GPL-2.0-or-later
"""The printed remedy, asked for with `oneway explain --with` before it is run, and what explain says after."""

import json
import subprocess

import pytest

from lab.labs.dnat_uplinks import DnatUplinks
from lab.labs.two_nics import OneTable, TwoNics
from lab.test_trace import built

CASES = [(TwoNics, "off", 4), (TwoNics, "strict", 6), (TwoNics, "three", 4), (OneTable, "one-table", 4),
         (DnatUplinks, "nft-wan2", 4)]


def explained(lab, attempt, *flags):
    service = f"[{attempt.address}]:{attempt.port}" if lab.family == 6 else f"{attempt.address}:{attempt.port}"
    done = subprocess.run([str(built("oneway")), "explain", "--netns", lab.watched.name, "--format", "json",
                           lab.client_address, service, *flags], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].name}-{case[1]}-v{case[2]}")
def test_remedy_heals_as_it_was_told(stand, case):
    with stand(case, healthy=False) as lab:
        broken = [(attempt, answer) for attempt in lab.attempts() for status, answer in [explained(lab, attempt)] if status]
        assert broken
        attempt, answer = broken[0]
        commands = answer["findings"][0]["remedy"]
        assert commands
        status, told = explained(lab, attempt, *(f"--with={command}" for command in commands))
        assert status == 0 and told["breaks_at"] is None, told
        for command in commands:
            lab.watched.shell(command)
        status, found = explained(lab, attempt)
        assert status == 0 and found["steps"] == told["steps"] and found["conclusion"] == told["conclusion"]
