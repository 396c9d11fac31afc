# SPDX-License-Identifier: GPL-2.0-or-later
"""The exporter as a lab runs it: over the lab's namespace, asked by HTTP, stopped, and looked at for crashes."""

import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

from lab.checks import split_series

READY_SECONDS = 30
ANSWER_SECONDS = 10
STOP_SECONDS = 20
POLL_SECONDS = 0.2
LISTENING = re.compile(r'msg="Listening on" address=127\.0\.0\.1:(\d+)')
SANITIZER = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:")


def find_program(build, name):
    """The program in a build directory; None if it is not there."""
    for place in (pathlib.Path(build, "exporter", name), pathlib.Path(build, name)):
        if os.access(place, os.X_OK):
            return place
    return None


def free_port(wanted=0):
    """`wanted` or the next ports after it, if one is free; else any. It may be taken again before it is used."""
    for port in (*range(wanted, wanted + 20), 0):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
                return sock.getsockname()[1]
            except OSError:
                continue
    raise OSError("no free port")


def poll(check, seconds, every=POLL_SECONDS):
    """The first true answer of check(), or its last one when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := check()) and time.monotonic() < deadline:
        time.sleep(every)
    return answer


class Exporter:
    """oneway_exporter over the lab's watched namespace, from `with` to its end."""

    def __init__(self, program, lab, port=0, close_seconds=2, flags=()):
        self.program = program
        self.port = free_port(port) if port else 0  # 0: the exporter takes one, and says which
        self._directory = tempfile.TemporaryDirectory(prefix="oneway-lab-")
        settings = pathlib.Path(self._directory.name, "oneway.yml")
        settings.write_text(f"thresholds:\n  close_seconds: {close_seconds}\n{lab.settings}")
        self._log_path = pathlib.Path(self._directory.name, "log")
        # setpriv: it ends with us, even if we are killed.
        self._command = ["setpriv", "--pdeathsig", "KILL", str(program), "--netns", lab.watched.name,
                         f"--web.listen-address=127.0.0.1:{self.port}", "--config.file", str(settings), 
                         f"--collector.handshake.tap={os.environ.get('ONEWAY_TAP', 'auto')}", *lab.flags, *flags]
        self._process = None
        self._killed = False

    def __enter__(self):
        try:
            with open(self._log_path, "wb") as log:
                self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                 start_new_session=True)
            self._await_ready()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None and not self._killed:
                self.stop()
        finally:
            self._kill()

    def _is_ready(self):
        listening = None if self.port else LISTENING.search(self.log())
        if listening:
            self.port = int(listening.group(1))
        return bool(self.port) and self._status("/-/ready") == 200

    def _await_ready(self):
        if not poll(lambda: not self.alive() or self._is_ready(), READY_SECONDS) or not self.alive():
            raise AssertionError(f"the exporter did not become ready:\n{' '.join(self._command)}\n{self.log()}")

    def _kill(self):
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
        self._directory.cleanup()

    def alive(self):
        return self._process.poll() is None

    def log(self):
        return self._log_path.read_text(errors="replace")

    def kill(self, number):
        """Ends it by a signal that it cannot hear."""
        self._killed = True
        self._process.send_signal(number)
        self._process.wait(STOP_SECONDS)

    def stop(self):
        """Ends it as systemd would. It must exit cleanly, leaking nothing, and have made one series of each finding."""
        self._process.terminate()
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the exporter does not stop on SIGTERM:\n{self.log()}") from None
        assert status == 0, f"the exporter ended with {status}:\n{self.log()}"
        assert not SANITIZER.search(self.log()), self.log()
        split = split_series(self.log())
        assert not split, f"{split}\n{self.log()}"

    def request(self, path):
        """Status and bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _status(self, path):
        try:
            return self.request(path)[0]
        except OSError:
            return None

    def get(self, path):
        try:
            status, body = self.request(path)
        except (OSError, http.client.HTTPException) as error:
            # A dying process closes its sockets a little before it is gone.
            ended = poll(lambda: not self.alive(), 1)
            what = "the exporter has ended" if ended else f"GET {path}: {error}"
            raise AssertionError(f"{what}\n{self.log()}") from None
        assert status == 200, f"GET {path}: {status}\n{body}"
        return body.decode()

    def findings(self):
        return json.loads(self.get("/api/v1/findings"))["findings"]

    def causes(self):
        """The findings that an alarm is about: nobody's symptom, and not intended."""
        return [finding for finding in self.findings() if finding["cause"] is None and not finding["intended"]]

    def samples(self, family):
        """{labels: value} of one metric."""
        pattern = re.compile(rf"^{family}(?:\{{(.*)\}})? (\S+)$", re.MULTILINE)
        return {labels: float(value) for labels, value in pattern.findall(self.get("/metrics"))}
