# SPDX-License-Identifier: GPL-2.0-or-later
"""Healthy hosts that look odd: nothing may ever be found on them."""

import socket
import struct

from lab.labs.base import CLIENT, LAN, LINES, SSH, Lab, run_remedy
from lab.net import Subnet, probe_kind

BOX = Subnet("10.8.10.0/24", "fd00:10::/64")
VIP = Subnet("192.0.2.0/24", "2001:db8:f::/64")


class Ecmp(Lab):
    name = "ecmp"
    story = ("A router with one multipath default route over two lines of one provider, who takes its addresses on\n"
             "either: replies leave by both, and nothing is wrong.")
    drawing = """
     client          internet           router (watched)
    203.0.113.2 ---- provider --+-- wan1 198.51.100.2  --+-- dock0 -- container 10.8.10.2
                                +-- wan2 198.51.100.18 --+
"""
    variants = ("plain",)
    silent = True

    def build(self):
        self.make_internet()
        self.watched = self.router = self.namespace("router", forward=True, rp_filter=2)
        for n in range(2):
            self.make_line(self.router, f"wan{n + 1}", LINES[n])
        self.router.ip("route add default " + " ".join(f"nexthop via {self.at(LINES[n], 1)} dev wan{n + 1}"
                                                       for n in range(2)), self.family)
        self.container = self.namespace("container")
        self.link(self.router, "dock0", self.container, "eth0", BOX)
        self.container.ip(f"route add default via {self.at(BOX, 1)}", self.family)
        self.listen(self.container, "container")
        self.listen(self.router, "router")
        target = self.at(BOX, 2) if self.family == 4 else f"[{self.at(BOX, 2)}]"
        rules = "\n".join(f"{self.nft_family} daddr {self.at(LINES[n], 2)} tcp dport 2222 dnat to {target}:{SSH}"
                          for n in range(2))
        self.translate(self.router, rules)

    def attempts(self):
        return [attempt for n in range(2) for attempt in (
            self.attempt(f"client -> wan{n + 1}", self.client, self.at(LINES[n], 2), "router"),
            self.attempt(f"client -> wan{n + 1} port 2222", self.client, self.at(LINES[n], 2), "container", 2222))]


class LanDevice(Lab):
    name = "lan-device"
    story = ("A plain router with one uplink and a LAN with servers. In the strict variant, strays with the LAN's own\n"
             "addresses as source arrive on the uplink and rp_filter does its work: nothing is wrong.")
    drawing = """
     client          internet         router (watched)
    203.0.113.2 ---- provider ---- wan0 198.51.100.2 --- lan0 192.168.70.1 -- server 192.168.70.2
"""
    variants = ("off", "strict")
    silent = True

    @classmethod
    def families(cls, variant):
        return (4,) if variant == "strict" else (4, 6)

    def build(self):
        self.make_internet()
        self.watched = self.router = self.namespace("router", forward=True, rp_filter=int(self.variant == "strict"))
        self.make_line(self.router, "wan0", LINES[0], allow=[LAN.prefix(self.family)])
        self.router.ip(f"route add default via {self.at(LINES[0], 1)}", self.family)
        self.make_lan(self.router)
        self.internet.ip(f"route add {LAN.prefix(self.family)} via {self.at(LINES[0], 2)}", self.family)
        self.listen(self.router, "router")
        target = self.at(LAN, 2) if self.family == 4 else f"[{self.at(LAN, 2)}]"
        self.translate(self.router, f"{self.nft_family} daddr {self.at(LINES[0], 2)} tcp dport 2222 "
                                    f"dnat to {target}:{SSH}")
        if self.variant == "strict":
            self.stray = self.internet.socket(4, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.net.at_close(self.stray.close)
            self.disturb = self.send_strays

    def send_strays(self):
        source, target = (socket.inet_aton(address) for address in (self.at(LAN, 99), self.at(LINES[0], 2)))
        payload = struct.pack("!HHHH", 40000, 9, 8, 0)
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, socket.IPPROTO_UDP, 0,
                             source, target)
        for _ in range(5):
            self.stray.sendto(header + payload, (self.at(LINES[0], 2), 0))

    def witnesses(self):
        if self.variant == "strict":
            return {"strays dropped by rp_filter": self.router.netstat("IPReversePathFilter")}
        return {}

    def attempts(self):
        return [self.attempt("client -> server", self.client, self.at(LAN, 2), "lan"),
                self.attempt("client -> wan0 port 2222", self.client, self.at(LINES[0], 2), "lan", 2222),
                self.attempt("client -> router", self.client, self.at(LINES[0], 2), "router"),
                self.attempt("LAN -> client", self.lan, self.client_address, "client"),
                self.attempt("LAN -> router", self.lan, self.at(LAN, 1), "router"),
                self.attempt("router -> LAN", self.router, self.at(LAN, 2), "lan")]


