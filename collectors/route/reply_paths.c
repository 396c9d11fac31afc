// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/route/reply_paths.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/route/service.h"

/* ---- lookups ---- */

void lookup_queue(struct reply_paths *replies, const struct route_query *query)
{
	struct route_query *added = ARRAY_ADD(replies->queries, replies->query_count);
	if (added)
		*added = *query;
	else
		replies->error = -ENOMEM;
}

/* Bound to a VRF all devices in it are free. */
static bool is_bound(const struct facts *facts, const struct route_query *query)
{
	const struct device *device = query->oif ? facts_device(facts, query->oif) : NULL;
	return device && device->kind != DEVICE_VRF;
}

void lookup_round(struct reply_paths *replies, size_t count,
	void (*ask)(struct reply_paths *replies, size_t item),
	void (*note)(struct reply_paths *replies, size_t item, const struct route_answer *answers,
		size_t answer_count))
{
	size_t *ends = calloc(count + 1, sizeof(*ends)); /* of each item's queries */
	struct route_answer *answers = NULL;
	if (!ends)
		replies->error = -ENOMEM;
	for (size_t i = 0; i < count && !replies->error; i++) {
		ask(replies, i);
		ends[i] = replies->query_count;
	}
	if (replies->query_count && !replies->error) {
		answers = calloc(replies->query_count, sizeof(*answers));
		replies->error = answers ? replies->lookup(replies->argument, replies->queries, answers,
						   replies->query_count)
					 : -ENOMEM;
	}
	for (size_t i = 0; i < replies->query_count && !replies->error; i++)
		answers[i].bound = is_bound(replies->facts, &replies->queries[i]);
	for (size_t i = 0, at = 0; i < count && !replies->error; at = ends[i++])
		if (ends[i] > at)
			note(replies, i, answers + at, ends[i] - at);
	free(ends);
	free(answers);
	free(replies->queries);
	replies->queries = NULL;
	replies->query_count = 0;
}

/* ---- what the steps ask of each other ---- */

unsigned family_index(uint8_t family)
{
	return family == AF_INET6;
}

bool device_can_be_line(const struct device *device)
{
	return device && device->up && !device->port && device->kind != DEVICE_LOOPBACK;
}

bool device_is_named_line(const struct reply_paths *replies, const struct device *device)
{
	for (size_t i = 0; i < replies->settings->line_count; i++)
		if (strcmp(replies->settings->lines[i], device->name) == 0)
			return true;
	return false;
}

const struct route_candidate *route_candidate_of(
	const struct reply_paths *replies, size_t destination, int ifindex)
{
	const struct facts *facts = replies->facts;
	const struct device *device = facts_device(facts, ifindex);
	if (!device || !replies->candidate_places || destination >= facts->destination_count)
		return NULL;
	size_t place = replies->candidate_places[destination * facts->device_count +
						 (size_t)(device - facts->devices)];
	return place ? &replies->candidates[place - 1] : NULL;
}

size_t destination_find(const struct facts *facts, const struct address *address)
{
	size_t i = 0;
	while (i < facts->destination_count && !address_equal(&facts->destinations[i].address, address))
		i++;
	return i;
}

struct destination *destination_add(
	struct reply_paths *replies, const struct address *address, enum destination_kind kind)
{
	struct facts *facts = replies->facts;
	if (destination_find(facts, address) < facts->destination_count)
		return NULL;
	struct destination *destination = ARRAY_ADD(facts->destinations, facts->destination_count);
	if (destination)
		*destination = (struct destination){ .address = *address, .kind = kind };
	else
		replies->error = -ENOMEM;
	return destination;
}

const struct addressed *addressed_find(
	const struct addressed_list *list, const struct address *address, size_t *count)
{
	size_t first = address_search(
		list->items, list->count, sizeof(*list->items), offsetof(struct addressed, address), address);
	size_t end = first;
	while (end < list->count && address_equal(&list->items[end].address, address))
		end++;
	*count = end - first;
	return list->items + first;
}

/* ---- the steps ---- */

static int by_address(const void *left, const void *right)
{
	const struct addressed *a = left, *b = right;
	int order = address_compare(&a->address, &b->address);
	return order ? order : (a->position > b->position) - (a->position < b->position);
}

static void add_mark(struct reply_paths *replies, unsigned family, uint32_t mark)
{
	for (unsigned i = 0; i < replies->mark_count[family]; i++)
		if (replies->marks[family][i] == mark)
			return;
	if (mark && replies->mark_count[family] < ROUTE_MARKS)
		replies->marks[family][replies->mark_count[family]++] = mark;
}

