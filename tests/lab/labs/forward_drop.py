# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway that translates a port and then drops what it translated; and gateways that only look so."""

import re

from lab.labs.base import LAN, LINES, SSH, Lab, run_remedy
from lab.net import Subnet

BROKEN, WHOLE = 1222, 1223  # of the gateway's public address
OTHER = 23                  # of the LAN host, behind WHOLE
REDIRECTED = 8022
BOX = Subnet("10.8.10.0/24", "fd00:10::/64")


def get_through(lab):
    """One connection to the translated port, while nothing stands in its way."""
    lab.net.settle()
    found = lab.attempts()[-1 if lab.variant == "reverse-path" else 0].run()
    assert found == "ok", found


class ForwardDrop(Lab):
    name = "forward-drop"
    story = ("ssh to a translated port of the gateway times out; the port beside it works. The SYN arrives, and\n"
             "nothing leaves for the LAN: a rule behind the translation drops it.")
    drawing = """
     client          internet         gateway (watched)
    203.0.113.2 ---- provider --- wan0 198.51.100.2 -- lan0 192.168.70.1 -- LAN 192.168.70.2
    public port 1222 -> 192.168.70.2 port 22 (dropped); 1223 -> port 23
"""
    variants = ("set", "negated-set", "map", "policy", "inet", "raw", "iptables", "iptables-policy", "redirect")
    flags = ("--collector.nftrace",)
    checks_remedy = False
    open_seconds = 11  # the first SYN comes again after one

    def build(self):
        self.make_internet()
        self.watched = self.gateway = self.namespace("gateway", forward=True)
        self.make_line(self.gateway, "wan0", LINES[0])
        self.gateway.ip(f"route add default via {self.at(LINES[0], 1)}", self.family)
        self.make_lan(self.gateway)
        self.listen(self.lan, "other", OTHER)
        self.listen(self.gateway, "gateway", REDIRECTED)
        self.make_rules()

    # ---- rules ----

    def make_rules(self):
        kind = self.variant.replace("-", "_")
        self.forward_by_iptables() if self.variant.startswith("iptables") else self.forward_by_nft()
        getattr(self, f"drop_{kind}")()

    @property
    def to(self):
        return "{}:{}".format(self.bracketed(self.at(LAN, 2)), SSH)

    def bracketed(self, address):
        return address if self.family == 4 else f"[{address}]"

    def forward_by_nft(self):
        ip, public = self.nft_family, self.at(LINES[0], 2)
        what = f"redirect to :{REDIRECTED}" if self.variant == "redirect" else f"dnat to {self.to}"
        self.translate(self.gateway, f"{ip} daddr {public} tcp dport {BROKEN} {what}\n"
                                     f"{ip} daddr {public} tcp dport {WHOLE} "
                                     f"dnat to {self.bracketed(self.at(LAN, 2))}:{OTHER}")

    @property
    def iptables(self):
        return "iptables-nft" if self.family == 4 else "ip6tables-nft"

    def forward_by_iptables(self):
        for port, inner in ((BROKEN, SSH), (WHOLE, OTHER)):
            self.gateway.run(self.iptables, "-t", "nat", "-A", "PREROUTING", "-d", self.at(LINES[0], 2), "-p", "tcp",
                             "--dport", str(port), "-j", "DNAT", "--to-destination",
                             f"{self.bracketed(self.at(LAN, 2))}:{inner}")

    def filter(self, chains, family=None):
        self.gateway.nft(f"table {family or self.nft_family} filter {{\n{chains}\n}}")

    @property
    def allowed(self):
        """Elements of a set: what the healthy twin lets pass."""
        return [f"{self.at(LAN, 2)} . {port}" for port in ((OTHER, SSH) if self.healthy else (OTHER,))]

    def set_of(self, more=""):
        kind, verdict = "ipv4_addr" if self.family == 4 else "ipv6_addr", " : accept" if more else ""
        elements = ", ".join(element + verdict for element in self.allowed)
        return (f"{'map' if more else 'set'} allowed {{ type {kind} . inet_service{more}\n"
                f"elements = {{ {elements} }}\n}}")

    def drop_set(self):
        """As the incident: a chain of its own for what is translated."""
        self.filter(f"""{self.set_of()}
            chain forward {{ type filter hook forward priority filter; policy drop;
                ct state established,related accept
                iifname "wan0" ct status dnat jump allowed_dnats
                iifname "lan0" accept
            }}
            chain allowed_dnats {{
                tcp dport 12345 accept
                {self.nft_family} daddr . tcp dport @allowed accept
                counter drop
            }}""")
        self.dropper = "allowed_dnats", "drop"
        self.missing = "allowed", f"{self.at(LAN, 2)} . {SSH}"

    def drop_negated_set(self):
        self.filter(f"""{self.set_of()}
            chain forward {{ type filter hook forward priority filter; policy accept;
                ct state established,related accept
                iifname "wan0" {self.nft_family} daddr . tcp dport != @allowed drop
            }}""")
        self.dropper = "forward", "@allowed drop"
        self.missing = "allowed", f"{self.at(LAN, 2)} . {SSH}"

    def drop_map(self):
        self.filter(f"""{self.set_of(' : verdict')}
            chain forward {{ type filter hook forward priority filter; policy drop;
                ct state established,related accept
                iifname "lan0" accept
                {self.nft_family} daddr . tcp dport vmap @allowed
            }}""")
        self.dropper = "forward", None
        self.missing = "allowed", f"{self.at(LAN, 2)} . {SSH}"

    def drop_policy(self):
        self.filter(f"""chain forward {{ type filter hook forward priority filter; policy drop;
                ct state established,related accept
                iifname "lan0" accept
                tcp dport {{ {OTHER}{f", {SSH}" if self.healthy else ""} }} accept
            }}""")
        self.dropper = "forward", None

    def drop_inet(self):
        """What the table of the family accepts, the one of both drops."""
        self.filter(f"chain forward {{ type filter hook forward priority filter; policy accept;\n"
                    f"{self.nft_family} daddr {self.at(LAN, 2)} tcp dport {SSH} accept\n}}")
        drop = "" if self.healthy else f"{self.nft_family} daddr {self.at(LAN, 2)} tcp dport {SSH} counter drop"
        self.gateway.nft(f"""table inet guard {{
            chain check {{
                tcp dport 7 accept
                {drop}
            }}
            chain forward {{ type filter hook forward priority filter + 10; policy accept;
                iifname "wan0" jump check
            }}
        }}""")
        self.table, self.dropper = "inet guard", ("check", "drop")

    def drop_raw(self):
        """Before the translation: that there is one is known from a connection that got through."""
        get_through(self)
        drop = "" if self.healthy else f"tcp dport {BROKEN} drop"
        self.gateway.nft(f"table inet early {{ chain raw {{ type filter hook prerouting priority raw; policy accept;\n"
                         f'iifname "lan0" accept\n{drop}\n}}\n}}')
        self.table, self.dropper = "inet early", ("raw", "drop")

    def drop_redirect(self):
        drop = "" if self.healthy else f"tcp dport {REDIRECTED} drop"
        self.gateway.nft(f"""table inet filter {{
            chain input {{ type filter hook input priority filter; policy accept;
                ct state established,related accept
                {drop}
            }}
        }}""")
        self.table, self.dropper = "inet filter", ("input", "drop")

    def drop_iptables(self):
        self.gateway.run(self.iptables, "-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j",
                         "ACCEPT")
        if not self.healthy:
            self.gateway.run(self.iptables, "-A", "FORWARD", "-i", "wan0", "-d", self.at(LAN, 2), "-p", "tcp", "-m",
                             "multiport", "--dports", f"{SSH},99", "-j", "DROP")
        self.dropper = "FORWARD", "drop"

    def drop_iptables_policy(self):
        for words in (("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED"), ("-i", "lan0"),
                      ("-p", "tcp", "--dport", str(OTHER))):
            self.gateway.run(self.iptables, "-A", "FORWARD", *words, "-j", "ACCEPT")
        if not self.healthy:
            self.gateway.run(self.iptables, "-P", "FORWARD", "DROP")
        self.dropper = "FORWARD", None

    # ---- what must be said ----

    table = ""  # "inet filter"
    missing = None  # set, element
    dropper = None  # chain; end of the rule's text, None: the policy

    @property
    def place(self):
        return self.table or f"{self.nft_family} filter"

    def handle(self):
        """Of the rule that drops, as the kernel numbered it."""
        chain, ending = self.dropper
        listing = self.gateway.run("nft", "-a", "list", "chain", *self.place.split(), chain)
        found = re.findall(rf"{re.escape(ending)}(?: comment .*)? # handle (\d+)$", listing, re.MULTILINE)
        assert len(found) == 1, listing
        return int(found[0])

    def evidence(self):
        chain, ending = self.dropper
        said = {"table": self.place, "chain": chain, "trace_end": "rule" if ending else "policy"}
        if ending:
            said["handle"] = self.handle()
        if self.missing:
            said["set"], said["missing_element"] = self.missing
        return said

    @property
    def translated_to(self):
        if self.variant == "redirect":
            return self.at(LINES[0], 2)
        return self.at(LAN, 2)

    def expected(self):
        return [{"condition": "forward_drop", "device": "wan0", "origin": "dnat", "severity": "critical",
                 "address": self.at(LINES[0], 2), "target": self.translated_to, "evidence": self.evidence()}]

    def attempts(self):
        inner, public = "gateway" if self.variant == "redirect" else "lan", self.at(LINES[0], 2)
        broken = self.attempt(f"client -> port {BROKEN}", self.client, public, inner, BROKEN, broken=True)
        whole = self.attempt(f"client -> port {WHOLE}", self.client, public, "other", WHOLE)
        # conntrack's latest connection of a client is the one that is remembered
        return [broken] if self.variant == "raw" else [broken, whole]

    def side_checks(self):
        return [self.attempt("gateway -> LAN", self.gateway, self.at(LAN, 2), "lan"),
                self.attempt("gateway -> client", self.gateway, self.client_address, "client")]

    def remedy(self):
        if self.variant.startswith("iptables"):
            return [f"{self.iptables} -I FORWARD -d {self.at(LAN, 2)} -p tcp --dport {SSH} -j ACCEPT"]
        chain, ending = self.dropper
        if self.missing:
            verdict = " : accept" if self.variant == "map" else ""
            return [f"nft add element {self.place} {self.missing[0]} '{{ {self.missing[1]}{verdict} }}'"]
        if ending:
            return [f"nft delete rule {self.place} {chain} handle {self.handle()}"]
        return [f"nft insert rule {self.place} {chain} tcp dport {SSH} accept"]


