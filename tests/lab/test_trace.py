# SPDX-License-Identifier: GPL-2.0-or-later
"""Tracing: what `oneway explain --trace` shows, and that nothing remains of it, however it ends."""

import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time

import pytest

from lab.labs.base import LAN, LINES
from lab.labs.forward_drop import BROKEN, REDIRECTED, SSH, WHOLE, ForwardDrop, ReversePath
from lab.net import NetError
from lab.traffic import Background
from lab.watch import Exporter, find_program, poll

TABLE = re.compile(r"table inet (oneway_trace_\w+)")
RULESETS = pathlib.Path(__file__).parents[1] / "data" / "rulesets"
OWN = re.compile(r"table inet oneway_trace_\w+ \{.*?^\}\n", re.DOTALL | re.MULTILINE)
WAIT_SECONDS = 15


def built(name):
    build = os.environ.get("ONEWAY_BUILD")
    if not build:
        pytest.skip("ONEWAY_BUILD names no build directory")
    found = find_program(build, name)
    assert found, f"no {name} in {build}"
    return found


@pytest.fixture
def faulty(stand):
    """faulty(variant, family): a context in which the faulty lab stands."""
    def make(variant="set", family=4):
        return stand((ForwardDrop, variant, family), healthy=False)
    return make


def ruleset(lab):
    """Without the counters."""
    return re.sub(r"packets \d+ bytes \d+", "", lab.gateway.run("nft", "-a", "list", "ruleset"))


def own_tables(lab):
    return TABLE.findall(lab.gateway.run("nft", "list", "tables"))


class Explain:
    """`oneway explain` in the background, up to the moment when it waits."""

    def __init__(self, lab, *flags, port=BROKEN, client=None, address=None):
        address = address or lab.at(LINES[0], 2)
        service = f"[{address}]:{port}" if lab.family == 6 else f"{address}:{port}"
        self.command = ["setpriv", "--pdeathsig", "KILL", str(built("oneway")), "explain", client or lab.client_address,
                        service, "--netns", lab.gateway.name, "--trace", "--format", "json", *flags]
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def until_waiting(self):
        ready, _, _ = select.select([self.process.stderr], [], [], WAIT_SECONDS)
        assert ready, "it does not wait"
        line = self.process.stderr.readline()
        assert "Waiting up to" in line, line + self.process.stderr.read()
        return self

    def result(self):
        out, err = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, json.loads(out) if out else None, err


def test_trace_shows_the_way_to_the_verdict(faulty, family):
    with faulty(family=family) as lab:
        before = ruleset(lab)
        with Explain(lab) as explain:
            explain.until_waiting()
            assert own_tables(lab)
            lab.attempts()[0].run()
            status, answer, err = explain.result()
        assert status == 1, err
        trace = answer["trace"]
        said = lab.evidence()
        assert (trace["end"], trace["table"], trace["chain"], trace["handle"]) == \
            ("rule", said["table"], said["chain"], said["handle"])
        assert (trace["client"], trace["translated"], trace["target"], trace["target_port"]) == \
            (lab.client_address, True, lab.at(LAN, 2), SSH)
        assert (trace["set"], trace["missing_element"]) == lab.missing
        ways = [(step["table"], step["chain"], step["verdict"]) for step in trace["steps"]]
        ip = lab.nft_family
        assert ways == [(f"{ip} nat", "prerouting", "accept"), (f"{ip} filter", "forward", "jump allowed_dnats"),
                        (f"{ip} filter", "allowed_dnats", "drop")]
        assert trace["steps"][0]["rule"].endswith(f"dnat to {lab.to}")
        assert trace["rule"] == "counter drop"
        assert ruleset(lab) == before
        for command in trace["remedy"]:
            lab.gateway.shell(command)
        assert lab.attempts()[0].run() == "ok"


@pytest.mark.parametrize("variant", ForwardDrop.variants)
def test_reading_says_what_the_trace_says(faulty, variant):
    """Before anybody asks, and without tracing anything."""
    with faulty(variant, 6 if variant in ("inet", "iptables") else 4) as lab:
        with Explain(lab) as explain:
            explain.until_waiting()
            lab.attempts()[0].run()
            status, answer, err = explain.result()
        assert status == 1, err
        trace, reading = answer["trace"], answer["reading"]
        for key in ("end", "place", "table", "chain", "handle", "rule", "target", "target_port"):
            assert reading[key] == trace[key], (key, reading, trace)
        assert answer["breaks_at"] == "rules"
        for command in reading["remedy"]:
            lab.gateway.shell(command)
        assert lab.attempts()[0].run() == "ok"


