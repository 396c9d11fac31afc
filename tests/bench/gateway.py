#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a gateway's packets cost when it is watched.

    gateway.py [ROUNDS [SECONDS [TOPOLOGY...]]]

Traffic through a gateway of network namespaces (plain forwarding, translation, a bridge): small UDP packets of one flow,
and TCP in bulk with and without segmentation offload, in turns unwatched and watched by oneway (each kind of tap) and by
tcpdump. Small packets are counted for each second of processor time, since over veth devices the sender's call carries a
packet the whole way, bulk by the clock. Printed are the medians of the ratios of neighbours, and of what a small packet
costs more. ONEWAY_BUILD names the build directory."""

import ctypes
import fcntl
import os
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

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
METRICS = 18198
SETTLED = 3  # seconds from when devices are captured until none of them is expected to be new
READY = 20
TRAFFIC = ("small", "bulk", "bulk, no offload")
ETHTOOL = {"tso": 0x1f, "gso": 0x24, "gro": 0x2c}
SIOCETHTOOL = 0x8946
RECEIVE = ("import socket, sys\ns = socket.create_server((sys.argv[1], int(sys.argv[2])))\nbuffer = bytearray(1 << 20)\n"
           "while True:\n c, _ = s.accept()\n while c.recv_into(buffer): pass\n")
SEND = ("import socket, sys, time\nc = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)\n"
        "data = bytes(1 << 20)\nsent, start = 0, time.monotonic()\n"
        "while time.monotonic() - start < float(sys.argv[3]): sent += c.send(data)\n"
        "print(sent / (time.monotonic() - start))\n")


def oneway(*flags):
    return [f"{BUILD}/exporter/oneway_exporter", "--log.level=error", f"--web.listen-address=127.0.0.1:{METRICS}", *flags]


WATCHERS = {
    "nobody": None,  # how much two equal measurements differ
    "oneway, bpf": oneway("--collector.handshake.tap=bpf"),
    "oneway, libpcap": oneway("--collector.handshake.tap=libpcap"),
    "oneway without capture": oneway("--no-collector.handshake"),
    "tcpdump": ["tcpdump", "-i", "any", "-w", "/dev/null", "tcp[tcpflags] & (tcp-syn|tcp-rst) != 0"],
}


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
    receiver = subprocess.Popen(["ip", "netns", "exec", right.name, sys.executable, "-c", RECEIVE, TARGET, str(PORT)])
    net.at_close(lambda: (receiver.terminate(), receiver.wait()))
    return {"left": left, "gw": middle, "ends": [(left, "eth0"), (middle, "wan1"), (middle, "wan2"), (right, "eth0")]}


class EthtoolValue(ctypes.Structure):
    _fields_ = [("cmd", ctypes.c_uint32), ("data", ctypes.c_uint32)]


class Ifreq(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 16), ("data", ctypes.c_void_p), ("rest", ctypes.c_byte * 16)]


def set_offload(ends, on):
    for space, device in ends:
        with space.socket(4, kind=2) as any_socket:
            for command in ETHTOOL.values():
                value = EthtoolValue(command, on)
                request = Ifreq(device.encode(), ctypes.addressof(value))
                fcntl.ioctl(any_socket, SIOCETHTOOL, request)


def sent(way, traffic, seconds):
    """Packets for each second of processor time, or bytes for each second."""
    if traffic == "small":
        return float(way["left"].run(f"{BUILD}/tests/bench_forward", TARGET, str(PORT), str(seconds)))
    set_offload(way["ends"], traffic == "bulk")
    return float(way["left"].run(sys.executable, "-c", SEND, TARGET, str(PORT), str(seconds)))


def all_sent(way, seconds):
    return {traffic: sent(way, traffic, seconds) for traffic in TRAFFIC}


def wait_until_captured(command):
    """Also where nothing is captured, as without the handshake collector, it is waited until all has been read once."""
    wanted = 'collector="link"} 1' if "--no-collector.handshake" in command else "oneway_capture_packets_total{"
    end = time.monotonic() + READY
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{METRICS}/metrics", timeout=2) as answer:
                if wanted in answer.read().decode():
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    raise NetError(f"{' '.join(command)}: not ready within {READY} s")


def watched(way, command, seconds):
    if not command:
        return all_sent(way, seconds)
    is_oneway = command[0].endswith("oneway_exporter")
    if is_oneway:
        command = [*command, f"--netns={way['gw'].path}"]
    else:
        command = ["ip", "netns", "exec", way["gw"].name, *command]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if is_oneway:
            wait_until_captured(command)
        time.sleep(SETTLED)
        result = all_sent(way, seconds)
        if process.poll() is not None:
            raise NetError(f"{' '.join(command)}: ended with {process.returncode}")
        return result
    finally:
        process.terminate()
        process.wait()


def measure(way, command, seconds, rounds):
    """[(unwatched, watched)]: what is unwatched is the mean of before and after, which is the next one's before."""
    pairs = []
    before = all_sent(way, seconds)
    for _ in range(rounds):
        during, after = watched(way, command, seconds), all_sent(way, seconds)
        pairs.append(({traffic: (before[traffic] + after[traffic]) / 2 for traffic in TRAFFIC}, during))
        before = after
    return pairs


def print_row(kind, traffic, name, pairs):
    ratio = statistics.median(during[traffic] / plain[traffic] for plain, during in pairs)
    plain = statistics.median(plain[traffic] for plain, _ in pairs)
    more = statistics.median(1e9 / during[traffic] - 1e9 / plain[traffic] for plain, during in pairs)
    small = traffic == "small"
    print(f"{kind:8}{traffic:18}{name:24}{ratio:7.3f}{f'{more:.0f}' if small else '':>9}   "
          + (f"{plain:.0f} packets/s" if small else f"{plain * 8 / 1e9:.1f} Gbit/s"), flush=True)


def main():
    rounds, seconds = (float(value) for value in (sys.argv[1:3] + ["5", "0.5"][len(sys.argv[1:3]):]))
    print(f"{'topology':8} {'traffic':17}{'watched by':24}{'ratio':>7}{'ns more':>9}   unwatched")
    for kind in sys.argv[3:] or ("plain", "nat", "bridge"):
        with Net() as net:
            way = gateway(net, kind)
            time.sleep(1)
            all_sent(way, seconds)
            for name, command in WATCHERS.items():
                pairs = measure(way, command, seconds, int(rounds))
                for traffic in TRAFFIC:
                    print_row(kind, traffic, name, pairs)


try:
    main()
except (NetError, PermissionError) as error:
    print(error)
    sys.exit(77)
