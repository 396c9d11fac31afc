# SPDX-License-Identifier: GPL-2.0-or-later
"""The rulesets of tests/data/rulesets, loaded into a namespace of the running kernel: what is read of them is what
their JSON says. Run as a program, it records what the kernel sends anew, and what is read of that."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "rulesets"
LOADERS = {".nft": ["nft", "-f"], ".iptables": ["iptables-nft-restore"], ".ip6tables": ["ip6tables-nft-restore"]}
RULESETS = sorted(path for path in DATA.iterdir() if path.suffix in LOADERS)
SECONDS = 60


def read(path, *arguments, loader=None):
    """What rulesets_read prints where the ruleset was loaded, in a namespace that is gone afterwards."""
    program = pathlib.Path(os.environ["ONEWAY_BUILD"], "tests", "rulesets_read")
    script = '"$@" && exec ' + " ".join(f"'{word}'" for word in (program, *arguments))
    command = ["unshare", "--net", "sh", "-c", script, "sh", *(loader or LOADERS[path.suffix]), str(path)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    if result.returncode == 77:
        pytest.skip(result.stderr)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def may_unshare():
    return subprocess.run(["unshare", "--net", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="network namespaces need root")
@pytest.mark.parametrize("path", RULESETS, ids=lambda path: path.name)
def test_ruleset_is_read(path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    found = read(path)
    assert found["unread"] == expected["unread"]
    for rule, wanted in zip(found["rules"], expected["rules"]):
        assert rule == wanted
    assert len(found["rules"]) == len(expected["rules"])


LEGACY_LOADERS = {".iptables": ["iptables-legacy-restore"], ".ip6tables": ["ip6tables-legacy-restore"]}


def has_legacy():
    return subprocess.run(["unshare", "--net", "iptables-legacy", "-t", "nat", "-S"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.skipif(not may_unshare() or not has_legacy(), reason="this kernel has no legacy iptables")
@pytest.mark.parametrize("path", [path for path in RULESETS if path.suffix in LEGACY_LOADERS], ids=lambda path: path.name)
def test_legacy_table_is_read(path):
    """The same file, loaded by the legacy program, means the same."""
    assert read(path, loader=LEGACY_LOADERS[path.suffix]) == json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


PIECE_MS = 10  # of the loop thread's time, whatever the ruleset is
SERVICES = 5000  # ten thousand translations


def longest_pieces(loader, mode, times):
    """What it cost to read such rules, three times: a piece may be longer if the machine was busy with another."""
    here = pathlib.Path(__file__).resolve().parent
    program = pathlib.Path(os.environ["ONEWAY_BUILD"], "tests", "rulesets_read")
    script = f"{sys.executable} {here}/kube_proxy.py {mode} {SERVICES} | {loader} && exec {program} --pieces {times}"
    result = subprocess.run(["unshare", "--net", "sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=2 * SECONDS)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.skipif(not may_unshare(), reason="network namespaces need root")
@pytest.mark.skipif("sanitize" in os.environ.get("ONEWAY_BUILD", ""), reason="sanitizers take their time")
@pytest.mark.parametrize("loader, mode", [("iptables-legacy-restore", "iptables"), ("nft -f -", "nftables")])
def test_large_rulesets_are_read_in_pieces(loader, mode):
    if "legacy" in loader and not has_legacy():
        pytest.skip("this kernel has no legacy iptables")
    found = longest_pieces(loader, mode, 3)
    assert all(once["rules"] == 2 * SERVICES for once in found)
    assert min(once["longest"] for once in found) < PIECE_MS
    assert min(once["collect"] for once in found) < 0.1


def record():
    for path in RULESETS:
        if path.suffix in LEGACY_LOADERS:
            read(path, "--record", path.with_suffix(".table"), loader=LEGACY_LOADERS[path.suffix])
        found = read(path, "--record", path.with_suffix(".messages"))
        rules = ",\n".join("  " + json.dumps(rule) for rule in found["rules"])
        path.with_suffix(".json").write_text(
            f'{{\n "rules": [\n{rules}\n ],\n "unread": {json.dumps(found["unread"])}\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    sys.exit(record())
