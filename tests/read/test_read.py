# SPDX-License-Identifier: GPL-2.0-or-later
"""`oneway read` over the project's own captures, the same in other formats, and damaged ones."""

import json
import os
import pathlib
import struct
import subprocess

import pytest

ONEWAY = pathlib.Path(os.environ["ONEWAY_BUILD"], "exporter", "oneway")
CAPTURES = pathlib.Path(__file__).parent.parent / "data" / "captures"
EXPECTED = json.loads((CAPTURES / "expected.json").read_text())
OUTCOMES = {"completed", "refused", "one_way", "abandoned", "unanswered", "return_only"}
ETHERNET, RAW, NULL, LOOP, SLL, SLL2 = 1, 101, 0, 108, 113, 276


def read(path, *arguments, **more):
    return subprocess.run([ONEWAY, "read", *arguments, path], capture_output=True, text=True, timeout=60, **more)


def report(path):
    result = read(path, "--format", "json")
    assert result.stderr == ""
    found = json.loads(result.stdout)
    assert result.returncode == (1 if found["findings"] else 0)
    return found


def outcomes(path):
    return report(path)["handshakes"]


def frames_of(path):
    """Time in nanoseconds, bytes and length on the wire of each frame; and the link type."""
    data = path.read_bytes()
    assert data[:4] == b"\xd4\xc3\xb2\xa1"
    link = struct.unpack_from("<I", data, 20)[0]
    frames, at = [], 24
    while at < len(data):
        seconds, micros, captured, length = struct.unpack_from("<IIII", data, at)
        at += 16
        frames.append((seconds * 10**9 + micros * 1000, data[at:at + captured], length))
        at += captured
    return frames, link


def network_layer(frame, link):
    """The IP packet of a frame and whether it left."""
    if link == ETHERNET:
        return frame[14:], None
    assert link == SLL2
    return frame[20:], frame[10] == 4


def pcap(frames, link, order="<", nano=False):
    magic = 0xa1b23c4d if nano else 0xa1b2c3d4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for time, data, length in frames:
        parts.append(struct.pack(order + "IIII", time // 10**9, time % 10**9 // (1 if nano else 1000), len(data), length))
        parts.append(data)
    return b"".join(parts)


def block(kind, body, order):
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(frames, link, order="<"):
    parts = [block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1), order),
             block(1, struct.pack(order + "HHI", link, 0, 0), order)]
    for time, data, length in frames:
        micros = time // 1000
        parts.append(block(6, struct.pack(order + "IIIII", 0, micros >> 32, micros & 0xffffffff, len(data), length)
                           + data, order))
    return b"".join(parts)


def test_every_capture_is_expected():
    assert set(EXPECTED) == {path.name for path in CAPTURES.glob("*.pcap")}
    assert OUTCOMES == {name for expected in EXPECTED.values() for name in expected}


@pytest.mark.parametrize("name", EXPECTED)
def test_own_captures(name):
    assert outcomes(CAPTURES / name) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_text_says_the_same(name):
    result = read(CAPTURES / name)
    assert result.returncode == (1 if report(CAPTURES / name)["findings"] else 0)
    words = [line.split()[:2] for line in result.stdout.split("\n\n")[0].splitlines()[1:]]
    assert {word: int(count) for count, word in words} == EXPECTED[name]
    assert result.stdout.startswith(f"{len(frames_of(CAPTURES / name)[0])} packets in ")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", EXPECTED)
def test_formats(name, order, tmp_path):
    frames, link = frames_of(CAPTURES / name)
    for write in (pcapng, pcap, lambda *arguments: pcap(*arguments, nano=True)):
        path = tmp_path / "capture"
        path.write_bytes(write(frames, link, order))
        assert outcomes(path) == EXPECTED[name]


def family(packet, order):
    return struct.pack(order + "I", 2 if packet[0] >> 4 == 4 else 30)


def ethertype(packet):
    return b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"


