# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion for bash, zsh and fish, from what --help says. manual.py writes the files; the tests compare."""

import os
import re

from manual import COMMANDS, ROOT, build, output

FOLDER = f"{ROOT}/packaging/completion"
NOTE = "# SPDX-License-Identifier: GPL-2.0-or-later\n# Made from --help by tests/documentation/manual.py: change completion.py there.\n"
PLACEHOLDERS = {"DEVICE": "devices", "NAME|PATH": "namespaces", "FILE": "files", "PATH": "files", "CLIENT": "clients",
                "SERVICE[:PORT]": "services"}

# What this host knows, one a line: KIND, and the word so far. An exporter elsewhere: ONEWAY_URL.
KNOWN = r'''
ask() {
	curl -s --max-time 1 "${ONEWAY_URL:-http://localhost:10150}/api/v1/$1" | tr -d " \n"
}
ports() {
	ask findings | grep -o '"ports":\[[^]]*\]' | grep -o '[0-9]\+'
	ss -Hltn | awk '{ sub(/.*:/, "", $4); print $4 }'
}
case $1 in
devices) ls /sys/class/net ;;
namespaces) ip netns list | cut -d " " -f 1 ;;
clients)
	ask findings | grep -o '"peers":\[[^]]*\]' | cut -d "[" -f 2 | grep -o '[0-9a-f.:]\+'
	ask addresses | grep -o '"destination":"[^"]*","kind":"peer"' | cut -d '"' -f 4
	;;
services)
	ask addresses | grep -o '"address":"[^"]*"' | cut -d '"' -f 4 | sort -u | while read -r address; do
		host=$address
		case $address in *:*) host="[$address]" ;; esac
		case $2 in
		"$host":*) ports | sed "s/^/$host:/" ;;
		\[*) echo "$host" ;;
		*) echo "$address" ;;
		esac
	done
	;;
esac 2>/dev/null | sort -u'''.lstrip("\n")


class Flag:
    def __init__(self, name, argument, text):
        self.name, self.argument = name, argument
        self.help = " ".join(text.split()).split(". ")[0].rstrip(".")
        listed = re.search(r"(\w+(?:, \w+)*) or (\w+)\.", re.sub(r" \([^)]*\)", "", " ".join(text.split())))
        self.words = [*listed[1].split(", "), listed[2]] if listed and argument in ("FORMAT", "WHEN", "LEVEL") else []
        self.kind = "" if name == "web.telemetry-path" else PLACEHOLDERS.get(argument, "")


def flags_of(command):
    program, *words = COMMANDS[command]
    text = output(f"{build()}/exporter/{program}", *words, "--help")
    found = []
    for name, argument, told in re.findall(r"^  (?:-h, )?--([^\s=]+)(?:=(\S+))?(?: \(.*\))?\n((?:      .*\n)+)", text, re.MULTILINE):
        for prefix in ("", "no-") if name.startswith("[no-]") else ("",):
            found.append(Flag(prefix + name.removeprefix("[no-]"), argument, told))
    return found


def arguments_of(command):
    """Kinds of what is not a flag, and whether the last may come again."""
    program, *words = COMMANDS[command]
    usage = output(f"{build()}/exporter/{program}", *words, "--help").splitlines()[0]
    words = usage.split("[FLAGS]")[1].split()
    return [PLACEHOLDERS[word.removesuffix("...")] for word in words], bool(words) and words[-1].endswith("...")


def summaries():
    return re.findall(r"^  ([a-z]+)  +(\S.*)\.$", output(f"{build()}/exporter/oneway", "--help"), re.MULTILINE)


def quoted(text, apostrophe):
    return "'" + text.replace("'", apostrophe) + "'"


# ---- bash ----

