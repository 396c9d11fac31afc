// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/recovered.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "alerts/wire.h"
#include "collectors/base/array.h"

/* A client's network, as far as routes are likely to tell clients apart. */
#define NETWORK_BITS_4 24
#define NETWORK_BITS_6 64

static bool is_recovered(const struct judge_context *context, int64_t failed_ns, int64_t success_ns)
{
	return success_ns > failed_ns && context->now->time_ns - failed_ns >= RECOVERED_NS;
}

/* Answered by the device they came by, or by the one by which answers were lost before. */
static bool is_right_device(int device, int lost, int synack_device)
{
	return synack_device == device || synack_device == lost;
}

static bool is_near(const struct address *client, const struct address *peer)
{
	const struct prefix network = { *client,
		client->family == AF_INET ? NETWORK_BITS_4 : NETWORK_BITS_6 };
	return prefix_contains(&network, peer);
}

/* The client of a request that came in, or one of its network, got through. */
static bool completes_again(const struct judge_context *context, const struct handshake_suspect *suspect)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; i < report->peer_count; i++) {
		const struct handshake_peer *peer = &report->peers[i];
		if (peer->asks && peer->completed && peer->device == suspect->syn.in &&
			peer->port == suspect->server_port &&
			is_right_device(suspect->syn.in, suspect->synack.out, peer->synack_device) &&
			address_equal(&peer->local, &suspect->server) &&
			is_near(&suspect->client, &peer->peer) &&
			is_recovered(context, suspect->asked_ns, peer->seen_ns))
			return true;
	}
	return false;
}

/* Anybody got through to the row's address by its device. */
static bool completes_at_row(
	const struct judge_context *context, const struct handshake_service *row, int lost, int64_t failed_ns)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; i < report->service_count; i++) {
		const struct handshake_service *other = &report->services[i];
		if (wire_comes_in(other->role) && other->device == row->device &&
			is_right_device(row->device, lost, other->synack_device) &&
			address_equal(&other->address, &row->address) &&
			is_recovered(context, failed_ns, other->completed_ns))
			return true;
	}
	return false;
}

/* Of what this host asks itself. device: by which answers come; 0: any. */
static bool is_answered(const struct judge_context *context, const struct address *asked, int device,
	bool echo, int64_t failed_ns)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; i < report->peer_count; i++) {
		const struct handshake_peer *peer = &report->peers[i];
		if (!peer->asks && (device == 0 || peer->device == device) &&
			address_equal(&peer->peer, asked) &&
			is_recovered(context, failed_ns, echo ? peer->echoed_ns : peer->completed_ns))
			return true;
	}
	return false;
}

/* Both directions of what passes were seen. */
static bool passes_whole(const struct judge_context *context, const struct address *server, int64_t failed_ns)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; i < report->service_count; i++)
		if (wire_comes_in(report->services[i].role) &&
			address_equal(&report->services[i].address, server) &&
			is_recovered(context, failed_ns, report->services[i].completed_ns))
			return true;
	return false;
}

static bool suspect_recovered(const struct judge_context *context, const struct handshake_suspect *suspect)
{
	switch (suspect->sign) {
	case SIGN_SYN_REPEATED:
		return wire_comes_in(suspect->role) && completes_again(context, suspect);
	case SIGN_REPLY_IGNORED:
		return is_answered(context, &suspect->server, suspect->synack.in, false, suspect->asked_ns);
	case SIGN_OTHER_ADDRESS:
		return is_answered(context, &suspect->other_server, 0, false, suspect->last_ns);
	case SIGN_RETURN_ONLY:
		return passes_whole(context, &suspect->server, suspect->last_ns) ||
		       (suspect->joined && passes_whole(context, &suspect->other_server, suspect->last_ns));
	case HANDSHAKE_SIGNS:
		break;
	}
	return false;
}

/* One of the suspects that are left hangs there. */
static bool is_suspected(const struct handshake_report *suspects, const struct handshake_service *row)
{
	for (size_t i = 0; i < suspects->suspect_count; i++) {
		const struct handshake_suspect *suspect = &suspects->suspects[i];
		if (suspect->sign == SIGN_SYN_REPEATED && suspect->repeats && !suspect->acknowledged &&
			suspect->syn.in == row->device && address_equal(&suspect->server, &row->address))
			return true;
	}
	return false;
}