static void reply_paths_open(struct reply_paths *replies)
{
	const struct facts *facts = replies->facts;
	struct addressed_list *endpoints = &replies->endpoints, *peers = &replies->peers;
	for (size_t i = 0; i < facts->rule_count; i++)
		if (facts->rules[i].mark_mask)
			add_mark(replies, family_index(facts->rules[i].family), facts->rules[i].mark);
	endpoints->count = facts->endpoint_count;
	peers->count = facts->handshakes ? facts->handshakes->peer_count : 0;
	endpoints->items = calloc(endpoints->count + 1, sizeof(*endpoints->items));
	peers->items = calloc(peers->count + 1, sizeof(*peers->items));
	if (!endpoints->items || !peers->items) {
		replies->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < endpoints->count; i++)
		endpoints->items[i] = (struct addressed){ facts->endpoints[i].address, i };
	for (size_t i = 0; i < peers->count; i++)
		peers->items[i] = (struct addressed){ facts->handshakes->peers[i].local, i };
	qsort(endpoints->items, endpoints->count, sizeof(*endpoints->items), by_address);
	qsort(peers->items, peers->count, sizeof(*peers->items), by_address);
}

static void derive_services(struct reply_paths *replies)
{
	replies->error = services_derive(replies->facts);
}

static void add_ruled_services(struct reply_paths *replies)
{
	replies->error = services_add_ruled(replies->facts);
}

static void ask_target(struct reply_paths *replies, size_t service)
{
	lookup_queue(replies, &(struct route_query){ .destination = replies->facts->services[service].target,
				      .protocol = IPPROTO_TCP });
}

static void note_target(
	struct reply_paths *replies, size_t number, const struct route_answer *answer, size_t count)
{
	(void)count;
	struct service *service = &replies->facts->services[number];
	if (answer->result == ROUTE_LOCAL)
		service->target_local = true;
	else if (answer->result == ROUTE_FOUND && answer->devices.count)
		service->target_ifindex = answer->devices.ifindex[0];
}

static void look_up_targets(struct reply_paths *replies)
{
	lookup_round(replies, replies->facts->service_count, ask_target, note_target);
}

static int reply_paths_run(
	struct reply_paths *replies, void (*const *steps)(struct reply_paths *replies), size_t count)
{
	for (size_t i = 0; i < count && !replies->error; i++)
		steps[i](replies);
	free(replies->candidates);
	free(replies->candidate_places);
	free(replies->endpoints.items);
	free(replies->peers.items);
	return replies->error;
}

int reply_paths_find(struct facts *facts, const struct collector_settings *settings,
	route_lookup_function *lookup, void *argument, unsigned *failing_left)
{
	static void (*const steps[])(struct reply_paths * replies) = { reply_paths_open, derive_services,
		reply_destinations, reply_candidates, add_ruled_services, look_up_targets, reply_arrivals,
		reply_lookups };
	struct reply_paths replies = { .facts = facts,
		.settings = settings,
		.lookup = lookup,
		.argument = argument,
		.failing_left = failing_left };
	return reply_paths_run(&replies, steps, sizeof(steps) / sizeof(*steps));
}

/* ---- one path alone ---- */

static void add_destination(struct reply_paths *replies)
{
	const struct address *address = &replies->path->destination;
	struct route_query query = { .destination = *address, .protocol = IPPROTO_TCP };
	struct destination *added = destination_add(replies, address, DESTINATION_SET);
	if (added)
		replies->error = replies->lookup(replies->argument, &query, &added->plain, 1);
}

/* A service that was added for the question has not been looked up yet. */
static void find_target(struct reply_paths *replies)
{
	const struct service *service = &replies->facts->services[replies->path->service];
	struct route_answer answer = { 0 };
	struct route_query query = { .destination = service->target, .protocol = IPPROTO_TCP };
	if (service->target_local || service->target_ifindex)
		return;
	replies->error = replies->lookup(replies->argument, &query, &answer, 1);
	note_target(replies, replies->path->service, &answer, 1);
}

/* The lookups of a path are made on a copy of the facts that has no other. */
static void ask_path(struct reply_paths *replies)
{
	struct facts alone = *replies->facts;
	reply_path_set_basis(replies, replies->path);
	alone.paths = replies->path;
	alone.path_count = 1;
	replies->facts = &alone;
	reply_lookups(replies);
}

int reply_path_find(struct facts *facts, const struct collector_settings *settings,
	route_lookup_function *lookup, void *argument, struct path *path)
{
	static void (*const steps[])(struct reply_paths * replies) = { reply_paths_open, add_destination,
		find_target, reply_candidates, ask_path };
	unsigned failing_left = 1;
	struct reply_paths replies = { .facts = facts,
		.settings = settings,
		.lookup = lookup,
		.argument = argument,
		.failing_left = &failing_left,
		.path = path };
	return reply_paths_run(&replies, steps, sizeof(steps) / sizeof(*steps));
}
