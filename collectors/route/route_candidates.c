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

static void ask(struct reply_paths *replies, size_t destination, struct route_query query)
{
	query.destination = replies->facts->destinations[destination].address;
	query.protocol = IPPROTO_TCP;
	lookup_queue(replies, &query);
}

static void ask_candidates(struct reply_paths *replies, size_t destination)
{
	const struct facts *facts = replies->facts;
	uint8_t family = facts->destinations[destination].address.family;
	unsigned index = family_index(family);
	for (unsigned i = 0; i < replies->mark_count[index]; i++)
		ask(replies, destination, (struct route_query){ .mark = replies->marks[index][i] });
	for (size_t i = 0; i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		const struct local_address *local = NULL;
		if (!device_can_be_line(device))
			continue;
		for (unsigned asked = 0; asked < MOST_SOURCES; asked++) {
			local = facts_device_address(facts, device->ifindex, family, local);
			if (!local)
				break;
			ask(replies, destination, (struct route_query){ .source = local->prefix.address });
		}
		ask(replies, destination, (struct route_query){ .oif = device->ifindex });
	}
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

/* A table of its own can be named in a rule; a single device is certain; a table that a free lookup shows to
 * lead out of the device does so for a rule as well. */
static int worth(const struct route_answer *answer)
{
	bool single = answer->devices.count == 1 && !answer->devices.more;
	return 4 * single + 2 * is_policy_table(answer->table) + !answer->bound;
}

static void note_candidate(
	struct reply_paths *replies, size_t destination, int ifindex, const struct route_answer *answer)
{
	const struct facts *facts = replies->facts;
	size_t device = (size_t)(facts_device(facts, ifindex) - facts->devices);
	size_t *place = &replies->candidate_places[destination * facts->device_count + device];
	if (*place && worth(&replies->candidates[*place - 1].answer) >= worth(answer))
		return;
	if (*place == 0 && !ARRAY_ADD(replies->candidates, replies->candidate_count)) {
		replies->error = -ENOMEM;
		return;
	}
	if (*place == 0)
		*place = replies->candidate_count;
	replies->candidates[*place - 1] =
		(struct route_candidate){ .destination = destination, .ifindex = ifindex, .answer = *answer };
}

static void note_candidates(
	struct reply_paths *replies, size_t destination, const struct route_answer *answers, size_t count)
{
	for (const struct route_answer *answer = answers; answer < answers + count; answer++)
		for (unsigned i = 0; answer->result == ROUTE_FOUND && i < answer->devices.count; i++)
			if (leads_out(replies->facts, answer, answer->devices.ifindex[i]))
				note_candidate(replies, destination, answer->devices.ifindex[i], answer);
}

/* ---- lines ---- */

/* The one that is there, or a new one; NULL when memory is out. */
static struct line *line_of(struct reply_paths *replies, int ifindex, uint8_t family)
{
	struct facts *facts = replies->facts;
	struct line *line = (struct line *)facts_line(facts, ifindex, family);
	if (line)
		return line;
	size_t at = facts_line_place(facts, ifindex, family), after = facts->line_count - at;
	if (!ARRAY_ADD(facts->lines, facts->line_count)) {
		replies->error = -ENOMEM;
		return NULL;
	}
	line = &facts->lines[at];
	memmove(line + 1, line, after * sizeof(*line));
	*line = (struct line){ .ifindex = ifindex, .family = family };
	return line;
}

/* Of several ways out of a device the one by a table of its own speaks for the line. */
static void note_line(struct reply_paths *replies, const struct route_candidate *candidate)
{
	const struct facts *facts = replies->facts;
	uint8_t family = facts->destinations[candidate->destination].address.family;
	bool is_new = !facts_line(facts, candidate->ifindex, family);
	struct line *line = line_of(replies, candidate->ifindex, family);
	if (!line)
		return;
	if (is_new || (!is_policy_table(line->table) && is_policy_table(candidate->answer.table))) {
		line->gateway = candidate->answer.gateway;
		line->table = candidate->answer.table;
	}
	line->named = device_is_named_line(replies, facts_device(facts, candidate->ifindex));
}

/* A tunnel or a named device is a line even if no far destination is known to lead out of it. */
static void note_other_lines(struct reply_paths *replies, uint8_t family)
{
	const struct facts *facts = replies->facts;
	for (size_t i = 0; i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		bool named = device_is_named_line(replies, device);
		if (!device_can_be_line(device) || (device->kind != DEVICE_TUNNEL && !named) ||
			!facts_device_address(facts, device->ifindex, family, NULL) ||
			facts_line(facts, device->ifindex, family))
			continue;
		struct line *line = line_of(replies, device->ifindex, family);
		if (!line)
			return;
		line->tunnel = !named;
		line->named = named;
	}
}

/* So is one on which peers from beyond this host's links were seen asking. */
static void note_seen_lines(struct reply_paths *replies)
{
	const struct facts *facts = replies->facts;
	const struct handshake_report *report = facts->handshakes;
	for (size_t i = 0; report && i < report->peer_count; i++) {
		const struct handshake_peer *peer = &report->peers[i];
		const struct device *device = facts_device(facts, peer->device);
		if (!peer->asks || !device_can_be_line(device) || service_is_on_link(facts, &peer->peer) ||
			address_is_link_local(&peer->peer))
			continue;
		struct line *line = line_of(replies, peer->device, peer->peer.family);
		if (!line)
			return;
		line->named = device_is_named_line(replies, device);
		line->tunnel = false;
	}
}

void reply_candidates(struct reply_paths *replies)
{
	const struct facts *facts = replies->facts;
	replies->candidate_places = calloc(
		facts->destination_count * facts->device_count + 1, sizeof(*replies->candidate_places));
	if (!replies->candidate_places) {
		replies->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < facts->destination_count; i++)
		note_candidates(replies, i, &facts->destinations[i].plain, 1);
	lookup_round(replies, facts->destination_count, ask_candidates, note_candidates);
	for (size_t i = 0; i < replies->candidate_count; i++)
		note_line(replies, &replies->candidates[i]);
	note_seen_lines(replies);
	note_other_lines(replies, AF_INET);
	note_other_lines(replies, AF_INET6);
}
