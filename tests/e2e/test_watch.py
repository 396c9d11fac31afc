# SPDX-License-Identifier: GPL-2.0-or-later
"""`oneway watch` in a real terminal, tmux's, over a broken host, a sound one, and exporters that come and go; as lines where
there is no terminal; and the progress of what takes long."""

import base64
import contextlib
import fcntl
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

pytest.register_assert_rewrite("lab.watch")

from lab.labs import variants  # noqa: E402
from lab.labs.base import run_remedy  # noqa: E402
from lab.net import Net, Unsupported  # noqa: E402
from lab.traffic import Background  # noqa: E402
from lab.watch import Exporter, find_program, free_port, poll  # noqa: E402

BUILD = os.environ["ONEWAY_BUILD"]
ONEWAY = f"{BUILD}/exporter/oneway"
PATIENCE = 60  # seconds: only what hangs takes so long
SIZES = [(80, 24), (200, 50)]
SMALL = [(40, 10), (20, 5), (9, 3), (3, 1)]

needs_tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")


class Terminal:
    """A shell in a tmux of its own; what it shows, and how it stands."""

    def __init__(self, folder, columns, rows, **environment):
        self._folder = folder
        self._socket = f"{folder}/tmux-{columns}-{os.urandom(3).hex()}"
        self._columns = columns
        shell = " ".join(["env", "LC_ALL=C.UTF-8", "PS1='$ '", *(f"{name}={value}" for name, value in environment.items()),
                          "bash --norc --noprofile -i"])
        self._run("-u", "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), shell)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._run("kill-server", check=False)

    def _run(self, *arguments, check=True):
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        return subprocess.run(["tmux", "-S", self._socket, *arguments], check=check, capture_output=True, text=True,
                              timeout=PATIENCE, env=environment).stdout

    def keys(self, *keys):
        self._run("send-keys", *keys)

    def type(self, text):
        self._run("send-keys", "-l", text)
        self._run("send-keys", "Enter")

    def resize(self, columns, rows):
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self, *flags):
        return self._run("capture-pane", "-p", *flags)

    def shows(self, *parts):
        """The screen, as soon as all of these stand on it."""
        assert poll(lambda: all(part in self.screen() for part in parts), PATIENCE), f"{parts}\n{self.screen()}"
        return self.screen()

    def state(self):
        """How the shell left the terminal: stty, whether the other screen is shown, whether the cursor is."""
        file = f"{self._folder}/stty-{os.urandom(3).hex()}"
        self.type(f"stty -a >{file}.new; mv {file}.new {file}")
        assert poll(lambda: os.path.exists(file), PATIENCE), self.screen()
        with open(file, encoding="utf-8") as said:
            modes = re.sub(r"rows \d+; columns \d+; ", "", said.read())
        return modes, self._run("display", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_cursor_flag}")

    def status(self):
        """Of the command before; waits until it has ended."""
        assert poll(lambda: not self.child(), PATIENCE), self.screen()
        file = f"{self._folder}/status-{os.urandom(3).hex()}"
        self.type(f"echo $? >{file}.new; mv {file}.new {file}")
        assert poll(lambda: os.path.exists(file), PATIENCE), self.screen()
        with open(file, encoding="utf-8") as said:
            return int(said.read())

    def child(self):
        """The process that runs in the foreground of the shell."""
        shell = int(self._run("display", "-p", "#{pane_pid}"))
        found = subprocess.run(["pgrep", "-P", str(shell), "-x", "oneway|ip"], capture_output=True, text=True).stdout.split()
        return int(found[0]) if found else None

    def close(self):
        self._run("kill-pane")


@pytest.fixture
def net():
    try:
        with Net() as made:
            yield made
    except Unsupported as reason:
        pytest.skip(str(reason))


@contextlib.contextmanager
def watched(net, healthy, port=0):
    """A lab with traffic, and the exporter over it."""
    lab = variants("dnat-uplinks")["nft-wan2"](net, "nft-wan2", 4, healthy=healthy)
    with Exporter(find_program(BUILD, "oneway_exporter"), lab, port=port) as exporter, \
            Background(lab.attempts(), interval=0.5):
        yield lab, exporter


def url(exporter):
    return f"--url=http://127.0.0.1:{exporter.port}"


def fits(terminal, columns, rows):
    """Whether all is drawn for this size: nothing wrapped, nothing left of another one."""
    lines = terminal.screen().split("\n")[:-1]
    head = lines[0].replace(" oneway ", "") if lines else ""
    if not head.startswith(" 1 INCIDENT, 1 critical"[:columns - 1]) or len(lines) > rows or max(map(len, lines)) > columns:
        return False
    return rows < 3 or columns < 9 or lines[-1].startswith(" http://") and sum(" http://" in line for line in lines) == 1


