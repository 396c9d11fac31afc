// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of plain intervals comes as marks: where an interval begins, and where it has ended, the latter only
 * if no other begins there. One of concatenations has both ends in each element.
 */
#include "collectors/firewall/nat_elements.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/address.h"
#include "collectors/base/array.h"

#define PIECE 128 /* elements put on the heap at a time */

/* Ends before beginnings at the same place, the catch-all last. */
static bool comes_before(const struct nat_elements *elements, size_t a, size_t b)
{
	const struct nft_element *left = &elements->ruleset->elements[elements->heap[a]];
	const struct nft_element *right = &elements->ruleset->elements[elements->heap[b]];
	if (left->catch_all != right->catch_all)
		return right->catch_all;
	int order = memcmp(left->key, right->key, sizeof(left->key));
	if (order == 0)
		order = (int)right->interval_end - (int)left->interval_end;
	return order ? order < 0 : elements->heap[a] > elements->heap[b]; /* the latest of equal ones */
}

static void heap_swap(uint32_t *heap, size_t a, size_t b)
{
	uint32_t kept = heap[a];
	heap[a] = heap[b];
	heap[b] = kept;
}

static int heap_push(struct nat_elements *elements, size_t element)
{
	uint32_t *item = ARRAY_ADD(elements->heap, elements->count);
	if (!item)
		return -ENOMEM;
	*item = (uint32_t)element;
	for (size_t at = elements->count - 1; at && comes_before(elements, at, (at - 1) / 2);
		at = (at - 1) / 2)
		heap_swap(elements->heap, at, (at - 1) / 2);
	return 0;
}

static const struct nft_element *heap_top(const struct nat_elements *elements)
{
	return elements->count ? &elements->ruleset->elements[elements->heap[0]] : NULL;
}

static void heap_pop(struct nat_elements *elements)
{
	elements->heap[0] = elements->heap[--elements->count];
	for (size_t at = 0, least = 0;; at = least) {
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < elements->count; child++)
			if (comes_before(elements, child, least))
				least = child;
		if (least == at)
			return;
		heap_swap(elements->heap, at, least);
	}
}

static struct nat_range make_range(
	const struct nft_set *set, const struct nft_element *element, const struct nft_element *next)
{
	struct nat_range range = { .element = element, .rest = element->catch_all };
	bool plain = (set->flags & NFT_SET_INTERVAL) && !(set->flags & NFT_SET_CONCAT);
	memcpy(range.low, element->key, sizeof(range.low));
	memcpy(range.high, element->has_end ? element->key_end : element->key, sizeof(range.high));
	if (!plain || element->has_end || element->catch_all)
		return range;
	if (next && !next->catch_all) { /* it ends before the next mark */
		memcpy(range.high, next->key, set->key_size);
		number_step(range.high, set->key_size, false);
	} else {
		memset(range.high, 0xff, set->key_size);
	}
	return range;
}

void nat_elements_begin(
	struct nat_elements *elements, const struct nft_ruleset *ruleset, const struct nft_set *set)
{
	*elements = (struct nat_elements){ .ruleset = ruleset, .set = set, .next = set->first_element };
}

int nat_elements_next(struct nat_elements *elements, struct nat_range *range)
{
	if (elements->next != NFT_NO_INDEX) {
		int error = 0;
		for (unsigned i = 0; i < PIECE && elements->next != NFT_NO_INDEX && error == 0; i++) {
			error = heap_push(elements, elements->next);
			elements->next = elements->ruleset->elements[elements->next].next;
		}
		return error < 0 ? error : -EAGAIN;
	}
	const struct nft_element *element = heap_top(elements);
	if (!element)
		return 0;
	heap_pop(elements);
	if (element->interval_end)
		return -EAGAIN;
	*range = make_range(elements->set, element, heap_top(elements));
	return 1;
}

void nat_elements_end(struct nat_elements *elements)
{
	free(elements->heap);
	*elements = (struct nat_elements){ 0 };
}
