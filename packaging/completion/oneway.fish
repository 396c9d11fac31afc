# SPDX-License-Identifier: GPL-2.0-or-later
# Made from --help by tests/documentation/manual.py: change completion.py there.
function __oneway_known
	sh -c 'ask() {
	curl -s --max-time 1 "${ONEWAY_URL:-http://localhost:10150}/api/v1/$1" | tr -d " \\n"
}
ports() {
	ask findings | grep -o \'"ports":\\[[^]]*\\]\' | grep -o \'[0-9]\\+\'
	ss -Hltn | awk \'{ sub(/.*:/, "", $4); print $4 }\'
}
case $1 in
devices) ls /sys/class/net ;;
namespaces) ip netns list | cut -d " " -f 1 ;;
clients)
	ask findings | grep -o \'"peers":\\[[^]]*\\]\' | cut -d "[" -f 2 | grep -o \'[0-9a-f.:]\\+\'
	ask addresses | grep -o \'"destination":"[^"]*","kind":"peer"\' | cut -d \'"\' -f 4
	;;
services)
	ask addresses | grep -o \'"address":"[^"]*"\' | cut -d \'"\' -f 4 | sort -u | while read -r address; do
		host=$address
		case $address in *:*) host="[$address]" ;; esac
		case $2 in
		"$host":*) ports | sed "s/^/$host:/" ;;
		\\[*) echo "$host" ;;
		*) echo "$address" ;;
		esac
	done
	;;
esac 2>/dev/null | sort -u' oneway $argv[1] (commandline -ct)
end

# Whether so many words behind the command are neither flags nor their values.
function __oneway_at
	set -l words (commandline -opc)
	set -l before $words[2]
	set -l found 0
	for word in $words[3..-1]
		if not string match -q -- '-*' $word; and not contains -- $before --alertmanager.config.file --alertmanager.label --alertmanager.runbook-url --alertmanager.url --ca-file --collector.handshake.device-exclude --collector.handshake.device-include --collector.handshake.tap --color --config.file --device --for --format --line --log.format --log.level --metrics.max-addresses --netns --path.procfs --url --web.config.file --web.external-url --web.listen-address --web.max-requests --web.telemetry-path --with
			set found (math $found + 1)
		end
		set before $word
	end
	test $found -eq $argv[1]
end

