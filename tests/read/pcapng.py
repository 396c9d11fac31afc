# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes pcapng files with whatever the format allows, block by block."""

import struct

ETHERNET, RAW, SLL, SLL2, WIFI = 1, 101, 113, 276, 105
IN, OUT = 1, 2
NAME, RESOLUTION, OFFSET, FLAGS = 2, 9, 14, 2


def padded(data):
    return data + b"\0" * (-len(data) % 4)


class Section:
    def __init__(self, order="<"):
        self.order, self.interfaces = order, 0
        self.data = self._block(0x0a0d0d0a, self.pack("IHHq", 0x1a2b3c4d, 1, 0, -1))

    def pack(self, form, *values):
        return struct.pack(self.order + form, *values)

    def _block(self, kind, body):
        size = self.pack("I", len(padded(body)) + 12)
        return self.pack("I", kind) + size + padded(body) + size

    def option(self, code, value):
        return self.pack("HH", code, len(value)) + padded(value)

    def options(self, options):
        return b"".join(self.option(code, value) for code, value in options) + self.option(0, b"") if options else b""

    def add(self, kind, body):
        self.data += self._block(kind, body)

    def interface(self, link, name=None, snap=0, resolution=None, offset=None):
        options = [(NAME, name.encode() if isinstance(name, str) else name)] if name is not None else []
        options += [(RESOLUTION, bytes([resolution]))] if resolution is not None else []
        options += [(OFFSET, self.pack("q", offset))] if offset is not None else []
        self.add(1, self.pack("HHI", link, 0, snap) + self.options(options))
        self.interfaces += 1
        return self.interfaces - 1

    def packet(self, interface, units, data, direction=None, length=None):
        flags = [(FLAGS, self.pack("I", direction))] if direction is not None else []
        self.add(6, self.pack("IIIII", interface, units >> 32, units & 0xffffffff, len(data), length or len(data))
                 + padded(data) + self.options(flags))

    def obsolete(self, interface, units, data):
        self.add(2, self.pack("HHIIII", interface, 0, units >> 32, units & 0xffffffff, len(data), len(data)) + padded(data))

    def simple(self, data, length=None):
        self.add(3, self.pack("I", length or len(data)) + padded(data))