BASH = r'''
_oneway_known() {
	sh -c @KNOWN@ oneway "$@"
}

# COMMAND KIND WORD: whole words of that kind.
_oneway_kind() {
	case $1 in
	files) compgen -f -- "$2" ;;
	namespaces) _oneway_known namespaces; compgen -f -- "$2" ;;
	?*) _oneway_known "$1" "$2" ;;
	esac
}

_oneway() {
	local line=${COMP_LINE:0:COMP_POINT} word previous command at flag found prefix position=0 IFS=$' \t\n'
	local -a words
	read -ra words <<<"$line"
	word=${line##*[[:blank:]]}
	[[ -z $word ]] && words+=("")
	command=${words[0]##*/}
	at=1
	if [[ $command == oneway ]]; then
		command=${words[1]}
		at=2
	fi
	previous=${words[${#words[@]} - 2]}
	if ((${#words[@]} == at)); then
		found="@COMMANDS@ --help --version"
	elif [[ $word == --*=* ]]; then
		flag=${word%%=*}
		found=$(_oneway_values "$command" "$flag" "${word#*=}" | sed "s|^|$flag=|")
	elif [[ $word == -* ]]; then
		found=$(_oneway_flags "$command")
	elif [[ $previous == --* && $previous != *=* ]] && _oneway_takes "$command" "$previous"; then
		found=$(_oneway_values "$command" "$previous" "$word")
	else
		for ((; at < ${#words[@]} - 1; at++)); do
			[[ ${words[at]} == -* ]] || position=$((position + 1))
			[[ ${words[at]} == --* && ${words[at]} != *=* ]] && _oneway_takes "$command" "${words[at]}" && position=$((position - 1))
		done
		found=$(_oneway_argument "$command" "$position" "$word")
	fi
	IFS=$'\n'
	[[ $found == *$'\n'* ]] || IFS=$' \n'
	mapfile -t COMPREPLY < <(compgen -W "$found" -- "$word")
	# readline replaces what stands behind the last = or : alone
	prefix=${word%"${word##*[=:]}"}
	COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
	if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *= ]]; then
		compopt -o nospace 2>/dev/null
	fi
}

complete -F _oneway oneway oneway_exporter
'''.lstrip("\n")


def bash():
    cases = {"flags": "", "values": "", "takes": "", "argument": ""}
    for command in COMMANDS:
        flags = flags_of(command)
        names = " ".join(f"--{flag.name}{'=' if flag.argument else ''}" for flag in flags)
        cases["flags"] += f"\t{command}) echo \"{names}\" ;;\n"
        for flag in flags:
            if flag.argument:
                cases["takes"] += f"\t\"{command} --{flag.name}\") true ;;\n"
            if flag.words:
                cases["values"] += f"\t\"{command} --{flag.name}\") printf '%s\\n' {' '.join(flag.words)} ;;\n"
            elif flag.kind:
                cases["values"] += f"\t\"{command} --{flag.name}\") _oneway_kind {flag.kind} \"$3\" ;;\n"
        kinds, repeated = arguments_of(command)
        for position, kind in enumerate(kinds):
            place = f"{command} \"*" if repeated and position == len(kinds) - 1 else f"{command} {position}\""
            cases["argument"] += f"\t\"{place}) _oneway_kind {kind} \"$3\" ;;\n"
    functions = "".join(
        f"_oneway_{name}() {{\n\tcase \"{'$1' if name == 'flags' else '$1 $2'}\" in\n{text}\t*) false ;;\n\tesac\n}}\n\n"
        for name, text in cases.items())
    text = BASH.replace("@KNOWN@", quoted(KNOWN, "'\\''")).replace("@COMMANDS@", " ".join(name for name, _ in summaries()))
    text = text.replace("# COMMAND KIND WORD", "# KIND WORD")
    return f"{NOTE}# shellcheck shell=bash disable=SC2016\n" + text.replace("_oneway() {", functions + "_oneway() {", 1)


# ---- zsh ----

ZSH = r'''
_oneway_known() {
	local -a found
	found=(${(f)"$(sh -c @KNOWN@ oneway "$1" "$PREFIX")"})
	compadd -- $found
}

_oneway_files() {
	_files
}

_oneway_namespaces() {
	_oneway_known namespaces
	_files
}

_oneway() {
	local command=$service
	if [[ $service == oneway ]]; then
		local curcontext=$curcontext state
		_arguments -C @COMMANDS@ '(-)--help' '(-)--version' '*::argument:->rest' && return
		command=$words[1]
	fi
	case $command in
@CASES@	esac
}

_oneway "$@"
'''.lstrip("\n")


def zsh_text(text):
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")


def zsh_action(kind, words):
    if words:
        return f"({' '.join(words)})"
    return {"": " ", "files": "_oneway_files", "namespaces": "_oneway_namespaces"}.get(
        kind, f"{{_oneway_known {kind}}}")


