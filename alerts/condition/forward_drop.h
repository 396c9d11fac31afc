/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What forward_drop.c decides and forward_drop_text.c puts into words. */

#include "alerts/finding.h"
#include "alerts/scene.h"
#include "collectors/firewall/translation.h"
#include "collectors/trace/trace.h"

/* Requests for a translated service that come in and get no further. */
struct forward_drop {
	const struct handshake_silence *silence;
	const struct trace *trace; /* what became of one of them, or NULL */
	struct translation translation;
	struct address target; /* the address itself if it is not known */
	uint16_t target_port;  /* 0: not known */
};

/* What a trace says by itself: explanation and remedy alone, for one that did not get through. */
void forward_drop_tell(const struct trace *trace, struct finding *finding);

/* Fills in texts, evidence and remedy; adds to them if the finding has some of another port already. */
void forward_drop_describe(
	const struct facts *facts, const struct forward_drop *drop, struct finding *finding);
