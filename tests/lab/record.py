#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Records anew what the labs show on the wire, into tests/data/captures/labs, as root.

In each capture there is one attempt alone, so its outcomes are known; they are written to expected.json beside it. Where
the watched host translates, a connection counts twice there: its addresses are others behind the translation.
"""

import contextlib
import json
import pathlib
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from lab.labs import variants  # noqa: E402
from lab.net import Net  # noqa: E402

CAPTURES = TESTS / "data" / "captures" / "labs"
WAIT_SECONDS = 10
RECORDINGS = (  # lab, variant, healthy, device, attempt, outcomes
    ("snat-gateway", "server", False, "eth0", "a -> server", {"one_way": 1}),
    ("snat-gateway", "gateway", False, "any", "a -> server", {"return_only": 2}),
    ("snat-gateway", "client", False, "eth0", "a -> server", {"unanswered": 1, "return_only": 1}),
    ("snat-gateway", "client", True, "eth0", "a -> server", {"completed": 1}),
    ("dnat-uplinks", "nft-wan2", False, "any", "client -> wan2 port 2222", {"one_way": 2}),
    ("dnat-uplinks", "nft-wan2", False, "wan2", "client -> wan2 port 2222", {"unanswered": 1}),
    ("dnat-uplinks", "nft-wan2", False, "wan1", "client -> wan2 port 2222", {"return_only": 1}),
    ("dnat-uplinks", "nft-wan2", True, "any", "client -> wan2 port 2222", {"completed": 2}),
)


@contextlib.contextmanager
def capture(space, device, path):
    process = subprocess.Popen(["ip", "netns", "exec", space.name, "tcpdump", "-n", "-p", "-U", "-s", "128", "-i", device,
                                "-w", path, "tcp"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        while "listening on" not in process.stderr.readline():
            if process.poll() is not None:
                raise SystemExit("tcpdump has ended")
        yield
        time.sleep(1)
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)


def record(name, variant, healthy, device, wanted, family, path):
    with Net() as net:
        lab = variants(name)[variant](net, variant, family, healthy)
        attempt = next(attempt for attempt in lab.attempts() if attempt.name == wanted)
        with capture(lab.watched, device, path):
            assert (attempt.run() == "ok") == healthy


def main():
    CAPTURES.mkdir(exist_ok=True)
    expected = {}
    for name, variant, healthy, device, wanted, outcomes in RECORDINGS:
        for family in (4, 6):
            state = "healthy" if healthy else "faulty"
            path = CAPTURES / f"{name}-{variant}-{device}-{state}-v{family}.pcap"
            record(name, variant, healthy, device, wanted, family, path)
            expected[path.name] = outcomes
    (CAPTURES / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
