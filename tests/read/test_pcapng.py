# SPDX-License-Identifier: GPL-2.0-or-later
"""`oneway read` over what pcapng knows beside the bytes: interfaces, directions, resolutions of time, sections."""

import json
import os
import pathlib
import socket
import struct
import subprocess

import pytest

from read.pcapng import ETHERNET, IN, OUT, RAW, SLL2, WIFI, Section

ONEWAY = pathlib.Path(os.environ["ONEWAY_BUILD"], "exporter", "oneway")
SECOND = 10**9
BEGIN = 1767323041 * SECOND
CLIENT, SERVER = "203.0.113.5", "198.51.100.7"
SYN, SYNACK, ACK = 2, 18, 16


def tcp(source, destination, ports, sequence, acknowledgement, flags, ttl=60):
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, ttl, 6, 0, socket.inet_aton(source), socket.inet_aton(destination))
    return ip + struct.pack(">HHIIBBHHH", *ports, sequence, acknowledgement, 5 << 4, flags, 65535, 0, 0)


def lost_reply(server=SERVER, client=CLIENT):
    """A client whose SYN-ACK does not come back: time, packet and whether it left."""
    packets = []
    for again in range(3):
        at = BEGIN + again * SECOND
        packets.append((at, tcp(client, server, (40000, 22), 7, 0, SYN), False))
        packets.append((at + 1000000, tcp(server, client, (22, 40000), 99, 8, SYNACK), True))
    return packets


def ethernet(packet):
    return bytes(12) + b"\x08\x00" + packet


def read(tmp_path, *files, status=1, arguments=()):
    paths = []
    for number, data in enumerate(files):
        paths.append(tmp_path / f"{number}.pcapng")
        paths[-1].write_bytes(data)
    result = subprocess.run([ONEWAY, "read", "--format", "json", *arguments, *paths], capture_output=True, text=True, timeout=60)
    assert result.returncode == status, result.stderr or result.stdout
    return json.loads(result.stdout) | {"stderr": result.stderr}


def finding_of(report):
    finding, = (finding for finding in report["findings"] if finding["cause"] is None)
    return finding


