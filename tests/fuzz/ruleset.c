// SPDX-License-Identifier: GPL-2.0-or-later
/* A whole ruleset as messages: parsed, followed for all packets and for one, and freed. */
#include <stdint.h>
#include <stdlib.h>

#include "collectors/firewall/filter_eval.h"
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

/* All hooks, as they come in the ruleset: whoever drops it is named. */
static void follow_one(const struct nft_ruleset *ruleset)
{
	static struct filter_way way;
	const struct filter_rules rules = { .ruleset = *ruleset };
	for (unsigned i = 0; i < 4; i++) {
		struct filter_packet packet = {
			.iif = 2, .oif = 3, .iifname = "eth0", .oifname = "eth1", .reply = i & 1
		};
		uint8_t family = i & 2 ? AF_INET6 : AF_INET;
		packet.source.address = address_make(family, "\300\0\2\1\0\0\0\0\0\0\0\0\0\0\0\1");
		packet.destination.address = address_make(family, "\12\0\0\1\0\0\0\0\0\0\0\0\0\0\0\2");
		packet.destination.port = 80;
		packet.mark_known = i & 1 ? UINT32_MAX : 0;
		filter_begin(&way, &packet);
		for (unsigned hook = 0; hook < 5; hook++)
			filter_follow(&way, &rules, NULL, hook);
		const struct filter_place *place = filter_decider(&way);
		if (filter_end(&way) == FILTER_DROPS && (!place || !place->table || !place->chain))
			abort();
		if (filter_accepter(&way) && !filter_accepter(&way)->handle)
			abort();
	}
}

static void check_whole(const char *data, size_t size)
{
	struct nft_ruleset ruleset = { .scope = NFT_SCOPE_ALL };
	if (messages_read(&ruleset, data, size) < 0)
		abort();
	follow_one(&ruleset);
	nft_ruleset_clear(&ruleset);
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
	check_whole((const char *)data, size);
	return 0;
}
