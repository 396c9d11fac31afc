# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTTP face while clients want it silent: a scrape comes through all the same."""

import concurrent.futures
import contextlib
import http.client
import os
import resource
import socket
import subprocess
import sys
import threading
import time

import pytest

from test_http import BUILD, basic, bcrypt, running, until, users  # users: a fixture

HERE = os.path.dirname(os.path.abspath(__file__))
HOSTILE = os.path.join(HERE, "hostile.py")


def in_namespace(code):
    """What the code prints where nothing but lo exists."""
    if subprocess.run(["unshare", "-Urn", "true"], capture_output=True).returncode != 0:
        pytest.skip("network namespaces cannot be made here")
    done = subprocess.run(
        ["unshare", "-Urn", "sh", "-c", 'ip link set lo up && exec "$0" -c "$1"', sys.executable,
         f"import test_http_attack as attack; {code}"],
        cwd=HERE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def attack(port, connections, addresses):
    process = subprocess.Popen(
        [sys.executable, HOSTILE, "127.0.0.1", str(port), str(connections), str(addresses)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "attacking\n"
        yield
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def scrape_meanwhile(connections, addresses, scrapes, period):
    """Prints how many of the scrapes were answered, and how long the median and the longest took."""
    times = []
    with running("--addresses", "1000") as server, attack(server.port, connections, addresses):
        for _ in range(scrapes):
            started = time.monotonic()
            try:
                status = server.request("GET", "/metrics", source="127.0.0.2", timeout=10)[0]
            except (OSError, http.client.HTTPException) as error:
                print("unanswered:", repr(error), file=sys.stderr)
                status = 0
            if status != 200:
                break
            times.append(time.monotonic() - started)
            time.sleep(max(0, period - times[-1]))
    times.sort()
    figures = [f"{1000 * times[int(part * (len(times) - 1))]:.1f}" for part in (0.5, 0.99, 1)] if times else []
    print(len(times), *figures)


def test_a_scrape_comes_through_5000_hostile_connections():
    # Where sanitizers make accept() slow, more would fill the kernel's queue, and it drops who comes then.
    connections = 2000 if "sanitize" in BUILD else 5000
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < connections + 100:
        pytest.skip("so many descriptors are not allowed here")
    assert in_namespace(f"attack.scrape_meanwhile({connections}, 100, 10, 0.5)").split()[0] == "10"


def test_headers_have_a_deadline_whatever_trickles_in():
    with running() as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")

        def is_cut():
            try:
                client.sendall(b"x")
            except OSError:
                return True
            return False

        assert until(40, is_cut)


def test_slow_posts_of_one_address_are_no_requests():
    """A body that does not come is not waited for: 40 of them would be all requests that may be answered."""
    with running() as server, contextlib.ExitStack() as stack:
        for _ in range(40):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
        for _ in range(5):
            assert server.request("GET", "/metrics", source="127.0.0.2")[0] == 200


@contextlib.contextmanager
def guessing(server, threads):
    """So many clients that try one password after the other."""
    stop = threading.Event()

    def guess(number):
        count = 0
        while not stop.is_set():
            count += 1
            answer = server.request(
                "GET", "/metrics", basic("alice", f"{number} {count}"), source=f"127.0.0.{number + 10}")
            assert answer[0] in (401, 429, 503)
        return count

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        guesses = [pool.submit(guess, number) for number in range(threads)]
        try:
            yield
        finally:
            stop.set()
        assert sum(guess.result() for guess in guesses) > 0


@pytest.mark.parametrize("known, source", [(True, "127.0.0.10"), (False, "127.0.0.2")])
def test_the_right_password_is_never_shut_out(tmp_path, known, source):
    """Known before the guessing begins, it may come from an address that guesses; unknown, from another. A
    hash of low cost lets many guesses through."""
    config = tmp_path / "web.yml"
    config.write_text(f"basic_auth_users:\n  alice: {bcrypt('sesame', 8)}\n")
    good = basic("alice", "sesame")
    with running("--config", str(config)) as server:
        if known:
            assert server.request("GET", "/metrics", good, source=source)[0] == 200
        for count in range(70):  # more than are remembered, before any client has failed too often
            wrong = server.request("GET", "/metrics", basic("alice", str(count)), source=f"127.0.0.{count % 14 + 30}")
            assert wrong[0] == 401
        with guessing(server, 16):
            time.sleep(1)
            statuses = [server.request("GET", "/metrics", good, source=source)[0] for _ in range(20)]
    assert statuses == [200] * 20


def test_guesses_of_one_address_are_limited(users):
    with running("--config", users) as server:
        statuses = [server.request("GET", "/metrics", basic("alice", str(count)), source="127.0.0.3")[0] for count in range(40)]
        assert statuses[:10] == [401] * 10 and 429 in statuses
        status, headers, _ = server.request("GET", "/metrics", basic("bob", "x"), source="127.0.0.3")
        assert status == 401 or headers["Retry-After"] == "6"
        assert server.request("GET", "/metrics", basic("alice", "sesame"), source="127.0.0.2")[0] == 200


def cpu_ticks(process):
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_without_descriptors_it_neither_spins_nor_falls_silent():
    with running() as server, contextlib.ExitStack() as stack:
        process = server.process
        open_now = len(os.listdir(f"/proc/{process.pid}/fd"))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (open_now + 4, open_now + 4))
        for number in range(20):
            stack.enter_context(socket.create_connection(
                ("127.0.0.1", server.port), source_address=(f"127.0.0.{number + 10}", 0)))
        assert until(10, lambda: len(os.listdir(f"/proc/{process.pid}/fd")) >= open_now + 3)
        before = cpu_ticks(process)
        time.sleep(2)
        assert cpu_ticks(process) - before < 10  # of the processor's time: a thread that spins takes 200
        for _ in range(5):
            assert server.request("GET", "/metrics", source="127.0.0.2", timeout=5)[0] == 200
