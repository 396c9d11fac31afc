# SPDX-License-Identifier: GPL-2.0-or-later
"""oneway over each lab: the fault is found and named, its printed remedy heals it, and a healthy twin is left alone."""

import json
import os
import re
import subprocess
import tempfile
import time

import pytest

from lab.checks import assert_faulty, assert_healthy, failures
from lab.labs.base import run_remedy
from lab.traffic import Background
from lab.watch import POLL_SECONDS, Exporter, find_program, poll

TWIN_SECONDS = 6  # a judgement a second
SILENT_SECONDS = float(os.environ.get("ONEWAY_SILENT_SECONDS", 12))  # a handshake is judged after 10 s at most
CLOSE_SECONDS = 75  # what was seen to fail counts for a minute


@pytest.fixture(scope="session")
def program():
    build = os.environ.get("ONEWAY_BUILD")
    if not build:
        pytest.skip("ONEWAY_BUILD names no build directory")
    found = find_program(build, "oneway_exporter")
    assert found, f"no oneway_exporter in {build}"
    return found


def fits(found, wanted):
    """One of several, the parts that are named, or the same."""
    if isinstance(wanted, dict):
        return all(fits(found.get(key), value) for key, value in wanted.items())
    return found in (wanted if isinstance(wanted, tuple) else (wanted,))


def matches(finding, expected):
    return all(fits(finding[field], value) for field, value in expected.items())


def same(findings, expected):
    """The findings are the expected ones, each once, and no other."""
    return len(findings) == len(expected) and all(
        sum(matches(finding, wanted) for finding in findings) == 1 for wanted in expected)


def pretty(findings):
    return json.dumps(findings, indent=1)


def assert_steady(exporter, lab):
    """No other cause is claimed, now or a little later."""
    deadline = time.monotonic() + lab.steady_seconds
    while time.monotonic() < deadline:
        causes = exporter.causes()
        assert same(causes, lab.expected()), pretty(causes)
        time.sleep(POLL_SECONDS)


def await_expected(exporter, expected, seconds):
    """The expected causes open, one after the other at most, and meanwhile nothing else does."""
    def opened():
        causes = exporter.causes()
        strangers = [cause for cause in causes if not any(matches(cause, wanted) for wanted in expected)]
        assert not strangers, pretty(strangers)
        return same(causes, expected)
    assert poll(opened, seconds), f"expected {expected}, found {pretty(exporter.findings())}\n{exporter.log()}"


def await_symptoms(exporter, expected, seconds):
    """Each of these is shown, and explained by a cause (that there is no other cause is seen elsewhere)."""
    def missing():
        explained = [finding for finding in exporter.findings() if finding["cause"] is not None]
        return [wanted for wanted in expected if not any(matches(finding, wanted) for finding in explained)]
    assert poll(lambda: not missing(), seconds), f"{missing()} not in {pretty(exporter.findings())}"


def remedy_of(lab, causes):
    """The printed commands."""
    for cause in causes:
        assert cause["remedy_checked"] == (lab.checks_remedy and bool(cause["remedy"])), pretty(cause)
        assert lab.prints_remedy in (None, bool(cause["remedy"])), pretty(cause)
        assert cause["evidence"] and cause["summary"] and cause["explanation"], pretty(cause)
    return [command for cause in causes for command in cause["remedy"]]


def heal(lab, commands):
    """As printed; by the operator's own knowledge where nothing is."""
    if commands:
        run_remedy(lab.watched, commands)
    else:
        lab.heal()


def wrong_outcomes(lab, traffic, faulty=False):
    """Of the traffic so far, {name: outcome} of what did not end as it should; not all may have ended yet."""
    wanted = {attempt.name: attempt.symptom if faulty and attempt.broken else attempt.outcome
              for attempt in lab.attempts() + lab.side_checks()}
    return {name: outcome for name, outcome in traffic.latest.items() if outcome != wanted[name]}


