// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether rules mark what a host sends: rulesets as the kernel gives them back. */
#include "tests/support/unit.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "collectors/firewall/filter.h"

#define SKIPPED 77

static const struct row {
	const char *script; /* shell */
	bool marks;
} rows[] = {
	{ "nft flush ruleset", false },
	{ "nft 'table ip t { chain a { type route hook output priority 0; meta mark set 7; }; }'", true },
	{ "nft 'table inet t { chain a { type filter hook output priority 0; meta mark set ct mark; }; }'",
		true },
	{ "nft 'table ip6 t { chain a { type nat hook output priority 0; tcp dport 22 meta mark set 1; }; }'",
		true },
	/* it is asked for, or the connection's is set */
	{ "nft 'table ip t { chain a { type route hook output priority 0; meta mark 7 ct mark set mark; }; }'",
		false },
	{ "nft 'table ip t { chain a { type filter hook output priority 0; notrack; }; }'", false },
	{ "nft 'table ip t { chain a { type filter hook output priority 0; counter queue num 3; }; }'",
		true },
	{ "nft 'table ip t { chain a { type filter hook output priority 0; tcp dport 1 reject; }; }'",
		false },
	/* other hooks */
	{ "nft 'table ip t { chain a { type filter hook prerouting priority 0; meta mark set ct mark; }; "
	  "chain b { type filter hook postrouting priority 0; meta mark set 1; }; "
	  "chain c { type filter hook output priority 0; accept; }; }'",
		false },
	/* chains that output leads to, and one that it does not */
	{ "nft 'table ip t { chain m { meta mark set 7; }; "
	  "chain a { type filter hook output priority 0; jump m; }; }'",
		true },
	{ "nft 'table ip t { chain m { meta mark set 7; }; chain a { type filter hook output priority 0; "
	  "tcp dport vmap { 22 : goto m }; }; }'",
		true },
	{ "nft 'table ip t { chain m { meta mark set 7; }; chain a { type filter hook output priority 0; }; "
	  "chain p { type filter hook prerouting priority 0; jump m; }; }'",
		false },
	{ "nft 'table ip t { flags dormant; chain a { type route hook output priority 0; meta mark set 7; }; }'",
		false },
	{ "iptables-nft -t mangle -A OUTPUT -j MARK --set-mark 7", true },
	{ "iptables-nft -t mangle -A OUTPUT -j CONNMARK --restore-mark", true },
	{ "iptables-nft -t mangle -A PREROUTING -j CONNMARK --restore-mark; "
	  "iptables-nft -t mangle -A OUTPUT -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1000",
		false },
	{ "iptables-legacy -t mangle -A OUTPUT -j ACCEPT", false },
	{ "iptables-legacy -t mangle -A PREROUTING -j MARK --set-mark 7", false },
	{ "iptables-legacy -t mangle -A OUTPUT -p tcp --dport 22 -j MARK --set-mark 7", true },
	{ "iptables-legacy -t mangle -N m; iptables-legacy -t mangle -A m -j MARK --set-mark 7; "
	  "iptables-legacy -t mangle -A PREROUTING -j m",
		false },
	{ "iptables-legacy -t mangle -N m; iptables-legacy -t mangle -A m -j MARK --set-mark 7; "
	  "iptables-legacy -t mangle -A OUTPUT -p tcp -j m",
		true },
	{ "ip6tables-legacy -t raw -A OUTPUT -j NFQUEUE", true },
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static bool marked(void)
{
	struct filter_rules *rules;
	assert_int_equal(filter_rules_read_output("/proc", &rules), 0);
	bool marks = filter_rules_mark_output(rules);
	filter_rules_free(rules);
	return marks;
}

static void marks_of_output_are_seen(void **state)
{
	(void)state;
	size_t refused = 0;
	for (size_t i = 0; i < ROWS; i++) {
		assert_int_equal(unshare(CLONE_NEWNET), 0);
		if (system(rows[i].script) != 0) { /* a module that this kernel has not */
			refused++;
			continue;
		}
		if (marked() != rows[i].marks)
			fail_msg("wrong: %s", rows[i].script);
	}
	printf("%zu of %zu refused\n", refused, ROWS);
	assert_true(refused <= ROWS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_of_output_are_seen),
	};
	if (unshare(CLONE_NEWNET) < 0) {
		printf("skipped: no network namespace of our own: %s\n", strerror(errno));
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
