# SPDX-License-Identifier: GPL-2.0-or-later
# Made from --help by tests/documentation/manual.py: change completion.py there.
# shellcheck shell=bash disable=SC2016
_oneway_known() {
	sh -c 'ask() {
	curl -s --max-time 1 "${ONEWAY_URL:-http://localhost:10150}/api/v1/$1" | tr -d " \n"
}
ports() {
	ask findings | grep -o '\''"ports":\[[^]]*\]'\'' | grep -o '\''[0-9]\+'\''
	ss -Hltn | awk '\''{ sub(/.*:/, "", $4); print $4 }'\''
}
case $1 in
devices) ls /sys/class/net ;;
namespaces) ip netns list | cut -d " " -f 1 ;;
clients)
	ask findings | grep -o '\''"peers":\[[^]]*\]'\'' | cut -d "[" -f 2 | grep -o '\''[0-9a-f.:]\+'\''
	ask addresses | grep -o '\''"destination":"[^"]*","kind":"peer"'\'' | cut -d '\''"'\'' -f 4
	;;
services)
	ask addresses | grep -o '\''"address":"[^"]*"'\'' | cut -d '\''"'\'' -f 4 | sort -u | while read -r address; do
		host=$address
		case $address in *:*) host="[$address]" ;; esac
		case $2 in
		"$host":*) ports | sed "s/^/$host:/" ;;
		\[*) echo "$host" ;;
		*) echo "$address" ;;
		esac
	done
	;;
esac 2>/dev/null | sort -u' oneway "$@"
}

# KIND WORD: whole words of that kind.
_oneway_kind() {
	case $1 in
	files) compgen -f -- "$2" ;;
	namespaces) _oneway_known namespaces; compgen -f -- "$2" ;;
	?*) _oneway_known "$1" "$2" ;;
	esac
}

_oneway_flags() {
	case "$1" in
	oneway_exporter) echo "--web.listen-address= --web.telemetry-path= --web.config.file= --web.max-requests= --web.expose-api --web.disable-exporter-metrics --web.external-url= --alertmanager.url= --alertmanager.config.file= --alertmanager.label= --alertmanager.runbook-url= --metrics.max-addresses= --config.file= --config.check --netns= --line= --path.procfs= --log.level= --log.format= --collector.disable-defaults --collector.handshake.device-include= --collector.handshake.device-exclude= --collector.handshake.tap= --collector.link --no-collector.link --collector.rpfilter --no-collector.rpfilter --collector.conntrack --no-collector.conntrack --collector.natrules --no-collector.natrules --collector.listen --no-collector.listen --collector.handshake --no-collector.handshake --collector.synrecv --no-collector.synrecv --collector.drops --no-collector.drops --collector.route --no-collector.route --collector.nftrace --no-collector.nftrace --help --version" ;;
	check) echo "--for= --format= --color= --config.file= --netns= --line= --path.procfs= --log.level= --log.format= --collector.disable-defaults --collector.handshake.device-include= --collector.handshake.device-exclude= --collector.handshake.tap= --collector.link --no-collector.link --collector.rpfilter --no-collector.rpfilter --collector.conntrack --no-collector.conntrack --collector.natrules --no-collector.natrules --collector.listen --no-collector.listen --collector.handshake --no-collector.handshake --collector.synrecv --no-collector.synrecv --collector.drops --no-collector.drops --collector.route --no-collector.route --collector.nftrace --no-collector.nftrace --help --version" ;;
	explain) echo "--trace --probe --for= --device= --with= --format= --color= --config.file= --netns= --line= --path.procfs= --log.level= --log.format= --collector.disable-defaults --collector.handshake.device-include= --collector.handshake.device-exclude= --collector.handshake.tap= --collector.link --no-collector.link --collector.rpfilter --no-collector.rpfilter --collector.conntrack --no-collector.conntrack --collector.natrules --no-collector.natrules --collector.listen --no-collector.listen --collector.handshake --no-collector.handshake --collector.synrecv --no-collector.synrecv --collector.drops --no-collector.drops --collector.route --no-collector.route --collector.nftrace --no-collector.nftrace --help --version" ;;
	read) echo "--format= --color= --help --version" ;;
	watch) echo "--url= --ca-file= --local --plain --for= --color= --config.file= --netns= --line= --path.procfs= --log.level= --log.format= --collector.disable-defaults --collector.handshake.device-include= --collector.handshake.device-exclude= --collector.handshake.tap= --collector.link --no-collector.link --collector.rpfilter --no-collector.rpfilter --collector.conntrack --no-collector.conntrack --collector.natrules --no-collector.natrules --collector.listen --no-collector.listen --collector.handshake --no-collector.handshake --collector.synrecv --no-collector.synrecv --collector.drops --no-collector.drops --collector.route --no-collector.route --collector.nftrace --no-collector.nftrace --help --version" ;;
	*) false ;;
	esac
}

