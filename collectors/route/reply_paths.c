// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/route/reply_paths.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/route/service.h"

struct route_query *lookup_queue(struct queued_lookups *queue, const struct route_query *query)
{
	struct route_query *added = ARRAY_ADD(queue->queries, queue->count);
	if (added)
		*added = *query;
	return added;
}

int lookup_flush(struct reply_paths *replies, struct queued_lookups *queue)
{
	if (queue->count == 0)
		return 0;
	queue->answers = calloc(queue->count, sizeof(*queue->answers));
	if (!queue->answers)
		return -ENOMEM;
	return replies->lookup(replies->argument, queue->queries, queue->answers, queue->count);
}

void queued_lookups_clear(struct queued_lookups *queue)
{
	free(queue->queries);
	free(queue->answers);
	*queue = (struct queued_lookups){ 0 };
}

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

/* ---- endpoints and peers by their address ---- */

typedef const struct address *address_function(const struct facts *facts, size_t position);

static const struct address *endpoint_address(const struct facts *facts, size_t position)
{
	return &facts->endpoints[position].address;
}

static const struct address *peer_address(const struct facts *facts, size_t position)
{
	return &facts->handshakes->peers[position].local;
}

struct sorting {
	const struct facts *facts;
	address_function *address;
};

static int compare_positions(const void *left, const void *right, void *argument)
{
	const struct sorting *sorting = argument;
	size_t a = *(const size_t *)left, b = *(const size_t *)right;
	int order = address_compare(sorting->address(sorting->facts, a), sorting->address(sorting->facts, b));
	return order ? order : (a > b) - (a < b);
}

static size_t *sorted(const struct facts *facts, size_t count, address_function *address)
{
	struct sorting sorting = { facts, address };
	size_t *positions = calloc(count + 1, sizeof(*positions));
	for (size_t i = 0; positions && i < count; i++)
		positions[i] = i;
	if (positions)
		qsort_r(positions, count, sizeof(*positions), compare_positions, &sorting);
	return positions;
}

