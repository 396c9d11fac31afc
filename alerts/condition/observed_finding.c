// SPDX-License-Identifier: GPL-2.0-or-later
/* reply_wrong_device where the wire shows what lookups do not: marks that filters set, and the like. */
#include "alerts/condition/conditions.h"
#include "alerts/condition/observed.h"
#include "alerts/describe.h"
#include "alerts/remedy/put_back.h"
#include "alerts/remedy/remedy.h"
#include "collectors/route/service.h"

/* A service and the device its requests came by. */
struct observed_case {
	const struct judge_context *context;
	const struct service *service;
	int arrival;
	struct observed observed;
	bool intended;
};

static enum severity severity_of(const struct observed_case *found)
{
	if (found->intended)
		return SEVERITY_INFO;
	if (found->observed.observation.fails)
		return SEVERITY_CRITICAL;
	return found->observed.completes ? SEVERITY_INFO : SEVERITY_WARNING;
}

/* A path whose lookups show the fault as well, so that commands can be checked by them. */
static bool has_concerned_path(const struct observed_case *found)
{
	struct path_span span = context_target(found->context, &found->service->target);
	for (size_t i = 0; i < span.count; i++)
		if (context_path(found->context, span.paths[i])->arrival == found->arrival &&
			context_service(found->context, span.paths[i]) == found->service &&
			remedy_concerns(found->context, span.paths[i]))
			return true;
	return false;
}

static void add_remedy(const struct observed_case *found, struct finding *finding)
{
	const struct plan *plan = NULL;
	if (!found->intended && has_concerned_path(found))
		plan = remedy_plan(found->context, &found->service->target, found->arrival);
	if (found->intended) {
		finding_explain(finding, "This is declared as intended.");
	} else if (plan && *plan->obstacle) {
		if (!remedy_put_back(found->context, &found->service->target, found->arrival, true, finding))
			remedy_refuse(plan->obstacle, finding);
	} else if (plan) {
		remedy_write_plan(found->context->now, plan, finding);
		finding_explain(finding,
			"The commands lead the replies out of %s and keep the other networks of this host "
			"reachable.",
			finding->device_name);
	} else if (!wire_knows_host(found->context)) {
		remedy_refuse("a capture does not hold the routes of the host it was made on", finding);
	} else {
		remedy_refuse("lookups do not show what sends the replies there, so commands could not be "
			      "checked by them. Look for a firewall mark (nft list ruleset, tc filter show) "
			      "and the rule that asks for it (ip rule)",
			finding);
	}
}

static void add_finding(const struct observed_case *found, struct findings *candidates)
{
	static const char *const outcomes[SEVERITIES] = {
		[SEVERITY_INFO] =
			"Connections complete this way, so at present the peers get these replies. ",
		[SEVERITY_WARNING] = "Replies that take another line than the requests often get lost. ",
		[SEVERITY_CRITICAL] = "The clients repeat their SYN: they do not get these replies. ",
	};
	const struct observed *observed = &found->observed;
	char service[SERVICE_TEXT_SIZE];
	struct finding *finding =
		wire_finding(found->context, &reply_wrong_device_condition, found->arrival, candidates);
	finding_set_service(
		finding, found->service->origin, &found->service->address, &found->service->target);
	finding->intended = found->intended;
	finding->severity = severity_of(found);
	finding->held = observed->observation.fails && observed->observation.lasting;
	finding->undecided = observed->observation.repeated && !observed->observation.fails;
	wire_device_names(found->context, &observed->devices, finding->reply_device);
	describe_service(found->service, service);
	finding_summarise(finding, "replies from %s were seen leaving by %s, requests arrive on %s", service,
		finding->reply_device, finding->device_name);
	finding_explain(finding, "SYNs for %s were seen coming in by %s and their SYN-ACKs leaving by %s. %s",
		service, finding->device_name, finding->reply_device,
		found->intended ? "" : outcomes[finding->severity]);
	wire_describe_suspects(&observed->observation, finding);
	wire_describe_counts(&observed->observation, finding);
	add_remedy(found, finding);
}

/* Lookups say the same: then they say more. */
static bool is_predicted(const struct observed_case *found)
{
	struct path_span span = context_target(found->context, &found->service->target);
	for (size_t i = 0; i < span.count; i++) {
		const struct path *path = context_path(found->context, span.paths[i]);
		if (path->arrival == found->arrival && context_certain(found->context, span.paths[i]) &&
			context_service(found->context, span.paths[i]) == found->service &&
			path_verdict_undeclared(found->context->now, path) == VERDICT_UNCOVERED &&
			device_set_within(&found->observed.devices, &path->reply.devices))
			return true;
	}
	return false;
}

static bool is_declared(const struct observed_case *found)
{
	const struct device_set *devices = &found->observed.devices;
	for (unsigned i = 0; i < devices->count; i++)
		if (!intended_covers(found->context->settings, &found->service->address,
			    &found->service->target, wire_device_name(found->context, found->arrival),
			    wire_device_name(found->context, devices->ifindex[i])))
			return false;
	return true;
}

static bool is_known(const struct findings *candidates, const struct service *service, int arrival)
{
	for (size_t i = 0; i < candidates->count; i++) {
		const struct finding *finding = &candidates->items[i];
		if (finding->condition == &reply_wrong_device_condition && finding->device == arrival &&
			finding->origin == service->origin &&
			address_equal(&finding->address, &service->address) &&
			address_equal(&finding->target, &service->target))
			return true;
	}
	return false;
}

static void judge_service(const struct judge_context *context, const struct service *service, int arrival,
	struct findings *candidates)
{
	struct observed_case found = { .context = context, .service = service, .arrival = arrival };
	if (is_known(candidates, service, arrival))
		return;
	found.observed = observe_replies(context, service, arrival);
	if (found.observed.devices.count == 0 || is_predicted(&found))
		return;
	found.intended = is_declared(&found);
	if (found.intended || found.observed.observation.fails || !observed_is_floating(context, service))
		add_finding(&found, candidates);
}

void observed_wrong_devices(const struct judge_context *context, struct findings *candidates)
{
	observed_each(context, judge_service, candidates);
}
