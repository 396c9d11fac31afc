// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/wire_builder.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "collectors/base/array.h"

struct handshake_report *wire_report(struct facts *facts)
{
	if (!facts->handshakes)
		facts->handshakes = calloc(1, sizeof(*facts->handshakes));
	if (!facts->handshakes)
		abort();
	facts->handshakes->ratio = 1;
	return facts->handshakes;
}

int wire_device(const struct facts *facts, const char *device)
{
	return device ? build_ifindex(facts, device) : 0;
}

void wire_row(struct facts *facts, struct wire_row row)
{
	struct handshake_report *to = wire_report(facts);
	struct handshake_service *service = ARRAY_ADD(to->services, to->service_count);
	if (!service)
		abort();
	service->role = row.role;
	service->device = wire_device(facts, row.in);
	service->synack_device = wire_device(facts, row.out);
	service->address = build_address(row.address);
	service->recent[HANDSHAKE_COMPLETED] = row.completed;
	service->recent[HANDSHAKE_ONE_WAY] = row.one_way;
	service->recent[HANDSHAKE_ABANDONED] = row.abandoned;
	service->recent[HANDSHAKE_RETURN_ONLY] = row.return_only;
	if (row.completed)
		service->completed_ns = facts->time_ns + row.later * SECOND_NS;
	if (row.one_way || row.return_only)
		service->failed_ns = facts->time_ns + row.later * SECOND_NS;
}

struct handshake_suspect *wire_suspect(struct facts *facts, enum handshake_sign sign,
	enum handshake_role role, const char *client, const char *server)
{
	struct handshake_report *to = wire_report(facts);
	struct handshake_suspect *suspect = ARRAY_ADD(to->suspects, to->suspect_count);
	if (!suspect)
		abort();
	*suspect = (struct handshake_suspect){ .id = 1000 + to->suspect_count,
		.sign = sign,
		.role = role,
		.client = build_address(client),
		.server = build_address(server),
		.client_port = 40000,
		.server_port = 22,
		.sequence = (uint32_t)to->suspect_count,
		.first_ns = facts->time_ns - 3 * SECOND_NS,
		.last_ns = facts->time_ns,
		.asked_ns = facts->time_ns,
		.answered_ns = facts->time_ns - 3 * SECOND_NS };
	return suspect;
}

struct handshake_suspect *wire_repeated(struct facts *facts, const char *in, const char *out,
	const char *client, const char *server, uint32_t repeats)
{
	struct handshake_suspect *suspect =
		wire_suspect(facts, SIGN_SYN_REPEATED, HANDSHAKE_SERVED, client, server);
	suspect->syn.in = wire_device(facts, in);
	suspect->synack.out = wire_device(facts, out);
	suspect->repeats = repeats;
	return suspect;
}

struct unanswered_service *wire_unanswered(struct facts *facts, const char *in, const char *client,
	const char *server, uint16_t port, uint32_t repeats)
{
	struct handshake_report *to = wire_report(facts);
	struct unanswered_service *unanswered = ARRAY_ADD(to->unanswered, to->unanswered_count);
	if (!unanswered)
		abort();
	*unanswered = (struct unanswered_service){ .server = build_address(server),
		.port = port,
		.device = wire_device(facts, in),
		.client = build_address(client),
		.client_port = 40000,
		.id = 2000 + to->unanswered_count,
		.repeats = repeats,
		.since_ns = facts->time_ns - (repeats + 1) * SECOND_NS,
		.repeated_ns = facts->time_ns - repeats * SECOND_NS,
		.last_ns = facts->time_ns };
	return unanswered;
}

struct handshake_peer *wire_peer(
	struct facts *facts, const char *device, const char *peer, const char *local, const char *answered_by)
{
	struct handshake_report *to = wire_report(facts);
	struct handshake_peer *added = ARRAY_ADD(to->peers, to->peer_count);
	if (!added)
		abort();
	*added = (struct handshake_peer){ .device = wire_device(facts, device),
		.peer = build_address(peer),
		.local = build_address(local),
		.protocol = IPPROTO_TCP,
		.peer_port = 40000,
		.port = 22,
		.asks = true,
		.completed = answered_by != NULL,
		.unfinished = answered_by == NULL,
		.synack_device = wire_device(facts, answered_by),
		.seen_ns = facts->time_ns };
	return added;
}