def zsh():
    cases = ""
    for command in COMMANDS:
        specs = []
        for flag in flags_of(command):
            repeated = "*" if "Repeatable" in flag.help or flag.name in ("line", "web.listen-address") else ""
            value = f":{zsh_text(flag.argument)}:{zsh_action(flag.kind, flag.words)}" if flag.argument else ""
            specs.append(f"'{repeated}--{flag.name}{'=' if flag.argument else ''}[{zsh_text(flag.help)}]{value}'")
        kinds, repeated = arguments_of(command)
        specs += [f"'{'*' if repeated and position == len(kinds) - 1 else position + 1}:{kind}:{zsh_action(kind, [])}'"
                  for position, kind in enumerate(kinds)]
        joined = " \\\n\t\t\t".join(specs)
        cases += f"\t{command})\n\t\t_arguments \\\n\t\t\t{joined}\n\t\t;;\n"
    told = " ".join(f"{name}\\:\"{text}\"" for name, text in summaries())
    text = ZSH.replace("@KNOWN@", quoted(KNOWN, "'\\''")).replace("@CASES@", cases)
    return "#compdef oneway oneway_exporter\n" + NOTE + text.replace("@COMMANDS@", f"'1:command:(({told}))'")


# ---- fish ----

FISH = r'''
function __oneway_known
	sh -c @KNOWN@ oneway $argv[1] (commandline -ct)
end

# Whether so many words behind the command are neither flags nor their values.
function __oneway_at
	set -l words (commandline -opc)
	set -l before $words[2]
	set -l found 0
	for word in $words[3..-1]
		if not string match -q -- '-*' $word; and not contains -- $before @TAKES@
			set found (math $found + 1)
		end
		set before $word
	end
	test $found -eq $argv[1]
end

'''.lstrip("\n")


def fish_text(text):
    return quoted(text.replace("\\", "\\\\"), "\\'")


def fish_values(kind, words):
    if words:
        return f" -x -a {fish_text(' '.join(words))}"
    return {"": " -x", "files": " -r -F", "namespaces": " -r -F -a '(__oneway_known namespaces)'"}.get(
        kind, f" -x -a '(__oneway_known {kind})'")


def fish_flags(command, of):
    return "".join(f"complete -c {of} -l {flag.name}{fish_values(flag.kind, flag.words) if flag.argument else ''}"
                   f" -d {fish_text(flag.help)}\n" for flag in flags_of(command))


def fish_functions(text):
    takes = sorted({f"--{flag.name}" for command in COMMANDS for flag in flags_of(command) if flag.argument})
    return NOTE + text.replace("@TAKES@", " ".join(takes)).replace("@KNOWN@", quoted(KNOWN.replace("\\", "\\\\"), "\\'"))


def fish():
    lines = "complete -c oneway -f\n"
    for name, text in summaries():
        lines += f"complete -c oneway -n __fish_use_subcommand -a {name} -d {fish_text(text)}\n"
    for command in sorted(set(COMMANDS) - {"oneway_exporter"}):
        lines += fish_flags(command, f"oneway -n '__fish_seen_subcommand_from {command}'")
        kinds, repeated = arguments_of(command)
        for position, kind in enumerate(kinds):
            files = " -F" if kind == "files" else f" -a '(__oneway_known {kind})'"
            lines += f"complete -c oneway -n '__fish_seen_subcommand_from {command}{'' if repeated and position == len(kinds) - 1 else f'; and __oneway_at {position}'}'{files}\n"
    return fish_functions(FISH) + lines


def fish_exporter():
    """A file of its own: fish looks for one by the program's name."""
    return fish_functions(FISH.split("# Whether")[0]) + "complete -c oneway_exporter -f\n" + fish_flags("oneway_exporter", "oneway_exporter")


FILES = {f"{FOLDER}/oneway.bash": bash, f"{FOLDER}/_oneway": zsh, f"{FOLDER}/oneway.fish": fish,
         f"{FOLDER}/oneway_exporter.fish": fish_exporter}


def write():
    os.makedirs(FOLDER, exist_ok=True)
    for path, make in FILES.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(make())


if __name__ == "__main__":
    write()
