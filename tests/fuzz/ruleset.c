// SPDX-License-Identifier: GPL-2.0-or-later
/* A whole ruleset as messages: parsed, followed, and copied into facts. */
#include <stdint.h>
#include <stdlib.h>

#include "collectors/nat_list.h"
#include "collectors/nat_walk.h"
#include "tests/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct facts *facts)
{
	if (facts->nat_rule_count > NAT_RULES_MAX || facts->nat_unread_count > NAT_UNREAD_MAX)
		abort();
	for (size_t i = 0; i < facts->nat_rule_count; i++) {
		const struct nat_rule *rule = &facts->nat_rules[i];
		if (strnlen(rule->iif, sizeof(rule->iif)) == sizeof(rule->iif) || !rule->table ||
			rule->ports[0] > rule->ports[1] || (rule->by_source && !rule->conditional) ||
			rule->destination.length > 8 * address_size(rule->destination.address.family))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nft_ruleset ruleset = { 0 };
	struct nat_list list = { 0 };
	struct facts *facts = facts_new();
	if (!facts || messages_read(&ruleset, (const char *)data, size) < 0 ||
		nat_walk(&ruleset, &list) < 0 || nat_list_copy(&list, facts) < 0)
		abort();
	check(facts);
	facts_free(facts);
	nat_list_clear(&list);
	nft_ruleset_clear(&ruleset);
	return 0;
}