static void watch_devices(struct facts *facts)
{
	struct handshake_report *to = wire_report(facts);
	for (size_t i = 0; i < facts->device_count; i++)
		ARRAY_ADD(to->devices, to->device_count)->device = facts->devices[i].ifindex;
}

static void add_line(struct facts *facts, const char *device)
{
	struct line *line = ARRAY_ADD(facts->lines, facts->line_count);
	if (!line)
		abort();
	*line = (struct line){ .ifindex = wire_device(facts, device), .family = AF_INET };
}

struct facts *wire_host(void)
{
	struct facts *facts = build_facts();
	build_default_rules(facts);
	build_device(facts, "eth0");
	build_device(facts, "eth1");
	build_local(facts, OWN0 "/24", "eth0");
	build_local(facts, OWN1 "/24", "eth1");
	build_service(facts, OWN1, NULL, "eth1"); /* in the order of addresses */
	build_service(facts, OWN0, NULL, "eth0");
	build_path(facts, 0, FAR, "eth1");
	build_path(facts, 1, FAR, "eth0");
	add_line(facts, "eth0");
	add_line(facts, "eth1");
	watch_devices(facts);
	return facts;
}

struct handshake_suspect *wire_ignored(struct facts *facts, const char *client, uint32_t repeats)
{
	struct handshake_suspect *suspect =
		wire_suspect(facts, SIGN_REPLY_IGNORED, HANDSHAKE_OPENED, client, REMOTE);
	suspect->syn.out = suspect->synack.in = wire_device(facts, "eth1");
	suspect->repeats = repeats;
	return suspect;
}

void wire_hangs(struct facts *facts)
{
	wire_repeated(facts, "eth1", "eth1", FAR, OWN1, 2);
}

/* A mark that lookups do not know of. */
void wire_leaves_wrongly(struct facts *facts)
{
	wire_repeated(facts, "eth1", "eth0", FAR, OWN1, 2);
}

void wire_leaves_wrongly_and_completes(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth0", OWN1, .completed = 5 });
}

void wire_ignores(struct facts *facts)
{
	wire_ignored(facts, OWN1, 2);
}

void wire_ignored_behind_nat(struct facts *facts)
{
	struct handshake_suspect *suspect = wire_ignored(facts, FAR, 2); /* DNAT: the client is elsewhere */
	suspect->joined = true;
	suspect->other_syn.in = wire_device(facts, "eth0");
}

/* The SNAT box: in by eth0 with the server's address, out by eth0 with eth1's. */
void wire_translated_times(struct facts *facts, uint32_t repeats)
{
	struct handshake_suspect *in =
		wire_suspect(facts, SIGN_RETURN_ONLY, HANDSHAKE_PASSED, FAR, "203.0.113.77");
	in->joined = true;
	in->synack.in = in->other_synack.out = wire_device(facts, "eth0");
	in->synack_repeats = repeats;
	struct handshake_suspect *out = wire_suspect(facts, SIGN_RETURN_ONLY, HANDSHAKE_PASSED, FAR, OWN1);
	out->joined = true;
	out->other_server = build_address("203.0.113.77");
	out->synack.out = out->other_synack.in = wire_device(facts, "eth0");
	out->synack_repeats = repeats;
}

void wire_translated(struct facts *facts)
{
	wire_translated_times(facts, 2);
}

void wire_half_passes(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_PASSED, "eth0", "eth1", REMOTE, .return_only = 3 });
}

void wire_echo_filtered(struct facts *facts)
{
	struct path *path = build_path(facts, 0, REMOTE, "eth1");
	path->basis = PATH_SEEN;
	path->answers = true;
	path->request.result = ROUTE_RP_FILTER;
}
