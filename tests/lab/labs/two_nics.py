# SPDX-License-Identifier: GPL-2.0-or-later
"""A host with two or three NICs and one best default route."""

from lab.labs.base import LAN, LINES, SSH, Lab, run_remedy
from lab.net import Subnet

SHARED = Subnet("198.51.100.64/28", "2001:db8:103::/64")
ROUTER, NEIGHBOUR = 1, 9


class TwoNics(Lab):
    name = "two-nics"
    story = ("The first address answers, the others are dead. There is one best default route, by eth0. With\n"
             "strict rp_filter requests on eth1 are dropped; without it the reply leaves by eth0 with eth1's\n"
             "address, and the provider drops it.")
    drawing = """
     client            internet              host (watched)
    203.0.113.2 ------ provider ----- eth0 198.51.100.2  (default route, metric 100)
                 |---- provider ----- eth1 198.51.100.18 (default route, metric 200)
                 +---- provider ----- eth2 198.51.100.34 (variant three; metric 300)
                                      lan0 192.168.70.1 -- LAN 192.168.70.2
"""
    variants = ("strict", "off", "three")
    filtered = True

    @classmethod
    def families(cls, variant):
        return (4,) if variant == "strict" else (4, 6)

    @property
    def count(self):
        return 3 if self.variant == "three" else 2

    def nic(self, n):
        return f"eth{n}"

    def address(self, n):
        return self.at(LINES[n], 2)

    def build(self):
        self.make_internet()
        self.watched = self.host = self.namespace("host", rp_filter=int(self.variant == "strict"))
        for n in range(self.count):
            self.make_line(self.host, self.nic(n), LINES[n], allow=[] if self.filtered else None)
            self.host.ip(f"route add default via {self.at(LINES[n], 1)} dev {self.nic(n)} metric {100 * (n + 1)}",
                         self.family)
        self.finish()

    def finish(self):
        self.make_lan(self.host)
        self.listen(self.host, "host")
        if self.healthy:
            run_remedy(self.host, self.remedy())

    def remedy(self):
        return [command for n in range(1, self.count) for command in (
            f"{self.ip_command} route add default via {self.at(LINES[n], 1)} dev {self.nic(n)} table {100 + n}",
            *self.answer_by_table(self.address(n), 100 + n, 1000 + 10 * n))]

    def attempts(self):
        return [self.attempt(f"client -> {self.nic(n)}", self.client, self.address(n), "host", broken=n > 0)
                for n in range(self.count)] + [
            self.attempt(f"{self.nic(n)} -> client", self.host, self.client_address, "client",
                         source_address=self.address(n), broken=True) for n in range(1, self.count)]

    def side_checks(self):
        return [self.attempt("host -> LAN", self.host, self.at(LAN, 2), "lan"),
                self.attempt("host -> client", self.host, self.client_address, "client")] + [
            check for n in range(self.count) for check in (
                self.attempt(f"LAN -> {self.nic(n)}'s address", self.lan, self.address(n), "host"),
                self.attempt(f"{self.nic(n)}'s address -> LAN", self.host, self.at(LAN, 2), "lan",
                             source_address=self.address(n)))]

    def expected(self):
        if self.variant == "strict":
            return [{"condition": "rp_filter_drops", "device": "eth1"}]
        return [{"condition": "reply_wrong_device", "device": self.nic(n), "reply_device": "eth0", "origin": "local",
                 "address": self.address(n)} for n in range(1, self.count)]

    def symptoms(self):
        if self.variant == "strict":
            return []
        return [{"condition": "handshake_one_way", "device": self.nic(n), "address": self.address(n)}
                for n in range(1, self.count)]

    def doubtful_packets(self):
        """(namespace, source, destination, device): packets that arrive on the device and, if strict, are dropped."""
        return self.client, self.client_address, self.address(1), self.nic(1)

    def signature(self):
        if self.variant == "strict":
            return {"packets dropped by rp_filter": self.host.netstat("IPReversePathFilter")}
        return {"replies with a foreign source, dropped by the provider": self.foreign_dropped()}


class OneTable(TwoNics):
    story = ("One table has both default routes, eth0's with the better metric, and a rule sends everything there: the\n"
             "first address answers, the second is dead. A rule by source that leads to this table heals nothing: the\n"
             "table's better default still leads out of eth0. The second line needs a table of its own.")
    variants = ("one-table", "one-table-main-first")

    def build(self):
        self.make_internet()
        self.watched = self.host = self.namespace("host")
        for n in range(2):
            self.make_line(self.host, self.nic(n), LINES[n], allow=[])
        self.make_lan(self.host)
        connected = [(LINES[0], "eth0"), (LINES[1], "eth1"), (LAN, "lan0")]
        if self.variant == "one-table-main-first":
            connected = []
            self.host.ip("rule add pref 999 lookup main suppress_prefixlength 0", self.family)
        self.host.ip("\n".join(
            [f"route add {subnet.prefix(self.family)} dev {device} table 500" for subnet, device in connected] +
            [f"route add default via {self.at(LINES[n], 1)} dev {self.nic(n)} metric {10 * (n + 1)} table 500"
             for n in range(2)] + ["rule add pref 1000 lookup 500"]), self.family)
        self.listen(self.host, "host")
        if self.healthy:
            run_remedy(self.host, self.remedy())

    def remedy(self):
        return [f"{self.ip_command} route add default via {self.at(LINES[1], 1)} dev eth1 table 102",
                *self.answer_by_table(self.address(1), 102, 900)]