@needs_tmux
def test_a_broken_host(net, tmp_path):
    with watched(net, healthy=False) as (lab, exporter), Terminal(tmp_path, *SIZES[0]) as small, \
            Terminal(tmp_path, *SIZES[1]) as large:
        finding = poll(lambda: next((one for one in exporter.causes() if one["severity"] == "critical"), None), PATIENCE)
        assert poll(lambda: len(exporter.findings()) >= 3, PATIENCE)
        before = small.state()
        for terminal in (small, large):
            terminal.type(f"{ONEWAY} watch {url(exporter)}")

        screen = small.shows("1 INCIDENT, 1 critical", "Remedy (checked by lookups on this host)", *finding["remedy"])
        assert re.search(r"^> critical  replies from 198\.51\.100\.18 \(to 10\.8\.20\.2\) leave by wan1, re… +\d+ s$", screen, re.M), screen
        assert re.search(r"^  critical  └ ", screen, re.M), screen
        large.shows("reply_wrong_device", finding["summary"], *finding["remedy"], "Evidence", "peers          203.0.113.2",
                    "SYN in wan2; SYN-ACK out wan1")

        small.keys("Enter", "G")
        small.shows("Details", "evidence.pcap", "Esc back")
        small.keys("Escape", "Tab")
        small.shows("[2 Map]", "uncovered  198.51.100.18 → 10.8.20.2  replies by wan1", "wan2  line  2 addresses, 1 wrong")
        small.keys("Tab")
        screen = small.shows("[3 Matrix]", " one_way ")  # such an opening is counted when it has ended
        columns = re.search(r"^  SYN \\ SYN-ACK +(.*)$", screen, re.M)[1].split()
        row = re.split(r" {2,}", re.search(r"^[> ] wan2 +(.*)$", screen, re.M)[1])
        assert re.fullmatch(r"\d+ one_way", row[columns.index("wan1")].strip()), screen
        small.keys("?")
        small.shows("Help", "Shift-Tab")
        small.keys("1")

        for columns, rows in [*SMALL, SIZES[1], SIZES[0], SIZES[1]]:  # while it draws
            small.resize(columns, rows)
        for columns, rows in [*SMALL, *SIZES]:
            small.resize(columns, rows)
            assert poll(lambda: fits(small, columns, rows), PATIENCE), small.screen()
        small.resize(*SIZES[0])

        small.keys("C-z")
        small.shows("Stopped")
        assert small.state() == before
        small.type("fg")
        small.shows("1 INCIDENT, 1 critical", "[1 Findings")
        os.kill(small.child(), signal.SIGSTOP)
        small.shows("Stopped")
        small.type("fg")
        small.shows("1 INCIDENT, 1 critical", "[1 Findings")

        for end, status in ((lambda: small.keys("q"), 0), (lambda: small.keys("C-c"), 130),
                            (lambda: os.kill(small.child(), signal.SIGTERM), 143)):
            end()
            assert small.status() == status
            assert small.state() == before
            small.type(f"clear; {ONEWAY} watch {url(exporter)}")
            small.shows("1 INCIDENT, 1 critical")
        child = small.child()
        small.close()
        assert poll(lambda: not os.path.exists(f"/proc/{child}"), PATIENCE), "it lives on without its terminal"

        run_remedy(lab.watched, finding["remedy"])
        large.shows("all is well, no findings", "No one-way connectivity found.", "closed critical")
        exporter.kill(signal.SIGKILL)
        large.shows("UNREACHABLE since", "Connection refused", "all is well, no findings  as of the last answer")
        large.keys("4")
        large.shows("unreachable http://127.0.0.1", "closed critical reply_wrong_device", "open critical reply_wrong_device")
        large.keys("q")
        assert large.status() == 0


@needs_tmux
def test_a_sound_host(net, tmp_path):
    with watched(net, healthy=True) as (lab, exporter), Terminal(tmp_path, *SIZES[0]) as small, \
            Terminal(tmp_path, *SIZES[1]) as large:
        for terminal in (small, large):
            terminal.type(f"{ONEWAY} watch {url(exporter)}")
        for terminal in (small, large):
            screen = terminal.shows("all is well, no findings", "No one-way connectivity found.", "3 lines", " completed, 0 one_way")
            assert "critical" not in screen and "! Not" not in screen
            terminal.keys("2")
            screen = terminal.shows("covered    198.51.100.18 → 10.8.20.2  ", "replies by wan2", " open")
            assert "wrong" not in screen and "uncovered" not in screen
            terminal.keys("3")
            terminal.shows("[3 Matrix]", " ok ")
            terminal.keys("4")
            terminal.shows("watching http://127.0.0.1")
            terminal.keys("q")
            assert terminal.status() == 0


