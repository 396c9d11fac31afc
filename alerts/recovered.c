// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/recovered.h"

#include <errno.h>
#include <stdlib.h>

#include "alerts/wire.h"
#include "collectors/base/array.h"
#include "collectors/route/service.h"

static bool is_recovered(int64_t failed_ns, int64_t success_ns)
{
	return success_ns > 0 && success_ns - failed_ns >= RECOVERED_NS;
}

/* Of a request that came in. */
struct failure {
	const struct address *server;
	int device; /* of the SYN */
	int synack_device;
	int64_t time_ns;
};

/* Answered by the device they came by, or by the one by which answers were lost before. */
static bool is_right_device(const struct failure *failure, int synack_device)
{
	return synack_device == failure->device || synack_device == failure->synack_device;
}

static bool completes_at_address(const struct handshake_report *report, const struct failure *failure)
{
	for (size_t i = 0; i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (wire_comes_in(row->role) && row->device == failure->device &&
			is_right_device(failure, row->synack_device) &&
			address_equal(&row->address, failure->server) &&
			is_recovered(failure->time_ns, row->completed_ns))
			return true;
	}
	return false;
}

static bool completes_at_service(
	const struct judge_context *context, const struct failure *failure, const struct service *service)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; i < report->peer_count; i++) {
		const struct handshake_peer *peer = &report->peers[i];
		if (peer->asks && peer->completed && peer->device == failure->device &&
			is_right_device(failure, peer->synack_device) &&
			address_equal(&peer->local, failure->server) &&
			wire_service(context, &peer->local, peer->port) == service &&
			is_recovered(failure->time_ns, peer->seen_ns))
			return true;
	}
	return false;
}

/* Of what this host asks itself. device: by which answers come; 0: any. */
static bool is_answered(const struct handshake_report *report, const struct address *asked, int device,
	bool echo, int64_t failed_ns)
{
	for (size_t i = 0; i < report->peer_count; i++) {
		const struct handshake_peer *peer = &report->peers[i];
		if (!peer->asks && (device == 0 || peer->device == device) &&
			address_equal(&peer->peer, asked) &&
			is_recovered(failed_ns, echo ? peer->echoed_ns : peer->completed_ns))
			return true;
	}
	return false;
}

/* Both directions of what passes were seen. */
static bool passes_whole(
	const struct handshake_report *report, const struct address *server, int64_t failed_ns)
{
	for (size_t i = 0; i < report->service_count; i++)
		if (wire_comes_in(report->services[i].role) &&
			address_equal(&report->services[i].address, server) &&
			is_recovered(failed_ns, report->services[i].completed_ns))
			return true;
	return false;
}

static bool suspect_recovered(const struct judge_context *context, const struct handshake_suspect *suspect)
{
	const struct handshake_report *report = context->now->handshakes;
	const struct failure failure = { .server = &suspect->server,
		.device = suspect->syn.in,
		.synack_device = suspect->synack.out,
		.time_ns = suspect->asked_ns };
	switch (suspect->sign) {
	case SIGN_SYN_REPEATED:
		if (!wire_comes_in(suspect->role))
			return false;
		return wire_is_shared(context, &suspect->server)
			       ? completes_at_service(context, &failure,
					 wire_service(context, &suspect->server, suspect->server_port))
			       : completes_at_address(report, &failure);
	case SIGN_REPLY_IGNORED:
		return is_answered(report, &suspect->server, suspect->synack.in, false, suspect->asked_ns);
	case SIGN_OTHER_ADDRESS:
		return is_answered(report, &suspect->other_server, 0, false, suspect->last_ns);
	case SIGN_RETURN_ONLY:
		return passes_whole(report, &suspect->server, suspect->last_ns) ||
		       (suspect->joined && passes_whole(report, &suspect->other_server, suspect->last_ns));
	case HANDSHAKE_SIGNS:
		break;
	}
	return false;
}

static void omit_recovered_counts(const struct handshake_report *report, struct handshake_service *row)
{
	struct failure failure = { .server = &row->address,
		.device = row->device,
		.synack_device = row->synack_device,
		.time_ns = row->failed_ns };
	if (row->recent[HANDSHAKE_RETURN_ONLY] && passes_whole(report, &row->address, row->failed_ns))
		row->recent[HANDSHAKE_RETURN_ONLY] = 0;
	if (!wire_comes_in(row->role))
		return;
	if (row->recent[HANDSHAKE_ONE_WAY] && completes_at_address(report, &failure))
		row->recent[HANDSHAKE_ONE_WAY] = 0;
	/* Connections that completed another way. */
	failure.time_ns = row->completed_ns;
	failure.synack_device = row->device;
	if (row->recent[HANDSHAKE_COMPLETED] && row->synack_device != row->device &&
		completes_at_address(report, &failure))
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
		omit_recovered_counts(report, row);
	}
	for (size_t i = 0; i < report->echo_suspect_count; i++) {
		const struct echo_suspect *echo = &report->echo_suspects[i];
		if (!is_answered(report, &echo->asked, 0, true, echo->time_ns))
			copy->echo_suspects[copy->echo_suspect_count++] = *echo;
	}
	context->facts = *context->now;
	context->facts.handshakes = copy;
	context->now = &context->facts;
	return 0;
}