class VipOnLo(Lab):
    name = "vip-on-lo"
    story = ("A server with an address of its own network on lo, which both providers carry: requests come by either\n"
             "line, replies leave by the default route, and nothing is wrong.")
    drawing = """
     client          internet            server (watched)
    203.0.113.2 ---- provider --+-- eth0 198.51.100.2  --+-- lo 192.0.2.1
                                +-- eth1 198.51.100.18 --+
"""
    variants = ("by-eth0", "by-eth1", "by-both")
    silent = True

    def build(self):
        self.make_internet()
        self.watched = self.server_host = self.namespace("server", rp_filter=2)
        vip = self.at(VIP, 1)
        self.server_host.ip(f"addr add {vip} dev lo nodad", self.family)
        for n in range(2):
            device = f"eth{n}"
            self.make_line(self.server_host, device, LINES[n], allow=[vip])
            way = f"route add default via {self.at(LINES[n], 1)} dev {device}"
            self.server_host.ip(f"{way} metric {100 * (n + 1)}\n{way} table {100 + n}", self.family)
            run_remedy(self.server_host, self.answer_by_table(self.at(LINES[n], 2), 100 + n, 1000 + 10 * n))
        hops = {"by-eth0": (0,), "by-eth1": (1,), "by-both": (0, 1)}[self.variant]
        ways = " ".join(f"nexthop via {self.at(LINES[n], 2)}" for n in hops)
        self.internet.ip(f"route add {vip} {ways}", self.family)
        self.listen(self.server_host, "server")

    def attempts(self):
        return [self.attempt("client -> VIP", self.client, self.at(VIP, 1), "server"),
                self.attempt("client -> eth0", self.client, self.at(LINES[0], 2), "server"),
                self.attempt("client -> eth1", self.client, self.at(LINES[1], 2), "server")]


class BridgeVeth(Lab):
    name = "bridge-veth"
    story = ("A host whose uplink is a port of a bridge, with containers on another bridge and one behind a veth of\n"
             "its own: packets cross many devices, some of them twice, and nothing is wrong.")
    drawing = """
     client          internet                 host (watched)
    203.0.113.2 ---- provider --- eth0 -- wan-br 198.51.100.2 --+-- br0 10.8.10.1 --+-- port0 -- container 10.8.10.2
                                                                |                   +-- port1 -- other     10.8.10.3
                                                                +-- dock0 192.168.70.1 --------- routed    192.168.70.2
"""
    variants = ("plain",)
    silent = True

    def build(self):
        probe_kind("bridge")
        self.make_internet()
        self.watched = self.host = self.namespace("host", forward=True, rp_filter=1)
        self.host.ip("link add wan-br type bridge\nlink set wan-br up\nlink add br0 type bridge\nlink set br0 up")
        self.link(self.internet, "isp-wan", self.host, "eth0", LINES[0])
        self.host.ip(f"addr flush dev eth0\nlink set eth0 master wan-br\n"
                     f"addr add {self.cidr(LINES[0], 2)} dev wan-br nodad\n"
                     f"route add default via {self.at(LINES[0], 1)}\naddr add {self.cidr(BOX, 1)} dev br0 nodad",
                     self.family)
        self.container, self.other = (self.dock(role, n) for n, role in enumerate(("container", "other")))
        self.routed = self.namespace("routed")
        self.link(self.host, "dock0", self.routed, "eth0", LAN)
        self.routed.ip(f"route add default via {self.at(LAN, 1)}", self.family)
        self.listen(self.routed, "routed")
        self.listen(self.host, "host")
        self.make_translation()

    def dock(self, role, n):
        space = self.namespace(role)
        self.net.veth(self.host, f"port{n}", space, "eth0")
        self.host.ip(f"link set port{n} master br0")
        space.ip(f"addr add {self.cidr(BOX, 2 + n)} dev eth0 nodad\n"
                 f"route add default via {self.at(BOX, 1)}", self.family)
        self.listen(space, role)
        return space

    def make_translation(self):
        target = "{}" if self.family == 4 else "[{}]"
        ip, public = self.nft_family, self.at(LINES[0], 2)
        self.host.nft(f"""
            table {self.nft_family} nat {{
                chain prerouting {{ type nat hook prerouting priority dstnat
                    {ip} daddr {public} tcp dport 2222 dnat to {target.format(self.at(BOX, 2))}:22
                    {ip} daddr {public} tcp dport 2223 dnat to {target.format(self.at(LAN, 2))}:22
                }}
                chain postrouting {{ type nat hook postrouting priority srcnat
                    oifname "wan-br" masquerade
                }}
            }}""")

    def attempts(self):
        public = self.at(LINES[0], 2)
        return [self.attempt("client -> host", self.client, public, "host"),
                self.attempt("client -> container", self.client, public, "container", 2222),
                self.attempt("client -> routed", self.client, public, "routed", 2223),
                self.attempt("container -> other", self.container, self.at(BOX, 3), "other"),
                self.attempt("container -> routed", self.container, self.at(LAN, 2), "routed"),
                self.attempt("routed -> other", self.routed, self.at(BOX, 3), "other"),
                self.attempt("container -> client", self.container, self.client_address, "client"),
                self.attempt("host -> container", self.host, self.at(BOX, 2), "container")]


