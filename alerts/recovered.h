/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the wire showed to fail stays in the handshake report for a minute. It is over as soon as the same is
 * seen to succeed, later than the last packet that failed by RECOVERED_NS: a fault that takes some of the
 * flows shows itself again within that time, over and over, and a finding stays open as long as it does.
 */

#include "alerts/judge_context.h"

#define RECOVERED_NS (5 * INT64_C(1000000000))

/* Lets the context show a copy of the report without what is over: of its suspects, echo suspects and rows'
 * counts. The rest is shared with the original. Does nothing without a report. 0 or -ENOMEM; the context
 * frees the copy in either case. */
int recovered_omit(struct judge_context *context);
