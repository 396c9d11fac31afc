# SPDX-License-Identifier: GPL-2.0-or-later
"""The dashboards are those of the mixin and as Grafana wants them; what their queries find is e2e.dashboards' matter."""

import copy
import json
import os
import shutil

import dashboards
import manual
import pytest

needs_jsonnet = pytest.mark.skipif(not shutil.which("jsonnet"), reason="jsonnet is not installed")
MADE = f"{manual.ROOT}/alerts/mixin/dashboards.jsonnet"


def labels():
    return {row[0]: set(filter(None, row[2].split(", "))) for row in manual.described("metric")}


@needs_jsonnet
def test_committed_dashboards_are_those_of_the_mixin():
    made = manual.dashboards()
    assert sorted(made) == sorted(os.listdir(manual.DASHBOARDS)) == ["oneway-fleet.json", "oneway-host.json"]
    for name, text in made.items():
        assert manual.read(f"{manual.DASHBOARDS}/{name}") == text, "/usr/bin/python3 tests/documentation/manual.py writes them anew"


@needs_jsonnet
def test_arguments_reach_the_dashboards():
    text = manual.output("jsonnet", "-A", 'selector=team="net"', "-A", "runbookBase=https://runbooks.example/",
                         "-A", "datasourceVariable=source", MADE)
    assert dashboards.RUNBOOK_BASE not in text and "${datasource" not in text
    for dashboard in json.loads(text).values():
        texts = dashboards.every_string(dashboard)
        assert any(one.startswith("https://runbooks.example/watching.md#") for one in texts)
        found = {one["name"]: one["query"] for one in dashboard["templating"]["list"]}
        assert found["source"] == "prometheus"
        assert found["job"]["query"] == 'label_values(oneway_exporter_build_info{team="net"}, job)'
        assert found["instance"]["query"] == 'label_values(oneway_exporter_build_info{team="net",job=~"$job"}, instance)'


def test_dashboards_are_whole():
    assert dashboards.complaints(dashboards.load(), labels()) == []


# ---- made-up breaches ----


def panel(dashboard, title="Captured packets"):
    return next(one for one in dashboards.panels(dashboard) if one["title"] == title)


def changed(field, value):
    return lambda dashboard: dashboard.update({field: value})


def with_panel(change):
    return lambda dashboard: change(panel(dashboard))


def with_expr(old, new, title="Captured packets"):
    def breach(dashboard):
        target = panel(dashboard, title)["targets"][0]
        assert old in target["expr"]
        target["expr"] = target["expr"].replace(old, new)
    return breach


def with_link(url):
    return with_panel(lambda one: one["links"].append({"title": "x", "url": url}))


BREACHES = {
    "another uid": (changed("uid", "x"), "uid is 'x'"),
    "an id": (changed("id", 1), "id is 1"),
    "a newer schema": (changed("schemaVersion", 39), "schemaVersion is 39"),
    "inputs": (changed("__inputs", []), "cannot be provisioned"),
    "a title twice": (with_panel(lambda one: one.update(title="Memory")), "two panels are called Memory"),
    "an id twice": (with_panel(lambda one: one.update(id=101)), "two panels have the id 101"),
    "a row's id": (with_panel(lambda one: one.update(id=100)), "two panels have the id 100"),
    "panels that overlap": (with_panel(lambda one: one["gridPos"].update(x=one["gridPos"]["x"] + 1)),
                            "Captured packets overlaps Lost by captures"),
    "a panel beyond the grid": (lambda dashboard: panel(dashboard, "Lost by captures")["gridPos"].update(w=13),
                                "Lost by captures is beyond the grid"),
    "an Angular panel": (with_panel(lambda one: one.update(type="graph")), "Captured packets is a panel of type graph"),
    "no description": (with_panel(lambda one: one.pop("description")), "Captured packets has no description"),
    "no unit": (with_panel(lambda one: one["fieldConfig"]["defaults"].pop("unit")), "Captured packets has no unit"),
    "no links": (with_panel(lambda one: one["links"].clear()), "Captured packets has no link"),
    "no queries": (with_panel(lambda one: one["targets"].clear()), "Captured packets has no queries"),
    "another data source": (with_panel(lambda one: one.update(datasource={"type": "prometheus", "uid": "P1"})),
                            "Captured packets has a data source of its own"),
    "an unused variable": (lambda dashboard: dashboard["templating"]["list"].append({"type": "custom", "name": "step"}), "nothing uses $step"),
    "an unknown variable": (with_expr("$job", "$jobs"), "$jobs is not defined"),
    "no such page": (with_link(dashboards.RUNBOOK_BASE + "nothing.md"), "there is no page"),
    "no such heading": (with_link(dashboards.RUNBOOK_BASE + "watching.md#nothing"), "there is no page"),
    "no such dashboard": (with_link("/d/oneway-net?${__url_time_range}"), "there is no dashboard"),
    "a runbook of an address": (lambda dashboard: panel(dashboard, "Findings now")["fieldConfig"]["overrides"][1]["matcher"].update(
        options="address"), "Findings now links to the runbook of its address"),
    "an unknown metric": (with_expr("_packets_total", "_bytes_total"), "Captured packets: there is no oneway_capture_bytes_total"),
    "an unknown label": (with_expr("{", '{interface="eth0",'), "Captured packets: oneway_capture_packets_total has no interface"),
    "every job": (with_expr('job=~"$job",', ""), "Captured packets: oneway_capture_packets_total is of every job"),
    "every instance": (with_expr(',instance=~"$instance"', ""), "Captured packets is about every instance"),
    "no selector": (with_expr('{job=~"$job",instance=~"$instance"}', ""), "Captured packets: oneway_capture_packets_total is of every host"),
    "a counter as it is": (with_expr("rate(", "max("), "Captured packets: oneway_capture_packets_total{...} is a counter"),
    "a span of its own": (with_expr("$__rate_interval", "5m"), "Captured packets: {'5m'} is no span"),
    "the whole time at each moment": (with_expr("$__rate_interval", "$__range"), "Captured packets: {'$__range'} is no span"),
}


@pytest.mark.parametrize("breach, sentence", BREACHES.values(), ids=BREACHES)
def test_a_breach_is_told(breach, sentence):
    made_up = copy.deepcopy(dashboards.load())
    breach(made_up["oneway-host"])
    found = dashboards.complaints(made_up, labels())
    assert any(one.startswith(f"oneway-host: {sentence}") for one in found), found
