# SPDX-License-Identifier: GPL-2.0-or-later
"""The dashboards as files: their panels and queries, and what is wrong with one before any data is asked for."""

import collections
import itertools
import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = f"{ROOT}/alerts/dashboards"
RUNBOOKS = f"{ROOT}/alerts/runbooks"
RUNBOOK_BASE = "file:///usr/share/doc/oneway/alerts/runbooks/"
SCHEMA_VERSION = 38  # Grafana 10.0's
TYPES = {"stat", "timeseries", "state-timeline", "table"}  # all of Grafana's own, none by Angular
UNITS = {"none", "percentunit", "s", "bytes", "reqps", "pps", "cps"}
# What Grafana itself puts in.
BUILT_IN = {"__rate_interval", "__range", "__url_time_range", "__all"}
ADDED_BY_PROMETHEUS = {"up", "scrape_duration_seconds"}
VARIABLE = re.compile(r"\$(?:\{([a-z_][\w.]*)(?::\w+)?\}|([a-z_]\w*))")
SELECTOR = re.compile(r"\b([a-z_]\w*)\{([^{}]*)\}")

# where: dashboard, panel's or annotation's title; instant: asked for one moment, not for the shown time.
Query = collections.namedtuple("Query", "dashboard where expr instant legend")


def load():
    """{uid: dashboard} of all that are shipped."""
    found = {}
    for name in sorted(os.listdir(FOLDER)):
        with open(f"{FOLDER}/{name}", encoding="utf-8") as file:
            found[name.removesuffix(".json")] = json.load(file)
    return found


def panels(dashboard):
    """Without the rows, but with what is in them."""
    for panel in dashboard["panels"]:
        yield from panel["panels"] if panel["type"] == "row" else [panel]


def panel_queries(uid, panel):
    return [Query(uid, panel["title"], target["expr"], target["instant"], target.get("legendFormat", ""))
            for target in panel["targets"]]


def queries(uid, dashboard):
    """Of panels and annotations."""
    found = [query for panel in panels(dashboard) for query in panel_queries(uid, panel)]
    return found + [Query(uid, f"annotation {one['name']}", one["expr"], False, one["titleFormat"] + one["textFormat"])
                    for one in dashboard["annotations"]["list"]]


def metrics(dashboards):
    """Those that a panel, an annotation or a variable is about, histograms by their own name."""
    texts = [query.expr for uid, dashboard in dashboards.items() for query in queries(uid, dashboard)]
    return {name.removesuffix("_bucket") for text in texts for name, _ in SELECTOR.findall(text)}


def variables_of(text):
    return {one or other for one, other in VARIABLE.findall(text)}


def every_string(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for one in value for text in every_string(one)]
    return [value] if isinstance(value, str) else []


# ---- what is wrong; each yields sentences ----


def wrong_frame(uid, dashboard):
    wanted = {"uid": uid, "id": None, "schemaVersion": SCHEMA_VERSION, "editable": False, "tags": ["oneway"]}
    yield from (f"{field} is {dashboard.get(field)!r}" for field, value in wanted.items() if dashboard.get(field, "") != value)
    if len(uid) > 40 or "__inputs" in dashboard:
        yield "cannot be provisioned"
    titles = collections.Counter(panel["title"] for panel in panels(dashboard))
    yield from (f"two panels are called {title}" for title, count in titles.items() if count > 1)