LINKS = {
    "raw": (RAW, lambda packet, out: packet),
    "null, little-endian": (NULL, lambda packet, out: family(packet, "<") + packet),
    "null, big-endian": (NULL, lambda packet, out: family(packet, ">") + packet),
    "loop": (LOOP, lambda packet, out: family(packet, ">") + packet),
    "sll": (SLL, lambda packet, out: struct.pack(">HHH", 4 if out else 0, 1, 6) + bytes(8) + ethertype(packet) + packet),
    "vlan": (ETHERNET, lambda packet, out: bytes(12) + b"\x81\0\0\x64" + ethertype(packet) + packet),
    "two tags": (ETHERNET, lambda packet, out: bytes(12) + b"\x88\xa8\0\x65\x81\0\0\x64" + ethertype(packet) + packet),
}


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("name", EXPECTED)
def test_link_types(name, kind, tmp_path):
    frames, link = frames_of(CAPTURES / name)
    number, wrap = LINKS[kind]
    wrapped = [(time, wrap(*network_layer(data, link)), length) for time, data, length in frames]
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(wrapped, number))
    assert outcomes(path) == EXPECTED[name]


def test_many_openings_are_counted_exactly(tmp_path):
    """10,000 of known outcomes within a second, sent by 250 addresses."""
    frames, link, expected = [], RAW, dict.fromkeys(OUTCOMES, 0)

    def add(time, forth, flags, sequence, acknowledgement, client, port):
        ends = [bytes([10, 1, 0, client]), bytes([10, 2, 0, 1])]
        ports = [port, 80]
        if not forth:
            ends.reverse()
            ports.reverse()
        header = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + ends[0] + ends[1]
        tcp = struct.pack("!HHIIBBHHH", *ports, sequence, acknowledgement, 0x50, flags, 1000, 0, 0)
        frames.append((10**18 + time, header + tcp, 40))

    for number in range(10000):
        outcome = sorted(OUTCOMES)[number * number % 6]
        expected[outcome] += 1
        time, client, port, isn = number * 100000, number % 250, 1024 + number, number * 429496 % 2**32
        if outcome != "return_only":
            add(time, True, 2, isn, 0, client, port)
        if outcome == "refused":
            add(time + 1000, False, 0x14, 0, (isn + 1) % 2**32, client, port)
        if outcome in ("completed", "one_way", "abandoned", "return_only"):
            add(time + 1000, False, 0x12, 77, (isn + 1) % 2**32, client, port)
        if outcome == "completed":
            add(time + 2000, True, 0x10, (isn + 1) % 2**32, 78, client, port)
        if outcome == "one_way":
            add(time + 10**9, True, 2, isn, 0, client, port)
    frames.sort(key=lambda frame: frame[0])
    path = tmp_path / "many.pcap"
    path.write_bytes(pcap(frames, link, nano=True))
    assert outcomes(path) == {name: count for name, count in expected.items() if count}


