// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/metrics/selection.h"

#include <errno.h>
#include <stdlib.h>

struct candidate {
	struct address address;
	unsigned rank; /* low ones are kept first */
};

#define RANK_FINDING  0
#define RANK_ENDPOINT VERDICTS

static const unsigned ranks[VERDICTS] = {
	[VERDICT_UNCOVERED] = 0,
	[VERDICT_NO_ROUTE] = 1,
	[VERDICT_PARTLY] = 2,
	[VERDICT_INTENDED] = 3,
	[VERDICT_UNKNOWN] = 3,
	[VERDICT_COVERED] = 3,
};

static size_t gather(const struct facts *facts, const struct findings *findings, struct candidate *out)
{
	size_t count = 0;
	for (size_t i = 0; i < facts->service_count; i++)
		out[count++] = (struct candidate){ facts->services[i].address,
			ranks[findings->verdicts.services[i]] };
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		if (finding->open && !finding->intended && finding->has_service)
			out[count++] = (struct candidate){ finding->address, RANK_FINDING };
	}
	for (size_t i = 0; i < facts->endpoint_count; i++)
		if (facts->endpoints[i].kind == ENDPOINT_DNAT)
			out[count++] = (struct candidate){ facts->endpoints[i].address, RANK_ENDPOINT };
	return count;
}

static int by_address(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	int order = address_compare(&a->address, &b->address);
	return order ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

static int by_rank(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	int order = (a->rank > b->rank) - (a->rank < b->rank);
	return order ? order : address_compare(&a->address, &b->address);
}

/* Of each address only the best rank stays: the first in the order of by_address(). */
static size_t distinct(struct candidate *candidates, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !address_equal(&candidates[kept - 1].address, &candidates[i].address))
			candidates[kept++] = candidates[i];
	return kept;
}

static size_t choose(struct candidate *candidates, size_t count, size_t most)
{
	if (count <= most)
		return count;
	qsort(candidates, count, sizeof(*candidates), by_rank);
	qsort(candidates, most, sizeof(*candidates), by_address);
	return most;
}

int selection_make(
	const struct facts *facts, const struct findings *findings, size_t most, struct selection *out)
{
	size_t room = facts->service_count + findings->count + facts->endpoint_count + 1;
	struct candidate *candidates = calloc(room, sizeof(*candidates));
	struct address *kept = calloc(room, sizeof(*kept));
	int result = candidates && kept ? 0 : -ENOMEM;
	if (result == 0) {
		size_t count = gather(facts, findings, candidates);
		qsort(candidates, count, sizeof(*candidates), by_address);
		count = distinct(candidates, count);
		size_t chosen = choose(candidates, count, most);
		for (size_t i = 0; i < chosen; i++)
			kept[i] = candidates[i].address;
		*out = (struct selection){ kept, chosen, count - chosen };
		kept = NULL;
	}
	free(candidates);
	free(kept);
	return result;
}

void selection_clear(struct selection *selection)
{
	free(selection->kept);
	*selection = (struct selection){ 0 };
}

static int compare_addresses(const void *left, const void *right)
{
	return address_compare(left, right);
}

bool selection_has(const struct selection *selection, const struct address *address)
{
	return selection->count > 0 && bsearch(address, selection->kept, selection->count,
					       sizeof(*selection->kept), compare_addresses);
}
