// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/round_trip.h"

#include <stdio.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "alerts/remedy/rule_match.h"
#include "collectors/firewall/nat_find.h"

/* Where each condition breaks a connection. A leg that is lost is the packet's last. */
static const struct fault {
	const struct condition *condition;
	enum round_trip_way way;
	enum round_trip_place leg; /* its end towards the client */
	enum leg_state state;
	bool opened_here;
	const char *text;
} faults[] = {
	{ &reply_wrong_device_condition, WAY_REPLY, PLACE_OUTER, LEG_WRONG, false, "wrong device" },
	{ &no_reply_route_condition, WAY_REPLY, PLACE_OUTER, LEG_LOST, false, "no route" },
	{ &rp_filter_drops_condition, WAY_REQUEST, PLACE_OUTER, LEG_LOST, false, "dropped: rp_filter" },
	{ &handshake_one_way_condition, WAY_REPLY, PLACE_CLIENT, LEG_LOST, false, "never acknowledged" },
	{ &reply_ignored_condition, WAY_REPLY, PLACE_CLIENT, LEG_LOST, true, "not accepted" },
	{ &reply_from_other_address_condition, WAY_REPLY, PLACE_OUTER, LEG_WRONG, true,
		"from another address" },
	{ &foreign_source_condition, WAY_REPLY, PLACE_CLIENT, LEG_WRONG, false, "foreign source" },
	{ &return_only_condition, WAY_REQUEST, PLACE_CLIENT, LEG_UNSEEN, false, "its SYN never passed" },
	{ &forward_drop_condition, WAY_REQUEST, PLACE_MIDDLE, LEG_LOST, false, "dropped here" },
	{ &half_open_nat_condition, WAY_REPLY, PLACE_CLIENT, LEG_LOST, false, "never acknowledged" },
};

static const struct fault *fault_of(const struct finding *finding)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (faults[i].condition == finding->condition)
			return &faults[i];
	return NULL;
}

/* ---- what was seen ---- */

/* The other view of the same opening is the one that clients know. */
static bool is_inner_view(
	const struct handshake_suspect *suspect, const struct handshake_suspect *const *others, size_t count)
{
	if (!suspect->joined || suspect->syn.in > 0 || suspect->synack.out > 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (others[i]->id == suspect->other_id)
			return true;
	return false;
}

size_t round_trip_handshakes(const struct facts *facts, const struct finding *finding,
	const struct handshake_suspect *out[static FINDING_HANDSHAKES])
{
	const struct handshake_suspect *all[FINDING_HANDSHAKES];
	size_t count = 0, kept = 0;
	for (size_t i = 0; i < finding->handshake_count; i++) {
		all[count] = handshake_report_suspect(facts->handshakes, finding->handshakes[i]);
		count += all[count] ? 1 : 0;
	}
	for (size_t i = 0; i < count; i++)
		if (!is_inner_view(all[i], all, count))
			out[kept++] = all[i];
	return kept;
}

static void round_trip_count(
	struct round_trip *trip, const struct handshake_suspect *const *suspects, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct handshake_suspect *suspect = suspects[i];
		bool known = false;
		for (size_t j = 0; j < i && !known; j++)
			known = address_equal(&suspects[j]->client, &suspect->client);
		trip->clients += known ? 0 : 1;
		trip->syns += suspect->asked_ns ? 1 : 0;
		trip->syn_repeats += suspect->repeats;
		trip->synacks += suspect->answered_ns ? 1 : 0;
		trip->synack_repeats += suspect->synack_repeats;
	}
	trip->connections = (unsigned)count;
}

static void set_name(const struct facts *facts, int ifindex, char name[static DEVICE_NAMES_SIZE])
{
	if (ifindex > 0)
		snprintf(name, DEVICE_NAMES_SIZE, "%s", facts_capture_name(facts, ifindex));
}

/* One view has what comes from and goes to the client, the other one the server's side, if there are two. */
static void round_trip_observe(
	const struct facts *facts, const struct handshake_suspect *suspect, struct round_trip *trip)
{
	bool here = trip->opened_here;
	int syn_out = suspect->syn.out ? suspect->syn.out : suspect->other_syn.out;
	int synack_in = suspect->synack.in ? suspect->synack.in : suspect->other_synack.in;
	trip->client = suspect->client;
	trip->client_port = suspect->client_port;
	trip->port = suspect->server_port;
	if (address_is_none(&trip->service))
		trip->service = suspect->server;
	if (suspect->joined && !address_equal(&suspect->other_server, &suspect->server)) {
		trip->target = suspect->other_server;
		trip->target_port = suspect->other_server_port;
	}
	set_name(facts, here ? syn_out : suspect->syn.in, trip->outer[WAY_REQUEST]);
	set_name(facts, here ? synack_in : suspect->synack.out, trip->outer[WAY_REPLY]);
	set_name(facts, here ? 0 : syn_out, trip->inner[WAY_REQUEST]);
	set_name(facts, here ? 0 : synack_in, trip->inner[WAY_REPLY]);
}

