// SPDX-License-Identifier: GPL-2.0-or-later
/* The host's connected networks, each once: ten thousand addresses may stand in one. */
#include <errno.h>
#include <stdlib.h>

#include "collectors/route/service.h"
#include "collectors/route/survey.h"

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* By device, and there as the addresses stand. */
static int compare_networks(const void *left, const void *right)
{
	const struct survey_network *a = left, *b = right;
	int order = ORDER(a->ifindex, b->ifindex);
	return order ? order : ORDER(a->position, b->position);
}

static int compare_prefixes(const void *left, const void *right)
{
	const struct survey_network *a = left, *b = right;
	int order = ORDER(a->ifindex, b->ifindex);
	if (order == 0)
		order = ORDER(a->prefix.length, b->prefix.length);
	if (order == 0)
		order = address_compare(&a->prefix.address, &b->prefix.address);
	return order ? order : ORDER(a->position, b->position);
}

static bool is_same(const struct survey_network *a, const struct survey_network *b)
{
	return a->ifindex == b->ifindex && a->prefix.length == b->prefix.length &&
	       address_equal(&a->prefix.address, &b->prefix.address);
}

static void drop_repeated(struct survey *survey)
{
	size_t kept = 0;
	qsort(survey->networks, survey->network_count, sizeof(*survey->networks), compare_prefixes);
	for (size_t i = 0; i < survey->network_count; i++)
		if (kept == 0 || !is_same(&survey->networks[kept - 1], &survey->networks[i]))
			survey->networks[kept++] = survey->networks[i];
	survey->network_count = kept;
	qsort(survey->networks, survey->network_count, sizeof(*survey->networks), compare_networks);
}

static void find_neighbour(const struct survey *survey, struct survey_network *network)
{
	const struct local_address *local = &survey->facts->addresses[network->position];
	const struct line *line = facts_line(survey->facts, local->ifindex, local->prefix.address.family);
	const struct address none = { 0 };
	if (!service_neighbour(survey->facts, local, line ? &line->gateway : &none, &network->neighbour))
		network->neighbour = none;
}

int survey_networks(struct survey *survey)
{
	const struct facts *facts = survey->facts;
	survey->networks = calloc(facts->address_count + 1, sizeof(*survey->networks));
	if (!survey->networks)
		return -ENOMEM;
	for (size_t i = 0; i < facts->address_count; i++) {
		const struct local_address *local = &facts->addresses[i];
		if (local->prefix.length < address_size(local->prefix.address.family) * 8)
			survey->networks[survey->network_count++] =
				(struct survey_network){ .prefix = prefix_network(&local->prefix),
					.ifindex = local->ifindex,
					.position = i };
	}
	drop_repeated(survey);
	for (size_t i = 0; i < survey->network_count; i++)
		find_neighbour(survey, &survey->networks[i]);
	return 0;
}

const struct survey_network *survey_network_of(
	const struct survey *survey, int ifindex, const struct address *address)
{
	size_t low = 0, high = survey->network_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (survey->networks[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < survey->network_count && survey->networks[low].ifindex == ifindex; low++)
		if (prefix_contains(&survey->networks[low].prefix, address))
			return &survey->networks[low];
	return NULL;
}
