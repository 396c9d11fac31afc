# SPDX-License-Identifier: GPL-2.0-or-later
"""Each shell completes what --help and a running exporter know."""

import os
import re
import shutil
import subprocess
import tempfile

import pytest
import completion
from e2e.test_http import running

DEVICES = set(os.listdir("/sys/class/net"))


def run(*command, url):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=completion.ROOT,
                          env={**os.environ, "ONEWAY_URL": url})
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def by_bash(line, url):
    """readline puts the answer in place of what stands behind the last = or :."""
    script = f'''source {completion.FOLDER}/oneway.bash
        COMP_LINE=$1 COMP_POINT=${{#1}}; _oneway; printf '%s\\n' "${{COMPREPLY[@]}}"'''
    word = line.split(" ")[-1]
    prefix = re.match(r"(.*[=:])?", word)[0]
    return {prefix + answer.strip() for answer in run("bash", "-c", script, "bash", line, url=url).splitlines() if answer.strip()}


def by_fish(line, url):
    script = f"source {completion.FOLDER}/{line.split(' ')[0]}.fish; complete -C $argv[1]"
    return {answer.split("\t")[0] for answer in run("fish", "--no-config", "-c", script, line, url=url).splitlines()}


# Completion works at a terminal alone. compadd is what each candidate goes through: what it takes is written down.
ZSH = r"""
zmodload zsh/zpty
cat >$3/setup <<'END'
PS1=
fpath=($SCRIPTS $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
	builtin compadd "$@"
	local status_=$? hits=()
	[[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && return $status_
	builtin compadd -A hits "$@"
	print -rl -- $hits >>$ANSWER/found
	return $status_
}
offer() { zle list-choices; : >$ANSWER/done }
zle -N offer
bindkey '^X' offer
: >$ANSWER/ready
END
zpty shell zsh -f -i
zpty -w shell "SCRIPTS=${(q)1} ANSWER=${(q)3}; source ${(q)3}/setup"
wait_for() { repeat 300; do [[ -e $1 ]] && return; zpty -r -t shell ignored; sleep 0.1; done; exit 1 }
wait_for $3/ready
zpty -w -n shell "$2"$'\x18'
wait_for $3/done
zpty -d shell
cat $3/found 2>/dev/null; true
"""


def by_zsh(line, url):
    with tempfile.TemporaryDirectory() as folder:
        return set(run("zsh", "-f", "-c", ZSH, "zsh", completion.FOLDER, line, folder, url=url).splitlines()) - {""}


SHELLS = {"bash": by_bash, "fish": by_fish, "zsh": by_zsh}


@pytest.fixture(scope="module")
def exporter():
    with running() as started:
        yield started


@pytest.mark.parametrize("path, make", completion.FILES.items(), ids=map(os.path.basename, completion.FILES))
def test_committed_files_follow_from_help(path, make):
    with open(path, encoding="utf-8") as file:
        assert file.read() == make(), "/usr/bin/python3 tests/documentation/manual.py writes it anew"


COMMANDS = {"check", "explain", "read", "watch"}
# What is completed: all that is offered, without the flag it belongs to.
OFFERED = {
    "oneway ": COMMANDS,
    "oneway check --fo": {"--for", "--format"},
    "oneway check --format=": {"text", "json", "prometheus", "nagios"},
    "oneway check --format j": {"json"},
    "oneway read --color ": {"auto", "always", "never"},
    "oneway_exporter --log.level w": {"warn"},
    "oneway_exporter --web.tel": {"--web.telemetry-path"},
    "oneway explain --no-collector.h": {"--no-collector.handshake"},
    "oneway explain --device=": DEVICES,
    "oneway_exporter --config.file=READ": {"README.md"},
    "oneway read --format json LIC": {"LICENSE"},
    # of the exporter: peers it saw, addresses it judges
    "oneway explain 203.": {"203.0.113.5", "203.0.113.9"},
    "oneway explain --device lo 203.0.113.5 198.": {"198.51.100.7", "198.51.100.8"},
    "oneway explain 203.0.113.5 2001:": {"2001:db8::1"},
}


@pytest.mark.parametrize("line", OFFERED)
@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_offered(exporter, shell, line):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    offered = SHELLS[shell](line, f"http://127.0.0.1:{exporter.port}")
    flag = re.compile("^--[^=]*=(?=.)")
    assert {flag.sub("", answer).rstrip("=") for answer in offered} - {"--help", "--version"} == OFFERED[line]


@pytest.mark.parametrize("word, wanted", [("198.51.100.7:", "198.51.100.7:{}"), ("[2001:", "[2001:db8::1]"),
                                          ("[2001:db8::1]:", "[2001:db8::1]:{}")])
@pytest.mark.parametrize("shell", SHELLS)
def test_ports_are_those_that_listen(exporter, shell, word, wanted):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    if shell == "zsh" and word.startswith("["):
        word = "'" + word  # it would be a pattern
    offered = SHELLS[shell](f"oneway explain 203.0.113.5 {word}", f"http://127.0.0.1:{exporter.port}")
    assert wanted.format(exporter.port) in offered


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_is_offered_where_no_exporter_answers(shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    assert SHELLS[shell]("oneway explain 203.", "http://127.0.0.1:1") == set()
