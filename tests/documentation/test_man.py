# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages say what is true, and are rendered without a warning."""

import re
import shutil
import subprocess

import pytest
import manual
from manual import FOLDER, ROOT, build, described, output

PAGES = {"oneway": "oneway.1", "oneway_exporter": "oneway_exporter.8", "oneway.yml": "oneway.yml.5",
         "oneway-metrics": "oneway-metrics.7"}
PROGRAMS = ["oneway", "oneway_exporter"]
TAG = re.compile(r"^ {7}(\S.*)$")


def man(program, *arguments):
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    page = f"{FOLDER}/{PAGES[program]}"
    return subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", *arguments, page],
                          capture_output=True, text=True, check=True)


def rendered(program):
    return re.sub(".\b", "", man(program, "--nh", "-Tascii").stdout)


def divided(text, indent):
    """[heading, text below it] of each heading that is indented so far."""
    parts = re.split(rf"^{' ' * indent}(\S.*)$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2]))


def section(program, name):
    return dict(divided(rendered(program), 0))[name]


def subsections(program, name):
    return dict(divided(section(program, name), 3))


def items(text):
    """{tag: text} of a list; a text may stand behind a short tag."""
    found = {}
    for line in text.splitlines():
        tag = TAG.match(line)
        if tag:
            name, _, rest = re.sub(r" {2,}", "\t", tag[1]).partition("\t")
            found[name] = rest
        elif found and line.strip():
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def defaults(text, name):
    """(tag, default) of each tag that is such a name."""
    found = [re.fullmatch(rf"({name})(?: \((.*)\))?", tag) for tag in items(text)]
    return sorted((tag[1], tag[2] or "") for tag in found if tag)


def documented_flags(text):
    return defaults(text, r"--\S+")


def flags_of(program):
    """(flag, default) of each flag, as --help has them."""
    return sorted((flag, default) for flag, default, of in manual.flags() if program == of)


@pytest.mark.parametrize("program", PAGES)
def test_no_warnings(program):
    assert man(program, "-Tutf8", "-Z").stderr == ""


@pytest.mark.parametrize("page", PAGES.values())
def test_names_the_version(page):
    version = re.search(r"version (\S+)", output(f"{build()}/exporter/oneway", "--version"))[1]
    with open(f"{FOLDER}/{page}", encoding="utf-8") as page:
        assert f'"oneway {version}"' in re.search(r"^\.TH .*$", page.read(), re.MULTILINE)[0]


def test_flags_of_the_exporter():
    assert documented_flags(section("oneway_exporter", "FLAGS")) == flags_of("oneway_exporter")


@pytest.mark.parametrize("command", ["check", "explain", "read", "watch"])
def test_flags_of_the_commands(command):
    documented = []
    for heading, text in subsections("oneway", "FLAGS").items():
        names = heading.removeprefix("Flags of ").split(", ")
        if command in names or names == ["every command"]:
            documented += documented_flags(text)
    assert sorted(documented) == flags_of(command)


def test_commands():
    commands = re.findall(r"^  ([a-z]+)  +\S", output(f"{build()}/exporter/oneway", "--help"), re.MULTILINE)
    assert [tag.split()[0] for tag in items(section("oneway", "COMMANDS"))] == commands
    assert set(commands) == set(manual.COMMANDS) - {"oneway_exporter"}


@pytest.mark.parametrize("path, comment, name, make", manual.BLOCKS)
def test_what_follows_from_the_programs_tables(path, comment, name, make):
    assert manual.block(path, comment, name)[1] == make(), "/usr/bin/python3 tests/documentation/manual.py writes it anew"


def test_outcomes():
    documented = [tag for tag in items(section("oneway", "OUTCOMES")) if re.fullmatch("[a-z_]+", tag)]
    assert documented == [row[0] for row in described("outcome")]


def test_paths():
    documented = set(items(section("oneway_exporter", "HTTP")))
    with open(f"{ROOT}/README.md", encoding="utf-8") as file:
        named = set(re.findall(r"`(?:POST )?(/(?:api|-)/[^`]+)`", file.read()))
    assert named and named <= {path for tag in documented for path in tag.replace("POST ", "").split(", ")}


def test_mentioned_metrics_exist():
    names = {row[0] for row in described("metric")}
    for page in PAGES.values():
        with open(f"{FOLDER}/{page}", encoding="utf-8") as file:
            mentioned = set(re.findall(r"\boneway_[a-z_]+\b", file.read())) - {"oneway_exporter", "oneway_trace_"}
        assert mentioned <= names, page


@pytest.mark.parametrize("command", ["check", "explain", "read", "watch"])
def test_exit_statuses_of_the_commands(command):
    helped = " ".join(output(f"{build()}/exporter/oneway", command, "--help").split())
    assert items(section("oneway", "EXIT STATUS"))[command] == re.search(r"Exit status: (.*?)\.", helped)[1]


@pytest.mark.parametrize("status, arguments", [("0", ["--config.check"]), ("1", ["--config.check", "--config.file=/"]),
                                               ("2", ["--atlantis"])])
def test_exit_statuses_of_the_exporter(status, arguments):
    assert status in items(section("oneway_exporter", "EXIT STATUS"))
    done = subprocess.run([f"{build()}/exporter/oneway_exporter", *arguments], capture_output=True)
    assert done.returncode == int(status)


def test_settings_are_accepted(tmp_path):
    block = re.search(r"^( +)lines: .*\n(?:\1.*\n)+", section("oneway.yml", "EXAMPLES"), re.MULTILINE)
    file = tmp_path / "oneway.yml"
    file.write_text(re.sub(f"^{block[1]}", "", block[0], flags=re.MULTILINE))
    output(f"{build()}/exporter/oneway_exporter", f"--config.file={file}", "--config.check")
