# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts of the documentation that follow from the program's own tables: what stands between the lines
`begin NAME` and `end NAME`. Run as a program, it writes them anew; the tests only compare."""

import json
import os
import re
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = f"{ROOT}/packaging/man"
COMMANDS = {"oneway_exporter": ("oneway_exporter",), "check": ("oneway", "check"), "explain": ("oneway", "explain"),
            "read": ("oneway", "read"), "watch": ("oneway", "watch")}


def build():
    return os.environ.get("ONEWAY_BUILD", f"{ROOT}/build/release")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def described(kind):
    """The rows of one of the program's tables: metric, condition, alert, threshold, outcome."""
    lines = output(f"{build()}/tests/describe").splitlines()
    return [line.split("\t")[1:] for line in lines if line.startswith(kind + "\t")]


def flags():
    """[flag with its argument, default, command] of each flag, as --help has them."""
    found = []
    for name, (program, *words) in COMMANDS.items():
        text = output(f"{build()}/exporter/{program}", *words, "--help")
        found += [[flag, default, name]
                  for flag, default in re.findall(r"^  (--\S+)(?: \((.*)\))?\n(?:      .*\n)+", text, re.MULTILINE)]
    return found


def metric_rows():
    return [row for row in described("metric") if not row[0].startswith("process_")]


def roff(text):
    return text.replace("\\", "\\e").replace("--", "\\-\\-")


def sentence(text):
    return text[0].upper() + text[1:].rstrip(".") + "."


def item(tag, text):
    return f".TP\n.BR {tag}\n{text}\n"


def roff_metrics():
    return "".join(item(f'{name} " ({kind}{": " if names else ""}{names})"', roff(sentence(text)))
                   for name, kind, names, text in metric_rows())


def roff_conditions():
    return "".join(item(name, f"{roff(sentence(text))}\nSeverity: {roff(severity)}.")
                   for name, text, severity in described("condition"))


def roff_thresholds():
    return "".join(item(f'{name} " ({value})"', roff(sentence(text))) for name, value, text in described("threshold"))


def markdown_conditions():
    rows = "".join(f"| `{name}` | {text} | {severity} |\n" for name, text, severity in described("condition"))
    return f"| condition | holds when | severity |\n|---|---|---|\n{rows}"


def jsonnet_string(text):
    """As jsonnetfmt wants it."""
    return json.dumps(text) if "'" in text else "'" + text.replace("\\", "\\\\") + "'"


def jsonnet_conditions():
    return "".join(f"  {{ name: {jsonnet_string(name)}, help: {jsonnet_string(text)} }},\n"
                   for name, text, _ in described("condition"))


def rules():
    """The rules for Prometheus that follow from the mixin."""
    return output("jsonnet", "-S", f"{ROOT}/alerts/mixin/rules.jsonnet")


def dashboards():
    """{file name: its bytes} of the dashboards for Grafana that follow from the mixin."""
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.basename(path) for path in
                 output("jsonnet", "-m", folder, f"{ROOT}/alerts/mixin/dashboards.jsonnet").splitlines()]
        return {name: read(f"{folder}/{name}") for name in names}


BLOCKS = [
    (f"{FOLDER}/oneway-metrics.7", '.\\" {}', "metrics", roff_metrics),
    (f"{FOLDER}/oneway.1", '.\\" {}', "conditions", roff_conditions),
    (f"{FOLDER}/oneway.yml.5", '.\\" {}', "thresholds", roff_thresholds),
    (f"{ROOT}/README.md", "<!-- {} -->", "conditions", markdown_conditions),
    (f"{ROOT}/alerts/mixin/conditions.libsonnet", "  // {}", "conditions", jsonnet_conditions),
]
RULES = f"{ROOT}/alerts/rules/oneway.rules.yml"


DASHBOARDS = f"{ROOT}/alerts/dashboards"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def block(path, comment, name):
    """What stands before, between and after the two lines."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    begin, end = comment.format(f"begin {name}") + "\n", comment.format(f"end {name}") + "\n"
    found = re.fullmatch(f"(.*{re.escape(begin)})(.*)({re.escape(end)}.*)", text, re.DOTALL)
    assert found, f"{path} has no block {name}"
    return found.groups()


def write():
    for path, comment, name, make in BLOCKS:
        before, _, after = block(path, comment, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(before + make() + after)
    for path, text in {RULES: rules(), **{f"{DASHBOARDS}/{name}": text for name, text in dashboards().items()}}.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    import completion
    write()
    completion.write()
