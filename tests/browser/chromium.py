# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Chromium without a display, by its driver: what it shows, and what it says while it does."""

import json
import pathlib
import shutil
import time

WIDTHS = (1400, 400)
SCHEMES = ("light", "dark")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")
PAGE_SECONDS = 90  # beside other tests
# More than each part of the page is worth would be a page that cannot be reached by keyboard.
TABS_MOST, TABS_EACH = 400, 20


class Chromium:
    """One browser, from `with` to its end."""

    def __init__(self, folder, axe):
        self._axe = axe
        self._profile = folder / "profile"
        self.downloads = folder / "downloads"
        self.driver = None

    def __enter__(self):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        self.downloads.mkdir()
        options = webdriver.ChromeOptions()
        for flag in (*FLAGS, f"--user-data-dir={self._profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(PAGE_SECONDS)
        self.driver.set_script_timeout(PAGE_SECONDS)
        self.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
        return self

    def __exit__(self, *_):
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)

    def command(self, name, **parameters):
        """Of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def run_async(self, script, *arguments):
        return self.driver.execute_async_script(script, *arguments)

    def clear(self):
        self.driver.get("about:blank")
        self.forget()

    def forget(self):
        self.driver.get_log("browser")
        self.driver.get_log("performance")

    def open(self, url, width=WIDTHS[0], scheme=SCHEMES[0]):
        self.view(width, scheme)
        self.driver.get(url)

    def view(self, width, scheme):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def scripts(self, allowed):
        """Whether pages that are loaded from now on may run their scripts; those of the tests always may."""
        self.command("Emulation.setScriptExecutionDisabled", value=not allowed)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def text(self, selector):
        """All of it, also what is folded."""
        return " ".join(self.find(selector).get_attribute("textContent").split())

    def wait(self, check, seconds=PAGE_SECONDS):
        """The first true answer of check(), or its last one when the time is over."""
        deadline = time.monotonic() + seconds
        while not (answer := check()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return answer

    def tab_to(self, element):
        """The Tab key leads there from the top of the page; it is focused then."""
        from selenium.webdriver import ActionChains, Keys
        self.run("""
            document.activeElement.blur();
            getSelection().removeAllRanges();
            scrollTo(0, 0);
            window.visited = new Set();
            document.addEventListener("focusin", event => visited.add(event.target));""")
        for _ in range(TABS_MOST // TABS_EACH):
            ActionChains(self.driver).send_keys(Keys.TAB * TABS_EACH).perform()
            if self.run("return visited.has(arguments[0])", element):
                self.run("arguments[0].focus()", element)
                return
        raise AssertionError(f"the Tab key does not lead to {element.get_attribute('outerHTML')[:200]}")

    def overflow(self):
        """By how many pixels the page is wider than the window, and which elements are that wide without scrolling."""
        return self.run("""
            const width = document.documentElement.clientWidth;
            const wide = [...document.body.querySelectorAll("*")].filter(element =>
                element.getBoundingClientRect().right > width + 1 && !element.closest(".scroll"));
            return [document.documentElement.scrollWidth - width, wide.slice(0, 5).map(one => one.outerHTML.slice(0, 120))];""")

    def faults(self):
        """Errors of the console, and requests to elsewhere than the page's own origin, since the last time."""
        origin = self.run("return location.origin")
        said = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "ERROR")]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] != "Network.requestWillBeSent":
                continue
            url = message["params"]["request"]["url"]
            if not url.startswith((f"{origin}/", "data:", "about:")):
                said.append(f"request to {url}")
        return said

    def barriers(self):
        """What axe-core calls serious or critical: {rule: elements}."""
        if not self.run("return Boolean(window.axe)"):
            self.run(self._axe)
        found = self.run_async("""
            const done = arguments[0];
            axe.run(document, {resultTypes: ["violations"]}).then(result => done(result.violations), error => done(String(error)));""")
        assert isinstance(found, list), found
        return {rule["id"]: [node["html"][:200] for node in rule["nodes"]][:5] for rule in found
                if rule["impact"] in ("serious", "critical")}

    def work(self):
        """Milliseconds of processor time that the thread of the page has used."""
        self.command("Performance.enable", timeDomain="threadTicks")
        metrics = {each["name"]: each["value"] for each in self.command("Performance.getMetrics")["metrics"]}
        return 1000 * metrics["TaskDuration"]

    def clipboard(self):
        origin = self.run("return location.origin")
        self.command("Browser.grantPermissions", origin=origin, permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        return self.run_async("const done = arguments[0]; navigator.clipboard.readText().then(done, error => done(String(error)))")

    def downloaded(self, before):
        """The file that was not there `before`, when it is complete."""
        def complete():
            return [file for file in set(self.downloads.iterdir()) - before if file.suffix != ".crdownload"]
        files = self.wait(complete)
        assert files, f"no file came: {list(self.downloads.iterdir())}"
        return pathlib.Path(files[0])
