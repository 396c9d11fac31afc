# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo as people use it: it shows the fault, the pasted remedy heals it as it runs, and nothing stays behind."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading

import pytest

from lab.labs import CLASSES
from lab.net import COMMAND_SECONDS
from lab.watch import find_program, poll

DEMO = pathlib.Path(__file__).with_name("demo.py")
SHOW_SECONDS = 30
END_SECONDS = 30


def run_demo(*arguments):
    return subprocess.run([sys.executable, DEMO, *arguments], capture_output=True, text=True, timeout=COMMAND_SECONDS)


def namespaces(tag):
    return [name for name in os.listdir("/run/netns") if name.startswith(tag)]


class Demo:
    """A running demo and what it has said."""

    def __init__(self, *arguments):
        self._process = subprocess.Popen([sys.executable, DEMO, *arguments], stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self._lines = []
        self._reader = threading.Thread(target=lambda: self._lines.extend(self._process.stdout), daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(END_SECONDS)

    @property
    def text(self):
        return "".join(self._lines)

    def await_text(self, pattern):
        found = poll(lambda: re.search(pattern, self.text), SHOW_SECONDS)
        assert found, f"{pattern} did not appear in:\n{self.text}"
        return found

    def end(self, number):
        self._process.send_signal(number)
        return self.ended()

    def ended(self):
        status = self._process.wait(END_SECONDS)
        self._reader.join(COMMAND_SECONDS)
        return status

    def children(self, name):
        """Process ids of its children of that name."""
        pids = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, command, rest = re.match(r"(\d+) \((.*)\) (.*)", stat.read_text()).groups()
            except OSError:
                continue
            if int(rest.split()[1]) == self._process.pid and name.startswith(command):
                pids.append(int(pid))
        return pids


@pytest.fixture
def build():
    if os.geteuid():
        pytest.skip("network namespaces need root")
    directory = os.environ.get("ONEWAY_BUILD")
    if not directory:
        pytest.skip("ONEWAY_BUILD names no build directory")
    return directory


@pytest.fixture
def start(build):
    with Demo("dnat-uplinks", "--build", build) as demo:
        yield demo


def test_names_the_labs():
    listed = run_demo("--list")
    assert listed.returncode == 0
    for lab in CLASSES:
        assert re.search(rf"^{lab.name}\b", listed.stdout, re.MULTILINE)
        for variant in lab.variants:
            assert re.search(rf"^ +{variant} +IPv", listed.stdout, re.MULTILINE)


@pytest.mark.parametrize("arguments, complaint", [
    ((), "which lab"), (("atlantis",), "no lab 'atlantis'"), (("two-nics", "--variant", "x"), "no variant 'x'"),
    (("two-nics", "--variant", "strict", "--family", "6"), "does not exist in IPv6"),
    (("two-nics", "--build", "/nowhere"), "no oneway_exporter in /nowhere")])
def test_refuses(arguments, complaint):
    refused = run_demo(*arguments)
    assert refused.returncode == 2 and complaint in refused.stderr


def test_heals_while_watched(build, start):
    tag, space = start.await_text(r"ip netns exec ((ow-\w+-)gateway) sh").group(2, 1)
    start.await_text(r"timeout +client -> wan2 port 2222")
    start.await_text(r"FOUND .*reply_wrong_device")
    check = subprocess.run([find_program(build, "oneway"), "check", "--netns", space, "--format", "json"],
                           capture_output=True, text=True, timeout=COMMAND_SECONDS)
    assert check.returncode == 1, check.stderr
    remedy = "\n".join(command for finding in json.loads(check.stdout)["findings"] for command in finding["remedy"])
    subprocess.run(["ip", "netns", "exec", space, "sh", "-e"], input=remedy, text=True, check=True,
                   timeout=COMMAND_SECONDS)
    start.await_text(r"works +client -> wan2 port 2222")
    start.await_text(r"CLOSED .*reply_wrong_device")
    assert start.end(signal.SIGINT) == 128 + signal.SIGINT
    assert "The lab is gone." in start.text
    assert not namespaces(tag)


def test_terminates(start):
    tag = start.await_text(r"(ow-\w+-)gateway").group(1)
    assert start.end(signal.SIGTERM) == 128 + signal.SIGTERM
    assert not namespaces(tag)


def test_ends_with_its_exporter(start):
    tag = start.await_text(r"(ow-\w+-)gateway").group(1)
    for pid in start.children("oneway_exporter"):
        os.kill(pid, signal.SIGKILL)
    assert start.ended() == 1
    assert "the exporter has ended" in start.text and not namespaces(tag)