class Untraced(ForwardDrop):
    story = ("ssh to a translated port of the gateway times out, and nobody has asked oneway to trace. That the port is\n"
             "translated is known from a connection that got through before; which rule drops it, from reading them all.")
    variants = ("untraced",)
    flags = ()

    def make_rules(self):
        self.forward_by_nft()
        get_through(self)
        self.drop_set()

    def attempts(self):
        return super().attempts()[:1]

    def evidence(self):
        return {"ports": [str(BROKEN)], "peers": [self.client_address], "table": self.place, "chain": self.dropper[0],
                "handle": self.handle(), "reading_end": "rule"}


class Alone(Untraced):
    story = ("ssh to a translated port of the gateway times out, and that is all the traffic there is: no connection was\n"
             "ever tracked. That the port is translated is known from the rule alone.")
    variants = ("alone",)

    def make_rules(self):
        self.forward_by_nft()
        self.drop_set()

    def side_checks(self):
        return []


class ReversePath(Lab):
    name = "forward-drop"
    story = ("ssh to a translated port of the second line times out. No rule drops the request: by the translated\n"
             "address the way back leads out of the first line, and strict reverse-path filtering does the rest.")
    drawing = """
     client            internet             gateway (watched)
    203.0.113.2 ------ provider 1 ---- wan0 198.51.100.2  --+-- lan0 -- LAN 192.168.70.2
                 +---- provider 2 ---- wan1 198.51.100.18 --+
    port 1222 of either address -> 192.168.70.2 port 22; main's default route: wan0
"""
    variants = ("reverse-path",)
    flags = ("--collector.nftrace",)

    @classmethod
    def families(cls, variant):
        return (4,)

    def build(self):
        self.make_internet()
        self.watched = self.gateway = self.namespace("gateway", forward=True, rp_filter=1)
        for n in range(2):
            self.make_line(self.gateway, f"wan{n}", LINES[n], allow=[])
            self.gateway.ip(f"route add default via {self.at(LINES[n], 1)} table {100 + n}")
            run_remedy(self.gateway, self.answer_by_table(self.at(LINES[n], 2), 100 + n, 1000 + 10 * n))
        self.gateway.ip(f"route add default via {self.at(LINES[0], 1)}")
        self.make_lan(self.gateway)
        self.translate(self.gateway, "\n".join(f"ip daddr {self.at(LINES[n], 2)} tcp dport {BROKEN} "
                                               f"dnat to {self.at(LAN, 2 + n)}:{SSH}" for n in range(2)))
        self.lan.ip(f"addr add {self.cidr(LAN, 3)} dev eth0")
        self.heal()
        get_through(self)
        if not self.healthy:
            self.gateway.ip("rule del pref 500\nrule del pref 501")

    def attempts(self):
        return [self.attempt(f"client -> wan{n} port {BROKEN}", self.client, self.at(LINES[n], 2), "lan", BROKEN,
                             broken=n == 1) for n in range(2)]

    def side_checks(self):
        return [self.attempt("gateway -> LAN", self.gateway, self.at(LAN, 2), "lan"),
                self.attempt("gateway -> client", self.gateway, self.client_address, "client")]

    def expected(self):
        return [{"condition": "rp_filter_drops", "device": "wan1"}]

    def symptoms(self):
        return [{"condition": "forward_drop", "device": "wan1", "address": self.at(LINES[1], 2),
                 "target": self.at(LAN, 3), "evidence": {"trace_end": "vanished", "trace_place": "routing",
                                                         "drop_reasons": (["ip_rpfilter"], None)}}]

    def remedy(self):
        return self.answer_by_table(self.at(LAN, 3), 101, 500)

    def signature(self):
        return {"dropped by reverse-path filtering": self.gateway.netstat("IPReversePathFilter")}


