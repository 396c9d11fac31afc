// SPDX-License-Identifier: GPL-2.0-or-later
/* reply_wrong_device where the wire shows what lookups do not: marks that filters set, and the like. */
#include <errno.h>

#include "alerts/conditions.h"
#include "alerts/describe.h"
#include "alerts/observed.h"
#include "alerts/remedy.h"
#include "collectors/service.h"

/* A service and the device its requests came by. */
struct observed_case {
	const struct scene *scene;
	const struct service *service;
	int arrival;
	struct observed observed;
	bool intended;
};

static enum severity severity_of(const struct observed_case *found)
{
	if (found->intended)
		return SEVERITY_INFO;
	if (found->observed.sight.fails)
		return SEVERITY_CRITICAL;
	return found->observed.completes ? SEVERITY_INFO : SEVERITY_WARNING;
}

static int name_devices(const struct observed_case *found, char **names)
{
	const struct device_set *devices = &found->observed.devices;
	int error = finding_set_text(names, "%s", "");
	for (unsigned i = 0; error == 0 && i < devices->count; i++)
		error = finding_append_text(
			names, "%s%s", i ? "," : "", wire_device_name(found->scene, devices->ifindex[i]));
	return error;
}

static int explain(const struct observed_case *found, struct finding *finding)
{
	static const char *const outcomes[SEVERITIES] = {
		[SEVERITY_INFO] =
			"Connections complete this way, so at present the peers get these replies. ",
		[SEVERITY_WARNING] = "Replies that take another line than the requests often get lost. ",
		[SEVERITY_CRITICAL] = "The clients repeat their SYN: they do not get these replies. ",
	};
	char service[SERVICE_TEXT_SIZE];
	describe_service(found->service, service);
	int error = finding_set_text(&finding->summary,
		"replies from %s were seen leaving by %s, requests arrive on %s", service,
		finding->reply_device, finding->device_name);
	return error < 0
		       ? error
		       : finding_set_text(&finding->explanation,
				 "SYNs for %s were seen coming in by %s and their SYN-ACKs leaving by %s. %s",
				 service, finding->device_name, finding->reply_device,
				 found->intended ? "" : outcomes[finding->severity]);
}

/* A path whose lookups show the fault as well, so that commands can be checked by them. */
static bool has_concerned_path(const struct observed_case *found)
{
	struct path_span span = scene_target(found->scene, &found->service->target);
	for (size_t i = 0; i < span.count; i++)
		if (scene_path(found->scene, span.paths[i])->arrival == found->arrival &&
			scene_service(found->scene, span.paths[i]) == found->service &&
			remedy_concerns(found->scene, span.paths[i]))
			return true;
	return false;
}

static int refuse(struct finding *finding, const char *obstacle)
{
	return finding_append_text(&finding->explanation, "No commands are given: %s.", obstacle);
}

static int add_plan(const struct observed_case *found, struct finding *finding)
{
	const struct plan *plan;
	int error = remedy_plan(found->scene, &found->service->target, found->arrival, &plan);
	if (error < 0)
		return error;
	if (plan->obstacle)
		return refuse(finding, plan->obstacle);
	error = remedy_write_plan(found->scene->now, plan, finding);
	if (error == 0)
		finding->remedy_checked = finding->remedy_count > 0;
	return error < 0 ? error
			 : finding_append_text(&finding->explanation,
				   "The commands lead the replies out of %s and keep the other networks of "
				   "this host reachable.",
				   finding->device_name);
}

static int add_remedy(const struct observed_case *found, struct finding *finding)
{
	if (found->intended)
		return finding_append_text(&finding->explanation, "This is declared as intended.");
	if (has_concerned_path(found))
		return add_plan(found, finding);
	if (!wire_knows_host(found->scene))
		return refuse(finding, "a capture does not hold the routes of the host it was made on");
	return refuse(finding,
		"lookups do not show what sends the replies there, so commands could not be checked by "
		"them. Look for a firewall mark (nft list ruleset, tc filter show) and the rule that asks "
		"for it (ip rule)");
}

static int describe(const struct observed_case *found, struct finding *finding)
{
	int error = name_devices(found, &finding->reply_device);
	if (error == 0)
		error = explain(found, finding);
	if (error == 0)
		error = wire_describe_suspects(&found->observed.sight, finding);
	if (error == 0)
		error = wire_describe_counts(&found->observed.sight, finding);
	return error < 0 ? error : add_remedy(found, finding);
}

static int add_finding(const struct observed_case *found, struct findings *candidates)
{
	struct finding *finding =
		wire_finding(found->scene, &reply_wrong_device_condition, found->arrival, candidates);
	if (!finding)
		return -ENOMEM;
	finding->has_service = true;
	finding->origin = found->service->origin;
	finding->address = found->service->address;
	finding->target = found->service->target;
	finding->intended = found->intended;
	finding->severity = severity_of(found);
	finding->held = found->observed.sight.fails && found->observed.sight.lasting;
	return describe(found, finding);
}

/* Lookups say the same: then they say more. */
static bool is_predicted(const struct observed_case *found)
{
	struct path_span span = scene_target(found->scene, &found->service->target);
	for (size_t i = 0; i < span.count; i++) {
		const struct path *path = scene_path(found->scene, span.paths[i]);
		if (path->arrival == found->arrival && scene_certain(found->scene, span.paths[i]) &&
			scene_service(found->scene, span.paths[i]) == found->service &&
			path_verdict_undeclared(found->scene->now, path) == VERDICT_UNCOVERED &&
			device_set_within(&found->observed.devices, &path->reply.devices))
			return true;
	}
	return false;
}

static bool is_declared(const struct observed_case *found)
{
	const struct device_set *devices = &found->observed.devices;
	for (unsigned i = 0; i < devices->count; i++)
		if (!intended_covers(found->scene->settings, &found->service->address,
			    &found->service->target, wire_device_name(found->scene, found->arrival),
			    wire_device_name(found->scene, devices->ifindex[i])))
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

static int judge_service(
	const struct scene *scene, const struct service *service, int arrival, struct findings *candidates)
{
	struct observed_case found = { .scene = scene, .service = service, .arrival = arrival };
	if (is_known(candidates, service, arrival))
		return 0;
	found.observed = observe_replies(scene, service, arrival);
	if (found.observed.devices.count == 0 || is_predicted(&found))
		return 0;
	found.intended = is_declared(&found);
	if (!found.intended && !found.observed.sight.fails && observed_is_floating(scene, service))
		return 0;
	return add_finding(&found, candidates);
}

int observed_wrong_devices(const struct scene *scene, struct findings *candidates)
{
	return observed_each(scene, judge_service, candidates);
}
