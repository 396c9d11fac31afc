/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The parts of the page, each an element that stands alone: page.js replaces what has changed in it. */

#include "alerts/finding_tree.h"
#include "exporter/base/buffer.h"
#include "exporter/daemon/snapshot.h"

struct page_rows {
	struct finding_row *items;
	size_t count;
	size_t severities[SEVERITIES]; /* open ones that nothing else explains and nobody declared */
};

/* "All is well", or how many incidents; and what is not watched. */
void page_put_verdict(
	struct buffer *out, const struct snapshot *snapshot, const struct page_rows *rows, int64_t age_ns);
/* The cards, those that are declared as intended behind the others. */
void page_put_findings(struct buffer *out, const struct snapshot *snapshot, const struct page_rows *rows);
void page_put_evidence(
	struct buffer *out, const struct facts *facts, const struct finding_row *row, size_t symptoms);
void page_put_map(struct buffer *out, const struct snapshot *snapshot);
/* Handshakes by the devices of SYN and SYN-ACK. */
void page_put_matrix(struct buffer *out, const struct snapshot *snapshot);
void page_put_coverage(struct buffer *out, const struct snapshot *snapshot);
void page_put_drops(struct buffer *out, const struct snapshot *snapshot);
void page_put_changes(struct buffer *out, const struct snapshot *snapshot);
/* Of a finding's or all: newest first as they are given. */
void page_put_change_list(
	struct buffer *out, int64_t now_ns, const struct change *const *changes, size_t count);
void page_put_timeline(struct buffer *out, const struct snapshot *snapshot);
