# SPDX-License-Identifier: GPL-2.0-or-later
"""`oneway read` over several captures of the same connections: between which two the reply was lost."""

import json
import os
import pathlib
import socket
import struct
import subprocess

import pytest

from read.pcapng import RAW, Section

ONEWAY = pathlib.Path(os.environ["ONEWAY_BUILD"], "exporter", "oneway")
MS = 10**6
BEGIN = 1767323041 * 1000 * MS
SYN, SYNACK, ACK = 2, 18, 16
CLIENT, VIRTUAL, REAL = ("203.0.113.5", 40000), ("198.51.100.7", 443), ("10.0.0.2", 8443)
CLIENT6, VIRTUAL6, REAL6 = ("2001:db8::5", 40000), ("2001:db8:1::7", 443), ("fd00::2", 8443)


def tcp(source, destination, sequence, acknowledgement, flags, ttl):
    segment = struct.pack(">HHIIBBHHH", source[1], destination[1], sequence, acknowledgement, 5 << 4, flags, 65535, 0, 0)
    if ":" in source[0]:
        return struct.pack(">IHBB", 6 << 28, len(segment), 6, ttl) + b"".join(
            socket.inet_pton(socket.AF_INET6, end[0]) for end in (source, destination)) + segment
    return struct.pack(">BBHHHBBH", 0x45, 0, 40, 1, 0, ttl, 6, 0) + b"".join(
        socket.inet_aton(end[0]) for end in (source, destination)) + segment


class Viewpoint:
    """Packets of one place, `delay` after the client and with a clock of its own."""

    def __init__(self, clock=0, delay=0, hops=0):
        self.clock, self.delay, self.hops = clock, delay, hops
        self.section = Section()
        self.line = self.section.interface(RAW, resolution=9)

    def put(self, at, packet):
        self.section.packet(self.line, BEGIN + self.clock + at, packet)

    def syn(self, client, server, number=7, at=0):
        self.put(at + self.delay, tcp(client, server, number, 0, SYN, 64 - self.hops))

    def synack(self, client, server, number=7, at=0, whole=20 * MS, far=2):
        """whole: the time from client to server and back."""
        self.put(at + whole - self.delay, tcp(server, client, 99, number + 1, SYNACK, 64 - (far - self.hops)))

    def ack(self, client, server, number=7, at=0, whole=20 * MS):
        self.put(at + whole + self.delay, tcp(client, server, number + 1, 100, ACK, 64 - self.hops))

    def watch_on(self):
        self.put(9000 * MS, tcp(("192.0.2.1", 1), ("192.0.2.2", 2), 1, 1, ACK, 64))


def places(clocks=(0, 0, 0), hops=(0, 1, 2)):
    return [Viewpoint(clock * MS, delay * MS, hop) for clock, delay, hop in zip(clocks, (0, 4, 8), hops)]


NAMES = ["client", "gateway", "server"]


def read(tmp_path, viewpoints, *arguments, form="json", names=NAMES, status=None):
    paths = []
    for name, viewpoint in zip(names, viewpoints):
        viewpoint.watch_on()
        paths.append(tmp_path / name)
        paths[-1].write_bytes(viewpoint.section.data)
    result = subprocess.run([ONEWAY, "read", "--format", form, *arguments, *paths], capture_output=True, text=True, timeout=60)
    assert status is None or result.returncode == status, result.stderr + result.stdout
    return json.loads(result.stdout) if form == "json" else result.stdout


def crossing(report):
    found, = report["crossings"]
    return found["reply"], pathlib.Path(found["passed"]).name, found["missing_at"] and pathlib.Path(found["missing_at"]).name


def fail(viewpoints, reached, server=VIRTUAL, client=CLIENT, connections=1, tries=3):
    """Requests pass all places; replies come from the server as far as place `reached`."""
    for number in range(connections):
        for again in range(tries):
            at = number * 10 * MS + again * 1000 * MS
            end = (client[0], client[1] + number)
            for viewpoint in viewpoints:
                viewpoint.syn(end, server, 7 + number, at)
            for viewpoint in viewpoints[reached:]:
                viewpoint.synack(end, server, 7 + number, at)


@pytest.mark.parametrize("client, server", [(CLIENT, VIRTUAL), (CLIENT6, VIRTUAL6)])
@pytest.mark.parametrize("reached, wanted", [(1, ("lost", "gateway", "client")), (2, ("lost", "server", "gateway")),
                                             (0, ("beyond", "client", None))])
def test_between_which_two(tmp_path, reached, wanted, client, server):
    viewpoints = places()
    fail(viewpoints, reached, server, client, connections=3)
    report = read(tmp_path, viewpoints, status=1)
    assert crossing(report) == wanted and report["crossings"][0]["count"] == 3
    assert (report["crossings"][0]["server"], report["crossings"][0]["server_port"]) == server
    assert report["common_handshakes"] == 3


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("clocks", [(0, 0, 0), (0, 3600000, -7200000), (0, -2, 2)])
@pytest.mark.parametrize("hops", [(0, 1, 2), (0, 0, 0)])
def test_clocks_and_the_order_of_files_do_not_matter(tmp_path, order, clocks, hops):
    viewpoints = places(clocks, hops)
    fail(viewpoints, 1)
    for number in (70, 71):  # what completes aligns the clocks
        end = (CLIENT[0], 50000 + number)
        for viewpoint in viewpoints:
            viewpoint.syn(end, VIRTUAL, number, 100 * MS)
            viewpoint.synack(end, VIRTUAL, number, 100 * MS)
            viewpoint.ack(end, VIRTUAL, number, 100 * MS)
    report = read(tmp_path, [viewpoints[i] for i in order], names=[NAMES[i] for i in order], status=1)
    assert crossing(report) == ("lost", "gateway", "client")
    offsets = [viewpoint["clock_offset_seconds"] for viewpoint in report["viewpoints"]]
    assert offsets == pytest.approx([(clocks[i] - clocks[order[0]]) / 1000 for i in order], abs=1e-6)


