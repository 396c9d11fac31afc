// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "collectors/base/kernel_module.h"
#include "collectors/firewall/filter_eval.h"
#include "collectors/firewall/nft_reader.h"

#define TRIES_MAX 8 /* while the ruleset changes */

static int read_ruleset(struct filter_rules *rules, enum nft_scope scope)
{
	int result = nft_reader_open(&rules->reader);
	if (result < 0)
		return result == -EOPNOTSUPP ? 0 : result;
	for (unsigned i = 0; i < TRIES_MAX; i++) {
		result = nft_reader_begin(rules->reader, scope);
		while (result == 0)
			result = nft_reader_step(rules->reader);
		if (result != -EINTR)
			break;
	}
	if (result < 0)
		return result;
	rules->ruleset = *nft_reader_ruleset(rules->reader);
	return rules->ruleset.partial ? -E2BIG : 0;
}

static int read_rules(const char *procfs, enum nft_scope scope, struct filter_rules **out)
{
	static const char *const names[FILTER_LEGACY] = { "raw", "mangle", "nat", "filter", "security" };
	static const uint8_t families[2] = { AF_INET, AF_INET6 };
	struct filter_rules *rules = calloc(1, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	int result = kernel_module_is_there(procfs, "nf_tables") ? read_ruleset(rules, scope) : 0;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < FILTER_LEGACY && result >= 0; j++)
			result = ip_table_read(procfs, families[i], names[j], &rules->tables[i][j]);
	if (result < 0) {
		filter_rules_free(rules);
		return result;
	}
	*out = rules;
	return 0;
}

int filter_rules_read(const char *procfs, struct filter_rules **out)
{
	return read_rules(procfs, NFT_SCOPE_ALL, out);
}

int filter_rules_read_output(const char *procfs, struct filter_rules **out)
{
	return read_rules(procfs, NFT_SCOPE_OUTPUT, out);
}

bool filter_rules_are_all(const struct filter_rules *rules)
{
	return !rules->ruleset.ingress;
}

void filter_rules_free(struct filter_rules *rules)
{
	if (!rules)
		return;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < FILTER_LEGACY; j++)
			free((void *)rules->tables[i][j].bytes);
	nft_reader_close(rules->reader);
	free(rules);
}
