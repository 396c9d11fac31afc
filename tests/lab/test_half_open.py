# SPDX-License-Identifier: GPL-2.0-or-later
"""Without capture, connections that stay half open are found, and a flood that leaves many of them is not."""

import pytest

from lab.checks import assert_healthy
from lab.labs.half_open import TIMEOUT_SECONDS, HalfOpen, HalfOpenByRoute
from lab.test_labs import await_expected, pretty, program, watch_silence  # noqa: F401  (a fixture)
from lab.traffic import Background
from lab.watch import Exporter, poll

FOUND_SECONDS = 30
FLAGS = ("--no-collector.handshake",)
CASES = [(lab, "nft-wan2", family) for lab in (HalfOpen, HalfOpenByRoute) for family in (4, 6)]
NAMES = [f"{lab.__name__}-v{family}" for lab, _, family in CASES]


def half_open(exporter):
    return [finding for finding in exporter.findings() if finding["condition"] == "half_open_nat"]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_found(program, stand, case):  # noqa: F811
    with stand(case, healthy=False) as lab, Exporter(program, lab, flags=FLAGS) as exporter:
        with Background(lab.attempts()):
            assert poll(lambda: half_open(exporter), FOUND_SECONDS), pretty(exporter.findings())
            await_expected(exporter, lab.expected(), lab.open_seconds)
            found = half_open(exporter)
            assert [finding["address"] for finding in found] == [lab.public], pretty(found)
            assert found[0]["evidence"]["peers"] == [lab.client_address], pretty(found)


def test_flood_is_left_alone(program, stand, family):  # noqa: F811
    with stand((HalfOpen, "nft-wan2", family), healthy=True) as lab:
        assert_healthy(lab)
        with Exporter(program, lab, flags=FLAGS) as exporter:
            with Background(lab.attempts() + lab.side_checks(), disturb=lab.disturb):
                watch_silence(exporter, 5 * TIMEOUT_SECONDS, ())
                counts = exporter.samples("oneway_conntrack_nat_flows")
                assert counts['nat="dnat",protocol="tcp",state="syn_recv"'] > 0, counts
