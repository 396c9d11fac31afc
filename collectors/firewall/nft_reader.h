/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reads a part of the nftables ruleset from the kernel, or all of it, a piece at a time: all chains,
 * then the rules and sets of those tables that have a base chain that is wanted, then the elements of those
 * sets that its rules ask. A ruleset that changed meanwhile is not believed. Needs CAP_NET_ADMIN.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/firewall/nft_ruleset.h"

struct nft_reader;

/* 0 or negative errno: -EPERM, -EOPNOTSUPP if the kernel has no nf_tables. */
int nft_reader_open(struct nft_reader **out);
/* Accepts NULL. */
void nft_reader_close(struct nft_reader *reader);

/* Whether the kernel has tables that end with the socket that made them, which tracing needs (Linux 5.12). */
bool nft_reader_has_owners(const struct nft_reader *reader);

/* The number of the ruleset's latest change. 0 or negative errno. */
int nft_reader_generation(struct nft_reader *reader, uint32_t *out);

/* Begins to read, when what was read before has been dropped. 0 or negative errno. */
int nft_reader_begin(struct nft_reader *reader, enum nft_scope scope);
/* Takes one piece (at most 32 KiB, or some hundred rules to be looked through). 0: there is more; 1: the
 * ruleset is there; negative errno: it is of no use, -EINTR because it changed. */
int nft_reader_step(struct nft_reader *reader);
/* What was read, until it is dropped. */
const struct nft_ruleset *nft_reader_ruleset(const struct nft_reader *reader);
uint32_t nft_reader_read_generation(const struct nft_reader *reader);
/* Frees a piece of it; true when all is. */
bool nft_reader_drop(struct nft_reader *reader);

/* For recording: is handed each message that is read. */
void nft_reader_record(struct nft_reader *reader,
	void (*message)(const struct nlmsghdr *header, void *argument), void *argument);
