# SPDX-License-Identifier: GPL-2.0-or-later
"""All that a host sends goes into a tunnel, the answers of its own server as well."""

from lab.labs.base import LAN, LINES, SSH, Lab, run_remedy
from lab.net import Subnet

TUNNEL = Subnet("10.9.0.0/24", "fd00:9::/64")
MARK = TABLE = 51820


class FullTunnel(Lab):
    name = "full-tunnel"
    story = ("ssh to the host's public address is dead since the tunnel is up. As wg-quick does it, what has no mark goes\n"
             "into the tunnel, and only the tunnel's own packets have one: nothing marks the server's answers.")
    drawing = """
     client           internet              host (watched)
    203.0.113.2 ----- provider ------ eth0  198.51.100.2 (default route)
                                      wg0   10.9.0.1 === the tunnel (default route for what has no mark)
                                      lan0  192.168.70.1 -- LAN 192.168.70.2
"""
    variants = ("unmarked",)

    def build(self):
        self.make_internet()
        self.watched = self.host = self.namespace("host")
        self.make_line(self.host, "eth0", LINES[0], allow=[])
        self.make_lan(self.host)
        self.net.tun_pair(self.host, "wg0", self.namespace("remote"), "wg0")
        self.host.ip(f"addr add {self.cidr(TUNNEL, 1)} dev wg0 nodad\n"
                     f"route add default via {self.at(LINES[0], 1)} dev eth0\n"
                     f"route add default dev wg0 table {TABLE}\n"
                     f"rule add pref 32765 not fwmark {MARK} lookup {TABLE}\n"
                     "rule add pref 32764 lookup main suppress_prefixlength 0", self.family)
        # What wg-quick adds: marks of the tunnel's own packets, none of them on the way of an answer.
        self.host.nft(f"""
            table {self.nft_family} wg-quick-wg0 {{
                chain preraw {{ type filter hook prerouting priority raw
                    iifname != "wg0" {self.nft_family} daddr {self.at(TUNNEL, 1)} fib saddr type != local drop
                }}
                chain premangle {{ type filter hook prerouting priority mangle; meta l4proto udp meta mark set ct mark; }}
                chain postmangle {{ type filter hook postrouting priority mangle
                    meta l4proto udp mark {MARK} ct mark set mark
                }}
            }}""")
        self.listen(self.host, "host")
        if self.healthy:
            run_remedy(self.host, self.remedy())

    @property
    def address(self):
        return self.at(LINES[0], 2)

    def remedy(self):
        return [f"{self.ip_command} rule add pref 1000 from {self.address} lookup main"]

    def attempts(self):
        return [self.attempt("client -> eth0", self.client, self.address, "host", port=SSH, broken=True)]

    def side_checks(self):
        return [self.attempt("host -> LAN", self.host, self.at(LAN, 2), "lan"),
                self.attempt("LAN -> eth0's address", self.lan, self.address, "host")]

    def expected(self):
        return [{"condition": "reply_wrong_device", "device": "eth0", "reply_device": "wg0", "origin": "local",
                 "address": self.address}]

    def symptoms(self):
        return [{"condition": "handshake_one_way", "device": "eth0", "address": self.address}]
