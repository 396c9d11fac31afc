#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Records the captures beside this file anew, as root, in network namespaces of its own.

Client, gateway and server stand in a row; a second link leads from the server straight to the client. Every capture's
outcomes are known from how the traffic was made, and are written to expected.json; the number of handshakes counts
address pairs, so that one connection through a translation counts twice on the translating host.
"""

import contextlib
import json
import os
import pathlib
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
TOKEN = secrets.token_hex(3)
CLIENT, GATEWAY, SERVER = names = [f"owc-{TOKEN}-{name}" for name in ("client", "gateway", "server")]


def run(*command, check=True, **more):
    return subprocess.run(command, check=check, stdout=subprocess.DEVNULL, **more)


def inside(namespace, command, **more):
    return run("ip", "netns", "exec", namespace, *command.split(), **more)


def link(a, a_device, b, b_device, number):
    run("ip", "link", "add", a_device, "netns", a, "type", "veth", "peer", "name", b_device, "netns", b)
    for namespace, device, host in ((a, a_device, 1), (b, b_device, 2)):
        inside(namespace, f"ip address add 10.0.{number}.{host}/24 dev {device}")
        inside(namespace, f"ip address add 2001:db8:{number}::{host}/64 dev {device} nodad")
        inside(namespace, f"ip link set {device} up")


def route(namespace, network, gateway):
    inside(namespace, f"ip route replace {network} via {gateway}")


@contextlib.contextmanager
def topology():
    try:
        for namespace in names:
            run("ip", "netns", "add", namespace)
            for key in ("ipv4.conf.all.rp_filter=0", "ipv4.conf.default.rp_filter=0", "ipv6.conf.all.accept_dad=0"):
                inside(namespace, f"sysctl -q net.{key}")
            inside(namespace, "ip link set lo up")
        inside(GATEWAY, "sysctl -q net.ipv4.ip_forward=1")
        inside(GATEWAY, "sysctl -q net.ipv6.conf.all.forwarding=1")
        link(CLIENT, "line0", GATEWAY, "west0", 1)
        link(GATEWAY, "east0", SERVER, "port0", 2)
        link(SERVER, "back0", CLIENT, "line1", 3)
        route(CLIENT, "10.0.2.0/24", "10.0.1.2")
        route(CLIENT, "2001:db8:2::/64", "2001:db8:1::2")
        route(SERVER, "10.0.1.0/24", "10.0.2.1")
        route(SERVER, "2001:db8:1::/64", "2001:db8:2::1")
        yield
    finally:
        for namespace in names:
            run("ip", "netns", "del", namespace, check=False)


@contextlib.contextmanager
def firewall(namespace, rules):
    inside(namespace, "nft -f -", input=rules.encode())
    try:
        yield
    finally:
        inside(namespace, "nft flush ruleset")


def drop(hook, match):
    return f"table inet t {{ chain c {{ type filter hook {hook} priority 0; {match} drop; }}; }}"


@contextlib.contextmanager
def capture(name, namespace, device, link_type, expression):
    path = HERE / f"{name}.pcap"
    command = ["ip", "netns", "exec", namespace, "tcpdump", "-q", "-U", "--immediate-mode", "-s", "96", "-i", device, "-y", link_type,
               "-Z", "root", "-w", str(path), *expression.split()]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tcpdump:
        for line in tcpdump.stderr:
            if "listening on" in line:
                break
        try:
            yield
            time.sleep(0.5)
        finally:
            tcpdump.send_signal(signal.SIGINT)


def within(namespace, function, *arguments):
    """Calls the function in a child that stands in the namespace; its result is not wanted."""
    child = os.fork()
    if child == 0:
        with open(f"/run/netns/{namespace}", "rb") as handle:
            import ctypes
            if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), 0) != 0:
                os._exit(1)
        try:
            function(*arguments)
        except OSError:
            pass
        os._exit(0)
    return child


def listen(ports):
    sockets = []
    for port in ports:
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            sockets.append(socket.socket(family, socket.SOCK_STREAM))
            if family == socket.AF_INET6:
                sockets[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sockets[-1].bind((address, port))
            sockets[-1].listen(16)
    time.sleep(120)


def connect(address, port, seconds):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        connection.connect((address, port))


def client_connects(address, port, seconds=3.5):
    os.waitpid(within(CLIENT, connect, address, port, seconds), 0)


def both(port, seconds=3.5):
    for address in ("10.0.2.2", "2001:db8:2::2"):
        client_connects(address, port, seconds)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def send_lone_syn(source, destination, port):
    """A SYN from an address that nobody has: what a scan or a spoofed flood is made of."""
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    header = struct.pack("!HHIIBBHHH", 4321, port, 0x12345678, 0, 5 << 4, 2, 1024, 0, 0)
    total = checksum(ends + struct.pack("!HH", 6, len(header)) + header)
    packet = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + ends + header[:16] + struct.pack("!HH", total, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(packet, (destination, 0))


# A port for each, so that one's late packets are not in another's capture.
COMPLETED, ONE_WAY, IGNORED, UNANSWERED, ABANDONED, FORWARDED, TRANSLATED, OTHER, RETURN, DEVICES = range(8001, 8011)
REFUSED = 9001


def record_at_the_ends(expected):
    synack = "tcp flags & (syn|ack) == (syn|ack)"
    with capture("completed", SERVER, "any", "LINUX_SLL2", f"port {COMPLETED}"):
        both(COMPLETED)
    expected["completed"] = {"completed": 2}
    with capture("refused", SERVER, "any", "LINUX_SLL2", f"port {REFUSED}"):
        both(REFUSED)
    expected["refused"] = {"refused": 2}
    with firewall(CLIENT, drop("input", synack)), capture("one-way", SERVER, "any", "LINUX_SLL2", f"port {ONE_WAY}"):
        both(ONE_WAY)
    expected["one-way"] = {"one_way": 2}
    with firewall(CLIENT, drop("input", synack)), capture("ignored", CLIENT, "line0", "EN10MB", f"port {IGNORED}"):
        both(IGNORED)
    expected["ignored"] = {"one_way": 2}
    with firewall(SERVER, drop("input", f"tcp dport {UNANSWERED}")):
        with capture("unanswered", SERVER, "port0", "EN10MB", f"port {UNANSWERED}"):
            both(UNANSWERED)
    expected["unanswered"] = {"unanswered": 2}
    with capture("abandoned", SERVER, "port0", "EN10MB", f"port {ABANDONED}"):
        os.waitpid(within(CLIENT, send_lone_syn, "10.0.1.77", "10.0.2.2", ABANDONED), 0)
        time.sleep(1.5)
    expected["abandoned"] = {"abandoned": 1}


def record_on_the_way(expected):
    with capture("forwarded", GATEWAY, "any", "LINUX_SLL2", f"port {FORWARDED} or port {REFUSED}"):
        both(FORWARDED)
        both(REFUSED)
    expected["forwarded"] = {"completed": 2, "refused": 2}
    rules = ("table ip n { chain c { type nat hook prerouting priority -100; "
             f"tcp dport 8080 dnat to 10.0.2.2:{TRANSLATED}; }}; }}")
    with firewall(GATEWAY, rules):
        with capture("dnat", GATEWAY, "any", "LINUX_SLL2", f"port 8080 or port {TRANSLATED}"):
            client_connects("10.0.1.2", 8080)
    expected["dnat"] = {"completed": 2}
    # No connection tracking here: a box that gives the replies its own address.
    rules = ("table ip o { chain c { type filter hook postrouting priority 300; "
             "ip saddr 10.0.2.2 ip saddr set 10.0.1.2; }; }")
    with firewall(GATEWAY, rules):
        with capture("other-address", CLIENT, "line0", "EN10MB", f"port {OTHER} or icmp"):
            inside(CLIENT, "ping -c 2 -W 1 10.0.2.2", check=False)
            client_connects("10.0.2.2", OTHER, 1.5)
    expected["other-address"] = {"unanswered": 1, "return_only": 1}


def record_asymmetric(expected):
    route(SERVER, "10.0.1.0/24", "10.0.3.2")
    route(SERVER, "2001:db8:1::/64", "2001:db8:3::2")
    with capture("return-only", SERVER, "back0", "EN10MB", f"port {RETURN}"):
        both(RETURN)
    expected["return-only"] = {"return_only": 2}
    with capture("two-devices", SERVER, "any", "LINUX_SLL2", f"port {DEVICES}"):
        both(DEVICES)
    expected["two-devices"] = {"completed": 2}


def record():
    expected = {}
    server = within(SERVER, listen, range(COMPLETED, DEVICES + 1))
    time.sleep(0.3)
    try:
        record_at_the_ends(expected)
        record_on_the_way(expected)
        record_asymmetric(expected)
    finally:
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
    return expected


def main():
    if os.geteuid() != 0:
        sys.exit("record.py: must be root")
    with topology():
        expected = record()
    (HERE / "expected.json").write_text(json.dumps({f"{name}.pcap": outcomes for name, outcomes in expected.items()},
                                                   indent=1) + "\n")


if __name__ == "__main__":
    main()
