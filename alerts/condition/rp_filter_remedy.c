// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules that lead the replies back by the device, where a way out of it is known; else loose mode. */
#include "alerts/condition/rp_filter.h"
#include "alerts/remedy/remedy.h"

static void add_rules(const struct drop_case *drop_case, struct finding *finding)
{
	const struct scene *scene = drop_case->scene;
	const struct path_span *span = &drop_case->span;
	int device = drop_case->device->ifindex;
	for (size_t i = 0; i < span->count; i++) {
		if (!remedy_concerns(scene, span->paths[i]))
			continue;
		const struct plan *plan =
			remedy_plan(scene, &scene_service(scene, span->paths[i])->target, device);
		if (*plan->obstacle) {
			remedy_refuse(plan->obstacle, finding);
			return;
		}
	}
	const struct address *last = NULL; /* paths are in the order of their targets */
	for (size_t i = 0; i < span->count; i++) {
		const struct address *target = &scene_service(scene, span->paths[i])->target;
		if (!remedy_concerns(scene, span->paths[i]) || (last && address_equal(last, target)))
			continue;
		remedy_write_plan(scene->now, remedy_plan(scene, target, device), finding);
		last = target;
	}
	finding_explain(finding,
		"The commands lead replies from the addresses concerned out of %s, so that the way back is "
		"the way they came, and keep the other networks of this host reachable.",
		drop_case->device->name);
}

/* Loose mode asks only for some route back, but is strict on a device without an IPv4 address. */
static bool passes_loose(const struct drop_case *drop_case)
{
	for (size_t i = 0; i < drop_case->span.count; i++)
		if (scene_path(drop_case->scene, drop_case->span.paths[i])->reply.result != ROUTE_FOUND)
			return false;
	return drop_case->device->rp_filter_effective == 1;
}

static void add_loose(const struct drop_case *drop_case, struct finding *finding)
{
	if (!facts_device_address(drop_case->scene->now, drop_case->device->ifindex, AF_INET, NULL)) {
		remedy_refuse("loose mode would not help, since the device has no IPv4 address", finding);
	} else if (!passes_loose(drop_case)) {
		remedy_refuse("loose mode would not let these packets pass either", finding);
	} else {
		finding_explain(finding,
			"The command makes the mode loose on %s: then any route back will do.",
			drop_case->device->name);
		remedy_write_loose(drop_case->device, finding);
	}
}

/* A way out of the device by which rules could lead the replies. */
static bool has_way_out(const struct drop_case *drop_case)
{
	for (size_t i = 0; i < drop_case->span.count; i++) {
		const struct path *path = scene_path(drop_case->scene, drop_case->span.paths[i]);
		if (path->arrival == drop_case->device->ifindex && path->basis != PATH_POSSIBLE &&
			remedy_concerns(drop_case->scene, drop_case->span.paths[i]) &&
			(path->basis == PATH_CONNECTED || path->way_out.result == ROUTE_FOUND))
			return true;
	}
	return false;
}

void rp_filter_add_remedy(const struct drop_case *drop_case, struct finding *finding)
{
	if (has_way_out(drop_case))
		add_rules(drop_case, finding);
	else
		add_loose(drop_case, finding);
}
