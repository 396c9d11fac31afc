/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What one walk over the conntrack table adds up to. Of fixed size, whatever the table's. */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "collectors/conntrack/conntrack_message.h"
#include "collectors/conntrack/endpoint_table.h"
#include "collectors/device/address_set.h"
#include "collectors/facts.h"

struct conntrack_sweep {
	uint64_t flows[NAT_KINDS][NAT_PROTOCOLS][NAT_STATES];
	uint64_t entries;
	struct endpoint_table *endpoints;
};

/* Empty, or NULL when memory is out. */
struct conntrack_sweep *conntrack_sweep_new(void);
/* Accepts NULL. */
void conntrack_sweep_free(struct conntrack_sweep *sweep);

/* Starts anew, on top of the endpoints that `before` remembers. */
void conntrack_sweep_begin(
	struct conntrack_sweep *sweep, const struct conntrack_sweep *before, int64_t now_ns);

/* Folds one entry in. `local`: the addresses of this host. Endpoints are made by flows that leave the host:
 * none with a loopback, multicast or broadcast address at either end. */
void conntrack_sweep_add(
	struct conntrack_sweep *sweep, const struct address_set *local, const struct conntrack_flow *flow);

/* Whether the judge would see a difference from `before`. */
bool conntrack_sweep_end(struct conntrack_sweep *sweep);
