# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces for a lab: made with random names, wired together, and gone at the end, whatever the end is.

No device of the host's own namespace is ever touched, so no packet leaves the namespaces made here.
"""

import atexit
import contextlib
import ctypes
import fcntl
import functools
import heapq
import ipaddress
import itertools
import os
import secrets
import select
import signal
import socket
import struct
import subprocess
import threading
import time

COMMAND_SECONDS = 20
NEIGHBOUR_ROOM = 384  # of 1024, net.ipv6.neigh.default.gc_thresh3
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000

_libc = ctypes.CDLL(None, use_errno=True)


class NetError(Exception):
    """A command failed; says which, where, and what it printed."""


class Unsupported(Exception):
    """This kernel (or user) cannot build the lab; says why."""


def is_lacking(error):
    """Whether a command failed because this kernel, or user, cannot do what it asked for; else it is a failure."""
    return any(word in str(error) for word in ("not supported", "Unknown device type", "Operation not permitted"))


class Ended(KeyboardInterrupt):
    """A signal asks us to end. A KeyboardInterrupt, because pytest takes a SystemExit for a failed test and goes on."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


class Subnet:
    """One network in both families: at(2) is its second address in the lab's family."""

    def __init__(self, v4, v6):
        self._networks = {4: ipaddress.ip_network(v4), 6: ipaddress.ip_network(v6)}

    def at(self, host, family):
        return str(self._networks[family][host])

    def cidr(self, host, family):
        return f"{self._networks[family][host]}/{self._networks[family].prefixlen}"

    def prefix(self, family):
        return str(self._networks[family])


def _run(arguments, stdin=None, what=""):
    try:
        # A session of its own: Ctrl-C is for the lab, which still needs its commands to clean up.
        done = subprocess.run(arguments, input=stdin, capture_output=True, text=True, timeout=COMMAND_SECONDS,
                              start_new_session=True)
    except subprocess.TimeoutExpired:
        raise NetError(f"{what or ' '.join(arguments)}: no answer within {COMMAND_SECONDS} s") from None
    if done.returncode:
        raise NetError(f"{what or ' '.join(arguments)}: exit {done.returncode}\n{done.stderr}{stdin or ''}")
    return done.stdout


def _in_namespace(path, action):
    """Runs action() on a thread of its own inside the namespace. Sockets and tun devices made there stay there."""
    result = []

    def enter():
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _libc.setns(fd, CLONE_NEWNET):
                    number = ctypes.get_errno()
                    raise OSError(number, os.strerror(number), path)
            finally:
                os.close(fd)
            result.append(action())
        except BaseException as error:  # handed to the caller's thread
            result.append(error)

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    thread.join(COMMAND_SECONDS)
    if not result:
        raise NetError(f"{path}: no answer within {COMMAND_SECONDS} s")
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


