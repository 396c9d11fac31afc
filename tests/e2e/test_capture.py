# SPDX-License-Identifier: GPL-2.0-or-later
"""What the exporter captures, counted against what was sent, in network namespaces of its own."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest
from lab.net import Net, NetError, is_lacking
from test_programs import BUILD, EXPORTER, Exporter, is_sanitized, needs_root, run, wait_for

WIRE_FILL = f"{BUILD}/tests/wire_fill"
BLIND_SECONDS = 11  # a SYN-ACK without its SYN says nothing so soon after a capture has begun
ENDED_SECONDS = 30

pytestmark = needs_root


@contextlib.contextmanager
def wired():
    """A namespace to watch with wan1 and wan2, and one at the other ends."""
    with Net() as net:
        try:
            watched, peer = net.namespace("gw"), net.namespace("peer")
            for i in (1, 2):
                net.veth(watched, f"wan{i}", peer, f"far{i}")
                watched.ip(f"addr add 192.0.2.{16 * i + 1}/28 dev wan{i}")
                peer.ip(f"addr add 192.0.2.{16 * i + 2}/28 dev far{i}")
                watched.ip(f"link set wan{i} up")
                peer.ip(f"link set far{i} up")
        except NetError as error:
            if not is_lacking(error):
                raise
            pytest.skip(str(error))
        yield watched, peer


@pytest.fixture(params=["bpf", "libpcap"])
def tap(request):
    """Both ways to capture give the same."""
    return f"--collector.handshake.tap={request.param}"


def fill(watched, peer, *arguments):
    text = run(WIRE_FILL, watched.path, "wan1", peer.path, "far1", *map(str, arguments), check=True).stdout
    return {name: float(value) for name, value in (line.split() for line in text.splitlines())}


def samples(exporter, name):
    """{labels: value} of one family."""
    found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", exporter.get("/metrics")[1], re.MULTILINE)
    return {labels: float(value) for labels, value in found}


def total(exporter, name, *labels):
    return sum(value for text, value in samples(exporter, name).items() if all(label in text for label in labels))


def outcome(exporter, name, *labels):
    return total(exporter, "oneway_handshakes_total", f'outcome="{name}"', *labels)


def captured(exporter, device):
    return total(exporter, "oneway_capture_packets_total", f'device="{device}"')


def is_captured(exporter, *devices):
    names = samples(exporter, "oneway_capture_packets_total")
    return all(f'device="{device}"' in names for device in devices)


def connect(space, peer, address, port=7):
    """One connection from peer to a server in space: completed, then closed."""
    family = 6 if ":" in address else 4
    with space.socket(family) as server, peer.socket(family) as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen()
        client.settimeout(5)
        client.connect((address, port))
        server.accept()[0].close()


def resident(exporter):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{exporter.process.pid}/status").read())[1]) / 1024


def descriptors(exporter):
    return len(os.listdir(f"/proc/{exporter.process.pid}/fd"))


def test_outcomes_are_counted_exactly(tmp_path, tap):
    with wired() as (watched, peer), Exporter(tmp_path, f"--netns={watched.path}", tap) as exporter:
        wait_for(lambda: is_captured(exporter, "wan1", "wan2"))
        time.sleep(BLIND_SECONDS)
        made = fill(watched, peer, "mix", 1667)
        assert sum(made.values()) >= 10000
        wait_for(lambda: total(exporter, "oneway_handshakes_total") >= sum(made.values()), ENDED_SECONDS)
        assert total(exporter, "oneway_capture_dropped_total") == 0
        for name, count in made.items():
            assert outcome(exporter, name) == count, name
        count = made["completed"]
        assert outcome(exporter, "completed", 'syn_device="wan1",synack_device="wan1"') == count
        assert outcome(exporter, "return_only", 'syn_device="",synack_device="wan1"') == count
        packets = samples(exporter, "oneway_handshake_packets_total")
        assert packets['device="wan1",direction="in",kind="syn"'] == 5 * count
        assert packets['device="wan1",direction="in",kind="syn_repeat"'] == count
        assert packets['device="wan1",direction="out",kind="synack"'] == 4 * count
        assert packets['device="wan1",direction="in",kind="ack"'] == count
        assert packets['device="wan1",direction="out",kind="rst"'] == count
        assert total(exporter, "oneway_handshake_ack_delay_seconds_count") == count
        ratio = samples(exporter, "oneway_handshake_ack_ratio")
        assert ratio == {'device="wan1"': pytest.approx(1 / 3)}
        assert total(exporter, "oneway_handshake_sampling_ratio") == 1


def test_devices_come_go_and_change(tmp_path, tap):
    with wired() as (watched, peer), Exporter(tmp_path, f"--netns={watched.path}", tap) as exporter:
        wait_for(lambda: is_captured(exporter, "wan1", "wan2"))
        seconds, steady = threading.Event(), []

        def keep_connecting():
            while not seconds.wait(0.05):
                connect(watched, peer, "192.0.2.17")
                steady.append(1)

        thread = threading.Thread(target=keep_connecting)
        thread.start()
        try:
            connect(watched, peer, "192.0.2.33")
            wait_for(lambda: outcome(exporter, "completed", 'syn_device="wan2"') == 1)
            watched.ip("link set wan2 name red")
            wait_for(lambda: is_captured(exporter, "red"))
            watched.ip("link set red up")
            connect(watched, peer, "192.0.2.33")
            wait_for(lambda: outcome(exporter, "completed", 'syn_device="red"') == 2)
            watched.ip("link set red down")
            time.sleep(1.5)
            watched.ip("link set red up")
            wait_for(lambda: "state UP" in watched.run("ip", "link", "show", "red"))
            connect(watched, peer, "192.0.2.33")
            wait_for(lambda: outcome(exporter, "completed", 'syn_device="red"') == 3)
            before = descriptors(exporter)
            for i in range(5):
                watched.ip(f"""link add new{i} type veth peer name new{i}p
                               link set new{i} up
                               link set new{i}p up""")
                wait_for(lambda: is_captured(exporter, f"new{i}"))
                watched.ip(f"link del new{i}")
            watched.ip("link del red")
            wait_for(lambda: descriptors(exporter) < before, 5)
            assert outcome(exporter, "completed", 'syn_device="red"') == 3
            assert is_captured(exporter, "red", "new0", "new4")
        finally:
            seconds.set()
            thread.join()
        wait_for(lambda: outcome(exporter, "completed", 'syn_device="wan1"') == len(steady))
        assert "level=ERROR" not in exporter.log()


def pairs(space, count, remove=False):
    """Twice as many devices, in one go."""
    if remove:
        space.ip("\n".join(f"link del many{i}" for i in range(count)))
    else:
        space.ip("\n".join(f"link add many{i} type veth peer name more{i}\nlink set many{i} up\nlink set more{i} up"
                           for i in range(count)))


def test_many_devices(tmp_path, tap):
    """More than ever were captured on: the last as the first, and they come and go at once."""
    count = 35
    names = [f"{name}{i}" for name in ("many", "more") for i in range(count)]
    with wired() as (watched, peer), Net() as net:
        pairs(watched, count)
        net.veth(watched, "wan3", peer, "far3")
        for space, name, host in ((watched, "wan3", 1), (peer, "far3", 2)):
            space.ip(f"""link set {name} up
                         addr add 198.51.100.{host}/28 dev {name}""")
        with Exporter(tmp_path, f"--netns={watched.path}", tap) as exporter:
            wait_for(lambda: is_captured(exporter, "wan1", "wan2", "wan3", *names), 20)
            wait_for(lambda: total(exporter, "oneway_capture_devices_unwatched") == 0)
            connect(watched, peer, "198.51.100.1")
            wait_for(lambda: outcome(exporter, "completed", 'syn_device="wan3",synack_device="wan3"') == 1)
            before = descriptors(exporter)
            pairs(watched, count, remove=True)
            if tap.endswith("libpcap"):
                wait_for(lambda: descriptors(exporter) <= before - 2 * count, 20)
            assert is_captured(exporter, *names)
            assert "level=ERROR" not in exporter.log()


def test_no_handshake_of_a_new_device_is_missed(tmp_path):
    """Devices come and go while others are used; each is used as soon as it can be."""
    count = int(os.environ.get("ONEWAY_CHURN", "30"))
    with wired() as (watched, peer), Exporter(tmp_path, f"--netns={watched.path}",
                                              "--collector.handshake.tap=bpf") as exporter:
        wait_for(lambda: is_captured(exporter, "wan1", "wan2"))
        for i in range(count):
            watched.ip(f"link add new{i} type veth peer name far{i}x netns {peer.name}")
            watched.ip(f"addr add 198.51.100.1/30 dev new{i}\nlink set new{i} up")
            peer.ip(f"addr add 198.51.100.2/30 dev far{i}x\nlink set far{i}x up")
            connect(watched, peer, "198.51.100.1")
            connect(watched, peer, "192.0.2.17")
            watched.ip(f"link del new{i}")
            if i == 5:
                before = resident(exporter), descriptors(exporter)
        wait_for(lambda: outcome(exporter, "completed") == 2 * count, 15)
        assert outcome(exporter, "completed", 'syn_device="wan1"') == count
        wait_for(lambda: descriptors(exporter) <= before[1] + 4, 10)
        if not is_sanitized():
            assert resident(exporter) < before[0] + 4


def test_devices_that_cannot_be_captured_are_told(tmp_path):
    with wired() as (watched, _), Exporter(tmp_path, f"--netns={watched.path}",
                                           "--collector.handshake.tap=libpcap") as exporter:
        def unwatched(reason):
            return total(exporter, "oneway_capture_devices_unwatched", f'reason="{reason}"')

        wait_for(lambda: is_captured(exporter, "wan1", "wan2"))
        most = descriptors(exporter) + 20
        run("prlimit", f"--pid={exporter.process.pid}", f"--nofile={most}:{most}", check=True)
        pairs(watched, 35)
        wait_for(lambda: unwatched("descriptors") > 30 and unwatched("pending") == 0, 20)
        wait_for(lambda: 'collector=handshake error="Too many open files"' in exporter.log())
        pairs(watched, 35, remove=True)
        wait_for(lambda: total(exporter, "oneway_capture_devices_unwatched") == 0, 20)


def test_devices_are_chosen_by_name(tmp_path):
    with wired() as (watched, _):
        for flag, wanted, other in (("include", "wan1", "wan2"), ("exclude", "wan2", "wan1")):
            with Exporter(tmp_path, f"--netns={watched.path}",
                          f"--collector.handshake.device-{flag}=wan1") as exporter:
                wait_for(lambda: is_captured(exporter, wanted))
                assert not is_captured(exporter, other)
    result = run(EXPORTER, "--collector.handshake.device-include=(")
    assert result.returncode == 2 and "--collector.handshake.device-include" in result.stderr
    result = run(EXPORTER, "--collector.handshake.device-include=a", "--collector.handshake.device-exclude=b")
    assert result.returncode == 2 and "cannot be combined" in result.stderr


def test_a_tun_device_and_ipv6(tmp_path, tap):
    with Net() as net:
        watched, peer = net.namespace("gw"), net.namespace("peer")
        net.tun_pair(watched, "tun0", peer, "tun0")
        for space, host in ((watched, 1), (peer, 2)):
            space.ip(f"""addr add 192.0.2.{host}/30 dev tun0
                         link set tun0 up""")
            space.ip(f"addr add 2001:db8::{host}/64 dev tun0 nodad", 6)
        with Exporter(tmp_path, f"--netns={watched.path}", tap) as exporter:
            wait_for(lambda: is_captured(exporter, "tun0"))
            connect(watched, peer, "192.0.2.1")
            connect(watched, peer, "2001:db8::1")
            connect(peer, watched, "2001:db8::2")
            wait_for(lambda: outcome(exporter, "completed", 'syn_device="tun0",synack_device="tun0"') == 3)
            packets = samples(exporter, "oneway_handshake_packets_total")
            assert packets['device="tun0",direction="in",kind="syn"'] == 2
            assert packets['device="tun0",direction="out",kind="syn"'] == 1
            peer.run("ping", "-c2", "-i0.2", "192.0.2.1")
            peer.run("ping", "-c1", "2001:db8::1")
            wait_for(lambda: total(exporter, "oneway_echo_total", 'outcome="answered"') == 3, 20)


def test_a_vlan_is_a_device_of_its_own(tmp_path, tap):
    with wired() as (watched, peer):
        try:
            for space, parent, host in ((watched, "wan1", 1), (peer, "far1", 2)):
                space.ip(f"""link add link {parent} name v100 type vlan id 100
                             addr add 198.51.100.{host}/24 dev v100
                             link set v100 up""")
        except NetError as error:
            if not is_lacking(error):
                raise
            pytest.skip(f"this kernel has no VLAN devices: {error}")
        with Exporter(tmp_path, f"--netns={watched.path}", tap) as exporter:
            wait_for(lambda: is_captured(exporter, "wan1", "v100"))
            connect(watched, peer, "198.51.100.1")
            wait_for(lambda: outcome(exporter, "completed", 'syn_device="v100",synack_device="v100"') == 1)


def test_a_macvlan_among_many_devices(tmp_path, tap):
    """What comes in passes the kernel's tracepoint at the device below alone."""
    with wired() as (watched, peer):
        pairs(watched, 10)
        try:
            watched.ip("link add link wan1 name above type macvlan")
        except NetError as error:
            if not is_lacking(error):
                raise
            pytest.skip(f"this kernel has no macvlan devices: {error}")
        watched.sysctl(net__ipv4__conf__all__arp_ignore=1)  # else wan1 answers for it
        watched.ip("addr add 198.51.100.1/24 dev above\nlink set above up")
        peer.ip("addr add 198.51.100.2/24 dev far1")
        with Exporter(tmp_path, f"--netns={watched.path}", tap) as exporter:
            wait_for(lambda: is_captured(exporter, "wan1", "above", "many9"))
            connect(watched, peer, "198.51.100.1")
            wait_for(lambda: outcome(exporter, "completed", 'syn_device="above"') == 1)


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
def test_without_its_capability_it_says_so(tmp_path):
    os.chmod(tmp_path, 0o777)
    drop = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    with wired() as (watched, _):
        with Exporter(tmp_path, f"--netns={watched.path}", "--collector.handshake.tap=libpcap", prefix=drop) as exporter:
            wait_for(lambda: 'collector="handshake"} 0' in exporter.get("/metrics")[1])
            time.sleep(2.5)
            metrics, log = exporter.get("/metrics")[1], exporter.log()
    for name in ("link", "route", "synrecv"):
        assert f'oneway_scrape_collector_success{{collector="{name}"}} 1' in metrics
    assert "oneway_handshakes_total" not in metrics
    assert log.count("collector=handshake") == 1
    assert 'collector=handshake error="not permitted: needs CAP_NET_RAW, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"' in log


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
def test_without_the_privilege_for_bpf_it_says_so_once_and_captures(tmp_path):
    ask = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9888/metrics').read().decode())"
    log = tmp_path / "log"
    with wired() as (watched, peer), open(log, "w") as out:
        watched.ip("link set lo up")
        process = subprocess.Popen(
            ["nsenter", f"--net={watched.path}", "setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin",
             "--inh-caps=-bpf,-perfmon,-sys_admin", EXPORTER, "--web.listen-address=127.0.0.1:9888"], stderr=out)
        try:
            wait_for(lambda: "Watching" in log.read_text(), 30)
            connect(watched, peer, "192.0.2.17")
            wait_for(lambda: 'outcome="completed"} 1' in watched.run("/usr/bin/python3", "-c", ask), 20)
            assert 'oneway_capture_info{tap="libpcap"} 1' in watched.run("/usr/bin/python3", "-c", ask)
        finally:
            process.terminate()
            process.wait()
    assert log.read_text().count('by="libpcap; no BPF: not permitted: needs CAP_BPF') == 1