@needs_tmux
def test_by_itself(net, tmp_path):
    """In the host's namespace, where no exporter answers, and by name; without colour, and on a terminal that has none."""
    lab = variants("dnat-uplinks")["nft-wan2"](net, "nft-wan2", 4, healthy=False)
    with Background(lab.attempts(), interval=0.5), Terminal(tmp_path, 120, 30) as inside, \
            Terminal(tmp_path, 120, 30, NO_COLOR="1") as outside, Terminal(tmp_path, 80, 24, TERM="dumb") as dumb, \
            Terminal(tmp_path, 80, 24, LC_ALL="C", TERM="vt100") as plain:
        inside.type(f"ip netns exec {lab.watched.name} {ONEWAY} watch")
        outside.type(f"{ONEWAY} watch --netns {lab.watched.name}")
        plain.type(f"{ONEWAY} watch --local --netns {lab.watched.name} --no-collector.handshake")
        dumb.type(f"{ONEWAY} watch --netns {lab.watched.name}")
        inside.shows("1 INCIDENT, 1 critical", "this host, by itself: no exporter at http://localhost:10150", "ip rule add pref")
        outside.shows("1 INCIDENT, 1 critical", " this host, by itself  ")
        assert re.search(r"\033\[[0-9;]*3[1-6]m", inside.screen("-e"))
        assert not re.search(r"\033\[[0-9;]*3[1-6]m", outside.screen("-e"))
        screen = plain.shows("1 INCIDENT", "reply_wrong_device")
        assert screen.isascii(), screen
        plain.keys("3")
        plain.shows("Handshakes are not watched.")
        dumb.shows("lines instead", "this host, by itself", " opened ", " reply_wrong_device: ")
        assert "\033" not in dumb.screen("-e")
        for terminal in (inside, outside, plain):
            terminal.keys("q")
            assert terminal.status() == 0
        dumb.keys("C-c")
        assert dumb.status() == 130


def lines_of(*arguments, seconds=1, **environment):
    return subprocess.run([ONEWAY, "watch", f"--for={seconds}", *arguments], capture_output=True, text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, env={**os.environ, **environment})


class Fake(http.server.ThreadingHTTPServer):
    """Answers as it is told: {path: body or status}."""

    def __init__(self, answers, password=None):
        super().__init__(("127.0.0.1", 0), FakeHandler)
        self.answers, self.password = answers, password
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class FakeHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = self.server.answers.get(self.path, 404)
        if self.server.password and self.headers.get("Authorization") != self.server.password:
            answer = 401
        body = b"no" if isinstance(answer, int) else answer.encode()
        self.send_response(answer if isinstance(answer, int) else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def finding(severity):
    return {"id": "aa", "condition": "return_only", "severity": severity, "summary": "it\u202e is \033[31mred", "cause": None}


def report(*findings):
    return {"/api/v1/findings": json.dumps({"time": "2026-01-02T03:04:05Z", "findings": findings})}


def test_lines_where_there_is_no_terminal(tmp_path):
    """Each change once, and none of the characters that a terminal would obey."""
    with Fake(report()) as fake, subprocess.Popen([ONEWAY, "watch", f"--url={fake.url}"], stdout=subprocess.PIPE, text=True,
                                                  stdin=subprocess.DEVNULL) as process:
        lines = []
        threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True).start()

        def told(text):
            assert poll(lambda: any(text in line for line in lines), PATIENCE), (text, lines)
        told(f"2026-01-02T03:04:05.000Z watching {fake.url}\n")
        fake.answers = report(finding("warning"))
        told("opened warning return_only: it\\u202e is \\x1b[31mred [aa]")
        fake.answers = report(finding("critical"))
        told("worsened warning -> critical return_only")
        fake.answers = {}
        told(f"unreachable {fake.url}: it answers, but is no exporter of oneway")
        fake.answers = report()
        told(f"reachable {fake.url}\n")
        told("closed critical return_only")
        process.terminate()
        assert process.wait(PATIENCE) == -signal.SIGTERM
        assert len(lines) == 6 and all(line.rstrip("\n").isprintable() for line in lines), lines


