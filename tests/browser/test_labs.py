# SPDX-License-Identifier: GPL-2.0-or-later
"""The page over five labs, faulty and healthy: what an engineer sees, copies and takes away."""

import contextlib
import json
import subprocess
import types

import pytest
from browser.chromium import SCHEMES, WIDTHS
from lab.labs import variants
from lab.labs.base import run_remedy
from lab.net import Net, Unsupported
from lab.test_labs import CLOSE_SECONDS, await_expected
from lab.traffic import Background
from lab.watch import Exporter

CASES = (("two-nics", "off", 6), ("dnat-uplinks", "nft-wan2", 4), ("snat-gateway", "gateway", 4),
         ("tunnel-rp-filter", "vxlan", 4), ("forward-drop", "set", 4))
NAMES = [name for name, _, _ in CASES]
ROUND = "\n".join


def stand(stack, program, case, healthy):
    """The lab with its traffic, watched; or why it cannot stand here."""
    name, variant, family = case
    try:
        lab = variants(name)[variant](stack.enter_context(Net()), variant, family, healthy)
    except Unsupported as reason:
        return str(reason)
    stack.enter_context(Background(lab.attempts() + lab.side_checks(), interval=3, disturb=lab.disturb))
    return types.SimpleNamespace(lab=lab, exporter=stack.enter_context(Exporter(program, lab)))


@pytest.fixture(scope="module")
def labs(program, network):
    """All of them at once: each waits mostly for its connections to time out."""
    with contextlib.ExitStack() as stack:
        yield {(case[0], healthy): stand(stack, program, case, healthy) for case in CASES for healthy in (False, True)}


def watched(labs, name, healthy):
    """The lab's page, when what is wrong was found."""
    standing = labs[name, healthy]
    if isinstance(standing, str):
        pytest.skip(standing)
    if not healthy:
        await_expected(standing.exporter, standing.lab.expected(), standing.lab.open_seconds)
    standing.url = f"http://127.0.0.1:{standing.exporter.port}/"
    return standing


def api(standing, path):
    return json.loads(standing.exporter.get(f"/api/v1/{path}"))


def assert_readable(browser, axe):
    """In each width and colour nothing is cut off; in each of them nobody is kept out."""
    backgrounds = set()
    for width, judged in zip(WIDTHS, SCHEMES):
        for scheme in SCHEMES:
            browser.view(width, scheme)
            assert browser.overflow() == [0, []], (width, scheme)
            barriers = browser.barriers() if scheme == judged and axe[0] else {}
            assert barriers == {}, (width, scheme)
            backgrounds.add((scheme, browser.run("return getComputedStyle(document.body).backgroundColor")))
    assert len(backgrounds) == len(dict(backgrounds)) == len({colour for _, colour in backgrounds}), backgrounds


def assert_same_services(browser, standing):
    """Each service address stands in the table, with its verdict."""
    def shown():
        rows = browser.run("""return [...document.querySelectorAll("#coverage tbody tr")].map(row =>
            [row.querySelector("th").textContent, row.lastElementChild.textContent.trim()]);""")
        return sorted(map(tuple, rows)) == sorted((each["address"], each["verdict"])
                                                  for each in api(standing, "addresses")["addresses"])
    assert browser.wait(shown)


def same_findings(browser, standing):
    """All that is open, when the page shows the same: how many incidents, a card each, and in the cards their symptoms."""
    def differing():
        found = standing.exporter.findings()
        shown = browser.run("""return {
            causes: [...document.querySelectorAll("article.finding")].map(one => one.dataset.finding).sort(),
            symptoms: [...document.querySelectorAll("article.finding [data-symptom]")].map(one => one.dataset.symptom).sort(),
            verdict: document.querySelector("#verdict h1").textContent,
            title: document.title.split(" – ")[0]};""")
        causes = sorted(finding["id"] for finding in found if not finding["cause"])
        count = f"{len(causes)} incident{'s' if len(causes) > 1 else ''}"
        wanted = {"causes": causes, "symptoms": sorted(finding["id"] for finding in found if finding["cause"]),
                  "verdict": count, "title": count}
        return None if shown == wanted else (shown, wanted)
    assert browser.wait(lambda: not differing()), differing()
    return [finding for finding in standing.exporter.findings()
            if browser.all(f'[data-finding="{finding["id"]}"], [data-symptom="{finding["id"]}"]')]


def assert_same_pairs(browser, standing):
    """Each device at which a SYN or SYN-ACK was seen is in the matrix."""
    def missing():
        said = browser.run("return [...document.querySelectorAll('#matrix th')].map(one => one.textContent)")
        return {pair[packet] or "not seen" for pair in api(standing, "handshakes")["pairs"]
                for packet in ("syn_device", "synack_device")} - set(said)
    assert browser.wait(lambda: not missing()), missing()


PARTS = ("summary", "explanation", "condition", "severity", "device", "address", "reply_device")


