// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/metrics/reply_routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Devices that are gone have one name, "?", so they are one. */
#define GONE (-1)

static int present(const struct facts *facts, int ifindex)
{
	return facts_device(facts, ifindex) ? ifindex : GONE;
}

static struct reply_route reply_route_of(
	const struct facts *facts, const struct path *path, enum verdict verdict)
{
	struct reply_route route = {
		.service = path->service, .arrival = present(facts, path->arrival), .verdict = verdict
	};
	if (path->reply.result == ROUTE_FOUND)
		for (unsigned i = 0; i < path->reply.devices.count; i++)
			device_set_add(&route.reply, present(facts, path->reply.devices.ifindex[i]));
	return route;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_services(const struct service *a, const struct service *b)
{
	int order = address_compare(&a->address, &b->address);
	if (order == 0)
		order = compare_numbers(a->origin, b->origin);
	return order ? order : address_compare(&a->target, &b->target);
}

/* Two services may carry the same labels, so positions do not decide; facts are the argument. */
static int compare(const void *left, const void *right, void *facts)
{
	const struct reply_route *a = left, *b = right;
	const struct service *services = ((const struct facts *)facts)->services;
	int order = compare_services(&services[a->service], &services[b->service]);
	if (order == 0)
		order = compare_numbers(a->arrival, b->arrival);
	if (order == 0)
		order = compare_numbers(a->reply.count, b->reply.count);
	for (unsigned i = 0; order == 0 && i < a->reply.count; i++)
		order = compare_numbers(a->reply.ifindex[i], b->reply.ifindex[i]);
	return order ? order : compare_numbers(a->verdict, b->verdict);
}

int reply_routes_make(const struct facts *facts, const struct verdicts *verdicts,
	const struct selection *addresses, struct reply_route **out, size_t *count)
{
	size_t gathered = 0, kept = 0;
	struct reply_route *routes = calloc(facts->path_count + 1, sizeof(*routes));
	if (!routes)
		return -ENOMEM;
	for (size_t i = 0; i < facts->path_count; i++) {
		const struct path *path = &facts->paths[i];
		if (selection_has(addresses, &facts->services[path->service].address))
			routes[gathered++] = reply_route_of(facts, path, verdicts->paths[i]);
	}
	qsort_r(routes, gathered, sizeof(*routes), compare, (void *)facts);
	for (size_t i = 0; i < gathered; i++)
		if (kept == 0 || compare(&routes[kept - 1], &routes[i], (void *)facts) != 0)
			routes[kept++] = routes[i];
	*count = kept;
	*out = routes;
	return 0;
}
