// SPDX-License-Identifier: GPL-2.0-or-later
/* For people, on a terminal. */
#include <inttypes.h>

#include "exporter/base/wire_text.h"
#include "exporter/output/explain_report.h"
#include "exporter/output/writer.h"

/* What one line of the table says beside the count. */
static const char *const explanations[HANDSHAKE_OUTCOMES] = {
	[HANDSHAKE_COMPLETED] = "the SYN-ACK was acknowledged",
	[HANDSHAKE_REFUSED] = "an RST answered the SYN",
	[HANDSHAKE_ONE_WAY] = "SYN-ACK not acknowledged, and the SYN came again: the reply is lost",
	[HANDSHAKE_ABANDONED] = "SYN-ACK not acknowledged, and the SYN did not come again",
	[HANDSHAKE_UNANSWERED] = "neither SYN-ACK nor RST",
	[HANDSHAKE_RETURN_ONLY] = "SYN-ACK whose SYN is not in the file",
};

/* Of a file that could not be read at all the error says everything. */
static int text_capture(
	FILE *out, const struct report_style *style, const struct capture_summary *summary, const char *error)
{
	const struct handshake_report *report = summary->facts->handshakes;
	if (error && !summary->packets)
		return 0;
	fprintf(out, "%" PRIu64 " packets in %.1f s, %" PRIu64 " handshakes\n", summary->packets,
		(double)(summary->last_ns - summary->first_ns) / 1e9, outcomes_total(report->outcomes));
	for (unsigned i = 0; i < HANDSHAKE_OUTCOMES; i++)
		if (report->outcomes[i])
			fprintf(out, "%10" PRIu64 "  %-12s %s\n", report->outcomes[i],
				handshake_outcome_name((enum handshake_outcome)i), explanations[i]);
	if (summary->unread)
		fprintf(out, "%" PRIu64 " packets are cut off or malformed and were not looked at\n",
			summary->unread);
	if (summary->implausible)
		fprintf(out,
			"%" PRIu64 " packets have an implausible time stamp, far from those around them\n",
			summary->implausible);
	if (report->evicted)
		fprintf(out, "%" PRIu64 " handshakes were too many at once to be followed\n",
			report->evicted);
	size_t shown;
	int result = report_count(summary->findings, &shown);
	if (result == 0 && shown)
		fputc('\n', out);
	return result < 0 ? result : report_findings(out, style, summary->facts, summary->findings);
}

const struct writer text_writer = {
	.name = "text",
	.findings = report_write,
	.explanation = explain_write,
	.capture = text_capture,
};
