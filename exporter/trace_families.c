// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/trace_families.h"

#include <stdio.h>

#include "collectors/trace.h"

#define TABLE_SIZE 280

/* Those that found no row of their own have empty labels. */
static void emit_drops(struct metrics *metrics, const struct trace_drops *drops)
{
	char table[TABLE_SIZE] = "", rule[24] = "";
	if (drops->table_family) {
		snprintf(table, sizeof(table), "%s %s", trace_family_name(drops->table_family), drops->table);
		snprintf(rule, sizeof(rule), "%llu", (unsigned long long)drops->handle);
	}
	metrics_add(metrics, (double)drops->packets, table, drops->chain,
		drops->table_family && !drops->handle ? "policy" : rule);
}

void emit_trace_drops(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	for (size_t i = 0; facts && i < facts->trace_drop_count; i++)
		emit_drops(metrics, &facts->trace_drops[i]);
}
