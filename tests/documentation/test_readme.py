# SPDX-License-Identifier: GPL-2.0-or-later
"""The README says what is true: its tables are those of the programs.

Run as a program, it prints what the tables of conditions, metrics and flags should be."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMANDS = {"oneway_exporter": ("oneway_exporter",), "check": ("oneway", "check"), "explain": ("oneway", "explain"),
            "read": ("oneway", "read")}


def build():
    return os.environ.get("ONEWAY_BUILD", f"{ROOT}/build/release")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def described(kind):
    lines = output(f"{build()}/tests/describe").splitlines()
    return [line.split("\t")[1:] for line in lines if line.startswith(kind + "\t")]


def flags():
    """[flag with its argument, default, commands, help] of each flag, as --help has them."""
    found = {}
    for name, (program, *words) in COMMANDS.items():
        text = output(f"{build()}/exporter/{program}", *words, "--help")
        for flag, default, lines in re.findall(r"^  (--\S+)(?: \((.*)\))?\n((?:      .*\n)+)", text, re.MULTILINE):
            found.setdefault((flag, default, " ".join(lines.split()).rstrip(".")), []).append(name)
    return [[flag, default, ", ".join(names), text] for (flag, default, text), names in found.items()]


def flag_rows():
    return [row for row in flags() if row[0] != "--version"]


def metrics():
    """The table of metrics."""
    return output(f"{build()}/tests/describe", "--markdown")


def readme():
    with open(f"{ROOT}/README.md", encoding="utf-8") as file:
        return file.read()


def table(header):
    """The cells of the README's table with this header, without back-quotes."""
    lines = readme().split("\n")
    rows = []
    for line in lines[lines.index(header) + 2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


FLAGS = "| flag | default | of | |"
CONDITIONS = "| condition | holds when | severity |"
OUTCOMES = "| outcome | the opening |"


def test_metrics_are_those_of_the_exporter():
    assert metrics() in readme()


def test_flags_are_those_of_the_programs():
    assert table(FLAGS) == flag_rows()


def test_conditions_are_those_of_the_judge():
    assert table(CONDITIONS) == described("condition")


def test_outcomes_are_those_of_the_handshakes():
    assert [row[0] for row in table(OUTCOMES)] == [row[0] for row in described("outcome")]


def test_thresholds_are_those_of_the_settings():
    documented = re.findall(r"^  (\w+): ([\d.e+]+) ", readme().split("thresholds:")[-1], re.MULTILINE)
    assert documented[:len(described("threshold"))] == [(name, value) for name, value, _ in described("threshold")]


def test_settings_in_the_readme_are_accepted(tmp_path):
    block = next(block for block in re.findall(r"```yaml\n(.*?)```", readme(), re.DOTALL) if "thresholds:" in block)
    file = tmp_path / "oneway.yml"
    file.write_text(block)
    output(f"{build()}/exporter/oneway_exporter", f"--config.file={file}", "--config.check")


def test_mentioned_metrics_exist():
    names = {row[0] for row in described("metric")}
    mentioned = set(re.findall(r"\boneway_[a-z_]+\b", readme())) - {"oneway_exporter", "oneway_", "oneway_trace_"}
    assert mentioned <= names


if __name__ == "__main__":
    for name, text, severity in described("condition"):
        print(f"| `{name}` | {text} | {severity} |")
    print()
    print(metrics())
    for flag, default, names, text in flag_rows():
        quoted = f"`{default}`" if default else ""
        escaped = flag.replace("|", "\\|")
        print(f"| `{escaped}` | {quoted} | {names} | {text} |")
    sys.exit(0)
