# SPDX-License-Identifier: GPL-2.0-or-later
"""From a broken way back to one notification, and from the remedy to its end: Debian's Prometheus and Alertmanager with the
shipped rules, over the three hosts of the lab snat-gateway and the one of dnat-uplinks. Only intervals are shortened."""

import contextlib
import datetime
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
import time
import types
import urllib.parse
import urllib.request

import pytest
import yaml

pytest.register_assert_rewrite("lab.watch")

from lab.labs import variants  # noqa: E402
from lab.labs.base import run_remedy  # noqa: E402
from lab.net import Net, Unsupported  # noqa: E402
from lab.traffic import Background  # noqa: E402
from lab.watch import Exporter, find_program, free_port, poll  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GROUP_WAIT = 8  # seconds; all hosts have said what they see before that
GROUP_INTERVAL = 2
FOUND_SECONDS = 40
ENDED_SECONDS = 150  # what was seen to fail counts for a minute, and so do the fleet's rules

pytestmark = pytest.mark.skipif(not shutil.which("prometheus") or not shutil.which("prometheus-alertmanager"),
                                reason="Prometheus and Alertmanager are not installed")


class Receiver(http.server.ThreadingHTTPServer):
    """Takes notifications: (path, body) of each."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.notifications = []

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.notifications.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def running(folder, program, *flags, port=0):
    """A daemon on a port of loopback, from when it is ready; ends with us, even if we are killed."""
    url = f"http://127.0.0.1:{free_port(port)}"
    log = folder / f"{program}.log"
    with open(log, "w", encoding="utf-8") as out:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", program, f"--web.listen-address={url.removeprefix('http://')}",
                                    *flags], stdout=out, stderr=out)
    try:
        assert poll(lambda: process.poll() is not None or ready(url), 60) and process.poll() is None, log.read_text()
        yield url
    finally:
        process.kill()
        process.wait()


def ready(url):
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=5):
            return True
    except OSError:
        return False


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def alertmanager(folder, receiver, port=0):
    """The shipped configuration with short intervals and our receiver."""
    with open(f"{ROOT}/alerts/alertmanager/alertmanager.yml", encoding="utf-8") as file:
        config = yaml.safe_load(file)
    config["route"]["routes"][0].update(group_wait=f"{GROUP_WAIT}s", group_interval=f"{GROUP_INTERVAL}s")
    for named in config["receivers"]:
        for webhook in named.get("webhook_configs", []):
            path = urllib.parse.urlparse(webhook["url"]).path
            webhook["url"] = f"http://127.0.0.1:{receiver.server_port}{path}"
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    return running(folder, "prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml",
                   f"--storage.path={folder}/alertmanager", "--cluster.listen-address=", port=port)


def prometheus(folder, exporters, alerts_url):
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [f"{ROOT}/alerts/rules/oneway.rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alerts_url.removeprefix("http://")]}]}]},
        "scrape_configs": [{"job_name": "oneway", "static_configs": [
            {"targets": [f"127.0.0.1:{exporter.port}"], "labels": {"instance": name}} for name, exporter in exporters.items()]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    # Told once and again when it ends: between an end that the exporter tells and that which Prometheus learns of a second
    # later, none is to say that it fires.
    return running(folder, "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/prometheus",
                   "--rules.alert.resend-delay=10m")


def stand(net, name, variant):
    return variants(name)[variant](net, variant, 4, healthy=False)


@contextlib.contextmanager
def alerting(folder, lab, spaces, direct=False):
    """An exporter on each of the named hosts, Prometheus and Alertmanager; where to ask them, and the receiver. direct: the
    exporters tell Alertmanager, too, and one that takes notes."""
    program = find_program(os.environ["ONEWAY_BUILD"], "oneway_exporter")
    with contextlib.ExitStack() as stack:
        receiver, notes = stack.enter_context(Receiver()), stack.enter_context(Receiver())
        alerts_url = stack.enter_context(alertmanager(folder, receiver))
        told = (f"--alertmanager.url={alerts_url}", f"--alertmanager.url=http://127.0.0.1:{notes.server_port}") if direct else ()
        exporters = {
            name: stack.enter_context(Exporter(program, types.SimpleNamespace(watched=space, settings=lab.settings, flags=lab.flags),
                                               flags=(*told, f"--alertmanager.label=instance={name}") if told else ()))
            for name, space in spaces.items()}
        prometheus_url = stack.enter_context(prometheus(folder, exporters, alerts_url))
        yield types.SimpleNamespace(exporters=exporters, receiver=receiver, notes=notes, alerts=alerts_url,
                                    prometheus=prometheus_url)


def standing(where):
    """{(alert, instance)} that Alertmanager has, and those of them that are inhibited."""
    alerts = [(alert["labels"]["alertname"], alert["labels"]["instance"], bool(alert["status"]["inhibitedBy"]))
              for alert in get(f"{where.alerts}/api/v2/alerts")]
    return {alert[:2] for alert in alerts}, {alert[:2] for alert in alerts if alert[2]}


def names(notification):
    path, body = notification
    return path, body["status"], [(alert["labels"]["alertname"], alert["labels"]["instance"], alert["status"])
                                  for alert in body["alerts"]]


def assert_one_notification(where, incident, inhibited):
    """The alert stands, and those that tell of the same; one notification names it. Returns that one's alert."""
    wanted = ({incident} | inhibited, inhibited)
    assert poll(lambda: standing(where) == wanted, FOUND_SECONDS), get(f"{where.alerts}/api/v2/alerts")
    time.sleep(GROUP_WAIT + 2 * GROUP_INTERVAL)  # each group has been looked at
    assert [names(one) for one in where.receiver.notifications] == [("/pager", "firing", [(*incident, "firing")])]
    assert standing(where) == wanted
    return where.receiver.notifications[0][1]["alerts"][0]


