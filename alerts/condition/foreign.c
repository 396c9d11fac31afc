// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * foreign_source and return_only: what a box on the way back sees. A reply whose request never passed here
 * cannot be translated back as it should be; it leaves untranslated, or with an address it should not have.
 */

#include "alerts/condition/conditions.h"
#include "alerts/condition/observed.h"
#include "alerts/recovered.h"
#include "collectors/route/service.h"

/* ---- foreign_source ---- */

/* The device among whose addresses it is, 0 if that is `device` itself, lo, or none. */
static int foreign_owner(const struct judge_context *context, const struct address *address, int device)
{
	const struct local_address *local = facts_local_address(context->now, address);
	if (device <= 0 || !local || facts_device_owns(context->now, device, address))
		return 0;
	const struct device *owner = facts_device(context->now, local->ifindex);
	return owner && owner->kind != DEVICE_LOOPBACK ? owner->ifindex : 0;
}

/* It came in with one source and left with another, and its SYN was never seen. */
static bool is_translated(const struct judge_context *context, const struct handshake_suspect *suspect)
{
	return suspect->sign == SIGN_RETURN_ONLY && suspect->joined && suspect->other_synack.in > 0 &&
	       wire_is_often(context, suspect->synack_repeats) &&
	       foreign_owner(context, &suspect->server, suspect->synack.out);
}

struct foreign {
	int device; /* by which it leaves */
	struct address source;
	int arrival;                   /* of the requests, 0: they never came */
	const struct service *service; /* that was asked; NULL likewise */
	struct wire_observation observation;
};

static void explain_foreign(
	const struct judge_context *context, const struct foreign *foreign, struct finding *finding)
{
	char source[ADDRESS_TEXT_SIZE];
	address_format(&foreign->source, source);
	finding_summarise(finding, "replies leave by %s with the source %s, which belongs to %s",
		finding->device_name, source,
		wire_device_name(context, foreign_owner(context, &foreign->source, foreign->device)));
	if (foreign->arrival)
		finding_explain(finding,
			"Requests to %s come in by %s, their replies leave by %s. Whoever is behind %s does "
			"not expect that address there and may drop them.",
			source, wire_device_name(context, foreign->arrival), finding->device_name,
			finding->device_name);
	else
		finding_explain(finding,
			"SYN-ACKs whose SYN never passed here come in, get the source %s, and leave by %s: "
			"to their clients they are answers from a stranger. The requests reach the server by "
			"another way; either they should come by this host, or the server's replies should "
			"not: look at the server's route back to its clients.",
			source, finding->device_name);
}

static void add_servers(const struct wire_observation *observation, struct finding *finding)
{
	for (unsigned i = 0; i < observation->suspect_count; i++) {
		const struct handshake_suspect *suspect = observation->suspects[i];
		bool before = suspect->joined && suspect->other_synack.in > 0;
		finding_add_address(finding, "servers", before ? &suspect->other_server : &suspect->server);
	}
}

static void add_foreign(
	const struct judge_context *context, const struct foreign *foreign, struct findings *candidates)
{
	struct finding *finding =
		wire_finding(context, &foreign_source_condition, foreign->device, candidates);
	finding_set_service(finding, foreign->service ? foreign->service->origin : ORIGIN_LOCAL,
		&foreign->source, foreign->service ? &foreign->service->target : &foreign->source);
	finding->intended = intended_covers(context->settings, &foreign->source, &foreign->source,
		wire_device_name(context, foreign->arrival), wire_device_name(context, foreign->device));
	finding->held = foreign->arrival ? foreign->observation.lasting && foreign->observation.fails : 1;
	finding->undecided = foreign->arrival && foreign->observation.repeated && !foreign->observation.fails;
	finding->severity = finding->intended            ? SEVERITY_INFO
			    : foreign->observation.fails ? SEVERITY_CRITICAL
							 : SEVERITY_WARNING;
	explain_foreign(context, foreign, finding);
	if (!foreign->arrival)
		add_servers(&foreign->observation, finding);
	wire_describe_suspects(&foreign->observation, finding);
}

static void find_translated(const struct judge_context *context, struct findings *candidates)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; report && i < report->suspect_count; i++) {
		const struct handshake_suspect *suspect = &report->suspects[i];
		struct foreign foreign = { .device = suspect->synack.out, .source = suspect->server };
		if (!is_translated(context, suspect) || findings_about(candidates, &foreign_source_condition,
								foreign.device, &foreign.source, NULL))
			continue;
		for (size_t j = 0; j < report->suspect_count; j++) {
			const struct handshake_suspect *other = &report->suspects[j];
			if (other->synack.out == foreign.device &&
				address_equal(&other->server, &foreign.source) &&
				is_translated(context, other))
				wire_add_suspect(&foreign.observation, other);
		}
		add_foreign(context, &foreign, candidates);
	}
}

/* The replies of a service that leave by another line than its own: what reply_wrong_device is about, from
 * the line's point of view. */
static void judge_replies(const struct judge_context *context, const struct service *service, int arrival,
	struct findings *candidates)
{
	const struct observed observed = observe_replies(context, service, arrival);
	for (unsigned i = 0; i < observed.devices.count; i++) {
		struct foreign foreign = { .device = observed.devices.ifindex[i],
			.source = service->address,
			.arrival = arrival,
			.service = service,
			.observation = observed.observation };
		int owner = foreign_owner(context, &foreign.source, foreign.device);
		if (owner && facts_line(context->now, owner, foreign.source.family) &&
			facts_line(context->now, foreign.device, foreign.source.family) &&
			!findings_about(
				candidates, &foreign_source_condition, foreign.device, &foreign.source, NULL))
			add_foreign(context, &foreign, candidates);
	}
}

static void foreign_source_find(const struct judge_context *context, struct findings *candidates)
{
	find_translated(context, candidates);
	observed_each(context, judge_replies, candidates);
}

const struct condition foreign_source_condition = {
	.name = "foreign_source",
	.help = "replies leave by a device with a source address that belongs to another one",
	.severity = "warning; critical if connections fail",
	.any_target = true,
	.find = foreign_source_find,
	.recovered = recovered_at_address,
	.explained_by = { { &reply_wrong_device_condition, explains_at_address } },
};
