/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The page: what is wrong, why and what heals it, then the host's map, matrix, coverage, drops, changes and
 * last hour. HTML that is whole without JavaScript and loads nothing but page.css, page.js and icon.svg
 * beside it; page.js keeps it up to date by asking for the same page again. Any thread.
 */

#include "exporter/base/buffer.h"
#include "exporter/daemon/snapshot.h"

struct page_setting {
	const char *telemetry_path; /* where the link to the metrics leads */
	const char *host;           /* the host's name, or NULL */
	int64_t age_ns;             /* latest_snapshot_age_ns() */
};

/* snapshot is NULL before the first judgement. tag: of the page but for the time at its foot, so pages with
 * the same one show the same. 0 or -ENOMEM. */
int page_write(struct buffer *out, const struct snapshot *snapshot, const struct page_setting *setting,
	uint64_t *tag);

#define PAGE_POLICY                                                                                     \
	"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
