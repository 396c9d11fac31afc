/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What rp_filter.c found, for the remedy. */

#include "alerts/finding.h"
#include "alerts/scene.h"

struct drop_case {
	const struct scene *scene;
	const struct device *device; /* NULL: one of `candidates` */
	struct device_set candidates;
	struct path_span span; /* whose packets are dropped, at least one */
	bool counted;
	bool supposed; /* that drops were counted on the device is all that tells of such packets there */
};

/* Adds the commands that let the packets in, or why there are none; of a known device. */
void rp_filter_add_remedy(const struct drop_case *drop_case, struct finding *finding);