def two_lines(section, packets, units=1000):
    """Requests arrive on wan2 (cooked), replies leave by wan1 (Ethernet, another snap length)."""
    wan1 = section.interface(ETHERNET, "wan1", snap=96)
    wan2 = section.interface(RAW, "wan2", snap=0)
    for at, packet, out in packets:
        if out:
            section.packet(wan1, at // units, ethernet(packet), OUT)
        else:
            section.packet(wan2, at // units, packet, IN)
    return section.data


@pytest.mark.parametrize("order", ["<", ">"])
def test_devices_and_directions_are_the_interfaces(tmp_path, order):
    finding = finding_of(read(tmp_path, two_lines(Section(order), lost_reply())))
    assert (finding["condition"], finding["device"], finding["reply_device"]) == ("reply_wrong_device", "wan2", "wan1")


def test_sections_follow_each_other_in_either_order(tmp_path):
    packets = lost_reply()
    finding = finding_of(read(tmp_path, two_lines(Section("<"), packets[:3]) + two_lines(Section(">"), packets[3:])))
    assert (finding["device"], finding["reply_device"]) == ("wan2", "wan1")


def test_a_completed_handshake_on_two_interfaces_is_no_fault(tmp_path):
    packets = lost_reply()[:2]
    packets.append((BEGIN + 2000000, tcp(CLIENT, SERVER, (40000, 22), 8, 100, ACK), False))
    section = Section()
    wan = section.interface(RAW, "wan1")
    for at, packet, out in packets:
        section.packet(wan, at // 1000, packet, OUT if out else IN)
    report = read(tmp_path, section.data, status=0)
    assert report["handshakes"]["completed"] == 1 and not report["findings"]


def test_without_directions_nothing_is_claimed_of_devices(tmp_path):
    section = Section()
    lines = [section.interface(RAW, name) for name in ("wan1", "wan2")]
    for at, packet, out in lost_reply():
        section.packet(lines[not out], at // 1000, packet)
    assert finding_of(read(tmp_path, section.data))["condition"] == "handshake_one_way"


@pytest.mark.parametrize("resolution, offset, units", [
    (None, None, 1000), (9, None, 1), (3, None, 10**6), (0, None, SECOND), (6, -3600, 1000), (9, 86400, 1),
    (0x80 | 10, None, None), (0x80 | 30, None, None)])
def test_times(tmp_path, resolution, offset, units):
    section = Section()
    line = section.interface(RAW, "wan1", resolution=resolution, offset=offset)
    for at, packet, out in lost_reply():
        at -= (offset or 0) * SECOND
        section.packet(line, at // units if units else (at << (resolution & 0x7f)) // SECOND, packet, OUT if out else IN)
    handshake = finding_of(read(tmp_path, section.data))["evidence"]["handshakes"][0]
    assert handshake["first"].startswith("2026-01-02T03:04:01"), handshake


@pytest.mark.parametrize("resolution", [20, 127, 0x80 | 64, 0xff])
def test_a_resolution_that_cannot_be_is_told_as_an_implausible_time(tmp_path, resolution):
    section = Section()
    line = section.interface(RAW, "wan1", resolution=resolution)
    for at, packet, out in lost_reply():
        section.packet(line, at, packet, OUT if out else IN)
    report = read(tmp_path, section.data, status=0)
    assert report["implausible_times"] == report["packets"] == 6


def test_old_and_simple_packets_and_unknown_blocks(tmp_path):
    section = Section()
    section.interface(RAW, "wan1", snap=40)
    section.add(0x80000bad, b"whatever")
    section.add(5, bytes(12))
    for number, (at, packet, _) in enumerate(lost_reply()):
        if number:
            section.obsolete(0, at // 1000, packet)
        else:  # without a time: that of the next ones is taken
            section.simple(packet, length=60)
    report = read(tmp_path, section.data)
    assert report["packets"] == 6 and report["handshakes"]["one_way"] == 1


def test_cooked_frames_are_named_by_their_interface(tmp_path):
    section = Section()
    numbers = {name: section.interface(SLL2, name) for name in ("uplink1", "uplink2")}
    for at, packet, out in lost_reply():
        name, ifindex = ("uplink1", 11) if out else ("uplink2", 12)
        cooked = struct.pack(">HHIHBB8s", 0x0800, 0, ifindex, 1, 4 if out else 0, 6, bytes(8)) + packet
        section.packet(numbers[name], at // 1000, cooked)
    finding = finding_of(read(tmp_path, section.data))
    assert (finding["device"], finding["reply_device"]) == ("uplink2", "uplink1")


@pytest.mark.parametrize("name", ["any", None, "", "a" * 16, "\\Device\\NPF_{4D36E972-E325-11CE-BFC1-08002BE10318}"])
def test_names_that_are_none(tmp_path, name):
    section = Section()
    line = section.interface(SLL2, name)
    for at, packet, out in lost_reply():
        cooked = struct.pack(">HHIHBB8s", 0x0800, 0, 11 if out else 12, 1, 4 if out else 0, 6, bytes(8)) + packet
        section.packet(line, at // 1000, cooked)
    finding = finding_of(read(tmp_path, section.data))
    assert (finding["device"], finding["reply_device"]) == ("if12", "if11")


def test_hostile_names(tmp_path):
    data = two_lines(Section(), lost_reply()).replace(b"wan1", b"\x1b[2m").replace(b"wan2", b"\xff\xfe\n\x7f")
    path = tmp_path / "hostile"
    path.write_bytes(data)
    out = subprocess.run([ONEWAY, "read", path], capture_output=True, timeout=60).stdout
    assert b"\x1b" not in out and b"\xff" not in out and b"\x7f" not in out
    out.decode()


def test_link_types_that_are_not_read_beside_ones_that_are(tmp_path):
    section = Section()
    radio = section.interface(WIFI, "wlan0")
    section.packet(radio, BEGIN // 1000, bytes(64))
    data = two_lines_after(section)
    report = read(tmp_path, data)
    assert finding_of(report)["device"] == "wan2" and report["packets"] == 6
    text = subprocess.run([ONEWAY, "read", tmp_path / "0.pcapng"], capture_output=True, text=True, timeout=60).stdout
    assert "1 more packets are of a link type that is not read" in text


def two_lines_after(section):
    wan1, wan2 = section.interface(RAW, "wan1"), section.interface(RAW, "wan2")
    for at, packet, out in lost_reply():
        section.packet(wan1 if out else wan2, at // 1000, packet, OUT if out else IN)
    return section.data


def test_link_types_that_are_not_read_alone(tmp_path):
    section = Section()
    section.packet(section.interface(WIFI, "wlan0"), BEGIN // 1000, bytes(64))
    error = read(tmp_path, section.data, status=2)["error"]
    assert "link type 802.11 is not supported" in error


def broken():
    def whole():
        return Section()
    section = whole()
    section.packet(0, 1, b"x")
    yield "an interface that was not described", section.data
    yield "no section begins there", b"\x0a\x0d\x0a\x0d" + bytes(40)
    yield "no byte order", b"\x0a\x0d\x0d\x0a" + struct.pack("<II", 28, 0x12345678) + bytes(16)
    yield "its length is impossible", whole().data + struct.pack("<II", 6, 8) + bytes(8)
    yield "its length is impossible", whole().data + struct.pack("<II", 6, 0xfffffffc) + bytes(8)
    yield "its length is impossible", whole().data + struct.pack("<II", 6, 34) + bytes(30)
    yield "lengths at its beginning and its end differ", whole().data + struct.pack("<III", 5, 12, 16)
    yield "the file ends within it", whole().data[:-1]
    section = whole()
    section.data = section.data.replace(struct.pack("<HH", 1, 0), struct.pack("<HH", 2, 0))
    yield "version of pcapng is not known", section.data
    section = whole()
    section.interface(RAW)
    section.add(6, struct.pack("<IIIII", 0, 0, 0, 4000, 4000) + bytes(40))
    yield "a packet is cut off", section.data
    section = whole()
    section.add(1, struct.pack("<HHIHH", RAW, 0, 0, 2, 200))
    yield "an interface description is cut off", section.data
    section = whole()
    for _ in range(4097):
        section.interface(RAW)
    yield "too many interfaces", section.data


@pytest.mark.parametrize("number", range(len(list(broken()))))
def test_damage_is_named(tmp_path, number):
    reason, data = list(broken())[number]
    error = read(tmp_path, data, status=2)["error"]
    assert reason in error and "0.pcapng: " in error and "block at offset " in error
