// SPDX-License-Identifier: GPL-2.0-or-later
/* What the rules of the firewall do with the request of a connection, and with its reply. */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/connection_path.h"

/* The rule of a translation need not be one that can be followed, but what it does is known here. */
static void translate_as_known(const struct connection_path *connection, struct filter_way *way)
{
	for (unsigned i = 0; i < way->path_count; i++) {
		struct filter_packet *packet = &way->paths[i].packet;
		packet->destination = (struct filter_end_point){ .address = connection->service->target,
			.port = connection->path->target_port };
		packet->translated =
			!address_equal(&packet->destination.address, &packet->original[1].address) ||
			packet->destination.port != packet->original[1].port;
	}
}

static void leave_by(const struct facts *facts, int ifindex, struct filter_way *way)
{
	for (unsigned i = 0; i < way->path_count; i++)
		filter_set_device(facts, ifindex, &way->paths[i].packet.oif, way->paths[i].packet.oifname);
}

static struct filter_packet request_of(const struct connection_path *connection)
{
	const struct path *path = connection->path;
	struct filter_packet packet = { .source = { .address = path->destination, .port = path->peer_port },
		.destination = { .address = connection->service->address, .port = path->port },
		.mark_known = UINT32_MAX,
		.ct_mark_known = UINT32_MAX };
	packet.original[0] = packet.source;
	packet.original[1] = packet.destination;
	filter_set_device(connection->facts, path->arrival, &packet.iif, packet.iifname);
	return packet;
}

static void follow_request(
	const struct connection_path *connection, const struct filter_rules *rules, struct filter_way *way)
{
	const struct facts *facts = connection->facts;
	const struct filter_packet packet = request_of(connection);
	filter_begin(way, &packet);
	filter_follow(way, rules, facts, NF_INET_PRE_ROUTING);
	translate_as_known(connection, way);
	if (connection->service->target_local) {
		filter_follow(way, rules, facts, NF_INET_LOCAL_IN);
		return;
	}
	leave_by(facts, connection->service->target_ifindex, way);
	filter_follow(way, rules, facts, NF_INET_FORWARD);
	filter_follow(way, rules, facts, NF_INET_POST_ROUTING);
}

/* `request`: as it went out, or was delivered. */
static void follow_reply(const struct connection_path *connection, const struct filter_rules *rules,
	const struct filter_packet *request, struct filter_way *way)
{
	const struct facts *facts = connection->facts;
	const struct path *path = connection->path;
	bool local = connection->service->target_local;
	struct filter_packet packet = request_of(connection);
	packet.source = (struct filter_end_point){ .address = connection->service->target,
		.port = path->target_port };
	packet.destination = packet.original[0];
	packet.reply = true;
	packet.translated = request->translated;
	packet.untracked = request->untracked;
	packet.ct_mark = request->ct_mark;
	packet.ct_mark_known = request->ct_mark_known;
	packet.mark_known = local ? 0 : UINT32_MAX; /* a socket may have one */
	filter_set_device(
		facts, local ? 0 : connection->service->target_ifindex, &packet.iif, packet.iifname);
	filter_begin(way, &packet);
	if (!local) {
		bool hidden = request->source.address_unknown;
		way->paths[0].packet.destination.address_unknown = hidden;
		way->paths[0].packet.destination.port_unknown = hidden;
		filter_follow(way, rules, facts, NF_INET_PRE_ROUTING);
		for (unsigned i = 0; i < way->path_count; i++)
			way->paths[i].packet.destination = packet.original[0];
	}
	leave_by(facts, path->reply.devices.ifindex[0], way);
	filter_follow(way, rules, facts, local ? NF_INET_LOCAL_OUT : NF_INET_FORWARD);
	filter_follow(way, rules, facts, NF_INET_POST_ROUTING);
}

static enum step step_of(
	const struct filter_rules *rules, const struct filter_way *way, struct filter_place *place)
{
	const struct filter_place *decider = filter_decider(way), *accepter = filter_accepter(way);
	if (decider || accepter)
		*place = decider ? *decider : *accepter;
	switch (filter_end(way)) {
	case FILTER_PASSES:
		return !filter_rules_are_all(rules) ? RULES_PASS_BUT : accepter ? RULES_PASS_BY : RULES_PASS;
	case FILTER_DROPS:
		return way->drops_elsewhere ? RULES_DROP_ONE_OF : RULES_DROP;
	case FILTER_UNKNOWN:
		break;
	}
	return decider ? RULES_UNKNOWN_AT : RULES_UNKNOWN;
}

static bool is_in_vrf(const struct connection_path *connection)
{
	const struct facts *facts = connection->facts;
	return facts_vrf(facts, connection->path->arrival) ||
	       facts_vrf(facts, connection->service->target_ifindex);
}

void connection_path_filter(struct connection_path *connection, const struct filter_rules *rules, int error)
{
	struct filter_way *way = calloc(1, sizeof(*way));
	enum step delivery = connection->steps[STEP_DELIVERY];
	const struct device_set *out = &connection->path->reply.devices;
	bool arrives = facts_device(connection->facts, connection->path->arrival);
	bool comes = delivery == DELIVERED || delivery == DELIVERED_TO_NOBODY || delivery == FORWARDED;
	if (!arrives || !comes) {
		free(way);
		return;
	}
	if (!rules || !way) {
		connection->steps[STEP_RULES] = error == -EPERM   ? RULES_FORBIDDEN
						: error == -E2BIG ? RULES_TOO_MANY
								  : RULES_UNREAD;
	} else if (is_in_vrf(connection)) {
		connection->steps[STEP_RULES] = RULES_VRF;
	} else {
		follow_request(connection, rules, way);
		connection->steps[STEP_RULES] = step_of(rules, way, &connection->rules[0]);
		connection->dropped = way->dropped.packet.destination;
		if (way->path_count == 1 && connection->steps[STEP_REPLY] == REPLY_ROUTED &&
			out->count == 1) {
			const struct filter_packet request = way->paths[0].packet;
			follow_reply(connection, rules, &request, way);
			connection->steps[STEP_REPLY_RULES] = step_of(rules, way, &connection->rules[1]);
		}
	}
	free(way);
}

int connection_path_trace(const struct connection_path *connection, struct trace *out)
{
	const struct path *path = connection->path;
	const struct filter_place *place = &connection->rules[0];
	struct trace trace = { .address = connection->service->address,
		.port = path->port,
		.protocol = path->protocol,
		.arrival = path->arrival,
		.client = path->destination,
		.client_port = path->peer_port,
		.translated = connection->service->origin == ORIGIN_DNAT,
		.target = connection->service->target,
		.target_port = path->target_port,
		.end = TRACE_PASSED,
		.place = TRACE_THROUGH,
		.read = true,
		.time_ns = connection->facts->time_ns };
	if (connection->steps[STEP_RULES] == RULES_DROP) {
		if (filter_place_trace(place, &trace) < 0)
			return -ENOMEM;
		trace.target = connection->dropped.address;
		trace.target_port = connection->dropped.port;
		trace.translated &=
			place->hook != NF_INET_PRE_ROUTING || !address_equal(&trace.target, &trace.address);
	}
	*out = trace;
	return 0;
}
