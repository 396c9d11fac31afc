# SPDX-License-Identifier: GPL-2.0-or-later
"""One browser for all tests, in a network namespace that has nothing but its loopback: what is served there is all that it
can reach, and no packet of it leaves the machine."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import subprocess

import pytest

pytest.register_assert_rewrite("browser.chromium", "lab.checks", "lab.watch")

from browser.chromium import Chromium  # noqa: E402
from lab.net import CLONE_NEWNET  # noqa: E402
from lab.watch import find_program, free_port  # noqa: E402

HERE = pathlib.Path(__file__).parent
NPM_SECONDS = 120


@pytest.fixture(scope="session")
def build():
    found = os.environ.get("ONEWAY_BUILD")
    if not found:
        pytest.skip("ONEWAY_BUILD names no build directory")
    return pathlib.Path(found)


@pytest.fixture(scope="session")
def axe(build):
    """The text of axe-core, as package-lock.json pins it; None, and why, if it cannot be had here."""
    folder = build / "tests" / "axe"
    text = folder / "node_modules" / "axe-core" / "axe.min.js"
    lock = HERE / "package-lock.json"
    if not text.exists() or (folder / lock.name).read_bytes() != lock.read_bytes():
        if not shutil.which("npm"):
            return None, "npm is not installed"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", lock.name):
            shutil.copy(HERE / name, folder)
        try:
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"], cwd=folder,
                           text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=NPM_SECONDS, check=True)
        except subprocess.CalledProcessError as error:
            return None, f"npm cannot install axe-core: {' '.join(error.stderr.split())[:300]}"
        except subprocess.TimeoutExpired:
            return None, f"npm cannot install axe-core within {NPM_SECONDS} s"
    return text.read_text(encoding="utf-8"), ""


@pytest.fixture(scope="session")
def network(build, axe):  # axe is loaded while there is a network
    """This process, and what it starts from now on, in a namespace of its own."""
    if os.geteuid():
        pytest.skip("network namespaces need root")
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        pytest.skip(f"no network namespace: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=20)


@pytest.fixture(scope="session")
def only_chromium(network, axe, tmp_path_factory):
    missing = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")
    pytest.importorskip("selenium")
    with Chromium(tmp_path_factory.mktemp("chromium"), axe[0]) as browser:
        yield browser


@pytest.fixture
def chromium(only_chromium):
    """The browser as if nothing had been looked at before."""
    only_chromium.clear()
    return only_chromium


@pytest.fixture(scope="session")
def program(build):
    found = find_program(build, "oneway_exporter")
    assert found, f"no oneway_exporter in {build}"
    return found


class PageServer:
    """page_server.c: a large host, judged anew when it is told to."""

    def __init__(self, program):
        self.url = f"http://127.0.0.1:{free_port()}/"
        self._process = subprocess.Popen([program, self.url.split("/")[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout.read(1) == b"+", "page_server did not start"

    def judge(self):
        self._process.stdin.write(b".")
        self._process.stdin.flush()
        assert self._process.stdout.read(1) == b"+", "page_server has ended"

    def kill(self):
        self._process.kill()
        self._process.wait(20)


@pytest.fixture(scope="module")
def large(build, network):
    server = PageServer(build / "tests" / "page_server")
    with contextlib.ExitStack() as stack:
        stack.callback(server.kill)
        yield server
