// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/metrics/selection.h"

#include <errno.h>
#include <stdlib.h>

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

int selection_make(
	const struct facts *facts, const struct findings *findings, size_t most, struct selection *out)
{
	size_t room = facts->service_count + findings->count + facts->endpoint_count + 1, distinct = 0;
	struct candidate *kept = calloc(room, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	size_t count = gather(facts, findings, kept);
	qsort(kept, count, sizeof(*kept), by_address);
	for (size_t i = 0; i < count; i++) /* of each address only the best rank stays: the first */
		if (distinct == 0 || !address_equal(&kept[distinct - 1].address, &kept[i].address))
			kept[distinct++] = kept[i];
	size_t chosen = distinct < most ? distinct : most;
	if (chosen < distinct) {
		qsort(kept, distinct, sizeof(*kept), by_rank);
		qsort(kept, chosen, sizeof(*kept), by_address);
	}
	*out = (struct selection){ kept, chosen, distinct - chosen };
	return 0;
}

void selection_clear(struct selection *selection)
{
	free(selection->kept);
	*selection = (struct selection){ 0 };
}

static int compare_address(const void *address, const void *candidate)
{
	return address_compare(address, &((const struct candidate *)candidate)->address);
}

bool selection_has(const struct selection *selection, const struct address *address)
{
	return selection->count > 0 &&
	       bsearch(address, selection->kept, selection->count, sizeof(*selection->kept), compare_address);
}
