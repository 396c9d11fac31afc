// SPDX-License-Identifier: GPL-2.0-or-later
/* For the textfile collector of node_exporter: the metrics that oneway_exporter serves, without those that
 * count from the start of a process, which here lives for seconds. */
#include <string.h>

#include "exporter/metrics/families.h"
#include "exporter/output/writer.h"

/* As --metrics.max-addresses is for the exporter unless it is told otherwise. */
#define MAX_ADDRESSES 256

static int prometheus_put_findings(FILE *out, const struct report_style *style, const struct facts *facts,
	const struct findings *findings)
{
	const struct snapshot snapshot = { .facts = (struct facts *)(uintptr_t)facts,
		.findings = (struct findings *)(uintptr_t)findings };
	struct exposition exposition;
	struct metric_families families;
	struct buffer text = { 0 };
	size_t kept = 0;
	(void)style;
	int result = metric_families_make(&families);
	if (result < 0)
		return result;
	for (size_t i = 0; i < families.count; i++)
		if (families.items[i]->type == METRIC_GAUGE &&
			strncmp(families.items[i]->name, "oneway_", 7) == 0)
			families.items[kept++] = families.items[i];
	families.count = kept;
	result = exposition_make(&snapshot, NULL, MAX_ADDRESSES, &exposition);
	if (result == 0) {
		result = metrics_expose(&text, METRICS_TEXT, &families, &exposition);
		exposition_clear(&exposition);
	}
	if (result == 0)
		fwrite(text.data, 1, text.size, out);
	buffer_clear(&text);
	metric_families_clear(&families);
	return result;
}

/* What was found is in the file. */
static int prometheus_status(const struct facts *facts, const struct findings *findings)
{
	(void)findings;
	return facts && !report_could_not_look(facts) ? 0 : 2;
}

const struct writer prometheus_writer = {
	.name = "prometheus",
	.findings = prometheus_put_findings,
	.status = prometheus_status,
};
