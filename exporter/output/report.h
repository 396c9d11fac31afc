/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Findings as people read them on a terminal. Names are printed with control characters escaped. */

#include <stdio.h>

#include "alerts/finding.h"
#include "collectors/facts.h"

struct report_style {
	bool colour;
	unsigned width; /* columns */
};

/* The open findings as finding_tree() nests them, intended ones last, and what was looked at. 0 or -ENOMEM.
 */
int report_write(FILE *out, const struct report_style *style, const struct facts *facts,
	const struct findings *findings);
/* The findings alone. 0 or -ENOMEM. */
int report_findings(FILE *out, const struct report_style *style, const struct facts *facts,
	const struct findings *findings);
/* How many findings it shows, not counting intended ones and what they explain. 0 or -ENOMEM. */
int report_count(const struct findings *findings, size_t *shown);
/* Devices or routes could not be read: without them there is nothing to judge, and finding nothing means
 * nothing. */
bool report_could_not_look(const struct facts *facts);