def test_translated_on_the_way(tmp_path):
    """The gateway translates the destination; the reply reaches it, and not the client."""
    viewpoints = places()
    for again in range(3):
        at = again * 1000 * MS
        viewpoints[0].syn(CLIENT, VIRTUAL, at=at)
        viewpoints[1].syn(CLIENT, VIRTUAL, at=at)
        viewpoints[2].syn(CLIENT, REAL, at=at)
        viewpoints[2].synack(CLIENT, REAL, at=at)
    report = read(tmp_path, viewpoints, status=1)
    assert crossing(report) == ("lost", "server", "gateway")
    assert report["crossings"][0]["server"] == VIRTUAL[0]


def test_a_reply_that_nobody_translated_back(tmp_path):
    client, _, server = places()
    for again in range(3):
        at = again * 1000 * MS
        client.syn(CLIENT, VIRTUAL, at=at)
        server.syn(CLIENT, REAL, at=at)
        server.synack(CLIENT, REAL, at=at)
        client.synack(CLIENT, (REAL[0], VIRTUAL[1]), at=at)
    report = read(tmp_path, [client, server], names=["client", "server"], status=1)
    assert crossing(report) == ("other_address", "server", "client")
    assert report["crossings"][0]["came_from"] == REAL[0]


def test_what_completes_is_not_told(tmp_path):
    viewpoints = places()
    for viewpoint in viewpoints:
        viewpoint.syn(CLIENT, VIRTUAL)
        viewpoint.synack(CLIENT, VIRTUAL)
        viewpoint.ack(CLIENT, VIRTUAL)
    report = read(tmp_path, viewpoints, status=0)
    assert not report["crossings"] and report["common_handshakes"] == 1


def test_a_reply_around_one_of_them_is_not_lost_there(tmp_path):
    """It reaches the client by another way than through the gateway."""
    viewpoints = places()
    for viewpoint in viewpoints:
        viewpoint.syn(CLIENT, VIRTUAL)
    for viewpoint in (viewpoints[0], viewpoints[2]):
        viewpoint.synack(CLIENT, VIRTUAL)
    viewpoints[0].ack(CLIENT, VIRTUAL)
    viewpoints[2].ack(CLIENT, VIRTUAL)
    assert not read(tmp_path, viewpoints)["crossings"]


def test_a_capture_that_ended_is_no_loss(tmp_path):
    client, _, server = places()
    client.syn(CLIENT, VIRTUAL)
    for again in range(3):
        server.syn(CLIENT, VIRTUAL, at=again * 1000 * MS)
        server.synack(CLIENT, VIRTUAL, at=again * 1000 * MS)
    client.watch_on = lambda: None
    assert not read(tmp_path, [client, server], names=["client", "server"])["crossings"]


def test_nothing_in_common(tmp_path):
    client, _, server = places(clocks=(0, 0, 5))
    fail([client], 0)
    # the same sequence numbers, other endpoints
    fail([server], 0, client=("203.0.113.99", 1), server=("192.0.2.77", 80))
    report = read(tmp_path, [client, server], names=["a", "b"], status=1)
    assert not report["crossings"] and not report["common_handshakes"]
    assert report["viewpoints"][1]["clock_offset_seconds"] is None
    assert "no packet in common" in read(tmp_path, [client, server], names=["a", "b"], form="text")


def test_the_text_says_where(tmp_path):
    viewpoints = places()
    fail(viewpoints, 1, connections=2)
    text = " ".join(read(tmp_path, viewpoints, form="text", status=1).split())
    assert f"2 replies of {VIRTUAL[0]} port {VIRTUAL[1]} passed {tmp_path}/gateway and never came to {tmp_path}/client" in text


def test_thousands_of_one_sequence_number(tmp_path):
    """Nobody's clients: they are not compared, and cost no time."""
    viewpoints = places()
    for viewpoint in viewpoints[:2]:
        for port in range(3000):
            viewpoint.syn((CLIENT[0], 1024 + port), VIRTUAL)
            viewpoint.synack((CLIENT[0], 1024 + port), VIRTUAL)
    assert not read(tmp_path, viewpoints[:2])["crossings"]


def test_one_that_cannot_be_read(tmp_path):
    viewpoints = places()
    fail(viewpoints, 1)
    report = read(tmp_path, viewpoints, tmp_path / "absent", status=2)
    assert crossing(report)[0] == "lost"
    assert [bool(viewpoint.get("error")) for viewpoint in report["viewpoints"]] == [True, False, False, False]


def test_too_many(tmp_path):
    result = subprocess.run([ONEWAY, "read", *["x"] * 17], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2 and "unexpected argument" in result.stderr
