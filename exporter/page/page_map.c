// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The host at a glance: by which devices requests come, for which services, and to which networks they are
 * passed on. Services that share all of that, and their verdict, are one box.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/route/service.h"
#include "exporter/page/html.h"
#include "exporter/page/parts.h"
#include "exporter/page/svg.h"

#define MOST_GROUPS 14
#define MOST_NODES  (MOST_GROUPS * 2 * DEVICE_SET_SIZE)
#define LEFT_X      4
#define MIDDLE_X    420
#define RIGHT_X     900
#define NODE_WIDTH  190
#define GROUP_WIDTH 290
#define NODE_HEIGHT 42
#define STEP        56
#define TOP         40
#define WIDTH       1120

#define TARGET_UNKNOWN (-1)

/* Services alike. */
struct group {
	struct device_set arrival, reply; /* reply: only what is no arrival device */
	int target; /* device behind which the targets are; 0: this host itself; or TARGET_UNKNOWN */
	enum verdict verdict;
	const struct service *first;
	size_t count;
	uint64_t recent, failed; /* handshakes of the last minute */
};

struct map {
	struct group *groups;
	size_t count, left_out; /* services of groups that found no room */
	int devices[MOST_NODES], targets[MOST_NODES];
	size_t device_count, target_count;
};

static bool group_is_alike(const struct group *a, const struct group *b)
{
	return a->target == b->target && a->verdict == b->verdict &&
	       device_set_equal(&a->arrival, &b->arrival) && device_set_equal(&a->reply, &b->reply);
}

/* Where each service went. */
struct mapped {
	struct device_set reply;
	size_t group;
};

/* Handshakes are counted by address: where several services have it, at the first that has connections. */
static size_t counted_at(const struct facts *facts, const struct address *address)
{
	size_t first = services_first(facts, address), at = first;
	while (at < facts->service_count && address_equal(&facts->services[at].address, address) &&
		facts->services[at].open + facts->services[at].half_open == 0)
		at++;
	return at < facts->service_count && address_equal(&facts->services[at].address, address) ? at : first;
}

static void map_count(struct map *map, const struct facts *facts, const struct mapped *mapped)
{
	const struct handshake_report *report = facts->handshakes;
	for (size_t i = 0; report && i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (row->role == HANDSHAKE_OPENED || row->role == HANDSHAKE_PASSED)
			continue;
		size_t at = counted_at(facts, &row->address);
		if (at >= facts->service_count ||
			!device_set_contains(&facts->services[at].arrival, row->device))
			continue;
		struct group *group = &map->groups[mapped[at].group];
		for (int j = 0; j < HANDSHAKE_OUTCOMES; j++)
			group->recent += row->recent[j];
		group->failed += row->recent[HANDSHAKE_ONE_WAY];
	}
}

static size_t map_add(struct map *map, const struct group *wanted)
{
	size_t at = 0;
	while (at < map->count && !group_is_alike(&map->groups[at], wanted))
		at++;
	if (at == map->count)
		map->groups[map->count++] = *wanted;
	map->groups[at].count++;
	return at;
}

static int compare_groups(const void *left, const void *right)
{
	static const int ranks[VERDICTS] = { [VERDICT_NO_ROUTE] = 0,
		[VERDICT_UNCOVERED] = 1,
		[VERDICT_PARTLY] = 2,
		[VERDICT_COVERED] = 3,
		[VERDICT_INTENDED] = 4,
		[VERDICT_UNKNOWN] = 5 };
	const struct group *a = left, *b = right;
	if (ranks[a->verdict] != ranks[b->verdict])
		return ranks[a->verdict] - ranks[b->verdict];
	if (a->recent != b->recent)
		return a->recent > b->recent ? -1 : 1;
	return address_compare(&a->first->address, &b->first->address);
}

static size_t node_of(const int *nodes, size_t count, int device)
{
	size_t at = 0;
	while (at < count && nodes[at] != device)
		at++;
	return at;
}

static void node_add(int *nodes, size_t *count, int device)
{
	if (*count < MOST_NODES && node_of(nodes, *count, device) == *count)
		nodes[(*count)++] = device;
}

/* The reply devices of each service that no request comes by. */
static void find_replies(const struct facts *facts, struct mapped *mapped)
{
	for (size_t i = 0; i < facts->path_count; i++) {
		const struct path *path = &facts->paths[i];
		if (path->service >= facts->service_count || path->answers ||
			path->reply.result != ROUTE_FOUND)
			continue;
		const struct device_set *arrival = &facts->services[path->service].arrival;
		for (unsigned j = 0; j < path->reply.devices.count; j++)
			if (!device_set_contains(arrival, path->reply.devices.ifindex[j]))
				device_set_add(&mapped[path->service].reply, path->reply.devices.ifindex[j]);
	}
}

