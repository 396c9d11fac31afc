# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTTP face over a host that is written down: formats, methods, guards, load, and a real Prometheus."""

import base64
import concurrent.futures
import contextlib
import ctypes
import gzip
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

BUILD = os.environ.get("ONEWAY_BUILD", os.path.join(os.path.dirname(__file__), "../../build/release"))
PROGRAM = os.path.abspath(os.path.join(BUILD, "tests", "http_server"))
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PRIVATE_PATHS = ("/", "/api/v1/findings", "/api/v1/addresses", "/api/v1/handshakes", "/api/v1/changes", "/api/v1/history",
                 "/page.css", "/page.js", "/icon.svg")


class Server:
    def __init__(self, process, ports):
        self.process = process
        self.ports = ports
        self.port = ports[0]

    def request(self, method, path, headers=None, body=None, source="127.0.0.1", tls=None, timeout=20):
        """Status, headers and body of one answer."""
        kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
        options = {"context": tls} if tls else {}
        connection = kind("127.0.0.1", self.port, timeout=timeout, source_address=(source, 0), **options)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path, **headers):
        return self.request("GET", path, {name.replace("_", "-"): text for name, text in headers.items()})


@contextlib.contextmanager
def running(*arguments, listen=("127.0.0.1:0",)):
    process = subprocess.Popen(
        [PROGRAM, *arguments, *listen], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    ports = []
    for line in process.stderr:
        if line == "started\n":
            break
        found = re.search(r'msg="Listening on" address="?[^ ]*:(\d+)', line)
        assert found, line + process.stderr.read()
        ports.append(int(found.group(1)))
    said = []
    drain = threading.Thread(target=lambda: said.append(process.stderr.read()), daemon=True)
    drain.start()
    try:
        yield Server(process, ports)
    finally:
        process.stdin.close()
        code = process.wait(timeout=30)
        drain.join(timeout=10)
        assert code == 0, said


@pytest.fixture(scope="module")
def server():
    with running() as started:
        yield started


def test_metrics_in_text(server):
    status, headers, body = server.get("/metrics")
    assert status == 200
    assert headers["Content-Type"] == TEXT
    assert headers["Vary"] == "Accept, Accept-Encoding"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Encoding"] is None
    assert body.endswith(b"\n") and b"# EOF" not in body
    for name in ("resident_memory_bytes", "cpu_seconds_total", "start_time_seconds", "open_fds", "threads"):
        assert re.search(rb"^process_%s [0-9.e+]+$" % name.encode(), body, re.M), name


def test_metrics_in_openmetrics(server):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    status, headers, body = server.get("/metrics", Accept=PROMETHEUS_2)
    assert status == 200 and headers["Content-Type"] == OPENMETRICS
    families = list(parser.text_string_to_metric_families(body.decode()))
    samples = [sample for family in families for sample in family.samples]
    names = {family.name for family in families}
    assert names >= {"oneway_finding", "oneway_conntrack_stat", "process_cpu_seconds"}
    series = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in samples]
    assert len(series) == len(set(series))


def test_both_formats_say_the_same(server):
    text_parser = pytest.importorskip("prometheus_client.parser")
    open_parser = pytest.importorskip("prometheus_client.openmetrics.parser")

    def values(parser, body):
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in parser.text_string_to_metric_families(body.decode())
            for sample in family.samples
            if not sample.name.startswith("process_")
        }

    plain = values(text_parser, server.get("/metrics")[2])
    assert len(plain) > 70
    assert plain == values(open_parser, server.get("/metrics", Accept=PROMETHEUS_2)[2])


def test_gzip(server):
    for path in ("/metrics", "/", "/api/v1/addresses"):
        status, headers, body = server.get(path, Accept_Encoding="gzip")
        assert status == 200 and headers["Content-Encoding"] == "gzip", path
        assert "Accept-Encoding" in headers["Vary"]
        plain = server.get(path)[2]
        if path != "/metrics":  # its process_* change
            assert gzip.decompress(body) == plain
        assert len(body) < len(plain) * 2 / 3
    assert server.get("/-/healthy", Accept_Encoding="gzip")[1]["Content-Encoding"] is None


