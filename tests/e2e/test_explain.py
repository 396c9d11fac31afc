# SPDX-License-Identifier: GPL-2.0-or-later
"""`oneway explain` in namespaces of its own: which rule it names, where it ends, and names of any bytes."""

import contextlib
import json
import os
import secrets
import subprocess
import sys

import pytest

ONEWAY = os.path.join(os.environ["ONEWAY_BUILD"], "exporter", "oneway")
ADDRESSES = {4: {"default": ("192.0.2.1/24", "192.0.2.254"), "other": ("198.51.100.1/24", "198.51.100.254"),
                 "client": "203.0.113.9", "neighbour": "198.51.100.9", "stranger": "198.51.100.77", "loopback": "127.0.0.1"},
             6: {"default": ("2001:db8:1::1/64", "2001:db8:1::fe"), "other": ("2001:db8:2::1/64", "2001:db8:2::fe"),
                 "client": "2001:db8:3::9", "neighbour": "2001:db8:2::9", "stranger": "2001:db8:2::77", "loopback": "::1"}}
PORT = 8080

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **options)


class Host:
    """Two devices with an address each: the default route leads out of eth0, table 101 out of eth1."""

    def __init__(self, name, family, devices=("eth0", "eth1")):
        self.name, self.family, self.devices = name, family, devices
        self.where = ADDRESSES[family]
        self.shell("echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding")
        self.shell("echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; echo 0 > /proc/sys/net/ipv4/conf/default/rp_filter")
        self.ip("link", "set", "lo", "up")
        for device, part, table in zip(devices, ("default", "other"), ("main", "101")):
            address, gateway = self.where[part]
            self.ip("link", "add", device, "type", "veth", "peer", "name", f"p{part}")
            self.ip("link", "set", device, "up")
            self.ip("link", "set", f"p{part}", "up")
            self.ip("addr", "add", address, "dev", device, *(["nodad"] if family == 6 else []))
            self.ip("route", "add", "default", "via", gateway, "dev", device, "table", table)
        self.address = self.where["other"][0].split("/")[0]

    def ip(self, *words):
        run("ip", f"-{self.family}", "-n", self.name, *words, check=True)

    def shell(self, line):
        run("ip", "netns", "exec", self.name, "sh", "-c", line, check=True)

    def explain(self, client, service, *flags, status):
        """The report, the same in text and JSON."""
        name = f"[{service}]:{PORT}" if ":" in service else f"{service}:{PORT}"
        text = run(ONEWAY, "explain", f"--netns={self.name}", client, name, *flags)
        done = run(ONEWAY, "explain", f"--netns={self.name}", "--format=json", client, name, *flags)
        assert (text.returncode, done.returncode) == (status, status), text.stdout + text.stderr + done.stderr
        report = json.loads(done.stdout.decode())
        steps = {step["step"]: step for step in report["steps"]}
        assert report["conclusion"] + "." in " ".join(text.stdout.decode().split())
        return report, steps

    @contextlib.contextmanager
    def listener(self, address, uid, device=None, only=False):
        code = ("import socket, sys\n"
                "sock = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)\n"
                "if ':' in sys.argv[1]: sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(sys.argv[3]))\n"
                "if sys.argv[2]: sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[2].encode())\n"
                f"sock.bind((sys.argv[1], {PORT})); sock.listen(); print('listens', flush=True); sys.stdin.read()\n")
        process = subprocess.Popen(["ip", "netns", "exec", self.name, "setpriv", f"--reuid={uid}", "--pdeathsig", "KILL",
                                    sys.executable, "-c", code, address, device or "", str(int(only))],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert process.stdout.readline() == b"listens\n"
            yield
        finally:
            process.stdin.close()
            process.wait(20)


@contextlib.contextmanager
def standing(family, **options):
    name = "ow-" + secrets.token_hex(4)
    run("ip", "netns", "add", name, check=True)
    try:
        yield Host(name, family, **options)
    finally:
        run("ip", "netns", "del", name)


@pytest.fixture(params=(4, 6))
def host(request):
    with standing(request.param) as made:
        yield made


def test_a_rule_that_suppresses_the_route_is_not_named(host):
    """As a remedy has it; here its second rule is missing."""
    host.ip("rule", "add", "pref", "100", "from", host.address, "lookup", "main", "suppress_prefixlength", "0")
    report, steps = host.explain(host.where["client"], host.address, "--device=eth1", status=1)
    assert f"from {host.address}: rule 32766, table main: the default route" in steps["reply"]["text"]
    assert report["breaks_at"] == "leaves"


@pytest.mark.parametrize("kind", ("any", "both families", "address", "any, on the device", "both, on the device"))
def test_the_reply_is_that_of_the_socket_that_answers(host, kind):
    """The rule is for its user."""
    device = "eth1" if "device" in kind else None
    any_address = "0.0.0.0" if host.family == 4 and "both" not in kind else "::"
    host.ip("rule", "add", "pref", "50", "uidrange", "1234-1234", "lookup", "101")
    with host.listener(host.address if kind == "address" else any_address, 1234, device, only="both" not in kind):
        _, steps = host.explain(host.where["client"], host.address, "--device=eth1", status=0)
    assert ": rule 50, table 101: the default route" in steps["reply"]["text"], steps


@pytest.mark.parametrize("device", (None, "eth1"))
def test_an_address_of_another_host_is_not_for_this_one(host, device):
    flags = [f"--device={device}"] if device else []
    for client in (host.where["client"], host.where["neighbour"]):
        report, steps = host.explain(client, host.where["stranger"], *flags, status=1)
        assert steps["delivered"]["outcome"] == "breaks", steps
        assert f"{host.where['stranger']} is no address of this host, and forwarding is off" in steps["delivered"]["text"]
        assert report["breaks_at"] == "delivered" and report["conclusion"] == "The request is not for this host"
        assert "reply" not in steps and "leaves" not in steps and report["findings"] == []


def test_a_host_that_forwards_delivers_to_others(host):
    host.shell("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
    _, steps = host.explain(host.where["client"], host.where["stranger"], "--device=eth0", status=0)
    assert steps["delivered"]["text"] == "forwarded to eth1"


def test_a_loopback_address_is_not_reached_from_afar(host):
    for flags in ([], ["--device=eth1"]):
        report, steps = host.explain(host.where["client"], host.where["loopback"], *flags, status=1)
        assert steps["delivered"]["text"] == "a loopback address cannot be reached from another host"
        assert report["breaks_at"] == "delivered" and "reply" not in steps and report["findings"] == []


@pytest.mark.parametrize("family", (4, 6))
def test_names_may_be_of_any_bytes(family):
    odd = b"o\xff\xc3\x01\xe2\x82"
    with standing(family, devices=(b"eth0", odd)) as host:
        host.ip("rule", "add", "pref", "50", "from", host.address, "lookup", "101")
        report, steps = host.explain(host.where["client"], host.address, status=0)
        assert report["device"] == "o%FF%C3%01%E2%82"
        assert steps["leaves"]["text"] == "by o%FF%C3%01%E2%82, as the request came"
        iptables = b"iptables" if family == 4 else b"ip6tables"
        target = b"192.0.2.9" if family == 4 else b"[2001:db8:1::9]"
        host.shell(b"%b-nft -t nat -N %b; %b-nft -t nat -A PREROUTING -j %b; %b-nft -t nat -A %b -p tcp --dport %d -j DNAT --to %b"
                   % (iptables, odd, iptables, odd, iptables, odd, PORT, target))
        report, steps = host.explain(host.where["client"], host.address, status=1)
        assert "chain o%FF%C3%01%E2%82, handle" in report["rule"] and report["rule"] in steps["translated"]["text"]


def load(host, rules, program=("nft", "-f", "-")):
    done = subprocess.run(["ip", "netns", "exec", host.name, *program], input=rules.encode(), capture_output=True, timeout=60)
    if done.returncode and b"legacy" in program[0].encode():
        pytest.skip("this kernel has no legacy iptables")
    assert done.returncode == 0, done.stderr


def table(*chains):
    return "table inet filter {\n" + "\n".join(chains) + "\n}\n"


INPUT = "chain input {{ type filter hook input priority filter; policy {policy};\n{rules}\n}}"
FIREWALLS = {
    # rules: what the step says, whether it breaks
    "policy": (INPUT.format(policy="drop", rules="ct state established accept"),
               "the policy of table inet filter, chain input drops it in input", "breaks"),
    "rule": (INPUT.format(policy="accept", rules="ct state established accept\ntcp dport 8080 counter drop"),
             "chain input, handle 3 (tcp dport 8080 counter drop) drops it in input", "breaks"),
    "accepts": (INPUT.format(policy="drop", rules="iifname \"eth1\" tcp dport { 22, 8000-8100 } accept"),
                "accepts it in input, and no rule drops it", "passes"),
    "limit": (INPUT.format(policy="drop", rules="ct state new limit rate 10/second accept"),
              "cannot be told: it takes only some packets", "open"),
    "limit that does not matter": (INPUT.format(policy="accept", rules="limit rate 1/minute counter"),
                                   "no rule of the firewall drops it", "passes"),
    "mark": (INPUT.format(policy="accept", rules="meta mark 7 drop\nmeta mark set 7\nmeta mark 7 drop"),
             "handle 4 (meta mark 0x00000007 drop) drops it in input", "breaks"),
    "raw": ("chain raw { type filter hook prerouting priority raw;\nct state new drop\nct state invalid accept\n}",
            "accepts it in prerouting", "passes"),
}


def test_the_rules_of_the_firewall_are_read(host):
    host.ip("rule", "add", "pref", "50", "from", host.address, "lookup", "101")
    for kind, (rules, says, outcome) in FIREWALLS.items():
        load(host, "flush ruleset\n" + table(rules))
        report, steps = host.explain(host.where["client"], host.address, "--device=eth1", status=int(outcome == "breaks"))
        assert says in steps["rules"]["text"] and steps["rules"]["outcome"] == outcome, (kind, steps["rules"])
        assert (report["breaks_at"] == "rules") == (outcome == "breaks") == (report["reading"] is not None)
        for command in report["reading"]["remedy"] if report["reading"] else ():
            host.shell(command)
    host.explain(host.where["client"], host.address, "--device=eth1", status=0)


def test_what_drops_the_reply_is_named(host):
    host.ip("rule", "add", "pref", "50", "from", host.address, "lookup", "101")
    load(host, table("chain out { type filter hook output priority filter; policy accept;\noifname \"eth1\" tcp sport 8080 drop\n}"))
    report, steps = host.explain(host.where["client"], host.address, "--device=eth1", status=1)
    assert report["breaks_at"] == "reply rules" and steps["rules"]["outcome"] == "passes"
    assert "tcp sport 8080 drop" in steps["reply rules"]["text"] and "in output" in steps["reply rules"]["text"]


@pytest.mark.parametrize("program", ("nft", "legacy"))
def test_iptables_is_read(host, program):
    host.ip("rule", "add", "pref", "50", "from", host.address, "lookup", "101")
    command = f"ip{'6' if host.family == 6 else ''}tables-{program}-restore"
    for match, outcome in (("-p tcp --dport 8080 -m conntrack --ctstate NEW", "breaks"),
                           ("-i eth1 -p tcp -m multiport ! --dports 22,8000:8100", "passes"),
                           ("-m addrtype --dst-type LOCAL -m comment --comment x", "breaks"),
                           ("-m statistic --mode random --probability 0.5", "open")):
        load(host, "*filter\n:INPUT ACCEPT\n:mine -\n-A INPUT -j mine\n-A mine -p udp -j DROP\n"
                   f"-A mine {match} -j DROP\nCOMMIT\n", (command,))
        _, steps = host.explain(host.where["client"], host.address, "--device=eth1", status=int(outcome == "breaks"))
        assert steps["rules"]["outcome"] == outcome, (match, steps["rules"])
        if outcome == "breaks":
            assert ("rule 2" if program == "legacy" else "handle") in steps["rules"]["text"]
            assert "chain mine" in steps["rules"]["text"]


def test_without_the_capability_the_rules_are_not_guessed(host):
    done = run("ip", "netns", "exec", host.name, "setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all",
               "--bounding-set=-all", ONEWAY, "explain", "--format=json", "--device=eth0", host.where["client"],
               host.where["default"][0].split("/")[0])
    steps = {step["step"]: step for step in json.loads(done.stdout.decode())["steps"]}
    assert steps["rules"] == {"step": "rules", "outcome": "open",
                              "text": "the firewall's rules cannot be read: needs CAP_NET_ADMIN"}
