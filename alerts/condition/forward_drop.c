// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * forward_drop: requests for a translated service come in, are repeated, do not leave, and nobody answers. A
 * scanned port of a firewall shows the same, so the service must be known to be translated: by a rule, by
 * earlier connections, or by a trace. A request that was let through makes a conntrack entry behind all
 * rules: then its target is down, or its answer is lost, and this host is not at fault.
 */
#include "alerts/condition/forward_drop.h"

#include <string.h>

#include "alerts/condition/conditions.h"
#include "alerts/verdict.h"
#include "alerts/wire.h"

/* So long the finding waits for the trace that is under way. */
#define TRACE_WAIT_NS (5 * INT64_C(1000000000))

/* Of the present silence: what was before an answer says nothing. */
static const struct trace *current_trace(const struct scene *scene, const struct handshake_silence *silence)
{
	const struct trace *trace = trace_of(scene->now, &silence->server, silence->port, silence->device);
	return trace && trace->end != TRACE_NOTHING && trace->time_ns >= silence->since_ns ? trace : NULL;
}

/* Without a trace: conntrack was gone through since, and has no entry of a request that waits. */
static bool is_held_back(const struct scene *scene, const struct handshake_silence *silence)
{
	const struct facts *facts = scene->now;
	if (facts->traces_known && facts->time_ns - silence->repeated_ns < TRACE_WAIT_NS)
		return false;
	return facts->conntrack.known && facts->conntrack.in_use &&
	       facts->conntrack.ended_ns > silence->repeated_ns &&
	       !translation_is_let_through(facts, &silence->server, silence->port);
}

static struct forward_drop observe_silence(const struct scene *scene, const struct handshake_silence *silence)
{
	struct forward_drop drop = { .silence = silence,
		.trace = current_trace(scene, silence),
		.translation = translation_of(scene->now, &silence->server, silence->port, silence->device),
		.target = silence->server };
	if (drop.trace && drop.trace->translated) {
		drop.target = drop.trace->target;
		drop.target_port = drop.trace->target_port;
	} else if (!address_is_none(&drop.translation.target)) {
		drop.target = drop.translation.target;
		drop.target_port = drop.translation.port;
	}
	return drop;
}

static void add_drop(const struct scene *scene, const struct forward_drop *drop, struct findings *candidates)
{
	/* Several ports of one address may lead to one target: they share a finding. */
	struct finding *finding = findings_about(candidates, &forward_drop_condition, drop->silence->device,
		&drop->silence->server, &drop->target);
	if (!finding) {
		finding = wire_finding(scene, &forward_drop_condition, drop->silence->device, candidates);
		finding_set_service(finding, ORIGIN_DNAT, &drop->silence->server, &drop->target);
		finding->intended = intended_covers(
			scene->settings, &finding->address, &finding->target, finding->device_name, "");
		if (finding->intended)
			finding->severity = SEVERITY_INFO;
	}
	if (drop->trace && trace_is_dropped(drop->trace))
		finding->held = 1; /* the kernel itself said so */
	forward_drop_describe(scene->now, drop, finding);
}

/* The requests that do not get through are those which rp_filter drops, unless a trace shows that something
 * else does. */
static bool rp_filter_explains_forward_drop(
	const struct scene *scene, const struct finding *cause, const struct finding *symptom)
{
	const struct facts *facts = scene->now;
	if (cause->device == 0 || cause->device != symptom->device)
		return false;
	for (size_t i = 0; i < facts->trace_count; i++) {
		const struct trace *trace = &facts->traces[i];
		if (trace->arrival == symptom->device && address_equal(&trace->address, &symptom->address) &&
			(trace->end != TRACE_VANISHED || trace->place > TRACE_ROUTING))
			return false;
	}
	return true;
}

static void forward_drop_find(const struct scene *scene, struct findings *candidates)
{
	const struct handshake_report *report = scene->now->handshakes;
	for (size_t i = 0; report && i < report->silence_count; i++) {
		const struct handshake_silence *silence = &report->silences[i];
		if (silence->left || silence->device <= 0 || !wire_is_often(scene, silence->repeats))
			continue;
		const struct forward_drop drop = observe_silence(scene, silence);
		const struct trace *trace = drop.trace;
		bool translated = drop.translation.basis >= TRANSLATION_RULE || (trace && trace->translated);
		if (translated && (trace ? trace->end != TRACE_PASSED : is_held_back(scene, silence)))
			add_drop(scene, &drop, candidates);
	}
}

const struct condition forward_drop_condition = {
	.name = "forward_drop",
	.help = "requests for a service that is translated arrive, are repeated, do not leave, and "
		"nobody answers: a rule drops them, or routing does",
	.severity = "critical",
	.find = forward_drop_find,
	.explained_by =
		(const struct explanation_rule[]){
			{ &rp_filter_drops_condition, rp_filter_explains_forward_drop },
			{ NULL, NULL },
		},
};
