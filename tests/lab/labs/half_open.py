# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway on which nothing may be captured: connection tracking alone shows that replies get lost."""

import random

from lab.labs.base import LINES
from lab.labs.dnat_uplinks import FORWARDED, DnatUplinks
from lab.net import Subnet
from lab.raw import Sender

SPOOFED = Subnet("100.64.0.0/10", "2001:db8:ffff::/48")
TIMEOUT_SECONDS = 4  # of a connection that is answered and not acknowledged; 60 by default


class HalfOpen(DnatUplinks):
    """Replies get lost beyond the provider of wan2. Instead, the healthy twin has a flood of forged SYNs that never come
    again."""

    name = "half-open"
    variants = ("nft-wan2",)
    settings = f"  half_open_seconds: {2 * TIMEOUT_SECONDS}\n"
    burst = 20  # each time

    complete = True  # there is a rule for each of the container's addresses

    def build(self):
        super().build()
        self.public = self.at(LINES[1], 2)
        self.gateway.sysctl(net__netfilter__nf_conntrack_tcp_timeout_syn_recv=TIMEOUT_SECONDS)
        self.internet.ip(f"route add blackhole {SPOOFED.prefix(self.family)}", self.family)
        self.internet.nft("table inet outage { chain forward { type filter hook forward priority filter; }; }")
        if not self.healthy:
            self.lose_replies()
        else:
            self.sender = Sender(self.net, self.internet, self.family)
            self.disturb = self.flood

    def lose_replies(self):
        self.internet.nft(f'add rule inet outage forward iifname "isp-wan2" {self.nft_family} saddr {self.public} '
                          f"tcp sport {FORWARDED} drop")

    def flood(self):
        for n in (1, 2):
            for _ in range(self.burst):
                self.sender.send_syn(self.at(SPOOFED, random.randrange(1, 1 << 22)), self.at(LINES[n], 2),
                                     random.randrange(1024, 65536), FORWARDED)

    def expected(self):
        return [{"condition": "half_open_nat", "address": self.public, "target": self.target(1), "severity": "warning"}]


class HalfOpenByRoute(HalfOpen):
    """The replies leave by the wrong device: that is the cause."""

    complete = DnatUplinks.complete

    def lose_replies(self):
        """The provider of wan1 does."""

    def expected(self):
        return DnatUplinks.expected(self)
