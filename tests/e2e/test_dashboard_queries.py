# SPDX-License-Identifier: GPL-2.0-or-later
"""Each query of the dashboards, as Grafana would send it, to Debian's Prometheus with a healthy and a faulty hour of six
hosts. What they say is real: expositions of exporters over the twins of four labs, one a minute of the hour. No rules are
loaded, as the dashboards need none."""

import collections
import contextlib
import copy
import json
import os
import re
import shutil
import subprocess
import time
import types
import urllib.error
import urllib.parse
import urllib.request

import pytest

pytest.register_assert_rewrite("lab.watch")

from documentation import dashboards  # noqa: E402
from lab.labs import variants  # noqa: E402
from lab.net import Net, Unsupported  # noqa: E402
from lab.traffic import Background  # noqa: E402
from lab.watch import Exporter, find_program, free_port, poll  # noqa: E402

SCRAPE_SECONDS = 60  # of the hour; Prometheus's own default
SCRAPES = 60
PAUSE_SECONDS = 0.6  # of ours, from one scrape to the next
CHANGE_AT = 20  # a scrape
RANGE = (SCRAPES - 1) * SCRAPE_SECONDS
# As Grafana computes it, with this scrape interval in the data source: max($__interval + interval, 4 * interval).
RATE_INTERVAL = 4 * SCRAPE_SECONDS
ANNOTATION_STEP = 60
# {instance: its lab, variant, and the attribute that is its namespace}; one has what a regular expression takes otherwise.
HOSTS = {"uplinks": ("dnat-uplinks", "nft-wan2", "watched"), "server": ("snat-gateway", "gateway", "host"),
         "box": ("snat-gateway", "gateway", "box"), "office": ("snat-gateway", "gateway", "asker"),
         "tunnel": ("tunnel-rp-filter", "tun", "watched"), "[2001:db8::10]:10150": ("forward-drop", "set", "watched")}
# What has data in the faulty hour alone, and why; drops may happen anywhere. All else has some in both.
NO_FINDING = "there is no finding in the healthy hour"
ALL_WATCHED = "everything is watched in the healthy hour"
NOTHING_DROPPED = "such a row begins with the first packet"
FAULTY_ONLY = {
    ("oneway-fleet", "Findings now"): NO_FINDING,
    ("oneway-fleet", "Incidents that two hosts show"): NO_FINDING,
    ("oneway-fleet", "Findings by host and condition"): NO_FINDING,
    ("oneway-fleet", "Not watched"): ALL_WATCHED,
    ("oneway-fleet", "annotation Findings"): NO_FINDING,
    ("oneway-fleet", "annotation Changes"): "nothing is changed in the healthy hour",
    ("oneway-host", "Findings now"): NO_FINDING,
    ("oneway-host", "Findings, from opening to closing"): NO_FINDING,
    ("oneway-host", "Servers whose replies pass through"): NO_FINDING,
    ("oneway-host", "Local connections without acknowledgement"): "every connection is acknowledged in the healthy hour",
    ("oneway-host", "Dropped packets by device and reason"): NOTHING_DROPPED,
    ("oneway-host", "Traced requests that were dropped"): NOTHING_DROPPED,
    ("oneway-host", "Not watched"): ALL_WATCHED,
    ("oneway-host", "annotation Findings"): NO_FINDING,
    ("oneway-host", "annotation Changes"): "nothing is changed in the healthy hour",
}
HOURS = ("healthy", "faulty")

pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="Prometheus is not installed")


# ---- the two hours ----


def stand(stack, healthy):
    """{instance: its exporter}, of all hosts, with traffic going on; and {lab: it}."""
    program = find_program(os.environ["ONEWAY_BUILD"], "oneway_exporter")
    labs, exporters = {}, {}
    for instance, (name, variant, space) in HOSTS.items():
        if name not in labs:
            net = stack.enter_context(Net())
            labs[name] = variants(name)[variant](net, variant, 4, healthy=healthy)
            if name == "tunnel-rp-filter" and not healthy:  # a rule that cannot be read
                labs[name].watched.run("iptables-nft", "-t", "nat", "-A", "PREROUTING", "-d", "192.0.2.0/28", "-p", "udp",
                                       "-j", "NETMAP", "--to", "192.0.2.16/28")
            stack.enter_context(Background(labs[name].attempts()))
        watched = types.SimpleNamespace(watched=getattr(labs[name], space), settings=labs[name].settings, flags=labs[name].flags)
        exporters[instance] = stack.enter_context(Exporter(program, watched))
    return exporters, labs


