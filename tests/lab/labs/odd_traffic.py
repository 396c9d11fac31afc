# SPDX-License-Identifier: GPL-2.0-or-later
"""A host with two NICs and complete rules, and traffic that looks as if replies were lost."""

import random
import threading

from lab.labs.base import CLIENT, LAN, LINES, SSH, Lab, run_remedy
from lab.labs.two_nics import TwoNics
from lab.net import Subnet
from lab.raw import SYN, Sender, tcp_flags
from lab.traffic import Pump

DROPPED_PORT, CLOSED_PORT, BULK_PORT = 2222, 2223, 5001
SPOOFED = Subnet("100.64.0.0/10", "2001:db8:f00d::/64")
SLOW = Subnet("192.0.2.0/24", "2001:db8:5::/64")


class OddTraffic(TwoNics):
    """The healthy host of two-nics."""

    variants = ("plain",)
    silent = True
    drawing = """
     client            internet              host (watched; rules complete)
    203.0.113.2 ------ provider ----- eth0 198.51.100.2
                 |---- provider ----- eth1 198.51.100.18
                                      lan0 192.168.70.1 -- LAN 192.168.70.2
"""

    @classmethod
    def families(cls, variant):
        return (4, 6)

    def attempts(self):
        return [self.attempt(f"client -> {self.nic(n)}", self.client, self.address(n), "host") for n in range(2)]

    def repair(self):
        """Completes the host, whatever is wrong beyond it."""
        healthy, self.healthy = self.healthy, False
        TwoNics.finish(self)
        self.healthy = healthy
        run_remedy(self.host, TwoNics.remedy(self))

    def expected(self):
        return []

    def symptoms(self):
        return []

    def signature(self):
        return {}


class SynScan(OddTraffic):
    name = "syn-scan"
    story = ("A scanner tries 1,000 ports of either address, in the variant `quiet` without resetting what answers:\n"
             "many SYNs are refused, and some SYN-ACKs are never acknowledged; nothing is wrong.")
    variants = ("reset", "quiet")
    ports = 1000
    chunk = 250  # of a scan, each time
    source_ports = 10000  # not among those that connections choose

    def finish(self):
        super().finish()
        for port in range(100, 110):
            self.listen(self.host, "host", port)
        if self.variant == "quiet":
            self.client.nft("table inet scanner { chain input { type filter hook input priority filter;\n"
                            f"tcp dport {self.source_ports}-{self.source_ports + self.ports} drop\n}}; }}")
        self.scanner, self.next = Sender(self.net, self.client, self.family), 0
        self.disturb = self.scan

    def scan(self):
        for port in range(self.next, self.next + self.chunk):
            for n in range(2):
                self.scanner.send_syn(self.client_address, self.address(n), self.source_ports + port, 1 + port)
        self.next = (self.next + self.chunk) % self.ports


class SynFlood(OddTraffic):
    name = "syn-flood"
    story = ("A flood of SYNs with sources that do not exist arrives by either line, so most SYN-ACKs are never\n"
             "acknowledged. Amid it the replies of eth1 get lost somewhere beyond its provider: one client hangs.")
    silent = False
    prints_remedy = False
    burst = 2000  # each time

    def finish(self):
        self.internet.ip(f"route add blackhole {SPOOFED.prefix(self.family)}", self.family)
        self.internet.nft("table inet outage { counter lost { }; chain forward { "
                          "type filter hook forward priority filter; }; }")
        if not self.healthy:
            self.internet.nft('add rule inet outage forward iifname "isp-eth1" counter name lost drop')
        self.repair()
        self.sender = Sender(self.net, self.internet, self.family)
        self.disturb = self.flood

    def flood(self):
        for _ in range(self.burst):
            self.sender.send_syn(self.at(SPOOFED, random.randrange(1, 1 << 22)), self.address(random.randrange(2)),
                                 random.randrange(1024, 65536), SSH)

    def attempts(self):
        return [self.attempt(f"client -> {self.nic(n)}", self.client, self.address(n), "host", broken=n == 1)
                for n in range(2)]

    def side_checks(self):
        return [self.attempt("host -> LAN", self.host, self.at(LAN, 2), "lan"),
                self.attempt("LAN -> eth1's address", self.lan, self.address(1), "host")]

    def expected(self):
        return [{"condition": "handshake_one_way", "device": "eth1", "address": self.address(1)}]

    @property
    def healer(self):
        return self.internet

    def remedy(self):
        return ["nft flush chain inet outage forward"]

    def signature(self):
        return {"replies lost beyond the provider": self.internet.counted("inet", "outage", "lost")}


