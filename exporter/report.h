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

/* The open findings, causes with their symptoms beneath, intended ones last; or what was looked at when there
 * are none. */
void report_write(FILE *out, const struct report_style *style, const struct facts *facts,
	const struct findings *findings);
/* The findings alone. */
void report_findings(FILE *out, const struct report_style *style, const struct facts *facts,
	const struct findings *findings);
/* How many findings it shows, not counting intended ones. */
size_t report_count(const struct findings *findings);
/* Devices or routes could not be read: without them there is nothing to judge, and finding nothing means
 * nothing. */
bool report_could_not_look(const struct facts *facts);
