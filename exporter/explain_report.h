/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "exporter/explain.h"
#include "exporter/report.h"

/* For people. */
void explain_write(FILE *out, const struct report_style *style, const struct explanation *explanation);
/* {"client","service","port","target","device","steps":[{"step","outcome","text"}],"breaks_at","flow",
 * "conclusion","findings":[…],"trace"}; device, target, breaks_at, flow and trace (exporter/explain_trace.h)
 * are null where they mean nothing. New reference, or NULL. */
json_t *explain_json(const struct explanation *explanation);
