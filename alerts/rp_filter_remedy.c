// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules that lead the replies back by the device, where a way out of it is known; else loose mode. */
#include "alerts/remedy.h"
#include "alerts/rp_filter.h"

static int refuse(struct finding *finding, const char *obstacle)
{
	return finding_append_text(&finding->explanation, "No commands are given: %s.", obstacle);
}

/* The first obstacle of any of the plans, or NULL in *obstacle; it lives until the next plan is asked for. */
static int find_obstacle(const struct drop_case *drop_case, const char **obstacle)
{
	*obstacle = NULL;
	for (size_t i = 0; i < drop_case->span.count && !*obstacle; i++) {
		const struct plan *plan;
		size_t path = drop_case->span.paths[i];
		if (!remedy_concerns(drop_case->scene, path))
			continue;
		int error = remedy_plan(drop_case->scene, &scene_service(drop_case->scene, path)->target,
			drop_case->device->ifindex, &plan);
		if (error < 0)
			return error;
		*obstacle = plan->obstacle;
	}
	return 0;
}

/* The first path of its target that rules are for. */
static bool is_new_target(const struct drop_case *drop_case, size_t at)
{
	const size_t *paths = drop_case->span.paths;
	const struct address *target = &scene_service(drop_case->scene, paths[at])->target;
	if (!remedy_concerns(drop_case->scene, paths[at]))
		return false;
	for (size_t i = at;
		i-- > 0 && address_equal(&scene_service(drop_case->scene, paths[i])->target, target);)
		if (remedy_concerns(drop_case->scene, paths[i]))
			return false;
	return true;
}

static int write_rules(const struct drop_case *drop_case, struct finding *finding)
{
	for (size_t i = 0; i < drop_case->span.count; i++) {
		const struct plan *plan;
		if (!is_new_target(drop_case, i))
			continue;
		int error = remedy_plan(drop_case->scene,
			&scene_service(drop_case->scene, drop_case->span.paths[i])->target,
			drop_case->device->ifindex, &plan);
		if (error == 0)
			error = remedy_write_plan(drop_case->scene->now, plan, finding);
		if (error < 0)
			return error;
	}
	return finding_append_text(&finding->explanation,
		"The commands lead replies from the addresses concerned out of %s, so that the way back is "
		"the way they came, and keep the other networks of this host reachable.",
		drop_case->device->name);
}

static int add_rules(const struct drop_case *drop_case, struct finding *finding)
{
	const char *obstacle;
	int error = find_obstacle(drop_case, &obstacle);
	if (error < 0)
		return error;
	return obstacle ? refuse(finding, obstacle) : write_rules(drop_case, finding);
}

/* Loose mode asks only for some route back, but is strict on a device without an IPv4 address. */
static bool passes_loose(const struct drop_case *drop_case)
{
	for (size_t i = 0; i < drop_case->span.count; i++)
		if (scene_path(drop_case->scene, drop_case->span.paths[i])->reply.result != ROUTE_FOUND)
			return false;
	return drop_case->device->rp_filter_effective == 1;
}

static int add_loose(const struct drop_case *drop_case, struct finding *finding)
{
	if (!facts_device_address(drop_case->scene->now, drop_case->device->ifindex, AF_INET, NULL))
		return refuse(finding, "loose mode would not help, since the device has no IPv4 address");
	if (!passes_loose(drop_case))
		return refuse(finding, "loose mode would not let these packets pass either");
	int error = finding_append_text(&finding->explanation,
		"The command makes the mode loose on %s: then any route back will do.",
		drop_case->device->name);
	return error < 0 ? error : remedy_write_loose(drop_case->device, finding);
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

int rp_filter_add_remedy(const struct drop_case *drop_case, struct finding *finding)
{
	if (!drop_case->device)
		return 0;
	int error = has_way_out(drop_case) ? add_rules(drop_case, finding) : add_loose(drop_case, finding);
	if (error == 0)
		finding->remedy_checked = finding->remedy_count > 0;
	return error;
}