static void map_fill(struct map *map, const struct snapshot *snapshot, struct mapped *mapped)
{
	const struct facts *facts = snapshot->facts;
	for (size_t i = 0; i < facts->service_count; i++) {
		const struct service *service = &facts->services[i];
		struct group group = { .arrival = service->arrival,
			.target = service->target_local     ? 0
				  : service->target_ifindex ? service->target_ifindex
							    : TARGET_UNKNOWN,
			.verdict = snapshot->findings->verdicts.services[i],
			.first = service };
		if (group.verdict == VERDICT_UNCOVERED || group.verdict == VERDICT_PARTLY)
			group.reply = mapped[i].reply;
		mapped[i].group = map_add(map, &group);
	}
	map_count(map, facts, mapped);
	qsort(map->groups, map->count, sizeof(*map->groups), compare_groups);
	for (; map->count > MOST_GROUPS; map->count--)
		map->left_out += map->groups[map->count - 1].count;
	for (size_t i = 0; i < map->count; i++) {
		const struct group *group = &map->groups[i];
		for (unsigned j = 0; j < group->arrival.count; j++)
			node_add(map->devices, &map->device_count, group->arrival.ifindex[j]);
		for (unsigned j = 0; j < group->reply.count; j++)
			node_add(map->devices, &map->device_count, group->reply.ifindex[j]);
		node_add(map->targets, &map->target_count, group->target);
	}
}

/* ---- drawing ---- */

static size_t map_rows(const struct map *map)
{
	size_t rows = map->count > map->device_count ? map->count : map->device_count;
	return rows > map->target_count ? rows : map->target_count;
}

/* The middle of a node's box: the columns are spread over the same height. */
static int node_y(const struct map *map, size_t at, size_t count)
{
	int height = (int)map_rows(map) * STEP;
	return TOP + (int)(2 * at + 1) * height / (int)(2 * count);
}

static const char *group_class(const struct group *group)
{
	if (group->verdict == VERDICT_UNCOVERED || group->verdict == VERDICT_NO_ROUTE || group->failed)
		return "bad";
	return group->recent ? "good" : "quiet";
}

static void put_node(
	struct buffer *out, const char *class, int x, int y, int width, const char *title, const char *note)
{
	svg_box(out, class, x, y - NODE_HEIGHT / 2, width, NODE_HEIGHT);
	svg_text(out, "title", ANCHOR_MIDDLE, x + width / 2, y - 3, width - 20, title);
	svg_text(out, "note", ANCHOR_MIDDLE, x + width / 2, y + 13, width - 20, note);
}

static void put_devices(struct buffer *out, const struct map *map, const struct facts *facts)
{
	char note[PREFIX_TEXT_SIZE + 32], text[PREFIX_TEXT_SIZE];
	for (size_t i = 0; i < map->device_count; i++) {
		int device = map->devices[i];
		bool line = facts_line(facts, device, AF_INET) || facts_line(facts, device, AF_INET6);
		const struct local_address *own = facts_device_address(facts, device, AF_INET, NULL);
		if (!own)
			own = facts_device_address(facts, device, AF_INET6, NULL);
		snprintf(note, sizeof(note), "%s%s", line ? "line · " : "",
			own ? address_format(&own->prefix.address, text) : "");
		put_node(out, line ? "box far" : "box", LEFT_X, node_y(map, i, map->device_count), NODE_WIDTH,
			facts_device_name(facts, device), note);
	}
	for (size_t i = 0; i < map->target_count; i++) {
		int device = map->targets[i], y = node_y(map, i, map->target_count);
		const struct local_address *own = facts_device_address(facts, device, AF_INET, NULL);
		struct prefix network = own ? prefix_network(&own->prefix) : (struct prefix){ 0 };
		snprintf(note, sizeof(note), "%s", own ? prefix_format(&network, text) : "target network");
		put_node(out, "box", RIGHT_X, y, WIDTH - RIGHT_X - 4,
			device > 0    ? facts_device_name(facts, device)
			: device == 0 ? "this host"
				      : "not known",
			device > 0    ? note
			: device == 0 ? "delivered here"
				      : "no device leads there");
	}
}

