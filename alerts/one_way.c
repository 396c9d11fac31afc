// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * handshake_one_way: clients that go on asking although they were answered. Of a service of this host's it is
 * a finding of its own; what merely passes through is judged by the device it comes from, since one client or
 * server far away is none of this host's business as long as others complete.
 */
#include <stdlib.h>

#include "alerts/conditions.h"
#include "alerts/wire.h"

struct spot {
	int device;
	struct address server; /* none: passing through */
};

struct spots {
	struct spot *items;
	size_t count;
};

static void add_spot(const struct scene *scene, struct spots *spots, int device, const struct address *server)
{
	const struct address none = { 0 };
	if (!wire_is_own(scene, server))
		server = &none;
	for (size_t i = 0; i < spots->count; i++)
		if (spots->items[i].device == device && address_equal(&spots->items[i].server, server))
			return;
	spots->items[spots->count++] = (struct spot){ device, *server };
}

static bool is_worth_looking(const struct scene *scene, const struct handshake_suspect *suspect)
{
	const struct wire_place place = { .device = suspect->syn.in, .server = &suspect->server };
	return suspect->syn.in >= 0 && wire_is_lasting(scene, suspect) && wire_is_at(scene, &place, suspect);
}

static void find_spots(const struct scene *scene, struct spots *spots)
{
	const struct handshake_report *report = scene->now->handshakes;
	for (size_t i = 0; i < report->suspect_count; i++)
		if (is_worth_looking(scene, &report->suspects[i]))
			add_spot(scene, spots, report->suspects[i].syn.in, &report->suspects[i].server);
	for (size_t i = 0; i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (row->recent[HANDSHAKE_ONE_WAY] && row->device >= 0 &&
			(row->role == HANDSHAKE_SERVED || row->role == HANDSHAKE_FORWARDED))
			add_spot(scene, spots, row->device, &row->address);
	}
}

static bool is_dropped_here(const struct wire_sight *sight)
{
	for (unsigned i = 0; i < sight->suspect_count; i++)
		if (sight->suspects[i]->role != HANDSHAKE_FORWARDED || sight->suspects[i]->synack.out)
			return false;
	return sight->suspect_count > 0;
}

static void summarise(struct finding *finding)
{
	char address[ADDRESS_TEXT_SIZE];
	const char *on = finding->device_name[0] ? " on " : "";
	if (finding->has_service)
		finding_summarise(finding,
			"connections to %s that come in%s%s are answered, but the answers do not reach the "
			"clients",
			address_format(&finding->address, address), on, finding->device_name);
	else
		finding_summarise(finding,
			"connections that come in%s%s and pass through this host are answered, but the "
			"answers do not reach the clients",
			on, finding->device_name);
}

static void explain(const struct wire_sight *sight, struct finding *finding)
{
	finding_explain(finding, "The SYN-ACK was seen, and the client sent the same SYN again, several "
				 "times: it never got the answer. ");
	if (is_dropped_here(sight)) {
		finding_explain(finding, "The SYN-ACK came in here and did not leave: this host drops it, by "
					 "reverse-path filtering, a firewall rule, or for want of a route.");
		return;
	}
	finding_explain(finding,
		"If nothing else is found here, the answer is lost or changed on its way after it "
		"left this host%s%s: look at the next routers and NAT boxes on the way back, and at "
		"what the client itself receives.",
		finding->reply_device[0] ? " by " : "", finding->reply_device);
	if (finding->intended)
		finding_explain(finding, " This is declared as intended.");
}

static void judge_spot(const struct scene *scene, const struct spot *spot, struct findings *candidates)
{
	bool own = !address_is_none(&spot->server);
	const struct wire_place place = { .device = spot->device, .server = own ? &spot->server : NULL };
	const struct wire_sight sight = wire_look(scene, &place);
	struct device_set devices = { 0 };
	if (!sight.fails)
		return;
	struct finding *finding = wire_finding(scene, &handshake_one_way_condition, spot->device, candidates);
	if (own)
		wire_set_address(scene, &spot->server,
			sight.suspect_count ? sight.suspects[0]->server_port : 0, finding);
	for (unsigned i = 0; i < sight.suspect_count; i++)
		if (sight.suspects[i]->synack.out > 0)
			device_set_add(&devices, sight.suspects[i]->synack.out);
	wire_device_names(scene, &devices, finding->reply_device);
	finding->held = sight.lasting;
	finding->intended = own && intended_covers(scene->settings, &finding->address, &finding->target,
					   finding->device_name, finding->reply_device);
	if (finding->intended)
		finding->severity = SEVERITY_INFO;
	summarise(finding);
	explain(&sight, finding);
	wire_describe_suspects(&sight, finding);
	wire_describe_counts(&sight, finding);
}

static void handshake_one_way_find(const struct scene *scene, struct findings *candidates)
{
	const struct handshake_report *report = scene->now->handshakes;
	if (!report)
		return;
	struct spots spots = { .items = calloc(report->suspect_count + report->service_count + 1,
				       sizeof(*spots.items)) };
	if (!spots.items) {
		candidates->failed = true;
		return;
	}
	find_spots(scene, &spots);
	for (size_t i = 0; i < spots.count; i++)
		judge_spot(scene, &spots.items[i], candidates);
	free(spots.items);
}

const struct condition handshake_one_way_condition = {
	.name = "handshake_one_way",
	.help = "clients repeat their SYN at least twice although it was answered, and no handshake "
		"completes there; or three in a minute do, and they are a fifth of all",
	.severity = "critical",
	.find = handshake_one_way_find,
	.explained_by =
		(const struct explanation_rule[]){
			{ &reply_wrong_device_condition, explains_at_place },
			{ &no_reply_route_condition, explains_at_address },
			{ NULL, NULL },
		},
};
