// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/nat_rule_text.h"

#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>

const char *table_family_name(uint8_t family)
{
	return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : "inet";
}

const char *nat_rule_text(const struct nat_rule *rule, char text[static NAT_RULE_TEXT_SIZE])
{
	const char *family = table_family_name(rule->table_family);
	if (rule->legacy)
		snprintf(text, NAT_RULE_TEXT_SIZE, "%stables-legacy table %s, chain %s, rule %" PRIu64,
			family, rule->table, rule->chain, rule->handle);
	else
		snprintf(text, NAT_RULE_TEXT_SIZE, "table %s %s, chain %s, handle %" PRIu64, family,
			rule->table, rule->chain, rule->handle);
	return text;
}
