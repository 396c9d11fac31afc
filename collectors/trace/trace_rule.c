// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/trace_rule.h"

#include "collectors/trace/nft_client.h"
#include "collectors/trace/ruleset_read.h"

bool trace_rule_list(struct nft_ctx *client, struct trace *trace)
{
	struct nft_client_chain chain;
	if (trace->legacy || !trace->table ||
		nft_client_chain(client, trace->table_family, trace->table, trace->chain, &chain) < 0)
		return false;
	free(trace->rule);
	trace->rule = trace->handle ? ruleset_rule_text(chain.text, trace->handle) : NULL;
	trace->number = ruleset_rule_number(chain.json, trace->handle);
	trace->iptables = chain.iptables;
	nft_client_chain_clear(&chain);
	return true;
}

void trace_rule_read(struct trace *trace)
{
	struct nft_ctx *client = NULL;
	if (!trace->table || trace->legacy || nft_client_open(&client) < 0)
		return;
	trace_rule_list(client, trace);
	nft_client_close(client);
}