/* Requests that nobody answered are no suspects: the latest of those that come again speaks for them. */
static void round_trip_unanswered(
	const struct facts *facts, const struct finding *finding, struct round_trip *trip)
{
	const struct handshake_report *report = facts->handshakes;
	const struct unanswered_service *latest = NULL;
	for (size_t i = 0; report && i < report->unanswered_count; i++) {
		const struct unanswered_service *row = &report->unanswered[i];
		if (row->device == finding->device && address_equal(&row->server, &finding->address) &&
			(!latest || row->last_ns > latest->last_ns))
			latest = row;
	}
	if (!latest)
		return;
	trip->client = latest->client;
	trip->client_port = latest->client_port;
	trip->port = latest->port;
	trip->syns = 1;
	trip->syn_repeats = latest->repeats;
}

/* ---- what lookups say ---- */

static bool path_is_about(const struct facts *facts, const struct finding *finding, const struct path *path)
{
	if (path->answers || (finding->device && path->arrival != finding->device))
		return false;
	if (!finding->has_service)
		return path->request.result == ROUTE_RP_FILTER;
	const struct service *service = &facts->services[path->service];
	return address_equal(&service->address, &finding->address) &&
	       address_equal(&service->target, &finding->target);
}

/* The seen client's, or else one that shows the fault. */
static const struct path *round_trip_path(
	const struct facts *facts, const struct finding *finding, const struct round_trip *trip)
{
	const struct path *best = NULL;
	for (size_t i = 0; i < facts->path_count; i++) {
		const struct path *path = &facts->paths[i];
		if (path->service >= facts->service_count || !path_is_about(facts, finding, path))
			continue;
		if (address_equal(&path->destination, &trip->client))
			return path;
		bool leaves = device_set_contains(&path->reply.devices, path->arrival);
		if (!best || (leaves ? 0 : 1) + (path->kind == DESTINATION_PEER ? 1 : 0) >
				     (device_set_contains(&best->reply.devices, best->arrival) ? 0 : 1) +
					     (best->kind == DESTINATION_PEER ? 1 : 0))
			best = path;
	}
	return best;
}

static void round_trip_predict(const struct facts *facts, const struct path *path, struct round_trip *trip)
{
	const struct service *service = &facts->services[path->service];
	const struct nat_request request = { .address = service->address,
		.protocol = path->protocol,
		.port = trip->port ? trip->port : path->port,
		.ifindex = path->arrival };
	char *outer = trip->outer[WAY_REQUEST], *reply = trip->outer[WAY_REPLY];
	if (address_is_none(&trip->client) && path->kind == DESTINATION_PEER)
		trip->client = path->destination;
	if (address_is_none(&trip->service))
		trip->service = service->address;
	if (service->origin == ORIGIN_DNAT)
		trip->target = service->target;
	trip->port = request.port;
	trip->delivered = service->target_local;
	trip->translation = nat_rule_of(facts, &request, &service->target);
	if (trip->translation && service->origin == ORIGIN_DNAT && !trip->target_port)
		trip->target_port = trip->translation->target_ports[0] ? trip->translation->target_ports[0]
								       : request.port;
	trip->rule = rule_decision(facts, path).rule;
	trip->reply = &path->reply;
	if (!*outer && path->arrival)
		snprintf(outer, DEVICE_NAMES_SIZE, "%s", facts_device_name(facts, path->arrival));
	if (!*reply)
		facts_device_names(facts, &path->reply.devices, ",", reply);
	for (int way = 0; way < WAYS && !service->target_local && service->target_ifindex; way++)
		if (!*trip->inner[way])
			snprintf(trip->inner[way], DEVICE_NAMES_SIZE, "%s",
				facts_device_name(facts, service->target_ifindex));
}

/* ---- where it breaks ---- */

static void legs_set(struct round_trip *trip, enum round_trip_way way, enum leg_state state)
{
	for (int leg = 0; leg < PLACES - 1; leg++)
		trip->legs[way][leg] = state;
}

