#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an armed trace costs the packets it is not about.

    trace.py [ROUNDS [SECONDS]]

Small UDP packets of one flow through a gateway of network namespaces with a usual ruleset (translation, connection
tracking, a dozen rules), in turns without a trace and while `oneway explain --trace` waits for another service's
request; counted by CPU time: the median of the ratios of neighbours. ONEWAY_BUILD names the build directory."""

import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ONEWAY_BUILD", f"{ROOT}/build/release")
sys.path.insert(0, f"{ROOT}/tests")

from lab.net import Net, NetError  # noqa: E402

TARGET, PORT = "192.0.2.2", 5001
RULES = """
table ip nat {
    chain prerouting { type nat hook prerouting priority dstnat;
        ip daddr 198.51.100.1 tcp dport 1222 dnat to 192.0.2.2:22
    }
    chain postrouting { type nat hook postrouting priority srcnat;
        oifname "wan2" masquerade
    }
}
table inet filter {
    chain forward { type filter hook forward priority filter; policy drop;
        %s
        ct state established,related accept
        ct state new accept
    }
}
""" % "\n        ".join(f"tcp dport {port} drop" for port in range(100, 110))


class Armed:
    """A trace that waits for a request which does not come."""

    def __init__(self, gateway):
        self._command = [f"{BUILD}/exporter/oneway", "explain", "198.51.100.2", "198.51.100.1:1222", "--trace",
                         "--for=600s", f"--netns={gateway.path}", "--no-collector.handshake"]

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self._process.stderr.readline()
        if "Waiting" not in line:
            raise NetError(line)

    def __exit__(self, *_):
        self._process.terminate()
        self._process.communicate()


def make_gateway(net):
    left, middle, right = net.namespace("left"), net.namespace("gw", forward=True), net.namespace("right")
    net.veth(left, "eth0", middle, "wan1")
    net.veth(middle, "wan2", right, "eth0")
    left.ip("addr add 198.51.100.2/24 dev eth0\nroute add default via 198.51.100.1")
    middle.ip("addr add 198.51.100.1/24 dev wan1\naddr add 192.0.2.1/24 dev wan2")
    right.ip(f"addr add {TARGET}/24 dev eth0\nroute add default via 192.0.2.1")
    middle.nft(RULES)
    sink = right.socket(4, kind=2)
    sink.bind((TARGET, PORT))
    net.at_close(sink.close)
    return left, middle


def forwarded(left, seconds):
    """Packets a second."""
    return float(left.run(f"{BUILD}/tests/bench_forward", TARGET, str(PORT), str(seconds)))


def measure(left, gateway, rounds, seconds):
    ratios, best = [], [0, 0]
    for i in range(rounds):
        if i % 2:
            plain = forwarded(left, seconds)
        with Armed(gateway):
            armed = forwarded(left, seconds)
        if not i % 2:
            plain = forwarded(left, seconds)
        ratios.append(armed / plain)
        best = [max(best[0], plain), max(best[1], armed)]
        print(f"{plain:.0f} packets/s, with a trace armed {armed:.0f}, ratio {ratios[-1]:.3f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f}; of the best of each {best[1] / best[0]:.3f}, "
          f"{1e9 / best[1] - 1e9 / best[0]:.0f} ns more for each packet")


def main():
    rounds, seconds = (int(value) for value in (sys.argv[1:] + ["10", "2"][len(sys.argv) - 1:]))
    with Net() as net:
        left, gateway = make_gateway(net)
        forwarded(left, 1)
        measure(left, gateway, rounds, seconds)


try:
    main()
except (NetError, PermissionError) as error:
    print(error)
    sys.exit(77)