def stamped(instance, exposition, scraped, took, stamp):
    """The exposition as OpenMetrics of another time; moments that it tells of move along. With what Prometheus adds."""
    rows = re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", exposition, re.MULTILINE)
    for name, labels, value in [*rows, ("up", "", "1"), ("scrape_duration_seconds", "", str(took))]:
        if name.endswith(("_timestamp_seconds", "process_start_time_seconds")):
            value = repr(float(value) + stamp - scraped)
        labels = ",".join(filter(None, [f'job="oneway",instance="{instance}"', labels]))
        yield f"{name}{{{labels}}} {value} {stamp}\n"


def record(path, starts):
    """Writes both hours to a file, one after the other, as each series must be in order."""
    lines = {hour: [] for hour in HOURS}
    with contextlib.ExitStack() as stack:
        twins = {hour: stand(stack, hour == "healthy") for hour in HOURS}
        for number in range(SCRAPES):
            begun = time.monotonic()
            if number == CHANGE_AT:
                twins["faulty"][1]["dnat-uplinks"].watched.ip("rule add pref 31000 from 192.0.2.77 lookup main")
            for hour, (exporters, _) in twins.items():
                for instance, exporter in exporters.items():
                    scraped = time.time()
                    exposition = exporter.get("/metrics")
                    lines[hour] += stamped(instance, exposition, scraped, time.time() - scraped,
                                           starts[hour] + number * SCRAPE_SECONDS)
                    failing = re.search('^oneway_scrape_collector_success{collector="(.*)"} 0$', exposition, re.MULTILINE)
                    if failing:
                        pytest.skip(f"the collector {failing[1]} does not work here: {exporter.log()}")
            time.sleep(max(0, PAUSE_SECONDS - (time.monotonic() - begun)))
    path.write_text("".join(lines["healthy"] + lines["faulty"]) + "# EOF\n")


