/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Content negotiation (RFC 9110, 12.4 and 12.5) for the two text formats and gzip. Headers come from anyone:
 * what cannot be read is passed over, and nothing of them is ever reflected.
 */

#include <stdbool.h>

#include "exporter/metrics/metrics.h"

struct negotiated {
	enum metrics_format format;
	const char *content_type; /* static */
};

/* accept: the header's value, or NULL if there is none. Text 0.0.4 unless OpenMetrics 1.0.0 is wanted more,
 * or is named and wanted as much. */
struct negotiated negotiate_format(const char *accept);

/* accept_encoding: the header's value, or NULL. True if gzip may be sent and identity is not preferred. */
bool negotiate_gzip(const char *accept_encoding);
