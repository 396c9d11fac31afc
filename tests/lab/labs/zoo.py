# SPDX-License-Identifier: GPL-2.0-or-later
"""Random gateways, each from a number: lines, addresses, translations and rules in every style, with no fault, one or two.
What works and what fails there the kernel says, not this file."""

import dataclasses
import random

from lab.labs.base import LAN, SSH, Lab, run_remedy
from lab.net import Subnet, probe_kind
from lab.traffic import run_all

FORWARDED = 2222
LINES = tuple(Subnet(f"198.51.100.{16 * n}/28", f"2001:db8:10{n}::/64") for n in range(5))
INNER = tuple(Subnet(f"10.8.{10 + n}.0/24", f"fd00:{10 + n}::/64") for n in range(5))
NAMES = (("wan1", "wan2", "wan3", "wan4", "wan5"), ("eth0", "eth1", "eth2", "eth3", "eth4"),
         ("ens18", "ens19", "ens20", "ens21", "ens22"), ("enp1s0", "enp2s0", "uplink-b", "lte0", "dsl.7"))
FAULTS = ("rule-missing", "rule-missing", "rule-missing", "wrong-table", "table-empty", "prohibit", "blackhole", "strict")


@dataclasses.dataclass
class Line:
    number: int
    device: str
    table: int
    base: int  # priority of its first rule
    forwards: bool  # a port of its address
    faults: set = dataclasses.field(default_factory=set)  # (fault, "local" or "target")


class Plan:
    """What the number stands for. Pure."""

    def __init__(self, seed):
        chance = random.Random(seed)
        self.seed = seed
        self.family = chance.choice((4, 4, 6))
        count = chance.choice((2, 2, 2, 3, 3, 4, 5))
        names = chance.sample(chance.choice(NAMES), count)
        tables = chance.sample(range(2, 252), count) if chance.random() < 0.7 else chance.sample(range(1000, 100000), count)
        bases = chance.sample(range(100, 32000, 10), count)
        self.lines = [Line(n, names[n], tables[n], bases[n], chance.random() < 0.7) for n in range(count)]
        self.main = chance.randrange(count)  # the line of main's default route
        self.main_by_table = chance.random() < 0.3  # it has rules of its own nonetheless
        self.connected = chance.choice(("suppress", "copied"))  # how the other networks stay reachable
        self.inside = chance.choice(("veth", "bridge"))
        self.translates = chance.choice(("nft", "nft-map", "iptables"))
        self.marks = chance.random() < 0.2  # replies of forwarded connections go by the connection's mark
        self.rp_filter = chance.choice((0, 0, 2, 2, 1)) if self.family == 4 else 0
        self.masquerade = chance.random() < 0.7
        for _ in range(chance.choice((0, 0, 1, 1, 1, 2))):
            self._add_fault(chance)

    def _add_fault(self, chance):
        others = [line for line in self.lines if line.number != self.main or self.main_by_table]
        line = chance.choice(others)
        fault = chance.choice([fault for fault in FAULTS if self.family == 4 or fault != "strict"])
        whose = "target" if line.forwards and not self.marks and chance.random() < 0.6 else "local"
        if fault == "strict":  # with the rule that would lead the replies back missing
            line.faults.add(("rule-missing", whose))
        line.faults.add((fault, whose))

    def __str__(self):
        faults = [f"{fault} of {line.device}'s {whose}" for line in self.lines for fault, whose in sorted(line.faults)]
        return (f"seed {self.seed}: IPv{self.family}, {len(self.lines)} lines, default by {self.lines[self.main].device}, "
                f"{self.translates}, {self.inside}, {'connection marks, ' if self.marks else ''}rp_filter {self.rp_filter}, "
                f"{self.connected}: {', '.join(faults) or 'no fault'}")