class NoLookupLeadsOut(TwoNics):
    story = ("The first address answers, the second is dead: what should lead its replies out of eth1 is missing, points\n"
             "elsewhere, is empty, or rejects them, so that no lookup shows a way out of eth1. It is in a table that no\n"
             "rule names, or known by the neighbour alone that delivers the requests.")
    variants = ("unreferenced", "wrong-table", "empty-table", "blackhole", "prohibit")

    def build(self):
        self.make_internet()
        self.watched = self.host = self.namespace("host")
        for n in range(2):
            self.make_line(self.host, self.nic(n), LINES[n], allow=[])
        self.make_lan(self.host)
        self.host.ip("\n".join([f"route add default via {self.at(LINES[0], 1)} dev eth0",
                                f"route add default via {self.at(LINES[0], 1)} dev eth0 table 500"]), self.family)
        if self.variant in ("unreferenced", "wrong-table", "prohibit"):
            self.host.ip(f"route add default via {self.at(LINES[1], 1)} dev eth1 table 501", self.family)
        elif self.variant == "blackhole":
            self.host.ip(f"route add blackhole default {'' if self.family == 4 else 'dev lo'} table 501", self.family)
        run_remedy(self.host, self.rules())
        self.listen(self.host, "host")
        if self.healthy:
            run_remedy(self.host, self.remedy())

    def rules(self):
        source = self.address(1)
        last = {"unreferenced": [], "wrong-table": ["lookup 500"], "prohibit": ["prohibit"]}.get(self.variant, ["lookup 501"])
        return [f"{self.ip_command} rule add pref 1000 from {source} lookup main suppress_prefixlength 0"] + [
            f"{self.ip_command} rule add pref 1001 from {source} {what}" for what in last]

    def remedy(self):
        return [f"{self.ip_command} route add default via {self.at(LINES[1], 1)} dev eth1 table 102",
                *self.answer_by_table(self.address(1), 102, 900)]

    def expected(self):
        if self.variant in ("blackhole", "prohibit"):
            return [{"condition": "no_reply_route", "device": "eth1", "origin": "local", "address": self.address(1)}]
        return super().expected()

    def symptoms(self):
        return []

    def attempts(self):
        return [attempt for attempt in super().attempts() if not attempt.source_address]

    def side_checks(self):
        return [check for check in super().side_checks() if not check.source_address or "eth0" in check.name]

    def signature(self):
        return {} if self.variant in ("blackhole", "prohibit") else super().signature()


class NicsMarkedReplies(TwoNics):
    story = ("The host answers by the device of the request, but for SYN-ACKs that leave by eth1: a firewall marks\n"
             "them, the rule for that mark leads to eth0, and the provider drops them. A route lookup cannot know the\n"
             "mark; only the wire shows by which device the replies leave.")
    variants = ("mark",)
    prints_remedy = None

    def finish(self):
        self.make_lan(self.host)
        self.listen(self.host, "host")
        run_remedy(self.host, super().remedy())
        self.host.ip(f"route add default via {self.at(LINES[0], 1)} dev eth0 table 100\n"
                     f"rule add pref 900 fwmark 7 lookup {101 if self.healthy else 100}", self.family)
        self.host.nft(f"""
            table {self.nft_family} shaping {{
                chain output {{ type route hook output priority mangle
                    oifname "eth1" tcp sport {SSH} tcp flags & (syn | ack) == syn | ack meta mark set 7
                }}
            }}""")

    def remedy(self):
        return [f"{self.ip_command} rule del pref 900"]

    def attempts(self):
        return [attempt for attempt in super().attempts() if not attempt.source_address]

    def side_checks(self):
        return super().side_checks() + [self.attempt("eth1 -> client", self.host, self.client_address, "client",
                                                     source_address=self.address(1))]