@pytest.mark.parametrize("path", ["/metrics", "/", "/api/v1/findings", "/-/healthy", "/-/ready"])
def test_methods(server, path):
    status, headers, body = server.request("HEAD", path)
    assert status == 200 and body == b"" and int(headers["Content-Length"]) > 0
    assert headers["Content-Type"] == server.get(path)[1]["Content-Type"]
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
        status, headers, _ = server.request(method, path, body=b"x" if method == "POST" else None)
        assert status == 405 and headers["Allow"] == "GET, HEAD"


def test_reload(server):
    answers = [server.request("POST", "/-/reload")[::2] for _ in range(2)]
    assert answers == [(200, b"Reloaded.\n"), (500, b"settings.yml:3: lines: expected a list\n")]
    status, headers, _ = server.get("/-/reload")
    assert status == 405 and headers["Allow"] == "POST"


def test_bodies_are_refused_before_they_come(server):
    status, headers, body = server.request("POST", "/-/reload", body=b"x")
    assert (status, body) == (413, b"No path takes a body.\n") and headers["Connection"] == "close"
    for head in (b"POST /-/reload", b"GET /metrics", b"GET /nothing"):
        for announced in (b"Content-Length: 10", b"Transfer-Encoding: chunked"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
                client.sendall(head + b" HTTP/1.1\r\nHost: localhost\r\n" + announced + b"\r\n\r\n")
                assert client.recv(100).startswith(b"HTTP/1.1 413 ")
    assert server.request("POST", "/-/reload", {"Content-Length": "0"})[0] in (200, 500)


def test_a_proxy_on_this_host_is_not_this_host(server, users):
    sent = {"Forwarded": "for=203.0.113.9", "Via": "1.1 proxy", "X-Forwarded-For": "203.0.113.9",
            "X-Real-IP": "203.0.113.9", "x-forwarded-for": ""}
    for name, text in sent.items():
        for path in (*PRIVATE_PATHS, evidence_path(server)):
            status, _, body = server.request("GET", path, {name: text})
            assert status == 403 and b"a proxy has forwarded" in body, (name, path)
        assert server.request("POST", "/-/reload", {name: text})[0] == 403
        assert server.request("GET", "/metrics", {name: text})[0] == 200
        assert server.request("GET", "/-/healthy", {name: text})[0] == 200
    for arguments, headers in ((("--expose",), {}), (("--config", users), basic("alice", "sesame"))):
        with running(*arguments) as other:
            assert other.request("GET", "/", {**headers, "X-Forwarded-For": "203.0.113.9"})[0] == 200


def test_pages_of_other_sites_reload_nothing(server, users):
    own = f"127.0.0.1:{server.port}"
    foreign = ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
               {"Origin": f"http://{own}", "Sec-Fetch-Site": "same-site"}, {"Origin": f"http://{own}1"})
    for headers in foreign:
        assert server.request("POST", "/-/reload", headers)[0] == 403, headers
    for headers in ({"Origin": f"http://{own}"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        assert server.request("POST", "/-/reload", headers)[0] in (200, 500), headers
    assert server.request("GET", "/", foreign[0])[0] == 200
    with running("--config", users) as other:
        for headers in foreign[:3]:
            assert other.request("POST", "/-/reload", {**basic("alice", "sesame"), **headers})[0] == 403


def test_unknown_paths_and_queries(server):
    for path in ("/nothing", "/metrics/", "//", "/api/v1", "/-/", "/..%2fmetrics"):
        assert server.get(path)[0] == 404, path
    assert server.get("/metrics?a=b&c=%ff&&&=")[0] == 200
    assert server.get("/-/healthy?" + "x" * 4000)[0] == 200
    assert server.get("/" + "x" * 20000)[0] in (414, 431)


def test_api(server):
    status, headers, body = server.get("/api/v1/findings")
    assert status == 200 and headers["Content-Type"] == "application/json; charset=utf-8"
    findings = json.loads(body)["findings"]
    assert [finding["condition"] for finding in findings] == [
        "reply_wrong_device", "rp_filter_drops", "reply_wrong_device", "reply_wrong_device"
    ]
    assert findings[0]["evidence"]["peer"] == ["203.0.113.5", "203.0.113.6", "203.0.113.7"]
    addresses = json.loads(server.get("/api/v1/addresses")[2])["addresses"]
    assert [address["verdict"] for address in addresses] == [
        "uncovered", "covered", "no_route", "intended", "unknown"
    ]


def evidence_path(server, number=0):
    finding = json.loads(server.get("/api/v1/findings")[2])["findings"][number]
    return f"/api/v1/findings/{finding['id']}/evidence.pcap"


def test_evidence_opens_in_tcpdump(server, tmp_path):
    path = evidence_path(server)
    status, headers, body = server.get(path)
    assert status == 200 and headers["Content-Type"] == "application/x-pcapng"
    assert headers["Content-Disposition"] == f'attachment; filename="oneway-{path.split("/")[4]}.pcapng"'
    assert server.request("HEAD", path)[0] == 200
    assert gzip.decompress(server.get(path, Accept_Encoding="gzip")[2]) == body
    if not shutil.which("tcpdump"):
        pytest.skip("tcpdump is not installed")
    file = tmp_path / "evidence.pcapng"
    file.write_bytes(body)
    read = subprocess.run(["tcpdump", "-nn", "--nano", "-tt", "-r", file], capture_output=True, text=True, timeout=30)
    lines = read.stdout.splitlines()
    assert read.returncode == 0, read.stderr
    assert len(lines) == 7
    assert lines[0].startswith("1767323041.678000000 ")
    assert " In  IP 203.0.113.5.40106 > 198.51.100.7.22: Flags [S], seq 7" in lines[0]
    assert "198.51.100.7.22 > 203.0.113.5.40106: Flags [S.]" in lines[1]


def test_no_evidence_is_explained(server):
    other = evidence_path(server, 1)
    assert server.get(other)[::2] == (
        404, b"No packets are kept for this finding: its evidence is not from the wire, or it is too old.\n")
    for name in ("0" * 16, "0" * 15, "0" * 17, "x", "%ff", "..", "*"):
        status, _, body = server.get(f"/api/v1/findings/{name}/evidence.pcap")
        assert status == 404 and body == b"No open finding has this id.\n", name
    for path in ("//evidence.pcap", "/a/b/evidence.pcap", "/evidence.pcap", "/a/evidence.pcapng", "/a/evidence.pcap/", "/%00/evidence.pcap"):
        assert server.get("/api/v1/findings" + path)[0] == 404, path
    assert server.request("POST", other)[0] == 405


def test_history(server):
    status, headers, body = server.get("/api/v1/history")
    assert status == 200 and headers["Content-Type"] == "application/json; charset=utf-8"
    history = json.loads(body)
    findings = json.loads(server.get("/api/v1/findings")[2])["findings"]
    assert history["step_seconds"] == 10 and history["times"] == history["devices"] == []
    assert [finding["id"] for finding in history["findings"]] == [finding["id"] for finding in findings]
    same = ("condition", "severity", "device", "address", "cause", "intended", "summary", "since")
    for told, finding in zip(history["findings"], findings):
        assert told["until"] is None and {key: told[key] for key in same} == {key: finding[key] for key in same}
    assert gzip.decompress(server.get("/api/v1/history", Accept_Encoding="gzip")[2]) == body


def test_handshakes(server):
    status, headers, body = server.get("/api/v1/handshakes")
    assert status == 200 and headers["Content-Type"] == "application/json; charset=utf-8"
    handshakes = json.loads(body)
    assert [device["device"] for device in handshakes["devices"]] == ["wan1", "wan2"]
    assert handshakes["pairs"][1] == {"syn_device": "wan2", "synack_device": "wan1", "outcomes": {"one_way": 5}}
    finding = json.loads(server.get("/api/v1/findings")[2])["findings"][0]
    assert len(finding["evidence"]["handshakes"]) == 7


POLICY = ("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


def test_page(server):
    status, headers, body = server.get("/")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=UTF-8"
    assert headers["Content-Security-Policy"] == POLICY
    assert b"Summary of reply_wrong_device" in body and b'href="/metrics"' in body


def test_page_is_sent_once(server):
    """The age of what is shown is in the page; that of the sample does not change."""
    tag = server.get("/")[1]["ETag"]
    status, headers, body = server.get("/", **{"If-None-Match": tag})
    assert (status, headers["ETag"], body) == (304, tag, b"")
    assert headers["Content-Security-Policy"] == POLICY
    assert server.get("/", **{"If-None-Match": 'W/"0123456789abcdef"'})[0] == 200


@pytest.mark.parametrize("name, kind", [("page.css", "text/css; charset=utf-8"), ("page.js", "text/javascript; charset=utf-8"),
                                        ("icon.svg", "image/svg+xml")])
def test_what_the_page_loads(server, name, kind):
    status, headers, body = server.get("/" + name)
    with open(os.path.join(os.path.dirname(__file__), "../../exporter/page", name), "rb") as file:
        assert (status, headers["Content-Type"], body) == (200, kind, file.read())
    assert f'"/{name}"'.encode() in server.get("/")[2]


def test_other_host_names_are_refused(server):
    for path in (*PRIVATE_PATHS, evidence_path(server)):
        status, _, body = server.get(path, Host="evil.example")
        assert status == 403 and b"--web.expose-api" in body
        assert server.get(path, Host="localhost:1")[0] == 200
    assert server.request("POST", "/-/reload", {"Host": "evil.example"})[0] == 403
    assert server.get("/metrics", Host="evil.example")[0] == 200
    assert server.get("/-/healthy", Host="evil.example")[0] == 200


FAR = "192.0.2.1"


def inside_namespace(*options):
    """Statuses for a client whose address is not loopback; runs where nothing but lo exists."""
    with running(*options, listen=[f"{FAR}:0"]) as server:
        for path in ("/", "/api/v1/findings", "/api/v1/addresses", "/metrics", "/-/healthy"):
            connection = http.client.HTTPConnection(FAR, server.port, timeout=10)
            connection.request("GET", path)
            print(connection.getresponse().status)


@pytest.mark.parametrize("options, private", [((), "403"), (("--expose",), "200")])
def test_clients_from_afar_are_refused(options, private):
    code = f"import test_http; test_http.inside_namespace(*{options!r})"
    setup = f"ip link set lo up && ip address add {FAR}/32 dev lo"
    if subprocess.run(["unshare", "-Urn", "sh", "-c", setup], capture_output=True).returncode != 0:
        pytest.skip("network namespaces cannot be made here")
    done = subprocess.run(
        ["unshare", "-Urn", "sh", "-c", f'{setup} && exec "$0" -c "$1"', sys.executable, code],
        cwd=os.path.dirname(__file__), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [private] * 3 + ["200"] * 2


def test_exposed_answers_every_name():
    with running("--expose") as server:
        assert server.get("/", Host="watch.example")[0] == 200


def test_before_the_first_judgement():
    with running("--empty") as server:
        assert server.get("/-/healthy")[0] == 200
        assert server.get("/-/ready")[0] == 503
        for path in ("findings", "addresses", "handshakes", "findings/0123456789abcdef/evidence.pcap"):
            assert server.get("/api/v1/" + path)[0] == 503
        status, _, body = server.get("/metrics")
        assert status == 200 and b"oneway_exporter_build_info" in body and b"oneway_finding" not in body
        assert b"Not looked yet" in server.get("/")[2]


def test_health_is_that_of_the_last_judgement():
    with running("--age", "50") as server:
        assert server.get("/-/healthy")[0] == 200
    with running("--age", "70") as server:
        status, _, body = server.get("/-/healthy")
        assert status == 503 and re.fullmatch(rb"Unhealthy: no judgement for 7\d s.\n", body), body
        assert server.get("/metrics")[0] == 200


def test_telemetry_path():
    with running("--path", "/probe") as server:
        assert server.get("/probe")[0] == 200
        assert server.get("/metrics")[0] == 404
    with running("--path", "/") as server:
        assert server.get("/")[1]["Content-Type"] == TEXT


def test_many_addresses_are_bounded():
    with running("--addresses", "1000") as server:
        body = server.get("/metrics")[2].decode()
        assert "\noneway_addresses_omitted 749\n" in body
        reply_routes = re.findall(r'oneway_reply_route{address="([^"]+)"', body)
        # One of those that are kept, 192.0.2.9, has no path.
        assert len(set(reply_routes)) == 255
        assert "198.51.100.7" in reply_routes and "2001:db8::1" in reply_routes
        assert len(json.loads(server.get("/api/v1/addresses")[2])["addresses"]) == 1005


def test_several_listeners_and_both_families():
    with running(listen=("127.0.0.1:0", ":0")) as server:
        second = server.ports[1]
        assert server.get("/-/healthy")[0] == 200
        for host in ("127.0.0.1", "::1"):
            if host == "::1" and not os.path.exists("/proc/net/if_inet6"):
                continue
            connection = http.client.HTTPConnection(host, second, timeout=5)
            connection.request("GET", "/api/v1/findings")
            assert connection.getresponse().status == 200  # 127.0.0.1 comes mapped into IPv6
            connection.close()


def fails(*arguments, listen):
    done = subprocess.run(
        [PROGRAM, *arguments, *listen], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1, done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_port_taken(server):
    taken = f"127.0.0.1:{server.port}"
    assert fails(listen=[taken]) == f"cannot listen on {taken}: port taken"
    assert fails(listen=["127.0.0.1:0", taken]) == f"cannot listen on {taken}: port taken"
    assert "not an address of this host" in fails(listen=["192.0.2.77:0"])
    assert "expected HOST:PORT" in fails(listen=["10150"])


def drip(port, stop):
    """A client that takes forever over its headers."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\n")
        for byte in b"X-Slow: " + b"x" * 1000:
            if stop.wait(0.1):
                return
            client.sendall(bytes([byte]))


def test_slow_clients_delay_nobody(server):
    stop = threading.Event()
    clients = [threading.Thread(target=drip, args=(server.port, stop)) for _ in range(20)]
    for client in clients:
        client.start()
    try:
        time.sleep(0.3)
        started = time.monotonic()
        for _ in range(20):
            assert server.get("/metrics")[0] == 200
        assert time.monotonic() - started < 5
    finally:
        stop.set()
        for client in clients:
            client.join()


def test_two_hundred_scrapes_at_once(server):
    def scrape(number):
        source = f"127.0.0.{number % 8 + 2}"  # one address may have 32 connections
        return server.request("GET", "/metrics", {"Accept-Encoding": "gzip"}, source=source)

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(scrape, range(200)))
    assert {status for status, _, _ in answers} == {200}
    assert all(b"oneway_findings" in gzip.decompress(body) for _, _, body in answers)


def test_clients_of_one_address_are_limited(server):
    clients = []
    try:
        for _ in range(80):
            clients.append(socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.11", 0)))
        time.sleep(0.5)
        assert server.request("GET", "/metrics", source="127.0.0.10")[0] == 200
        closed = 0
        for client in clients:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                with contextlib.suppress(ConnectionError):
                    client.recv(1)
                closed += 1
        assert closed == 80 - 32
    finally:
        for client in clients:
            client.close()


def test_too_many_requests(tmp_path):
    """One request is being answered and no more may be; health is answered all the same. Connections go to the
    server's four threads in turn, of which the first is held."""
    hold = tmp_path / "hold"
    os.mkfifo(hold)
    with running("--max-requests", "1", "--hold", str(hold)) as server, concurrent.futures.ThreadPoolExecutor(1) as pool:
        held = pool.submit(server.request, "POST", "/-/reload")
        with open(hold, "wb"):  # which the reload has opened, too
            status, _, body = server.get("/metrics")
            assert status == 503 and body.startswith(b"Limit of concurrent requests")
            assert server.get("/-/healthy")[0] == 200
        assert held.result()[0] == 200
        assert server.get("/metrics")[0] == 200


def test_endless_bodies_are_cut(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(10000):
                client.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
    assert server.get("/-/healthy")[0] == 200


GARBAGE = (
    b"\x00" * 100,
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
)


def test_garbage_is_survived(server):
    for garbage in GARBAGE:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            with contextlib.suppress(OSError):
                client.sendall(garbage)
                client.shutdown(socket.SHUT_WR)
                client.recv(4096)
    assert server.get("/-/healthy")[0] == 200


def basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def bcrypt(password, cost=10):
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    return library.crypt(password.encode(), b"$2b$%02d$abcdefghijklmnopqrstuu" % cost).decode()


@pytest.fixture
def users(tmp_path):
    config = tmp_path / "web.yml"
    config.write_text(f"basic_auth_users:\n  alice: {bcrypt('sesame')}\n")
    return str(config)


def test_basic_auth(users):
    with running("--config", users) as server:
        for path in ("/-/healthy", "/-/ready"):
            assert server.request("GET", path)[0] == 200
            assert server.request("GET", path, basic("alice", "wrong"))[0] == 200
        for path in ("/metrics", "/", "/-/reload", "/nothing"):
            status, headers, _ = server.request("GET", path)
            assert status == 401 and headers["WWW-Authenticate"].startswith("Basic ")
        for name, password in (("alice", "wrong"), ("bob", "sesame"), ("", ""), ("alice", "x" * 1000)):
            assert server.request("GET", "/metrics", basic(name, password))[0] == 401
        assert server.request("GET", "/metrics", {"Authorization": "Basic !!!"})[0] == 401
        assert server.request("GET", "/metrics", {"Authorization": "Bearer x"})[0] == 401
        good = basic("alice", "sesame")
        assert server.request("GET", "/metrics", good)[0] == 200
        assert server.request("GET", "/", {**good, "Host": "watch.example"})[0] == 200
        started = time.monotonic()
        for _ in range(20):
            assert server.request("GET", "/metrics", good)[0] == 200
        assert time.monotonic() - started < 1, "answers are remembered"


def test_guessing_delays_nobody(users):
    stop = threading.Event()

    def guess(server, number):
        for count in range(10000):
            if stop.is_set():
                return
            status = server.request("GET", "/metrics", basic("alice", f"{number} {count}"))[0]
            assert status in (401, 429, 503)

    with running("--config", users) as server, concurrent.futures.ThreadPoolExecutor(8) as pool:
        good = basic("alice", "sesame")
        assert server.request("GET", "/metrics", good)[0] == 200
        guesses = [pool.submit(guess, server, number) for number in range(8)]
        times = []
        try:
            for _ in range(20):
                started = time.monotonic()
                assert server.request("GET", "/metrics", good)[0] == 200
                times.append(time.monotonic() - started)
        finally:
            stop.set()
        for done in guesses:
            done.result()
        assert sorted(times)[10] < 1


def test_wrong_web_configuration(tmp_path):
    config = tmp_path / "web.yml"
    config.write_text("rate_limit: {}\n")
    said = fails("--config", str(config), listen=["127.0.0.1:0"])
    assert said.startswith(f"{config}:1: rate_limit: not supported")
    config.write_text("tls_server_config: {cert_file: web.yml, key_file: web.yml}\n")
    said = fails("--config", str(config), listen=["127.0.0.1:0"])
    assert said.startswith("cannot serve on 127.0.0.1:0: ") and "does not start" not in said


@pytest.fixture
def certificate(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "web.yml").write_text("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n")
    return tmp_path


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls(certificate):
    trusted = str(certificate / "cert.pem")
    with running("--config", str(certificate / "web.yml")) as server:
        status, headers, _ = server.request("GET", "/metrics", tls=ssl.create_default_context(cafile=trusted))
        assert status == 200 and headers["Content-Type"] == TEXT
        old = ssl.create_default_context(cafile=trusted)
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(OSError):
            server.request("GET", "/metrics", tls=old)
        with pytest.raises((OSError, http.client.HTTPException)):
            server.request("GET", "/metrics", timeout=3)


def test_promtool_finds_nothing_to_say(server):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=server.get("/metrics")[2], capture_output=True, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(seconds, question):
    """The first true answer, or the last one when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = question()
        except OSError:
            answer = None
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(0.2)


class Prometheus:
    def __init__(self, port):
        self.port = port

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=5) as answer:
            return json.load(answer)["data"]

    def values(self, query):
        return [float(sample["value"][1]) for sample in self.get("query?query=" + query)["result"]]


@contextlib.contextmanager
def prometheus(target, directory):
    port = free_port()
    config = directory / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: oneway\n  static_configs:\n"
        f"  - targets: ['127.0.0.1:{target}']\n"
    )
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
               f"--web.listen-address=127.0.0.1:{port}", "--log.level=debug"]
    with open(directory / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_prometheus_scrapes(server, tmp_path):
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed")
    with prometheus(server.port, tmp_path) as scraper:
        assert until(60, lambda: [n for n in scraper.values("count_over_time(up%5B1m%5D)") if n >= 3])
        assert scraper.values("min_over_time(up%5B1m%5D)") == [1]
        target = scraper.get("targets")["activeTargets"][0]
        assert target["health"] == "up" and target["lastError"] == ""
        # Only OpenMetrics has units.
        metadata = scraper.get("metadata?metric=oneway_conntrack_sample_seconds")
        assert metadata["oneway_conntrack_sample_seconds"][0]["unit"] == "seconds"
        assert len(scraper.values("oneway_finding")) == 2
        scraped = scraper.values("scrape_samples_scraped")
        assert scraped == scraper.values("scrape_samples_post_metric_relabeling") and scraped[0] > 70
    log = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert [line for line in log if "scrape" in line and re.search("level=(warn|error)|[Ee]rror|[Dd]uplicate", line)] == []
