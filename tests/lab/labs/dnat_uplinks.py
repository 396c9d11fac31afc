# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway with three lines forwards a port of each public address to one container."""

from lab.labs.base import LAN, LINES, SSH, Lab, run_remedy
from lab.net import Subnet, probe_kind

FORWARDED = 2222
INNER = (Subnet("10.8.10.0/24", "fd00:10::/64"), Subnet("10.8.20.0/24", "fd00:20::/64"),
         Subnet("10.8.30.0/24", "fd00:30::/64"))
DEVICES = ("wan1", "wan2", "wan3")


class DnatUplinks(Lab):
    name = "dnat-uplinks"
    story = ("Port 2222 of one public address times out, that of the others works, and SYN and SYN-ACK are both seen\n"
             "on the gateway. The reply is routed before its source is translated back: it still has the container's\n"
             "address, no rule speaks of that, so it leaves by wan1, whose provider drops it.")
    drawing = """
     client            internet             gateway (watched)             container
    203.0.113.2 ------ provider 1 ---- wan1 198.51.100.2  --+
                 |---- provider 2 ---- wan2 198.51.100.18 --+-- br0/dock0 -- 10.8.10.2, 10.8.20.2, 10.8.30.2
                 +---- provider 3 ---- wan3 198.51.100.34 --+-- lan0 ------- LAN 192.168.70.2
    public address N, port 2222 -> container address N, port 22; main's default route: wan1
"""
    variants = tuple(f"{kind}-{device}" for kind in ("nft", "iptables", "bridge") for device in DEVICES[1:])
    rp_filters = {"nft": 2, "iptables": 0, "bridge": 2, "mark": 2}

    def build(self):
        self.kind, _, self.victim = self.variant.partition("-")
        self.inner = "br0" if self.kind == "bridge" else "dock0"
        self.make_internet()
        self.watched = self.gateway = self.namespace("gateway", forward=True, rp_filter=self.rp_filters[self.kind])
        for device, subnet in zip(DEVICES, LINES):
            self.make_line(self.gateway, device, subnet, allow=[])
        self.make_lan(self.gateway)
        self.make_container()
        self.make_policy()
        self.make_translation()
        self.listen(self.gateway, "gateway")

    def make_container(self):
        self.container = self.namespace("container")
        if self.kind == "bridge":
            probe_kind("bridge")
            self.gateway.ip("link add br0 type bridge\nlink set br0 up")
            self.net.veth(self.gateway, "port0", self.container, "eth0")
            self.gateway.ip("link set port0 master br0")
        else:
            self.net.veth(self.gateway, "dock0", self.container, "eth0")
        for subnet in INNER:
            self.gateway.ip(f"addr add {self.cidr(subnet, 1)} dev {self.inner} nodad", self.family)
            self.container.ip(f"addr add {self.cidr(subnet, 2)} dev eth0 nodad", self.family)
        self.container.ip(f"route add default via {self.at(INNER[0], 1)}", self.family)
        self.listen(self.container, "container")

    def make_policy(self):
        self.gateway.ip("\n".join(f"route add default via {self.at(LINES[n], 1)} dev {DEVICES[n]} table {table}"
                                  for n, table in ((0, "main"), (0, 101), (1, 102), (2, 103))), self.family)
        for n in range(3):
            run_remedy(self.gateway, self.answer_by_table(self.at(LINES[n], 2), 101 + n, 1000 + 10 * n))
            if self.complete or DEVICES[n] != self.victim:
                run_remedy(self.gateway, self.answer_by_table(self.target(n), 101 + n, 1100 + 10 * n))

    @property
    def complete(self):
        """There is a rule for each of the container's addresses."""
        return self.healthy

    def target(self, n):
        """The container's address behind line n."""
        return self.at(INNER[n], 2)

    def make_translation(self):
        if self.kind == "iptables":
            self.translate_iptables()
        else:
            self.translate_nft()

    def translate_nft(self):
        brackets = "{}:22" if self.family == 4 else "[{}]:22"
        rules = "\n".join(f"{self.nft_family} daddr {self.at(LINES[n], 2)} tcp dport {FORWARDED} "
                          f"dnat to {brackets.format(self.target(n))}" for n in range(3))
        self.gateway.nft(f"""
            table {self.nft_family} nat {{
                chain prerouting {{ type nat hook prerouting priority dstnat; {rules}
                }}
                chain postrouting {{ type nat hook postrouting priority srcnat; oifname "wan*" masquerade
                }}
            }}""")

    def translate_iptables(self):
        command = "iptables-nft" if self.family == 4 else "ip6tables-nft"
        brackets = "{}:22" if self.family == 4 else "[{}]:22"
        for n in range(3):
            self.gateway.run(command, "-t", "nat", "-A", "PREROUTING", "-d", self.at(LINES[n], 2), "-p", "tcp",
                             "--dport", str(FORWARDED), "-j", "DNAT", "--to-destination",
                             brackets.format(self.target(n)))
        self.gateway.run(command, "-t", "nat", "-A", "POSTROUTING", "-o", "wan+", "-j", "MASQUERADE")

    def attempts(self):
        return [self.attempt(f"client -> {DEVICES[n]} port {FORWARDED}", self.client, self.at(LINES[n], 2),
                             "container", FORWARDED, broken=DEVICES[n] == self.victim) for n in range(3)]

    def side_checks(self):
        checks = [self.attempt("gateway -> LAN", self.gateway, self.at(LAN, 2), "lan"),
                  self.attempt("gateway -> client", self.gateway, self.client_address, "client")]
        for n in range(3):
            inner, public = self.target(n), self.at(LINES[n], 2)
            checks += [
                self.attempt(f"client -> gateway by {DEVICES[n]}", self.client, public, "gateway"),
                self.attempt(f"container {inner} -> LAN", self.container, self.at(LAN, 2), "lan", source_address=inner),
                self.attempt(f"container {inner} -> client", self.container, self.client_address, "client",
                             source_address=inner),
                self.attempt(f"LAN -> container {inner}", self.lan, inner, "container"),
                self.attempt(f"LAN -> {DEVICES[n]} port {FORWARDED}", self.lan, public, "container", FORWARDED)]
        return checks

    def expected(self):
        n = DEVICES.index(self.victim)
        return [{"condition": "reply_wrong_device", "device": self.victim, "reply_device": "wan1", "origin": "dnat",
                 "address": self.at(LINES[n], 2), "target": self.target(n)}]

    def symptoms(self):
        n = DEVICES.index(self.victim)
        return [{"condition": "handshake_one_way", "device": self.victim, "address": self.at(LINES[n], 2)}]

    def remedy(self):
        n = DEVICES.index(self.victim)
        return self.answer_by_table(self.target(n), 101 + n, 500)

    def signature(self):
        return {"replies with a foreign source, dropped by a provider": self.foreign_dropped()}


