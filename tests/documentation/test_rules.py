# SPDX-License-Identifier: GPL-2.0-or-later
"""The alerting rules follow from the program's own tables, fire when they should, and lead to a page each."""

import contextlib
import functools
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest
import yaml
import dashboards
import manual
from manual import ROOT, described, output

MIXIN = f"{ROOT}/alerts/mixin/rules.jsonnet"
TESTS = f"{ROOT}/alerts/rules/oneway.test.yml"
ALERTMANAGER = f"{ROOT}/alerts/alertmanager/alertmanager.yml"
RUNBOOKS = f"{ROOT}/alerts/runbooks"
SECTIONS = ["What it means", "See it by hand", "Why the remedy heals", "What else it may be"]
# What Prometheus itself adds, and what a rule makes.
TARGET_LABELS = {"job", "instance"}
# Metrics that neither a rule nor a dashboard's panel is about, and why.
ELSEWHERE = {
    "oneway_alertmanager_notifications_dropped_total": "more than a thousand alerts of one host are no news",
    "oneway_alertmanager_notifications_errors_total": "for the runbook of OnewayAlertmanagerUnreached: a single one is sent again",
    "oneway_alertmanager_notifications_total": "only where the exporter sends alerts itself; those that wait are alerted on",
    "oneway_alertmanager_queue_capacity": "a constant",
    "process_start_time_seconds": "a restart shows in every counter, and is no fault",
    "process_threads": "their number does not change while the exporter runs",
    "process_virtual_memory_bytes": "what is reserved says nothing; what is resident is on a panel",
    "process_virtual_memory_max_bytes": "likewise",
}


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