def test_trace_of_what_gets_through(faulty):
    with faulty() as lab:
        with Explain(lab, port=WHOLE) as explain:
            explain.until_waiting()
            assert lab.attempts()[1].run() == "ok"
            status, answer, err = explain.result()
        assert status == 0, err
        assert (answer["trace"]["end"], answer["trace"]["place"]) == ("passed", "through")
        assert answer["trace"]["remedy"] == []


def test_trace_of_nobody(faulty):
    with faulty() as lab:
        before = ruleset(lab)
        with Explain(lab, "--for", "2s", client=lab.at(LAN, 9), port=WHOLE) as explain:
            assert lab.attempts()[1].run() == "ok"  # of another client
            status, answer, err = explain.result()
        assert status == 2, err
        assert answer["trace"]["end"] == "nothing" and answer["trace"]["client"] is None
        assert ruleset(lab) == before


def test_probe_begins_at_output(faulty, family):
    with faulty(family=family) as lab:
        lab.gateway.nft(f"""table inet out {{ chain output {{ type filter hook output priority filter;
            {lab.nft_family} daddr {lab.client_address} tcp dport 22 drop
        }}
        }}""")
        service = f"{lab.bracketed(lab.client_address)}:22"
        done = subprocess.run([built("oneway"), "explain", lab.at(LAN, 2), service, "--netns", lab.gateway.name,
                               "--trace", "--probe", "--format", "json"], capture_output=True, text=True,
                              timeout=WAIT_SECONDS)
        trace = json.loads(done.stdout)["trace"]
        assert done.returncode == 1 and (trace["table"], trace["chain"]) == ("inet out", "output"), trace
        assert not own_tables(lab)


def test_text_names_the_rule(faulty):
    with faulty() as lab:
        with Explain(lab, "--format", "text", "--color", "never") as explain:
            explain.until_waiting()
            lab.attempts()[0].run()
            out, _ = explain.process.communicate(timeout=WAIT_SECONDS)
        assert f"rule {lab.handle()}: drop" in out
        assert f"nft add element ip filter allowed {{ {lab.missing[1]} }}" in out


def vanished(lab, attempt, *flags):
    """The trace of a request that no rule of nftables drops."""
    with Explain(lab, *flags, address=attempt.address) as explain:
        explain.until_waiting()
        attempt.run()
        status, answer, err = explain.result()
    assert status == 1 and answer["trace"]["end"] == "vanished", err
    assert answer["trace"]["table"] is None and answer["trace"]["remedy"] == []
    return answer["trace"]


def test_reverse_path_is_told(stand):
    with stand((ReversePath, "reverse-path", 4), healthy=False) as lab:
        trace = vanished(lab, lab.attempts()[1])
        assert trace["place"] == "routing" and "reverse-path filtering drops it" in trace["explanation"]


@pytest.mark.parametrize("kind, told", (("blackhole", "a blackhole route"), ("unreachable", "an unreachable route"),
                                        ("prohibit", "a prohibit route")))
def test_routes_that_lead_nowhere_are_told(faulty, kind, told):
    with faulty() as lab:
        lab.gateway.ip(f"route add {kind} {lab.at(LAN, 2)}")
        trace = vanished(lab, lab.attempts()[0])
        assert trace["place"] == "routing" and told in trace["explanation"], trace


def test_forwarding_that_is_off_is_told(faulty):
    with faulty() as lab:
        lab.gateway.sysctl(net__ipv4__conf__wan0__forwarding=0)
        trace = vanished(lab, lab.attempts()[0])
        assert trace["place"] == "routing" and "forwarding is off" in trace["explanation"], trace


def test_rules_that_are_not_traced_are_told_apart(faulty):
    with faulty("raw") as lab:
        lab.gateway.nft("delete table inet early")
        try:
            lab.gateway.run("iptables-legacy", "-A", "FORWARD", "-p", "tcp", "--dport", str(SSH), "-j", "DROP")
        except NetError as reason:
            assert "can't initialize iptables table" in str(reason), reason
            pytest.skip(f"no rules of iptables-legacy here: {reason}")
        trace = vanished(lab, lab.attempts()[0])
        assert trace["place"] == "forward" and "iptables-legacy" in trace["explanation"], trace


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGABRT))
def test_nothing_remains_of_explain(faulty, number):
    with faulty() as lab:
        before = ruleset(lab)
        with Explain(lab) as explain:
            explain.until_waiting()
            assert own_tables(lab)
            explain.process.send_signal(number)
            status, answer, _ = explain.result()
            assert status in (2, -number) and answer is None
        assert poll(lambda: not own_tables(lab), WAIT_SECONDS)
        assert ruleset(lab) == before


