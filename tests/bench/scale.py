#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long the exporter's event loop is busy at once on a large host.

    scale.py [ADDRESSES [RULES [TRANSLATIONS [DEVICES [SECONDS]]]]]

A network namespace with so many addresses, policy rules, DNAT rules and devices, where the replies of all addresses that
no rule leads back leave by the first device. The exporter watches it for SECONDS, first at rest, then while addresses,
policy rules and translations come and go; then the longest piece of each kind of work on its loop is printed, and what
its threads cost, all in processor time. ONEWAY_BUILD names the build directory."""

import os
import re
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ONEWAY_BUILD", f"{ROOT}/build/release")
sys.path.insert(0, f"{ROOT}/tests")

from lab.net import Net, NetError  # noqa: E402

PATIENCE = 120
BATCH = 50  # devices that one `ip` makes


def network(device):
    return f"10.{device >> 8}.{device & 255}"


def address(number, devices):
    """Of this host's: spread over the devices, each of which has one /24."""
    return f"{network(number % devices)}.{number // devices + 1}"


def make_host(net, addresses, rules, translations, devices):
    host, peers = net.namespace("host", forward=True, ipv6=False), net.namespace("peers", ipv6=False)
    for first in range(0, devices, BATCH):
        batch = range(first, min(first + BATCH, devices))
        host.ip("\n".join(f"link add d{i} type veth peer name d{i} netns {peers.name}" for i in batch))
        peers.ip("\n".join(f"link set d{i} up" for i in batch))
        host.ip("\n".join(f"link set d{i} up" for i in batch))
    host.ip("\n".join(f"addr add {address(i, devices)}/24 dev d{i % devices}" for i in range(addresses)))
    host.ip(f"route add default via {network(0)}.254\n" + "\n".join(
        f"route add default via {network(i)}.254 table {1000 + i}" for i in range(devices)))
    host.ip("\n".join(f"rule add pref {1000 + i} from {address(i, devices)} lookup {1000 + i % devices}"
                      for i in range(rules)) or "rule")
    host.nft("table ip nat { chain prerouting { type nat hook prerouting priority dstnat;\n" + "\n".join(
        f"ip daddr {address(i % addresses, devices)} tcp dport {8000 + i // addresses} "
        f"dnat to 192.168.{i >> 8 & 255}.{i & 255}:80" for i in range(translations)) + "\n}\n}")
    return host


class Exporter:
    def __init__(self, net, host):
        self._process = subprocess.Popen(
            [f"{BUILD}/exporter/oneway_exporter", "--web.listen-address=127.0.0.1:0", f"--netns={host.path}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        net.at_close(self._stop)
        for line in self._process.stderr:
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            if found:
                break
        self._url = f"http://127.0.0.1:{found[1]}/metrics"
        # What it says is of no interest, but must be read.
        self._drain = subprocess.Popen(["cat"], stdin=self._process.stderr, stdout=subprocess.DEVNULL)

    def _stop(self):
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._drain.wait(PATIENCE)

    def samples(self, family):
        """[(value of the first label, number)]"""
        with urllib.request.urlopen(self._url, timeout=PATIENCE) as answer:
            text = answer.read().decode()
        return [(label, float(number))
                for label, number in re.findall(rf'^{family}(?:{{\w+="([^"]*)".*}})? (\S+)$', text, re.M)]

    def sample(self, family):
        """Of all labels together."""
        return sum(number for _, number in self.samples(family))

    def await_ready(self):
        deadline = time.monotonic() + PATIENCE
        while not self.sample("oneway_nat_rules"):
            if time.monotonic() > deadline:
                raise NetError("the exporter does not read the rules")
            time.sleep(0.2)

    def threads(self):
        """{thread id: (name, seconds of processor time)}"""
        used = {}
        for thread in os.listdir(f"/proc/{self._process.pid}/task"):
            with open(f"/proc/{self._process.pid}/task/{thread}/stat") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
                used[int(thread)] = (name, sum(map(int, rest.split()[11:13])) / os.sysconf("SC_CLK_TCK"))
        return used


def watch(exporter, seconds, change):
    before, start, changes = exporter.threads(), time.monotonic(), 0
    while time.monotonic() < start + seconds:
        change(changes)
        changes += 1
        time.sleep(0.5)
    elapsed = time.monotonic() - start
    after = exporter.threads()
    costs = sorted(((used - before.get(thread, (name, 0))[1]) / elapsed, name) for thread, (name, used) in after.items())
    print("  threads: " + ", ".join(f"{name} {100 * cost:.1f} %" for cost, name in reversed(costs) if cost >= 0.001))


def show(exporter):
    for work, longest in sorted(exporter.samples("oneway_loop_longest_seconds"), key=lambda item: -item[1]):
        print(f"  {work:12} {1000 * longest:9.3f} ms", flush=True)


def main():
    given = [int(value) for value in sys.argv[1:]]
    addresses, rules, translations, devices, seconds = given + [10000, 2000, 10000, 500, 20][len(given):]
    with Net() as net:
        host = make_host(net, addresses, rules, translations, devices)
        exporter = Exporter(net, host)
        exporter.await_ready()

        def churn(i):
            gone, come = ("del", "add") if i % 2 == 0 else ("add", "del")
            host.ip(f"addr {gone} {address(addresses - 1, devices)}/24 dev d{(addresses - 1) % devices}\n"
                    f"rule {come} pref 900 from {address(0, devices)} lookup 1000")
            if i % 4 == 0:
                host.nft("add rule ip nat prerouting ip daddr 10.0.0.1 tcp dport 9000 dnat to 192.0.2.1")

        print(f"{addresses} addresses, {rules} rules, {translations} translations, {devices} devices")
        for name, change in (("at rest", lambda _: None), ("with changes", churn)):
            print(f"{name}, {seconds} s:")
            watch(exporter, seconds, change)
            show(exporter)
        print(f"resident {exporter.sample('process_resident_memory_bytes') / 1e6:.0f} MB; "
              f"{exporter.sample('oneway_service_addresses'):.0f} services, {exporter.sample('oneway_findings'):.0f} findings")


try:
    main()
except (NetError, PermissionError) as error:
    print(error)
    sys.exit(77)
