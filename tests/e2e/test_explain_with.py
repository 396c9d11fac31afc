# SPDX-License-Identifier: GPL-2.0-or-later
"""`oneway explain --with`: what it says of commands that were not run is what it says after they were."""

import json
import os
import shlex
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from test_explain import ONEWAY, host, run  # noqa: E402,F401 (a fixture)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def explained(where, client, service, *flags):
    done = run(ONEWAY, "explain", f"--netns={where.name}", "--format=json", client, service, *flags)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout.decode())
    assert not report["with"] or report["findings"] == []
    return {key: value for key, value in report.items() if key not in ("with", "findings")}


def flags_of(commands):
    return [f"--with={command}" for command in commands]


def state(where):
    """Without what IPv6 does by itself."""
    shown = [run("ip", "-n", where.name, f"-{where.family}", *words).stdout.decode() for words in
             (("rule", "show"), ("route", "show", "table", "all"))]
    return [line for text in shown for line in text.splitlines() if "fe80:" not in line and "ff00:" not in line]


# In order: each is asked for with all before it. %s: address, client, gateway, the prefix of the client's network.
COMMANDS = [
    "ip {six}rule add pref 100 from {address} lookup main suppress_prefixlength 0",
    "ip {six}rule add pref 101 from {address} lookup 101",
    "ip {six}rule add from {address} lookup 102",
    "sudo ip {six}rule delete pref 101",
    "ip {six}route add blackhole default table 102",
    "ip {six}route replace default via {gateway} dev eth1 table 102",
    "ip {six}route add {far} via {first} dev eth0 table 102",
    "ip {six}route add throw {client} table 102",
    "ip {six}route del throw {client} table 102",
    "ip {six}rule add pref 60 to {client} ipproto tcp sport 8080 prohibit",
    "ip {six}rule del pref 60",
    "ip {six}rule add pref 60 not from {far} goto 32766",
    "ip {six}rule del pref 60",
    "ip {six}route del default",
    "ip {six}address add {whole} dev eth1{nodad}",
    "ip {six}route replace {far} via {near} table 102",
    "ip {six}addr del {whole} dev eth1",
]


def test_each_command_is_as_if_it_had_been_run(host):  # noqa: F811
    where = host.where
    words = {"six": "-6 " if host.family == 6 else "", "address": host.address, "client": where["client"],
             "gateway": where["other"][1], "first": where["default"][1], "whole": "198.18.0.1/24" if host.family == 4 else "fd00:99::1/64",
             "near": "198.18.0.9" if host.family == 4 else "fd00:99::9",
             "far": "203.0.113.0/24" if host.family == 4 else "2001:db8:3::/64", "nodad": " nodad" if host.family == 6 else ""}
    commands = [command.format(**words) for command in COMMANDS]
    service = f"[{host.address}]:8080" if host.family == 6 else f"{host.address}:8080"
    for at, command in enumerate(commands):
        before = state(host)
        told = explained(host, where["client"], service, "--device=eth1", *flags_of(commands[at:at + 1]))
        assert state(host) == before
        host.shell(command.removeprefix("sudo "))
        assert explained(host, where["client"], service, "--device=eth1") == told, command


def test_all_commands_at_once(host):  # noqa: F811
    service = f"[{host.address}]:8080" if host.family == 6 else f"{host.address}:8080"
    six = "-6 " if host.family == 6 else ""
    commands = [f"ip {six}route add default via {host.where['other'][1]} dev eth1 table 7",
                f"ip {six}rule add pref 5 from {host.address} lookup 7"]
    told = explained(host, host.where["client"], service, "--device=eth1", *flags_of(commands))
    assert told["breaks_at"] is None
    for command in commands:
        host.shell(command)
    assert explained(host, host.where["client"], service, "--device=eth1") == told


SWITCHES = ["sysctl -w net.ipv4.conf.eth1.rp_filter=1", "sysctl -w net/ipv4/conf/eth1/rp_filter=2",
            "echo 0 > '/proc/sys/net/ipv4/conf/eth1/rp_filter'", "sysctl -w net.ipv4.conf.all.rp_filter=1",
            "sysctl -w net.ipv4.ip_forward=1"]


@pytest.mark.parametrize("service", ("address", "stranger"))
def test_switches(host, service):  # noqa: F811
    if host.family == 6:
        pytest.skip("rp_filter is of IPv4")
    asked = host.address if service == "address" else host.where["stranger"]
    for command in SWITCHES:
        told = explained(host, host.where["client"], f"{asked}:8080", "--device=eth1", *flags_of([command]))
        name, _, value = command.rpartition("=") if "sysctl" in command else (command.split("'")[1], "", command[5])
        path = name if name.startswith("/") else "/proc/sys/" + name.split(" ")[-1].replace(".", "/")
        host.shell(f"echo {value} > {path}")
        assert explained(host, host.where["client"], f"{asked}:8080", "--device=eth1") == told, command


REFUSED = {
    "ip rule add pref 5 tos 4 lookup 7": "ip rule: tos is not known here",
    "ip route add default nexthop via 192.0.2.9 dev eth0": "ip route: nexthop is not known here",
    "ip route add 198.51.100.0/33 dev eth0": "198.51.100.0/33 is no address or network",
    "ip route add default dev eth7": "there is no device eth7",
    "ip rule add lookup uplink": "table uplink is not known here: give its number",
    "ip link set eth0 down": "ip link is not known here",
    "ip rule show": "ip: add, del or replace is expected, not show",
    "ip addr del 198.51.100.1/24 dev eth1": "it is the last address of eth1, whose routes would go with it: that is not "
                                            "known here",
    "ip rule del pref 4711": "there is no such rule",
    "ip route del 203.0.113.0/24 dev eth0": "there is no such route",
    "nft flush ruleset": "nft is not known here",
    "ip rule add pref 5 lookup 7; reboot": "; is the shell's",
    "sysctl -w net.ipv4.tcp_syncookies=1": "sysctl: net.ipv4.tcp_syncookies is not known here",
    "sysctl -w net.ipv4.conf.eth0.log_martians=1": "sysctl: log_martians is not known here",
    "echo 1 > /etc/passwd": "echo: only into a file of /proc/sys/",
    "ip 'rule": "a quote is not closed",
}


def test_what_is_not_understood_is_refused_by_name(host):  # noqa: F811
    if host.family == 6:
        pytest.skip("one family is enough")
    for command, message in REFUSED.items():
        done = run(ONEWAY, "explain", f"--netns={host.name}", host.where["client"], host.address, f"--with={command}")
        assert (done.returncode, done.stdout) == (2, b""), command
        assert done.stderr.decode() == f"oneway explain: --with '{command}': {message}\n", (command, done.stderr)


def test_a_table_that_is_too_long_is_told(host):  # noqa: F811
    if host.family == 6:
        pytest.skip("one family is enough")
    lines = "\n".join(f"route add blackhole 10.{i >> 8 & 255}.{i & 255}.{j} table 9" for i in range(16400) for j in (1, 2, 3, 4))
    subprocess.run(["ip", "-n", host.name, "-batch", "-"], input=lines.encode(), check=True, timeout=60)
    done = run(ONEWAY, "explain", f"--netns={host.name}", host.where["client"], host.address,
               "--with=" + shlex.join(["ip", "rule", "add", "pref", "5", "lookup", "9"]))
    assert done.returncode == 2 and b"table 9 has too many routes to be read" in done.stderr, done.stderr
