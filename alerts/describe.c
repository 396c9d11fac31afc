// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/describe.h"

#include <stdio.h>

#define LIST_SIZE 8

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

/* A short list of distinct addresses. */
struct list {
	struct address items[LIST_SIZE];
	unsigned count;
};

static void list_add(struct list *list, const struct address *address)
{
	for (unsigned i = 0; i < list->count; i++)
		if (address_equal(&list->items[i], address))
			return;
	if (list->count < LIST_SIZE)
		list->items[list->count++] = *address;
}

static void list_write(const struct list *list, const char *key, struct finding *finding)
{
	char text[ADDRESS_TEXT_SIZE];
	for (unsigned i = 0; i < list->count; i++)
		finding_add_item(finding, key, address_format(&list->items[i], text));
}

void describe_peers(const struct judge_context *context, struct path_span span, struct finding *finding)
{
	struct list seen = { 0 }, asked = { 0 };
	for (size_t i = 0; i < span.count; i++) {
		const struct path *path = context_path(context, span.paths[i]);
		list_add(path->kind == DESTINATION_PEER ? &seen : &asked, &path->destination);
	}
	list_write(&seen, "peers", finding);
	list_write(&asked, "asked_for", finding);
}

void describe_addresses(const struct judge_context *context, struct path_span span, struct finding *finding)
{
	struct list list = { 0 };
	for (size_t i = 0; i < span.count; i++)
		list_add(&list, &context_service(context, span.paths[i])->address);
	list_write(&list, "addresses", finding);
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
