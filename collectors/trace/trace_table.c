// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/trace_table.h"

#include <stdio.h>
#include <string.h>

#define FIRST (-2147483647)
#define LAST  2147483646
/* Before raw (-300), where others may already drop or mark as untracked. */
#define MARKING (-350)

enum trace_use { ALWAYS, MARKS_ARRIVING, MARKS_OPENING };

/* Where a packet is when it passes the chain. */
static const struct trace_chain {
	const char *name, *hook;
	int priority;
	enum trace_place place;
	enum trace_use use;
} chains[] = {
	{ "arriving", "prerouting", MARKING, TRACE_ARRIVING, MARKS_ARRIVING },
	{ "opening", "output", MARKING, TRACE_OPENING, MARKS_OPENING },
	{ "routing", "prerouting", LAST, TRACE_ROUTING, ALWAYS },
	{ "entering", "input", FIRST, TRACE_ENTERING, ALWAYS },
	{ "delivered", "input", LAST, TRACE_THROUGH, ALWAYS },
	{ "forwarding", "forward", FIRST, TRACE_FORWARDING, ALWAYS },
	{ "leaving", "postrouting", FIRST, TRACE_LEAVING, ALWAYS },
	{ "sent", "postrouting", LAST, TRACE_THROUGH, ALWAYS },
};

#define CHAINS (sizeof(chains) / sizeof(*chains))

bool trace_subject_equal(const struct trace_subject *a, const struct trace_subject *b)
{
	return a->port == b->port && a->arrival == b->arrival && address_equal(&a->address, &b->address) &&
	       address_equal(&a->client, &b->client);
}

const char *trace_table_make(
	const char *name, const struct trace_subject *subject, char text[static TRACE_TABLE_TEXT_SIZE])
{
	enum trace_use marking = subject->arrival ? MARKS_ARRIVING : MARKS_OPENING;
	char address[ADDRESS_TEXT_SIZE], client[ADDRESS_TEXT_SIZE], device[32] = "", from[80] = "";
	const char *family = subject->address.family == AF_INET ? "ip" : "ip6";
	size_t used = (size_t)snprintf(
		text, TRACE_TABLE_TEXT_SIZE, "create table inet %s { flags owner; }\n", name);
	for (size_t i = 0; i < CHAINS; i++)
		if (chains[i].use == ALWAYS || chains[i].use == marking)
			used += (size_t)snprintf(text + used, TRACE_TABLE_TEXT_SIZE - used,
				"add chain inet %s %s { type filter hook %s priority %d; policy accept; }\n",
				name, chains[i].name, chains[i].hook, chains[i].priority);
	/* Devices by number: a name may hold anything. */
	if (subject->arrival)
		snprintf(device, sizeof(device), " meta iif %d", subject->arrival);
	if (!address_is_none(&subject->client))
		snprintf(
			from, sizeof(from), " %s saddr %s", family, address_format(&subject->client, client));
	snprintf(text + used, TRACE_TABLE_TEXT_SIZE - used,
		"add rule inet %s %s%s%s %s daddr %s tcp dport %u tcp flags & (syn | ack) == syn "
		"limit rate 5/second meta nftrace set 1\n",
		name, subject->arrival ? "arriving" : "opening", device, from, family,
		address_format(&subject->address, address), subject->port);
	return text;
}

const char *trace_table_remove(const char *name, char text[static TRACE_TABLE_TEXT_SIZE])
{
	snprintf(text, TRACE_TABLE_TEXT_SIZE, "delete table inet %s\n", name);
	return text;
}

bool trace_table_place(const char *chain, enum trace_place *place)
{
	for (size_t i = 0; i < CHAINS; i++)
		if (strcmp(chains[i].name, chain) == 0) {
			*place = chains[i].place;
			return true;
		}
	return false;
}
