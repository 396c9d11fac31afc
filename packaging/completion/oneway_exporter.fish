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

complete -c oneway_exporter -f
complete -c oneway_exporter -l web.listen-address -x -d 'Address to serve on: :PORT, HOST:PORT or [IPV6]:PORT'
complete -c oneway_exporter -l web.telemetry-path -x -d 'Path under which metrics are served'
complete -c oneway_exporter -l web.config.file -r -F -d 'Web configuration (TLS, users) in YAML'
complete -c oneway_exporter -l web.max-requests -x -d 'Requests answered at the same time; more are answered with 503'
complete -c oneway_exporter -l web.expose-api -d 'Answer the page and the API, which carry peers\' addresses, not on loopback alone'
complete -c oneway_exporter -l web.disable-exporter-metrics -d 'Leave out metrics about the exporter itself'
complete -c oneway_exporter -l web.external-url -x -d 'Where people reach the page, for alerts; without it http://HOSTNAME:PORT/'
complete -c oneway_exporter -l alertmanager.url -x -d 'Alertmanager to which alerts are sent, beside or instead of Prometheus\' own'
complete -c oneway_exporter -l alertmanager.config.file -r -F -d 'How Alertmanagers are reached (TLS, user) in YAML'
complete -c oneway_exporter -l alertmanager.label -x -d 'A label of all alerts, as Prometheus adds it; without them job=oneway and instance=HOSTNAME:PORT'
complete -c oneway_exporter -l alertmanager.runbook-url -x -d 'What stands before the name of a runbook\'s page in alerts; without it file:///usr/share/doc/oneway/alerts/runbooks/'
complete -c oneway_exporter -l metrics.max-addresses -x -d 'Service addresses that get label values; the rest is counted'
complete -c oneway_exporter -l config.file -r -F -d 'Settings (lines, probes, intended, thresholds) in YAML'
complete -c oneway_exporter -l config.check -d 'Check settings, web configuration and what is said of Alertmanagers, and exit'
complete -c oneway_exporter -l netns -r -F -a '(__oneway_known namespaces)' -d 'Watch this network namespace; HTTP stays in the present one'
complete -c oneway_exporter -l line -x -a '(__oneway_known devices)' -d 'A device that is a line whatever its routes say'
complete -c oneway_exporter -l path.procfs -r -F -d 'Where procfs is mounted'
complete -c oneway_exporter -l log.level -x -a 'debug info warn error' -d 'Log lines of this level and above: debug, info, warn or error'
complete -c oneway_exporter -l log.format -x -a 'logfmt json' -d 'Log lines as logfmt or json'
complete -c oneway_exporter -l collector.disable-defaults -d 'Start with no collectors but those that are named'
complete -c oneway_exporter -l collector.handshake.device-include -x -d 'Capture on devices with such a name alone'
complete -c oneway_exporter -l collector.handshake.device-exclude -x -d 'Do not capture on devices with such a name'
complete -c oneway_exporter -l collector.handshake.tap -x -d 'Capture by a BPF program or by libpcap'
complete -c oneway_exporter -l collector.link -d 'devices and their addresses'
complete -c oneway_exporter -l no-collector.link -d 'devices and their addresses'
complete -c oneway_exporter -l collector.rpfilter -d 'reverse-path filtering: its mode per device, and what it dropped'
complete -c oneway_exporter -l no-collector.rpfilter -d 'reverse-path filtering: its mode per device, and what it dropped'
complete -c oneway_exporter -l collector.conntrack -d 'NAT flows, service addresses in use and statistics of connection tracking'
complete -c oneway_exporter -l no-collector.conntrack -d 'NAT flows, service addresses in use and statistics of connection tracking'
complete -c oneway_exporter -l collector.natrules -d 'firewall rules that translate destinations'
complete -c oneway_exporter -l no-collector.natrules -d 'firewall rules that translate destinations'
complete -c oneway_exporter -l collector.listen -d 'TCP sockets that listen, and whose they are'
complete -c oneway_exporter -l no-collector.listen -d 'TCP sockets that listen, and whose they are'
complete -c oneway_exporter -l collector.handshake -d 'TCP handshakes and ICMP echo on the wire, captured on every device'
complete -c oneway_exporter -l no-collector.handshake -d 'TCP handshakes and ICMP echo on the wire, captured on every device'
complete -c oneway_exporter -l collector.synrecv -d 'connections whose SYN-ACK was repeated because no acknowledgement comes'
complete -c oneway_exporter -l no-collector.synrecv -d 'connections whose SYN-ACK was repeated because no acknowledgement comes'
complete -c oneway_exporter -l collector.drops -d 'packets that the kernel drops, by device and reason, counted by a BPF program'
complete -c oneway_exporter -l no-collector.drops -d 'packets that the kernel drops, by device and reason, counted by a BPF program'
complete -c oneway_exporter -l collector.route -d 'reply routes of local and translated addresses, and rules'
complete -c oneway_exporter -l no-collector.route -d 'reply routes of local and translated addresses, and rules'
complete -c oneway_exporter -l collector.nftrace -d 'the rule that drops translated requests, traced by a table of its own for up to 10 s'
complete -c oneway_exporter -l no-collector.nftrace -d 'the rule that drops translated requests, traced by a table of its own for up to 10 s'
complete -c oneway_exporter -l help -d 'Show this help'
complete -c oneway_exporter -l version -d 'Show the version'
