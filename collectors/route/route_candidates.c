// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which devices lead to which far destinations. A destination is asked for with every selector by which a
 * rule could send it elsewhere: bound to each device, with each of the host's own sources, with each mark
 * that a rule knows. Whatever device an answer leaves by through a gateway (or as a tunnel) is a line.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/route/reply_paths.h"
#include "collectors/route/service.h"

#define MOST_SOURCES 8 /* own addresses that are tried of each device and family */

struct asking {
	struct reply_paths *replies;
	struct queued_lookups queue;
	size_t *destinations; /* of each query */
	size_t destination_count;
	size_t destination; /* that is being asked for */
};

static int ask(struct asking *asking, struct route_query query)
{
	query.destination = asking->replies->facts->destinations[asking->destination].address;
	query.protocol = IPPROTO_TCP;
	size_t *destination = ARRAY_ADD(asking->destinations, asking->destination_count);
	if (!destination || !lookup_queue(&asking->queue, &query))
		return -ENOMEM;
	*destination = asking->destination;
	return 0;
}

static uint8_t family_of(const struct asking *asking)
{
	return asking->replies->facts->destinations[asking->destination].address.family;
}

static int ask_own_sources(struct asking *asking, const struct device *device)
{
	const struct facts *facts = asking->replies->facts;
	const struct local_address *local = NULL;
	for (unsigned asked = 0; asked < MOST_SOURCES; asked++) {
		local = facts_device_address(facts, device->ifindex, family_of(asking), local);
		if (!local)
			break;
		if (ask(asking, (struct route_query){ .source = local->prefix.address }) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int ask_marks(struct asking *asking)
{
	unsigned family = family_index(family_of(asking));
	for (unsigned i = 0; i < asking->replies->mark_count[family]; i++)
		if (ask(asking, (struct route_query){ .mark = asking->replies->marks[family][i] }) < 0)
			return -ENOMEM;
	return 0;
}

static int ask_for(struct asking *asking)
{
	const struct facts *facts = asking->replies->facts;
	int result = ask_marks(asking);
	for (size_t i = 0; result == 0 && i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		if (!device_can_be_line(device))
			continue;
		result = ask_own_sources(asking, device);
		if (result == 0)
			result = ask(asking, (struct route_query){ .oif = device->ifindex });
	}
	return result;
}

static bool leads_out(const struct facts *facts, const struct route_answer *answer, int ifindex)
{
	const struct device *device = facts_device(facts, ifindex);
	return device_can_be_line(device) &&
	       (!address_is_none(&answer->gateway) || device->kind == DEVICE_TUNNEL);
}

static bool is_policy_table(uint32_t table)
{
	return table != 0 && table != RT_TABLE_MAIN && table != RT_TABLE_DEFAULT && table != RT_TABLE_LOCAL;
}

/* A table of its own can be named in a rule; a single device is certain. */
static int worth(const struct route_answer *answer)
{
	return (answer->devices.count == 1 && !answer->devices.more ? 2 : 0) + is_policy_table(answer->table);
}

static int note_candidate(
	struct reply_paths *replies, size_t destination, int ifindex, const struct route_answer *answer)
{
	const struct facts *facts = replies->facts;
	size_t device = (size_t)(facts_device(facts, ifindex) - facts->devices);
	size_t *place = &replies->candidate_places[destination * facts->device_count + device];
	if (*place && worth(&replies->candidates[*place - 1].answer) >= worth(answer))
		return 0;
	if (*place == 0 && !ARRAY_ADD(replies->candidates, replies->candidate_count))
		return -ENOMEM;
	if (*place == 0)
		*place = replies->candidate_count;
	replies->candidates[*place - 1] =
		(struct route_candidate){ .destination = destination, .ifindex = ifindex, .answer = *answer };
	return 0;
}

static int note_answer(struct reply_paths *replies, size_t destination, const struct route_answer *answer)
{
	if (answer->result != ROUTE_FOUND)
		return 0;
	int result = 0;
	for (unsigned i = 0; result == 0 && i < answer->devices.count; i++)
		if (leads_out(replies->facts, answer, answer->devices.ifindex[i]))
			result = note_candidate(replies, destination, answer->devices.ifindex[i], answer);
	return result;
}

static int note_answers(struct reply_paths *replies, const struct asking *asking)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < replies->facts->destination_count; i++)
		result = note_answer(replies, i, &replies->facts->destinations[i].plain);
	for (size_t i = 0; result == 0 && i < asking->queue.count; i++)
		result = note_answer(replies, asking->destinations[i], &asking->queue.answers[i]);
	return result;
}

static struct line *line_of(struct facts *facts, int ifindex, uint8_t family)
{
	struct line *line = (struct line *)facts_line(facts, ifindex, family);
	if (line)
		return line;
	size_t at = facts_line_place(facts, ifindex, family), after = facts->line_count - at;
	if (!ARRAY_ADD(facts->lines, facts->line_count))
		return NULL;
	line = &facts->lines[at];
	memmove(line + 1, line, after * sizeof(*line));
	*line = (struct line){ .ifindex = ifindex, .family = family };
	return line;
}

/* Of several ways out of a device the one by a table of its own speaks for the line. */
static int note_line(struct reply_paths *replies, const struct route_candidate *candidate)
{
	struct facts *facts = replies->facts;
	bool is_new = !facts_line(
		facts, candidate->ifindex, facts->destinations[candidate->destination].address.family);
	struct line *line = line_of(
		facts, candidate->ifindex, facts->destinations[candidate->destination].address.family);
	if (!line)
		return -ENOMEM;
	if (is_new || (!is_policy_table(line->table) && is_policy_table(candidate->answer.table))) {
		line->gateway = candidate->answer.gateway;
		line->table = candidate->answer.table;
	}
	line->named = device_is_named_line(replies, facts_device(facts, candidate->ifindex));
	return 0;
}

/* A tunnel or a named device is a line even if no far destination is known to lead out of it. */
static int note_other_lines(struct reply_paths *replies, uint8_t family)
{
	struct facts *facts = replies->facts;
	for (size_t i = 0; i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		bool named = device_is_named_line(replies, device);
		if (!device_can_be_line(device) || (device->kind != DEVICE_TUNNEL && !named))
			continue;
		if (!facts_device_address(facts, device->ifindex, family, NULL) ||
			facts_line(facts, device->ifindex, family))
			continue;
		struct line *line = line_of(facts, device->ifindex, family);
		if (!line)
			return -ENOMEM;
		line->tunnel = !named;
		line->named = named;
	}
	return 0;
}

/* So is one on which peers from beyond this host's links were seen asking. */
static int note_seen_lines(struct reply_paths *replies)
{
	struct facts *facts = replies->facts;
	const struct handshake_report *report = facts->handshakes;
	for (size_t i = 0; report && i < report->peer_count; i++) {
		const struct handshake_peer *peer = &report->peers[i];
		const struct device *device = facts_device(facts, peer->device);
		if (!peer->asks || !device_can_be_line(device) || service_is_on_link(facts, &peer->peer) ||
			address_is_link_local(&peer->peer))
			continue;
		struct line *line = line_of(facts, peer->device, peer->peer.family);
		if (!line)
			return -ENOMEM;
		line->named = device_is_named_line(replies, device);
		line->tunnel = false;
	}
	return 0;
}

int reply_candidates(struct reply_paths *replies)
{
	struct asking asking = { .replies = replies };
	const struct facts *facts = replies->facts;
	replies->candidate_places = calloc(
		facts->destination_count * facts->device_count + 1, sizeof(*replies->candidate_places));
	int result = replies->candidate_places ? 0 : -ENOMEM;
	for (size_t i = 0; result == 0 && i < facts->destination_count; i++) {
		asking.destination = i;
		result = ask_for(&asking);
	}
	if (result == 0)
		result = lookup_flush(replies, &asking.queue);
	if (result == 0)
		result = note_answers(replies, &asking);
	for (size_t i = 0; result == 0 && i < replies->candidate_count; i++)
		result = note_line(replies, &replies->candidates[i]);
	if (result == 0)
		result = note_seen_lines(replies);
	if (result == 0)
		result = note_other_lines(replies, AF_INET);
	if (result == 0)
		result = note_other_lines(replies, AF_INET6);
	queued_lookups_clear(&asking.queue);
	free(asking.destinations);
	return result;
}
