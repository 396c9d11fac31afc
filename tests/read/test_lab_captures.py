# SPDX-License-Identifier: GPL-2.0-or-later
"""`oneway read` over what lab/record.py recorded in the labs."""

import json
import os
import pathlib
import subprocess

import pytest

ONEWAY = pathlib.Path(os.environ["ONEWAY_BUILD"], "exporter", "oneway")
CAPTURES = pathlib.Path(__file__).parent.parent / "data" / "captures" / "labs"
EXPECTED = json.loads((CAPTURES / "expected.json").read_text())


# What each capture alone can tell: the condition of the cause, the address it is about, and where it says so.
# A capture of one line of several shows half of each connection and nothing wrong.
FINDINGS = {
    "dnat-uplinks-nft-wan2-any-faulty": ("reply_wrong_device", ("198.51.100.18", "2001:db8:101::2")),
    "snat-gateway-client-eth0-faulty": ("reply_from_other_address", ("10.110.19.89", "fd00:110::59")),
    "snat-gateway-gateway-any-faulty": ("return_only", (None, None)),
    "snat-gateway-server-eth0-faulty": ("handshake_one_way", ("10.110.19.89", "fd00:110::59")),
}


def read(name):
    result = subprocess.run([ONEWAY, "read", "--format", "json", CAPTURES / name], capture_output=True, text=True,
                            timeout=60)
    report = json.loads(result.stdout)
    assert result.returncode == (1 if report["findings"] else 0), result.stderr
    return report


@pytest.mark.parametrize("name", EXPECTED)
def test_findings(name):
    lab, family = name.removesuffix(".pcap").rsplit("-v", 1)
    condition, addresses = FINDINGS.get(lab, (None, None))
    causes = [finding for finding in read(name)["findings"] if finding["cause"] is None]
    assert [finding["condition"] for finding in causes] == ([condition] if condition else [])
    for finding in causes:
        assert finding["address"] == addresses[family == "6"] and finding["evidence"]["handshakes"]


@pytest.mark.parametrize("family", [4, 6])
def test_the_devices_of_both_ways_are_named(family):
    finding, = (finding for finding in read(f"dnat-uplinks-nft-wan2-any-faulty-v{family}.pcap")["findings"]
                if finding["condition"] == "reply_wrong_device")
    handshake = finding["evidence"]["handshakes"][0]
    assert finding["summary"].startswith(f"replies from {finding['address']} were seen leaving by ")
    assert finding["severity"] == "critical" and not finding["remedy"]
    assert finding["device"] != finding["reply_device"]
    assert (finding["device"], finding["reply_device"]) == (handshake["syn"]["in"], handshake["synack"]["out"])


@pytest.mark.parametrize("name", EXPECTED)
def test_outcomes(name):
    counts = read(name)["handshakes"]
    assert {outcome: count for outcome, count in counts.items() if count} == EXPECTED[name]


def test_all_are_expected():
    assert {path.name for path in CAPTURES.glob("*.pcap")} == set(EXPECTED)