class Zoo(Lab):
    name = "zoo"
    story = "A random gateway."
    silent = True

    def __init__(self, net, seed, family=None, healthy=True):
        self.plan = Plan(int(seed))
        super().__init__(net, seed, self.plan.family, healthy)

    def build(self):
        plan = self.plan
        self.make_internet()
        self.watched = self.gateway = self.namespace("gateway", forward=True, rp_filter=plan.rp_filter)
        for line in plan.lines:
            self.make_line(self.gateway, line.device, LINES[line.number], allow=[])
        self.make_lan(self.gateway)
        self.make_container()
        self.gateway.ip(f"route add default {self.way(plan.lines[plan.main])}", self.family)
        for line in plan.lines:
            self.make_table(line)
            self.make_rules(line)
        self.make_translation()
        self.listen(self.gateway, "gateway")
        for line in plan.lines:
            if any(fault == "strict" for fault, _ in line.faults):
                self.gateway.rp_filter(1, line.device.replace(".", "/"))

    def way(self, line):
        return f"via {self.at(LINES[line.number], 1)} dev {line.device}"

    def target(self, line):
        return self.at(INNER[line.number], 2)

    def make_container(self):
        self.inner = "br0" if self.plan.inside == "bridge" else "dock0"
        self.container = self.namespace("container")
        if self.plan.inside == "bridge":
            probe_kind("bridge")
            self.gateway.ip("link add br0 type bridge\nlink set br0 up")
            self.net.veth(self.gateway, "port0", self.container, "eth0")
            self.gateway.ip("link set port0 master br0")
        else:
            self.net.veth(self.gateway, "dock0", self.container, "eth0")
        for line in self.plan.lines:
            self.gateway.ip(f"addr add {self.cidr(INNER[line.number], 1)} dev {self.inner} nodad", self.family)
            self.container.ip(f"addr add {self.cidr(INNER[line.number], 2)} dev eth0 nodad", self.family)
        self.container.ip(f"route add default via {self.at(INNER[0], 1)}", self.family)
        self.listen(self.container, "container")

    def make_table(self, line):
        faults = {fault for fault, _ in line.faults}
        default = f"default {self.way(line)}"
        if "blackhole" in faults:
            default = "blackhole default" if self.family == 4 else "blackhole default dev lo"
        routes = [] if "table-empty" in faults else [default]
        if self.plan.connected == "copied":
            routes += [f"{LAN.prefix(self.family)} dev lan0"] + [
                f"{INNER[other.number].prefix(self.family)} dev {self.inner}" for other in self.plan.lines]
        if routes:
            self.gateway.ip("\n".join(f"route add {route} table {line.table}" for route in routes), self.family)

    def make_rules(self, line):
        plan = self.plan
        if line.number == plan.main and not plan.main_by_table:
            return
        sources = {"local": self.at(LINES[line.number], 2)}
        if line.forwards and not plan.marks:
            sources["target"] = self.target(line)
        for number, (whose, source) in enumerate(sources.items()):
            faults = {fault for fault, other in line.faults if other == whose}
            preference = line.base + 4 * number
            if "prohibit" in faults:
                self.gateway.ip(f"rule add pref {preference} from {source} prohibit", self.family)
            if plan.connected == "suppress":
                self.gateway.ip(f"rule add pref {preference + 1} from {source} lookup main suppress_prefixlength 0", self.family)
            if "rule-missing" not in faults:
                table = plan.lines[(line.number + 1) % len(plan.lines)].table if "wrong-table" in faults else line.table
                self.gateway.ip(f"rule add pref {preference + 2} from {source} lookup {table}", self.family)
        if plan.marks:
            self.gateway.ip(f"rule add pref {line.base + 9} fwmark {line.number + 1} lookup {line.table}", self.family)

    def make_translation(self):
        forwarding = [line for line in self.plan.lines if line.forwards]
        if self.plan.translates == "iptables":
            self.translate_iptables(forwarding)
        else:
            self.translate_nft(forwarding)
        if self.plan.marks:
            self.restore_marks()

    def end(self, address):
        return f"{address}:{SSH}" if self.family == 4 else f"[{address}]:{SSH}"

    def translate_iptables(self, lines):
        command = "iptables-nft" if self.family == 4 else "ip6tables-nft"
        for line in lines:
            self.gateway.run(command, "-t", "nat", "-A", "PREROUTING", "-d", self.at(LINES[line.number], 2), "-p", "tcp",
                             "--dport", str(FORWARDED), "-j", "DNAT", "--to-destination", self.end(self.target(line)))
        if self.plan.masquerade:
            for line in self.plan.lines:
                self.gateway.run(command, "-t", "nat", "-A", "POSTROUTING", "-o", line.device, "-j", "MASQUERADE")

    def translate_nft(self, lines):
        ip, kind = self.nft_family, "ipv4_addr" if self.family == 4 else "ipv6_addr"
        if self.plan.translates == "nft-map" and lines:
            elements = ", ".join(f"{self.at(LINES[line.number], 2)} . {FORWARDED} : {self.target(line)} . {SSH}" for line in lines)
            head = f"map published {{ type {kind} . inet_service : {kind} . inet_service; elements = {{ {elements} }}; }}"
            rules = f"meta l4proto tcp dnat {ip} to {ip} daddr . tcp dport map @published"
        else:
            head = ""
            rules = "\n".join(f"{ip} daddr {self.at(LINES[line.number], 2)} tcp dport {FORWARDED} dnat to "
                              f"{self.end(self.target(line))}" for line in lines)
        devices = ", ".join(f'"{line.device}"' for line in self.plan.lines)
        masquerade = f"oifname {{ {devices} }} masquerade" if self.plan.masquerade else ""
        self.gateway.nft(f"""
            table {ip} nat {{ {head}
                chain prerouting {{ type nat hook prerouting priority dstnat; {rules}
                }}
                chain postrouting {{ type nat hook postrouting priority srcnat; {masquerade}
                }}
            }}""")

    def restore_marks(self):
        marks = "\n".join(f'iifname "{line.device}" ct state new ct mark set {line.number + 1}' for line in self.plan.lines)
        self.gateway.nft(f"""
            table inet marks {{
                chain prerouting {{ type filter hook prerouting priority mangle
                    {marks}
                    iifname "{self.inner}" ct direction reply meta mark set ct mark
                }}
            }}""")

    def attempts(self):
        """From outside, to every address and port."""
        tries = []
        for line in self.plan.lines:
            address = self.at(LINES[line.number], 2)
            tries.append(self.attempt(f"client -> {line.device}", self.client, address, "gateway"))
            if line.forwards:
                tries.append(self.attempt(f"client -> {line.device} port {FORWARDED}", self.client, address, "container", FORWARDED))
        return tries

    def side_checks(self):
        checks = [self.attempt("gateway -> LAN", self.gateway, self.at(LAN, 2), "lan"),
                  self.attempt("gateway -> client", self.gateway, self.client_address, "client")]
        checks += [self.attempt(f"LAN -> container {self.target(line)}", self.lan, self.target(line), "container")
                   for line in self.plan.lines]
        checks += [self.attempt(f"LAN -> {line.device}", self.lan, self.at(LINES[line.number], 2), "gateway")
                   for line in self.plan.lines]
        return checks

    def attempts_address(self, line):
        return self.at(LINES[line.number], 2)

    def outcomes(self):
        """{attempt: outcome}, of all, as the kernel has it now."""
        return run_all(self.attempts() + self.side_checks())

