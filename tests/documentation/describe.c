// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints what the documentation must agree with, a line each, cells separated by tabs. */
#include <stdio.h>

#include "alerts/finding.h"
#include "alerts/settings.h"
#include "exporter/alertmanager/alert.h"
#include "exporter/metrics/families.h"

static const char *const types[] = {
	[METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_HISTOGRAM] = "histogram"
};

static int print_metrics(void)
{
	struct metric_families families;
	if (metric_families_make(&families) < 0)
		return 1;
	for (size_t i = 0; i < families.count; i++) {
		const struct metric_family *family = families.items[i];
		printf("metric\t%s\t%s\t", family->name, types[family->type]);
		for (const char *const *label = family->labels; *label; label++)
			printf("%s%s", label == family->labels ? "" : ", ", *label);
		printf("\t%s\n", family->help);
	}
	metric_families_clear(&families);
	return 0;
}

/* The alert that is sent of a finding of each condition, of which nothing else is known. */
static int print_alerts(void)
{
	const struct alert_sender_options options = {
		.instance = "", .generator_url = "", .runbook_url = "RUNBOOKS/"
	};
	const struct selection none = { 0 };
	struct alert_sender sender;
	char message[128];
	int result = alert_sender_make(&options, &sender, message, sizeof(message));
	for (size_t i = 0; result == 0 && conditions[i]; i++) {
		struct findings *findings = findings_new();
		struct alert_list list = { 0 };
		if (!findings)
			return 1;
		findings_add(findings, conditions[i])->open = true;
		result = alert_list_make(findings, &none, &sender, &list);
		for (size_t j = 0; j < list.count; j++)
			printf("alert\t%s\t%s\t%s\n", conditions[i]->name, list.items[j].labels,
				list.items[j].annotations);
		alert_list_clear(&list);
		findings_free(findings);
	}
	if (result == 0)
		alert_sender_clear(&sender);
	return result < 0;
}

int main(void)
{
	if (print_metrics() || print_alerts())
		return 1;
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
