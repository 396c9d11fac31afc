# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as no honest stack sends them, and a look at those that pass."""

import ipaddress
import secrets
import socket
import struct

FIN, SYN, RST, ACK = 1, 2, 4, 16


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def syn(source, target, source_port, port):
    """A SYN with a random sequence number, its IP header before it. Addresses are text."""
    source, target = (ipaddress.ip_address(address).packed for address in (source, target))
    fields = [source_port, port, secrets.randbits(32), 0, 5 << 4, SYN, 64240, 0, 0]
    pseudo = source + target + struct.pack("!IHBB", 20, 0, 0, socket.IPPROTO_TCP)
    fields[7] = _checksum(pseudo + struct.pack("!HHIIBBHHH", *fields))
    segment = struct.pack("!HHIIBBHHH", *fields)
    if len(source) == 16:
        return struct.pack("!IHBB", 6 << 28, len(segment), socket.IPPROTO_TCP, 64) + source + target + segment
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, socket.IPPROTO_TCP, 0) \
        + source + target + segment


def tcp_flags(packet):
    """Of an IP packet without IPv6 extension headers; 0 if it is not TCP."""
    version, header = packet[0] >> 4, 40 if packet[0] >> 4 == 6 else 4 * (packet[0] & 15)
    protocol = packet[6 if version == 6 else 9]
    return packet[header + 13] if protocol == socket.IPPROTO_TCP and len(packet) > header + 13 else 0


class Sender:
    """Sends whole IP packets from a namespace."""

    def __init__(self, net, space, family):
        self._socket = space.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        net.at_close(self._socket.close)

    def send_syn(self, source, target, source_port, port):
        self._socket.sendto(syn(source, target, source_port, port), (target, 0))