def overlaps(one, other):
    one, other = one["gridPos"], other["gridPos"]
    return (one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"] and
            one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"])


def wrong_layout(_, dashboard):
    rows = [panel for panel in dashboard["panels"] if panel["type"] == "row"]
    ids = collections.Counter(panel["id"] for panel in [*rows, *panels(dashboard)])
    yield from (f"two panels have the id {number}" for number, count in ids.items() if count > 1)
    # A collapsed row keeps its panels; opened, it shows them where nothing else is.
    for group in [dashboard["panels"], *(row["panels"] for row in rows)]:
        for one, other in itertools.combinations(group, 2):
            if overlaps(one, other):
                yield f"{one['title']} overlaps {other['title']}"
        yield from (f"{panel['title']} is beyond the grid" for panel in group
                    if panel["gridPos"]["x"] < 0 or panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24 or panel["gridPos"]["h"] < 1)


def wrong_panels(_, dashboard):
    for panel in panels(dashboard):
        title = panel["title"]
        if panel["type"] not in TYPES:
            yield f"{title} is a panel of type {panel['type']}"
        if not re.fullmatch(r"[A-Z1].{15,}[.?]", panel.get("description", ""), re.DOTALL):
            yield f"{title} has no description"
        if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            yield f"{title} has no unit"
        if not panel["links"]:
            yield f"{title} has no link"
        if not panel["targets"] or len({target["refId"] for target in panel["targets"]}) < len(panel["targets"]):
            yield f"{title} has no queries, or two of one name"


def wrong_datasources(_, dashboard):
    source = {"type": "prometheus", "uid": "${datasource}"}
    users = [*panels(dashboard), *(target for panel in panels(dashboard) for target in panel["targets"]),
             *dashboard["annotations"]["list"],
             *(one for one in dashboard["templating"]["list"] if one["type"] == "query")]
    yield from (f"{user.get('title') or user.get('name') or user.get('expr')} has a data source of its own"
                for user in users if user.get("datasource") != source)


def wrong_variables(_, dashboard):
    named = [one["name"] for one in dashboard["templating"]["list"]]
    if named != ["datasource", "job", "instance"]:
        yield f"variables are {named}"
    used = set().union(*map(variables_of, every_string(dashboard)))
    yield from (f"nothing uses ${name}" for name in set(named) - used)
    yield from (f"${name} is not defined" for name in used - set(named) - BUILT_IN
                if not name.startswith(("__data.fields.", "__value.")))


def page_exists(page):
    """Of a runbook, or of those that a cell may name; with its heading."""
    page, _, anchor = page.partition("#")
    pages = [page]
    if page == "${__value.raw}.md":
        pages = [name for name in os.listdir(RUNBOOKS) if name not in ("README.md", "watching.md", "return_path.md")]
    for name in pages:
        if not os.path.exists(f"{RUNBOOKS}/{name}"):
            return False
        with open(f"{RUNBOOKS}/{name}", encoding="utf-8") as file:
            headings = re.findall("^#+ (.*)$", file.read(), re.MULTILINE)
        if anchor and anchor not in [heading.lower() for heading in headings]:
            return False
    return True


def overrides(panel, kind):
    """(field, value) of each override of one kind."""
    return [(one["matcher"]["options"], found["value"]) for one in panel["fieldConfig"]["overrides"]
            for found in one["properties"] if found["id"] == kind]


def wrong_links(uids, dashboard):
    links = list(dashboard["links"])
    for panel in panels(dashboard):
        links += panel["links"]
        for field, cell_links in overrides(panel, "links"):
            links += cell_links
            if any("__value" in link["url"] for link in cell_links) and field != "condition":
                yield f"{panel['title']} links to the runbook of its {field}"
    for link in links:
        url = link.get("url", "")
        if url.startswith(RUNBOOK_BASE):
            if not page_exists(url.removeprefix(RUNBOOK_BASE)):
                yield f"there is no page {url}"
        elif link.get("type") == "dashboards":
            if link["tags"] != dashboard["tags"]:
                yield f"no dashboard has the tags {link['tags']}"
        elif not (found := re.match(r"/d/([\w-]+)\?", url)) or found[1] not in uids:
            yield f"there is no dashboard {url}"


def wrong_queries(uid, dashboard, labels):
    """labels: {metric: its labels}, of all that is documented."""
    known = {**labels, **{name: set() for name in ADDED_BY_PROMETHEUS}}
    for query in queries(uid, dashboard):
        for name, matchers in SELECTOR.findall(query.expr):
            metric = name if name in known else name.removesuffix("_bucket")
            used = set(re.findall(r"(\w+)\s*=?[=~!]", matchers))
            if metric not in known:
                yield f"{query.where}: there is no {name}"
            elif not used <= known[metric] | {"job", "instance"}:
                yield f"{query.where}: {name} has no {', '.join(sorted(used - known[metric] - {'job', 'instance'}))}"
            if 'job=~"$job"' not in matchers:
                yield f"{query.where}: {name} is of every job"
        if 'instance=~"$instance"' not in query.expr:
            yield f"{query.where} is about every instance"
        yield from (f"{query.where}: {name} is of every host" for name in re.findall(r"\boneway_\w+(?![\w{])", query.expr))
        for counter in re.findall(r"(?<!rate\()(?<!increase\()\b\w+(?:_total|_bucket)\{", query.expr):
            yield f"{query.where}: {counter}...}} is a counter, not its rate"
        spans = set(re.findall(r"\[(.*?)\]", query.expr))
        if not spans <= {"$__rate_interval"} | ({"$__range"} if query.instant else set()):
            yield f"{query.where}: {spans} is no span that follows the time that is shown"


def complaints(dashboards, labels):
    """What is wrong with them."""
    found = []
    for uid, dashboard in dashboards.items():
        checks = [wrong_frame(uid, dashboard), wrong_layout(uid, dashboard), wrong_panels(uid, dashboard),
                  wrong_datasources(uid, dashboard), wrong_variables(uid, dashboard), wrong_links(set(dashboards), dashboard),
                  wrong_queries(uid, dashboard, labels)]
        found += [f"{uid}: {sentence}" for sentence in itertools.chain(*checks)]
    return found
