// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/announce.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "collectors/trace/trace.h"

static void say(
	const struct log *log, enum log_level level, const char *message, const struct finding *finding)
{
	char address[ADDRESS_TEXT_SIZE] = "";
	if (finding->has_service)
		address_format(&finding->address, address);
	log_at(log, level, message, { "condition", finding->condition->name },
		{ "severity", severity_name(finding->severity) }, { "device", finding->device_name },
		{ "address", address },
		{ "origin", finding->has_service ? origin_name(finding->origin) : "" },
		{ "summary", finding->summary }, { "cause", finding->cause },
		{ "intended", finding->intended ? "true" : "false" }, { "id", finding->id });
}

static enum log_level level_of(const struct finding *finding)
{
	bool alarm = finding_is_alarm(finding) && finding->severity != SEVERITY_INFO;
	return alarm ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
}

static const struct finding *find_open(const struct findings *findings, const char *id)
{
	const struct finding *found = findings ? findings_find(findings, id) : NULL;
	return found && found->open ? found : NULL;
}

static void say_opened(const struct log *log, const struct findings *before, const struct finding *finding)
{
	const struct finding *old = find_open(before, finding->id);
	if (!old)
		say(log, level_of(finding), "Finding opened", finding);
	else if (old->severity != finding->severity)
		say(log, level_of(finding), "Finding changed its severity", finding);
	else if (!*old->cause != !*finding->cause)
		say(log, level_of(finding), "Finding changed its cause", finding);
}

void announce_findings(const struct log *log, const struct findings *before, const struct findings *now)
{
	for (size_t i = 0; i < now->count; i++)
		if (now->items[i].open)
			say_opened(log, before, &now->items[i]);
	for (size_t i = 0; before && i < before->count; i++)
		if (before->items[i].open && !find_open(now, before->items[i].id))
			say(log, LOG_LEVEL_INFO, "Finding closed", &before->items[i]);
}

static bool is_same_rule(const struct nat_unread *a, const struct nat_unread *b)
{
	return a->handle == b->handle && a->table_family == b->table_family &&
	       strcmp(a->table, b->table) == 0 && strcmp(a->chain, b->chain) == 0 &&
	       strcmp(a->reason, b->reason) == 0;
}

static bool was_said(const struct nat_list *before, const struct nat_unread *unread)
{
	for (size_t i = 0; before && i < before->unread_count; i++)
		if (is_same_rule(&before->unread[i], unread))
			return true;
	return false;
}

void announce_unread_rules(const struct log *log, const struct facts *before, const struct facts *now)
{
	for (size_t i = 0; now->nat_rules && i < now->nat_rules->unread_count; i++) {
		const struct nat_unread *unread = &now->nat_rules->unread[i];
		char handle[24];
		snprintf(handle, sizeof(handle), "%llu", (unsigned long long)unread->handle);
		if (!was_said(before ? before->nat_rules : NULL, unread))
			log_warn(log, "Cannot read a rule that translates, ignoring it",
				{ "family", trace_family_name(unread->table_family) },
				{ "table", unread->table }, { "chain", unread->chain }, { "handle", handle },
				{ "reason", unread->reason });
	}
}

static uint64_t count_changes(const struct facts *facts)
{
	uint64_t count = 0;
	for (unsigned i = 0; facts && facts->changes && i < CHANGE_KINDS; i++)
		count += facts->changes->totals[i];
	return count;
}

void announce_changes(const struct log *log, const struct facts *before, const struct facts *now)
{
	const struct change_history *history = now->changes;
	uint64_t fresh = count_changes(now) - count_changes(before), said = 0;
	char more[24];
	for (size_t i = 0; fresh && i < history->count && said < ANNOUNCED_CHANGES; i++) {
		const struct change *change = history->items[i];
		if (change->monotonic_ns != now->monotonic_ns)
			continue;
		log_info(log, "Host changed", { "kind", change_kind_name(change->kind) },
			{ "event", change_event_name(change->event) }, { "text", change->text });
		said++;
	}
	snprintf(more, sizeof(more), "%llu", (unsigned long long)(fresh - said));
	if (fresh > said)
		log_info(log, "Host changed in more ways", { "changes", more });
}