class Namespace:
    """One network namespace."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        self.tun_devices = set()

    def __repr__(self):
        return self.name

    def ip(self, lines, family=4):
        """`ip` commands, one a line."""
        lines = "\n".join(line.strip() for line in lines.strip().splitlines())
        _run(["ip", f"-{family}", "-n", self.name, "-batch", "-"], lines, f"ip -n {self.name}")

    def nft(self, script):
        _run(["ip", "netns", "exec", self.name, "nft", "-f", "-"], script, f"{self.name}: nft")

    def run(self, *arguments):
        return _run(["ip", "netns", "exec", self.name, *arguments])

    def shell(self, command):
        """One line of shell, as an operator in this namespace types it."""
        return self.run("sh", "-c", command)

    def sysctl(self, **values):
        """sysctl(net__ipv4__ip_forward=1): a double underscore is a slash."""
        def write():
            for key, value in values.items():
                with open("/proc/sys/" + key.replace("__", "/"), "w") as file:
                    file.write(str(value))
        _in_namespace(self.path, write)

    def rp_filter(self, mode, device="all"):
        self.sysctl(**{f"net__ipv4__conf__{device}__rp_filter": mode})

    def socket(self, family, kind=socket.SOCK_STREAM, protocol=0):
        """A socket of this namespace, to be used anywhere. family: 4 or 6."""
        domain = socket.AF_INET if family == 4 else socket.AF_INET6
        return _in_namespace(self.path, lambda: socket.socket(domain, kind, protocol))

    def netstat(self, name):
        """A counter of /proc/net/netstat, such as IPReversePathFilter."""
        def read():
            with open("/proc/thread-self/net/netstat") as file:
                return file.read().splitlines()
        lines = _in_namespace(self.path, read)
        for names, values in zip(lines[::2], lines[1::2]):
            if name in names.split():
                return int(values.split()[names.split().index(name)])
        raise NetError(f"{self.name}: no counter {name}")

    def received(self, device):
        """Packets that came in by the device."""
        def read():
            with open("/proc/thread-self/net/dev") as file:
                return file.read().splitlines()
        for line in _in_namespace(self.path, read):
            name, _, numbers = line.partition(":")
            if name.strip() == device:
                return int(numbers.split()[1])
        raise NetError(f"{self.name}: no device {device}")

    def answers_solicitations(self):
        """Whether every IPv6 address is in use: the kernel joins its group, and gives the device the link-local address
        it solicits from, in a work queue that can lag by seconds while other namespaces are being taken down."""
        def read():
            with open("/proc/thread-self/net/if_inet6") as addresses, open("/proc/thread-self/net/igmp6") as groups:
                return [line.split() for line in addresses], {tuple(line.split()[1:3]) for line in groups}
        addresses, groups = _in_namespace(self.path, read)
        used = [(words[0], words[5]) for words in addresses if words[5] not in {"lo", *self.tun_devices}]
        ready = {device for address, device in used if address.startswith("fe80")}
        return all(device in ready and (device, "ff0200000000000000000001ff" + address[-6:]) in groups
                   for address, device in used)

    def hardware_address(self, device):
        return self.run("ip", "-o", "link", "show", "dev", device).split("link/ether ")[1].split()[0]

    def counted(self, table_family, table, counter):
        """Packets of a named nft counter."""
        words = self.run("nft", "list", "counter", table_family, table, counter).split()
        return int(words[words.index("packets") + 1])


class Net:
    """The namespaces of one lab and what runs in them. Use it as a context; it also cleans up at exit and SIGTERM."""

    def __init__(self):
        self._tag = secrets.token_hex(3)
        self._namespaces = []
        self._closers = []
        self._handlers = {}

    def __enter__(self):
        if os.geteuid():
            raise Unsupported("network namespaces need root")
        _await_neighbour_room()
        atexit.register(self.close)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                self._handlers[number] = signal.signal(number, self._exit)
        return self

    def __exit__(self, *_):
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)  # cleaning up is not to be interrupted
        self.close()
        atexit.unregister(self.close)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @staticmethod
    def _exit(number, _):
        raise Ended(number)

    def close(self):
        while self._closers:
            with contextlib.suppress(Exception):
                self._closers.pop()()
        names = [self._namespaces.pop().name for _ in range(len(self._namespaces))]
        with contextlib.suppress(NetError):
            if names:
                _run(["ip", "-force", "-batch", "-"], "\n".join(f"netns del {name}" for name in names))

    def settle(self):
        """Waits until every namespace can be reached."""
        deadline = time.monotonic() + COMMAND_SECONDS
        for space in self._namespaces:
            while not space.answers_solicitations():
                if time.monotonic() > deadline:
                    raise NetError(f"{space}: its IPv6 addresses are not in use after {COMMAND_SECONDS} s")
                time.sleep(0.02)

    def at_close(self, action):
        """Runs action() before the namespaces go, last registered first."""
        self._closers.append(action)

    def namespace(self, role, forward=False, rp_filter=0, ipv6=True):
        space = Namespace(f"ow-{self._tag}-{role}")
        self._namespaces.append(space)
        _run(["ip", "netns", "add", space.name])
        space.sysctl(net__ipv4__conf__all__rp_filter=rp_filter, net__ipv4__conf__default__rp_filter=rp_filter,
                     net__ipv6__conf__all__disable_ipv6=int(not ipv6),
                     net__ipv6__conf__default__disable_ipv6=int(not ipv6),
                     net__ipv6__conf__all__accept_dad=0, net__ipv6__conf__default__accept_dad=0,
                     net__ipv6__conf__all__accept_ra=0, net__ipv6__conf__default__accept_ra=0,
                     net__ipv4__ip_forward=int(forward), net__ipv6__conf__all__forwarding=int(forward))
        space.ip("link set lo up")
        return space

    def veth(self, left, left_device, right, right_device):
        """A cable, both ends up."""
        probe_kind("veth")
        _run(["ip", "-n", left.name, "link", "add", left_device, "type", "veth",
              "peer", "name", right_device, "netns", right.name])
        left.ip(f"link set {left_device} up")
        right.ip(f"link set {right_device} up")

    def tun_pair(self, left, left_device, right, right_device, delay=None):
        """Two tun devices joined: what goes into one comes out of the other, delay(packet, to_right) seconds later."""
        ends = [_in_namespace(space.path, functools.partial(_open_tun, device))
                for space, device in ((left, left_device), (right, right_device))]
        stop_reader, stop_writer = os.pipe()
        thread = threading.Thread(target=_relay, args=(*ends, stop_reader, delay), daemon=True)
        thread.start()

        def stop():
            os.close(stop_writer)
            thread.join(COMMAND_SECONDS)
            for fd in (*ends, stop_reader):
                os.close(fd)
        self.at_close(stop)
        for space, device in ((left, left_device), (right, right_device)):
            space.tun_devices.add(device)
            space.ip(f"link set {device} up")


def _await_neighbour_room():
    """All namespaces share one neighbour table of about a thousand places, and those taken down keep theirs for
    seconds: when it is full nobody finds a neighbour. Waits until there is room, if that comes soon."""
    def roomy():
        with open("/proc/net/stat/ndisc_cache") as ndisc, open("/proc/net/stat/arp_cache") as arp:
            used = [int(file.read().splitlines()[1].split()[0], 16) for file in (ndisc, arp)]
        return max(used) < NEIGHBOUR_ROOM
    deadline = time.monotonic() + COMMAND_SECONDS
    with contextlib.suppress(OSError):  # not there in a namespace but the first
        while not roomy() and time.monotonic() < deadline:
            time.sleep(0.1)


@functools.lru_cache(None)
def probe_kind(kind, *options):
    """Raises Unsupported if the kernel cannot make devices of this kind."""
    name = f"ow-{secrets.token_hex(3)}-probe"
    _run(["ip", "netns", "add", name])
    try:
        _run(["ip", "-n", name, "link", "add", "probe0", "type", kind, *options])
    except NetError as error:
        if not is_lacking(error):
            raise
        raise Unsupported(f"this kernel has no {kind} devices: {error}") from None
    finally:
        _run(["ip", "netns", "del", name])


def _open_tun(device):
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Unsupported(f"/dev/net/tun: {error.strerror}") from None
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def _relay(left, right, stop, delay):
    other = {left: right, right: left}
    held, number = [], itertools.count()  # number: packets of one moment keep their order
    while True:
        patience = max(0, held[0][0] - time.monotonic()) if held else None
        ready, _, _ = select.select([left, right, stop], [], [], patience)
        if stop in ready:
            return
        for fd in ready:
            with contextlib.suppress(OSError):  # a device that is down takes and gives nothing
                packet = os.read(fd, 65536)
                due = time.monotonic() + (delay(packet, fd == left) if delay else 0)
                heapq.heappush(held, (due, next(number), other[fd], packet))
        while held and held[0][0] <= time.monotonic():
            _, _, fd, packet = heapq.heappop(held)
            with contextlib.suppress(OSError):
                os.write(fd, packet)
