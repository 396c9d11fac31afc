# SPDX-License-Identifier: GPL-2.0-or-later
"""The two programs as their users start them: flags, files, signals, namespaces, privileges."""

import contextlib
import http.client
import json
import os
import re
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families
from test_http import prometheus, until

BUILD = os.environ["ONEWAY_BUILD"]
EXPORTER = f"{BUILD}/exporter/oneway_exporter"
ONEWAY = f"{BUILD}/exporter/oneway"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a network namespace")


PATIENCE = 600  # seconds: only a program that hangs takes so long, also under valgrind beside a dozen labs


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, **options)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=10.0):
    """Polls until the condition gives something true, and returns it and how long that took."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if value := condition():
            return value, time.monotonic() - start
        time.sleep(0.02)
    pytest.fail(f"not within {seconds} s: {condition}")


class Exporter:
    """A running exporter; leaving the block stops it and insists on a clean end."""

    def __init__(self, tmp_path, *flags, prefix=()):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log_path = tmp_path / f"log-{secrets.token_hex(4)}"
        with open(self.log_path, "w") as log:
            listen = "--web.listen-address=" + self.url.removeprefix("http://")
            self.process = subprocess.Popen([*prefix, EXPORTER, listen, *flags], stderr=log)

    def __enter__(self):
        try:
            wait_for(lambda: self.get("/-/ready")[0] == 200 or self.process.poll() is not None,
                     PATIENCE)  # valgrind takes its time over the kernel's types
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        assert self.process.poll() is None, self.log()
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        if kind is None:
            assert status == 0, self.log()
            assert "Sanitizer" not in self.log()

    def log(self):
        return self.log_path.read_text()

    def get(self, path, method="GET"):
        try:
            request = urllib.request.Request(self.url + path, method=method)
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def findings(self):
        return json.loads(self.get("/api/v1/findings")[1])["findings"]

    def devices(self):
        return set(re.findall(r'oneway_rp_filter_mode\{device="([^"]+)"\}', self.get("/metrics")[1]))

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def namespace():
    name = "ow-" + secrets.token_hex(4)
    made = run("ip", "netns", "add", name)
    if made.returncode:
        assert "not permitted" in made.stderr, made.stderr
        pytest.skip(f"cannot make a network namespace: {made.stderr.strip()}")
    try:
        run("ip", "-n", name, "link", "set", "lo", "up", check=True)
        yield name
    finally:
        run("ip", "netns", "del", name)


def add_device(name, device):
    run("ip", "-n", name, "link", "add", device, "type", "veth", "peer", "name", device + "p", check=True)
    run("ip", "-n", name, "link", "set", device, "up", check=True)
    run("ip", "-n", name, "link", "set", device + "p", "up", check=True)


# ---- command lines and files ----


@pytest.mark.parametrize("program", [[EXPORTER], [ONEWAY], [ONEWAY, "check"]])
def test_help_and_version_come_on_stdout(program):
    for flag in ("--help", "--version"):
        result = run(*program, flag)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout
    assert re.match(r"[a-z_ ]+, version \d+\.\d+\.\d+ \(revision: \w+\)\n$", result.stdout)


@pytest.mark.parametrize("command", [
    [EXPORTER, "--nonsense"], [EXPORTER, "file"], [EXPORTER, "--web.max-requests=no"],
    [ONEWAY], [ONEWAY, "nonsense"], [ONEWAY, "check", "--for=never"], [ONEWAY, "check", "host"],
])
def test_bad_lines_are_refused_with_one_line(command):
    result = run(*command)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1 and "see --help" in result.stderr


def test_config_check_names_file_line_and_key(tmp_path):
    good, bad, web = tmp_path / "good.yml", tmp_path / "bad.yml", tmp_path / "web.yml"
    good.write_text("lines: [wan1]\n")
    bad.write_text("lines: [wan1]\nthresholds:\n  close_seconds: soon\n")
    web.write_text("nonsense: 1\n")
    assert run(EXPORTER, "--config.check", f"--config.file={good}").returncode == 0
    result = run(EXPORTER, "--config.check", f"--config.file={bad}")
    assert result.returncode == 1
    assert result.stderr == (
        f'{bad}:3: thresholds.close_seconds: expected a number from 0 to 86400, got "soon"\n')
    result = run(EXPORTER, "--config.check", f"--web.config.file={web}")
    assert result.returncode == 1 and str(web) in result.stderr
    alerts = tmp_path / "am.yml"
    alerts.write_text("tls_config:\n  ca_file: none.crt\n")
    result = run(EXPORTER, "--config.check", f"--alertmanager.config.file={alerts}")
    assert result.returncode == 1
    assert result.stderr == f"{alerts}:2: tls_config.ca_file: none.crt: No such file or directory\n"
    result = run(EXPORTER, "--config.check", "--alertmanager.url=alice:s3cret@am:9093")
    assert result.returncode == 1 and "s3cret" not in result.stderr
    assert result.stderr == "--alertmanager.url, number 1: expected http://HOST[:PORT][/PATH] or https://...\n"
    result = run(EXPORTER, "--config.check", "--config.file=/nowhere.yml")
    assert result.returncode == 1 and result.stderr == "/nowhere.yml: No such file or directory\n"


def test_what_prevents_a_start_is_said(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        result = run(EXPORTER, f"--web.listen-address={address}")
    assert result.returncode == 1 and address in result.stderr and "Cannot start" in result.stderr
    free = f"--web.listen-address=127.0.0.1:{free_port()}"
    for flag, reason in (
            ("--netns=no-such-namespace", "no network namespace named no-such-namespace"),
            ("--netns=/etc/passwd", "network namespace /etc/passwd: "),
            (f"--netns={tmp_path}/none", "No such file or directory"),
            ("--alertmanager.url=am:9093", "--alertmanager.url, number 1: expected http://HOST"),
            ("--config.file=/nowhere.yml", "/nowhere.yml: No such file or directory")):
        result = run(EXPORTER, free, flag)
        assert result.returncode == 1 and reason in result.stderr, result.stderr


# ---- running ----


def test_it_starts_serves_and_stops(tmp_path):
    with Exporter(tmp_path) as exporter:
        status, metrics = exporter.get("/metrics")
        assert status == 200 and "oneway_exporter_build_info{" in metrics
        for name in ("link", "rpfilter", "conntrack", "natrules", "listen", "handshake", "synrecv", "drops", "route"):
            assert f'oneway_scrape_collector_success{{collector="{name}"}}' in metrics
    log = exporter.log()
    assert 'msg="Starting oneway_exporter" version=' in log
    assert "collectors=link,rpfilter,conntrack,natrules,listen,handshake,synrecv,drops,route" in log
    assert log.count('msg="Listening on"') == 1
    assert "msg=Watching" in log


def metric(exporter, name):
    found = re.search(rf"^{name} (\S+)$", exporter.get("/metrics")[1], re.MULTILINE)
    return float(found.group(1)) if found else None


JUDGED = "oneway_last_judgement_timestamp_seconds"


class Unread(Exporter):
    """Its log goes to a pipe that nobody reads."""

    def __init__(self, tmp_path, *flags):
        pipe = tmp_path / f"pipe-{secrets.token_hex(4)}"
        os.mkfifo(pipe)
        self.reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        super().__init__(tmp_path, *flags, prefix=("sh", "-c", 'exec "$@" 2>"$0"', pipe))


def test_a_log_that_nobody_reads_stops_nothing(tmp_path):
    with Unread(tmp_path, "--log.level=debug") as exporter:
        with contextlib.closing(http.client.HTTPConnection(exporter.url.removeprefix("http://"), timeout=20)) as client:
            for _ in range(3000):  # each a line of 100 characters
                client.request("GET", "/-/healthy")
                assert client.getresponse().read() == b"Healthy.\n"
        assert metric(exporter, "oneway_log_lines_lost_total") > 0
        before = metric(exporter, JUDGED)
        wait_for(lambda: metric(exporter, JUDGED) > before, PATIENCE)
        os.set_blocking(exporter.reader, True)
        with open(exporter.reader, closefd=False) as log:
            assert any("Lines of the log were lost" in line for line in log)
            exporter.process.send_signal(signal.SIGTERM)
            assert any("msg=Stopping" in line for line in log)
    # and once more, unread to the end
    with Unread(tmp_path, "--log.level=debug") as exporter:
        for _ in range(3000):
            exporter.get("/-/healthy")


def make_procfs(path):
    """One whose net/netstat is a file of its own."""
    (path / "net").mkdir(parents=True)
    for name in ("sys", "self", "stat", "modules"):
        (path / name).symlink_to(f"/proc/{name}")
    for name in os.listdir("/proc/net"):
        if name != "netstat":
            (path / "net" / name).symlink_to(f"/proc/net/{name}")
    (path / "net/netstat").write_text(open("/proc/net/netstat").read())
    return path


def test_the_watchdog_is_fed_by_the_loop_alone(tmp_path, monkeypatch):
    procfs, told = make_procfs(tmp_path / "proc"), []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        with Exporter(tmp_path, f"--path.procfs={procfs}") as exporter:
            while told.count(b"WATCHDOG=1") < 3:
                told.append(manager.recv(100))
            assert told[0] == b"READY=1"
            # A file that never answers: the loop waits for ever.
            os.mkfifo(tmp_path / "fifo")
            os.rename(tmp_path / "fifo", procfs / "net/netstat")
            manager.settimeout(3)
            with pytest.raises(TimeoutError):
                while True:
                    manager.recv(100)
            assert exporter.get("/metrics")[0] == 200
            os.rename(procfs / "net/netstat", tmp_path / "fifo")
            os.close(os.open(tmp_path / "fifo", os.O_WRONLY))
            manager.settimeout(PATIENCE)
            while manager.recv(100) != b"WATCHDOG=1":
                pass
        while manager.recv(100) != b"STOPPING=1":
            pass


def test_settings_are_read_anew(tmp_path):
    settings = tmp_path / "settings.yml"
    settings.write_text("thresholds: {close_seconds: 5}\n")
    with Exporter(tmp_path, f"--config.file={settings}") as exporter:
        assert exporter.get("/-/reload", "POST")[0] == 200
        wait_for(lambda: exporter.log().count("Settings were read anew") == 1)
        exporter.process.send_signal(signal.SIGHUP)
        wait_for(lambda: exporter.log().count("Settings were read anew") == 2)
        settings.write_text("\nlinez: []\n")
        status, text = exporter.get("/-/reload", "POST")
        assert status >= 400 and f"{settings}:2: linez: unknown key" in text
        exporter.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the old ones stay" in exporter.log())
        assert exporter.get("/-/healthy")[0] == 200
        assert exporter.log().count("Settings were read anew") == 2


def test_many_reloads_at_once(tmp_path):
    settings = tmp_path / "settings.yml"
    settings.write_text("lines: [a, b, c]\nprobes: [192.0.2.1]\n")
    with Exporter(tmp_path, f"--config.file={settings}") as exporter:
        for _ in range(100):
            assert exporter.get("/-/reload", "POST")[0] == 200
            exporter.process.send_signal(signal.SIGHUP)
        assert exporter.get("/-/healthy")[0] == 200


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")
def test_without_privileges_it_serves_what_it_can(tmp_path):
    os.chmod(tmp_path, 0o777)
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
            "--inh-caps=-all"]
    if run(*drop, EXPORTER, "--version").returncode:
        pytest.skip("the build directory is closed to other users")
    with Exporter(tmp_path, prefix=drop) as exporter:
        time.sleep(2.5)
        metrics = exporter.get("/metrics")[1]
        assert 'oneway_scrape_collector_success{collector="link"} 1' in metrics
        assert 'oneway_scrape_collector_success{collector="route"} 1' in metrics
        assert exporter.devices()
        log = exporter.log()
    lacking = re.findall(r'msg="Collector cannot look" collector=(\w+)', log)
    assert len(lacking) == len(set(lacking)), log
    for name in re.findall(r'oneway_scrape_collector_success\{collector="(\w+)"\} 0', metrics):
        assert name in lacking, log


# ---- another namespace ----


@needs_root
def test_it_watches_another_namespace_and_serves_in_its_own(tmp_path):
    with namespace() as name:
        add_device(name, "ow0")
        for given in (name, f"/run/netns/{name}"):
            with Exporter(tmp_path, f"--netns={given}") as exporter:
                assert {"ow0", "lo"} <= exporter.devices()
                assert f"namespace={given}" in exporter.log()


@needs_root
def test_changes_are_seen_within_a_second(tmp_path):
    with namespace() as name, Exporter(tmp_path, f"--netns={name}") as exporter:
        for i in range(5):
            add_device(name, f"ow{i}")
            _, took = wait_for(lambda: f"ow{i}" in exporter.devices())
            assert took < 1
        run("ip", "-n", name, "link", "del", "ow0", check=True)
        _, took = wait_for(lambda: "ow0" not in exporter.devices())
        assert took < 1


@needs_root
def test_churn_of_rules_and_routes_is_survived(tmp_path):
    """As fast as ip can, thousands of changes a second, while it is scraped; then what is true is seen."""
    seconds = 10
    lines = []
    for i in range(10000):
        verb = "add" if i % 2 == 0 else "del"
        lines += [f"rule {verb} pref 1000 from 192.0.2.1 lookup 100", f"route {verb} 192.0.2.64/26 dev ow0 table 100"]
    batch = tmp_path / "batch"
    batch.write_text("\n".join(lines) + "\n")
    with namespace() as name, Exporter(tmp_path, f"--netns={name}") as exporter:
        add_device(name, "ow0")
        before, start, rounds = exporter.cpu_seconds(), time.monotonic(), 0
        churn = None
        while time.monotonic() - start < seconds:
            if not churn or churn.poll() is not None:
                rounds += 1
                churn = subprocess.Popen(["ip", "-n", name, "-force", "-batch", str(batch)],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            assert exporter.get("/metrics")[0] == 200
            time.sleep(0.05)
        churn.kill()
        churn.wait()
        elapsed = time.monotonic() - start
        assert (rounds - 1) * len(lines) / elapsed > 1000, "too little churn to tell anything"
        print(f"share of one CPU under churn: {(exporter.cpu_seconds() - before) / elapsed:.3f}")
        add_device(name, "ow1")
        wait_for(lambda: "ow1" in exporter.devices(), 5)
        assert exporter.get("/-/ready")[0] == 200


# ---- Prometheus ----


@needs_root
@pytest.mark.skipif(not shutil.which("promtool") or not shutil.which("prometheus"), reason="Prometheus is not installed")
def test_prometheus_takes_what_the_exporter_says(tmp_path):
    with namespace() as name, Exporter(tmp_path, f"--netns={name}") as exporter:
        add_device(name, "ow0")
        run("ip", "-n", name, "addr", "add", "192.0.2.1/24", "dev", "ow0", check=True)
        wait_for(lambda: 'address="192.0.2.1"' in exporter.get("/metrics")[1])
        lint = subprocess.run(["promtool", "check", "metrics"], input=exporter.get("/metrics")[1], capture_output=True,
                              text=True, timeout=30)
        assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")
        with prometheus(int(exporter.url.rsplit(":", 1)[1]), tmp_path) as scraper:
            assert until(60, lambda: scraper.values("sum_over_time(up%5B1m%5D)")[:1] >= [2])
            target = scraper.get("targets")["activeTargets"][0]
            assert (target["health"], target["lastError"]) == ("up", "")
            # Only OpenMetrics has units.
            metadata = scraper.get("metadata?metric=oneway_scrape_collector_duration_seconds")
            assert metadata["oneway_scrape_collector_duration_seconds"][0]["unit"] == "seconds"
            assert len(scraper.values("oneway_findings")) == 30


# ---- oneway check ----


@needs_root
def test_check_says_what_it_looked_at():
    with namespace() as name:
        add_device(name, "ow0")
        result = run(ONEWAY, "check", f"--netns={name}")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("No one-way connectivity found.\nLooked at ")
        assert "\033" not in result.stdout
        coloured = run(ONEWAY, "check", f"--netns={name}", "--color=always")
        assert "\033[" in coloured.stdout
        result = run(ONEWAY, "check", f"--netns={name}", "--format=json", "--for", "2s")
        report = json.loads(result.stdout)
        assert result.returncode == 0 and report["findings"] == []
        assert {entry["name"]: entry["success"] for entry in report["collectors"]}["link"] is True


@needs_root
def test_check_writes_for_machines():
    with namespace() as name:
        add_device(name, "ow0")
        result = run(ONEWAY, "check", f"--netns={name}", "--format=nagios")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("ONEWAY OK - no one-way connectivity found | critical=0;;0;0; warning=0;0;;0; info=0;;;0;\n")
        result = run(ONEWAY, "check", f"--netns={name}", "--format=prometheus")
        assert (result.returncode, result.stderr) == (0, "")
        families = {family.name: family for family in text_string_to_metric_families(result.stdout)}
        assert {sample.value for sample in families["oneway_findings"].samples} == {0}
        assert {family.type for family in families.values()} == {"gauge"}
        if shutil.which("promtool"):
            assert run("promtool", "check", "metrics", input=result.stdout).returncode == 0
    for flags, status in ((("--format=nagios", "--netns=no-such-namespace"), 3), (("--format=nagios", "--atlantis"), 3),
                          (("--format=prometheus", "--netns=no-such-namespace"), 2)):
        result = run(ONEWAY, "check", *flags)
        assert result.returncode == status
        assert result.stdout.startswith("ONEWAY UNKNOWN - no network namespace") == (flags[-1] == "--netns=no-such-namespace" and status == 3)


def test_check_that_cannot_look_says_so():
    result = run(ONEWAY, "check", "--netns=no-such-namespace")
    assert result.returncode == 2
    assert result.stderr == ("oneway check: no network namespace named no-such-namespace; "
                             "`ip netns` lists them\n")
    result = run(ONEWAY, "check", "--config.file=/nowhere.yml")
    assert result.returncode == 2 and "/nowhere.yml" in result.stderr


def test_blindness_is_told(tmp_path):
    """Without /proc it does not say that all is well, whatever it could read elsewhere."""
    result = run(ONEWAY, "check", "--path.procfs=/typo")
    assert result.returncode == 2
    assert result.stdout.startswith("Could not look: nothing can be said.\n"), result.stdout
    blind = {"link", "rpfilter", "conntrack", "natrules", "listen", "synrecv"}
    for name in blind:
        assert f"could not look {name}: cannot read all of /typo: No such file or directory\n" in result.stdout
    (tmp_path / "sys").symlink_to("/proc/sys")  # as systemd's ProcSubset=pid hides the other half
    assert run(ONEWAY, "check", f"--path.procfs={tmp_path}").returncode == 2
    with Exporter(tmp_path, "--path.procfs=/typo") as exporter:
        metrics = exporter.get("/metrics")[1]
        for name in blind:
            assert f'oneway_scrape_collector_success{{collector="{name}"}} 0' in metrics
            assert f'oneway_unwatched{{collector="{name}",part="all",reason="procfs"}} 1' in metrics
        assert "<li><b>link</b> cannot read all of /typo" in exporter.get("/")[1]


def test_a_report_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "w") as full:
        result = subprocess.run([ONEWAY, "check"], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert result.returncode == 2 and b"Input/output error" in result.stderr


# ---- valgrind ----

VALGRIND = ("valgrind", "-q", "--leak-check=full", "--show-leak-kinds=definite,indirect,possible", "--error-exitcode=9",
            f"--suppressions={os.path.dirname(os.path.abspath(__file__))}/valgrind.supp")


def is_sanitized():
    return b"__asan_init" in open(EXPORTER, "rb").read()


needs_valgrind = pytest.mark.skipif(is_sanitized() or not shutil.which("valgrind"),
                                    reason="valgrind is not installed, or the sanitizers do its work in this build")


@needs_root
@needs_valgrind
def test_the_exporter_is_clean_under_valgrind(tmp_path):
    with namespace() as name, Exporter(tmp_path, f"--netns={name}", prefix=VALGRIND) as exporter:
        for i in range(5):
            add_device(name, f"ow{i}")
            run("ip", "-n", name, "addr", "add", f"192.0.2.{i}/24", "dev", f"ow{i}", check=True)
            run("ip", "-n", name, "rule", "add", "pref", str(1000 + i), "from", "192.0.2.1", "lookup", "100", check=True)
            for path in ("/metrics", "/", "/api/v1/findings", "/api/v1/addresses"):
                assert exporter.get(path)[0] == 200
            assert exporter.get("/-/reload", "POST")[0] == 200
            run("ip", "-n", name, "link", "del", f"ow{i}", check=True)
        time.sleep(1)


@needs_root
@needs_valgrind
@pytest.mark.parametrize("command", (("check",), ("check", "--format=json"), ("explain", "198.51.100.1", "192.0.2.1:22"),
                                     ("explain", "--format=json", "198.51.100.1", "192.0.2.1")))
def test_commands_are_clean_under_valgrind(command):
    with namespace() as name:
        add_device(name, "ow0")
        run("ip", "-n", name, "addr", "add", "192.0.2.1/24", "dev", "ow0", check=True)
        run("ip", "-n", name, "route", "add", "default", "via", "192.0.2.254", check=True)
        done = run(*VALGRIND, ONEWAY, command[0], f"--netns={name}", *command[1:])
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_limit_of_open_files(tmp_path):
    """The soft one is raised; what is left must do."""
    def limit(soft, hard):
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    few = run(EXPORTER, "--web.listen-address=127.0.0.1:0", preexec_fn=limit(256, 600))
    assert few.returncode == 1
    assert "the limit of open files is 600, at least 672 are needed (ulimit -Hn)" in few.stderr
    with Exporter(tmp_path, prefix=("prlimit", "--nofile=256:900")) as exporter:
        assert resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE) == (900, 900)
