// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/describe.h"

#include <inttypes.h>
#include <stdio.h>

#include "collectors/trace/trace.h"

const char *describe_failure(enum route_result result)
{
	static const char *const failures[] = {
		[ROUTE_NONE] = "there is no route for it",
		[ROUTE_UNREACHABLE] = "an unreachable route or rule rejects it",
		[ROUTE_PROHIBIT] = "a prohibit route or rule rejects it",
		[ROUTE_BLACKHOLE] = "a blackhole route or rule discards it",
		[ROUTE_RP_FILTER] =
			"reverse-path filtering drops it: the route back to its source leads elsewhere",
		[ROUTE_MARTIAN] = "its source is an address of this host",
		[ROUTE_NOT_FORWARDED] = "forwarding is off on the device it comes by",
		[ROUTE_FAILED] = NULL,
	};
	return failures[result];
}

const char *describe_mode(int mode)
{
	static const char *const modes[] = { "off", "strict", "loose" };
	return mode >= 0 && mode <= 2 ? modes[mode] : "unknown";
}

const char *describe_table(uint32_t table, char text[static TABLE_TEXT_SIZE])
{
	static const char *const names[] = { "default", "main", "local" };
	if (table >= 253 && table <= 255)
		return names[table - 253];
	snprintf(text, TABLE_TEXT_SIZE, "%u", table);
	return text;
}

const char *describe_service(const struct service *service, char text[static SERVICE_TEXT_SIZE])
{
	char address[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE];
	address_format(&service->address, address);
	if (service->origin != ORIGIN_DNAT)
		snprintf(text, SERVICE_TEXT_SIZE, "%s", address);
	else
		snprintf(text, SERVICE_TEXT_SIZE, "%s (to %s)", address,
			address_format(&service->target, target));
	return text;
}

const char *describe_place(const struct filter_place *place, char text[static NAT_RULE_TEXT_SIZE])
{
	const char *family = trace_family_name(place->family);
	int used = snprintf(text, NAT_RULE_TEXT_SIZE, "%s%s%s%s %s, chain %s",
		place->handle ? "" : "the policy of ", place->legacy ? family : "",
		place->legacy ? "tables-legacy table" : "table ", place->legacy ? "" : family, place->table,
		place->chain);
	if (place->handle && used > 0 && used < NAT_RULE_TEXT_SIZE)
		snprintf(text + used, NAT_RULE_TEXT_SIZE - (size_t)used, ", %s %" PRIu64,
			place->legacy ? "rule" : "handle", place->handle);
	return text;
}

const char *describe_nat_rule(const struct nat_rule *rule, char text[static NAT_RULE_TEXT_SIZE])
{
	const struct filter_place place = { .family = rule->table_family,
		.legacy = rule->legacy,
		.table = rule->table,
		.chain = rule->chain,
		.handle = rule->handle };
	return describe_place(&place, text);
}

static void add_destinations(const struct judge_context *context, struct path_span span, const char *key,
	bool seen, struct finding *finding)
{
	for (size_t i = 0; i < span.count; i++) {
		const struct path *path = context_path(context, span.paths[i]);
		if ((path->kind == DESTINATION_PEER) == seen &&
			!finding_add_address(finding, key, &path->destination))
			return;
	}
}

void describe_peers(const struct judge_context *context, struct path_span span, struct finding *finding)
{
	add_destinations(context, span, "peers", true, finding);
	add_destinations(context, span, "asked_for", false, finding);
}

void describe_addresses(const struct judge_context *context, struct path_span span, struct finding *finding)
{
	for (size_t i = 0; i < span.count; i++)
		if (!finding_add_address(
			    finding, "addresses", &context_service(context, span.paths[i])->address))
			return;
}

struct device_set describe_reply_devices(const struct judge_context *context, struct path_span span)
{
	struct device_set devices = { 0 };
	for (size_t i = 0; i < span.count; i++) {
		const struct route_answer *reply = &context_path(context, span.paths[i])->reply;
		for (unsigned j = 0; reply->result == ROUTE_FOUND && j < reply->devices.count; j++)
			device_set_add(&devices, reply->devices.ifindex[j]);
	}
	return devices;
}