FINDINGS = {
    "one-way.pcap": [("handshake_one_way", "if2", "10.0.2.2"), ("handshake_one_way", "if2", "2001:db8:2::2")],
    "ignored.pcap": [("handshake_one_way", None, "10.0.2.2"), ("handshake_one_way", None, "2001:db8:2::2")],
    "other-address.pcap": [("reply_from_other_address", None, "10.0.2.2")],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_findings(name):
    found = report(CAPTURES / name)["findings"]
    assert sorted((entry["condition"], entry["device"], entry["address"]) for entry in found) == FINDINGS.get(name, [])


def segment(forth, flags, sequence, acknowledgement, client, port):
    ends, ports = [bytes([10, 1, 0, client]), bytes([10, 2, 0, 1])], [port, 80]
    if not forth:
        ends.reverse()
        ports.reverse()
    return (struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + ends[0] + ends[1]
            + struct.pack("!HHIIBBHHH", *ports, sequence, acknowledgement, 0x50, flags, 1000, 0, 0))


def test_what_was_wrong_once_is_found(tmp_path):
    """A client is lost at the beginning; others connect for an hour afterwards."""
    second, frames = 10**9, []
    for time, forth, flags in ((0, True, 2), (1, False, 0x12), (2, True, 2), (4, True, 2), (8, True, 2)):
        frames.append((10**18 + time * second, segment(forth, flags, 7, 8, 1, 5000), 40))
    for number in range(720):
        time = 10**18 + (30 + 5 * number) * second
        frames.append((time, segment(True, 2, number, 0, 2, 6000 + number), 40))
        frames.append((time + 1000, segment(False, 0x12, 77, number + 1, 2, 6000 + number), 40))
        frames.append((time + 2000, segment(True, 0x10, number + 1, 78, 2, 6000 + number), 40))
    path = tmp_path / "long.pcap"
    path.write_bytes(pcap(frames, RAW, nano=True))
    found = report(path)
    assert found["handshakes"] == {"completed": 720, "one_way": 1}
    assert [entry["condition"] for entry in found["findings"]] == ["handshake_one_way"]
    handshakes = found["findings"][0]["evidence"]["handshakes"]
    assert [(entry["client"], entry["client_port"], entry["repeats"]) for entry in handshakes] == [("10.1.0.1", 5000, 3)]
    text = read(path)
    assert text.returncode == 1 and "\ncritical handshake_one_way\n" in text.stdout
    assert "10.1.0.1:5000 → 10.2.0.1:80  -    -        3\n" in text.stdout
    assert "\033" not in text.stdout and "\033[" in read(path, "--color=always").stdout


def opening(time, port, completes=True):
    second = 10**9
    frames = [(time, segment(True, 2, 7, 0, 1, port), 40), (time + 1000, segment(False, 0x12, 77, 8, 1, port), 40)]
    if completes:
        return frames + [(time + 2000, segment(True, 0x10, 8, 78, 1, port), 40)]
    return frames + [(time + delay * second, segment(True, 2, 7, 0, 1, port), 40) for delay in (1, 3, 7)]


START = 1_700_000_000 * 10**9
YEARS = [0, 5 * 10**17, 2 * 10**18, 4_294_967_295 * 10**9]


@pytest.mark.parametrize("damaged", [(0,), (1,), (7,), (21,), (22,), (0, 1), (0, 5), (5, 6), (0, 21, 22), (0, 1, 2)])
@pytest.mark.parametrize("year", YEARS)
def test_damaged_times(damaged, year, tmp_path):
    """One of seven openings is lost; time stamps of some packets are those of another decade."""
    whole = opening(START, 5000, completes=False)
    for number in range(6):
        whole += opening(START + (8 + number) * 10**9, 6000 + number)
    frames = list(whole)
    for number, at in enumerate(damaged):
        frames[at] = (abs(year - number * 10**16), *frames[at][1:])
    path = tmp_path / "damaged.pcap"
    path.write_bytes(pcap(frames, RAW, nano=True))
    found = report(path)
    assert found["implausible_times"] == len(damaged)
    assert sum(found["handshakes"].values()) == 7
    if 2 not in damaged:
        assert found["handshakes"] == {"completed": 6, "one_way": 1}
    if len({0, 1, 2} & set(damaged)) < 2:
        assert [entry["condition"] for entry in found["findings"]] == ["handshake_one_way"]
    text = read(path).stdout
    assert float(text.split()[3]) < 14
    assert f"\n{len(damaged)} packets have an implausible time stamp" in text


def test_a_long_pause_is_no_damage(tmp_path):
    path = tmp_path / "pause.pcap"
    path.write_bytes(pcap(opening(START, 5000) + opening(START + 10**17, 5001), RAW, nano=True))
    assert report(path)["implausible_times"] == 0
    assert read(path).stdout.startswith("6 packets in 100000000.0 s, 2 handshakes")
    for count in range(3):
        path.write_bytes(pcap(opening(START, 5000)[:count], RAW, nano=True))
        assert report(path)["packets"] == count


def echo(kind, source, destination):
    header = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 1, 0) + bytes(source) + bytes(destination)
    return header + struct.pack("!BBHHH", kind, 0, 0, 7, 1)


