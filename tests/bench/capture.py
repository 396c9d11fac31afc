#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What watching costs a gateway made of network namespaces, and how many handshakes it counts.

    capture.py [ROUNDS [SECONDS]]

Bulk TCP through the gateway, watched and not watched in turns, and the median of the ratios of neighbours; then
completed handshakes as fast as wire_fill makes them. ONEWAY_BUILD names the build directory."""

import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ONEWAY_BUILD", f"{ROOT}/build/release")
sys.path.insert(0, f"{ROOT}/tests")

from lab.net import Net, NetError  # noqa: E402

PORT = 18199
RECEIVE = ("import socket\ns = socket.create_server(('192.0.2.2', 5001))\nbuffer = bytearray(1 << 20)\n"
           "while True:\n c, _ = s.accept()\n while c.recv_into(buffer): pass\n")
SEND = ("import socket, sys, time\nc = socket.create_connection(('192.0.2.2', 5001))\ndata = bytes(1 << 20)\n"
        "sent, start = 0, time.monotonic()\nwhile time.monotonic() - start < float(sys.argv[1]): sent += c.send(data)\n"
        "print(sent * 8 / 1e9 / (time.monotonic() - start))\n")


class Watching:
    """An exporter that watches the gateway, all of its collectors or without capture."""

    def __init__(self, space, *flags):
        self._command = [f"{BUILD}/exporter/oneway_exporter", f"--netns={space.path}", "--log.level=error",
                         f"--web.listen-address=127.0.0.1:{PORT}", *flags]

    def __enter__(self):
        self._process = subprocess.Popen(self._command)
        time.sleep(1.5)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()

    def total(self, name):
        text = urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics").read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))


def gateway(net):
    left, middle, right = net.namespace("left"), net.namespace("gw", forward=True), net.namespace("right")
    net.veth(left, "eth0", middle, "wan1")
    net.veth(middle, "wan2", right, "eth0")
    for space, device, address in ((left, "eth0", "198.51.100.2"), (middle, "wan1", "198.51.100.1"),
                                   (middle, "wan2", "192.0.2.1"), (right, "eth0", "192.0.2.2")):
        space.ip(f"""addr add {address}/24 dev {device}
                     link set {device} up""")
    left.ip("route add default via 198.51.100.1")
    right.ip("route add default via 192.0.2.1")
    return left, middle, right


def start(net, space, code):
    process = subprocess.Popen(["ip", "netns", "exec", space.name, "/usr/bin/python3", "-c", code])
    net.at_close(lambda: (process.terminate(), process.wait()))
    time.sleep(0.5)


def transfer(space, seconds):
    return float(space.run("/usr/bin/python3", "-c", SEND, str(seconds)))


def bulk(left, middle, rounds, seconds):
    ratios = []
    for i in range(rounds):
        if i % 2:
            plain = transfer(left, seconds)
        with Watching(middle) as watching:
            watched = transfer(left, seconds)
            packets, cpu = watching.total("oneway_capture_packets_total"), watching.total("process_cpu_seconds_total")
        if not i % 2:
            plain = transfer(left, seconds)
        ratios.append(watched / plain)
        print(f"bulk: {plain:.2f} Gbit/s, watched {watched:.2f}, ratio {ratios[-1]:.3f}; "
              f"{packets:.0f} packets read, {cpu:.2f} s CPU", flush=True)
    print(f"bulk: median ratio {statistics.median(ratios):.3f}")


def handshakes(left, middle, seconds):
    with Watching(middle) as watching:
        made = subprocess.run([f"{BUILD}/tests/wire_fill", middle.path, "wan1", left.path, "eth0", "complete",
                               str(seconds), "0"], capture_output=True, text=True, check=True).stdout
        made = {name: float(value) for name, value in (line.split() for line in made.splitlines())}
        time.sleep(2.5)
        counted, lost = watching.total("oneway_handshakes_total"), watching.total("oneway_capture_dropped_total")
        print(f"handshakes: {made['handshakes'] / made['seconds']:.0f}/s made, {made['handshakes']:.0f} in all; "
              f"counted {counted:.0f}, packets lost {lost:.0f}, "
              f"resident {watching.total('process_resident_memory_bytes') / 1048576:.1f} MiB, "
              f"{watching.total('process_cpu_seconds_total'):.2f} s CPU")


def main():
    rounds, seconds = (int(value) for value in (sys.argv[1:] + ["6", "3"][len(sys.argv) - 1:]))
    with Net() as net:
        left, middle, right = gateway(net)
        start(net, right, RECEIVE)
        bulk(left, middle, rounds, seconds)
        handshakes(left, middle, seconds)


try:
    main()
except (NetError, PermissionError) as error:
    print(error)
    sys.exit(77)
