# SPDX-License-Identifier: GPL-2.0-or-later
"""A room is a folder. Its doors are the headers that others may include; its other headers are its own."""

import collections
import os
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ONEWAY_BUILD", f"{ROOT}/build/release")

# From the lowest up: nothing includes what stands in a later floor.
FLOORS = ("collectors", "alerts", "exporter")
# Of these rooms each header is a door.
OPEN = ("collectors", "collectors/base", "alerts", "exporter/base")
# The facts of a room are gathered in collectors/facts.h: NAME_facts.h is a door of each.
DOORS = {
    "collectors/device": ["device_facts.h", "address_index.h", "address_set.h"],
    "collectors/route": ["route_facts.h", "lookup.h", "service.h", "reply_path.h", "table.h"],
    "collectors/conntrack": ["conntrack_facts.h", "conntrack_find.h"],
    "collectors/firewall": ["filter.h", "nat_facts.h", "nat_find.h", "translation.h"],
    "collectors/change": ["change_facts.h", "changes.h", "change_text.h"],
    "collectors/capture": ["capture_facts.h", "packet.h", "frame_ring.h", "capture_file.h"],
    "collectors/handshake": ["handshake_facts.h", "handshake.h", "handshake_metrics.h", "wire_rows.h"],
    "collectors/socket": ["socket_facts.h"],
    "collectors/drop": ["drop_facts.h"],
    "collectors/trace": ["trace.h", "trace_rule.h", "tracer.h", "trace_table.h"],
    "alerts/condition": ["conditions.h", "forward_drop.h"],
    "alerts/remedy": ["remedy.h", "rule_match.h", "put_back.h"],
    "exporter/daemon": ["snapshot.h", "log.h", "observer.h", "collector_io.h"],
    "exporter/cli": ["options.h", "commands.h", "oneshot.h"],
    "exporter/watch": [],
    "exporter/alertmanager": ["alertmanagers.h", "alertmanager_stats.h"],
    "exporter/page": ["page.h", "assets.h"],
    "exporter/http": ["http.h", "web_config.h"],
    "exporter/metrics": ["families.h", "metrics.h", "finding_series.h", "selection.h"],
    "exporter/output": ["writer.h", "json.h", "evidence.h", "report.h"],
    "exporter/config": ["settings_file.h", "reload.h", "namespace.h"],
}


def sources(root):
    found = []
    for floor in FLOORS:
        for folder, _, names in os.walk(f"{root}/{floor}"):
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names if name.endswith((".c", ".h"))]
    return sorted(found)


def includes(root):
    """{file: the project's headers that it includes itself}"""
    found = {}
    for path in sources(root):
        with open(f"{root}/{path}", encoding="utf-8") as file:
            found[path] = [name for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', file.read(), re.MULTILINE)
                           if "/" in name]
    return found


def room(path):
    return os.path.dirname(path)


def closed_doors(root):
    """Includes of another room's private header."""
    return [f"{path} includes {header}" for path, headers in includes(root).items() for header in headers
            if room(header) not in (room(path), *OPEN)
            and os.path.basename(header) not in DOORS.get(room(header), [])]


def upward(root):
    """Includes of a higher floor, or by collectors/base of anything else."""
    found = []
    for path, headers in includes(root).items():
        for header in headers:
            if FLOORS.index(header.split("/")[0]) > FLOORS.index(path.split("/")[0]) or (
                    room(path) == "collectors/base" and room(header) != "collectors/base"):
                found.append(f"{path} includes {header}")
    return found


def cycles(root):
    """Sets of modules (a .c file and its header) that need each other."""
    needs = collections.defaultdict(set)
    for path, headers in includes(root).items():
        needs[path[:-2]] |= {header[:-2] for header in headers} - {path[:-2]}
    reach = {}
    for module in needs:
        seen, todo = set(), list(needs[module])
        while todo:
            other = todo.pop()
            if other not in seen:
                seen.add(other)
                todo += needs.get(other, ())
        reach[module] = seen
    together = {frozenset(other for other in reach[module] if module in reach.get(other, ())) for module in needs
                if module in reach[module]}
    return sorted(sorted(one) for one in together)


def test_no_private_header_of_another_room():
    assert closed_doors(ROOT) == []


def test_no_include_upwards():
    assert upward(ROOT) == []


def test_no_cycle_between_files():
    assert cycles(ROOT) == []


def test_every_room_and_door_exists():
    rooms = {room(path) for path in sources(ROOT)}
    assert rooms == set(DOORS) | set(OPEN)
    assert [door for name, doors in DOORS.items() for door in doors if not os.path.exists(f"{ROOT}/{name}/{door}")] == []


def test_the_compiler_sees_no_more():
    """Each project header that the compiler read for an object is reached by the includes that were looked at."""
    done = subprocess.run(["ninja", "-C", BUILD, "-t", "deps"], capture_output=True, text=True, check=False)
    if done.returncode != 0 or "#deps" not in done.stdout:
        pytest.skip("not built by ninja")
    direct, unseen, objects = includes(ROOT), [], 0
    for part in done.stdout.split("\n\n"):
        paths = [os.path.relpath(os.path.normpath(os.path.join(BUILD, line.strip())), ROOT)
                 for line in part.splitlines()[1:]]
        owner = next((path for path in paths if path in direct and path.endswith(".c")), None)
        if owner is None:
            continue
        objects += 1
        seen, todo = set(), [owner]
        while todo:
            path = todo.pop()
            if path not in seen:
                seen.add(path)
                todo += direct.get(path, ())
        unseen += [f"{owner} reads {path}" for path in paths if path in direct and path not in seen]
    assert objects > 50 and unseen == []


@pytest.mark.parametrize("check, file, line", [
    (closed_doors, "exporter/http/a.c", '#include "collectors/firewall/private.h"'),
    (upward, "collectors/base/a.c", '#include "alerts/judge.h"'),
    (upward, "collectors/base/a.h", '#include "collectors/facts.h"'),
    (cycles, "collectors/facts.c", '#include "collectors/facts_user.h"'),
])
def test_a_breach_is_seen(check, file, line, tmp_path):
    for path, text in (("collectors/facts_user.c", '#include "collectors/facts.h"'), (file, line)):
        os.makedirs(os.path.dirname(f"{tmp_path}/{path}"), exist_ok=True)
        with open(f"{tmp_path}/{path}", "w", encoding="utf-8") as out:
            out.write(line if path == file else text)
    assert len(check(tmp_path)) == 1
