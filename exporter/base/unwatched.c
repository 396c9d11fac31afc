// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/base/unwatched.h"

static uint64_t devices_omitted(const struct facts *facts)
{
	return facts->handshakes ? facts->handshakes->devices_omitted : 0;
}

static uint64_t pairs_omitted(const struct facts *facts)
{
	return facts->handshakes ? facts->handshakes->pairs_omitted : 0;
}

static uint64_t services_omitted(const struct facts *facts)
{
	return facts->handshakes ? facts->handshakes->services_omitted : 0;
}

static uint64_t endpoints_omitted(const struct facts *facts)
{
	return facts->conntrack.endpoints_omitted;
}

static uint64_t rules_unread(const struct facts *facts)
{
	return facts->nat_rules ? facts->nat_rules->unread_total : 0;
}

static const struct limit {
	const char *collector, *part, *reason;
	uint64_t (*count)(const struct facts *facts);
	const char *text;
} limits[] = {
	{ "handshake", "device_counters", "limit", devices_omitted,
		"devices found no counters of their own since start" },
	{ "handshake", "pair_counters", "limit", pairs_omitted,
		"pairs of devices found no counters of their own since start" },
	{ "handshake", "services", "limit", services_omitted,
		"service addresses were forgotten since start to make room for others" },
	{ "conntrack", "endpoints", "limit", endpoints_omitted,
		"flows found no room for their address since start" },
	{ "natrules", "rules", "unread", rules_unread, "rules translate, but to what could not be read" },
};

#define LIMITS (sizeof(limits) / sizeof(*limits))

static bool part_at(const struct facts *facts, size_t position, struct unwatched_part *out)
{
	if (position < facts->collector_count) {
		const struct collector_status *status = &facts->collectors[position];
		*out = (struct unwatched_part){ status->name, "all",
			status->reason ? status->reason : "error", 1, status->error };
		return !status->success;
	}
	position -= facts->collector_count;
	if (position < UNWATCHED_REASONS) {
		*out = (struct unwatched_part){ "handshake", "devices",
			unwatched_name((enum unwatched)position), facts->unwatched[position],
			"devices that are up and wanted are not captured on" };
		return out->count > 0;
	}
	const struct limit *limit = &limits[position - UNWATCHED_REASONS];
	*out = (struct unwatched_part){ limit->collector, limit->part, limit->reason, limit->count(facts),
		limit->text };
	return out->count > 0;
}

bool unwatched_next(const struct facts *facts, size_t *position, struct unwatched_part *out)
{
	while (*position < facts->collector_count + UNWATCHED_REASONS + LIMITS)
		if (part_at(facts, (*position)++, out))
			return true;
	return false;
}
