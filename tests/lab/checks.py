# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the topology and those of oneway both assert about a lab's connections."""

import collections
import re

from lab.traffic import run_all

SEVERITIES = ("info", "warning", "critical")
SAID = re.compile(r'msg="Finding (opened|closed|changed its \w+)" (.*)$', re.MULTILINE)
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


def split_series(log):
    """What makes more than one series of a finding, by the exporter's log: that it opens again, as the same or as another
    about the same device and address; that its severity falls; that it changes between cause and symptom."""
    faults, openings, severities = [], collections.Counter(), {}
    for what, fields in SAID.findall(log):
        said = dict(FIELD.findall(fields))
        number = said["id"]
        severity = SEVERITIES.index(said["severity"])
        subject = said["condition"], said["device"], said["address"], said.get("origin")
        openings[subject] += what == "opened"
        again = what == "opened" and openings[subject] > 1
        fallen = what == "changed its severity" and severity < severities[number]
        if again or fallen or what == "changed its cause":
            faults.append(f"{said['condition']} {number} {what}, {said['severity']}")
        severities[number] = severity
    return faults


def failures(attempts):
    """{name: outcome} of those that did not end as they should."""
    return {attempt.name: outcome for attempt, outcome in run_all(attempts).items() if outcome != attempt.outcome}


def risen(before, after):
    return {what for what, count in after.items() if count > before[what]}


def assert_faulty(lab):
    """What is broken fails as in the report, and nothing else does."""
    signature, witnesses = lab.signature(), lab.witnesses()
    broken = {attempt.name: attempt.symptom for attempt in lab.attempts() if attempt.broken}
    outcomes = failures(lab.attempts() + lab.side_checks())
    assert outcomes == broken
    assert risen(signature, lab.signature()) == set(signature)
    assert risen(witnesses, lab.witnesses()) == set(witnesses)


def assert_healthy(lab):
    """Everything works, and the signature of the fault does not show."""
    signature, witnesses = lab.signature(), lab.witnesses()
    if lab.disturb:
        lab.disturb()
    assert not failures(lab.attempts() + lab.side_checks())
    assert not risen(signature, lab.signature())
    assert risen(witnesses, lab.witnesses()) == set(witnesses)
