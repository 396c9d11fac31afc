/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Findings as series: which of them have one, and its labels. Metrics and the alerts that are sent to
 * Alertmanager are made from the same, so that an alert is the one that a rule makes from the metric. */

#include "alerts/finding.h"
#include "exporter/metrics/selection.h"

/* Of oneway_finding, in this order. */
#define FINDING_LABELS      "condition", "severity", "device", "address", "origin", "cause"
#define FINDING_LABEL_COUNT 6

struct finding_series {
	const struct finding *finding;
	char address[ADDRESS_TEXT_SIZE]; /* "" without service, as origin */
	const char *origin;
	const char *cause; /* "true": nobody's symptom */
};

/* Open, and not intended. */
bool finding_is_counted(const struct finding *finding);

/* The next finding at or after *position that is counted, whose address may be named, and which is the first
 * of its series: those that differ only by their target share one; by subject also those that differ by
 * severity or by having a cause. False: there is none. */
bool finding_series_next(const struct findings *findings, const struct selection *shown, bool by_subject,
	size_t *position, struct finding_series *out);

/* The finding that stands for all of its subject: itself, or an earlier one. */
const struct finding *finding_of_subject(const struct findings *findings, const struct finding *finding);