class NotDropped(ForwardDrop):
    """Gateways on which requests get no answer, or a late one, and no rule of theirs is at fault."""

    name = "forward-drop-lookalike"
    story = ("A gateway with a translated port, traced, and nothing to be found: ports behind a firewall are scanned,\n"
             "a rule drops 4 % of the SYNs, or the service is not there: its host refuses, is mute, or is away.")
    variants = ("scanned", "rate-limit", "refused", "mute", "absent")
    silent = True

    def make_rules(self):
        self.forward_by_nft()
        getattr(self, f"make_{self.variant.replace('-', '_')}")()

    def make_scanned(self):
        self.filter(f"""chain input {{ type filter hook input priority filter; policy drop;
                ct state established,related accept
                iifname "lan0" accept
                meta l4proto {{ icmp, icmpv6 }} accept
            }}""", "inet")

    def make_rate_limit(self):
        self.filter("""chain forward { type filter hook forward priority filter; policy accept;
                tcp flags & (syn | ack) == syn numgen random mod 100 < 4 drop
            }""", "inet")

    def make_refused(self):
        self.lan.nft(f"table inet host {{ chain input {{ type filter hook input priority filter;\n"
                     f"tcp dport {SSH} reject with tcp reset\n}}\n}}")

    def make_mute(self):
        self.lan.nft(f"table inet host {{ chain input {{ type filter hook input priority filter;\n"
                     f"tcp dport {SSH} drop\n}}\n}}")

    def make_absent(self):
        """Its address is asked for in vain; and nobody hears of it."""
        self.gateway.nft(f"flush chain {self.nft_family} nat prerouting")
        self.gateway.nft(f"add rule {self.nft_family} nat prerouting tcp dport {BROKEN} dnat to "
                         f"{self.bracketed(self.at(LAN, 77))}:{SSH}")
        self.internet.nft("add rule inet provider forward meta l4proto { icmp, icmpv6 } drop")

    def attempts(self):
        public = self.at(LINES[0], 2)
        broken = {"refused": "refused", "mute": "timeout", "absent": "timeout"}.get(self.variant, "ok")
        attempts = [self.attempt(f"client -> port {BROKEN}", self.client, public, "lan", BROKEN, outcome=broken)]
        if self.variant == "scanned":
            attempts += [self.attempt(f"client -> port {port}", self.client, public, "", port, outcome="timeout")
                         for port in (25, 8443, REDIRECTED)]
        return attempts

    def side_checks(self):
        return []

    def expected(self):
        return []

    def remedy(self):
        return []