class HalfBroken(OddTraffic):
    name = "half-broken"
    story = ("Some clients of eth1 work all the time and some never do: their replies get lost somewhere beyond its\n"
             "provider. Those that work are of the same network, or of another one; that they do proves nothing.")
    variants = ("same-network", "other-network")
    silent = False
    prints_remedy = False
    open_seconds = 30  # among others that complete only those count that have ended, after 10 s
    steady_seconds = 20
    unlucky = 4  # connections at a time

    def finish(self):
        self.internet.nft("table inet outage { chain forward { type filter hook forward priority filter; }; }")
        self.subnet, host = (CLIENT, 3) if self.variant == "same-network" else (SLOW, 2)
        self.second = self.at(self.subnet, host)
        self.client.ip(f"addr add {self.cidr(self.subnet, host)} dev eth0 nodad preferred_lft 0", self.family)
        if self.subnet is SLOW:
            self.internet.ip(f"route add {SLOW.prefix(self.family)} via {self.client_address}", self.family)
        if not self.healthy:
            self.internet.nft(f'add rule inet outage forward iifname "isp-eth1" {self.nft_family} daddr {self.second} drop')
        self.repair()

    def attempts(self):
        return super().attempts() + [
            self.attempt(f"second client -> eth1 ({number})", self.client, self.address(1), "host",
                         source_address=self.second, broken=True) for number in range(self.unlucky)]

    def side_checks(self):
        return [self.attempt("host -> LAN", self.host, self.at(LAN, 2), "lan")]

    def expected(self):
        return [{"condition": "handshake_one_way", "device": "eth1", "address": self.address(1)}]

    @property
    def healer(self):
        return self.internet

    def remedy(self):
        return ["nft flush chain inet outage forward"]


class ServiceDown(OddTraffic):
    name = "service-down"
    story = "Clients try a port at which nobody listens and are refused: nothing is wrong with the way."

    def attempts(self):
        return [self.attempt(f"client -> {self.nic(n)} port {CLOSED_PORT}", self.client, self.address(n), "",
                             CLOSED_PORT, outcome="refused") for n in range(2)] + [
            self.attempt("host -> client's closed port", self.host, self.client_address, "", CLOSED_PORT,
                         outcome="refused")]


class Firewalled(OddTraffic):
    name = "firewalled"
    story = ("Clients try a port that the host's firewall drops, the host tries one that the client's firewall drops,\n"
             "and nobody answers: that is meant.")

    def finish(self):
        super().finish()
        for space in (self.host, self.client):
            self.listen(space, "never reached", DROPPED_PORT)
            space.nft("table inet filter { chain input { type filter hook input priority filter;\n"
                      f"tcp dport {DROPPED_PORT} drop\n}}; }}")

    def attempts(self):
        return super().attempts() + [
            self.attempt(f"client -> {self.nic(n)} port {DROPPED_PORT}", self.client, self.address(n), "",
                         DROPPED_PORT, outcome="timeout", patience=8) for n in range(2)] + [
            self.attempt("host -> client's dropped port", self.host, self.client_address, "", DROPPED_PORT,
                         outcome="timeout", patience=8)]


class SlowClient(OddTraffic):
    name = "slow-client"
    story = ("eth1 serves one client far away: in the variant `far` a round trip takes 2.2 s, so it repeats its SYN\n"
             "twice before the SYN-ACK is there; in `late` all that it sends after the SYN comes 2 s late, so the\n"
             "SYN-ACK is repeated. All connections come about: nothing is wrong.")
    variants = ("far", "late")

    def finish(self):
        super().finish()
        self.slow = self.namespace("slow")
        self.net.tun_pair(self.slow, "tun_s", self.internet, "tun_i", self.delay)
        for space, device, host in ((self.internet, "tun_i", 1), (self.slow, "tun_s", 2)):
            space.ip(f"addr add {self.cidr(SLOW, host)} dev {device} nodad", self.family)
        self.slow.ip(f"route add default via {self.at(SLOW, 1)}", self.family)

    def delay(self, packet, to_internet):
        if self.variant == "far":
            return 1.1
        return 2 if to_internet and not tcp_flags(packet) & SYN else 0

    def attempts(self):
        return [self.attempt("client -> eth0", self.client, self.address(0), "host"),
                self.attempt("slow client -> eth1", self.slow, self.address(1), "host", patience=15)]


class LossyPath(OddTraffic):
    name = "lossy-path"
    story = "One packet of twenty is lost on the way, in either direction, and TCP copes: nothing is wrong."

    def finish(self):
        super().finish()
        self.internet.nft("table inet weather { counter lost { }; chain forward { "
                          "type filter hook forward priority 10;\n"
                          "numgen random mod 100 < 5 counter name lost drop\n}; }")

    def attempts(self):
        return [self.attempt(f"client -> {self.nic(n)} ({number})", self.client, self.address(n), "host", patience=30)
                for n in range(2) for number in range(8)]

    def side_checks(self):
        return []


class BulkTransfer(OddTraffic):
    name = "bulk-transfer"
    story = "Connections that were there before anybody watched carry much data, either way: nothing is wrong."

    def finish(self):
        super().finish()
        self.pumps = [Pump(self.net, self.client, self.host, self.address(n), BULK_PORT + n) for n in range(2)]
        self.disturb = self.transfer

    def transfer(self):
        threads = [threading.Thread(target=pump.move) for pump in self.pumps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def witnesses(self):
        return {f"bytes moved by {self.nic(n)}": pump.moved for n, pump in enumerate(self.pumps)}
