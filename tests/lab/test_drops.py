# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets dropped by rp_filter are counted on their device, every one of them, and on no other."""

import contextlib
import pathlib
import socket
import time

import pytest

from lab.labs.tunnel_rp_filter import TunnelRpFilter
from lab.labs.two_nics import TwoNics
from lab.test_labs import pretty, program  # noqa: F401  (a fixture)
from lab.watch import Exporter, poll

PACKETS = 250
COUNTED_SECONDS = 15
CASES = [(TunnelRpFilter, variant, 4) for variant in TunnelRpFilter.variants] + [(TwoNics, "strict", 4)]
NAMES = [f"{lab.name}-{variant}" for lab, variant, _ in CASES]


def send(lab):
    """Datagrams that nobody answers, slowly enough for any queue."""
    space, source, destination, _ = lab.doubtful_packets()
    space.sysctl(net__ipv4__conf__all__arp_announce=2)  # ARP from such a source is ignored without being counted
    with contextlib.closing(space.socket(4, socket.SOCK_DGRAM)) as sock:
        sock.bind((source, 0))
        for _ in range(PACKETS):
            with contextlib.suppress(ConnectionError):  # the healthy host says that nobody listens
                sock.sendto(b"", (destination, 9))
            time.sleep(0.002)


def by_device(exporter):
    return {labels: value for labels, value in exporter.samples("oneway_rp_filter_device_drops_total").items() if value}


def told_by_kernel():
    """The kernel names its reasons in its types."""
    types = pathlib.Path("/sys/kernel/btf/vmlinux")
    return types.exists() and b"\0SKB_DROP_REASON_IP_RPFILTER\0" in types.read_bytes()


@pytest.fixture
def counting(program, stand):  # noqa: F811
    """counting(case, healthy): a context with the lab and the exporter that counts there; skips where it cannot."""
    @contextlib.contextmanager
    def enter(case, healthy):
        with stand(case, healthy=healthy) as lab, Exporter(program, lab) as exporter:
            if not exporter.samples("oneway_scrape_collector_success")['collector="drops"']:
                assert not told_by_kernel() or "this build has no BPF program" in exporter.log(), exporter.log()
                pytest.skip(f"drops are not counted here: {exporter.log()}")
            yield lab, exporter
    return enter


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_counts_are_exact(counting, case):
    with counting(case, healthy=False) as (lab, exporter):
        before = lab.watched.netstat("IPReversePathFilter")
        device = lab.doubtful_packets()[3]
        assert by_device(exporter) == {}
        send(lab)
        wanted = {f'device="{device}"': PACKETS}
        poll(lambda: by_device(exporter) == wanted, COUNTED_SECONDS)
        assert by_device(exporter) == wanted
        assert lab.watched.netstat("IPReversePathFilter") - before == PACKETS
        assert poll(lambda: named(exporter, device), COUNTED_SECONDS), pretty(exporter.findings())
        assert not [finding for finding in exporter.findings() if finding["condition"] == "rp_filter_drops"
                    and finding["device"] != device]


def named(exporter, device):
    """The finding names the device, with its counts."""
    return [finding for finding in exporter.findings() if finding["condition"] == "rp_filter_drops"
            and finding["device"] == device and finding["severity"] == "critical"
            and finding["evidence"]["device_drops_total"] == PACKETS]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_nothing_is_counted_where_nothing_is_dropped(counting, case):
    with counting(case, healthy=True) as (lab, exporter):
        arrived = lab.watched.received(lab.doubtful_packets()[3])
        send(lab)
        time.sleep(2)
        assert lab.watched.received(lab.doubtful_packets()[3]) - arrived >= PACKETS
        assert by_device(exporter) == {}
        assert lab.watched.netstat("IPReversePathFilter") == 0
