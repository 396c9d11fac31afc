/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "alerts/finding.h"
#include "alerts/verdict.h"
#include "exporter/metrics/selection.h"

/* One distinct set of label values of oneway_reply_route. */
struct reply_route {
	size_t service; /* position in facts->services */
	int arrival;
	struct device_set reply;
	enum verdict verdict;
};

/* Paths that differ only by destination, ports or mark are one; sorted by service and arrival device.
 * Services whose address is not selected are left out. *out is the caller's to free. 0 or -ENOMEM. */
int reply_routes_make(const struct facts *facts, const struct verdicts *verdicts,
	const struct selection *addresses, struct reply_route **out, size_t *count);