@pytest.mark.parametrize("answerer", [(10, 2, 0, 1), (10, 9, 0, 9)])
def test_ping_answered_by_another(answerer, tmp_path):
    client, server = (10, 1, 0, 1), (10, 2, 0, 1)
    path = tmp_path / "ping.pcap"
    path.write_bytes(pcap([(10**18, echo(8, client, server), 28), (10**18 + 1000, echo(0, answerer, client), 28)], RAW,
                          nano=True))
    found = [(entry["condition"], entry["address"]) for entry in report(path)["findings"]]
    assert found == ([] if answerer == server else [("reply_from_other_address", "10.2.0.1")])


def test_standard_input():
    path = CAPTURES / "completed.pcap"
    with path.open("rb") as file:
        result = subprocess.run([ONEWAY, "read", "--format", "json", "-"], stdin=file, capture_output=True, timeout=60)
    assert result.returncode == 0
    assert json.loads(result.stdout)["handshakes"] == EXPECTED["completed.pcap"]


def test_truncated_file_gives_what_was_read(tmp_path):
    whole = (CAPTURES / "completed.pcap").read_bytes()
    frames, _ = frames_of(CAPTURES / "completed.pcap")
    path = tmp_path / "cut.pcap"
    path.write_bytes(whole[:-5])
    result = read(path, "--format", "json")
    assert result.returncode == 2
    report = json.loads(result.stdout)
    assert report["packets"] == len(frames) - 1
    assert str(path) in report["error"] and str(path) in result.stderr
    assert result.stderr.count("\n") == 1


def test_cut_anywhere(tmp_path):
    whole = pcapng(*frames_of(CAPTURES / "refused.pcap"))
    for size in range(0, len(whole), 7):
        path = tmp_path / "cut"
        path.write_bytes(whole[:size])
        result = read(path, "--format", "json")
        assert result.returncode in (0, 2)
        assert set(json.loads(result.stdout)["handshakes"]) <= {"refused", "unanswered"}
        assert result.returncode == 0 or str(path) in result.stderr


def cases(tmp_path):
    (tmp_path / "text").write_text("this is no capture\n" * 10)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "wifi").write_bytes(pcap([], 105))
    os.mkfifo(tmp_path / "pipe")
    return {"text": "unknown file format", "empty": "", "wifi": "link type", "pipe": "not a regular file",
            "absent": "No such file", ".": "not a regular file"}


def test_foreign_files_are_named(tmp_path):
    for name, reason in cases(tmp_path).items():
        result = read(tmp_path / name)
        assert result.returncode == 2, name
        assert result.stdout == ""
        assert str(tmp_path / name) in result.stderr and reason in result.stderr
        assert result.stderr.count("\n") == 1
        assert "error" in json.loads(read(tmp_path / name, "--format", "json").stdout)


def test_strange_names_do_no_harm(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"\xff\x1b[31m\n")
    result = subprocess.run([ONEWAY, "read", "--format", "json", path], capture_output=True, timeout=60)
    assert result.returncode == 2
    assert "error" in json.loads(result.stdout.decode())
    assert b"\x1b" not in result.stdout + result.stderr
    assert result.stderr.count(b"\n") == 1


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--nonsense", "a"], ["--format", "xml", "a"]])
def test_wrong_command_lines(arguments):
    result = subprocess.run([ONEWAY, "read", *arguments], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert result.stderr and result.stdout == ""


def test_full_disk():
    with open("/dev/full", "wb") as full:
        result = subprocess.run([ONEWAY, "read", CAPTURES / "completed.pcap"], stdout=full, stderr=subprocess.PIPE,
                                timeout=60)
    assert result.returncode == 2
    assert b"could not write" in result.stderr
