/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The nftables ruleset, through libnftables: commands as nft takes them and lists as nft prints them, without
 * a program being run. All commands go over one socket, made by ruleset_open() in the namespace the calling
 * thread stands in: tables with the owner flag belong to it and go with it.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ruleset;

/* 0 or -ENOMEM. */
int ruleset_open(struct ruleset **out);
/* Accepts NULL. */
void ruleset_close(struct ruleset *ruleset);

/* Runs commands as one transaction. 0, or negative errno: -EEXIST, -EPERM, -EOPNOTSUPP (this kernel has no
 * such table flag), -EIO for all that libnftables says in other words; ruleset_complaint() has those. */
int ruleset_run(struct ruleset *ruleset, const char *commands);
/* What libnftables said last, one line; "" if nothing. Valid until the next command. */
const char *ruleset_complaint(const struct ruleset *ruleset);

/* A chain as text (handles behind the rules, counters without their values) and as JSON (libnftables-json(5):
 * an array of objects). Names are any that the kernel has. 0, -ENOENT if there is no such chain, or negative
 * errno; both are the caller's and written on success only. *iptables: nft says that the table is managed by
 * iptables-nft. */
struct ruleset_chain {
	char *text;
	json_t *json;
	bool iptables;
};

int ruleset_chain(struct ruleset *ruleset, uint8_t family, const char *table, const char *chain,
	struct ruleset_chain *out);
/* Accepts an empty one. */
void ruleset_chain_clear(struct ruleset_chain *chain);
