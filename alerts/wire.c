// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/wire.h"

#include <stdio.h>
#include <string.h>

#include "collectors/base/rfc3339.h"
#include "collectors/route/service.h"

bool wire_is_often(const struct judge_context *context, uint32_t repeats)
{
	return repeats >= context->settings->thresholds.handshake_repeats;
}

/* Since Linux 6.5 the first SYNs follow one another every second, so those of a client whose SYN-ACK takes
 * three seconds come three times. One that was given up after ten has no such excuse. */
bool wire_is_lasting(const struct judge_context *context, const struct handshake_suspect *suspect)
{
	double seconds = (double)(suspect->asked_ns - suspect->answered_ns) / 1e9;
	return wire_is_often(context, suspect->repeats) &&
	       (suspect->counted || seconds >= context->settings->thresholds.one_way_seconds);
}

bool wire_knows_host(const struct judge_context *context)
{
	return context->now->address_count > 0;
}

bool wire_is_local(const struct judge_context *context, const struct address *address)
{
	return !wire_knows_host(context) || facts_local_address(context->now, address);
}

bool wire_is_own(const struct judge_context *context, const struct address *address)
{
	return wire_is_local(context, address) ||
	       services_first(context->now, address) < context->now->service_count;
}

const struct service *wire_service(
	const struct judge_context *context, const struct address *address, uint16_t port)
{
	const struct facts *facts = context->now;
	const struct service *first = NULL;
	for (size_t i = services_first(facts, address);
		i < facts->service_count && address_equal(&facts->services[i].address, address); i++) {
		const struct service *service = &facts->services[i];
		if (port && service->origin == ORIGIN_DNAT && service_example(facts, service, port))
			return service;
		if (!first)
			first = service;
	}
	return first;
}

bool wire_is_shared(const struct judge_context *context, const struct address *address)
{
	const struct facts *facts = context->now;
	size_t first = services_first(facts, address);
	return first + 1 < facts->service_count &&
	       address_equal(&facts->services[first + 1].address, address);
}

const char *wire_device_name(const struct judge_context *context, int ifindex)
{
	if (ifindex == 0)
		return "";
	const struct device *device = facts_device(context->now, ifindex);
	return device ? device->name : facts_capture_name(context->now, ifindex);
}

const char *wire_device_names(const struct judge_context *context, const struct device_set *devices,
	char text[static DEVICE_NAMES_SIZE])
{
	int used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < devices->count; i++)
		used += snprintf(text + used, DEVICE_NAMES_SIZE - (size_t)used, "%s%s", i ? "," : "",
			wire_device_name(context, devices->ifindex[i]));
	return text;
}

/* ---- handshakes at a vantage ---- */

static bool is_server(
	const struct judge_context *context, const struct wire_vantage *vantage, const struct address *server)
{
	return vantage->server ? address_equal(vantage->server, server) : !wire_is_own(context, server);
}

bool wire_comes_in(enum handshake_role role)
{
	return role == HANDSHAKE_SERVED || role == HANDSHAKE_FORWARDED;
}

bool wire_is_at(const struct judge_context *context, const struct wire_vantage *vantage,
	const struct handshake_suspect *suspect)
{
	return suspect->sign == SIGN_SYN_REPEATED && wire_comes_in(suspect->role) && !suspect->acknowledged &&
	       suspect->syn.in == vantage->device &&
	       (vantage->synack_device == 0 || suspect->synack.out == vantage->synack_device) &&
	       (vantage->port == 0 || suspect->server_port == vantage->port) &&
	       is_server(context, vantage, &suspect->server);
}

void wire_add_suspect(struct wire_observation *observation, const struct handshake_suspect *suspect)
{
	if (observation->suspect_count < FINDING_HANDSHAKES)
		observation->suspects[observation->suspect_count++] = suspect;
}

static bool are_too_many(
	const struct judge_context *context, const uint64_t recent[static HANDSHAKE_OUTCOMES])
{
	const struct thresholds *thresholds = &context->settings->thresholds;
	double one_way = (double)recent[HANDSHAKE_ONE_WAY];
	double answered = (double)(recent[HANDSHAKE_COMPLETED] + recent[HANDSHAKE_ABANDONED]) + one_way;
	return one_way >= thresholds->one_way_handshakes && one_way >= thresholds->one_way_share * answered;
}

