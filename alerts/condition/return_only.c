// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * return_only: half of a conversation passes. Answers to forged requests (backscatter) look alike, but they
 * come from far away and go where nobody waits for them: single ones count only if they are translated here
 * or come from this host's own networks.
 */
#include "alerts/condition/conditions.h"
#include "alerts/wire.h"
#include "collectors/route/service.h"

static bool is_stray(const struct judge_context *context, const struct handshake_suspect *suspect)
{
	bool translated = suspect->joined && suspect->other_synack.out;
	return suspect->sign == SIGN_RETURN_ONLY && !suspect->acknowledged && suspect->synack.in > 0 &&
	       (translated || (suspect->synack.out && service_is_on_link(context->now, &suspect->server))) &&
	       wire_is_often(context, suspect->synack_repeats);
}

static bool is_declared(const struct judge_context *context, const struct address *server, int out)
{
	return intended_covers(context->settings, server, server, "", wire_device_name(context, out));
}

/* What passes in by one device, either declared as intended or not. */
struct strays {
	int device;
	bool declared;
	uint64_t count; /* within 60 s */
	struct wire_observation observation;
};

static struct strays observe_strays(const struct judge_context *context, int device, bool declared)
{
	const struct handshake_report *report = context->now->handshakes;
	struct strays strays = { .device = device, .declared = declared };
	for (size_t i = 0; i < report->suspect_count; i++) {
		const struct handshake_suspect *suspect = &report->suspects[i];
		int out = suspect->synack.out ? suspect->synack.out : suspect->other_synack.out;
		if (suspect->synack.in == device && is_stray(context, suspect) &&
			is_declared(context, &suspect->server, out) == declared)
			wire_add_suspect(&strays.observation, suspect);
	}
	for (size_t i = 0; i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (row->role == HANDSHAKE_PASSED && row->device == device && row->synack_device > 0 &&
			is_declared(context, &row->address, row->synack_device) == declared)
			strays.count += row->recent[HANDSHAKE_RETURN_ONLY];
	}
	return strays;
}

static bool are_too_many(const struct judge_context *context, const struct strays *strays)
{
	return strays->observation.suspect_count ||
	       (double)strays->count >= context->settings->thresholds.return_only_handshakes;
}

static void add_servers(
	const struct judge_context *context, const struct strays *strays, struct finding *finding)
{
	const struct handshake_report *report = context->now->handshakes;
	for (unsigned i = 0; i < strays->observation.suspect_count; i++)
		finding_add_address(finding, "servers", &strays->observation.suspects[i]->server);
	for (size_t i = 0; i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (row->role == HANDSHAKE_PASSED && row->device == strays->device &&
			row->synack_device > 0 && row->recent[HANDSHAKE_RETURN_ONLY])
			finding_add_address(finding, "servers", &row->address);
	}
}

static void add_finding(
	const struct judge_context *context, const struct strays *strays, struct findings *candidates)
{
	struct finding *finding = wire_finding(context, &return_only_condition, strays->device, candidates);
	finding->severity = strays->declared ? SEVERITY_INFO : SEVERITY_WARNING;
	finding->intended = strays->declared;
	finding->held = strays->observation.suspect_count > 0;
	finding_summarise(finding, "replies that come in by %s pass through this host, their requests do not",
		finding->device_name);
	finding_explain(finding,
		"SYN-ACKs come in by %s and leave again, but their SYN was never seen here: the "
		"requests take another way than the replies. Firewalls and NAT on this host cannot "
		"know such connections. Look at the servers' routes back to their clients.%s",
		finding->device_name, strays->declared ? " This is declared as intended." : "");
	add_servers(context, strays, finding);
	finding_add_number(finding, "return_only", (double)strays->count);
	wire_describe_suspects(&strays->observation, finding);
}

static void return_only_find(const struct judge_context *context, struct findings *candidates)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; report && i < report->device_count; i++) {
		int device = report->devices[i].device;
		struct strays strays = observe_strays(context, device, false);
		if (!are_too_many(context, &strays))
			strays = observe_strays(context, device, true);
		if (device > 0 && are_too_many(context, &strays))
			add_finding(context, &strays, candidates);
	}
}

const struct condition return_only_condition = {
	.name = "return_only",
	.help = "SYN-ACKs pass through this host whose SYN never did",
	.severity = "warning",
	.find = return_only_find,
	.explained_by = { { &foreign_source_condition, explains_on_device } },
};
