# SPDX-License-Identifier: GPL-2.0-or-later
"""A test that is skipped is seen to be, with its reason, and hides no failure."""

import os
import subprocess
import sys

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

PASSES = "def test_passes():\n    pass\n"
FAILS = "def test_fails():\n    assert False\n"
SKIPS = "def test_skips():\n    pytest.skip('no such kernel')\n"
SKIPS_ALL = "pytest.skip('no such kernel', allow_module_level=True)\n"


@pytest.mark.parametrize("text, status", [
    (PASSES, 0), (FAILS, 1), (SKIPS, 77), (PASSES + SKIPS, 77), (SKIPS + FAILS, 1), (SKIPS_ALL, 77), ("", 5),
])
def test_status(tmp_path, text, status):
    file = tmp_path / "test_it.py"
    file.write_text("import pytest\n" + text)
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "skips", "-rs", str(file)],
                          env={**os.environ, "PYTHONPATH": TESTS}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stdout
    assert ("SKIPPED [1] " in done.stdout and "no such kernel" in done.stdout) == ("skip(" in text)


def test_ctest_heeds_it():
    with open(f"{TESTS}/CMakeLists.txt", encoding="utf-8") as cmake, open(f"{TESTS}/lab/CMakeLists.txt",
                                                                          encoding="utf-8") as labs:
        text = cmake.read() + labs.read()
    assert "SKIP_REGULAR_EXPRESSION" not in text  # hides failures beside it
    assert text.count("-m pytest -q -p no:cacheprovider -p skips -rs") == text.count("-m pytest") == 1
