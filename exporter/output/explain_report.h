/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "alerts/connection_path.h"
#include "exporter/cli/explain_trace.h"
#include "exporter/output/report.h"

struct explanation {
	struct connection_path connection;
	struct findings *findings;   /* what the judge says of it, with the remedy */
	char *flow;                  /* a connection of the service as conntrack(8) prints it, or NULL */
	struct explain_trace *trace; /* of a request, or NULL */
};

/* The finding's commands beneath a title, if there are any. */
void explain_write_commands(FILE *out, const char *title, const struct finding *finding);
/* For people. 0 or -ENOMEM. */
int explain_write(FILE *out, const struct report_style *style, const struct explanation *explanation);
/* {"client","service","port","target","rule","device","steps":[{"step","outcome","text"}],"breaks_at","flow",
 * "conclusion","findings":[…],"trace"}; device, target, rule (that translates), breaks_at, flow and trace
 * (exporter/cli/explain_trace.h) are null where they mean nothing. New reference, or NULL. */
json_t *explain_json(const struct explanation *explanation);
