/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The nftables table that arms a trace: one rule that marks the requests for one service, a few a second, and
 * empty chains that say where a marked packet is. The table has the owner flag (Linux 5.12): it belongs to
 * the socket that made it, is gone with it, and nobody else can change it. No rule in it looks at connection
 * tracking, which would switch that on.
 */

#include "collectors/trace/trace.h"

/* Who is traced: requests for a service. */
struct trace_subject {
	struct address address;
	uint16_t port;
	int arrival;           /* ifindex by which they come; 0: this host opens them */
	struct address client; /* none: anybody */
};

bool trace_subject_equal(const struct trace_subject *a, const struct trace_subject *b);

#define TRACE_TABLE_PREFIX    "oneway_trace_"
#define TRACE_TABLE_NAME_SIZE 32
#define TRACE_TABLE_TEXT_SIZE 2048

/* The commands that make it, for nft. name: letters, digits and underscores. */
const char *trace_table_make(
	const char *name, const struct trace_subject *subject, char text[static TRACE_TABLE_TEXT_SIZE]);
/* The command that takes it away. */
const char *trace_table_remove(const char *name, char text[static TRACE_TABLE_TEXT_SIZE]);

/* The place that a chain of the table stands for; false if it has no such chain. */
bool trace_table_place(const char *chain, enum trace_place *place);