complete -c oneway -f
complete -c oneway -n __fish_use_subcommand -a check -d 'One look at this host: what is wrong, why, and what heals it'
complete -c oneway -n __fish_use_subcommand -a explain -d 'The way of one connection, request and reply, and where it breaks'
complete -c oneway -n __fish_use_subcommand -a read -d 'The handshakes in a capture file: how they ended, and what is wrong'
complete -c oneway -n __fish_use_subcommand -a watch -d 'Findings, map and handshakes of this host, live at a terminal'
complete -c oneway -n '__fish_seen_subcommand_from check' -l for -x -d 'Watch for so long (10, 10s, 2m) and judge once a second, instead of one look, which takes a second or two, and up to twelve while somebody waits for an answer'
complete -c oneway -n '__fish_seen_subcommand_from check' -l format -x -a 'text json prometheus nagios' -d 'Report as text, json, prometheus or nagios'
complete -c oneway -n '__fish_seen_subcommand_from check' -l color -x -a 'auto always never' -d 'Colour: auto (on a terminal, unless NO_COLOR is set), always or never'
complete -c oneway -n '__fish_seen_subcommand_from check' -l config.file -r -F -d 'Settings (lines, probes, intended, thresholds) in YAML'
complete -c oneway -n '__fish_seen_subcommand_from check' -l netns -r -F -a '(__oneway_known namespaces)' -d 'Watch this network namespace; HTTP stays in the present one'
complete -c oneway -n '__fish_seen_subcommand_from check' -l line -x -a '(__oneway_known devices)' -d 'A device that is a line whatever its routes say'
complete -c oneway -n '__fish_seen_subcommand_from check' -l path.procfs -r -F -d 'Where procfs is mounted'
complete -c oneway -n '__fish_seen_subcommand_from check' -l log.level -x -a 'debug info warn error' -d 'Log lines of this level and above: debug, info, warn or error'
complete -c oneway -n '__fish_seen_subcommand_from check' -l log.format -x -a 'logfmt json' -d 'Log lines as logfmt or json'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.disable-defaults -d 'Start with no collectors but those that are named'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.handshake.device-include -x -d 'Capture on devices with such a name alone'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.handshake.device-exclude -x -d 'Do not capture on devices with such a name'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.handshake.tap -x -d 'Capture by a BPF program or by libpcap'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.link -d 'devices and their addresses'
complete -c oneway -n '__fish_seen_subcommand_from check' -l no-collector.link -d 'devices and their addresses'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.rpfilter -d 'reverse-path filtering: its mode per device, and what it dropped'
complete -c oneway -n '__fish_seen_subcommand_from check' -l no-collector.rpfilter -d 'reverse-path filtering: its mode per device, and what it dropped'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.conntrack -d 'NAT flows, service addresses in use and statistics of connection tracking'
complete -c oneway -n '__fish_seen_subcommand_from check' -l no-collector.conntrack -d 'NAT flows, service addresses in use and statistics of connection tracking'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.natrules -d 'firewall rules that translate destinations'
complete -c oneway -n '__fish_seen_subcommand_from check' -l no-collector.natrules -d 'firewall rules that translate destinations'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.listen -d 'TCP sockets that listen, and whose they are'
complete -c oneway -n '__fish_seen_subcommand_from check' -l no-collector.listen -d 'TCP sockets that listen, and whose they are'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.handshake -d 'TCP handshakes and ICMP echo on the wire, captured on every device'
complete -c oneway -n '__fish_seen_subcommand_from check' -l no-collector.handshake -d 'TCP handshakes and ICMP echo on the wire, captured on every device'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.synrecv -d 'connections whose SYN-ACK was repeated because no acknowledgement comes'
complete -c oneway -n '__fish_seen_subcommand_from check' -l no-collector.synrecv -d 'connections whose SYN-ACK was repeated because no acknowledgement comes'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.drops -d 'packets that the kernel drops, by device and reason, counted by a BPF program'
complete -c oneway -n '__fish_seen_subcommand_from check' -l no-collector.drops -d 'packets that the kernel drops, by device and reason, counted by a BPF program'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.route -d 'reply routes of local and translated addresses, and rules'
complete -c oneway -n '__fish_seen_subcommand_from check' -l no-collector.route -d 'reply routes of local and translated addresses, and rules'
complete -c oneway -n '__fish_seen_subcommand_from check' -l collector.nftrace -d 'the rule that drops translated requests, traced by a table of its own for up to 10 s'
complete -c oneway -n '__fish_seen_subcommand_from check' -l no-collector.nftrace -d 'the rule that drops translated requests, traced by a table of its own for up to 10 s'
complete -c oneway -n '__fish_seen_subcommand_from check' -l help -d 'Show this help'
complete -c oneway -n '__fish_seen_subcommand_from check' -l version -d 'Show the version'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l trace -d 'Wait for a connection from CLIENT and show its way rule by rule: a table of its own marks its request and is gone when it ends'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l probe -d 'With --trace: open one connection from this host to SERVICE instead of waiting'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l for -x -d 'With --trace: wait for so long (10, 10s, 2m)'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l device -x -a '(__oneway_known devices)' -d 'The device by which the request comes; without it, the one that owns the address'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l with -x -d 'As if this command had been run: ip rule, route or address with add, del or replace, or sysctl -w, in quotes'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l format -x -a 'text json' -d 'Report as text or json'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l color -x -a 'auto always never' -d 'Colour: auto (on a terminal, unless NO_COLOR is set), always or never'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l config.file -r -F -d 'Settings (lines, probes, intended, thresholds) in YAML'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l netns -r -F -a '(__oneway_known namespaces)' -d 'Watch this network namespace; HTTP stays in the present one'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l line -x -a '(__oneway_known devices)' -d 'A device that is a line whatever its routes say'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l path.procfs -r -F -d 'Where procfs is mounted'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l log.level -x -a 'debug info warn error' -d 'Log lines of this level and above: debug, info, warn or error'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l log.format -x -a 'logfmt json' -d 'Log lines as logfmt or json'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.disable-defaults -d 'Start with no collectors but those that are named'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.handshake.device-include -x -d 'Capture on devices with such a name alone'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.handshake.device-exclude -x -d 'Do not capture on devices with such a name'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.handshake.tap -x -d 'Capture by a BPF program or by libpcap'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.link -d 'devices and their addresses'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l no-collector.link -d 'devices and their addresses'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.rpfilter -d 'reverse-path filtering: its mode per device, and what it dropped'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l no-collector.rpfilter -d 'reverse-path filtering: its mode per device, and what it dropped'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.conntrack -d 'NAT flows, service addresses in use and statistics of connection tracking'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l no-collector.conntrack -d 'NAT flows, service addresses in use and statistics of connection tracking'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.natrules -d 'firewall rules that translate destinations'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l no-collector.natrules -d 'firewall rules that translate destinations'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.listen -d 'TCP sockets that listen, and whose they are'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l no-collector.listen -d 'TCP sockets that listen, and whose they are'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.handshake -d 'TCP handshakes and ICMP echo on the wire, captured on every device'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l no-collector.handshake -d 'TCP handshakes and ICMP echo on the wire, captured on every device'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.synrecv -d 'connections whose SYN-ACK was repeated because no acknowledgement comes'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l no-collector.synrecv -d 'connections whose SYN-ACK was repeated because no acknowledgement comes'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.drops -d 'packets that the kernel drops, by device and reason, counted by a BPF program'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l no-collector.drops -d 'packets that the kernel drops, by device and reason, counted by a BPF program'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.route -d 'reply routes of local and translated addresses, and rules'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l no-collector.route -d 'reply routes of local and translated addresses, and rules'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l collector.nftrace -d 'the rule that drops translated requests, traced by a table of its own for up to 10 s'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l no-collector.nftrace -d 'the rule that drops translated requests, traced by a table of its own for up to 10 s'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l help -d 'Show this help'
complete -c oneway -n '__fish_seen_subcommand_from explain' -l version -d 'Show the version'
complete -c oneway -n '__fish_seen_subcommand_from explain; and __oneway_at 0' -a '(__oneway_known clients)'
complete -c oneway -n '__fish_seen_subcommand_from explain; and __oneway_at 1' -a '(__oneway_known services)'
complete -c oneway -n '__fish_seen_subcommand_from read' -l format -x -a 'text json' -d 'Report as text or json'
complete -c oneway -n '__fish_seen_subcommand_from read' -l color -x -a 'auto always never' -d 'Colour: auto (on a terminal, unless NO_COLOR is set), always or never'
complete -c oneway -n '__fish_seen_subcommand_from read' -l help -d 'Show this help'
complete -c oneway -n '__fish_seen_subcommand_from read' -l version -d 'Show the version'
complete -c oneway -n '__fish_seen_subcommand_from read' -F
complete -c oneway -n '__fish_seen_subcommand_from watch' -l url -x -d 'The exporter to ask; without it, that of ONEWAY_URL or http://localhost:10150'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l ca-file -r -F -d 'Certificates (PEM) that vouch for an exporter asked by https'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l local -d 'Ask no exporter, look at this host'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l plain -d 'Lines, one for each change, as where standard output is no terminal'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l for -x -d 'End after so long (10, 10s, 2m)'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l color -x -a 'auto always never' -d 'Colour: auto (on a terminal, unless NO_COLOR is set), always or never'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l config.file -r -F -d 'Settings (lines, probes, intended, thresholds) in YAML'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l netns -r -F -a '(__oneway_known namespaces)' -d 'Watch this network namespace; HTTP stays in the present one'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l line -x -a '(__oneway_known devices)' -d 'A device that is a line whatever its routes say'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l path.procfs -r -F -d 'Where procfs is mounted'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l log.level -x -a 'debug info warn error' -d 'Log lines of this level and above: debug, info, warn or error'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l log.format -x -a 'logfmt json' -d 'Log lines as logfmt or json'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.disable-defaults -d 'Start with no collectors but those that are named'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.handshake.device-include -x -d 'Capture on devices with such a name alone'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.handshake.device-exclude -x -d 'Do not capture on devices with such a name'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.handshake.tap -x -d 'Capture by a BPF program or by libpcap'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.link -d 'devices and their addresses'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l no-collector.link -d 'devices and their addresses'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.rpfilter -d 'reverse-path filtering: its mode per device, and what it dropped'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l no-collector.rpfilter -d 'reverse-path filtering: its mode per device, and what it dropped'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.conntrack -d 'NAT flows, service addresses in use and statistics of connection tracking'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l no-collector.conntrack -d 'NAT flows, service addresses in use and statistics of connection tracking'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.natrules -d 'firewall rules that translate destinations'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l no-collector.natrules -d 'firewall rules that translate destinations'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.listen -d 'TCP sockets that listen, and whose they are'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l no-collector.listen -d 'TCP sockets that listen, and whose they are'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.handshake -d 'TCP handshakes and ICMP echo on the wire, captured on every device'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l no-collector.handshake -d 'TCP handshakes and ICMP echo on the wire, captured on every device'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.synrecv -d 'connections whose SYN-ACK was repeated because no acknowledgement comes'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l no-collector.synrecv -d 'connections whose SYN-ACK was repeated because no acknowledgement comes'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.drops -d 'packets that the kernel drops, by device and reason, counted by a BPF program'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l no-collector.drops -d 'packets that the kernel drops, by device and reason, counted by a BPF program'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.route -d 'reply routes of local and translated addresses, and rules'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l no-collector.route -d 'reply routes of local and translated addresses, and rules'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l collector.nftrace -d 'the rule that drops translated requests, traced by a table of its own for up to 10 s'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l no-collector.nftrace -d 'the rule that drops translated requests, traced by a table of its own for up to 10 s'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l help -d 'Show this help'
complete -c oneway -n '__fish_seen_subcommand_from watch' -l version -d 'Show the version'