@functools.lru_cache(None)
def load(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def rules():
    return [rule for group in load(manual.RULES)["groups"] for rule in group["rules"]]


def alerts():
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def records():
    return {rule["record"] for rule in rules() if "record" in rule}


def alert_of(condition):
    return "Oneway" + "".join(word.capitalize() for word in condition.split("_"))


def conditions():
    return [row[0] for row in described("condition")]


# ---- the rules and the program ----


@needs("jsonnet")
def test_committed_rules_are_those_of_the_mixin():
    with open(manual.RULES, encoding="utf-8") as file:
        assert file.read() == manual.rules(), "/usr/bin/python3 tests/documentation/manual.py writes them anew"


@needs("jsonnet")
@needs("jsonnetfmt")
def test_mixin_is_formatted():
    folder = os.path.dirname(MIXIN)
    output("jsonnetfmt", "--test", *(f"{folder}/{name}" for name in os.listdir(folder)))


@needs("jsonnet")
def test_arguments_reach_every_rule():
    text = output("jsonnet", "-S", "-A", 'selector=team="net"', "-A", "runbookBase=https://runbooks.example/", MIXIN)
    made = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    assert "job=\"oneway\"" not in "".join(rule["expr"] for rule in made)
    assert all('team="net"' in rule["expr"] for rule in made)
    assert all(rule["annotations"]["runbook_url"].startswith("https://runbooks.example/") for rule in made if "alert" in rule)


def mixin(config, what="own.prometheusRules.groups + own.prometheusAlerts.groups"):
    """The mixin's own groups, as others import them, or another part of it."""
    own = f"(import 'mixin.libsonnet') {{ _config+:: {{ {config} }} }}"
    return json.loads(output("jsonnet", "-J", os.path.dirname(MIXIN), "-e", f"local own = {own}; {what}"))


@needs("jsonnet")
def test_mixin_holds_what_the_rules_say():
    assert mixin("") == load(manual.RULES)["groups"]


@needs("jsonnet")
@pytest.mark.parametrize("setting", ["selector: 'x=\"y\"'", "runbookBase: 'x'", "fleetLabels: ['address', 'site']", "fleetWindow: '7m'", "downFor: '7m'",
                                     "failingFor: '7m'", "blindFor: '7m'", "captureLossRatio: 0.5", "sweepAgeSeconds: 7", "judgementAgeSeconds: 7"])
def test_each_setting_has_an_effect(setting):
    assert mixin(setting) != load(manual.RULES)["groups"]


@needs("jsonnet")
@pytest.mark.parametrize("setting", ["dashboardSelector: 'x=\"y\"'", "datasourceVariable: 'source'", "runbookBase: 'x'"])
def test_each_setting_has_an_effect_on_dashboards(setting):
    made = mixin(setting, "own.grafanaDashboards['oneway-host.json']")
    assert made != dashboards.load()["oneway-host"]
    assert made["templating"]["list"][1]["datasource"]["uid"] == "${source}" or "source" not in setting


def test_each_setting_is_tried():
    with open(f"{ROOT}/alerts/mixin/config.libsonnet", encoding="utf-8") as file:
        settings = re.findall(r"^    (\w+):", file.read(), re.MULTILINE)
    tried = [test.pytestmark[0].args[1] for test in (test_each_setting_has_an_effect, test_each_setting_has_an_effect_on_dashboards)]
    assert set(settings) == {setting.split(":")[0] for setting in sum(tried, [])}


@needs("promtool")
def test_promtool_accepts_the_rules():
    output("promtool", "check", "rules", "--lint=all", "--lint-fatal", manual.RULES)


@needs("promtool")
def test_promtool_tests_the_rules():
    done = subprocess.run(["promtool", "test", "rules", TESTS], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_and_stays_silent_in_its_test():
    cases = [case for test in load(TESTS)["tests"] for case in test.get("alert_rule_test", [])]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == set(alerts())
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == set(alerts())


def test_each_record_is_tested():
    queries = " ".join(case["expr"] for test in load(TESTS)["tests"] for case in test.get("promql_expr_test", []))
    used = " ".join(rule["expr"] for rule in alerts().values())
    assert {record for record in records() if record not in queries and record not in used} == set()


def selectors(text):
    """(metric, its labels' matchers) of each selector in an expression or a template."""
    return [(name, re.findall(r'(\w+)\s*=?[=~!]+\s*(?:\\?"([^"\\]*)|%)', matchers))
            for name, matchers in re.findall(r"\b([a-z_]\w*(?::\w+)*)\{([^{}]*)\}", text)]


def test_metrics_and_labels_exist():
    known = {row[0]: set(filter(None, row[2].split(", "))) for row in described("metric")} | {"up": set()}
    every = set().union(*known.values(), TARGET_LABELS, {"omitted", "server"})
    for rule in rules():
        texts = [rule["expr"], *rule.get("annotations", {}).values()]
        for metric, matchers in (found for text in texts for found in selectors(text)):
            if ":" in metric:
                assert metric in records(), metric
                continue
            assert metric in known, rule
            assert {label for label, _ in matchers} <= known[metric] | TARGET_LABELS, rule
        for labels in re.findall(r"\b(?:by|without|on|ignoring) \(([^()]*)\)", rule["expr"]):
            assert set(labels.replace(" ", "").split(",")) <= every, rule
        mentioned = set(re.findall(r"\boneway_[a-z_]+\b", rule["expr"]))
        assert mentioned <= set(known) | set(re.findall(r"oneway_[a-z_]+", " ".join(records()))), rule


def test_named_conditions_and_outcomes_exist():
    outcomes = {row[0] for row in described("outcome")}
    named = {"condition": set(conditions()), "outcome": outcomes, "cause": {"true"}}
    seen = set()
    for rule in rules():
        for text in (rule["expr"], rule.get("annotations", {}).get("description", "")):
            for _, matchers in selectors(text):
                for label, value in matchers:
                    seen.add(label)
                    filled_in = value == ""  # by a template, from the alert's own labels
                    assert filled_in or label not in named or set(value.split("|")) <= named[label], rule
    assert set(named) <= seen


def test_each_metric_is_in_a_rule_or_on_a_panel_or_has_a_reason():
    used = {metric for rule in rules() for text in (rule["expr"], *rule.get("annotations", {}).values())
            for metric, _ in selectors(text)}
    assert {row[0] for row in described("metric")} - used - dashboards.metrics(dashboards.load()) == set(ELSEWHERE)


# ---- alerts ----


def test_each_condition_has_its_alert():
    """For its causes alone, at once: the exporter has judged; the severity is the finding's."""
    for condition in conditions():
        rule = alerts()[alert_of(condition)]
        assert rule["expr"] == f'oneway_finding{{job="oneway",condition="{condition}",cause="true"}} == 1'
        assert rule["for"] == "0s" and "labels" not in rule
        assert rule["annotations"]["runbook_url"].endswith(f"/{condition}.md")


def test_what_the_exporter_sends_itself_is_what_the_rules_make():
    sent = {condition: (json.loads(labels), json.loads(annotations)) for condition, labels, annotations in described("alert")}
    assert list(sent) == conditions()
    for condition, (labels, annotations) in sent.items():
        rule = alerts()[alert_of(condition)]
        # Of the rule: its name, and those labels of its expression that are not the target's.
        assert labels == {"alertname": rule["alert"], "job": "oneway", "condition": condition, "severity": "info", "cause": "true"}
        assert annotations["summary"] == rule["annotations"]["summary"]
        assert annotations["runbook_url"] == "RUNBOOKS/" + rule["annotations"]["runbook_url"].rpartition("/")[2]
        # Without what the template would fill in.
        template = re.sub(r"{{ with .*?}}.*?{{ end }}(?:{{ end }})?|{{.*?}}", "", rule["annotations"]["description"])
        assert annotations["description"] == template


@pytest.mark.parametrize("name", alerts())
def test_annotations(name):
    annotations = alerts()[name]["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert "{{" not in annotations["summary"] and re.fullmatch("[A-Z].*[.]", annotations["summary"])
    assert len(annotations["summary"]) <= 160
    page, _, anchor = annotations["runbook_url"].rpartition("/")[2].partition("#")
    with open(f"{RUNBOOKS}/{page}", encoding="utf-8") as file:
        headings = re.findall("^#+ (.*)$", file.read(), re.MULTILINE)
    assert not anchor or name in [heading for heading in headings if heading.lower() == anchor]


# ---- runbooks ----


def page_of(name):
    with open(f"{RUNBOOKS}/{name}", encoding="utf-8") as file:
        return file.read()


def test_each_page_belongs_to_an_alert():
    assert set(os.listdir(RUNBOOKS)) == {f"{name}.md" for name in [*conditions(), "return_path", "watching", "README"]}


@pytest.mark.parametrize("page", [*(f"{name}.md" for name in conditions()), "return_path.md"])
def test_pages_of_conditions(page):
    parts = re.split("^## (.*)$", page_of(page), flags=re.MULTILINE)
    assert parts[1::2] == SECTIONS
    assert all(len(text.split()) > 20 for text in parts[2::2])
    assert re.search("^    (tcpdump|ip) ", parts[4], re.MULTILINE)


@pytest.mark.parametrize("page", sorted(os.listdir(RUNBOOKS)))
def test_what_pages_mention_exists(page):
    text = page_of(page)
    metrics, flags = {row[0] for row in described("metric")}, {re.split("[=[]", flag)[0] for flag, _, _ in manual.flags()}
    assert set(re.findall(r"\boneway_[a-z_]+\b", text)) - {"oneway_exporter"} <= metrics
    assert set(re.findall(r"(?<![-\w])--(?:collector|metrics|web|trace)[\w.-]*", text)) <= flags
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert os.path.exists(f"{RUNBOOKS}/{link}"), link
    assert set(re.findall(r"\bOneway[A-Z]\w+", text)) <= set(alerts())


# ---- Alertmanager ----


@needs("amtool")
def test_amtool_accepts_the_configuration():
    output("amtool", "check-config", ALERTMANAGER)


def test_inhibition_names_alerts_that_exist():
    matchers = [matcher for rule in load(ALERTMANAGER)["inhibit_rules"]
                for matcher in rule["source_matchers"] + rule["target_matchers"] if matcher.startswith("alertname")]
    names = [name for matcher in matchers for name in re.search('"(.*)"', matcher)[1].split("|")]
    assert names and set(names) - {"Oneway.+"} <= set(alerts())


@needs("amtool")
@pytest.mark.parametrize("severity, receiver", [("critical", "oneway-pager"), ("warning", "oneway-tickets"), ("info", "nobody")])
def test_routes(severity, receiver):
    found = output("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}",
                   "alertname=OnewayReplyWrongDevice", f"severity={severity}")
    assert found.strip() == receiver


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(url, body=None):
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read()


@contextlib.contextmanager
def alertmanager(folder):
    """Debian's, with the shipped configuration; its address. It ends with us, even if we are killed."""
    url = f"http://127.0.0.1:{free_port()}"
    with open(folder / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "prometheus-alertmanager", f"--config.file={ALERTMANAGER}",
             f"--storage.path={folder}", f"--web.listen-address={url.removeprefix('http://')}", "--cluster.listen-address="],
            stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                call(f"{url}/-/ready")
                break
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


def fired(condition, instance, severity="critical", cause="true", **labels):
    return {"alertname": alert_of(condition), "job": "oneway", "instance": instance, "condition": condition,
            "severity": severity, "cause": cause, **labels}


FLEET = {"alertname": "OnewayReturnPathThroughGateway", "job": "oneway", "instance": "gw", "severity": "critical",
         "device": "eth0", "address": "10.110.19.89"}
# What holds back what, and what it must leave alone.
INCIDENTS = {
    "a symptom": ([fired("rp_filter_drops", "pc", device="tun0")],
                  [fired("reply_ignored", "pc", cause="false", device="tun0")],
                  [fired("reply_ignored", "pc2", cause="false", device="tun0")]),
    "two viewpoints": ([FLEET],
                       [fired("handshake_one_way", "srv", device="eth0", address="10.110.19.89"),
                        fired("reply_from_other_address", "pc", device="eth0", address="10.110.19.89"),
                        fired("foreign_source", "gw", "warning", device="eth0", address="198.51.100.2"),
                        fired("return_only", "gw", "warning", device="eth1")],
                       [fired("handshake_one_way", "srv", device="eth0", address="10.110.19.90"),
                        fired("reply_from_other_address", "pc", device="eth0", address="10.110.19.90"),
                        fired("foreign_source", "gw", "warning", device="eth1", address="198.51.100.2"),
                        fired("foreign_source", "gw2", "warning", device="eth0", address="198.51.100.2"),
                        fired("return_only", "gw2", "warning", device="eth0"),
                        fired("reply_wrong_device", "gw", device="eth0", address="10.110.19.89")]),
    "a finding that got worse": ([fired("no_reply_route", "gw", device="wan0", address="192.0.2.1")],
                                 [fired("no_reply_route", "gw", "warning", device="wan0", address="192.0.2.1")],
                                 [fired("no_reply_route", "gw", "warning", device="wan0", address="192.0.2.2"),
                                  fired("foreign_source", "gw", "warning", device="wan0", address="192.0.2.1")]),
}


@needs("prometheus-alertmanager")
@pytest.mark.parametrize("sources, targets, others", INCIDENTS.values(), ids=INCIDENTS)
def test_inhibition(tmp_path, sources, targets, others):
    with alertmanager(tmp_path) as url:
        call(f"{url}/api/v2/alerts", [{"labels": labels} for labels in sources + targets + others])
        listed = json.loads(call(f"{url}/api/v2/alerts"))
        assert len(listed) == len(sources + targets + others)
        held = [alert["labels"] for alert in listed if alert["status"]["inhibitedBy"]]
        assert sorted(map(str, (sorted(labels.items()) for labels in held))) == \
            sorted(map(str, (sorted(labels.items()) for labels in targets)))