@pytest.fixture
def no_quarantine(monkeypatch):
    """A sanitizer keeps what was freed for a while; not here, where memory is measured."""
    monkeypatch.setenv("ASAN_OPTIONS", "quarantine_size_mb=0:thread_local_quarantine_size_kb=0")


def test_a_spoofed_flood_needs_no_more_memory(tmp_path, no_quarantine):
    with wired() as (watched, peer), Exporter(tmp_path, f"--netns={watched.path}") as exporter:
        wait_for(lambda: is_captured(exporter, "wan1"))
        sent, before, grown = 0, 0, 1
        for _ in range(8):  # a slow machine takes its time to fill the tables
            if grown < 0.5:
                break
            sent += fill(watched, peer, "flood", 3, 0)["packets"]
            before, grown = resident(exporter), resident(exporter) - before
        made = fill(watched, peer, "flood", 5, 0)
        sent += made["packets"]
        after = resident(exporter)
        print(f"{made['packets'] / made['seconds']:.0f} SYNs/s, resident {before:.1f} to {after:.1f} MiB")
        assert after - before < 1.5
        if not is_sanitized():
            assert after < 32
        sampling = total(exporter, "oneway_handshake_sampling_ratio")
        print(f"sampling ratio {sampling}, evicted {total(exporter, 'oneway_handshakes_evicted_total'):.0f}")
        assert 0 < sampling < 1
        assert exporter.get("/metrics")[0] == 200
        assert total(exporter, "oneway_findings") == 0
        time.sleep(1.5)
        seen = total(exporter, "oneway_handshake_packets_total", 'device="wan1"', 'direction="in"', 'kind="syn')
        print(f"{sent} SYNs sent, {seen} estimated, of {captured(exporter, 'wan1')} packets captured")
        if 'tap="bpf"' in exporter.get("/metrics")[1]:
            assert captured(exporter, "wan1") < sent / 2  # the rest was not even copied
            if not total(exporter, "oneway_capture_dropped_total"):
                # Flows of both floods are the same: some count as when they were first followed.
                assert sent / 2 < seen < 1.3 * sent


