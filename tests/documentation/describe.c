// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints what the documentation must agree with, a line each, cells separated by tabs. */
#include <stdio.h>

#include "alerts/finding.h"
#include "alerts/settings.h"
#include "exporter/families.h"

static void print_metrics(void)
{
	static const char *const types[] = {
		[METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_HISTOGRAM] = "histogram"
	};
	size_t count;
	const struct metric_family *families = metrics_families(&count);
	for (size_t i = 0; i < count; i++) {
		printf("metric\t%s\t%s\t", families[i].name, types[families[i].type]);
		for (const char *const *label = families[i].labels; *label; label++)
			printf("%s%s", label == families[i].labels ? "" : ", ", *label);
		printf("\t%s\n", families[i].help);
	}
}

int main(void)
{
	print_metrics();
	for (size_t i = 0; conditions[i]; i++)
		printf("condition\t%s\t%s\t%s\n", conditions[i]->name, conditions[i]->help,
			conditions[i]->severity);
	for (size_t i = 0; i < threshold_count; i++)
		printf("threshold\t%s\t%g\t%s\n", threshold_table[i].name, threshold_table[i].initial,
			threshold_table[i].help);
	for (int i = 0; i < HANDSHAKE_OUTCOMES; i++)
		printf("outcome\t%s\n", handshake_outcome_name((enum handshake_outcome)i));
	return 0;
}