@pytest.mark.parametrize("answers, said", [
    ({}, "it answers, but is no exporter of oneway"),
    ({"/api/v1/findings": "<html>"}, "what it answers to /api/v1/findings is no JSON"),
    ({"/api/v1/findings": "[]"}, "it answers, but is no exporter of oneway"),
    ({"/api/v1/findings": 403}, "it answers 403: no"),
])
def test_who_is_no_exporter(answers, said):
    with Fake(answers) as fake:
        done = lines_of(f"--url={fake.url}")
        assert done.returncode == 2 and said in done.stdout and said in done.stderr, done


def test_nobody_answers():
    done = lines_of(f"--url=http://127.0.0.1:{free_port()}")
    assert done.returncode == 2 and "unreachable http://127.0.0.1" in done.stdout and "Connection refused" in done.stderr, done
    done = lines_of("--local", "--config.file=/nowhere")
    assert done.returncode == 2 and "/nowhere" in done.stderr and done.stdout == "", done


def test_a_password(tmp_path):
    """From ~/.netrc or the URL, which is never shown with it; and no proxy hears of it."""
    wanted = "Basic " + base64.b64encode(b"alice:open sesame").decode()
    with Fake(report(), wanted) as fake:
        home = {"HOME": str(tmp_path), "http_proxy": "http://127.0.0.1:1"}
        done = lines_of(f"--url={fake.url}", **home)
        assert done.returncode == 2 and "it wants a name and password: put them into ~/.netrc" in done.stderr
        (tmp_path / ".netrc").write_text('machine 127.0.0.1 login alice password "open sesame"\n')
        done = lines_of(f"--url={fake.url}", **home)
        assert done.returncode == 0 and f"watching {fake.url}\n" in done.stdout, done
        named = fake.url.replace("//", "//alice:open%20sesame@")
        done = lines_of(ONEWAY_URL=named, HOME="/nonexistent")
        assert done.returncode == 0 and f"watching {fake.url}\n" in done.stdout and "sesame" not in done.stdout + done.stderr, done


# ---- progress ----

class Screen:
    """A terminal that takes standard error; all that was written to it."""

    def __init__(self, columns=80):
        self._ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.written = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._ours)
        os.close(self.theirs)

    def read(self):
        while select.select([self._ours], [], [], 0)[0]:
            self.written += os.read(self._ours, 65536)
        return self.written.decode()

    def left(self):
        """The line as it stands in the end."""
        cells, column = {}, 0
        for character in self.read():
            if character == "\r":
                column = 0
            else:
                cells[column] = character
                column += 1
        return "".join(cells[column] for column in sorted(cells)).rstrip()


def packets():
    """A capture file, and one more packet of it."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    return header, struct.pack("<IIII", 1, 0, 20, 20) + bytes(20)


@pytest.mark.parametrize("columns", [80, 20])
def test_reading_tells_how_far_it_is(columns):
    header, packet = packets()
    with Screen(columns) as screen, subprocess.Popen([ONEWAY, "read", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                     stderr=screen.theirs) as process:
        process.stdin.write(header)
        written = 0
        deadline = time.monotonic() + PATIENCE
        while "Reading: " not in screen.read() and time.monotonic() < deadline:
            process.stdin.write(packet * 512)
            process.stdin.flush()
            written += 512
            time.sleep(0.02)
        assert "Reading: " in screen.read()
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0 and f"{written} packets in" in out.decode() and b"Reading" not in out
        assert screen.left() == "" and "\033" not in screen.read()
        assert max(map(len, re.split("\r", screen.read()))) < columns


def test_nothing_tells_how_far_it_is_where_nobody_sees_it():
    header, packet = packets()
    with subprocess.Popen([ONEWAY, "read", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(header + packet)
        process.stdin.flush()
        time.sleep(1.3)
        out, err = process.communicate(packet)
        assert process.returncode == 0 and err == b"" and b"2 packets in" in out


def test_checking_tells_how_far_it_is(net):
    space = net.namespace("idle")
    with Screen() as screen:
        done = subprocess.run([ONEWAY, "check", "--for=2", "--netns", space.name], stdout=subprocess.PIPE, stderr=screen.theirs,
                              timeout=PATIENCE)
        assert re.search(r"Looking, up to \d s more: 0 handshakes seen, 0 findings", screen.read())
        assert screen.left() == "" and b"up to" not in done.stdout
        assert done.returncode == 0 and b"No one-way connectivity found." in done.stdout