struct wire_observation wire_observe(const struct judge_context *context, const struct wire_vantage *vantage)
{
	const struct handshake_report *report = context->now->handshakes;
	struct wire_observation observation = { 0 };
	for (size_t i = 0; report && i < report->suspect_count; i++) {
		const struct handshake_suspect *suspect = &report->suspects[i];
		if (!wire_is_at(context, vantage, suspect) || suspect->repeats == 0)
			continue;
		observation.repeated++;
		observation.lasting |= wire_is_lasting(context, suspect);
		wire_add_suspect(&observation, suspect);
	}
	for (size_t i = 0; report && vantage->port == 0 && i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (!wire_comes_in(row->role) || row->device != vantage->device ||
			(vantage->synack_device && row->synack_device != vantage->synack_device) ||
			!is_server(context, vantage, &row->address))
			continue;
		for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
			observation.recent[outcome] += row->recent[outcome];
	}
	observation.fails = (observation.lasting && observation.recent[HANDSHAKE_COMPLETED] == 0) ||
			    are_too_many(context, observation.recent);
	return observation;
}

/* ---- findings ---- */

struct finding *wire_finding(const struct judge_context *context, const struct condition *condition,
	int device, struct findings *candidates)
{
	struct finding *finding = findings_add(candidates, condition);
	finding->device = device;
	finding->severity = SEVERITY_CRITICAL;
	snprintf(finding->device_name, sizeof(finding->device_name), "%s", wire_device_name(context, device));
	return finding;
}

void wire_set_address(const struct judge_context *context, const struct address *address, uint16_t port,
	struct finding *finding)
{
	const struct service *service = wire_service(context, address, port);
	bool local = facts_local_address(context->now, address);
	finding_set_service(finding,
		service ? service->origin
		: local ? ORIGIN_LOCAL
			: ORIGIN_REMOTE,
		address, service ? &service->target : address);
}

/* ---- evidence ---- */

static bool has_key(const struct finding *finding, const char *key)
{
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (strcmp(finding->evidence[i].key, key) == 0)
			return true;
	return false;
}

static void add_times(const struct wire_observation *observation, struct finding *finding)
{
	char text[RFC3339_SIZE];
	int64_t first = INT64_MAX, last = 0;
	uint32_t repeats = 0;
	for (unsigned i = 0; i < observation->suspect_count; i++) {
		const struct handshake_suspect *suspect = observation->suspects[i];
		uint32_t own = suspect->sign == SIGN_SYN_REPEATED || suspect->sign == SIGN_REPLY_IGNORED
				       ? suspect->repeats
				       : suspect->synack_repeats;
		first = suspect->first_ns < first ? suspect->first_ns : first;
		last = suspect->last_ns > last ? suspect->last_ns : last;
		repeats = own > repeats ? own : repeats;
	}
	finding_add_number(finding, "repeats", repeats);
	finding_add_evidence(finding, "first_packet", "%s", rfc3339_format(first, text));
	finding_add_evidence(finding, "last_packet", "%s", rfc3339_format(last, text));
}

void wire_describe_suspects(const struct wire_observation *observation, struct finding *finding)
{
	char text[8];
	/* Beside the peers of whom it was predicted. */
	const char *peers = has_key(finding, "peers") ? "seen_peers" : "peers";
	if (observation->suspect_count == 0)
		return;
	for (unsigned i = 0; i < observation->suspect_count; i++) {
		finding_add_handshake(finding, observation->suspects[i]->id);
		if (observation->suspects[i]->joined)
			finding_add_handshake(finding, observation->suspects[i]->other_id);
		finding_add_address(finding, peers, &observation->suspects[i]->client);
	}
	for (unsigned i = 0; i < observation->suspect_count; i++) {
		snprintf(text, sizeof(text), "%u", observation->suspects[i]->server_port);
		finding_add_distinct(finding, "ports", text);
	}
	add_times(observation, finding);
}

void wire_describe_counts(const struct wire_observation *observation, struct finding *finding)
{
	finding_add_number(finding, "completed", (double)observation->recent[HANDSHAKE_COMPLETED]);
	finding_add_number(finding, "one_way", (double)observation->recent[HANDSHAKE_ONE_WAY]);
	finding_add_number(finding, "abandoned", (double)observation->recent[HANDSHAKE_ABANDONED]);
}
