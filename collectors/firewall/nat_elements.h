/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The elements of a set as ranges of keys, in order, a piece of work at a time. */

#include "collectors/firewall/nft_ruleset.h"

struct nat_range {
	const struct nft_element *element;
	uint8_t low[NFT_KEY_SIZE], high[NFT_KEY_SIZE];
	bool rest; /* a catch-all element: what no other one contains; it is the last */
};

struct nat_elements {
	const struct nft_ruleset *ruleset;
	const struct nft_set *set;
	size_t next;    /* element that is not on the heap yet, or NFT_NO_INDEX */
	uint32_t *heap; /* of positions in ruleset->elements, the first in order on top */
	size_t count;
};

void nat_elements_begin(
	struct nat_elements *elements, const struct nft_ruleset *ruleset, const struct nft_set *set);
/* 1: *range is the next one; 0: there is none any more; -EAGAIN: ask again; or -ENOMEM. */
int nat_elements_next(struct nat_elements *elements, struct nat_range *range);
/* Frees what is held; accepts one that was not begun and is all zero. */
void nat_elements_end(struct nat_elements *elements);