static const size_t *with_address(const struct facts *facts, const size_t *positions, size_t all,
	address_function *address_of, const struct address *address, size_t *count)
{
	size_t low = 0, high = all;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_compare(address_of(facts, positions[middle]), address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	size_t end = low;
	while (end < all && address_equal(address_of(facts, positions[end]), address))
		end++;
	*count = end - low;
	return positions + low;
}

const size_t *reply_endpoints(const struct reply_paths *replies, const struct address *address, size_t *count)
{
	const struct facts *facts = replies->facts;
	return with_address(
		facts, replies->endpoints, facts->endpoint_count, endpoint_address, address, count);
}

static size_t peer_count(const struct facts *facts)
{
	return facts->handshakes ? facts->handshakes->peer_count : 0;
}

const size_t *reply_peers(const struct reply_paths *replies, const struct address *address, size_t *count)
{
	const struct facts *facts = replies->facts;
	return with_address(facts, replies->peers, peer_count(facts), peer_address, address, count);
}

static void reply_paths_clear(struct reply_paths *replies)
{
	free(replies->candidates);
	free(replies->candidate_places);
	free(replies->endpoints);
	free(replies->peers);
}

static void add_mark(struct reply_paths *replies, unsigned family, uint32_t mark)
{
	for (unsigned i = 0; i < replies->mark_count[family]; i++)
		if (replies->marks[family][i] == mark)
			return;
	if (mark && replies->mark_count[family] < ROUTE_MARKS)
		replies->marks[family][replies->mark_count[family]++] = mark;
}

static void collect_marks(struct reply_paths *replies)
{
	for (size_t i = 0; i < replies->facts->rule_count; i++) {
		const struct rule *rule = &replies->facts->rules[i];
		if (rule->mark_mask)
			add_mark(replies, family_index(rule->family), rule->mark);
	}
}

static int reply_paths_open(struct reply_paths *replies)
{
	const struct facts *facts = replies->facts;
	collect_marks(replies);
	replies->endpoints = sorted(facts, facts->endpoint_count, endpoint_address);
	replies->peers = sorted(facts, peer_count(facts), peer_address);
	return replies->endpoints && replies->peers ? 0 : -ENOMEM;
}

static int ask_targets(struct reply_paths *replies, struct queued_lookups *queue)
{
	const struct facts *facts = replies->facts;
	for (size_t i = 0; i < facts->service_count; i++)
		if (!lookup_queue(queue, &(struct route_query){ .destination = facts->services[i].target,
						 .protocol = IPPROTO_TCP }))
			return -ENOMEM;
	return lookup_flush(replies, queue);
}

static void note_target(struct service *service, const struct route_answer *answer)
{
	if (answer->result == ROUTE_LOCAL)
		service->target_local = true;
	else if (answer->result == ROUTE_FOUND && answer->devices.count)
		service->target_ifindex = answer->devices.ifindex[0];
}

static int look_up_targets(struct reply_paths *replies)
{
	struct queued_lookups queue = { 0 };
	int result = ask_targets(replies, &queue);
	if (result == 0)
		for (size_t i = 0; i < queue.count; i++)
			note_target(&replies->facts->services[i], &queue.answers[i]);
	queued_lookups_clear(&queue);
	return result;
}

int reply_paths_find(struct facts *facts, const struct collector_settings *settings,
	route_lookup_function *lookup, void *argument, unsigned *failing_left)
{
	struct reply_paths replies = {
		.facts = facts,
		.settings = settings,
		.lookup = lookup,
		.argument = argument,
		.failing_left = failing_left,
	};
	int result = reply_paths_open(&replies);
	if (result == 0)
		result = services_derive(facts);
	if (result == 0)
		result = reply_destinations(&replies);
	if (result == 0)
		result = reply_candidates(&replies);
	if (result == 0)
		result = services_add_ruled(facts);
	if (result == 0)
		result = look_up_targets(&replies);
	if (result == 0)
		result = reply_arrivals(&replies);
	if (result == 0)
		result = reply_lookups(&replies);
	reply_paths_clear(&replies);
	return result;
}

static int add_destination(struct reply_paths *replies, const struct address *address)
{
	struct facts *facts = replies->facts;
	for (size_t i = 0; i < facts->destination_count; i++)
		if (address_equal(&facts->destinations[i].address, address))
			return 0;
	struct route_query query = { .destination = *address, .protocol = IPPROTO_TCP };
	struct destination *destination = ARRAY_ADD(facts->destinations, facts->destination_count);
	if (!destination)
		return -ENOMEM;
	destination->address = *address;
	destination->kind = DESTINATION_SET;
	return replies->lookup(replies->argument, &query, &destination->plain, 1);
}

/* A service that was added for the question has not been looked up yet. */
static int find_target(struct reply_paths *replies, struct service *service)
{
	struct route_answer answer = { 0 };
	struct route_query query = { .destination = service->target, .protocol = IPPROTO_TCP };
	if (service->target_local || service->target_ifindex)
		return 0;
	int result = replies->lookup(replies->argument, &query, &answer, 1);
	note_target(service, &answer);
	return result;
}

/* The lookups of a path are made on a copy of the facts that has no other. */
static int ask_path(struct reply_paths *replies, struct path *path)
{
	struct facts alone = *replies->facts;
	reply_path_set_basis(replies, path);
	alone.paths = path;
	alone.path_count = 1;
	replies->facts = &alone;
	return reply_lookups(replies);
}

int reply_path_find(struct facts *facts, const struct collector_settings *settings,
	route_lookup_function *lookup, void *argument, struct path *path)
{
	unsigned failing_left = 1;
	struct reply_paths replies = {
		.facts = facts,
		.settings = settings,
		.lookup = lookup,
		.argument = argument,
		.failing_left = &failing_left,
	};
	int result = reply_paths_open(&replies);
	if (result == 0)
		result = add_destination(&replies, &path->destination);
	if (result == 0)
		result = find_target(&replies, &facts->services[path->service]);
	if (result == 0)
		result = reply_candidates(&replies);
	if (result == 0)
		result = ask_path(&replies, path);
	reply_paths_clear(&replies);
	return result;
}
