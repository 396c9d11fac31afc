// SPDX-License-Identifier: GPL-2.0-or-later
/* For Nagios and what runs its plugins: one line of status with performance data, then what is wrong and what
 * heals it; https://nagios-plugins.org/doc/guidelines.html. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/base/buffer.h"
#include "exporter/base/text.h"
#include "exporter/base/unwatched.h"
#include "exporter/output/writer.h"

enum nagios_status { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };

static const char *const words[] = {
	[NAGIOS_OK] = "OK",
	[NAGIOS_WARNING] = "WARNING",
	[NAGIOS_CRITICAL] = "CRITICAL",
	[NAGIOS_UNKNOWN] = "UNKNOWN",
};

struct nagios_counts {
	size_t alarms[SEVERITIES];
};

static struct nagios_counts count_alarms(const struct findings *findings)
{
	struct nagios_counts counts = { 0 };
	for (size_t i = 0; i < findings->count; i++)
		if (finding_is_alarm(&findings->items[i]))
			counts.alarms[findings->items[i].severity]++;
	return counts;
}

/* What works, if not as it should, wakes nobody. */
static int nagios_status(const struct facts *facts, const struct findings *findings)
{
	if (!facts || !findings)
		return NAGIOS_UNKNOWN;
	const struct nagios_counts counts = count_alarms(findings);
	return counts.alarms[SEVERITY_CRITICAL]  ? NAGIOS_CRITICAL
	       : counts.alarms[SEVERITY_WARNING] ? NAGIOS_WARNING
	       : report_could_not_look(facts)    ? NAGIOS_UNKNOWN
						 : NAGIOS_OK;
}

/* In one line; a pipe, which would begin performance data wherever it stands, becomes a broken bar. */
static void put_safe(FILE *out, const char *text)
{
	static const struct replacement bars[] = { { '|', "\u00a6" }, { '\n', "\\n" }, { '\t', "\\t" },
		{ 0, NULL } };
	struct buffer safe = { 0 };
	buffer_escaped(&safe, text ? text : "", bars);
	fwrite(safe.data, 1, safe.failed ? 0 : safe.size, out);
	buffer_clear(&safe);
}

static void put_details(FILE *out, const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		if (!finding_is_alarm(finding))
			continue;
		fprintf(out, "%s %s: ", severity_name(finding->severity), finding->condition->name);
		put_safe(out, finding->summary);
		fputc('\n', out);
		if (finding->remedy_count)
			fprintf(out, "  remedy (%s):\n",
				finding->remedy_checked ? "checked by lookups" : "not checked");
		for (size_t j = 0; j < finding->remedy_count; j++) {
			fputs("    ", out);
			put_safe(out, finding->remedy[j]);
			fputc('\n', out);
		}
	}
}

static void put_unwatched(FILE *out, const struct facts *facts)
{
	struct unwatched_part part;
	for (size_t position = 0; unwatched_next(facts, &position, &part);) {
		bool all = strcmp(part.part, "all") == 0;
		fprintf(out, "%s %s: ", all ? "could not look" : "not watched", part.collector);
		if (!all)
			fprintf(out, "%" PRIu64 " ", part.count);
		put_safe(out, part.text);
		fprintf(out, all ? "\n" : " (%s)\n", part.reason);
	}
}

static int nagios_put_findings(FILE *out, const struct report_style *style, const struct facts *facts,
	const struct findings *findings)
{
	const int status = nagios_status(facts, findings);
	const struct nagios_counts counts = count_alarms(findings);
	size_t all = 0;
	(void)style;
	for (size_t i = 0; i < SEVERITIES; i++)
		all += counts.alarms[i];
	fprintf(out, "ONEWAY %s - ", words[status]);
	if (status == NAGIOS_UNKNOWN)
		fputs("devices or routes could not be read", out);
	else if (all == 0)
		fputs("no one-way connectivity found", out);
	/* the first alarm is the worst: findings are sorted so */
	for (size_t i = 0; status != NAGIOS_UNKNOWN && all && i < findings->count; i++) {
		if (!finding_is_alarm(&findings->items[i]))
			continue;
		fprintf(out, "%s: ", findings->items[i].condition->name);
		put_safe(out, findings->items[i].summary);
		break;
	}
	if (status != NAGIOS_UNKNOWN && all > 1)
		fprintf(out, ", and %zu more", all - 1);
	fprintf(out, " | critical=%zu;;0;0; warning=%zu;0;;0; info=%zu;;;0;\n",
		counts.alarms[SEVERITY_CRITICAL], counts.alarms[SEVERITY_WARNING],
		counts.alarms[SEVERITY_INFO]);
	put_details(out, findings);
	put_unwatched(out, facts);
	return 0;
}

static void nagios_put_failure(FILE *out, const char *message)
{
	fputs("ONEWAY UNKNOWN - ", out);
	put_safe(out, message);
	fputc('\n', out);
}

const struct writer nagios_writer = {
	.name = "nagios",
	.findings = nagios_put_findings,
	.failure = nagios_put_failure,
	.status = nagios_status,
};