class Hairpin(BridgeVeth):
    name = "hairpin"
    story = ("Containers reach a neighbour by the host's public address: the request is translated at both ends and\n"
             "goes back out of the bridge it came in by, and so does the reply: nothing is wrong.")

    def make_translation(self):
        super().make_translation()
        self.host.nft(f"add rule {self.nft_family} nat postrouting iifname br0 oifname br0 masquerade")

    def attempts(self):
        public = self.at(LINES[0], 2)
        return [self.attempt("client -> container", self.client, public, "container", 2222),
                self.attempt("other -> container by the public address", self.other, public, "container", 2222),
                self.attempt("routed -> container by the public address", self.routed, public, "container", 2222)]


class DirectServerReturn(Lab):
    name = "direct-server-return"
    story = ("A load balancer passes requests for its address on to a server, which answers the clients directly by\n"
             "its own line, as the settings file says is meant: nothing is wrong.")
    drawing = """
     client          internet            load balancer                  server (watched)
    203.0.113.2 ---- provider --- front0 198.51.100.2, eth1 10.8.10.1 - eth1 10.8.10.2, lo 192.0.2.1
                       +----------------------------------------------- eth0 198.51.100.18
    request: by the load balancer to eth1.  reply: by eth0.
"""
    variants = ("plain",)
    silent = True

    def build(self):
        vip = self.at(VIP, 1)
        self.make_internet()
        self.balancer = self.namespace("balancer", forward=True)
        self.make_line(self.balancer, "front0", LINES[0])
        self.balancer.ip(f"route add default via {self.at(LINES[0], 1)}", self.family)
        self.watched = self.host = self.namespace("server")
        self.make_line(self.host, "eth0", LINES[1], allow=[vip])
        self.link(self.balancer, "eth1", self.host, "eth1", BOX)
        self.host.ip(f"addr add {vip} dev lo nodad\nroute add default via {self.at(LINES[1], 1)}", self.family)
        self.internet.ip(f"route add {vip} via {self.at(LINES[0], 2)}", self.family)
        self.balancer.ip(f"route add {vip} via {self.at(BOX, 2)}", self.family)
        self.listen(self.host, "server")
        self.settings = (f"intended:\n  - address: \"{vip}\"\n    arrival: eth1\n    reply: eth0\n"
                         "    reason: direct server return\n")
        self.intended = [{"condition": "reply_wrong_device", "device": "eth1", "reply_device": "eth0", "address": vip}]

    def attempts(self):
        return [self.attempt("client -> VIP", self.client, self.at(VIP, 1), "server"),
                self.attempt("client -> server", self.client, self.at(LINES[1], 2), "server"),
                self.attempt("balancer -> server", self.balancer, self.at(BOX, 2), "server")]


class DualStack(Lab):
    name = "dual-stack"
    story = "IPv4 goes by eth0 and IPv6 by eth1, as where each family has its own provider: nothing is wrong."
    drawing = """
     client                         internet             host (watched)
    203.0.113.2, 2001:db8:c::2 ---- provider (IPv4) ---- eth0 198.51.100.2     -- lan0, both families -- LAN
                                --- provider (IPv6) ---- eth1 2001:db8:101::2
"""
    variants = ("plain",)
    silent = True

    @classmethod
    def families(cls, variant):
        return (6,)  # and IPv4 beside it

    def build(self):
        self.make_internet()
        self.watched = self.host = self.namespace("host", rp_filter=1)
        self.make_line(self.host, "eth1", LINES[1], allow=[])
        self.host.ip(f"route add default via {self.at(LINES[1], 1)}", 6)
        self.make_lan(self.host)
        self.family = 4
        self.make_line(self.host, "eth0", LINES[0], allow=[])
        self.host.ip(f"route add default via {self.at(LINES[0], 1)}")
        self.add_ipv4(self.internet, "client0", self.client, "eth0", CLIENT)
        self.add_ipv4(self.host, "lan0", self.lan, "eth0", LAN)
        for self.family in (4, 6):
            self.listen(self.host, "host")
        for space, identity in ((self.client, "client"), (self.lan, "lan")):
            self.server.listen(space, 4, SSH, identity)

    def add_ipv4(self, router, router_device, space, device, subnet):
        router.ip(f"addr add {subnet.cidr(1, 4)} dev {router_device}")
        space.ip(f"addr add {subnet.cidr(2, 4)} dev {device}\nroute add default via {subnet.at(1, 4)}")

    def attempts(self):
        return [attempt for family, line in ((4, LINES[0]), (6, LINES[1])) for attempt in (
            self.attempt(f"client -> host by IPv{family}", self.client, line.at(2, family), "host"),
            self.attempt(f"host -> client by IPv{family}", self.host, CLIENT.at(2, family), "client"),
            self.attempt(f"host -> LAN by IPv{family}", self.host, LAN.at(2, family), "lan"),
            self.attempt(f"LAN -> host by IPv{family}", self.lan, line.at(2, family), "host"))]