def assert_card(browser, standing, finding):
    """All of the finding: what it is about, the picture of its way, why, and what heals it."""
    selector = f'article.finding[data-finding="{finding["id"]}"]'

    def untold():  # the page is a little older than the answer, and texts have numbers
        now = next(one for one in standing.exporter.findings() if one["id"] == finding["id"])
        card = browser.text(selector)
        return [now[part] for part in PARTS if " ".join((now[part] or "").split()) not in card]
    assert browser.wait(lambda: not untold()), untold()
    commands = browser.run("return [...document.querySelectorAll(arguments[0] + ' pre')].map(pre => pre.textContent)", selector)
    assert [text.strip() for text in commands] == ([ROUND(finding["remedy"])] if finding["remedy"] else [])
    labels = browser.run("return [...document.querySelectorAll(arguments[0] + ' svg')].map(one => one.getAttribute('aria-label'))",
                         selector)
    assert labels and all(finding["device"] in label for label in labels), labels


@pytest.mark.parametrize("name", NAMES)
def test_incident(labs, chromium, axe, name):
    standing = watched(labs, name, False)
    chromium.open(standing.url)
    assert chromium.run("return document.querySelector('main').firstElementChild.id") == "verdict"
    findings = same_findings(chromium, standing)
    for finding in findings:
        if not finding["cause"]:
            assert_card(chromium, standing, finding)
            continue
        within = chromium.text(f'article.finding [data-symptom="{finding["id"]}"]')
        assert finding["summary"] in within and finding["condition"] in within
    assert_same_services(chromium, standing)
    assert_same_pairs(chromium, standing)
    history = api(standing, "history")
    assert {finding["id"] for finding in findings} <= {finding["id"] for finding in history["findings"]}
    assert chromium.all("#timeline svg") and chromium.all("#map svg")
    assert_readable(chromium, axe)
    assert chromium.faults() == []


@pytest.mark.parametrize("name", NAMES)
def test_all_is_well(labs, chromium, axe, name):
    standing = watched(labs, name, True)
    chromium.open(standing.url)
    assert chromium.find("#verdict h1").text == "All is well"
    assert not chromium.all("article.finding")
    assert_same_services(chromium, standing)
    assert_readable(chromium, axe)
    assert chromium.faults() == []


def test_barriers_are_looked_for(axe):
    """Where axe-core cannot be had, colours and roles were not looked at."""
    if not axe[0]:
        pytest.skip(axe[1])


def test_evidence_is_taken_away(labs, chromium):
    standing = watched(labs, "dnat-uplinks", False)
    chromium.open(standing.url)
    finding = standing.exporter.causes()[0]
    link = chromium.find(f'article[data-finding="{finding["id"]}"] a[download]')
    before = set(chromium.downloads.iterdir())
    chromium.tab_to(link)
    link.send_keys("\n")
    file = chromium.downloaded(before)
    assert file.name == f"oneway-{finding['id']}.pcapng"
    read = subprocess.run(["tcpdump", "-nn", "-r", file], capture_output=True, text=True, timeout=20, check=True).stdout
    syns = [line for line in read.splitlines() if f"{standing.lab.client_address}." in line and "Flags [S]" in line]
    assert any(f" > {finding['address']}." in line for line in syns), read
    assert "Flags [S.]" in read
    assert chromium.faults() == []


def test_the_hour_is_drawn(labs, chromium):
    """Each line's handshakes are in the history, the failed ones of the broken line as well, and in the drawing."""
    standing = watched(labs, "dnat-uplinks", False)

    def counted():
        lines = {each["device"]: each["outcomes"] for each in api(standing, "history")["devices"] if each["line"]}
        return {device: sorted(outcome for outcome, counts in outcomes.items() if sum(counts))
                for device, outcomes in lines.items()}
    wanted = {"wan1": ["completed"], "wan2": ["completed", "one_way"], "wan3": ["completed"]}
    assert chromium.wait(lambda: counted() == wanted), counted()
    chromium.open(standing.url)
    drawn = chromium.text("#timeline")
    assert all(line in drawn for line in wanted), drawn
    assert chromium.faults() == []


def test_copied_remedy_heals(labs, chromium):
    """What the page says is copied by keyboard, typed as it is, and the page says so without being loaded again."""
    standing = watched(labs, "dnat-uplinks", False)
    chromium.open(standing.url)
    finding = standing.exporter.causes()[0]
    button = chromium.find(f'article[data-finding="{finding["id"]}"] button[data-copy]')
    chromium.tab_to(button)
    button.send_keys("\n")
    copied = chromium.clipboard()
    assert copied.splitlines() == finding["remedy"]
    assert chromium.wait(lambda: "Copied" in button.text), button.text
    chromium.run("window.stays = true")
    run_remedy(standing.lab.watched, copied.splitlines())
    assert chromium.wait(lambda: chromium.find("#verdict h1").text == "All is well", CLOSE_SECONDS)
    assert chromium.run("return window.stays") and not chromium.all("article.finding")
    assert chromium.wait(lambda: [one["id"] for one in api(standing, "history")["findings"]
                                  if one["id"] == finding["id"] and one["until"]])
    assert chromium.faults() == []
