/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the wire showed to fail stays in the handshake report for a minute. It is over as soon as the same is
 * seen to succeed after it, and nothing fails for RECOVERED_NS after its last packet: a fault that takes some
 * of the flows shows itself again within that time, over and over. A client that hangs is disproved only by
 * one of its own network, at the same port: others may have another way back. What is counted, and not known
 * one by one, is disproved by anybody, once no client that hangs is left.
 */

#include "alerts/finding.h"
#include "alerts/judge_context.h"

#define RECOVERED_NS (5 * INT64_C(1000000000))

/* Lets the context show a copy of the report without what is over: of its suspects, echo suspects and rows'
 * counts. The rest is shared with the original. Does nothing without a report. 0 or -ENOMEM; the context
 * frees the copy in either case. */
int recovered_omit(struct judge_context *context);

/* For struct condition: connections completed since the finding last held, or a little before, as what failed
 * is omitted only RECOVERED_NS later. That come in by its device, to its address if it has one; without, also
 * such as this host opens by that device. */
bool recovered_at_vantage(const struct judge_context *context, const struct finding *finding);
/* The same by whatever device. */
bool recovered_at_address(const struct judge_context *context, const struct finding *finding);
/* Its address answered this host. */
bool recovered_in_answers(const struct judge_context *context, const struct finding *finding);