class DnatByRules(DnatUplinks):
    name = "dnat-by-rules"
    story = ("The fault of dnat-uplinks, and nobody has connected yet: that a port is forwarded, and to whom, is known from\n"
             "the firewall's rules alone.")
    variants = ("nft-wan2", "docker-wan2", "map-wan2")
    rp_filters = dict.fromkeys(("nft", "docker", "map"), 2)
    early = True

    def make_translation(self):
        {"nft": self.translate_nft, "docker": self.translate_docker, "map": self.translate_map}[self.kind]()
        self.gateway.nft(f"""
            table {self.nft_family} masquerading {{
                chain postrouting {{ type nat hook postrouting priority srcnat; oifname "wan*" masquerade
                }}
            }}""")

    def translate_docker(self):
        """As Docker publishes ports, one of them for neighbours alone."""
        command = "iptables-nft" if self.family == 4 else "ip6tables-nft"
        brackets = "{}:22" if self.family == 4 else "[{}]:22"
        published = [(self.at(LINES[n], 2), self.target(n)) for n in range(3)] + [(self.at(LAN, 1), self.target(0))]
        rules = ["-N DOCKER", "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER", "-A DOCKER -i dock0 -j RETURN"]
        rules += [f"-A DOCKER -d {address} ! -i dock0 -p tcp -m tcp --dport {FORWARDED} -j DNAT --to-destination "
                  f"{brackets.format(target)}" for address, target in published]
        for rule in rules:
            self.gateway.run(command, "-t", "nat", *rule.split())

    def translate_map(self):
        """A map for the lines; rules that are not for every request, and a device that is none, say nothing."""
        elements = ", ".join(f"{self.at(LINES[n], 2)} . {FORWARDED} : {self.target(n)} . 22" for n in range(3))
        kind = "ipv4_addr" if self.family == 4 else "ipv6_addr"
        ip = self.nft_family
        self.gateway.nft(f"""
            table {ip} nat {{
                map published {{ type {kind} . inet_service : {kind} . inet_service; elements = {{ {elements} }}; }}
                chain published {{ meta l4proto tcp dnat {ip} to {ip} daddr . tcp dport map @published
                }}
                chain prerouting {{ type nat hook prerouting priority dstnat
                    iifname "gone0" tcp dport {FORWARDED} dnat to {self.target(1)}
                    {ip} daddr {self.at(LINES[2], 2)} tcp dport 2223 meta mark 9 dnat to {self.target(1)}
                    iifname vmap {{ "lan0" : accept, "wan1" : goto published, "wan2" : goto published,
                        "wan3" : goto published }}
                }}
            }}""")

    def side_checks(self):
        return [check for check in super().side_checks() if not check.name.startswith("LAN -> wan")]