def hang(peer, address, seconds):
    """A client that does not get what the server answers, tries again and again."""
    peer.nft("""table inet lost { chain input { type filter hook input priority 0;
                tcp sport 7 tcp flags & (syn | ack) == syn | ack drop; }; }""")
    with peer.socket(4) as client:
        client.settimeout(seconds)
        with contextlib.suppress(OSError):
            client.connect((address, 7))


def test_a_lost_client_is_found_amid_a_flood(tmp_path, no_quarantine):
    """As fast as can be sent; ONEWAY_FLOOD_SECONDS says for how long. A sanitized capture thread is several times
    slower: what it cannot read is lost, and the client's few packets with it, so there the flood is held back."""
    seconds = float(os.environ.get("ONEWAY_FLOOD_SECONDS", "20"))
    pace = 50000 if is_sanitized() else 0
    with wired() as (watched, peer), watched.socket(4) as server, \
            Exporter(tmp_path, f"--netns={watched.path}") as exporter:
        server.bind(("192.0.2.17", 7))
        server.listen()
        wait_for(lambda: is_captured(exporter, "wan1"))
        flood = threading.Thread(target=fill, args=(watched, peer, "flood", seconds, pace))
        client = threading.Thread(target=hang, args=(peer, "192.0.2.17", seconds - 4))
        flood.start()
        time.sleep(3)
        before = resident(exporter)
        assert total(exporter, "oneway_findings") == 0
        client.start()
        found = wait_for(lambda: exporter.findings(), seconds)
        for thread in (client, flood):
            thread.join()
        print(f"found after {found[1]:.1f} s, resident {before:.1f} to {resident(exporter):.1f} MiB, "
              f"sampling ratio {total(exporter, 'oneway_handshake_sampling_ratio')}, captured {captured(exporter, 'wan1'):.0f}, "
              f"lost {total(exporter, 'oneway_capture_dropped_total'):.0f}")
        assert [(finding["condition"], finding["device"], finding["address"]) for finding in exporter.findings()] == [
            ("handshake_one_way", "wan1", "192.0.2.17")]
        assert resident(exporter) - before < 1.5


def test_repeated_synacks_are_counted(tmp_path):
    with wired() as (watched, peer), watched.socket(4) as server, \
            Exporter(tmp_path, f"--netns={watched.path}", "--no-collector.handshake") as exporter:
        server.bind(("192.0.2.17", 7))
        server.listen()
        peer.nft("""table inet lost { chain input { type filter hook input priority 0;
                    tcp flags & (syn | ack) == syn | ack drop; }; }""")
        with peer.socket(4) as client:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(("192.0.2.17", 7))
            wait_for(lambda: samples(exporter, "oneway_syn_recv_unanswered") == {'address="192.0.2.17"': 1}, 20)
