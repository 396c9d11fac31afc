/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>

#include "exporter/output/writer.h"

/* For people. 0 or -ENOMEM. */
int explain_write(FILE *out, const struct report_style *style, const struct explanation *explanation);
/* {"client","service","port","target","rule","device","steps":[{"step","outcome","text"}],"breaks_at","flow",
 * "conclusion","findings":[…],"trace"}; device, target, rule (that translates), breaks_at, flow and trace are
 * null where they mean nothing. trace: {"client","client_port","translated","target","target_port","end",
 * "place","table","chain","handle","rule","set","missing_element","steps":[{"table","chain","handle",
 * "verdict","rule"}],"explanation","remedy"}; null where it means nothing. New reference, or NULL. */
json_t *explain_json(const struct explanation *explanation);
