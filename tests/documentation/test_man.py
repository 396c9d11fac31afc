# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages say what is true, and are rendered without a warning.

Run as a program, it prints what the list of conditions should be."""

import re
import shutil
import subprocess
import textwrap

import pytest
import test_readme
from test_readme import ROOT, build, described, output, table

PAGES = {"oneway": "oneway.1", "oneway_exporter": "oneway_exporter.8"}
TAG = re.compile(r"^ {7}(\S.*)$")


def man(program, *arguments):
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    page = f"{ROOT}/packaging/man/{PAGES[program]}"
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
    return sorted((flag, default) for flag, default, of, _ in test_readme.flags() if program in of.split(", "))


@pytest.mark.parametrize("program", PAGES)
def test_no_warnings(program):
    assert man(program, "-Tutf8", "-Z").stderr == ""


@pytest.mark.parametrize("program", PAGES)
def test_names_the_version(program):
    version = re.search(r"version (\S+)", output(f"{build()}/exporter/{program}", "--version"))[1]
    with open(f"{ROOT}/packaging/man/{PAGES[program]}", encoding="utf-8") as page:
        assert f'"oneway {version}"' in re.search(r"^\.TH .*$", page.read(), re.MULTILINE)[0]


def test_flags_of_the_exporter():
    assert documented_flags(section("oneway_exporter", "FLAGS")) == flags_of("oneway_exporter")


@pytest.mark.parametrize("command", ["check", "explain", "read"])
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
    assert set(commands) == set(test_readme.COMMANDS) - {"oneway_exporter"}


@pytest.mark.parametrize("kind, name", [("condition", "CONDITIONS"), ("outcome", "OUTCOMES")])
def test_names_of_what_is_found(kind, name):
    documented = [tag for tag in items(section("oneway", name)) if re.fullmatch("[a-z_]+", tag)]
    assert documented == [row[0] for row in described(kind)]


def sentence(text):
    return f"{text[0].upper()}{text[1:]}."


def test_conditions_are_those_of_the_judge():
    documented = items(section("oneway", "CONDITIONS").split("A finding that explains")[0])
    for name, text, _ in described("condition"):
        # a line may break at a hyphen
        assert documented[name].replace(" ", "") == sentence(text).replace(" ", "")


def test_thresholds():
    documented = defaults(subsections("oneway_exporter", "FILES")["Thresholds"], r"\w+")
    assert documented == sorted((name, value) for name, value, _ in described("threshold"))


def test_paths():
    documented = set(items(section("oneway_exporter", "HTTP")))
    assert {row[0] for row in table("| path | |")} <= documented


@pytest.mark.parametrize("command", ["check", "explain", "read"])
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
    block = re.search(r"^( +)lines: .*\n(?:\1.*\n)+", section("oneway_exporter", "EXAMPLES"), re.MULTILINE)
    file = tmp_path / "oneway.yml"
    file.write_text(re.sub(f"^{block[1]}", "", block[0], flags=re.MULTILINE))
    output(f"{build()}/exporter/oneway_exporter", f"--config.file={file}", "--config.check")


if __name__ == "__main__":
    for name, text, _ in described("condition"):
        print(f".TP\n.B {name}", *textwrap.wrap(sentence(text), 120, break_on_hyphens=False), sep="\n")
