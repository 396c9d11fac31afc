/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes a trace of a packet's way: the texts of rules and the set that lacks it are asked of the ruleset, and
 * of a packet that vanished before it was routed a lookup says why. */

#include "collectors/route/lookup.h"
#include "collectors/trace/nft_client.h"
#include "collectors/trace/trace_table.h"
#include "collectors/trace/trace_way.h"

struct trace_sources {
	struct nft_ctx *client;
	struct netlink *routes;    /* a NETLINK_ROUTE conversation */
	const struct facts *facts; /* devices and addresses */
	bool steps;                /* fill in the steps, with their rules */
};

/* way: over, or not begun (then nothing came). A rule that cannot be read (it is gone already) has no text.
 * *out is the caller's and written on success only. 0 or -ENOMEM. */
int trace_build(const struct trace_sources *sources, const struct trace_subject *subject,
	const struct trace_way *way, struct trace *out);
