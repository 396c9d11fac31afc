# SPDX-License-Identifier: GPL-2.0-or-later
"""Alerts that the exporter sends itself, without Prometheus: to Debian's Alertmanager, which comes late, and to others beside
it that are slow, whose certificate is another's, or that lead elsewhere."""

import base64
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import types

import pytest
from test_alerting import (ENDED_SECONDS, FOUND_SECONDS, GROUP_INTERVAL, GROUP_WAIT, Receiver, alertmanager, firing, get, names,
                           net, stand)

from lab.labs.base import run_remedy
from lab.traffic import Background
from lab.watch import Exporter, find_program, free_port, poll

__all__ = ["net"]
pytestmark = pytest.mark.skipif(not shutil.which("prometheus-alertmanager") or not shutil.which("openssl"),
                                reason="Alertmanager or openssl is not installed")

SECRET = "s3cret:word"


class Slow:
    """Accepts connections and never answers."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.accepted = []
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.accepted.append(self.listener.accept()[0])

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.accepted:
            one.close()


class Https(Receiver):
    """Takes alerts by TLS, with the named certificate for alerts.example. location: where it leads everyone instead."""

    def __init__(self, folder, name, location=None):
        super().__init__()
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        if not key.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={name}",
                            "-addext", "subjectAltName=DNS:alerts.example"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server_port}"
        self.location = location
        self.users = set()
        handler = self.RequestHandlerClass

        class Noting(handler):
            def do_POST(self):
                self.server.users.add(self.headers["Authorization"])
                if not self.server.location:
                    handler.do_POST(self)
                    return
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(307)
                self.send_header("Location", self.server.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.RequestHandlerClass = Noting

    def handle_error(self, *_):
        """A client that does not like the certificate."""


def errors(exporter, url, reason):
    return exporter.samples("oneway_alertmanager_notifications_errors_total")[
        f'alertmanager="{url}/api/v2/alerts",reason="{reason}"']


def queued(exporter, url):
    return exporter.samples("oneway_alertmanager_queue_length")[f'alertmanager="{url}/api/v2/alerts"']


def judgements(exporter, count):
    """Waits until so many different ones were served."""
    seen = set()

    def look():
        seen.add(exporter.get("/metrics").split("\noneway_last_judgement_timestamp_seconds ")[1].split("\n")[0])
        return len(seen) >= count
    return poll(look, FOUND_SECONDS)


def test_alerts_outlast_those_who_do_not_take_them(net, tmp_path):
    lab = stand(net, "dnat-uplinks", "nft-wan2")
    incident = ("OnewayReplyWrongDevice", "gateway")
    program = find_program(os.environ["ONEWAY_BUILD"], "oneway_exporter")
    watched = types.SimpleNamespace(watched=lab.watched, settings=lab.settings, flags=lab.flags)
    with contextlib.ExitStack() as stack:
        receiver, elsewhere = stack.enter_context(Receiver()), stack.enter_context(Receiver())
        slow = stack.enter_context(Slow())
        known, stranger = stack.enter_context(Https(tmp_path, "known")), stack.enter_context(Https(tmp_path, "stranger"))
        (tmp_path / "am.yml").write_text(f"basic_auth: {{username: gw, password: '{SECRET}'}}\n"
                                         "tls_config: {ca_file: known.crt, server_name: alerts.example}\n")
        leading = stack.enter_context(Https(tmp_path, "known", location=f"http://127.0.0.1:{elsewhere.server_port}/"))
        late = f"http://127.0.0.1:{free_port()}"
        urls = [late, slow.url, known.url, stranger.url, leading.url]
        flags = [f"--alertmanager.url={url.replace('://', '://bob:' + 'hidden@') if url == late else url}" for url in urls]
        flags += [f"--alertmanager.config.file={tmp_path}/am.yml", "--alertmanager.label=instance=gateway"]
        stack.enter_context(Background(lab.attempts()))
        with Exporter(program, watched, flags=flags) as exporter:
            # Nobody takes it but the one that can.
            assert poll(lambda: firing(known), FOUND_SECONDS), exporter.log()
            assert poll(lambda: queued(exporter, known.url) == 0, FOUND_SECONDS)
            assert poll(lambda: errors(exporter, late, "connect") and errors(exporter, stranger.url, "tls")
                        and errors(exporter, leading.url, "status"), FOUND_SECONDS), exporter.log()
            assert slow.accepted and judgements(exporter, 3)
            assert poll(lambda: errors(exporter, slow.url, "timeout"), FOUND_SECONDS)
            assert all(queued(exporter, url) > 0 for url in urls if url != known.url)
            assert known.users == {"Basic " + base64.b64encode(f"gw:{SECRET}".encode()).decode()}
            assert stranger.notifications == [] and elsewhere.notifications == []
            alerts_url = stack.enter_context(alertmanager(tmp_path, receiver, port=int(late.rpartition(":")[2])))
            assert alerts_url == late
            # It comes late, and is told.
            assert poll(lambda: receiver.notifications, FOUND_SECONDS + GROUP_WAIT), exporter.log()
            log = exporter.log()
        for url, reason in ((late, "connect"), (slow.url, "timeout"), (stranger.url, "tls"), (leading.url, "status")):
            told = [line for line in log.splitlines() if "takes no alerts" in line and f"{url}/" in line]
            assert len(told) == 1 and f"reason={reason} " in told[0], log
        assert [f"{late}/" in line for line in log.splitlines() if "takes alerts" in line].count(True) == 1
        assert "certificate" in next(line for line in log.splitlines() if "reason=tls" in line)
        assert SECRET not in log and "hidden" not in log
        # It was stopped in the midst of the incident, and is started again: nobody notices.
        updated = {alert["fingerprint"]: alert["updatedAt"] for alert in get(f"{late}/api/v2/alerts")}
        with Exporter(program, watched, flags=flags) as exporter:
            def goes_on():
                now = {alert["fingerprint"]: alert["updatedAt"] for alert in get(f"{late}/api/v2/alerts")}
                return now.keys() == updated.keys() and all(now[one] > updated[one] for one in now)
            assert poll(goes_on, FOUND_SECONDS), get(f"{late}/api/v2/alerts")
            before = len(known.notifications)
            judgements(exporter, GROUP_WAIT + 2 * GROUP_INTERVAL)
            assert [names(one) for one in receiver.notifications] == [("/pager", "firing", [(*incident, "firing")])]
            run_remedy(lab.watched, next(finding["remedy"] for finding in exporter.causes()))
            assert poll(lambda: len(receiver.notifications) > 1, ENDED_SECONDS), get(f"{late}/api/v2/alerts")
            assert [names(one) for one in receiver.notifications] == [
                ("/pager", status, [(*incident, status)]) for status in ("firing", "resolved")]
            assert firing(known) == {} and len(known.notifications) > before
            assert get(f"{late}/api/v2/alerts") == []
