// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * handshake_one_way: clients that go on asking although they were answered. Of a service of this host's it is
 * a finding of its own; what merely passes through is judged by the device it comes from, since one client or
 * server far away is none of this host's business as long as others complete.
 */
#include <stdlib.h>

#include "alerts/condition/conditions.h"
#include "alerts/recovered.h"
#include "alerts/wire.h"

struct vantages {
	struct wire_vantage *items;
	size_t count;
};

static void add_vantage(const struct judge_context *context, struct vantages *vantages, int device,
	const struct address *server)
{
	if (!wire_is_own(context, server))
		server = NULL; /* passing through */
	for (size_t i = 0; i < vantages->count; i++) {
		const struct wire_vantage *known = &vantages->items[i];
		if (known->device == device && !known->server == !server &&
			(!server || address_equal(known->server, server)))
			return;
	}
	vantages->items[vantages->count++] = (struct wire_vantage){ .device = device, .server = server };
}

static void find_vantages(const struct judge_context *context, struct vantages *vantages)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; i < report->suspect_count; i++) {
		const struct handshake_suspect *suspect = &report->suspects[i];
		const struct wire_vantage vantage = { .device = suspect->syn.in, .server = &suspect->server };
		if (wire_is_lasting(context, suspect) && wire_is_at(context, &vantage, suspect))
			add_vantage(context, vantages, suspect->syn.in, &suspect->server);
	}
	for (size_t i = 0; i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (row->recent[HANDSHAKE_ONE_WAY] && wire_comes_in(row->role))
			add_vantage(context, vantages, row->device, &row->address);
	}
}

static bool is_dropped_here(const struct wire_observation *observation)
{
	for (unsigned i = 0; i < observation->suspect_count; i++)
		if (observation->suspects[i]->role != HANDSHAKE_FORWARDED ||
			observation->suspects[i]->synack.out)
			return false;
	return observation->suspect_count > 0;
}

static void one_way_summarise(struct finding *finding)
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

static void one_way_explain(const struct wire_observation *observation, struct finding *finding)
{
	finding_explain(finding, "The SYN-ACK was seen, and the client sent the same SYN again, several "
				 "times: it never got the answer. ");
	if (is_dropped_here(observation)) {
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

static void judge_vantage(
	const struct judge_context *context, const struct wire_vantage *vantage, struct findings *candidates)
{
	const struct wire_observation observation = wire_observe(context, vantage);
	struct device_set devices = { 0 };
	if (!observation.fails)
		return;
	struct finding *finding =
		wire_finding(context, &handshake_one_way_condition, vantage->device, candidates);
	if (vantage->server)
		wire_set_address(context, vantage->server,
			observation.suspect_count ? observation.suspects[0]->server_port : 0, finding);
	for (unsigned i = 0; i < observation.suspect_count; i++)
		if (observation.suspects[i]->synack.out > 0)
			device_set_add(&devices, observation.suspects[i]->synack.out);
	wire_device_names(context, &devices, finding->reply_device);
	finding->held = observation.lasting;
	finding->intended =
		vantage->server && intended_covers(context->settings, &finding->address, &finding->target,
					   finding->device_name, finding->reply_device);
	if (finding->intended)
		finding->severity = SEVERITY_INFO;
	one_way_summarise(finding);
	one_way_explain(&observation, finding);
	wire_describe_suspects(&observation, finding);
	wire_describe_counts(&observation, finding);
}

static void handshake_one_way_find(const struct judge_context *context, struct findings *candidates)
{
	const struct handshake_report *report = context->now->handshakes;
	if (!report)
		return;
	struct vantages vantages = { .items = calloc(report->suspect_count + report->service_count + 1,
					     sizeof(*vantages.items)) };
	if (!vantages.items) {
		candidates->failed = true;
		return;
	}
	find_vantages(context, &vantages);
	for (size_t i = 0; i < vantages.count; i++)
		judge_vantage(context, &vantages.items[i], candidates);
	free(vantages.items);
}

const struct condition handshake_one_way_condition = {
	.name = "handshake_one_way",
	.help = "clients repeat their SYN at least twice although it was answered, and no handshake "
		"completes there; or three in a minute do, and they are a fifth of all",
	.severity = "critical",
	.any_target = true,
	.find = handshake_one_way_find,
	.recovered = recovered_at_vantage,
	.explained_by = {
		{ &reply_wrong_device_condition, explains_at_vantage },
		{ &no_reply_route_condition, explains_at_address },
	},
};
