// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/route/survey.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/growth.h"
#include "collectors/route/service.h"

struct route_query *lookup_queue(struct queued_lookups *queue, const struct route_query *query)
{
	struct route_query *added = GROW(queue->queries, queue->count);
	if (added)
		*added = *query;
	return added;
}

int lookup_flush(struct survey *survey, struct queued_lookups *queue)
{
	if (queue->count == 0)
		return 0;
	queue->answers = calloc(queue->count, sizeof(*queue->answers));
	if (!queue->answers)
		return -ENOMEM;
	return survey->lookup(survey->argument, queue->queries, queue->answers, queue->count);
}

void queued_lookups_clear(struct queued_lookups *queue)
{
	free(queue->queries);
	free(queue->answers);
	*queue = (struct queued_lookups){ 0 };
}

unsigned survey_family_index(uint8_t family)
{
	return family == AF_INET6;
}

bool survey_is_candidate(const struct device *device)
{
	return device && device->up && !device->port && device->kind != DEVICE_LOOPBACK;
}

bool survey_is_named(const struct survey *survey, const struct device *device)
{
	for (size_t i = 0; i < survey->settings->line_count; i++)
		if (strcmp(survey->settings->lines[i], device->name) == 0)
			return true;
	return false;
}

const struct route_candidate *route_candidate_of(const struct survey *survey, size_t destination, int ifindex)
{
	const struct facts *facts = survey->facts;
	const struct device *device = facts_device(facts, ifindex);
	if (!device || !survey->candidate_places || destination >= facts->destination_count)
		return NULL;
	size_t place = survey->candidate_places[destination * facts->device_count +
						(size_t)(device - facts->devices)];
	return place ? &survey->candidates[place - 1] : NULL;
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

const size_t *survey_endpoints(const struct survey *survey, const struct address *address, size_t *count)
{
	const struct facts *facts = survey->facts;
	return with_address(
		facts, survey->endpoints, facts->endpoint_count, endpoint_address, address, count);
}

static size_t peer_count(const struct facts *facts)
{
	return facts->handshakes ? facts->handshakes->peer_count : 0;
}

const size_t *survey_peers(const struct survey *survey, const struct address *address, size_t *count)
{
	const struct facts *facts = survey->facts;
	return with_address(facts, survey->peers, peer_count(facts), peer_address, address, count);
}

void survey_clear(struct survey *survey)
{
	free(survey->candidates);
	free(survey->candidate_places);
	free(survey->networks);
	free(survey->endpoints);
	free(survey->peers);
}

static void add_mark(struct survey *survey, unsigned family, uint32_t mark)
{
	for (unsigned i = 0; i < survey->mark_count[family]; i++)
		if (survey->marks[family][i] == mark)
			return;
	if (mark && survey->mark_count[family] < SURVEY_MARKS)
		survey->marks[family][survey->mark_count[family]++] = mark;
}

static void collect_marks(struct survey *survey)
{
	for (size_t i = 0; i < survey->facts->rule_count; i++) {
		const struct rule *rule = &survey->facts->rules[i];
		if (rule->mark_mask)
			add_mark(survey, survey_family_index(rule->family), rule->mark);
	}
}

int survey_open(struct survey *survey)
{
	const struct facts *facts = survey->facts;
	collect_marks(survey);
	survey->endpoints = sorted(facts, facts->endpoint_count, endpoint_address);
	survey->peers = sorted(facts, peer_count(facts), peer_address);
	return survey->endpoints && survey->peers ? 0 : -ENOMEM;
}

static int ask_targets(struct survey *survey, struct queued_lookups *queue)
{
	const struct facts *facts = survey->facts;
	for (size_t i = 0; i < facts->service_count; i++)
		if (!lookup_queue(queue, &(struct route_query){ .destination = facts->services[i].target,
						 .protocol = IPPROTO_TCP }))
			return -ENOMEM;
	return lookup_flush(survey, queue);
}

static void note_target(struct service *service, const struct route_answer *answer)
{
	if (answer->result == ROUTE_LOCAL)
		service->target_local = true;
	else if (answer->result == ROUTE_FOUND && answer->devices.count)
		service->target_ifindex = answer->devices.ifindex[0];
}

static int survey_targets(struct survey *survey)
{
	struct queued_lookups queue = { 0 };
	int result = ask_targets(survey, &queue);
	if (result == 0)
		for (size_t i = 0; i < queue.count; i++)
			note_target(&survey->facts->services[i], &queue.answers[i]);
	queued_lookups_clear(&queue);
	return result;
}

int survey_run(struct facts *facts, const struct collector_settings *settings, survey_lookup_function *lookup,
	void *argument, unsigned *failing_left)
{
	struct survey survey = {
		.facts = facts,
		.settings = settings,
		.lookup = lookup,
		.argument = argument,
		.failing_left = failing_left,
	};
	int result = survey_open(&survey);
	if (result == 0)
		result = services_derive(facts);
	if (result == 0)
		result = survey_destinations(&survey);
	if (result == 0)
		result = survey_candidates(&survey);
	if (result == 0)
		result = services_add_ruled(facts);
	if (result == 0)
		result = survey_targets(&survey);
	if (result == 0)
		result = survey_networks(&survey);
	if (result == 0)
		result = survey_paths(&survey);
	if (result == 0)
		result = survey_lookups(&survey);
	survey_clear(&survey);
	return result;
}

static int add_destination(struct survey *survey, const struct address *address)
{
	struct facts *facts = survey->facts;
	for (size_t i = 0; i < facts->destination_count; i++)
		if (address_equal(&facts->destinations[i].address, address))
			return 0;
	struct route_query query = { .destination = *address, .protocol = IPPROTO_TCP };
	struct destination *destination = GROW(facts->destinations, facts->destination_count);
	if (!destination)
		return -ENOMEM;
	destination->address = *address;
	destination->kind = DESTINATION_SET;
	return survey->lookup(survey->argument, &query, &destination->plain, 1);
}

/* A service that was added for the question has not been looked up yet. */
static int find_target(struct survey *survey, struct service *service)
{
	struct route_answer answer = { 0 };
	struct route_query query = { .destination = service->target, .protocol = IPPROTO_TCP };
	if (service->target_local || service->target_ifindex)
		return 0;
	int result = survey->lookup(survey->argument, &query, &answer, 1);
	note_target(service, &answer);
	return result;
}

/* The lookups of a path are made on a copy of the facts that has no other. */
static int ask_path(struct survey *survey, struct path *path)
{
	struct facts alone = *survey->facts;
	survey_set_basis(survey, path);
	alone.paths = path;
	alone.path_count = 1;
	survey->facts = &alone;
	return survey_lookups(survey);
}

int survey_path(struct facts *facts, const struct collector_settings *settings,
	survey_lookup_function *lookup, void *argument, struct path *path)
{
	unsigned failing_left = 1;
	struct survey survey = {
		.facts = facts,
		.settings = settings,
		.lookup = lookup,
		.argument = argument,
		.failing_left = &failing_left,
	};
	int result = survey_open(&survey);
	if (result == 0)
		result = add_destination(&survey, &path->destination);
	if (result == 0)
		result = find_target(&survey, &facts->services[path->service]);
	if (result == 0)
		result = survey_candidates(&survey);
	if (result == 0)
		result = survey_networks(&survey);
	if (result == 0)
		result = ask_path(&survey, path);
	survey_clear(&survey);
	return result;
}