def assert_ended(where, incident):
    assert poll(lambda: len(where.receiver.notifications) > 1, ENDED_SECONDS), get(f"{where.alerts}/api/v2/alerts")
    # An exporter that tells it itself is a scrape ahead of Prometheus.
    assert poll(lambda: get(f"{where.prometheus}/api/v1/alerts")["data"]["alerts"] == [], FOUND_SECONDS)
    time.sleep(2 * GROUP_INTERVAL)
    assert [names(one) for one in where.receiver.notifications] == [
        ("/pager", status, [(*incident, status)]) for status in ("firing", "resolved")]
    assert where.receiver.notifications[0][1]["groupKey"] == where.receiver.notifications[1][1]["groupKey"]
    assert get(f"{where.alerts}/api/v2/alerts") == []


@pytest.fixture
def net():
    try:
        with Net() as made:
            yield made
    except Unsupported as reason:
        pytest.skip(str(reason))


def test_an_incident_of_three_hosts_is_one_of_the_gateway(net, tmp_path):
    lab = stand(net, "snat-gateway", "gateway")
    incident = ("OnewayReturnPathThroughGateway", "gateway")
    with alerting(tmp_path, lab, {"server": lab.host, "gateway": lab.box, "client": lab.asker}) as where:
        assert standing(where) == (set(), set())
        with Background(lab.attempts()) as traffic:
            alert = assert_one_notification(where, incident, {("OnewayHandshakeOneWay", "server"), ("OnewayForeignSource", "gateway"),
                                                              ("OnewayReplyFromOtherAddress", "client")})
            server = lab.attempts()[0].address
            assert (alert["labels"]["address"], alert["labels"]["device"]) == (server, "eth0")
            # Who of the others saw it first; an alert that stands is not sent again within a minute.
            assert re.match(f"gateway passes on replies of the server {re.escape(server)} .*, says (client|server)",
                            alert["annotations"]["description"])
            assert set(traffic.latest.values()) == {"timeout"}
            lab.heal()
            assert_ended(where, incident)
            assert set(traffic.latest.values()) == {"ok"}


def text_of(alert):
    return json.dumps(alert["labels"], sort_keys=True)


def firing(notes):
    """What was told last of each alert, by its labels, if it is not over."""
    last = {text_of(alert): alert for _, alerts in notes.notifications for alert in alerts}
    return {labels: alert for labels, alert in last.items()
            if datetime.datetime.fromisoformat(alert["endsAt"].replace("Z", "+00:00")) > datetime.datetime.now(datetime.timezone.utc)}


def test_a_cause_alone_alerts_and_names_the_reply_device(net, tmp_path):
    """Told by Prometheus and by the exporter itself: one alert, one notification."""
    lab = stand(net, "dnat-uplinks", "nft-wan2")
    incident = ("OnewayReplyWrongDevice", "gateway")
    with alerting(tmp_path, lab, {"gateway": lab.watched}, direct=True) as where:
        with Background(lab.attempts()) as traffic:
            alert = assert_one_notification(where, incident, set())
            by_rules = {text_of(one): one for one in get(f"{where.prometheus}/api/v1/alerts")["data"]["alerts"]}
            sent = firing(where.notes)
            assert len(by_rules) == 1 and by_rules.keys() == sent.keys()
            for labels, one in by_rules.items():
                remedy = sent[labels]["annotations"].pop("remedy")
                assert sent[labels]["annotations"] == one["annotations"]
            findings = where.exporters["gateway"].findings()
            assert [finding["condition"] for finding in findings if finding["cause"]], "its symptoms are there"
            cause = next(finding for finding in findings if not finding["cause"])
            assert alert["annotations"]["description"].startswith(
                f"gateway, device wan2, address {cause['address']}, replies leave by {cause['reply_device']}: ")
            assert f"begin with: {cause['remedy'][0]} " in alert["annotations"]["description"]
            assert remedy.splitlines() == cause["remedy"]
            run_remedy(lab.watched, cause["remedy"])
            assert_ended(where, incident)
            assert firing(where.notes) == {}
            url = f"http://127.0.0.1:{where.notes.server_port}/api/v2/alerts"
            taken = where.exporters["gateway"].samples("oneway_alertmanager_notifications_total")
            assert taken[f'alertmanager="{url}"'] == sum(len(alerts) for _, alerts in where.notes.notifications)
            assert set(traffic.latest.values()) == {"ok"}
