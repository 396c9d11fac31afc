# SPDX-License-Identifier: GPL-2.0-or-later
"""What changes while oneway watches: the finding names it, undoing it heals, and what harms nobody is only told."""

import json
import time

from lab.checks import assert_healthy, failures
from lab.labs.base import run_remedy
from lab.labs.two_nics import RuleDeleted
from lab.test_labs import CLOSE_SECONDS, SILENT_SECONDS, matches, pretty, program, watch_silence  # noqa: F401
from lab.traffic import Background
from lab.watch import Exporter, poll

HEALTHY_SECONDS = 4  # some judgements, and connections that complete


def changes(exporter, kind):
    """[(event, text)], oldest first."""
    listed = json.loads(exporter.get("/api/v1/changes"))["changes"]
    return [(change["event"], change["text"]) for change in reversed(listed) if change["kind"] == kind]


def causes_on_eth1(exporter):
    return [cause for cause in exporter.causes() if matches(cause, {"condition": "reply_wrong_device", "device": "eth1"})]


def test_a_deleted_rule_is_put_back(program, stand, family):  # noqa: F811
    with stand((RuleDeleted, "off", family), healthy=True) as lab:
        assert_healthy(lab)
        with Exporter(program, lab) as exporter, Background(lab.attempts()):
            watch_silence(exporter, HEALTHY_SECONDS, [])
            rules = lab.rules()
            lab.delete()
            started = time.monotonic()
            assert poll(lambda: causes_on_eth1(exporter), lab.open_seconds), exporter.log()
            print(f"found {time.monotonic() - started:.1f} s after the rule was deleted")
            cause, = causes_on_eth1(exporter)
            assert matches(cause["changed"][0], {"kind": "rule", "event": "went",
                                                 "text": f"{lab.ip_command} rule del {lab.rule}"}), pretty(cause)
            assert cause["from_start"] is False
            assert cause["remedy"] == [f"{lab.ip_command} rule add {lab.rule}"], pretty(cause)
            assert cause["remedy_checked"] is True, pretty(cause)
            run_remedy(lab.watched, cause["remedy"])
            assert lab.rules() == rules
            assert not failures(lab.attempts() + lab.side_checks())
            assert poll(lambda: not exporter.findings(), CLOSE_SECONDS), pretty(exporter.findings())
            assert [event for event, _ in changes(exporter, "rule")] == ["went", "came"]
            assert exporter.samples("oneway_changes_total")['kind="rule"'] == 2
            assert f'event=went text="{lab.ip_command} rule del {lab.rule}"' in exporter.log()


def test_a_rule_to_an_empty_table_is_not_put_back(program, stand, family):  # noqa: F811
    with stand((RuleDeleted, "off", family), healthy=True) as lab:
        with Exporter(program, lab) as exporter, Background(lab.attempts()):
            watch_silence(exporter, HEALTHY_SECONDS, [])
            lab.delete()
            lab.host.ip("route flush table 101", lab.family)
            assert poll(lambda: causes_on_eth1(exporter), lab.open_seconds), exporter.log()
            cause, = causes_on_eth1(exporter)
            assert cause["changed"][0]["kind"] == "rule", pretty(cause)
            assert f"{lab.ip_command} rule add {lab.rule}" not in cause["remedy"], pretty(cause)
            run_remedy(lab.watched, cause["remedy"])  # by the neighbour that delivers the requests
            assert not failures(lab.attempts() + lab.side_checks())


def test_what_harms_nobody_is_only_told(program, stand, family):  # noqa: F811
    """The healthy twin: a rule comes and goes that concerns no reply, and a rule of the same kind as the one above."""
    with stand((RuleDeleted, "off", family), healthy=True) as lab:
        with Exporter(program, lab) as exporter, Background(lab.attempts()):
            watch_silence(exporter, HEALTHY_SECONDS, [])
            other = f"pref 900 from {lab.client_address} lookup 101"
            for command in ("add", "del"):
                lab.host.ip(f"rule {command} {other}", lab.family)
                watch_silence(exporter, SILENT_SECONDS / 2, [])
            assert changes(exporter, "rule") == [(event, f"{lab.ip_command} rule {command} {other}")
                                                 for event, command in (("came", "add"), ("went", "del"))]
            assert changes(exporter, "reply_route") == []
            assert not failures(lab.attempts() + lab.side_checks())


def test_what_stood_from_the_start_says_so(program, stand, family):  # noqa: F811
    with stand((RuleDeleted, "off", family), healthy=True) as lab:
        lab.delete()
        with Exporter(program, lab) as exporter, Background(lab.attempts()):
            assert poll(lambda: causes_on_eth1(exporter), lab.open_seconds), exporter.log()
            cause, = causes_on_eth1(exporter)
            assert cause["from_start"] is True and cause["changed"] == [], pretty(cause)
            assert cause["remedy"][-1].endswith("lookup 101"), pretty(cause)  # which no rule names