static void legs_break(struct round_trip *trip, const struct fault *fault)
{
	trip->fault = fault->text;
	trip->fault_way = fault->way;
	trip->fault_leg = fault->leg;
	if (fault->state == LEG_UNSEEN) {
		legs_set(trip, fault->way, LEG_UNSEEN);
		return;
	}
	trip->legs[fault->way][fault->leg] = fault->state;
	if (fault->state != LEG_LOST)
		return;
	if (fault->way == WAY_REQUEST) {
		for (int leg = fault->leg + 1; leg < PLACES - 1; leg++)
			trip->legs[WAY_REQUEST][leg] = LEG_ABSENT;
		legs_set(trip, WAY_REPLY, LEG_ABSENT);
	} else {
		for (int leg = 0; leg < (int)fault->leg; leg++)
			trip->legs[WAY_REPLY][leg] = LEG_ABSENT;
	}
}

void round_trip_of(const struct facts *facts, const struct finding *finding, struct round_trip *out)
{
	const struct handshake_suspect *suspects[FINDING_HANDSHAKES];
	const struct fault *known = fault_of(finding);
	size_t count = round_trip_handshakes(facts, finding, suspects);
	struct round_trip trip = { .opened_here = known && known->opened_here };
	if (finding->has_service) {
		trip.service = finding->address;
		if (finding->origin == ORIGIN_DNAT)
			trip.target = finding->target;
	}
	round_trip_count(&trip, suspects, count);
	trip.more = finding->handshake_count == FINDING_HANDSHAKES;
	if (count)
		round_trip_observe(facts, suspects[0], &trip);
	if (finding->condition == &forward_drop_condition)
		round_trip_unanswered(facts, finding, &trip);
	const struct path *path = trip.opened_here ? NULL : round_trip_path(facts, finding, &trip);
	if (path)
		round_trip_predict(facts, path, &trip);
	/* A name of the finding's own stays when its device is gone. */
	bool leaves = finding->condition == &foreign_source_condition ||
		      finding->condition == &return_only_condition;
	char *outer = trip.outer[leaves ? WAY_REPLY : WAY_REQUEST];
	if (!*outer)
		snprintf(outer, DEVICE_NAMES_SIZE, "%s", finding->device_name);
	if (!*trip.outer[WAY_REPLY])
		snprintf(trip.outer[WAY_REPLY], DEVICE_NAMES_SIZE, "%s", finding->reply_device);
	if (count && suspects[0]->sign == SIGN_OTHER_ADDRESS) {
		trip.answerer = suspects[0]->server;
		trip.target = (struct address){ 0 };
	}
	bool stray = count && suspects[0]->sign == SIGN_RETURN_ONLY;
	if (stray) {
		if (!address_is_none(&trip.target))
			trip.source = suspects[0]->server;
		trip.service = address_is_none(&trip.target) ? suspects[0]->server : trip.target;
		trip.port = trip.target_port ? trip.target_port : trip.port;
		trip.target = (struct address){ 0 };
		trip.translation = NULL;
		trip.rule = NULL;
		trip.reply = NULL;
	}
	if (finding->condition == &rp_filter_drops_condition) {
		const struct device_drop *drop = facts_device_drop(facts, finding->device, DROP_IP_RPFILTER);
		trip.dropped = drop ? drop->recent : 0;
	}
	bool asked = trip.syns || (count && (suspects[0]->other_syn.in || suspects[0]->other_syn.out));
	legs_set(&trip, WAY_REQUEST, stray ? LEG_UNSEEN : asked ? LEG_SEEN : LEG_EXPECTED);
	legs_set(&trip, WAY_REPLY, trip.synacks ? LEG_SEEN : LEG_EXPECTED);
	if (known) {
		struct fault fault = *known;
		bool left = !count || suspects[0]->synack.out || !suspects[0]->synack.in;
		if (fault.condition == &handshake_one_way_condition && !left) {
			fault.leg = PLACE_OUTER;
			fault.text = "dropped here";
		}
		legs_break(&trip, &fault);
		/* A reply by the wrong device, or from the wrong address, is also lost where clients fail. */
		if (fault.state == LEG_WRONG && fault.way == WAY_REPLY && fault.leg == PLACE_OUTER)
			trip.legs[WAY_REPLY][PLACE_CLIENT] =
				finding->severity == SEVERITY_CRITICAL ? LEG_LOST : LEG_EXPECTED;
	}
	*out = trip;
}
