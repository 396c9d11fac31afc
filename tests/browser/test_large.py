# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of a large host: 256 service addresses, 40 devices, 60 findings."""

import pytest
from browser.chromium import SCHEMES, WIDTHS

SERVICES, CAUSES, SYMPTOMS = 256, 40, 20
# Of all elements, how many one refresh may touch: what differs is one count in each device's cell, and times.
TOUCHED_SHARE = 0.25
REFRESHES = 3  # the first compares all, later ones what the server cut out

CONTENT = """
    const texts = selector => [...document.querySelectorAll(selector)].map(one => one.textContent.replace(/\\s+/g, " ").trim());
    return {
        findings: [...document.querySelectorAll("article.finding")].map(one => one.dataset.finding),
        symptoms: [...document.querySelectorAll("[data-symptom]")].map(one => one.dataset.symptom),
        titles: texts("article.finding h3"),
        remedies: texts("article.finding pre"),
        pictures: [...document.querySelectorAll("article.finding svg")].map(one => one.getAttribute("aria-label")),
        services: texts("#coverage tbody tr"),
        matrix: texts("#matrix tbody tr").length,
        verdict: texts("#verdict h1"),
        changes: texts("#changes code"),
        timeline: document.querySelectorAll("#timeline svg").length,
    };"""


def addresses_shown(chromium):
    return chromium.run("""return [...document.querySelectorAll("#coverage tbody tr")].filter(row => row.checkVisibility())
        .map(row => row.querySelector("th").textContent);""")


def test_all_is_there_also_without_scripts(large, chromium):
    large.judge()
    chromium.open(large.url)
    content = chromium.run(CONTENT)
    assert content["verdict"] == [f"{CAUSES} incidents"]
    assert (len(content["findings"]), len(content["symptoms"])) == (CAUSES, SYMPTOMS)
    assert len(content["services"]) == SERVICES
    assert all("ip rule add pref" in remedy for remedy in content["remedies"]) and len(content["remedies"]) == CAUSES
    for width in WIDTHS:
        chromium.view(width, SCHEMES[0])
        assert chromium.overflow() == [0, []], width
    assert chromium.faults() == []
    chromium.scripts(False)
    try:
        chromium.open(large.url)
        assert not [one for one in chromium.all(".scripted") if one.is_displayed()]
        assert len(addresses_shown(chromium)) == SERVICES
        assert chromium.run(CONTENT) == content
    finally:
        chromium.scripts(True)
    assert chromium.faults() == []


def test_coverage_is_filtered_and_sorted_by_keyboard(large, chromium):
    from selenium.webdriver import Keys
    large.judge()
    chromium.open(large.url)
    everything = addresses_shown(chromium)
    assert len(everything) == SERVICES
    field = chromium.find("#coverage-filter")
    chromium.tab_to(field)
    field.send_keys("uncovered")
    assert chromium.wait(lambda: len(addresses_shown(chromium)) == CAUSES)
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("198.51.100.77")
    assert chromium.wait(lambda: addresses_shown(chromium) == ["198.51.100.77"])
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(Keys.BACKSPACE)
    assert chromium.wait(lambda: len(addresses_shown(chromium)) == SERVICES)
    button = chromium.find("#coverage thead th button")
    chromium.tab_to(button)
    numeric = sorted(everything, key=lambda address: [int(part) for part in address.split(".")])
    for _ in range(2):
        button.send_keys(Keys.ENTER)
        direction = chromium.find("#coverage thead th").get_attribute("aria-sort")
        assert direction in ("ascending", "descending")
        assert addresses_shown(chromium) == (numeric if direction == "ascending" else numeric[::-1])
    # What comes next does not undo it.
    shown = addresses_shown(chromium)
    before = chromium.find("#as-of").get_attribute("datetime")
    large.judge()
    assert chromium.wait(lambda: chromium.find("#as-of").get_attribute("datetime") != before)
    assert addresses_shown(chromium) == shown
    assert chromium.driver.switch_to.active_element == chromium.find("#coverage thead th button")
    assert chromium.faults() == []


def refresh(large, chromium):
    """One judgement and what the page makes of it: nodes touched, processor time and time by the clock in milliseconds."""
    before = chromium.find("#as-of").get_attribute("datetime")
    chromium.run("touched.clear()")
    idle = chromium.work()
    large.judge()
    chromium.run_async("""
        const done = arguments[0];  // asked for but once: each question costs the page's thread as well
        new MutationObserver((_, observer) => { observer.disconnect(); setTimeout(done, 100); })
            .observe(document.getElementById("as-of"), {attributes: true});""")
    busy = chromium.work()
    assert chromium.find("#as-of").get_attribute("datetime") != before
    took = chromium.run("return performance.getEntriesByName('refresh').at(-1).duration")
    return chromium.run("return touched.size"), busy - idle, took


def test_refresh_touches_what_changed(large, chromium):
    chromium.open(large.url)
    chromium.run("""
        window.touched = new Set();
        new MutationObserver(records => records.forEach(record => {
            touched.add(record.target);
            record.addedNodes.forEach(node => {
                touched.add(node);
                if (node.querySelectorAll) node.querySelectorAll("*").forEach(each => touched.add(each));
            });
        })).observe(document.documentElement, {childList: true, subtree: true, attributes: true, characterData: true});
        document.querySelectorAll("article.finding").forEach(one => one.known = true);
        document.querySelector("article.finding details").open = true;""")
    elements = chromium.run("return document.querySelectorAll('*').length")
    for _ in range(REFRESHES):
        touched, busy, took = refresh(large, chromium)
        print(f"of {elements} elements a refresh touches {touched} nodes; the page's thread works {busy:.0f} ms, "
              f"its script is done after {took:.0f} ms")
        assert 0 < touched <= TOUCHED_SHARE * elements
    assert chromium.run("return [...document.querySelectorAll('article.finding')].every(one => one.known)")
    assert chromium.run("return document.querySelector('article.finding details').open")
    assert chromium.faults() == []


def test_it_says_when_nobody_answers(large, chromium):
    """The last: nobody answers any more."""
    large.judge()
    chromium.open(large.url)
    assert not chromium.find("#trouble").is_displayed()
    findings = chromium.run(CONTENT)["findings"]
    large.kill()
    assert chromium.wait(lambda: chromium.find("#trouble").is_displayed())
    assert chromium.find("#trouble").text
    assert chromium.run(CONTENT)["findings"] == findings
    chromium.forget()  # the browser itself calls the lost connection an error