def assert_read_back(exporter, finding):
    """The evidence file holds what `oneway read` needs to find the same, with the devices."""
    handshakes = finding["evidence"].get("handshakes")
    status, body = exporter.request(f"/api/v1/findings/{finding['id']}/evidence.pcap") if handshakes else (404, b"")
    if status != 200:
        return  # not from the wire, or its packets were not kept
    with tempfile.NamedTemporaryFile(suffix=".pcapng") as file:
        file.write(body)
        file.flush()
        read = subprocess.run([exporter.program.with_name("oneway"), "read", "--format", "json", file.name],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    told = json.loads(read.stdout)
    # What needs the host's routes and rules to be named the file says of itself, and the packets show its symptom.
    assert any(f"finding {finding['id']} ({finding['condition']})" in comment for comment in told["comments"]), pretty(told)
    assert told["findings"], pretty(told)
    seen = {device for other in told["findings"] for handshake in other["evidence"].get("handshakes", [])
            for device in (*handshake["syn"].values(), *handshake["synack"].values()) if device}
    known = {device for handshake in handshakes for device in (*handshake["syn"].values(), *handshake["synack"].values()) if device}
    assert seen & known and not any(re.fullmatch(r"if\d+", name) for name in seen), (known, seen)


def find(lab, exporter, traffic):
    """All that is wrong and nothing else is found; returns the printed commands."""
    await_expected(exporter, lab.expected(), lab.open_seconds)
    print(f"all found {time.monotonic() - traffic.started:.1f} s after the first attempt")
    await_symptoms(exporter, lab.symptoms(), lab.open_seconds)
    assert_steady(exporter, lab)
    for cause in exporter.causes():
        assert_read_back(exporter, cause)
    assert not wrong_outcomes(lab, traffic, faulty=True)
    return remedy_of(lab, exporter.causes())


def test_found_and_healed(program, stand, faulty_case):
    with stand(faulty_case, healthy=False) as lab:
        assert_faulty(lab)
        with Exporter(program, lab) as exporter:
            with Background(lab.attempts(), disturb=lab.disturb) as traffic:
                commands = find(lab, exporter, traffic)
                heal(lab, commands)
                assert not failures(lab.attempts() + lab.side_checks()), commands
                assert poll(lambda: not exporter.findings(), CLOSE_SECONDS), pretty(exporter.findings())
                assert_healthy(lab)


def assert_nobody_connected(exporter):
    assert not any(exporter.samples("oneway_conntrack_target_flows").values())


def assert_explained(program, lab, finding):
    """`oneway explain` names the rule that translates, though conntrack has no connection that shows it."""
    command = program.with_name("oneway")
    attempt = next(attempt for attempt in lab.attempts() if attempt.address == finding["address"])
    result = subprocess.run([command, "explain", "--netns", lab.watched.name, "--format", "json", lab.client_address,
                             f"[{attempt.address}]:{attempt.port}" if lab.family == 6 else f"{attempt.address}:{attempt.port}"],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1, result.stderr
    explanation = json.loads(result.stdout)
    step = next(step for step in explanation["steps"] if step["step"] == "translated")
    assert f"to {finding['target']} port 22 by table {lab.nft_family} nat, chain " in step["text"], step
    handle = int(re.search(r", handle (\d+);", step["text"]).group(1))
    chain = re.search(r", chain (\w+), ", step["text"]).group(1)
    listed = lab.watched.run("nft", "-a", "list", "chain", lab.nft_family, "nat", chain)
    rule = next(line for line in listed.splitlines() if line.endswith(f"# handle {handle}"))
    assert "dnat" in rule.lower(), rule
    assert explanation["breaks_at"] == "leaves", explanation


def test_found_before_the_first_connection(program, stand, early_case):
    with stand(early_case, healthy=False) as lab, Exporter(program, lab) as exporter:
        await_expected(exporter, lab.expected(), lab.open_seconds)
        assert_steady(exporter, lab)
        assert_nobody_connected(exporter)
        causes = exporter.causes()
        assert_explained(program, lab, causes[0])
        run_remedy(lab.watched, remedy_of(lab, causes))
        assert poll(lambda: not exporter.findings(), CLOSE_SECONDS), pretty(exporter.findings())
        assert_nobody_connected(exporter)


def test_twin_is_left_alone_before_the_first_connection(program, stand, early_case):
    with stand(early_case, healthy=True) as lab, Exporter(program, lab) as exporter:
        watch_silence(exporter, TWIN_SECONDS, lab.intended)
        assert exporter.samples("oneway_nat_rules")['kind="dnat"'] >= 3
        assert exporter.samples("oneway_nat_rules_unread")[""] == 0


def causes_of(findings):
    return [finding for finding in findings if not finding["cause"]]


def watch_silence(exporter, seconds, intended):
    """Nothing opens but what is intended, which does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        findings = exporter.findings()
        strangers = [finding for finding in causes_of(findings)
                     if not (finding["intended"] and any(matches(finding, wanted) for wanted in intended))]
        assert not strangers, pretty(strangers)
        assert all(finding["intended"] for finding in findings), pretty(findings)
        time.sleep(POLL_SECONDS)
    assert same(causes_of(findings), intended), pretty(findings)
    counts = exporter.samples("oneway_findings")
    assert counts and not any(counts.values()), counts


def assert_silent(program, lab, seconds):
    with Background(lab.attempts() + lab.side_checks(), disturb=lab.disturb) as traffic:
        with Exporter(program, lab) as exporter:
            watch_silence(exporter, seconds, lab.intended)
    assert traffic.latest and not wrong_outcomes(lab, traffic)


def test_twin_is_left_alone(program, stand, twin_case):
    with stand(twin_case, healthy=True) as lab:
        assert_healthy(lab)
        assert_silent(program, lab, SILENT_SECONDS if lab.disturb else TWIN_SECONDS)


def test_lookalike_is_left_alone(program, stand, silent_case):
    with stand(silent_case, healthy=True) as lab:
        assert_healthy(lab)
        assert_silent(program, lab, SILENT_SECONDS)