def knock_until_armed(lab):
    """The exporter arms its trace at the second SYN; nobody sends a third."""
    quick = lab.attempts()[0].__class__(name="knock", source=lab.client, address=lab.at(LINES[0], 2), port=BROKEN,
                                        patience=1.3)
    quick.run()
    return poll(lambda: own_tables(lab), 5, every=0.02)


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGKILL, signal.SIGABRT))
def test_nothing_remains_of_the_exporter(faulty, number):
    with faulty() as lab:
        before = ruleset(lab)
        with Exporter(built("oneway_exporter"), lab) as exporter:
            assert knock_until_armed(lab), exporter.log()
            if number == signal.SIGTERM:
                exporter.stop()
            else:
                exporter.kill(number)
            assert poll(lambda: not own_tables(lab), WAIT_SECONDS)
            assert ruleset(lab) == before


def test_trace_ends_by_itself(faulty):
    with faulty() as lab:
        before = ruleset(lab)
        with Exporter(built("oneway_exporter"), lab) as exporter:
            assert knock_until_armed(lab), exporter.log()
            armed = time.monotonic()
            assert poll(lambda: not own_tables(lab), WAIT_SECONDS)
            assert time.monotonic() - armed < 12
            assert ruleset(lab) == before


def test_no_other_table_is_touched(faulty):
    """nft monitor, while the exporter finds the rule."""
    with faulty() as lab:
        monitor = subprocess.Popen(["ip", "netns", "exec", lab.gateway.name, "setpriv", "--pdeathsig", "KILL", "nft",
                                    "monitor"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            with Exporter(built("oneway_exporter"), lab) as exporter, Background(lab.attempts()):
                assert poll(exporter.causes, lab.open_seconds), exporter.log()
                drops = exporter.samples("oneway_trace_drops_total")
                assert list(drops.values())[0] >= 1 and f'rule="{lab.handle()}"' in list(drops)[0], drops
            time.sleep(0.5)
        finally:
            monitor.kill()
        seen = [line for line in monitor.stdout.read().splitlines()
                if line and not line.startswith(("# new gen", "trace id"))]
        monitor.wait()
        assert len(seen) >= 4  # a table with its chains and rule was made, and is gone
        assert [line for line in seen if "inet oneway_trace_" not in line] == []


@pytest.mark.parametrize("load", ("nft -f firewalld.nft", "iptables-nft-restore --noflush docker.iptables"))
def test_a_ruleset_of_others_is_not_disturbed(faulty, load):
    *command, name = load.split()
    with faulty() as lab:
        lab.gateway.run(*command, str(RULESETS / name))
        before = ruleset(lab)
        assert name.split(".")[0] in before.lower()
        with Explain(lab) as explain:
            explain.until_waiting()
            assert len(own_tables(lab)) == 1
            assert OWN.sub("", ruleset(lab)) == before
            lab.attempt("knock", lab.client, lab.at(LINES[0], 2), "", BROKEN, patience=0.5).run()
            status, answer, err = explain.result()
        assert status == 1 and answer["trace"]["end"] == "rule" and answer["trace"]["handle"] == lab.handle(), err
        assert ruleset(lab) == before


def test_conntrack_is_not_switched_on(faulty):
    """A gateway that does not track connections does not begin to."""
    with faulty("redirect") as lab:
        for table in ("inet filter", f"{lab.nft_family} nat"):
            lab.gateway.run("nft", "delete", "table", *table.split())
        lab.gateway.nft("table inet filter { chain input { type filter hook input priority filter;\n"
                        f"tcp dport {REDIRECTED} drop\n}}\n}}")
        with Explain(lab, port=REDIRECTED) as explain:
            explain.until_waiting()
            lab.attempt("knock", lab.client, lab.at(LINES[0], 2), "", REDIRECTED, patience=0.5).run()
            status, answer, err = explain.result()
        assert status == 1 and answer["trace"]["end"] == "rule", err
        assert answer["trace"]["translated"] is False
        assert int(lab.gateway.run("cat", "/proc/sys/net/netfilter/nf_conntrack_count")) == 0


def test_a_missing_capability_is_said(faulty):
    with faulty() as lab:
        done = subprocess.run(["ip", "netns", "exec", lab.gateway.name, "setpriv", "--bounding-set=-net_admin",
                               "--inh-caps=-net_admin", built("oneway"), "explain", lab.client_address,
                               f"{lab.at(LINES[0], 2)}:{BROKEN}", "--trace"], capture_output=True, text=True,
                              timeout=WAIT_SECONDS)
        assert done.returncode == 2 and "CAP_NET_ADMIN" in done.stderr, done.stderr
