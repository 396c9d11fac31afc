# SPDX-License-Identifier: GPL-2.0-or-later
"""What of the house style a program can check."""

import os
import re
import shutil
import statistics
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ONEWAY_BUILD", f"{ROOT}/build/release")
LONGEST_FUNCTION = 70
SOURCE = (".c", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt")


def files(*endings):
    found = []
    for room in ("collectors", "alerts", "exporter", "tests", "packaging"):
        for folder, _, names in os.walk(f"{ROOT}/{room}"):
            found += [os.path.join(folder, name) for name in names if name.endswith(endings)]
    assert found
    return found


def test_sources_are_formatted():
    if not shutil.which("clang-format"):
        pytest.skip("clang-format is not installed")
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", *files(".c", ".h")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]


def test_sources_name_their_licence():
    for path in files(*SOURCE):
        with open(path, encoding="utf-8") as file:
            assert "SPDX-License-Identifier: GPL-2.0-or-later" in file.read(200), path


def test_functions_need_no_scroll():
    if not shutil.which("ctags"):
        pytest.skip("ctags is not installed")
    sources = [path for path in files(".c") if "/tests/" not in path.removeprefix(ROOT)]
    tags = subprocess.run(["ctags", "--languages=C", "--kinds-C=f", "--fields=+ne", "-f", "-", *sources],
                          capture_output=True, text=True, check=True).stdout
    lengths = []
    for line in tags.splitlines():
        fields = dict(field.split(":", 1) for field in line.split("\t") if re.match(r"(line|end):", field))
        lengths.append((int(fields["end"]) - int(fields["line"]) + 1, line.split("\t")[0]))
    print(f"{len(lengths)} functions, median {statistics.median(length for length, _ in lengths):g} lines, 95th percentile "
          f"{statistics.quantiles([length for length, _ in lengths], n=20)[-1]:g}, longest {max(lengths)}")
    assert [one for one in lengths if one[0] > LONGEST_FUNCTION] == []


def test_no_mutable_globals():
    symbols = subprocess.run(["objdump", "-t", f"{BUILD}/liboneway.a"], capture_output=True, text=True,
                             check=True).stdout
    if "__asan" in symbols:
        pytest.skip("a sanitized library has the sanitizer's own globals")
    assert " judge\n" in symbols
    sections = re.compile(r" O (\.bss|\.data(?!\.rel\.ro)|\*COM\*)")
    assert [line for line in symbols.splitlines() if sections.search(line)] == []
