// SPDX-License-Identifier: GPL-2.0-or-later
/* A whole ruleset as messages: parsed, followed, and freed. */
#include <stdint.h>
#include <stdlib.h>

#include "tests/rulesets_follow.h"
#include "tests/support/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct nat_list *list)
{
	if (list->count > NAT_RULES_MAX || list->unread_count > NAT_UNREAD_MAX)
		abort();
	for (size_t i = 0; i < list->count; i++) {
		const struct nat_rule *rule = &list->rules[i];
		if (strnlen(rule->iif, sizeof(rule->iif)) == sizeof(rule->iif) || !rule->table ||
			rule->ports[0] > rule->ports[1] || (rule->by_source && !rule->conditional) ||
			rule->destination.length > 8 * address_size(rule->destination.address.family))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nft_ruleset ruleset = { 0 };
	struct nat_list *list = nat_list_new();
	if (!list || messages_read(&ruleset, (const char *)data, size) < 0 ||
		rulesets_follow(nat_eval_ruleset(&ruleset, list)) < 0)
		abort();
	nft_ruleset_clear(&ruleset);
	check(list);
	nat_list_release(list);
	return 0;
}
