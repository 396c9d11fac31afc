# SPDX-License-Identifier: GPL-2.0-or-later
"""The README says what is true, and is short."""

import os
import re

from manual import ROOT, described, flags

PAGE = f"{ROOT}/README.md"


def readme():
    with open(PAGE, encoding="utf-8") as file:
        return file.read()


def test_it_can_be_read_at_a_sitting():
    assert len(readme().splitlines()) <= 200


def test_mentioned_metrics_exist():
    mentioned = set(re.findall(r"\boneway_[a-z_]+\b", readme())) - {"oneway_exporter"}
    assert mentioned <= {row[0] for row in described("metric")}


def test_mentioned_flags_exist():
    known = {re.split("[=[]", flag)[0] for flag, _, _ in flags()} | {"--help", "--demo", "--healthy"}
    assert set(re.findall(r"(?<![-\w])--[a-z][\w.-]*", readme())) <= known


def test_linked_files_exist():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", readme())
    assert links and [link for link in links if not os.path.exists(f"{ROOT}/{link}")] == []
