# SPDX-License-Identifier: GPL-2.0-or-later
"""What all labs have in common: a client on an internet whose providers drop foreign sources, and a LAN."""

from lab.net import Subnet, probe_kind
from lab.traffic import Attempt, Server

CLIENT = Subnet("203.0.113.0/24", "2001:db8:c::/64")
LAN = Subnet("192.168.70.0/24", "fd00:70::/64")
# One line each: the provider has the first address, the watched host the second.
LINES = (Subnet("198.51.100.0/28", "2001:db8:100::/64"), Subnet("198.51.100.16/28", "2001:db8:101::/64"),
         Subnet("198.51.100.32/28", "2001:db8:102::/64"))
SSH = 22


class Lab:
    """Build one, and its namespaces stand. A fault is what `healthy` leaves out."""

    name = ""
    story = ""  # what people saw and what is wrong
    drawing = ""
    variants = ()
    silent = False  # has no faulty twin: nothing may ever be found
    settings = ""  # YAML, added to the exporter's settings file
    disturb = None  # what else goes on; called about twice a second
    intended = ()  # the findings that must be shown as intended
    prints_remedy = True  # oneway does; False: it cannot, None: it may
    early = False  # the fault is found before anyone connects
    checks_remedy = True  # oneway checks what it prints
    flags = ()  # more of the exporter's
    open_seconds = 20  # after the first attempt
    steady_seconds = 2  # for so long what was found stays, and nothing else comes

    def __init__(self, net, variant, family=4, healthy=True):
        self.net, self.variant, self.family, self.healthy = net, variant, family, healthy
        self.server = Server(net)
        self.build()
        net.settle()

    @classmethod
    def families(cls, variant):
        """The families in which the variant exists."""
        return (4, 6)

    def build(self):
        """Makes the namespaces; sets self.watched, the one the exporter looks at."""
        raise NotImplementedError

    def attempts(self):
        """Connections that must work, but for those marked broken in the faulty twin."""
        raise NotImplementedError

    def side_checks(self):
        """Connections that work in the faulty twin and must still do so after the remedy."""
        return []

    def expected(self):
        """The findings that are causes: each a dict of the fields that must be so."""
        return []

    def symptoms(self):
        """Findings that must be explained by a cause; the same kind of dict. There may be more of them."""
        return []

    def remedy(self):
        """What a knowing operator types. The tests of the topology use it; oneway must find its own."""
        return []

    @property
    def healer(self):
        """The namespace in which remedy() is typed."""
        return self.watched

    def heal(self):
        run_remedy(self.healer, self.remedy())

    def signature(self):
        """{what: counter} that must rise while the fault shows, and stand still in the healthy twin."""
        return {}

    def witnesses(self):
        """{what: counter} that must rise with the attempts, fault or not."""
        return {}

    # ---- pieces to build with ----

    def namespace(self, role, **options):
        return self.net.namespace(role, ipv6=self.family == 6, **options)

    def at(self, subnet, host):
        return subnet.at(host, self.family)

    def cidr(self, subnet, host):
        return subnet.cidr(host, self.family)

    def link(self, left, left_device, right, right_device, subnet, left_host=1, right_host=2):
        """A cable with an address at each end."""
        self.net.veth(left, left_device, right, right_device)
        left.ip(f"addr add {self.cidr(subnet, left_host)} dev {left_device} nodad", self.family)
        right.ip(f"addr add {self.cidr(subnet, right_host)} dev {right_device} nodad", self.family)

    def make_switch(self):
        probe_kind("bridge")
        self.switch = self.net.namespace("switch", ipv6=False)
        self.switch.ip("link add switch0 type bridge mcast_snooping 0\nlink set switch0 up")

    def plug(self, port, space, device, subnet, host, metric=100):
        """Connects the namespace to the switch."""
        self.net.veth(self.switch, port, space, device)
        self.switch.ip(f"link set {port} master switch0")
        space.ip(f"addr add {self.cidr(subnet, host)} dev {device} metric {metric} nodad", self.family)

    def listen(self, space, identity, port=SSH):
        self.server.listen(space, self.family, port, identity)

    def make_internet(self):
        self.internet = self.namespace("internet", forward=True)
        self.client = self.namespace("client")
        self.link(self.internet, "client0", self.client, "eth0", CLIENT)
        self.client.ip(f"route add default via {self.at(CLIENT, 1)}", self.family)
        self.listen(self.client, "client")
        self.internet.nft("table inet provider { counter foreign { }; chain forward { "
                          "type filter hook forward priority filter; }; }")

    def make_line(self, host, device, subnet, allow=None):
        """A line of `host` to the internet. Its provider drops sources that are neither its own nor in `allow`."""
        self.link(self.internet, f"isp-{device}", host, device, subnet)
        if allow is not None:
            words = ", ".join([subnet.prefix(self.family), *allow])
            self.internet.nft(f'add rule inet provider forward iifname "isp-{device}" {self.nft_family} '
                              f"saddr != {{ {words} }} counter name foreign drop")

    def translate(self, host, rules):
        host.nft(f"table {self.nft_family} nat {{ chain prerouting {{ type nat hook prerouting priority dstnat;\n"
                 f"{rules}\n}}; }}")

    def make_lan(self, host):
        self.lan = self.namespace("lan")
        self.link(host, "lan0", self.lan, "eth0", LAN)
        self.lan.ip(f"route add default via {self.at(LAN, 1)}", self.family)
        self.listen(self.lan, "lan")

    @property
    def nft_family(self):
        return "ip" if self.family == 4 else "ip6"

    @property
    def ip_command(self):
        return "ip" if self.family == 4 else "ip -6"

    def answer_by_table(self, source, table, preference):
        """Replies from `source` leave by `table`; connected networks stay reachable."""
        return [f"{self.ip_command} rule add pref {preference} from {source} lookup main suppress_prefixlength 0",
                f"{self.ip_command} rule add pref {preference + 1} from {source} lookup {table}"]

    def foreign_dropped(self):
        return self.internet.counted("inet", "provider", "foreign")

    @property
    def client_address(self):
        return self.at(CLIENT, 2)

    def attempt(self, name, source, address, identity, port=SSH, **more):
        return Attempt(name, source, address, port, identity, **more)


def run_remedy(space, commands):
    for command in commands:
        space.shell(command)
