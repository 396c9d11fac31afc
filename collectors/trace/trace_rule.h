/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rule that dropped a request, as nft prints it. */

#include "collectors/trace/trace.h"

struct nft_ctx;

/* Lists the chain that the trace names and adds the rule's text and number, and whether iptables-nft manages
 * the chain. False if that cannot be read; of legacy iptables there is nothing to be listed. */
bool trace_rule_list(struct nft_ctx *client, struct trace *trace);
/* The same, with a client of its own, in the calling thread's network namespace. */
void trace_rule_read(struct trace *trace);
