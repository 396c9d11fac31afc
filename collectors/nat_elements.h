/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The elements of a set as ranges of keys, in order. */

#include "collectors/nft_ruleset.h"

struct nat_range {
	const struct nft_element *element;
	uint8_t low[NFT_KEY_SIZE], high[NFT_KEY_SIZE];
	bool rest; /* a catch-all element: what no other one contains; it is the last */
};

/* *out is the caller's to free. 0 or -ENOMEM. */
int nat_elements(
	const struct nft_ruleset *ruleset, const struct nft_set *set, struct nat_range **out, size_t *count);