_oneway_values() {
	case "$1 $2" in
	"oneway_exporter --web.config.file") _oneway_kind files "$3" ;;
	"oneway_exporter --alertmanager.config.file") _oneway_kind files "$3" ;;
	"oneway_exporter --config.file") _oneway_kind files "$3" ;;
	"oneway_exporter --netns") _oneway_kind namespaces "$3" ;;
	"oneway_exporter --line") _oneway_kind devices "$3" ;;
	"oneway_exporter --path.procfs") _oneway_kind files "$3" ;;
	"oneway_exporter --log.level") printf '%s\n' debug info warn error ;;
	"oneway_exporter --log.format") printf '%s\n' logfmt json ;;
	"check --format") printf '%s\n' text json prometheus nagios ;;
	"check --color") printf '%s\n' auto always never ;;
	"check --config.file") _oneway_kind files "$3" ;;
	"check --netns") _oneway_kind namespaces "$3" ;;
	"check --line") _oneway_kind devices "$3" ;;
	"check --path.procfs") _oneway_kind files "$3" ;;
	"check --log.level") printf '%s\n' debug info warn error ;;
	"check --log.format") printf '%s\n' logfmt json ;;
	"explain --device") _oneway_kind devices "$3" ;;
	"explain --format") printf '%s\n' text json ;;
	"explain --color") printf '%s\n' auto always never ;;
	"explain --config.file") _oneway_kind files "$3" ;;
	"explain --netns") _oneway_kind namespaces "$3" ;;
	"explain --line") _oneway_kind devices "$3" ;;
	"explain --path.procfs") _oneway_kind files "$3" ;;
	"explain --log.level") printf '%s\n' debug info warn error ;;
	"explain --log.format") printf '%s\n' logfmt json ;;
	"read --format") printf '%s\n' text json ;;
	"read --color") printf '%s\n' auto always never ;;
	"watch --ca-file") _oneway_kind files "$3" ;;
	"watch --color") printf '%s\n' auto always never ;;
	"watch --config.file") _oneway_kind files "$3" ;;
	"watch --netns") _oneway_kind namespaces "$3" ;;
	"watch --line") _oneway_kind devices "$3" ;;
	"watch --path.procfs") _oneway_kind files "$3" ;;
	"watch --log.level") printf '%s\n' debug info warn error ;;
	"watch --log.format") printf '%s\n' logfmt json ;;
	*) false ;;
	esac
}

_oneway_takes() {
	case "$1 $2" in
	"oneway_exporter --web.listen-address") true ;;
	"oneway_exporter --web.telemetry-path") true ;;
	"oneway_exporter --web.config.file") true ;;
	"oneway_exporter --web.max-requests") true ;;
	"oneway_exporter --web.external-url") true ;;
	"oneway_exporter --alertmanager.url") true ;;
	"oneway_exporter --alertmanager.config.file") true ;;
	"oneway_exporter --alertmanager.label") true ;;
	"oneway_exporter --alertmanager.runbook-url") true ;;
	"oneway_exporter --metrics.max-addresses") true ;;
	"oneway_exporter --config.file") true ;;
	"oneway_exporter --netns") true ;;
	"oneway_exporter --line") true ;;
	"oneway_exporter --path.procfs") true ;;
	"oneway_exporter --log.level") true ;;
	"oneway_exporter --log.format") true ;;
	"oneway_exporter --collector.handshake.device-include") true ;;
	"oneway_exporter --collector.handshake.device-exclude") true ;;
	"oneway_exporter --collector.handshake.tap") true ;;
	"check --for") true ;;
	"check --format") true ;;
	"check --color") true ;;
	"check --config.file") true ;;
	"check --netns") true ;;
	"check --line") true ;;
	"check --path.procfs") true ;;
	"check --log.level") true ;;
	"check --log.format") true ;;
	"check --collector.handshake.device-include") true ;;
	"check --collector.handshake.device-exclude") true ;;
	"check --collector.handshake.tap") true ;;
	"explain --for") true ;;
	"explain --device") true ;;
	"explain --with") true ;;
	"explain --format") true ;;
	"explain --color") true ;;
	"explain --config.file") true ;;
	"explain --netns") true ;;
	"explain --line") true ;;
	"explain --path.procfs") true ;;
	"explain --log.level") true ;;
	"explain --log.format") true ;;
	"explain --collector.handshake.device-include") true ;;
	"explain --collector.handshake.device-exclude") true ;;
	"explain --collector.handshake.tap") true ;;
	"read --format") true ;;
	"read --color") true ;;
	"watch --url") true ;;
	"watch --ca-file") true ;;
	"watch --for") true ;;
	"watch --color") true ;;
	"watch --config.file") true ;;
	"watch --netns") true ;;
	"watch --line") true ;;
	"watch --path.procfs") true ;;
	"watch --log.level") true ;;
	"watch --log.format") true ;;
	"watch --collector.handshake.device-include") true ;;
	"watch --collector.handshake.device-exclude") true ;;
	"watch --collector.handshake.tap") true ;;
	*) false ;;
	esac
}

_oneway_argument() {
	case "$1 $2" in
	"explain 0") _oneway_kind clients "$3" ;;
	"explain 1") _oneway_kind services "$3" ;;
	"read "*) _oneway_kind files "$3" ;;
	*) false ;;
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
		found="check explain read watch --help --version"
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
