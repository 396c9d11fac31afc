# SPDX-License-Identifier: GPL-2.0-or-later
"""Replies pass through a NAT box that never saw the requests, and come back from its public address."""

from lab.labs.base import CLIENT, LINES, Lab
from lab.net import Subnet

SERVERS = Subnet("10.110.19.0/24", "fd00:110::/64")
OFFICE = Subnet("10.20.0.0/24", "fd00:20::/64")
INSIDE = Subnet("10.0.0.0/8", "fd00::/8")
ROUTER, SERVER, BOX = 1, 89, 254


class SnatGateway(Lab):
    name = "snat-gateway"
    story = ("`ping` is answered by another address, `ssh` hangs. The server lacks its route to the office, so its\n"
             "replies take the default route to the NAT box, which gives them its public address (it keeps no\n"
             "connections) and sends them on through its inside device.")
    drawing = """
     a (office)            router                       server (default gateway: the box)
    10.20.0.2 ---------- 10.20.0.1   10.110.19.1 --+--- eth0 10.110.19.89
                                                   |
     client              internet                  |    box
    203.0.113.2 -------- provider -----------------|--- eth1 198.51.100.2 (its public address)
                                                   +--- eth0 10.110.19.254
    request: a, router, server.  reply: server, box, router, a.  Watched: as the variant says
"""
    variants = ("server", "gateway", "client", "client-ping")
    prints_remedy = False
    open_seconds = 12  # sooner than by the handshakes that end after a capture has run for 10 s

    def build(self):
        self.make_internet()
        self.make_switch()
        self.make_office()
        self.make_box()
        self.make_server()
        self.watched = {"server": self.host, "gateway": self.box}.get(self.variant, self.asker)

    def make_office(self):
        self.router, self.asker = self.namespace("router", forward=True), self.namespace("a")
        self.link(self.router, "office0", self.asker, "eth0", OFFICE)
        self.asker.ip(f"route add default via {self.at(OFFICE, 1)}", self.family)
        self.plug("router", self.router, "servers0", SERVERS, ROUTER)
        self.router.ip(f"route add default via {self.at(SERVERS, BOX)}", self.family)
        self.listen(self.router, "router")
        self.router.nft(f"""
            table inet seen {{
                counter translated {{ }}
                chain forward {{ type filter hook forward priority filter
                    oifname "office0" {self.nft_family} saddr {self.at(LINES[0], 2)} counter name translated
                }}
            }}""")

    def make_box(self):
        self.box = self.namespace("box", forward=True)
        # Like the server below: a redirect would heal what is to be seen.
        self.box.sysctl(net__ipv4__conf__all__send_redirects=0, net__ipv4__conf__default__send_redirects=0)
        self.plug("box", self.box, "eth0", SERVERS, BOX)
        self.make_line(self.box, "eth1", LINES[0], allow=[])
        self.box.ip(f"route add default via {self.at(LINES[0], 1)}\n"
                    f"route add {INSIDE.prefix(self.family)} via {self.at(SERVERS, ROUTER)}", self.family)
        # Netfilter's own SNAT would leave a SYN-ACK as it is whose SYN it never saw.
        ip, servers, public = self.nft_family, SERVERS.prefix(self.family), self.at(LINES[0], 2)
        self.box.nft(f"""
            table {ip} stateless {{
                chain out {{ type filter hook postrouting priority srcnat
                    iifname "eth0" {ip} saddr {servers} {ip} daddr != {servers} {ip} saddr set {public}
                }}
                chain in {{ type filter hook prerouting priority dstnat
                    iifname "eth1" meta l4proto tcp {ip} daddr {public} {ip} daddr set {self.at(SERVERS, SERVER)}
                }}
            }}""")

    def make_server(self):
        self.host = self.namespace("server")
        self.host.sysctl(net__ipv4__conf__all__accept_redirects=0, net__ipv6__conf__all__accept_redirects=0,
                         net__ipv6__conf__default__accept_redirects=0)
        self.plug("server", self.host, "eth0", SERVERS, SERVER)
        self.host.ip(f"route add default via {self.at(SERVERS, BOX)}", self.family)
        self.listen(self.host, "server")
        if self.healthy:
            self.heal()

    def attempts(self):
        server = self.at(SERVERS, SERVER)
        if self.variant == "client-ping":
            return [self.attempt("ping server", self.asker, server, "", port=0, broken=True,
                                 symptom=f"answered by {self.at(LINES[0], 2)}")]
        return [self.attempt("a -> server", self.asker, server, "server", broken=True)]

    def side_checks(self):
        return [self.attempt("router -> server", self.router, self.at(SERVERS, SERVER), "server"),
                self.attempt("a -> router", self.asker, self.at(SERVERS, ROUTER), "router"),
                self.attempt("server -> client", self.host, self.at(CLIENT, 2), "client")]

    def expected(self):
        server, public = self.at(SERVERS, SERVER), self.at(LINES[0], 2)
        return {"server": [{"condition": "handshake_one_way", "device": "eth0", "address": server}],
                "gateway": [{"condition": "foreign_source", "device": "eth0", "address": public}],
                }.get(self.variant, [{"condition": "reply_from_other_address", "device": "eth0", "address": server}])

    def symptoms(self):
        return [{"condition": "return_only", "device": "eth0"}] if self.variant == "gateway" else []

    @property
    def healer(self):
        return self.host

    def remedy(self):
        return [f"{self.ip_command} route add {INSIDE.prefix(self.family)} via {self.at(SERVERS, ROUTER)}"]

    def signature(self):
        return {"replies from the box's public address": self.router.counted("inet", "seen", "translated")}
