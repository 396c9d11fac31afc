# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034,SC2086 # lists for those who source this, one word a package
# Debian packages of each task, and how to install those that are missing. Sourced by packaging/run and tests/run.

packages_build="gcc libc6-dev cmake ninja-build pkg-config git libmicrohttpd-dev libmnl-dev libnetfilter-conntrack-dev
	libnftables-dev libpcap-dev libyaml-dev libjansson-dev libcurl4-openssl-dev zlib1g-dev libcrypt-dev libsystemd-dev
	libncurses-dev clang bpftool libbpf-dev"
packages_lab="python3 iproute2 nftables iptables conntrack iputils-ping procps"
packages_test="$packages_lab clang-format dpkg-dev libclang-rt-14-dev libcmocka-dev python3-pytest python3-prometheus-client
	python3-yaml prometheus prometheus-alertmanager jsonnet curl openssl valgrind universal-ctags tcpdump man-db zsh fish tmux
	chromium chromium-driver python3-selenium"
# Debian's npm brings hundreds of packages along: only where there is none yet.
command -v npm >/dev/null || packages_test="$packages_test npm"

# Prints those of the named packages that are not installed.
packages_missing() {
	for package in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
		installed) ;;
		*) echo "$package" ;;
		esac
	done
}

# Prometheus and Alertmanager bring daemons that would start with the machine the next time: only their programs are wanted.
# They are installed all the same, not unpacked somewhere: apt checks, updates and removes them, a machine prepared
# beforehand needs no network, and whoever had them before keeps them as they were.
packages_disable_daemons() {
	command -v systemctl >/dev/null || return 0
	for package in "$@"; do
		case $package in
		prometheus | prometheus-alertmanager) $as_root systemctl --quiet disable "$package" ;;
		esac
	done
}

# Installs what is missing of the named packages; says so before, and why if it cannot.
packages_install() {
	command -v dpkg-query >/dev/null || {
		echo "This script knows Debian packages only. Needed here: $*" >&2
		return 1
	}
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	as_root=
	if [ "$(id -u)" != 0 ]; then
		as_root=$(command -v sudo) || {
			echo "Not root, and no sudo. Please install:" $missing >&2
			return 1
		}
	fi
	echo "Installing:" $missing
	# No daemon that a package brings along is started.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
		$as_root chmod +x $policy
	else
		policy=
	fi
	$as_root apt-get update -q &&
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
	status=$?
	packages_disable_daemons $missing
	[ -z "$policy" ] || $as_root rm -f $policy
	return $status
}
