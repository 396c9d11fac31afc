// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/condition/observed.h"

#include "collectors/route/service.h"

bool observed_is_floating(const struct judge_context *context, const struct service *service)
{
	const struct local_address *local = facts_local_address(context->now, &service->address);
	for (; local; local = facts_next_equal(context->now, local)) {
		const struct device *device = facts_device(context->now, local->ifindex);
		if (device && device->kind != DEVICE_LOOPBACK)
			return false;
	}
	return true;
}

/* ---- what was seen ---- */

static void find_devices(const struct judge_context *context, const struct service *service, int arrival,
	struct device_set *devices)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (row->device == arrival && row->synack_device > 0 && row->synack_device != arrival &&
			wire_comes_in(row->role) && address_equal(&row->address, &service->address))
			device_set_add(devices, row->synack_device);
	}
	const struct wire_vantage vantage = { .device = arrival, .server = &service->address };
	for (size_t i = 0; i < report->suspect_count; i++) {
		const struct handshake_suspect *suspect = &report->suspects[i];
		if (suspect->synack.out > 0 && suspect->synack.out != arrival &&
			wire_is_at(context, &vantage, suspect))
			device_set_add(devices, suspect->synack.out);
	}
}

static bool completes_at(
	const struct judge_context *context, const struct service *service, int arrival, int device)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; i < report->peer_count; i++) {
		const struct handshake_peer *peer = &report->peers[i];
		if (peer->asks && peer->completed && peer->device == arrival &&
			peer->synack_device == device && address_equal(&peer->local, &service->address) &&
			wire_service(context, &peer->local, peer->port) == service)
			return true;
	}
	return false;
}

/* The rows count all services of the address together; suspects know their ports. */
static void keep_own(const struct judge_context *context, const struct service *service,
	struct wire_observation *observation)
{
	struct wire_observation own = { 0 };
	for (unsigned i = 0; i < observation->suspect_count; i++) {
		const struct handshake_suspect *suspect = observation->suspects[i];
		if (wire_service(context, &suspect->server, suspect->server_port) != service)
			continue;
		own.repeated++;
		own.lasting |= wire_is_lasting(context, suspect);
		wire_add_suspect(&own, suspect);
	}
	*observation = own;
}

static struct observed observe_device(
	const struct judge_context *context, const struct service *service, int arrival, int device)
{
	const struct wire_vantage vantage = {
		.device = arrival, .server = &service->address, .synack_device = device
	};
	struct observed seen = { .observation = wire_observe(context, &vantage) };
	seen.completes = seen.observation.recent[HANDSHAKE_COMPLETED] > 0;
	if (wire_is_shared(context, &service->address)) {
		keep_own(context, service, &seen.observation);
		seen.completes = completes_at(context, service, arrival, device);
		seen.observation.fails = seen.observation.lasting && !seen.completes;
	}
	if (seen.completes || seen.observation.repeated || seen.observation.recent[HANDSHAKE_ONE_WAY])
		device_set_add(&seen.devices, device);
	return seen;
}

static bool is_expected(
	const struct judge_context *context, const struct service *service, int arrival, int device)
{
	struct path_span span = context_target(context, &service->target);
	if (device_set_contains(&service->arrival, device))
		return true;
	for (size_t i = 0; i < span.count; i++) {
		const struct path *path = context_path(context, span.paths[i]);
		if (context_service(context, span.paths[i]) == service && path->arrival == arrival &&
			path->reply.result == ROUTE_FOUND && path->reply.devices.count > 1 &&
			device_set_contains(&path->reply.devices, device))
			return true;
	}
	return false;
}

static void sum_up(struct observed *all, const struct observed *one)
{
	for (unsigned i = 0; i < one->devices.count; i++)
		device_set_add(&all->devices, one->devices.ifindex[i]);
	for (unsigned i = 0; i < HANDSHAKE_OUTCOMES; i++)
		all->observation.recent[i] += one->observation.recent[i];
	for (unsigned i = 0; i < one->observation.suspect_count; i++)
		wire_add_suspect(&all->observation, one->observation.suspects[i]);
	all->observation.repeated += one->observation.repeated;
	all->observation.lasting |= one->observation.lasting;
	all->observation.fails |= one->observation.fails;
	all->completes |= one->completes;
}

struct observed observe_replies(
	const struct judge_context *context, const struct service *service, int arrival)
{
	struct observed all = { 0 };
	struct device_set devices = { 0 };
	if (!context->now->handshakes || arrival <= 0)
		return all;
	find_devices(context, service, arrival, &devices);
	for (unsigned i = 0; i < devices.count; i++) {
		struct observed one = observe_device(context, service, arrival, devices.ifindex[i]);
		if (one.observation.fails || !is_expected(context, service, arrival, devices.ifindex[i]))
			sum_up(&all, &one);
	}
	return all;
}

static void judge_address(const struct judge_context *context, const struct address *address, int arrival,
	observed_judge_function *function, struct findings *candidates)
{
	const struct facts *facts = context->now;
	for (size_t i = services_first(facts, address);
		i < facts->service_count && address_equal(&facts->services[i].address, address); i++)
		function(context, &facts->services[i], arrival, candidates);
}

void observed_each(
	const struct judge_context *context, observed_judge_function *function, struct findings *candidates)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; report && i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (row->role != HANDSHAKE_PASSED && row->synack_device > 0 &&
			row->synack_device != row->device)
			judge_address(context, &row->address, row->device, function, candidates);
	}
	for (size_t i = 0; report && i < report->suspect_count; i++) {
		const struct handshake_suspect *suspect = &report->suspects[i];
		if (suspect->syn.in > 0 && suspect->synack.out > 0 && suspect->synack.out != suspect->syn.in)
			judge_address(context, &suspect->server, suspect->syn.in, function, candidates);
	}
}

/* ---- what speaks against a prediction ---- */

bool observed_refutes(const struct judge_context *context, size_t index)
{
	const struct handshake_report *report = context->now->handshakes;
	const struct path *path = context_path(context, index);
	const struct service *service = context_service(context, index);
	bool linked = path->basis == PATH_CONNECTED, refuted = false;
	for (size_t i = 0; report && i < report->peer_count; i++) {
		const struct handshake_peer *peer = &report->peers[i];
		if (!peer->asks || peer->device != path->arrival ||
			!address_equal(&peer->local, &service->address) ||
			wire_service(context, &peer->local, peer->port) != service)
			continue;
		bool fine = peer->completed && peer->synack_device == path->arrival;
		bool same = address_equal(&peer->peer, &path->destination);
		if (!fine && same)
			return false;
		/* the same peer, or one that stands for the same: from the link or from beyond */
		refuted |= fine && (same || service_is_on_link(context->now, &peer->peer) == linked);
	}
	return refuted;
}
