# SPDX-License-Identifier: GPL-2.0-or-later
"""`oneway read` compared with an independent reading of public captures."""

import json
import os
import pathlib
import re
import subprocess

import pytest

ONEWAY = pathlib.Path(os.environ["ONEWAY_BUILD"], "exporter", "oneway")
DIFFERENCES = pathlib.Path(__file__).parent.parent / "data" / "traces-differences.md"
TRACES = os.environ.get("ONEWAY_TRACES")
ROW = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \| \S.* \|$")


def expected_here():
    if not TRACES:
        pytest.skip("ONEWAY_TRACES is not set: no directory of captures to compare with", allow_module_level=True)
    return json.loads(pathlib.Path(TRACES, "expected.json").read_text())


def differences():
    rows = [ROW.match(line) for line in DIFFERENCES.read_text().splitlines()]
    return {row[1]: (json.loads(row[2]), json.loads(row[3])) for row in rows if row}


REFERENCE = expected_here()


@pytest.mark.parametrize("name", REFERENCE)
def test_trace(name):
    result = subprocess.run([ONEWAY, "read", "--format", "json", pathlib.Path(TRACES, name)], capture_output=True,
                            text=True, timeout=60)
    assert result.returncode in (0, 1), result.stderr
    reference, ours = differences().get(name, (REFERENCE[name], REFERENCE[name]))
    assert reference == REFERENCE[name]
    assert json.loads(result.stdout)["handshakes"] == ours


def test_differences_are_of_captures_that_exist():
    assert set(differences()) <= set(REFERENCE)
    for reference, ours in differences().values():
        assert reference != ours