class SharedSubnet(TwoNics):
    story = ("A cloud host with two NICs in one subnet. The cloud's switch lets each port send only its own\n"
             "address, and everybody knows each address by its own MAC. Requests for eth1's address arrive there,\n"
             "the replies leave by eth0 and die at the switch, for neighbours in the subnet as well.")
    drawing = """
     client          internet         switch            host (watched)
    203.0.113.2 ---- router .65 -----+      +---- eth0 198.51.100.66 (default route, metric 100)
                     neighbour .73 --+------+---- eth1 198.51.100.67 (default route, metric 200)
                                                  lan0 192.168.70.1 -- LAN 192.168.70.2
"""
    variants = ("shared-subnet",)

    def address(self, n):
        return self.at(SHARED, 2 + n)

    def build(self):
        self.make_internet()
        self.make_switch()
        self.watched = self.host = self.namespace("host")
        # Else an ARP request on eth0 may carry eth1's address, and the switch drops that too.
        self.host.sysctl(net__ipv4__conf__all__arp_announce=2)
        self.neighbour = self.namespace("neighbour")
        self.plug("router", self.internet, "shared0", SHARED, ROUTER)
        self.plug("neighbour", self.neighbour, "eth0", SHARED, NEIGHBOUR)
        for n in range(2):
            self.plug(f"nic{n}", self.host, self.nic(n), SHARED, 2 + n, metric=100 * (n + 1))
            self.host.ip(f"route add default via {self.at(SHARED, ROUTER)} dev {self.nic(n)} metric {100 * (n + 1)}",
                         self.family)
        self.neighbour.ip(f"route add default via {self.at(SHARED, ROUTER)}", self.family)
        self.listen(self.neighbour, "neighbour")
        self.guard_ports()
        self.teach_addresses()
        self.finish()

    def guard_ports(self):
        """Each NIC's port takes its own address as source and no other."""
        rules = [f'iifname "nic{n}" {rule}' for n in range(2) for rule in self.port_rules(self.address(n))]
        self.switch.nft("table bridge switch { counter foreign { }; chain forward { "
                        "type filter hook forward priority filter;\n" + "\n".join(rules) + "\n}; }")

    def port_rules(self, address):
        if self.family == 4:
            return (f"ip saddr != {address} counter name foreign drop", f"arp saddr ip != {address} drop")
        return (f"ip6 saddr != {{ {address}, fe80::/10, :: }} counter name foreign drop",)

    def teach_addresses(self):
        for n in range(2):
            mac = self.host.hardware_address(self.nic(n))
            for space, device in ((self.internet, "shared0"), (self.neighbour, "eth0")):
                space.ip(f"neigh replace {self.address(n)} lladdr {mac} nud permanent dev {device}", self.family)

    def remedy(self):
        source, subnet = self.address(1), SHARED.prefix(self.family)
        return [f"{self.ip_command} route add {subnet} dev eth1 src {source} table 101",
                f"{self.ip_command} route add default via {self.at(SHARED, ROUTER)} dev eth1 table 101",
                f"{self.ip_command} rule add pref 1000 from {source} to {subnet} lookup 101",
                *self.answer_by_table(source, 101, 1001)]

    def attempts(self):
        return super().attempts() + [
            self.attempt(f"neighbour -> {self.nic(n)}", self.neighbour, self.address(n), "host", broken=n > 0)
            for n in range(2)]

    def side_checks(self):
        return super().side_checks() + [
            self.attempt("host -> neighbour", self.host, self.at(SHARED, NEIGHBOUR), "neighbour")]

    def signature(self):
        return {"replies with the other NIC's address, dropped by the switch":
                self.switch.counted("bridge", "switch", "foreign")}


class Intended(TwoNics):
    name = "intended"
    story = ("Two NICs whose replies all leave by eth0, as the settings file says is meant; the providers take either\n"
             "address, so all works: nothing is wrong.")
    variants = ("off",)
    filtered = False
    silent = True

    def finish(self):
        self.healthy = False
        super().finish()
        self.settings = (f"intended:\n  - address: \"{self.address(1)}\"\n    arrival: eth1\n    reply: eth0\n"
                         "    reason: both providers carry both networks\n")
        self.intended = [{"condition": "reply_wrong_device", "device": "eth1", "reply_device": "eth0",
                          "address": self.address(1)}]


class RuleDeleted(TwoNics):
    """Its fault is made while it is watched: see test_changes.py."""

    story = ("Only table 101 leads out of eth1, and a rule leads there what eth1's address answers. Somebody deletes the\n"
             "rule: from then on no rule names the table, and no lookup finds it.")
    PRIORITY = 1011

    def build(self):
        self.make_internet()
        self.watched = self.host = self.namespace("host")
        for n in range(self.count):
            self.make_line(self.host, self.nic(n), LINES[n], allow=[])
        self.host.ip(f"route add default via {self.at(LINES[0], 1)} dev eth0", self.family)
        self.finish()

    @property
    def rule(self):
        return f"pref {self.PRIORITY} from {self.address(1)} lookup 101"

    def rules(self):
        return self.host.run(*self.ip_command.split(), "rule")

    def delete(self):
        self.host.ip(f"rule del {self.rule}", self.family)
