#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a gateway's packets cost when it is watched.

    gateway.py [ROUNDS [SECONDS [TOPOLOGY...]]]

Small UDP packets of one flow through a gateway of network namespaces (plain forwarding, translation, a bridge), in turns
unwatched and watched by oneway (each kind of tap) and by tcpdump: packets for each second of processor time, since over
veth devices the sender's call carries a packet the whole way. Printed are the medians of the ratios of neighbours and of
what a packet costs more. ONEWAY_BUILD names the build directory."""

import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ONEWAY_BUILD", f"{ROOT}/build/release")
sys.path.insert(0, f"{ROOT}/tests")

from lab.net import Net, NetError  # noqa: E402

TARGET, PORT = "192.0.2.2", 5001
NAT = """
table ip nat {
    chain prerouting { type nat hook prerouting priority dstnat; tcp dport 1222 dnat to 192.0.2.2:22; }
    chain postrouting { type nat hook postrouting priority srcnat; oifname "wan2" masquerade; }
}
"""
WATCHERS = {
    "nothing new": None,  # how much two equal measurements differ
    "oneway, bpf": [f"{BUILD}/exporter/oneway_exporter", "--collector.handshake.tap=bpf", "--log.level=error",
                    "--web.listen-address=127.0.0.1:18198"],
    "oneway, libpcap": [f"{BUILD}/exporter/oneway_exporter", "--collector.handshake.tap=libpcap", "--log.level=error",
                        "--web.listen-address=127.0.0.1:18198"],
    "oneway without capture": [f"{BUILD}/exporter/oneway_exporter", "--no-collector.handshake", "--log.level=error",
                               "--web.listen-address=127.0.0.1:18198"],
    "tcpdump": ["tcpdump", "-i", "any", "-w", "/dev/null", "tcp[tcpflags] & (tcp-syn|tcp-rst) != 0"],
}
SETTLED = 4.5  # seconds until all devices are hooked, and no new ones expected


def gateway(net, kind):
    left, middle, right = net.namespace("left"), net.namespace("gw", forward=True), net.namespace("right")
    net.veth(left, "eth0", middle, "wan1")
    net.veth(middle, "wan2", right, "eth0")
    if kind == "bridge":
        middle.ip("link add br0 type bridge\nlink set wan1 master br0\nlink set wan2 master br0\nlink set br0 up")
        left.ip("addr add 192.0.2.3/24 dev eth0")
    else:
        left.ip("addr add 198.51.100.2/24 dev eth0")
        middle.ip("addr add 198.51.100.1/24 dev wan1\naddr add 192.0.2.1/24 dev wan2")
    for space, devices in ((left, ["eth0"]), (middle, ["wan1", "wan2"]), (right, ["eth0"])):
        space.ip("\n".join(f"link set {device} up" for device in devices))
    right.ip(f"addr add {TARGET}/24 dev eth0")
    if kind != "bridge":
        left.ip("route add default via 198.51.100.1")
        right.ip("route add default via 192.0.2.1")
    if kind == "nat":
        middle.nft(NAT)
    sink = right.socket(4, kind=2)
    sink.bind((TARGET, PORT))
    net.at_close(sink.close)
    return left, middle


def sent(left, seconds):
    return float(left.run(f"{BUILD}/tests/bench_forward", TARGET, str(PORT), str(seconds)))


def watched(left, middle, command, seconds, rounds):
    """[(unwatched, watched)]: what is unwatched is measured before and after."""
    pairs = []
    for _ in range(rounds):
        before = sent(left, seconds)
        process = command and subprocess.Popen(["ip", "netns", "exec", middle.name, *command],
                                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(SETTLED if command else 0)
        during = sent(left, seconds)
        if process:
            process.terminate()
            process.wait()
        pairs.append(((before + sent(left, seconds)) / 2, during))
    return pairs


def main():
    rounds, seconds = (float(value) for value in (sys.argv[1:3] + ["9", "1"][len(sys.argv[1:3]):]))
    print(f"{'topology':9}{'watched by':24}{'ratio':>7}{'ns more':>9}   packets/s unwatched")
    for kind in sys.argv[3:] or ("plain", "nat", "bridge"):
        with Net() as net:
            left, middle = gateway(net, kind)
            sent(left, seconds)
            for name, command in WATCHERS.items():
                pairs = watched(left, middle, command, seconds, int(rounds))
                print(f"{kind:9}{name:24}{statistics.median(b / a for a, b in pairs):7.3f}"
                      f"{statistics.median(1e9 / b - 1e9 / a for a, b in pairs):9.0f}   "
                      f"{statistics.median(a for a, _ in pairs):.0f}", flush=True)


try:
    main()
except (NetError, PermissionError) as error:
    print(error)
    sys.exit(77)
