/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The open findings as every report shows them: each beneath the finding that explains it. */

#include "alerts/finding.h"

struct finding_row {
	const struct finding *finding;
	unsigned depth; /* 0: no open finding explains it; rows that are deeper stand beneath it */
	bool intended;  /* it is, or what explains it in the end: that brings about nothing that is not meant
			 */
};

/* One row for each open finding, in the order of the findings but for symptoms, which follow their cause. One
 * whose cause is not open stands alone, as does one that is intended while its cause is not; of findings that
 * explain each other in a circle the first does. 0, and *rows is the caller's to free(); or -ENOMEM. */
int finding_tree(const struct findings *findings, struct finding_row **rows, size_t *count);
