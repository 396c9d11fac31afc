# SPDX-License-Identifier: GPL-2.0-or-later
"""Replies come back through a tunnel whose device has strict rp_filter."""

from lab.labs.base import CLIENT, LINES, Lab
from lab.net import Subnet, probe_kind

TUNNEL = Subnet("10.9.0.0/24", "fd00:9::/64")


class TunnelRpFilter(Lab):
    name = "tunnel-rp-filter"
    story = ("`ping -I tun_a B` gets no answer, though the replies arrive on tun_a. rp_filter is strict there, and\n"
             "the best route back to B is eth0, so the kernel drops them after any capture has seen them.")
    drawing = """
    A (watched)                        internet                        B
    eth0 198.51.100.2 ---------------- routers ---------------- eth0 203.0.113.2
    tun_a 10.9.0.1 ================== the tunnel ============== tun_b 10.9.0.2
"""
    variants = ("vxlan", "vxlan-conntrack", "tun", "tun-conntrack")

    @classmethod
    def families(cls, variant):
        return (4,)

    def build(self):
        self.make_internet()
        self.watched = self.host = self.namespace("a")
        self.make_line(self.host, "eth0", LINES[0], allow=[])
        self.host.ip(f"route add default via {self.at(LINES[0], 1)}")
        self.remote = self.client
        self.make_tunnel()
        if self.variant.endswith("-conntrack"):
            self.host.nft("table ip filter { chain input { type filter hook input priority filter; "
                          "ct state established,related accept; }; }")
        self.listen(self.host, "a")

    def make_tunnel(self):
        if self.variant.startswith("vxlan"):
            self.make_vxlan()
        else:
            self.net.tun_pair(self.host, "tun_a", self.remote, "tun_b")
        self.host.ip(f"addr add {self.cidr(TUNNEL, 1)} dev tun_a")
        self.remote.ip(f"addr add {self.cidr(TUNNEL, 2)} dev tun_b")
        # Effective is the stricter of `all` and the device: one kind sets the one, one the other.
        self.host.rp_filter(1, "all" if self.variant.startswith("vxlan") else "tun_a")
        if self.healthy:
            self.host.rp_filter(2, "tun_a")

    def make_vxlan(self):
        a, b = self.at(LINES[0], 2), self.at(CLIENT, 2)
        probe_kind("vxlan", "id", "7", "dstport", "4789")
        self.host.ip(f"link add tun_a type vxlan id 7 local {a} remote {b} dstport 4789 dev eth0\nlink set tun_a up")
        self.remote.ip(f"link add tun_b type vxlan id 7 local {b} remote {a} dstport 4789 dev eth0\nlink set tun_b up")

    def attempts(self):
        b = self.at(CLIENT, 2)
        return [self.attempt("ping -I tun_a B", self.host, b, "", port=0, device="tun_a", broken=True),
                self.attempt("A -> B by tun_a", self.host, b, "client", device="tun_a", broken=True),
                self.attempt("A -> B by eth0", self.host, b, "client")]

    def side_checks(self):
        return [self.attempt("A -> B's tunnel address", self.host, self.at(TUNNEL, 2), "client"),
                self.attempt("B -> A by eth0", self.remote, self.at(LINES[0], 2), "a"),
                self.attempt("B -> A's tunnel address", self.remote, self.at(TUNNEL, 1), "a")]

    def expected(self):
        return [{"condition": "rp_filter_drops", "device": "tun_a"}]

    def symptoms(self):
        return [{"condition": "reply_ignored", "device": "tun_a"}]

    def remedy(self):
        return ["sysctl -w net.ipv4.conf.tun_a.rp_filter=2"]

    def signature(self):
        return {"packets dropped by rp_filter": self.host.netstat("IPReversePathFilter")}

    def doubtful_packets(self):
        """(namespace, source, destination, device): packets that arrive on the device and are dropped there."""
        return self.remote, self.at(CLIENT, 2), self.at(TUNNEL, 1), "tun_a"

    def witnesses(self):
        return {"packets that arrived on tun_a": self.host.received("tun_a")}