static void omit_recovered_counts(const struct judge_context *context, struct handshake_service *row)
{
	if (row->recent[HANDSHAKE_RETURN_ONLY] && passes_whole(context, &row->address, row->failed_ns))
		row->recent[HANDSHAKE_RETURN_ONLY] = 0;
	if (!wire_comes_in(row->role))
		return;
	if (row->recent[HANDSHAKE_ONE_WAY] &&
		completes_at_row(context, row, row->synack_device, row->failed_ns) &&
		!is_suspected(&context->handshakes, row))
		row->recent[HANDSHAKE_ONE_WAY] = 0;
	/* Connections that completed another way. */
	if (row->recent[HANDSHAKE_COMPLETED] && row->synack_device != row->device &&
		completes_at_row(context, row, row->device, row->completed_ns))
		row->recent[HANDSHAKE_COMPLETED] = 0;
}

int recovered_omit(struct judge_context *context)
{
	const struct handshake_report *report = context->now->handshakes;
	struct handshake_report *copy = &context->handshakes;
	if (!report)
		return 0;
	*copy = *report;
	copy->suspects = NULL;
	copy->services = NULL;
	copy->suspect_count = copy->service_count = copy->echo_suspect_count = 0;
	for (size_t i = 0; i < report->suspect_count; i++) {
		if (suspect_recovered(context, &report->suspects[i]))
			continue;
		struct handshake_suspect *suspect = ARRAY_ADD(copy->suspects, copy->suspect_count);
		if (!suspect)
			return -ENOMEM;
		*suspect = report->suspects[i];
	}
	for (size_t i = 0; i < report->service_count; i++) {
		struct handshake_service *row = ARRAY_ADD(copy->services, copy->service_count);
		if (!row)
			return -ENOMEM;
		*row = report->services[i];
		omit_recovered_counts(context, row);
	}
	for (size_t i = 0; i < report->echo_suspect_count; i++) {
		const struct echo_suspect *echo = &report->echo_suspects[i];
		if (!is_answered(context, &echo->asked, 0, true, echo->time_ns))
			copy->echo_suspects[copy->echo_suspect_count++] = *echo;
	}
	context->facts = *context->now;
	context->facts.handshakes = copy;
	context->now = &context->facts;
	return 0;
}

/* ---- findings ---- */

static bool is_since(const struct finding *finding, int64_t success_ns)
{
	return success_ns > 0 && success_ns >= finding->last_seen_ns - RECOVERED_NS;
}

static bool completes_since(const struct judge_context *context, const struct finding *finding, bool anywhere)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; report && i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (wire_comes_in(row->role) && (anywhere || row->device == finding->device) &&
			(!finding->has_service || address_equal(&row->address, &finding->address)) &&
			is_since(finding, row->completed_ns))
			return true;
	}
	return false;
}

bool recovered_at_vantage(const struct judge_context *context, const struct finding *finding)
{
	const struct handshake_report *report = context->now->handshakes;
	if (!report || finding->device <= 0)
		return false;
	if (completes_since(context, finding, false))
		return true;
	for (size_t i = 0; !finding->has_service && i < report->peer_count; i++)
		if (!report->peers[i].asks && report->peers[i].device == finding->device &&
			is_since(finding, report->peers[i].completed_ns))
			return true;
	return false;
}

bool recovered_at_address(const struct judge_context *context, const struct finding *finding)
{
	return finding->has_service && completes_since(context, finding, true);
}

bool recovered_in_answers(const struct judge_context *context, const struct finding *finding)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; report && i < report->peer_count; i++) {
		const struct handshake_peer *peer = &report->peers[i];
		if (!peer->asks && address_equal(&peer->peer, &finding->address) &&
			(is_since(finding, peer->completed_ns) || is_since(finding, peer->echoed_ns)))
			return true;
	}
	return false;
}
