# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic for a lab: servers that say who they are, and attempts to reach them."""

import concurrent.futures
import contextlib
import dataclasses
import errno
import re
import selectors
import socket
import threading
import time

from lab.net import Namespace, NetError

ATTEMPT_SECONDS = 3.5  # Linux repeats a SYN for the third time after 3.1 s
BANNER_LIMIT = 128


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One try to reach a service; `identity` is what must answer."""

    name: str
    source: Namespace
    address: str
    port: int = 0  # 0: an echo request
    identity: str = ""
    source_address: str = ""  # bind to it
    device: str = ""  # bind to it
    broken: bool = False  # cannot work while the fault is there
    outcome: str = "ok"  # where there is no fault, or it does not matter
    symptom: str = "timeout"  # the outcome if it is broken
    patience: float = ATTEMPT_SECONDS

    def run(self):
        """`ok`, `timeout`, `refused`, `unreachable`, or `answered by …` if the wrong one answered."""
        return self._connect() if self.port else self._ping()

    def _connect(self):
        with contextlib.closing(self.source.socket(6 if ":" in self.address else 4)) as sock:
            try:
                return self._greet(sock)
            except TimeoutError:
                return "timeout"
            except ConnectionError:
                return "refused"
            except OSError as error:
                return "timeout" if error.errno == errno.ETIMEDOUT else "unreachable"

    def _greet(self, sock):
        sock.settimeout(self.patience)
        if self.device:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.device.encode())
        if self.source_address:
            sock.bind((self.source_address, 0))
        sock.connect((self.address, self.port))
        banner = sock.recv(BANNER_LIMIT).decode(errors="replace").strip()
        return "ok" if banner == self.identity else f"answered by {banner or 'nobody'}"

    def _ping(self):
        bind = ["-I", self.device or self.source_address] if self.device or self.source_address else []
        try:
            said = self.source.run("ping", "-n", "-c", "1", "-W", str(self.patience), *bind, self.address)
        except NetError:
            return "timeout"
        answerer = re.search(r"bytes from (\S+): ", said).group(1)
        return "ok" if answerer == self.address else f"answered by {answerer}"


def run_all(attempts):
    """{attempt: outcome}, all tried at once."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(attempts))) as pool:
        return dict(zip(attempts, pool.map(Attempt.run, attempts)))


class Server:
    """Answers each connection with its banner and closes it. One thread for all places where it listens."""

    def __init__(self, net):
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        net.at_close(self._stop)

    def listen(self, space, family, port, banner):
        """On every address of the namespace."""
        sock = space.socket(family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind(("", port))
        sock.listen(64)
        self._selector.register(sock, selectors.EVENT_READ, banner.encode())
        self._waker.send(b"n")

    def _serve(self):
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._wake:
                    self._answer(key.fileobj, key.data)
                elif self._wake.recv(1) != b"n":
                    return

    @staticmethod
    def _answer(sock, banner):
        with contextlib.suppress(OSError):  # the client may be gone already
            connection, _ = sock.accept()
            with connection:
                connection.send(banner)

    def _stop(self):
        self._waker.close()
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()


class Pump:
    """One connection that stays, over which data goes there and back."""

    SIZE = 4 << 20
    SECONDS = 10

    def __init__(self, net, client, server, address, port):
        self.moved = 0
        family = 6 if ":" in address else 4
        with contextlib.closing(server.socket(family)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(1)
            self._client = client.socket(family)
            net.at_close(self._client.close)
            self._client.settimeout(self.SECONDS)
            self._client.connect((address, port))
            self._server, _ = listener.accept()
            net.at_close(self._server.close)
            self._server.settimeout(self.SECONDS)

    def move(self):
        """SIZE bytes each way."""
        for sender, receiver in ((self._client, self._server), (self._server, self._client)):
            thread = threading.Thread(target=sender.sendall, args=(bytes(self.SIZE),), daemon=True)
            thread.start()
            missing = self.SIZE
            while missing:
                missing -= len(receiver.recv(min(missing, 1 << 20)))
            thread.join(self.SECONDS)
            self.moved += self.SIZE


class Background:
    """Keeps every attempt going, each on its own thread, until the context ends. latest: {name: outcome}."""

    def __init__(self, attempts, interval=0.5, disturb=None):
        self.latest = {}
        self.started = None  # monotonic
        self._patience = max((attempt.patience for attempt in attempts), default=0)
        self._stop = threading.Event()
        self._interval = interval
        self._threads = [threading.Thread(target=self._repeat, args=(attempt,), daemon=True)
                         for attempt in attempts]
        if disturb:
            self._threads.append(threading.Thread(target=self._disturb, args=(disturb,), daemon=True))

    def __enter__(self):
        self.started = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * self._patience + ATTEMPT_SECONDS)

    def _repeat(self, attempt):
        while not self._stop.is_set():
            started = time.monotonic()
            self.latest[attempt.name] = attempt.run()
            self._stop.wait(max(0.05, self._interval - (time.monotonic() - started)))

    def _disturb(self, disturb):
        while not self._stop.wait(self._interval):
            disturb()
