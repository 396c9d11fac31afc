/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One connection, as conntrack has it now. A sweep's examples are as old as the sweep, which on a big table
 * may be minutes; this asks for exactly one entry by its tuple, which costs the kernel one hash lookup
 * however big the table is. A scan by client or service alone would cost a whole sweep: there is none here,
 * the examples say which connections there are.
 */

#include <stdbool.h>

#include "collectors/conntrack/conntrack_message.h"

#define CONNTRACK_TEXT_SIZE 1024

/* The tuple of an example's connection as its opener sent it. */
struct conntrack_tuple conntrack_example_tuple(
	const struct endpoint *endpoint, const struct flow_example *example);

/* Asks for the entry with this original tuple in `zone`; TCP, UDP and others with ports. `text`: the entry as
 * conntrack(8) prints it, cut if it is too long. Its socket lives for this call, in the calling thread's
 * namespace. 0, -ENOENT if there is none or conntrack is not in use, -EPERM without CAP_NET_ADMIN,
 * -EPROTONOSUPPORT for protocols without ports, or another negative errno; outputs are written on success
 * only. */
int conntrack_find(const char *procfs, const struct conntrack_tuple *original, uint16_t zone,
	struct conntrack_flow *out, char text[static CONNTRACK_TEXT_SIZE]);
