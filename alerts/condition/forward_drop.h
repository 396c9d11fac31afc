/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "alerts/finding.h"
#include "collectors/trace/trace.h"

/* What a trace says by itself: explanation and remedy alone, for one that did not get through. */
void forward_drop_tell(const struct trace *trace, struct finding *finding);