class DnatMarkedReplies(DnatUplinks):
    story = ("Port 2222 of one public address times out, although there is a rule for each of the container's\n"
             "addresses: a firewall marks some replies, and the rule for that mark leads to wan1, whose provider\n"
             "drops them. A route lookup cannot know the mark; only the wire shows by which device the replies leave.")
    variants = tuple(f"mark-{device}" for device in DEVICES[1:])
    complete = True
    prints_remedy = None

    def make_policy(self):
        super().make_policy()
        n = DEVICES.index(self.victim)
        self.gateway.ip(f"rule add pref 900 fwmark 7 lookup {101 + n if self.healthy else 101}", self.family)
        ip = self.nft_family
        replies = f"{ip} saddr {self.target(n)} {ip} daddr != {LAN.prefix(self.family)} tcp sport {SSH}"
        self.gateway.nft(f"""
            table inet shaping {{
                chain prerouting {{ type filter hook prerouting priority mangle
                    iifname "{self.inner}" {replies} meta mark set 7
                }}
            }}""")

    def remedy(self):
        return [f"{self.ip_command} rule del pref 900"]


class CompleteRules(DnatUplinks):
    name = "complete-rules"
    story = "The gateway of dnat-uplinks with all its rules and strict rp_filter: nothing is wrong."
    variants = ("nft", "iptables", "bridge")
    rp_filters = dict.fromkeys(variants, 1)
    silent = True


class Connmark(DnatUplinks):
    name = "connmark"
    story = ("The gateway answers by the line of the request because the connection's mark says so (ct mark, fwmark\n"
             "rules), not the container's address, which is one for all three lines: nothing is wrong.")
    variants = ("nft", "bridge")
    silent = True

    def target(self, n):
        return self.at(INNER[0], 2)

    def make_policy(self):
        self.gateway.ip("\n".join(f"route add default via {self.at(LINES[n], 1)} dev {DEVICES[n]} table {table}"
                                  for n, table in ((0, "main"), (0, 101), (1, 102), (2, 103))), self.family)
        for n in range(3):
            run_remedy(self.gateway, self.answer_by_table(self.at(LINES[n], 2), 101 + n, 1000 + 10 * n))
            self.gateway.ip(f"rule add pref {1100 + n} fwmark {n + 1} lookup {101 + n}", self.family)
        marks = "\n".join(f'iifname "{device}" ct state new ct mark set {n + 1}' for n, device in enumerate(DEVICES))
        self.gateway.nft(f"""
            table inet marks {{
                chain prerouting {{ type filter hook prerouting priority mangle; {marks}
                    iifname "{self.inner}" ct direction reply meta mark set ct mark
                }}
            }}""")

    def side_checks(self):
        return [check for check in super().side_checks() if not check.source_address]