def ready(url):
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """Where to ask, and {hour: its start}."""
    folder = tmp_path_factory.mktemp("hours")
    end = int(time.time()) // SCRAPE_SECONDS * SCRAPE_SECONDS
    starts = {"healthy": end - 2 * 3600, "faulty": end - 3600}
    try:
        record(folder / "hours.om", starts)
    except Unsupported as reason:
        pytest.skip(str(reason))
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "hours.om", folder / "data"],
                   stdout=subprocess.DEVNULL, check=True)
    (folder / "prometheus.yml").write_text("global: {}\n")
    url = f"http://127.0.0.1:{free_port()}"
    with open(folder / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "prometheus", f"--web.listen-address={url.removeprefix('http://')}",
             f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"], stdout=log, stderr=log)
    try:
        assert poll(lambda: process.poll() is not None or ready(url), 60) and process.poll() is None, (folder / "log").read_text()
        yield types.SimpleNamespace(url=url, starts=starts)
    finally:
        process.kill()
        process.wait()


# ---- what Grafana does ----


class Refused(Exception):
    """Prometheus's own words."""


def ask(where, path, **parameters):
    try:
        with urllib.request.urlopen(f"{where.url}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}", timeout=30) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise Refused(json.load(error)["error"]) from None


def shown(where, hour):
    return where.starts[hour], where.starts[hour] + RANGE


def for_regex(values):
    """Several values of a variable, or one, each escaped for a regular expression in a PromQL string."""
    escaped = [re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", r"\\\\")) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def substitute(text, values):
    for name, value in {**values, "__rate_interval": f"{RATE_INTERVAL}s", "__range": f"{RANGE}s"}.items():
        text = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", lambda _, value=value: value, text)
    return text


def values_of(where, hour, variable, values):
    """What the variable offers."""
    selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
    start, end = shown(where, hour)
    return ask(where, f"label/{label}/values", **{"match[]": substitute(selector, values), "start": start, "end": end})


def choose(where, hour, dashboard):
    """{variable: what stands for it in queries}, all being chosen."""
    values = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            values[variable["name"]] = for_regex(values_of(where, hour, variable, values) or [""])
            if "allValue" in variable:
                values[variable["name"]] = variable["allValue"]
    return values


def run(where, hour, query, values):
    """The labels of each series that has a value."""
    start, end = shown(where, hour)
    expr = substitute(query.expr, values)
    if query.instant:
        series = [(one["metric"], [one["value"]]) for one in ask(where, "query", query=expr, time=end)["result"]]
    else:
        found = ask(where, "query_range", query=expr, start=start, end=end, step=ANNOTATION_STEP)
        series = [(one["metric"], one["values"]) for one in found["result"]]
    return [labels for labels, samples in series if any(value != "NaN" for _, value in samples)]


# ---- the check ----


def columns_named(panel):
    """The labels that a table names: columns of a matrix, and those that links and colours are for."""
    named = {field for field, _ in dashboards.overrides(panel, "links")}
    named |= set(re.findall(r"__data\.fields\.(\w+)", json.dumps(panel["fieldConfig"]["overrides"])))
    for step in panel.get("transformations", []):
        named |= {step["options"][key] for key in ("rowField", "columnField") if key in step["options"]}
        named |= set(step["options"].get("indexByName", {}))
    return named


def labels_named(uid, dashboard):
    """{(dashboard, panel or annotation): the labels it names}."""
    named = {(uid, panel["title"]): columns_named(panel) for panel in dashboards.panels(dashboard)}
    for query in dashboards.queries(uid, dashboard):
        named.setdefault((uid, query.where), set()).update(re.findall(r"\{\{(\w+)\}\}", query.legend))
    return named


def failures(where, shipped, faulty_only):
    """Errors, queries without data where they should have some or with data where they should not, labels that no series has."""
    found, labels_seen = [], collections.defaultdict(set)
    for uid, dashboard in shipped.items():
        for hour in HOURS:
            try:
                values = choose(where, hour, dashboard)
            except Refused as error:
                found.append(f"{uid}: a variable: {error}")
                continue
            found += [f"{uid}: ${name} has no values in the {hour} hour" for name, value in values.items() if not value]
            for query in dashboards.queries(uid, dashboard):
                place = (uid, query.where)
                try:
                    series = run(where, hour, query, values)
                except Refused as error:
                    found.append(f"{uid}: {query.where}: {error}")
                    continue
                labels_seen[place].update(*series)
                told = hour == "faulty" or place not in faulty_only
                if bool(series) != told and (told or faulty_only[place] != NOTHING_DROPPED):
                    found.append(f"{uid}: {query.where}: {'data' if series else 'no data'} in the {hour} hour: {query.expr}")
        for place, named in labels_named(uid, dashboard).items():
            found += [f"{uid}: {place[1]}: no series has a label {label}" for label in sorted(named - labels_seen[place])]
    return found


def test_each_query_has_data(prometheus):
    assert failures(prometheus, dashboards.load(), FAULTY_ONLY) == []


def test_each_exception_is_of_something(prometheus):
    shipped = dashboards.load()
    assert set(FAULTY_ONLY) <= {(uid, query.where) for uid, dashboard in shipped.items() for query in dashboards.queries(uid, dashboard)}


# ---- what they show ----

# {panel: labels of series that it must show in the faulty hour}
SHOWN = {
    ("oneway-fleet", "Findings now"): [
        {"instance": "uplinks", "condition": "reply_wrong_device", "device": "wan2", "reply_device": "wan1", "severity": "critical",
         "remedy": "ip rule add pref 32764 from 10.8.20.2 lookup main suppress_prefixlength 0"},
        {"instance": "server", "condition": "handshake_one_way"}, {"instance": "office", "condition": "reply_from_other_address"},
        {"instance": "box", "condition": "foreign_source"}, {"instance": "tunnel", "condition": "rp_filter_drops"},
        {"instance": "[2001:db8::10]:10150", "condition": "forward_drop"}],
    ("oneway-fleet", "Incidents that two hosts show"): [{"instance": "box", "device": "eth0", "address": "10.110.19.89"}],
    ("oneway-host", "Openings that fail, by devices"): [{"syn_device": "wan2", "synack_device": "wan1"},
                                                        {"syn_device": "(no SYN seen)", "synack_device": "eth0"}],
    ("oneway-host", "Ways of replies"): [{"address": "198.51.100.18", "arrival_device": "wan2", "reply_device": "wan1",
                                          "verdict": "uncovered"}],
    ("oneway-host", "Dropped packets by device and reason"): [{"device": "tun_a", "reason": "ip_rpfilter"},
                                                              {"device": "wan0", "reason": "netfilter_drop"}],
    ("oneway-host", "Traced requests that were dropped"): [{"table": "ip filter"}],
    ("oneway-host", "Not watched"): [{"collector": "natrules", "part": "rules", "reason": "unread"}],
    ("oneway-host", "annotation Changes"): [{"instance": "uplinks", "kind": "rule"}],
}


@pytest.mark.parametrize("place", SHOWN, ids=lambda place: place[1])
def test_the_fault_is_shown(prometheus, place):
    dashboard = dashboards.load()[place[0]]
    values = choose(prometheus, "faulty", dashboard)
    series = [labels for query in dashboards.queries(place[0], dashboard) if query.where == place[1]
              for labels in run(prometheus, "faulty", query, values)]
    for wanted in SHOWN[place]:
        assert [labels for labels in series if wanted.items() <= labels.items()], series


# ---- that the check fails ----


def replace(old, new):
    def breach(dashboard, panel):
        one = panel["targets"][0]
        assert old in one["expr"]
        one["expr"] = one["expr"].replace(old, new)
    return breach


def rename_legend(dashboard, panel):
    panel["targets"][0]["legendFormat"] = "{{interface}}"


def rename_column(dashboard, panel):
    panel["transformations"][0]["options"]["columnField"] = "reply_device"


def rename_variable(dashboard, panel):
    one = next(one for one in dashboard["templating"]["list"] if one["name"] == "instance")
    one["query"]["query"] = one["query"]["query"].replace("build_info", "build_information")


# {what: (panel, what is done to it, what is said of it)}
BREACHES = {
    "none": ("Memory", lambda dashboard, panel: None, None),
    "a metric that nobody exports": ("Captured packets", replace("oneway_capture_packets_total", "oneway_captured_total"),
                                     "Captured packets: no data in the healthy hour"),
    "a syntax error": ("Memory", replace("{", "{{"), "Memory: 1:31: parse error"),
    "a label value that nothing has": ("Repeated packets", replace("syn_repeat|synack_repeat", "syn_again"),
                                       "Repeated packets: no data in the faulty hour"),
    "rows to join with many": ("Exporters", replace("* on (job, instance) group_left", "* on (job) group_left"),
                               "Exporters: found duplicate series"),
    "a variable that is not defined": ("Memory", replace("$job", "$jobs"), "Memory: no data in the healthy hour"),
    "healthy hosts among the findings": ("Findings now", replace("max by", "oneway_findings or max by"),
                                         "Findings now: data in the healthy hour"),
    "a legend of no label": ("Captured packets", rename_legend, "Captured packets: no series has a label interface"),
    "a matrix of no label": ("Openings by devices", rename_column, "Openings by devices: no series has a label reply_device"),
    "a variable without values": ("Memory", rename_variable, "$instance has no values in the healthy hour"),
}


@pytest.mark.parametrize("title, breach, sentence", BREACHES.values(), ids=BREACHES)
def test_a_breach_is_told(prometheus, title, breach, sentence):
    """In a dashboard of that panel alone."""
    dashboard = copy.deepcopy(dashboards.load()["oneway-host"])
    panel = next(panel for panel in dashboards.panels(dashboard) if panel["title"] == title)
    dashboard["panels"], dashboard["annotations"]["list"] = [panel], []
    breach(dashboard, panel)
    found = failures(prometheus, {"oneway-host": dashboard}, FAULTY_ONLY)
    assert any(one.startswith(f"oneway-host: {sentence}") for one in found) if sentence else not found, found
