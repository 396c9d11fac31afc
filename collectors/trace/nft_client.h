/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The nftables ruleset, through libnftables: commands as nft takes them and lists as nft prints them, without
 * a program being run. All commands go over one socket, made by nft_client_open() in the namespace the
 * calling thread stands in: tables with the owner flag belong to it and go with it.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct nft_ctx; /* of libnftables */

/* 0 or -ENOMEM. */
int nft_client_open(struct nft_ctx **out);
/* Accepts NULL. */
void nft_client_close(struct nft_ctx *client);

/* Runs commands as one transaction. 0, or negative errno: -EEXIST, -EPERM, -EOPNOTSUPP or -EINVAL (this
 * kernel has no such table flag), -EIO for all that libnftables says in other words. */
int nft_client_run(struct nft_ctx *client, const char *commands);

/* A chain as text (handles behind the rules, counters without their values) and as JSON (libnftables-json(5):
 * an array of objects). Names are any that the kernel has. 0, -ENOENT if there is no such chain, or negative
 * errno; both are the caller's and written on success only. *iptables: nft says that the table is managed by
 * iptables-nft. */
struct nft_client_chain {
	char *text;
	json_t *json;
	bool iptables;
};

int nft_client_chain(struct nft_ctx *client, uint8_t family, const char *table, const char *chain,
	struct nft_client_chain *out);
/* Accepts an empty one. */
void nft_client_chain_clear(struct nft_client_chain *chain);
