// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of plain intervals comes as marks: where an interval begins, and where it has ended, the latter only
 * if no other begins there. One of concatenations has both ends in each element.
 */
#include "collectors/nat_elements.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

/* Ends before beginnings at the same place, the catch-all last. */
static int by_key(const void *a, const void *b)
{
	const struct nft_element *left = *(const struct nft_element *const *)a;
	const struct nft_element *right = *(const struct nft_element *const *)b;
	if (left->catch_all != right->catch_all)
		return left->catch_all ? 1 : -1;
	int order = memcmp(left->key, right->key, sizeof(left->key));
	return order ? order : (int)right->interval_end - (int)left->interval_end;
}

static size_t count_elements(const struct nft_ruleset *ruleset, const struct nft_set *set)
{
	size_t count = 0;
	for (size_t e = set->first_element; e != NFT_NO_INDEX; e = ruleset->elements[e].next)
		count++;
	return count;
}

static void gather(
	const struct nft_ruleset *ruleset, const struct nft_set *set, const struct nft_element **out)
{
	size_t count = 0;
	for (size_t e = set->first_element; e != NFT_NO_INDEX; e = ruleset->elements[e].next)
		out[count++] = &ruleset->elements[e];
}

/* The number before it; false if it is 0. */
static bool step_back(uint8_t *bytes, size_t size)
{
	while (size-- > 0)
		if (bytes[size]-- != 0)
			return true;
	return false;
}

static bool is_plain_interval(const struct nft_set *set)
{
	return (set->flags & NFT_SET_INTERVAL) && !(set->flags & NFT_SET_CONCAT);
}

/* The end of the interval that begins at `at`: before the next mark, or nowhere. */
static void find_end(const struct nft_set *set, const struct nft_element *next, struct nat_range *range)
{
	memset(range->high, 0xff, set->key_size);
	if (!next || next->catch_all)
		return;
	memcpy(range->high, next->key, set->key_size);
	step_back(range->high, set->key_size);
}

static struct nat_range make_range(
	const struct nft_set *set, const struct nft_element *element, const struct nft_element *next)
{
	struct nat_range range = { .element = element, .rest = element->catch_all };
	memcpy(range.low, element->key, sizeof(range.low));
	memcpy(range.high, element->has_end ? element->key_end : element->key, sizeof(range.high));
	if (is_plain_interval(set) && !element->has_end && !element->catch_all)
		find_end(set, next, &range);
	return range;
}

int nat_elements(
	const struct nft_ruleset *ruleset, const struct nft_set *set, struct nat_range **out, size_t *count)
{
	size_t total = count_elements(ruleset, set), made = 0;
	const struct nft_element **sorted = calloc(total + 1, sizeof(*sorted));
	struct nat_range *ranges = calloc(total + 1, sizeof(*ranges));
	if (!sorted || !ranges) {
		free(sorted);
		free(ranges);
		return -ENOMEM;
	}
	gather(ruleset, set, sorted);
	qsort(sorted, total, sizeof(*sorted), by_key);
	for (size_t i = 0; i < total; i++)
		if (!sorted[i]->interval_end)
			ranges[made++] = make_range(set, sorted[i], sorted[i + 1]);
	free(sorted);
	*out = ranges;
	*count = made;
	return 0;
}