static void put_group(struct buffer *out, const struct map *map, const struct group *group, size_t at)
{
	char title[ADDRESS_TEXT_SIZE + 32], address[ADDRESS_TEXT_SIZE], note[96];
	int y = node_y(map, at, map->count);
	address_format(&group->first->address, address);
	if (group->count > 1)
		snprintf(title, sizeof(title), "%s and %zu more", address, group->count - 1);
	else
		snprintf(title, sizeof(title), "%s", address);
	snprintf(note, sizeof(note), "%s%s", group->first->origin == ORIGIN_DNAT ? "translated · " : "",
		verdict_name(group->verdict));
	put_node(out, strcmp(group_class(group), "bad") == 0 ? "box bad" : "box", MIDDLE_X, y, GROUP_WIDTH,
		title, note);
}

static void put_arrows(struct buffer *out, const struct map *map, const struct group *group, size_t at)
{
	char text[64];
	int y = node_y(map, at, map->count);
	const char *class = group_class(group);
	bool fails = strcmp(class, "bad") == 0;
	for (unsigned i = 0; i < group->arrival.count; i++) {
		size_t node = node_of(map->devices, map->device_count, group->arrival.ifindex[i]);
		int from = node_y(map, node, map->device_count);
		svg_arrow(out, group->recent ? "good" : "quiet", LEFT_X + NODE_WIDTH + 2, from, MIDDLE_X - 3,
			y - 5, true);
	}
	for (unsigned i = 0; i < group->reply.count; i++) {
		size_t node = node_of(map->devices, map->device_count, group->reply.ifindex[i]);
		int to = node_y(map, node, map->device_count);
		svg_arrow(out, "bad dashed", MIDDLE_X - 3, y + 9, LEFT_X + NODE_WIDTH + 3, to + 10, true);
	}
	size_t target = node_of(map->targets, map->target_count, group->target);
	svg_arrow(out, fails ? "quiet" : class, MIDDLE_X + GROUP_WIDTH + 2, y, RIGHT_X - 3,
		node_y(map, target, map->target_count), true);
	if (group->failed && group->failed == group->recent)
		snprintf(text, sizeof(text), "%" PRIu64 " failed", group->failed);
	else if (group->failed)
		snprintf(text, sizeof(text), "%" PRIu64 ", %" PRIu64 " failed", group->recent, group->failed);
	else
		snprintf(text, sizeof(text), "%" PRIu64, group->recent);
	if (group->recent)
		svg_text(out, group->failed ? "label bad" : "label", ANCHOR_END, MIDDLE_X - 14, y - 12, 0,
			text);
	if (group->reply.count)
		svg_text(out, "note bad", ANCHOR_END, MIDDLE_X - 14, y + 25, 0, "replies");
}

static void map_put(struct buffer *out, const struct map *map, const struct facts *facts)
{
	buffer_format(out,
		"<p class=\"dim\">Devices by which requests come, service addresses, and where they are answered. "
		"Numbers: handshakes of the last minute. Red and dashed: replies by another device.</p>"
		"<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Map\"><svg class=\"map\" viewBox=\"0 0 %d "
		"%zu\" role=\"img\" aria-label=\"Map of this host: %zu devices, %zu groups of service addresses, %zu target "
		"networks; the table of service addresses below says the same\">",
		WIDTH, map_rows(map) * STEP + TOP + 8, map->device_count, map->count, map->target_count);
	svg_text(out, "head", ANCHOR_START, LEFT_X + 4, 20, 0, "Requests arrive on");
	svg_text(out, "head", ANCHOR_START, MIDDLE_X + 4, 20, 0, "for the service addresses");
	svg_text(out, "head", ANCHOR_START, RIGHT_X + 4, 20, 0, "answered behind");
	for (size_t i = 0; i < map->count; i++)
		put_arrows(out, map, &map->groups[i], i);
	for (size_t i = 0; i < map->count; i++)
		put_group(out, map, &map->groups[i], i);
	put_devices(out, map, facts);
	buffer_text(out, "</svg></div>");
	if (map->left_out)
		buffer_format(out, "<p class=\"dim\">%zu more service addresses are in the table below.</p>",
			map->left_out);
}

void page_put_map(struct buffer *out, const struct snapshot *snapshot)
{
	const struct facts *facts = snapshot->facts;
	buffer_text(out, "<section id=\"map\" class=\"card\"><h2>This host</h2>");
	if (facts->service_count == 0 || !snapshot->findings->verdicts.services) {
		buffer_text(out, "<p>No service address is known.</p></section>\n");
		return;
	}
	struct mapped *mapped = calloc(facts->service_count, sizeof(*mapped));
	struct map map = { .groups = calloc(facts->service_count, sizeof(*map.groups)) };
	if (mapped && map.groups) {
		find_replies(facts, mapped);
		map_fill(&map, snapshot, mapped);
		map_put(out, &map, facts);
	} else {
		out->failed = true;
	}
	free(mapped);
	free(map.groups);
	buffer_text(out, "</section>\n");
}
